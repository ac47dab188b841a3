"""Models of raw.xena__*: matrices of UCSC Xena."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.xena__expression_values",
    grain="one row per data set, gene row and sample",
    key=("study_id", "stable_id", "gene_row", "sample_id"),
    limitation="not only tumours: samples with type code 11 are normal tissue",
)
class XenaExpressionValues(TableModel):
    """Expression matrices of UCSC Xena, one value per row, sorted by gene."""

    study_id: pl.String = col("cohort of the catalog", of="source")
    stable_id: pl.String = col("data set of the host, as the catalog names it", of="source")
    gene_row: pl.Int64 = col("row of the gene in the host's matrix, from 1", of="source", ge=1)
    gene_symbol: pl.String = col("host's gene symbol", of="source")
    sample_id: pl.String = col("TCGA sample barcode", of="source")
    value: pl.Float64 = col("expression", unit="log2(normalised RSEM + 1)", of="source", null=True)


@table(
    "raw.xena__sample_endpoints",
    grain="one row per cohort, sample and endpoint with an event or a time",
    key=("study_id", "sample_id", "endpoint"),
    limitation="a patient with several samples stands several times: these are not as many patients",
)
class XenaSampleEndpoints(TableModel):
    """Endpoints of TCGA-CDR as UCSC Xena holds them, in days."""

    study_id: pl.String = col("cohort of the catalog", of="source")
    sample_id: pl.String = col("TCGA sample barcode", of="source")
    patient_id: pl.String = col("TCGA patient barcode", of="source")
    endpoint: pl.String = col("OS, DSS, DFI or PFI", of="source", isin=["OS", "DSS", "DFI", "PFI"])
    event_observed: pl.Int64 = col("1 = event, 0 = censored", of="source", null=True, isin=[0, 1])
    time_days: pl.Float64 = col("time to event or last contact", unit="days", of="source", null=True, ge=0)
    redaction: pl.String = col("why the host withdrew the patient", of="source", null=True)
