"""Compiled loops of Firth's penalised Cox regression: the climb, the profile and its 95 % limits.

Here belong numba functions over plain arrays of sorted patients (order and risk sets as in `partial_likelihood`). What
a caller gets and when it is asked for is in `survival.cox`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from resistance_assets.science.survival.kernels.adjusted import likelihood_of_model, solve_factored
from resistance_assets.science.survival.kernels.concordance import concordance

# Deviance at the edge of a 95 % profile region: the 0.95 quantile of chi-squared with one degree of freedom.
_CHI2_95 = 3.841458820694124
# Share of the largest diagonal element below which a pivot makes the information singular.
_SMALLEST_PIVOT = 1e-14


@njit(cache=True, error_model="numpy", nogil=True)
def _factor(info, p, skip, lower):
    """Cholesky factor of `info` without row and column `skip` (-1: none); log determinant, NaN where singular."""
    log_det = 0.0
    largest = 0.0
    for a in range(p):
        if a != skip:
            largest = max(largest, info[a, a])
    m = 0
    for a in range(p):
        if a == skip:
            continue
        k = 0
        for b in range(a + 1):
            if b == skip:
                continue
            t = info[a, b]
            for c in range(k):
                t -= lower[m, c] * lower[k, c]
            if a == b:
                if not t > _SMALLEST_PIVOT * largest:
                    return np.nan
                lower[m, m] = np.sqrt(t)
                log_det += np.log(t)
            else:
                lower[m, k] = t / lower[k, k]
            k += 1
        m += 1
    return log_det


@njit(cache=True, error_model="numpy", nogil=True)
def _evaluate(X, p, beta, groups, start, end, death_start, deaths, first, efron, score, info, third, lower):
    """Penalised and plain log-likelihood at `beta`; `score` becomes the penalised score. -inf where out of reach."""
    value = likelihood_of_model(X, p, beta, groups, start, end, death_start, deaths, first, efron, score, info, third)
    if not np.isfinite(value):
        return -np.inf, value
    log_det = _factor(info, p, -1, lower)
    if not np.isfinite(log_det):
        # Where the information vanishes so does the penalised likelihood: out of reach, not an estimate.
        return -np.inf, value
    unit = np.zeros(p)
    column = np.zeros(p)
    for b in range(p):
        unit[:] = 0.0
        unit[b] = 1.0
        solve_factored(lower, p, unit, column)
        for a in range(p):
            for c in range(p):
                score[c] += 0.5 * column[a] * third[a, b, c]
    for c in range(p):
        if not np.isfinite(score[c]):
            return -np.inf, value
    return value + 0.5 * log_det, value


@njit(cache=True, error_model="numpy", nogil=True)
def _climb(X, p, beta, held, groups, start, end, death_start, deaths, first, efron, score, info, third):
    """Maximise from `beta` (in place) over all coefficients but `held` (-1: none).

    Returns (penalised log-likelihood, plain log-likelihood, evaluations); `info` is that at the maximum.
    """
    lower = np.zeros((p, p))
    trial = np.zeros(p)
    right = np.zeros(p)
    step = np.zeros(p)
    new_score = np.zeros(p)
    new_info = np.zeros((p, p))
    free = p if held < 0 else p - 1
    best, plain = _evaluate(
        X, p, beta, groups, start, end, death_start, deaths, first, efron, score, info, third, lower
    )
    passes = 1
    if free == 0 or not np.isfinite(best):
        return best, plain, passes
    for _ in range(200):
        if not np.isfinite(_factor(info, p, held, lower)):
            break
        m = 0
        for a in range(p):
            if a != held:
                right[m] = score[a]
                m += 1
        solve_factored(lower, free, right, step)
        reach = 0.0
        for m in range(free):
            reach = max(reach, abs(step[m]))
        if reach > 1.0:
            for m in range(free):
                step[m] /= reach
            reach = 1.0
        if reach < 1e-9:
            break
        better = False
        value = best
        likelihood = plain
        for _ in range(40):
            m = 0
            for a in range(p):
                trial[a] = beta[a]
                if a != held:
                    trial[a] += step[m]
                    m += 1
            value, likelihood = _evaluate(
                X, p, trial, groups, start, end, death_start, deaths, first, efron, new_score, new_info, third, lower
            )
            passes += 1
            if value > best - 1e-12:
                better = True
                break
            for m in range(free):
                step[m] *= 0.5
            reach *= 0.5
        if not better:
            break
        done = abs(value - best) < 1e-13 and reach < 1e-6
        for a in range(p):
            beta[a] = trial[a]
            score[a] = new_score[a]
            for b in range(p):
                info[a, b] = new_info[a, b]
        best = value
        plain = likelihood
        if done:
            break
    return best, plain, passes


@njit(cache=True, error_model="numpy", nogil=True)
def _limit(X, p, estimate, best, target, se, groups, start, end, death_start, deaths, first, efron, score, info, third):
    """Where the profile leaves the 95 % region, going from the estimate by `se` (signed); infinite if it never does.

    The search is on the signed root of the deviance, which is nearly a straight line in the coefficient, by regula
    falsi with the stale end's weight halved (Illinois); every climb starts where the one before ended.
    """
    bar = np.sqrt(_CHI2_95)
    beta = estimate.copy()
    inner = estimate[target]
    inner_gap = -bar
    outer = inner + se
    outer_gap = 0.0
    reached = False
    passes = 0
    for _ in range(30):
        beta[target] = outer
        value, _, used = _climb(
            X, p, beta, target, groups, start, end, death_start, deaths, first, efron, score, info, third
        )
        passes += used
        if not np.isfinite(value):
            break
        outer_gap = np.sqrt(max(0.0, 2.0 * (best - value))) - bar
        if outer_gap > 0:
            reached = True
            break
        inner = outer
        inner_gap = outer_gap
        outer += outer - estimate[target]
    if not reached:
        return np.copysign(np.inf, se), passes
    side = 0
    for _ in range(60):
        middle = outer - outer_gap * (outer - inner) / (outer_gap - inner_gap)
        beta[target] = middle
        value, _, used = _climb(
            X, p, beta, target, groups, start, end, death_start, deaths, first, efron, score, info, third
        )
        passes += used
        gap = np.sqrt(max(0.0, 2.0 * (best - value))) - bar
        if abs(gap) < 1e-9 or abs(outer - inner) < 1e-8:
            return middle, passes
        if gap > 0:
            outer = middle
            outer_gap = gap
            if side == 1:
                inner_gap *= 0.5
            side = 1
        else:
            inner = middle
            inner_gap = gap
            if side == -1:
                outer_gap *= 0.5
            side = -1
    return 0.5 * (inner + outer), passes


@njit(cache=True, error_model="numpy", nogil=True)
def firth(X, target, groups, start, end, death_start, deaths, first, efron, found):
    """Fit the standardised columns of X; fills `found` (7) and returns the evaluations.

    `found`: coefficient, standard error, lower and upper limit of `target` per standardised unit, its penalised
    likelihood-ratio chi2, the plain log-likelihood at the estimate, the concordance; NaN where there is no estimate.
    """
    n, p = X.shape
    found[:] = np.nan
    score = np.zeros(p)
    info = np.zeros((p, p))
    third = np.zeros((p, p, p))
    lower = np.zeros((p, p))
    estimate = np.zeros(p)
    best, plain, passes = _climb(
        X, p, estimate, -1, groups, start, end, death_start, deaths, first, efron, score, info, third
    )
    if not np.isfinite(best) or not np.isfinite(_factor(info, p, -1, lower)):
        return passes
    unit = np.zeros(p)
    unit[target] = 1.0
    variance = solve_factored(lower, p, unit, np.zeros(p))
    null, _, used = _climb(
        X, p, np.zeros(p), target, groups, start, end, death_start, deaths, first, efron, score, info, third
    )
    passes += used
    if not np.isfinite(null) or not variance > 0:
        return passes
    se = np.sqrt(variance)
    found[0] = estimate[target]
    found[1] = se
    for side in range(2):
        found[2 + side], used = _limit(
            X, p, estimate, best, target, se if side else -se,
            groups, start, end, death_start, deaths, first, efron, score, info, third,
        )  # fmt: skip
        passes += used
    found[4] = 2.0 * (best - null)
    found[5] = plain
    eta = np.zeros(n)
    for i in range(n):
        for a in range(p):
            eta[i] += X[i, a] * estimate[a]
    found[6] = concordance(eta, n, groups, start, end, death_start, deaths, first)
    return passes
