"""limma over the markers of a panel: degrees of freedom per marker, and pairs by the correlation within patients.

A missing value takes its marker's degrees of freedom and no other's. Two samples of a patient can be compared within
patients, or all samples with the correlation within patients that the markers share (Smyth 2005,
doi:10.1093/bioinformatics/bti270), which also uses patients with one sample.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import optimize, stats

from resistance_assets.science.deg.limma import LinearFit, fit_linear, log_odds, moderated_t
from resistance_assets.science.deg.robust_moderation import moderate_variances_robustly
from resistance_assets.science.deg.variance_moderation import moderate_variances
from resistance_assets.science.statistics.multiple_testing import adjust_bh

Matrix = NDArray[np.float64]
TRIMMED = 0.15
SCHEMA = {
    "marker": pl.String,
    "difference_log2": pl.Float64,
    "standard_error": pl.Float64,
    "ci_lower": pl.Float64,
    "ci_upper": pl.Float64,
    "statistic": pl.Float64,
    "degrees_of_freedom": pl.Float64,
    "p": pl.Float64,
    "q": pl.Float64,
    "average_log2": pl.Float64,
    "b_statistic": pl.Float64,
    "sigma": pl.Float64,
    "df_residual": pl.Float64,
    "s2_prior": pl.Float64,
    "df_prior": pl.Float64,
    "s2_posterior": pl.Float64,
}


def moderated_differences(
    values: Matrix,
    markers: list[str],
    design: Matrix,
    coefficient: int,
    fit: LinearFit | None = None,
    *,
    trend_and_robust: bool = False,
) -> pl.DataFrame:
    """Moderated t of one coefficient for every marker.

    Args:
        values: (markers, samples) log2, NaN where missing.
        markers: names of the rows.
        design: (samples, coefficients), full rank.
        coefficient: the one that is tested.
        fit: where it was fitted otherwise; by default least squares.
        trend_and_robust: a prior with a trend over the mean value and robust against outlying variances, which needs
            `robust_moderation.LEAST_ROWS` markers.

    Returns:
        Columns of `SCHEMA`, q by Benjamini and Hochberg over the markers with a test.

    Raises:
        DesignFault: no residual degree of freedom.
    """
    contrast = np.zeros((1, design.shape[1]))
    contrast[0, coefficient] = 1.0
    fitted = fit or fit_linear(values, design, contrast)
    if trend_and_robust:
        moderation = moderate_variances_robustly(fitted.sigma, fitted.df_residual, fitted.average)
    else:
        moderation = moderate_variances(fitted.sigma, fitted.df_residual)
    statistic, p, error = moderated_t(fitted, moderation)
    odds, _ = log_odds(statistic[:, 0], fitted.stdev_unscaled[:, 0], moderation)
    df = np.broadcast_to(np.asarray(moderation.df_total, dtype=np.float64), len(markers))
    reach = stats.t.ppf(0.975, df) * error[:, 0]
    prior_df = np.broadcast_to(np.asarray(moderation.df_prior, dtype=np.float64), len(markers))
    estimate = fitted.estimates[:, 0]
    columns = {
        "marker": markers,
        "difference_log2": estimate,
        "standard_error": error[:, 0],
        "ci_lower": estimate - reach,
        "ci_upper": estimate + reach,
        "statistic": statistic[:, 0],
        "degrees_of_freedom": df,
        "p": p[:, 0],
        "q": adjust_bh(p[:, 0]),
        "average_log2": fitted.average,
        "b_statistic": odds,
        "sigma": fitted.sigma,
        "df_residual": np.broadcast_to(np.asarray(fitted.df_residual, dtype=np.float64), len(markers)),
        "s2_prior": np.broadcast_to(np.asarray(moderation.s2_prior, dtype=np.float64), len(markers)),
        # Markers that share one variance have a prior of infinite weight: no number of a table.
        "df_prior": np.where(np.isfinite(prior_df), prior_df, np.nan),
        "s2_posterior": moderation.s2_post,
    }
    return pl.DataFrame(columns, schema=SCHEMA).fill_nan(None)


def consensus_correlation(values: Matrix, design: Matrix, block: NDArray[np.int64]) -> float:
    """Correlation of samples of one block (patient), shared by the markers: trimmed mean of the atanh of each one's.

    Args:
        values: (markers, samples), NaN where missing.
        design: (samples, coefficients).
        block: of each sample.

    Returns:
        NaN where no marker has two samples of a block.
    """
    largest = int(np.bincount(block).max())
    if largest < 2:
        return math.nan
    lowest = 1.0 / (1.0 - largest) + 0.01
    found = []
    for row in values:
        kept = ~np.isnan(row)
        _, sizes = np.unique(block[kept], return_counts=True)
        if kept.sum() > design.shape[1] + 1 and (sizes > 1).any():
            found.append(_correlation_of(row[kept], design[kept], block[kept], lowest))
    if not found:
        return math.nan
    return float(math.tanh(stats.trim_mean(np.arctanh(found), TRIMMED)))


def _correlation_of(y: Matrix, design: Matrix, block: NDArray[np.int64], lowest: float) -> float:
    """REML correlation of one marker, within the bounds that blocks of this size allow."""
    same = block[:, None] == block[None, :]

    def deviance(rho: float) -> float:
        factor = np.linalg.cholesky(np.where(same, rho, 0.0) + (1.0 - rho) * np.eye(len(y)))
        x, z = np.linalg.solve(factor, design), np.linalg.solve(factor, y)
        coefficients = np.linalg.lstsq(x, z, rcond=None)[0]
        residual = float(((z - x @ coefficients) ** 2).sum())
        df = len(y) - design.shape[1]
        _, log_information = np.linalg.slogdet(x.T @ x)
        return 2.0 * float(np.log(np.diag(factor)).sum()) + log_information + df * math.log(max(residual, 1e-300) / df)

    return float(optimize.minimize_scalar(deviance, bounds=(lowest, 0.99), method="bounded", options={"xatol": 1e-9}).x)  # pyright: ignore[reportAttributeAccessIssue]


def fit_in_blocks(
    values: Matrix, design: Matrix, coefficient: int, block: NDArray[np.int64], correlation: float
) -> LinearFit:
    """Generalised least squares per marker with one correlation within blocks, seen through one coefficient."""
    markers = len(values)
    estimates, covariance = np.full((markers, 1), np.nan), np.full((markers, 1, 1), np.nan)
    sigma, df, average = np.full(markers, np.nan), np.zeros(markers), np.full(markers, np.nan)
    same = block[:, None] == block[None, :]
    whole = np.where(same, correlation, 0.0) + (1.0 - correlation) * np.eye(len(block))
    for at, row in enumerate(values):
        kept = ~np.isnan(row)
        x0 = design[kept]
        if kept.sum() <= design.shape[1] or np.linalg.matrix_rank(x0) < design.shape[1]:
            continue
        factor = np.linalg.cholesky(whole[np.ix_(kept, kept)])
        x, z = np.linalg.solve(factor, x0), np.linalg.solve(factor, row[kept])
        coefficients = np.linalg.lstsq(x, z, rcond=None)[0]
        df[at] = kept.sum() - design.shape[1]
        sigma[at] = math.sqrt(float(((z - x @ coefficients) ** 2).sum()) / df[at])
        estimates[at, 0] = coefficients[coefficient]
        covariance[at, 0, 0] = np.linalg.inv(x.T @ x)[coefficient, coefficient]
        average[at] = row[kept].mean()
    return LinearFit(estimates, covariance, sigma, df, average)
