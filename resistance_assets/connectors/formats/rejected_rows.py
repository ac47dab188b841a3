"""Rejected rows of the parsers as rows of `raw.rejected_rows`."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from resistance_assets.catalog.tables import TABLES

REJECTED = TABLES["raw.rejected_rows"]

ROW_TEXT_CHARACTERS = 500


def rejected_as_table(frames: Iterable[tuple[str, pl.DataFrame]]) -> pl.DataFrame:
    """Rejected rows of the parsers (source, line, reason, row) as rows of `raw.rejected_rows`.

    Args:
        frames: the table that the rows did not enter, and the rows.
    """
    stacked = pl.concat(
        [
            rejected.select(
                pl.lit(name).alias("table_name"),
                "source",
                pl.col("line").cast(pl.Int64),
                "reason",
                pl.col("row").cast(pl.String).str.slice(0, ROW_TEXT_CHARACTERS).alias("row_text"),
            )
            for name, rejected in frames
        ]
    )
    return stacked.with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("table_name", "source").alias("row_number")
    ).select(REJECTED.polars_schema.names())
