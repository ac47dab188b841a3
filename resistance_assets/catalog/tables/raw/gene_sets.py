"""Models of raw.gene_sets__*: gene set collections."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.gene_sets__members",
    grain="one row per collection, term and gene",
    key=("collection", "term_id", "gene_symbol"),
    limitation="absence from a set is not evidence that the gene has nothing to do with the term",
)
class RawGeneSetMembers(TableModel):
    """Gene sets in the vendor's symbols."""

    collection: pl.String = col("collection of the catalog", of="source")
    term_id: pl.String = col("vendor's id where it has one, else the term itself", of="source")
    term: pl.String = col("vendor's name of the set", of="source")
    gene_symbol: pl.String = col(
        "vendor's gene symbol; where the vendor names genes by id, that id (HGNC:123, hsa:123)", of="source"
    )
