"""Student's t tests of two groups: Welch's, for unequal variances, and the paired one.

A difference without a standard error (one value on a side, no variation) keeps its estimate and has no test: t, degrees
of freedom and p are NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEAST_VALUES = 2


class TTest(NamedTuple):
    """A difference with its two-sided t test; NaN where there is none."""

    difference: float
    standard_error: float
    degrees_of_freedom: float
    t: float
    p_value: float

    def half_width(self, confidence: float = 0.95) -> float:
        """Half the length of the confidence interval of the difference; NaN without a test."""
        return float(stats.t.ppf((1.0 + confidence) / 2.0, self.degrees_of_freedom)) * self.standard_error


def t_test(difference: float, standard_error: float, degrees_of_freedom: float) -> TTest:
    """The test of an estimate from its standard error; none where either of the two is 0 or unknown."""
    if not (standard_error > 0.0 and degrees_of_freedom > 0.0):
        return TTest(difference, math.nan, math.nan, math.nan, math.nan)
    t = difference / standard_error
    p = float(2.0 * stats.t.sf(abs(t), degrees_of_freedom))
    return TTest(difference, standard_error, degrees_of_freedom, t, p)


def satterthwaite_degrees_of_freedom(variances: Sequence[float], degrees_of_freedom: Sequence[float]) -> float:
    """Degrees of freedom of a sum of independent variance estimates (Satterthwaite 1946, doi:10.2307/3002019).

    Args:
        variances: of each term, as it enters the sum (weights squared).
        degrees_of_freedom: of each.

    Returns:
        NaN where the sum is 0 or unknown.
    """
    total = sum(variances)
    if not total > 0.0:
        return math.nan
    return float(total**2 / sum(part**2 / df for part, df in zip(variances, degrees_of_freedom, strict=True)))


def welch_t_test(first: NDArray[np.float64], second: NDArray[np.float64]) -> TTest:
    """Welch's t test of mean(first) - mean(second), as R's `t.test`; the difference is NaN with an empty side."""
    if not len(first) or not len(second):
        return t_test(math.nan, math.nan, math.nan)
    difference = float(first.mean() - second.mean())
    if min(len(first), len(second)) < LEAST_VALUES:
        return t_test(difference, math.nan, math.nan)
    parts = [float(values.var(ddof=1)) / len(values) for values in (first, second)]
    df = satterthwaite_degrees_of_freedom(parts, [len(first) - 1, len(second) - 1])
    return t_test(difference, math.sqrt(sum(parts)), df)


def paired_t_test(first: NDArray[np.float64], second: NDArray[np.float64]) -> TTest:
    """Paired t test of first - second, one pair per position; the difference is NaN without a pair."""
    differences = first - second
    if not len(differences):
        return t_test(math.nan, math.nan, math.nan)
    difference = float(differences.mean())
    if len(differences) < LEAST_VALUES:
        return t_test(difference, math.nan, math.nan)
    error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    return t_test(difference, error, len(differences) - 1)
