"""Models of parts.single_cell__*: what was read of one sample, kept in the lake and not published."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


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
    species: pl.String = col("human or mouse", of="source")


@table(
    "parts.single_cell__barcodes",
    grain="one row per barcode of a sample",
    key=("cell_number",),
    limitation="a barcode is a droplet, which may hold no cell, or two",
)
class PartBarcodes(TableModel):
    """Barcodes of one sample, and what its reader set aside."""

    cell_number: pl.Int64 = col("number of the cell, from 0", of="source", ge=0)
    barcode: pl.String = col("barcode", of="source")
    note: pl.String = col("what the reader set aside of the sample", null=True, of="source")
