"""Compiled Fisher's test of many 2x2 tables: two-sided p and the conditional maximum-likelihood odds ratio."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

# As R's fisher.test: outcomes as likely as the observed one but for rounding count as extreme.
_SLACK = 1.0 + 1e-7
_WIDEST_LOG_ODDS = 700.0
_STEPS = 200


@njit(cache=True)
def _log_choose(n: float, k: float) -> float:
    return math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)


@njit(cache=True)
def _mean_at(log_weight: np.ndarray, lowest: int, log_odds: float) -> float:
    """Mean of the non-central hypergeometric distribution."""
    largest = -np.inf
    for at in range(log_weight.size):
        largest = max(largest, log_weight[at] + (lowest + at) * log_odds)
    total, weighted = 0.0, 0.0
    for at in range(log_weight.size):
        mass = math.exp(log_weight[at] + (lowest + at) * log_odds - largest)
        total += mass
        weighted += mass * (lowest + at)
    return weighted / total


@njit(cache=True)
def fisher_test(both: int, a_only: int, b_only: int, neither: int) -> tuple[float, float]:
    """Conditional maximum-likelihood odds ratio (0 or infinite at the ends, NaN without choice) and two-sided p."""
    with_a, with_b, n = both + a_only, both + b_only, both + a_only + b_only + neither
    lowest, highest = max(0, with_a + with_b - n), min(with_a, with_b)
    if lowest == highest:
        return np.nan, 1.0
    log_weight = np.empty(highest - lowest + 1)
    for at in range(log_weight.size):
        k = lowest + at
        log_weight[at] = _log_choose(with_a, k) + _log_choose(n - with_a, with_b - k)
    mass = np.exp(log_weight - log_weight.max())
    mass /= mass.sum()
    limit, p = mass[both - lowest] * _SLACK, 0.0
    for at in range(mass.size):
        if mass[at] <= limit:
            p += mass[at]
    p = min(p, 1.0)
    if both == lowest:
        return 0.0, p
    if both == highest:
        return np.inf, p
    # The mean grows with the odds ratio: its logarithm is found by halving.
    low, high = -_WIDEST_LOG_ODDS, _WIDEST_LOG_ODDS
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if _mean_at(log_weight, lowest, middle) < both:
            low = middle
        else:
            high = middle
        if high - low < 1e-12 * max(1.0, abs(middle)):
            break
    return math.exp(0.5 * (low + high)), p


@njit(cache=True, parallel=True)
def fisher_tests(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Odds ratio and p of each row of (both, a alone, b alone, neither)."""
    ratio, p = np.empty(cells.shape[0]), np.empty(cells.shape[0])
    for at in prange(cells.shape[0]):
        ratio[at], p[at] = fisher_test(cells[at, 0], cells[at, 1], cells[at, 2], cells[at, 3])
    return ratio, p
