"""Compiled loops of Cox models with several covariates, and of the screen of every gene beside the same covariates.

The order of patients and the risk sets are those of `partial_likelihood`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from resistance_assets.science.survival.kernels.concordance import concordance
from resistance_assets.science.survival.kernels.partial_likelihood import (
    CONSTANT,
    CONVERGED,
    MONOTONE,
    NO_EVENTS,
    NO_INFORMATION,
    NO_PATIENTS,
    NOT_CONVERGED,
    NOT_FINITE,
    drop_missing,
    gather,
    segments,
)


@njit(cache=True, error_model="numpy", nogil=True)
def likelihood_of_model(X, p, beta, groups, start, end, death_start, deaths, first, efron, score, info, third):
    """Log partial likelihood of p covariates (columns of X, patients sorted); fills score (p) and info (p, p).

    `third` (p, p, p) receives the third central moments summed over deaths, the derivative of the information; pass an
    array of shape (0, 0, 0) to leave it out.
    """
    want_third = third.shape[0] > 0
    s1 = np.zeros(p)
    s2 = np.zeros((p, p))
    d1 = np.zeros(p)
    d2 = np.zeros((p, p))
    s3 = np.zeros((p, p, p)) if want_third else np.zeros((1, 1, 1))
    d3 = np.zeros((p, p, p)) if want_third else np.zeros((1, 1, 1))
    mean = np.zeros(p)
    score[:] = 0.0
    info[:, :] = 0.0
    third[:, :, :] = 0.0
    s0 = 0.0
    value = 0.0
    for g in range(groups):
        if start[g] == first[g]:
            s0 = 0.0
            s1[:] = 0.0
            s2[:, :] = 0.0
            s3[:, :, :] = 0.0
        for i in range(start[g], end[g]):
            eta = 0.0
            for a in range(p):
                eta += X[i, a] * beta[a]
            w = np.exp(eta)
            s0 += w
            for a in range(p):
                wa = w * X[i, a]
                s1[a] += wa
                for b in range(a + 1):
                    wab = wa * X[i, b]
                    s2[a, b] += wab
                    if want_third:
                        for c in range(b + 1):
                            s3[a, b, c] += wab * X[i, c]
        d = deaths[g]
        d0 = 0.0
        d1[:] = 0.0
        d2[:, :] = 0.0
        d3[:, :, :] = 0.0
        for i in range(death_start[g], death_start[g] + d):
            eta = 0.0
            for a in range(p):
                eta += X[i, a] * beta[a]
                score[a] += X[i, a]
            value += eta
            if d > 1 and efron:
                w = np.exp(eta)
                d0 += w
                for a in range(p):
                    wa = w * X[i, a]
                    d1[a] += wa
                    for b in range(a + 1):
                        wab = wa * X[i, b]
                        d2[a, b] += wab
                        if want_third:
                            for c in range(b + 1):
                                d3[a, b, c] += wab * X[i, c]
        for k in range(d):
            share = k / d if efron else 0.0
            t0 = s0 - share * d0
            value -= np.log(t0)
            for a in range(p):
                mean[a] = (s1[a] - share * d1[a]) / t0
                score[a] -= mean[a]
            for a in range(p):
                for b in range(a + 1):
                    mab = (s2[a, b] - share * d2[a, b]) / t0
                    info[a, b] += mab - mean[a] * mean[b]
                    if want_third:
                        for c in range(b + 1):
                            mac = (s2[a, c] - share * d2[a, c]) / t0
                            mbc = (s2[b, c] - share * d2[b, c]) / t0
                            third[a, b, c] += (
                                (s3[a, b, c] - share * d3[a, b, c]) / t0
                                - mab * mean[c]
                                - mac * mean[b]
                                - mbc * mean[a]
                                + 2.0 * mean[a] * mean[b] * mean[c]
                            )
    for a in range(p):
        for b in range(a):
            info[b, a] = info[a, b]
    if want_third:
        for a in range(p):
            for b in range(a + 1):
                for c in range(b + 1):
                    t = third[a, b, c]
                    third[a, c, b] = t
                    third[b, a, c] = t
                    third[b, c, a] = t
                    third[c, a, b] = t
                    third[c, b, a] = t
    return value


@njit(cache=True, error_model="numpy", nogil=True)
def factorise(info, p, lower):
    """Cholesky factor of info[:p, :p]; False where a column adds nothing to those before it."""
    for a in range(p):
        for b in range(a + 1):
            t = info[a, b]
            for c in range(b):
                t -= lower[a, c] * lower[b, c]
            if a == b:
                if not t > 1e-10 * info[a, a] or not info[a, a] > 0:
                    return False
                lower[a, a] = np.sqrt(t)
            else:
                lower[a, b] = t / lower[b, b]
    return True


@njit(cache=True, error_model="numpy", nogil=True)
def solve_factored(lower, p, right, solution):
    """Solve with the factor of `factorise`; returns the quadratic form right' info^-1 right."""
    quadratic = 0.0
    for a in range(p):
        t = right[a]
        for c in range(a):
            t -= lower[a, c] * solution[c]
        solution[a] = t / lower[a, a]
        quadratic += solution[a] * solution[a]
    for a in range(p - 1, -1, -1):
        t = solution[a]
        for c in range(a + 1, p):
            t -= lower[c, a] * solution[c]
        solution[a] = t / lower[a, a]
    return quadratic


@njit(cache=True, error_model="numpy", nogil=True)
def maximise_model(X, n, p, beta, groups, start, end, death_start, deaths, first, efron, score, info):
    """Newton with step halving from `beta` (in place) over standardised columns of X.

    Returns (log-likelihood, log-likelihood at the start, score chi2 at the start, passes, status); score and info are
    those at the maximum.
    """
    nothing = np.zeros((0, 0, 0))
    lower = np.zeros((p, p))
    step = np.zeros(p)
    proposed = np.zeros(p)
    spread = np.zeros(p)
    for a in range(p):
        for i in range(n):
            spread[a] = max(spread[a], abs(X[i, a]))
    value = likelihood_of_model(X, p, beta, groups, start, end, death_start, deaths, first, efron, score, info, nothing)
    at_start = value
    chi2 = np.nan
    for passes in range(1, 101):
        if not factorise(info, p, lower):
            return value, at_start, chi2, passes, (NO_INFORMATION if passes == 1 else MONOTONE)
        decrement = solve_factored(lower, p, score, step)
        if passes == 1:
            chi2 = decrement
        reach = 0.0
        for a in range(p):
            reach = max(reach, abs(step[a]) * spread[a])
        if decrement < 1e-12 and reach < 0.02:
            for a in range(p):
                beta[a] += step[a]
            value = likelihood_of_model(
                X, p, beta, groups, start, end, death_start, deaths, first, efron, score, info, nothing
            )
            return value, at_start, chi2, passes, CONVERGED
        if decrement < 1e-8 and reach > 0.1:
            # The likelihood is flat and the estimate still moves: it has no finite maximum.
            return value, at_start, chi2, passes, MONOTONE
        scale = min(1.0, 10.0 / reach)
        moved = False
        for _ in range(40):
            for a in range(p):
                proposed[a] = beta[a] + scale * step[a]
            trial = likelihood_of_model(
                X, p, proposed, groups, start, end, death_start, deaths, first, efron, score, info, nothing
            )
            if trial > value - 1e-9 * abs(value) and np.isfinite(trial):
                moved = True
                break
            scale *= 0.5
        if not moved:
            return value, at_start, chi2, passes, NOT_CONVERGED
        value = trial  # pyright: ignore[reportPossiblyUnboundVariable]
        for a in range(p):
            beta[a] = proposed[a]
    return value, at_start, chi2, 100, NOT_CONVERGED


@njit(cache=True, error_model="numpy", nogil=True)
def _standardise(x, n):
    """Centre and scale x[:n] in place; returns the standard deviation, 0 if constant, NaN if not finite."""
    low = x[0]
    high = x[0]
    total = 0.0
    for i in range(n):
        low = min(low, x[i])
        high = max(high, x[i])
        total += x[i]
    if not (np.isfinite(low) and np.isfinite(high) and np.isfinite(total)):
        return np.nan
    if low == high:
        return 0.0
    mean = total / n
    scale = max(high - mean, mean - low)
    squares = 0.0
    for i in range(n):
        x[i] = (x[i] - mean) / scale
        squares += x[i] * x[i]
    unit = np.sqrt(squares / (n - 1))
    for i in range(n):
        x[i] /= unit
    return unit * scale


@njit(cache=True, error_model="numpy", nogil=True)
def screen_adjusted(expression, order, stratum, time_rank, event, covariates, efron):
    """Fits of every row of `expression` beside `covariates` (sorted patients, standardised, without missing values).

    Returns (n_genes, len(CONTINUOUS_FIELDS)) for the coefficient of the gene; the null is the model of the covariates
    alone on the same patients.
    """
    n_genes = expression.shape[0]
    n = order.size
    q = covariates.shape[1]
    p = q + 1
    out = np.full((n_genes, 11), np.nan)
    start = np.empty(n, np.int64)
    end = np.empty(n, np.int64)
    death_start = np.empty(n, np.int64)
    deaths = np.empty(n, np.int64)
    first = np.empty(n, np.int64)
    groups = segments(stratum, time_rank, event, n, start, end, death_start, deaths, first)
    shared = np.zeros(q)
    shared_fit = maximise_model(
        covariates, n, q, shared, groups, start, end, death_start, deaths, first, efron, np.zeros(q), np.zeros((q, q))
    )
    x = np.empty(n)
    own = np.empty((8, n), np.int64)
    X = np.empty((n, p))
    score = np.zeros(p)
    info = np.zeros((p, p))
    lower = np.zeros((p, p))
    column = np.zeros(p)
    beta = np.zeros(p)
    eta = np.empty(n)
    for gene in range(n_genes):
        result = out[gene]
        gather(expression[gene], order, n, x)
        m = 0
        for i in range(n):
            if x[i] == x[i]:
                for a in range(q):
                    X[m, a] = covariates[i, a]
                m += 1
        m, died = drop_missing(x, n, stratum, time_rank, event, own[0], own[1], own[2])
        result[0] = m
        result[1] = died
        if m == 0:
            result[10] = NO_PATIENTS
            continue
        if died == 0:
            result[10] = NO_EVENTS
            continue
        sd = _standardise(x, m)
        if not np.isfinite(sd):
            result[10] = NOT_FINITE
            continue
        if sd == 0.0:
            result[10] = CONSTANT
            continue
        result[8] = sd
        for i in range(m):
            X[i, q] = x[i]
        count = segments(own[0], own[1], own[2], m, own[3], own[4], own[5], own[6], own[7])
        beta[:] = 0.0
        status = shared_fit[4]
        if m == n:
            beta[:q] = shared
            null = shared_fit[0]
        else:
            null, _, _, _, status = maximise_model(
                X, m, q, beta, count, own[3], own[4], own[5], own[6], own[7], efron, score, info
            )
        if status == CONVERGED:
            likelihood, null, chi2, passes, status = maximise_model(
                X, m, p, beta, count, own[3], own[4], own[5], own[6], own[7], efron, score, info
            )
            result[4] = chi2
            result[9] = passes
        result[5] = null
        result[10] = status
        if status != CONVERGED and status != NOT_CONVERGED:
            continue
        if not factorise(info, p, lower):
            result[10] = NO_INFORMATION
            continue
        column[:] = 0.0
        column[q] = 1.0
        variance = solve_factored(lower, p, column, score)
        result[2] = beta[q] / sd
        result[3] = np.sqrt(variance) / sd
        result[6] = likelihood  # pyright: ignore[reportPossiblyUnboundVariable]
        for i in range(m):
            t = 0.0
            for a in range(p):
                t += X[i, a] * beta[a]
            eta[i] = t
        result[7] = concordance(eta, m, count, own[3], own[4], own[5], own[6], own[7])
    return out
