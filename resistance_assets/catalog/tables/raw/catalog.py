"""Models of raw.catalog__*: what the catalog's own files say: projects, cohorts and contrasts."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import P_CHECK


@table(
    "raw.catalog__projects",
    grain="one row per project",
    key=("project_id",),
    limitation="a project listed here need not have been loaded",
)
class CatalogProjects(TableModel):
    """Projects of the Genomic Data Commons as the catalog declares them."""

    project_id: pl.String = col("project of the catalog", of="source")
    title: pl.String = col("project in words", of="source")
    project: pl.String = col("project of the host", of="source")
    patient_set: pl.String = col("cohort whose patients these are; its own id where they are its own", of="source")
    clinical_source: pl.String = col("source of the clinical data", of="source")


@table(
    "raw.catalog__cohorts",
    grain="one row per cohort, endpoint",
    key=("cohort_id", "endpoint"),
    limitation="an endpoint listed here need not have an event",
)
class CatalogCohorts(TableModel):
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
    sample_types: pl.String = col(
        "values of SAMPLE_TYPE analysed where ids bear no code, joined by |", of="source", null=True
    )
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
    "raw.catalog__studies",
    grain="one row per study",
    key=("study_id",),
    limitation="a study declared here need not have data",
)
class CatalogStudies(TableModel):
    """Studies of the catalog and of laboratories, of every kind, with the paper whose data they are."""

    study_id: pl.String = col("study", of="source")
    title: pl.String = col("study in words", of="source")
    kind: pl.String = col("kind of the study, as its study.toml names it", of="source")
    is_public: pl.Boolean = col("declared in the catalog and not in a laboratory's folder", of="source")
    organism: pl.String = col("organism that was measured", of="source")
    paper_id: pl.String = col("paper of claims.toml that reports these data", of="source", null=True)


@table(
    "raw.catalog__contrasts",
    grain="one row per contrast",
    key=("contrast_id",),
    limitation="a contrast declared here need not have data",
)
class CatalogContrasts(TableModel):
    """Contrasts as the catalog and the laboratory studies declare them."""

    contrast_id: pl.String = col("contrast, numerator_vs_denominator", of="source")
    study_id: pl.String = col("study", of="source")
    study_title: pl.String = col("study in words", of="source")
    title: pl.String = col("contrast in words, where it has a title of its own", of="source", null=True)
    numerator: pl.String = col("group in the numerator", of="source")
    denominator: pl.String = col("group in the denominator", of="source")
    drug: pl.String = col("drug", of="source", null=True)
    drug_class: pl.String = col("class of the drug", of="source", null=True)
    state: pl.String = col(
        "acquired (resistant cells), tolerant (cells that live through days of the drug) or treated (cells given it), "
        "over cells that are none of these; null where the study does not say, which counts as none of them",
        of="source",
        null=True,
        isin=["acquired", "tolerant", "treated"],
    )
    cell_line: pl.String = col("cell line of both groups", of="source", null=True)
    laboratory: pl.String = col("whose cultures; null where it is not told", of="source", null=True)
    cell_type: pl.String = col("cell type whose cells are added up; null for bulk samples", of="source", null=True)
    methods: pl.String = col("methods, joined by |", of="source")
    organism: pl.String = col("organism that was measured; genes of others stand under their orthologs", of="source")
    q_value_threshold: pl.Float64 = col("largest q-value of a list member", of="source", **P_CHECK)
    abs_log2_fold_change_threshold: pl.Float64 = col("smallest effect of a list member", unit="log2", of="source", ge=0)


@table(
    "raw.catalog__drug_classes",
    grain="one row per drug class and drug",
    key=("drug_class", "drug"),
    limitation="a drug that hits several targets may stand in several classes",
)
class CatalogDrugClasses(TableModel):
    """Drugs of each class: those that the catalog lists, and those of the contrasts of the class."""

    drug_class: pl.String = col("class of the drug", of="source")
    drug: pl.String = col("drug, in small letters", of="source")


@table(
    "raw.catalog__treated_cohorts",
    grain="one row per cohort whose patients were all given a drug, and class of the drug",
    key=("cohort_id", "drug_class"),
    limitation="as declared; without a control arm a gene of bad survival under a drug may be one of bad survival",
)
class CatalogTreatedCohorts(TableModel):
    """Cohorts whose survival is predictive for a class of drugs; that of all others is prognostic."""

    cohort_id: pl.String = col("cohort of the catalog, or laboratory study", of="source")
    drug_class: pl.String = col("class of the drug", of="source")


@table(
    "raw.catalog__confidence_rules",
    grain="one row per set of thresholds, of which the catalog has one",
    key=("q_value",),
    limitation="a threshold is a convention: what lies just beyond it is hardly different",
)
class CatalogConfidenceRules(TableModel):
    """When a candidate is replicated, suggested, of a single study or contradicted, and what is flagged."""

    q_value: pl.Float64 = col("largest q of a pooled effect and of a single study", of="source", **P_CHECK)
    replicated_studies: pl.Int64 = col("independent studies with replicates", unit="studies", of="source", ge=2)
    replicated_most_against: pl.Int64 = col("of them, the most against", unit="studies", of="source", ge=0)
    suggested_studies: pl.Int64 = col("independent studies with replicates", unit="studies", of="source", ge=2)
    suggested_single_q_value: pl.Float64 = col("largest q of one study in their place", of="source", **P_CHECK)
    suggested_effect_only_studies: pl.Int64 = col(
        "studies without replicates beside that one", unit="studies", of="source", ge=1
    )
    p_value_against: pl.Float64 = col("largest p of a study that speaks against", of="source", **P_CHECK)
    line_specific_i2: pl.Float64 = col("above it: line-specific", unit="%", of="source", ge=0, le=100)
    marker_abs_log2_fold_change: pl.Float64 = col(
        "least effect of a tumour marker, tumour against normal", unit="log2", of="source", ge=0
    )
    other_cell_type_ratio: pl.Float64 = col("another cell type over tumour cells: of the stroma", of="source", ge=1)
    selected_table_p_value: pl.Float64 = col("a table without a larger p was chosen by p", of="source", **P_CHECK)
