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
        s2_prior, df_prior: scale and degrees of freedom of the prior (df_prior may be infinite).
        s2_post: (genes,) posterior variances. df_total: degrees of freedom of the moderated t.
    """

    s2_prior: float
    df_prior: float
    s2_post: Matrix
    df_total: float


def moderate_variances(sigma: Matrix, df_residual: int) -> Moderation:
    """Empirical Bayes prior of the residual variances by moments of log F, without a trend, and the posterior ones.

    Args:
        sigma: (genes,) residual standard deviations. df_residual: their degrees of freedom.
    """
    from scipy.special import digamma, polygamma

    variances = sigma**2
    median = float(np.median(variances))
    # A gene without residual variance would be minus infinity on the log scale.
    positive = np.maximum(variances, 1e-5 * (median if median > 0 else 1.0))
    half = df_residual / 2
    e = np.log(positive) - digamma(half) + np.log(half)
    excess = (e.var(ddof=1) if len(e) > 1 else 0.0) - float(polygamma(1, half))
    pooled = df_residual * len(variances)
    if excess > 0:
        df_prior = 2 * invert_trigamma(excess)
        s2_prior = float(np.exp(e.mean() + digamma(df_prior / 2) - np.log(df_prior / 2)))
        s2_post = (df_residual * variances + df_prior * s2_prior) / (df_residual + df_prior)
    else:
        df_prior, s2_prior = float("inf"), float(positive.mean())
        s2_post = np.full(variances.shape, s2_prior)
    return Moderation(s2_prior, df_prior, s2_post, float(min(df_residual + df_prior, pooled)))


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
