"""Models of staging.endpoints__*: one endpoint of one patient in every source."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "staging.endpoints__patient_values",
    grain="one row per set of patients, endpoint, source and patient with an event or a time",
    key=("patient_set", "endpoint", "source_id", "patient_id"),
    limitation="two sources that agree need not be right: most copy TCGA-CDR",
)
class EndpointPatientValues(TableModel):
    """Follow-up of every patient as every source has it, under one name per endpoint and in months."""

    patient_set: pl.String = col("cohort whose patients these are")
    endpoint: pl.String = col("endpoint as that cohort calls it", isin=["OS", "DSS", "DFS", "PFS", "DFI", "PFI"])
    source_id: pl.String = col("cohort or project that has the values")
    patient_id: pl.String = col("patient")
    source_endpoint: pl.String = col("what the source calls the endpoint")
    event_attribute: pl.String = col("where the source has the event")
    time_attribute: pl.String = col("where the source has the time")
    time_unit: pl.String = col("unit of the source", isin=["days", "months", "years"])
    event_observed: pl.Int64 = col("1 = event, 0 = censored", null=True, isin=[0, 1])
    time_months: pl.Float64 = col("time to event or last contact", unit="months", null=True)
