"""Names of shares that more than one module of assets needs: who makes them and who stacks them.

Here belong addresses only; what makes a share is in the module of its source.
"""

from __future__ import annotations

from resistance_assets.catalog.registry import Registry
from resistance_assets.orchestration.partitions import partition_of

FURTHER_MATRICES = ("z_scores", "log2_copy_number", "protein", "methylation")
"""Matrices of a cBioPortal archive besides those in use."""

FURTHER_TABLES = {
    "z_scores": "raw.cbioportal__mrna_z_scores",
    "log2_copy_number": "raw.cbioportal__log2_copy_number_values",
    "protein": "raw.cbioportal__protein_values",
    "methylation": "raw.cbioportal__methylation_values",
    "mutations": "raw.cbioportal__mutations",
    "structural_variants": "raw.cbioportal__structural_variants",
    "timeline": "raw.cbioportal__timeline",
}
"""What else an archive holds -> the table that it ends in."""


def further_address(cohort_id: str, kind: str) -> str:
    """Share of one archive in a table of `FURTHER_TABLES`."""
    return partition_of(f"cbioportal_{kind}", cohort_id)


def further_rejected_address(cohort_id: str, kind: str) -> str:
    """Rows of it that were set aside."""
    return partition_of(f"rejected_{kind}", cohort_id)


def expression_values_address(registry: Registry, cohort_id: str) -> str:
    """Long table of a cohort's expression values as its source has them, normal tissue included."""
    connector = registry.sources[registry.cohorts[cohort_id].source].connector
    return f"parts.{'xena_expression' if connector == 'xena' else 'cbioportal_mrna'}__{cohort_id}"


def gene_sets_address(collection_id: str) -> str:
    return partition_of("gene_sets", collection_id.lower())


def interactions_address(source_id: str) -> str:
    return partition_of("interactions", source_id)


def rejected_address(name: str) -> str:
    return partition_of("rejected", name.lower())


def share_address(name: str, study_id: str) -> str:
    return partition_of(f"study_{name}", study_id)


def rejected_share(study_id: str) -> str:
    return partition_of("rejected", f"study_{study_id}")
