"""`core.survival__cohort_endpoints`: patients, events and follow-up of every cohort and endpoint."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.survival.cohort_slices import (
    expression_address,
    follow_up_address,
    patients_address,
    scan_expression,
)
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.survival.endpoints import summarise_endpoint

ENDPOINTS = TABLES["core.survival__cohort_endpoints"]


def endpoint_row(
    patients: pl.DataFrame, profiled: list[str], follow_up: pl.DataFrame, cohort_id: str, endpoint: str
) -> pl.DataFrame:
    """How many patients and events an endpoint has, with and without expression, and how long they were followed."""
    subject = f"{endpoint} of {cohort_id}"
    everyone = summarise_endpoint(follow_up["time_months"], follow_up["event_observed"], endpoint=subject)
    with_expression = follow_up.filter(pl.col("patient_id").is_in(profiled))
    analysed = summarise_endpoint(
        with_expression["time_months"],
        with_expression["event_observed"],
        endpoint=f"{subject}, patients with expression",
    )
    return ENDPOINTS.shape(
        analysed.select(
            pl.lit(cohort_id).alias("cohort_id"),
            pl.lit(endpoint).alias("endpoint"),
            pl.lit(patients.height).alias("n_patients"),
            pl.lit(everyone["n"][0]).alias("n_with_follow_up"),
            pl.lit(everyone["events"][0]).alias("n_events_with_follow_up"),
            pl.col("n").alias("n_analysed"),
            pl.col("events").alias("n_events_analysed"),
            "median_follow_up_months",
            "median_survival_months",
            pl.lit(everyone["left_out_reasons"][0], pl.String).alias("excluded"),
        )
    )


def endpoint_step(cohort: Cohort, endpoint: str) -> Step:
    address = partition_of(ENDPOINTS.address, cohort.id, endpoint.lower())
    expression, follow_up = expression_address(cohort.id), follow_up_address(cohort.id, endpoint)
    patients = patients_address(cohort.id)
    cohort_id = cohort.id

    def compute(inputs: Inputs) -> pl.DataFrame:
        profiled = (
            scan_expression(inputs, expression).select(pl.col("patient_id").unique()).collect()["patient_id"].to_list()
        )
        return endpoint_row(inputs.read(patients), profiled, inputs.read(follow_up), cohort_id, endpoint)

    return table_step(
        outputs={address: ENDPOINTS},
        compute=compute,
        inputs=(expression, follow_up, patients),
        parameters={"cohort": cohort_id, "endpoint": endpoint},
        tags={"cohort": cohort_id, "endpoint": endpoint},
    )


def steps(registry: Registry) -> list[Step]:
    """A step per cohort and endpoint, and the union."""
    pairs = [(cohort, endpoint.id) for cohort in registry.analysed_cohorts() for endpoint in cohort.endpoint]
    partitions = [partition_of(ENDPOINTS.address, cohort.id, endpoint.lower()) for cohort, endpoint in pairs]
    return [
        *(endpoint_step(cohort, endpoint) for cohort, endpoint in pairs),
        union_of(ENDPOINTS.address, partitions),
    ]
