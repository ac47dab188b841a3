"""Names of the partitions of a study that analyses read: counts, sample sheet, and what was measured."""

from __future__ import annotations

from resistance_assets.orchestration.partitions import partition_of


def counts_address(study_id: str) -> str:
    """Partition of a study's read counts."""
    return partition_of("raw.studies__gene_sample_counts", study_id)


def samples_address(study_id: str) -> str:
    """Partition of a study's sample sheet."""
    return partition_of("raw.studies__samples", study_id)


def measurements_address(study_id: str) -> str:
    """Partition that says what a public study turned out to be measured as."""
    return partition_of("raw.studies__measurements", study_id)
