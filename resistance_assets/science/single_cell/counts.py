"""Counts of single cells: a sparse matrix of cells x genes with what is known of both sides, whole or gene by gene."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from resistance_assets.science.single_cell.kernels.group_sums import sum_groups

Species = str
CP10K = 1e4
# Counts that are in memory at once; with what is made of them they take about 1 GB.
COUNTS_PER_BLOCK = 20_000_000


@dataclass(frozen=True)
class CellCounts:
    """Counts of cells.

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
        return genes_of_species(self.features, species)

    def select(self, cells: NDArray[np.bool_], genes: NDArray[np.bool_]) -> CellCounts:
        """The counts of some cells and genes."""
        return CellCounts(
            sparse.csr_matrix(self.counts[cells][:, genes]),
            self.cells.filter(pl.Series(cells)),
            self.features.filter(pl.Series(genes)),
        )


def genes_of_species(features: pl.DataFrame, species: Species | None) -> NDArray[np.bool_]:
    """Which genes belong to a species; all of them for none."""
    if species is None:
        return np.ones(features.height, dtype=bool)
    return (features["species"] == species).fill_null(False).to_numpy()


@dataclass(frozen=True)
class StudyCounts:
    """Counts of all samples of a study, read by genes: as many at a time as fit into memory.

    Attributes:
        counts: sample -> gene_number, cell_number, umi, sorted by gene; scanned lazily.
        features: feature_id, symbol, species of the genes of any sample.
        cells: sample_id, barcode and what was measured of each, one sample after the other, each by its cell_number.
        numbers: sample -> number of each gene of `features` in that sample; -1 where the sample lacks it.
    """

    counts: Mapping[str, pl.LazyFrame]
    features: pl.DataFrame
    cells: pl.DataFrame
    numbers: Mapping[str, NDArray[np.int64]]

    def read_genes(self, genes: NDArray[np.int64], cells: NDArray[np.bool_] | None = None) -> CellCounts:
        """Counts of some genes in all cells, or in those that are chosen.

        Args:
            genes: places in `features`.
            cells: (cells,) which are chosen.
        """
        height = dict(self.cells.group_by("sample_id").len().iter_rows())
        blocks = [
            _read_sample(long, self.numbers[sample][genes], height.get(sample, 0))
            for sample, long in self.counts.items()
        ]
        counts = sparse.csr_matrix(sparse.vstack(blocks)) if len(blocks) > 1 else blocks[0]
        if cells is None:
            return CellCounts(counts, self.cells, self.features[genes])
        return CellCounts(sparse.csr_matrix(counts[cells]), self.cells.filter(pl.Series(cells)), self.features[genes])

    def of_sample(self, sample: str) -> StudyCounts:
        """The counts of one sample, over the genes of the study."""
        cells = self.cells.filter(pl.col("sample_id") == sample)
        return StudyCounts({sample: self.counts[sample]}, self.features, cells, {sample: self.numbers[sample]})

    def blocks(self, genes: NDArray[np.int64], cells: NDArray[np.bool_]) -> Iterator[CellCounts]:
        """Counts of these genes and cells, in blocks of genes."""
        entries = int(self.cells["detected_genes"].sum()) or 1
        n = max(1, -(-entries // COUNTS_PER_BLOCK))
        for block in np.array_split(genes, n):
            if len(block):
                yield self.read_genes(block, cells)


def _read_sample(long: pl.LazyFrame, own: NDArray[np.int64], n_cells: int) -> sparse.csr_matrix:
    """Counts of the genes of these numbers in one sample, in the order of the numbers."""
    shape = (n_cells, len(own))
    known = own >= 0
    if not known.any():
        return sparse.csr_matrix(shape, dtype=np.int32)
    first, last = int(own[known].min()), int(own[known].max())
    wanted = pl.col("gene_number").is_between(first, last)
    if last - first + 1 > 4 * int(known.sum()):
        wanted = pl.col("gene_number").is_in(own[known])
    found = long.filter(wanted).collect()
    place = np.full(last - first + 1, -1, dtype=np.int64)
    place[own[known] - first] = np.flatnonzero(known)
    column = place[found["gene_number"].to_numpy().astype(np.int64) - first]
    there = column >= 0
    row = found["cell_number"].to_numpy().astype(np.int64)
    umi = found["umi"].to_numpy().astype(np.int32)
    return sparse.csr_matrix((umi[there], (row[there], column[there])), shape=shape)


def group_sums(counts: sparse.csr_matrix, group: NDArray[np.int64], n_groups: int) -> NDArray[np.float64]:
    """Sums of counts per group of cells: groups x genes; a cell of group -1 belongs to none."""
    sums = np.zeros((n_groups, counts.get_shape()[1]))
    sum_groups(counts.data, counts.indices, counts.indptr, group, sums)
    return sums


def log_cp10k(counts: sparse.csr_matrix, totals: NDArray[np.int64]) -> sparse.csr_matrix:
    """ln(1 + 10,000 count / total of the cell); zeros stay zeros, so it stays sparse."""
    scaled = sparse.csr_matrix(counts, dtype=np.float64, copy=True)
    # In this order two cells with the same ratio get the same double, so that they are a tie in a rank test.
    scaled.data = np.log1p(scaled.data * CP10K / np.repeat(np.maximum(totals, 1), np.diff(counts.indptr)))
    return scaled
