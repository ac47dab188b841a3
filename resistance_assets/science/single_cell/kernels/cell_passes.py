"""Compiled passes over the counts of cells, one after the other: leading genes of a cell, and variation of genes."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def sum_leading(
    data: np.ndarray, starts: np.ndarray, n_leading: int, found: np.ndarray
) -> None:  # pragma: no cover - compiled
    """Sum of the largest values of each row.

    Args:
        data, starts: of a CSR matrix.
        n_leading: how many are added.
        found: (rows,), filled.
    """
    for row in range(starts.shape[0] - 1):
        own = data[starts[row] : starts[row + 1]]
        n = own.shape[0]
        total = 0
        if n <= n_leading:
            for at in range(n):
                total += own[at]
        else:
            parted = np.partition(own, n - n_leading)
            for at in range(n - n_leading, n):
                total += parted[at]
        found[row] = total


@njit(cache=True)
def add_moments(
    data: np.ndarray,
    indices: np.ndarray,
    starts: np.ndarray,
    factor: np.ndarray,
    least: int,
    sums: np.ndarray,
    squares: np.ndarray,
    enough: np.ndarray,
) -> None:  # pragma: no cover - compiled
    """Per gene: sums of the scaled counts and of their squares, and cells with `least` molecules or more.

    Args:
        data, indices, starts: of a CSR matrix of cells x genes.
        factor: by which the counts of each cell are scaled.
        least: molecules.
        sums, squares, enough: (genes,), added to.
    """
    for cell in range(starts.shape[0] - 1):
        for at in range(starts[cell], starts[cell + 1]):
            gene = indices[at]
            value = data[at] * factor[cell]
            sums[gene] += value
            squares[gene] += value * value
            if data[at] >= least:
                enough[gene] += 1
