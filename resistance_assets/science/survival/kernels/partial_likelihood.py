"""Compiled loops of the survival analyses: partial likelihoods, log-rank sums, concordance, cut-point search.

Here belong numba functions over plain arrays that the survival modules call for thousands of genes. No data frames,
no p-values, no decisions about what to report: those are in `survival_screen` and `survival`. The functions release the
interpreter lock and are called from a few Python threads, a slab of genes each: numba's own parallel loops hand every
core the same share and then wait for the busiest one.

Throughout, the patients of a cohort are sorted once: by stratum, then by time from the *latest* to the earliest, and
within one time deaths before censored patients. The risk set of a death is then a prefix of its stratum, and every sum
over risk sets is a running sum. `segments` describes that order: segment g is the run of patients that enters the risk
set between one death time and the next earlier one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Contraction to fused multiply-add and reordering of sums; NaN and infinity keep their meaning.
_FAST = {"contract", "reassoc", "nsz", "arcp"}

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


@njit(cache=True, error_model="numpy", nogil=True, fastmath=_FAST)
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


@njit(cache=True, error_model="numpy", nogil=True, fastmath=_FAST)
def _count_below(x, value):
    """2 x (number below) + (number equal) in x. Takes a slice: an offset index would keep the loop from vectorising."""
    count = np.int64(0)
    for i in range(x.size):
        count += np.int64(x[i] < value) + np.int64(x[i] <= value)
    return count


@njit(cache=True, error_model="numpy", nogil=True)
def concordance(x, n, groups, start, end, death_start, deaths, first):
    """Share of comparable pairs in which the one who died earlier has the larger x (ties in x count half).

    As `concordance` of R's survival package: a patient censored at the time of a death outlives it; two deaths at one
    time are not compared; with strata only pairs of one stratum are.
    """
    pairs = np.int64(0)
    doubled = np.int64(0)
    comparisons = np.int64(0)
    queries = np.int64(0)
    for g in range(groups):
        comparisons += deaths[g] * (end[g] - first[g])
        queries += deaths[g]
        pairs += deaths[g] * (end[g] - first[g] - deaths[g])
    if pairs == 0:
        return np.nan
    # Counting with SIMD compares is fastest until the cohort is large; then it would grow with the square.
    if comparisons < 100 * n + 300 * queries:
        for g in range(groups):
            a = death_start[g]
            b = a + deaths[g]
            for i in range(a, b):
                doubled += _count_below(x[first[g] : end[g]], x[i])
                for j in range(a, b):
                    doubled -= np.int64(x[j] < x[i]) + np.int64(x[j] <= x[i])
    else:
        doubled = _count_below_in_buckets(x, n, groups, start, end, death_start, deaths, first)
    return doubled / (2.0 * pairs)


_BUCKETS = 128
_BUCKET_SAMPLE = 512


@njit(cache=True, error_model="numpy", nogil=True)
def _bucket_of(splitters, value):
    """How many of the 127 sorted splitters are at or below a value."""
    at = 0
    step = _BUCKETS // 2
    while step > 0:
        at += step * np.int64(splitters[at + step - 1] <= value)
        step //= 2
    return at


@njit(cache=True, error_model="numpy", nogil=True)
def _count_below_in_buckets(x, n, groups, start, end, death_start, deaths, first):
    """Twice the comparable pairs in which the one who died earlier has the larger x, ties in x counted once.

    Patients are put, as they enter the risk set, into buckets cut at quantiles of x: those in a lower bucket are
    smaller, and only those of one's own bucket are compared. Cost: patients x log(buckets), and per death one pass over
    the buckets and one bucket.
    """
    sampled = min(n, _BUCKET_SAMPLE)
    sample = np.empty(sampled)
    for k in range(sampled):
        sample[k] = x[k * n // sampled]
    sample.sort()
    splitters = np.empty(_BUCKETS - 1)
    for k in range(_BUCKETS - 1):
        splitters[k] = sample[(k + 1) * sampled // _BUCKETS]
    bucket = np.empty(n, np.int64)
    offset = np.zeros(_BUCKETS + 1, np.int64)
    for i in range(n):
        bucket[i] = _bucket_of(splitters, x[i])
        offset[bucket[i] + 1] += 1
    for k in range(_BUCKETS):
        offset[k + 1] += offset[k]
    held = np.empty(n)
    filled = np.zeros(_BUCKETS, np.int64)
    doubled = np.int64(0)
    for g in range(groups):
        if start[g] == first[g]:
            filled[:] = 0
        a = death_start[g]
        b = a + deaths[g]
        for i in range(start[g], end[g]):
            if i < a or i >= b:
                k = bucket[i]
                held[offset[k] + filled[k]] = x[i]
                filled[k] += 1
        for i in range(a, b):
            k = bucket[i]
            doubled += 2 * filled[:k].sum() + _count_below(held[offset[k] : offset[k] + filled[k]], x[i])
        for i in range(a, b):
            k = bucket[i]
            held[offset[k] + filled[k]] = x[i]
            filled[k] += 1
    return doubled


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
def _gather(row, order, n, x):
    """Copy a row into sorted order; returns whether a value is missing."""
    missing = False
    for i in range(n):
        value = row[order[i]]
        x[i] = value
        if value != value:
            missing = True
    return missing


@njit(cache=True, error_model="numpy", nogil=True)
def _drop_missing(x, n, stratum, time_rank, event, kept_stratum, kept_rank, kept_event):
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
        if _gather(expression[gene], order, n, x):
            m, died = _drop_missing(x, n, stratum, time_rank, event, own[0], own[1], own[2])
            count = segments(own[0], own[1], own[2], m, own[3], own[4], own[5], own[6], own[7])
            _fit_sorted(x, m, died, count, own[3], own[4], own[5], own[6], own[7], efron, w, bits, out[gene])
        else:
            _fit_sorted(x, n, events, groups, start, end, death_start, deaths, first, efron, w, bits, out[gene])
    return out


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


@njit(cache=True, error_model="numpy", nogil=True, fastmath=_FAST)
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


@njit(cache=True, error_model="numpy", nogil=True, fastmath=_FAST)
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


@njit(cache=True, error_model="numpy", nogil=True, fastmath=_FAST)
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
        missing = _gather(expression[gene], order, n, x)
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
        k, died = _drop_missing(x, n, stratum, time_rank, event, own[0], own[1], own[2])
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


@njit(cache=True, error_model="numpy", nogil=True, fastmath=_FAST)
def _range(x, n):
    lowest = x[0]
    highest = x[0]
    for i in range(n):
        lowest = min(lowest, x[i])
        highest = max(highest, x[i])
    return lowest, highest


@njit(cache=True, error_model="numpy", nogil=True, fastmath=_FAST)
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


# --------------------------------------------------------------------------------------------- several covariates


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
        value = trial
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
        _gather(expression[gene], order, n, x)
        m = 0
        for i in range(n):
            if x[i] == x[i]:
                for a in range(q):
                    X[m, a] = covariates[i, a]
                m += 1
        m, died = _drop_missing(x, n, stratum, time_rank, event, own[0], own[1], own[2])
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
        result[6] = likelihood
        for i in range(m):
            t = 0.0
            for a in range(p):
                t += X[i, a] * beta[a]
            eta[i] = t
        result[7] = concordance(eta, m, count, own[3], own[4], own[5], own[6], own[7])
    return out


# ------------------------------------------------------------------------------------------- maximally selected cuts

# Columns of the per-gene result of the cut-point search.
CUT_FIELDS: tuple[str, ...] = (
    "cut_point",
    "statistic",
    "n_low",
    "n_cut_points",
    "lau94_linear",
    "lau94_cubic",
    "status",
)


@njit(cache=True, error_model="numpy", nogil=True)
def logrank_scores(time_rank, event, n, scores):
    """Log-rank scores of n patients: event minus the cumulative hazard up to and including the own time.

    `time_rank` counts upwards with time. Each event adds 1 / (number still under observation after its time, plus 1),
    as Hothorn & Lausen's maxstat does with the largest rank among ties.
    """
    order = np.argsort(time_rank[:n])
    hazard = 0.0
    i = 0
    while i < n:
        j = i
        died = 0
        while j < n and time_rank[order[j]] == time_rank[order[i]]:
            died += event[order[j]]
            j += 1
        hazard += died / (n - j + 1.0)
        for k in range(i, j):
            scores[order[k]] = event[order[k]] - hazard
        i = j


@njit(cache=True, error_model="numpy", nogil=True)
def search_cuts(expression, scores, m_low, m_high, candidates):
    """Best cut-point of every row (no missing values): the largest standardised partial sum of scores.

    candidates: (n_genes, m_high - m_low + 1), filled with whether a cut leaves that many patients low; ties take some
    away. Returns (n_genes, len(CUT_FIELDS)).
    """
    n_genes, n = expression.shape
    out = np.full((n_genes, 7), np.nan)
    total = 0.0
    squares = 0.0
    for i in range(n):
        total += scores[i]
        squares += scores[i] * scores[i]
    spread = (n * squares - total * total) / (n * n * (n - 1.0))
    for gene in range(n_genes):
        row = expression[gene]
        result = out[gene]
        order = np.argsort(row)
        if not (np.isfinite(row[order[0]]) and np.isfinite(row[order[n - 1]])):
            result[6] = NOT_FINITE
            continue
        if row[order[0]] == row[order[n - 1]]:
            result[6] = CONSTANT
            continue
        running = 0.0
        best = -1.0
        best_m = 0
        cuts = 0
        previous = 0
        linear = 0.0
        cubic = 0.0
        for m in range(1, m_high + 1):
            running += scores[order[m - 1]]
            if m < m_low:
                continue
            if m >= n or row[order[m - 1]] == row[order[m]]:
                candidates[gene, m - m_low] = 0
                continue
            candidates[gene, m - m_low] = 1
            cuts += 1
            statistic = abs(running - m * total / n) / np.sqrt(m * (n - m) * spread)
            if statistic > best:
                best = statistic
                best_m = m
            if previous > 0:
                t = np.sqrt(1.0 - previous * (n - float(m)) / ((n - float(previous)) * m))
                linear += t
                cubic += t * t * t / 6.0
            previous = m
        if cuts == 0:
            result[6] = ONE_GROUP
            continue
        result[0] = row[order[best_m - 1]]
        result[1] = best
        result[2] = best_m
        result[3] = cuts
        result[4] = linear
        result[5] = cubic
        result[6] = CONVERGED
    return out


@njit(cache=True, error_model="numpy", nogil=True)
def _next_random(state):
    """One step of splitmix64: (new state, 64 random bits)."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state, z ^ (z >> np.uint64(31))


@njit(cache=True, error_model="numpy", nogil=True)
def permuted_processes(scores, m_low, m_high, seed, first_permutation, processes, peaks):
    """|standardised partial sums| of permuted scores for every size of the low group, and the largest of each.

    processes: float32 (m_high - m_low + 1, permutations), or with no rows where only the peaks are wanted; peaks:
    (permutations,). Permutation k draws from its own stream, so neither the number of threads nor the size of a block
    changes the result.
    """
    n = scores.size
    width = m_high - m_low + 1
    total = 0.0
    squares = 0.0
    for i in range(n):
        total += scores[i]
        squares += scores[i] * scores[i]
    spread = (n * squares - total * total) / (n * n * (n - 1.0))
    scale = np.empty(width)
    for k in range(width):
        m = float(m_low + k)
        scale[k] = 1.0 / np.sqrt(m * (n - m) * spread)
    keep = processes.shape[0] > 0
    for b in range(peaks.size):
        shuffled = scores.copy()
        state = np.uint64(seed) ^ (np.uint64(first_permutation + b + 1) * np.uint64(0xD1342543DE82EF95))
        state, _ = _next_random(state)
        for i in range(n - 1, 0, -1):
            state, bits = _next_random(state)
            # Multiply and shift: bias below n / 2^32.
            j = np.int64(((bits >> np.uint64(32)) * np.uint64(i + 1)) >> np.uint64(32))
            held = shuffled[i]
            shuffled[i] = shuffled[j]
            shuffled[j] = held
        running = 0.0
        peak = -1.0
        for m in range(1, m_high + 1):
            running += shuffled[m - 1]
            if m >= m_low:
                value = abs(running - m * total / n) * scale[m - m_low]
                if keep:
                    processes[m - m_low, b] = value
                peak = max(peak, value)
        peaks[b] = peak


@njit(cache=True, error_model="numpy", nogil=True)
def count_exceedances(statistics, candidates, processes, counts):
    """Add, per gene, the permuted processes that reach the gene's statistic at one of the gene's own candidate cuts.

    A running maximum over the rows of `processes` that a gene admits: straight loops over permutations, which beat an
    early exit by far.
    """
    size = processes.shape[1]
    largest = np.empty(size, np.float32)
    for gene in range(statistics.size):
        for b in range(size):
            largest[b] = 0.0
        for k in range(processes.shape[0]):
            if candidates[gene, k]:
                row = processes[k]
                for b in range(size):
                    largest[b] = row[b] if row[b] > largest[b] else largest[b]
        # Room for the rounding of single precision.
        bar = np.float32(statistics[gene] * (1.0 - 1e-6))
        reached = np.int64(0)
        for b in range(size):
            reached += np.int64(largest[b] >= bar)
        counts[gene] += reached
