"""What survival reads of one cohort: its partition of expression, and slices of its patients and of their follow-up.

Each has a data version of its own, so a change in one cohort or one endpoint recomputes what rests on it and nothing
else.
"""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.errors import SourceUnavailable
from resistance_assets.orchestration.partitions import partition_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

EXPRESSION = "staging.cohorts__gene_expression"
PATIENTS = "staging.cohorts__patients"
ENDPOINTS = "staging.cohorts__patient_endpoints"


def expression_address(cohort_id: str) -> str:
    return partition_of(EXPRESSION, cohort_id)


def scan_expression(inputs: Inputs, address: str) -> pl.LazyFrame:
    """Expression of one cohort: hgnc_symbol, patient_id, expression_value (in the scale of the cohort's profile)."""
    return inputs.scan(address).drop("cohort_id")


def read_expression(inputs: Inputs, address: str) -> pl.DataFrame:
    """As `scan_expression`, in memory."""
    return scan_expression(inputs, address).collect()


def follow_up_address(cohort_id: str, endpoint: str) -> str:
    return partition_of("parts.cohorts__follow_up", cohort_id, endpoint.lower())


def patients_address(cohort_id: str) -> str:
    return partition_of("parts.cohorts__patients", cohort_id)


def patients_slice(cohort: Cohort) -> Step:
    address = patients_address(cohort.id)
    cohort_id = cohort.id

    def compute(inputs: Inputs) -> pl.DataFrame:
        frame = inputs.scan(PATIENTS).filter(pl.col("cohort_id") == cohort_id).collect()
        if frame.is_empty():
            raise SourceUnavailable("the cohort has no patients", subject=cohort_id, remedy="See `resistance sources`.")
        return frame

    return table_step(
        outputs={address: TABLES["parts.cohorts__patients"]},
        compute=compute,
        inputs=(PATIENTS,),
        parameters={"cohort": cohort_id},
        tags={"cohort": cohort_id},
    )


def follow_up_slice(cohort: Cohort, endpoint: str) -> Step:
    address = follow_up_address(cohort.id, endpoint)
    cohort_id = cohort.id

    def compute(inputs: Inputs) -> pl.DataFrame:
        chosen = (pl.col("cohort_id") == cohort_id) & (pl.col("endpoint") == endpoint)
        frame = inputs.scan(ENDPOINTS).filter(chosen).drop("cohort_id", "endpoint").collect()
        if frame.is_empty():
            raise SourceUnavailable(
                f"the cohort has no {endpoint}", subject=cohort_id, remedy="See `resistance sources`."
            )
        return frame

    return table_step(
        outputs={address: TABLES["parts.cohorts__follow_up"]},
        compute=compute,
        inputs=(ENDPOINTS,),
        parameters={"cohort": cohort_id, "endpoint": endpoint},
        tags={"cohort": cohort_id, "endpoint": endpoint},
    )


def steps(registry: Registry) -> list[Step]:
    made = []
    for cohort in registry.analysed_cohorts():
        made.append(patients_slice(cohort))
        made += [follow_up_slice(cohort, endpoint.id) for endpoint in cohort.endpoint]
    return made
