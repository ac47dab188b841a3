"""Models of core.plasma_panel__*: markers in plasma, who has them, and what becomes of these patients."""

from __future__ import annotations

from typing import Any

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import P_CHECK

_RAW = "raw.plasma_panel__cells"
_CELL = (f"{_RAW}.number", f"{_RAW}.flag", f"{_RAW}.lod")
_PATIENT = "raw.plasma_panel__patients.value"
_ALL = (*_CELL, _PATIENT)
_SAMPLE = "raw.plasma_panel__samples.timepoint"
_SYMBOL = "gene that the marker is a product of, as HGNC approves it; null where the name is none that it knows"


def _symbol() -> Any:
    return col(_SYMBOL, null=True, of=(f"{_RAW}.marker", "staging.genes__symbols.hgnc_symbol"))


def _p(what: str) -> Any:
    return col(what, null=True, of=_ALL, **P_CHECK)


def _number(what: str, unit: str | None = None, **checks: Any) -> Any:
    return col(what, unit=unit, null=True, of=_ALL, **checks)


def _count(what: str, unit: str | None = None) -> Any:
    return col(what, unit=unit, null=True, of=_ALL, ge=0)


class _Marker(TableModel):
    study_id: pl.String = col("study", of=f"{_RAW}.study_id")
    marker: pl.String = col("marker as the file names it", of=f"{_RAW}.marker")
    hgnc_symbol: pl.String = _symbol()


@table(
    "core.plasma_panel__values",
    grain="one row per study, sample and marker",
    key=("study_id", "sample_id", "marker"),
    limitation="a value with flag below is limit / sqrt(2) on Luminex, and was not measured",
)
class PanelValues(_Marker):
    """Values of markers by the rule of the platform, on the log2 scale."""

    sample_id: pl.String = col("sample", of=f"{_RAW}.sample_id")
    patient_id: pl.String = col("patient", of="raw.plasma_panel__samples.patient_id")
    timepoint: pl.String = col("time point", null=True, of=_SAMPLE)
    flag: pl.String = col("measured, below, above or missing", of=_CELL, isin=["measured", "below", "above", "missing"])
    is_extrapolated: pl.Boolean = col("just outside the standards", of=f"{_RAW}.is_extrapolated")
    value: pl.Float64 = col("value; below its limit: limit / sqrt(2), above: the upper limit", null=True, of=_CELL)
    unit: pl.String = col("unit of value", null=True, of=f"{_RAW}.unit")
    log2_value: pl.Float64 = col("log2 of value; NPX as it is", unit="log2", null=True, of=_CELL)


@table(
    "core.plasma_panel__detection",
    grain="one row per study and marker",
    key=("study_id", "marker"),
    limitation="a marker that is refused is not absent from plasma: this assay does not see it in most patients",
)
class PanelDetection(_Marker):
    """How much of each marker was detected in the baseline samples, which decides whether it is tested."""

    symbol_note: pl.String = col(
        "how the name was resolved, where it is not an approved symbol",
        null=True,
        of="staging.genes__symbols.resolution",
    )
    n_baseline: pl.Int64 = col("baseline samples", unit="samples", of=_CELL, ge=0)
    n_below_lod: pl.Int64 = col("of these, below the limit", unit="samples", of=_CELL, ge=0)
    fraction_below_lod: pl.Float64 = col("share below the limit", of=_CELL, **P_CHECK)
    n_missing: pl.Int64 = col("without a value", unit="samples", of=_CELL, ge=0)
    n_above: pl.Int64 = col("above the range", unit="samples", of=_CELL, ge=0)
    n_extrapolated: pl.Int64 = col("outside the standards, in any sample", unit="samples", of=_CELL, ge=0)
    is_tested: pl.Boolean = col("at most half below the limit", of=_CELL)
    verdict: pl.String = col(
        "tested, tested_with_caution_use_censored_model (20 to 50 % below), refused_mostly_below_lod (over 50 %)",
        of=_CELL,
        isin=["tested", "tested_with_caution_use_censored_model", "refused_mostly_below_lod"],
    )


@table(
    "core.plasma_panel__comparisons",
    grain="one row per study, contrast, method and marker",
    key=("study_id", "contrast", "method", "marker"),
    limitation="methods of one contrast are no independent evidence: read limma first",
)
class PanelComparisons(_Marker):
    """Markers between groups of patients and between two samples of a patient."""

    contrast: pl.String = col("numerator_vs_denominator", of=_ALL)
    method: pl.String = col(
        "between groups: limma (to read first), limma_adjusted (beside covariates), limma_trend_robust (prior with a"
        " trend, robust against outlying variances), wilcoxon_rank_sum,"
        " censored_regression (Tobit), fisher_detected (refused markers: detected or not); of pairs: limma_paired (to"
        " read first), limma_block_correlation, wilcoxon_signed_rank, paired_t",
        of=_ALL,
    )
    is_primary: pl.Boolean = col("the method to read first", of=_ALL)
    numerator: pl.String = col("group or time point", of=_ALL)
    denominator: pl.String = col("group or time point", of=_ALL)
    n_numerator: pl.Int64 = _count("samples with a value", "samples")
    n_denominator: pl.Int64 = _count("samples with a value", "samples")
    n_below_numerator: pl.Int64 = _count("of these, below the limit", "samples")
    n_below_denominator: pl.Int64 = _count("of these, below the limit", "samples")
    n_left_out: pl.Int64 = _count("patients of neither group, or without a pair", "patients")
    n_pairs: pl.Int64 = _count("pairs with both values", "patients")
    n_zero_differences: pl.Int64 = _count("pairs without a difference", "patients")
    n_pairs_both_below: pl.Int64 = _count("pairs below the limit twice", "patients")
    difference_log2: pl.Float64 = _number("numerator minus denominator (rank tests: of medians)", "log2")
    standard_error: pl.Float64 = _number("of difference_log2 (limma: moderated)", "log2", ge=0)
    ci_lower: pl.Float64 = _number("95 % limit of difference_log2", "log2")
    ci_upper: pl.Float64 = _number("95 % limit of difference_log2", "log2")
    statistic: pl.Float64 = _number("moderated t, t, W or V")
    degrees_of_freedom: pl.Float64 = _number("of t, the prior's among them", ge=0)
    p: pl.Float64 = _p("two-sided (censored_regression: likelihood ratio)")
    q: pl.Float64 = _p("Benjamini-Hochberg over the markers of the contrast and method")
    p_wald: pl.Float64 = _p("censored_regression: Wald")
    test: pl.String = col("which p it is, where a method has several", null=True, of=_ALL)
    p_note: pl.String = col("why there is no test, or what it leaves out", null=True, of=_ALL)
    average_log2: pl.Float64 = _number("mean over the samples with a value", "log2")
    b_statistic: pl.Float64 = _number("log odds of a difference", "ln")
    sigma: pl.Float64 = _number("residual standard deviation of the marker", "log2", ge=0)
    df_residual: pl.Float64 = _number("residual degrees of freedom of the marker", ge=0)
    s2_prior: pl.Float64 = _number("prior variance (limma_trend_robust: at the marker's mean)", "log2^2", ge=0)
    df_prior: pl.Float64 = _number("degrees of freedom of the prior; null where infinite: one variance", ge=0)
    s2_posterior: pl.Float64 = _number("moderated variance of the marker", "log2^2", ge=0)
    log_likelihood: pl.Float64 = _number("censored_regression: at the estimate")
    block_correlation: pl.Float64 = _number("correlation of a patient's samples, shared by the markers", ge=-1, le=1)


@table(
    "core.plasma_panel__survival",
    grain="one row per study, endpoint, marker and model",
    key=("study_id", "endpoint", "marker", "model"),
    limitation="the median split is the rule of papers and throws information away: read continuous_per_sd",
)
class PanelSurvival(_Marker):
    """Each tested marker and an endpoint: Cox model per standard deviation, and split at the median."""

    endpoint: pl.String = col("endpoint", of=_PATIENT)
    model: pl.String = col(
        "continuous_per_sd (of log2, to read first), median_split (above the median against the rest)",
        of=_ALL,
        isin=["continuous_per_sd", "median_split"],
    )
    n: pl.Int64 = col("patients", unit="patients", of=_ALL, ge=0)
    events: pl.Int64 = col("events", unit="patients", of=_ALL, ge=0)
    n_high: pl.Int64 = _count("patients above the median", "patients")
    cut_point: pl.Float64 = _number("the high group is above it", "log2")
    log_hazard_ratio: pl.Float64 = _number("Cox coefficient, Efron ties", "ln")
    standard_error: pl.Float64 = _number("of log_hazard_ratio", "ln", ge=0)
    hazard_ratio: pl.Float64 = _number("per standard deviation, or high over low", ge=0)
    ci_lower: pl.Float64 = _number("95 % limit of hazard_ratio", ge=0)
    ci_upper: pl.Float64 = _number("95 % limit of hazard_ratio", ge=0)
    p_value: pl.Float64 = _p("Wald")
    q_value_bh: pl.Float64 = _p("Benjamini-Hochberg of p_value over the tested markers, by endpoint and model")
    p_likelihood_ratio: pl.Float64 = _p("likelihood ratio")
    p_logrank: pl.Float64 = _p("log-rank of the split")
    q_value_bh_logrank: pl.Float64 = _p("Benjamini-Hochberg of p_logrank over the tested markers")
    p_permutation: pl.Float64 = _p("of a split too small for the log-rank distribution")
    p_proportional_hazards: pl.Float64 = _p("score test that the hazard ratio changes with time")
    concordance: pl.Float64 = _p("of the risk with survival")
    fit_status: pl.String = col("converged, monotone_likelihood, not_converged, not_estimable", null=True, of=_ALL)
    estimator: pl.String = col("partial_likelihood or firth", null=True, of=_ALL)
    fit_note: pl.String = col("why a fit is qualified", null=True, of=_ALL)
    split_note: pl.String = col("what the split is where the median is below the limit", null=True, of=_ALL)
    median_follow_up_months: pl.Float64 = col(
        "of the endpoint, reverse Kaplan-Meier", unit="months", null=True, of=_PATIENT, ge=0
    )
    shortest_follow_up_months: pl.Float64 = col(
        "of a patient without the event", unit="months", null=True, of=_PATIENT, ge=0
    )
    longest_follow_up_months: pl.Float64 = col("of any patient", unit="months", null=True, of=_PATIENT, ge=0)


@table(
    "core.plasma_panel__multivariable",
    grain="one row per study, endpoint, model and term",
    key=("study_id", "endpoint", "model_id", "term_order"),
    limitation="terms picked by their p-value look better than they are: read the model that was declared in advance",
)
class PanelMultivariable(TableModel):
    """Cox models of several markers: declared in advance, and the rule of papers beside it."""

    study_id: pl.String = col("study", of=f"{_RAW}.study_id")
    endpoint: pl.String = col("endpoint", of=_PATIENT)
    model_id: pl.String = col("model of study.toml, or median_split_p_below_0.05", of="source")
    rule: pl.String = col(
        "declared_in_advance_per_sd, or median_split_p_below_0.05 (every marker whose split has p < 0.05)",
        of="source",
        isin=["declared_in_advance_per_sd", "median_split_p_below_0.05"],
    )
    term_order: pl.Int64 = col("place of the term in the model", of="source", ge=1)
    variable: pl.String = col("marker or attribute", of=_ALL)
    level: pl.String = col("level of an attribute with levels", null=True, of=_PATIENT)
    marker: pl.String = col("marker; null for an attribute", null=True, of=f"{_RAW}.marker")
    hgnc_symbol: pl.String = _symbol()
    n: pl.Int64 = _count("patients with everything", "patients")
    events: pl.Int64 = _count("events among them", "patients")
    events_per_variable: pl.Float64 = _number("events per coefficient", ge=0)
    log_hazard_ratio: pl.Float64 = _number("Cox coefficient, Efron ties", "ln")
    standard_error: pl.Float64 = _number("of log_hazard_ratio", "ln", ge=0)
    hazard_ratio: pl.Float64 = _number("per standard deviation or unit, or against the reference level", ge=0)
    ci_lower: pl.Float64 = _number("95 % limit", ge=0)
    ci_upper: pl.Float64 = _number("95 % limit", ge=0)
    p_value: pl.Float64 = _p("Wald")
    p_likelihood_ratio_model: pl.Float64 = _p("of all coefficients together")
    estimator: pl.String = col("partial_likelihood, firth, reference or not_estimable", null=True, of=_ALL)
    model_note: pl.String = col("too few events per variable, or why there is no model", null=True, of=_ALL)


@table(
    "core.plasma_panel__auc",
    grain="one row per study, endpoint, marker and month",
    key=("study_id", "endpoint", "marker", "month"),
    limitation="an AUC below 0.5 is no failure: high values of the marker go with a late event",
)
class PanelAuc(_Marker):
    """How well a marker tells who has the event before a month from who is free of it beyond."""

    endpoint: pl.String = col("endpoint", of=_PATIENT)
    month: pl.Float64 = col("time", unit="months", of="source", gt=0)
    n: pl.Int64 = col("patients", unit="patients", of=_ALL, ge=0)
    cases: pl.Int64 = col("event before", unit="patients", of=_ALL, ge=0)
    controls: pl.Int64 = col("at risk beyond", unit="patients", of=_ALL, ge=0)
    censored_before: pl.Int64 = col("neither", unit="patients", of=_ALL, ge=0)
    auc: pl.Float64 = _p("cumulative cases and dynamic controls, weighted for censoring")
    standard_error: pl.Float64 = _number("of the iid decomposition", ge=0)
    ci_lower: pl.Float64 = _p("95 % limit")
    ci_upper: pl.Float64 = _p("95 % limit")
    interval_note: pl.String = col("why there is no interval", null=True, of=_ALL)
