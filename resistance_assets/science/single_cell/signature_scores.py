"""Signature scores of cells by rank, and their comparison over samples.

The score is the AUC of the signature's genes against all others within a cell (ties as halves), which needs no control
genes and no draw. Samples are compared, not cells: the mean per sample, then Welch's t.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.science.single_cell.counts import CellCounts
from resistance_assets.science.single_cell.kernels.sparse_ranks import signature_rank_sums
from resistance_assets.science.statistics.t_tests import LEAST_VALUES, welch_t_test


def score_cells(study: CellCounts, genes: Iterable[str]) -> NDArray[np.float64]:
    """Rank AUC of a signature in every cell: 0.5 where its genes rank like any others; NaN without a gene of it.

    Args:
        study: cells of one species and that species' genes.
        genes: symbols; those that were not counted take no part.
    """
    member = study.features["symbol"].is_in(list(genes)).to_numpy()
    n, all_genes = int(member.sum()), study.features.height
    if n == 0 or n == all_genes:
        return np.full(study.cells.height, np.nan)
    counts = study.counts
    sums = signature_rank_sums(
        counts.data.astype(np.float64),
        counts.indices.astype(np.int64),
        counts.indptr.astype(np.int64),
        all_genes,
        member,
    )
    return (sums - n * (n + 1) / 2.0) / (n * (all_genes - n))


def compare_scores(
    score: NDArray[np.float64], sample: pl.Series, arms: dict[str, str], *, numerator: str, denominator: str
) -> dict[str, float | str | None]:
    """Mean score per sample between two arms, Welch's t over samples.

    Returns:
        mean_numerator, mean_denominator, t, degrees_of_freedom, p_value, p_note.
    """
    means = (
        pl.DataFrame({"sample_id": sample, "score": score})
        .group_by("sample_id")
        .agg(pl.col("score").mean())
        .sort("sample_id")
    )
    by_arm = {
        arm: np.array([value for name, value in means.iter_rows() if arms.get(name) == arm])
        for arm in (numerator, denominator)
    }
    first, second = by_arm[numerator], by_arm[denominator]
    found: dict[str, float | str | None] = {
        "mean_numerator": float(first.mean()) if len(first) else None,
        "mean_denominator": float(second.mean()) if len(second) else None,
        "t": None,
        "degrees_of_freedom": None,
        "p_value": None,
        "p_note": None,
    }
    if min(len(first), len(second)) < LEAST_VALUES:
        return found | {"p_note": "one sample in an arm: means without p"}
    test = welch_t_test(first, second)
    if math.isnan(test.p_value):
        return found | {"p_note": "no variation between samples"}
    return found | {"t": test.t, "degrees_of_freedom": test.degrees_of_freedom, "p_value": test.p_value}
