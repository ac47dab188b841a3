"""Doublet score of each barcode: how much a cell looks like the sum of two others of its sample.

Scrublet's rule (Wolock 2019, doi:10.1016/j.cels.2018.11.005): doublets are simulated from pairs of cells, and a cell's
score is the chance, among its nearest neighbours in principal components, that a neighbour is one of them. Two cells of
one type give a doublet that looks like a single cell, so the score finds those of different types alone. It is a score:
at any threshold it also takes single cells between two types, so nothing is removed by it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from resistance_assets.science.single_cell.kernels.cell_passes import add_moments
from resistance_assets.science.single_cell.nearest_rows import in_one_thread, nearest_rows
from resistance_assets.science.single_cell.quality import LEAST_UMI

SEED = 20260101
EXPECTED_RATE = 0.06
SIMULATED_PER_CELL = 2
LEAST_CELLS = 50
# Genes that take part: a share of those that enough cells have, and no more than so many.
GENE_SHARE, MOST_GENES, COMPONENTS = 0.3, 500, 20
# A gene takes part where so many cells have so many molecules of it.
LEAST_GENE_CELLS, LEAST_GENE_UMI = 3, 3


def score_doublets(counts: sparse.csr_matrix, *, least_umi: int = LEAST_UMI) -> NDArray[np.float64]:
    """Doublet score of every barcode of a sample; NaN below `least_umi`, and in a sample of fewer than 50 cells.

    Args:
        counts: barcodes x genes of one sample.
        least_umi: molecules of a barcode that is taken for a cell.
    """
    total = np.asarray(counts.sum(axis=1)).ravel()
    cells = np.flatnonzero(total >= least_umi)
    score = np.full(counts.get_shape()[0], np.nan)
    if len(cells) < LEAST_CELLS:
        return score
    own = counts if len(cells) == counts.get_shape()[0] else sparse.csr_matrix(counts[cells])
    random = np.random.default_rng(SEED)
    pairs = random.integers(0, len(cells), size=(SIMULATED_PER_CELL * len(cells), 2))
    genes = _variable_genes(own, total[cells])
    if len(genes) < 2:
        return score
    kept = sparse.csr_matrix(own[:, genes])
    sums = sparse.csr_matrix(kept[pairs[:, 0]] + kept[pairs[:, 1]])
    depth = float(np.median(total[cells]))
    observed = _scaled(kept, total[cells], depth)
    simulated = _scaled(sums, total[cells][pairs].sum(axis=1), depth)
    centre, spread = observed.mean(axis=0), observed.std(axis=0)
    spread[spread == 0.0] = 1.0
    observed, simulated = (observed - centre) / spread, (simulated - centre) / spread
    # Threads that wait for each other in so small products cost more than they do.
    with in_one_thread():
        axes = _leading_axes(observed)  # of the observed cells alone: simulated ones are put into them
        score[cells] = _neighbour_scores(observed @ axes, simulated @ axes)
    return score


def _variable_genes(counts: sparse.csr_matrix, total: NDArray) -> NDArray[np.int64]:
    """Genes whose normalised counts vary most about their mean, of those that enough cells have."""
    n_cells, n_genes = counts.get_shape()
    sums, squares, enough = np.zeros(n_genes), np.zeros(n_genes), np.zeros(n_genes, dtype=np.int64)
    factor = np.median(total) / total
    add_moments(counts.data, counts.indices, counts.indptr, factor, LEAST_GENE_UMI, sums, squares, enough)
    there = np.flatnonzero(enough >= LEAST_GENE_CELLS)
    mean = sums[there] / n_cells
    ratio = (squares[there] / n_cells - mean**2) / np.maximum(mean, 1e-12)
    chosen = np.argsort(-ratio, kind="stable")[: min(MOST_GENES, math.ceil(GENE_SHARE * len(there)))]
    return np.sort(there[chosen])


def _scaled(counts: sparse.csr_matrix, total: NDArray, depth: float) -> NDArray[np.float32]:
    """Counts at the same depth; not in logs, in which the sum of two cells is no longer between them."""
    found = sparse.csr_matrix(counts, dtype=np.float32, copy=True)
    found.data *= np.repeat((depth / total).astype(np.float32), np.diff(found.indptr))
    return found.toarray()


def _leading_axes(observed: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first principal axes, from the smaller of the two cross products."""
    n_cells, n_genes = observed.shape
    n = min(COMPONENTS, n_cells - 1, n_genes - 1)
    if n_genes <= n_cells:
        return linalg.eigh(observed.T @ observed, subset_by_index=(n_genes - n, n_genes - 1))[1]
    values, vectors = linalg.eigh(observed @ observed.T, subset_by_index=(n_cells - n, n_cells - 1))
    return (observed.T @ vectors) / np.sqrt(np.maximum(values, 1e-6))


def _neighbour_scores(observed: NDArray, simulated: NDArray) -> NDArray[np.float64]:
    n, ratio = len(observed), len(simulated) / len(observed)
    k = max(1, round(0.5 * np.sqrt(n) * (1 + ratio)))
    both = np.vstack([observed, simulated])
    near = nearest_rows(both, observed, min(k + 1, len(both)))
    # A cell is no neighbour of itself; where copies of it come first, the last neighbour is left out instead.
    is_self = near == np.arange(n)[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    of_others = (near >= n) & ~is_self
    share = (of_others.sum(axis=1) + 1.0) / (near.shape[1] - 1 + 2.0)
    likelihood = share * EXPECTED_RATE / ratio
    return likelihood / (1.0 - EXPECTED_RATE - share * (1.0 - EXPECTED_RATE - EXPECTED_RATE / ratio))
