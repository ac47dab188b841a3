"""Residual variances squeezed towards a prior, with or without a trend over the mean value, robust against outliers.

limma's `eBayes(robust = TRUE)`, with `trend = TRUE` where a mean value is given: the prior's degrees of freedom come
from the winsorised log variances about a lowess trend, or about their trimmed mean (Phipson 2016, Annals of Applied
Statistics 10:946, doi:10.1214/16-AOAS920). A row whose variance is an outlier gets fewer prior degrees of freedom, so
that its own variance counts more, and the prior of the others is not loosened by it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import digamma, polygamma

from resistance_assets.science.deg.variance_moderation import Moderation, invert_trigamma, moderate_variances

Matrix = NDArray[np.float64]
WINSOR_TAILS = (0.05, 0.1)
SPAN = 0.4
# Fewer rows show no trend, and their tails cannot be told from their middle.
LEAST_ROWS = 10
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(128)


def moderate_variances_robustly(sigma: Matrix, df_residual: int | Matrix, average: Matrix | None = None) -> Moderation:
    """Posterior variances by a robust prior, with a trend over the mean value of each row where one is given.

    Args:
        sigma: (rows,) residual standard deviations, NaN where there is none.
        df_residual: their degrees of freedom, one number or (rows,).
        average: (rows,) mean value, the covariate of the trend; without it the prior has one scale.

    Returns:
        s2_prior and df_prior per row. A row without a residual degree of freedom takes no part in the prior and gets
        the prior variance at its mean.

    Raises:
        ValueError: fewer than `LEAST_ROWS` rows with a variance, for a trend.
    """
    if average is None:
        return _moderate_without_trend(sigma, df_residual)
    df = np.array(np.broadcast_to(np.asarray(df_residual, dtype=np.float64), sigma.shape))
    known = (df > 0) & np.isfinite(sigma) & np.isfinite(average)
    if known.sum() < LEAST_ROWS:
        raise ValueError(f"{int(known.sum())} rows with a variance; {LEAST_ROWS} are needed for a trend")
    variances = sigma[known] ** 2
    scale, df_prior, shrunk = _fit_prior(variances, df[known], average[known])
    order = np.argsort(average[known], kind="stable")
    s2_prior = np.exp(np.interp(average, average[known][order], np.log(scale)[order]))
    s2_prior[known] = scale
    return _posterior(sigma, df, known, s2_prior, df_prior, shrunk)


def _moderate_without_trend(sigma: Matrix, df_residual: int | Matrix) -> Moderation:
    """Posterior variances by a robust prior of one scale; of fewer than `LEAST_ROWS` by the plain one, as limma."""
    df = np.array(np.broadcast_to(np.asarray(df_residual, dtype=np.float64), sigma.shape))
    known = (df > 0) & np.isfinite(sigma)
    if known.sum() < LEAST_ROWS or not np.median(sigma[known]) > 0:
        return moderate_variances(sigma, df_residual)
    scale, df_prior, shrunk = _fit_prior(sigma[known] ** 2, df[known], None)
    return _posterior(sigma, df, known, np.full(sigma.shape, scale[0]), df_prior, shrunk)


def _posterior(
    sigma: Matrix, df: Matrix, known: NDArray[np.bool_], s2_prior: Matrix, df_prior: float, shrunk: Matrix
) -> Moderation:
    """Variances of the rows between their own and the prior's; those without one get the prior's."""
    prior_df = np.full(sigma.shape, df_prior)
    prior_df[known] = shrunk
    s2_post = s2_prior.copy()
    finite = known.copy()
    finite[known] = np.isfinite(shrunk)
    own = sigma[finite] ** 2
    s2_post[finite] = (df[finite] * own + prior_df[finite] * s2_prior[finite]) / (df[finite] + prior_df[finite])
    df_total = np.minimum(np.where(known, df, 0.0) + prior_df, df[known].sum())
    return Moderation(s2_prior, prior_df, s2_post, df_total)


def _fit_prior(variances: Matrix, df: Matrix, average: Matrix | None) -> tuple[Matrix, float, Matrix]:
    """Prior variance per row, the prior's degrees of freedom, and those per row after outliers."""
    n = len(variances)
    median = float(np.median(variances))
    x = np.maximum(variances, 1e-12 * (median if median > 0 else 1.0))
    plain_scale, plain_df = fit_trended_prior(x, df, average) if average is not None else _fit_plain_prior(x, df)
    x, most = _at_most_degrees(x, df, plain_scale, plain_df)
    z = np.log(x)
    trend = _lowess(z, average) if average is not None else np.full(n, stats.trim_mean(z, WINSOR_TAILS[1]))
    residual = z - trend
    low, high = np.quantile(residual, (WINSOR_TAILS[0], 1.0 - WINSOR_TAILS[1]))
    winsorised = np.clip(residual, low, high)
    centre, spread = float(winsorised.mean()), float(winsorised.var(ddof=1))
    # The relative excess of variance falls with the prior's degrees of freedom; u = df / (1 + df) keeps them finite.
    at_infinity = math.log(spread / _winsorised_moments(most, math.inf)[1]) if spread > 0 else -math.inf
    if at_infinity <= 0:
        df_prior = math.inf
    elif math.isinf(plain_df):
        return plain_scale, plain_df, np.full(n, plain_df)
    else:
        df_prior = _match_spread(spread, most, plain_df, at_infinity)
    corrected = trend + centre - _winsorised_moments(most, df_prior)[0]
    ratio = np.exp(z - corrected)
    return np.exp(corrected), df_prior, _shrink_outliers(ratio, most, df_prior)


def _fit_plain_prior(x: Matrix, df: Matrix) -> tuple[Matrix, float]:
    """Prior variance and its degrees of freedom, without a trend and not robust."""
    plain = moderate_variances(np.sqrt(x), df)
    return np.full(len(x), plain.s2_prior), float(plain.df_prior)  # pyright: ignore[reportArgumentType]


def fit_trended_prior(x: Matrix, df: Matrix, average: Matrix) -> tuple[Matrix, float]:
    """Prior variance by a natural spline over the mean value, and its degrees of freedom, not robust (fitFDist)."""
    positive = np.maximum(x, 1e-5 * float(np.median(x)))
    e = np.log(positive) - digamma(df / 2) + np.log(df / 2)
    n = len(x)
    design = _natural_spline(average, min(2 + (n >= 6) + (n >= 30), len(np.unique(average))))
    coefficients, _, rank, _ = np.linalg.lstsq(design, e, rcond=None)
    mean = design @ coefficients
    excess = float(((e - mean) ** 2).sum()) / (n - rank) - float(polygamma(1, df / 2).mean())
    if excess <= 0:
        return np.exp(mean), math.inf
    df_prior = 2 * invert_trigamma(excess)
    return np.exp(mean + digamma(df_prior / 2) - math.log(df_prior / 2)), df_prior


def _natural_spline(x: Matrix, degrees: int) -> Matrix:
    """Basis of natural cubic splines with that many columns, an intercept among them, knots at quantiles."""
    low, high = float(x.min()), float(x.max())
    if degrees < 2 or high == low:
        return np.ones((len(x), 1))
    u = (x - low) / (high - low)
    # Rows of equal means can put quantiles on one place.
    knots = np.unique(np.quantile(u, np.linspace(0.0, 1.0, degrees)))

    def tail(at: int) -> Matrix:
        return (np.maximum(u - knots[at], 0.0) ** 3 - np.maximum(u - 1.0, 0.0) ** 3) / (1.0 - knots[at])

    last = len(knots) - 2
    return np.column_stack([np.ones(len(u)), u, *(tail(at) - tail(last) for at in range(last))])


def _at_most_degrees(x: Matrix, df: Matrix, scale: Matrix, df_prior: float) -> tuple[Matrix, float]:
    """Variances of fewer degrees of freedom as the ones of the same tail probability at the most degrees."""
    most = float(df.max())
    fewer = df < most - 1e-14
    if not fewer.any():
        return x, most
    ratio = x[fewer] / scale[fewer]
    own, target = _distribution(df[fewer], df_prior), _distribution(most, df_prior)
    upper, lower = own.sf(ratio), own.cdf(ratio)
    moved = x.copy()
    moved[fewer] = np.where(upper < lower, target.isf(upper), target.ppf(lower)) * scale[fewer]
    return moved, most


def _distribution(df: float | Matrix, df_prior: float) -> Any:
    """F of a variance over its prior variance; with infinite prior degrees of freedom chi-squared over its own."""
    if math.isinf(df_prior):
        return stats.chi2(df, scale=1.0 / np.asarray(df))
    return stats.f(df, df_prior)


def _lowess(z: Matrix, average: Matrix) -> Matrix:
    from statsmodels.nonparametric.smoothers_lowess import lowess

    with np.errstate(divide="ignore", invalid="ignore"):
        trend = lowess(z, average, frac=SPAN, it=3, delta=0.01 * float(np.ptp(average)), return_sorted=False)
    # Where all neighbours share one mean value no line can be drawn: their own mean is the trend.
    for at in np.flatnonzero(~np.isfinite(trend)):
        trend[at] = z[average == average[at]].mean()
    return trend


def _winsorised_moments(df: float, df_prior: float) -> tuple[float, float]:
    """Mean and variance of the winsorised log F, by quadrature over f / (1 + f)."""
    law, tails = _distribution(df, df_prior), np.array(WINSOR_TAILS)
    limits = law.ppf([WINSOR_TAILS[0], 1.0 - WINSOR_TAILS[1]])
    ends, from_, to = np.log(limits), limits[0] / (1 + limits[0]), limits[1] / (1 + limits[1])
    nodes = from_ + (to - from_) * (_NODES + 1) / 2
    f = nodes / (1 - nodes)
    density = (to - from_) * _WEIGHTS / 2 * law.pdf(f) / (1 - nodes) ** 2
    mean = float((density * np.log(f)).sum() + (ends * tails).sum())
    return mean, float((density * (np.log(f) - mean) ** 2).sum() + ((ends - mean) ** 2 * tails).sum())


def _match_spread(spread: float, df: float, plain_df: float, at_infinity: float) -> float:
    """Prior degrees of freedom at which the winsorised variance is the one observed; at least the plain ones."""

    def excess(u: float) -> float:
        return at_infinity if u >= 1.0 else math.log(spread / _winsorised_moments(df, u / (1 - u))[1])

    low = plain_df / (1 + plain_df)
    if excess(low) >= 0:
        return plain_df
    root: float = optimize.brentq(excess, low, 1.0, xtol=1e-14)  # pyright: ignore[reportAssignmentType]
    return root / (1 - root)


def _shrink_outliers(ratio: Matrix, df: float, df_prior: float) -> Matrix:
    """Prior degrees of freedom per row: fewer where the variance is larger than its rank allows."""
    n = len(ratio)
    log_tail = _distribution(df, df_prior).logsf(ratio)
    log_expected = np.log(n - stats.rankdata(ratio) + 0.5) - math.log(n)
    log_inlier = np.minimum(log_tail - log_expected, 0.0)
    shrunk = np.full(n, df_prior)
    if not (log_inlier < 0).any():
        return shrunk
    inlier, order = np.exp(log_inlier), np.argsort(log_tail, kind="stable")
    if math.isinf(df_prior):
        outlying = log_inlier < 0
        shrunk[outlying] = inlier[outlying] * n * df
        shrunk[order] = np.maximum.accumulate(shrunk[order])
        return shrunk
    least = float(log_tail.min())
    if math.isinf(least):
        shrunk = inlier * df_prior
    else:
        # Degrees of freedom that make the largest ratio the median of its distribution: two steps of a secant.
        of_outlier = math.log(0.5) / least * df_prior
        of_outlier *= math.log(0.5) / float(stats.f.logsf(ratio.max(), df, of_outlier))
        shrunk = inlier * df_prior - np.expm1(log_inlier) * of_outlier
    ordered = shrunk[order]
    means = np.cumsum(ordered) / np.arange(1, n + 1)
    lowest = int(means.argmin())
    ordered[: lowest + 1] = means[lowest]
    shrunk[order] = np.maximum.accumulate(ordered)
    return shrunk
