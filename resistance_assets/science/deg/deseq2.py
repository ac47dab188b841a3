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
    NOTE_ARM_ALL_ZERO,
    NOTE_COOKS,
    NOTE_INDEPENDENT_FILTERING,
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
    39:btad547), with outlier replacement, Cook's filter and independent filtering as DESeq2 has them by default. Two
    steps where pydeseq2 departs from DESeq2 are taken as DESeq2 takes them: `dispersion_trend` and the floor of
    `CompiledInference`.

    A gene that is zero throughout one arm has no maximum likelihood estimate: the fit stops somewhere on the way to
    infinity and its Wald p is meaningless. Such a gene keeps the sign of its fold change and loses standard error,
    statistic, p and q.

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
    (table,), shrunken = wald_tables(
        matrix, design.values, [vector], alpha=alpha, n_threads=n_threads,
        columns=design.columns, shrunken_coefficient=coefficient,
    )  # fmt: skip
    return _as_result(table, shrunken, genes, matrix, design)


def wald_tables(
    counts: NDArray[np.float64],
    design: NDArray[np.float64],
    contrasts: Sequence[NDArray[np.float64]],
    *,
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
        alpha, n_threads: as `fit_deseq2`.
        columns: names of the coefficients.
        shrunken_coefficient: name of the coefficient whose fold change is shrunken too; it must be the last contrast.

    Returns:
        Per contrast `baseMean`, `log2FoldChange`, `lfcSE`, `stat`, `pvalue`, `padj`, each (genes,); and the shrunken
        log2 fold changes, or None.
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
        for vector in contrasts:
            test = DeseqStats(fit, contrast=vector, alpha=alpha, quiet=True, inference=inference)
            test.summary()
            table = test.results_df
            tables.append({str(name): table[name].to_numpy(dtype=np.float64).copy() for name in table.columns})
            if shrunken_coefficient is not None and vector is contrasts[-1]:
                shrunken = _shrunken_fold_changes(test, names.index(shrunken_coefficient), counts, design)
    return tables, shrunken


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


# A hundred times the lower bound of dispersions, below which DESeq2 takes an estimate for "none".
_LOWEST_FOR_TREND = 1e-6


def _with_deseq2_trend(data_set: type) -> type:
    """pydeseq2's data set with the trend of `dispersion_trend`; where that fails, with pydeseq2's own."""
    import pandas as pd

    class DataSet(data_set):
        """A DeseqDataSet that differs in its trend only."""

        def _fit_parametric_dispersion_trend(self, vst: bool = False) -> None:
            genes = self.var["non_zero"].to_numpy(dtype=bool)
            means = self.var["_normed_means"].to_numpy(dtype=np.float64)
            found = None
            if not vst:
                estimates = self.var["genewise_dispersions"].to_numpy(dtype=np.float64)
                found = dispersion_trend(means[genes], estimates[genes])
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
    up_only = ~matrix[:, design.is_denominator].any(axis=1) & ~all_zero
    down_only = ~matrix[:, design.is_numerator].any(axis=1) & ~all_zero
    infinite = up_only | down_only
    # The optimiser may stop anywhere, even on the wrong side when a covariate absorbs the arm: the sign is known.
    columns["log2FoldChange"] = np.where(
        up_only,
        np.abs(columns["log2FoldChange"]),
        np.where(down_only, -np.abs(columns["log2FoldChange"]), columns["log2FoldChange"]),
    )
    outlier = np.isnan(p) & ~all_zero & ~infinite
    filtered = np.isnan(q) & ~np.isnan(p) & ~infinite
    for name in ("lfcSE", "stat", "pvalue", "padj"):
        columns[name][infinite | all_zero] = np.nan
    columns["log2FoldChange"][all_zero] = np.nan
    notes: list[str | None] = [None] * len(genes)
    for mask, note in (
        (filtered, NOTE_INDEPENDENT_FILTERING),
        (outlier, NOTE_COOKS),
        (infinite, NOTE_ARM_ALL_ZERO),
        (all_zero, NOTE_ALL_ZERO),
    ):
        for i in np.flatnonzero(mask):
            notes[i] = note
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
