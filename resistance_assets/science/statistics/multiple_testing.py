"""Correction for multiple testing.

Here belong functions from a vector of p-values to a vector of adjusted ones. Missing p-values (NaN) stay missing and
are dropped before the number of tests is counted, as R's ``p.adjust`` does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def adjust_bh(p_values: ArrayLike) -> NDArray[np.float64]:
    """False discovery rate by Benjamini and Hochberg (1995, JRSS B 57:289).

    Args:
        p_values: shape (m,), NaN where there is no test.

    Returns:
        Shape (m,): q-values in [0, 1]; NaN where the input is NaN.
    """
    from scipy.stats import false_discovery_control

    p = np.asarray(p_values, dtype=np.float64)
    _require_probabilities(p)
    q = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    if tested.size == 0:
        return q
    q[tested] = false_discovery_control(p[tested], method="bh")
    return q


def adjust_holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Family-wise error rate by Holm (1979, Scand J Stat 6:65). Shapes and NaN as in `adjust_bh`."""
    p = np.asarray(p_values, dtype=np.float64)
    _require_probabilities(p)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    m = tested.size
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(np.arange(m, 0, -1) * p[order]))
    return adjusted


def percentile_of_smallest(p_values: ArrayLike) -> NDArray[np.float64]:
    """Percentile rank of each p-value among all of them, 0 for the smallest, mid-rank for ties, NaN for missing.

    A gene at percentile 8.2 has a smaller p-value than all but 8.2 % of the genes that were tested the same way.
    """
    p = np.asarray(p_values, dtype=np.float64)
    percentile = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    if tested.size == 0:
        return percentile
    values = np.sort(p[tested])
    below = np.searchsorted(values, p[tested], side="left")
    tied = np.searchsorted(values, p[tested], side="right") - below
    percentile[tested] = 100.0 * (below + (tied - 1) / 2) / tested.size
    return percentile


def _require_probabilities(p: NDArray[np.float64]) -> None:
    if p.ndim != 1:
        raise ValueError(f"p-values must be a vector, got shape {p.shape}")
    if np.any((p < 0) | (p > 1)):
        raise ValueError("p-values must lie in [0, 1]; NaN marks a missing one")
