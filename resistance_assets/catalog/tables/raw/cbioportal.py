"""Models of raw.cbioportal__*: cohort archives of cBioPortal."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.cbioportal__attributes",
    grain="one row per study, level and clinical attribute",
    key=("study_id", "level", "attribute_id"),
    limitation="the vendor's datatype is not always what the cells hold",
)
class CbioportalAttributes(TableModel):
    """Clinical attributes as the four # rows of cBioPortal's clinical files declare them."""

    study_id: pl.String = col("cBioPortal study", of="source")
    level: pl.String = col("patient or sample", of="source", isin=["patient", "sample"])
    attribute_id: pl.String = col("vendor's column name", of="source")
    display_name: pl.String = col("vendor's display name", of="source", null=True)
    description: pl.String = col("vendor's description", of="source", null=True)
    datatype: pl.String = col("STRING, NUMBER or BOOLEAN, as declared", of="source", null=True)
    priority: pl.String = col("vendor's display priority", of="source", null=True)


@table(
    "raw.cbioportal__patient_attributes",
    grain="one row per study, patient and clinical attribute that is not blank",
    key=("study_id", "patient_id", "attribute_id"),
    limitation="a blank cell has no row, so a patient may have fewer rows than there are attributes",
)
class CbioportalPatientAttributes(TableModel):
    """Cells of data_clinical_patient.txt, unchanged."""

    study_id: pl.String = col("cBioPortal study", of="source")
    patient_id: pl.String = col("vendor's patient id (TCGA: 12-character barcode)", of="source")
    attribute_id: pl.String = col("vendor's column name", of="source")
    value: pl.String = col("cell as text", of="source")


@table(
    "raw.cbioportal__sample_attributes",
    grain="one row per study, sample and clinical attribute that is not blank",
    key=("study_id", "sample_id", "attribute_id"),
    limitation="not every sample here was profiled",
)
class CbioportalSampleAttributes(TableModel):
    """Cells of data_clinical_sample.txt, unchanged."""

    study_id: pl.String = col("cBioPortal study", of="source")
    sample_id: pl.String = col("vendor's sample id (TCGA: patient and sample type code)", of="source")
    patient_id: pl.String = col("vendor's patient id", of="source")
    attribute_id: pl.String = col("vendor's column name", of="source")
    value: pl.String = col("cell as text", of="source")


@table(
    "raw.cbioportal__profiles",
    grain="one row per study and molecular profile",
    key=("study_id", "stable_id"),
    limitation="a profile's name does not prove which release its values come from",
)
class CbioportalProfiles(TableModel):
    """Molecular profiles as the meta files of the archive declare them."""

    study_id: pl.String = col("cBioPortal study", of="source")
    stable_id: pl.String = col("profile id of the vendor", of="source")
    genetic_alteration_type: pl.String = col("MRNA_EXPRESSION, COPY_NUMBER_ALTERATION ...", of="source")
    datatype: pl.String = col("CONTINUOUS, Z-SCORE, DISCRETE ...", of="source", null=True)
    profile_name: pl.String = col("vendor's title", of="source", null=True)
    profile_description: pl.String = col("vendor's description", of="source", null=True)
    data_filename: pl.String = col("file in the archive", of="source", null=True)
    n_genes: pl.Int64 = col(
        "rows kept, of the expression and copy-number matrices in use", unit="genes", of="source", null=True, ge=0
    )
    n_samples: pl.Int64 = col("sample columns of those", unit="samples", of="source", null=True, ge=0)
    loaded_into: pl.String = col(
        "table that holds its values; null where the catalog does not ask for them", of="source", null=True
    )


@table(
    "raw.cbioportal__profiled_samples",
    grain="one row per study, layer and sample that was looked at for it",
    key=("study_id", "layer", "sample_id"),
    limitation="an archive without case lists and without a panel matrix has no row: then nobody is known to be clear",
)
class CbioportalProfiledSamples(TableModel):
    """Samples that were sequenced, or called for copy number or fusions, whether or not anything was found."""

    study_id: pl.String = col("cBioPortal study", of="source")
    layer: pl.String = col("what was looked for", of="source", isin=["mutations", "copy_number", "fusions"])
    sample_id: pl.String = col("vendor's sample id", of="source")
    gene_panel_id: pl.String = col("panel that was sequenced; null where all genes were", of="source", null=True)


@table(
    "raw.cbioportal__gene_panels",
    grain="one row per study, gene panel and gene",
    key=("study_id", "gene_panel_id", "hugo_symbol"),
    limitation="panels that the archive names and does not hold have no row",
)
class CbioportalGenePanels(TableModel):
    """Genes of the panels that an archive holds."""

    study_id: pl.String = col("cBioPortal study", of="source")
    gene_panel_id: pl.String = col("panel", of="source")
    hugo_symbol: pl.String = col("vendor's gene symbol", of="source")


class _GeneSampleValues(TableModel):
    study_id: pl.String = col("cBioPortal study", of="source")
    stable_id: pl.String = col("profile id of the vendor", of="source")
    gene_row: pl.Int64 = col("row of the gene in the vendor's matrix, from 1", of="source", ge=1)
    hugo_symbol: pl.String = col("vendor's gene symbol", of="source", null=True)
    entrez_gene_id: pl.Int64 = col("NCBI Gene id as the vendor states it", of="source", null=True)
    sample_id: pl.String = col("vendor's sample id", of="source")


@table(
    "raw.cbioportal__mrna_values",
    grain="one row per study, profile, gene row and sample",
    key=("study_id", "stable_id", "gene_row", "sample_id"),
    limitation="values of different profiles are on different scales and must not be mixed",
)
class CbioportalMrnaValues(_GeneSampleValues):
    """Expression matrices of the archive, one value per row, sorted by gene."""

    value: pl.Float64 = col("expression on the scale of the profile", of="source", null=True)


@table(
    "raw.cbioportal__copy_number_values",
    grain="one row per study, profile, gene row and sample",
    key=("study_id", "stable_id", "gene_row", "sample_id"),
    limitation="a call of 0 does not exclude a focal change below the caller's resolution",
)
class CbioportalCopyNumberValues(_GeneSampleValues):
    """Copy-number matrices of the archive, one value per row, sorted by gene."""

    value: pl.Float64 = col("copy number on the scale of the profile (GISTIC: -2 to 2)", of="source", null=True)


@table(
    "raw.cbioportal__mrna_z_scores",
    grain="one row per study, profile, gene row and sample",
    key=("study_id", "stable_id", "gene_row", "sample_id"),
    limitation="a z-score of one profile is not one of another: the samples that it is held against differ",
)
class CbioportalMrnaZScores(_GeneSampleValues):
    """Expression as z-scores, of the profiles that the catalog asks for and that are not the expression in use."""

    value: pl.Float64 = col("standard deviations from the mean of the profile's reference", of="source", null=True)


@table(
    "raw.cbioportal__log2_copy_number_values",
    grain="one row per study, profile, gene row and sample",
    key=("study_id", "stable_id", "gene_row", "sample_id"),
    limitation="not corrected for the share of normal cells in the sample",
)
class CbioportalLog2CopyNumberValues(_GeneSampleValues):
    """Continuous copy number of genes."""

    value: pl.Float64 = col(
        "log2 of the copy number over that of the normal genome", unit="log2", of="source", null=True
    )


class _FeatureSampleValues(TableModel):
    study_id: pl.String = col("cBioPortal study", of="source")
    stable_id: pl.String = col("profile id of the vendor", of="source")
    feature_row: pl.Int64 = col("row of the feature in the vendor's matrix, from 1", of="source", ge=1)
    feature_id: pl.String = col("antibody, probe or gene as the vendor names the row", of="source")
    hugo_symbol: pl.String = col("vendor's gene symbol, where the row tells it", of="source", null=True)
    sample_id: pl.String = col("vendor's sample id", of="source")


@table(
    "raw.cbioportal__protein_values",
    grain="one row per study, profile, antibody and sample",
    key=("study_id", "stable_id", "feature_row", "sample_id"),
    limitation="an antibody may see several proteins, or one form of a protein",
)
class CbioportalProteinValues(_FeatureSampleValues):
    """Protein levels of reverse-phase protein arrays."""

    value: pl.Float64 = col("protein level on the scale of the profile", of="source", null=True)


@table(
    "raw.cbioportal__methylation_values",
    grain="one row per study, profile, probe and sample",
    key=("study_id", "stable_id", "feature_row", "sample_id"),
    limitation="one probe is not the methylation of the gene that it lies in",
)
class CbioportalMethylationValues(_FeatureSampleValues):
    """Methylation of probes."""

    value: pl.Float64 = col("share of methylated copies (beta)", of="source", null=True)


@table(
    "raw.cbioportal__mutations",
    grain="one row per study and line of its mutation file",
    key=("study_id", "mutation_number"),
    limitation="a gene without a mutation here was not shown to have none: the sample need not have been sequenced",
)
class CbioportalMutations(TableModel):
    """Mutations of the archive (MAF), in the vendor's words."""

    study_id: pl.String = col("cBioPortal study", of="source")
    mutation_number: pl.Int64 = col("row among those kept, from 1", of="source", ge=1)
    sample_id: pl.String = col("vendor's sample id", of="source")
    hugo_symbol: pl.String = col("vendor's gene symbol", of="source", null=True)
    entrez_gene_id: pl.Int64 = col("NCBI Gene id as the vendor states it", of="source", null=True)
    chromosome: pl.String = col("chromosome", of="source", null=True)
    start_position: pl.Int64 = col("first position", unit="bp from 1", of="source", null=True)
    end_position: pl.Int64 = col("last position", unit="bp from 1", of="source", null=True)
    variant_classification: pl.String = col("Missense_Mutation, Silent ...", of="source", null=True)
    variant_type: pl.String = col("SNP, INS, DEL ...", of="source", null=True)
    reference_allele: pl.String = col("as in the genome", of="source", null=True)
    tumor_allele: pl.String = col("as in the tumour", of="source", null=True)
    protein_change: pl.String = col("HGVS, short (p.L858R)", of="source", null=True)
    mutation_status: pl.String = col("Somatic, Germline ...", of="source", null=True)
    reference_reads: pl.Int64 = col("reads of the reference allele in the tumour", unit="reads", of="source", null=True)
    alternative_reads: pl.Int64 = col("reads of the tumour allele", unit="reads", of="source", null=True)
    source_file: pl.String = col("file that the row is of (of an archive: its member)", of="source")
    source_line: pl.Int64 = col("line of that file, from 1", of="source", ge=1)


@table(
    "raw.cbioportal__structural_variants",
    grain="one row per study and line of its structural-variant file",
    key=("study_id", "variant_number"),
    limitation="a fusion of two genes here was called, not validated",
)
class CbioportalStructuralVariants(TableModel):
    """Structural variants of the archive, in the vendor's words."""

    study_id: pl.String = col("cBioPortal study", of="source")
    variant_number: pl.Int64 = col("row among those kept, from 1", of="source", ge=1)
    sample_id: pl.String = col("vendor's sample id", of="source")
    sv_status: pl.String = col("SOMATIC or GERMLINE", of="source", null=True)
    site1_hugo_symbol: pl.String = col("gene at the first site", of="source", null=True)
    site1_entrez_gene_id: pl.Int64 = col("its NCBI Gene id", of="source", null=True)
    site2_hugo_symbol: pl.String = col("gene at the second site", of="source", null=True)
    site2_entrez_gene_id: pl.Int64 = col("its NCBI Gene id", of="source", null=True)
    variant_class: pl.String = col("FUSION, DELETION ...", of="source", null=True)
    event_info: pl.String = col("what happened, in the vendor's words", of="source", null=True)
    annotation: pl.String = col("vendor's note", of="source", null=True)
    source_file: pl.String = col("file that the row is of (of an archive: its member)", of="source")
    source_line: pl.Int64 = col("line of that file, from 1", of="source", ge=1)


@table(
    "raw.cbioportal__timeline",
    grain="one row per study, timeline file, event and cell that holds something",
    key=("study_id", "file", "event_number", "attribute_id"),
    limitation="absence of an event does not say that it did not happen: these forms were filled in unevenly",
)
class CbioportalTimeline(TableModel):
    """Treatments, samples, status and other events of patients over time.

    An event without any further cell stands once, with its type as EVENT_TYPE."""

    study_id: pl.String = col("cBioPortal study", of="source")
    file: pl.String = col("file in the archive", of="source")
    event_number: pl.Int64 = col("row of the file, from 1", of="source", ge=1)
    patient_id: pl.String = col("vendor's patient id", of="source")
    start_days: pl.Int64 = col("first day", unit="days from diagnosis", of="source", null=True)
    stop_days: pl.Int64 = col("last day", unit="days from diagnosis", of="source", null=True)
    event_type: pl.String = col("TREATMENT, SPECIMEN, STATUS ...", of="source")
    attribute_id: pl.String = col("vendor's column name", of="source")
    value: pl.String = col("cell as text", of="source")
