"""Compiled loops of Harrell's concordance. The order of patients is that of `partial_likelihood`."""

from __future__ import annotations

import numpy as np
from numba import njit

# Contraction to fused multiply-add and reordering of sums; NaN and infinity keep their meaning.
FAST = {"contract", "reassoc", "nsz", "arcp"}


@njit(cache=True, error_model="numpy", nogil=True, fastmath=FAST)
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
