"""Models of raw.gdc__*: files and clinical records of the Genomic Data Commons."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.gdc__files",
    grain="one row per project and file of counts",
    key=("project_id", "file_id"),
    limitation="a file is not a patient: several aliquots of a sample, and several samples of a patient, have files",
)
class GdcFiles(TableModel):
    """Files of open STAR counts and what was sequenced, with the reads that no gene got."""

    project_id: pl.String = col("project of the catalog", of="source")
    file_id: pl.String = col("GDC file", of="source")
    file_name: pl.String = col("its name", of="source")
    md5: pl.String = col("published checksum, with which the file was compared", of="source", null=True)
    size_bytes: pl.Int64 = col("published size", unit="bytes", of="source", null=True, ge=0)
    updated: pl.String = col("when the host last changed it", of="source", null=True)
    patient_id: pl.String = col("TCGA patient barcode", of="source", null=True)
    sample_id: pl.String = col("TCGA sample barcode with vial", of="source", null=True)
    sample_type: pl.String = col("Primary Tumor, Solid Tissue Normal ...", of="source", null=True)
    aliquot_id: pl.String = col("TCGA aliquot barcode", of="source", null=True)
    gene_model: pl.String = col("annotation that the reads were counted on", of="source", null=True)
    n_unmapped: pl.Int64 = col("reads that map nowhere", unit="reads", of="source", null=True, ge=0)
    n_multimapping: pl.Int64 = col("reads that map to many places", unit="reads", of="source", null=True, ge=0)
    n_no_feature: pl.Int64 = col("reads in no gene", unit="reads", of="source", null=True, ge=0)
    n_ambiguous: pl.Int64 = col("reads in several genes", unit="reads", of="source", null=True, ge=0)


@table(
    "raw.gdc__genes",
    grain="one row per project and gene of its gene model",
    key=("project_id", "gene_id"),
    limitation="the length is not published: it is what makes the file's FPKM of its counts, and unknown for a gene"
    " without reads",
)
class GdcGenes(TableModel):
    """Genes that the reads were counted on."""

    project_id: pl.String = col("project of the catalog", of="source")
    gene_id: pl.String = col("Ensembl gene id with version; _PAR_Y = second copy, always 0", of="source")
    gene_symbol: pl.String = col("GENCODE's gene name; may repeat", of="source", null=True)
    gene_type: pl.String = col("GENCODE's gene type", of="source", null=True)
    length_bp: pl.Int64 = col(
        "length of the union of its exons, from counts and FPKM", unit="bp", of="source", null=True, ge=1
    )


@table(
    "raw.gdc__gene_counts",
    grain="one row per project, gene and file in which the gene has a read; a pair that is not here has none",
    key=("project_id", "gene_id", "file_id"),
    limitation="every read is counted as unstranded, whatever the library was",
)
class GdcGeneCounts(TableModel):
    """STAR gene counts, sorted by gene."""

    project_id: pl.String = col("project of the catalog", of="source")
    gene_id: pl.String = col("Ensembl gene id with version", of="source")
    file_id: pl.String = col("GDC file", of="source")
    read_count: pl.Int64 = col("reads (unstranded)", unit="reads", of="source", ge=1)


@table(
    "raw.gdc__cases",
    grain="one row per project and patient",
    key=("project_id", "patient_id"),
    limitation="days_to_last_follow_up of a patient who died is not the time to death",
)
class GdcCases(TableModel):
    """What the clinic reports of the patients, in the host's words."""

    project_id: pl.String = col("project of the catalog", of="source")
    patient_id: pl.String = col("TCGA patient barcode", of="source")
    vital_status: pl.String = col("Alive, Dead or Not Reported", of="source", null=True)
    days_to_death: pl.Int64 = col("from diagnosis", unit="days", of="source", null=True, ge=0)
    days_to_last_follow_up: pl.Int64 = col(
        "from diagnosis, the latest that is known", unit="days", of="source", null=True, ge=0
    )
    age_at_diagnosis_days: pl.Int64 = col("age at diagnosis", unit="days", of="source", null=True)
    sex: pl.String = col("female or male", of="source", null=True, isin=["female", "male"])
    stage: pl.String = col("AJCC pathologic stage", of="source", null=True)
    updated: pl.String = col("when the host last changed the case", of="source", null=True)
