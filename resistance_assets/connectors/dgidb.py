"""Interactions of drugs and genes of DGIdb (https://dgidb.org/downloads), `interactions.tsv`.

Here belongs reading the tab-separated file as its host writes it, in the layout since 2023 and in the one before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.connectors.formats.delimited import read_bytes, split_text

# Our name -> the columns that hold it, the present layout's first.
COLUMNS: dict[str, tuple[str, ...]] = {
    "gene_symbol": ("gene_name",),
    "drug_name": ("drug_name",),
    "interaction_type": ("interaction_type", "interaction_types"),
    "database": ("interaction_source_db_name", "interaction_claim_source"),
    "is_approved": ("approved", "drug_is_approved"),
}
OPTIONAL = ("is_approved",)

INTERACTIONS_SCHEMA: dict[str, Any] = {
    "gene_symbol": pl.String,
    "drug_name": pl.String,
    "interaction_types": pl.String,
    "databases": pl.String,
    "is_approved": pl.Boolean,
    "n_claims": pl.Int64,
}


def read_dgidb(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Interactions, one row per gene and drug.

    Returns:
        interactions: columns of `INTERACTIONS_SCHEMA`; types and databases each joined by |, `is_approved` null where
            the file does not say, `n_claims` the rows of the file that the row stands for.
        rejected: source, line, reason, row: rows without a gene or a drug. Rows in = sum of n_claims + rejected.

    Raises:
        DataFault: the file is empty, ragged, or lacks a column.
    """
    text = split_text(read_bytes(path), source=path.name)
    header = text.frame(nulls=["NULL", "NA", "null"])
    chosen = {}
    for name, candidates in COLUMNS.items():
        present = [one for one in candidates if one in header.columns]
        if not present and name not in OPTIONAL:
            text.require(candidates[:1])
        chosen[name] = pl.col(present[0]).str.strip_chars().replace("", None) if present else pl.lit(None, pl.String)
    rows = header.select(**chosen)
    reasons = rows.select(
        pl.when(pl.col("gene_symbol").is_null())
        .then(pl.lit("no gene is named"))
        .when(pl.col("drug_name").is_null())
        .then(pl.lit("no drug is named"))
        .alias("reason")
    )["reason"]
    bad = reasons.is_not_null().arg_true().to_list()

    def joined(name: str) -> pl.Expr:
        found = pl.col(name).drop_nulls().unique().sort()
        return pl.when(found.len() > 0).then(found.str.join("|"))

    approved = pl.col("is_approved").str.to_lowercase()
    kept = (
        rows.filter(reasons.is_null())
        .with_columns(
            drug_name=pl.col("drug_name").str.to_lowercase(),
            is_approved=pl.when(approved.is_in(["true", "t", "1"]))
            .then(pl.lit(True))
            .when(approved.is_in(["false", "f", "0"]))
            .then(pl.lit(False)),
        )
        .group_by("gene_symbol", "drug_name")
        .agg(
            joined("interaction_type").alias("interaction_types"),
            joined("database").alias("databases"),
            pl.col("is_approved").any().alias("is_approved"),
            pl.len().cast(pl.Int64).alias("n_claims"),
            pl.col("is_approved").is_not_null().any().alias("_told"),
        )
        .with_columns(is_approved=pl.when("_told").then("is_approved"))
        .sort("gene_symbol", "drug_name")
        .select(list(INTERACTIONS_SCHEMA))
    )
    return kept, text.reject(bad, [str(reasons[row]) for row in bad])
