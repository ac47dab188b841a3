"""Models of core.dose_response__*: viability, curves, fold changes between lines, knock-downs, growth-rate metrics."""

from __future__ import annotations

from typing import Any

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import P_CHECK

_WELLS = "raw.dose_response__wells"
_VALUE = (f"{_WELLS}.signal", f"{_WELLS}.viability_percent", f"{_WELLS}.well_type")
_CURVE = (*_VALUE, f"{_WELLS}.dose_um")
_FITS = ("raw.dose_response__published_fits.ic50_um", "raw.dose_response__published_fits.max_dose_um")
_LINE, _CONDITION, _DRUG = f"{_WELLS}.cell_line", f"{_WELLS}.condition", f"{_WELLS}.drug"
_DOSE, _REPLICATE = f"{_WELLS}.dose_um", f"{_WELLS}.replicate"
VERDICTS = [
    "refused_too_few_doses",
    "no_effect",
    "no_inhibition",
    "ic50_below_lowest_dose",
    "ic50_above_highest_dose",
    "ic50_bracketed",
    "estimated",
]
MODELS = ["ll3_top100", "ll4", "published"]
_WITHIN = "within one experiment: points of one plate are no replicates"


def _number(description: str, unit: str | None = None, **checks: Any) -> Any:
    return col(description, unit=unit, null=True, of=_CURVE, **checks)


def _p(description: str) -> Any:
    return col(description, null=True, of=_CURVE, **P_CHECK)


@table(
    "core.dose_response__normalised_wells",
    grain="one row per study, vehicle or treated well, and group of wells that it is normalised with",
    key=("study_id", "normalised_within", "well_number"),
    limitation="wells are no replicates: they are averaged before anything is fitted",
)
class DoseResponseWells(TableModel):
    """Viability and growth rate of each well, against its own plate's blanks, vehicle and time-0 wells."""

    study_id: pl.String = col("study", of=f"{_WELLS}.study_id")
    normalised_within: pl.String = col(
        "plate, or line and condition on it where a plate holds several", of=f"{_WELLS}.plate_id"
    )
    well_number: pl.Int64 = col("number of the well within the study", of=f"{_WELLS}.well_number", ge=1)
    well_type: pl.String = col("vehicle or treated", of=f"{_WELLS}.well_type", isin=["vehicle", "treated"])
    cell_line: pl.String = col("cell line", of=_LINE)
    condition: pl.String = col("siRNA or other condition", of=_CONDITION)
    drug: pl.String = col("drug", null=True, of=_DRUG)
    dose_um: pl.Float64 = col("dose", unit="uM", of=_DOSE, ge=0)
    replicate: pl.String = col("independent replicate", null=True, of=_REPLICATE)
    viability_percent: pl.Float64 = col(
        "100 (signal - blank) / (vehicle - blank); below 0 where below the blank", unit="percent", of=_VALUE
    )
    gr_value: pl.Float64 = col("growth-rate value; -1 where the signal is not above the blank", null=True, of=_VALUE)
    control_doublings: pl.Float64 = col("doublings of the control during the assay", null=True, of=_VALUE)


@table(
    "core.dose_response__points",
    grain="one row per study, curve, independent replicate and dose",
    key=("study_id", "curve_id", "replicate", "dose_um"),
    limitation="the points at dose 0 are 100 by construction, plate by plate: they carry no variance",
)
class DoseResponsePoints(TableModel):
    """Technical wells averaged: one point per independent replicate and dose, which every fit is made of."""

    study_id: pl.String = col("study", of=f"{_WELLS}.study_id")
    curve_id: pl.String = col("cell line, condition and drug", of=(_LINE, _CONDITION, _DRUG))
    cell_line: pl.String = col("cell line", of=_LINE)
    condition: pl.String = col("siRNA or other condition", of=_CONDITION)
    drug: pl.String = col("drug", of=_DRUG)
    replicate: pl.String = col("independent replicate", of=_REPLICATE)
    dose_um: pl.Float64 = col("dose; 0 is the control", unit="uM", of=_DOSE, ge=0)
    viability_percent: pl.Float64 = col("mean of the wells", unit="percent", of=_VALUE)
    gr_value: pl.Float64 = col("mean growth-rate value of the wells", null=True, of=_VALUE)
    n_wells: pl.Int64 = col("technical wells averaged", unit="wells", of=_VALUE, ge=1)
    fitted_percent: pl.Float64 = col(
        "viability of the primary curve at this dose; null where no curve stands", unit="percent", null=True, of=_CURVE
    )


@table(
    "core.dose_response__curves",
    grain="one row per study, curve and model: over all replicates, and per independent replicate",
    key=("study_id", "curve_id", "model"),
    limitation="an IC50 is never extrapolated: beyond the doses there is a bound in ic50_text and no number",
)
class DoseResponseCurves(TableModel):
    """Fitted curves: EC50 (relative) and IC50 (dose at 50 % viability) with 95 % intervals, and a verdict."""

    study_id: pl.String = col("study", of=f"{_WELLS}.study_id")
    curve_id: pl.String = col(
        "cell line, condition and drug; of one replicate, with its number", of=(_LINE, _CONDITION, _DRUG)
    )
    cell_line: pl.String = col("cell line", of=_LINE)
    condition: pl.String = col("siRNA or other condition", of=_CONDITION)
    drug: pl.String = col("drug", of=_DRUG)
    level: pl.String = col(
        "curve: all replicates together; replicate: one of them", of="source", isin=["curve", "replicate"]
    )
    replicate: pl.String = col("independent replicate, where the row is of one", null=True, of=_REPLICATE)
    model: pl.String = col(
        "ll3_top100: upper limit fixed at 100, without dose 0; ll4: both limits fitted; published: by others",
        of="source",
        isin=MODELS,
    )
    is_primary: pl.Boolean = col("whether the study declares this model as the one to report", of="source")
    n_points: pl.Int64 = col("points fitted", unit="points", null=True, of=_CURVE, ge=0)
    n_doses: pl.Int64 = col("distinct doses above 0", unit="doses", null=True, of=_DOSE, ge=0)
    n_replicates: pl.Int64 = col("independent replicates", null=True, of=_REPLICATE, ge=1)
    min_dose_um: pl.Float64 = col("lowest dose above 0", unit="uM", null=True, of=_DOSE, gt=0)
    max_dose_um: pl.Float64 = col("highest dose", unit="uM", null=True, of=_DOSE, gt=0)
    verdict: pl.String = col("what the curve can say of its IC50", of=(*_CURVE, *_FITS), isin=VERDICTS)
    ic50_text: pl.String = col(
        "IC50 as it is printed: a number, a bound, two doses, or why there is none", of=(*_CURVE, *_FITS)
    )
    ec50_reportable: pl.Boolean = col("whether EC50 lies inside the doses and 80 % of the fall is reached", of=_CURVE)
    hill: pl.Float64 = _number("slope; null where the data do not fix it", gt=0)
    lower: pl.Float64 = _number("lower limit", "percent")
    upper: pl.Float64 = _number("upper limit", "percent")
    hill_standard_error: pl.Float64 = _number("of hill", ge=0)
    lower_standard_error: pl.Float64 = _number("of lower", "percent", ge=0)
    upper_standard_error: pl.Float64 = _number("of upper; null where it is fixed", "percent", ge=0)
    ec50_um: pl.Float64 = _number("dose at half of this curve's own fall (relative)", "uM", gt=0)
    ec50_um_lower: pl.Float64 = _number("95 % limit: profile likelihood, else Wald on the logarithm", "uM", ge=0)
    ec50_um_upper: pl.Float64 = _number("95 % limit; null where it is infinite", "uM", gt=0)
    ec50_um_wald_lower: pl.Float64 = _number("Wald limit on the logarithm", "uM", ge=0)
    ec50_um_wald_upper: pl.Float64 = _number("Wald limit on the logarithm", "uM", gt=0)
    ln_ec50: pl.Float64 = _number(
        "natural logarithm of the fitted EC50 in uM, inside the doses; it is compared between lines"
    )
    ln_ec50_standard_error: pl.Float64 = _number("of ln_ec50", ge=0)
    ic50_um: pl.Float64 = col("dose at 50 % viability (absolute)", unit="uM", null=True, of=(*_CURVE, *_FITS), gt=0)
    ic50_um_lower: pl.Float64 = _number("95 % limit: profile likelihood, else Wald on the logarithm", "uM", ge=0)
    ic50_um_upper: pl.Float64 = _number("95 % limit; null where it is infinite", "uM", gt=0)
    ic50_um_wald_lower: pl.Float64 = _number("Wald limit on the logarithm", "uM", ge=0)
    ic50_um_wald_upper: pl.Float64 = _number("Wald limit on the logarithm", "uM", gt=0)
    ln_ic50_standard_error: pl.Float64 = _number("of the natural logarithm of IC50", ge=0)
    interval_kind: pl.String = col(
        "how the limits were made: profile or wald", null=True, of=_CURVE, isin=["profile", "wald"]
    )
    interval_is_open: pl.Boolean = col("whether the upper limit is infinite", of=_CURVE)
    bracket_lower_um: pl.Float64 = _number("dose above the fall, where no dose lies within it", "uM")
    bracket_upper_um: pl.Float64 = _number("dose below the fall, where no dose lies within it", "uM")
    auc_trapezoid: pl.Float64 = col(
        "mean viability over the log-dose range, from the points, as a fraction", null=True, of=_CURVE
    )
    auc_fitted: pl.Float64 = col(
        "the same of the curve; as published where others fitted it",
        null=True,
        of=(*_CURVE, "raw.dose_response__published_fits.auc"),
    )
    emax_percent: pl.Float64 = _number("mean viability at the highest dose", "percent")
    emax_lowest_of_top_two_percent: pl.Float64 = _number("smaller mean of the two highest doses", "percent")
    fitted_top_dose_percent: pl.Float64 = _number("curve at the highest dose", "percent")
    fitted_lowest_dose_percent: pl.Float64 = _number("curve at the lowest dose", "percent")
    remaining_fraction_at_top_dose: pl.Float64 = _number("share of the fall that is still to come at the highest dose")
    residual_sum_of_squares: pl.Float64 = _number("of the fit", "percent squared", ge=0)
    degrees_of_freedom: pl.Int64 = col("points less parameters", null=True, of=_CURVE, ge=0)
    sigma_percent: pl.Float64 = _number("residual standard deviation", "percent", ge=0)
    no_effect_f: pl.Float64 = _number("F against a flat line; null of a perfect fit")
    no_effect_p: pl.Float64 = _p("p of that F")
    lack_of_fit_f: pl.Float64 = _number("F against one mean per dose", ge=0)
    lack_of_fit_p: pl.Float64 = _p("p of that F")
    outlier_p: pl.Float64 = _p("largest leave-one-out residual, Bonferroni over the points; the point is kept")
    flag_outlier: pl.Boolean = col("outlier_p below 0.001", of=_CURVE)
    flag_stimulation: pl.Boolean = col("a dose mean above 115 % before the fall: a poor fit", of=_CURVE)
    highest_dose_mean_percent: pl.Float64 = _number("largest mean of a dose", "percent")
    n_doses_within_fall: pl.Int64 = col(
        "dose means between 10 and 90 % of the fall", unit="doses", null=True, of=_CURVE, ge=0
    )
    note: pl.String = col("what else is to be known", null=True, of=_CURVE)


@table(
    "core.dose_response__fold_changes",
    grain="one row per study, pair of lines, condition, drug, measure and model",
    key=("study_id", "resistant", "parental", "condition", "drug", "measure", "model"),
    limitation=f"columns that begin with curve_ or shared_ generalise to no other experiment: they are {_WITHIN}",
)
class DoseResponseFoldChanges(TableModel):
    """Resistant over parental line: ratio of EC50, IC50 or AUC, tested between independent replicates."""

    study_id: pl.String = col("study", of=f"{_WELLS}.study_id")
    resistant: pl.String = col("numerator", of=_LINE)
    parental: pl.String = col("denominator", of=_LINE)
    condition: pl.String = col("siRNA or other condition", of=_CONDITION)
    drug: pl.String = col("drug", of=_DRUG)
    measure: pl.String = col("ec50, ic50 or auc", of="source", isin=["ec50", "ic50", "auc"])
    model: pl.String = col("of the curve-level columns; replicates are fitted by ll3_top100", of="source", isin=MODELS)
    is_primary: pl.Boolean = col("whether the study declares this model as the one to report", of="source")
    relation: pl.String = col(
        "= a value, > or < a bound because a side is censored, none", of=_CURVE, isin=["=", ">", "<", "none"]
    )
    fold_change: pl.Float64 = _number("ratio of the two curves, or its bound", gt=0)
    fold_change_text: pl.String = col("as it is printed", of=_CURVE)
    n_replicates_resistant: pl.Int64 = col("independent replicates with a value", of=_REPLICATE, ge=0)
    n_replicates_parental: pl.Int64 = col("independent replicates with a value", of=_REPLICATE, ge=0)
    replicate_fold_change: pl.Float64 = _number("ratio of the geometric means of the replicates' own fits", gt=0)
    replicate_ln_fold_change: pl.Float64 = _number("its natural logarithm")
    welch_t: pl.Float64 = _number("Welch's t on the logarithm, between replicates")
    welch_df: pl.Float64 = _number("degrees of freedom", gt=0)
    welch_p: pl.Float64 = _p("two-sided")
    welch_lower: pl.Float64 = _number("95 % limit of the ratio", ge=0)
    welch_upper: pl.Float64 = _number("95 % limit of the ratio", ge=0)
    paired_t: pl.Float64 = _number(
        "paired t on the logarithm, by replicate; null unless replicates are declared paired"
    )
    paired_df: pl.Float64 = _number("degrees of freedom", gt=0)
    paired_p: pl.Float64 = _p("two-sided")
    paired_lower: pl.Float64 = _number("95 % limit of the ratio", ge=0)
    paired_upper: pl.Float64 = _number("95 % limit of the ratio", ge=0)
    curve_ln_fold_change: pl.Float64 = _number(f"difference of the two curves' logarithms, {_WITHIN}")
    curve_pooled_standard_error: pl.Float64 = _number("one residual variance for both curves", ge=0)
    curve_pooled_df: pl.Float64 = _number("degrees of freedom", gt=0)
    curve_pooled_lower: pl.Float64 = _number("95 % limit of the ratio", ge=0)
    curve_pooled_upper: pl.Float64 = _number("95 % limit of the ratio", ge=0)
    curve_separate_standard_error: pl.Float64 = _number("a variance per curve", ge=0)
    curve_separate_df: pl.Float64 = _number("Satterthwaite's degrees of freedom", gt=0)
    curve_separate_lower: pl.Float64 = _number("95 % limit of the ratio", ge=0)
    curve_separate_upper: pl.Float64 = _number("95 % limit of the ratio", ge=0)
    shared_ec50_f: pl.Float64 = _number(f"extra-sum-of-squares F of one EC50 for both, {_WITHIN}", ge=0)
    shared_ec50_df: pl.Int64 = col(
        "its denominator degrees of freedom; the numerator has 1", null=True, of=_CURVE, ge=1
    )
    shared_ec50_p: pl.Float64 = _p(f"p of that F, {_WITHIN}")
    p_note: pl.String = col("why there is no test, or what it cannot say", null=True, of=_CURVE)


@table(
    "core.dose_response__knock_downs",
    grain="one row per study, pair of lines, drug, knock-down and contrast",
    key=("study_id", "resistant", "parental", "drug", "condition", "contrast"),
    limitation="a lower EC50 in both lines alike is no re-sensitisation: see resistant_minus_parental",
)
class DoseResponseKnockDowns(TableModel):
    """What a knock-down does to the EC50 in each line, and whether it does more in the resistant one."""

    study_id: pl.String = col("study", of=f"{_WELLS}.study_id")
    resistant: pl.String = col("resistant line", of=_LINE)
    parental: pl.String = col("parental line", of=_LINE)
    drug: pl.String = col("drug", of=_DRUG)
    condition: pl.String = col("the knock-down, such as its siRNA", of=_CONDITION)
    control: pl.String = col("the control siRNA", of=_CONDITION)
    gene: pl.String = col("gene that it knocks down, as the study declares it", null=True, of="source")
    contrast: pl.String = col(
        "parental, resistant, or resistant_minus_parental: the interaction",
        of="source",
        isin=["parental", "resistant", "resistant_minus_parental"],
    )
    ratio: pl.Float64 = _number(
        "EC50 with the knock-down over EC50 with the control; of the interaction, ratio of the two ratios", gt=0
    )
    ln_ratio: pl.Float64 = _number("its natural logarithm; below 0 sensitises")
    standard_error: pl.Float64 = _number("of ln_ratio", ge=0)
    degrees_of_freedom: pl.Int64 = col("residual, of the model over all replicate fits", null=True, of=_CURVE, ge=0)
    t: pl.Float64 = _number("ln_ratio over its standard error")
    lower: pl.Float64 = _number("95 % limit of the ratio", ge=0)
    upper: pl.Float64 = _number("95 % limit of the ratio", ge=0)
    p_value: pl.Float64 = _p("two-sided")
    p_holm: pl.Float64 = _p("Holm over the knock-downs of a contrast")
    n_fits: pl.Int64 = col("replicate fits in the model", of=_REPLICATE, ge=0)
    n_left_out: pl.Int64 = col("replicate fits without a reportable EC50, left out", of=_REPLICATE, ge=0)
    p_note: pl.String = col("why there is no test", null=True, of=_CURVE)


@table(
    "core.dose_response__gr_metrics",
    grain="one row per study and curve with growth-rate values",
    key=("study_id", "curve_id"),
    limitation="GR50 is not IC50: it does not depend on how fast the control divides",
)
class DoseResponseGrMetrics(TableModel):
    """Growth-rate metrics (Hafner 2016): GR50, GRmax and area over the curve."""

    study_id: pl.String = col("study", of=f"{_WELLS}.study_id")
    curve_id: pl.String = col("cell line, condition and drug", of=(_LINE, _CONDITION, _DRUG))
    cell_line: pl.String = col("cell line", of=_LINE)
    condition: pl.String = col("siRNA or other condition", of=_CONDITION)
    drug: pl.String = col("drug", of=_DRUG)
    n_points: pl.Int64 = col("points fitted", unit="points", of=_CURVE, ge=0)
    verdict: pl.String = col(
        "estimated, or why there is no GR50",
        of=_CURVE,
        isin=["estimated", "gr50_above_highest_dose", "gr50_below_lowest_dose", "no_effect", "refused_too_few_doses"],
    )
    gr50_um: pl.Float64 = _number("dose at GR 0.5; null beyond the doses", "uM", gt=0)
    gr50_text: pl.String = col("as it is printed", of=_CURVE)
    gr_inf: pl.Float64 = _number("fitted GR at an infinite dose, -1 to 1", ge=-1, le=1)
    gec50_um: pl.Float64 = _number("dose at half of the GR curve's own fall; null beyond the doses", "uM", gt=0)
    h_gr: pl.Float64 = _number("slope of the GR curve", gt=0)
    gr_max: pl.Float64 = _number("smaller mean GR of the two highest doses")
    gr_top_dose: pl.Float64 = _number("mean GR at the highest dose")
    gr_aoc: pl.Float64 = _number("area over the curve on the log dose, divided by its range")
    residual_sum_of_squares: pl.Float64 = _number("of the fit", ge=0)
    f_statistic: pl.Float64 = _number(
        "F of the sigmoid against a flat line; below 0 where the bounds keep it from the flat line"
    )
    p_sigmoid: pl.Float64 = _p("p of that F")
    at_bound: pl.Boolean = col("a parameter lies on its bound and is no estimate", null=True, of=_CURVE)
