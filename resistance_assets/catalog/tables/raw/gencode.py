"""Models of raw.gencode__*: the gene annotation of GENCODE."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.gencode__genes",
    grain="one row per gene of the annotation, with its version",
    key=("gene_id",),
    limitation="the length is that of all exons together: the transcripts that a cell makes are shorter",
)
class GencodeGenes(TableModel):
    """Genes of a GENCODE release and the length of the union of their exons."""

    gene_id: pl.String = col("Ensembl gene id with its version, and _PAR_Y on chromosome Y", of="source")
    gene_symbol: pl.String = col("GENCODE's gene name", null=True, of="source")
    gene_type: pl.String = col("protein_coding, lncRNA ...", null=True, of="source")
    chromosome: pl.String = col("sequence name", of="source")
    length_bp: pl.Int64 = col("bases that any exon covers", unit="bp", of="source", ge=1)
