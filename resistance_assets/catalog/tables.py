"""One pandera model per table: the only truth about grain, key, columns and units.

Column schemas in the Dagster UI, DuckDB tables with their keys and comments, the data dictionary and the checks before
anything is written are all derived from the models here. A model says what one row is, which columns identify it, where
each column comes from (for tables computed in Python; for SQL models the lineage is read from the SQL), and one thing
that is not true of the data. No data are read here and nothing is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandera.polars as pa
import polars as pl

# What is published, in the order of the data's way.
LAYERS = ("raw", "staging", "core", "marts")
# One accession's, contrast's or cohort's share of a table: kept in the lake so that a change recomputes one share, not
# published. A model here serves all shares of a kind: parts.deg__features is the model of every contrast's.
PARTS = "parts"


@dataclass(frozen=True)
class Column:
    """A column as every consumer needs it; ``upstream`` holds `layer.table.column` or `source` for a remote file."""

    name: str
    dtype: Any
    description: str
    unit: str | None
    nullable: bool
    upstream: tuple[str, ...]

    @property
    def duckdb_type(self) -> str:
        return _DUCKDB_TYPES[type(self.dtype) if isinstance(self.dtype, pl.DataType) else self.dtype]

    @property
    def comment(self) -> str:
        return f"{self.description} [{self.unit}]" if self.unit else self.description


_DUCKDB_TYPES: dict[Any, str] = {
    pl.String: "VARCHAR",
    pl.Float64: "DOUBLE",
    pl.Int64: "BIGINT",
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    pl.Datetime: "TIMESTAMP",
}


@dataclass(frozen=True)
class Table:
    """A table: its address, what a row is, and its model."""

    layer: str
    name: str
    grain: str
    key: tuple[str, ...]
    not_true: str
    sources: tuple[str, ...]
    min_rows: int
    model: type[pa.DataFrameModel]
    description: str

    @property
    def address(self) -> str:
        return f"{self.layer}.{self.name}"

    @property
    def columns(self) -> tuple[Column, ...]:
        schema = self.model.to_schema()
        found = []
        for name, column in schema.columns.items():
            metadata = column.metadata or {}
            found.append(
                Column(
                    name=name,
                    dtype=column.dtype.type,  # pyright: ignore[reportOptionalMemberAccess]
                    description=column.description or "",
                    unit=metadata.get("unit"),
                    nullable=column.nullable,
                    upstream=tuple(metadata.get("upstream", ())),
                )
            )
        return tuple(found)

    @property
    def polars_schema(self) -> pl.Schema:
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def empty(self) -> pl.DataFrame:
        """The table without rows."""
        return pl.DataFrame(schema=self.polars_schema)

    def shape(self, frame: pl.DataFrame) -> pl.DataFrame:
        """``frame`` with exactly this table's columns, in its order and types; NaN becomes null (missing).

        Raises:
            polars exceptions when a column is missing or cannot be cast: both are faults of the program.
        """
        shaped = frame.select([pl.col(c.name).cast(c.dtype) for c in self.columns])
        return shaped.with_columns(pl.selectors.float().fill_nan(None))

    @property
    def comment(self) -> str:
        return f"{self.grain}. Not true of it: {self.not_true}"


TABLES: dict[str, Table] = {}


def published_tables() -> tuple[Table, ...]:
    """Every table that a release holds, layer by layer."""
    return tuple(table for layer in LAYERS for table in TABLES.values() if table.layer == layer)


def table(
    address: str, *, grain: str, key: tuple[str, ...], not_true: str, sources: tuple[str, ...] = (), min_rows: int = 0
) -> Callable[[type[pa.DataFrameModel]], type[pa.DataFrameModel]]:
    """Register a model under its address `layer.name`."""
    layer, name = address.split(".")
    if layer not in (*LAYERS, PARTS):
        raise ValueError(f"{address}: unknown layer")

    def register(model: type[pa.DataFrameModel]) -> type[pa.DataFrameModel]:
        if address in TABLES:
            raise ValueError(f"{address} is registered twice")
        description = " ".join((model.__doc__ or "").split())
        TABLES[address] = Table(layer, name, grain, key, not_true, sources, min_rows, model, description)
        columns = {c.name for c in TABLES[address].columns}
        if missing := [k for k in key if k not in columns]:
            raise ValueError(f"{address}: key column {missing[0]} is not a column")
        return model

    return register


def col(
    description: str, *, unit: str | None = None, null: bool = False, of: str | tuple[str, ...] = (), **checks: Any
) -> Any:
    """A column. ``of`` names the columns it is computed from; ``checks`` are pandera's (ge, le, isin ...)."""
    upstream = (of,) if isinstance(of, str) else tuple(of)
    return pa.Field(
        description=description, nullable=null, metadata={"unit": unit, "upstream": upstream}, coerce=False, **checks
    )


class _Model(pa.DataFrameModel):
    class Config:
        strict = True
        ordered = True


SYMBOL = "gene symbol approved by HGNC where the source's symbol could be resolved, else the source's own"
P_CHECK: dict[str, Any] = {"ge": 0.0, "le": 1.0}

# ======================================================================================================================
# raw: parsed, the vendor's names
# ======================================================================================================================


@table(
    "raw.cbioportal__attributes",
    grain="one row per study, level and clinical attribute",
    key=("study_id", "level", "attribute_id"),
    not_true="the vendor's datatype is not always what the cells hold",
)
class CbioportalAttributes(_Model):
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
    not_true="a blank cell has no row, so a patient may have fewer rows than there are attributes",
)
class CbioportalPatientAttributes(_Model):
    """Cells of data_clinical_patient.txt, unchanged."""

    study_id: pl.String = col("cBioPortal study", of="source")
    patient_id: pl.String = col("vendor's patient id (TCGA: 12-character barcode)", of="source")
    attribute_id: pl.String = col("vendor's column name", of="source")
    value: pl.String = col("cell as text", of="source")


@table(
    "raw.cbioportal__sample_attributes",
    grain="one row per study, sample and clinical attribute that is not blank",
    key=("study_id", "sample_id", "attribute_id"),
    not_true="not every sample here was profiled",
)
class CbioportalSampleAttributes(_Model):
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
    not_true="a profile's name does not prove which release its values come from",
)
class CbioportalProfiles(_Model):
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


class _GeneSampleValues(_Model):
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
    not_true="values of different profiles are on different scales and must not be mixed",
)
class CbioportalMrnaValues(_GeneSampleValues):
    """Expression matrices of the archive, one value per row, sorted by gene."""

    value: pl.Float64 = col("expression on the scale of the profile", of="source", null=True)


@table(
    "raw.cbioportal__copy_number_values",
    grain="one row per study, profile, gene row and sample",
    key=("study_id", "stable_id", "gene_row", "sample_id"),
    not_true="a call of 0 does not exclude a focal change below the caller's resolution",
)
class CbioportalCopyNumberValues(_GeneSampleValues):
    """Copy-number matrices of the archive, one value per row, sorted by gene."""

    value: pl.Float64 = col("copy number on the scale of the profile (GISTIC: -2 to 2)", of="source", null=True)


@table(
    "raw.cbioportal__mrna_z_scores",
    grain="one row per study, profile, gene row and sample",
    key=("study_id", "stable_id", "gene_row", "sample_id"),
    not_true="a z-score of one profile is not one of another: the samples that it is held against differ",
)
class CbioportalMrnaZScores(_GeneSampleValues):
    """Expression as z-scores, of the profiles that the catalog asks for and that are not the expression in use."""

    value: pl.Float64 = col("standard deviations from the mean of the profile's reference", of="source", null=True)


@table(
    "raw.cbioportal__log2_copy_number_values",
    grain="one row per study, profile, gene row and sample",
    key=("study_id", "stable_id", "gene_row", "sample_id"),
    not_true="not corrected for the share of normal cells in the sample",
)
class CbioportalLog2CopyNumberValues(_GeneSampleValues):
    """Continuous copy number of genes."""

    value: pl.Float64 = col(
        "log2 of the copy number over that of the normal genome", unit="log2", of="source", null=True
    )


class _FeatureSampleValues(_Model):
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
    not_true="an antibody may see several proteins, or one form of a protein",
)
class CbioportalProteinValues(_FeatureSampleValues):
    """Protein levels of reverse-phase protein arrays."""

    value: pl.Float64 = col("protein level on the scale of the profile", of="source", null=True)


@table(
    "raw.cbioportal__methylation_values",
    grain="one row per study, profile, probe and sample",
    key=("study_id", "stable_id", "feature_row", "sample_id"),
    not_true="one probe is not the methylation of the gene that it lies in",
)
class CbioportalMethylationValues(_FeatureSampleValues):
    """Methylation of probes."""

    value: pl.Float64 = col("share of methylated copies (beta)", of="source", null=True)


@table(
    "raw.cbioportal__mutations",
    grain="one row per study and line of its mutation file",
    key=("study_id", "mutation_number"),
    not_true="a gene without a mutation here was not shown to have none: the sample need not have been sequenced",
)
class CbioportalMutations(_Model):
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


@table(
    "raw.cbioportal__structural_variants",
    grain="one row per study and line of its structural-variant file",
    key=("study_id", "variant_number"),
    not_true="a fusion of two genes here was called, not validated",
)
class CbioportalStructuralVariants(_Model):
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


@table(
    "raw.cbioportal__timeline",
    grain="one row per study, timeline file, event and cell that holds something",
    key=("study_id", "file", "event_number", "attribute_id"),
    not_true="absence of an event does not say that it did not happen: these forms were filled in unevenly",
)
class CbioportalTimeline(_Model):
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


@table(
    "raw.xena__expression_values",
    grain="one row per data set, gene row and sample",
    key=("study_id", "stable_id", "gene_row", "sample_id"),
    not_true="not only tumours: samples with type code 11 are normal tissue",
)
class XenaExpressionValues(_Model):
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
    not_true="a patient with several samples stands several times: these are not as many patients",
)
class XenaSampleEndpoints(_Model):
    """Endpoints of TCGA-CDR as UCSC Xena holds them, in days."""

    study_id: pl.String = col("cohort of the catalog", of="source")
    sample_id: pl.String = col("TCGA sample barcode", of="source")
    patient_id: pl.String = col("TCGA patient barcode", of="source")
    endpoint: pl.String = col("OS, DSS, DFI or PFI", of="source", isin=["OS", "DSS", "DFI", "PFI"])
    event_observed: pl.Int64 = col("1 = event, 0 = censored", of="source", null=True, isin=[0, 1])
    time_days: pl.Float64 = col("time to event or last contact", unit="days", of="source", null=True, ge=0)
    redaction: pl.String = col("why the host withdrew the patient", of="source", null=True)


@table(
    "raw.gdc__files",
    grain="one row per project and file of counts",
    key=("project_id", "file_id"),
    not_true="a file is not a patient: several aliquots of one sample, and several samples of one patient, have files",
)
class GdcFiles(_Model):
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
    not_true="the length is not published: it is what makes the file's FPKM of its counts, and unknown for a gene"
    " without reads",
)
class GdcGenes(_Model):
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
    not_true="every read is counted as unstranded, whatever the library was",
)
class GdcGeneCounts(_Model):
    """STAR gene counts, sorted by gene."""

    project_id: pl.String = col("project of the catalog", of="source")
    gene_id: pl.String = col("Ensembl gene id with version", of="source")
    file_id: pl.String = col("GDC file", of="source")
    read_count: pl.Int64 = col("reads (unstranded)", unit="reads", of="source", ge=1)


@table(
    "raw.gdc__cases",
    grain="one row per project and patient",
    key=("project_id", "patient_id"),
    not_true="days_to_last_follow_up of a patient who died is not the time to death",
)
class GdcCases(_Model):
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


@table(
    "raw.catalog__projects",
    grain="one row per project",
    key=("project_id",),
    not_true="a project listed here need not have been loaded",
)
class CatalogProjects(_Model):
    """Projects of the Genomic Data Commons as the catalog declares them."""

    project_id: pl.String = col("project of the catalog", of="source")
    title: pl.String = col("project in words", of="source")
    project: pl.String = col("project of the host", of="source")
    patient_set: pl.String = col("cohort whose patients these are; its own id where they are its own", of="source")
    clinical_source: pl.String = col("source of the clinical data", of="source")


@table(
    "raw.gene_lists__members",
    grain="one row per list and line of the vendor's file",
    key=("list_id", "source_row"),
    not_true="a symbol is the vendor's at the time of the list, not today's approved one",
)
class RawGeneListMembers(_Model):
    """Lines of published gene lists, unchanged."""

    list_id: pl.String = col("list of the catalog", of="source")
    source_row: pl.Int64 = col("row number in the file", of="source", ge=1)
    symbol: pl.String = col("vendor's gene symbol", of="source")
    previous_symbols: pl.String = col("comma-separated, as given", of="source", null=True)
    synonyms: pl.String = col("comma-separated, as given", of="source", null=True)
    gene_name: pl.String = col("vendor's gene name", of="source", null=True)
    refseq_name: pl.String = col("vendor's RefSeq symbol", of="source", null=True)


@table(
    "raw.gene_sets__members",
    grain="one row per collection, term and gene",
    key=("collection", "term_id", "gene_symbol"),
    not_true="absence from a set is not evidence that the gene has nothing to do with the term",
)
class RawGeneSetMembers(_Model):
    """Gene sets in the vendor's symbols."""

    collection: pl.String = col("collection of the catalog", of="source")
    term_id: pl.String = col("vendor's id where it has one, else the term itself", of="source")
    term: pl.String = col("vendor's name of the set", of="source")
    gene_symbol: pl.String = col(
        "vendor's gene symbol; where the vendor names genes by id, that id (HGNC:123, hsa:123)", of="source"
    )


@table(
    "raw.ontology__terms",
    grain="one row per term of the ontology",
    key=("term_id",),
    not_true="the ontology's version is not the date of the archive that it was taken from",
)
class OntologyTerms(_Model):
    """Terms of the Gene Ontology, obsolete ones included."""

    term_id: pl.String = col("GO id", of="source")
    term: pl.String = col("name", of="source")
    namespace: pl.String = col("branch of the ontology", null=True, of="source")
    is_obsolete: pl.Boolean = col("whether the term is withdrawn", of="source")
    replaced_by: pl.String = col("present terms, joined by |", null=True, of="source")
    ontology_version: pl.String = col("data-version of the file", null=True, of="source")


@table(
    "raw.ontology__parents",
    grain="one row per term, relation and parent",
    key=("term_id", "relation", "parent_term_id"),
    not_true="only is_a and part_of carry a gene from a term to its parent",
)
class OntologyParents(_Model):
    """Direct parents of the terms of the Gene Ontology."""

    term_id: pl.String = col("GO id", of="source")
    relation: pl.String = col("is_a, part_of, regulates ...", of="source")
    parent_term_id: pl.String = col("GO id of the parent", of="source")


@table(
    "raw.gencode__genes",
    grain="one row per gene of the annotation, with its version",
    key=("gene_id",),
    not_true="the length is that of all exons together: the transcripts that a cell makes are shorter",
)
class GencodeGenes(_Model):
    """Genes of a GENCODE release and the length of the union of their exons."""

    gene_id: pl.String = col("Ensembl gene id with its version, and _PAR_Y on chromosome Y", of="source")
    gene_symbol: pl.String = col("GENCODE's gene name", null=True, of="source")
    gene_type: pl.String = col("protein_coding, lncRNA ...", null=True, of="source")
    chromosome: pl.String = col("sequence name", of="source")
    length_bp: pl.Int64 = col("bases that any exon covers", unit="bp", of="source", ge=1)


@table(
    "raw.hgnc__genes",
    grain="one row per HGNC id",
    key=("hgnc_id",),
    not_true="one approved symbol is not one locus in every annotation: some map to several Ensembl genes",
)
class RawHgncGenes(_Model):
    """HGNC's complete set; multiple values in a cell are joined by |."""

    hgnc_id: pl.String = col("HGNC id", of="source", str_matches=r"^HGNC:\d+$")
    symbol: pl.String = col("approved symbol", of="source")
    name: pl.String = col("approved name", of="source", null=True)
    locus_group: pl.String = col("protein-coding gene, non-coding RNA ...", of="source", null=True)
    locus_type: pl.String = col("finer class of locus", of="source", null=True)
    status: pl.String = col("Approved or Entry Withdrawn", of="source")
    location: pl.String = col("cytogenetic band", of="source", null=True)
    alias_symbol: pl.String = col("aliases, joined by |", of="source", null=True)
    prev_symbol: pl.String = col("previous symbols, joined by |", of="source", null=True)
    gene_group: pl.String = col("gene families, joined by |", of="source", null=True)
    entrez_id: pl.Int64 = col("NCBI Gene id", of="source", null=True)
    ensembl_gene_id: pl.String = col("Ensembl gene id", of="source", null=True)
    uniprot_ids: pl.String = col("UniProt accessions, joined by |", of="source", null=True)


@table(
    "raw.interactions__pairs",
    grain="one row per database and line of its file",
    key=("database_id", "source_row"),
    not_true="a pair listed here was seen by somebody somewhere: it need not interact in the lung",
)
class InteractionPairs(_Model):
    """Pairs of interacting genes as the databases list them."""

    database_id: pl.String = col("source of the catalog", of="source")
    source_row: pl.Int64 = col("data row in the file", of="source", ge=1)
    symbol_a: pl.String = col("vendor's symbol of the first gene", of="source", null=True)
    symbol_b: pl.String = col("vendor's symbol of the second gene", of="source", null=True)
    entrez_gene_id_a: pl.Int64 = col("NCBI Gene id", of="source", null=True)
    entrez_gene_id_b: pl.Int64 = col("NCBI Gene id", of="source", null=True)
    experimental_system: pl.String = col("assay", of="source", null=True)
    experimental_system_type: pl.String = col("physical or genetic; null where not given", of="source", null=True)
    organism_id_a: pl.String = col("NCBI taxon", of="source", null=True)
    organism_id_b: pl.String = col("NCBI taxon", of="source", null=True)
    combined_score: pl.Int64 = col(
        "STRING's combined score, out of 1000; null for other databases", null=True, of="source", ge=0, le=1000
    )


@table(
    "raw.studies__samples",
    grain="one row per study, sample and factor or covariate that is not blank",
    key=("study_id", "sample_id", "attribute_id"),
    not_true="two samples are not two patients: aliquots of one tumour occur",
)
class RawStudySamples(_Model):
    """Sample sheets of laboratory studies, unchanged, and of public ones, with the group of each sample."""

    study_id: pl.String = col("study", of="source")
    sample_id: pl.String = col("sample as the study names it", of="source")
    attribute_id: pl.String = col("column of the sample sheet", of="source")
    value: pl.String = col("cell as text", of="source")


@table(
    "raw.studies__gene_sample_counts",
    grain="one row per study, feature and sample",
    key=("study_id", "feature_id", "sample_id"),
    not_true="not always raw reads: some studies normalised before they published",
)
class RawStudyCounts(_Model):
    """Count tables of laboratory and public studies, one value per row."""

    study_id: pl.String = col("study", of="source")
    feature_id: pl.String = col("first column of the count table; Ensembl id of quantified reads", of="source")
    sample_id: pl.String = col("sample as the study names it", of="source")
    read_count: pl.Int64 = col("read count", unit="reads", of="source", ge=0)


@table(
    "raw.studies__probe_intensities",
    grain="one row per study, probe and sample",
    key=("study_id", "probe_id", "sample_id"),
    not_true="a probe is not a gene, and intensities of two probes cannot be compared",
)
class RawProbeIntensities(_Model):
    """Microarray matrices of laboratory studies, as given."""

    study_id: pl.String = col("study", of="source")
    probe_id: pl.String = col("probe as the study names it", of="source")
    sample_id: pl.String = col("sample as the study names it", of="source")
    intensity: pl.Float64 = col("intensity", unit="as given, linear or log2", of="source")


@table(
    "raw.studies__probe_genes",
    grain="one row per study and probe of exactly one gene",
    key=("study_id", "probe_id"),
    not_true="not every probe of the array: those of no gene or of several are in raw.rejected_rows",
)
class RawProbeGenes(_Model):
    """Which gene each probe measures, in the symbols of the annotation."""

    study_id: pl.String = col("study", of="source")
    probe_id: pl.String = col("probe as the study names it", of="source")
    hgnc_symbol: pl.String = col("gene symbol as given", of="source")


@table(
    "raw.studies__published_results",
    grain="one row per contrast and feature of a published differential-expression table",
    key=("contrast_id", "feature_id"),
    not_true="the p-values are the publisher's and were not recomputed here",
)
class RawPublishedResults(_Model):
    """Finished differential-expression tables of laboratory studies, in our column names."""

    study_id: pl.String = col("study", of="source")
    contrast_id: pl.String = col("contrast", of="source")
    feature_id: pl.String = col("probe or gene as given", of="source")
    hgnc_symbol: pl.String = col("gene symbol as given; several are joined as in the file", of="source", null=True)
    entrez_gene_id: pl.String = col("NCBI Gene id as given; several are joined as in the file", of="source", null=True)
    log2_fold_change: pl.Float64 = col("numerator over denominator", unit="log2", of="source", null=True)
    p_value: pl.Float64 = col("two-sided, not adjusted", of="source", null=True, **P_CHECK)


@table(
    "raw.studies__accessions",
    grain="one row per public study and accession",
    key=("study_id", "accession"),
    not_true="the number of samples is not that of analysed ones: some are of no group",
)
class RawStudyAccessions(_Model):
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
    not_true="not what was fetched: only sheets and processed tables are",
)
class RawStudyRecordFiles(_Model):
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
    not_true="a file here was not always fetched: processed counts are used first",
)
class RawStudySequenceFiles(_Model):
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
    not_true="a difference is not always a fault: names of files change when an archive rewrites them",
)
class RawStudySheetDifferences(_Model):
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
    not_true="the measurement is not declared in the catalog: it is what the accession turned out to hold",
)
class RawStudyMeasurements(_Model):
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
    not_true="the counts are estimates, and length_scaled_count is rounded where a test needs whole numbers",
)
class RawStudyGeneQuantities(_Model):
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
    not_true="reads that do not map are not always foreign: introns and new transcripts are not in the reference",
)
class RawStudyQuantifiedSamples(_Model):
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
    "raw.rejected_rows",
    grain="one row per row of an input that was set aside",
    key=("table_name", "source", "row_number"),
    not_true="a row here is not always wrong: a probe of several genes is valid, but cannot be given to one of them",
)
class RejectedRows(_Model):
    """What was read but not kept, with the reason; rows in = rows kept + rows here."""

    table_name: pl.String = col("table that the row did not enter", of="source")
    source: pl.String = col("file it stood in", of="source")
    row_number: pl.Int64 = col("running number within table and file", of="source", ge=1)
    line: pl.Int64 = col("line in that file, where known", of="source", null=True)
    reason: pl.String = col("why it was set aside", of="source")
    row_text: pl.String = col("the row, shortened to 500 characters", of="source", null=True)


@table(
    "raw.catalog__cohorts",
    grain="one row per cohort, endpoint",
    key=("cohort_id", "endpoint"),
    not_true="an endpoint listed here need not have an event",
)
class CatalogCohorts(_Model):
    """Cohorts and endpoints as the catalog declares them: which vendor's columns hold what."""

    cohort_id: pl.String = col("cohort of the catalog", of="source")
    study_id: pl.String = col("cBioPortal study, or laboratory study", of="source")
    title: pl.String = col("cohort in words", of="source")
    endpoint: pl.String = col("OS, DSS, DFS or PFS", of="source")
    endpoint_title: pl.String = col("endpoint in words", of="source")
    status_attribute: pl.String = col("vendor's column of the event", of="source")
    months_attribute: pl.String = col("vendor's column of the time", of="source")
    age_attribute: pl.String = col("vendor's column of age in years", of="source", null=True)
    sex_attribute: pl.String = col("vendor's column of sex", of="source", null=True)
    stage_attribute: pl.String = col("vendor's column of stage", of="source", null=True)
    purity_attribute: pl.String = col("vendor's column of tumour purity", of="source", null=True)
    expression_profiles: pl.String = col("profiles in order of preference, joined by |", of="source")
    copy_number_profile: pl.String = col("profile of copy number", of="source", null=True)
    z_score_profiles: pl.String = col("profiles of z-scores, joined by |", of="source", null=True)
    log2_copy_number_profiles: pl.String = col(
        "profiles of continuous copy number, joined by |", of="source", null=True
    )
    sample_type_codes: pl.String = col("TCGA sample type codes analysed, joined by |", of="source")
    origin: pl.String = col(
        "cbioportal = an archive; xena = a matrix and a table of follow-up; study = a laboratory study whose sheet"
        " holds the follow-up",
        of="source",
        isin=["cbioportal", "xena", "study"],
    )
    patients_of: pl.String = col("cohort whose patients these are; its own id where they are its own", of="source")
    same_endpoint_as: pl.String = col("endpoint of that cohort that is defined alike, else its own", of="source")
    months_per_unit: pl.Float64 = col("months in one unit of the time column", unit="months", of="source", gt=0)
    patient_attribute: pl.String = col("study: column that says whose sample it is", of="source", null=True)
    sample_attribute: pl.String = col("study: column that says which samples are analysed", of="source", null=True)
    sample_values: pl.String = col("study: its values, joined by |", of="source", null=True)


@table(
    "raw.catalog__contrasts",
    grain="one row per contrast",
    key=("contrast_id",),
    not_true="a contrast declared here need not have data",
)
class CatalogContrasts(_Model):
    """Contrasts as the catalog and the laboratory studies declare them."""

    contrast_id: pl.String = col("contrast, numerator_vs_denominator", of="source")
    study_id: pl.String = col("study", of="source")
    study_title: pl.String = col("study in words", of="source")
    numerator: pl.String = col("group in the numerator", of="source")
    denominator: pl.String = col("group in the denominator", of="source")
    drug: pl.String = col("drug", of="source", null=True)
    drug_class: pl.String = col("class of the drug", of="source", null=True)
    methods: pl.String = col("methods, joined by |", of="source")
    q_value_threshold: pl.Float64 = col("largest q-value of a list member", of="source", **P_CHECK)
    abs_log2_fold_change_threshold: pl.Float64 = col("smallest effect of a list member", unit="log2", of="source", ge=0)


# ======================================================================================================================
# staging: SQL, our names, units and keys (lineage is read from the SQL)
# ======================================================================================================================


@table(
    "staging.genes__symbols",
    grain="one row per symbol that HGNC knows in any role",
    key=("symbol",),
    not_true="an alias shared by several genes resolves to none of them",
)
class GeneSymbols(_Model):
    """Every approved, previous and alias symbol, and the one gene it stands for."""

    symbol: pl.String = col("symbol in upper case")
    hgnc_symbol: pl.String = col("approved symbol it stands for; null where ambiguous", null=True)
    entrez_gene_id: pl.Int64 = col("NCBI Gene id", null=True)
    ensembl_gene_id: pl.String = col("Ensembl gene id", null=True)
    resolution: pl.String = col("role of the symbol", isin=["approved", "previous", "alias", "ambiguous"])
    candidates: pl.String = col("approved symbols it could stand for, joined by |")


@table(
    "staging.genes__approved",
    grain="one row per approved gene",
    key=("hgnc_symbol",),
    not_true="not only protein-coding genes",
)
class GenesApproved(_Model):
    """Approved genes with their ids."""

    hgnc_symbol: pl.String = col("approved symbol")
    hgnc_id: pl.String = col("HGNC id")
    gene_name: pl.String = col("approved name", null=True)
    locus_group: pl.String = col("protein-coding gene, non-coding RNA ...", null=True)
    cytoband: pl.String = col("cytogenetic band", null=True)
    entrez_gene_id: pl.Int64 = col("NCBI Gene id", null=True)
    ensembl_gene_id: pl.String = col("Ensembl gene id", null=True)
    alias_symbols: pl.String = col("aliases and previous symbols, joined by |", null=True)


@table(
    "staging.genes__lengths",
    grain="one row per approved gene that the annotation holds",
    key=("hgnc_symbol",),
    not_true="the length does not depend on the sample here, as the effective length of a quantification does",
)
class GenesLengths(_Model):
    """Lengths of genes for RPKM and TPM, by approved symbol; of several loci of a gene the longest."""

    hgnc_symbol: pl.String = col("approved symbol")
    ensembl_gene_id: pl.String = col("Ensembl gene id without its version")
    gene_type: pl.String = col("protein_coding, lncRNA ...", null=True)
    length_bp: pl.Int64 = col("bases that any exon covers", unit="bp", ge=1)


@table(
    "staging.genes__measured",
    grain="one row per dataset, kind of measurement and gene",
    key=("dataset_id", "measurement", "hgnc_symbol"),
    not_true="a gene that is absent here was not found silent: the dataset did not measure it",
)
class GenesMeasured(_Model):
    """What every dataset calls its genes, resolved to approved symbols; no symbol is given twice in a dataset."""

    dataset_id: pl.String = col("cohort or study")
    measurement: pl.String = col(
        "expression, copy_number, z_score or log2_copy_number of a cohort, features of a study",
        isin=["expression", "copy_number", "z_score", "log2_copy_number", "features"],
    )
    hgnc_symbol: pl.String = col(SYMBOL)
    source_symbol: pl.String = col("symbol or id as the dataset gives it")
    entrez_gene_id: pl.Int64 = col("NCBI Gene id; the dataset's own where the symbol was not resolved", null=True)
    resolution: pl.String = col(
        "how the symbol was resolved: entrez and ensembl mean by that id, collision that another row has the symbol",
        isin=["approved", "previous", "alias", "entrez", "ensembl", "ambiguous", "unknown", "collision"],
    )
    profile_id: pl.String = col("profile the values come from; null for a study", null=True)
    source_row: pl.Int64 = col("row of the gene in the vendor's matrix; null for a study", null=True)
    rows_of_symbol: pl.Int64 = col("rows of the vendor with this symbol, of which the first is used", ge=1)


@table(
    "staging.cohorts__patients",
    grain="one row per cohort and patient",
    key=("cohort_id", "patient_id"),
    not_true="not every patient has expression, or any follow-up",
)
class CohortPatients(_Model):
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
    not_true="a patient without a time cannot enter a model, and time 0 carries no information",
)
class PatientEndpoints(_Model):
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
    not_true="a sample is not a patient: recurrences and metastases are samples too",
)
class CohortSamples(_Model):
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
    not_true="a cohort's genes need not be the whole transcriptome",
)
class CohortGenes(_Model):
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
    not_true="genes cannot be compared with one another where the scale is a z-score per gene",
)
class CohortGeneExpression(_Model):
    """Tumour expression, one sample per patient, sorted by gene."""

    cohort_id: pl.String = col("cohort")
    hgnc_symbol: pl.String = col(SYMBOL)
    patient_id: pl.String = col("patient")
    expression_value: pl.Float64 = col("expression", unit="see staging.cohorts__genes.expression_scale", null=True)


@table(
    "staging.cohorts__gene_copy_number",
    grain="one row per cohort, gene and patient",
    key=("cohort_id", "hgnc_symbol", "patient_id"),
    not_true="thresholded calls are not copy numbers",
)
class CohortGeneCopyNumber(_Model):
    """Copy-number calls, one sample per patient."""

    cohort_id: pl.String = col("cohort")
    hgnc_symbol: pl.String = col(SYMBOL)
    patient_id: pl.String = col("patient")
    gistic_call: pl.Int64 = col("-2 deep loss, -1 loss, 0 neutral, 1 gain, 2 amplification", null=True, ge=-2, le=2)


class _CohortGeneValues(_Model):
    cohort_id: pl.String = col("cohort")
    hgnc_symbol: pl.String = col(SYMBOL)
    patient_id: pl.String = col("patient")


@table(
    "staging.cohorts__gene_z_scores",
    grain="one row per cohort, gene and patient",
    key=("cohort_id", "hgnc_symbol", "patient_id"),
    not_true="empty where the z-scores are the expression in use: then they stand in staging.cohorts__gene_expression",
)
class CohortGeneZScores(_CohortGeneValues):
    """Expression as z-scores, one sample per patient, of the first such profile that was loaded."""

    z_score: pl.Float64 = col("expression", unit="standard deviations of the profile's reference", null=True)


@table(
    "staging.cohorts__gene_log2_copy_number",
    grain="one row per cohort, gene and patient",
    key=("cohort_id", "hgnc_symbol", "patient_id"),
    not_true="not corrected for the share of normal cells in the sample",
)
class CohortGeneLog2CopyNumber(_CohortGeneValues):
    """Continuous copy number, one sample per patient."""

    log2_copy_number: pl.Float64 = col("copy number over that of the normal genome", unit="log2", null=True)


class _CohortFeatureValues(_Model):
    cohort_id: pl.String = col("cohort")
    profile_id: pl.String = col("profile the values come from")
    feature_id: pl.String = col("antibody or probe as the vendor names it")
    hgnc_symbol: pl.String = col("approved symbol of its gene, else the vendor's", null=True)
    patient_id: pl.String = col("patient")


@table(
    "staging.cohorts__protein_levels",
    grain="one row per cohort, profile, antibody and patient",
    key=("cohort_id", "profile_id", "feature_id", "patient_id"),
    not_true="several antibodies of one gene, such as one for a phosphorylated form, are rows of their own",
)
class CohortProteinLevels(_CohortFeatureValues):
    """Protein levels, one sample per patient."""

    protein_level: pl.Float64 = col("protein level", unit="as the profile describes", null=True)


@table(
    "staging.cohorts__methylation",
    grain="one row per cohort, profile, probe and patient",
    key=("cohort_id", "profile_id", "feature_id", "patient_id"),
    not_true="one probe is not the methylation of its gene",
)
class CohortMethylation(_CohortFeatureValues):
    """Methylation of probes, one sample per patient."""

    beta_value: pl.Float64 = col("share of methylated copies", unit="0 to 1", null=True)


@table(
    "staging.cohorts__mutations",
    grain="one row per cohort and mutation of a sample",
    key=("cohort_id", "mutation_number"),
    not_true="silent and intronic mutations are here too: read variant_classification",
)
class CohortMutations(_Model):
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
    "staging.cohorts__structural_variants",
    grain="one row per cohort and structural variant of a sample",
    key=("cohort_id", "variant_number"),
    not_true="the order of the two genes need not be that of the transcript",
)
class CohortStructuralVariants(_Model):
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
    not_true="absence of an event does not say that it did not happen",
)
class CohortTimeline(_Model):
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


@table(
    "staging.gdc__samples",
    grain="one row per project and file of counts",
    key=("project_id", "file_id"),
    not_true="a recurrent tumour or a metastasis is neither tumour nor normal here and is not analysed",
)
class GdcSamples(_Model):
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
    not_true="not every gene of the model has an approved symbol",
)
class GdcResolvedGenes(_Model):
    """Genes of the gene model with approved symbols and lengths."""

    project_id: pl.String = col("project")
    gene_id: pl.String = col("Ensembl gene id with version")
    hgnc_symbol: pl.String = col(SYMBOL)
    source_symbol: pl.String = col("GENCODE's gene name", null=True)
    resolution: pl.String = col("how the symbol was found")
    gene_type: pl.String = col("GENCODE's gene type", null=True)
    length_bp: pl.Int64 = col("length of the union of its exons", unit="bp", null=True)


@table(
    "staging.endpoints__patient_values",
    grain="one row per set of patients, endpoint, source and patient with an event or a time",
    key=("patient_set", "endpoint", "source_id", "patient_id"),
    not_true="two sources that agree need not be right: most copy TCGA-CDR",
)
class EndpointPatientValues(_Model):
    """Follow-up of every patient as every source has it, under one name per endpoint and in months."""

    patient_set: pl.String = col("cohort whose patients these are")
    endpoint: pl.String = col("endpoint as that cohort calls it", isin=["OS", "DSS", "DFS", "PFS", "DFI", "PFI"])
    source_id: pl.String = col("cohort or project that has the values")
    patient_id: pl.String = col("patient")
    source_endpoint: pl.String = col("what the source calls the endpoint")
    event_attribute: pl.String = col("where the source has the event")
    time_attribute: pl.String = col("where the source has the time")
    time_unit: pl.String = col("unit of the source", isin=["days", "months", "years"])
    event_observed: pl.Int64 = col("1 = event, 0 = censored", null=True, isin=[0, 1])
    time_months: pl.Float64 = col("time to event or last contact", unit="months", null=True)


@table(
    "staging.gene_lists__members",
    grain="one row per published list and gene",
    key=("list_id", "hgnc_symbol"),
    not_true="lines of the vendor that resolve to one gene are one row here, so counts differ from the file",
)
class StagedGeneListMembers(_Model):
    """Published gene lists in resolved symbols."""

    list_id: pl.String = col("list of the catalog")
    hgnc_symbol: pl.String = col(SYMBOL)
    source_symbols: pl.String = col("vendor's symbols, joined by |")
    resolution: pl.String = col("how the symbol was resolved")


@table(
    "staging.gene_sets__members",
    grain="one row per collection, term and gene",
    key=("collection", "term_id", "hgnc_symbol"),
    not_true="sets of a collection overlap heavily, so their p-values are not independent",
)
class StagedGeneSetMembers(_Model):
    """Gene sets in resolved symbols."""

    collection: pl.String = col("collection of the catalog")
    term_id: pl.String = col("vendor's id, else the term")
    term: pl.String = col("name of the set")
    hgnc_symbol: pl.String = col(SYMBOL)


@table(
    "staging.studies__features",
    grain="one row per study and feature",
    key=("study_id", "feature_id"),
    not_true="two features may name one gene; then neither takes the other's symbol",
)
class StudyFeatures(_Model):
    """Genes of laboratory studies with resolved symbols."""

    study_id: pl.String = col("study")
    feature_id: pl.String = col("feature as the study names it")
    hgnc_symbol: pl.String = col(SYMBOL)
    entrez_gene_id: pl.Int64 = col("NCBI Gene id", null=True)
    resolution: pl.String = col("how the symbol was resolved")


# ======================================================================================================================
# parts: one accession's, contrast's or cohort's share, in the lake alone
# ======================================================================================================================


@table(
    "parts.cohorts__expression",
    grain="one row per gene and patient of one cohort",
    key=("hgnc_symbol", "patient_id"),
    not_true="genes cannot be compared with one another where the scale is a z-score per gene",
)
class PartExpression(_Model):
    """Expression of one cohort, so that another cohort's change does not touch it."""

    hgnc_symbol: pl.String = col(SYMBOL, of="staging.cohorts__gene_expression.hgnc_symbol")
    patient_id: pl.String = col("patient", of="staging.cohorts__gene_expression.patient_id")
    expression_value: pl.Float64 = col(
        "expression", unit="as the cohort's profile", null=True, of="staging.cohorts__gene_expression.expression_value"
    )


@table(
    "parts.cohorts__follow_up",
    grain="one row per patient of one cohort with a status for one endpoint",
    key=("patient_id",),
    not_true="a patient without a time cannot enter a model",
)
class PartFollowUp(_Model):
    """Follow-up of one cohort for one endpoint."""

    patient_id: pl.String = col("patient", of="staging.cohorts__patient_endpoints.patient_id")
    time_months: pl.Float64 = col(
        "time to event or last contact", unit="months", null=True, of="staging.cohorts__patient_endpoints.time_months"
    )
    event_observed: pl.Int64 = col(
        "1 = event, 0 = censored", isin=[0, 1], of="staging.cohorts__patient_endpoints.event_observed"
    )


@table(
    "parts.cohorts__patients",
    grain="one row per patient of one cohort",
    key=("patient_id",),
    not_true="not every patient has expression, or any follow-up",
)
class PartPatients(_Model):
    """What regression models adjust for, of one cohort."""

    patient_id: pl.String = col("patient", of="staging.cohorts__patients.patient_id")
    age_years: pl.Float64 = col(
        "age at diagnosis", unit="years", null=True, ge=0, le=120, of="staging.cohorts__patients.age_years"
    )
    sex: pl.String = col("female or male", null=True, isin=["female", "male"], of="staging.cohorts__patients.sex")
    stage_group: pl.String = col(
        "I, II, III or IV", null=True, isin=["I", "II", "III", "IV"], of="staging.cohorts__patients.stage_group"
    )
    tumour_purity: pl.Float64 = col(
        "share of tumour cells", unit="share", null=True, ge=0, le=1, of="staging.cohorts__patients.tumour_purity"
    )


# ======================================================================================================================
# core: computed in Python
# ======================================================================================================================

_COUNTS = "raw.studies__gene_sample_counts.read_count"
_PUBLISHED = "raw.studies__published_results"
_DEG_INPUT = (
    _COUNTS,
    "raw.studies__probe_intensities.intensity",
    f"{_PUBLISHED}.log2_fold_change",
    f"{_PUBLISHED}.p_value",
    "raw.studies__samples.value",
)
_CONTRAST = "raw.catalog__contrasts.contrast_id"
_FEATURE_SYMBOL = "staging.genes__measured.hgnc_symbol"
_SAMPLE = "raw.studies__samples.value"
_FOUR = (_COUNTS, _SAMPLE)
_EFFECT = "core.deg__contrast_genes.log2_fold_change"
_P = "core.deg__contrast_genes.p_value"
_Q = "core.deg__contrast_genes.q_value_bh"


@table(
    "parts.deg__features",
    grain="one row per feature of one contrast and method",
    key=("contrast_id", "method", "feature_id"),
    not_true="a feature is named as the study names it",
)
class PartDeg(_Model):
    """One contrast by one method, before symbols are resolved."""

    contrast_id: pl.String = col("contrast", of=_CONTRAST)
    feature_id: pl.String = col("feature as the study names it", of="raw.studies__gene_sample_counts.feature_id")
    method: pl.String = col("method", of="raw.catalog__contrasts.methods")
    base_mean: pl.Float64 = col("mean of normalised counts", unit="reads", null=True, of=_DEG_INPUT)
    average_expression_log2: pl.Float64 = col("average log2 expression", unit="log2", null=True, of=_DEG_INPUT)
    log2_fold_change: pl.Float64 = col("numerator over denominator", unit="log2", null=True, of=_DEG_INPUT)
    log2_fold_change_shrunken: pl.Float64 = col("the same, shrunken", unit="log2", null=True, of=_DEG_INPUT)
    standard_error: pl.Float64 = col("of log2_fold_change", unit="log2", null=True, of=_DEG_INPUT, ge=0)
    statistic: pl.Float64 = col("as the method has it", null=True, of=_DEG_INPUT)
    p_value: pl.Float64 = col("two-sided", null=True, of=_DEG_INPUT, **P_CHECK)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg", null=True, of=_DEG_INPUT, **P_CHECK)
    p_value_note: pl.String = col("why p or q is absent or qualified", null=True, of=_DEG_INPUT)
    b_statistic: pl.Float64 = col("log-odds (limma)", unit="ln odds", null=True, of=_DEG_INPUT)
    n_numerator: pl.Int64 = col("samples in the numerator", unit="samples", of="raw.studies__samples.value", ge=0)
    n_denominator: pl.Int64 = col("samples in the denominator", unit="samples", of="raw.studies__samples.value", ge=0)
    evidence_kind: pl.String = col(
        "inferential or effect_only", of="raw.studies__samples.value", isin=["inferential", "effect_only"]
    )
    probes: pl.Int64 = col(
        "probes of the gene in a published table or on an array; null for counts",
        unit="probes",
        null=True,
        of=f"{_PUBLISHED}.feature_id",
        ge=1,
    )
    p_value_probe_adjusted: pl.Float64 = col(
        "smallest p over the probes, corrected for their number (published tables)",
        null=True,
        of=f"{_PUBLISHED}.p_value",
        **P_CHECK,
    )


@table(
    "core.deg__contrast_genes",
    grain="one row per contrast, method and gene",
    key=("contrast_id", "method", "hgnc_symbol"),
    not_true="a gene without a p-value was not found unchanged: p_value_note says why it has none",
)
class DegContrastGenes(_Model):
    """Differential expression, every contrast by every method that its design allows."""

    contrast_id: pl.String = col("contrast, numerator_vs_denominator", of=_CONTRAST)
    hgnc_symbol: pl.String = col(SYMBOL, of=_FEATURE_SYMBOL)
    entrez_gene_id: pl.Int64 = col("NCBI Gene id", null=True, of="staging.genes__measured.entrez_gene_id")
    source_symbol: pl.String = col("feature as the study names it", of="staging.genes__measured.source_symbol")
    method: pl.String = col(
        "pydeseq2, limma_voom, limma, edger_exact, fold_change or published", of="raw.catalog__contrasts.methods"
    )
    base_mean: pl.Float64 = col("mean of normalised counts", unit="reads", null=True, of=_DEG_INPUT)
    average_expression_log2: pl.Float64 = col("average log2 expression", unit="log2", null=True, of=_DEG_INPUT)
    log2_fold_change: pl.Float64 = col(
        "numerator over denominator, not shrunken", unit="log2", null=True, of=_DEG_INPUT
    )
    log2_fold_change_shrunken: pl.Float64 = col(
        "the same, shrunken: posterior mode under apeglm's Cauchy prior (pydeseq2 alone)",
        unit="log2",
        null=True,
        of=_DEG_INPUT,
    )
    standard_error: pl.Float64 = col("of log2_fold_change", unit="log2", null=True, of=_DEG_INPUT, ge=0)
    statistic: pl.Float64 = col("Wald z, moderated t, as the method has it", null=True, of=_DEG_INPUT)
    p_value: pl.Float64 = col(
        "two-sided; null where the design or the data cannot support one", null=True, of=_DEG_INPUT, **P_CHECK
    )
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within contrast and method", null=True, of=_DEG_INPUT, **P_CHECK)
    p_value_note: pl.String = col("why p or q is absent or qualified", null=True, of=_DEG_INPUT)
    b_statistic: pl.Float64 = col(
        "log-odds of differential expression (limma)", unit="ln odds", null=True, of=_DEG_INPUT
    )
    n_numerator: pl.Int64 = col("samples in the numerator", unit="samples", of="raw.studies__samples.value", ge=0)
    n_denominator: pl.Int64 = col("samples in the denominator", unit="samples", of="raw.studies__samples.value", ge=0)
    evidence_kind: pl.String = col(
        "inferential only where the design supports a p-value",
        of="raw.studies__samples.value",
        isin=["inferential", "effect_only"],
    )
    probes: pl.Int64 = col(
        "probes of the gene in a published table or on an array; null for counts",
        unit="probes",
        null=True,
        of=f"{_PUBLISHED}.feature_id",
        ge=1,
    )
    p_value_probe_adjusted: pl.Float64 = col(
        "smallest p over the probes, corrected for their number (published tables)",
        null=True,
        of=f"{_PUBLISHED}.p_value",
        **P_CHECK,
    )


@table(
    "core.deg__contrasts",
    grain="one row per contrast and method",
    key=("contrast_id", "method"),
    not_true="the number of significant genes is not a measure of quality: it grows with the number of samples",
)
class DegContrasts(_Model):
    """What each contrast could be asked, and how many genes answered."""

    contrast_id: pl.String = col("contrast", of=_CONTRAST)
    method: pl.String = col("method", of="core.deg__contrast_genes.method")
    study_id: pl.String = col("study", of="raw.catalog__contrasts.study_id")
    numerator: pl.String = col("group in the numerator", of="raw.catalog__contrasts.numerator")
    denominator: pl.String = col("group in the denominator", of="raw.catalog__contrasts.denominator")
    drug: pl.String = col("drug", null=True, of="raw.catalog__contrasts.drug")
    drug_class: pl.String = col("class of the drug", null=True, of="raw.catalog__contrasts.drug_class")
    n_numerator: pl.Int64 = col("samples in the numerator", unit="samples", of="core.deg__contrast_genes.n_numerator")
    n_denominator: pl.Int64 = col(
        "samples in the denominator", unit="samples", of="core.deg__contrast_genes.n_denominator"
    )
    evidence_kind: pl.String = col("inferential or effect_only", of="core.deg__contrast_genes.evidence_kind")
    genes: pl.Int64 = col("genes in the result", unit="genes", of="core.deg__contrast_genes.hgnc_symbol")
    genes_with_p_value: pl.Int64 = col("genes that were tested", unit="genes", of="core.deg__contrast_genes.p_value")
    q_value_threshold: pl.Float64 = col(
        "largest q-value of a list member", of="raw.catalog__contrasts.q_value_threshold"
    )
    abs_log2_fold_change_threshold: pl.Float64 = col(
        "smallest effect of a list member", unit="log2", of="raw.catalog__contrasts.abs_log2_fold_change_threshold"
    )
    genes_up: pl.Int64 = col(
        "genes of the up list",
        unit="genes",
        of=("core.deg__contrast_genes.q_value_bh", "core.deg__contrast_genes.log2_fold_change"),
    )
    genes_down: pl.Int64 = col(
        "genes of the down list",
        unit="genes",
        of=("core.deg__contrast_genes.q_value_bh", "core.deg__contrast_genes.log2_fold_change"),
    )


@table(
    "core.studies__gene_expression",
    grain="one row per microarray study, gene and sample",
    key=("study_id", "feature_id", "sample_id"),
    not_true="a gene that is absent was not silent: its probes are of several genes, or below the detection floor",
)
class StudyGeneExpression(_Model):
    """Log2 expression of microarray studies by gene, after the study's declared rules."""

    study_id: pl.String = col("study", of="raw.studies__probe_intensities.study_id")
    feature_id: pl.String = col("gene symbol of the annotation", of="raw.studies__probe_genes.hgnc_symbol")
    probes: pl.Int64 = col("probes of the gene", unit="probes", of="raw.studies__probe_genes.probe_id", ge=1)
    sample_id: pl.String = col("sample", of="raw.studies__probe_intensities.sample_id")
    expression_log2: pl.Float64 = col("expression", unit="log2", of="raw.studies__probe_intensities.intensity")


@table(
    "core.deg__designs",
    grain="one row per contrast",
    key=("contrast_id",),
    not_true="a design that can be fitted is not a design without confounding: what the sheet lacks is not seen",
)
class DegDesigns(_Model):
    """What each contrast's design can support, looked at before anything is computed."""

    contrast_id: pl.String = col("contrast", of=_CONTRAST)
    study_id: pl.String = col("study", of="raw.catalog__contrasts.study_id")
    factor: pl.String = col("column that holds the two arms; null for a published table", null=True, of="source")
    numerator: pl.String = col("level in the numerator", of="raw.catalog__contrasts.numerator")
    denominator: pl.String = col("level in the denominator", of="raw.catalog__contrasts.denominator")
    covariates: pl.String = col("further columns of the model, joined by |", null=True, of="source")
    pairing: pl.String = col("column whose levels are the blocks of a paired design", null=True, of="source")
    subset: pl.String = col("samples that are kept, in words", null=True, of="source")
    n_samples: pl.Int64 = col("samples of the fit", unit="samples", null=True, of=_SAMPLE, ge=0)
    n_numerator: pl.Int64 = col("samples in the numerator", unit="samples", null=True, of=_SAMPLE, ge=0)
    n_denominator: pl.Int64 = col("samples in the denominator", unit="samples", null=True, of=_SAMPLE, ge=0)
    model: pl.String = col("formula of the model, terms in their order", null=True, of="source")
    coefficient: pl.String = col("the coefficient that is tested", null=True, of=_SAMPLE)
    coefficients: pl.String = col("columns of the model matrix in their order, joined by |", null=True, of=_SAMPLE)
    n_coefficients: pl.Int64 = col("columns of the model matrix", null=True, of=_SAMPLE, ge=1)
    rank: pl.Int64 = col("rank of the model matrix", null=True, of=_SAMPLE, ge=1)
    residual_degrees_of_freedom: pl.Int64 = col("samples less rank", null=True, of=_SAMPLE, ge=0)
    confounded_covariates: pl.String = col(
        "covariates that cannot be told apart from the rest, joined by |", null=True, of=_SAMPLE
    )
    evidence_kind: pl.String = col(
        "inferential, effect_only (no p-value), or refused (not computed)",
        of=_SAMPLE,
        isin=["inferential", "effect_only", "refused"],
    )
    reason: pl.String = col("why it is not inferential, or what was not checked", null=True, of=_SAMPLE)
    fitted_to: pl.String = col(
        "what the methods are fitted to: read counts, log2 intensities of an array, or as published",
        of=("source", "raw.studies__measurements.measurement"),
    )


@table(
    "core.deg__method_agreement",
    grain="one row per contrast and pair of its methods",
    key=("contrast_id", "method_a", "method_b"),
    not_true="agreement of two methods on the same samples is no replication",
)
class DegMethodAgreement(_Model):
    """How far the methods of a contrast agree."""

    contrast_id: pl.String = col("contrast", of="core.deg__contrast_genes.contrast_id")
    method_a: pl.String = col("first method, alphabetically", of="core.deg__contrast_genes.method")
    method_b: pl.String = col("second method", of="core.deg__contrast_genes.method")
    genes_compared: pl.Int64 = col("genes with an effect by both", unit="genes", of=_EFFECT, ge=0)
    spearman_log2_fold_change: pl.Float64 = col("rank correlation of the effects", null=True, of=_EFFECT, ge=-1, le=1)
    genes_with_both_p_values: pl.Int64 = col("genes tested by both", unit="genes", of=_P, ge=0)
    spearman_minus_log10_p: pl.Float64 = col("rank correlation of -log10 p", null=True, of=_P, ge=-1, le=1)
    significant_a: pl.Int64 = col("genes on the first method's lists", unit="genes", of=(_Q, _EFFECT), ge=0)
    significant_b: pl.Int64 = col("genes on the second method's lists", unit="genes", of=(_Q, _EFFECT), ge=0)
    significant_both: pl.Int64 = col("genes on both", unit="genes", of=(_Q, _EFFECT), ge=0)
    jaccard: pl.Float64 = col("on both over on either", null=True, of=(_Q, _EFFECT), **P_CHECK)
    sign_disagreements: pl.Int64 = col("genes with opposite effects", unit="genes", of=_EFFECT, ge=0)
    sign_disagreements_significant: pl.Int64 = col(
        "of these, genes on either's lists", unit="genes", of=(_Q, _EFFECT), ge=0
    )
    q_value_threshold: pl.Float64 = col("q below which a gene is listed", of="source", **P_CHECK)
    abs_log2_fold_change_threshold: pl.Float64 = col("effect above which it is", unit="log2", of="source", ge=0)


@table(
    "core.deg__fold_change_calls",
    grain="one row per contrast with a fold-change rule and gene",
    key=("contrast_id", "hgnc_symbol"),
    not_true="a call is a threshold's doing: nothing here says how much of it is noise",
)
class DegFoldChangeCalls(_Model):
    """A paper's rule applied: means, floor and calls, without a test."""

    contrast_id: pl.String = col("contrast", of=_CONTRAST)
    hgnc_symbol: pl.String = col(SYMBOL, of=_FEATURE_SYMBOL)
    feature_id: pl.String = col("feature as the study names it", of="raw.studies__gene_sample_counts.feature_id")
    unit: pl.String = col("unit of the means: cpm, rpkm, tpm or as_given", of="source")
    expression_numerator: pl.Float64 = col("mean", unit="see unit", of=_COUNTS, ge=0)
    expression_denominator: pl.Float64 = col("mean", unit="see unit", of=_COUNTS, ge=0)
    log2_fold_change: pl.Float64 = col("of the means; null where one is zero", unit="log2", null=True, of=_COUNTS)
    passes_floor: pl.Boolean = col("whether the expression floor is reached", of=_COUNTS)
    is_called: pl.Boolean = col("whether the rule calls it changed", of=_COUNTS)
    direction: pl.String = col("up or down; null where the means are equal", null=True, of=_COUNTS)


@table(
    "core.deg__bcv_sensitivity",
    grain="one row per contrast without replicates and assumed coefficient of variation",
    key=("contrast_id", "bcv"),
    not_true="these are what-ifs: no design without replicates tells its own variation",
)
class DegBcvSensitivity(_Model):
    """How many genes the exact test would call if the biological coefficient of variation were so."""

    contrast_id: pl.String = col("contrast", of=_CONTRAST)
    bcv: pl.Float64 = col("assumed biological coefficient of variation", of="source", ge=0)
    fdr: pl.Float64 = col("false discovery rate", of="source", **P_CHECK)
    genes_tested: pl.Int64 = col("genes", unit="genes", of=_COUNTS, ge=0)
    genes_at_fdr: pl.Int64 = col("genes called", unit="genes", of=_COUNTS, ge=0)
    up: pl.Int64 = col("of these, up", unit="genes", of=_COUNTS, ge=0)
    down: pl.Int64 = col("of these, down", unit="genes", of=_COUNTS, ge=0)
    p_value_largest_called: pl.Float64 = col(
        "largest what-if p among the called; null if none", null=True, of=_COUNTS, **P_CHECK
    )


@table(
    "core.deg__noise_null",
    grain="one row per contrast with one sample per arm and assumed coefficient of variation",
    key=("contrast_id", "bcv"),
    not_true="it counts what noise alone gives; it does not say which of the observed genes are noise",
)
class DegNoiseNull(_Model):
    """How many genes pass a fold-change rule between two samples that do not differ."""

    contrast_id: pl.String = col("contrast", of=_CONTRAST)
    bcv: pl.Float64 = col("assumed biological coefficient of variation", of="source", ge=0)
    genes: pl.Int64 = col("genes simulated", unit="genes", of=_COUNTS, ge=0)
    fold_change: pl.Float64 = col("ratio that must be passed, either way", of="source", ge=1)
    floor_count: pl.Float64 = col("floor of the denominator's count", unit="reads", of=_COUNTS, ge=0)
    expected_genes: pl.Float64 = col("genes that pass by noise alone, on average", unit="genes", of=_COUNTS, ge=0)
    sd_genes: pl.Float64 = col("standard deviation over simulations", unit="genes", null=True, of=_COUNTS, ge=0)
    observed_genes: pl.Int64 = col("genes that pass between the two samples", unit="genes", of=_COUNTS, ge=0)
    simulations: pl.Int64 = col("pairs of samples drawn", of="source", ge=1)
    seed: pl.Int64 = col("of the random numbers", of="source")


@table(
    "parts.deg__interaction_features",
    grain="one row per feature of one interaction",
    key=("interaction_id", "feature_id"),
    not_true="a feature is named as the study names it",
)
class PartInteraction(_Model):
    """One interaction, before symbols are resolved."""

    interaction_id: pl.String = col("interaction", of="source")
    feature_id: pl.String = col("feature as the study names it", of="raw.studies__gene_sample_counts.feature_id")
    method: pl.String = col("limma_voom, pydeseq2, or log2_cpm where there are no replicates", of="source")
    log2_response_parental: pl.Float64 = col("treated over untreated, parental", unit="log2", null=True, of=_FOUR)
    log2_response_resistant: pl.Float64 = col("treated over untreated, resistant", unit="log2", null=True, of=_FOUR)
    log2_interaction: pl.Float64 = col("response of resistant less of parental", unit="log2", null=True, of=_FOUR)
    log2_baseline_shift: pl.Float64 = col("resistant over parental, untreated", unit="log2", null=True, of=_FOUR)
    standard_error: pl.Float64 = col("of log2_interaction", unit="log2", null=True, of=_FOUR, ge=0)
    statistic: pl.Float64 = col("of log2_interaction", null=True, of=_FOUR)
    p_value: pl.Float64 = col("of log2_interaction, two-sided", null=True, of=_FOUR, **P_CHECK)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg over genes", null=True, of=_FOUR, **P_CHECK)
    q_value_response_parental: pl.Float64 = col("of log2_response_parental", null=True, of=_FOUR, **P_CHECK)
    q_value_response_resistant: pl.Float64 = col("of log2_response_resistant", null=True, of=_FOUR, **P_CHECK)
    q_value_baseline_shift: pl.Float64 = col("of log2_baseline_shift", null=True, of=_FOUR, **P_CHECK)
    response_class: pl.String = col(
        "by the declared thresholds, first match",
        of=_FOUR,
        isin=["lost_response", "gained_response", "constitutive_shift", "unchanged"],
    )
    evidence_kind: pl.String = col(
        "inferential only with two samples in each arm", of=_SAMPLE, isin=["inferential", "effect_only"]
    )
    p_value_note: pl.String = col("why p is absent", null=True, of=_FOUR)
    cpm_parental: pl.Float64 = col("mean, library sizes as they are", unit="cpm", of=_FOUR, ge=0)
    cpm_parental_treated: pl.Float64 = col("mean", unit="cpm", of=_FOUR, ge=0)
    cpm_resistant: pl.Float64 = col("mean", unit="cpm", of=_FOUR, ge=0)
    cpm_resistant_treated: pl.Float64 = col("mean", unit="cpm", of=_FOUR, ge=0)
    paper_ratio_resistant_to_resistant_treated: pl.Float64 = col(
        "rule of Lu 2019: R over R+A, a ratio without a test; null where infinite", null=True, of=_FOUR, ge=0
    )
    paper_rule_keeps: pl.Boolean = col("rule of Lu 2019: whether that ratio is below 1", of=_FOUR)


@table(
    "core.deg__interactions",
    grain="one row per interaction and gene",
    key=("interaction_id", "hgnc_symbol"),
    not_true="paper_rule_keeps is the paper's filter, not the interaction: it looks at the resistant cells alone",
)
class DegInteractions(PartInteraction):
    """(R+A - R) - (P+A - P): does a drug still do to the resistant cells what it does to the parental ones?"""

    study_id: pl.String = col("study", of="source")
    hgnc_symbol: pl.String = col(SYMBOL, of=_FEATURE_SYMBOL)
    entrez_gene_id: pl.Int64 = col("NCBI Gene id", null=True, of="staging.genes__measured.entrez_gene_id")


@table(
    "core.deg__interaction_bcv",
    grain="one row per interaction and assumed coefficient of variation",
    key=("interaction_id", "bcv"),
    not_true="these are what-ifs: no design without replicates tells its own variation",
)
class DegInteractionBcv(_Model):
    """How many interactions would be called if the biological coefficient of variation were so."""

    interaction_id: pl.String = col("interaction", of="source")
    bcv: pl.Float64 = col("assumed biological coefficient of variation", of="source", ge=0)
    fdr: pl.Float64 = col("false discovery rate", of="source", **P_CHECK)
    genes_tested: pl.Int64 = col("genes", unit="genes", of=_COUNTS, ge=0)
    genes_at_fdr: pl.Int64 = col("genes called", unit="genes", of=_COUNTS, ge=0)
    up: pl.Int64 = col("of these, interaction above 0", unit="genes", of=_COUNTS, ge=0)
    down: pl.Int64 = col("of these, below 0", unit="genes", of=_COUNTS, ge=0)


@table(
    "core.gene_lists__lists",
    grain="one row per gene list",
    key=("list_id",),
    not_true="a list of role contrast_effect_only carries no statistical evidence: its rule is a fold change alone",
)
class GeneLists(_Model):
    """Every gene list, published or derived from a contrast, with the rule that made it."""

    list_id: pl.String = col("list", of=("staging.gene_lists__members.list_id", _CONTRAST))
    title: pl.String = col("the list in words", of="source")
    role: pl.String = col(
        "contrast, contrast_effect_only (fold change alone), cancer_genes or interaction_partners",
        of="source",
        isin=["contrast", "contrast_effect_only", "cancer_genes", "interaction_partners"],
    )
    contrast_id: pl.String = col("contrast it was derived from", null=True, of=_CONTRAST)
    method: pl.String = col("method it was derived by", null=True, of="core.deg__contrast_genes.method")
    direction: pl.String = col(
        "up or down; null for a published list", null=True, of="core.deg__contrast_genes.log2_fold_change"
    )
    rule: pl.String = col("the rule in words", of="raw.catalog__contrasts.q_value_threshold")
    n_genes: pl.Int64 = col(
        "members",
        unit="genes",
        of=("core.deg__contrast_genes.hgnc_symbol", "staging.gene_lists__members.hgnc_symbol"),
        ge=0,
    )
    universe_size: pl.Int64 = col(
        "genes that could have entered", unit="genes", null=True, of="core.deg__contrast_genes.p_value", ge=0
    )


@table(
    "core.gene_lists__members",
    grain="one row per list and gene",
    key=("list_id", "hgnc_symbol"),
    not_true="membership is a threshold's doing: a gene just outside is hardly different",
)
class GeneListMembers(_Model):
    """Members of every gene list."""

    list_id: pl.String = col("list", of=("staging.gene_lists__members.list_id", _CONTRAST))
    hgnc_symbol: pl.String = col(
        SYMBOL, of=("core.deg__contrast_genes.hgnc_symbol", "staging.gene_lists__members.hgnc_symbol")
    )
    direction: pl.String = col(
        "up, down, or none for a published list",
        of="core.deg__contrast_genes.log2_fold_change",
        isin=["up", "down", "none"],
    )


_MEMBER = ("core.gene_lists__members.hgnc_symbol", "core.gene_lists__members.list_id")
_UNIVERSE = ("core.deg__contrast_genes.hgnc_symbol", "core.deg__contrast_genes.p_value")


@table(
    "core.intersections__sets",
    grain="one row per intersection of lists",
    key=("intersection_id",),
    not_true="a small p-value says that lists overlap beyond chance, not why",
)
class Intersections(_Model):
    """Overlaps of gene lists beside what chance would give in the stated universe."""

    intersection_id: pl.String = col("the lists, joined by __and__, or the declared id", of=_MEMBER)
    list_ids: pl.String = col("the lists, joined by |", of=_MEMBER)
    n_lists: pl.Int64 = col("lists", of=_MEMBER, ge=2)
    universe_id: pl.String = col("what the universe is", of=_UNIVERSE)
    universe_size: pl.Int64 = col("genes that could have been in every list", unit="genes", of=_UNIVERSE, ge=0)
    sizes_in_universe: pl.String = col("sizes of the lists within the universe, joined by |", unit="genes", of=_MEMBER)
    n_outside_universe: pl.Int64 = col("list members outside the universe, not counted", unit="genes", of=_MEMBER, ge=0)
    size: pl.Int64 = col("genes in all lists", unit="genes", of=_MEMBER, ge=0)
    expected_by_chance: pl.Float64 = col(
        "expected size if the lists were independent", unit="genes", null=True, of=_MEMBER, ge=0
    )
    fold_over_chance: pl.Float64 = col("size over expected", null=True, of=_MEMBER, ge=0)
    p_value: pl.Float64 = col("upper tail", null=True, of=_MEMBER, **P_CHECK)
    p_value_method: pl.String = col("hypergeometric or permutation", null=True, of=_MEMBER)
    permutations: pl.Int64 = col("rounds of the permutation null; null for two lists", null=True, of="source", ge=1)
    seed: pl.Int64 = col("of the permutation null; null for two lists", null=True, of="source")
    p_value_exact: pl.Float64 = col(
        "the null summed exactly, without a floor; equals p_value for two lists", null=True, of=_MEMBER, **P_CHECK
    )
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg over all intersections", null=True, of=_MEMBER, **P_CHECK)
    n_same_direction: pl.Int64 = col(
        "shared genes with one direction in every list; null where a list states none",
        unit="genes",
        null=True,
        of="core.gene_lists__members.direction",
        ge=0,
    )
    genes: pl.String = col("members, sorted, joined by a comma", null=True, of=_MEMBER)


@table(
    "core.intersections__upset",
    grain="one row per family of lists and combination of them that some gene has exclusively",
    key=("family_id", "combination_id"),
    not_true="an exclusive size depends on which lists the family holds",
)
class IntersectionsUpset(_Model):
    """Every combination of the lists of a family, as an UpSet plot shows them."""

    family_id: pl.String = col("family of the catalog", of="source")
    combination_id: pl.String = col("the lists, joined by &", of=_MEMBER)
    list_ids: pl.String = col("the lists, joined by |", of=_MEMBER)
    degree: pl.Int64 = col("lists of the combination", of=_MEMBER, ge=1)
    exclusive_size: pl.Int64 = col("genes on these lists and on no other", unit="genes", of=_MEMBER, ge=1)
    inclusive_size: pl.Int64 = col("genes on these lists, whatever others", unit="genes", of=_MEMBER, ge=1)
    universe_id: pl.String = col("genes to which the lists were restricted; null for none", null=True, of=_UNIVERSE)
    genes: pl.String = col("of the exclusive part, sorted, joined by a comma", of=_MEMBER)


_SETS = ("staging.gene_sets__members.hgnc_symbol", *_MEMBER)


@table(
    "core.enrichment__terms",
    grain="one row per list, collection and term tested",
    key=("list_id", "collection", "term_id"),
    not_true="terms of one collection share genes, so neighbouring rows are not independent findings",
)
class EnrichmentTerms(_Model):
    """Over-representation of gene sets in lists, against the genes that were tested."""

    list_id: pl.String = col(
        "list, or the intersection of a list with a published one", of="core.gene_lists__members.list_id"
    )
    collection: pl.String = col("collection", of="staging.gene_sets__members.collection")
    term_id: pl.String = col("vendor's id, else the term", of="staging.gene_sets__members.term_id")
    term: pl.String = col("name of the set", of="staging.gene_sets__members.term")
    list_size: pl.Int64 = col("list members in the universe", unit="genes", of=_MEMBER, ge=0)
    set_size: pl.Int64 = col("set members in the universe", unit="genes", of=_SETS, ge=0)
    overlap: pl.Int64 = col("genes in both", unit="genes", of=_SETS, ge=0)
    universe_size: pl.Int64 = col("genes tested", unit="genes", of=_UNIVERSE, ge=0)
    expected_overlap: pl.Float64 = col("expected by chance", unit="genes", of=_SETS, ge=0)
    fold_enrichment: pl.Float64 = col("overlap over expected", null=True, of=_SETS, ge=0)
    odds_ratio: pl.Float64 = col("sample odds ratio; null where infinite", null=True, of=_SETS, ge=0)
    p_value: pl.Float64 = col("hypergeometric upper tail", of=_SETS, **P_CHECK)
    log_p: pl.Float64 = col("natural logarithm of p, finite where p underflows", unit="ln", of=_SETS, le=0)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within list and collection", of=_SETS, **P_CHECK)
    representative_term_id: pl.String = col(
        "term that speaks for this one in a short table: the first with similar genes; itself if none", of=_SETS
    )
    is_circular: pl.Boolean = col("whether the list was chosen by what is tested here: then no evidence", of="source")
    circularity_reason: pl.String = col("why it is circular", null=True, of="source")
    genes: pl.String = col("genes in both, sorted, joined by a comma", null=True, of=_SETS)


@table(
    "core.enrichment__families",
    grain="one row per list and collection",
    key=("list_id", "collection"),
    not_true="a gene in no set was not shown to do nothing: nobody annotated it",
)
class EnrichmentFamilies(_Model):
    """What took part in each family of tests, and what fell out."""

    list_id: pl.String = col("list", of="core.gene_lists__members.list_id")
    collection: pl.String = col("collection", of="staging.gene_sets__members.collection")
    universe_id: pl.String = col("what the universe is", of=_UNIVERSE)
    n_genes_given: pl.Int64 = col("members of the list", unit="genes", of=_MEMBER, ge=0)
    n_outside_universe: pl.Int64 = col("of these, outside the universe", unit="genes", of=_MEMBER, ge=0)
    list_size: pl.Int64 = col("left", unit="genes", of=_MEMBER, ge=0)
    n_in_no_set: pl.Int64 = col("of those left, in no set of the collection", unit="genes", of=_SETS, ge=0)
    universe_size: pl.Int64 = col("genes that could have been listed", unit="genes", of=_UNIVERSE, ge=0)
    n_terms: pl.Int64 = col("terms of the collection", unit="terms", of=_SETS, ge=0)
    n_terms_too_small: pl.Int64 = col("too few genes in the universe", unit="terms", of=_SETS, ge=0)
    n_terms_too_large: pl.Int64 = col("too many genes in the universe", unit="terms", of=_SETS, ge=0)
    n_tested: pl.Int64 = col("size of the family", unit="terms", of=_SETS, ge=0)


_RANKED = ("core.deg__contrast_genes.statistic", "core.deg__contrast_genes.p_value", *_SETS[:1])


@table(
    "core.gsea__terms",
    grain="one row per contrast, method, collection and term tested",
    key=("contrast_id", "method", "collection", "term_id"),
    not_true="co-regulated genes move together, random sets do not: the p-values order terms, they settle none",
)
class GseaTerms(_Model):
    """Pre-ranked gene-set enrichment along each contrast by each of its methods' statistics."""

    contrast_id: pl.String = col("contrast", of="core.deg__contrast_genes.contrast_id")
    method: pl.String = col("method", of="core.deg__contrast_genes.method")
    ranking_metric: pl.String = col(
        "what the genes are ranked by: wald_z, moderated_t or signed_minus_log10_p", of="source"
    )
    collection: pl.String = col("collection", of="staging.gene_sets__members.collection")
    term_id: pl.String = col("vendor's id, else the term", of="staging.gene_sets__members.term_id")
    term: pl.String = col("name of the set", of="staging.gene_sets__members.term")
    n_ranked: pl.Int64 = col("genes of the ranking", unit="genes", of=_RANKED, ge=1)
    set_size: pl.Int64 = col("ranked genes in the set", unit="genes", of=_RANKED, ge=1)
    enrichment_score: pl.Float64 = col("largest deviation of the running sum", of=_RANKED, ge=-1, le=1)
    normalised_enrichment_score: pl.Float64 = col(
        "over the mean null score of the size and sign; null where there is none", null=True, of=_RANKED
    )
    p_value: pl.Float64 = col("against random sets of the same size and sign", of=_RANKED, gt=0, le=1)
    p_value_method: pl.String = col(
        "permutation, permutation_both_signs, multilevel_splitting, or multilevel_splitting_bound (p is at most this)",
        of=_RANKED,
    )
    p_value_log2_error: pl.Float64 = col("standard error of log2 p", unit="log2", null=True, of=_RANKED, ge=0)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within contrast, method and collection", of=_RANKED, **P_CHECK)
    q_value_gsea: pl.Float64 = col("GSEA's own false discovery rate", null=True, of=_RANKED, **P_CHECK)
    permutations: pl.Int64 = col("random sets per size", of="source", ge=1)
    seed: pl.Int64 = col("of the null", of="source")
    leading_edge_size: pl.Int64 = col("genes up to the peak", unit="genes", of=_RANKED, ge=0)
    leading_edge_genes: pl.String = col("those, most extreme first, joined by a comma", null=True, of=_RANKED)


_TIME = "staging.cohorts__patient_endpoints.time_months"
_EVENT = "staging.cohorts__patient_endpoints.event_observed"
_EXPRESSION = "staging.cohorts__gene_expression.expression_value"
_SURVIVAL = (_TIME, _EVENT, _EXPRESSION)
_COHORT = "staging.cohorts__patient_endpoints.cohort_id"
_ENDPOINT = "staging.cohorts__patient_endpoints.endpoint"
_COHORT_SYMBOL = "staging.cohorts__genes.hgnc_symbol"
_COVARIATES = (
    "staging.cohorts__patients.age_years",
    "staging.cohorts__patients.sex",
    "staging.cohorts__patients.stage_group",
)
_MODEL_INPUT = (*_SURVIVAL, *_COVARIATES)
_POWER = "events needed to find the hazard ratio at hand with 80 % power (Schoenfeld)"


def _split_power() -> Any:
    return col(f"{_POWER}: that of the median split", unit="patients", null=True, of=_SURVIVAL, ge=0)


def _interval(what: str, upstream: tuple[str, ...], **checks: Any) -> Any:
    return col(f"95 % limit of {what}", null=True, of=upstream, **checks)


@table(
    "core.survival__cohort_endpoints",
    grain="one row per cohort and endpoint",
    key=("cohort_id", "endpoint"),
    not_true="patients without expression are counted in n_with_follow_up, not in n_analysed",
)
class SurvivalCohortEndpoints(_Model):
    """How many patients and events each endpoint has, and how long they were followed."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    endpoint: pl.String = col("endpoint", of=_ENDPOINT)
    n_patients: pl.Int64 = col(
        "patients of the cohort", unit="patients", of="staging.cohorts__patients.patient_id", ge=0
    )
    n_with_follow_up: pl.Int64 = col("patients with a status and a time", unit="patients", of=(_TIME, _EVENT), ge=0)
    n_events_with_follow_up: pl.Int64 = col("events among them", unit="patients", of=_EVENT, ge=0)
    n_analysed: pl.Int64 = col("of these, with expression", unit="patients", of=_SURVIVAL, ge=0)
    n_events_analysed: pl.Int64 = col("events among the analysed", unit="patients", of=_SURVIVAL, ge=0)
    median_follow_up_months: pl.Float64 = col(
        "reverse Kaplan-Meier, of the analysed", unit="months", null=True, of=(_TIME, _EVENT)
    )
    median_survival_months: pl.Float64 = col(
        "Kaplan-Meier, of the analysed; null where not reached", unit="months", null=True, of=(_TIME, _EVENT)
    )
    excluded: pl.String = col("why patients with a status were left out, with numbers", null=True, of=(_TIME, _EVENT))


@table(
    "core.survival__cohort_endpoint_genes",
    grain="one row per cohort, endpoint, gene and model",
    key=("cohort_id", "endpoint", "hgnc_symbol", "model"),
    not_true="a small p-value here is one of thousands: read q_value_bh and percentile_among_genes beside it",
)
class SurvivalCohortEndpointGenes(_Model):
    """Every gene against every endpoint: univariable Cox on expression, and on expression split at the median."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    endpoint: pl.String = col("endpoint", of=_ENDPOINT)
    hgnc_symbol: pl.String = col(SYMBOL, of=_COHORT_SYMBOL)
    source_symbol: pl.String = col("symbol as the vendor gives it", of="staging.cohorts__genes.source_symbol")
    model: pl.String = col(
        "continuous (per unit of expression), continuous_adjusted (the same beside the covariates), median_split (above"
        " the median against the rest), quartile_split (above the third quartile against at or below the first)",
        of="source",
        isin=["continuous", "continuous_adjusted", "median_split", "quartile_split"],
    )
    covariates: pl.String = col(
        "what the model is adjusted for, joined by |; patients without one of them are left out (continuous_adjusted)",
        null=True,
        of=_COVARIATES,
    )
    n: pl.Int64 = col("patients", unit="patients", of=_SURVIVAL, ge=0)
    events: pl.Int64 = col("events", unit="patients", of=_SURVIVAL, ge=0)
    log_hazard_ratio: pl.Float64 = col("Cox coefficient, Efron ties", unit="ln", null=True, of=_SURVIVAL)
    hazard_ratio: pl.Float64 = col("per unit of expression, or high over low", null=True, of=_SURVIVAL, ge=0)
    ci_lower: pl.Float64 = col("95 % limit of the hazard ratio (Wald)", null=True, of=_SURVIVAL, ge=0)
    ci_upper: pl.Float64 = col("95 % limit of the hazard ratio (Wald)", null=True, of=_SURVIVAL, ge=0)
    standard_error: pl.Float64 = col("of log_hazard_ratio", unit="ln", null=True, of=_SURVIVAL, ge=0)
    statistic: pl.Float64 = col("Wald z", null=True, of=_SURVIVAL)
    p_value: pl.Float64 = col("Wald, two-sided", null=True, of=_SURVIVAL, **P_CHECK)
    p_likelihood_ratio: pl.Float64 = col("likelihood-ratio test", null=True, of=_SURVIVAL, **P_CHECK)
    p_score: pl.Float64 = col("score test", null=True, of=_SURVIVAL, **P_CHECK)
    q_value_bh: pl.Float64 = col(
        "Benjamini-Hochberg of p_value within cohort, endpoint and model", null=True, of=_SURVIVAL, **P_CHECK
    )
    percentile_among_genes: pl.Float64 = col(
        "percentile of p_value among all genes tested the same way", unit="%", null=True, of=_SURVIVAL, ge=0, le=100
    )
    hazard_ratio_per_sd: pl.Float64 = col(
        "per standard deviation of expression (continuous model)", null=True, of=_SURVIVAL, ge=0
    )
    concordance: pl.Float64 = col("of the fitted risk with survival", null=True, of=_SURVIVAL, **P_CHECK)
    cut_point: pl.Float64 = col(
        "the high group is above it: median or third quartile", unit="as expression", null=True, of=_EXPRESSION
    )
    cut_point_low: pl.Float64 = col(
        "the low group is at or below it: median or first quartile", unit="as expression", null=True, of=_EXPRESSION
    )
    n_high: pl.Int64 = col("patients in the high group", unit="patients", null=True, of=_SURVIVAL, ge=0)
    n_low: pl.Int64 = col("patients in the low group", unit="patients", null=True, of=_SURVIVAL, ge=0)
    logrank_chi2: pl.Float64 = col("log-rank statistic, 1 degree of freedom", null=True, of=_SURVIVAL, ge=0)
    p_logrank: pl.Float64 = col("log-rank test", null=True, of=_SURVIVAL, **P_CHECK)
    q_value_bh_logrank: pl.Float64 = col(
        "Benjamini-Hochberg of p_logrank within cohort, endpoint and model", null=True, of=_SURVIVAL, **P_CHECK
    )
    percentile_logrank: pl.Float64 = col(
        "percentile of p_logrank among all genes tested the same way", unit="%", null=True, of=_SURVIVAL, ge=0, le=100
    )
    median_survival_months_high: pl.Float64 = col(
        "Kaplan-Meier, high group; null where not reached", unit="months", null=True, of=_SURVIVAL
    )
    median_survival_months_low: pl.Float64 = col(
        "Kaplan-Meier, low group; null where not reached", unit="months", null=True, of=_SURVIVAL
    )
    events_for_80pct_power: pl.Float64 = col(
        "events needed to find this hazard ratio with 80 % power (Schoenfeld)",
        unit="patients",
        null=True,
        of=_SURVIVAL,
        ge=0,
    )
    fit_status: pl.String = col(
        "converged, monotone_likelihood, not_converged or not_estimable",
        of=_SURVIVAL,
        isin=["converged", "monotone_likelihood", "not_converged", "not_estimable"],
    )
    fit_note: pl.String = col("why a fit is qualified", null=True, of=_SURVIVAL)
    estimator: pl.String = col("partial_likelihood or firth", null=True, of=_SURVIVAL)


@table(
    "core.survival__kaplan_meier",
    grain="one row per cohort, endpoint, gene of interest, group and distinct time",
    key=("cohort_id", "endpoint", "hgnc_symbol", "expression_group", "time_months"),
    not_true="the tail of a curve rests on few patients: read n_at_risk",
)
class SurvivalKaplanMeier(_Model):
    """Survival curves of genes of interest, split at the median."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    endpoint: pl.String = col("endpoint", of=_ENDPOINT)
    hgnc_symbol: pl.String = col(SYMBOL, of=_COHORT_SYMBOL)
    expression_group: pl.String = col("high = above the median", of=_EXPRESSION, isin=["high", "low"])
    time_months: pl.Float64 = col("time", unit="months", of=_TIME)
    n_at_risk: pl.Int64 = col("just before the time", unit="patients", of=_SURVIVAL, ge=0)
    n_events: pl.Int64 = col("at the time", unit="patients", of=_SURVIVAL, ge=0)
    n_censored: pl.Int64 = col("at the time", unit="patients", of=_SURVIVAL, ge=0)
    survival: pl.Float64 = col("Kaplan-Meier estimate", of=_SURVIVAL, **P_CHECK)
    standard_error_survival: pl.Float64 = col("of survival, after Greenwood", null=True, of=_SURVIVAL, ge=0)
    ci_lower: pl.Float64 = col("95 % limit, log transform", null=True, of=_SURVIVAL, **P_CHECK)
    ci_upper: pl.Float64 = col("95 % limit, log transform", null=True, of=_SURVIVAL, **P_CHECK)
    ci_lower_log_log: pl.Float64 = col(
        "95 % limit, log-log transform; null while survival is 1", null=True, of=_SURVIVAL, **P_CHECK
    )
    ci_upper_log_log: pl.Float64 = col(
        "95 % limit, log-log transform; null while survival is 1", null=True, of=_SURVIVAL, **P_CHECK
    )
    events_for_80pct_power: pl.Float64 = _split_power()


class _CohortEndpointGene(_Model):
    cohort_id: pl.String = col("cohort", of=_COHORT)
    endpoint: pl.String = col("endpoint", of=_ENDPOINT)
    hgnc_symbol: pl.String = col(SYMBOL, of=_COHORT_SYMBOL)


@table(
    "core.survival__optimal_cuts",
    grain="one row per cohort, endpoint and gene",
    key=("cohort_id", "endpoint", "hgnc_symbol"),
    not_true="p_naive is not a p-value of anything: the cut was chosen to make it small; read p_permutation",
)
class SurvivalOptimalCuts(_CohortEndpointGene):
    """The cut-point with the largest log-rank statistic (maximally selected rank statistics), with p-values that pay
    for the search."""

    n: pl.Int64 = col("patients", unit="patients", of=_SURVIVAL, ge=0)
    events: pl.Int64 = col("events", unit="patients", of=_SURVIVAL, ge=0)
    cut_point: pl.Float64 = col(
        "the high group is above it, the low one at or below", unit="as expression", null=True, of=_SURVIVAL
    )
    n_high: pl.Int64 = col("patients in the high group", unit="patients", null=True, of=_SURVIVAL, ge=0)
    n_low: pl.Int64 = col("patients in the low group", unit="patients", null=True, of=_SURVIVAL, ge=0)
    n_cut_points: pl.Int64 = col("cut-points that were tried", null=True, of=_EXPRESSION, ge=0)
    statistic: pl.Float64 = col("largest standardised log-rank statistic", null=True, of=_SURVIVAL)
    p_naive: pl.Float64 = col(
        "of the chosen cut as if it had been the only one: not to be reported", null=True, of=_SURVIVAL, **P_CHECK
    )
    p_lau92: pl.Float64 = col("corrected, Lausen and Schumacher 1992", null=True, of=_SURVIVAL, **P_CHECK)
    p_lau94: pl.Float64 = col(
        "corrected, Lausen, Sauerbrei and Schumacher 1994, cut at 1", null=True, of=_SURVIVAL, **P_CHECK
    )
    p_permutation: pl.Float64 = col(
        "corrected, permutations of the log-rank scores", null=True, of=_SURVIVAL, **P_CHECK
    )
    permutations: pl.Int64 = col("permutations behind p_permutation", null=True, of="source", ge=0)
    q_value_bh: pl.Float64 = col(
        "Benjamini-Hochberg of p_permutation within cohort and endpoint", null=True, of=_SURVIVAL, **P_CHECK
    )
    percentile_among_genes: pl.Float64 = col(
        "percentile of p_permutation among all genes", unit="%", null=True, of=_SURVIVAL, ge=0, le=100
    )
    hazard_ratio_at_cut: pl.Float64 = col(
        "high over low; too far from 1, because the cut was chosen for it", null=True, of=_SURVIVAL, ge=0
    )
    events_for_80pct_power: pl.Float64 = col(
        f"{_POWER}; too few, for the same reason", unit="patients", null=True, of=_SURVIVAL, ge=0
    )
    fit_note: pl.String = col("why there is no cut", null=True, of=_SURVIVAL)


class _GeneModel(_CohortEndpointGene):
    model_id: pl.String = col("model of the catalog ([survival] of studies.toml)", of="source")


@table(
    "core.survival__multivariable_terms",
    grain="one row per cohort, endpoint, gene of interest, model and term",
    key=("cohort_id", "endpoint", "hgnc_symbol", "model_id", "term"),
    not_true="the rows of age, sex and stage differ between genes only through what a gene takes from them",
)
class SurvivalMultivariableTerms(_GeneModel):
    """Terms of the Cox models of genes of interest, ready for a forest plot."""

    term: pl.String = col("variable, with its level where it has levels", of=_MODEL_INPUT)
    term_order: pl.Int64 = col("place of the term in the model, from 1", of=_MODEL_INPUT, ge=1)
    variable: pl.String = col("expression (per unit), age_years, sex or stage_group", of=_MODEL_INPUT)
    level: pl.String = col("level of a variable with levels", null=True, of=_COVARIATES)
    n: pl.Int64 = col("patients of the level, or of the model", unit="patients", of=_MODEL_INPUT, ge=0)
    events: pl.Int64 = col("events among them", unit="patients", of=_MODEL_INPUT, ge=0)
    log_hazard_ratio: pl.Float64 = col(
        "Cox coefficient, Efron ties; 0 for a reference", unit="ln", null=True, of=_MODEL_INPUT
    )
    hazard_ratio: pl.Float64 = col("per unit, or against the reference level", null=True, of=_MODEL_INPUT, ge=0)
    ci_lower: pl.Float64 = _interval("hazard_ratio", _MODEL_INPUT, ge=0)
    ci_upper: pl.Float64 = _interval("hazard_ratio", _MODEL_INPUT, ge=0)
    standard_error: pl.Float64 = col("of log_hazard_ratio", unit="ln", null=True, of=_MODEL_INPUT, ge=0)
    statistic: pl.Float64 = col("Wald z", null=True, of=_MODEL_INPUT)
    p_value: pl.Float64 = col(
        "Wald, two-sided (Firth: penalised likelihood ratio)", null=True, of=_MODEL_INPUT, **P_CHECK
    )
    q_value_bh: pl.Float64 = col(
        "Benjamini-Hochberg of the expression terms over the genes of interest, within cohort, endpoint and model",
        null=True,
        of=_MODEL_INPUT,
        **P_CHECK,
    )
    hazard_ratio_per_sd: pl.Float64 = col(
        "per standard deviation of a numeric variable", null=True, of=_MODEL_INPUT, ge=0
    )
    events_for_80pct_power: pl.Float64 = col(
        f"{_POWER}, other terms aside", unit="patients", null=True, of=_MODEL_INPUT, ge=0
    )
    estimator: pl.String = col(
        "partial_likelihood, firth or reference", of=_MODEL_INPUT, isin=["partial_likelihood", "firth", "reference"]
    )


@table(
    "core.survival__multivariable_models",
    grain="one row per cohort, endpoint, gene of interest and model",
    key=("cohort_id", "endpoint", "hgnc_symbol", "model_id"),
    not_true="patients with a missing covariate are left out, so models differ in their patients: compare n",
)
class SurvivalMultivariableModels(_GeneModel):
    """Cox models of genes of interest as a whole."""

    covariates: pl.String = col("what the gene is adjusted for, joined by |", null=True, of=_COVARIATES)
    strata: pl.String = col(
        "variables whose levels have a baseline hazard each, joined by |", null=True, of=_COVARIATES
    )
    n: pl.Int64 = col("patients with everything", unit="patients", of=_MODEL_INPUT, ge=0)
    events: pl.Int64 = col("events among them", unit="patients", of=_MODEL_INPUT, ge=0)
    n_left_out: pl.Int64 = col(
        "patients without one of the variables or without follow-up", unit="patients", of=_MODEL_INPUT, ge=0
    )
    coefficients: pl.Int64 = col("coefficients estimated", null=True, of=_MODEL_INPUT, ge=0)
    events_per_variable: pl.Float64 = col("events per coefficient", null=True, of=_MODEL_INPUT, ge=0)
    n_strata: pl.Int64 = col("baseline hazards", null=True, of=_MODEL_INPUT, ge=0)
    log_likelihood_null: pl.Float64 = col("of the model without coefficients", null=True, of=_MODEL_INPUT)
    log_likelihood: pl.Float64 = col("at the estimates", null=True, of=_MODEL_INPUT)
    likelihood_ratio_chi2: pl.Float64 = col("of all coefficients", null=True, of=_MODEL_INPUT)
    p_likelihood_ratio: pl.Float64 = col("of all coefficients", null=True, of=_MODEL_INPUT, **P_CHECK)
    wald_chi2: pl.Float64 = col("of all coefficients", null=True, of=_MODEL_INPUT)
    p_wald: pl.Float64 = col("of all coefficients", null=True, of=_MODEL_INPUT, **P_CHECK)
    score_chi2: pl.Float64 = col("of all coefficients", null=True, of=_MODEL_INPUT)
    p_score: pl.Float64 = col("of all coefficients", null=True, of=_MODEL_INPUT, **P_CHECK)
    concordance: pl.Float64 = col("of the fitted risk with survival", null=True, of=_MODEL_INPUT, **P_CHECK)
    p_proportional_hazards: pl.Float64 = col("global test (cox.zph)", null=True, of=_MODEL_INPUT, **P_CHECK)
    hazards_not_proportional: pl.String = col(
        "variables whose hazard ratio changes with time (p < 0.05), joined by |", null=True, of=_MODEL_INPUT
    )
    events_for_80pct_power: pl.Float64 = col(
        f"{_POWER}: that of the gene", unit="patients", null=True, of=_MODEL_INPUT, ge=0
    )
    fit_status: pl.String = col(
        "converged, monotone_likelihood, not_converged or not_estimable",
        of=_MODEL_INPUT,
        isin=["converged", "monotone_likelihood", "not_converged", "not_estimable"],
    )
    warning: pl.String = col(
        "too few events per coefficient, a covariate that could not enter, or why there is no fit",
        null=True,
        of=_MODEL_INPUT,
    )


@table(
    "core.survival__proportional_hazards",
    grain="one row per cohort, endpoint, gene of interest, model and variable, GLOBAL among them",
    key=("cohort_id", "endpoint", "hgnc_symbol", "model_id", "variable"),
    not_true="a large p-value does not show that hazards are proportional: with few events nothing is found",
)
class SurvivalProportionalHazards(_GeneModel):
    """Score test of proportional hazards for each variable and globally, as R's cox.zph since survival 3.0."""

    variable: pl.String = col("variable, or GLOBAL for all together", of=_MODEL_INPUT)
    n: pl.Int64 = col("patients in the model", unit="patients", of=_MODEL_INPUT, ge=0)
    events: pl.Int64 = col("events in the model", unit="patients", of=_MODEL_INPUT, ge=0)
    chi2: pl.Float64 = col("score statistic; null where the data cannot tell", null=True, of=_MODEL_INPUT)
    degrees_of_freedom: pl.Int64 = col("of chi2", of=_MODEL_INPUT, ge=1)
    p_value: pl.Float64 = col("upper tail", null=True, of=_MODEL_INPUT, **P_CHECK)
    violated: pl.Boolean = col("p_value < 0.05", null=True, of=_MODEL_INPUT)


_GROUPS = ["high", "low"]


@table(
    "core.survival__restricted_means",
    grain="one row per cohort, endpoint, gene of interest and group of the median split, and their difference",
    key=("cohort_id", "endpoint", "hgnc_symbol", "expression_group"),
    not_true="not a mean survival: only the months up to the horizon count",
)
class SurvivalRestrictedMeans(_CohortEndpointGene):
    """Mean survival up to a horizon: the area under the Kaplan-Meier curve."""

    expression_group: pl.String = col(
        "high = above the median; high_minus_low = their difference", of=_EXPRESSION, isin=[*_GROUPS, "high_minus_low"]
    )
    until_months: pl.Float64 = col("horizon", unit="months", of="source")
    n: pl.Int64 = col("patients", unit="patients", of=_SURVIVAL, ge=0)
    events: pl.Int64 = col("events, those beyond the horizon too", unit="patients", of=_SURVIVAL, ge=0)
    n_at_risk_at_horizon: pl.Int64 = col("patients still observed then", unit="patients", of=_SURVIVAL, ge=0)
    restricted_mean_months: pl.Float64 = col("mean, or difference of means", unit="months", of=_SURVIVAL)
    standard_error_months: pl.Float64 = col("of restricted_mean_months", unit="months", of=_SURVIVAL, ge=0)
    ci_lower_months: pl.Float64 = col("95 % limit, normal", unit="months", of=_SURVIVAL)
    ci_upper_months: pl.Float64 = col("95 % limit, normal", unit="months", of=_SURVIVAL)
    p_value: pl.Float64 = col("of the difference, normal", null=True, of=_SURVIVAL, **P_CHECK)
    events_for_80pct_power: pl.Float64 = _split_power()


@table(
    "core.survival__landmarks",
    grain="one row per cohort, endpoint, gene of interest, group of the median split and landmark",
    key=("cohort_id", "endpoint", "hgnc_symbol", "expression_group", "time_months"),
    not_true="null beyond the last patient of a group does not mean that nobody survived",
)
class SurvivalLandmarks(_CohortEndpointGene):
    """Survival of the two groups at fixed times, with the numbers at risk."""

    expression_group: pl.String = col("high = above the median", of=_EXPRESSION, isin=_GROUPS)
    time_months: pl.Float64 = col("landmark", unit="months", of="source")
    n: pl.Int64 = col("patients in the group", unit="patients", of=_SURVIVAL, ge=0)
    events: pl.Int64 = col("events in the group", unit="patients", of=_SURVIVAL, ge=0)
    n_at_risk: pl.Int64 = col("observed at or beyond the time", unit="patients", of=_SURVIVAL, ge=0)
    n_events_before: pl.Int64 = col("events before the time", unit="patients", of=_SURVIVAL, ge=0)
    survival: pl.Float64 = col("Kaplan-Meier estimate", null=True, of=_SURVIVAL, **P_CHECK)
    standard_error_survival: pl.Float64 = col("of survival, after Greenwood", null=True, of=_SURVIVAL, ge=0)
    ci_lower: pl.Float64 = col("95 % limit, log transform", null=True, of=_SURVIVAL, **P_CHECK)
    ci_upper: pl.Float64 = col("95 % limit, log transform", null=True, of=_SURVIVAL, **P_CHECK)
    ci_lower_log_log: pl.Float64 = col("95 % limit, log-log transform", null=True, of=_SURVIVAL, **P_CHECK)
    ci_upper_log_log: pl.Float64 = col("95 % limit, log-log transform", null=True, of=_SURVIVAL, **P_CHECK)
    events_for_80pct_power: pl.Float64 = _split_power()


@table(
    "core.survival__time_dependent_auc",
    grain="one row per cohort, endpoint, gene of interest, model and time",
    key=("cohort_id", "endpoint", "hgnc_symbol", "model_id", "time_months"),
    not_true="auc is measured on the patients that the model was fitted to: read auc_cross_validated beside it",
)
class SurvivalTimeDependentAuc(_GeneModel):
    """How well a model tells those who had the event by a time from those who did not (cumulative cases, dynamic
    controls, weighted for censoring)."""

    time_months: pl.Float64 = col("time", unit="months", of="source")
    n: pl.Int64 = col("patients in the model", unit="patients", of=_MODEL_INPUT, ge=0)
    n_at_risk: pl.Int64 = col("observed beyond the time", unit="patients", of=_MODEL_INPUT, ge=0)
    n_cases: pl.Int64 = col("events by the time", unit="patients", of=_MODEL_INPUT, ge=0)
    auc: pl.Float64 = col("apparent", null=True, of=_MODEL_INPUT, **P_CHECK)
    ci_lower: pl.Float64 = col("95 % percentile limit of auc, bootstrap", null=True, of=_MODEL_INPUT, **P_CHECK)
    ci_upper: pl.Float64 = col("95 % percentile limit of auc, bootstrap", null=True, of=_MODEL_INPUT, **P_CHECK)
    auc_cross_validated: pl.Float64 = col(
        "model fitted on other patients than those compared", null=True, of=_MODEL_INPUT, **P_CHECK
    )
    bootstrap_samples: pl.Int64 = col("resamples in which the value exists", of=_MODEL_INPUT, ge=0)
    events_for_80pct_power: pl.Float64 = col(
        f"{_POWER}: that of the gene in the model", unit="patients", null=True, of=_MODEL_INPUT, ge=0
    )


@table(
    "core.survival__signatures",
    grain="one row per cohort, endpoint and gene list",
    key=("cohort_id", "endpoint", "signature_id"),
    not_true="p_value alone says little: in many cohorts most random signatures are as small; read p_random",
)
class SurvivalSignatures(_Model):
    """Mean z-score of a gene list as a Cox covariate, against random lists of the same size."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    endpoint: pl.String = col("endpoint", of=_ENDPOINT)
    signature_id: pl.String = col("gene list or panel", of="core.gene_lists__members.list_id")
    genes_in_list: pl.Int64 = col("genes of the list", unit="genes", of="core.gene_lists__members.hgnc_symbol", ge=0)
    genes_in_signature: pl.Int64 = col(
        "of these, measured in the cohort",
        unit="genes",
        of=("core.gene_lists__members.hgnc_symbol", _COHORT_SYMBOL),
        ge=0,
    )
    n: pl.Int64 = col("patients", unit="patients", null=True, of=_SURVIVAL, ge=0)
    events: pl.Int64 = col("events", unit="patients", null=True, of=_SURVIVAL, ge=0)
    log_hazard_ratio_per_sd: pl.Float64 = col("per standard deviation of the score", unit="ln", null=True, of=_SURVIVAL)
    hazard_ratio_per_sd: pl.Float64 = col("per standard deviation of the score", null=True, of=_SURVIVAL, ge=0)
    ci_lower: pl.Float64 = _interval("hazard_ratio_per_sd", _SURVIVAL, ge=0)
    ci_upper: pl.Float64 = _interval("hazard_ratio_per_sd", _SURVIVAL, ge=0)
    statistic: pl.Float64 = col("Wald z", null=True, of=_SURVIVAL)
    p_value: pl.Float64 = col("Wald, as if the list were the only one there is", null=True, of=_SURVIVAL, **P_CHECK)
    p_random: pl.Float64 = col(
        "share of random lists of the same size that do at least as well", null=True, of=_SURVIVAL, **P_CHECK
    )
    q_value_bh: pl.Float64 = col(
        "Benjamini-Hochberg of p_random within cohort and endpoint", null=True, of=_SURVIVAL, **P_CHECK
    )
    random_signatures: pl.Int64 = col("random lists drawn", null=True, of="source", ge=0)
    random_share_below_005: pl.Float64 = col(
        "share of random lists with p < 0.05: what a p-value alone is worth here", null=True, of=_SURVIVAL, **P_CHECK
    )
    concordance: pl.Float64 = col("of the score with survival", null=True, of=_SURVIVAL, **P_CHECK)
    events_for_80pct_power: pl.Float64 = col(_POWER, unit="patients", null=True, of=_SURVIVAL, ge=0)
    note: pl.String = col("why there is no result", null=True, of=_SURVIVAL)


_SCREEN_COLUMNS = (
    "core.survival__cohort_endpoint_genes.log_hazard_ratio",
    "core.survival__cohort_endpoint_genes.standard_error",
    "core.survival__cohort_endpoint_genes.hazard_ratio_per_sd",
)


@table(
    "core.survival__meta_analysis",
    grain="one row per endpoint, model and gene that two or more cohorts estimated",
    key=("endpoint", "model", "hgnc_symbol"),
    not_true="a large p_value is not evidence of absence: with two cohorts it has one degree of freedom and can hardly"
    " be small (read p_value_normal beside it); empty where no endpoint has two cohorts",
)
class SurvivalMetaAnalysis(_Model):
    """Hazard ratio of a gene over the cohorts (random effects; per standard deviation, because scales differ)."""

    endpoint: pl.String = col("endpoint", of=_ENDPOINT)
    model: pl.String = col(
        "continuous, continuous_adjusted (both per standard deviation) or median_split (high over low)",
        of="core.survival__cohort_endpoint_genes.model",
        isin=["continuous", "continuous_adjusted", "median_split"],
    )
    hgnc_symbol: pl.String = col(SYMBOL, of="core.survival__cohort_endpoint_genes.hgnc_symbol")
    cohorts: pl.Int64 = col("cohorts with an estimate", of=_SCREEN_COLUMNS, ge=2)
    cohort_ids: pl.String = col("those, joined by |", of="core.survival__cohort_endpoint_genes.cohort_id")
    n: pl.Int64 = col("patients in them", unit="patients", of="core.survival__cohort_endpoint_genes.n", ge=0)
    events: pl.Int64 = col("events in them", unit="patients", of="core.survival__cohort_endpoint_genes.events", ge=0)
    log_hazard_ratio: pl.Float64 = col("random effects (DerSimonian-Laird)", unit="ln", of=_SCREEN_COLUMNS)
    standard_error: pl.Float64 = col("of log_hazard_ratio (Hartung-Knapp)", unit="ln", of=_SCREEN_COLUMNS, ge=0)
    hazard_ratio: pl.Float64 = col("random effects", null=True, of=_SCREEN_COLUMNS, ge=0)
    ci_lower: pl.Float64 = _interval("hazard_ratio (Hartung-Knapp)", _SCREEN_COLUMNS, ge=0)
    ci_upper: pl.Float64 = _interval("hazard_ratio (Hartung-Knapp)", _SCREEN_COLUMNS, ge=0)
    p_value: pl.Float64 = col("Hartung-Knapp, t with cohorts - 1", of=_SCREEN_COLUMNS, **P_CHECK)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within endpoint and model", of=_SCREEN_COLUMNS, **P_CHECK)
    p_value_normal: pl.Float64 = col("plain random effects", of=_SCREEN_COLUMNS, **P_CHECK)
    q_value_bh_normal: pl.Float64 = col(
        "Benjamini-Hochberg of p_value_normal within endpoint and model", of=_SCREEN_COLUMNS, **P_CHECK
    )
    hazard_ratio_fixed: pl.Float64 = col("fixed effect", null=True, of=_SCREEN_COLUMNS, ge=0)
    ci_lower_fixed: pl.Float64 = _interval("hazard_ratio_fixed", _SCREEN_COLUMNS, ge=0)
    ci_upper_fixed: pl.Float64 = _interval("hazard_ratio_fixed", _SCREEN_COLUMNS, ge=0)
    p_value_fixed: pl.Float64 = col("fixed effect", of=_SCREEN_COLUMNS, **P_CHECK)
    q_statistic: pl.Float64 = col("Cochran's Q", of=_SCREEN_COLUMNS, ge=0)
    p_heterogeneity: pl.Float64 = col("of Q", of=_SCREEN_COLUMNS, **P_CHECK)
    tau2: pl.Float64 = col("variance between cohorts", unit="ln^2", of=_SCREEN_COLUMNS, ge=0)
    i2_percent: pl.Float64 = col("share of the variation that is between cohorts", unit="%", of=_SCREEN_COLUMNS, ge=0)
    prediction_lower: pl.Float64 = col("95 % prediction limit; null below three cohorts", null=True, of=_SCREEN_COLUMNS)
    prediction_upper: pl.Float64 = col("95 % prediction limit; null below three cohorts", null=True, of=_SCREEN_COLUMNS)
    events_for_80pct_power: pl.Float64 = col(_POWER, unit="patients", null=True, of=_SCREEN_COLUMNS, ge=0)


_TISSUE = (
    _COUNTS,
    "raw.studies__samples.value",
    "raw.cbioportal__mrna_values.value",
    "raw.xena__expression_values.value",
    "raw.gdc__gene_counts.read_count",
)


@table(
    "core.expression__tumour_normal",
    grain="one row per comparison and gene",
    key=("comparison_id", "hgnc_symbol"),
    not_true="pairs of one patient are not compared with one another: for paired tests see core.deg__contrast_genes",
)
class ExpressionTumourNormal(_Model):
    """Tumour against normal tissue, gene by gene, by rank sum; several samples of a patient in a group are averaged."""

    comparison_id: pl.String = col("contrast of the study, or dataset_tumour_vs_normal", of=("source", _CONTRAST))
    dataset_id: pl.String = col("study, cohort or project", of="source")
    hgnc_symbol: pl.String = col(SYMBOL, of=_FEATURE_SYMBOL)
    expression_scale: pl.String = col("log2 CPM (TMM), or the scale of the cohort's profile", of="source")
    n_tumour: pl.Int64 = col("patients with tumour tissue", unit="patients", of=_TISSUE, ge=0)
    n_normal: pl.Int64 = col("patients with normal tissue", unit="patients", of=_TISSUE, ge=0)
    mean_tumour: pl.Float64 = col("mean expression", unit="as expression_scale", null=True, of=_TISSUE)
    mean_normal: pl.Float64 = col("mean expression", unit="as expression_scale", null=True, of=_TISSUE)
    difference: pl.Float64 = col("mean_tumour - mean_normal", unit="as expression_scale", null=True, of=_TISSUE)
    probability_of_superiority: pl.Float64 = col(
        "chance that a tumour is higher than a normal tissue (area under the ROC curve)",
        null=True,
        of=_TISSUE,
        **P_CHECK,
    )
    statistic_w: pl.Float64 = col("Wilcoxon's W of the tumours", null=True, of=_TISSUE)
    p_value: pl.Float64 = col("rank-sum test, two-sided", null=True, of=_TISSUE, **P_CHECK)
    p_value_method: pl.String = col("exact or normal_approximation", null=True, of=_TISSUE)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within the comparison", null=True, of=_TISSUE, **P_CHECK)


@table(
    "core.correlation__gene_pairs",
    grain="one row per cohort, method, target gene and other gene",
    key=("cohort_id", "method", "hgnc_symbol_a", "hgnc_symbol_b"),
    not_true="in bulk tumours a correlation often is a shared cell type, not regulation",
)
class CorrelationGenePairs(_Model):
    """Correlation of each target gene with every gene of the cohort."""

    cohort_id: pl.String = col("cohort", of="staging.cohorts__gene_expression.cohort_id")
    hgnc_symbol_a: pl.String = col("target gene", of=_COHORT_SYMBOL)
    hgnc_symbol_b: pl.String = col("other gene", of=_COHORT_SYMBOL)
    method: pl.String = col(
        "spearman, pearson, or spearman_partial (given what `given` names)",
        of="source",
        isin=["spearman", "pearson", "spearman_partial"],
    )
    given: pl.String = col(
        "what a partial correlation is freed from, joined by |",
        null=True,
        of=("staging.cohorts__patients.stage_group", "staging.cohorts__patients.tumour_purity"),
    )
    n: pl.Int64 = col("patients with both", unit="patients", of=_EXPRESSION, ge=0)
    rho: pl.Float64 = col("correlation", null=True, of=_EXPRESSION, ge=-1.0, le=1.0)
    p_value: pl.Float64 = col("t approximation, two-sided", null=True, of=_EXPRESSION, **P_CHECK)
    q_value_bh: pl.Float64 = col(
        "Benjamini-Hochberg within cohort, method and target", null=True, of=_EXPRESSION, **P_CHECK
    )


@table(
    "core.hypotheses_tested",
    grain="one row per analysis and family of tests",
    key=("analysis", "family"),
    not_true="families are corrected one by one: nothing corrects across them",
)
class HypothesesTested(_Model):
    """Which tests were corrected together, how many they are, and how."""

    analysis: pl.String = col("table that holds the tests", of="source")
    family: pl.String = col("what was corrected together", of="source")
    n_tests: pl.Int64 = col(
        "tests with a p-value",
        of=(
            "core.deg__contrast_genes.p_value",
            "core.enrichment__terms.p_value",
            "core.survival__cohort_endpoint_genes.p_value",
            "core.correlation__gene_pairs.p_value",
            "core.gsea__terms.p_value",
            "core.deg__interactions.p_value",
        ),
        ge=0,
    )
    n_below_0_05: pl.Int64 = col(
        "tests with p < 0.05",
        of=(
            "core.deg__contrast_genes.p_value",
            "core.enrichment__terms.p_value",
            "core.survival__cohort_endpoint_genes.p_value",
            "core.correlation__gene_pairs.p_value",
            "core.gsea__terms.p_value",
            "core.deg__interactions.p_value",
        ),
        ge=0,
    )
    n_q_below_0_05: pl.Int64 = col(
        "tests with q < 0.05",
        of=(
            "core.deg__contrast_genes.q_value_bh",
            "core.enrichment__terms.q_value_bh",
            "core.survival__cohort_endpoint_genes.q_value_bh",
            "core.correlation__gene_pairs.q_value_bh",
            "core.gsea__terms.q_value_bh",
            "core.deg__interactions.q_value_bh",
        ),
        ge=0,
    )
    correction: pl.String = col("how the family was corrected", of="source")


# ---- what the papers state -------------------------------------------------------------------------------------------

_SCREEN = "core.survival__cohort_endpoint_genes"


@table(
    "core.survival__panel_genes",
    grain="one row per cohort, endpoint, panel and gene of the panel",
    key=("cohort_id", "endpoint", "panel_id", "hgnc_symbol"),
    not_true="a panel named after its results is no family that was declared in advance: its q-values flatter",
)
class SurvivalPanelGenes(_Model):
    """The median split of the genes of a panel, corrected for the panel instead of for all genes."""

    cohort_id: pl.String = col("cohort", of=f"{_SCREEN}.cohort_id")
    endpoint: pl.String = col("endpoint", of=f"{_SCREEN}.endpoint")
    panel_id: pl.String = col("panel of the catalog", of="source")
    hgnc_symbol: pl.String = col(SYMBOL, of=f"{_SCREEN}.hgnc_symbol")
    n: pl.Int64 = col("patients", unit="patients", of=f"{_SCREEN}.n", ge=0)
    events: pl.Int64 = col("events", unit="patients", of=f"{_SCREEN}.events", ge=0)
    hazard_ratio: pl.Float64 = col("above median over the rest", null=True, of=f"{_SCREEN}.hazard_ratio", ge=0)
    p_logrank: pl.Float64 = col("log-rank test", null=True, of=f"{_SCREEN}.p_logrank", **P_CHECK)
    q_value_bh_panel: pl.Float64 = col(
        "Benjamini-Hochberg of p_logrank within cohort, endpoint and panel",
        null=True,
        of=f"{_SCREEN}.p_logrank",
        **P_CHECK,
    )


@table(
    "core.deg__fold_change_noise",
    grain="one row per count study and biological coefficient of variation",
    key=("study_id", "bcv"),
    not_true="no estimate of this study's own variation: what would pass if it were as assumed",
)
class DegFoldChangeNoise(_Model):
    """How many genes differ more than twofold between two samples that do not differ, at this study's expression."""

    study_id: pl.String = col("study", of="raw.studies__gene_sample_counts.study_id")
    bcv: pl.Float64 = col("assumed biological coefficient of variation", of="source", ge=0)
    fold_change: pl.Float64 = col("ratio that must be exceeded either way", of="source", gt=0)
    genes: pl.Int64 = col("genes with at least one count per million on average", unit="genes", of=_COUNTS, ge=0)
    expected_genes: pl.Float64 = col("genes that pass by noise alone", unit="genes", of=_COUNTS, ge=0)
    sd_genes: pl.Float64 = col("over simulations", unit="genes", null=True, of=_COUNTS, ge=0)
    simulations: pl.Int64 = col("pairs drawn", of="source", ge=1)


_ARM_COUNTS = (_COUNTS, "raw.studies__samples.value")
_READINGS = (*_ARM_COUNTS, *_SURVIVAL)


@table(
    "core.multiverse__readings",
    grain="one row per multiverse, dataset and reading",
    key=("multiverse_id", "dataset_id", "reading"),
    not_true="readings are not independent analyses: they share their data, and most of their choices",
)
class MultiverseReadings(_Model):
    """An analysis under every combination of the choices that its text leaves open."""

    multiverse_id: pl.String = col("multiverse of the catalog", of="source")
    dataset_id: pl.String = col("study or cohort", of=("raw.studies__samples.study_id", _COHORT))
    reading: pl.String = col("axis=choice, joined by a comma", of="source")
    reading_number: pl.Int64 = col("1 = the plain reading", of="source", ge=1)
    estimate: pl.Float64 = col("genes on the cancer list (four arms), or hazard ratio", null=True, of=_READINGS)
    ci_lower: pl.Float64 = col("95 % limit of the hazard ratio", null=True, of=_SURVIVAL)
    ci_upper: pl.Float64 = col("95 % limit of the hazard ratio", null=True, of=_SURVIVAL)
    p_value: pl.Float64 = col("Wald, or of the maximally selected cut-point", null=True, of=_SURVIVAL, **P_CHECK)
    n: pl.Int64 = col("patients, or genes that reach the floor", null=True, of=_READINGS, ge=0)
    events: pl.Int64 = col("events", unit="patients", null=True, of=_SURVIVAL, ge=0)
    n_responsive: pl.Int64 = col("genes that the drug moves", unit="genes", null=True, of=_ARM_COUNTS, ge=0)
    n_responsive_down: pl.Int64 = col("of these, lowered", unit="genes", null=True, of=_ARM_COUNTS, ge=0)
    n_kept: pl.Int64 = col("genes that pass the resistance filter", unit="genes", null=True, of=_ARM_COUNTS, ge=0)
    n_in_list: pl.Int64 = col(
        "of these, on the cancer list", unit="genes", null=True, of=(*_ARM_COUNTS, *_MEMBER), ge=0
    )
    distance: pl.Float64 = col(
        "root of the summed squared log ratios to the published counts; 0 = the same counts",
        unit="ln",
        null=True,
        of=_ARM_COUNTS,
        ge=0,
    )
    is_nearest: pl.Boolean = col("no reading of this dataset is nearer to the published counts", of=_ARM_COUNTS)
    conclusion_holds: pl.Boolean = col("whether the paper's conclusion follows", null=True, of=_READINGS)
    note: pl.String = col("why a reading is qualified or could not be computed", null=True, of=_READINGS)


@table(
    "core.multiverse__choices",
    grain="one row per multiverse, dataset, reading and axis",
    key=("multiverse_id", "dataset_id", "reading", "axis"),
    not_true="the order of the choices is that of the catalog, not one of merit",
)
class MultiverseChoices(_Model):
    """Which choice each reading takes on each axis: the lower panel of a specification curve."""

    multiverse_id: pl.String = col("multiverse of the catalog", of="source")
    dataset_id: pl.String = col("study or cohort", of="core.multiverse__readings.dataset_id")
    reading: pl.String = col("as in core.multiverse__readings", of="core.multiverse__readings.reading")
    axis: pl.String = col("axis", of="source")
    axis_title: pl.String = col("axis in words", of="source")
    choice: pl.String = col("choice on it", of="source")
    choice_number: pl.Int64 = col("1 = the plain one", of="source", ge=1)


@table(
    "core.multiverse__members",
    grain="one row per multiverse, dataset, step and gene of the plain reading",
    key=("multiverse_id", "dataset_id", "step", "hgnc_symbol"),
    not_true="one sample per arm: a gene here may be here by noise alone",
)
class MultiverseMembers(_Model):
    """Genes of the plain reading of a four-arm study, step by step."""

    multiverse_id: pl.String = col("multiverse of the catalog", of="source")
    dataset_id: pl.String = col("study", of="raw.studies__samples.study_id")
    step: pl.String = col("responsive, kept or in_list", of=_ARM_COUNTS, isin=["responsive", "kept", "in_list"])
    hgnc_symbol: pl.String = col(SYMBOL, of=_FEATURE_SYMBOL)
    log2_response_parental: pl.Float64 = col(
        "treated over untreated, parental line", unit="log2", null=True, of=_ARM_COUNTS
    )
    log2_response_resistant: pl.Float64 = col(
        "treated over untreated, resistant line", unit="log2", null=True, of=_ARM_COUNTS
    )


@table(
    "core.multiverse__summary",
    grain="one row per multiverse and dataset",
    key=("multiverse_id", "dataset_id"),
    not_true="the share of readings is no probability: nobody drew the readings at random",
)
class MultiverseSummary(_Model):
    """How often the conclusion holds, and which reading comes nearest to what was published."""

    multiverse_id: pl.String = col("multiverse of the catalog", of="source")
    dataset_id: pl.String = col("study or cohort", of="core.multiverse__readings.dataset_id")
    paper_id: pl.String = col("paper", of="source")
    title: pl.String = col("multiverse in words", of="source")
    conclusion: pl.String = col("the conclusion in words", of="source")
    n_readings: pl.Int64 = col("readings", of="core.multiverse__readings.reading", ge=0)
    n_computed: pl.Int64 = col("of these, computed", of="core.multiverse__readings.conclusion_holds", ge=0)
    share_conclusion_holds: pl.Float64 = col(
        "of the computed readings",
        unit="fraction",
        null=True,
        of="core.multiverse__readings.conclusion_holds",
        **P_CHECK,
    )
    estimate_lowest: pl.Float64 = col("smallest estimate", null=True, of="core.multiverse__readings.estimate")
    estimate_median: pl.Float64 = col("median estimate", null=True, of="core.multiverse__readings.estimate")
    estimate_highest: pl.Float64 = col("largest estimate", null=True, of="core.multiverse__readings.estimate")
    published: pl.String = col("published counts, name=count joined by a comma", null=True, of="source")
    distance_smallest: pl.Float64 = col(
        "of the nearest reading", unit="ln", null=True, of="core.multiverse__readings.distance", ge=0
    )
    nearest_reading: pl.String = col("the first of the nearest", null=True, of="core.multiverse__readings.distance")
    n_nearest: pl.Int64 = col("readings at that distance", of="core.multiverse__readings.distance", ge=0)
    undecided_axes: pl.String = col(
        "axes on which those differ, which the published counts cannot decide",
        null=True,
        of="core.multiverse__readings.distance",
    )


@table(
    "core.claims__table2_audit",
    grain="one row per printed table, endpoint, model and variable",
    key=("table_id", "endpoint", "model", "label"),
    not_true="a consistent row is not a reproduced one: the data behind it are not public",
)
class ClaimsTableAudit(_Model):
    """Printed hazard ratios held against themselves: interval, p-value, events, correction for all that was tried."""

    table_id: pl.String = col("table of the catalog", of="source")
    endpoint: pl.String = col("endpoint", of="source")
    model: pl.String = col("univariable or multivariable", of="source", isin=["univariable", "multivariable"])
    label: pl.String = col("variable as printed", of="source")
    hgnc_symbol: pl.String = col("approved symbol", of="source")
    hazard_ratio: pl.Float64 = col("as printed", of="source", gt=0)
    ci_lower: pl.Float64 = col("95 % limit as printed", null=True, of="source", gt=0)
    ci_upper: pl.Float64 = col("95 % limit as printed", null=True, of="source", gt=0)
    p_value_reported: pl.Float64 = col("as printed", of="source", **P_CHECK)
    standard_error_implied: pl.Float64 = col("by the interval", unit="ln", null=True, of="source", ge=0)
    p_value_implied: pl.Float64 = col("Wald, by ratio and interval", null=True, of="source", **P_CHECK)
    p_value_implied_lowest: pl.Float64 = col(
        "smallest p of all numbers that would be printed the same", null=True, of="source", **P_CHECK
    )
    p_value_implied_highest: pl.Float64 = col("largest of them", null=True, of="source", **P_CHECK)
    is_consistent: pl.Boolean = col("the printed p lies in that range", null=True, of="source")
    events_implied: pl.Float64 = col(
        "4 / standard error squared: two groups of equal size, univariable",
        unit="patients",
        null=True,
        of="source",
        ge=0,
    )
    events_implied_of_endpoint: pl.Float64 = col(
        "median of the endpoint's univariable rows", unit="patients", null=True, of="source", ge=0
    )
    variables: pl.Int64 = col("variables of the model", of="source", ge=1)
    events_per_variable: pl.Float64 = col(
        "below 10 estimates are unstable (Peduzzi 1995)", null=True, of="source", ge=0
    )
    family_tests: pl.Int64 = col("variables that were tried", null=True, of="source", ge=1)
    q_value_bh_family: pl.Float64 = col(
        "Benjamini-Hochberg of the printed p over all that were tried", null=True, of="source", **P_CHECK
    )


_VERDICTS = ["reproduced", "near", "not_reproduced", "data_not_public", "data_not_loaded"]


@table(
    "core.claims__verdicts",
    grain="one row per claim",
    key=("claim_id",),
    not_true="a verdict is on a figure, not on a paper: a reproduced figure can be worth nothing",
)
class ClaimsVerdicts(_Model):
    """Every figure that the papers state, recomputed, with a verdict and with what the figure is worth."""

    claim_id: pl.String = col("claim of the catalog", of="source")
    paper_id: pl.String = col("paper", of="source")
    statement: pl.String = col("what is claimed, in our words", of="source")
    quantity: pl.String = col("what the figure is", of="source")
    stated_by: pl.String = col(
        "paper, or check: seen when the paper was checked on public data", of="source", isin=["paper", "check"]
    )
    expected: pl.Float64 = col("the figure", null=True, of="source")
    tolerance: pl.Float64 = col("largest difference of a reproduced figure", null=True, of="source", ge=0)
    near_tolerance: pl.Float64 = col("largest difference of a near one", null=True, of="source", ge=0)
    direction: pl.String = col(
        "side of the reference, where a direction is claimed", null=True, of="source", isin=["above", "below"]
    )
    reference: pl.Float64 = col("of the direction", null=True, of="source")
    alpha: pl.Float64 = col("significance that is claimed with the direction", null=True, of="source", **P_CHECK)
    is_public: pl.Boolean = col("whether the paper's data are public", of="source")
    value: pl.Float64 = col("recomputed; null without data", null=True, of="source")
    difference: pl.Float64 = col("value minus expected", null=True, of="source")
    verdict: pl.String = col("outcome", of="source", isin=_VERDICTS)
    verdict_reason: pl.String = col("why", of="source")
    worth: pl.String = col("what the figure is worth, in a sentence", null=True, of="source")
    n: pl.Float64 = col("patients, samples or genes that it rests on", null=True, of="source", ge=0)
    events: pl.Float64 = col("events among them", unit="patients", null=True, of="source", ge=0)
    ci_lower: pl.Float64 = col("95 % limit of the value", null=True, of="source")
    ci_upper: pl.Float64 = col("95 % limit of the value", null=True, of="source")
    p_value: pl.Float64 = col("of the value, not corrected", null=True, of="source", **P_CHECK)
    p_corrected: pl.Float64 = col("that pays for the search of a cut-point", null=True, of="source", **P_CHECK)
    q_value: pl.Float64 = col("corrected within the declared family", null=True, of="source", **P_CHECK)
    q_value_panel: pl.Float64 = col("corrected within the paper's panel", null=True, of="source", **P_CHECK)
    q_value_reported: pl.Float64 = col(
        "of the printed p-value, corrected for all that the paper tried", null=True, of="source", **P_CHECK
    )
    percentile: pl.Float64 = col(
        "of the p-value among all genes tested the same way", unit="%", null=True, of="source", ge=0, le=100
    )
    rank: pl.Float64 = col("of the p-value among them, from 1", null=True, of="source", ge=1)
    tested: pl.Float64 = col("genes tested the same way", unit="genes", null=True, of="source", ge=0)
    family: pl.String = col("declared family, as in core.hypotheses_tested", null=True, of="source")
    family_tests: pl.Int64 = col("tests in it", null=True, of="core.hypotheses_tested.n_tests", ge=0)
    family_p_below_0_05: pl.Int64 = col("of these, p < 0.05", null=True, of="core.hypotheses_tested.n_below_0_05", ge=0)
    family_q_below_0_05: pl.Int64 = col(
        "of these, q < 0.05", null=True, of="core.hypotheses_tested.n_q_below_0_05", ge=0
    )
    correction: pl.String = col("how it was corrected", null=True, of="core.hypotheses_tested.correction")
    overlap: pl.Float64 = col("genes that two lists share", unit="genes", null=True, of="source", ge=0)
    list_a_size: pl.Float64 = col("first list", unit="genes", null=True, of="source", ge=0)
    list_b_size: pl.Float64 = col("second list", unit="genes", null=True, of="source", ge=0)
    universe_size: pl.Float64 = col("genes that could be on both", unit="genes", null=True, of="source", ge=0)
    expected_by_chance: pl.Float64 = col("overlap of random lists", unit="genes", null=True, of="source", ge=0)
    fold_over_chance: pl.Float64 = col("overlap over that", null=True, of="source", ge=0)
    p_overlap: pl.Float64 = col("hypergeometric upper tail", null=True, of="source", **P_CHECK)
    p_implied: pl.Float64 = col("by the printed hazard ratio and interval", null=True, of="source", **P_CHECK)
    p_implied_lowest: pl.Float64 = col("allowing for rounding", null=True, of="source", **P_CHECK)
    p_implied_highest: pl.Float64 = col("allowing for rounding", null=True, of="source", **P_CHECK)
    events_implied: pl.Float64 = col("by the printed interval", unit="patients", null=True, of="source", ge=0)
    events_per_variable: pl.Float64 = col("of the printed model", null=True, of="source", ge=0)
    n_claimed: pl.Int64 = col("n as printed", null=True, of="source", ge=0)
    n_available: pl.Float64 = col("largest n that the data can have", null=True, of="source", ge=0)
    is_n_impossible: pl.Boolean = col("printed n above the largest possible", null=True, of="source")
    noise_bcv_0_1: pl.Float64 = col(
        "the same count by noise alone at a biological coefficient of variation of 0.1", null=True, of="source", ge=0
    )
    noise_bcv_0_2: pl.Float64 = col("at 0.2", null=True, of="source", ge=0)
    noise_bcv_0_3: pl.Float64 = col("at 0.3", null=True, of="source", ge=0)
    noise_bcv_0_4: pl.Float64 = col("at 0.4", null=True, of="source", ge=0)
    sources: pl.String = col("what the value was computed from, joined by |", null=True, of="source")
    source_checksums: pl.String = col("name=sha256 of those, joined by |", null=True, of="source")
    note: pl.String = col("what to know of the claim", null=True, of="source")


@table(
    "core.claims__history",
    grain="one row per claim",
    key=("claim_id",),
    not_true="a verdict of an earlier time that was lost and came back counts from its return",
)
class ClaimsHistory(_Model):
    """Since which release each claim has had the verdict that it has now."""

    claim_id: pl.String = col("claim of the catalog", of="core.claims__verdicts.claim_id")
    verdict: pl.String = col("now", of="core.claims__verdicts.verdict", isin=_VERDICTS)
    first_release_with_verdict: pl.Int64 = col(
        "first release of the unbroken run of this verdict up to now", of="core.claims__verdicts.verdict", ge=1
    )


@table(
    "core.gsea__running_sums",
    grain="one row per contrast, method, term and corner of its running sum, for the strongest terms",
    key=("contrast_id", "method", "collection", "term_id", "position"),
    not_true="terms without a row are not less enriched than the test said: only the strongest are drawn",
)
class GseaRunningSums(_Model):
    """What a plot of a gene set along a ranking draws: straight lines between these corners."""

    contrast_id: pl.String = col("contrast", of="core.gsea__terms.contrast_id")
    method: pl.String = col("method", of="core.gsea__terms.method")
    collection: pl.String = col("collection", of="core.gsea__terms.collection")
    term_id: pl.String = col("vendor's id, else the term", of="core.gsea__terms.term_id")
    position: pl.Int64 = col("genes passed, from the top of the ranking", unit="genes", of=_RANKED, ge=0)
    running_score: pl.Float64 = col("running sum there", of=_RANKED, ge=-1.0001, le=1.0001)
    hgnc_symbol: pl.String = col("gene of the set just passed", null=True, of="staging.gene_sets__members.hgnc_symbol")
    ranking_metric: pl.Float64 = col("of that gene", null=True, of=_RANKED)


_EFFECTS = (
    "core.deg__contrast_genes.log2_fold_change",
    "core.deg__contrast_genes.p_value",
    "core.deg__contrast_genes.evidence_kind",
)
_DRUG_CLASS = "raw.catalog__contrasts.drug_class"


@table(
    "core.evidence__resistance_ranks",
    grain="one row per drug class and gene that a contrast of resistant against sensitive cells measured",
    key=("drug_class", "hgnc_symbol"),
    not_true="a good rank does not say that the gene causes resistance, nor that it matters in patients",
)
class EvidenceResistanceRanks(_Model):
    """Direction-aware rank aggregation over the resistance contrasts of a drug class, every study counting once."""

    drug_class: pl.String = col("class of the drug", of=_DRUG_CLASS)
    hgnc_symbol: pl.String = col(SYMBOL, of="core.deg__contrast_genes.hgnc_symbol")
    direction: pl.String = col("sign of the score", of=_EFFECTS, isin=["up", "down", "none"])
    score: pl.Float64 = col("weighted mean of signed ranks, from -1 to 1", of=_EFFECTS, ge=-1.0, le=1.0)
    n_contrasts: pl.Int64 = col("contrasts that tested the gene", of=_EFFECTS, ge=1)
    n_contrasts_same_direction: pl.Int64 = col("of these, in the direction of the score", of=_EFFECTS, ge=0)
    n_studies: pl.Int64 = col("studies that tested the gene", of="raw.catalog__contrasts.study_id", ge=1)
    p_value_permutation: pl.Float64 = col(
        "two-sided, genes shuffled within studies; null with one study, which replicates nothing",
        null=True,
        of=_EFFECTS,
        **P_CHECK,
    )
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within the drug class", null=True, of=_EFFECTS, **P_CHECK)
    rank: pl.Int64 = col("by the absolute score, ties share the better rank", of=_EFFECTS, ge=1)
    rank_min_leave_one_out: pl.Int64 = col("best rank with a study left out", null=True, of=_EFFECTS, ge=1)
    rank_max_leave_one_out: pl.Int64 = col("worst rank with a study left out", null=True, of=_EFFECTS, ge=1)
    permutations: pl.Int64 = col("of the null", null=True, of="source", ge=1)
    seed: pl.Int64 = col("of the null", null=True, of="source")


@table(
    "core.evidence__resistance_votes",
    grain="one row per drug class, contrast and gene that it tested",
    key=("drug_class", "contrast_id", "hgnc_symbol"),
    not_true="contrasts of one study share their control samples, so their votes are not independent",
)
class EvidenceResistanceVotes(_Model):
    """What each contrast adds to each gene's score; a gene's contributions sum to its score."""

    drug_class: pl.String = col("class of the drug", of=_DRUG_CLASS)
    study_id: pl.String = col("study", of="raw.catalog__contrasts.study_id")
    contrast_id: pl.String = col("contrast", of="raw.catalog__contrasts.contrast_id")
    hgnc_symbol: pl.String = col(SYMBOL, of="core.deg__contrast_genes.hgnc_symbol")
    evidence_kind: pl.String = col(
        "inferential or effect_only",
        of="core.deg__contrast_genes.evidence_kind",
        isin=["inferential", "effect_only"],
    )
    signed_rank: pl.Float64 = col("rank of the evidence over the genes, with the sign of the effect", of=_EFFECTS)
    weight: pl.Float64 = col(
        "of the contrast, by its kind of evidence, from the catalog", of=("source", *_EFFECTS), ge=0
    )
    study_share: pl.Float64 = col("of the study in the score of the class", of=("source", *_EFFECTS), **P_CHECK)
    contribution: pl.Float64 = col("to the score", of=_EFFECTS)


# ======================================================================================================================
# marts: SQL, what analysts ask for (lineage is read from the SQL)
# ======================================================================================================================


@table(
    "marts.cohort_endpoints",
    grain="one row per cohort and endpoint",
    key=("cohort_id", "endpoint"),
    not_true="endpoints of one cohort are not independent: they share patients and events",
)
class MartCohortEndpoints(_Model):
    """Endpoints side by side, with what the genome-wide screen found in each."""

    cohort_id: pl.String = col("cohort")
    cohort: pl.String = col("cohort in words")
    endpoint: pl.String = col("endpoint")
    endpoint_title: pl.String = col("endpoint in words")
    n_patients: pl.Int64 = col("patients of the cohort", unit="patients")
    n_analysed: pl.Int64 = col("patients with follow-up and expression", unit="patients")
    n_events_analysed: pl.Int64 = col("events among them", unit="patients")
    median_follow_up_months: pl.Float64 = col("reverse Kaplan-Meier", unit="months", null=True)
    genes_tested: pl.Int64 = col("genes in the continuous screen", unit="genes")
    genes_p_below_0_05: pl.Int64 = col("genes with p < 0.05 there", unit="genes")
    genes_q_below_0_05: pl.Int64 = col("genes with q < 0.05 there", unit="genes")
    status_attribute: pl.String = col("vendor's column of the event")


@table(
    "marts.survival_by_gene",
    grain="one row per cohort, endpoint and gene",
    key=("cohort_id", "endpoint", "hgnc_symbol"),
    not_true="the two models are two views of the same patients, not a replication",
)
class MartSurvivalByGene(_Model):
    """The continuous and the median-split model of one gene side by side."""

    cohort_id: pl.String = col("cohort")
    endpoint: pl.String = col("endpoint")
    hgnc_symbol: pl.String = col(SYMBOL)
    n: pl.Int64 = col("patients", unit="patients")
    events: pl.Int64 = col("events", unit="patients")
    hazard_ratio_per_sd: pl.Float64 = col("per standard deviation of expression", null=True)
    p_continuous: pl.Float64 = col("Wald", null=True)
    q_continuous: pl.Float64 = col("Benjamini-Hochberg over the genes", null=True)
    percentile_continuous: pl.Float64 = col("percentile of p among all genes", unit="%", null=True)
    hazard_ratio_median_split: pl.Float64 = col("above median over the rest", null=True)
    ci_lower_median_split: pl.Float64 = col("95 % limit", null=True)
    ci_upper_median_split: pl.Float64 = col("95 % limit", null=True)
    p_logrank: pl.Float64 = col("log-rank", null=True)
    q_logrank: pl.Float64 = col("Benjamini-Hochberg over the genes", null=True)
    percentile_logrank: pl.Float64 = col("percentile of p among all genes", unit="%", null=True)


@table(
    "marts.deg_by_contrast",
    grain="one row per contrast and gene",
    key=("contrast_id", "hgnc_symbol"),
    not_true="the method shown is the first one that the contrast declares; the others are in core.deg__contrast_genes",
)
class MartDegByContrast(_Model):
    """Differential expression by the leading method of each contrast, with drug and list membership."""

    contrast_id: pl.String = col("contrast")
    drug: pl.String = col("drug", null=True)
    drug_class: pl.String = col("class of the drug", null=True)
    hgnc_symbol: pl.String = col(SYMBOL)
    method: pl.String = col("method")
    log2_fold_change: pl.Float64 = col("numerator over denominator", unit="log2", null=True)
    standard_error: pl.Float64 = col("of log2_fold_change", unit="log2", null=True)
    p_value: pl.Float64 = col("two-sided", null=True)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within the contrast", null=True)
    p_value_note: pl.String = col("why p or q is absent or qualified", null=True)
    n_numerator: pl.Int64 = col("samples", unit="samples")
    n_denominator: pl.Int64 = col("samples", unit="samples")
    evidence_kind: pl.String = col("inferential or effect_only")
    in_list: pl.String = col("up or down where the gene is in the contrast's list", null=True)


@table(
    "marts.gene_evidence",
    grain="one row per gene that any analysis saw",
    key=("hgnc_symbol",),
    not_true="an empty cell is 'not measured', never 'no effect'",
)
class MartGeneEvidence(_Model):
    """Everything that the warehouse knows of a gene in one row."""

    hgnc_symbol: pl.String = col(SYMBOL)
    gene_name: pl.String = col("approved name", null=True)
    entrez_gene_id: pl.Int64 = col("NCBI Gene id", null=True)
    ensembl_gene_id: pl.String = col("Ensembl gene id", null=True)
    in_cancer_gene_list: pl.Boolean = col("member of any published cancer gene list")
    cancer_gene_lists: pl.String = col("those lists, joined by |", null=True)
    contrasts_measured: pl.Int64 = col("contrasts with an effect for the gene")
    contrasts_up: pl.Int64 = col("contrasts in whose up list it is")
    contrasts_down: pl.Int64 = col("contrasts in whose down list it is")
    resistance_contrasts_up: pl.Int64 = col("of these, contrasts under a drug: up")
    resistance_contrasts_down: pl.Int64 = col("of these, contrasts under a drug: down")
    strongest_contrast: pl.String = col("contrast with the smallest q-value", null=True)
    strongest_log2_fold_change: pl.Float64 = col("effect there", unit="log2", null=True)
    strongest_q_value_bh: pl.Float64 = col("q-value there", null=True)
    cohort_id: pl.String = col(
        "cohort of the survival columns: of those that tested the gene, the one with most deaths", null=True
    )
    os_n: pl.Int64 = col("patients, overall survival", unit="patients", null=True)
    os_events: pl.Int64 = col("deaths", unit="patients", null=True)
    os_hazard_ratio_per_sd: pl.Float64 = col("per standard deviation of expression", null=True)
    os_hazard_ratio: pl.Float64 = col("above median over the rest", null=True)
    os_p_logrank: pl.Float64 = col("log-rank at the median split", null=True)
    os_q_value_bh: pl.Float64 = col("of the continuous model, over all genes", null=True)
    os_percentile: pl.Float64 = col("percentile of the continuous p among all genes", unit="%", null=True)
    dss_hazard_ratio_per_sd: pl.Float64 = col("disease-specific survival", null=True)
    dss_q_value_bh: pl.Float64 = col("over all genes", null=True)
    dfs_hazard_ratio_per_sd: pl.Float64 = col("disease-free survival", null=True)
    dfs_q_value_bh: pl.Float64 = col("over all genes", null=True)
    pfs_hazard_ratio_per_sd: pl.Float64 = col("progression-free survival", null=True)
    pfs_q_value_bh: pl.Float64 = col("over all genes", null=True)
    amplified_fraction: pl.Float64 = col("patients with GISTIC 2", unit="fraction", null=True)
    deep_loss_fraction: pl.Float64 = col("patients with GISTIC -2", unit="fraction", null=True)
    n_gene_sets: pl.Int64 = col("gene sets that hold it, all collections")


@table(
    "marts.endpoint_dictionary",
    grain="one row per set of patients, endpoint and source",
    key=("patient_set", "endpoint", "source_id"),
    not_true="the source in use is the one that was declared first, not the one that was proven right",
)
class EndpointDictionary(_Model):
    """Where each endpoint comes from: per source its columns, unit, n, events, follow-up and who it disagrees on."""

    patient_set: pl.String = col("cohort whose patients these are")
    endpoint: pl.String = col("endpoint as that cohort calls it")
    source_id: pl.String = col("cohort or project that has the values")
    is_reference: pl.Boolean = col("whether this is the source that the cohort itself is analysed by")
    source_endpoint: pl.String = col("what the source calls the endpoint")
    event_attribute: pl.String = col("where the source has the event")
    time_attribute: pl.String = col("where the source has the time")
    time_unit: pl.String = col("unit of the source")
    n_patients: pl.Int64 = col("patients with an event or a time", unit="patients", ge=0)
    n_usable: pl.Int64 = col("patients with both", unit="patients", ge=0)
    n_events: pl.Int64 = col("events among the usable ones", unit="patients", ge=0)
    median_follow_up_months: pl.Float64 = col(
        "median of the time to censoring (reverse Kaplan-Meier) of the usable ones; null where it is not reached",
        unit="months",
        null=True,
        ge=0,
    )
    n_compared: pl.Int64 = col("patients with event and time whom another source has too", unit="patients", ge=0)
    n_disagreeing: pl.Int64 = col(
        "of those, on whom another source says something else: see marts.endpoint_disagreements", unit="patients", ge=0
    )


@table(
    "marts.endpoint_disagreements",
    grain="one row per set of patients, endpoint, patient and pair of sources that disagree",
    key=("patient_set", "endpoint", "patient_id", "source_id_a", "source_id_b"),
    not_true="a later release is not always the better one: a death may not yet have reached the other source",
)
class EndpointDisagreements(_Model):
    """Patients on whom two sources disagree, with both values."""

    patient_set: pl.String = col("cohort whose patients these are")
    endpoint: pl.String = col("endpoint as that cohort calls it")
    patient_id: pl.String = col("patient")
    source_id_a: pl.String = col("first source")
    source_id_b: pl.String = col("second source")
    event_observed_a: pl.Int64 = col("1 = event, 0 = censored", isin=[0, 1])
    event_observed_b: pl.Int64 = col("1 = event, 0 = censored", isin=[0, 1])
    time_months_a: pl.Float64 = col("time", unit="months")
    time_months_b: pl.Float64 = col("time", unit="months")
    difference_months: pl.Float64 = col("time_months_b - time_months_a", unit="months")
    disagreement: pl.String = col("what differs", isin=["event", "time", "event and time"])


@table(
    "marts.dataset_catalog",
    grain="one row per cohort or study",
    key=("dataset_id",),
    not_true="a dataset without rows is not an empty one: it could not be had",
)
class MartDatasetCatalog(_Model):
    """What is loaded and how much of it."""

    dataset_id: pl.String = col("cohort or study")
    kind: pl.String = col("cohort or study")
    title: pl.String = col("in words")
    n_samples: pl.Int64 = col("samples (study) or patients with expression (cohort)")
    n_genes: pl.Int64 = col("genes measured", unit="genes")
    n_contrasts: pl.Int64 = col("contrasts declared")
    is_loaded: pl.Boolean = col("whether any value of it is in the warehouse")


@table(
    "marts.published_claims",
    grain="one row per claim",
    key=("claim_id",),
    not_true="a verdict is on a figure, not on a paper: a reproduced figure can be worth nothing",
)
class MartPublishedClaims(_Model):
    """The ledger: what the papers say, what the data say, and what each figure is worth."""

    claim_id: pl.String = col("claim")
    paper_id: pl.String = col("paper")
    statement: pl.String = col("what is claimed")
    quantity: pl.String = col("what the figure is")
    stated_by: pl.String = col("paper, or check: seen when the paper was checked on public data")
    expected: pl.Float64 = col("the figure; null where a direction is claimed", null=True)
    tolerance: pl.Float64 = col("largest difference of a reproduced figure", null=True)
    direction: pl.String = col("side of the reference that is claimed", null=True)
    reference: pl.Float64 = col("of the direction", null=True)
    value: pl.Float64 = col("recomputed; null without data", null=True)
    verdict: pl.String = col("reproduced, near, not_reproduced, data_not_public or data_not_loaded")
    verdict_reason: pl.String = col("why")
    first_release_with_verdict: pl.Int64 = col("first release of the unbroken run of this verdict", null=True)
    n: pl.Float64 = col("patients, samples or genes that the value rests on", null=True)
    events: pl.Float64 = col("events among them", unit="patients", null=True)
    ci_lower: pl.Float64 = col("95 % limit of the value", null=True)
    ci_upper: pl.Float64 = col("95 % limit of the value", null=True)
    p_value: pl.Float64 = col("of the value, not corrected", null=True)
    q_value: pl.Float64 = col("within the declared family", null=True)
    q_value_panel: pl.Float64 = col("within the paper's panel", null=True)
    q_value_reported: pl.Float64 = col("of the printed p-value over all that the paper tried", null=True)
    percentile: pl.Float64 = col("of the p-value among all genes tested the same way", unit="%", null=True)
    rank: pl.Float64 = col("of the p-value among them", null=True)
    tested: pl.Float64 = col("genes tested the same way", unit="genes", null=True)
    family: pl.String = col("declared family, as in meta.hypotheses_tested", null=True)
    family_tests: pl.Int64 = col("tests in it", null=True)
    overlap: pl.Float64 = col("genes shared by two lists", unit="genes", null=True)
    expected_by_chance: pl.Float64 = col("of random lists", unit="genes", null=True)
    p_overlap: pl.Float64 = col("hypergeometric upper tail", null=True)
    p_implied: pl.Float64 = col("by the printed hazard ratio and interval", null=True)
    events_implied: pl.Float64 = col("by the printed interval", unit="patients", null=True)
    events_per_variable: pl.Float64 = col("of the printed model", null=True)
    p_corrected: pl.Float64 = col("that pays for the search of a cut-point", null=True)
    n_claimed: pl.Int64 = col("n as printed", null=True)
    n_available: pl.Float64 = col("largest n that the data can have", null=True)
    is_n_impossible: pl.Boolean = col("printed n above the largest possible", null=True)
    noise_bcv_0_1: pl.Float64 = col("the same count by noise alone at a BCV of 0.1", null=True)
    noise_bcv_0_2: pl.Float64 = col("at 0.2", null=True)
    noise_bcv_0_3: pl.Float64 = col("at 0.3", null=True)
    noise_bcv_0_4: pl.Float64 = col("at 0.4", null=True)
    worth: pl.String = col("what the figure is worth, in a sentence", null=True)
    is_public: pl.Boolean = col("whether the paper's data are public")
    sources: pl.String = col("what the value was computed from, joined by |", null=True)
    source_checksums: pl.String = col("name=sha256 of those, joined by |", null=True)
    note: pl.String = col("what to know of the claim", null=True)


@table(
    "marts.resistance_candidates",
    grain="one row per drug class and gene that a contrast of resistant against sensitive cells measured",
    key=("drug_class", "hgnc_symbol"),
    not_true="only resistance contrasts enter score and rank; patients, tissues, lists and families stand beside them",
)
class MartResistanceCandidates(_Model):
    """Genes ranked per drug class, with what else is known of them in columns of their own."""

    drug_class: pl.String = col("class of the drug")
    hgnc_symbol: pl.String = col(SYMBOL)
    gene_name: pl.String = col("approved name", null=True)
    rank: pl.Int64 = col("by the absolute score within the class")
    score: pl.Float64 = col("weighted mean of signed ranks, from -1 to 1")
    direction: pl.String = col("up or down in resistant cells; none for a score of 0")
    n_studies: pl.Int64 = col("studies that tested the gene")
    n_contrasts: pl.Int64 = col("contrasts that tested the gene")
    n_contrasts_same_direction: pl.Int64 = col("of these, in the direction of the score")
    p_value_permutation: pl.Float64 = col("genes shuffled within studies; null with one study", null=True)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within the drug class", null=True)
    rank_min_leave_one_out: pl.Int64 = col("best rank with a study left out", null=True)
    rank_max_leave_one_out: pl.Int64 = col("worst rank with a study left out", null=True)
    os_hazard_ratio_per_sd: pl.Float64 = col("patients: overall survival per SD of expression", null=True)
    os_q_value_bh: pl.Float64 = col("patients: over all genes", null=True)
    os_percentile: pl.Float64 = col("patients: percentile of p among all genes", unit="%", null=True)
    tumour_contrast_id: pl.String = col("contrast of tumour and normal tissue", null=True)
    tumour_log2_fold_change: pl.Float64 = col("tumour over normal tissue", unit="log2", null=True)
    tumour_q_value_bh: pl.Float64 = col("tumour against normal tissue", null=True)
    in_cancer_gene_list: pl.Boolean = col("member of any published cancer gene list")
    target_families: pl.String = col(
        "HGNC gene groups that drugs usually aim at (kinases, receptors, channels, proteases), joined by |; a family, "
        "not a statement that a drug exists",
        null=True,
    )


@table(
    "marts.concordant_genes",
    grain="one row per gene and direction that the lists of two contrasts or more share",
    key=("hgnc_symbol", "direction"),
    not_true="contrasts of one study share control samples, so agreement among them is less than replication",
)
class MartConcordantGenes(_Model):
    """Genes that change in the same direction again, by the lists of each contrast's leading method."""

    hgnc_symbol: pl.String = col(SYMBOL)
    direction: pl.String = col("up or down", isin=["up", "down"])
    n_contrasts: pl.Int64 = col("contrasts in whose list it is")
    n_drug_contrasts: pl.Int64 = col("of these, under a drug")
    n_studies: pl.Int64 = col("studies that they belong to")
    contrasts: pl.String = col("those contrasts, joined by |")
    drug_classes: pl.String = col("drug classes of those contrasts, joined by |", null=True)
    smallest_abs_log2_fold_change: pl.Float64 = col("weakest effect among them", unit="log2")
    largest_q_value_bh: pl.Float64 = col("weakest q-value among them", null=True)
    n_contrasts_opposite: pl.Int64 = col("contrasts in whose list it is in the other direction")
    in_cancer_gene_list: pl.Boolean = col("member of any published cancer gene list")


@table(
    "marts.enriched_terms",
    grain="one row per list, collection and term with q < 0.05",
    key=("list_id", "collection", "term_id"),
    not_true="terms of one collection share genes, so neighbouring rows are not independent findings",
)
class MartEnrichedTerms(_Model):
    """Enriched terms with the contrast and drug of their list."""

    list_id: pl.String = col("list")
    list_role: pl.String = col("where the list comes from")
    contrast_id: pl.String = col("contrast the list was derived from", null=True)
    method: pl.String = col("method the list was derived by", null=True)
    direction: pl.String = col("up or down", null=True)
    drug: pl.String = col("drug of the contrast", null=True)
    drug_class: pl.String = col("class of the drug", null=True)
    collection: pl.String = col("collection")
    term_id: pl.String = col("vendor's id, else the term")
    term: pl.String = col("name of the set")
    overlap: pl.Int64 = col("genes in both", unit="genes")
    set_size: pl.Int64 = col("set members in the universe", unit="genes")
    list_size: pl.Int64 = col("list members in the universe", unit="genes")
    universe_size: pl.Int64 = col("genes tested", unit="genes")
    fold_enrichment: pl.Float64 = col("overlap over expected", null=True)
    p_value: pl.Float64 = col("hypergeometric upper tail")
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within list and collection")
    is_circular: pl.Boolean = col("the list was made from what the term says, so the test is no evidence")
    genes: pl.String = col("genes in both, joined by a comma", null=True)


@table(
    "marts.sample_sheet",
    grain="one row per dataset and sample",
    key=("dataset_id", "sample_id"),
    not_true="a sample listed here need not enter an analysis",
)
class MartSampleSheet(_Model):
    """Every sample of cohorts and studies, with what its sheet says of it."""

    dataset_id: pl.String = col("cohort or study")
    kind: pl.String = col("cohort or study")
    sample_id: pl.String = col("sample as the source names it")
    patient_id: pl.String = col("patient, where the source names one", null=True)
    attributes: pl.String = col("what the sheet says, as name=value joined by |", null=True)
    is_analysed: pl.Boolean = col("stands for its patient (cohort), or has counts (study)")
