"""Survival analyses of one question: a curve, a comparison, a model, a signature, an endpoint.

Here belong Kaplan-Meier tables and what is read off them, tests between groups, multivariable Cox models and their
checks, discrimination at a time point, signature scores, pooling over cohorts. Analyses of every gene at once belong in
`survival_screen`.

Numbers follow R's survival 3 (Therneau), which decides where libraries differ. lifelines is not used here although it
fits single models well: its Cox fit stops at another tolerance (2e-5 in a coefficient), its median is the start of a
stretch that is flat at one half where R takes the middle, and its proportional-hazards test is the older approximation
(a quarter off R's chi-squared in the median gene).

Patients whose follow-up cannot be used are left out by the rule of `usable_follow_up`; times are months.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.errors import DesignFault
from resistance_assets.science.survival.screen import (
    Z_95,
    SortedCohort,
    chi2_tail,
    events_for_power,
    merge_nearly_equal,
    screen_cox,
    usable_follow_up,
)

__all__ = [
    "CoxModel",
    "LogRank",
    "combine_cohorts",
    "compare_groups",
    "compare_with_random_signatures",
    "endpoint_of",
    "estimate_survival_at",
    "events_for_power",
    "fit_cox",
    "kaplan_meier",
    "median_follow_up",
    "median_survival",
    "minimum_detectable_hazard_ratio",
    "numbers_at_risk",
    "power_of_events",
    "proportional_hazards_test",
    "restricted_mean_survival",
    "score_signature",
    "summarise_endpoint",
    "time_dependent_auc",
]

_HALF_TOLERANCE = float(np.sqrt(np.finfo(np.float64).eps))

KAPLAN_MEIER_SCHEMA: dict[str, Any] = {
    "group": pl.String,
    "time_months": pl.Float64,
    "n_at_risk": pl.Int64,
    "n_events": pl.Int64,
    "n_censored": pl.Int64,
    "survival": pl.Float64,
    "standard_error_survival": pl.Float64,
    "ci_lower_log": pl.Float64,
    "ci_upper_log": pl.Float64,
    "ci_lower_log_log": pl.Float64,
    "ci_upper_log_log": pl.Float64,
}


# ------------------------------------------------------------------------------------------------------------- curves


def kaplan_meier(time_months: ArrayLike, event_observed: ArrayLike, group: ArrayLike | None = None) -> pl.DataFrame:
    """Kaplan-Meier curve of each group, at every distinct time (censoring times too).

    Args:
        time_months, event_observed: shape (n_patients,).
        group: shape (n_patients,), labels; None = one group called "all". Patients without a label are left out.

    Returns:
        Columns of `KAPLAN_MEIER_SCHEMA`, by group label and time. Standard error after Greenwood; 95 % limits on the
        log scale (upper cut at 1) and the log-log scale (null while survival is 1), both null where survival is 0, as
        R's `survfit`.

    Raises:
        DesignFault: no usable patient.
    """
    parts = [_curve(label, *arrays) for label, arrays in _by_group(time_months, event_observed, group)]
    return pl.concat(parts)


def median_survival(time_months: ArrayLike, event_observed: ArrayLike, group: ArrayLike | None = None) -> pl.DataFrame:
    """Median survival of each group with 95 % limits, by the rules of R's `survfit`.

    Where the curve is flat at exactly one half the median is the middle of that stretch. A limit is where the limit of
    the curve crosses one half. Null = not reached.

    Returns:
        group, n, events (Int64), median_survival_months, ci_lower_months_log, ci_upper_months_log,
        ci_lower_months_log_log, ci_upper_months_log_log.
    """
    rows = []
    for label, (time, event) in _by_group(time_months, event_observed, group):
        curve = _curve(label, time, event)
        at = curve["time_months"].to_numpy()

        def crossing(column: str, curve: pl.DataFrame = curve, at: NDArray[np.float64] = at) -> float | None:
            return _half_crossing(curve[column].fill_null(np.nan).to_numpy(), at)

        rows.append(
            {
                "group": label,
                "n": time.size,
                "events": int(event.sum()),
                "median_survival_months": crossing("survival"),
                "ci_lower_months_log": crossing("ci_lower_log"),
                "ci_upper_months_log": crossing("ci_upper_log"),
                "ci_lower_months_log_log": crossing("ci_lower_log_log"),
                "ci_upper_months_log_log": crossing("ci_upper_log_log"),
            }
        )
    schema = {"group": pl.String, "n": pl.Int64, "events": pl.Int64}
    floats = {name: pl.Float64 for name in rows[0] if name not in schema}
    return pl.DataFrame(rows, schema={**schema, **floats})


def estimate_survival_at(
    time_months: ArrayLike, event_observed: ArrayLike, at_months: Sequence[float], group: ArrayLike | None = None
) -> pl.DataFrame:
    """Survival of each group at chosen (landmark) times.

    Returns:
        group, time_months, n_at_risk (at or beyond the time), survival, standard_error_survival and the four limits of
        `kaplan_meier`; null beyond the last patient of the group, where nothing is known.
    """
    rows = []
    for label, (time, event) in _by_group(time_months, event_observed, group):
        curve = _curve(label, time, event)
        at = curve["time_months"].to_numpy()
        names = curve.columns[5:]
        for moment in at_months:
            row: dict[str, Any] = {
                "group": label,
                "time_months": float(moment),
                "n_at_risk": int((time >= moment).sum()),
            }
            step = int(np.searchsorted(at, moment, side="right")) - 1
            if moment > at[-1]:
                row |= dict.fromkeys(names)
            elif step < 0:
                row |= dict.fromkeys(names, 1.0) | {"standard_error_survival": 0.0}
                row |= {"ci_lower_log_log": None, "ci_upper_log_log": None}
            else:
                row |= {name: curve[name][step] for name in names}
            rows.append(row)
    schema = {k: v for k, v in KAPLAN_MEIER_SCHEMA.items() if k not in ("n_events", "n_censored")}
    return pl.DataFrame(rows, schema=schema)


def numbers_at_risk(
    time_months: ArrayLike, event_observed: ArrayLike, at_months: Sequence[float], group: ArrayLike | None = None
) -> pl.DataFrame:
    """Patients still under observation (time at or beyond the moment): the table under a Kaplan-Meier plot.

    Returns:
        group (String), time_months (Float64), n_at_risk (Int64), n_events_before (Int64, events earlier than the time).
    """
    rows = [
        {
            "group": label,
            "time_months": float(moment),
            "n_at_risk": int((time >= moment).sum()),
            "n_events_before": int(event[time < moment].sum()),
        }
        for label, (time, event) in _by_group(time_months, event_observed, group)
        for moment in at_months
    ]
    schema = {"group": pl.String, "time_months": pl.Float64, "n_at_risk": pl.Int64, "n_events_before": pl.Int64}
    return pl.DataFrame(rows, schema=schema)


def restricted_mean_survival(
    time_months: ArrayLike, event_observed: ArrayLike, until_months: float, group: ArrayLike | None = None
) -> pl.DataFrame:
    """Mean survival up to a horizon: the area under the curve, with its standard error (as R's `survfit`, rmean).

    Beyond the last patient of a group the curve is carried forward, as R does; `n_at_risk_at_horizon` says how much
    rests on that.

    Returns:
        group, until_months, n_at_risk_at_horizon, restricted_mean_months, standard_error_months, ci_lower_months,
        ci_upper_months (normal, 95 %).
    """
    rows = []
    for label, (time, event) in _by_group(time_months, event_observed, group):
        curve = _curve(label, time, event)
        at = curve["time_months"].to_numpy()
        inside = at < until_months
        at, s = at[inside], curve["survival"].to_numpy()[inside]
        d, n = curve["n_events"].to_numpy()[inside], curve["n_at_risk"].to_numpy()[inside]
        width = np.diff(np.concatenate(([0.0], at, [until_months])))
        area = width * np.concatenate(([1.0], s))
        beyond = np.cumsum(area[::-1])[::-1][1:]
        with np.errstate(divide="ignore", invalid="ignore"):
            hazard_variance = np.where(n > d, d / (n * (n - d)), 0.0)
        mean, se = float(area.sum()), float(np.sqrt((beyond**2 * hazard_variance).sum()))
        rows.append(
            {
                "group": label,
                "until_months": float(until_months),
                "n_at_risk_at_horizon": int((time >= until_months).sum()),
                "restricted_mean_months": mean,
                "standard_error_months": se,
                "ci_lower_months": mean - Z_95 * se,
                "ci_upper_months": mean + Z_95 * se,
            }
        )
    return pl.DataFrame(rows)


def median_follow_up(time_months: ArrayLike, event_observed: ArrayLike, group: ArrayLike | None = None) -> pl.DataFrame:
    """Median follow-up by the reverse Kaplan-Meier estimate: censoring is the event, deaths end the observation.

    Schemper & Smith (1996, Control Clin Trials 17:343). Columns as `median_survival`, with `events` the number of
    censored patients and `median_follow_up_months` in place of the median survival.
    """
    time, event, labels = _usable(time_months, event_observed, group)
    return median_survival(time, 1 - event, labels).rename({"median_survival_months": "median_follow_up_months"})


def summarise_endpoint(
    time_months: ArrayLike, event_observed: ArrayLike, *, endpoint: str, requested_n: int | None = None
) -> pl.DataFrame:
    """What an endpoint offers: patients, events, follow-up, median survival.

    Args:
        endpoint: its name, for the table and for errors.
        requested_n: number of patients that a claim or a study plan says it used.

    Returns:
        One row: endpoint (String), n_patients, n, events, censored, left_out (Int64), left_out_reasons (String, null if
        none), median_follow_up_months, median_survival_months, median_survival_ci_lower_months,
        median_survival_ci_upper_months (log scale), last_follow_up_months (Float64).

    Raises:
        DesignFault: more patients are requested than have this endpoint, or none has it.
    """
    usable, left_out = usable_follow_up(time_months, event_observed)
    available = int(usable.sum())
    if requested_n is not None and requested_n > available:
        raise DesignFault(
            f"{requested_n} patients are asked for, {available} have a usable time and event",
            subject=f"endpoint {endpoint}",
            expected=f"at most {available}",
            remedy="Lower the number, or choose an endpoint with more patients.",
        )
    time, event, _ = _usable(time_months, event_observed, None, subject=f"endpoint {endpoint}")
    survival = median_survival(time, event)
    follow_up = median_follow_up(time, event)
    counts = left_out.group_by("reason").len().sort("reason")
    reasons = "; ".join(f"{reason}: {count}" for reason, count in counts.iter_rows())
    return pl.DataFrame(
        {
            "endpoint": [endpoint],
            "n_patients": [usable.size],
            "n": [available],
            "events": [int(event.sum())],
            "censored": [int((1 - event).sum())],
            "left_out": [len(left_out)],
            "left_out_reasons": [reasons or None],
            "median_follow_up_months": follow_up["median_follow_up_months"].to_list(),
            "median_survival_months": survival["median_survival_months"].to_list(),
            "median_survival_ci_lower_months": survival["ci_lower_months_log"].to_list(),
            "median_survival_ci_upper_months": survival["ci_upper_months_log"].to_list(),
            "last_follow_up_months": [float(time.max())],
        },
        schema_overrides={
            "left_out_reasons": pl.String,
            "median_follow_up_months": pl.Float64,
            "median_survival_months": pl.Float64,
            "median_survival_ci_lower_months": pl.Float64,
            "median_survival_ci_upper_months": pl.Float64,
        },
    )


def endpoint_of(
    endpoints: pl.DataFrame, cohort_id: str, endpoint: str, *, requested_n: int | None = None
) -> dict[str, Any]:
    """What a cohort has for an endpoint, or why it cannot be used as a claim or a study plan says.

    Args:
        endpoints: rows of `core.survival__cohort_endpoints`.
        requested_n: number of patients that a claim or a study plan says it used.

    Returns:
        The row, by column name.

    Raises:
        DesignFault: no such cohort, or no such endpoint in it (those that there are, are named); or more patients are
            requested than can be analysed, with the endpoints that do have as many.
    """
    of_cohort = endpoints.filter(pl.col("cohort_id") == cohort_id)
    if of_cohort.is_empty():
        known = endpoints["cohort_id"].unique().sort().to_list()
        raise DesignFault(
            "the cohort is not known",
            subject=f"cohort {cohort_id}",
            expected=" or ".join(known) or None,
            remedy="Name one of these, or declare it in studies.toml.",
        )
    rows = {row["endpoint"]: row for row in of_cohort.to_dicts()}
    if endpoint not in rows:
        raise DesignFault(
            "the cohort does not have this endpoint",
            subject=f"endpoint {endpoint} of {cohort_id}",
            expected=" or ".join(sorted(rows)),
            remedy="Choose one of these.",
        )
    available = rows[endpoint]["n_analysed"]
    if requested_n is not None and requested_n > available:
        enough = [name for name, row in sorted(rows.items()) if row["n_analysed"] >= requested_n]
        raise DesignFault(
            f"{requested_n} patients are asked for, {available} have follow-up and expression",
            subject=f"endpoint {endpoint} of {cohort_id}",
            expected=f"at most {available}",
            remedy=f"As many are in: {', '.join(enough)}." if enough else "No endpoint of the cohort has as many.",
        )
    return rows[endpoint]


# -------------------------------------------------------------------------------------------------------- comparisons


@dataclass(frozen=True)
class LogRank:
    """Log-rank test of k groups.

    Attributes:
        groups: group (String), n, observed (Int64), expected (Float64).
        chi2, degrees_of_freedom, p_value: of the test that all hazards are equal.
    """

    groups: pl.DataFrame
    chi2: float
    degrees_of_freedom: int
    p_value: float


def compare_groups(
    time_months: ArrayLike, event_observed: ArrayLike, group: ArrayLike, *, strata: ArrayLike | None = None
) -> LogRank:
    """Log-rank test of two or more groups, optionally within strata (R's `survdiff`).

    Raises:
        DesignFault: fewer than two groups have patients, or nobody had the event.
    """
    layers = None if strata is None else np.asarray(strata, dtype=object)
    time, event, labels, layer = _usable(time_months, event_observed, group, layers)
    names, code = np.unique(labels, return_inverse=True)
    if names.size < 2:
        raise DesignFault(
            f"all {time.size} patients are in one group",
            subject="log-rank test",
            expected="two or more groups",
            remedy="Choose another split.",
        )
    if not event.any():
        raise DesignFault(
            f"none of {time.size} patients had the event",
            subject="log-rank test",
            remedy="Choose another endpoint or cohort.",
        )
    k = names.size
    expected, variance = np.zeros(k), np.zeros((k, k))
    for one in np.unique(layer):
        inside = layer == one
        t, e, c = time[inside], event[inside], code[inside]
        moments, at = np.unique(t, return_inverse=True)
        died, left = np.zeros((moments.size, k)), np.zeros((moments.size, k))
        np.add.at(died, (at, c), e)
        np.add.at(left, (at, c), 1.0)
        risk = np.cumsum(left[::-1], axis=0)[::-1]
        total, deaths = risk.sum(axis=1), died.sum(axis=1)
        share = risk / total[:, None]
        expected += deaths @ share
        factor = np.where(total > 1, deaths * (total - deaths) / np.maximum(total - 1, 1), 0.0)
        variance += np.diag(factor @ share) - (share * factor[:, None]).T @ share
    observed = np.bincount(code, weights=event, minlength=k)
    # Groups that are never at risk at a death carry no information and no degree of freedom.
    informative = expected > 0
    use = np.flatnonzero(informative)[:-1]
    difference = (observed - expected)[use]
    chi2 = float(difference @ np.linalg.pinv(variance[np.ix_(use, use)]) @ difference)
    table = pl.DataFrame(
        {"group": names.astype(str), "n": np.bincount(code, minlength=k), "observed": observed, "expected": expected}
    ).cast({"n": pl.Int64, "observed": pl.Int64})
    p_value = float(chi2_tail(chi2, use.size)) if use.size else 1.0
    return LogRank(table, chi2, int(use.size), p_value)


@dataclass(frozen=True)
class CoxModel:
    """A Cox model as two tables.

    Attributes:
        terms: one row per coefficient, for a forest plot: term, variable, level (String; level null for a number),
            n, events (Int64; of the level, or of the model), log_hazard_ratio, hazard_ratio, ci_lower, ci_upper,
            standard_error, statistic, p_value, log_hazard_ratio_per_sd (Float64), estimator (String). A reference level
            has hazard ratio 1 and no test.
        model: one row: n, events, n_left_out, coefficients (Int64), log_likelihood_null, log_likelihood,
            likelihood_ratio_chi2, p_likelihood_ratio, wald_chi2, p_wald, score_chi2, p_score, concordance,
            events_per_variable (Float64), ties, strata, fit_status, warning (String).
    """

    terms: pl.DataFrame
    model: pl.DataFrame


def fit_cox(
    covariates: pl.DataFrame | Mapping[str, Any],
    time_months: ArrayLike,
    event_observed: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    ties: str = "efron",
) -> CoxModel:
    """Multivariable Cox model of complete cases (R's `coxph`).

    Args:
        covariates: one column per variable, n_patients rows. Numbers enter as they are, strings as levels against the
            first one in sorted order.
        strata: labels with a baseline hazard of their own.
        ties: "efron" or "breslow".

    Returns:
        `CoxModel`. The model's `warning` speaks up below ten events per coefficient (Peduzzi et al. 1995, J Clin
        Epidemiol 48:1503). Without a finite maximum (`fit_status` monotone_likelihood) the terms are Firth's penalised
        estimates with profile limits.

    Raises:
        DesignFault: no events, no complete case, a variable that is constant or repeats others.
    """
    from resistance_assets.science.survival.cox import fit_firth, fit_model
    from resistance_assets.science.survival.kernels import partial_likelihood as kernels

    design = _Design(covariates, time_months, event_observed, strata, ties)
    cohort, X = design.cohort, design.columns
    risk_sets = cohort.risk_sets()
    efron = ties == "efron"
    fit = fit_model(X, risk_sets, efron=efron)
    if fit.status == kernels.NO_INFORMATION:
        raise DesignFault(
            f"the covariates {', '.join(design.terms)} are linearly dependent among the {cohort.order.size} patients",
            subject="Cox model",
            remedy="Leave out the variable that repeats the others.",
        )
    status = {kernels.CONVERGED: "converged", kernels.MONOTONE: "monotone_likelihood"}.get(fit.status, "not_converged")
    estimates, p = [], X.shape[1]
    for j in range(p):
        if status == "monotone_likelihood":
            firth = fit_firth(X, j, risk_sets, efron=efron)
            beta, se = firth["coefficient"], firth["standard_error"]
            lower, upper, z, p_value = firth["lower"], firth["upper"], None, firth["p_value"]
        else:
            beta, se = float(fit.coefficients[j]), float(np.sqrt(fit.covariance[j, j]))
            lower, upper, z = beta - Z_95 * se, beta + Z_95 * se, beta / se
            p_value = float(2 * _normal_tail(abs(z))) if status == "converged" else None
        with np.errstate(over="ignore"):
            ratio, low, high = (float(v) for v in np.exp([beta, lower, upper]))
        estimates.append(
            {
                "term": design.terms[j],
                "log_hazard_ratio": beta,
                "hazard_ratio": ratio,
                "ci_lower": low,
                "ci_upper": high,
                "standard_error": se,
                "statistic": z,
                "p_value": p_value,
                "log_hazard_ratio_per_sd": beta * float(X[:, j].std(ddof=1)) if design.levels[j] is None else None,
                "estimator": "firth" if status == "monotone_likelihood" else "partial_likelihood",
            }
        )
    events = int(cohort.event.sum())
    ratio = 2 * (fit.log_likelihood - fit.log_likelihood_null)
    per_variable = events / p
    warning = (
        f"{per_variable:.1f} events per coefficient; below 10 estimates are unstable" if per_variable < 10 else None
    )
    model = pl.DataFrame(
        {
            "n": [cohort.order.size],
            "events": [events],
            "n_left_out": [design.n_input - cohort.order.size],
            "coefficients": [p],
            "log_likelihood_null": [fit.log_likelihood_null],
            "log_likelihood": [fit.log_likelihood],
            "likelihood_ratio_chi2": [ratio],
            "p_likelihood_ratio": [float(chi2_tail(ratio, p))],
            "wald_chi2": [fit.wald_chi2 if status == "converged" else None],
            "p_wald": [float(chi2_tail(fit.wald_chi2, p)) if status == "converged" else None],
            "score_chi2": [fit.score_chi2],
            "p_score": [float(chi2_tail(fit.score_chi2, p))],
            "concordance": [fit.concordance],
            "events_per_variable": [per_variable],
            "ties": [ties],
            "strata": [int(np.unique(cohort.stratum).size)],
            "fit_status": [status],
            "warning": [warning],
        },
        schema_overrides={"warning": pl.String, "wald_chi2": pl.Float64, "p_wald": pl.Float64},
    )
    return CoxModel(design.terms_table(estimates), model)


def proportional_hazards_test(
    covariates: pl.DataFrame | Mapping[str, Any],
    time_months: ArrayLike,
    event_observed: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    ties: str = "efron",
    alpha: float = 0.05,
) -> pl.DataFrame:
    """Score test of proportional hazards, for each variable and globally (R's `cox.zph` since survival 3.0, "km").

    Tests adding x g(t) to the model, g = 1 - Kaplan-Meier estimate just before t (Grambsch & Therneau 1994, Biometrika
    81:515, in its exact form).

    Returns:
        variable (String; GLOBAL last), chi2 (Float64), degrees_of_freedom (Int64), p_value (Float64), violated
        (Boolean: p_value < alpha; the variable that fails is the one named in that row). Null where the data cannot
        tell the effect from its change over time.
    """
    from resistance_assets.science.survival.cox import fit_model

    design = _Design(covariates, time_months, event_observed, strata, ties)
    cohort, X = design.cohort, design.columns
    fit = fit_model(X, cohort.risk_sets(), efron=ties == "efron")
    residuals, variances, moments = _schoenfeld(X, fit.coefficients, cohort, ties == "efron")
    g = _one_minus_km_before(cohort, moments)
    # Shifting g changes no test; centred, a variable that one death time carries shows as a singular matrix.
    weight = np.einsum("kaa->k", variances) / max(np.einsum("kaa->", variances), 1e-300)
    g = g - g @ weight
    p = X.shape[1]
    score = np.concatenate([np.zeros(p), g @ residuals])
    plain = variances.sum(axis=0)
    cross = np.einsum("k,kab->ab", g, variances)
    twice = np.einsum("k,kab->ab", g * g, variances)
    info = np.block([[plain, cross], [cross, twice]])

    def test(extra: list[int]) -> float:
        use = np.array([*range(p), *(p + j for j in extra)])
        u = np.zeros(use.size)
        u[p:] = score[p + np.array(extra)]
        # Scaled to unit diagonal: covariates of very different spread would cost digits.
        scale = np.sqrt(np.diag(info)[use])
        scaled = info[np.ix_(use, use)] / np.outer(scale, scale)
        # All information may lie at one death time: x g(t) is then x again, and there is nothing to test.
        alone = (np.diag(twice)[extra] < 1e-10 * np.diag(plain)[extra]).any()
        if alone or not np.isfinite(scaled).all() or np.linalg.eigvalsh(scaled)[0] < 1e-10:
            return np.nan
        return float((u / scale) @ np.linalg.solve(scaled, u / scale))

    variables = list(dict.fromkeys(design.variables))
    members = [[j for j, name in enumerate(design.variables) if name == variable] for variable in variables]
    members.append(list(range(p)))
    chi2 = [test(extra) for extra in members]
    degrees = [len(extra) for extra in members]
    p_values = [float(chi2_tail(c, d)) for c, d in zip(chi2, degrees, strict=True)]
    return pl.DataFrame(
        {
            "variable": [*variables, "GLOBAL"],
            "chi2": chi2,
            "degrees_of_freedom": degrees,
            "p_value": p_values,
            "violated": [value < alpha if np.isfinite(value) else None for value in p_values],
        },
        schema_overrides={"violated": pl.Boolean},
    ).with_columns(pl.col("chi2", "p_value").fill_nan(None))


# ----------------------------------------------------------------------------------------------------- discrimination


def time_dependent_auc(
    predictors: ArrayLike,
    time_months: ArrayLike,
    event_observed: ArrayLike,
    at_months: Sequence[float],
    *,
    bootstrap: int = 500,
    folds: int = 5,
    repeats: int = 10,
    seed: int = 20240501,
) -> pl.DataFrame:
    """How well the linear predictor of a Cox model tells those who died by a time from those who lived beyond it.

    Cumulative cases, dynamic controls, cases weighted by the inverse probability of not having been censored before
    their death (Uno et al. 2007, JASA 102:527; Blanche et al. 2013, Stat Med 32:5381). The apparent value is measured
    on the patients that the model was fitted to and is therefore too high; the cross-validated value beside it fits
    each fold's model on the other folds and compares only patients of one fold.

    Args:
        predictors: shape (n_patients,) or (n_patients, p).
        at_months: times to look at.
        bootstrap: resamples of patients for the percentile interval of the apparent value (the model is held).
        folds, repeats: of the cross-validation.

    Returns:
        One row per time: time_months, n, n_at_risk (beyond the time), n_cases, auc, ci_lower, ci_upper,
        auc_cross_validated, bootstrap_samples (Int64, resamples in which the value exists). Null where a time has no
        case or nobody at risk.
    """
    columns = np.asarray(predictors, np.float64)
    columns = columns[:, None] if columns.ndim == 1 else columns
    complete = np.isfinite(columns).all(axis=1)
    usable, _ = usable_follow_up(np.where(complete, _as_floats(time_months), np.nan), event_observed)
    columns = columns[usable]
    time = merge_nearly_equal(_as_floats(time_months)[usable])
    event = _as_floats(event_observed)[usable].astype(np.int64)
    if not event.any():
        raise DesignFault(
            f"none of {time.size} patients had the event",
            subject="time-dependent AUC",
            remedy="Choose another endpoint.",
        )
    moments = np.asarray(at_months, float)
    risk = columns @ _risk_weights(columns, time, event)
    apparent = _auc(risk, time, event, moments)[0]
    rng = np.random.default_rng(seed)
    resampled = _bootstrap_auc(risk, time, event, moments, rng.integers(0, time.size, (bootstrap, time.size)))
    above, weight = np.zeros(moments.size), np.zeros(moments.size)
    for _ in range(repeats):
        fold = rng.permutation(time.size) % folds
        for one in range(folds):
            test, train = fold == one, fold != one
            if not event[train].any():
                continue
            held_out = columns[test] @ _risk_weights(columns[train], time[train], event[train])
            value, pairs = _auc(held_out, time[test], event[test], moments)
            good = pairs > 0
            above[good] += value[good] * pairs[good]
            weight[good] += pairs[good]
    rows = []
    for k, moment in enumerate(moments):
        sample = resampled[~np.isnan(resampled[:, k]), k]
        exists = bool(np.isfinite(apparent[k]))
        low, high = np.quantile(sample, [0.025, 0.975]) if exists and sample.size else (np.nan, np.nan)
        rows.append(
            {
                "time_months": float(moment),
                "n": time.size,
                "n_at_risk": int((time > moment).sum()),
                "n_cases": int(event[time <= moment].sum()),
                "auc": apparent[k],
                "ci_lower": low,
                "ci_upper": high,
                "auc_cross_validated": above[k] / weight[k] if exists and weight[k] > 0 else np.nan,
                "bootstrap_samples": int(sample.size),
            }
        )
    return pl.DataFrame(rows).with_columns(pl.col(pl.Float64).fill_nan(None))


# --------------------------------------------------------------------------------------------------------- signatures


def score_signature(
    expression: ArrayLike, members: Sequence[int], weights: Sequence[float] | None = None
) -> NDArray[np.float64]:
    """Signature score of each patient: the (weighted) mean of the genes' z-scores.

    Args:
        expression: shape (n_genes, n_patients), NaN where missing (a missing value counts as the gene's mean).
        members: rows of the signature. weights: one per member, divided by the sum of their absolute values.
    """
    z = _z_scores(np.asarray(expression, np.float64)[np.asarray(members, dtype=np.int64)])
    return _weights(members, weights) @ z


def compare_with_random_signatures(
    expression: ArrayLike,
    members: Sequence[int],
    time_months: ArrayLike,
    event_observed: ArrayLike,
    *,
    weights: Sequence[float] | None = None,
    random_signatures: int = 1000,
    seed: int = 20240501,
) -> pl.DataFrame:
    """Cox model of a signature score, against random signatures of the same size.

    In many cohorts most random signatures are "significant" (Venet, Dumont & Detours 2011, PLoS Comput Biol
    7:e1002240): the p-value to trust is `p_random`, the share of random signatures (drawn from the genes of
    `expression` that vary, the same weights) whose Wald statistic is at least as far from 0. All random scores are one
    matrix product.

    Returns:
        One row: genes_in_signature, n, events, log_hazard_ratio_per_sd, hazard_ratio_per_sd, ci_lower, ci_upper (per
        SD), statistic, p_value (Wald), p_random ((b + 1) / (m + 1)), random_signatures, random_share_below_005 (share
        of random signatures with p < 0.05), concordance.

    Raises:
        DesignFault: no member, or fewer varying genes than members.
    """
    from scipy.sparse import csr_matrix

    x = np.asarray(expression, np.float64)
    rows = np.asarray(members, dtype=np.int64)
    usable, _ = usable_follow_up(time_months, event_observed)
    if rows.size == 0:
        raise DesignFault(
            "no gene of the signature is in the expression table",
            subject="signature",
            remedy="Check the gene symbols, or use a cohort that measured them.",
        )
    x = x[:, usable]
    time, event = _as_floats(time_months)[usable], _as_floats(event_observed)[usable]
    z = _z_scores(x)
    varying = np.flatnonzero(np.abs(z).max(axis=1) > 0)
    if varying.size < rows.size:
        raise DesignFault(
            f"{varying.size} genes vary, the signature has {rows.size}",
            subject="signature",
            remedy="Use an expression table with more genes.",
        )
    rng = np.random.default_rng(seed)
    drawn = np.concatenate([rows, *(rng.choice(varying, rows.size, replace=False) for _ in range(random_signatures))])
    count = random_signatures + 1
    share = np.tile(_weights(rows, weights), count)
    membership = csr_matrix((share, drawn, np.arange(count + 1) * rows.size), shape=(count, x.shape[0]))
    scores = np.asarray(membership @ z)
    screen = screen_cox(scores, time, event, ["signature", *(f"random {k}" for k in range(random_signatures))])
    found = screen.row(0, named=True)
    null = screen["statistic"][1:].drop_nulls().abs()
    z_found = found["statistic"]
    sd = float(scores[0].std(ddof=1))
    effect, se = (found[name] for name in ("log_hazard_ratio", "standard_error"))
    known = effect is not None
    per_sd = effect * sd if known else None
    limits = [np.exp((effect + sign * Z_95 * se) * sd) if known else None for sign in (-1, 1)]
    reached = int((null >= abs(z_found) * (1 - 1e-12)).sum()) if z_found is not None else None
    return pl.DataFrame(
        {
            "genes_in_signature": [rows.size],
            "n": [found["n"]],
            "events": [found["events"]],
            "log_hazard_ratio_per_sd": [per_sd],
            "hazard_ratio_per_sd": [found["hazard_ratio_per_sd"]],
            "ci_lower": [limits[0]],
            "ci_upper": [limits[1]],
            "statistic": [z_found],
            "p_value": [found["p_value"]],
            "p_random": [None if reached is None else (reached + 1) / (null.len() + 1)],
            "random_signatures": [null.len()],
            "random_share_below_005": [float(np.mean(screen["p_value"][1:].fill_null(1.0).to_numpy() < 0.05))],
            "concordance": [found["concordance"]],
        }
    )


# ------------------------------------------------------------------------------------------------------ pooling, power


def combine_cohorts(
    cohort: Sequence[str], log_hazard_ratio: ArrayLike, standard_error: ArrayLike
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Random-effects meta-analysis of one effect over cohorts.

    Between-cohort variance after DerSimonian & Laird (1986, Control Clin Trials 7:177); interval and test after Hartung
    & Knapp (2001, Stat Med 20:3875) with k - 1 degrees of freedom, never narrower than the plain random-effects
    interval (Jackson et al. 2017, Stat Med 36:3923). Cohorts without an estimate are left out.

    Returns:
        The pooled row: cohorts (Int64), log_hazard_ratio, standard_error, hazard_ratio, ci_lower, ci_upper, p_value
        (Hartung-Knapp), p_value_normal, hazard_ratio_fixed, ci_lower_fixed, ci_upper_fixed, p_value_fixed, q_statistic,
        p_heterogeneity, tau2, i2_percent, prediction_lower, prediction_upper (95 %, null below three cohorts); and one
        row per cohort: cohort, log_hazard_ratio, standard_error, hazard_ratio, ci_lower, ci_upper, weight_percent.

    Raises:
        DesignFault: fewer than two cohorts have an estimate.
    """
    from scipy.special import stdtr, stdtrit

    effect, se = _as_floats(log_hazard_ratio), _as_floats(standard_error)
    if not len(cohort) == effect.size == se.size:
        raise ValueError("one name, one effect and one standard error per cohort")
    keep = np.isfinite(effect) & np.isfinite(se) & (se > 0)
    names = [name for name, kept in zip(cohort, keep, strict=True) if kept]
    effect, se = effect[keep], se[keep]
    k = effect.size
    if k < 2:
        raise DesignFault(
            f"{k} of {len(cohort)} cohorts have an estimate",
            subject="meta-analysis",
            expected="two or more",
            remedy="Add a cohort in which the gene was measured.",
        )
    fixed = se**-2.0
    mean_fixed = float((fixed * effect).sum() / fixed.sum())
    q = float((fixed * (effect - mean_fixed) ** 2).sum())
    tau2 = max(0.0, (q - (k - 1)) / float(fixed.sum() - (fixed**2).sum() / fixed.sum()))
    weight = 1.0 / (se**2 + tau2)
    mean = float((weight * effect).sum() / weight.sum())
    plain = float(weight.sum() ** -0.5)
    inflation = float((weight * (effect - mean) ** 2).sum() / (k - 1))
    pooled = plain * float(np.sqrt(max(1.0, inflation)))
    quantile = float(stdtrit(k - 1, 0.975))
    wide = float(stdtrit(k - 2, 0.975)) * float(np.sqrt(tau2 + pooled**2)) if k >= 3 else np.nan
    fixed_se = float(fixed.sum() ** -0.5)
    row = {
        "cohorts": k,
        "log_hazard_ratio": mean,
        "standard_error": pooled,
        "hazard_ratio": np.exp(mean),
        "ci_lower": np.exp(mean - quantile * pooled),
        "ci_upper": np.exp(mean + quantile * pooled),
        "p_value": float(2 * stdtr(k - 1, -abs(mean / pooled))),
        "p_value_normal": float(2 * _normal_tail(abs(mean / plain))),
        "hazard_ratio_fixed": np.exp(mean_fixed),
        "ci_lower_fixed": np.exp(mean_fixed - Z_95 * fixed_se),
        "ci_upper_fixed": np.exp(mean_fixed + Z_95 * fixed_se),
        "p_value_fixed": float(2 * _normal_tail(abs(mean_fixed / fixed_se))),
        "q_statistic": q,
        "p_heterogeneity": float(chi2_tail(q, k - 1)),
        "tau2": tau2,
        "i2_percent": max(0.0, 100.0 * (q - (k - 1)) / q) if q > 0 else 0.0,
        "prediction_lower": np.exp(mean - wide),
        "prediction_upper": np.exp(mean + wide),
    }
    each = pl.DataFrame(
        {
            "cohort": names,
            "log_hazard_ratio": effect,
            "standard_error": se,
            "hazard_ratio": np.exp(effect),
            "ci_lower": np.exp(effect - Z_95 * se),
            "ci_upper": np.exp(effect + Z_95 * se),
            "weight_percent": 100.0 * weight / weight.sum(),
        }
    )
    return pl.DataFrame([row]).with_columns(pl.col(pl.Float64).fill_nan(None)), each


def power_of_events(events: ArrayLike, log_hazard_ratio: ArrayLike, variance: ArrayLike = 1.0, *, alpha: float = 0.05):
    """Power of a two-sided test with this many events (Schoenfeld); the inverse of `events_for_power`."""
    from scipy.special import ndtr, ndtri

    effect = np.abs(np.asarray(log_hazard_ratio, float)) * np.sqrt(
        np.asarray(events, float) * np.asarray(variance, float)
    )
    return ndtr(effect - ndtri(1 - alpha / 2)) + ndtr(-effect - ndtri(1 - alpha / 2))


def minimum_detectable_hazard_ratio(
    events: ArrayLike, variance: ArrayLike = 1.0, *, power: float = 0.8, alpha: float = 0.05
) -> NDArray[np.float64]:
    """Smallest hazard ratio above 1 (per SD, or between groups) that this many events find with the given power."""
    from scipy.special import ndtri

    needed = float(ndtri(1 - alpha / 2) + ndtri(power))
    return np.exp(needed / np.sqrt(np.asarray(events, float) * np.asarray(variance, float)))


# ---------------------------------------------------------------------------------------------------------------------


def _normal_tail(z: ArrayLike) -> Any:
    from scipy.special import ndtr

    return ndtr(-np.asarray(z, float))


def _usable(
    time_months: ArrayLike,
    event_observed: ArrayLike,
    group: ArrayLike | None,
    *more: NDArray[Any] | None,
    subject: str = "survival analysis",
) -> tuple[Any, ...]:
    """Times, events (Int64) and labels of the patients that can be used; further label vectors likewise."""
    usable, _ = usable_follow_up(time_months, event_observed)
    vectors = []
    for labels in (group, *more):
        if labels is None:
            vectors.append(np.full(usable.size, "all", dtype=object))
            continue
        column = np.array(labels.to_list() if isinstance(labels, pl.Series) else list(np.asarray(labels)), dtype=object)
        if column.shape != usable.shape:
            raise ValueError(f"labels {column.shape} must be one per patient {usable.shape}")
        absent = np.array([label is None or label != label for label in column])
        usable = usable & ~absent
        vectors.append(np.array([_label(label) for label in column], dtype=object))
    if not usable.any():
        raise DesignFault(
            "no patient has a usable time and event",
            subject=subject,
            remedy="Choose an endpoint that was recorded in this cohort.",
        )
    time = merge_nearly_equal(_as_floats(time_months)[usable])
    event = _as_floats(event_observed)[usable].astype(np.int64)
    return (time, event, *(vector[usable] for vector in vectors))


def _label(value: Any) -> str:
    """A code that was read as a float keeps its name: 1.0 is group 1."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _as_floats(values: Any) -> NDArray[np.float64]:
    return pl.Series(values, strict=False).cast(pl.Float64).fill_null(np.nan).to_numpy()


def _by_group(
    time_months: ArrayLike, event_observed: ArrayLike, group: ArrayLike | None
) -> list[tuple[str, tuple[NDArray[np.float64], NDArray[np.int64]]]]:
    time, event, labels = _usable(time_months, event_observed, group)
    return [(str(name), (time[labels == name], event[labels == name])) for name in sorted(set(labels))]


def _curve(label: str, time: NDArray[np.float64], event: NDArray[np.int64]) -> pl.DataFrame:
    at, place = np.unique(time, return_inverse=True)
    left = np.bincount(place, minlength=at.size)
    died = np.bincount(place, weights=event, minlength=at.size).astype(np.int64)
    risk = np.cumsum(left[::-1])[::-1]
    survival = np.cumprod(1.0 - died / risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_se = np.sqrt(np.cumsum(died / (risk * (risk - died))))
        lower = survival * np.exp(-Z_95 * log_se)
        upper = np.minimum(1.0, survival * np.exp(Z_95 * log_se))
        log_s = np.log(survival)
        centre, reach = np.log(-log_s), Z_95 * log_se / log_s
        lower_ll, upper_ll = np.exp(-np.exp(centre - reach)), np.exp(-np.exp(centre + reach))
        se = survival * log_se
    gone = survival <= 0
    for limit in (lower, upper, se):
        limit[gone] = np.nan
    for limit in (lower_ll, upper_ll):
        limit[gone | (survival >= 1)] = np.nan
    values = [[label] * at.size, at, risk, died, left - died, survival, se, lower, upper, lower_ll, upper_ll]
    series = [
        pl.Series(name, column, dtype=pl.String) if dtype == pl.String else pl.Series(name, column).cast(dtype)
        for (name, dtype), column in zip(KAPLAN_MEIER_SCHEMA.items(), values, strict=True)
    ]
    return pl.DataFrame(series).with_columns(pl.col(pl.Float64).fill_nan(None))


def _half_crossing(values: NDArray[np.float64], at: NDArray[np.float64]) -> float | None:
    """First time at or below one half, the middle of a stretch that is flat there (R's survfit)."""
    known = ~np.isnan(values) & (values < 0.5 + _HALF_TOLERANCE)
    if not known.any():
        return None
    y, x = values[known], at[known]
    lower = np.flatnonzero(y < y[0])
    if abs(y[0] - 0.5) < _HALF_TOLERANCE and lower.size:
        return float((x[0] + x[lower[0]]) / 2)
    return float(x[0])


class _Design:
    """Model matrix of the complete cases, in the order of `SortedCohort`."""

    def __init__(
        self,
        covariates: pl.DataFrame | Mapping[str, Any],
        time_months: ArrayLike,
        event_observed: ArrayLike,
        strata: ArrayLike | None,
        ties: str,
    ) -> None:
        if ties not in ("efron", "breslow"):
            raise ValueError(f"ties must be efron or breslow, got {ties!r}")
        frame = covariates if isinstance(covariates, pl.DataFrame) else pl.DataFrame(dict(covariates))
        if frame.width == 0:
            raise ValueError("a Cox model needs at least one covariate")
        numbers = frame.with_columns((pl.col(pl.Float64, pl.Float32).fill_nan(None)), pl.col(pl.Boolean).cast(pl.Int64))
        time = _as_floats(time_months)
        if time.size != frame.height:
            raise ValueError(f"{frame.height} rows of covariates for {time.size} patients")
        complete = numbers.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_numpy()
        layers = None
        if strata is not None:
            labels = strata.to_list() if isinstance(strata, pl.Series) else list(np.asarray(strata))
            layers = np.array(
                ["" if label is None or label != label else _label(label) for label in labels], dtype=object
            )
            complete = complete & (layers != "")
        self.n_input = frame.height
        self.cohort = SortedCohort(np.where(complete, time, np.nan), _as_floats(event_observed), layers)
        kept = numbers[self.cohort.order.tolist()]
        self.terms: list[str] = []
        self.variables: list[str] = []
        self.levels: list[str | None] = []
        self.references: dict[str, str] = {}
        columns = []
        for name in kept.columns:
            series = kept[name]
            distinct = series.unique().sort()
            if distinct.len() < 2:
                raise DesignFault(
                    f"{name} has one value in all {kept.height} patients",
                    subject="Cox model",
                    remedy="Leave that variable out.",
                )
            if series.dtype.is_numeric():
                columns.append(series.cast(pl.Float64).to_numpy())
                self.terms.append(name)
                self.variables.append(name)
                self.levels.append(None)
                continue
            self.references[name] = str(distinct[0])
            for level in distinct.to_list()[1:]:
                columns.append((series == level).cast(pl.Float64).to_numpy())
                self.terms.append(f"{name}: {level}")
                self.variables.append(name)
                self.levels.append(str(level))
        self.columns = np.column_stack(columns)
        self._kept = kept

    def terms_table(self, estimates: list[dict[str, Any]]) -> pl.DataFrame:
        event = self.cohort.event
        rows = []
        for j, estimate in enumerate(estimates):
            variable, level = self.variables[j], self.levels[j]
            if level is not None and variable not in self.variables[:j]:
                reference = self.references[variable]
                member = (self._kept[variable].cast(pl.String) == reference).to_numpy()
                rows.append(
                    {
                        "term": f"{variable}: {reference}",
                        "variable": variable,
                        "level": reference,
                        "n": int(member.sum()),
                        "events": int(event[member].sum()),
                        "hazard_ratio": 1.0,
                        "log_hazard_ratio": 0.0,
                        "estimator": "reference",
                    }
                )
            member = np.ones(event.size, bool) if level is None else self.columns[:, j] == 1.0
            rows.append(
                {
                    "variable": variable,
                    "level": level,
                    "n": int(member.sum()),
                    "events": int(event[member].sum()),
                    **estimate,
                }
            )
        schema = {"term": pl.String, "variable": pl.String, "level": pl.String, "n": pl.Int64, "events": pl.Int64}
        floats = [name for name in estimates[0] if name not in (*schema, "estimator")]
        return pl.DataFrame(rows, schema={**schema, **dict.fromkeys(floats, pl.Float64), "estimator": pl.String})


def _schoenfeld(
    X: NDArray[np.float64], beta: NDArray[np.float64], cohort: SortedCohort, efron: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Residual sums (k, p), variances (k, p, p) and times (k,) at each death time."""
    _, end, death_start, deaths, first = cohort.risk_sets()
    X = X - X.mean(axis=0)
    eta = X @ beta
    w = np.exp(eta - eta.max())
    p = X.shape[1]

    def running(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])

    powers = [w, w[:, None] * X, w[:, None, None] * X[:, :, None] * X[:, None, :]]
    totals = [running(values) for values in powers]
    risk = [total[end] - total[first] for total in totals]
    # The deaths alone, summed directly: differences of long sums would cost digits.
    groups = np.repeat(np.arange(deaths.size), deaths)
    rows = np.concatenate([np.arange(a, a + d) for a, d in zip(death_start, deaths, strict=True)])
    dead = [np.zeros((deaths.size, *values.shape[1:])) for values in powers]
    for target, values in zip(dead, powers, strict=True):
        np.add.at(target, groups, values[rows])
    turn = np.arange(groups.size) - np.repeat(np.cumsum(deaths) - deaths, deaths)
    share = turn / deaths[groups] if efron else np.zeros(groups.size)
    s0 = risk[0][groups] - share * dead[0][groups]
    mean = (risk[1][groups] - share[:, None] * dead[1][groups]) / s0[:, None]
    second = (risk[2][groups] - share[:, None, None] * dead[2][groups]) / s0[:, None, None]
    variance = second - mean[:, :, None] * mean[:, None, :]
    residuals, variances = np.zeros((deaths.size, p)), np.zeros((deaths.size, p, p))
    np.add.at(residuals, groups, X[rows] - mean)
    np.add.at(variances, groups, variance)
    return residuals, variances, cohort.time[death_start]


def _one_minus_km_before(cohort: SortedCohort, moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 - Kaplan-Meier estimate of the whole cohort (strata aside) just before each time."""
    at, place = np.unique(cohort.time, return_inverse=True)
    died = np.bincount(place, weights=cohort.event, minlength=at.size)
    risk = np.cumsum(np.bincount(place, minlength=at.size)[::-1])[::-1]
    survival = np.concatenate(([1.0], np.cumprod(1.0 - died / risk)))
    return 1.0 - survival[np.searchsorted(at, moments, side="left")]


def _risk_weights(
    columns: NDArray[np.float64], time: NDArray[np.float64], event: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Cox coefficients; zero where the model cannot be fitted (constant columns, dependent columns)."""
    from resistance_assets.science.survival.cox import fit_model
    from resistance_assets.science.survival.kernels import partial_likelihood as kernels

    cohort = SortedCohort(time, event)
    fit = fit_model(columns[cohort.order], cohort.risk_sets())
    good = fit.status in (kernels.CONVERGED, kernels.MONOTONE) and np.isfinite(fit.coefficients).all()
    return fit.coefficients if good else np.zeros(columns.shape[1])


def _auc(
    risk: NDArray[np.float64], time: NDArray[np.float64], event: NDArray[np.int64], moments: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted AUC at each time, and the weight of its pairs."""
    at, place = np.unique(time, return_inverse=True)
    left = np.bincount(place, minlength=at.size)
    died = np.bincount(place, weights=event, minlength=at.size)
    remaining = np.cumsum(left[::-1])[::-1] - died
    lost = left - died
    # Deaths come before censoring at one time, so they are not at risk of being censored there.
    still = np.concatenate(([1.0], np.cumprod(1.0 - lost / np.maximum(remaining, 1.0))))
    weight = event / still[place]
    values, pairs = np.full(moments.size, np.nan), np.zeros(moments.size)
    for k, moment in enumerate(moments):
        case = (time <= moment) & (event == 1)
        controls = np.sort(risk[time > moment])
        if not case.any() or controls.size == 0:
            continue
        below = np.searchsorted(controls, risk[case], side="left")
        upto = np.searchsorted(controls, risk[case], side="right")
        w = weight[case]
        pairs[k] = w.sum() * controls.size
        values[k] = float((w * (below + upto) / 2.0).sum() / pairs[k])
    return values, pairs


def _bootstrap_auc(
    risk: NDArray[np.float64],
    time: NDArray[np.float64],
    event: NDArray[np.int64],
    moments: NDArray[np.float64],
    picks: NDArray[np.int64],
) -> NDArray[np.float64]:
    """What `_auc` gives for each resample of patients (rows of `picks`), shape (resamples, moments)."""
    from resistance_assets.science.survival.kernels.auc import resampled_auc

    at, place = np.unique(time, return_inverse=True)
    _, rank = np.unique(risk, return_inverse=True)
    control = time[None, :] > moments[:, None]
    case = ~control & (event == 1)[None, :]
    return resampled_auc(picks, place, at.size, event, case, control, np.argsort(rank, kind="stable"), rank)


def _z_scores(x: NDArray[np.float64]) -> NDArray[np.float64]:
    import warnings

    with warnings.catch_warnings():
        # A row of NaN alone has no mean; it becomes zeros below.
        warnings.simplefilter("ignore", RuntimeWarning)
        centred = x - np.nanmean(x, axis=1, keepdims=True)
        sd = np.nanstd(x, axis=1, ddof=1, keepdims=True)
    constant = ~(np.nanmax(np.nan_to_num(np.abs(centred)), axis=1, keepdims=True) > 0) | ~np.isfinite(sd)
    return np.where(constant, 0.0, np.nan_to_num(centred / np.where(constant | (sd == 0), 1.0, sd)))


def _weights(members: Any, weights: Sequence[float] | None) -> NDArray[np.float64]:
    given = np.ones(len(members)) if weights is None else np.asarray(weights, float)
    if given.shape != (len(members),) or not np.abs(given).sum() > 0:
        raise ValueError("one weight per member, not all zero")
    return given / np.abs(given).sum()
