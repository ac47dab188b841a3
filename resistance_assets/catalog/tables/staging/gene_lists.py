"""Models of staging.gene_lists__*: published gene lists with approved symbols."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import SYMBOL


@table(
    "staging.gene_lists__members",
    grain="one row per published list and gene",
    key=("list_id", "hgnc_symbol"),
    limitation="lines of the vendor that resolve to one gene are one row here, so counts differ from the file",
)
class StagedGeneListMembers(TableModel):
    """Published gene lists in resolved symbols."""

    list_id: pl.String = col("list of the catalog")
    hgnc_symbol: pl.String = col(SYMBOL)
    source_symbols: pl.String = col("vendor's symbols, joined by |")
    resolution: pl.String = col("how the symbol was resolved")
