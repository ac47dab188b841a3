"""Compiled ranks: mid-ranks of every row of a matrix at once, and the exact null of the rank-sum statistic.

Here belongs arithmetic on ranks alone; the tests built on it are in `statistics.rank_sum` and `correlation`.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(cache=True, parallel=True)
def rank_rows(values: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mid-ranks along each row, missing values left missing.

    Args:
        values: (rows, columns), NaN missing.
        order: (rows, columns), `numpy.argsort(values, axis=1)`, NaN last.

    Returns:
        ranks (rows, columns) with NaN where values have it; per row the number of values, and the sum of t^3 - t over
        groups of t ties.
    """
    rows, columns = values.shape
    ranks = np.full((rows, columns), np.nan)
    present = np.zeros(rows, dtype=np.int64)
    ties = np.zeros(rows)
    for r in prange(rows):
        n = 0
        for c in range(columns):
            if not np.isnan(values[r, c]):
                n += 1
        present[r] = n
        start = 0
        while start < n:
            stop = start + 1
            while stop < n and values[r, order[r, stop]] == values[r, order[r, start]]:
                stop += 1
            rank = 0.5 * (start + 1 + stop)
            for at in range(start, stop):
                ranks[r, order[r, at]] = rank
            t = float(stop - start)
            ties[r] += t * t * t - t
            start = stop
    return ranks, present, ties


@njit(cache=True)
def rank_sum_distribution(n_a: int, n_b: int) -> np.ndarray:
    """P(W = w) for w = 0 .. n_a n_b, W the Mann-Whitney count of a group of n_a against n_b without ties.

    The number of ways obeys the Gaussian binomial recurrence; it is carried as a probability so that nothing overflows.
    """
    top = n_a * n_b
    ways = np.zeros(top + 1)
    ways[0] = 1.0
    # Multiply by (1 - x^(n_b + i)) / (1 - x^i) for i = 1..n_a, and by i / (n_b + i) to keep the sum at one.
    for i in range(1, n_a + 1):
        for w in range(top, n_b + i - 1, -1):
            ways[w] -= ways[w - n_b - i]
        for w in range(i, top + 1):
            ways[w] += ways[w - i]
        scale = i / (n_b + i)
        for w in range(top + 1):
            ways[w] *= scale
    return ways
