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


@table(
    "staging.knowledge__druggable_genes",
    grain="one row per gene that a drug is known to act on",
    key=("hgnc_symbol",),
    limitation="that a drug acts on a gene's product does not say that it helps where the gene resists",
)
class KnowledgeDruggableGenes(TableModel):
    """Genes with the drugs that are known to act on their product; empty without the opt-in source."""

    hgnc_symbol: pl.String = col(SYMBOL)
    druggable_with: pl.String = col("at most ten of them, approved ones first, joined by |")
    n_drugs: pl.Int64 = col("drugs", unit="drugs")
    n_approved_drugs: pl.Int64 = col("of them, approved for some use", unit="drugs")
