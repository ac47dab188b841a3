"""Compiled loops of the cut-point search: log-rank scores, best cut of every gene, permuted score processes."""

from __future__ import annotations

import numpy as np
from numba import njit

from resistance_assets.science.survival.kernels.partial_likelihood import CONSTANT, CONVERGED, NOT_FINITE, ONE_GROUP

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
