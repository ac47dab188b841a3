"""Compiled running sums for gene-set enrichment: observed scores, the null shared by set size, and its deep tail.

Here belongs arithmetic on positions in one ranked list. Names, families and q-values are in `gsea`.

Conventions: genes are numbered by position, 0 = highest metric. Genes of equal metric form a block; the running sum is
read only between blocks, since no cut of the list falls inside one. `starts[i]` and `ends[i]` are the first position of
gene i's block and the position after its last; without ties they are i and i + 1. Random numbers come from a counter
(splitmix64), so that a result depends on the seed alone and not on the number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange, uint64

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)


@njit(cache=True)
def _mix(state):
    z = uint64(state)
    z = (z ^ (z >> uint64(30))) * _MIX_A
    z = (z ^ (z >> uint64(27))) * _MIX_B
    return z ^ (z >> uint64(31))


@njit(cache=True)
def _stream(seed, a, b):
    """First state of an independent stream."""
    state = _mix(uint64(seed) + _GOLDEN)
    state = _mix(state ^ (uint64(a) * _MIX_A + _GOLDEN))
    return _mix(state ^ (uint64(b) * _MIX_B + _GOLDEN))


@njit(cache=True)
def _below(state, n):
    """A whole number in [0, n) from a mixed state; 53 bits leave no bias that a gene count could show."""
    return int(float(_mix(state) >> uint64(11)) * (1.0 / 9007199254740992.0) * n)


@njit(cache=True)
def _draw_positions(seed: int, permutation: int, chosen: np.ndarray, pool: np.ndarray, swapped: np.ndarray) -> None:
    """First entries of the permutation's random order. `pool` is 0..N-1 and is left as it was found."""
    state = _stream(seed, permutation, 0)
    n = pool.size
    for i in range(chosen.size):
        state += _GOLDEN
        j = i + _below(state, n - i)
        swapped[i] = j
        pool[i], pool[j] = pool[j], pool[i]
        chosen[i] = pool[i]
    for i in range(chosen.size - 1, -1, -1):
        j = swapped[i]
        pool[i], pool[j] = pool[j], pool[i]


@njit(cache=True)
def _deviations(positions: np.ndarray, weights: np.ndarray, starts: np.ndarray, ends: np.ndarray, k: int, n: int):
    """Largest and smallest running sum of ascending positions[:k], and how many hits lie before each extreme."""
    total = 0.0
    for j in range(k):
        total += weights[positions[j]]
    flat = total <= 0.0
    if flat:
        total = float(k)
    # In units of the summed weight: a hit adds its weight, a miss takes `miss`.
    miss = total / (n - k) if n > k else 0.0
    highest = 0.0
    lowest = 0.0
    hits_high = 0
    hits_low = 0
    hit = 0.0
    j = 0
    while j < k:
        first = starts[positions[j]]
        value = hit - (first - j) * miss
        if value < lowest:
            lowest = value
            hits_low = j
        last = ends[positions[j]]
        while j < k and positions[j] < last:
            hit += 1.0 if flat else weights[positions[j]]
            j += 1
        value = hit - (last - j) * miss
        if value > highest:
            highest = value
            hits_high = j
    return highest / total, lowest / total, hits_high, hits_low


@njit(cache=True, parallel=True)
def observed_scores(
    offsets: np.ndarray, members: np.ndarray, weights: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Enrichment score of every set, and its hits before the extreme (peak or trough).

    Args:
        offsets, members: set s holds positions members[offsets[s]:offsets[s + 1]], ascending.
        weights: (genes,) |metric| to the chosen power.
    """
    sets = offsets.size - 1
    score = np.zeros(sets)
    hits = np.zeros(sets, dtype=np.int64)
    for s in prange(sets):
        k = offsets[s + 1] - offsets[s]
        if k == 0:
            continue
        high, low, hits_high, hits_low = _deviations(
            members[offsets[s] : offsets[s + 1]], weights, starts, ends, k, weights.size
        )
        if high >= -low:
            score[s] = high
            hits[s] = hits_high
        else:
            score[s] = low
            hits[s] = hits_low
    return score, hits


@njit(cache=True, parallel=True)
def null_scores(
    sizes: np.ndarray,
    permutations: int,
    seed: int,
    weights: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    tied: bool,
    chunks: int,
) -> np.ndarray:
    """Scores of random sets: (sizes, permutations).

    One random order of the genes serves all sizes: its first k genes are a random set of k. They are sorted once, for
    the largest size, and thinned downwards.

    Args:
        sizes: distinct set sizes, ascending.
        chunks: pieces of work; does not change the result.
    """
    n = weights.size
    largest = sizes[-1]
    out = np.empty((sizes.size, permutations), dtype=np.float32)
    for chunk in prange(chunks):
        pool = np.arange(n)
        swapped = np.empty(largest, dtype=np.int64)
        chosen = np.empty(largest, dtype=np.int64)
        for b in range(chunk * permutations // chunks, (chunk + 1) * permutations // chunks):
            _draw_positions(seed, b, chosen, pool, swapped)
            positions = np.sort(chosen)
            weight = np.empty(largest)
            for j in range(largest):
                weight[j] = weights[positions[j]]
            k = largest
            for at in range(sizes.size - 1, -1, -1):
                while k > sizes[at]:
                    k -= 1
                    gone = np.searchsorted(positions[: k + 1], chosen[k])
                    for j in range(gone, k):
                        positions[j] = positions[j + 1]
                        weight[j] = weight[j + 1]
                if tied:
                    high, low, _, _ = _deviations(positions, weights, starts, ends, k, n)
                else:
                    high, low = _deviations_untied(positions, weight, k, n)
                out[at, b] = high if high >= -low else low
    return out


@njit(cache=True)
def _deviations_untied(positions: np.ndarray, weight: np.ndarray, k: int, n: int) -> tuple[float, float]:
    total = 0.0
    for j in range(k):
        total += weight[j]
    flat = total <= 0.0
    if flat:
        total = float(k)
    miss = total / (n - k) if n > k else 0.0
    highest = 0.0
    lowest = 0.0
    hit = 0.0
    for j in range(k):
        lost = (positions[j] - j) * miss
        lowest = min(lowest, hit - lost)
        hit += 1.0 if flat else weight[j]
        highest = max(highest, hit - lost)
    return highest / total, lowest / total


@njit(cache=True)
def _profile(
    positions: np.ndarray, weights: np.ndarray, starts: np.ndarray, ends: np.ndarray, tied: bool, k: int, n: int
):
    """Running sum of ascending positions[:k]: highest, lowest, summed weight; and for the peak the genes passed, the
    weight of the hits passed and their number."""
    total = 0.0
    for j in range(k):
        total += weights[positions[j]]
    if total <= 0.0:
        return 0.0, 0.0, 0.0, 0, 0.0, 0
    miss = total / (n - k)
    highest = -1.0
    lowest = 0.0
    passed = 0
    weight_passed = 0.0
    hits_passed = 0
    hit = 0.0
    for j in range(k):
        i = positions[j]
        if not tied or j == 0 or positions[j - 1] < starts[i]:
            lowest = min(lowest, hit - (starts[i] - j) * miss)
        hit += weights[i]
        if tied and j + 1 < k and positions[j + 1] < ends[i]:
            continue
        value = hit - (ends[i] - j - 1) * miss
        if value > highest:
            highest = value
            passed = ends[i]
            weight_passed = hit
            hits_passed = j + 1
    return highest / total, lowest / total, total, passed, weight_passed, hits_passed


@njit(cache=True)
def _exchange(positions: np.ndarray, k: int, out: int, new: int) -> int:
    """Replace entry `out` of ascending positions[:k] by `new` (not among them); where it now stands."""
    at = out
    while at + 1 < k and positions[at + 1] < new:
        positions[at] = positions[at + 1]
        at += 1
    while at > 0 and positions[at - 1] > new:
        positions[at] = positions[at - 1]
        at -= 1
    positions[at] = new
    return at


@njit(cache=True)
def _climb(
    sample: np.ndarray,
    heights: np.ndarray,
    targets: np.ndarray,
    log_start: float,
    variance_start: float,
    log_floor: float,
    exchanges: int,
    weights: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    tied: bool,
    digamma: np.ndarray,
    trigamma: np.ndarray,
    state,
    log_p: np.ndarray,
    variance: np.ndarray,
    reached: np.ndarray,
) -> None:
    """Multilevel splitting from a sample of random sets that all reach the height log_start stands for."""
    s, k = sample.shape
    n = weights.size
    log_now = log_start
    variance_now = variance_start
    done = 0
    low = np.empty(s)
    total = np.empty(s)
    passed = np.empty(s, dtype=np.int64)
    weight_passed = np.empty(s)
    hits_passed = np.empty(s, dtype=np.int64)
    while True:
        order = np.argsort(heights)
        level = heights[order[s // 2]]
        above = 0
        for i in range(s):
            if heights[i] >= level:
                above += 1
        while done < targets.size and targets[done] <= level:
            count = 0
            for i in range(s):
                if heights[i] >= targets[done]:
                    count += 1
            log_p[done] = log_now + digamma[count] - digamma[s + 1]
            variance[done] = variance_now + trigamma[count] - trigamma[s + 1]
            reached[done] = True
            done += 1
        # All samples on one height: nothing rarer can be told apart from here.
        if done == targets.size or above == s or log_now <= log_floor:
            break
        log_now += digamma[above] - digamma[s + 1]
        variance_now += trigamma[above] - trigamma[s + 1]
        for i in range(s - above):
            state += _GOLDEN
            parent = order[s - 1 - _below(state, above)]
            sample[order[i], :] = sample[parent, :]
        accepted = 0
        tried = 0
        for i in range(s):
            _, low[i], total[i], passed[i], weight_passed[i], hits_passed[i] = _profile(
                sample[i], weights, starts, ends, tied, k, n
            )
        # Every copy must forget its parent: on average as many accepted exchanges as a set has genes.
        goal = s * min(k, exchanges)
        while accepted < goal and tried < 60 * goal:
            for i in range(s):
                mine = sample[i]
                for _ in range(max(1, min(k, exchanges) // 10)):
                    tried += 1
                    state += _GOLDEN
                    out = _below(state, k)
                    state += _GOLDEN
                    new = _below(state, n)
                    where = np.searchsorted(mine, new)
                    if where < k and mine[where] == new:
                        continue
                    old = mine[out]
                    # The cut where this set had its peak: if the sum still reaches the level there, and cannot have
                    # sunk as deep anywhere, the whole sum need not be read again.
                    total_new = total[i] - weights[old] + weights[new]
                    weight_new = weight_passed[i]
                    hits_new = hits_passed[i]
                    if old < passed[i]:
                        weight_new -= weights[old]
                        hits_new -= 1
                    if new < passed[i]:
                        weight_new += weights[new]
                        hits_new += 1
                    value = -1.0
                    low_new = -1.0
                    if total_new > 0.0:
                        value = weight_new / total_new - (passed[i] - hits_new) / (n - k)
                        sunk = (weights[old] + max(0.0, total_new - total[i])) / total_new + 1.0 / (n - k)
                        low_new = low[i] - sunk
                    at = _exchange(mine, k, out, new)
                    if value >= level and low_new > -level:
                        accepted += 1
                        total[i] = total_new
                        weight_passed[i] = weight_new
                        hits_passed[i] = hits_new
                        low[i] = low_new
                        continue
                    highest, lowest, whole, cut, weight_cut, hits_cut = _profile(
                        mine, weights, starts, ends, tied, k, n
                    )
                    if highest >= level and highest >= -lowest:
                        accepted += 1
                        low[i] = lowest
                        total[i] = whole
                        passed[i] = cut
                        weight_passed[i] = weight_cut
                        hits_passed[i] = hits_cut
                    else:
                        _exchange(mine, k, at, old)
        for i in range(s):
            # The exact height may round below the level that the exchange was held against.
            heights[i] = max(level, _profile(sample[i], weights, starts, ends, tied, k, n)[0])
    for i in range(done, targets.size):
        log_p[i] = log_now
        variance[i] = variance_now


@njit(cache=True, parallel=True)
def tail_probabilities(
    job_size: np.ndarray,
    job_starts: np.ndarray,
    targets: np.ndarray,
    best: np.ndarray,
    log_start: np.ndarray,
    variance_start: np.ndarray,
    log_floor: float,
    exchanges: int,
    seed: int,
    largest: int,
    downwards: np.ndarray,
    weights: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    tied: bool,
    digamma: np.ndarray,
    trigamma: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log P(score at least as extreme | sign) for targets beyond what plain permutations resolve.

    Args:
        job_size: (jobs,) set size of a job; a job is a size and a sign.
        job_starts: (jobs + 1,) targets of a job, ascending in height.
        targets: heights (absolute scores).
        best: (jobs, sample) numbers of the permutations with the most extreme scores of the job's sign.
        log_start, variance_start: (jobs,) log P of the lowest of their heights, and the variance of that estimate.
        log_floor: stop below.
        largest: size that the permutations were drawn for.
        downwards: (jobs,) True for negative scores; the list is then read from its end.

    Returns:
        Per target log p, variance of log p, and whether it was reached (else log p is an upper bound).
    """
    jobs = job_size.size
    n = weights.size
    log_p = np.zeros(targets.size)
    variance = np.zeros(targets.size)
    reached = np.zeros(targets.size, dtype=np.bool_)
    weights_back = weights[::-1].copy()
    starts_back = (n - ends)[::-1].copy()
    ends_back = (n - starts)[::-1].copy()
    for job in prange(jobs):
        k = job_size[job]
        s = best.shape[1]
        sample = np.empty((s, k), dtype=np.int64)
        pool = np.arange(n)
        swapped = np.empty(largest, dtype=np.int64)
        chosen = np.empty(largest, dtype=np.int64)
        for i in range(s):
            _draw_positions(seed, best[job, i], chosen, pool, swapped)
            if downwards[job]:
                sample[i] = np.sort(n - 1 - chosen[:k])
            else:
                sample[i] = np.sort(chosen[:k])
        first, last = job_starts[job], job_starts[job + 1]
        job_weights = weights_back if downwards[job] else weights
        job_starts_at = starts_back if downwards[job] else starts
        job_ends = ends_back if downwards[job] else ends
        heights = np.empty(s)
        for i in range(s):
            heights[i] = _profile(sample[i], job_weights, job_starts_at, job_ends, tied, k, n)[0]
        _climb(
            sample,
            heights,
            targets[first:last],
            log_start[job],
            variance_start[job],
            log_floor,
            exchanges,
            job_weights,
            job_starts_at,
            job_ends,
            tied,
            digamma,
            trigamma,
            _stream(seed, job_size[job], 2 if downwards[job] else 1),
            log_p[first:last],
            variance[first:last],
            reached[first:last],
        )
    return log_p, variance, reached


@njit(cache=True)
def more_extreme(null: np.ndarray, scores: np.ndarray, sizes_at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per set: null scores of its size at least as extreme with its sign, and null scores of its sign.

    Args:
        null: (sizes, permutations), each row sorted ascending.
        scores: (sets,); sizes_at: (sets,) row of `null`.
    """
    sets = scores.size
    beyond = np.empty(sets, dtype=np.int64)
    same_sign = np.empty(sets, dtype=np.int64)
    for i in range(sets):
        row = null[sizes_at[i]]
        # The null is kept in single precision; its rounding must not hide a tie with the observed score.
        score = scores[i]
        slack = 1e-7 * abs(score)
        if score >= 0:
            positive = row.size - np.searchsorted(row, 0.0)
            same_sign[i] = positive
            beyond[i] = row.size - np.searchsorted(row, score - slack)
        else:
            same_sign[i] = np.searchsorted(row, 0.0)
            beyond[i] = np.searchsorted(row, score + slack, side="right")
    return beyond, same_sign


@njit(cache=True, parallel=True)
def null_fractions(
    null: np.ndarray, mean_up: np.ndarray, mean_down: np.ndarray, scores: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Weighted null normalised scores at or beyond each observed one, on its side of zero.

    Args:
        null: (sizes, permutations), each row sorted ascending; mean_up, mean_down: (sizes,) means of its two sides.
        scores: normalised scores, ascending.
        weight: (sizes,) sets of the family that have the size.

    Returns:
        Per score the weighted count at or above it, at or below it; and the total counts above and below zero.
    """
    sizes = null.shape[0]
    above = np.zeros((sizes, scores.size))
    below = np.zeros((sizes, scores.size))
    ups = np.zeros(sizes)
    downs = np.zeros(sizes)
    for r in prange(sizes):
        if weight[r] == 0:
            continue
        row = null[r]
        zero = np.searchsorted(row, 0.0)
        downs[r] = weight[r] * zero
        ups[r] = weight[r] * (row.size - zero)
        at = 0
        for i in range(scores.size):
            goal = scores[i] * (mean_up[r] if scores[i] >= 0 else -mean_down[r])
            while at < row.size and row[at] < goal:
                at += 1
            above[r, i] = weight[r] * (row.size - at)
            below[r, i] = weight[r] * at
    return above.sum(axis=0), below.sum(axis=0), ups.sum(), downs.sum()
