"""Test of proportional hazards: does the effect of a covariate change over time (R's `cox.zph` since survival 3.0)?

lifelines tests the older approximation, a quarter off R's chi-squared in the median gene.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.science.statistics.tails import chi2_tail
from resistance_assets.science.survival.cox import CoxDesign, fit_model
from resistance_assets.science.survival.follow_up import SortedCohort


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
        tell the effect from its change over time, and for every variable where the model has no finite maximum: an
        effect without an estimate has no change over time to test.
    """
    return proportional_hazards_of_design(CoxDesign(covariates, time_months, event_observed, strata, ties), alpha)


def proportional_hazards_of_design(design: CoxDesign, alpha: float = 0.05) -> pl.DataFrame:
    """Score test of proportional hazards of a design that is made once; see `proportional_hazards_test`."""
    from resistance_assets.science.survival.kernels import partial_likelihood

    cohort, X, ties = design.cohort, design.columns, design.ties
    fit = fit_model(X, cohort.risk_sets(), efron=ties == "efron")
    has_maximum = fit.status == partial_likelihood.CONVERGED
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
        if not has_maximum:
            return np.nan
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
