"""Models of core.assays__*: interaction of a drug and a ligand, one number per experiment and condition."""

from __future__ import annotations

from typing import Any

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import P_CHECK

_FIELDS = "raw.assays__two_way_fields"
_VALUE = (f"{_FIELDS}.value", f"{_FIELDS}.denominator")
SCALES = ["log", "percent", "count", "fraction"]
TERMS = ["drug_without_ligand", "ligand_without_drug", "interaction", "drug_with_ligand", "ligand_with_drug"]


def _number(description: str, **checks: Any) -> Any:
    return col(description, null=True, of=_VALUE, **checks)


@table(
    "core.assays__two_way_units",
    grain="one row per study, assay, experiment and condition",
    key=("study_id", "assay", "experiment", "drug01", "ligand01"),
    limitation="the number of fields adds no degrees of freedom",
)
class TwoWayUnits(TableModel):
    """Wells or fields averaged: the one number per experiment and condition that the models are fitted to."""

    study_id: pl.String = col("study", of=f"{_FIELDS}.study_id")
    assay: pl.String = col("assay", of=f"{_FIELDS}.assay")
    scale: pl.String = col("declared scale", of="source", isin=SCALES)
    experiment: pl.String = col("independent experiment; `not told` where there is no id", of=f"{_FIELDS}.experiment")
    drug01: pl.Int64 = col("1 with the drug", of=f"{_FIELDS}.drug01", ge=0, le=1)
    ligand01: pl.Int64 = col("1 with the ligand", of=f"{_FIELDS}.ligand01", ge=0, le=1)
    n_fields: pl.Int64 = col("wells, fields or tubes averaged", of=_VALUE, ge=1)
    n_flagged: pl.Int64 = col("of these, wounds with a closure below 0 or above 100 %, which are kept", of=_VALUE, ge=0)
    value: pl.Float64 = _number("mean; of a fraction its percentage")
    total: pl.Float64 = _number("sum of the counts")
    denominator: pl.Float64 = _number("sum of the denominators")
    response: pl.Float64 = _number("value on the scale of the model; null where the scale does not hold it")


@table(
    "core.assays__two_way",
    grain="one row per study, assay, model and term",
    key=("study_id", "assay", "model", "term"),
    limitation="an interaction depends on its scale: one on the log need not be one on the percent",
)
class TwoWayEffects(TableModel):
    """Simple effects and interaction of a drug and a ligand, with the experiment as block."""

    study_id: pl.String = col("study", of=f"{_FIELDS}.study_id")
    assay: pl.String = col("assay", of=f"{_FIELDS}.assay")
    scale: pl.String = col("declared scale", of="source", isin=SCALES)
    model: pl.String = col(
        "least_squares on the scale; quasipoisson and quasibinomial on totals",
        of="source",
        isin=["least_squares", "quasipoisson", "quasibinomial"],
    )
    drug: pl.String = col("drug", of=f"{_FIELDS}.drug")
    ligand: pl.String = col("ligand", of=f"{_FIELDS}.ligand")
    term: pl.String = col("simple effect, or interaction", of="source", isin=TERMS)
    estimate: pl.Float64 = _number("on the scale of the model: ln ratio, percent points, or ln odds ratio")
    ratio: pl.Float64 = _number("exp(estimate): a ratio, of an interaction a ratio of ratios; null on percent", gt=0)
    standard_error: pl.Float64 = _number("of the estimate", ge=0)
    degrees_of_freedom: pl.Int64 = col("residual", null=True, of=_VALUE, ge=0)
    t: pl.Float64 = _number("estimate over its standard error")
    p_value: pl.Float64 = _number("two-sided", **P_CHECK)
    lower: pl.Float64 = _number("95 % limit of the estimate")
    upper: pl.Float64 = _number("95 % limit of the estimate")
    dispersion: pl.Float64 = _number("Pearson's, of the models of totals", ge=0)
    n_experiments: pl.Int64 = col("independent experiments", of=f"{_FIELDS}.experiment", ge=0)
    p_note: pl.String = col("why there is no test", null=True, of=_VALUE)


@table(
    "core.assays__two_way_anova",
    grain="one row per study, assay and source of variation",
    key=("study_id", "assay", "source"),
    limitation="types I to III agree in a balanced design alone",
)
class TwoWayAnova(TableModel):
    """Analysis of variance of the same numbers: experiment, drug, ligand, interaction, residual."""

    study_id: pl.String = col("study", of=f"{_FIELDS}.study_id")
    assay: pl.String = col("assay", of=f"{_FIELDS}.assay")
    source: pl.String = col(
        "source of variation", of="source", isin=["experiment", "drug", "ligand", "interaction", "residual"]
    )
    degrees_of_freedom: pl.Int64 = col("of the source", of=_VALUE, ge=0)
    sum_of_squares: pl.Float64 = col("of the source", of=_VALUE, ge=0)
    f: pl.Float64 = _number("over the residual", ge=0)
    p_value: pl.Float64 = _number("of that F", **P_CHECK)
