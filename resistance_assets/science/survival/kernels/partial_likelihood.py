"""Compiled loops of the Cox partial likelihood of one covariate, for every gene of a cohort.

Here belong numba functions over plain arrays that the survival modules call for thousands of genes. No data frames,
no p-values, no decisions about what to report. The functions release the interpreter lock and are called from a few
Python threads, a slab of genes each: numba's own parallel loops hand every core the same share and then wait for the
busiest one.

Throughout, the patients of a cohort are sorted once: by stratum, then by time from the *latest* to the earliest, and
within one time deaths before censored patients. The risk set of a death is then a prefix of its stratum, and every sum
over risk sets is a running sum. `segments` describes that order: segment g is the run of patients that enters the risk
set between one death time and the next earlier one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from resistance_assets.science.survival.kernels.concordance import FAST, concordance

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
# Columns of the per-gene result of the continuous screen.
CONTINUOUS_FIELDS: tuple[str, ...] = (
    "n",
    "events",
    "coefficient",
    "standard_error",
    "score_chi2",
    "log_likelihood_null",
    "log_likelihood",
    "concordance",
    "standard_deviation",
    "iterations",
    "status",
)
CONVERGED = 0
MONOTONE = 1
NOT_CONVERGED = 2
NO_PATIENTS = 3
NO_EVENTS = 4
CONSTANT = 5
NOT_FINITE = 6
ONE_GROUP = 7
NO_INFORMATION = 8


@njit(cache=True, error_model="numpy", nogil=True)
def segments(stratum, time_rank, event, n, start, end, death_start, deaths, first):
    """Fill the arrays that describe the risk sets of n sorted patients; returns the number of distinct death times.

    `first[g]` is the first patient of the stratum of segment g, so the risk set of segment g is `first[g]:end[g]`; its
    deaths are `death_start[g] : death_start[g] + deaths[g]`.
    """
    count = 0
    i = 0
    stratum_start = 0
    pending = 0
    while i < n:
        if i > 0 and stratum[i] != stratum[i - 1]:
            stratum_start = i
            pending = i
        j = i
        died = 0
        while j < n and stratum[j] == stratum[i] and time_rank[j] == time_rank[i]:
            if event[j]:
                died += 1
            j += 1
        if died > 0:
            start[count] = pending
            end[count] = j
            death_start[count] = i
            deaths[count] = died
            first[count] = stratum_start
            count += 1
            pending = j
        i = j
    return count


@njit(cache=True, error_model="numpy", nogil=True, fastmath=FAST)
def _exponentials(x, beta, n, w, bits):
    """w = exp(beta x) for |beta x| < 700, within 2 ulp. A call to libm per patient would cost more than the rest."""
    for i in range(n):
        t = beta * x[i]
        k = np.floor(t * _LOG2_E + 0.5)
        r = t - k * _LN2_HIGH
        r = r - k * _LN2_LOW
        p = 1.6059043836821613e-10
        p = p * r + 2.08767569878681e-09
        p = p * r + 2.505210838544172e-08
        p = p * r + 2.755731922398589e-07
        p = p * r + 2.7557319223985893e-06
        p = p * r + 2.48015873015873e-05
        p = p * r + 1.984126984126984e-04
        p = p * r + 1.388888888888889e-03
        p = p * r + 8.333333333333333e-03
        p = p * r + 4.1666666666666664e-02
        p = p * r + 1.6666666666666666e-01
        p = p * r + 0.5
        p = p * r + 1.0
        p = p * r + 1.0
        w[i] = p
        bits[i] = (np.int64(k) + 1023) << 52
    power = bits.view(np.float64)
    for i in range(n):
        w[i] *= power[i]


@njit(cache=True, error_model="numpy", nogil=True)
def _scaled_exponentials(x, beta, groups, start, end, deaths, first, w, rescale):
    """Weights for any beta: relative to the largest in the risk set so far, with the factor from segment to segment.

    Returns what the sum of log risk sums lacks by that.
    """
    top = -np.inf
    lacking = 0.0
    for g in range(groups):
        before = -np.inf if start[g] == first[g] else top
        top = before
        for i in range(start[g], end[g]):
            top = max(top, beta * x[i])
        for i in range(start[g], end[g]):
            w[i] = np.exp(beta * x[i] - top)
        rescale[g] = np.exp(before - top)
        lacking += deaths[g] * top
    return lacking


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"contract", "nsz"})
def partial_likelihood(x, w, beta, groups, start, end, death_start, deaths, first, efron, rescale=None):
    """Log partial likelihood of one covariate and its derivatives at beta, given w = exp(beta x).

    `rescale`: factors of `_scaled_exponentials`; the log-likelihood then lacks what that function returned.
    Returns (log-likelihood, score, information, derivative of the information). Ties after Efron (1977, JASA 72:557)
    or Breslow (1974, Biometrics 30:89).
    """
    s0 = 0.0
    s1 = 0.0
    s2 = 0.0
    s3 = 0.0
    sum_x = 0.0
    mean_sum = 0.0
    information = 0.0
    third = 0.0
    log_sum = 0.0
    product = 1.0
    factors = 0
    for g in range(groups):
        if start[g] == first[g]:
            s0 = 0.0
            s1 = 0.0
            s2 = 0.0
            s3 = 0.0
        if rescale is not None:
            s0 *= rescale[g]
            s1 *= rescale[g]
            s2 *= rescale[g]
            s3 *= rescale[g]
        for i in range(start[g], end[g]):
            xi = x[i]
            a = w[i]
            s0 += a
            a *= xi
            s1 += a
            a *= xi
            s2 += a
            s3 += a * xi
        d = deaths[g]
        i0 = death_start[g]
        if d == 1:
            sum_x += x[i0]
            inverse = 1.0 / s0
            m1 = s1 * inverse
            m2 = s2 * inverse
            m3 = s3 * inverse
            mean_sum += m1
            variance = m2 - m1 * m1
            information += variance
            third += m3 - m1 * (2.0 * variance + m2)
            product *= s0
            factors += 1
        else:
            d0 = 0.0
            d1 = 0.0
            d2 = 0.0
            d3 = 0.0
            for i in range(i0, i0 + d):
                xi = x[i]
                sum_x += xi
                a = w[i]
                d0 += a
                a *= xi
                d1 += a
                a *= xi
                d2 += a
                d3 += a * xi
            for k in range(d):
                share = k / d if efron else 0.0
                t0 = s0 - share * d0
                inverse = 1.0 / t0
                m1 = (s1 - share * d1) * inverse
                m2 = (s2 - share * d2) * inverse
                m3 = (s3 - share * d3) * inverse
                mean_sum += m1
                variance = m2 - m1 * m1
                information += variance
                third += m3 - m1 * (2.0 * variance + m2)
                log_sum += np.log(t0)
        # One logarithm for several factors; at most 8 of them cannot leave the range of a double here.
        if factors == 8 or product > 1e30 or product < 1e-30:
            log_sum += np.log(product)
            product = 1.0
            factors = 0
    log_sum += np.log(product)
    return beta * sum_x - log_sum, sum_x - mean_sum, information, third


@njit(cache=True, error_model="numpy", nogil=True)
def _direction_without_limit(x, groups, start, end, death_start, deaths, first):
    """+1 or -1 where the likelihood rises for ever in that direction, 0 where the maximum is finite.

    Every death carrying the largest (smallest) value of its risk set is the exact condition: the score tends to
    sum(x_death - max of the risk set) as beta grows.
    """
    rising = True
    falling = True
    high = -np.inf
    low = np.inf
    for g in range(groups):
        if start[g] == first[g]:
            high = -np.inf
            low = np.inf
        for i in range(start[g], end[g]):
            high = max(high, x[i])
            low = min(low, x[i])
        for i in range(death_start[g], death_start[g] + deaths[g]):
            if x[i] < high:
                rising = False
            if x[i] > low:
                falling = False
        if not rising and not falling:
            return 0
    return 1 if rising else -1


@njit(cache=True, error_model="numpy", nogil=True)
def _maximise(x, n, groups, start, end, death_start, deaths, first, efron, w, bits):
    """Maximum of the partial likelihood of one standardised covariate.

    Returns (beta, log-likelihood, information, score chi2 at 0, log-likelihood at 0, passes, status). Each step solves
    the quadratic through score, information and its derivative (third order); the likelihood is concave, so the sign of
    the score brackets the maximum and a step that leaves the bracket is replaced by a bisection.
    """
    for i in range(n):
        w[i] = 1.0
    l0, u, information, third = partial_likelihood(x, w, 0.0, groups, start, end, death_start, deaths, first, efron)
    if not information > 1e-12:
        return np.nan, l0, np.nan, np.nan, l0, 0, NO_INFORMATION
    score = u * u / information
    likelihood = l0
    beta = 0.0
    lower = -np.inf
    upper = np.inf
    # Patients who leave before the first death are in no risk set: their values say nothing about beta.
    x_max = 0.0
    for g in range(groups):
        for i in range(start[g], end[g]):
            x_max = max(x_max, abs(x[i]))
    # One outlier can put the maximum thousands of standard deviations out; beyond this nothing is left to tell.
    edge = 1e9 / x_max
    rescale = np.empty(0)
    for passes in range(1, 201):
        if u > 0:
            lower = beta
        else:
            upper = beta
        discriminant = information * information + 2.0 * third * u
        if discriminant > 0:
            step = 2.0 * u / (information + np.sqrt(discriminant))
        elif information > 0:
            step = u / information
        else:
            step = np.inf if u > 0 else -np.inf
        if abs(step) * np.sqrt(information) < 1e-4 and abs(step) * x_max < 0.02:
            # What is left is of the order step^4 in the likelihood, step^3 in beta: below rounding.
            likelihood += step * (u - step * (0.5 * information + step * third / 6.0))
            return beta + step, likelihood, information + third * step, score, l0, passes, CONVERGED
        limit = max(2.0 / x_max, 1.0 * abs(beta))
        if step > limit:
            step = limit
        elif step < -limit:
            step = -limit
        proposed = beta + step
        if proposed <= lower or proposed >= upper:
            proposed = 0.5 * (lower + upper)
        if proposed > edge:
            proposed = edge
        elif proposed < -edge:
            proposed = -edge
        if proposed == beta:
            break
        beta = proposed
        if abs(beta) * x_max < 300.0:
            _exponentials(x, beta, n, w, bits)
            likelihood, u, information, third = partial_likelihood(
                x, w, beta, groups, start, end, death_start, deaths, first, efron
            )
        else:
            if rescale.size == 0:
                rescale = np.empty(groups)
            lacking = _scaled_exponentials(x, beta, groups, start, end, deaths, first, w, rescale)
            likelihood, u, information, third = partial_likelihood(
                x, w, beta, groups, start, end, death_start, deaths, first, efron, rescale
            )
            likelihood -= lacking
    return beta, likelihood, information, score, l0, 200, NOT_CONVERGED


@njit(cache=True, error_model="numpy", nogil=True)
def _fit_sorted(x, n, events, groups, start, end, death_start, deaths, first, efron, w, bits, out):
    """One continuous covariate over n sorted patients without missing values; x is standardised in place."""
    out[0] = n
    out[1] = events
    if n == 0:
        out[10] = NO_PATIENTS
        return
    total = 0.0
    low = x[0]
    high = x[0]
    for i in range(n):
        total += x[i]
        low = min(low, x[i])
        high = max(high, x[i])
    if not (np.isfinite(low) and np.isfinite(high)):
        out[10] = NOT_FINITE
        return
    if low == high:
        out[10] = CONSTANT if events > 0 else NO_EVENTS
        return
    mean = total / n
    if not np.isfinite(mean):
        out[10] = NOT_FINITE
        return
    scale = max(high - mean, mean - low)
    squares = 0.0
    for i in range(n):
        # Divided by the scale first: squares of large values would overflow.
        x[i] = (x[i] - mean) / scale
        squares += x[i] * x[i]
    unit = np.sqrt(squares / (n - 1))
    inverse = 1.0 / unit
    for i in range(n):
        x[i] *= inverse
    sd = unit * scale
    out[8] = sd
    if events == 0:
        out[10] = NO_EVENTS
        return
    if _direction_without_limit(x, groups, start, end, death_start, deaths, first) != 0:
        out[10] = MONOTONE
        for i in range(n):
            w[i] = 1.0
        l0, u, information, _ = partial_likelihood(x, w, 0.0, groups, start, end, death_start, deaths, first, efron)
        out[5] = l0
        if information > 1e-12:
            out[4] = u * u / information
        else:
            out[10] = NO_INFORMATION
        return
    beta, likelihood, information, score, l0, passes, status = _maximise(
        x, n, groups, start, end, death_start, deaths, first, efron, w, bits
    )
    out[5] = l0
    out[9] = passes
    out[10] = status
    if status == NO_INFORMATION:
        return
    out[4] = score
    out[2] = beta / sd
    out[3] = 1.0 / (np.sqrt(information) * sd)
    out[6] = likelihood
    c = concordance(x, n, groups, start, end, death_start, deaths, first)
    out[7] = c if beta >= 0 else 1.0 - c


@njit(cache=True, error_model="numpy", nogil=True)
def gather(row, order, n, x):
    """Copy a row into sorted order; returns whether a value is missing."""
    missing = False
    for i in range(n):
        value = row[order[i]]
        x[i] = value
        if value != value:
            missing = True
    return missing


@njit(cache=True, error_model="numpy", nogil=True)
def drop_missing(x, n, stratum, time_rank, event, kept_stratum, kept_rank, kept_event):
    """Squeeze missing values out of sorted patients in place; returns (patients, deaths) that stay."""
    m = 0
    events = 0
    for i in range(n):
        if x[i] == x[i]:
            x[m] = x[i]
            kept_stratum[m] = stratum[i]
            kept_rank[m] = time_rank[i]
            kept_event[m] = event[i]
            events += event[i]
            m += 1
    return m, events


@njit(cache=True, error_model="numpy", nogil=True)
def screen_continuous(expression, order, stratum, time_rank, event, efron):
    """Univariable fits of every row of `expression`; returns (n_genes, len(CONTINUOUS_FIELDS)).

    order: columns of `expression` in sorted order; stratum, time_rank, event: of the patients in that order.
    """
    n_genes = expression.shape[0]
    n = order.size
    out = np.full((n_genes, 11), np.nan)
    start = np.empty(n, np.int64)
    end = np.empty(n, np.int64)
    death_start = np.empty(n, np.int64)
    deaths = np.empty(n, np.int64)
    first = np.empty(n, np.int64)
    groups = segments(stratum, time_rank, event, n, start, end, death_start, deaths, first)
    events = 0
    for i in range(n):
        events += event[i]
    x = np.empty(n)
    w = np.empty(n)
    bits = np.empty(n, np.int64)
    own = np.empty((8, n), np.int64)
    for gene in range(n_genes):
        if gather(expression[gene], order, n, x):
            m, died = drop_missing(x, n, stratum, time_rank, event, own[0], own[1], own[2])
            count = segments(own[0], own[1], own[2], m, own[3], own[4], own[5], own[6], own[7])
            _fit_sorted(x, m, died, count, own[3], own[4], own[5], own[6], own[7], efron, w, bits, out[gene])
        else:
            _fit_sorted(x, n, events, groups, start, end, death_start, deaths, first, efron, w, bits, out[gene])
    return out
