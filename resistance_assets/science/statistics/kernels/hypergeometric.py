"""Compiled hypergeometric probabilities, exact in the far tail.

Here belong the log-density and the log upper tail, for whole vectors at once. What they are used for (overlaps, gene
sets) does not belong here. Kept apart from its callers so that numba is imported only by who computes.

The density is written through Loader's saddle-point form of the binomial (C. Loader 2000, "Fast and accurate
computation of binomial probabilities"): differences of log-factorials lose ten digits on genome-sized universes.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
# Error of Stirling's formula, log(n!) - log(sqrt(2 pi n) (n/e)^n), for n = 0..15, from exact factorials.
_STIRLING_ERROR = np.array(
    [0.0] + [math.lgamma(n + 1.0) - ((n + 0.5) * math.log(n) - n + _HALF_LOG_TWO_PI) for n in range(1, 16)],
    dtype=np.float64,
)


@njit(cache=True)
def _stirling_error(n: float) -> float:
    if n < 15.5:
        return _STIRLING_ERROR[int(n)]
    square = n * n
    series = 1.0 / 1188.0 - 691.0 / 360360.0 / square
    series = 1.0 / 1680.0 - series / square
    series = 1.0 / 1260.0 - series / square
    series = 1.0 / 360.0 - series / square
    return (1.0 / 12.0 - series / square) / n


@njit(cache=True)
def _deviance(x: float, mean: float) -> float:
    """x log(x / mean) + mean - x without cancellation where x is near its mean."""
    if abs(x - mean) < 0.1 * (x + mean):
        v = (x - mean) / (x + mean)
        total = (x - mean) * v
        if abs(total) < 2.2e-308:
            return total
        term = 2.0 * x * v
        v *= v
        for j in range(1, 1000):
            term *= v
            previous = total
            total += term / (2 * j + 1)
            if total == previous:
                break
        return total
    return x * math.log(x / mean) + mean - x


@njit(cache=True)
def _log_binomial(x: float, n: float, p: float, q: float) -> float:
    if x == 0.0:
        if n == 0.0:
            return 0.0
        return -_deviance(n, n * q) - n * p if p < 0.1 else n * math.log(q)
    if x == n:
        return -_deviance(n, n * p) - n * q if q < 0.1 else n * math.log(p)
    centre = (
        _stirling_error(n) - _stirling_error(x) - _stirling_error(n - x) - _deviance(x, n * p) - _deviance(n - x, n * q)
    )
    return centre - _HALF_LOG_TWO_PI - 0.5 * (math.log(x) + math.log1p(-x / n))


@njit(cache=True)
def log_density(k: int, successes: int, draws: int, population: int) -> float:
    """log P(X = k) for `draws` without replacement from `population` that holds `successes`."""
    if k < 0 or k > successes or k > draws or draws - k > population - successes:
        return -np.inf
    if draws == 0 or draws == population or successes == 0 or successes == population:
        return 0.0
    p = draws / population
    q = (population - draws) / population
    return (
        _log_binomial(float(k), float(successes), p, q)
        + _log_binomial(float(draws - k), float(population - successes), p, q)
        - _log_binomial(float(draws), float(population), p, q)
    )


@njit(cache=True)
def log_upper_tail(k: int, successes: int, draws: int, population: int) -> float:
    """log P(X >= k); 0 where k is not above the smallest possible overlap."""
    lowest = max(0, draws + successes - population)
    highest = min(successes, draws)
    if k <= lowest:
        return 0.0
    if k > highest:
        return -np.inf
    failures = population - successes
    term = 1.0
    total = 1.0
    # Sum outwards from the edge of the smaller tail; each term follows from the one before by a ratio.
    if float(k) * population > float(draws) * successes:
        for i in range(k, highest):
            term *= float(successes - i) * float(draws - i) / (float(i + 1) * float(failures - draws + i + 1))
            total += term
            if term < 1e-17 * total:
                break
        return min(0.0, log_density(k, successes, draws, population) + math.log(total))
    for i in range(k - 1, lowest, -1):
        term *= float(i) * float(failures - draws + i) / (float(successes - i + 1) * float(draws - i + 1))
        total += term
        if term < 1e-17 * total:
            break
    log_lower = log_density(k - 1, successes, draws, population) + math.log(total)
    if log_lower >= 0.0:
        return -np.inf
    return math.log1p(-math.exp(log_lower))


@njit(cache=True, parallel=True)
def log_upper_tails(k: np.ndarray, successes: np.ndarray, draws: np.ndarray, population: np.ndarray) -> np.ndarray:
    """`log_upper_tail` of int64 vectors of one length."""
    out = np.empty(k.size)
    for i in prange(k.size):
        out[i] = log_upper_tail(k[i], successes[i], draws[i], population[i])
    return out


@njit(cache=True, parallel=True)
def count_overlaps(
    offsets: np.ndarray, genes: np.ndarray, in_list: np.ndarray, in_universe: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Overlap of every gene set with every list, and size of every set in every universe.

    Args:
        offsets, genes: the sets, set s holds genes[offsets[s]:offsets[s + 1]].
        in_list: (genes, lists) 0/1, already restricted to the list's universe.
        in_universe: (genes, universes) 0/1.
    """
    sets = offsets.size - 1
    lists = in_list.shape[1]
    universes = in_universe.shape[1]
    overlap = np.zeros((sets, lists), dtype=np.int64)
    size = np.zeros((sets, universes), dtype=np.int64)
    for s in prange(sets):
        for at in range(offsets[s], offsets[s + 1]):
            g = genes[at]
            for u in range(universes):
                size[s, u] += in_universe[g, u]
            for t in range(lists):
                overlap[s, t] += in_list[g, t]
    return overlap, size


@njit(cache=True, parallel=True)
def gather_overlaps(
    offsets: np.ndarray,
    genes: np.ndarray,
    in_list: np.ndarray,
    at_list: np.ndarray,
    at_set: np.ndarray,
    overlap: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The genes that each (list, set) pair shares: pair i holds shared[starts[i]:starts[i + 1]]."""
    starts = np.zeros(at_list.size + 1, dtype=np.int64)
    for i in range(at_list.size):
        starts[i + 1] = starts[i] + overlap[at_set[i], at_list[i]]
    shared = np.empty(starts[-1], dtype=np.int64)
    for i in prange(at_list.size):
        to = starts[i]
        for at in range(offsets[at_set[i]], offsets[at_set[i] + 1]):
            if in_list[genes[at], at_list[i]]:
                shared[to] = genes[at]
                to += 1
    return starts, shared


@njit(cache=True)
def shared_by_one_more(distribution: np.ndarray, draws: int, population: int) -> np.ndarray:
    """Distribution of the shared size after one more random list, from the one before it (index = size)."""
    out = np.zeros(distribution.size)
    for y in range(distribution.size):
        weight = distribution[y]
        if weight == 0.0:
            continue
        lowest = max(0, draws + y - population)
        highest = min(y, draws)
        for x in range(lowest, highest + 1):
            out[x] += weight * math.exp(log_density(x, y, draws, population))
    return out
