"""Cohorts of UCSC Xena: a matrix and a table of follow-up, each a source of its own."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.models.source import Source
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.cbioportal.rows import matrix_rows
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.xena import ENDPOINTS, read_xena_matrix, read_xena_survival
from resistance_assets.defs.resources import fetch_inputs
from resistance_assets.orchestration.partitions import partition_of, rejected_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_files.spooled_rows import Rows, spool
from resistance_assets.orchestration.table_steps import table_step

VALUES = TABLES["raw.xena__expression_values"]
FOLLOW_UP = TABLES["raw.xena__sample_endpoints"]


def expression_step(cohort: Cohort, source: Source) -> Step:
    """The matrix of one cohort."""
    own = partition_of(VALUES.address, cohort.id)
    set_aside = rejected_of(own)
    cohort_id, data_set, source_id = cohort.id, cohort.expression_profiles[0], source.id

    def compute(inputs: Inputs) -> Mapping[str, Rows]:
        matrix, rejected = read_xena_matrix(inputs.external_inputs[source_id].path)
        keyed = matrix.select("gene_symbol", pl.col("gene_symbol").alias("hugo_symbol"), pl.exclude("gene_symbol"))
        return {
            own: spool(matrix_rows(keyed, cohort_id, data_set, VALUES)),
            set_aside: rejected_as_table([(VALUES.address, rejected)]),
        }

    return table_step(
        outputs={own: VALUES, set_aside: REJECTED},
        compute=compute,
        parameters={"cohort": cohort_id, "data_set": data_set},
        external_inputs=fetch_inputs(source),
        sources=[source.id],
        kinds=["python", "xena"],
        tags={"cohort": cohort_id},
    )


def endpoints_as_rows(survival: pl.DataFrame) -> pl.DataFrame:
    """The host's table, one row per sample and endpoint that it says something of."""
    rows = pl.concat(
        survival.select(
            "sample_id",
            "patient_id",
            pl.lit(endpoint).alias("endpoint"),
            pl.col(f"{endpoint.lower()}_event").alias("event_observed"),
            pl.col(f"{endpoint.lower()}_days").alias("time_days"),
            "redaction",
        )
        for endpoint in ENDPOINTS
    )
    told = pl.col("event_observed").is_not_null() | pl.col("time_days").is_not_null()
    return rows.filter(told).sort("sample_id", "endpoint")


def follow_up_step(cohort: Cohort, source: Source) -> Step:
    """The table of follow-up of one cohort."""
    own = partition_of(FOLLOW_UP.address, cohort.id)
    set_aside = rejected_of(own)
    cohort_id, source_id = cohort.id, source.id

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        survival, rejected = read_xena_survival(inputs.external_inputs[source_id].path)
        return {
            own: endpoints_as_rows(survival).with_columns(study_id=pl.lit(cohort_id)),
            set_aside: rejected_as_table([(FOLLOW_UP.address, rejected)]),
        }

    return table_step(
        outputs={own: FOLLOW_UP, set_aside: REJECTED},
        compute=compute,
        parameters={"cohort": cohort_id},
        external_inputs=fetch_inputs(source),
        sources=[source.id],
        kinds=["python", "xena"],
        tags={"cohort": cohort_id},
    )


def steps(registry: Registry) -> list[Step]:
    """Both partitions of every cohort of the host, and their unions."""
    cohorts = [c for c in registry.cohorts.values() if registry.sources[c.source].connector == "xena"]
    made: list[Step] = []
    for cohort in cohorts:
        made.append(expression_step(cohort, registry.sources[cohort.source]))
        made.append(follow_up_step(cohort, registry.sources[cohort.endpoint_source or cohort.source]))
    made.append(union_of(VALUES.address, [partition_of(VALUES.address, cohort.id) for cohort in cohorts]))
    made.append(union_of(FOLLOW_UP.address, [partition_of(FOLLOW_UP.address, cohort.id) for cohort in cohorts]))
    return made
