"""Sources of a gene: which cell types make it, how much of it, and whether ambient RNA explains what is seen."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from resistance_assets.science.single_cell.counts import CP10K, CellCounts, group_sums, log_cp10k

AMBIENT_FRACTION_OF_LEADING = 0.1


def gene_sources(study: CellCounts, group: pl.Series, totals: NDArray[np.int64]) -> pl.DataFrame:
    """Expression of every gene in every group of cells.

    Args:
        study: cells of one species and that species' genes.
        group: cell type (or subtype) of each cell.
        totals: molecules of that species per cell.

    Returns:
        group, feature_id, symbol, n_cells, n_expressing, fraction_expressing, umi, mean_log_cp10k, mean_cp10k (mean of
        ratios), cp10k_pooled (ratio of sums), share_of_species_umi (null for a gene without molecules), n_samples,
        mean_of_sample_means_log_cp10k, is_ambient (the type's pooled level is what its cells' ambient RNA would give:
        below a tenth of the leading type's).
    """
    names = group.unique().sort().to_list()
    place = {name: at for at, name in enumerate(names)}
    of_cell = np.array([place[name] for name in group], dtype=np.int64)
    n = np.bincount(of_cell, minlength=len(names))
    logs = log_cp10k(study.counts, totals)
    ratios = sparse.csr_matrix(study.counts, dtype=np.float64, copy=True)
    ratios.data *= np.repeat(CP10K / np.maximum(totals, 1), np.diff(study.counts.indptr))
    present = sparse.csr_matrix(
        (np.ones_like(study.counts.data), study.counts.indices, study.counts.indptr), shape=study.counts.shape
    )
    sums = {
        "umi": group_sums(study.counts, of_cell, len(names)),
        "n_expressing": group_sums(present, of_cell, len(names)),
        "log": group_sums(logs, of_cell, len(names)),
        "ratio": group_sums(ratios, of_cell, len(names)),
    }
    depth = np.bincount(of_cell, weights=totals, minlength=len(names))
    pooled = sums["umi"] / depth[:, None] * CP10K
    total = sums["umi"].sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(total > 0, sums["umi"] / total, np.nan)
    by_sample, samples = _sample_means(study, logs, of_cell, len(names))
    ambient = (sums["umi"] > 0) & (pooled < AMBIENT_FRACTION_OF_LEADING * pooled.max(axis=0))
    frames = []
    for at, name in enumerate(names):
        frames.append(
            study.features.select("feature_id", "symbol").with_columns(
                group=pl.lit(name),
                n_cells=pl.lit(int(n[at])),
                n_expressing=pl.Series(sums["n_expressing"][at].astype(np.int64)),
                fraction_expressing=pl.Series(sums["n_expressing"][at] / n[at]),
                umi=pl.Series(sums["umi"][at].astype(np.int64)),
                mean_log_cp10k=pl.Series(sums["log"][at] / n[at]),
                mean_cp10k=pl.Series(sums["ratio"][at] / n[at]),
                cp10k_pooled=pl.Series(pooled[at]),
                share_of_species_umi=pl.Series(share[at], nan_to_null=True),
                n_samples=pl.lit(int(samples[at])),
                mean_of_sample_means_log_cp10k=pl.Series(by_sample[at]),
                is_ambient=pl.Series(ambient[at]),
            )
        )
    return pl.concat(frames)


def _sample_means(
    study: CellCounts, logs: sparse.csr_matrix, of_cell: NDArray[np.int64], n_groups: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mean over samples of a group's mean per sample, and how many samples have the group."""
    names = study.cells["sample_id"].unique().sort().to_list()
    place = {name: at for at, name in enumerate(names)}
    sample = np.array([place[name] for name in study.cells["sample_id"]], dtype=np.int64)
    both = of_cell * len(names) + sample
    cells = np.bincount(both, minlength=n_groups * len(names))
    sums = group_sums(logs, both, n_groups * len(names))
    means = np.divide(sums, cells[:, None], out=np.zeros_like(sums), where=cells[:, None] > 0)
    there = (cells > 0).reshape(n_groups, len(names))
    found = means.reshape(n_groups, len(names), -1).sum(axis=1) / np.maximum(there.sum(axis=1), 1)[:, None]
    return found, there.sum(axis=1)
