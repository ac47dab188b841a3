"""Models of staging.cohorts__*: patients, samples and values of cohorts under our names."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import SYMBOL


@table(
    "staging.cohorts__patients",
    grain="one row per cohort and patient",
    key=("cohort_id", "patient_id"),
    limitation="not every patient has expression, or any follow-up",
)
class CohortPatients(TableModel):
    """Patients with what regression models adjust for."""

    cohort_id: pl.String = col("cohort")
    patient_id: pl.String = col("patient (TCGA: 12-character barcode)")
    age_years: pl.Float64 = col("age at diagnosis", unit="years", null=True, ge=0, le=120)
    sex: pl.String = col("female or male", null=True, isin=["female", "male"])
    stage: pl.String = col("AJCC stage as given", null=True)
    stage_group: pl.String = col("I, II, III or IV", null=True, isin=["I", "II", "III", "IV"])
    tumour_purity: pl.Float64 = col("share of tumour cells in the sample", unit="share", null=True, ge=0, le=1)


@table(
    "staging.cohorts__patient_endpoints",
    grain="one row per cohort, patient and endpoint with a status",
    key=("cohort_id", "patient_id", "endpoint"),
    limitation="a patient without a time cannot enter a model, and time 0 carries no information",
)
class PatientEndpoints(TableModel):
    """Follow-up: months and whether the event was seen."""

    cohort_id: pl.String = col("cohort")
    patient_id: pl.String = col("patient")
    endpoint: pl.String = col("OS, DSS, DFS or PFS", isin=["OS", "DSS", "DFS", "PFS", "DFI", "PFI"])
    time_months: pl.Float64 = col("time from diagnosis to event or last contact", unit="months", null=True)
    event_observed: pl.Int64 = col("1 = event, 0 = censored", isin=[0, 1])


@table(
    "staging.cohorts__samples",
    grain="one row per cohort and sample",
    key=("cohort_id", "sample_id"),
    limitation="a sample is not a patient: recurrences and metastases are samples too",
)
class CohortSamples(TableModel):
    """Samples, and which one stands for its patient."""

    cohort_id: pl.String = col("cohort")
    sample_id: pl.String = col("sample")
    patient_id: pl.String = col("patient")
    sample_type: pl.String = col("vendor's word: Primary, Recurrence ...", null=True)
    sample_type_code: pl.String = col("TCGA sample type code, 01 = primary tumour", null=True)
    is_analysed: pl.Boolean = col("stands for its patient in every analysis: the first sample of an allowed type")


@table(
    "staging.cohorts__genes",
    grain="one row per cohort and gene of its expression profile",
    key=("cohort_id", "hgnc_symbol"),
    limitation="a cohort's genes need not be the whole transcriptome",
)
class CohortGenes(TableModel):
    """Genes of the expression profile in use, with resolved symbols."""

    cohort_id: pl.String = col("cohort")
    hgnc_symbol: pl.String = col(SYMBOL)
    source_symbol: pl.String = col("symbol as the vendor gives it")
    entrez_gene_id: pl.Int64 = col("NCBI Gene id", null=True)
    resolution: pl.String = col("how the symbol was resolved")
    profile_id: pl.String = col("profile the values come from")
    expression_scale: pl.String = col("scale of the values, from the vendor's datatype")


@table(
    "staging.cohorts__gene_expression",
    grain="one row per cohort, gene and patient",
    key=("cohort_id", "hgnc_symbol", "patient_id"),
    limitation="genes cannot be compared with one another where the scale is a z-score per gene",
)
class CohortGeneExpression(TableModel):
    """Tumour expression, one sample per patient, sorted by gene."""

    cohort_id: pl.String = col("cohort")
    hgnc_symbol: pl.String = col(SYMBOL)
    patient_id: pl.String = col("patient")
    expression_value: pl.Float64 = col("expression", unit="see staging.cohorts__genes.expression_scale", null=True)


@table(
    "staging.cohorts__gene_copy_number",
    grain="one row per cohort, gene and patient",
    key=("cohort_id", "hgnc_symbol", "patient_id"),
    limitation="thresholded calls are not copy numbers",
)
class CohortGeneCopyNumber(TableModel):
    """Copy-number calls, one sample per patient."""

    cohort_id: pl.String = col("cohort")
    hgnc_symbol: pl.String = col(SYMBOL)
    patient_id: pl.String = col("patient")
    gistic_call: pl.Int64 = col("-2 deep loss, -1 loss, 0 neutral, 1 gain, 2 amplification", null=True, ge=-2, le=2)


class _CohortGeneValues(TableModel):
    cohort_id: pl.String = col("cohort")
    hgnc_symbol: pl.String = col(SYMBOL)
    patient_id: pl.String = col("patient")


@table(
    "staging.cohorts__gene_z_scores",
    grain="one row per cohort, gene and patient",
    key=("cohort_id", "hgnc_symbol", "patient_id"),
    limitation="empty where z-scores are the expression in use: then they stand in staging.cohorts__gene_expression",
)
class CohortGeneZScores(_CohortGeneValues):
    """Expression as z-scores, one sample per patient, of the first such profile that was loaded."""

    z_score: pl.Float64 = col("expression", unit="standard deviations of the profile's reference", null=True)


@table(
    "staging.cohorts__gene_log2_copy_number",
    grain="one row per cohort, gene and patient",
    key=("cohort_id", "hgnc_symbol", "patient_id"),
    limitation="not corrected for the share of normal cells in the sample",
)
class CohortGeneLog2CopyNumber(_CohortGeneValues):
    """Continuous copy number, one sample per patient."""

    log2_copy_number: pl.Float64 = col("copy number over that of the normal genome", unit="log2", null=True)


class _CohortFeatureValues(TableModel):
    cohort_id: pl.String = col("cohort")
    profile_id: pl.String = col("profile the values come from")
    feature_id: pl.String = col("antibody or probe as the vendor names it")
    hgnc_symbol: pl.String = col("approved symbol of its gene, else the vendor's", null=True)
    patient_id: pl.String = col("patient")


@table(
    "staging.cohorts__protein_levels",
    grain="one row per cohort, profile, antibody and patient",
    key=("cohort_id", "profile_id", "feature_id", "patient_id"),
    limitation="several antibodies of one gene, such as one for a phosphorylated form, are rows of their own",
)
class CohortProteinLevels(_CohortFeatureValues):
    """Protein levels, one sample per patient."""

    protein_level: pl.Float64 = col("protein level", unit="as the profile describes", null=True)


@table(
    "staging.cohorts__methylation",
    grain="one row per cohort, profile, probe and patient",
    key=("cohort_id", "profile_id", "feature_id", "patient_id"),
    limitation="one probe is not the methylation of its gene",
)
class CohortMethylation(_CohortFeatureValues):
    """Methylation of probes, one sample per patient."""

    beta_value: pl.Float64 = col("share of methylated copies", unit="0 to 1", null=True)


@table(
    "staging.cohorts__mutations",
    grain="one row per cohort and mutation of a sample",
    key=("cohort_id", "mutation_number"),
    limitation="silent and intronic mutations are here too: read variant_classification",
)
class CohortMutations(TableModel):
    """Mutations, with resolved symbols."""

    cohort_id: pl.String = col("cohort")
    mutation_number: pl.Int64 = col("number in raw.cbioportal__mutations", ge=1)
    patient_id: pl.String = col("patient; null where the sample is not in the clinical table", null=True)
    sample_id: pl.String = col("sample")
    is_analysed_sample: pl.Boolean = col("whether the sample stands for its patient")
    hgnc_symbol: pl.String = col(SYMBOL)
    source_symbol: pl.String = col("symbol as the vendor gives it", null=True)
    variant_classification: pl.String = col("Missense_Mutation, Silent ...", null=True)
    variant_type: pl.String = col("SNP, INS, DEL ...", null=True)
    protein_change: pl.String = col("HGVS, short (p.L858R)", null=True)
    chromosome: pl.String = col("chromosome", null=True)
    start_position: pl.Int64 = col("first position", unit="bp from 1", null=True)
    reference_allele: pl.String = col("as in the genome", null=True)
    tumor_allele: pl.String = col("as in the tumour", null=True)
    is_protein_changing: pl.Boolean = col("whether its class changes the protein or a splice site")
    allele_fraction: pl.Float64 = col(
        "reads of the tumour allele over all reads there", unit="0 to 1", null=True, ge=0, le=1
    )


@table(
    "staging.cohorts__profiled_patients",
    grain="one row per cohort, layer and patient whose analysed sample was looked at",
    key=("cohort_id", "layer", "patient_id"),
    limitation="an archive that does not say whom it sequenced has no row here",
)
class CohortProfiledPatients(TableModel):
    """Patients who were looked at for mutations, copy number or fusions, whether or not anything was found."""

    cohort_id: pl.String = col("cohort")
    layer: pl.String = col("mutations, copy_number or fusions")
    patient_id: pl.String = col("patient")
    gene_panel_id: pl.String = col("panel that was sequenced; null where all genes were", null=True)


@table(
    "staging.cohorts__panel_genes",
    grain="one row per cohort, gene panel and gene",
    key=("cohort_id", "gene_panel_id", "hgnc_symbol"),
    limitation="a panel may cover a few exons of a gene alone",
)
class CohortPanelGenes(TableModel):
    """Genes of the panels that patients of a cohort were sequenced with, with resolved symbols."""

    cohort_id: pl.String = col("cohort")
    gene_panel_id: pl.String = col("panel")
    hgnc_symbol: pl.String = col(SYMBOL)


@table(
    "staging.cohorts__structural_variants",
    grain="one row per cohort and structural variant of a sample",
    key=("cohort_id", "variant_number"),
    limitation="the order of the two genes need not be that of the transcript",
)
class CohortStructuralVariants(TableModel):
    """Structural variants, with resolved symbols."""

    cohort_id: pl.String = col("cohort")
    variant_number: pl.Int64 = col("number in raw.cbioportal__structural_variants", ge=1)
    patient_id: pl.String = col("patient; null where the sample is not in the clinical table", null=True)
    sample_id: pl.String = col("sample")
    is_analysed_sample: pl.Boolean = col("whether the sample stands for its patient")
    hgnc_symbol_site1: pl.String = col("gene at the first site", null=True)
    hgnc_symbol_site2: pl.String = col("gene at the second site", null=True)
    variant_class: pl.String = col("FUSION, DELETION ...", null=True)
    event_info: pl.String = col("what happened, in the vendor's words", null=True)


@table(
    "staging.cohorts__timeline",
    grain="one row per cohort, timeline file and event",
    key=("cohort_id", "file", "event_number"),
    limitation="absence of an event does not say that it did not happen",
)
class CohortTimeline(TableModel):
    """Events of patients over time."""

    cohort_id: pl.String = col("cohort")
    file: pl.String = col("file in the archive")
    event_number: pl.Int64 = col("row of the file, from 1", ge=1)
    patient_id: pl.String = col("patient")
    event_type: pl.String = col("TREATMENT, SPECIMEN, STATUS ...")
    start_days: pl.Int64 = col("first day", unit="days from diagnosis", null=True)
    stop_days: pl.Int64 = col("last day", unit="days from diagnosis", null=True)
    treatment_type: pl.String = col("vendor's TREATMENT_TYPE", null=True)
    agent: pl.String = col("vendor's AGENT", null=True)
    details: pl.String = col("all cells of the event, as attribute=value joined by ;")
