"""Models of parts.single_cell__*: what was read of one sample, kept in the lake and not published."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table

_UMI = "parts.single_cell__counts.umi"


@table(
    "parts.single_cell__counts",
    grain="one row per gene and cell with a molecule, sorted by gene",
    key=("gene_number", "cell_number"),
    limitation="no row is a count of 0, not a missing one",
)
class PartCounts(TableModel):
    """Sparse counts of one sample: one gene of all cells lies together."""

    gene_number: pl.UInt32 = col("number of the gene among the sample's features, from 0", of="source")
    cell_number: pl.UInt32 = col("number of the cell among the sample's barcodes, from 0", of="source")
    umi: pl.UInt32 = col("molecules", unit="molecules", of="source", ge=1)


@table(
    "parts.single_cell__features",
    grain="one row per gene of a sample",
    key=("gene_number",),
    limitation="one symbol may have two ids, and a mouse symbol may be a human one in other letters",
)
class PartFeatures(TableModel):
    """Genes of one sample."""

    gene_number: pl.Int64 = col("number of the gene, from 0", of="source", ge=0)
    feature_id: pl.String = col("id as the file has it", of="source")
    symbol: pl.String = col("symbol without the prefix of its genome", of="source")
    species: pl.String = col("human or mouse; null for what has no prefix beside both", null=True, of="source")


@table(
    "parts.single_cell__barcodes",
    grain="one row per barcode of a sample",
    key=("cell_number",),
    limitation="a barcode is a droplet, which may hold no cell, or two",
)
class PartBarcodes(TableModel):
    """Barcodes of one sample, what was measured of each alone, and what the sample's reader set aside."""

    cell_number: pl.Int64 = col("number of the cell, from 0", of="source", ge=0)
    barcode: pl.String = col("barcode", of="source")
    total_umi: pl.Int64 = col("molecules", unit="molecules", of=_UMI, ge=0)
    detected_genes: pl.Int64 = col("genes with a molecule", unit="genes", of=_UMI, ge=0)
    mitochondrial_umi: pl.Int64 = col("molecules of genes that begin with mt-", unit="molecules", of=_UMI, ge=0)
    top50_umi: pl.Int64 = col("molecules of the 50 leading genes", unit="molecules", of=_UMI, ge=0)
    human_umi: pl.Int64 = col(
        "molecules of human genes; null with one species", unit="molecules", null=True, of=_UMI, ge=0
    )
    mouse_umi: pl.Int64 = col("the others; null with one species", unit="molecules", null=True, of=_UMI, ge=0)
    doublet_score: pl.Float64 = col(
        "likeness to the sum of two cells of the sample; null below minimum_umi, and with fewer than 50 cells",
        null=True,
        of=_UMI,
        ge=0,
        le=1,
    )
    note: pl.String = col("what the reader set aside of the sample", null=True, of="source")
