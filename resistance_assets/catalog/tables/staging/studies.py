"""Models of staging.studies__*: measured features of expression studies."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import SYMBOL


@table(
    "staging.studies__features",
    grain="one row per study and feature",
    key=("study_id", "feature_id"),
    limitation="two features may name one gene; then neither takes the other's symbol",
)
class StudyFeatures(TableModel):
    """Genes of laboratory studies with resolved symbols."""

    study_id: pl.String = col("study")
    feature_id: pl.String = col("feature as the study names it")
    hgnc_symbol: pl.String = col(SYMBOL)
    entrez_gene_id: pl.Int64 = col("NCBI Gene id", null=True)
    resolution: pl.String = col("how the symbol was resolved")
