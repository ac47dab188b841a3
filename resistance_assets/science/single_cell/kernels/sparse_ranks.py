"""Compiled ranks of sparse values: zeros are one large tie and are never written out."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(cache=True, parallel=True)
def rank_sums_by_group(
    data: np.ndarray, indices: np.ndarray, starts: np.ndarray, group: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sum of mid-ranks per gene and group, and the sum of t^3 - t over ties per gene.

    Args:
        data, indices, starts: values above 0, their cells, and where each gene begins (a CSC matrix of cells x genes).
        group: group of each cell, from 0.
        sizes: cells per group.

    Returns:
        (genes, groups) rank sums; (genes,) tie sums.
    """
    genes, groups = starts.shape[0] - 1, sizes.shape[0]
    cells = group.shape[0]
    sums = np.zeros((genes, groups))
    ties = np.zeros(genes)
    for gene in prange(genes):
        begin, end = starts[gene], starts[gene + 1]
        n = end - begin
        zeros = cells - n
        order = np.argsort(data[begin:end])
        seen = np.zeros(groups)
        at = 0
        while at < n:
            stop = at + 1
            while stop < n and data[begin + order[stop]] == data[begin + order[at]]:
                stop += 1
            rank = zeros + 0.5 * (at + 1 + stop)
            for k in range(at, stop):
                own = group[indices[begin + order[k]]]
                sums[gene, own] += rank
                seen[own] += 1.0
            t = float(stop - at)
            ties[gene] += t * t * t - t
            at = stop
        of_zero = 0.5 * (zeros + 1.0)
        for own in range(groups):
            sums[gene, own] += (sizes[own] - seen[own]) * of_zero
        ties[gene] += float(zeros) ** 3 - float(zeros)
    return sums, ties


@njit(cache=True, parallel=True)
def signature_rank_sums(
    data: np.ndarray,
    indices: np.ndarray,
    starts: np.ndarray,
    genes: int,
    list_starts: np.ndarray,
    lists: np.ndarray,
    sizes: np.ndarray,
) -> np.ndarray:
    """Sums of the mid-ranks of each signature's genes within each cell, over all genes of the matrix.

    Args:
        data, indices, starts: values above 0, their genes, and where each cell begins (a CSR matrix of cells x genes).
        genes: number of genes.
        list_starts, lists: where the signatures of each gene begin, and which they are.
        sizes: genes per signature.

    Returns:
        (cells, signatures).
    """
    cells = starts.shape[0] - 1
    sums = np.zeros((cells, sizes.shape[0]))
    for cell in prange(cells):
        begin, end = starts[cell], starts[cell + 1]
        n = end - begin
        zeros = genes - n
        order = np.argsort(data[begin:end])
        seen = np.zeros(sizes.shape[0])
        at = 0
        while at < n:
            stop = at + 1
            while stop < n and data[begin + order[stop]] == data[begin + order[at]]:
                stop += 1
            rank = zeros + 0.5 * (at + 1 + stop)
            for k in range(at, stop):
                gene = indices[begin + order[k]]
                for one in range(list_starts[gene], list_starts[gene + 1]):
                    sums[cell, lists[one]] += rank
                    seen[lists[one]] += 1.0
            at = stop
        of_zero = 0.5 * (zeros + 1.0)
        for one in range(sizes.shape[0]):
            sums[cell, one] += (sizes[one] - seen[one]) * of_zero
    return sums
