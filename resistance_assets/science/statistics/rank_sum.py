"""Wilcoxon's rank-sum test (Mann-Whitney): of two groups of values, and of every row of a matrix at once.

W is R's: the pairs in which the first group is higher, ties half. Without ties and with fewer than 50 values in each
group p is exact, else a normal approximation with tie and continuity correction, as R's `wilcox.test` chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_EXACT = 50
Alternative = Literal["two-sided", "greater", "less"]
Method = Literal["exact", "normal_approximation", "none"]


class RankSum(NamedTuple):
    """One rank-sum test; `p_value` is NaN and `method` "none" where a group is empty or all values are equal."""

    w: float
    p_value: float
    method: Method


class RankSums(NamedTuple):
    """Rank-sum tests of the rows of a matrix, each of shape (rows,).

    Attributes:
        n_first, n_second: values that are not missing.
        w: statistic of the first group.
        p_value: NaN where a group is empty or all values are equal.
        is_exact: whether p is exact.
    """

    n_first: NDArray[np.int64]
    n_second: NDArray[np.int64]
    w: NDArray[np.float64]
    p_value: NDArray[np.float64]
    is_exact: NDArray[np.bool_]


def rank_sum_test(first: NDArray[np.float64], second: NDArray[np.float64], *, exact: bool | None = None) -> RankSum:
    """Two-sided rank-sum test of two groups; `exact` as in `rank_sum_rows`."""
    both = np.concatenate([first, second]).astype(np.float64)
    found = rank_sum_rows(both[None, :], np.arange(len(both)) < len(first), exact=exact)
    p = float(found.p_value[0])
    method: Method = "none" if np.isnan(p) else "exact" if found.is_exact[0] else "normal_approximation"
    return RankSum(float(found.w[0]), p, method)


def rank_sum_pairs(
    pairs: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], *, exact: bool | None = None
) -> list[RankSum]:
    """Two-sided rank-sum test of every pair of groups, all in one call of the compiled ranking."""
    if not pairs:
        return []
    widths = [max(len(pair[side]) for pair in pairs) for side in (0, 1)]
    matrix = np.full((len(pairs), sum(widths)), np.nan)
    for at, (first, second) in enumerate(pairs):
        matrix[at, : len(first)] = first
        matrix[at, widths[0] : widths[0] + len(second)] = second
    found = rank_sum_rows(matrix, np.arange(sum(widths)) < widths[0], exact=exact)
    results = []
    for w, p, is_exact in zip(found.w, found.p_value, found.is_exact, strict=True):
        method: Method = "none" if np.isnan(p) else "exact" if is_exact else "normal_approximation"
        results.append(RankSum(float(w), float(p), method))
    return results


def rank_sum_rows(
    values: NDArray[np.float64],
    in_first: NDArray[np.bool_],
    *,
    alternative: Alternative = "two-sided",
    continuity_correction: bool = True,
    exact: bool | None = None,
) -> RankSums:
    """Rank-sum test of the columns of one group against the others, row by row.

    Args:
        values: (rows, columns), NaN missing (left out row by row).
        in_first: (columns,) True for the first group.
        alternative: "greater" asks whether the first group tends to higher values.
        continuity_correction: of the normal approximation, by half a rank.
        exact: None as R's `wilcox.test`; True wherever nothing is tied; False never.
    """
    from scipy.special import ndtr

    from resistance_assets.science.statistics.kernels.ranks import rank_rows

    ranks, present, ties = rank_rows(values, np.argsort(values, axis=1))
    missing = np.isnan(ranks)
    n_first = np.count_nonzero(~missing[:, in_first], axis=1)
    n_second = present - n_first
    w = np.where(missing[:, in_first], 0.0, ranks[:, in_first]).sum(axis=1) - n_first * (n_first + 1) / 2
    pairs = n_first.astype(np.float64) * n_second

    variance = rank_sum_variance(n_first, n_second, ties)
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = w - pairs / 2
        if continuity_correction:
            shift = shift - {"two-sided": np.sign(shift) * 0.5, "greater": 0.5, "less": -0.5}[alternative]
        z = shift / np.sqrt(variance)
        if alternative == "two-sided":
            p = np.minimum(1.0, 2 * ndtr(-np.abs(z)))
        else:
            p = ndtr(-z if alternative == "greater" else z)
    testable = (pairs > 0) & (variance > 0)
    p = np.where(testable, p, np.nan)

    small = (n_first < MOST_EXACT) & (n_second < MOST_EXACT) if exact is None else np.full(len(w), exact)
    by_count = testable & (ties == 0) & small
    _fill_exact(p, np.flatnonzero(by_count), w, n_first, n_second, alternative)
    return RankSums(n_first, n_second, w, p, by_count)


def rank_sum_variance(n_first, n_second, ties) -> NDArray[np.float64]:
    """Variance of W under the null, corrected for ties; NaN with fewer than two values.

    Args:
        n_first, n_second: sizes of the groups, numbers or arrays.
        ties: sum of t^3 - t over groups of t tied values.
    """
    first, second = np.asarray(n_first, np.float64), np.asarray(n_second, np.float64)
    n = first + second
    with np.errstate(divide="ignore", invalid="ignore"):
        return first * second / 12.0 * ((n + 1.0) - np.asarray(ties, np.float64) / (n * (n - 1.0)))


def _fill_exact(
    p: NDArray[np.float64],
    rows: NDArray[np.intp],
    w: NDArray[np.float64],
    n_first: NDArray[np.int64],
    n_second: NDArray[np.int64],
    alternative: str,
) -> None:
    from resistance_assets.science.statistics.kernels.ranks import rank_sum_distribution

    tails: dict[tuple[int, int], tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    for row in rows:
        sizes = (int(n_first[row]), int(n_second[row]))
        if sizes not in tails:
            # Symmetric in the two sizes, and about the middle: summing from the ends keeps small tails exact.
            density = rank_sum_distribution(min(sizes), max(sizes))
            half = density[: density.size // 2 + 1]
            density[density.size - half.size :] = half[::-1]
            lower = np.cumsum(density)
            tails[sizes] = (np.minimum(lower, 1.0), np.minimum(lower[::-1], 1.0))
        at_most, at_least = (tail[round(float(w[row]))] for tail in tails[sizes])
        if alternative == "two-sided":
            p[row] = min(1.0, 2 * min(at_most, at_least))
        else:
            p[row] = at_least if alternative == "greater" else at_most
