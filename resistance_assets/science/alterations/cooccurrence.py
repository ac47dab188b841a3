"""Co-occurrence and mutual exclusivity of alterations, with a null that keeps each tumour's burden.

Fisher's test takes all tumours for alike: where some have many more mutations, everything seems to co-occur. The
leading test therefore compares the number of tumours with both with a Poisson-binomial distribution, whose chances come
from a model of maximum entropy with the margins of both genes and tumours (as in Canisius 2016,
doi:10.1186/s13059-016-1114-x). Fisher's stands beside it, labelled.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from resistance_assets.science.alterations.kernels.fisher import fisher_tests
from resistance_assets.science.alterations.kernels.poisson_binomial import pair_tails
from resistance_assets.science.statistics.multiple_testing import adjust_bh

MOST_ROUNDS = 500
MARGIN_TOLERANCE = 1e-8


def background_chances(altered: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Chance of an alteration per gene and tumour: logistic in a gene's and a tumour's effect, with the margins kept.

    Args:
        altered: genes x tumours.
    """
    rows, columns = altered.sum(axis=1).astype(float), altered.sum(axis=0).astype(float)
    genes, tumours = altered.shape
    chances = np.zeros((genes, tumours))
    # Margins at their ends are certain: a gene altered nowhere, a tumour without an alteration, and the full ones.
    free_rows = (rows > 0) & (rows < tumours)
    free_columns = (columns > 0) & (columns < genes)
    chances[rows == tumours] = 1.0
    chances[:, columns == genes] = 1.0
    inner = np.ix_(free_rows, free_columns)
    want_rows = altered[inner].sum(axis=1).astype(float)
    want_columns = altered[inner].sum(axis=0).astype(float)
    if not want_rows.size or not want_columns.size:
        return chances
    # Genes, and tumours, of equal margins have equal effects: each margin is fitted once, with its weight.
    row_margin, row_at, row_weight = np.unique(want_rows, return_inverse=True, return_counts=True)
    column_margin, column_at, column_weight = np.unique(want_columns, return_inverse=True, return_counts=True)
    alpha = special.logit(np.clip(row_margin / len(want_columns), 1e-9, 1 - 1e-9))
    beta = np.zeros(len(column_margin))
    for _ in range(MOST_ROUNDS):
        p = special.expit(alpha[:, None] + beta[None, :])
        miss = row_margin - p @ column_weight
        alpha += np.clip(miss / np.maximum((p * (1 - p)) @ column_weight, 1e-12), -2.0, 2.0)
        p = special.expit(alpha[:, None] + beta[None, :])
        miss_columns = column_margin - row_weight @ p
        beta += np.clip(miss_columns / np.maximum(row_weight @ (p * (1 - p)), 1e-12), -2.0, 2.0)
        if max(np.abs(miss).max(), np.abs(miss_columns).max()) < MARGIN_TOLERANCE:
            break
    chances[inner] = special.expit(alpha[row_at][:, None] + beta[column_at][None, :])
    return chances


def pair_alterations(
    altered: NDArray[np.bool_], genes: list[str], *, least_fraction: float = 0.0, among: Collection[str] | None = None
) -> pl.DataFrame:
    """Every pair of genes: how often together, what burden alone would give, and both tests.

    Args:
        altered: genes x tumours; the background is estimated on all genes.
        genes: of the rows.
        least_fraction: pairs are tested among genes altered in at least this share of tumours.
        among: only these genes are paired; all where None.

    Returns:
        hgnc_symbol_a, hgnc_symbol_b, n_both, n_a_only, n_b_only, n_neither, expected_both, direction (co_occurring or
        exclusive), p_value (Poisson-binomial, two-sided: twice the smaller tail), q_value_bh, odds_ratio_fisher
        (conditional maximum likelihood), p_value_fisher, q_value_fisher_bh.
    """
    n = altered.shape[1]
    chosen = np.flatnonzero(altered.sum(axis=1) >= max(least_fraction * n, 1))
    if among is not None:
        chosen = np.array([at for at in chosen if genes[at] in among], dtype=np.int64)
    pairs = np.array(list(combinations(chosen, 2)), dtype=np.int64).reshape(-1, 2)
    first, second = pairs[:, 0], pairs[:, 1]
    # Only the rows that are paired: of twenty thousand genes the whole product would take minutes.
    place = np.zeros(len(genes), dtype=np.int64)
    place[chosen] = np.arange(chosen.size)
    counts = altered[chosen].astype(np.float64)
    together = np.rint(counts @ counts.T).astype(np.int64)[place[first], place[second]]
    totals = altered.sum(axis=1).astype(np.int64)
    a_only, b_only = totals[first] - together, totals[second] - together
    neither = n - together - a_only - b_only
    expected, low, high = pair_tails(background_chances(altered), first, second, together)
    p = np.minimum(1.0, 2.0 * np.minimum(low, high))
    odds_ratio, p_fisher = fisher_tests(np.column_stack([together, a_only, b_only, neither]))
    return pl.DataFrame(
        {
            "hgnc_symbol_a": [genes[at] for at in first],
            "hgnc_symbol_b": [genes[at] for at in second],
            "n_both": together,
            "n_a_only": a_only,
            "n_b_only": b_only,
            "n_neither": neither,
            "expected_both": expected,
            "direction": np.where(together >= expected, "co_occurring", "exclusive"),
            "p_value": p,
            "q_value_bh": adjust_bh(p),
            "odds_ratio_fisher": odds_ratio,
            "p_value_fisher": p_fisher,
            "q_value_fisher_bh": adjust_bh(p_fisher),
        }
    )
