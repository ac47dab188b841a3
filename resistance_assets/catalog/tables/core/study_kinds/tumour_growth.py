"""Models of core.tumour_growth__*: growth of tumours in mice under treatment."""

from __future__ import annotations

from typing import Any

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.raw.study_kinds.tumour_growth import END_REASONS
from resistance_assets.catalog.tables.shared_columns import P_CHECK

_RAW = "raw.tumour_growth__measurements"
_STUDY = f"{_RAW}.study_id"
_ARM = f"{_RAW}.arm"
_DAY = f"{_RAW}.day"
_VOLUME = f"{_RAW}.volume_mm3"
_WEIGHT = f"{_RAW}.body_weight_g"
_GROWTH = (_VOLUME, _DAY, _ARM)
_END = "raw.tumour_growth__enrolled_mice.end_reason"
ROLES = ["primary", "secondary", "sensitivity", "not_valid", "as_published"]


def _p(what: str, of: tuple[str, ...] = _GROWTH) -> Any:
    return col(what, null=True, of=of, **P_CHECK)


def _number(what: str, unit: str | None = None, **checks: Any) -> Any:
    return col(what, unit=unit, null=True, of=_GROWTH, **checks)


@table(
    "core.tumour_growth__volumes",
    grain="one row per study, mouse and day of measurement",
    key=("study_id", "mouse_id", "day"),
    limitation="a volume of 0 has no logarithm and is in no growth rate",
)
class TumourVolumes(TableModel):
    """Volumes of tumours, relative to the mouse's first one and on the log scale, and the change of body weight."""

    study_id: pl.String = col("study", of=_STUDY)
    mouse_id: pl.String = col("mouse", of=f"{_RAW}.mouse_id")
    arm: pl.String = col("treatment arm", of=_ARM)
    tumour_id: pl.String = col("tumour of a patient that was implanted", null=True, of=f"{_RAW}.tumour_id")
    day: pl.Float64 = col("day of the study", unit="days", of=_DAY)
    length_mm: pl.Float64 = col("larger diameter", unit="mm", null=True, of=f"{_RAW}.length_mm", ge=0)
    width_mm: pl.Float64 = col("smaller diameter", unit="mm", null=True, of=f"{_RAW}.width_mm", ge=0)
    volume_mm3: pl.Float64 = col("volume", unit="mm3", of=_VOLUME, ge=0)
    relative_volume: pl.Float64 = _number("over the mouse's first volume; null where that is 0", ge=0)
    ln_volume: pl.Float64 = _number("natural logarithm of the volume in mm3; null at 0", unit="ln")
    body_weight_g: pl.Float64 = col("body weight", unit="g", null=True, of=_WEIGHT, gt=0)
    body_weight_change_percent: pl.Float64 = col("against the mouse's first weight", unit="%", null=True, of=_WEIGHT)
    was_swapped: pl.Boolean = col("length was below width in the file", of=f"{_RAW}.was_swapped")


@table(
    "core.tumour_growth__mice",
    grain="one row per study and mouse",
    key=("study_id", "mouse_id"),
    limitation="a mouse that was sacrificed for size or found dead is not missing at random",
)
class TumourMice(TableModel):
    """What each mouse went through: growth, doubling, regression, loss of weight, and why its follow-up ended."""

    study_id: pl.String = col("study", of=_STUDY)
    mouse_id: pl.String = col("mouse", of=f"{_RAW}.mouse_id")
    arm: pl.String = col("treatment arm", of=_ARM)
    n_measurements: pl.Int64 = col("measurements", of=_VOLUME, ge=1)
    last_day: pl.Float64 = col("last measurement", unit="days", of=_DAY)
    end_reason: pl.String = col("why its follow-up ended", of=_END, isin=END_REASONS)
    start_volume_mm3: pl.Float64 = col("first volume", unit="mm3", of=_VOLUME, ge=0)
    last_volume_mm3: pl.Float64 = col("last volume", unit="mm3", of=_VOLUME, ge=0)
    slope_per_day: pl.Float64 = _number(
        "least-squares slope of ln volume; null with fewer than 3 volumes above 0", "1/day"
    )
    slope_standard_error: pl.Float64 = _number("of slope_per_day", "1/day", ge=0)
    auc_ln_relative: pl.Float64 = _number(
        "area under ln relative volume (trapezoids), volumes of 0 left out", "ln days"
    )
    auc_ln_relative_per_day: pl.Float64 = _number("the same over the days that it spans", "ln")
    auc_volume_mm3_days: pl.Float64 = _number("area under the volume (trapezoids)", "mm3 days", ge=0)
    auc_volume_per_day: pl.Float64 = _number("the same over the last day", "mm3", ge=0)
    doubling_day: pl.Float64 = _number("first measurement with twice the first volume, else the last one", "days")
    doubling_event: pl.Int64 = _number("1 = doubled, 0 = censored at doubling_day", isin=[0, 1])
    doubling_day_interpolated: pl.Float64 = _number("on the line between two measurements of ln volume", "days")
    quadrupling_day: pl.Float64 = _number("first measurement with four times the first volume, else the last", "days")
    quadrupling_event: pl.Int64 = _number("1 = quadrupled, 0 = censored at quadrupling_day", isin=[0, 1])
    best_relative_volume: pl.Float64 = _number("smallest relative volume", ge=0)
    complete_regression: pl.Boolean = col("a volume of 0 was measured", of=_VOLUME)
    max_weight_loss_percent: pl.Float64 = col("largest loss of body weight", unit="%", null=True, of=_WEIGHT, ge=0)
    is_toxic_weight_loss: pl.Boolean = col("a loss that counts as toxicity; never a tumour event", of=_WEIGHT)


@table(
    "core.tumour_growth__growth_rates",
    grain="one row per study, model and arm",
    key=("study_id", "model", "arm"),
    limitation="a rate of an arm with complete regressions is too high: volumes of 0 are not in it",
)
class TumourGrowthRates(TableModel):
    """Growth rate of ln volume per arm: read the primary model; the others say what it rests on."""

    study_id: pl.String = col("study", of=_STUDY)
    model: pl.String = col(
        "random_slope (ln volume ~ day * arm + (1 + day | mouse), REML), random_slope_uncorrelated, random_slope_car1"
        " (errors of a mouse correlated over days), common_baseline (one volume on day 0), random_intercept,"
        " per_mouse_slopes, paired_tumour_slopes (within tumours of patients)",
        of=_GROWTH,
    )
    role: pl.String = col(
        "primary: the model to read; not_valid: takes measurements of a mouse for independent",
        of=_GROWTH,
        isin=ROLES,
    )
    arm: pl.String = col("treatment arm", of=_ARM)
    n_mice: pl.Int64 = col("mice", unit="mice", of=_GROWTH, ge=0)
    n_measurements: pl.Int64 = col("volumes above 0", of=_GROWTH, ge=0)
    rate_per_day: pl.Float64 = _number("slope of ln volume", "1/day")
    standard_error: pl.Float64 = _number("of rate_per_day", "1/day", ge=0)
    degrees_of_freedom: pl.Float64 = _number("Satterthwaite's", ge=0)
    p_value: pl.Float64 = _p("of a rate of 0, two-sided t; null with fewer than 3 mice")
    ci_lower: pl.Float64 = _number("95 % limit of rate_per_day", "1/day")
    ci_upper: pl.Float64 = _number("95 % limit of rate_per_day", "1/day")
    doubling_days: pl.Float64 = _number("ln 2 / rate; null unless the lower limit is above 0", "days", gt=0)
    ln_volume_at_day_0: pl.Float64 = _number("fitted ln volume in mm3 on day 0", "ln")
    n_zero_volumes: pl.Int64 = col("volumes of 0, which have no logarithm", of=_VOLUME, ge=0)
    n_mice_with_zero_volume: pl.Int64 = col("mice in complete regression", unit="mice", of=_VOLUME, ge=0)
    rate_note: pl.String = col("what the rate leaves out", null=True, of=_GROWTH)
    p_note: pl.String = col("why there is no test", null=True, of=_GROWTH)
    is_singular: pl.Boolean = col("the random effects ask too much of the data: not to be read", of=_GROWTH)
    intercept_variance: pl.Float64 = _number("between mice, of ln volume on day 0", "ln^2", ge=0)
    slope_variance: pl.Float64 = _number("between mice, of the slope", "1/day^2", ge=0)
    intercept_slope_covariance: pl.Float64 = _number("of the two", "ln/day")
    residual_sd: pl.Float64 = _number("standard deviation within mice", "ln", ge=0)
    log_likelihood: pl.Float64 = _number("REML, of the whole model")
    phi_per_day: pl.Float64 = _number("random_slope_car1: correlation of errors of a mouse a day apart", ge=0)
    p_value_phi: pl.Float64 = _p("of phi = 0, likelihood ratio to random_slope with one degree of freedom")


@table(
    "core.tumour_growth__contrasts",
    grain="one row per study, measure, method, kind of contrast, numerator and denominator",
    key=("study_id", "measure", "method", "kind", "numerator", "denominator"),
    limitation="volumes of one day compare the mice that are left: read the growth rates first",
)
class TumourContrasts(TableModel):
    """Every comparison of arms: growth rates, slopes and areas per mouse, volumes of one day, times to events."""

    study_id: pl.String = col("study", of=_STUDY)
    measure: pl.String = col(
        "growth_rate_per_day, slope_per_day, auc_ln_relative_per_day, auc_volume_per_day, volume_mm3,"
        " time_to_doubling, time_to_quadrupling",
        of=_GROWTH,
    )
    method: pl.String = col(
        "the model of the growth rates; welch (beside Wilcoxon), two_by_two (one variance), tukey_of_one_day,"
        " log_rank_and_cox",
        of=_GROWTH,
    )
    kind: pl.String = col(
        "difference, interaction (combination - A - B + control: below 0 = more than additive), rate, log_hazard_ratio,"
        " all_arms",
        of=_GROWTH,
        isin=["difference", "interaction", "rate", "log_hazard_ratio", "all_arms"],
    )
    numerator: pl.String = col("arm", of=_ARM)
    denominator: pl.String = col("arm that it is compared with", of=_ARM)
    role: pl.String = col(
        "primary: to read; as_published: a rule of papers; not_valid: what a wrong model would say",
        of=_GROWTH,
        isin=ROLES,
    )
    day: pl.Float64 = col("day of the volumes", unit="days", null=True, of=_DAY)
    n_numerator: pl.Int64 = col("mice", unit="mice", null=True, of=_GROWTH, ge=0)
    n_denominator: pl.Int64 = col("mice", unit="mice", null=True, of=_GROWTH, ge=0)
    mean_numerator: pl.Float64 = _number("mean of the measure")
    mean_denominator: pl.Float64 = _number("mean of the measure")
    estimate: pl.Float64 = _number("numerator minus denominator in the measure's unit, or the log hazard ratio")
    standard_error: pl.Float64 = _number("of estimate", ge=0)
    degrees_of_freedom: pl.Float64 = _number("of the statistic", ge=0)
    statistic: pl.Float64 = _number("t, or chi-squared of the log-rank test")
    p_value: pl.Float64 = _p("two-sided: t, Tukey, or log-rank; null with fewer than 3 mice on a side")
    p_value_holm: pl.Float64 = _p("Holm over the differences of a measure and method")
    ci_lower: pl.Float64 = _number("95 % limit of estimate (Tukey: simultaneous)")
    ci_upper: pl.Float64 = _number("95 % limit of estimate (Tukey: simultaneous)")
    p_note: pl.String = col("why there is no test, or what it is", null=True, of=_GROWTH)
    wilcoxon_w: pl.Float64 = _number("rank-sum statistic of the numerator", ge=0)
    p_wilcoxon: pl.Float64 = _p("rank-sum test")
    wilcoxon_method: pl.String = col("exact or normal_approximation", null=True, of=_GROWTH)
    hazard_ratio: pl.Float64 = _number("numerator over denominator; below 1 = later", ge=0)
    hazard_ratio_ci_lower: pl.Float64 = _number("95 % limit", ge=0)
    hazard_ratio_ci_upper: pl.Float64 = _number("95 % limit", ge=0)
    p_wald: pl.Float64 = _p("Cox, Wald; null where an arm has no event")
    p_likelihood_ratio: pl.Float64 = _p("Cox, likelihood ratio")
    estimator: pl.String = col("partial_likelihood, or firth where an arm has no event", null=True, of=_GROWTH)
    anova_f: pl.Float64 = _number("F of all arms on the day", ge=0)
    p_anova: pl.Float64 = _p("of anova_f")
    p_student: pl.Float64 = _p("Student's t of the two arms alone")
    p_welch: pl.Float64 = _p("Welch's t of the two arms alone")
    p_tukey_ln_volume: pl.Float64 = _p("Tukey's test of ln volume, volumes of 0 left out")
    n_mice: pl.Int64 = col("mice of all arms on the day", unit="mice", null=True, of=_GROWTH, ge=0)


@table(
    "core.tumour_growth__treatment_to_control",
    grain="one row per study, treated arm and day after the first",
    key=("study_id", "arm", "day"),
    limitation="a mean of a day compares the mice that are left: read n against n started",
)
class TumourTreatmentToControl(TableModel):
    """T/C and tumour growth inhibition per arm and day, with n of n started."""

    study_id: pl.String = col("study", of=_STUDY)
    arm: pl.String = col("treated arm", of=_ARM)
    day: pl.Float64 = col("day of the study", unit="days", of=_DAY)
    day_role: pl.String = col(
        "last_complete: the last day on which every arm still has all its mice, the one to read; asked: the day of"
        " study.toml, or the last one",
        null=True,
        of=_DAY,
        isin=["last_complete", "asked"],
    )
    n_treated: pl.Int64 = col("mice measured", unit="mice", of=_GROWTH, ge=0)
    treated_started: pl.Int64 = col("mice that started", unit="mice", of=_GROWTH, ge=0)
    n_control: pl.Int64 = col("mice measured", unit="mice", of=_GROWTH, ge=0)
    control_started: pl.Int64 = col("mice that started", unit="mice", of=_GROWTH, ge=0)
    mean_treated_mm3: pl.Float64 = _number("mean volume", "mm3", ge=0)
    mean_control_mm3: pl.Float64 = _number("mean volume", "mm3", ge=0)
    tc_percent_mean_volume: pl.Float64 = _number("ratio of mean volumes", "%", ge=0)
    tc_percent_mean_relative_volume: pl.Float64 = _number("ratio of mean relative volumes", "%", ge=0)
    tc_percent_median_relative_volume: pl.Float64 = _number("ratio of median relative volumes", "%", ge=0)
    tc_percent_geometric: pl.Float64 = _number("ratio of geometric means of relative volumes, 0 left out", "%", ge=0)
    tc_geometric_lower: pl.Float64 = _number("95 % limit, Welch's t", "%", ge=0)
    tc_geometric_upper: pl.Float64 = _number("95 % limit, Welch's t", "%", ge=0)
    tc_geometric_p: pl.Float64 = _p("of a ratio of 100 %, Welch's t on ln relative volume")
    zero_volumes_left_out: pl.Int64 = col("of the geometric mean", of=_VOLUME, ge=0)
    tgi_percent: pl.Float64 = _number("100 (1 - change of treated / change of control)", "%")
    tgi_standard_error: pl.Float64 = _number("of tgi_percent, delta method", "%", ge=0)
    tgi_percent_end_points: pl.Float64 = _number("100 (1 - mean treated / mean control)", "%")
    welch_p_volume: pl.Float64 = _p("Welch's t of volumes")
    wilcoxon_p_volume: pl.Float64 = _p("rank sum of volumes")
    wilcoxon_method: pl.String = col("how wilcoxon_p_volume was had", null=True, of=_GROWTH)
    p_note: pl.String = col("why there are no tests", null=True, of=_GROWTH)


@table(
    "core.tumour_growth__time_to_event",
    grain="one row per study, event, arm and day with an event or a censoring",
    key=("study_id", "event", "arm", "day"),
    limitation="a mouse found dead before doubling is censored, and may have died of its tumour",
)
class TumourTimeToEvent(TableModel):
    """Kaplan-Meier curves of the time to doubling and quadrupling, per arm; tests stand in the contrasts."""

    study_id: pl.String = col("study", of=_STUDY)
    event: pl.String = col("doubling or quadrupling of the first volume", of=_GROWTH, isin=["doubling", "quadrupling"])
    arm: pl.String = col("treatment arm", of=_ARM)
    day: pl.Float64 = col("day", unit="days", of=_DAY)
    at_risk: pl.Int64 = col("mice just before the day", unit="mice", of=_GROWTH, ge=0)
    events: pl.Int64 = col("on the day", unit="mice", of=_GROWTH, ge=0)
    censored: pl.Int64 = col("on the day", unit="mice", of=_GROWTH, ge=0)
    survival: pl.Float64 = col("share without the event", of=_GROWTH, **P_CHECK)
    ci_lower: pl.Float64 = _p("95 % limit, log-log; null at 0 and 1")
    ci_upper: pl.Float64 = _p("95 % limit, log-log; null at 0 and 1")
    n_mice: pl.Int64 = col("mice of the arm", unit="mice", of=_GROWTH, ge=0)
    n_events: pl.Int64 = col("events of the arm", unit="mice", of=_GROWTH, ge=0)
    median_days: pl.Float64 = _number("median of the arm; null where not reached", "days")
    median_ci_lower: pl.Float64 = _number("95 % limit", "days")
    median_ci_upper: pl.Float64 = _number("95 % limit", "days")
