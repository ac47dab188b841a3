"""Cells of a matrix that cannot be what the matrix says it holds: left blank, and told with their file and line."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

COPY_NUMBER_CALLS = (-2.0, -1.0, 0.0, 1.0, 2.0)
NO_CALL = "the cell is left blank: expected a call of -2, -1, 0, 1 or 2"
NO_SHARE = "the cell is left blank: expected a share of methylated copies from 0 to 1"


def is_call(value: pl.Expr) -> pl.Expr:
    """Whether a value is one of GISTIC's calls."""
    return value.is_in(COPY_NUMBER_CALLS)


def is_share(value: pl.Expr) -> pl.Expr:
    """Whether a value is from 0 to 1."""
    return value.is_between(0.0, 1.0)


def blank_odd_cells(
    matrix: pl.DataFrame,
    rejected: pl.DataFrame,
    *,
    source: str,
    fits: Callable[[pl.Expr], pl.Expr],
    reason: str,
    lines: pl.Series | None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A matrix without the cells that do not fit; each of them is added to the rejected rows.

    Args:
        matrix: two columns that name the row, then one Float64 column per sample.
        rejected: source, line, reason, row.
        source: the file.
        fits: whether a value may stand there; missing ones may.
        reason: what is told of a cell.
        lines: 1-based line of each row in the file; None where a row of the matrix is several lines.
    """
    leading, samples = matrix.columns[:2], matrix.columns[2:]
    known = [fits(pl.col(name)) | pl.col(name).is_null() for name in samples]
    numbered = matrix.with_columns(_line=pl.Series([None] * matrix.height if lines is None else lines, dtype=pl.Int64))
    odd = numbered.filter(~pl.all_horizontal(known)) if samples else numbered.head(0)
    if odd.is_empty():
        return matrix, rejected
    cells = (
        odd.unpivot(index=[*leading, "_line"], variable_name="sample", value_name="value")
        .filter(pl.col("value").is_not_null() & ~fits(pl.col("value")))
        .select(
            pl.lit(source).alias("source"),
            pl.col("_line").alias("line"),
            pl.lit(reason).alias("reason"),
            pl.concat_str(
                pl.coalesce(pl.col(leading).cast(pl.String)), pl.lit(", sample "), "sample", pl.lit(": "),
                pl.col("value").cast(pl.String),
            ).alias("row"),
        )
    )  # fmt: skip
    blanked = [pl.when(fits(pl.col(name))).then(pl.col(name)).alias(name) for name in samples]
    return matrix.with_columns(blanked), pl.concat([rejected, cells])
