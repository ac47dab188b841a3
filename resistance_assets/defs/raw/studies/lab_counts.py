"""Read counts of a laboratory's study."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.lab_study.rows import WARNINGS, samples_as_table, warnings_as_table
from resistance_assets.connectors.lab_study.study import read_counts_study
from resistance_assets.defs.resources import study_external_inputs, study_source
from resistance_assets.orchestration.partitions import partition_of, rejected_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step


def counts_study_step(local: LocalStudy) -> Step:
    """Counts and sample sheet of one laboratory study."""
    counts_table, samples_table = TABLES["raw.studies__gene_sample_counts"], TABLES["raw.studies__samples"]
    counts_address, samples_address, warnings_address = (
        partition_of(table.address, local.id) for table in (counts_table, samples_table, WARNINGS)
    )
    rejected = rejected_of(counts_address)
    study_id = local.id

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        found = read_counts_study(local)
        return {
            counts_address: found.counts.unpivot(
                index="feature_id", variable_name="sample_id", value_name="read_count"
            ).with_columns(study_id=pl.lit(study_id)).sort("feature_id", "sample_id"),
            samples_address: samples_as_table(found.samples, study_id),
            warnings_address: warnings_as_table(found.warnings, study_id),
            rejected: rejected_as_table(
                [(counts_table.address, found.rejected_features), (samples_table.address, found.rejected_cells)]
            ),
        }  # fmt: skip

    return table_step(
        outputs={
            counts_address: counts_table,
            samples_address: samples_table,
            warnings_address: WARNINGS,
            rejected: REJECTED,
        },
        compute=compute,
        parameters={
            "study": local.study.model_dump(mode="json"),
            "survival": local.survival.model_dump() if local.survival else None,
            "contrasts": [
                c.model_dump(mode="json", include={"factor", "numerator", "denominator", "fit_all_levels"})
                for c in local.contrasts
            ],
        },
        external_inputs=study_external_inputs(local),
        sources=[study_source(local.id)],
        kinds=["python", "study"],
        tags={"study": local.id},
    )


def study_steps(local: LocalStudy, registry: Registry) -> list[Step]:
    """Counts and samples of a study."""
    return [counts_study_step(local)]
