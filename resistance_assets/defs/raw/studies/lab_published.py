"""Published tables of differential expression of a laboratory's study."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.lab_study.study import read_published_study
from resistance_assets.defs.resources import study_external_inputs, study_source
from resistance_assets.orchestration.partitions import partition_of, rejected_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step


def published_study_step(local: LocalStudy) -> Step:
    """Published differential-expression tables of one laboratory study."""
    table = TABLES["raw.studies__published_results"]
    address = partition_of(table.address, local.id)
    rejected = rejected_of(address)
    contrasts = local.contrasts
    study_id = local.id

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        results, set_aside = read_published_study(local)
        return {
            address: results.rename({"feature": "feature_id"}).with_columns(study_id=pl.lit(study_id)),
            rejected: rejected_as_table([(table.address, set_aside)]),
        }

    return table_step(
        outputs={address: table, rejected: REJECTED},
        compute=compute,
        parameters=[
            {"id": c.id, "table": c.table, "columns": c.columns.model_dump(), "scale": c.fold_change_scale}
            for c in contrasts
        ],
        external_inputs=study_external_inputs(local),
        sources=[study_source(local.id)],
        kinds=["python", "study"],
        tags={"study": local.id},
    )


def study_steps(local: LocalStudy, registry: Registry) -> list[Step]:
    """Published results of a study."""
    return [published_study_step(local)]
