"""Compiled tails of the Poisson-binomial distribution: how many of independent trials of unlike chances succeed."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(cache=True)
def tail_probabilities(chances: np.ndarray, observed: int) -> tuple[float, float]:
    """P(N <= observed) and P(N >= observed) for N the number of successes, by the exact recurrence."""
    n = chances.shape[0]
    mass = np.zeros(n + 1)
    mass[0] = 1.0
    reached = 0
    for trial in range(n):
        p = chances[trial]
        if p <= 0.0:
            continue
        reached += 1
        for k in range(reached, 0, -1):
            mass[k] = mass[k] * (1.0 - p) + mass[k - 1] * p
        mass[0] *= 1.0 - p
    low = 0.0
    for k in range(observed + 1):
        low += mass[k]
    high = 0.0
    for k in range(n, observed - 1, -1):
        high += mass[k]
    return min(low, 1.0), min(high, 1.0)


@njit(cache=True, parallel=True)
def pair_tails(
    background: np.ndarray, first: np.ndarray, second: np.ndarray, observed: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expected number of tumours with both, and the two tails, for pairs of genes.

    Args:
        background: (genes, tumours) chance of an alteration.
        first, second: (pairs,) rows of the two genes.
        observed: (pairs,) tumours with both.
    """
    pairs = first.shape[0]
    expected, low, high = np.zeros(pairs), np.zeros(pairs), np.zeros(pairs)
    for at in prange(pairs):
        both = background[first[at]] * background[second[at]]
        expected[at] = both.sum()
        low[at], high[at] = tail_probabilities(both, observed[at])
    return expected, low, high
