"""Models of core.survival__*: survival analyses."""

from __future__ import annotations

from typing import Any

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import (
    COHORT,
    COHORT_SYMBOL,
    EVENT,
    EXPRESSION,
    P_CHECK,
    SURVIVAL,
    SYMBOL,
    TIME,
)

_ENDPOINT = "staging.cohorts__patient_endpoints.endpoint"
_COVARIATES = (
    "staging.cohorts__patients.age_years",
    "staging.cohorts__patients.sex",
    "staging.cohorts__patients.stage_group",
    "staging.cohorts__patients.tumour_purity",
)
_MODEL_INPUT = (*SURVIVAL, *_COVARIATES)
_MODELS = [
    "continuous",
    "continuous_adjusted",
    "rank_normal",
    "rank_normal_adjusted",
    "median_split",
]
_POWER = "events needed to find the hazard ratio at hand with 80 % power (Schoenfeld)"


def _split_power() -> Any:
    return col(f"{_POWER}: that of the median split", unit="patients", null=True, of=SURVIVAL, ge=0)


def _detectable(upstream: tuple[str, ...], what: str = "per standard deviation, or between groups") -> Any:
    return col(
        f"smallest hazard ratio above 1 ({what}) that this many events find with 80 % power at a two-sided alpha of"
        " 0.05 (Schoenfeld); does not depend on the effect found",
        null=True,
        of=upstream,
        ge=1,
    )


def _interval(what: str, upstream: tuple[str, ...], **checks: Any) -> Any:
    return col(f"95 % limit of {what}", null=True, of=upstream, **checks)


@table(
    "core.survival__cohort_endpoints",
    grain="one row per cohort and endpoint",
    key=("cohort_id", "endpoint"),
    limitation="patients without expression are counted in n_with_follow_up, not in n_analysed",
)
class SurvivalCohortEndpoints(TableModel):
    """How many patients and events each endpoint has, and how long they were followed."""

    cohort_id: pl.String = col("cohort", of=COHORT)
    endpoint: pl.String = col("endpoint", of=_ENDPOINT)
    n_patients: pl.Int64 = col(
        "patients of the cohort", unit="patients", of="staging.cohorts__patients.patient_id", ge=0
    )
    n_with_follow_up: pl.Int64 = col("patients with a status and a time", unit="patients", of=(TIME, EVENT), ge=0)
    n_events_with_follow_up: pl.Int64 = col("events among them", unit="patients", of=EVENT, ge=0)
    n_analysed: pl.Int64 = col("of these, with expression", unit="patients", of=SURVIVAL, ge=0)
    n_events_analysed: pl.Int64 = col("events among the analysed", unit="patients", of=SURVIVAL, ge=0)
    median_follow_up_months: pl.Float64 = col(
        "reverse Kaplan-Meier, of the analysed", unit="months", null=True, of=(TIME, EVENT)
    )
    median_survival_months: pl.Float64 = col(
        "Kaplan-Meier, of the analysed; null where not reached", unit="months", null=True, of=(TIME, EVENT)
    )
    excluded: pl.String = col("why patients with a status were left out, with numbers", null=True, of=(TIME, EVENT))


@table(
    "core.survival__cohort_endpoint_genes",
    grain="one row per cohort, endpoint, gene and model",
    key=("cohort_id", "endpoint", "hgnc_symbol", "model"),
    limitation="a small p-value here is one of thousands: read q_value_bh and percentile_among_genes beside it",
)
class SurvivalCohortEndpointGenes(TableModel):
    """Every gene against every endpoint: univariable Cox on expression, and on expression split at the median."""

    cohort_id: pl.String = col("cohort", of=COHORT)
    endpoint: pl.String = col("endpoint", of=_ENDPOINT)
    hgnc_symbol: pl.String = col(SYMBOL, of=COHORT_SYMBOL)
    source_symbol: pl.String = col("symbol as the vendor gives it", of="staging.cohorts__genes.source_symbol")
    model: pl.String = col(
        "continuous (per unit of expression), rank_normal (per unit of the normal score of its rank), each also with"
        " _adjusted (beside the covariates), median_split (above the median against the rest), quartile_split (above"
        " the third quartile against at or below the first)",
        of="source",
        isin=[*_MODELS, "quartile_split"],
    )
    expression_scale: pl.String = col(
        "what one unit of expression is in this model", null=True, of="staging.cohorts__genes.expression_scale"
    )
    is_primary: pl.Boolean = col(
        "the scale to read first: continuous where the profile is on a log scale, rank_normal where it is linear or a"
        " z-score, of which a few patients may carry most of the variance; null for splits",
        null=True,
        of="staging.cohorts__genes.expression_scale",
    )
    covariates: pl.String = col(
        "what the model is adjusted for, joined by |; patients without one of them are left out (_adjusted)",
        null=True,
        of=_COVARIATES,
    )
    n: pl.Int64 = col("patients", unit="patients", of=SURVIVAL, ge=0)
    events: pl.Int64 = col("events", unit="patients", of=SURVIVAL, ge=0)
    log_hazard_ratio: pl.Float64 = col("Cox coefficient, Efron ties", unit="ln", null=True, of=SURVIVAL)
    hazard_ratio: pl.Float64 = col("per unit of expression, or high over low", null=True, of=SURVIVAL, ge=0)
    ci_lower: pl.Float64 = col("95 % limit of the hazard ratio (Wald)", null=True, of=SURVIVAL, ge=0)
    ci_upper: pl.Float64 = col("95 % limit of the hazard ratio (Wald)", null=True, of=SURVIVAL, ge=0)
    standard_error: pl.Float64 = col("of log_hazard_ratio", unit="ln", null=True, of=SURVIVAL, ge=0)
    statistic: pl.Float64 = col("Wald z", null=True, of=SURVIVAL)
    p_value: pl.Float64 = col(
        "Wald, two-sided; misleading where few patients carry the variance: read p_likelihood_ratio",
        null=True,
        of=SURVIVAL,
        **P_CHECK,
    )
    p_likelihood_ratio: pl.Float64 = col(
        "likelihood-ratio test: the leading p-value of a model", null=True, of=SURVIVAL, **P_CHECK
    )
    p_score: pl.Float64 = col("score test", null=True, of=SURVIVAL, **P_CHECK)
    q_value_bh: pl.Float64 = col(
        "Benjamini-Hochberg of p_value within cohort, endpoint and model", null=True, of=SURVIVAL, **P_CHECK
    )
    percentile_among_genes: pl.Float64 = col(
        "share of genes tested the same way with a smaller p_value, mid-rank for ties",
        unit="%",
        null=True,
        of=SURVIVAL,
        ge=0,
        le=100,
    )
    q_value_bh_likelihood_ratio: pl.Float64 = col(
        "Benjamini-Hochberg of p_likelihood_ratio within cohort, endpoint and model", null=True, of=SURVIVAL, **P_CHECK
    )
    percentile_likelihood_ratio: pl.Float64 = col(
        "share of genes tested the same way with a smaller p_likelihood_ratio, mid-rank for ties",
        unit="%",
        null=True,
        of=SURVIVAL,
        ge=0,
        le=100,
    )
    hazard_ratio_per_sd: pl.Float64 = col(
        "per standard deviation of expression, or of the normal scores", null=True, of=SURVIVAL, ge=0
    )
    concordance: pl.Float64 = col("of the fitted risk with survival", null=True, of=SURVIVAL, **P_CHECK)
    cut_point: pl.Float64 = col(
        "the high group is above it: median or third quartile", unit="as expression", null=True, of=EXPRESSION
    )
    cut_point_low: pl.Float64 = col(
        "the low group is at or below it: median or first quartile", unit="as expression", null=True, of=EXPRESSION
    )
    n_high: pl.Int64 = col("patients in the high group", unit="patients", null=True, of=SURVIVAL, ge=0)
    n_low: pl.Int64 = col("patients in the low group", unit="patients", null=True, of=SURVIVAL, ge=0)
    observed_high: pl.Int64 = col("events in the high group", unit="patients", null=True, of=SURVIVAL, ge=0)
    expected_high: pl.Float64 = col(
        "events that the log-rank test expects in the high group", unit="patients", null=True, of=SURVIVAL, ge=0
    )
    observed_low: pl.Int64 = col("events in the low group", unit="patients", null=True, of=SURVIVAL, ge=0)
    expected_low: pl.Float64 = col(
        "events that the log-rank test expects in the low group", unit="patients", null=True, of=SURVIVAL, ge=0
    )
    logrank_chi2: pl.Float64 = col("log-rank statistic, 1 degree of freedom", null=True, of=SURVIVAL, ge=0)
    p_logrank: pl.Float64 = col(
        "log-rank test; null where a group is below the declared minimum: read p_permutation",
        null=True,
        of=SURVIVAL,
        **P_CHECK,
    )
    q_value_bh_logrank: pl.Float64 = col(
        "Benjamini-Hochberg of p_logrank within cohort, endpoint and model", null=True, of=SURVIVAL, **P_CHECK
    )
    percentile_logrank: pl.Float64 = col(
        "share of genes tested the same way with a smaller p_logrank, mid-rank for ties",
        unit="%",
        null=True,
        of=SURVIVAL,
        ge=0,
        le=100,
    )
    p_permutation: pl.Float64 = col(
        "permutation test of the log-rank score, for splits with a group below the declared minimum (share of"
        " patients, patients, expected events); part of no q-value",
        null=True,
        of=SURVIVAL,
        **P_CHECK,
    )
    permutations: pl.Int64 = col(
        "permutations behind p_permutation; null where every division of the patients was looked at (exact)",
        null=True,
        of="source",
        ge=0,
    )
    median_survival_months_high: pl.Float64 = col(
        "Kaplan-Meier, high group; null where not reached", unit="months", null=True, of=SURVIVAL
    )
    median_survival_months_low: pl.Float64 = col(
        "Kaplan-Meier, low group; null where not reached", unit="months", null=True, of=SURVIVAL
    )
    events_for_80pct_power: pl.Float64 = col(
        "events needed to find this hazard ratio with 80 % power (Schoenfeld)",
        unit="patients",
        null=True,
        of=SURVIVAL,
        ge=0,
    )
    minimum_detectable_hazard_ratio: pl.Float64 = _detectable(SURVIVAL)
    fit_status: pl.String = col(
        "converged, monotone_likelihood, not_converged or not_estimable",
        of=SURVIVAL,
        isin=["converged", "monotone_likelihood", "not_converged", "not_estimable"],
    )
    fit_note: pl.String = col("why a fit is qualified", null=True, of=SURVIVAL)
    estimator: pl.String = col("partial_likelihood or firth", null=True, of=SURVIVAL)


@table(
    "core.survival__kaplan_meier",
    grain="one row per cohort, endpoint, gene of interest, group and distinct time",
    key=("cohort_id", "endpoint", "hgnc_symbol", "expression_group", "time_months"),
    limitation="the tail of a curve rests on few patients: read n_at_risk",
)
class SurvivalKaplanMeier(TableModel):
    """Survival curves of genes of interest, split at the median."""

    cohort_id: pl.String = col("cohort", of=COHORT)
    endpoint: pl.String = col("endpoint", of=_ENDPOINT)
    hgnc_symbol: pl.String = col(SYMBOL, of=COHORT_SYMBOL)
    expression_group: pl.String = col("high = above the median", of=EXPRESSION, isin=["high", "low"])
    time_months: pl.Float64 = col("time", unit="months", of=TIME)
    n_at_risk: pl.Int64 = col("just before the time", unit="patients", of=SURVIVAL, ge=0)
    n_events: pl.Int64 = col("at the time", unit="patients", of=SURVIVAL, ge=0)
    n_censored: pl.Int64 = col("at the time", unit="patients", of=SURVIVAL, ge=0)
    survival: pl.Float64 = col("Kaplan-Meier estimate", of=SURVIVAL, **P_CHECK)
    standard_error_survival: pl.Float64 = col("of survival, after Greenwood", null=True, of=SURVIVAL, ge=0)
    ci_lower: pl.Float64 = col("95 % limit, log transform", null=True, of=SURVIVAL, **P_CHECK)
    ci_upper: pl.Float64 = col("95 % limit, log transform", null=True, of=SURVIVAL, **P_CHECK)
    ci_lower_log_log: pl.Float64 = col(
        "95 % limit, log-log transform; null while survival is 1", null=True, of=SURVIVAL, **P_CHECK
    )
    ci_upper_log_log: pl.Float64 = col(
        "95 % limit, log-log transform; null while survival is 1", null=True, of=SURVIVAL, **P_CHECK
    )
    events_for_80pct_power: pl.Float64 = _split_power()


class _CohortEndpointGene(TableModel):
    cohort_id: pl.String = col("cohort", of=COHORT)
    endpoint: pl.String = col("endpoint", of=_ENDPOINT)
    hgnc_symbol: pl.String = col(SYMBOL, of=COHORT_SYMBOL)


@table(
    "core.survival__optimal_cuts",
    grain="one row per cohort, endpoint and gene",
    key=("cohort_id", "endpoint", "hgnc_symbol"),
    limitation="p_naive is not a p-value of anything: the cut was chosen to make it small; read p_corrected",
)
class SurvivalOptimalCuts(_CohortEndpointGene):
    """The cut-point with the largest log-rank statistic (maximally selected rank statistics), with p-values that pay
    for the search."""

    n: pl.Int64 = col("patients", unit="patients", of=SURVIVAL, ge=0)
    events: pl.Int64 = col("events", unit="patients", of=SURVIVAL, ge=0)
    cut_point: pl.Float64 = col(
        "the high group is above it, the low one at or below", unit="as expression", null=True, of=SURVIVAL
    )
    n_high: pl.Int64 = col("patients in the high group", unit="patients", null=True, of=SURVIVAL, ge=0)
    n_low: pl.Int64 = col("patients in the low group", unit="patients", null=True, of=SURVIVAL, ge=0)
    n_cut_points: pl.Int64 = col("cut-points that were tried", null=True, of=EXPRESSION, ge=0)
    statistic: pl.Float64 = col("largest standardised log-rank statistic", null=True, of=SURVIVAL)
    p_naive: pl.Float64 = col(
        "of the chosen cut as if it had been the only one: not to be reported", null=True, of=SURVIVAL, **P_CHECK
    )
    p_lau92: pl.Float64 = col("corrected, Lausen and Schumacher 1992", null=True, of=SURVIVAL, **P_CHECK)
    p_lau94: pl.Float64 = col(
        "corrected, Lausen, Sauerbrei and Schumacher 1994, cut at 1", null=True, of=SURVIVAL, **P_CHECK
    )
    p_permutation: pl.Float64 = col("corrected, permutations of the log-rank scores", null=True, of=SURVIVAL, **P_CHECK)
    permutations: pl.Int64 = col("permutations behind p_permutation", null=True, of="source", ge=0)
    p_corrected: pl.Float64 = col(
        "the p-value to read: p_permutation, or p_lau94 where no permutation reached the statistic and it is the"
        " smaller one",
        null=True,
        of=SURVIVAL,
        **P_CHECK,
    )
    p_method: pl.String = col(
        "where p_corrected comes from", null=True, of=SURVIVAL, isin=["permutation", "lausen_1994"]
    )
    q_value_bh: pl.Float64 = col(
        "Benjamini-Hochberg of p_corrected within cohort and endpoint", null=True, of=SURVIVAL, **P_CHECK
    )
    percentile_among_genes: pl.Float64 = col(
        "share of genes with a smaller p_corrected, mid-rank for ties", unit="%", null=True, of=SURVIVAL, ge=0, le=100
    )
    hazard_ratio_at_cut: pl.Float64 = col(
        "high over low; too far from 1, because the cut was chosen for it", null=True, of=SURVIVAL, ge=0
    )
    events_for_80pct_power: pl.Float64 = col(
        f"{_POWER}; too few, for the same reason", unit="patients", null=True, of=SURVIVAL, ge=0
    )
    fit_note: pl.String = col("why there is no cut", null=True, of=SURVIVAL)


class _GeneModel(_CohortEndpointGene):
    model_id: pl.String = col("model of the catalog ([survival] of studies.toml)", of="source")


@table(
    "core.survival__multivariable_terms",
    grain="one row per cohort, endpoint, gene of interest, model and term",
    key=("cohort_id", "endpoint", "hgnc_symbol", "model_id", "term"),
    limitation="the rows of age, sex and stage differ between genes only through what a gene takes from them",
)
class SurvivalMultivariableTerms(_GeneModel):
    """Terms of the Cox models of genes of interest, ready for a forest plot."""

    term: pl.String = col("variable, with its level where it has levels", of=_MODEL_INPUT)
    term_order: pl.Int64 = col("place of the term in the model, from 1", of=_MODEL_INPUT, ge=1)
    variable: pl.String = col("expression (per unit), age_years, sex or stage_group", of=_MODEL_INPUT)
    level: pl.String = col("level of a variable with levels", null=True, of=_COVARIATES)
    n: pl.Int64 = col("patients of the level, or of the model", unit="patients", of=_MODEL_INPUT, ge=0)
    events: pl.Int64 = col("events among them", unit="patients", of=_MODEL_INPUT, ge=0)
    log_hazard_ratio: pl.Float64 = col(
        "Cox coefficient, Efron ties; 0 for a reference", unit="ln", null=True, of=_MODEL_INPUT
    )
    hazard_ratio: pl.Float64 = col("per unit, or against the reference level", null=True, of=_MODEL_INPUT, ge=0)
    ci_lower: pl.Float64 = _interval("hazard_ratio", _MODEL_INPUT, ge=0)
    ci_upper: pl.Float64 = _interval("hazard_ratio", _MODEL_INPUT, ge=0)
    standard_error: pl.Float64 = col("of log_hazard_ratio", unit="ln", null=True, of=_MODEL_INPUT, ge=0)
    statistic: pl.Float64 = col("Wald z", null=True, of=_MODEL_INPUT)
    p_value: pl.Float64 = col(
        "Wald, two-sided (Firth: penalised likelihood ratio)", null=True, of=_MODEL_INPUT, **P_CHECK
    )
    p_likelihood_ratio: pl.Float64 = col(
        "likelihood-ratio test of the variable, all its levels together, against the model without it",
        null=True,
        of=_MODEL_INPUT,
        **P_CHECK,
    )
    q_value_bh: pl.Float64 = col(
        "Benjamini-Hochberg of the expression terms over the genes of interest, within cohort, endpoint and model",
        null=True,
        of=_MODEL_INPUT,
        **P_CHECK,
    )
    hazard_ratio_per_sd: pl.Float64 = col(
        "per standard deviation of a numeric variable", null=True, of=_MODEL_INPUT, ge=0
    )
    q_value_bh_likelihood_ratio: pl.Float64 = col(
        "Benjamini-Hochberg of p_likelihood_ratio, as q_value_bh", null=True, of=_MODEL_INPUT, **P_CHECK
    )
    minimum_detectable_hazard_ratio: pl.Float64 = _detectable(_MODEL_INPUT, "of the term, other terms aside")
    events_for_80pct_power: pl.Float64 = col(
        f"{_POWER}, other terms aside", unit="patients", null=True, of=_MODEL_INPUT, ge=0
    )
    estimator: pl.String = col(
        "partial_likelihood, firth, reference, or not_estimable (a level without an event)",
        of=_MODEL_INPUT,
        isin=["partial_likelihood", "firth", "reference", "not_estimable"],
    )


@table(
    "core.survival__multivariable_models",
    grain="one row per cohort, endpoint, gene of interest and model",
    key=("cohort_id", "endpoint", "hgnc_symbol", "model_id"),
    limitation="patients with a missing covariate are left out, so models differ in their patients: compare n",
)
class SurvivalMultivariableModels(_GeneModel):
    """Cox models of genes of interest as a whole."""

    covariates: pl.String = col("what the gene is adjusted for, joined by |", null=True, of=_COVARIATES)
    strata: pl.String = col(
        "variables whose levels have a baseline hazard each, joined by |", null=True, of=_COVARIATES
    )
    n: pl.Int64 = col("patients with everything", unit="patients", of=_MODEL_INPUT, ge=0)
    events: pl.Int64 = col("events among them", unit="patients", of=_MODEL_INPUT, ge=0)
    n_left_out: pl.Int64 = col(
        "patients without one of the variables or without follow-up", unit="patients", of=_MODEL_INPUT, ge=0
    )
    coefficients: pl.Int64 = col("coefficients estimated", null=True, of=_MODEL_INPUT, ge=0)
    events_per_variable: pl.Float64 = col("events per coefficient", null=True, of=_MODEL_INPUT, ge=0)
    n_strata: pl.Int64 = col("baseline hazards", null=True, of=_MODEL_INPUT, ge=0)
    log_likelihood_null: pl.Float64 = col("of the model without coefficients", null=True, of=_MODEL_INPUT)
    log_likelihood: pl.Float64 = col("at the estimates", null=True, of=_MODEL_INPUT)
    likelihood_ratio_chi2: pl.Float64 = col("of all coefficients", null=True, of=_MODEL_INPUT)
    p_likelihood_ratio: pl.Float64 = col("of all coefficients", null=True, of=_MODEL_INPUT, **P_CHECK)
    wald_chi2: pl.Float64 = col("of all coefficients", null=True, of=_MODEL_INPUT)
    p_wald: pl.Float64 = col("of all coefficients", null=True, of=_MODEL_INPUT, **P_CHECK)
    score_chi2: pl.Float64 = col("of all coefficients", null=True, of=_MODEL_INPUT)
    p_score: pl.Float64 = col("of all coefficients", null=True, of=_MODEL_INPUT, **P_CHECK)
    concordance: pl.Float64 = col("of the fitted risk with survival", null=True, of=_MODEL_INPUT, **P_CHECK)
    p_proportional_hazards: pl.Float64 = col("global test (cox.zph)", null=True, of=_MODEL_INPUT, **P_CHECK)
    hazards_not_proportional: pl.String = col(
        "variables whose hazard ratio changes with time (p < 0.05), joined by |", null=True, of=_MODEL_INPUT
    )
    events_for_80pct_power: pl.Float64 = col(
        f"{_POWER}: that of the gene", unit="patients", null=True, of=_MODEL_INPUT, ge=0
    )
    minimum_detectable_hazard_ratio: pl.Float64 = _detectable(_MODEL_INPUT, "per standard deviation of the gene")
    fit_status: pl.String = col(
        "converged, monotone_likelihood, not_converged or not_estimable",
        of=_MODEL_INPUT,
        isin=["converged", "monotone_likelihood", "not_converged", "not_estimable"],
    )
    warning: pl.String = col(
        "too few events per coefficient, a level without events, a coefficient that runs away, or why there is no fit",
        null=True,
        of=_MODEL_INPUT,
    )


@table(
    "core.survival__proportional_hazards",
    grain="one row per cohort, endpoint, gene of interest, model and variable, GLOBAL among them",
    key=("cohort_id", "endpoint", "hgnc_symbol", "model_id", "variable"),
    limitation="a large p-value does not show that hazards are proportional: with few events nothing is found",
)
class SurvivalProportionalHazards(_GeneModel):
    """Score test of proportional hazards for each variable and globally, as R's cox.zph since survival 3.0."""

    variable: pl.String = col("variable, or GLOBAL for all together", of=_MODEL_INPUT)
    n: pl.Int64 = col("patients in the model", unit="patients", of=_MODEL_INPUT, ge=0)
    events: pl.Int64 = col("events in the model", unit="patients", of=_MODEL_INPUT, ge=0)
    chi2: pl.Float64 = col("score statistic; null where the data cannot tell", null=True, of=_MODEL_INPUT)
    degrees_of_freedom: pl.Int64 = col("of chi2", of=_MODEL_INPUT, ge=1)
    p_value: pl.Float64 = col("upper tail", null=True, of=_MODEL_INPUT, **P_CHECK)
    violated: pl.Boolean = col("p_value < 0.05", null=True, of=_MODEL_INPUT)


_GROUPS = ["high", "low"]


@table(
    "core.survival__restricted_means",
    grain="one row per cohort, endpoint, gene of interest and group of the median split, and their difference",
    key=("cohort_id", "endpoint", "hgnc_symbol", "expression_group"),
    limitation="not a mean survival: only the months up to the horizon count",
)
class SurvivalRestrictedMeans(_CohortEndpointGene):
    """Mean survival up to a horizon: the area under the Kaplan-Meier curve."""

    expression_group: pl.String = col(
        "high = above the median; high_minus_low = their difference", of=EXPRESSION, isin=[*_GROUPS, "high_minus_low"]
    )
    until_months: pl.Float64 = col("horizon", unit="months", of="source")
    n: pl.Int64 = col("patients", unit="patients", of=SURVIVAL, ge=0)
    events: pl.Int64 = col("events, those beyond the horizon too", unit="patients", of=SURVIVAL, ge=0)
    n_at_risk_at_horizon: pl.Int64 = col("patients still observed then", unit="patients", of=SURVIVAL, ge=0)
    restricted_mean_months: pl.Float64 = col("mean, or difference of means", unit="months", of=SURVIVAL)
    standard_error_months: pl.Float64 = col("of restricted_mean_months", unit="months", of=SURVIVAL, ge=0)
    ci_lower_months: pl.Float64 = col("95 % limit, normal", unit="months", of=SURVIVAL)
    ci_upper_months: pl.Float64 = col("95 % limit, normal", unit="months", of=SURVIVAL)
    p_value: pl.Float64 = col("of the difference, normal", null=True, of=SURVIVAL, **P_CHECK)
    events_for_80pct_power: pl.Float64 = _split_power()


@table(
    "core.survival__landmarks",
    grain="one row per cohort, endpoint, gene of interest, group of the median split and landmark",
    key=("cohort_id", "endpoint", "hgnc_symbol", "expression_group", "time_months"),
    limitation="null beyond the last patient of a group does not mean that nobody survived",
)
class SurvivalLandmarks(_CohortEndpointGene):
    """Survival of the two groups at fixed times, with the numbers at risk."""

    expression_group: pl.String = col("high = above the median", of=EXPRESSION, isin=_GROUPS)
    time_months: pl.Float64 = col("landmark", unit="months", of="source")
    n: pl.Int64 = col("patients in the group", unit="patients", of=SURVIVAL, ge=0)
    events: pl.Int64 = col("events in the group", unit="patients", of=SURVIVAL, ge=0)
    n_at_risk: pl.Int64 = col("observed at or beyond the time", unit="patients", of=SURVIVAL, ge=0)
    n_events_before: pl.Int64 = col("events before the time", unit="patients", of=SURVIVAL, ge=0)
    survival: pl.Float64 = col("Kaplan-Meier estimate", null=True, of=SURVIVAL, **P_CHECK)
    standard_error_survival: pl.Float64 = col("of survival, after Greenwood", null=True, of=SURVIVAL, ge=0)
    ci_lower: pl.Float64 = col("95 % limit, log transform", null=True, of=SURVIVAL, **P_CHECK)
    ci_upper: pl.Float64 = col("95 % limit, log transform", null=True, of=SURVIVAL, **P_CHECK)
    ci_lower_log_log: pl.Float64 = col("95 % limit, log-log transform", null=True, of=SURVIVAL, **P_CHECK)
    ci_upper_log_log: pl.Float64 = col("95 % limit, log-log transform", null=True, of=SURVIVAL, **P_CHECK)
    events_for_80pct_power: pl.Float64 = _split_power()


@table(
    "core.survival__time_dependent_auc",
    grain="one row per cohort, endpoint, gene of interest, model and time",
    key=("cohort_id", "endpoint", "hgnc_symbol", "model_id", "time_months"),
    limitation="auc is measured on the patients that the model was fitted to: read auc_cross_validated beside it; an"
    " AUC of a model with covariates is not the gene's: read auc_gain. <model_id>_covariates_alone is the model"
    " without it",
)
class SurvivalTimeDependentAuc(_GeneModel):
    """How well a model tells those who had the event by a time from those who did not (cumulative cases, dynamic
    controls, weighted for censoring). An event at exactly the time is a case."""

    time_months: pl.Float64 = col("time", unit="months", of="source")
    n: pl.Int64 = col("patients in the model", unit="patients", of=_MODEL_INPUT, ge=0)
    n_at_risk: pl.Int64 = col("observed beyond the time", unit="patients", of=_MODEL_INPUT, ge=0)
    n_cases: pl.Int64 = col("events at or before the time (T <= t)", unit="patients", of=_MODEL_INPUT, ge=0)
    auc: pl.Float64 = col("apparent", null=True, of=_MODEL_INPUT, **P_CHECK)
    ci_lower: pl.Float64 = col("95 % percentile limit of auc, bootstrap", null=True, of=_MODEL_INPUT, **P_CHECK)
    ci_upper: pl.Float64 = col("95 % percentile limit of auc, bootstrap", null=True, of=_MODEL_INPUT, **P_CHECK)
    auc_cross_validated: pl.Float64 = col(
        "model fitted on other patients than those compared", null=True, of=_MODEL_INPUT, **P_CHECK
    )
    bootstrap_samples: pl.Int64 = col("resamples in which the value exists", of=_MODEL_INPUT, ge=0)
    auc_covariates_alone: pl.Float64 = col(
        "of the same model without the gene, on the same patients; null where the gene is alone",
        null=True,
        of=_MODEL_INPUT,
        **P_CHECK,
    )
    auc_gain: pl.Float64 = col("auc - auc_covariates_alone", null=True, of=_MODEL_INPUT, ge=-1, le=1)
    auc_gain_ci_lower: pl.Float64 = _interval("auc_gain, over the same resamples", _MODEL_INPUT, ge=-1, le=1)
    auc_gain_ci_upper: pl.Float64 = _interval("auc_gain, over the same resamples", _MODEL_INPUT, ge=-1, le=1)
    auc_gain_cross_validated: pl.Float64 = col(
        "difference of the cross-validated values", null=True, of=_MODEL_INPUT, ge=-1, le=1
    )
    events_for_80pct_power: pl.Float64 = col(
        f"{_POWER}: that of the gene in the model; null without it", unit="patients", null=True, of=_MODEL_INPUT, ge=0
    )


@table(
    "core.survival__signatures",
    grain="one row per cohort, endpoint and gene list",
    key=("cohort_id", "endpoint", "signature_id"),
    limitation="p_likelihood_ratio alone says little: most random signatures may be as small; read p_random",
)
class SurvivalSignatures(TableModel):
    """Mean z-score of a gene list as a Cox covariate, against random lists of the same size."""

    cohort_id: pl.String = col("cohort", of=COHORT)
    endpoint: pl.String = col("endpoint", of=_ENDPOINT)
    signature_id: pl.String = col("gene list or panel", of="core.gene_lists__members.list_id")
    genes_in_list: pl.Int64 = col("genes of the list", unit="genes", of="core.gene_lists__members.hgnc_symbol", ge=0)
    genes_in_signature: pl.Int64 = col(
        "of these, measured in the cohort",
        unit="genes",
        of=("core.gene_lists__members.hgnc_symbol", COHORT_SYMBOL),
        ge=0,
    )
    n: pl.Int64 = col("patients", unit="patients", null=True, of=SURVIVAL, ge=0)
    events: pl.Int64 = col("events", unit="patients", null=True, of=SURVIVAL, ge=0)
    log_hazard_ratio_per_sd: pl.Float64 = col("per standard deviation of the score", unit="ln", null=True, of=SURVIVAL)
    hazard_ratio_per_sd: pl.Float64 = col("per standard deviation of the score", null=True, of=SURVIVAL, ge=0)
    ci_lower: pl.Float64 = _interval("hazard_ratio_per_sd", SURVIVAL, ge=0)
    ci_upper: pl.Float64 = _interval("hazard_ratio_per_sd", SURVIVAL, ge=0)
    statistic: pl.Float64 = col("Wald z", null=True, of=SURVIVAL)
    p_value: pl.Float64 = col("Wald, as if the list were the only one there is", null=True, of=SURVIVAL, **P_CHECK)
    p_likelihood_ratio: pl.Float64 = col(
        "likelihood-ratio test, as if the list were the only one there is", null=True, of=SURVIVAL, **P_CHECK
    )
    p_random: pl.Float64 = col(
        "share of random lists of the same size whose likelihood ratio is at least as large: the p-value to read",
        null=True,
        of=SURVIVAL,
        **P_CHECK,
    )
    q_value_bh: pl.Float64 = col(
        "Benjamini-Hochberg of p_random within cohort and endpoint", null=True, of=SURVIVAL, **P_CHECK
    )
    random_signatures: pl.Int64 = col("random lists drawn", null=True, of="source", ge=0)
    random_share_below_005: pl.Float64 = col(
        "share of random lists with p_likelihood_ratio < 0.05: what a p-value alone is worth here",
        null=True,
        of=SURVIVAL,
        **P_CHECK,
    )
    concordance: pl.Float64 = col("of the score with survival", null=True, of=SURVIVAL, **P_CHECK)
    events_for_80pct_power: pl.Float64 = col(_POWER, unit="patients", null=True, of=SURVIVAL, ge=0)
    note: pl.String = col("why there is no result", null=True, of=SURVIVAL)


_SCREEN_COLUMNS = (
    "core.survival__cohort_endpoint_genes.log_hazard_ratio",
    "core.survival__cohort_endpoint_genes.standard_error",
    "core.survival__cohort_endpoint_genes.hazard_ratio_per_sd",
)


@table(
    "core.survival__meta_analysis",
    grain="one row per endpoint, model and gene that two or more cohorts estimated",
    key=("endpoint", "model", "hgnc_symbol"),
    limitation="a large p_value is not evidence of absence: with two cohorts it has one degree of freedom and can"
    " hardly be small, so p_value_leading is then of the fixed effect; empty where no endpoint has two cohorts of"
    " different patients (core.survival__shared_patients)",
)
class SurvivalMetaAnalysis(TableModel):
    """Hazard ratio of a gene over the cohorts (random effects; per standard deviation, because scales differ)."""

    endpoint: pl.String = col("endpoint", of=_ENDPOINT)
    model: pl.String = col(
        "continuous, rank_normal, each also _adjusted (all per standard deviation), or median_split (high over low)",
        of="core.survival__cohort_endpoint_genes.model",
        isin=_MODELS,
    )
    hgnc_symbol: pl.String = col(SYMBOL, of="core.survival__cohort_endpoint_genes.hgnc_symbol")
    is_primary: pl.Boolean = col(
        "the scale to read first: rank_normal as soon as it is the primary one of a pooled cohort, else continuous;"
        " null for splits",
        null=True,
        of="core.survival__cohort_endpoint_genes.is_primary",
    )
    cohorts: pl.Int64 = col("cohorts with an estimate", of=_SCREEN_COLUMNS, ge=2)
    cohort_ids: pl.String = col("those, joined by |", of="core.survival__cohort_endpoint_genes.cohort_id")
    n: pl.Int64 = col("patients in them", unit="patients", of="core.survival__cohort_endpoint_genes.n", ge=0)
    events: pl.Int64 = col("events in them", unit="patients", of="core.survival__cohort_endpoint_genes.events", ge=0)
    log_hazard_ratio: pl.Float64 = col("random effects (DerSimonian-Laird)", unit="ln", of=_SCREEN_COLUMNS)
    standard_error: pl.Float64 = col("of log_hazard_ratio (Hartung-Knapp)", unit="ln", of=_SCREEN_COLUMNS, ge=0)
    hazard_ratio: pl.Float64 = col("random effects", null=True, of=_SCREEN_COLUMNS, ge=0)
    ci_lower: pl.Float64 = _interval("hazard_ratio (Hartung-Knapp)", _SCREEN_COLUMNS, ge=0)
    ci_upper: pl.Float64 = _interval("hazard_ratio (Hartung-Knapp)", _SCREEN_COLUMNS, ge=0)
    p_value: pl.Float64 = col("Hartung-Knapp, t with cohorts - 1", of=_SCREEN_COLUMNS, **P_CHECK)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within endpoint and model", of=_SCREEN_COLUMNS, **P_CHECK)
    p_value_normal: pl.Float64 = col("plain random effects", of=_SCREEN_COLUMNS, **P_CHECK)
    q_value_bh_normal: pl.Float64 = col(
        "Benjamini-Hochberg of p_value_normal within endpoint and model", of=_SCREEN_COLUMNS, **P_CHECK
    )
    log_hazard_ratio_fixed: pl.Float64 = col("fixed effect", unit="ln", of=_SCREEN_COLUMNS)
    standard_error_fixed: pl.Float64 = col("of log_hazard_ratio_fixed", unit="ln", of=_SCREEN_COLUMNS, ge=0)
    hazard_ratio_fixed: pl.Float64 = col("fixed effect", null=True, of=_SCREEN_COLUMNS, ge=0)
    ci_lower_fixed: pl.Float64 = _interval("hazard_ratio_fixed", _SCREEN_COLUMNS, ge=0)
    ci_upper_fixed: pl.Float64 = _interval("hazard_ratio_fixed", _SCREEN_COLUMNS, ge=0)
    p_value_fixed: pl.Float64 = col("fixed effect", of=_SCREEN_COLUMNS, **P_CHECK)
    method_leading: pl.String = col(
        "what to read: the fixed effect of two cohorts, Hartung-Knapp from three on",
        of=_SCREEN_COLUMNS,
        isin=["fixed_effect", "hartung_knapp"],
    )
    hazard_ratio_leading: pl.Float64 = col("of the leading method", null=True, of=_SCREEN_COLUMNS, ge=0)
    ci_lower_leading: pl.Float64 = _interval("hazard_ratio_leading", _SCREEN_COLUMNS, ge=0)
    ci_upper_leading: pl.Float64 = _interval("hazard_ratio_leading", _SCREEN_COLUMNS, ge=0)
    p_value_leading: pl.Float64 = col("of the leading method", of=_SCREEN_COLUMNS, **P_CHECK)
    q_value_bh_leading: pl.Float64 = col(
        "Benjamini-Hochberg of p_value_leading within endpoint and model", of=_SCREEN_COLUMNS, **P_CHECK
    )
    q_statistic: pl.Float64 = col("Cochran's Q", of=_SCREEN_COLUMNS, ge=0)
    p_heterogeneity: pl.Float64 = col("of Q", of=_SCREEN_COLUMNS, **P_CHECK)
    tau2: pl.Float64 = col("variance between cohorts", unit="ln^2", of=_SCREEN_COLUMNS, ge=0)
    i2_percent: pl.Float64 = col("share of the variation that is between cohorts", unit="%", of=_SCREEN_COLUMNS, ge=0)
    prediction_lower: pl.Float64 = col("95 % prediction limit; null below three cohorts", null=True, of=_SCREEN_COLUMNS)
    prediction_upper: pl.Float64 = col("95 % prediction limit; null below three cohorts", null=True, of=_SCREEN_COLUMNS)
    minimum_detectable_hazard_ratio: pl.Float64 = _detectable(_SCREEN_COLUMNS)
    events_for_80pct_power: pl.Float64 = col(_POWER, unit="patients", null=True, of=_SCREEN_COLUMNS, ge=0)


_SCREEN = "core.survival__cohort_endpoint_genes"


@table(
    "core.survival__panel_genes",
    grain="one row per cohort, endpoint, panel and gene of the panel",
    key=("cohort_id", "endpoint", "panel_id", "hgnc_symbol"),
    limitation="a panel named after its results is no family that was declared in advance: its q-values flatter",
)
class SurvivalPanelGenes(TableModel):
    """The median split of the genes of a panel, corrected for the panel instead of for all genes."""

    cohort_id: pl.String = col("cohort", of=f"{_SCREEN}.cohort_id")
    endpoint: pl.String = col("endpoint", of=f"{_SCREEN}.endpoint")
    panel_id: pl.String = col("panel of the catalog", of="source")
    hgnc_symbol: pl.String = col(SYMBOL, of=f"{_SCREEN}.hgnc_symbol")
    n: pl.Int64 = col("patients", unit="patients", of=f"{_SCREEN}.n", ge=0)
    events: pl.Int64 = col("events", unit="patients", of=f"{_SCREEN}.events", ge=0)
    hazard_ratio: pl.Float64 = col("above median over the rest", null=True, of=f"{_SCREEN}.hazard_ratio", ge=0)
    p_logrank: pl.Float64 = col("log-rank test", null=True, of=f"{_SCREEN}.p_logrank", **P_CHECK)
    q_value_bh_panel: pl.Float64 = col(
        "Benjamini-Hochberg of p_logrank within cohort, endpoint and panel",
        null=True,
        of=f"{_SCREEN}.p_logrank",
        **P_CHECK,
    )


_FOLLOWED = "staging.cohorts__patient_endpoints"
_WHO = (f"{_FOLLOWED}.cohort_id", f"{_FOLLOWED}.patient_id", f"{_FOLLOWED}.time_months", f"{_FOLLOWED}.event_observed")


@table(
    "core.survival__shared_patients",
    grain="one row per pair of cohorts that hold the same patients",
    key=("cohort_id", "other_cohort_id"),
    limitation="an identifier that is no TCGA barcode counts only where the follow-up agrees too, so patients whose"
    " follow-up was updated between two sources are missed",
)
class SurvivalSharedPatients(TableModel):
    """Cohorts that are pooled once, because they hold the same patients."""

    cohort_id: pl.String = col("cohort", of=COHORT)
    other_cohort_id: pl.String = col("other cohort", of=COHORT)
    patients: pl.Int64 = col("patients of the first", unit="patients", of=_WHO, ge=0)
    patients_other: pl.Int64 = col("patients of the other", unit="patients", of=_WHO, ge=0)
    patients_shared: pl.Int64 = col("in both", unit="patients", of=_WHO, ge=0)
    matched_by: pl.String = col(
        "barcode (TCGA, 12 characters), follow_up (same identifier, time and event), or declared by the catalog",
        of=_WHO,
        isin=["barcode", "follow_up", "declared"],
    )
    pooled_as: pl.String = col("set of patients that both are counted under, once", of=_WHO)


@table(
    "core.survival__cumulative_incidence",
    grain="one row per cohort, gene of interest, group, cause of death and time of a death",
    key=("cohort_id", "hgnc_symbol", "expression_group", "cause", "time_months"),
    limitation="one_minus_kaplan_meier is not a share of patients: it censors the other deaths and is too high",
)
class SurvivalCumulativeIncidence(TableModel):
    """Share of patients who have died of the disease, and of something else (Aalen-Johansen), where a cohort knows
    overall and disease-specific survival."""

    cohort_id: pl.String = col("cohort", of=COHORT)
    hgnc_symbol: pl.String = col(SYMBOL, of=COHORT_SYMBOL)
    expression_group: pl.String = col(
        "all patients, or high = above the median and low", of=EXPRESSION, isin=["all", "high", "low"]
    )
    cause: pl.String = col("what the patients died of", of=EVENT, isin=["disease", "other"])
    time_months: pl.Float64 = col("time", unit="months", of=TIME)
    n_at_risk: pl.Int64 = col("just before the time", unit="patients", of=SURVIVAL, ge=0)
    n_events: pl.Int64 = col("deaths of this cause at the time", unit="patients", of=SURVIVAL, ge=0)
    cumulative_incidence: pl.Float64 = col("Aalen-Johansen", of=SURVIVAL, **P_CHECK)
    standard_error: pl.Float64 = col("infinitesimal jackknife", of=SURVIVAL, ge=0)
    ci_lower: pl.Float64 = _interval("cumulative_incidence, log transform", SURVIVAL, **P_CHECK)
    ci_upper: pl.Float64 = _interval("cumulative_incidence, log transform", SURVIVAL, **P_CHECK)
    one_minus_kaplan_meier: pl.Float64 = col("what censoring the other deaths would give", of=SURVIVAL, **P_CHECK)


@table(
    "core.survival__time_ratios",
    grain="one row per cohort, endpoint, gene of interest whose hazards are not proportional, and distribution",
    key=("cohort_id", "endpoint", "hgnc_symbol", "distribution"),
    limitation="the better AIC of two distributions does not show that it fits",
)
class SurvivalTimeRatios(_CohortEndpointGene):
    """Accelerated failure time models where a hazard ratio would change with time."""

    distribution: pl.String = col("of the times", of="source", isin=["weibull", "loglogistic"])
    n: pl.Int64 = col("patients", unit="patients", of=SURVIVAL, ge=0)
    events: pl.Int64 = col("events", unit="patients", of=SURVIVAL, ge=0)
    n_left_out: pl.Int64 = col("patients with a time of 0 or without a value", unit="patients", of=SURVIVAL, ge=0)
    p_proportional_hazards: pl.Float64 = col("why the gene is here (cox.zph)", of=SURVIVAL, **P_CHECK)
    log_time_ratio_per_sd: pl.Float64 = col("per standard deviation of expression", unit="ln", of=SURVIVAL)
    standard_error: pl.Float64 = col("of log_time_ratio_per_sd", unit="ln", of=SURVIVAL, ge=0)
    time_ratio_per_sd: pl.Float64 = col("below 1: events come sooner", of=SURVIVAL, ge=0)
    ci_lower: pl.Float64 = _interval("time_ratio_per_sd (Wald)", SURVIVAL, ge=0)
    ci_upper: pl.Float64 = _interval("time_ratio_per_sd (Wald)", SURVIVAL, ge=0)
    p_likelihood_ratio: pl.Float64 = col("against the model without the gene", of=SURVIVAL, **P_CHECK)
    scale: pl.Float64 = col("of the error of log time", unit="ln", of=SURVIVAL, ge=0)
    log_likelihood: pl.Float64 = col("at the estimates", of=SURVIVAL)
    aic: pl.Float64 = col("Akaike's information criterion; the smaller the better", of=SURVIVAL)
    is_best_aic: pl.Boolean = col("the smallest AIC of the gene", of=SURVIVAL)
