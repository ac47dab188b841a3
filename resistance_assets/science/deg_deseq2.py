"""Differential expression of counts with pydeseq2.

Here belongs the border to pydeseq2 (and so to pandas): what goes in, what comes out, and what its output is not allowed
to say. The choice between methods belongs in `deg`.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.catalog.faults import DesignFault
from resistance_assets.science.deg_result import (
    NOTE_ALL_ZERO,
    NOTE_ARM_ALL_ZERO,
    NOTE_COOKS,
    NOTE_INDEPENDENT_FILTERING,
    build_result,
)
from resistance_assets.science.designs import Contrast, DesignMatrix, count_matrix, report_design

METHOD = "pydeseq2"


def fit_deseq2(
    counts: pl.DataFrame,
    design: DesignMatrix,
    contrast: Contrast,
    *,
    alpha: float = 0.05,
    shrink: bool = False,
    n_cpus: int = 1,
) -> pl.DataFrame:
    """Wald test of a negative binomial model per gene (Love 2014, Genome Biology 15:550; Muzellec 2023, Bioinformatics
    39:btad547), with outlier replacement, Cook's filter and independent filtering as DESeq2 has them by default.

    A gene that is zero throughout one arm has no maximum likelihood estimate: the fit stops somewhere on the way to
    infinity and its Wald p is meaningless. Such a gene keeps the sign of its fold change and loses standard error,
    statistic, p and q.

    Args:
        counts: checked counts, `hgnc_symbol` and one column per sample.
        design: the model matrix; its coefficient is tested.
        contrast: named in messages.
        alpha: level that independent filtering is optimised for.
        shrink: also fill `log2_fold_change_shrunken` (apeglm prior; Zhu 2019, Bioinformatics 35:2084). Takes about as
            long as the rest.
        n_cpus: worker processes; the numbers do not depend on it.

    Returns:
        A result frame (`deg_result.RESULT_SCHEMA`) in the order of `counts`; base_mean is the mean of normalised
        counts.

    Raises:
        DesignFault: the design supports no p-value.
    """
    import pandas as pd
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.ds import DeseqStats
    from threadpoolctl import threadpool_limits

    report = report_design(design, contrast)
    if report.evidence_kind != "inferential":
        raise DesignFault(
            report.reason or "no p-value possible", subject=contrast.subject, remedy="Use the method fold_change."
        )
    genes = counts["hgnc_symbol"].to_list()
    matrix = count_matrix(counts, design.sample_ids)
    samples = list(design.sample_ids)
    model = pd.DataFrame(design.values, index=pd.Index(samples), columns=pd.Index(design.columns))
    vector = np.zeros(len(design.columns))
    vector[design.coefficient] = 1.0
    # Many small matrices: threads inside the linear algebra only get in each other's way.
    with warnings.catch_warnings(), threadpool_limits(limits=1):
        warnings.simplefilter("ignore")
        inference = _inference(n_cpus)
        fit = DeseqDataSet(
            counts=pd.DataFrame(matrix.T.astype(np.int64), index=pd.Index(samples), columns=pd.Index(genes)),
            metadata=pd.DataFrame({"arm": list(design.arms)}, index=pd.Index(samples)),
            design=model,
            quiet=True,
            inference=inference,
        )
        fit.deseq2()
        test = DeseqStats(fit, contrast=vector, alpha=alpha, quiet=True, inference=inference)
        test.summary()
        table = test.results_df.copy()
        shrunken = None
        if shrink:
            test.lfc_shrink(coeff=design.columns[design.coefficient])
            shrunken = test.results_df["log2FoldChange"].to_numpy(dtype=np.float64)
    return _as_result(table, shrunken, genes, matrix, design)


def _inference(n_cpus: int) -> Any:
    from pydeseq2.default_inference import DefaultInference

    return DefaultInference(n_cpus=n_cpus)


def _as_result(
    table: Any,
    shrunken: NDArray[np.float64] | None,
    genes: list[str],
    matrix: NDArray[np.float64],
    design: DesignMatrix,
) -> pl.DataFrame:
    columns = {name: table[name].to_numpy(dtype=np.float64).copy() for name in table.columns}
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
