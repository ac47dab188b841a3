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
    datatype: pl.String = col("CONTINUOUS, Z-SCORE, DISCRETE ...", of="source")
    profile_name: pl.String = col("vendor's title", of="source", null=True)
    profile_description: pl.String = col("vendor's description", of="source", null=True)
    data_filename: pl.String = col("file in the archive", of="source")
    n_genes: pl.Int64 = col("rows kept", unit="genes", of="source", ge=0)
    n_samples: pl.Int64 = col("sample columns", unit="samples", of="source", ge=0)


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
    gene_symbol: pl.String = col("vendor's gene symbol", of="source")


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


@table(
    "raw.studies__samples",
    grain="one row per study, sample and factor or covariate that is not blank",
    key=("study_id", "sample_id", "attribute_id"),
    not_true="two samples are not two patients: aliquots of one tumour occur",
)
class RawStudySamples(_Model):
    """Sample sheets of laboratory studies, unchanged."""

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
    """Count tables of laboratory studies, one value per row."""

    study_id: pl.String = col("study", of="source")
    feature_id: pl.String = col("first column of the count table", of="source")
    sample_id: pl.String = col("sample as the study names it", of="source")
    read_count: pl.Int64 = col("read count", unit="reads", of="source", ge=0)


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
    study_id: pl.String = col("cBioPortal study", of="source")
    title: pl.String = col("cohort in words", of="source")
    endpoint: pl.String = col("OS, DSS, DFS or PFS", of="source")
    endpoint_title: pl.String = col("endpoint in words", of="source")
    status_attribute: pl.String = col("vendor's column of the event", of="source")
    months_attribute: pl.String = col("vendor's column of the time", of="source")
    age_attribute: pl.String = col("vendor's column of age in years", of="source", null=True)
    sex_attribute: pl.String = col("vendor's column of sex", of="source", null=True)
    stage_attribute: pl.String = col("vendor's column of stage", of="source", null=True)
    expression_profiles: pl.String = col("profiles in order of preference, joined by |", of="source")
    copy_number_profile: pl.String = col("profile of copy number", of="source", null=True)
    sample_type_codes: pl.String = col("TCGA sample type codes analysed, joined by |", of="source")


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
    "staging.genes__measured",
    grain="one row per dataset, kind of measurement and gene",
    key=("dataset_id", "measurement", "hgnc_symbol"),
    not_true="a gene that is absent here was not found silent: the dataset did not measure it",
)
class GenesMeasured(_Model):
    """What every dataset calls its genes, resolved to approved symbols; no symbol is given twice in a dataset."""

    dataset_id: pl.String = col("cohort or study")
    measurement: pl.String = col(
        "expression or copy_number of a cohort, features of a study", isin=["expression", "copy_number", "features"]
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


# ======================================================================================================================
# core: computed in Python
# ======================================================================================================================

_COUNTS = "raw.studies__gene_sample_counts.read_count"
_PUBLISHED = "raw.studies__published_results"
_DEG_INPUT = (_COUNTS, f"{_PUBLISHED}.log2_fold_change", f"{_PUBLISHED}.p_value", "raw.studies__samples.value")
_CONTRAST = "raw.catalog__contrasts.contrast_id"
_FEATURE_SYMBOL = "staging.genes__measured.hgnc_symbol"


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
    log2_fold_change_shrunken: pl.Float64 = col("the same, shrunken (apeglm)", unit="log2", null=True, of=_DEG_INPUT)
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
    "core.gene_lists__lists",
    grain="one row per gene list",
    key=("list_id",),
    not_true="a list with rule 'effect size only' carries no statistical evidence",
)
class GeneLists(_Model):
    """Every gene list, published or derived from a contrast, with the rule that made it."""

    list_id: pl.String = col("list", of=("staging.gene_lists__members.list_id", _CONTRAST))
    title: pl.String = col("the list in words", of="source")
    role: pl.String = col("contrast, cancer_genes or interaction_partners", of="source")
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

    intersection_id: pl.String = col("the lists, joined by __and__", of=_MEMBER)
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
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg over all intersections", null=True, of=_MEMBER, **P_CHECK)
    genes: pl.String = col("members, sorted, joined by a comma", null=True, of=_MEMBER)


_SETS = ("staging.gene_sets__members.hgnc_symbol", *_MEMBER)


@table(
    "core.enrichment__terms",
    grain="one row per list, collection and term tested",
    key=("list_id", "collection", "term_id"),
    not_true="terms of one collection share genes, so neighbouring rows are not independent findings",
)
class EnrichmentTerms(_Model):
    """Over-representation of gene sets in lists, against the genes that were tested."""

    list_id: pl.String = col("list", of="core.gene_lists__members.list_id")
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
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within list and collection", of=_SETS, **P_CHECK)
    genes: pl.String = col("genes in both, sorted, joined by a comma", null=True, of=_SETS)


_TIME = "staging.cohorts__patient_endpoints.time_months"
_EVENT = "staging.cohorts__patient_endpoints.event_observed"
_EXPRESSION = "staging.cohorts__gene_expression.expression_value"
_SURVIVAL = (_TIME, _EVENT, _EXPRESSION)
_COHORT = "staging.cohorts__patient_endpoints.cohort_id"
_ENDPOINT = "staging.cohorts__patient_endpoints.endpoint"
_COHORT_SYMBOL = "staging.cohorts__genes.hgnc_symbol"


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
        "continuous (per unit of expression) or median_split (above median against the rest)",
        of="source",
        isin=["continuous", "median_split"],
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
    cut_point: pl.Float64 = col("median expression (median_split)", unit="as expression", null=True, of=_EXPRESSION)
    n_high: pl.Int64 = col("patients above the median", unit="patients", null=True, of=_SURVIVAL, ge=0)
    n_low: pl.Int64 = col("patients at or below the median", unit="patients", null=True, of=_SURVIVAL, ge=0)
    logrank_chi2: pl.Float64 = col("log-rank statistic, 1 degree of freedom", null=True, of=_SURVIVAL, ge=0)
    p_logrank: pl.Float64 = col("log-rank test", null=True, of=_SURVIVAL, **P_CHECK)
    q_value_bh_logrank: pl.Float64 = col(
        "Benjamini-Hochberg of p_logrank within cohort and endpoint", null=True, of=_SURVIVAL, **P_CHECK
    )
    percentile_logrank: pl.Float64 = col(
        "percentile of p_logrank among all genes tested the same way", unit="%", null=True, of=_SURVIVAL, ge=0, le=100
    )
    median_survival_months_high: pl.Float64 = col(
        "Kaplan-Meier, above the median; null where not reached", unit="months", null=True, of=_SURVIVAL
    )
    median_survival_months_low: pl.Float64 = col(
        "Kaplan-Meier, at or below the median; null where not reached", unit="months", null=True, of=_SURVIVAL
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
    ci_lower: pl.Float64 = col("95 % limit, log transform", null=True, of=_SURVIVAL, **P_CHECK)
    ci_upper: pl.Float64 = col("95 % limit, log transform", null=True, of=_SURVIVAL, **P_CHECK)


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
    method: pl.String = col("spearman or pearson", of="source", isin=["spearman", "pearson"])
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
        ),
        ge=0,
    )
    correction: pl.String = col("how the family was corrected", of="source")


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
