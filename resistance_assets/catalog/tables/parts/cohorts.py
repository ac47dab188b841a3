"""Models of parts.cohorts__*: one cohort's partition of expression, follow-up and patients."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import SYMBOL


@table(
    "parts.cohorts__expression",
    grain="one row per gene and patient of one cohort",
    key=("hgnc_symbol", "patient_id"),
    limitation="genes cannot be compared with one another where the scale is a z-score per gene",
)
class PartExpression(TableModel):
    """Expression of one cohort, so that another cohort's change does not touch it."""

    hgnc_symbol: pl.String = col(SYMBOL, of="staging.cohorts__gene_expression.hgnc_symbol")
    patient_id: pl.String = col("patient", of="staging.cohorts__gene_expression.patient_id")
    expression_value: pl.Float64 = col(
        "expression", unit="as the cohort's profile", null=True, of="staging.cohorts__gene_expression.expression_value"
    )


@table(
    "parts.cohorts__follow_up",
    grain="one row per patient of one cohort with a status for one endpoint",
    key=("patient_id",),
    limitation="a patient without a time cannot enter a model",
)
class PartFollowUp(TableModel):
    """Follow-up of one cohort for one endpoint."""

    patient_id: pl.String = col("patient", of="staging.cohorts__patient_endpoints.patient_id")
    time_months: pl.Float64 = col(
        "time to event or last contact", unit="months", null=True, of="staging.cohorts__patient_endpoints.time_months"
    )
    event_observed: pl.Int64 = col(
        "1 = event, 0 = censored", isin=[0, 1], of="staging.cohorts__patient_endpoints.event_observed"
    )


@table(
    "parts.cohorts__patients",
    grain="one row per patient of one cohort",
    key=("patient_id",),
    limitation="not every patient has expression, or any follow-up",
)
class PartPatients(TableModel):
    """What regression models adjust for, of one cohort."""

    patient_id: pl.String = col("patient", of="staging.cohorts__patients.patient_id")
    age_years: pl.Float64 = col(
        "age at diagnosis", unit="years", null=True, ge=0, le=120, of="staging.cohorts__patients.age_years"
    )
    sex: pl.String = col("female or male", null=True, isin=["female", "male"], of="staging.cohorts__patients.sex")
    stage_group: pl.String = col(
        "I, II, III or IV", null=True, isin=["I", "II", "III", "IV"], of="staging.cohorts__patients.stage_group"
    )
    tumour_purity: pl.Float64 = col(
        "share of tumour cells", unit="share", null=True, ge=0, le=1, of="staging.cohorts__patients.tumour_purity"
    )
