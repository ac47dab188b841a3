"""Sources of a gene: which cell types make it, how much of it, and whether ambient RNA explains what is seen."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.science.single_cell.counts import CP10K, CellCounts
from resistance_assets.science.single_cell.kernels.group_sums import sum_moments
from resistance_assets.science.single_cell.pseudobulk import LEAST_CELLS

AMBIENT_FRACTION_OF_LEADING = 0.1


def gene_sources(study: CellCounts, group: pl.Series, totals: NDArray[np.int64]) -> pl.DataFrame:
    """Expression of every gene in every group of cells.

    Args:
        study: cells of one species and (some of) that species' genes.
        group: cell type (or subtype) of each cell.
        totals: molecules of that species per cell.

    Returns:
        group, feature_id, symbol, n_cells, n_expressing, fraction_expressing, umi, mean_log_cp10k, mean_cp10k (mean of
        ratios), cp10k_pooled (ratio of sums), share_of_species_umi (null for a gene without molecules), n_samples,
        mean_of_sample_means_log_cp10k, is_ambient (the type's pooled level is what its cells' ambient RNA would give:
        below a tenth of that of the leading type of ten cells).
    """
    names = group.unique().sort().to_list()
    samples = study.cells["sample_id"].unique().sort().to_list()
    of_group, of_sample = _codes(group, names), _codes(study.cells["sample_id"], samples)
    both = of_group * len(samples) + of_sample
    shape = (len(names) * len(samples), study.features.height)
    umi, expressing, ratio, log = (np.zeros(shape) for _ in range(4))
    counts = study.counts
    sum_moments(counts.data, counts.indices, counts.indptr, both, totals, CP10K, umi, expressing, ratio, log)

    by_sample = np.bincount(both, minlength=shape[0])
    means = np.divide(log, by_sample[:, None], out=np.zeros_like(log), where=by_sample[:, None] > 0)
    there = (by_sample > 0).reshape(len(names), len(samples)).sum(axis=1)
    of_samples = means.reshape(len(names), len(samples), -1).sum(axis=1) / np.maximum(there, 1)[:, None]
    umi, expressing, ratio, log = (
        one.reshape(len(names), len(samples), -1).sum(axis=1) for one in (umi, expressing, ratio, log)
    )
    n = np.bincount(of_group, minlength=len(names))
    pooled = umi / np.bincount(of_group, weights=totals, minlength=len(names))[:, None] * CP10K
    total = umi.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(total > 0, umi / total, np.nan)
    # Of a type of few cells one molecule makes a high level, which says nothing of the others.
    leading = np.where((n >= LEAST_CELLS)[:, None], pooled, 0.0).max(axis=0)
    ambient = (umi > 0) & (pooled < AMBIENT_FRACTION_OF_LEADING * leading)
    return pl.concat(
        study.features.select("feature_id", "symbol").with_columns(
            group=pl.lit(name),
            n_cells=pl.lit(int(n[at])),
            n_expressing=pl.Series(expressing[at].astype(np.int64)),
            fraction_expressing=pl.Series(expressing[at] / n[at]),
            umi=pl.Series(umi[at].astype(np.int64)),
            mean_log_cp10k=pl.Series(log[at] / n[at]),
            mean_cp10k=pl.Series(ratio[at] / n[at]),
            cp10k_pooled=pl.Series(pooled[at]),
            share_of_species_umi=pl.Series(share[at], nan_to_null=True),
            n_samples=pl.lit(int(there[at])),
            mean_of_sample_means_log_cp10k=pl.Series(of_samples[at]),
            is_ambient=pl.Series(ambient[at]),
        )
        for at, name in enumerate(names)
    )


def _codes(values: pl.Series, names: list[str]) -> NDArray[np.int64]:
    return values.replace_strict(names, list(range(len(names))), return_dtype=pl.Int64).to_numpy()
