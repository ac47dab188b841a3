"""Models of raw.interactions__*: protein and gene interactions."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.interactions__pairs",
    grain="one row per database and line of its file",
    key=("database_id", "source_row"),
    limitation="a pair listed here was seen by somebody somewhere: it need not interact in the lung",
)
class InteractionPairs(TableModel):
    """Pairs of interacting genes as the databases list them."""

    database_id: pl.String = col("source of the catalog", of="source")
    source_row: pl.Int64 = col("data row in the file", of="source", ge=1)
    symbol_a: pl.String = col("vendor's symbol of the first gene", of="source", null=True)
    symbol_b: pl.String = col("vendor's symbol of the second gene", of="source", null=True)
    entrez_gene_id_a: pl.Int64 = col("NCBI Gene id", of="source", null=True)
    entrez_gene_id_b: pl.Int64 = col("NCBI Gene id", of="source", null=True)
    experimental_system: pl.String = col("assay", of="source", null=True)
    experimental_system_type: pl.String = col("physical or genetic; null where not given", of="source", null=True)
    organism_id_a: pl.String = col("NCBI taxon", of="source", null=True)
    organism_id_b: pl.String = col("NCBI taxon", of="source", null=True)
    combined_score: pl.Int64 = col(
        "STRING's combined score, out of 1000; null for other databases", null=True, of="source", ge=0, le=1000
    )
