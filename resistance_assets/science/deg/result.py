"""The one result frame that every differential-expression method returns.

Here belong its columns, dtypes, notes and constructor. How the numbers come about belongs in the `deg` modules.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.science.deg.designs import EvidenceKind

RESULT_SCHEMA: dict[str, pl.DataType] = {
    "hgnc_symbol": pl.String(),
    "method": pl.String(),
    "base_mean": pl.Float64(),
    "log2_fold_change": pl.Float64(),
    "standard_error": pl.Float64(),
    "statistic": pl.Float64(),
    "p_value": pl.Float64(),
    "q_value_bh": pl.Float64(),
    "n_numerator": pl.Int64(),
    "n_denominator": pl.Int64(),
    "evidence_kind": pl.String(),
    "p_value_note": pl.String(),
    "log2_fold_change_shrunken": pl.Float64(),
    "average_expression_log2": pl.Float64(),
    "b_statistic": pl.Float64(),
}
RESULT_COLUMNS: tuple[str, ...] = tuple(RESULT_SCHEMA)

NOTE_NO_REPLICATES = "no replicates: design cannot support a p-value"
NOTE_ALL_ZERO = "zero in every sample: not tested"
NOTE_ARM_ALL_ZERO = "one group is all zero: no finite fold change"
NOTE_LIKELIHOOD_RATIO = "one group is all zero: no finite fold change; p by the likelihood-ratio test"
NOTE_NOT_IDENTIFIED = "groups without a read on both sides of the contrast: not testable"
NOTE_TOO_FEW_VALUES = "too many values missing to estimate the difference: not tested"
NOTE_FILTER_BY_EXPR = "filterByExpr: too few reads to be tested"
NOTE_COOKS = "outlier by Cook's distance"
NOTE_INDEPENDENT_FILTERING = "independent filtering: mean count too low for a q-value"
NOTE_PAPER_RULE = "fold-change rule of the paper: no p-value"


def build_result(
    genes: Sequence[str] | pl.Series,
    *,
    method: str,
    n_numerator: int | None,
    n_denominator: int | None,
    evidence_kind: EvidenceKind,
    log2_fold_change: ArrayLike,
    base_mean: ArrayLike | None = None,
    standard_error: ArrayLike | None = None,
    statistic: ArrayLike | None = None,
    p_value: ArrayLike | None = None,
    q_value_bh: ArrayLike | None = None,
    p_value_note: Sequence[str | None] | str | None = None,
    log2_fold_change_shrunken: ArrayLike | None = None,
    average_expression_log2: ArrayLike | None = None,
    b_statistic: ArrayLike | None = None,
) -> pl.DataFrame:
    """Assemble a result frame: one row per gene, columns and dtypes of `RESULT_SCHEMA`, NaN and infinity to null.

    Raises:
        ValueError: a vector whose length is not the number of genes, or a p-value without inferential evidence.
    """
    m = len(genes)
    numbers = {
        "base_mean": base_mean,
        "log2_fold_change": log2_fold_change,
        "standard_error": standard_error,
        "statistic": statistic,
        "p_value": p_value,
        "q_value_bh": q_value_bh,
        "log2_fold_change_shrunken": log2_fold_change_shrunken,
        "average_expression_log2": average_expression_log2,
        "b_statistic": b_statistic,
    }
    if evidence_kind == "effect_only" and (p_value is not None or q_value_bh is not None):
        raise ValueError("effect_only evidence carries no p-value")
    notes = [p_value_note] * m if p_value_note is None or isinstance(p_value_note, str) else list(p_value_note)
    columns: dict[str, pl.Series] = {
        "hgnc_symbol": pl.Series(list(genes), dtype=pl.String),
        "method": pl.Series([method] * m, dtype=pl.String),
        "n_numerator": pl.Series([n_numerator] * m, dtype=pl.Int64),
        "n_denominator": pl.Series([n_denominator] * m, dtype=pl.Int64),
        "evidence_kind": pl.Series([evidence_kind] * m, dtype=pl.String),
        "p_value_note": pl.Series(notes, dtype=pl.String),
    }
    for name, values in numbers.items():
        columns[name] = _number_column(values, m, name)
    return pl.DataFrame({name: columns[name] for name in RESULT_SCHEMA}, schema=RESULT_SCHEMA)


def _number_column(values: ArrayLike | None, m: int, name: str) -> pl.Series:
    if values is None:
        return pl.Series([None] * m, dtype=pl.Float64)
    array: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    if array.shape != (m,):
        raise ValueError(f"{name} has shape {array.shape}, expected ({m},)")
    return pl.Series(np.where(np.isfinite(array), array, np.nan)).fill_nan(None)
