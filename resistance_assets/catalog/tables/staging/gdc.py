"""Models of staging.gdc__*: GDC samples and genes under our names."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import SYMBOL


@table(
    "staging.gdc__samples",
    grain="one row per project and file of counts",
    key=("project_id", "file_id"),
    limitation="a recurrent tumour or a metastasis is neither tumour nor normal here and is not analysed",
)
class GdcSamples(TableModel):
    """What each file was sequenced from, and which file stands for a patient's tumour and normal tissue."""

    project_id: pl.String = col("project")
    file_id: pl.String = col("GDC file")
    patient_id: pl.String = col("patient", null=True)
    sample_id: pl.String = col("sample with vial", null=True)
    aliquot_id: pl.String = col("aliquot", null=True)
    sample_type: pl.String = col("host's word", null=True)
    sample_type_code: pl.String = col("TCGA sample type code", null=True)
    tissue: pl.String = col("tumour (01) or normal (11)", null=True, isin=["tumour", "normal"])
    is_analysed: pl.Boolean = col("the first aliquot of the patient's tumour, or of its normal tissue")


@table(
    "staging.gdc__genes",
    grain="one row per project and gene of its gene model",
    key=("project_id", "gene_id"),
    limitation="not every gene of the model has an approved symbol",
)
class GdcResolvedGenes(TableModel):
    """Genes of the gene model with approved symbols and lengths."""

    project_id: pl.String = col("project")
    gene_id: pl.String = col("Ensembl gene id with version")
    hgnc_symbol: pl.String = col(SYMBOL)
    source_symbol: pl.String = col("GENCODE's gene name", null=True)
    resolution: pl.String = col("how the symbol was found")
    gene_type: pl.String = col("GENCODE's gene type", null=True)
    length_bp: pl.Int64 = col("length of the union of its exons", unit="bp", null=True)
