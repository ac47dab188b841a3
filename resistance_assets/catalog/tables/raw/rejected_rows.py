"""Models of raw.rejected_rows: rows that were not taken, with the reason."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.rejected_rows",
    grain="one row per row of an input that was set aside",
    key=("table_name", "source", "row_number"),
    limitation="a row here is not always wrong: a probe of several genes is valid, but cannot be given to one of them",
)
class RejectedRows(TableModel):
    """What was read but not kept, with the reason; rows in = rows kept + rows here."""

    table_name: pl.String = col("table that the row did not enter", of="source")
    source: pl.String = col("file it stood in", of="source")
    row_number: pl.Int64 = col("running number within table and file", of="source", ge=1)
    line: pl.Int64 = col("line in that file, where known", of="source", null=True)
    reason: pl.String = col("why it was set aside", of="source")
    row_text: pl.String = col("the row, shortened to 500 characters", of="source", null=True)
