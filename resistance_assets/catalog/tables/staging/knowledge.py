"""Models of staging.knowledge__*: curated knowledge under our names."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import SYMBOL


@table(
    "staging.knowledge__resistance_evidence",
    grain="one row per evidence item, gene of its molecular profile, variant and drug",
    key=("source_id", "evidence_id", "hgnc_symbol", "variant", "drug"),
    limitation="of a profile of several genes each has a row: the item speaks of them together",
)
class KnowledgeResistanceEvidence(TableModel):
    """Evidence that a variant goes with resistance to a drug, or with reduced sensitivity."""

    source_id: pl.String = col("source of the catalog")
    evidence_id: pl.Int64 = col("CIViC evidence item (EID)")
    hgnc_symbol: pl.String = col(SYMBOL)
    variant: pl.String = col("variant of the gene, as named there; empty where the gene alone is named")
    molecular_profile: pl.String = col("the whole profile")
    drug: pl.String = col("drug, in small letters")
    disease: pl.String = col("disease", null=True)
    evidence_level: pl.String = col("A validated, B clinical, C case study, D preclinical, E inferential")
    direction: pl.String = col("supports or does_not_support", isin=["supports", "does_not_support"])
    significance: pl.String = col("Resistance or Reduced Sensitivity")
    pubmed_id: pl.String = col("PubMed id of the publication; null for other sources", null=True)
    evidence_status: pl.String = col("accepted or submitted", null=True)
