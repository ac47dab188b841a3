"""Tail probabilities of the normal and the chi-squared distribution, for arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Z_95 = 1.959963984540054


def two_sided_normal(z: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import ndtr

    return 2.0 * ndtr(-np.abs(z))


def chi2_tail(chi2: ArrayLike, degrees: ArrayLike = 1) -> NDArray[np.float64]:
    """Upper tail of the chi-squared distribution, computed as a tail; NaN stays NaN."""
    from scipy.special import chdtrc, erfc

    values = np.asarray(chi2, np.float64)
    if isinstance(degrees, int) and degrees == 1:
        # Ten times as fast as the incomplete gamma function.
        return erfc(np.sqrt(np.maximum(values, 0.0) / 2.0))
    # A likelihood ratio may come out as -1e-13.
    return chdtrc(degrees, np.where(values < 0, 0.0, values))


def normal_tail(z: ArrayLike) -> Any:
    from scipy.special import ndtr

    return ndtr(-np.asarray(z, float))
