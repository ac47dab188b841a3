"""Differential expression of one contrast: the choice between methods, and the lists that follow.

Here belong `run_contrast`, the papers' fold-change rule and the gene lists of a result. The fits themselves belong in
`deg_deseq2`, `deg_limma` and `deg_edger`, the frame in `deg_result`, published tables in `deg_published`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.errors import DesignFault
from resistance_assets.science.deg.designs import (
    GENE_COLUMN,
    Contrast,
    DesignMatrix,
    DesignReport,
    build_design,
    check_counts,
    count_matrix,
    report_design,
)
from resistance_assets.science.deg.fold_change import FoldChangeRule, bound_fold_changes, call_fold_changes
from resistance_assets.science.deg.result import (
    NOTE_ARM_ALL_ZERO,
    NOTE_NO_REPLICATES,
    NOTE_PAPER_RULE,
    build_result,
)
from resistance_assets.science.expression.normalisation import effective_library_sizes, size_factors_median_of_ratios

Method = Literal["pydeseq2", "limma_voom", "limma", "edger_exact", "fold_change"]
METHODS: tuple[str, ...] = get_args(Method)


def run_contrast(
    counts: pl.DataFrame,
    samples: pl.DataFrame,
    contrast: Contrast,
    *,
    method: str,
    normalisation: Literal["tmm", "none"] = "tmm",
    alpha: float = 0.05,
    expression_filter: Literal["filter_by_expr", "none"] = "filter_by_expr",
    shrink: bool = False,
    n_threads: int = 1,
    fold_change_rule: FoldChangeRule | None = None,
    gene_lengths_bp: Sequence[float] | NDArray[np.float64] | None = None,
) -> pl.DataFrame:
    """Differential expression of one contrast by one method.

    A design without replicates gets an `effect_only` result from every method: fold changes and no p-value. Genes that
    are zero in every sample stay as rows without numbers.

    Args:
        counts: `hgnc_symbol` (or any feature id) and one column per sample: whole counts, or log2 expression for
            "limma".
        samples: `sample_id` and factors; must describe exactly the samples of `counts`.
        contrast: what is compared.
        method: one of `METHODS`.
        normalisation: for limma_voom and edger_exact.
        expression_filter: for limma_voom: which genes are tested (`limma.fit_limma_voom`).
        alpha: for the independent filtering of pydeseq2.
        shrink: fill `log2_fold_change_shrunken` (pydeseq2 only).
        n_threads: for pydeseq2.
        fold_change_rule: for fold_change; `FoldChangeRule()` if None.
        gene_lengths_bp: shape (genes,), for a rule in RPKM or TPM.

    Returns:
        One row per row of `counts`, in its order, columns and dtypes of `RESULT_SCHEMA`.

    Raises:
        DesignFault: unknown method, or what `designs.build_design` and `designs.report_design` refuse.
        DataFault: what `designs.check_counts` refuses.
    """
    if method == "pydeseq2":
        return run_pydeseq2(counts, samples, contrast, alpha=alpha, shrink=shrink, n_threads=n_threads)
    if method == "limma_voom":
        return run_limma_voom(
            counts, samples, contrast, normalisation=normalisation, expression_filter=expression_filter
        )
    if method == "limma":
        return run_limma(counts, samples, contrast)
    if method == "edger_exact":
        return run_edger_exact(counts, samples, contrast, normalisation=normalisation)
    if method == "fold_change":
        rule = fold_change_rule or FoldChangeRule()
        return run_fold_change(counts, samples, contrast, rule=rule, gene_lengths_bp=gene_lengths_bp)[0]
    raise DesignFault(
        f"unknown method {method!r}",
        subject=contrast.subject,
        expected=f"one of {', '.join(METHODS)}",
        remedy="Correct `methods` of the contrast.",
    )


# One function per method, each of which reaches its own fit alone: a change in one method's module is then no change of
# another method's results.


def run_pydeseq2(
    counts: pl.DataFrame,
    samples: pl.DataFrame,
    contrast: Contrast,
    *,
    alpha: float = 0.05,
    shrink: bool = False,
    n_threads: int = 1,
) -> pl.DataFrame:
    """`run_contrast` by pydeseq2."""
    design, report = _checked_design(counts, samples, contrast)
    if report.evidence_kind == "effect_only":
        matrix = count_matrix(counts, design.sample_ids)
        return _count_effects(counts, design, "pydeseq2", matrix, size_factors_median_of_ratios(matrix))
    from resistance_assets.science.deg.deseq2 import fit_deseq2

    return fit_deseq2(counts, design, contrast, alpha=alpha, shrink=shrink, n_threads=n_threads)


def run_pydeseq2_of_expressed(
    counts: pl.DataFrame, samples: pl.DataFrame, contrast: Contrast, *, shrink: bool = False
) -> pl.DataFrame:
    """`run_contrast` by pydeseq2 on the genes that limma-voom tests; the others are rows with the reason.

    For sums of cells: most of their genes have no count to speak of, and a trend of dispersions through those is none.
    """
    design, report = _checked_design(counts, samples, contrast)
    if report.evidence_kind == "effect_only":
        return run_pydeseq2(counts, samples, contrast, shrink=shrink)
    from resistance_assets.science.deg.limma import select_tested

    tested, notes = select_tested(count_matrix(counts, design.sample_ids), design.arms, "filter_by_expr")
    fitted = run_pydeseq2(counts.filter(pl.Series(tested)), samples, contrast, shrink=shrink)
    rest = build_result(
        counts.filter(pl.Series(~tested))[GENE_COLUMN],
        method="pydeseq2",
        n_numerator=report.n_numerator,
        n_denominator=report.n_denominator,
        evidence_kind=report.evidence_kind,
        log2_fold_change=np.full(int((~tested).sum()), np.nan),
        p_value_note=notes[~tested].tolist(),
    )
    places = np.argsort(np.concatenate([np.flatnonzero(tested), np.flatnonzero(~tested)]), kind="stable")
    return pl.concat([fitted, rest])[places]


def run_limma_voom(
    counts: pl.DataFrame,
    samples: pl.DataFrame,
    contrast: Contrast,
    *,
    normalisation: Literal["tmm", "none"] = "tmm",
    expression_filter: Literal["filter_by_expr", "none"] = "filter_by_expr",
) -> pl.DataFrame:
    """`run_contrast` by limma-voom."""
    design, report = _checked_design(counts, samples, contrast)
    if report.evidence_kind == "effect_only":
        matrix = count_matrix(counts, design.sample_ids)
        lib = effective_library_sizes(matrix, normalisation)
        return _count_effects(counts, design, "limma_voom", matrix, lib / np.exp(np.log(lib).mean()))
    from resistance_assets.science.deg.limma import fit_limma_voom

    fitted = fit_limma_voom(counts, design, normalisation, expression_filter=expression_filter)
    return _qualify_empty_arms(fitted, counts, design)


def run_limma(expression: pl.DataFrame, samples: pl.DataFrame, contrast: Contrast) -> pl.DataFrame:
    """`run_contrast` by limma, for log2 expression."""
    design, report = _checked_design(expression, samples, contrast, integers=False, missing_allowed=True)
    if report.evidence_kind == "effect_only":
        return _log_effects(expression, design)
    from resistance_assets.science.deg.limma import fit_limma

    return fit_limma(expression, design)


def run_edger_exact(
    counts: pl.DataFrame,
    samples: pl.DataFrame,
    contrast: Contrast,
    *,
    normalisation: Literal["tmm", "none"] = "tmm",
) -> pl.DataFrame:
    """`run_contrast` by the exact test."""
    from resistance_assets.science.deg.edger import fit_edger_effect, fit_edger_exact

    design, report = _checked_design(counts, samples, contrast)
    fit = fit_edger_effect if report.evidence_kind == "effect_only" else fit_edger_exact
    return _qualify_empty_arms(fit(counts, design, contrast, normalisation=normalisation), counts, design)


def run_fold_change(
    expression: pl.DataFrame,
    samples: pl.DataFrame,
    contrast: Contrast,
    *,
    rule: FoldChangeRule,
    gene_lengths_bp: Sequence[float] | NDArray[np.float64] | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`run_contrast` by a paper's rule: the result frame, and the calls of `call_fold_changes` that it rests on."""
    _, report = _checked_design(expression, samples, contrast, integers=rule.unit != "as_given")
    calls = call_fold_changes(expression, samples, contrast, rule, gene_lengths_bp)
    result = build_result(
        calls[GENE_COLUMN],
        method="fold_change",
        n_numerator=report.n_numerator,
        n_denominator=report.n_denominator,
        evidence_kind="effect_only",
        base_mean=calls.select((pl.col("expression_numerator") + pl.col("expression_denominator")) / 2)
        .to_series()
        .to_numpy(),
        log2_fold_change=calls["log2_fold_change"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
        log2_fold_change_shrunken=bound_fold_changes(calls),
        p_value_note=NOTE_PAPER_RULE,
    )
    return result, calls


def _checked_design(
    expression: pl.DataFrame,
    samples: pl.DataFrame,
    contrast: Contrast,
    *,
    integers: bool = True,
    missing_allowed: bool = False,
) -> tuple[DesignMatrix, DesignReport]:
    check_counts(expression, samples, contrast, integers=integers, missing_allowed=missing_allowed)
    design = build_design(samples, contrast)
    return design, report_design(design, contrast)


def differential_gene_lists(
    result: pl.DataFrame, contrast_id: str, q_value: float = 0.05, abs_log2_fold_change: float = 1.0
) -> pl.DataFrame:
    """Genes with q below and absolute log2 fold change above the thresholds (both strict).

    Rows without a q-value are in no list, so an `effect_only` result has none; its rule is `call_fold_changes`.

    Args:
        result: result frames of one contrast, of one or more methods.
        contrast_id: begins the name of each list.

    Returns:
        `list_id` (`<contrast>__<method>__up` or `__down`), `hgnc_symbol`, `direction`; sorted by list and gene.
    """
    direction = pl.when(pl.col("log2_fold_change") > 0).then(pl.lit("up")).otherwise(pl.lit("down"))
    return (
        result.filter((pl.col("q_value_bh") < q_value) & (pl.col("log2_fold_change").abs() > abs_log2_fold_change))
        .with_columns(direction.alias("direction"))
        .select(
            pl.concat_str(pl.lit(f"{contrast_id}__"), pl.col("method"), pl.lit("__"), pl.col("direction")).alias(
                "list_id"
            ),
            GENE_COLUMN,
            "direction",
        )
        .sort(["list_id", GENE_COLUMN])
    )


def _qualify_empty_arms(result: pl.DataFrame, counts: pl.DataFrame, design: DesignMatrix) -> pl.DataFrame:
    """Say of a gene that is zero in a whole arm that its fold change is not finite, whatever a fit made of it."""
    matrix = count_matrix(counts, design.sample_ids)
    top, bottom = matrix[:, design.is_numerator].any(axis=1), matrix[:, design.is_denominator].any(axis=1)
    one_is_empty = pl.Series(np.asarray(top != bottom))
    note = pl.when(one_is_empty & pl.col("p_value_note").is_null()).then(pl.lit(NOTE_ARM_ALL_ZERO))
    return result.with_columns(p_value_note=note.otherwise("p_value_note"))


def _count_effects(
    counts: pl.DataFrame, design: DesignMatrix, method: str, matrix: NDArray[np.float64], factors: NDArray[np.float64]
) -> pl.DataFrame:
    """Fold changes of normalised means where no variance can be estimated; half a count is added to both means."""
    normalised = matrix / factors
    top, bottom = normalised[:, design.is_numerator], normalised[:, design.is_denominator]
    change = np.log2(top.mean(axis=1) + 0.5) - np.log2(bottom.mean(axis=1) + 0.5)
    change[~matrix.any(axis=1)] = np.nan
    return build_result(
        counts[GENE_COLUMN],
        method=method,
        n_numerator=top.shape[1],
        n_denominator=bottom.shape[1],
        evidence_kind="effect_only",
        base_mean=normalised.mean(axis=1),
        log2_fold_change=change,
        p_value_note=NOTE_NO_REPLICATES,
    )


def _log_effects(expression: pl.DataFrame, design: DesignMatrix) -> pl.DataFrame:
    """Differences of mean log2 expression where no variance can be estimated."""
    matrix = count_matrix(expression, design.sample_ids)
    top, bottom = matrix[:, design.is_numerator], matrix[:, design.is_denominator]
    return build_result(
        expression[GENE_COLUMN],
        method="limma",
        n_numerator=top.shape[1],
        n_denominator=bottom.shape[1],
        evidence_kind="effect_only",
        log2_fold_change=_mean_of_present(top) - _mean_of_present(bottom),
        average_expression_log2=_mean_of_present(matrix),
        p_value_note=NOTE_NO_REPLICATES,
    )


def _mean_of_present(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(genes,) mean over the samples that have a value, NaN where none has."""
    present = ~np.isnan(values)
    total = np.where(present, values, 0.0).sum(axis=1)
    return np.divide(total, present.sum(axis=1), out=np.full(len(values), np.nan), where=present.any(axis=1))
