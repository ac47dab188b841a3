"""Comparisons of a marker between groups and within pairs: rank tests, and a censored regression below the limit.

The leading test of a panel is limma's, in `science.deg.limma`; these stand beside it. Wilcoxon's p is exact where there
are neither ties nor zeros, else a normal approximation with continuity correction, as R's `wilcox.test` chooses; the
method is named. The censored (Tobit) regression takes a value below the limit for what it is: less than the limit
(Tobin 1958, doi:10.2307/1907382).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

LEAST_PAIRS = 5
MOST_EXACT = 50


class SignedRank(NamedTuple):
    """Wilcoxon's signed-rank test of paired differences.

    Attributes:
        v: sum of the ranks of positive differences.
        method: exact, or normal approximation with continuity correction.
        p_note: why there is no p.
    """

    n_pairs: int
    n_zero: int
    v: float
    p_value: float
    method: str
    p_note: str | None


def signed_rank_test(differences: NDArray[np.float64]) -> SignedRank:
    """Two-sided test that paired differences are symmetric about 0; zeros are left out and counted.

    Fewer than five pairs have no p: an exact two-sided p cannot go below 0.0625.
    """
    known = differences[np.isfinite(differences)]
    moved = known[known != 0.0]
    n, zeros = len(moved), len(known) - len(moved)
    ranks = stats.rankdata(np.abs(moved))
    v = float(ranks[moved > 0.0].sum())
    if len(known) < LEAST_PAIRS:
        return SignedRank(len(known), zeros, v, math.nan, "none", f"fewer than {LEAST_PAIRS} pairs")
    ties = len(np.unique(ranks)) < n
    if not ties and not zeros and len(known) < MOST_EXACT:
        return SignedRank(len(known), zeros, v, _exact_signed_rank(v, n), "exact", None)
    centre = n * (n + 1) / 4.0
    _, counts = np.unique(ranks, return_counts=True)
    spread = math.sqrt(n * (n + 1) * (2 * n + 1) / 24.0 - float((counts**3 - counts).sum()) / 48.0)
    method = "normal approximation with continuity correction"
    if spread == 0.0:
        return SignedRank(len(known), zeros, v, math.nan, method, "all differences are 0")
    z = (v - centre - math.copysign(0.5, v - centre) * (v != centre)) / spread
    return SignedRank(len(known), zeros, v, float(min(1.0, 2.0 * stats.norm.sf(abs(z)))), method, None)


def _exact_signed_rank(v: float, n: int) -> float:
    """Two-sided p from the distribution of all sign patterns."""
    ways = np.zeros(n * (n + 1) // 2 + 1)
    ways[0] = 1.0
    for rank in range(1, n + 1):
        ways[rank:] = ways[rank:] + ways[:-rank].copy()
    ways /= ways.sum()
    at = round(v)
    return float(min(1.0, 2.0 * min(ways[: at + 1].sum(), ways[at:].sum())))


class CensoredRegression(NamedTuple):
    """Difference of two groups under a normal model with values censored from below (Tobit)."""

    difference: float
    standard_error: float
    p_wald: float
    p_likelihood_ratio: float
    sigma: float
    log_likelihood: float


def censored_regression(
    y: NDArray[np.float64], detected: NDArray[np.bool_], in_group: NDArray[np.bool_]
) -> CensoredRegression:
    """Maximum likelihood of y ~ group with left censoring.

    Args:
        y: log2 values; where not detected, log2 of the limit.
        detected: whether y was measured.
        in_group: the group whose mean minus the other's is the difference.
    """
    design = np.column_stack([np.ones(len(y)), in_group.astype(float)])
    full, parameters, hessian = _fit_censored(y, detected, design)
    null, _, _ = _fit_censored(y, detected, design[:, :1])
    error = math.sqrt(np.linalg.inv(hessian)[1, 1])
    difference = float(parameters[1])
    return CensoredRegression(
        difference=difference,
        standard_error=error,
        p_wald=float(2.0 * stats.norm.sf(abs(difference / error))),
        p_likelihood_ratio=float(stats.chi2.sf(max(2.0 * (full - null), 0.0), 1)),
        sigma=math.exp(float(parameters[-1])),
        log_likelihood=full,
    )


def _fit_censored(
    y: NDArray[np.float64], detected: NDArray[np.bool_], design: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Log-likelihood, (coefficients, ln sigma) and the observed information, by Newton's steps from least squares."""
    start, *_ = np.linalg.lstsq(design, y, rcond=None)
    spread = float(np.std(y - design @ start)) or 1.0
    parameters = np.append(start, math.log(spread))

    def negative(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        sigma = math.exp(at[-1])
        z = (y - design @ at[:-1]) / sigma
        value = np.where(detected, stats.norm.logpdf(z) - at[-1], stats.norm.logcdf(z))
        hazard = np.exp(stats.norm.logpdf(z) - stats.norm.logcdf(z))
        slope = np.where(detected, z, -hazard)
        gradient = np.append(design.T @ slope / sigma, np.where(detected, z**2 - 1.0, -hazard * z).sum())
        return -float(value.sum()), -gradient

    at = parameters
    if not detected.all():
        # Without a censored value the least squares are the maximum already.
        found = optimize.minimize(negative, parameters, jac=True, method="BFGS", options={"gtol": 1e-4, "maxiter": 500})
        at = found.x
    for _ in range(20):
        hessian = _information(y, detected, design, at)  # pyright: ignore[reportArgumentType]
        step = np.linalg.solve(hessian, negative(at)[1])  # pyright: ignore[reportArgumentType]
        at = at - step
        if np.abs(step).max() < 1e-12:
            break
    return -negative(at)[0], at, _information(y, detected, design, at)  # pyright: ignore[reportArgumentType, reportReturnType]


def _information(
    y: NDArray[np.float64], detected: NDArray[np.bool_], design: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Second derivatives of the negative log-likelihood by coefficients and ln sigma."""
    sigma = math.exp(at[-1])
    z = (y - design @ at[:-1]) / sigma
    hazard = np.exp(stats.norm.logpdf(z) - stats.norm.logcdf(z))
    curve = np.where(detected, 1.0, hazard * (z + hazard))
    cross = np.where(detected, 2.0 * z, hazard * (z * (z + hazard) - 1.0))
    own = np.where(detected, 2.0 * z**2, hazard * z * (z * (z + hazard) - 1.0))
    size = design.shape[1]
    found = np.empty((size + 1, size + 1))
    found[:size, :size] = (design * curve[:, None]).T @ design / sigma**2
    found[:size, size] = found[size, :size] = design.T @ cross / sigma
    found[size, size] = own.sum()
    return found
