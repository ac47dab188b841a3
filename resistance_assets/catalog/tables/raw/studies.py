"""Models of raw.studies__*: samples and values of expression studies."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.raw.cbioportal import CbioportalMutations, CbioportalStructuralVariants
from resistance_assets.catalog.tables.shared_columns import P_CHECK


@table(
    "raw.studies__samples",
    grain="one row per study, sample and factor or covariate that is not blank",
    key=("study_id", "sample_id", "attribute_id"),
    limitation="two samples are not two patients: aliquots of one tumour occur",
)
class RawStudySamples(TableModel):
    """Sample sheets of laboratory studies, unchanged, and of public ones, with the group of each sample."""

    study_id: pl.String = col("study", of="source")
    sample_id: pl.String = col("sample as the study names it", of="source")
    attribute_id: pl.String = col("column of the sample sheet", of="source")
    value: pl.String = col("cell as text", of="source")


@table(
    "raw.studies__warnings",
    grain="one row per study and warning",
    key=("study_id", "warning_number"),
    limitation="a warning is no error: nothing was left out for it",
)
class RawStudyWarnings(TableModel):
    """What may not be meant in a study's files: levels that differ by capitals, samples that disagree or repeat."""

    study_id: pl.String = col("study", of="source")
    warning_number: pl.Int64 = col("number of the warning, from 1", of="source", ge=1)
    source: pl.String = col("file, under its study", of="source")
    place: pl.String = col("column, sample or patient in it", of="source")
    warning: pl.String = col("what was found", of="source")


@table(
    "raw.studies__gene_sample_counts",
    grain="one row per study, feature and sample",
    key=("study_id", "feature_id", "sample_id"),
    limitation="not always raw reads: some studies normalised before they published",
)
class RawStudyCounts(TableModel):
    """Count tables of laboratory and public studies, one value per row."""

    study_id: pl.String = col("study", of="source")
    feature_id: pl.String = col("first column of the count table; Ensembl id of quantified reads", of="source")
    sample_id: pl.String = col("sample as the study names it", of="source")
    read_count: pl.Int64 = col("read count", unit="reads", of="source", ge=0)


@table(
    "raw.studies__probe_intensities",
    grain="one row per study, probe and sample",
    key=("study_id", "probe_id", "sample_id"),
    limitation="a probe is not a gene, and intensities of two probes cannot be compared",
)
class RawProbeIntensities(TableModel):
    """Microarray matrices of laboratory studies, as given."""

    study_id: pl.String = col("study", of="source")
    probe_id: pl.String = col("probe as the study names it", of="source")
    sample_id: pl.String = col("sample as the study names it", of="source")
    intensity: pl.Float64 = col("intensity", unit="as given, linear or log2", of="source")


@table(
    "raw.studies__probe_genes",
    grain="one row per study and probe of exactly one gene",
    key=("study_id", "probe_id"),
    limitation="not every probe of the array: those of no gene or of several are in raw.rejected_rows",
)
class RawProbeGenes(TableModel):
    """Which gene each probe measures, in the symbols of the annotation."""

    study_id: pl.String = col("study", of="source")
    probe_id: pl.String = col("probe as the study names it", of="source")
    hgnc_symbol: pl.String = col("gene symbol as given", of="source")


@table(
    "raw.studies__published_results",
    grain="one row per contrast and feature of a published differential-expression table",
    key=("contrast_id", "feature_id"),
    limitation="the p-values are the publisher's and were not recomputed here",
)
class RawPublishedResults(TableModel):
    """Finished differential-expression tables of laboratory studies, in our column names."""

    study_id: pl.String = col("study", of="source")
    contrast_id: pl.String = col("contrast", of="source")
    feature_id: pl.String = col("probe or gene as given", of="source")
    hgnc_symbol: pl.String = col("gene symbol as given; several are joined as in the file", of="source", null=True)
    entrez_gene_id: pl.String = col("NCBI Gene id as given; several are joined as in the file", of="source", null=True)
    log2_fold_change: pl.Float64 = col("numerator over denominator", unit="log2", of="source", null=True)
    p_value: pl.Float64 = col("two-sided, not adjusted", of="source", null=True, **P_CHECK)
    q_value: pl.Float64 = col("adjusted for multiple testing, as published", of="source", null=True, **P_CHECK)


@table(
    "raw.studies__accessions",
    grain="one row per public study and accession",
    key=("study_id", "accession"),
    limitation="the number of samples is not that of analysed ones: some are of no group",
)
class RawStudyAccessions(TableModel):
    """Accessions of public studies as their hosts tell of them."""

    study_id: pl.String = col("study", of="source")
    accession: pl.String = col("accession", of="source")
    title: pl.String = col("title as given", of="source", null=True)
    modified: pl.String = col(
        "the host's own mark of a change: a date, or milliseconds since 1970", of="source", null=True
    )
    samples: pl.Int64 = col("samples of the sheet", unit="samples", of="source", ge=0)
    samples_in_groups: pl.Int64 = col(
        "samples that a rule of the catalog put in a group", unit="samples", of="source", ge=0
    )
    sequencing_runs: pl.Int64 = col("runs that ENA reports", unit="runs", of="source", ge=0)
    files: pl.Int64 = col("files of the record", unit="files", of="source", ge=0)
    processed_files: pl.Int64 = col("files of processed data in the record", unit="files", of="source", ge=0)
    sheet_differences: pl.Int64 = col("points in which sample sheet and ENA differ", of="source", ge=0)
    values_note: pl.String = col("which values it holds, or why it holds none that are used", of="source")
    notes: pl.String = col("what could not be had on the way", of="source", null=True)


@table(
    "raw.studies__record_files",
    grain="one row per public study, accession and file of its record",
    key=("study_id", "accession", "path"),
    limitation="not what was fetched: only sheets and processed tables are",
)
class RawStudyRecordFiles(TableModel):
    """Files that the records of public studies list."""

    study_id: pl.String = col("study", of="source")
    accession: pl.String = col("accession", of="source")
    path: pl.String = col("path in the record", of="source")
    size_bytes: pl.Int64 = col("size", unit="bytes", of="source", null=True, ge=0)
    file_type: pl.String = col("type as the record names it", of="source", null=True)
    description: pl.String = col("description as given", of="source", null=True)
    is_processed: pl.Boolean = col("whether the record calls it processed data", of="source")


@table(
    "raw.studies__sequence_files",
    grain="one row per public study, sequencing run and file, as ENA reports it",
    key=("study_id", "run_accession", "origin", "file_name"),
    limitation="a file here was not always fetched: processed counts are used first",
)
class RawStudySequenceFiles(TableModel):
    """Files of the sequencing runs of public studies, with their published checksums."""

    study_id: pl.String = col("study", of="source")
    accession: pl.String = col("accession", of="source")
    run_accession: pl.String = col("ENA run", of="source")
    origin: pl.String = col("fastq (made by ENA) or submitted", of="source", isin=["fastq", "submitted"])
    file_name: pl.String = col("file", of="source")
    read: pl.String = col("1, 2, single or orphan; null where it is no FASTQ", of="source", null=True)
    is_preferred: pl.Boolean = col("whether it is what a quantification reads", of="source")
    url: pl.String = col("address", of="source")
    md5: pl.String = col("published checksum", of="source", null=True)
    size_bytes: pl.Int64 = col("published size", unit="bytes", of="source", null=True, ge=0)


@table(
    "raw.studies__sheet_differences",
    grain="one row per point in which sample sheet and ENA say different things",
    key=("study_id", "accession", "difference_number"),
    limitation="a difference is not always a fault: names of files change when an archive rewrites them",
)
class RawStudySheetDifferences(TableModel):
    """Sample sheets of public studies held against ENA's report of their runs."""

    study_id: pl.String = col("study", of="source")
    accession: pl.String = col("accession", of="source")
    difference_number: pl.Int64 = col("number of the difference, by run", of="source", ge=1)
    run_accession: pl.String = col("ENA run", of="source", null=True)
    field: pl.String = col("what was compared", of="source")
    difference: pl.String = col("how they differ", of="source")
    sheet_value: pl.String = col("as the sample sheet says", of="source", null=True)
    ena_value: pl.String = col("as ENA says", of="source", null=True)


@table(
    "raw.studies__measurements",
    grain="one row per public study",
    key=("study_id",),
    limitation="the measurement is not declared in the catalog: it is what the accession turned out to hold",
)
class RawStudyMeasurements(TableModel):
    """What the values of public studies are, where they were taken from, and why."""

    study_id: pl.String = col("study", of="source")
    measurement: pl.String = col("read counts, or intensities of an array", of="source", isin=["counts", "array"])
    values_from: pl.String = col(
        "processed counts of the record or supplementary files, kallisto on the reads, counts that NCBI generated, or "
        "the series matrix",
        of="source",
        isin=["processed_counts", "kallisto", "ncbi_counts", "series_matrix"],
    )
    statement: pl.String = col("which values were taken and why", of="source")
    scale: pl.String = col("scale of the values, and what speaks for it", of="source", null=True)
    platform: pl.String = col("GEO platform of an array", of="source", null=True)
    reference: pl.String = col("what names the genes: annotation or transcriptome", of="source", null=True)


@table(
    "raw.studies__gene_quantities",
    grain="one row per study, gene and sample that was quantified",
    key=("study_id", "gene_id", "sample_id"),
    limitation="the counts are estimates, and length_scaled_count is rounded where a test needs whole numbers",
)
class RawStudyGeneQuantities(TableModel):
    """Estimates of kallisto by gene (Bray 2016; summed as tximport does, Soneson 2015)."""

    study_id: pl.String = col("study", of="source")
    gene_id: pl.String = col("Ensembl gene id with its version", of="source")
    gene_symbol: pl.String = col("GENCODE's gene name", of="source", null=True)
    sample_id: pl.String = col("sample", of="source")
    estimated_count: pl.Float64 = col("estimated reads, summed over transcripts", unit="reads", of="source", ge=0)
    tpm: pl.Float64 = col("abundance", unit="TPM", of="source", ge=0)
    effective_length_bp: pl.Float64 = col("mean effective length, weighted by TPM", unit="bp", of="source", ge=0)
    length_scaled_count: pl.Float64 = col(
        "TPM times the gene's mean length, at the depth of the sample", unit="reads", of="source", ge=0
    )


@table(
    "raw.studies__quantified_samples",
    grain="one row per study and sample that was quantified",
    key=("study_id", "sample_id"),
    limitation="reads that do not map are not always foreign: introns and new transcripts are not in the reference",
)
class RawStudyQuantifiedSamples(TableModel):
    """How much of each sample's reads was placed on the transcriptome."""

    study_id: pl.String = col("study", of="source")
    sample_id: pl.String = col("sample", of="source")
    runs: pl.String = col("sequencing runs of the sample, joined by |", of="source")
    reads: pl.Int64 = col("reads, or read pairs", unit="reads", of="source", ge=0)
    mapped_reads: pl.Int64 = col("reads that map", unit="reads", of="source", ge=0)
    mapped_percent: pl.Float64 = col("share that maps", unit="%", of="source", ge=0, le=100)
    transcripts: pl.Int64 = col("transcripts of the reference", unit="transcripts", of="source", ge=1)
    kallisto_version: pl.String = col("version of the program", of="source")


@table(
    "raw.studies__mutations",
    grain="one row per study and line of its mutation file that is kept",
    key=("study_id", "mutation_number"),
    limitation="a gene without a mutation here was not shown to have none: the sample need not have been sequenced",
)
class RawStudyMutations(CbioportalMutations):
    """Mutations of laboratory cohorts, in the words of their files."""


@table(
    "raw.studies__structural_variants",
    grain="one row per study and line of its file of fusions that is kept",
    key=("study_id", "variant_number"),
    limitation="a fusion of two genes here was called, not validated",
)
class RawStudyStructuralVariants(CbioportalStructuralVariants):
    """Fusions of laboratory cohorts, in the words of their files."""


@table(
    "raw.studies__layer_values",
    grain="one row per study, layer, row of its matrix and sample",
    key=("study_id", "layer", "feature_row", "sample_id"),
    limitation="values of two layers are on two scales",
)
class RawStudyLayerValues(TableModel):
    """Copy number, methylation and protein of laboratory cohorts, one value per row."""

    study_id: pl.String = col("study", of="source")
    layer: pl.String = col(
        "what was measured", of="source", isin=["copy_number", "log2_copy_number", "methylation", "protein"]
    )
    feature_row: pl.Int64 = col("line of the feature in the file", of="source", ge=1)
    feature_id: pl.String = col("gene, probe or antibody as the file names the row", of="source")
    hugo_symbol: pl.String = col("gene as the file names it, where it does", of="source", null=True)
    sample_id: pl.String = col("sample as the study names it", of="source")
    value: pl.Float64 = col(
        "GISTIC call, log2 ratio, share of methylated copies, or protein level as given", of="source", null=True
    )


@table(
    "raw.studies__profiled_samples",
    grain="one row per study, layer and sample that the study says was looked at for it",
    key=("study_id", "layer", "sample_id"),
    limitation="a study that does not say whom it sequenced has no row: then nobody is known to be clear",
)
class RawStudyProfiledSamples(TableModel):
    """Samples of laboratory cohorts that were sequenced, whether or not anything was found."""

    study_id: pl.String = col("study", of="source")
    layer: pl.String = col("what was looked for", of="source", isin=["mutations", "fusions"])
    sample_id: pl.String = col("sample as the study names it", of="source")
    gene_panel_id: pl.String = col("panel that was sequenced; null where all genes were", of="source", null=True)


@table(
    "raw.studies__panel_genes",
    grain="one row per study, gene panel and gene",
    key=("study_id", "gene_panel_id", "hugo_symbol"),
    limitation="a panel may hold hotspots of a gene alone",
)
class RawStudyPanelGenes(TableModel):
    """Genes of the panels that laboratory cohorts were sequenced with."""

    study_id: pl.String = col("study", of="source")
    gene_panel_id: pl.String = col("panel", of="source")
    hugo_symbol: pl.String = col("gene symbol as the file has it", of="source")
