"""Markers: each cell type against the rest by the rank-sum test, corrected for ties.

The z is the normal approximation with the tie correction and without continuity correction, as R's `wilcox.test(exact =
FALSE, correct = FALSE)`. Cells are not replicates: its p ranks genes and says nothing of a population of patients.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse, special

from resistance_assets.science.single_cell.counts import CellCounts, group_sums, log_cp10k
from resistance_assets.science.single_cell.kernels.sparse_ranks import rank_sums_by_group
from resistance_assets.science.statistics.rank_sum import rank_sum_variance

P_NOTE = "cells are not replicates: for ranking genes only"


def find_markers(study: CellCounts, group: pl.Series, totals: NDArray[np.int64]) -> pl.DataFrame:
    """Every gene in every type against all other cells.

    Args:
        study: cells of one species and that species' genes.
        group: cell type of each cell.
        totals: molecules of that species per cell.

    Returns:
        group, feature_id, symbol, z, ln_p_value, p_value, auc, fraction_in, fraction_out, mean_log_cp10k_in,
        mean_log_cp10k_out, p_note. Genes may come in parts, so q-values are made of all of them later.
    """
    names = group.unique().sort().to_list()
    place = {name: at for at, name in enumerate(names)}
    of_cell = np.array([place[name] for name in group], dtype=np.int64)
    sizes = np.bincount(of_cell, minlength=len(names)).astype(np.float64)
    logs = log_cp10k(study.counts, totals)
    by_gene = sparse.csc_matrix(logs)
    ranks, ties = rank_sums_by_group(
        by_gene.data, by_gene.indices.astype(np.int64), by_gene.indptr.astype(np.int64), of_cell, sizes
    )
    present = sparse.csr_matrix((np.ones(logs.nnz, dtype=np.int8), logs.indices, logs.indptr), shape=logs.shape)
    detected, means = group_sums(present, of_cell, len(names)), group_sums(logs, of_cell, len(names))
    n = len(of_cell)
    frames = []
    for at, name in enumerate(names):
        n_in = sizes[at]
        n_out = n - n_in
        if n_out == 0:
            continue
        u = ranks[:, at] - n_in * (n_in + 1) / 2.0
        variance = rank_sum_variance(n_in, n_out, ties)
        flat = variance <= 0.0
        z = np.where(flat, 0.0, (u - n_in * n_out / 2.0) / np.sqrt(np.where(flat, 1.0, variance)))
        ln_p = np.minimum(np.log(2.0) + special.log_ndtr(-np.abs(z)), 0.0)
        p = np.exp(ln_p)
        frames.append(
            study.features.select("feature_id", "symbol").with_columns(
                group=pl.lit(name),
                z=pl.Series(z),
                ln_p_value=pl.Series(ln_p),
                p_value=pl.Series(p),
                auc=pl.Series(u / (n_in * n_out)),
                fraction_in=pl.Series(detected[at] / n_in),
                fraction_out=pl.Series((detected.sum(axis=0) - detected[at]) / n_out),
                mean_log_cp10k_in=pl.Series(means[at] / n_in),
                mean_log_cp10k_out=pl.Series((means.sum(axis=0) - means[at]) / n_out),
                p_note=pl.lit(P_NOTE),
            )
        )
    return pl.concat(frames)
