"""Compiled loops of the two-group screens: cut, log-rank sums, Cox model of one indicator, median survival.

The order of patients and the risk sets are those of `partial_likelihood`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from resistance_assets.science.survival.kernels.partial_likelihood import (
    CONVERGED,
    FAST,
    MONOTONE,
    NO_EVENTS,
    NO_INFORMATION,
    NO_PATIENTS,
    NOT_CONVERGED,
    NOT_FINITE,
    ONE_GROUP,
    drop_missing,
    gather,
    segments,
)

# Columns of the per-gene result of a two-group screen.
SPLIT_FIELDS: tuple[str, ...] = (
    "n",
    "events",
    "coefficient",
    "standard_error",
    "score_chi2",
    "log_likelihood_null",
    "log_likelihood",
    "concordance",
    "iterations",
    "status",
    "cut_high",
    "cut_low",
    "n_high",
    "n_low",
    "observed_high",
    "expected_high",
    "observed_low",
    "expected_low",
    "logrank_chi2",
    "median_high",
    "median_low",
)


@njit(cache=True, error_model="numpy", nogil=True)
def _median(values, n, below, above):
    """Median of values[:n], the two middle values averaged when n is even; `below` and `above` are scratch.

    A selection without branches on the data: each pass writes every value to both sides and advances only one of them.
    """
    k = n // 2
    wanted = k
    size = n
    source = values
    while True:
        p, q, r = source[0], source[size // 2], source[size - 1]
        pivot = max(min(p, q), min(max(p, q), r))
        less = 0
        more = 0
        for i in range(size):
            v = source[i]
            below[less] = v
            less += np.int64(v < pivot)
            above[more] = v
            more += np.int64(v > pivot)
        # The next pass squeezes in place: it never writes ahead of where it reads.
        if wanted < less:
            size = less
            source = below
        elif wanted >= size - more:
            wanted -= size - more
            size = more
            source = above
        else:
            break
    if n % 2 == 1:
        return pivot
    smaller = 0
    lower = -np.inf
    for i in range(n):
        v = values[i]
        smaller += np.int64(v < pivot)
        lower = max(lower, v if v < pivot else -np.inf)
    return 0.5 * (pivot + lower) if smaller == k else pivot


@njit(cache=True, error_model="numpy", nogil=True)
def _quantile_sorted(x, n, share):
    """Quantile of sorted x[:n] by linear interpolation (type 7 of R)."""
    position = (n - 1) * share
    k = int(np.floor(position))
    if k + 1 >= n:
        return x[n - 1]
    return x[k] + (position - k) * (x[k + 1] - x[k])


@njit(cache=True, error_model="numpy", nogil=True, fastmath=FAST)
def _two_group_terms(low_weight, high_weight, count, ratio):
    """Sums over deaths of p and p(1-p), p the share of the high group in the weighted risk set."""
    expected = 0.0
    information = 0.0
    for k in range(count):
        b = high_weight[k] * ratio
        p = b / (low_weight[k] + b)
        expected += p
        information += p * (1.0 - p)
    return expected, information


@njit(cache=True, error_model="numpy", nogil=True)
def _two_group_log_sum(low_weight, high_weight, count, ratio):
    log_sum = 0.0
    product = 1.0
    for k in range(count):
        product *= low_weight[k] + high_weight[k] * ratio
        if product > 1e30 or product < 1e-30:
            log_sum += np.log(product)
            product = 1.0
    return log_sum + np.log(product)


@njit(cache=True, error_model="numpy", nogil=True)
def _median_survival(times, at_risk, died, groups):
    """Median of a Kaplan-Meier curve as R's survfit: mid-point of a stretch that is flat at exactly one half."""
    tolerance = 1.4901161193847656e-08
    survival = 1.0
    for g in range(groups - 1, -1, -1):
        # Nobody of the group left: 0/0 must not touch the curve.
        survival *= 1.0 - died[g] / max(at_risk[g], 1.0)
        if survival < 0.5 + tolerance:
            if survival <= 0.5 - tolerance:
                return times[g]
            for later in range(g - 1, -1, -1):
                if died[later] > 0:
                    return 0.5 * (times[g] + times[later])
            return times[g]
    return np.nan


@njit(cache=True, error_model="numpy", nogil=True)
def split_plan(groups, end, death_start, deaths, efron, factors, event_group, event_share):
    """What two-group sums need of a cohort: a variance factor per death time, and per death its time and tie share."""
    count = 0
    for g in range(groups):
        n = float(end[g])
        d = float(deaths[g])
        factors[g] = d * (n - d) / ((n - 1.0) * n * n) if n > 1.0 else 0.0
        for k in range(deaths[g]):
            event_group[count] = g
            event_share[count] = k / d if efron else 0.0
            count += 1
    return count


@njit(cache=True, error_model="numpy", nogil=True, fastmath=FAST)
def _count_groups(cumulative, groups, end, death_start, deaths, factors, number):
    """Numbers at risk and dead of either group at each death time; returns the log-rank sums and the pair counts.

    `number` rows: at risk high, at risk low, dead high, dead low.
    """
    risk_high = number[0]
    risk_low = number[1]
    dead_high = number[2]
    dead_low = number[3]
    observed = 0.0
    expected = 0.0
    variance = 0.0
    pairs = 0.0
    agreeing = 0.0
    low_deaths_beside_high = 0.0
    high_deaths_beside_low = 0.0
    for g in range(groups):
        n = float(end[g])
        d = float(deaths[g])
        n_high = cumulative[end[g]]
        d_high = cumulative[death_start[g] + deaths[g]] - cumulative[death_start[g]]
        n_low = n - n_high
        d_low = d - d_high
        risk_high[g] = n_high
        risk_low[g] = n_low
        dead_high[g] = d_high
        dead_low[g] = d_low
        observed += d_high
        expected += d * n_high / n
        variance += factors[g] * n_high * n_low
        # A death is compared with the rest of its risk set, deaths of the same time left out.
        alive_high = n_high - d_high
        alive_low = n_low - d_low
        pairs += d * (alive_high + alive_low)
        agreeing += d_high * (alive_low + 0.5 * alive_high) + 0.5 * d_low * alive_low
        low_deaths_beside_high += d_low * n_high
        high_deaths_beside_low += d_high * n_low
    return observed, expected, variance, pairs, agreeing, low_deaths_beside_high, high_deaths_beside_low


@njit(cache=True, error_model="numpy", nogil=True, fastmath=FAST)
def _tie_weights(number, event_group, event_share, count, low_w, high_w):
    for k in range(count):
        g = event_group[k]
        high_w[k] = number[0, g] - event_share[k] * number[2, g]
        low_w[k] = number[1, g] - event_share[k] * number[3, g]


@njit(cache=True, error_model="numpy", nogil=True)
def _split_sorted(
    high,
    n,
    times,
    groups,
    end,
    death_start,
    deaths,
    factors,
    event_group,
    event_share,
    count,
    cumulative,
    number,
    low_w,
    high_w,
    out,
):
    """Log-rank test and Cox model of two groups over n sorted patients; high holds 0 and 1."""
    running = 0.0
    cumulative[0] = 0.0
    for i in range(n):
        running += high[i]
        cumulative[i + 1] = running
    observed, expected_high, variance, pairs, agreeing, low_beside, high_beside = _count_groups(
        cumulative, groups, end, death_start, deaths, factors, number
    )
    out[14] = observed
    out[15] = expected_high
    out[16] = count - observed
    out[17] = count - expected_high
    if count == 0:
        out[9] = NO_EVENTS
        return
    out[19] = _median_survival(times, number[0], number[2], groups)
    out[20] = _median_survival(times, number[1], number[3], groups)
    _tie_weights(number, event_group, event_share, count, low_w, high_w)
    out[5] = -_two_group_log_sum(low_w, high_w, count, 1.0)
    expected, information = _two_group_terms(low_w, high_w, count, 1.0)
    if not (variance > 0 and information > 0):
        out[9] = NO_INFORMATION
        return
    out[18] = (observed - expected_high) ** 2 / variance
    out[4] = (observed - expected) ** 2 / information
    # Finite only if some death of either group happened while the other group was at risk.
    if low_beside == 0.0 or high_beside == 0.0:
        out[9] = MONOTONE
        return
    beta = 0.0
    lower = -np.inf
    upper = np.inf
    for passes in range(1, 101):
        u = observed - expected
        if u > 0:
            lower = beta
        else:
            upper = beta
        step = u / information
        out[8] = passes
        if abs(step) * np.sqrt(information) < 1e-7 and abs(step) < 0.01:
            break
        step = min(2.0, max(-2.0, step))
        proposed = beta + step
        if proposed <= lower or proposed >= upper:
            proposed = 0.5 * (lower + upper)
        if proposed == beta:
            break
        beta = proposed
        expected, information = _two_group_terms(low_w, high_w, count, np.exp(beta))
    else:
        out[9] = NOT_CONVERGED
        return
    out[9] = CONVERGED
    out[2] = beta
    out[3] = 1.0 / np.sqrt(information)
    out[6] = beta * observed - _two_group_log_sum(low_w, high_w, count, np.exp(beta))
    if pairs > 0:
        c = agreeing / pairs
        out[7] = c if beta >= 0 else 1.0 - c


@njit(cache=True, error_model="numpy", nogil=True)
def screen_split(expression, order, time_rank, event, time, low_share, high_share, efron):
    """Two-group comparison of every row of `expression`; returns (n_genes, len(SPLIT_FIELDS)).

    High is above the quantile `high_share`, low is at or below the quantile `low_share`; equal shares of 0.5 are the
    median split, otherwise the patients between the cut points are left out. `time` is in sorted order.
    """
    n_genes = expression.shape[0]
    n = order.size
    out = np.full((n_genes, 21), np.nan)
    stratum = np.zeros(n, np.int64)
    plan = np.empty((5, n), np.int64)
    groups = segments(stratum, time_rank, event, n, plan[0], plan[1], plan[2], plan[3], plan[4])
    event_group = np.empty(n, np.int64)
    event_share = np.empty(n)
    factors = np.empty(n)
    total = split_plan(groups, plan[1], plan[2], plan[3], efron, factors, event_group, event_share)
    death_times = np.empty(n)
    for g in range(groups):
        death_times[g] = time[plan[2, g]]
    median = low_share == 0.5 and high_share == 0.5
    x = np.empty(n)
    values = np.empty(n)
    below = np.empty(n)
    above = np.empty(n)
    high = np.empty(n)
    cumulative = np.empty(n + 1)
    number = np.empty((4, n))
    low_w = np.empty(n)
    high_w = np.empty(n)
    own = np.empty((8, n), np.int64)
    own_times = np.empty(n)
    own_factors = np.empty(n)
    own_group = np.empty(n, np.int64)
    own_share = np.empty(n)
    for gene in range(n_genes):
        result = out[gene]
        missing = gather(expression[gene], order, n, x)
        m = n
        source = x
        if missing:
            m = 0
            for i in range(n):
                if x[i] == x[i]:
                    values[m] = x[i]
                    m += 1
            source = values
        result[0] = m
        result[1] = 0
        if m == 0:
            result[9] = NO_PATIENTS
            continue
        lowest, highest = _range(source, m)
        if np.isinf(lowest) or np.isinf(highest):
            result[9] = NOT_FINITE
            continue
        if median:
            cut_high = _median(source, m, below, above)
            cut_low = cut_high
        else:
            below[:m] = source[:m]
            below[:m].sort()
            cut_high = _quantile_sorted(below, m, high_share)
            cut_low = _quantile_sorted(below, m, low_share)
        result[10] = cut_high
        result[11] = cut_low
        n_high, n_low = _classify(x, n, cut_low, cut_high, high)
        result[0] = n_high + n_low
        result[12] = n_high
        result[13] = n_low
        if n_high + n_low == n:
            result[1] = total
            if n_high == 0 or n_low == 0:
                result[9] = ONE_GROUP
                continue
            _split_sorted(
                high,
                n,
                death_times,
                groups,
                plan[1],
                plan[2],
                plan[3],
                factors,
                event_group,
                event_share,
                total,
                cumulative,
                number,
                low_w,
                high_w,
                result,
            )
            continue
        k = 0
        for i in range(n):
            if x[i] > cut_high or x[i] <= cut_low:
                high[k] = high[i]
                own_times[k] = time[i]
                k += 1
            else:
                x[i] = np.nan
        k, died = drop_missing(x, n, stratum, time_rank, event, own[0], own[1], own[2])
        result[1] = died
        if n_high == 0 or n_low == 0:
            result[9] = ONE_GROUP
            continue
        count = segments(own[0], own[1], own[2], k, own[3], own[4], own[5], own[6], own[7])
        for g in range(count):
            own_times[g] = own_times[own[5, g]]
        own_total = split_plan(count, own[4], own[5], own[6], efron, own_factors, own_group, own_share)
        _split_sorted(
            high,
            k,
            own_times,
            count,
            own[4],
            own[5],
            own[6],
            own_factors,
            own_group,
            own_share,
            own_total,
            cumulative,
            number,
            low_w,
            high_w,
            result,
        )
    return out


@njit(cache=True, error_model="numpy", nogil=True, fastmath=FAST)
def _range(x, n):
    lowest = x[0]
    highest = x[0]
    for i in range(n):
        lowest = min(lowest, x[i])
        highest = max(highest, x[i])
    return lowest, highest


@njit(cache=True, error_model="numpy", nogil=True, fastmath=FAST)
def _classify(x, n, cut_low, cut_high, high):
    """high = 1 above cut_high, else 0; returns how many lie above cut_high and how many at or below cut_low."""
    n_high = np.int64(0)
    n_low = np.int64(0)
    for i in range(n):
        above = x[i] > cut_high
        high[i] = 1.0 if above else 0.0
        n_high += np.int64(above)
        n_low += np.int64(x[i] <= cut_low)
    return n_high, n_low
