"""Models of core.qpcr__*: delta Ct of samples, fold changes between conditions, no-template controls."""

from __future__ import annotations

from typing import Any

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import P_CHECK

_WELLS = "raw.qpcr__wells"
_CT = f"{_WELLS}.ct"


def _cycles(description: str, **checks: Any) -> Any:
    return col(description, unit="cycles", null=True, of=_CT, **checks)


def _number(description: str, **checks: Any) -> Any:
    return col(description, null=True, of=_CT, **checks)


@table(
    "core.qpcr__samples",
    grain="one row per study, condition, gene and biological replicate",
    key=("study_id", "condition", "gene", "biological_replicate"),
    limitation="technical wells are averaged first: they are no replicates",
)
class QpcrSamples(TableModel):
    """Mean Ct of each sample and gene, and delta Ct to the reference gene."""

    study_id: pl.String = col("study", of=f"{_WELLS}.study_id")
    condition: pl.String = col("condition", of=f"{_WELLS}.condition")
    gene: pl.String = col("gene; the reference gene among them", of=f"{_WELLS}.gene")
    biological_replicate: pl.String = col("independent replicate", of=f"{_WELLS}.biological_replicate")
    n_wells: pl.Int64 = col("technical wells", unit="wells", of=_CT, ge=1)
    n_undetermined: pl.Int64 = col("of these, undetermined", unit="wells", of=_CT, ge=0)
    sd_before: pl.Float64 = _cycles("standard deviation of the wells before one was left out", ge=0)
    well_dropped: pl.Boolean = col("whether the well farthest from the median of three was left out", of=_CT)
    n_used: pl.Int64 = col("wells averaged", unit="wells", of=_CT, ge=0)
    mean_ct: pl.Float64 = _cycles("mean of these")
    sd_ct: pl.Float64 = _cycles("their standard deviation", ge=0)
    flag: pl.String = col("not_detected, or replicates_disagree", null=True, of=_CT)
    delta_ct: pl.Float64 = _cycles("gene less reference gene; null of the reference gene itself")
    delta_delta_ct_paired: pl.Float64 = _cycles("against the same replicate of the control")
    delta_delta_ct_pooled: pl.Float64 = _cycles("against the mean of the control")
    relative_expression: pl.Float64 = _number("2^-delta_delta_ct_pooled", gt=0)
    note: pl.String = col("why there is no delta Ct", null=True, of=_CT)


@table(
    "core.qpcr__fold_changes",
    grain="one row per study, gene and condition that is not the control",
    key=("study_id", "gene", "condition"),
    limitation="the mean of fold changes is another number: the test is on delta Ct, where errors are symmetric",
)
class QpcrFoldChanges(TableModel):
    """Fold change of each gene against the control, with Welch's and the paired t on delta Ct."""

    study_id: pl.String = col("study", of=f"{_WELLS}.study_id")
    gene: pl.String = col("gene", of=f"{_WELLS}.gene")
    condition: pl.String = col("condition", of=f"{_WELLS}.condition")
    control: pl.String = col("condition that it is compared with", of="source")
    reference_gene: pl.String = col("gene that is subtracted", of="source")
    n: pl.Int64 = col("biological replicates with a delta Ct", of=_CT, ge=0)
    n_control: pl.Int64 = col("those of the control", of=_CT, ge=0)
    delta_delta_ct: pl.Float64 = _cycles("difference of the mean delta Ct; above 0 is less of the gene")
    fold_change: pl.Float64 = _number("2^-delta_delta_ct", gt=0)
    knock_down_percent: pl.Float64 = col("100 (1 - fold_change)", unit="percent", null=True, of=_CT)
    welch_t: pl.Float64 = _number("Welch's t on delta Ct")
    welch_df: pl.Float64 = _number("degrees of freedom", gt=0)
    welch_p: pl.Float64 = _number("two-sided", **P_CHECK)
    welch_fold_lower: pl.Float64 = _number("95 % limit of the fold change", ge=0)
    welch_fold_upper: pl.Float64 = _number("95 % limit of the fold change", ge=0)
    paired_t: pl.Float64 = _number("paired t, by replicate; null unless replicates are declared paired")
    paired_df: pl.Float64 = _number("degrees of freedom", gt=0)
    paired_p: pl.Float64 = _number("two-sided", **P_CHECK)
    paired_fold_lower: pl.Float64 = _number("95 % limit of the fold change", ge=0)
    paired_fold_upper: pl.Float64 = _number("95 % limit of the fold change", ge=0)
    reference_shift_ct: pl.Float64 = _cycles("mean Ct of the reference gene here less that in the control")
    warning: pl.String = col("the reference gene itself moves by more than half a cycle", null=True, of=_CT)
    p_note: pl.String = col("why there is no p or no fold change", null=True, of=_CT)


@table(
    "core.qpcr__no_template",
    grain="one row per study and no-template well",
    key=("study_id", "well_number"),
    limitation="a clean control does not show that primers are specific",
)
class QpcrNoTemplate(TableModel):
    """Whether wells without template are clean: undetermined, or five cycles or more later than the latest sample."""

    study_id: pl.String = col("study", of=f"{_WELLS}.study_id")
    well_number: pl.Int64 = col("number of the well within the study", of=f"{_WELLS}.well_number", ge=1)
    gene: pl.String = col("gene", of=f"{_WELLS}.gene")
    ct: pl.Float64 = _cycles("cycle threshold; null where undetermined")
    latest_ct: pl.Float64 = _cycles("largest mean Ct of a sample")
    verdict: pl.String = col("clean, or contamination_suspected", of=_CT, isin=["clean", "contamination_suspected"])
