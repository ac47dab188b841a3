"""Models of staging.gene_sets__*: gene sets with approved symbols."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import SYMBOL


@table(
    "staging.gene_sets__members",
    grain="one row per collection, term and gene",
    key=("collection", "term_id", "hgnc_symbol"),
    limitation="sets of a collection overlap heavily, so their p-values are not independent",
)
class StagedGeneSetMembers(TableModel):
    """Gene sets in resolved symbols."""

    collection: pl.String = col("collection of the catalog")
    term_id: pl.String = col("vendor's id, else the term")
    term: pl.String = col("name of the set")
    hgnc_symbol: pl.String = col(SYMBOL)
