"""Models of raw.hgnc__*: the gene names of HGNC."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.hgnc__genes",
    grain="one row per HGNC id",
    key=("hgnc_id",),
    limitation="one approved symbol is not one locus in every annotation: some map to several Ensembl genes",
)
class RawHgncGenes(TableModel):
    """HGNC's complete set; multiple values in a cell are joined by |."""

    hgnc_id: pl.String = col("HGNC id", of="source", str_matches=r"^HGNC:\d+$")
    symbol: pl.String = col("approved symbol", of="source")
    name: pl.String = col("approved name", of="source", null=True)
    locus_group: pl.String = col("protein-coding gene, non-coding RNA ...", of="source", null=True)
    locus_type: pl.String = col("finer class of locus", of="source", null=True)
    status: pl.String = col("Approved or Entry Withdrawn", of="source")
    location: pl.String = col("cytogenetic band", of="source", null=True)
    alias_symbol: pl.String = col("aliases, joined by |", of="source", null=True)
    prev_symbol: pl.String = col("previous symbols, joined by |", of="source", null=True)
    gene_group: pl.String = col("gene families, joined by |", of="source", null=True)
    entrez_id: pl.Int64 = col("NCBI Gene id", of="source", null=True)
    ensembl_gene_id: pl.String = col("Ensembl gene id", of="source", null=True)
    uniprot_ids: pl.String = col("UniProt accessions, joined by |", of="source", null=True)
    refseq_accession: pl.String = col("RefSeq accessions, joined by |", of="source", null=True)
