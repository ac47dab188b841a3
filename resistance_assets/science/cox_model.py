"""One Cox model: arrays of sorted patients in, estimates out.

Here belong the fit of a single model with any number of covariates and Firth's penalised fit of a model whose
likelihood has no finite maximum. Screens over genes are in `survival_screen`, tables for people in `survival`, loops in
`survival_kernels`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resistance_assets.science import survival_kernels as kernels

Integers = NDArray[np.int64]
#: start, end, death_start, deaths, first of `survival_kernels.segments`.
RiskSets = tuple[Integers, Integers, Integers, Integers, Integers]


@dataclass(frozen=True)
class CoxFit:
    """Estimates of a Cox model, coefficients per unit of the columns as given.

    Attributes:
        coefficients: shape (p,).
        covariance: shape (p, p).
        log_likelihood_null, log_likelihood: at 0 and at the estimate.
        wald_chi2, score_chi2: of all coefficients, p degrees of freedom.
        concordance: of the linear predictor.
        passes: evaluations until the maximum.
        status: code of `survival_kernels`.
    """

    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]
    log_likelihood_null: float
    log_likelihood: float
    wald_chi2: float
    score_chi2: float
    concordance: float
    passes: int
    status: int


def standardise(columns: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre and scale each column; returns the columns and their standard deviations (1 where constant)."""
    centred = columns - columns.mean(axis=0)
    sd = centred.std(axis=0, ddof=1) if len(columns) > 1 else np.ones(columns.shape[1])
    sd = np.where((sd > 0) & (columns.max(axis=0) > columns.min(axis=0)), sd, 1.0)
    return np.ascontiguousarray(centred / sd), sd


def fit_model(columns: NDArray[np.float64], risk_sets: RiskSets, *, efron: bool = True) -> CoxFit:
    """Maximise the partial likelihood.

    Args:
        columns: shape (n, p), patients in the order of `SortedCohort`, no missing value.
        risk_sets: start, end, death_start, deaths, first.
        efron: ties after Efron, else Breslow.
    """
    n, p = columns.shape
    X, sd = standardise(columns)
    score, info, beta = np.zeros(p), np.zeros((p, p)), np.zeros(p)
    groups = risk_sets[0].size
    value, null, chi2, passes, status = kernels.maximise_model(X, n, p, beta, groups, *risk_sets, efron, score, info)
    covariance = np.full((p, p), np.nan)
    wald = np.nan
    if status in (kernels.CONVERGED, kernels.NOT_CONVERGED, kernels.MONOTONE):
        lower = np.zeros((p, p))
        if kernels.factorise(info, p, lower):
            covariance = np.linalg.inv(info) / np.outer(sd, sd)
            wald = float(beta @ info @ beta)
    c = float(kernels.concordance(X @ beta, n, groups, *risk_sets))
    return CoxFit(beta / sd, covariance, null, value, wald, chi2, c, passes, status)


def fit_firth(
    columns: NDArray[np.float64], target: int, risk_sets: RiskSets, *, efron: bool = True
) -> dict[str, float]:
    """Firth's penalised estimate of one coefficient, with profile limits and the penalised likelihood-ratio test.

    The penalty is half the log determinant of the information (Firth 1993, Biometrika 80:27; for Cox models Heinze &
    Schemper 2001, Biometrics 57:114): finite where the plain likelihood rises for ever. The information is that of the
    rule for ties in use.

    Args:
        columns: shape (n, p), sorted patients; `target` is the column of interest.

    Returns:
        coefficient, standard_error (from the unpenalised information at the estimate), lower and upper (95 % profile
        penalised likelihood), p_value, log_likelihood (unpenalised, at the estimate), concordance, iterations. All
        but the last are NaN where the information is singular: too few events for the columns.
    """
    from scipy.special import chdtrc

    X, sd = standardise(columns)
    n, p = X.shape
    groups = risk_sets[0].size
    everything = np.arange(p)
    others = everything[everything != target]
    passes = 0

    def evaluate(beta: NDArray[np.float64]) -> tuple[float, float, NDArray[np.float64], NDArray[np.float64]]:
        nonlocal passes
        passes += 1
        score, info, third = np.zeros(p), np.zeros((p, p)), np.zeros((p, p, p))
        value = kernels.likelihood_of_model(X, p, beta, groups, *risk_sets, efron, score, info, third)
        if not np.isfinite(value) or not np.isfinite(info).all() or not np.isfinite(third).all():
            return -np.inf, value, score, info
        sign, log_det = np.linalg.slogdet(info)
        # Where the information vanishes so does the penalised likelihood: out of reach, not an estimate.
        if sign <= 0 or np.linalg.cond(info) > 1e14:
            return -np.inf, value, score, info
        penalised_score = score + 0.5 * np.einsum("ab,abc->c", np.linalg.inv(info), third)
        return value + 0.5 * log_det, value, penalised_score, info

    def climb(beta: NDArray[np.float64], free: NDArray[np.intp]) -> tuple[NDArray[np.float64], float]:
        """Maximise over the coefficients in `free`, the others held."""
        beta = beta.copy()
        best, _, score, info = evaluate(beta)
        if free.size == 0 or not np.isfinite(best):
            return beta, best
        for _ in range(200):
            try:
                step = np.linalg.solve(info[np.ix_(free, free)], score[free])
            except np.linalg.LinAlgError:
                break
            step *= min(1.0, 1.0 / max(1e-300, float(np.abs(step).max())))
            if np.abs(step).max() < 1e-9:
                break
            for _ in range(40):
                trial = beta.copy()
                trial[free] += step
                value, _, new_score, new_info = evaluate(trial)
                if value > best - 1e-12:
                    break
                step /= 2
            else:
                break
            done = abs(value - best) < 1e-13 and np.abs(step).max() < 1e-6
            beta, best, score, info = trial, value, new_score, new_info
            if done:
                break
        return beta, best

    estimate, best = climb(np.zeros(p), everything)
    _, likelihood, _, info = evaluate(estimate)
    held = np.zeros(p)
    _, null = climb(held, others)
    variance = np.linalg.inv(info)[target, target] if np.isfinite(best) and np.isfinite(null) else np.nan
    if not variance > 0:
        missing = ("coefficient", "standard_error", "lower", "upper", "p_value", "log_likelihood", "concordance")
        return {**dict.fromkeys(missing, np.nan), "iterations": passes}
    se = float(np.sqrt(variance))

    def profile(value: float) -> float:
        start = estimate.copy()
        start[target] = value
        return 2.0 * (best - climb(start, others)[1]) - 3.841458820694124

    lower = _crossing(profile, estimate[target], -se)
    upper = _crossing(profile, estimate[target], se)
    eta = X @ estimate
    return {
        "coefficient": float(estimate[target] / sd[target]),
        "standard_error": float(se / sd[target]),
        "lower": float(lower / sd[target]),
        "upper": float(upper / sd[target]),
        "p_value": float(chdtrc(1, max(0.0, 2.0 * (best - null)))),
        "log_likelihood": float(likelihood),
        "concordance": float(kernels.concordance(eta, n, groups, *risk_sets)),
        "iterations": passes,
    }


def _crossing(profile: Callable[[float], float], origin: float, direction: float) -> float:
    """Where the profile leaves the 95 % region, going from the estimate; infinite if it never does."""
    from scipy.optimize import brentq

    inner, outer = origin, origin + direction
    for _ in range(30):
        value = profile(outer)
        if not np.isfinite(value):
            return float(np.copysign(np.inf, direction))
        if value > 0:
            found: Any = brentq(profile, inner, outer, xtol=1e-8)
            return float(found)
        inner, outer = outer, outer + (outer - origin)
    return float(np.copysign(np.inf, direction))
