"""Optimal cut-points: the split of a gene with the largest log-rank statistic, with p-values that pay for the search.

Numbers follow R's maxstat (Hothorn). The compiled loops are in `kernels.cut_search`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.science.statistics.multiple_testing import adjust_bh, percentile_of_smallest
from resistance_assets.science.statistics.tails import two_sided_normal
from resistance_assets.science.survival.follow_up import SortedCohort
from resistance_assets.science.survival.logrank import SplitMinimum
from resistance_assets.science.survival.screen import (
    NOT_ESTIMABLE_NOTES,
    SLAB,
    expression_matrix,
    frame_of_columns,
    in_slabs,
)

#: Columns and types of `screen_optimal_cut`.
OPTIMAL_CUT_SCHEMA: dict[str, Any] = {
    "hgnc_symbol": pl.String,
    "n": pl.Int64,
    "events": pl.Int64,
    "cut_point": pl.Float64,
    "n_high": pl.Int64,
    "n_low": pl.Int64,
    "n_cut_points": pl.Int64,
    "statistic": pl.Float64,
    "p_naive": pl.Float64,
    "p_lau92": pl.Float64,
    "p_lau94": pl.Float64,
    "p_permutation": pl.Float64,
    "permutations": pl.Int64,
    "p_corrected": pl.Float64,
    "p_method": pl.String,
    "q_value_bh": pl.Float64,
    "percentile_among_genes": pl.Float64,
    "fit_note": pl.String,
}


def screen_optimal_cut(
    expression: ArrayLike,
    time_months: ArrayLike,
    event_observed: ArrayLike,
    genes: Sequence[str],
    *,
    min_proportion: float = 0.1,
    max_proportion: float = 0.9,
    permutations: int = 10_000,
    seed: int = 20240501,
) -> pl.DataFrame:
    """Best cut-point of every gene by the log-rank statistic, with p-values that pay for the search.

    The maximally selected log-rank statistic (Lausen & Schumacher 1992, Biometrics 48:73; Hothorn & Lausen 2003, CSDA
    43:121). Choosing the cut with the smallest p and reporting that p (`p_naive`) finds "significant" cuts in about
    every second gene that has nothing to do with survival; it stands here only beside its corrections.

    The permutation null shuffles the log-rank scores over the patients. Partial sums of shuffled scores depend on the
    patients and on the admitted group sizes, not on a gene, so one set of permuted processes serves all genes. A gene
    with ties admits fewer group sizes: the same processes are then read at that gene's sizes only. Genes with missing
    values get the processes of the patients they have, at about 20 ms for each distinct pattern of missing values.

    Args:
        min_proportion, max_proportion: share of patients in the low group, rounded down to patients.
        permutations: number of permuted processes; p_permutation = (reached + 1) / (permutations + 1).
        Otherwise, and for errors, as `screen_cox`.

    Returns:
        One row per gene, columns of `OPTIMAL_CUT_SCHEMA`. Low is at or below `cut_point`. p_lau92 and p_lau94 are the
        approximations of Lausen & Schumacher (1992) and Lausen, Sauerbrei & Schumacher (1994), the latter cut at 1.
        `p_corrected` is p_permutation where a permuted process reached the gene's statistic. Where none did the
        permutations can say no more than 1 / (permutations + 1), which with thousands of genes is no small q: there it
        is p_lau94, an upper bound on the tail, provided that it is the smaller one and that both groups of the cut meet
        `SplitMinimum`. `p_method` says which. `q_value_bh` and `percentile_among_genes` are over p_corrected.
    """
    from resistance_assets.science.survival.kernels import cut_search

    if not 0 < min_proportion < max_proportion < 1:
        raise ValueError(f"proportions {min_proportion} and {max_proportion} must be ordered within 0 and 1")
    if permutations < 1:
        raise ValueError("at least one permutation is needed")
    x = expression_matrix(expression, genes, time_months)
    cohort = SortedCohort(time_months, event_observed)
    n_genes = len(genes)
    fields = {name: np.full(n_genes, np.nan) for name in cut_search.CUT_FIELDS}
    n_used, events_used, reached = np.zeros(n_genes), np.zeros(n_genes), np.full(n_genes, np.nan)
    for members, present in _by_missing(x, cohort):
        event, rank = cohort.event[present], cohort.time_rank[present]
        n = event.size
        n_used[members], events_used[members] = n, event.sum()
        m_low, m_high = max(1, int(np.floor(min_proportion * n))), int(np.floor(max_proportion * n))
        if n == 0 or event.sum() == 0 or m_high < m_low or n < 2:
            fields["status"][members] = 3 if n == 0 else 4 if event.sum() == 0 else 7
            continue
        scores = np.empty(n)
        cut_search.logrank_scores(rank, event, n, scores)
        columns = cohort.order[present]
        null = _PermutedCuts(scores, m_low, m_high, permutations, seed)
        # A part of the genes at a time bounds the memory that copies of their rows and candidate masks take.
        part = max(SLAB, 5_000_000 // n)
        for begin in range(0, members.size, part):
            some = members[begin : begin + part]
            candidates = np.zeros((some.size, m_high - m_low + 1), np.uint8)

            def search(
                rows: slice,
                some: NDArray[np.intp] = some,
                columns: NDArray[np.intp] = columns,
                scores: NDArray[np.float64] = scores,
                bounds: tuple[int, int] = (m_low, m_high),
                candidates: NDArray[np.uint8] = candidates,
            ) -> NDArray[np.float64]:
                return cut_search.search_cuts(x[np.ix_(some[rows], columns)], scores, *bounds, candidates[rows])

            found = np.concatenate(in_slabs(search, some.size))
            for k, name in enumerate(cut_search.CUT_FIELDS):
                fields[name][some] = found[:, k]
            searched = found[:, 6] == 0
            reached[some[searched]] = null.count_reached(found[searched, 1], candidates[searched])
    return _cut_frame(fields, genes, n_used, events_used, reached, permutations, min_proportion, max_proportion)


class _PermutedCuts:
    """Permuted score processes of one set of patients, made in blocks so that memory stays bounded."""

    def __init__(self, scores: NDArray[np.float64], m_low: int, m_high: int, permutations: int, seed: int) -> None:
        self.scores, self.m_low, self.m_high = scores, m_low, m_high
        self.permutations, self.seed = permutations, seed
        self._sorted_peaks: NDArray[np.float64] | None = None

    def _peaks(self) -> NDArray[np.float64]:
        """Largest value of each process over all group sizes, in ascending order."""
        from resistance_assets.science.survival.kernels import cut_search

        if self._sorted_peaks is None:
            peaks = np.empty(self.permutations)
            nothing = np.empty((0, 0), np.float32)

            def draw(block: slice) -> None:
                cut_search.permuted_processes(
                    self.scores, self.m_low, self.m_high, self.seed, block.start, nothing, peaks[block]
                )

            in_slabs(draw, self.permutations)
            self._sorted_peaks = np.sort(peaks)
        return self._sorted_peaks

    def count_reached(self, statistics: NDArray[np.float64], candidates: NDArray[np.uint8]) -> NDArray[np.int64]:
        """For each gene, how many permuted processes reach its statistic at one of its candidate cuts."""
        from resistance_assets.science.survival.kernels import cut_search

        counts = np.zeros(statistics.size, np.int64)
        complete = candidates.all(axis=1)
        if complete.any():
            # Without ties every group size is admitted, and the largest value of a process is all that matters.
            below = np.searchsorted(self._peaks(), statistics[complete] * (1.0 - 1e-12), side="left")
            counts[complete] = self.permutations - below
        tied = np.flatnonzero(~complete)
        if tied.size:
            bars, admitted = statistics[tied], candidates[tied]

            def count(block: slice) -> NDArray[np.int64]:
                size = block.stop - block.start
                processes = np.empty((self.m_high - self.m_low + 1, size), np.float32)
                cut_search.permuted_processes(
                    self.scores, self.m_low, self.m_high, self.seed, block.start, processes, np.empty(size)
                )
                reached = np.zeros(bars.size, np.int64)
                cut_search.count_exceedances(bars, admitted, processes, reached)
                return reached

            counts[tied] = np.sum(in_slabs(count, self.permutations), axis=0)
        return counts


def _by_missing(x: NDArray[np.float64], cohort: SortedCohort) -> Iterator[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Genes that have values for the same patients, with those patients in sorted order."""
    missing: dict[bytes, list[int]] = {}
    complete = []
    for gene, row in enumerate(x):
        absent = np.isnan(row[cohort.order])
        if absent.any():
            missing.setdefault(np.packbits(absent).tobytes(), []).append(gene)
        else:
            complete.append(gene)
    n = cohort.order.size
    if complete:
        yield np.array(complete), np.ones(n, bool)
    for key, members in missing.items():
        absent = np.unpackbits(np.frombuffer(key, np.uint8), count=n).astype(bool)
        yield np.array(members), ~absent


def _cut_frame(
    fields: Mapping[str, NDArray[np.float64]],
    genes: Sequence[str],
    n: NDArray[np.float64],
    events: NDArray[np.float64],
    reached: NDArray[np.float64],
    permutations: int,
    min_proportion: float,
    max_proportion: float,
) -> pl.DataFrame:
    b = fields["statistic"]
    with np.errstate(divide="ignore", invalid="ignore"):
        density = np.exp(-0.5 * b * b) / np.sqrt(2.0 * np.pi)
        width = np.log(max_proportion * (1 - min_proportion) / ((1 - max_proportion) * min_proportion))
        lau92 = 4.0 * density / b + density * (b - 1.0 / b) * width
        lau92 = np.where(b < 1, 1.0, np.clip(lau92, 0.0, 1.0))
        series = fields["lau94_linear"] - (b * b / 4.0 - 1.0) * fields["lau94_cubic"]
        lau94 = np.clip(two_sided_normal(b) + np.exp(-0.5 * b * b) / np.pi * series, 0.0, 1.0)
    untested = np.isnan(b)
    lau92[untested] = np.nan
    p_permutation = (reached + 1.0) / (permutations + 1.0)
    n_high = n - fields["n_low"]
    with np.errstate(invalid="ignore", divide="ignore"):
        # The events of the smaller group are taken as its share of all.
        smaller = np.minimum(n_high, fields["n_low"]) * events / n
        beyond = (reached == 0) & (lau94 < p_permutation)
    beyond &= ~SplitMinimum().falls_short(n_high, fields["n_low"], smaller, smaller)
    p_corrected = np.where(beyond, lau94, p_permutation)
    methods = np.where(beyond, "lausen_1994", "permutation")
    columns = {
        "hgnc_symbol": list(genes),
        "n": n,
        "events": events,
        "cut_point": fields["cut_point"],
        "n_high": n_high,
        "n_low": fields["n_low"],
        "n_cut_points": fields["n_cut_points"],
        "statistic": b,
        "p_naive": two_sided_normal(b),
        "p_lau92": lau92,
        "p_lau94": lau94,
        "p_permutation": p_permutation,
        "permutations": np.where(untested, np.nan, permutations),
        "p_corrected": p_corrected,
        "p_method": [None if none else str(name) for none, name in zip(untested, methods, strict=True)],
        "q_value_bh": adjust_bh(p_corrected),
        "percentile_among_genes": percentile_of_smallest(p_corrected),
        "fit_note": [
            "no cut leaves both groups large enough" if code == 7 else NOT_ESTIMABLE_NOTES.get(int(code))
            for code in fields["status"]
        ],
    }
    return frame_of_columns(columns, OPTIMAL_CUT_SCHEMA)
