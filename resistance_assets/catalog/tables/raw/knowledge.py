"""Models of raw.knowledge__*: curated knowledge of variants and drugs."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.knowledge__evidence_items",
    grain="one row per source and evidence item",
    key=("source_id", "evidence_id"),
    limitation="what was curated, not what is known: a mechanism that nobody entered has no row",
)
class KnowledgeEvidenceItems(TableModel):
    """Evidence items of CIViC, in the vendor's words."""

    source_id: pl.String = col("source of the catalog", of="source")
    evidence_id: pl.Int64 = col("CIViC evidence item (EID)", of="source")
    molecular_profile: pl.String = col("gene and variant, or several joined by AND, OR and NOT", of="source")
    disease: pl.String = col("disease", of="source", null=True)
    doid: pl.String = col("Disease Ontology id", of="source", null=True)
    therapies: pl.String = col("drugs, between commas", of="source", null=True)
    therapy_interaction_type: pl.String = col("Combination, Sequential or Substitutes", of="source", null=True)
    evidence_type: pl.String = col("Predictive, Prognostic ...", of="source", null=True)
    evidence_direction: pl.String = col("Supports or Does Not Support", of="source", null=True)
    evidence_level: pl.String = col(
        "A validated, B clinical, C case study, D preclinical, E inferential", of="source", isin=list("ABCDE")
    )
    significance: pl.String = col("Resistance, Sensitivity/Response ...", of="source", null=True)
    citation_id: pl.String = col("id of the publication", of="source", null=True)
    source_type: pl.String = col("PubMed, ASCO or ASH", of="source", null=True)
    evidence_status: pl.String = col("accepted or submitted", of="source", null=True)


@table(
    "raw.knowledge__drug_interactions",
    grain="one row per source, gene and drug",
    key=("source_id", "gene_symbol", "drug_name"),
    limitation="an interaction that somebody reported: neither its strength nor that the drug is of use in cancer",
)
class KnowledgeDrugInteractions(TableModel):
    """Drugs that interact with the product of a gene, as DGIdb collects them; opt-in."""

    source_id: pl.String = col("source of the catalog", of="source")
    gene_symbol: pl.String = col("symbol as the source has it", of="source")
    drug_name: pl.String = col("drug, in small letters", of="source")
    interaction_types: pl.String = col("inhibitor, antibody ..., joined by |", of="source", null=True)
    databases: pl.String = col("databases that report it, joined by |", of="source", null=True)
    is_approved: pl.Boolean = col("approved for some use; null where the file does not say", of="source", null=True)
    n_claims: pl.Int64 = col("rows of the file that say so", unit="rows", of="source", ge=1)
