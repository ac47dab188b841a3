"""Differential expression of counts with pydeseq2.

Here belongs the border to pydeseq2 (and so to pandas): what goes in, what comes out, and what its output is not allowed
to say. The choice between methods belongs in `deg`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.errors import DesignFault
from resistance_assets.science.deg.designs import Contrast, DesignMatrix, compressed_rows, count_matrix, report_design
from resistance_assets.science.deg.result import (
    NOTE_ALL_ZERO,
    NOTE_COOKS,
    NOTE_INDEPENDENT_FILTERING,
    NOTE_LIKELIHOOD_RATIO,
    NOTE_NOT_IDENTIFIED,
    build_result,
)

METHOD = "pydeseq2"
# Standard deviation of the prior of every coefficient but the shrunken one, natural logarithm.
PRIOR_SCALE_OF_OTHERS = 15.0


def fit_deseq2(
    counts: pl.DataFrame,
    design: DesignMatrix,
    contrast: Contrast,
    *,
    alpha: float = 0.05,
    shrink: bool = False,
    n_threads: int = 1,
) -> pl.DataFrame:
    """Wald test of a negative binomial model per gene (Love 2014, Genome Biology 15:550; Muzellec 2023, Bioinformatics
    39:btad547), with outlier replacement, Cook's filter and independent filtering as DESeq2 has them by default. Four
    steps where pydeseq2 departs from DESeq2 are taken as DESeq2 takes them: `dispersion_trend`,
    `local_dispersion_trend`, `match_dispersion_prior` and the floor of `CompiledInference`.

    A gene that is zero throughout one arm has no maximum likelihood estimate: the fit stops somewhere on the way to
    infinity and its Wald test is meaningless. The likelihood is not: such a gene is tested by the likelihood-ratio test
    (`likelihood_ratios`), takes part in the q-values, keeps the sign of its fold change, and has no standard error; its
    `log2_fold_change_shrunken` is finite.

    Args:
        counts: checked counts, `hgnc_symbol` and one column per sample.
        design: the model matrix; its coefficient is tested.
        contrast: named in messages.
        alpha: level that independent filtering is optimised for.
        shrink: also fill `log2_fold_change_shrunken` (apeglm prior; Zhu 2019, Bioinformatics 35:2084). A gene that is
            zero throughout one arm has one too: the prior keeps it finite.
        n_threads: threads of the compiled loops; the numbers do not depend on it.

    Returns:
        A result frame (`deg_result.RESULT_SCHEMA`) in the order of `counts`; base_mean is the mean of normalised
        counts.

    Raises:
        DesignFault: the design supports no p-value.
    """
    report = report_design(design, contrast)
    if report.evidence_kind != "inferential":
        raise DesignFault(
            report.reason or "no p-value possible", subject=contrast.subject, remedy="Use the method fold_change."
        )
    genes = counts["hgnc_symbol"].to_list()
    matrix = count_matrix(counts, design.sample_ids)
    vector = np.zeros(len(design.columns))
    vector[design.coefficient] = 1.0
    coefficient = design.columns[design.coefficient] if shrink else None
    no_finite_estimate = find_one_sided(matrix, design.is_numerator, design.is_denominator)
    absent = ~matrix[:, design.is_numerator | design.is_denominator].any(axis=1)
    (table,), shrunken = fit_contrasts(
        matrix, design.values, [vector], no_finite_estimate=[no_finite_estimate], not_identified=[absent],  # pyright: ignore
        alpha=alpha, n_threads=n_threads, columns=design.columns, shrunken_coefficient=coefficient,
    )  # fmt: skip
    return _as_result(table, shrunken, genes, matrix, design)


def find_one_sided(
    counts: NDArray[np.float64], is_numerator: NDArray[np.bool_], is_denominator: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """(genes,) True where exactly one of two groups has no read at all."""
    return np.asarray(counts[:, is_numerator].any(axis=1) != counts[:, is_denominator].any(axis=1))


def fit_contrasts(
    counts: NDArray[np.float64],
    design: NDArray[np.float64],
    contrasts: Sequence[NDArray[np.float64]],
    *,
    no_finite_estimate: Sequence[NDArray[np.bool_]] | None = None,
    not_identified: Sequence[NDArray[np.bool_]] | None = None,
    alpha: float = 0.05,
    n_threads: int = 1,
    columns: Sequence[str] | None = None,
    shrunken_coefficient: str | None = None,
) -> tuple[list[dict[str, NDArray[np.float64]]], NDArray[np.float64] | None]:
    """One pydeseq2 fit, several combinations of its coefficients tested.

    Args:
        counts: (genes, samples), whole numbers. design: (samples, coefficients), full rank, residual degrees of
            freedom.
        contrasts: vectors over the coefficients.
        no_finite_estimate: per contrast (genes,), True where the estimate runs away: there the likelihood-ratio test
            takes the place of Wald's, before q-values are formed.
        not_identified: per contrast (genes,), True where the counts cannot tell the contrast from zero however large it
            is: no test.
        alpha, n_threads: as `fit_deseq2`.
        columns: names of the coefficients.
        shrunken_coefficient: name of the coefficient whose fold change is shrunken too; it must be the last contrast.

    Returns:
        Per contrast `baseMean`, `log2FoldChange`, `lfcSE`, `stat`, `pvalue`, `padj`, each (genes,); and the shrunken
        log2 fold changes, or None. By the likelihood-ratio test `stat` is the root of the deviance difference, with the
        sign of the fold change, and `lfcSE` is NaN.
    """
    import pandas as pd
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.ds import DeseqStats
    from threadpoolctl import threadpool_limits

    from resistance_assets.science.deg.compiled_inference import CompiledInference

    samples = pd.Index([f"s{j}" for j in range(counts.shape[1])])
    genes = pd.Index([f"g{i}" for i in range(counts.shape[0])])
    names = list(columns) if columns is not None else [f"c{j}" for j in range(design.shape[1])]
    model = pd.DataFrame(design, index=samples, columns=pd.Index(names))
    tables: list[dict[str, NDArray[np.float64]]] = []
    shrunken = None
    # Many small matrices: threads inside the linear algebra only get in each other's way.
    with warnings.catch_warnings(), threadpool_limits(limits=1):
        warnings.simplefilter("ignore")
        inference = CompiledInference(n_threads=n_threads)
        fit = _with_deseq2_trend(DeseqDataSet)(
            counts=pd.DataFrame(counts.T.astype(np.int64), index=samples, columns=genes),
            metadata=pd.DataFrame({"sample": samples}, index=samples),
            design=model,
            quiet=True,
            inference=inference,
        )
        fit.deseq2()
        for at, vector in enumerate(contrasts):
            test = DeseqStats(fit, contrast=vector, alpha=alpha, quiet=True, inference=inference)
            test.run_wald_test()
            if no_finite_estimate is not None:
                _replace_wald(test, vector, np.flatnonzero(no_finite_estimate[at]))
            if not_identified is not None:
                for column in (test.p_values, test.statistics, test.SE):
                    column.iloc[np.flatnonzero(not_identified[at])] = np.nan
            test.summary()
            table = test.results_df
            tables.append({str(name): table[name].to_numpy(dtype=np.float64).copy() for name in table.columns})
            if shrunken_coefficient is not None and vector is contrasts[-1]:
                shrunken = _shrunken_fold_changes(test, names.index(shrunken_coefficient), counts, design)
    return tables, shrunken


def _replace_wald(test: Any, contrast: NDArray[np.float64], genes: NDArray[np.intp]) -> None:
    """Put the likelihood-ratio test of these genes in the place of Wald's."""
    from scipy.stats import chi2

    fit = test.dds
    dispersion = np.asarray(fit.var["dispersions"], dtype=np.float64)
    genes = genes[np.isfinite(dispersion[genes])]
    if not len(genes):
        return
    counts = np.asarray(fit.X, dtype=np.float64).T[genes]
    if hasattr(fit, "counts_to_refit"):
        # Outliers that were replaced before the fit are replaced here too.
        replaced = {
            str(name): row for name, row in zip(fit.counts_to_refit.var_names, fit.counts_to_refit.X.T, strict=True)
        }
        for at, name in enumerate(fit.var_names[genes]):
            counts[at] = replaced.get(str(name), counts[at])
    statistic = likelihood_ratios(
        counts, np.asarray(fit.obsm["design_matrix"], dtype=np.float64), contrast,
        np.asarray(fit.obs["size_factors"], dtype=np.float64), dispersion[genes], fit.inference,
        min_mu=fit.min_mu, tolerance=fit.beta_tol,
    )  # fmt: skip
    sign = np.sign(test.LFC.to_numpy()[genes] @ contrast)
    test.statistics.iloc[genes] = sign * np.sqrt(statistic)
    test.p_values.iloc[genes] = chi2.sf(statistic, 1)
    test.SE.iloc[genes] = np.nan


def likelihood_ratios(
    counts: NDArray[np.float64],
    design: NDArray[np.float64],
    contrast: NDArray[np.float64],
    size_factors: NDArray[np.float64],
    dispersion: NDArray[np.float64],
    inference: Any,
    *,
    min_mu: float = 0.5,
    tolerance: float = 1e-8,
) -> NDArray[np.float64]:
    """(genes,) deviance differences between the model and the one whose contrast is zero, 1 degree of freedom.

    Both models are fitted at the same dispersions, as DESeq2's `nbinomLRT` does. Where the estimate runs away DESeq2's
    iteration rests at the floor of the means, and so does ours: the difference is then a little below its limit.

    Args:
        counts: (genes, samples). design: (samples, coefficients). contrast: over the coefficients.
        size_factors: (samples,). dispersion: (genes,). inference: fits the coefficients.
        min_mu, tolerance: of that fit.
    """
    from scipy.special import xlogy

    if np.count_nonzero(contrast) == 1:
        reduced = np.delete(design, int(np.flatnonzero(contrast)[0]), axis=1)
    else:
        from scipy.linalg import null_space

        reduced = design @ null_space(contrast[None, :])
    means = [
        inference.irls(
            counts=counts.T, size_factors=size_factors, design_matrix=x, disp=dispersion, min_mu=min_mu,
            beta_tol=tolerance,
        )[1].T
        for x in (design, reduced)
    ]  # fmt: skip
    r = (1 / dispersion)[:, None]
    gains = xlogy(counts, means[0] / means[1]) - (counts + r) * np.log((r + means[0]) / (r + means[1]))
    return np.maximum(2 * gains.sum(axis=1), 0.0)


def _shrunken_fold_changes(
    test: Any, index: int, counts: NDArray[np.float64], design: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Log2 fold changes at the posterior mode of apeglm's model (Zhu 2019, Bioinformatics 35:2084).

    The prior is Cauchy, its scale set from the spread of the maximum likelihood estimates over all genes, at most 1;
    the other coefficients have normal priors of standard deviation 15. The counts are the observed ones, outliers
    included. pydeseq2 minimises the same function gene by gene with L-BFGS-B and stops within about 1e-3 of
    the mode. NaN for a gene that is zero everywhere or did not settle.
    """
    from resistance_assets.science.deg.kernels.shrinkage import shrinkage_kernel

    seen = np.asarray(test.dds.non_zero_idx)
    scale = min(float(np.sqrt(test._fit_prior_var(coeff_idx=index))), 1.0)
    size_factors = np.asarray(test.dds.obs["size_factors"], dtype=np.float64)
    y = np.ascontiguousarray(counts[seen], dtype=np.float64)
    x = np.ascontiguousarray(design, dtype=np.float64)
    rows, dispersion = compressed_rows(x), np.asarray(test.dds.var["dispersions"], dtype=np.float64)[seen]

    def modes(genes: NDArray[np.intp], first: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The coefficient where the descent from ``first`` ends, and the loss there; infinite where it did not."""
        start = np.linalg.lstsq(x, np.log(y[genes] / size_factors + 0.1).T, rcond=None)[0].T
        start[:, index] = first
        beta: NDArray[np.float64] = np.ascontiguousarray(start, dtype=np.float64)
        loss, finished = np.empty(len(genes)), np.zeros(len(genes), dtype=bool)
        shrinkage_kernel(
            y[genes], np.log(size_factors), *rows, dispersion[genes], index, scale, PRIOR_SCALE_OF_OTHERS, 1e-12, 200,
            beta, loss, finished,
        )  # fmt: skip
        return beta[:, index], np.where(finished, loss, np.inf)

    everyone = np.arange(len(y))
    found, loss = modes(everyone, np.zeros(len(y)))
    # A heavy tail may leave two modes: where little is left of a large estimate, the other one is looked for too.
    likely = np.asarray(test.LFC, dtype=np.float64)[seen, index]
    doubtful = np.flatnonzero(np.isfinite(likely) & (np.abs(likely) > 1.0) & (np.abs(found) < 0.7 * np.abs(likely)))
    if len(doubtful):
        other, other_loss = modes(doubtful, np.clip(likely[doubtful], -10.0, 10.0))
        better = other_loss < loss[doubtful]
        found[doubtful[better]], loss[doubtful[better]] = other[better], other_loss[better]
    shrunken = np.full(len(counts), np.nan)
    shrunken[seen] = np.where(np.isfinite(loss), found / np.log(2), np.nan)
    return shrunken


def dispersion_trend(means: NDArray[np.float64], dispersions: NDArray[np.float64]) -> tuple[float, float] | None:
    """DESeq2's parametric trend of gene-wise dispersions: dispersion = a0 + a1 / mean.

    A gamma model with identity link, fitted again and again to the genes whose dispersion lies between 1e-4 and 15
    times the curve. Every gene gets a new chance in every round; pydeseq2 drops a gene for good, which bends the curve
    where many genes have no overdispersion.

    Args:
        means: (genes,), means of normalised counts. dispersions: (genes,), their estimates; those up to 1e-6 are not
            used.

    Returns:
        a0 and a1, or None where the fit does not converge to positive values.
    """
    x, y = 1 / means[dispersions > _LOWEST_FOR_TREND], dispersions[dispersions > _LOWEST_FOR_TREND]
    coefficients = np.array([0.1, 1.0])
    for _ in range(11):
        ratio = y / (coefficients[0] + coefficients[1] * x)
        near = (ratio > 1e-4) & (ratio < 15)
        if near.sum() < 3:
            return None
        design, target = np.column_stack([np.ones(int(near.sum())), x[near]]), y[near]
        fitted = coefficients
        deviance = _gamma_deviance(target, design @ fitted)
        for _ in range(25):
            # Fisher scoring: with the identity link the working response is the response itself.
            weighted = design / ((design @ fitted) ** 2)[:, None]
            try:
                fitted = np.linalg.solve(weighted.T @ design, weighted.T @ target)
            except np.linalg.LinAlgError:
                return None
            mu = design @ fitted
            if (mu <= 0).any():
                return None
            old, deviance = deviance, _gamma_deviance(target, mu)
            if abs(deviance - old) < 1e-8 * (abs(deviance) + 0.1):
                break
        if (fitted <= 0).any():
            return None
        moved = float((np.log(fitted / coefficients) ** 2).sum())
        coefficients = fitted
        if moved < 1e-6:
            return float(coefficients[0]), float(coefficients[1])
    return None


def _gamma_deviance(y: NDArray[np.float64], mu: NDArray[np.float64]) -> float:
    return float(2 * ((y - mu) / mu - np.log(y / mu)).sum())


MOST_DF_OF_MATCHED_PRIOR = 3
LEAST_PRIOR_VARIANCE = 0.25
_PRIOR_BREAKS = np.arange(-20, 21) / 2.0
_PRIOR_VARIANCES = np.linspace(0.0, 8.0, 161)
_DRAWS, _NODES = 10_000, 400
_NEAREST_SHARE, _GRID_POINTS, _LEAST_GENES_OF_LOCAL_TREND = 0.7, 200, 20
# A hundred times the lower bound of dispersions, below which DESeq2 takes an estimate for "none".
_LOWEST_FOR_TREND = 1e-6


def local_dispersion_trend(means: NDArray[np.float64], dispersions: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """DESeq2's other trend, where the parametric one has no solution: local quadratic regression in logs.

    Each point sees the nearest seven tenths of the genes, by a tricube kernel times their mean (locfit's defaults). It
    is fitted on a grid of means and interpolated between.

    Args:
        as of `dispersion_trend`.

    Returns:
        (genes,), the trend at each mean; None for fewer than `_LEAST_GENES_OF_LOCAL_TREND` usable genes.
    """
    used = dispersions > _LOWEST_FOR_TREND
    if used.sum() < _LEAST_GENES_OF_LOCAL_TREND:
        return None
    x, y, weight = np.log(means[used]), np.log(dispersions[used]), means[used]
    nearest = int(len(x) * _NEAREST_SHARE)
    grid = np.unique(np.quantile(x, np.linspace(0.0, 1.0, _GRID_POINTS)))
    fitted = np.empty(len(grid))
    for at, here in enumerate(grid):
        away = np.abs(x - here)
        width = max(float(np.partition(away, nearest - 1)[nearest - 1]), 1e-9)
        kernel = np.sqrt(np.clip(1.0 - (away / width) ** 3, 0.0, None) ** 3 * weight)
        seen = kernel > 0
        terms = np.vander((x[seen] - here) / width, 3, increasing=True)
        fitted[at] = np.linalg.lstsq(terms * kernel[seen, None], y[seen] * kernel[seen], rcond=None)[0][0]
    return np.exp(np.interp(np.log(means), grid, fitted))


def match_dispersion_prior(residuals: NDArray[np.float64], df: int) -> float:
    """Variance of the dispersions' prior for one to three residual degrees of freedom, at least 0.25.

    There the spread of the log estimates about the trend is skewed, and its median absolute deviation tells little, so
    DESeq2 looks for the variance whose histogram of log(chi-squared / df) + normal is nearest to that of the residuals
    (Kullback-Leibler; Love 2014, Genome Biology 15:550). It draws 10,000 values and smooths; here the probabilities of
    the bins are exact, and nothing is drawn.

    Args:
        residuals: log of the gene-wise dispersions over their trend, of genes above the lower bound.
        df: samples less coefficients.
    """
    from scipy.special import ndtr
    from scipy.stats import chi2

    observed = np.histogram(residuals, _PRIOR_BREAKS)[0].astype(np.float64)
    if not observed.sum():
        return LEAST_PRIOR_VARIANCE
    width = _PRIOR_BREAKS[1] - _PRIOR_BREAKS[0]
    observed /= observed.sum() * width
    there = observed > 0
    # What one of 10,000 draws adds to the density: a rarer bin of theirs would be empty.
    small = min(float(observed[there].min()), 1.0 / (_DRAWS * width))
    nodes = np.log(chi2(df).ppf((np.arange(_NODES) + 0.5) / _NODES) / df)
    divergence = np.empty(len(_PRIOR_VARIANCES))
    for at, variance in enumerate(_PRIOR_VARIANCES):
        # The mean over equally likely values of the chi-squared is the probability of each bin.
        scale = max(np.sqrt(variance), 1e-9)
        below = ndtr((_PRIOR_BREAKS[:, None] - nodes[None, :]) / scale).mean(axis=1)
        expected = np.diff(below) / (below[-1] - below[0]) / width
        divergence[at] = (observed * (np.log(observed + small) - np.log(expected + small)))[there].sum()
    return max(float(_PRIOR_VARIANCES[divergence.argmin()]), LEAST_PRIOR_VARIANCE)


def _with_deseq2_trend(data_set: type) -> type:
    """pydeseq2's data set with the trend of `dispersion_trend`, where that fails of `local_dispersion_trend`, and the
    prior of `match_dispersion_prior` where few degrees of freedom are left."""
    import pandas as pd

    class DataSet(data_set):
        """A DeseqDataSet that differs in its trend, and in its prior of few degrees of freedom."""

        def fit_dispersion_prior(self) -> None:
            super().fit_dispersion_prior()
            df = self.n_obs - self.obsm["design_matrix"].shape[1]
            if 0 < df <= MOST_DF_OF_MATCHED_PRIOR:
                genes = self.var["non_zero"].to_numpy(dtype=bool)
                own, trend = (
                    self.var[name].to_numpy(dtype=np.float64)[genes]
                    for name in ("genewise_dispersions", "fitted_dispersions")
                )
                kept = own >= 100 * self.min_disp
                self.uns["prior_disp_var"] = np.float64(match_dispersion_prior(np.log(own[kept] / trend[kept]), df))

        def _fit_parametric_dispersion_trend(self, vst: bool = False) -> None:
            genes = self.var["non_zero"].to_numpy(dtype=bool)
            means = self.var["_normed_means"].to_numpy(dtype=np.float64)
            estimates = self.var["vst_genewise_dispersions" if vst else "genewise_dispersions"].to_numpy(np.float64)
            found = None
            if not vst:
                found = dispersion_trend(means[genes], estimates[genes])
            if found is None and not vst:
                local = local_dispersion_trend(means[genes], estimates[genes])
                if local is not None:
                    # What pydeseq2 refits after outliers has the mean as its trend.
                    self._fit_mean_dispersion_trend(vst)
                    self.var["fitted_dispersions"] = np.nan
                    self.var.loc[genes, "fitted_dispersions"] = local
                    return
            if found is None:
                super()._fit_parametric_dispersion_trend(vst)
                return
            fitted = np.full(len(means), np.nan)
            fitted[genes] = found[0] + found[1] / means[genes]
            self.uns["trend_coeffs"] = pd.Series(found, index=["a0", "a1"])
            self.uns["disp_function_type"] = "parametric"
            self.var["fitted_dispersions"] = fitted

    return DataSet


def _as_result(
    columns: dict[str, NDArray[np.float64]],
    shrunken: NDArray[np.float64] | None,
    genes: list[str],
    matrix: NDArray[np.float64],
    design: DesignMatrix,
) -> pl.DataFrame:
    p, q = columns["pvalue"], columns["padj"]
    all_zero = ~matrix.any(axis=1)
    infinite = find_one_sided(matrix, design.is_numerator, design.is_denominator)
    up_only = infinite & matrix[:, design.is_numerator].any(axis=1)
    down_only = infinite & ~up_only
    # The optimiser may stop anywhere, even on the wrong side when a covariate absorbs the arm: the sign is known.
    columns["log2FoldChange"] = np.where(
        up_only,
        np.abs(columns["log2FoldChange"]),
        np.where(down_only, -np.abs(columns["log2FoldChange"]), columns["log2FoldChange"]),
    )
    columns["stat"] = np.where(infinite, np.copysign(columns["stat"], columns["log2FoldChange"]), columns["stat"])
    absent = ~matrix[:, design.is_numerator | design.is_denominator].any(axis=1) & ~all_zero
    outlier = np.isnan(p) & ~all_zero & ~absent
    filtered = np.isnan(q) & ~np.isnan(p)
    for name in ("lfcSE", "stat", "pvalue", "padj", "log2FoldChange"):
        columns[name][all_zero | absent] = np.nan
    notes: list[str | None] = [None] * len(genes)
    for mask, note in (
        (infinite, NOTE_LIKELIHOOD_RATIO),
        (filtered, NOTE_INDEPENDENT_FILTERING),
        (outlier, NOTE_COOKS),
        (absent, NOTE_NOT_IDENTIFIED),
        (all_zero, NOTE_ALL_ZERO),
    ):
        for i in np.flatnonzero(mask):
            notes[i] = f"{notes[i]}; {note}" if note == NOTE_INDEPENDENT_FILTERING and notes[i] else note
    return build_result(
        genes,
        method=METHOD,
        n_numerator=int(design.is_numerator.sum()),
        n_denominator=int(design.is_denominator.sum()),
        evidence_kind="inferential",
        base_mean=columns["baseMean"],
        log2_fold_change=columns["log2FoldChange"],
        standard_error=columns["lfcSE"],
        statistic=columns["stat"],
        p_value=p,
        q_value_bh=q,
        p_value_note=notes,
        log2_fold_change_shrunken=shrunken,
    )
