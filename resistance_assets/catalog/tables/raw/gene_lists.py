"""Models of raw.gene_lists__*: published gene lists."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.gene_lists__members",
    grain="one row per list and line of the vendor's file",
    key=("list_id", "source_row"),
    limitation="a symbol is the vendor's at the time of the list, not today's approved one",
)
class RawGeneListMembers(TableModel):
    """Lines of published gene lists, unchanged."""

    list_id: pl.String = col("list of the catalog", of="source")
    source_row: pl.Int64 = col("row number in the file", of="source", ge=1)
    symbol: pl.String = col("vendor's gene symbol", of="source")
    previous_symbols: pl.String = col("comma-separated, as given", of="source", null=True)
    synonyms: pl.String = col("comma-separated, as given", of="source", null=True)
    gene_name: pl.String = col("vendor's gene name", of="source", null=True)
    refseq_name: pl.String = col("vendor's RefSeq symbol", of="source", null=True)
