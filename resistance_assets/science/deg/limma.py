"""Moderated linear models: limma for log expression, voom for counts.

Here belong the mean-variance weights of voom, the gene-wise weighted fit and its empirical Bayes moderation (Ritchie
2015, Nucleic Acids Research 43:e47; Law 2014, Genome Biology 15:R29; Smyth 2004, Stat Appl Genet Mol Biol 3:3). The
choice between methods belongs in `deg`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.errors import DesignFault
from resistance_assets.science.deg.designs import GENE_COLUMN, DesignMatrix, compressed_rows, count_matrix
from resistance_assets.science.deg.result import NOTE_ALL_ZERO, NOTE_FILTER_BY_EXPR, NOTE_TOO_FEW_VALUES, build_result
from resistance_assets.science.deg.variance_moderation import Moderation, moderate_variances
from resistance_assets.science.expression.normalisation import effective_library_sizes, filter_by_expression
from resistance_assets.science.statistics.multiple_testing import adjust_bh

Matrix = NDArray[np.float64]
ExpressionFilter = Literal["filter_by_expr", "none"]


@dataclass(frozen=True)
class LinearFit:
    """Gene-wise least squares, seen through k combinations of coefficients.

    Attributes:
        estimates: (genes, k). covariance: (genes, k, k), unscaled: times the residual variance it is the covariance.
        sigma: (genes,) residual standard deviation.
        df_residual: degrees of freedom: one number, or (genes,) where values are missing.
        average: (genes,) unweighted mean over the samples that have a value.
    """

    estimates: Matrix
    covariance: Matrix
    sigma: Matrix
    df_residual: int | Matrix
    average: Matrix

    @property
    def stdev_unscaled(self) -> Matrix:
        """(genes, k): standard errors before the residual standard deviation."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))


@dataclass(frozen=True)
class Voom:
    """`log2_cpm` and precision `weights`, both (genes, samples)."""

    log2_cpm: Matrix
    weights: Matrix


def voom(counts: Matrix, design: Matrix, lib_sizes: Matrix, span: float = 0.5) -> Voom:
    """Precision weights from the trend of the residual deviation over the mean log count.

    Args:
        counts: (genes, samples), no gene of zeros only.
        design: (samples, coefficients), full rank.
        lib_sizes: (samples,), effective library sizes.
        span: of the lowess curve.
    """
    from statsmodels.nonparametric.smoothers_lowess import lowess

    log2_cpm = np.log2((counts + 0.5) / (lib_sizes + 1) * 1e6)
    coefficients = np.linalg.lstsq(design, log2_cpm.T, rcond=None)[0]
    fitted = (design @ coefficients).T
    df = design.shape[0] - design.shape[1]
    sigma = np.sqrt(((log2_cpm - fitted) ** 2).sum(axis=1) / df)
    x = log2_cpm.mean(axis=1) + np.mean(np.log2(lib_sizes + 1)) - np.log2(1e6)
    y = np.sqrt(sigma)
    delta = 0.01 * (x.max() - x.min())
    curve = lowess(y, x, frac=span, it=3, delta=delta)
    knots, where = np.unique(curve[:, 0], return_inverse=True)
    heights = np.bincount(where, weights=curve[:, 1]) / np.bincount(where)
    fitted_log_count = fitted + np.log2(1e-6 * (lib_sizes + 1))
    weights = np.interp(fitted_log_count.ravel(), knots, heights).reshape(fitted.shape) ** -4
    return Voom(log2_cpm=log2_cpm, weights=weights)


def fit_linear(values: Matrix, design: Matrix, contrasts: Matrix, weights: Matrix | None = None) -> LinearFit:
    """Least squares per gene.

    With weights the covariance of several combinations is exact here, where limma's contrasts.fit approximates it.

    Args:
        values: (genes, samples); NaN is missing, allowed where there are no weights.
        design: (samples, coefficients), full rank.
        contrasts: (k, coefficients), the combinations wanted; a unit vector is a coefficient.
        weights: (genes, samples), or None for none.

    Raises:
        DesignFault: no residual degree of freedom, or a design that the weights make singular.
    """
    n, p = design.shape
    if n - p < 1:
        raise DesignFault(
            f"{n} samples and {p} coefficients leave no residual degree of freedom",
            subject="linear model",
            remedy="Drop a covariate, or use the method fold_change.",
        )
    if weights is None and np.isnan(values).any():
        return _fit_with_missing(values, design, contrasts)
    average = values.mean(axis=1)
    if weights is None:
        coefficients = _least_squares(design, values)
        sigma = np.sqrt(((values - (design @ coefficients).T) ** 2).sum(axis=1) / (n - p))
        one = contrasts @ np.linalg.pinv(design.T @ design) @ contrasts.T
        covariance = np.broadcast_to(one, (len(values), *one.shape))
        return LinearFit((contrasts @ coefficients).T, covariance, sigma, n - p, average)
    from resistance_assets.science.deg.kernels.glm import weighted_least_squares_kernel

    genes, k = len(values), len(contrasts)
    estimates, covariance, sigma = np.empty((genes, k)), np.empty((genes, k, k)), np.empty(genes)
    finished = np.zeros(genes, dtype=bool)
    weighted_least_squares_kernel(
        np.ascontiguousarray(values), np.ascontiguousarray(weights), *compressed_rows(design),
        np.ascontiguousarray(contrasts, dtype=np.float64), estimates, covariance, sigma, finished,
    )  # fmt: skip
    if not finished.all():
        raise DesignFault(
            f"the weighted design is singular for {int((~finished).sum())} genes",
            subject="linear model",
            remedy="Drop a covariate.",
        )
    return LinearFit(estimates, covariance, sigma, n - p, average)


def _least_squares(design: Matrix, values: Matrix) -> Matrix:
    """Coefficients (coefficients, genes); by QR, in a tenth of the time of singular values, where the rank is full."""
    q, r = np.linalg.qr(design)
    pivots = np.abs(np.diag(r))
    if pivots.min() <= 1e-10 * pivots.max():
        return np.asarray(np.linalg.lstsq(design, values.T, rcond=None)[0], dtype=np.float64)
    return np.asarray(np.linalg.solve(r, q.T @ values.T), dtype=np.float64)


def _fit_with_missing(values: Matrix, design: Matrix, contrasts: Matrix) -> LinearFit:
    """Least squares per gene over the samples that have a value; a combination that these cannot estimate is NaN."""
    genes, k = len(values), len(contrasts)
    estimates, covariance = np.full((genes, k), np.nan), np.full((genes, k, k), np.nan)
    sigma, df = np.full(genes, np.nan), np.zeros(genes)
    present = ~np.isnan(values)
    patterns, pattern_of = np.unique(present, axis=0, return_inverse=True)
    for at, kept in enumerate(patterns):
        rows = np.flatnonzero(pattern_of.ravel() == at)
        x, y = design[kept], values[np.ix_(rows, kept)]
        if not len(x):
            continue
        inverse = np.linalg.pinv(x)
        residual_df = len(x) - int(np.linalg.matrix_rank(x))
        coefficients = inverse @ y.T
        df[rows] = residual_df
        if residual_df:
            sigma[rows] = np.sqrt(((y - (x @ coefficients).T) ** 2).sum(axis=1) / residual_df)
        spread = contrasts @ inverse @ inverse.T @ contrasts.T
        # What the samples left cannot tell apart is not estimable: the pseudo-inverse would share it out.
        estimable = np.abs(contrasts @ inverse @ x - contrasts).max(axis=1) < 1e-9
        estimates[np.ix_(rows, np.flatnonzero(estimable))] = (contrasts[estimable] @ coefficients).T
        covariance[rows] = np.where(estimable[:, None] & estimable[None, :], spread, np.nan)
    average = np.where(present, values, 0.0).sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    return LinearFit(estimates, covariance, sigma, df, np.where(present.any(axis=1), average, np.nan))


def moderated_t(fit: LinearFit, moderation: Moderation) -> tuple[Matrix, Matrix, Matrix]:
    """Moderated t, its two-sided p and its standard error, each (genes, k)."""
    from scipy.stats import t as student

    error = fit.stdev_unscaled * np.sqrt(moderation.s2_post)[:, None]
    statistic = fit.estimates / error
    df = np.asarray(moderation.df_total)
    return statistic, 2 * student.sf(np.abs(statistic), df[:, None] if df.ndim else df), error


def log_odds(
    statistic: Matrix, stdev_unscaled: Matrix, moderation: Moderation, proportion: float = 0.01
) -> tuple[Matrix, float]:
    """B: natural log odds that a gene is differentially expressed, and the prior variance of its effect.

    Args:
        statistic, stdev_unscaled: (genes,) of one combination; NaN where there is none.
        proportion: assumed share of differentially expressed genes.
    """
    from scipy.stats import t as student

    known = np.isfinite(statistic)
    genes, each = int(known.sum()), np.broadcast_to(np.asarray(moderation.df_total, dtype=np.float64), statistic.shape)
    if not genes:
        return np.full(statistic.shape, np.nan), float("nan")
    # Genes of fewer degrees of freedom are ranked by the t that has the same p at the most degrees.
    df = float(each[known].max())
    fewer = known & (each < df)
    alike = np.where(known, np.abs(statistic), -np.inf)
    alike[fewer] = student.isf(np.maximum(student.sf(alike[fewer], each[fewer]), 1e-300), df)
    n_top = int(np.ceil(proportion / 2 * genes))
    top = np.argsort(-alike, kind="stable")[:n_top]
    share = max(n_top / genes, proportion)
    t_top, v_top = alike[top], stdev_unscaled[top] ** 2
    p_null = 2 * student.sf(t_top, df)
    p_target = ((np.arange(1, n_top + 1) - 0.5) / genes - (1 - share) * p_null) / share
    variance = np.zeros(n_top)
    larger = p_target > p_null
    quantile = student.isf(p_target[larger] / 2, df)
    variance[larger] = v_top[larger] * ((t_top[larger] / quantile) ** 2 - 1)
    # Limits of the prior standard deviation of a log2 fold change: 0.1 to 4.
    s2_prior = float(np.median(moderation.s2_prior))
    low, high = 0.1**2 / s2_prior, 4.0**2 / s2_prior
    prior = float(np.clip(variance, low, high).mean())
    r = (stdev_unscaled**2 + prior) / stdev_unscaled**2
    t2 = statistic**2
    with np.errstate(invalid="ignore"):
        kernel = np.where(
            np.asarray(moderation.df_prior) > 1e6,
            t2 * (1 - 1 / r) / 2,
            (1 + each) / 2 * np.log((t2 + each) / (t2 / r + each)),
        )
    return np.log(proportion / (1 - proportion)) - np.log(r) / 2 + kernel, prior


def fit_limma_voom(
    counts: pl.DataFrame,
    design: DesignMatrix,
    normalisation: Literal["tmm", "none"] = "tmm",
    span: float = 0.5,
    expression_filter: ExpressionFilter = "filter_by_expr",
) -> pl.DataFrame:
    """limma-voom for counts: TMM, voom weights, weighted fit, moderated t.

    Args:
        counts: checked counts, `hgnc_symbol` and one column per sample.
        design: its coefficient is tested.
        normalisation: "tmm" or "none".
        span: of the mean-variance curve.
        expression_filter: "filter_by_expr" leaves genes with too few reads out before library sizes are taken
            (`normalisation.filter_by_expression` on the arms), as limma's guide tells its users to; "none" leaves out
            genes of zeros alone.

    Returns:
        A result frame; base_mean is the mean count at the mean library size, average_expression_log2 is log2 CPM.
        Genes that are left out stay as rows with the reason in `p_value_note`.

    Raises:
        DesignFault: no residual degree of freedom.
    """
    matrix = count_matrix(counts, design.sample_ids)
    tested, notes = select_tested(matrix, design.arms, expression_filter)
    lib = effective_library_sizes(matrix[tested] if expression_filter != "none" else matrix, normalisation)
    weighted = voom(matrix[tested], design.values, lib, span)
    result = _moderated_result(counts, design, "limma_voom", weighted.log2_cpm, tested, weighted.weights, None)
    base = (matrix / lib).mean(axis=1) * lib.mean()
    return result.with_columns(pl.Series("base_mean", base), p_value_note=pl.Series(notes.tolist(), dtype=pl.String))


def select_tested(
    matrix: Matrix, groups: Sequence[object], expression_filter: ExpressionFilter
) -> tuple[NDArray[np.bool_], NDArray[np.object_]]:
    """Genes that voom tests, and a note for each of the others.

    Raises:
        DesignFault: no gene is left.
    """
    expressed = np.asarray(matrix.any(axis=1))
    tested = expressed
    if expression_filter == "filter_by_expr":
        tested = expressed & filter_by_expression(matrix, [str(group) for group in groups])
    if not tested.any():
        raise DesignFault(
            f"none of {len(matrix)} genes has enough reads to be tested",
            subject="limma-voom",
            expected="10 reads per median library in as many samples as the smaller group has",
            remedy='Check the counts, or declare expression_filter = "none".',
        )
    return tested, np.where(tested, None, np.where(expressed, NOTE_FILTER_BY_EXPR, NOTE_ALL_ZERO)).astype(object)  # pyright: ignore


def fit_limma(expression: pl.DataFrame, design: DesignMatrix) -> pl.DataFrame:
    """limma for log2 expression (microarrays, log CPM): unweighted fit, moderated t without a trend.

    Args:
        expression: `hgnc_symbol` and one column per sample, log2 scale. A gene with missing values is fitted to the
            samples that have one, with the degrees of freedom that these leave.
        design: its coefficient is tested.

    Returns:
        A result frame without base_mean.

    Raises:
        DesignFault: no residual degree of freedom.
    """
    matrix = count_matrix(expression, design.sample_ids)
    result = _moderated_result(expression, design, "limma", matrix, np.ones(len(matrix), dtype=bool), None, None)
    missing = np.isnan(matrix).sum(axis=1)
    notes = [
        None if not absent else NOTE_TOO_FEW_VALUES if p is None else f"{absent} of {matrix.shape[1]} values missing"
        for absent, p in zip(missing.tolist(), result["p_value"].to_list(), strict=True)
    ]
    return result.with_columns(p_value_note=pl.Series(notes, dtype=pl.String))


def _moderated_result(
    table: pl.DataFrame, design: DesignMatrix, method: str, values: Matrix, tested: NDArray[np.bool_],
    weights: Matrix | None, note: str | None,
) -> pl.DataFrame:  # fmt: skip
    contrast = np.zeros((1, len(design.columns)))
    contrast[0, design.coefficient] = 1.0
    fit = fit_linear(values, design.values, contrast, weights)
    moderation = moderate_variances(fit.sigma, fit.df_residual)
    statistic, p, error = moderated_t(fit, moderation)
    odds, _ = log_odds(statistic[:, 0], fit.stdev_unscaled[:, 0], moderation)

    def everywhere(part: Matrix) -> Matrix:
        whole = np.full(table.height, np.nan)
        whole[tested] = part
        return whole

    return build_result(
        table[GENE_COLUMN],
        method=method,
        n_numerator=int(design.is_numerator.sum()),
        n_denominator=int(design.is_denominator.sum()),
        evidence_kind="inferential",
        log2_fold_change=everywhere(fit.estimates[:, 0]),
        standard_error=everywhere(error[:, 0]),
        statistic=everywhere(statistic[:, 0]),
        p_value=everywhere(p[:, 0]),
        q_value_bh=everywhere(adjust_bh(p[:, 0])),
        p_value_note=[None if yes else note for yes in tested],
        average_expression_log2=everywhere(fit.average),
        b_statistic=everywhere(odds),
    )
