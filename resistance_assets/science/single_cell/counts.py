"""Counts of single cells: a sparse matrix of cells x genes with what is known of both sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

Species = str
CP10K = 1e4


@dataclass(frozen=True)
class CellCounts:
    """Counts of a study.

    Attributes:
        counts: cells x genes, CSR, integers.
        cells: one row per cell: sample_id, barcode, and what was found since.
        features: one row per gene: feature_id, symbol, species (null in a study of one species).
    """

    counts: sparse.csr_matrix
    cells: pl.DataFrame
    features: pl.DataFrame

    def of_species(self, species: Species | None) -> NDArray[np.bool_]:
        """Which genes belong to a species; all of them where the study has one."""
        if species is None:
            return np.ones(self.features.height, dtype=bool)
        return (self.features["species"] == species).fill_null(False).to_numpy()

    def select(self, cells: NDArray[np.bool_], genes: NDArray[np.bool_]) -> CellCounts:
        """The counts of some cells and genes."""
        return CellCounts(
            sparse.csr_matrix(self.counts[cells][:, genes]),
            self.cells.filter(pl.Series(cells)),
            self.features.filter(pl.Series(genes)),
        )


def group_sums(counts: sparse.csr_matrix, group: NDArray[np.int64], n_groups: int) -> NDArray[np.float64]:
    """Sums of counts per group of cells: groups x genes; a cell of group -1 belongs to none."""
    used = np.flatnonzero(group >= 0)
    n_cells = counts.get_shape()[0]
    indicator = sparse.csr_matrix(
        (np.ones(len(used)), (group[used], used)), shape=(n_groups, n_cells), dtype=np.float64
    )
    return (indicator @ counts).toarray()  # pyright: ignore[reportAttributeAccessIssue]


def log_cp10k(counts: sparse.csr_matrix, totals: NDArray[np.int64]) -> sparse.csr_matrix:
    """ln(1 + 10,000 count / total of the cell); zeros stay zeros, so it stays sparse."""
    scaled = sparse.csr_matrix(counts, dtype=np.float64, copy=True)
    # In this order two cells with the same ratio get the same double, so that they are a tie in a rank test.
    scaled.data = np.log1p(scaled.data * CP10K / np.repeat(np.maximum(totals, 1), np.diff(counts.indptr)))
    return scaled
