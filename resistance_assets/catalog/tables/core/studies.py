"""Models of core.studies__*: expression per sample of studies."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "core.studies__gene_expression",
    grain="one row per microarray study, gene and sample",
    key=("study_id", "feature_id", "sample_id"),
    not_true="a gene that is absent was not silent: its probes are of several genes, or below the detection floor",
)
class StudyGeneExpression(TableModel):
    """Log2 expression of microarray studies by gene, after the study's declared rules."""

    study_id: pl.String = col("study", of="raw.studies__probe_intensities.study_id")
    feature_id: pl.String = col("gene symbol of the annotation", of="raw.studies__probe_genes.hgnc_symbol")
    probes: pl.Int64 = col("probes of the gene", unit="probes", of="raw.studies__probe_genes.probe_id", ge=1)
    sample_id: pl.String = col("sample", of="raw.studies__probe_intensities.sample_id")
    expression_log2: pl.Float64 = col("expression", unit="log2", of="raw.studies__probe_intensities.intensity")
