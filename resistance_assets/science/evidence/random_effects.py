"""Random-effects models of many effects at once: one row per effect (a gene), one column per study.

Here belong the between-study variance by restricted maximum likelihood, the interval of Hartung and Knapp, and the test
whose variance is moderated over the rows. Which studies are independent, and what an effect is, belongs to the callers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resistance_assets.science.deg.variance_moderation import moderate_variances

Matrix = NDArray[np.float64]

REML_ITERATIONS = 100
REML_TOLERANCE = 1e-10


@dataclass(frozen=True)
class RandomEffects:
    """Pooled effects, all of shape (rows,); NaN where fewer than two studies have an estimate.

    Attributes:
        studies: studies with an estimate.
        estimate, standard_error, ci_lower, ci_upper, p_value: pooled effect, its standard error after Hartung and
            Knapp, 95 % interval and two-sided p-value by t on `degrees_of_freedom`.
        degrees_of_freedom: studies - 1, and in the moderated test those of the prior.
        tau2: variance between studies. i2: share of the variance that is between studies, in per cent.
    """

    studies: NDArray[np.int64]
    estimate: Matrix
    standard_error: Matrix
    ci_lower: Matrix
    ci_upper: Matrix
    p_value: Matrix
    degrees_of_freedom: Matrix
    tau2: Matrix
    i2: Matrix


def pool_by_hartung_knapp(effect: Matrix, standard_error: Matrix) -> RandomEffects:
    """Random effects of each row alone: tau2 by restricted maximum likelihood, interval after Hartung and Knapp.

    Viechtbauer (2005, J Educ Behav Stat 30:261) for tau2, by Fisher scoring from the Hedges estimate and cut at zero;
    Hartung and Knapp (2001, Stat Med 20:3875) for interval and test, k - 1 degrees of freedom, without a lower bound on
    the adjustment; I2 from tau2 and the typical variance within studies (Higgins and Thompson 2002, Stat Med 21:1539).

    Args:
        effect, standard_error: (rows, studies); NaN where a study has no estimate. Standard errors are positive.
    """
    y, variance, there = _usable(effect, standard_error)
    tau2 = estimate_tau2(effect, standard_error)
    weight = np.where(there, 1.0 / (variance + tau2[:, None]), 0.0)
    k = there.sum(axis=1)
    return _pooled(y, weight, k, tau2, _i2(variance, there, tau2, k))


def pool_moderated(effect: Matrix, standard_error: Matrix, *, test_only: bool = False) -> RandomEffects:
    """Random effects of every row, with the variance of its studies moderated over the rows.

    With three studies the interval of Hartung and Knapp has two degrees of freedom, and a p-value that survives the
    correction for 20,000 genes needs |t| of about 100; with two it has one. The variance of a gene's studies about
    their mean is therefore squeezed towards the variance that genes have in common, as the residual variance within a
    study is (Smyth 2004, Stat Appl Genet Mol Biol 3:3): studies are weighted by 1 / (se^2 + tau2_common), tau2_common
    being the mean over the rows of tau2 by moments, and the residual mean square of these weights is moderated. How
    much is borrowed, the rows decide: where they differ in how much their studies differ, the prior has few degrees of
    freedom, and the test falls back to that of Hartung and Knapp.

    Args:
        effect, standard_error: as in `pool_by_hartung_knapp`.
        test_only: without interval, tau2 and i2 (NaN), which take most of the time. tau2 and i2 are of the row alone.
    """
    y, variance, there = _usable(effect, standard_error)
    k = there.sum(axis=1)
    tau2 = np.full(len(y), np.nan) if test_only else estimate_tau2(effect, standard_error)
    pooled = k >= 2
    common = float(_tau2_by_moments(y[pooled], variance[pooled], there[pooled]).mean()) if pooled.any() else 0.0
    weight = np.where(there, 1.0 / (variance + max(common, 0.0)), 0.0)
    mean = _mean(y, weight, k)
    df = np.maximum(k - 1.0, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        residual = np.where(pooled, np.sqrt((weight * (y - mean[:, None]) ** 2).sum(axis=1) / df), np.nan)
    s2, df_total = residual**2, df
    if pooled.sum() >= 2:
        moderation = moderate_variances(residual, df)
        s2, df_total = moderation.s2_post, np.broadcast_to(np.asarray(moderation.df_total, dtype=np.float64), df.shape)
    i2 = tau2 if test_only else _i2(variance, there, tau2, k)
    return _pooled(y, weight, k, tau2, i2, s2=s2, df=df_total, with_interval=not test_only)


def estimate_tau2(effect: Matrix, standard_error: Matrix) -> Matrix:
    """Between-study variance of each row by restricted maximum likelihood, (rows,); NaN below two studies."""
    y, variance, there = _usable(effect, standard_error)
    k = there.sum(axis=1)
    tau2 = np.full(len(y), np.nan)
    rows = np.flatnonzero(k >= 2)
    if not rows.size:
        return tau2
    y, variance, there, k = y[rows], variance[rows], there[rows], k[rows]
    value = np.maximum(_tau2_by_moments(y, variance, there), 0.0)
    active = np.arange(rows.size)
    for _ in range(REML_ITERATIONS):
        weight = np.where(there[active], 1.0 / (variance[active] + value[active, None]), 0.0)
        total, squares = weight.sum(axis=1), (weight**2).sum(axis=1)
        mean = (weight * y[active]).sum(axis=1) / total
        deviation = (weight**2 * (y[active] - mean[:, None]) ** 2).sum(axis=1)
        # Of P = W - W 1 1' W / sum(w): tr(P) and tr(P P).
        trace = total - squares / total
        trace2 = squares - 2 * (weight**3).sum(axis=1) / total + (squares / total) ** 2
        step = (deviation - trace) / trace2
        moved = np.maximum(value[active] + step, 0.0)
        changed = np.abs(moved - value[active]) > REML_TOLERANCE * (1.0 + value[active])
        value[active] = moved
        active = active[changed]
        if not active.size:
            break
    tau2[rows] = value
    return tau2


def _usable(effect: Matrix, standard_error: Matrix) -> tuple[Matrix, Matrix, NDArray[np.bool_]]:
    """Effects and variances with zero and one where there is no estimate, and where there is one."""
    there = np.isfinite(effect) & np.isfinite(standard_error) & (standard_error > 0)
    return np.where(there, effect, 0.0), np.where(there, standard_error, 1.0) ** 2, there


def _tau2_by_moments(y: Matrix, variance: Matrix, there: NDArray[np.bool_]) -> Matrix:
    """Hedges' estimate, which needs no iteration and may be negative: variance of the effects less that within."""
    k = there.sum(axis=1)
    mean = y.sum(axis=1) / k
    between = (np.where(there, y - mean[:, None], 0.0) ** 2).sum(axis=1) / (k - 1)
    return between - np.where(there, variance, 0.0).sum(axis=1) / k


def _mean(y: Matrix, weight: Matrix, k: NDArray[np.int64]) -> Matrix:
    total = weight.sum(axis=1)
    return np.where(k >= 1, (weight * y).sum(axis=1) / np.where(total > 0, total, 1.0), np.nan)


def _i2(variance: Matrix, there: NDArray[np.bool_], tau2: Matrix, k: NDArray[np.int64]) -> Matrix:
    """100 tau2 / (tau2 + typical variance within studies)."""
    weight = np.where(there, 1.0 / variance, 0.0)
    total = weight.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        typical = (k - 1) * total / (total**2 - (weight**2).sum(axis=1))
        return np.where(k >= 2, 100.0 * tau2 / (tau2 + typical), np.nan)


def _pooled(
    y: Matrix, weight: Matrix, k: NDArray[np.int64], tau2: Matrix, i2: Matrix, *, s2: Matrix | None = None,
    df: Matrix | None = None, with_interval: bool = True,
) -> RandomEffects:  # fmt: skip
    """Estimate, interval and test from weights; the scale is the rows' own unless it is given."""
    from scipy.special import stdtr, stdtrit

    pooled = k >= 2
    mean = _mean(y, weight, k)
    degrees = np.where(pooled, k - 1.0 if df is None else df, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = (weight * (y - mean[:, None]) ** 2).sum(axis=1) / (k - 1)
        error = np.where(pooled, np.sqrt((own if s2 is None else s2) / weight.sum(axis=1)), np.nan)
        t = np.abs(mean / error)
        finite = np.where(np.isfinite(degrees), degrees, 1e9)
        p = np.where(pooled & np.isfinite(t), 2 * stdtr(finite, -t), np.nan)
        half = stdtrit(finite, 0.975) * error if with_interval else np.full(len(y), np.nan)
    estimate = np.where(pooled, mean, np.nan)
    return RandomEffects(
        studies=k, estimate=estimate, standard_error=error, ci_lower=estimate - half, ci_upper=estimate + half,
        p_value=p, degrees_of_freedom=degrees, tau2=tau2, i2=i2,
    )  # fmt: skip
