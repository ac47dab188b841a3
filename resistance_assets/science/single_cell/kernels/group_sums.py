"""Compiled sums of sparse counts over groups of cells: one pass, no copy of the matrix."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def sum_groups(
    data: np.ndarray, indices: np.ndarray, starts: np.ndarray, group: np.ndarray, sums: np.ndarray
) -> None:  # pragma: no cover - compiled
    """Add the values of each cell to the row of its group.

    Args:
        data, indices, starts: of a CSR matrix of cells x genes.
        group: of each cell; below 0 for none.
        sums: (groups, genes), added to.
    """
    for cell in range(starts.shape[0] - 1):
        own = group[cell]
        if own >= 0:
            for at in range(starts[cell], starts[cell + 1]):
                sums[own, indices[at]] += data[at]


@njit(cache=True)
def sum_moments(
    data: np.ndarray,
    indices: np.ndarray,
    starts: np.ndarray,
    group: np.ndarray,
    totals: np.ndarray,
    scale: float,
    umi: np.ndarray,
    expressing: np.ndarray,
    ratio: np.ndarray,
    log: np.ndarray,
) -> None:  # pragma: no cover - compiled
    """Per group and gene: molecules, cells with one, sums of `scale` x / total and of ln(1 + that).

    Args:
        data, indices, starts: of a CSR matrix of cells x genes.
        group: of each cell; below 0 for none.
        totals: molecules of each cell.
        umi, expressing, ratio, log: (groups, genes), added to.
    """
    for cell in range(starts.shape[0] - 1):
        own = group[cell]
        if own < 0:
            continue
        total = max(float(totals[cell]), 1.0)
        for at in range(starts[cell], starts[cell + 1]):
            gene, count = indices[at], data[at]
            # In this order two cells with the same ratio get the same double, as in `log_cp10k`.
            scaled = count * scale / total
            umi[own, gene] += count
            expressing[own, gene] += 1
            ratio[own, gene] += scaled
            log[own, gene] += np.log1p(scaled)
