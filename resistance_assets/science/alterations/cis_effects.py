"""Cis effects: a gene's own copy number, methylation or protein against its own mRNA."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from resistance_assets.science.statistics.kernels.ranks import rank_rows
from resistance_assets.science.statistics.multiple_testing import adjust_bh
from resistance_assets.science.statistics.rank_sum import rank_sum_pairs, rank_sum_test

LEAST_PATIENTS = 10
LEAST_GROUP = 5
GENES_AT_ONCE = 4000
AMPLIFIED, DIPLOID, DEEP_LOSS = 2.0, 0.0, -2.0
CALLS = (-2.0, -1.0, 0.0, 1.0, 2.0)


def rank_complete(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean ranks of rows without missing values, less their mean; calls of copy number are ranked by counting."""
    n = values.shape[1]
    if np.isin(values[:1], CALLS).all() and np.isin(values, CALLS).all():
        ranked, before = np.empty(values.shape), np.zeros(len(values))
        for level in CALLS:
            here = values == level
            count = here.sum(axis=1).astype(np.float64)
            np.copyto(ranked, (before + (count + 1) / 2)[:, None], where=here)
            before = before + count
    else:
        ranked, _, _ = rank_rows(values, np.argsort(values, axis=1))
    return ranked - (n + 1) / 2


def correlate_rows(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    genes: list[str],
    second_ranks: NDArray[np.float64] | None = None,
) -> pl.DataFrame:
    """Spearman's correlation of each gene's two rows, over the patients with both.

    Args:
        first, second: genes x patients, NaN missing.
        genes: of the rows.
        second_ranks: `rank_complete` of ``second``, where it is known and nothing is missing.

    Returns:
        hgnc_symbol, n, rho, p_value (t approximation with ties, as R's `cor.test(exact = FALSE)`), q_value_bh,
        fit_note; a gene with fewer than ten patients, or without variation, has n and a note, and no rho.
    """
    both = np.isfinite(first) & np.isfinite(second)
    n = both.sum(axis=1)
    if both.all() and first.size:
        centred = [rank_complete(first), rank_complete(second) if second_ranks is None else second_ranks]
        crossed = np.einsum("ij,ij->i", *centred)
        squares = [np.einsum("ij,ij->i", one, one) for one in centred]
    else:
        ranks = []
        for values in (first, second):
            own = np.where(both, values, np.nan)
            ranked, _, _ = rank_rows(own, np.argsort(own, axis=1))
            ranks.append(ranked - np.nanmean(np.where(n[:, None] > 0, ranked, 0.0), axis=1)[:, None])
        crossed = np.nansum(ranks[0] * ranks[1], axis=1)
        squares = [np.nansum(one**2, axis=1) for one in ranks]
    spread = np.sqrt(squares[0] * squares[1])
    usable = (n >= LEAST_PATIENTS) & (spread > 0.0)
    rho = np.where(usable, np.clip(crossed / np.where(spread > 0.0, spread, 1.0), -1.0, 1.0), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = rho * np.sqrt((n - 2) / (1.0 - rho**2))
    p = np.where(usable, 2.0 * stats.t.sf(np.abs(t), np.maximum(n - 2, 1)), np.nan)
    few = f"fewer than {LEAST_PATIENTS} patients with both"
    notes = [
        few if count < LEAST_PATIENTS else None if wide > 0.0 else "one of the two does not vary"
        for count, wide in zip(n.tolist(), spread.tolist(), strict=True)
    ]
    return pl.DataFrame(
        {
            "hgnc_symbol": genes,
            "n": n.astype(np.int64),
            "rho": rho,
            "p_value": p,
            "q_value_bh": adjust_bh(p),
            "fit_note": pl.Series(notes, dtype=pl.String),
        }
    ).with_columns(pl.col("rho", "p_value", "q_value_bh").fill_nan(None))


def amplified_against_diploid(calls: NDArray[np.float64], expression: NDArray[np.float64]) -> tuple[int, int, float]:
    """Amplified patients, patients with a deep loss, and the rank-sum p of amplified against diploid.

    The p is NaN where either side has fewer than five patients; normal approximation with ties and continuity
    correction, as R's `wilcox.test(exact = FALSE)`.
    """
    known = np.isfinite(calls) & np.isfinite(expression)
    amplified, diploid = known & (calls >= AMPLIFIED), known & (calls == DIPLOID)
    n_amplified, n_deep_loss = int(amplified.sum()), int((known & (calls <= DEEP_LOSS)).sum())
    if min(n_amplified, int(diploid.sum())) < LEAST_GROUP:
        return n_amplified, n_deep_loss, math.nan
    found = rank_sum_test(expression[amplified], expression[diploid], exact=False)
    return n_amplified, n_deep_loss, found.p_value


def count_copy_number_groups(
    calls: NDArray[np.float64], expression: NDArray[np.float64], *, least: int = LEAST_GROUP
) -> tuple[list[int], list[int], list[float]]:
    """`amplified_against_diploid` of every gene; genes that cannot be tested are only counted."""
    known = np.isfinite(calls) & np.isfinite(expression)
    amplified = (known & (calls >= AMPLIFIED)).sum(axis=1)
    diploid = (known & (calls == DIPLOID)).sum(axis=1)
    lost = (known & (calls <= DEEP_LOSS)).sum(axis=1)
    p = np.full(len(calls), np.nan)
    testable = np.flatnonzero((amplified >= least) & (diploid >= least))
    for some in np.array_split(testable, max(1, -(-testable.size // GENES_AT_ONCE))):
        groups = [
            (expression[gene, known[gene] & (calls[gene] >= AMPLIFIED)],
             expression[gene, known[gene] & (calls[gene] == DIPLOID)])
            for gene in some
        ]  # fmt: skip
        p[some] = [found.p_value for found in rank_sum_pairs(groups, exact=False)]
    return amplified.tolist(), lost.tolist(), p.tolist()
