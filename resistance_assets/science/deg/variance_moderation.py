"""Residual variances of many genes, squeezed towards a prior that they share.

Here belongs the empirical Bayes estimate of that prior (Smyth 2004, Stat Appl Genet Mol Biol 3:3), which moderated
linear models and the dispersions of the exact test both rest on. Fits and tests belong in the `deg` modules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Moderation:
    """Variances squeezed towards a common prior.

    Attributes:
        s2_prior, df_prior: scale and degrees of freedom of the prior (df_prior may be infinite); one number each, or
            (genes,) where the prior has a trend or is robust.
        s2_post: (genes,) posterior variances.
        df_total: degrees of freedom of the moderated t, one number or (genes,).
    """

    s2_prior: float | Matrix
    df_prior: float | Matrix
    s2_post: Matrix
    df_total: float | Matrix


def moderate_variances(sigma: Matrix, df_residual: int | Matrix) -> Moderation:
    """Empirical Bayes prior of the residual variances by moments of log F, without a trend, and the posterior ones.

    A gene without a residual degree of freedom takes no part in the prior and gets the prior variance.

    Args:
        sigma: (genes,) residual standard deviations, NaN where there is none.
        df_residual: their degrees of freedom, one number or (genes,).
    """
    from scipy.special import digamma, polygamma

    df = np.broadcast_to(np.asarray(df_residual, dtype=np.float64), sigma.shape)
    known = (df > 0) & np.isfinite(sigma)
    variances, half = sigma[known] ** 2, df[known] / 2
    median = float(np.median(variances)) if len(variances) else 0.0
    # A gene without residual variance would be minus infinity on the log scale.
    positive = np.maximum(variances, 1e-5 * (median if median > 0 else 1.0))
    e = np.log(positive) - digamma(half) + np.log(half)
    excess = (e.var(ddof=1) if len(e) > 1 else 0.0) - float(polygamma(1, half).mean())
    s2_post = np.full(sigma.shape, np.nan)
    if excess > 0:
        df_prior = 2 * invert_trigamma(excess)
        s2_prior = float(np.exp(e.mean() + digamma(df_prior / 2) - np.log(df_prior / 2)))
        s2_post[:] = s2_prior
        s2_post[known] = (df[known] * variances + df_prior * s2_prior) / (df[known] + df_prior)
    else:
        df_prior, s2_prior = float("inf"), float(positive.mean())
        s2_post[:] = s2_prior
    df_total = np.minimum(np.where(known, df, 0.0) + df_prior, df[known].sum())
    return Moderation(s2_prior, df_prior, s2_post, float(df_total[0]) if np.ndim(df_residual) == 0 else df_total)


def invert_trigamma(value: float) -> float:
    """The x > 0 with trigamma(x) = value, by Newton's method on 1/trigamma, which is convex and nearly linear."""
    from scipy.special import polygamma

    if value > 1e7:
        return float(1 / np.sqrt(value))
    if value < 1e-6:
        return 1 / value
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-8:
            break
    return x
