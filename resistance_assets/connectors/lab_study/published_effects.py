"""Fold changes of a published table: their scale, and numbers that cannot be log2 fold changes.

Here belongs what the numbers alone can tell, before anything is computed from them.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from resistance_assets.connectors.formats.delimited import DelimitedText
from resistance_assets.errors import DataFault

FoldChangeScale = Literal["log2", "ratio", "signed_ratio"]
"""log2; numerator / denominator; or that with values below 1 written as -1 / value."""

LARGEST_LOG2_FOLD_CHANGE = 100.0
"""More than 2^100: Cuffdiff writes the largest double where a group has no read."""

_KEY = 'fold_change_scale = "{}" of the contrast in study.toml'


def as_log2_fold_changes(
    values: pl.Series, p_values: pl.Series, text: DelimitedText, *, column: str, scale: FoldChangeScale | None
) -> pl.Series:
    """Fold changes on the log2 scale.

    Args:
        values: one per row of `text`, null where there is none.
        p_values: the same.
        text: the table, for messages.
        column: of the values.
        scale: as study.toml says; None means log2, and is refused where the numbers cannot be that.

    Raises:
        DataFault: a log2 fold change is above 100, a ratio is not above 0, a signed ratio lies between -1 and 1, or
            the scale is not told and the numbers are ratios.
    """
    numbers = values.to_numpy().astype(float)
    if scale is None:
        _check_scale(numbers, p_values.to_numpy().astype(float), text, column)
    elif scale == "ratio":
        _refuse(values, text, column, ~(numbers > 0) & np.isfinite(numbers), "a ratio above 0")
        numbers = np.log2(np.where(numbers > 0, numbers, np.nan))
    elif scale == "signed_ratio":
        _refuse(values, text, column, np.abs(numbers) < 1, "a ratio of at least 1, or of at most -1")
        numbers = np.sign(numbers) * np.log2(np.abs(numbers))
    _refuse(
        values, text, column, np.abs(numbers) > LARGEST_LOG2_FOLD_CHANGE, "a log2 fold change from -100 to 100",
        remedy="Leave the cell blank where a group has no expression: the programs write infinity in many ways",
    )  # fmt: skip
    return pl.Series(values.name, numbers, dtype=pl.Float64).fill_nan(None)


def _refuse(
    values: pl.Series, text: DelimitedText, column: str, wrong: np.ndarray, expected: str, *, remedy: str | None = None
) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        raise DataFault(
            f"{values[int(rows[0])]:.6g} cannot be a fold change"
            + (f", nor can those of {len(rows) - 1} more rows" if len(rows) > 1 else ""),
            subject=text.source,
            place=f"line {int(text.lines[rows[0]])}, column {column}",
            expected=expected,
            remedy=remedy or "Correct the cell, or fold_change_scale of the contrast in study.toml",
        )


def _check_scale(numbers: np.ndarray, p_values: np.ndarray, text: DelimitedText, column: str) -> None:
    """Refuse ratios where log2 fold changes are meant.

    A whole table has genes without any change, which p-values above 0.1 tell from a list of chosen genes: their log2
    fold changes lie around 0, their signed ratios beyond 1 and -1, and their ratios around 1 and never below 0.
    """
    told = np.isfinite(numbers)
    unchanged = told & (p_values > 0.1)
    if unchanged.sum() < 20:
        return
    effects = numbers[unchanged]
    if (np.abs(effects) >= 1).all() and (effects > 0).any() and (effects < 0).any():
        problem, scale = (
            f"no fold change of {unchanged.sum()} genes with p above 0.1 lies between -1 and 1",
            "signed_ratio",
        )
    elif (numbers[told] >= 0).all() and 0.5 < float(np.median(effects)) < 2:
        problem, scale = (
            f"none of {told.sum()} fold changes is below 0, and those with p above 0.1 lie around 1",
            "ratio",
        )
    else:
        return
    raise DataFault(
        problem,
        subject=text.source,
        place=f"column {column}",
        expected="log2 fold changes",
        remedy=f"Write {_KEY.format(scale)}, or {_KEY.format('log2')} if they are",
    )
