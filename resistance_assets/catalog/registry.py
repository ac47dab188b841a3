"""The catalog, loaded and cross-checked.

Here belong the models of the TOML files (`sources.toml`, `studies.toml`, `claims.toml`, `published_tables.toml` and a
laboratory's `study.toml`)
and the checks that hold between them. A file that disagrees with itself, with another file or with the tables raises a
`CatalogFault` that names file, key and remedy. Nothing here looks at data, opens a connection or knows Dagster.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from resistance_assets.errors import CatalogFault

CATALOG_DIR = Path(__file__).parent

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*$")]
Method = Literal["pydeseq2", "limma_voom", "limma", "edger_exact", "fold_change"]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Entry):
    """One remote resource: where it is, its terms, and how a change of it is noticed."""

    id: Identifier
    title: str
    url: Annotated[str, StringConstraints(pattern=r"^https?://")]
    also: tuple[str, ...] = ()
    connector: str
    content: Literal["gzip", "tar.gz", "zip", "json", "xml", "text", "tsv", "any"]
    markers: tuple[str, ...] = ()
    change: tuple[Literal["published_checksum", "published_version", "etag", "last_modified", "sha256"], ...] = Field(
        min_length=1
    )
    licence: str
    licence_url: str
    citation: str
    feeds: tuple[str, ...] = Field(min_length=1)
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    opt_in: bool = False


class Thresholds(_Entry):
    """When a gene enters a list, and which gene sets are tested."""

    q_value: float = Field(gt=0, le=1)
    abs_log2_fold_change: float = Field(ge=0)
    gene_set_min_size: int = Field(default=5, ge=1)
    gene_set_max_size: int = Field(default=500, ge=1)


class ListThresholds(_Entry):
    q_value: float = Field(default=0.05, gt=0, le=1)
    abs_log2_fold_change: float = Field(default=1.0, ge=0)


class DifferentialExpression(_Entry):
    """What is assumed where a design has no replicates: a what-if, never evidence."""

    # Biological coefficients of variation; edgeR's guide suggests about 0.1 for one cell line, 0.4 for human tissue.
    bcvs: tuple[float, ...] = Field(default=(0.1, 0.2, 0.3, 0.4), min_length=1)
    fdr: float = Field(default=0.05, gt=0, lt=1)
    noise_simulations: int = Field(default=20, ge=2)
    noise_seed: int = 20190205


class Gsea(_Entry):
    """Pre-ranked gene-set enrichment: the null and where its far tail is cut."""

    min_set_size: int = Field(default=15, ge=1)
    max_set_size: int = Field(default=500, ge=1)
    permutations: int = Field(default=10_000, ge=100)
    seed: int = 20_240_501
    p_value_floor: float = Field(default=1e-6, gt=0, lt=1)


class FoldChange(_Entry):
    """A paper's rule without a test: an expression floor, the arm it is asked of, and a ratio of means."""

    threshold: float = Field(default=2.0, ge=1)
    inclusive: bool = False
    floor: float = Field(default=1.0, ge=0)
    floor_arm: Literal["numerator", "denominator", "both", "either", "none"] = "denominator"
    unit: Literal["cpm", "rpkm", "tpm", "as_given"] = "cpm"
    pseudocount: float = Field(default=0.0, ge=0)
    normalisation: Literal["none", "tmm"] = "none"


class ResponseLimits(_Entry):
    """When an effect of an interaction counts; the floor takes the place of q where there are no replicates."""

    abs_log2_fold_change: float = Field(default=1.0, ge=0)
    q_value: float = Field(default=0.05, gt=0, le=1)
    floor_cpm: float = Field(default=1.0, ge=0)


class PublicInteraction(_Entry):
    """(resistant, treated - untreated) - (parental, treated - untreated), of four groups of a public study."""

    id: Identifier
    parental: str
    parental_treated: str
    resistant: str
    resistant_treated: str
    method: Literal["limma_voom", "pydeseq2"] = "limma_voom"
    normalisation: Literal["tmm", "none"] = "tmm"
    thresholds: ResponseLimits = ResponseLimits()

    @property
    def levels(self) -> tuple[str, str, str, str]:
        return self.parental, self.parental_treated, self.resistant, self.resistant_treated


class GenesOfInterest(_Entry):
    of_interest: tuple[str, ...]
    panels: dict[Identifier, tuple[str, ...]] = {}


class Endpoint(_Entry):
    """A time-to-event endpoint of a cohort and the vendor's columns that hold it.

    `months_attribute` holds the time in the cohort's `time_unit`. `same_as`: the endpoint that the cohort named in
    `patients_of` calls otherwise and defines alike.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,4}$")]
    title: str
    status_attribute: str
    months_attribute: str
    same_as: str | None = None


DAYS_TO_MONTHS = 12 / 365.25


class Cohort(_Entry):
    """Patients with endpoints and tumour expression, from one study archive, or from a matrix and a table of follow-up.

    Attributes:
        source: of the archive, or of the matrix.
        endpoint_source: of the table of follow-up, where that is a file of its own.
        patients_of: the cohort whose patients these are, seen through another source. What pools cohorts takes one
            cohort of a set of patients, so that nobody is counted twice.
        expression_profiles: the first that the archive holds is analysed.
        z_score_profiles, log2_copy_number_profiles, protein_profiles, methylation_profiles: further matrices of the
            archive that are loaded.
        time_unit: of the times of the endpoints.
    """

    id: Identifier
    title: str
    source: Identifier
    endpoint_source: Identifier | None = None
    patients_of: Identifier | None = None
    expression_profiles: tuple[str, ...] = Field(min_length=1)
    copy_number_profile: str | None = None
    z_score_profiles: tuple[str, ...] = ()
    log2_copy_number_profiles: tuple[str, ...] = ()
    protein_profiles: tuple[str, ...] = ()
    methylation_profiles: tuple[str, ...] = ()
    time_unit: Literal["days", "months"] = "months"
    sample_type_codes: tuple[str, ...] = ("01",)
    age_attribute: str | None = None
    sex_attribute: str | None = None
    stage_attribute: str | None = None
    purity_attribute: str | None = None
    endpoint: tuple[Endpoint, ...] = Field(min_length=1)

    @property
    def patient_set(self) -> str:
        """The cohort that these patients are counted under."""
        return self.patients_of or self.id

    @property
    def months_per_unit(self) -> float:
        """Months of 365.25 / 12 days."""
        return DAYS_TO_MONTHS if self.time_unit == "days" else 1.0


class Project(_Entry):
    """A project of the Genomic Data Commons: gene counts of tumours and normal tissue, and what the clinic reports.

    `patients_of`: the cohort whose patients these are.
    """

    id: Identifier
    title: str
    project: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]+-[A-Z0-9-]+$")]
    counts_source: Identifier
    clinical_source: Identifier
    patients_of: Identifier | None = None

    @property
    def patient_set(self) -> str:
        """The cohort that these patients are counted under."""
        return self.patients_of or self.id


class Group(_Entry):
    """Samples that are one arm of a public study.

    Every pattern is found in some cell of the sample sheet, written as `column: value`, case ignored, and none of
    `excluded_patterns` in any; `accession` confines the group to one accession.
    """

    id: Identifier
    title: str
    accession: str | None = None
    patterns: tuple[str, ...] = ()
    excluded_patterns: tuple[str, ...] = ()


class PublicContrast(_Entry):
    """A contrast of groups in a public accession."""

    id: Identifier
    numerator: str
    denominator: str
    drug: str | None = None
    drug_class: str | None = None
    methods: tuple[Method, ...] = Field(min_length=1)
    fold_change: FoldChange | None = None
    thresholds: ListThresholds | None = None


class PublicStudy(_Entry):
    """Cell lines under a drug, from public accessions."""

    id: Identifier
    title: str
    organism: str
    kind: Literal["rna_seq_reads", "geo_series"]
    sources: tuple[Identifier, ...] = Field(min_length=1)
    # Transcript sequences that reads are quantified against, a source.
    transcriptome: Identifier | None = None
    paper: str | None = None
    cell_line: str | None = None
    group: tuple[Group, ...] = ()
    contrast: tuple[PublicContrast, ...] = Field(min_length=1)
    interaction: tuple[PublicInteraction, ...] = ()

    @model_validator(mode="after")
    def _can_be_quantified(self) -> PublicStudy:
        if self.kind == "rna_seq_reads" and self.transcriptome is None:
            raise ValueError("a study of reads needs a transcriptome")
        return self


class GeneList(_Entry):
    id: Identifier
    title: str
    source: Identifier
    role: Literal["cancer_genes", "interaction_partners"]


class Collection(_Entry):
    """A collection of gene sets: one family for multiple testing per list.

    `further_sources`: what its reader needs beside `source`: the ontology of annotations, the names of pathways.
    `namespace`: the branch of an ontology that the collection is made of.
    """

    id: Identifier
    title: str
    source: Identifier
    further_sources: tuple[Identifier, ...] = ()
    namespace: Literal["biological_process", "molecular_function", "cellular_component"] | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source, *self.further_sources)


class IntersectionRule(_Entry):
    """Which lists meet as a matter of course: each contrast's with other contrasts', with published lists, or both."""

    id: Identifier
    left: Literal["contrast", "contrast_effect_only"]
    right: Literal["contrast"] | None = None
    right_role: Literal["cancer_genes", "interaction_partners"] | None = None


class DeclaredIntersection(_Entry):
    """Lists that meet because somebody asked for it.

    `universe`: `tested` (genes that every contrast among the lists tested), a list's id (a pool), or
    `<contrast>__<method>`.
    """

    id: Identifier
    title: str
    lists: tuple[str, ...] = Field(min_length=2)
    universe: str = "tested"


class ListFamily(_Entry):
    """Lists that are shown together, every combination of them; shell patterns over list ids."""

    id: Identifier
    title: str
    lists: tuple[str, ...] = Field(min_length=1)
    universe: Literal["tested", "none"] = "tested"


class Partners(_Entry):
    """Gene lists of the genes that a panel's genes interact with.

    `universe`: what could have been a partner: `protein_coding` (every approved protein-coding gene) or `database`
    (every gene of the organism that the database lists; right for a whole database, too small for an extract of it).
    `min_combined_score`: of STRING, out of 1000; pairs below it are no partners.
    """

    panel: str
    database: Identifier
    organism_id: str = "9606"
    experimental_system_type: Literal["physical", "genetic"] | None = None
    min_combined_score: int | None = Field(default=None, ge=0, le=1000)
    universe: Literal["protein_coding", "database"] = "protein_coding"


class Circularity(_Entry):
    """Tests whose outcome was decided when the list was chosen; shell patterns over list ids, terms and term ids."""

    list_pattern: str
    term_pattern: str
    reason: str


class Intersecting(_Entry):
    """The null of three and more lists."""

    permutations: int = Field(default=9_999, ge=99)
    seed: int = 20_240_501


class Correlation(_Entry):
    targets: tuple[str, ...]
    methods: tuple[Literal["spearman", "pearson"], ...] = ("spearman",)


Covariate = Literal["age_years", "sex", "stage_group"]


class SurvivalModel(_Entry):
    """A Cox model that is fitted for every gene of interest: the gene, what it is adjusted for, and its strata."""

    id: Identifier
    title: str
    covariates: tuple[Covariate, ...] = ()
    strata: tuple[Literal["sex", "stage_group"], ...] = ()


class SurvivalSettings(_Entry):
    """How survival is analysed, in every cohort and for every endpoint.

    Attributes:
        landmark_months, restricted_mean_months: times that survival, its mean and the AUC are looked at.
        screen_covariates: what the genome-wide adjusted screen adjusts for.
        min_proportion, max_proportion: share of patients that an optimal cut may leave in the low group.
        permutations: of the null of the optimal cut. random_signatures: that a signature is held against.
        signatures: whose gene lists are scored.
        bootstrap_samples, cross_validation_folds, cross_validation_repeats: of the time-dependent AUC.
        discrimination_models: models whose AUC is measured.
    """

    landmark_months: tuple[Annotated[float, Field(gt=0)], ...] = Field(min_length=1)
    restricted_mean_months: float = Field(gt=0)
    screen_covariates: tuple[Covariate, ...] = ()
    min_proportion: float = Field(gt=0, lt=0.5)
    max_proportion: float = Field(gt=0.5, lt=1)
    permutations: int = Field(ge=100)
    random_signatures: int = Field(ge=100)
    signatures: tuple[Literal["contrasts_up", "contrasts_down", "panels"], ...] = ()
    bootstrap_samples: int = Field(ge=50)
    cross_validation_folds: int = Field(ge=2)
    cross_validation_repeats: int = Field(ge=1)
    seed: int = Field(ge=0)
    model: tuple[SurvivalModel, ...] = Field(min_length=1)
    discrimination_models: tuple[Identifier, ...] = ()


class TumourNormal(_Entry):
    """Which words of a sample sheet, and which TCGA sample type codes, are a tumour and a normal tissue."""

    tumour_labels: tuple[str, ...] = Field(min_length=1)
    normal_labels: tuple[str, ...] = Field(min_length=1)
    normal_sample_type_codes: tuple[str, ...] = ("11",)


class Paper(_Entry):
    citation: str
    doi: str
    title: str


class Reported(_Entry):
    """What a paper prints beside a figure, from which the figure can be weighed without its data."""

    hazard_ratio: float | None = Field(default=None, gt=0)
    ci_lower: float | None = Field(default=None, gt=0)
    ci_upper: float | None = Field(default=None, gt=0)
    p_value: float | None = Field(default=None, ge=0, le=1)
    n: int | None = Field(default=None, ge=0)
    # Variables of the model that the figure comes from; 1 for a univariable one.
    variables: int | None = Field(default=None, ge=1)


class ClaimFamily(_Entry):
    """The tests that a claim's q-value is corrected for, as `core.hypotheses_tested` names them."""

    analysis: str
    family: str


class Claim(_Entry):
    """One figure of a paper, with what recomputes it and when the recomputation counts as the same.

    A number is expected with `expected` and an absolute `tolerance` (beyond it, up to `near_tolerance`, it is near), a
    direction with `direction`, the `reference` it is held against and, where the paper claims significance, `alpha`.
    `needs` names what must be loaded: a source, `contrast:<id>` or `study:<id>`.
    """

    id: Identifier
    paper: str
    statement: str
    quantity: str
    # paper: printed there. check: found when the paper was checked on public data.
    stated_by: Literal["paper", "check"] = "paper"
    expected: float | None = None
    tolerance: float | None = Field(default=None, ge=0)
    near_tolerance: float | None = Field(default=None, ge=0)
    direction: Literal["above", "below"] | None = None
    reference: float = 0.0
    alpha: float | None = Field(default=None, gt=0, le=1)
    is_public: bool = True
    why_private: str | None = None
    needs: tuple[str, ...] = ()
    reported: Reported = Reported()
    family: ClaimFamily | None = None
    note: str | None = None
    sql: str | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Claim:
        if (self.expected is None) == (self.direction is None):
            raise ValueError("either expected or direction, and not both")
        if (self.expected is None) != (self.tolerance is None):
            raise ValueError("expected goes with tolerance")
        if self.near_tolerance is not None and (self.tolerance is None or self.near_tolerance < self.tolerance):
            raise ValueError("near_tolerance is at least as large as tolerance")
        if self.alpha is not None and self.direction is None:
            raise ValueError("alpha goes with direction")
        if self.is_public and (self.sql is None or self.why_private is not None):
            raise ValueError("a claim on public data has sql and no why_private")
        if not self.is_public and self.why_private is None:
            raise ValueError("a claim on private data says why_private")
        return self


class PublishedRow(_Entry):
    """One row of a printed table of hazard ratios."""

    endpoint: str
    model: Literal["univariable", "multivariable"]
    label: str
    hgnc_symbol: str
    hazard_ratio: float = Field(gt=0)
    p_value: float = Field(gt=0, le=1)
    ci_lower: float | None = Field(default=None, gt=0)
    ci_upper: float | None = Field(default=None, gt=0)


class PublishedTable(_Entry):
    """A printed table of hazard ratios, transcribed, so that its internal consistency can be checked.

    `tests` is how many variables were tried, of which the table shows the significant ones.
    """

    id: Identifier
    paper: str
    title: str
    tests: int = Field(ge=1)
    significant_digits: int = Field(default=2, ge=1)
    row: tuple[PublishedRow, ...] = Field(min_length=1)


class MultiverseAxis(_Entry):
    """A choice that a text leaves open, and its readings; the first one is the plainest."""

    id: Identifier
    title: str
    choices: tuple[str, ...] = Field(min_length=1)


class Multiverse(_Entry):
    """Every reading of one analysis: all combinations of its axes, in each dataset that can support it.

    `four_arms`: which genes a drug moves, which of them pass the resistance filter, which are on a cancer list.
    `gene_survival`: the hazard ratio of one gene.
    """

    id: Identifier
    paper: str
    title: str
    kind: Literal["four_arms", "gene_survival"]
    conclusion: str
    gene: str
    datasets: tuple[str, ...] = Field(min_length=1)
    # Columns of the sample sheet that may hold the arm (the first one found does), and its values in the order
    # parental, parental treated, resistant, resistant treated.
    arm_columns: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    # Gene lists that the axis list_version names are declared in studies.toml; for gene_survival, datasets are cohorts.
    # Counts as published, against which every reading is measured.
    published: dict[str, float] = {}
    axis: tuple[MultiverseAxis, ...] = Field(min_length=1)


class _SourcesFile(_Entry):
    source: dict[Identifier, dict[str, Any]]


class EvidenceWeights(_Entry):
    """What a contrast counts, by whether its design supports a p-value."""

    inferential: float = Field(default=1.0, gt=0)
    effect_only: float = Field(default=0.25, gt=0)


class EvidenceSettings(_Entry):
    """How genes are ranked per drug class over contrasts of resistant against sensitive cells."""

    weights: EvidenceWeights = EvidenceWeights()
    # Patterns of contrasts of treated against untreated cells: what a drug does, not what resists it.
    exposure_contrasts: tuple[str, ...] = ()
    permutations: int = Field(default=200_000, ge=1000)
    seed: int = 20_240_501


class _StudiesFile(_Entry):
    thresholds: Thresholds
    genes: GenesOfInterest
    cohort: tuple[Cohort, ...]
    project: tuple[Project, ...] = ()
    study: tuple[PublicStudy, ...]
    gene_list: tuple[GeneList, ...]
    collection: tuple[Collection, ...]
    differential_expression: DifferentialExpression = DifferentialExpression()
    gsea: Gsea = Gsea()
    intersecting: Intersecting = Intersecting()
    intersection_rule: tuple[IntersectionRule, ...]
    intersection: tuple[DeclaredIntersection, ...] = ()
    list_family: tuple[ListFamily, ...] = ()
    partners: tuple[Partners, ...] = ()
    circularity: tuple[Circularity, ...] = ()
    correlation: Correlation
    evidence: EvidenceSettings = EvidenceSettings()
    survival: SurvivalSettings
    tumour_normal: TumourNormal


class _ClaimsFile(_Entry):
    paper: dict[Identifier, Paper]
    claim: tuple[Claim, ...]
    multiverse: tuple[Multiverse, ...] = ()


class _PublishedTablesFile(_Entry):
    table: tuple[PublishedTable, ...] = ()


# ---- a laboratory's own study ----------------------------------------------------------------------------------------


class CountsStudy(_Entry):
    id: Identifier
    title: str
    organism: str
    kind: Literal["rna_seq_counts"]
    accession: str | None = None
    citation: str | None = None
    licence: str | None = None
    counts: str
    samples: str
    # Lengths of the genes in base pairs, for fold-change rules in RPKM or TPM: a gene column, then `length_bp`.
    gene_lengths: str | None = None
    # Counts that a paper on these data states, for the multiverse that reads its rule in every way.
    reported: dict[str, float] = {}


class ResultStudy(_Entry):
    id: Identifier
    title: str
    organism: str
    kind: Literal["deg_result"]
    accession: str | None = None
    citation: str | None = None
    licence: str | None = None


class MicroarrayStudy(_Entry):
    """Intensities by probe, which probe measures which gene, and the rules from probes to genes.

    Attributes:
        matrix: first column = probe, then one column per sample. samples: as of a count study.
        probes: which gene a probe measures, in the columns `probe_column` and `symbol_column`.
        multi_gene_separator: joins the symbols of a probe of several genes, which is set aside.
        scale: of the matrix; auto tells it from the range of the values. Linear intensities are put on the log2 scale.
        normalise: quantile, or none where the matrix is normalised.
        collapse: the probe with the highest mean stands for its gene, or the median over its probes.
        detection_floor: log2 intensity that `detection_min_samples` samples must reach, else the gene is left out.
    """

    id: Identifier
    title: str
    organism: str
    kind: Literal["microarray"]
    accession: str | None = None
    citation: str | None = None
    licence: str | None = None
    matrix: str
    samples: str
    probes: str
    probe_column: str = "probe_id"
    symbol_column: str = "hgnc_symbol"
    multi_gene_separator: str | None = None
    scale: Literal["auto", "log2", "linear"] = "auto"
    normalise: Literal["quantile", "none"]
    collapse: Literal["highest_mean", "median"] = "highest_mean"
    detection_floor: float | None = None
    detection_min_samples: int = Field(default=1, ge=1)


class CountsContrast(_Entry):
    """Two groups of a count or array study; the design is pairing + covariates + factor.

    `continuous`: covariates that are measurements although the sheet holds whole numbers. `pairing`: the column whose
    levels are the blocks of a paired design. `fit_all_levels`: further levels of the factor take part in the fit.
    """

    id: Identifier
    factor: str
    numerator: str
    denominator: str
    covariates: tuple[str, ...] = ()
    continuous: tuple[str, ...] = ()
    pairing: str | None = None
    fit_all_levels: bool = False
    methods: tuple[Method, ...] = ("pydeseq2",)
    normalisation: Literal["tmm", "none"] = "tmm"
    fold_change: FoldChange | None = None
    thresholds: ListThresholds | None = None
    subset: dict[str, tuple[str, ...]] = {}
    drug: str | None = None
    drug_class: str | None = None


class InteractionDesign(PublicInteraction):
    """Four levels of one factor of a laboratory's count study."""

    factor: str
    covariates: tuple[str, ...] = ()
    continuous: tuple[str, ...] = ()
    pairing: str | None = None
    subset: dict[str, tuple[str, ...]] = {}


class ResultColumns(_Entry):
    feature: str
    hgnc_symbol: str
    entrez_gene_id: str | None = None
    log2_fold_change: str
    p_value: str


class ArrayContrast(CountsContrast):
    """Two groups of a microarray study."""

    methods: tuple[Literal["limma"], ...] = ("limma",)  # pyright: ignore[reportIncompatibleVariableOverride]


class ResultContrast(_Entry):
    """A finished differential-expression table, as published."""

    id: Identifier
    table: str
    numerator: str
    denominator: str
    method: str
    n_numerator: int = Field(ge=1)
    n_denominator: int = Field(ge=1)
    columns: ResultColumns
    multi_gene_separator: str | None = None
    thresholds: ListThresholds | None = None
    drug: str | None = None
    drug_class: str | None = None


class StudySurvival(_Entry):
    """Follow-up of a count study's patients: which columns of its sample sheet hold it.

    Attributes:
        time_column, event_column, unit: time to event or last contact in that unit; 1 where the event was seen, else 0.
        endpoint: what the event is.
        patient_column: whose sample it is; the sample itself where not given. Of several samples of a patient the
            first is analysed.
        age_column, sex_column, stage_column, purity_column: in years; female or male; AJCC stage; share or percent of
            tumour cells.
        subset: one column -> values of the samples that are analysed, such as tumours.
    """

    time_column: str = "time"
    event_column: str = "event"
    unit: Literal["days", "months", "years"]
    endpoint: Literal["OS", "DSS", "DFS", "PFS", "DFI", "PFI"]
    patient_column: str | None = None
    age_column: str | None = None
    sex_column: str | None = None
    stage_column: str | None = None
    purity_column: str | None = None
    subset: dict[str, tuple[str, ...]] = Field(default={}, max_length=1)

    @property
    def months_per_unit(self) -> float:
        """Months of 365.25 / 12 days."""
        return {"days": DAYS_TO_MONTHS, "months": 1.0, "years": 12.0}[self.unit]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the sample sheet that are named here."""
        named = (self.time_column, self.event_column, self.patient_column, self.age_column, self.sex_column,
                 self.stage_column, self.purity_column, *self.subset)  # fmt: skip
        return tuple(name for name in named if name)


class _CountsFile(_Entry):
    study: CountsStudy
    contrast: tuple[CountsContrast, ...] = ()
    interaction: tuple[InteractionDesign, ...] = ()
    intersection: tuple[DeclaredIntersection, ...] = ()
    survival: StudySurvival | None = None

    @model_validator(mode="after")
    def _has_a_question(self) -> _CountsFile:
        if not self.contrast and self.survival is None:
            raise ValueError("a count study needs a [[contrast]] or a [survival] table")
        return self


class _ArrayFile(_Entry):
    study: MicroarrayStudy
    contrast: tuple[ArrayContrast, ...] = Field(min_length=1)
    intersection: tuple[DeclaredIntersection, ...] = ()


class _ResultFile(_Entry):
    study: ResultStudy
    contrast: tuple[ResultContrast, ...] = Field(min_length=1)
    intersection: tuple[DeclaredIntersection, ...] = ()


@dataclass(frozen=True)
class LocalStudy:
    """A study folder with its `study.toml`, read but not its tables."""

    folder: Path
    study: CountsStudy | MicroarrayStudy | ResultStudy
    contrasts: tuple[CountsContrast, ...] | tuple[ResultContrast, ...]
    interactions: tuple[InteractionDesign, ...] = ()
    intersections: tuple[DeclaredIntersection, ...] = ()
    survival: StudySurvival | None = None

    @property
    def id(self) -> str:
        return self.study.id

    @property
    def files(self) -> tuple[Path, ...]:
        """The tables that the study consists of, in a fixed order."""
        if isinstance(self.study, CountsStudy):
            named = (self.study.counts, self.study.samples, self.study.gene_lengths)
            return tuple(self.folder / name for name in named if name is not None)
        if isinstance(self.study, MicroarrayStudy):
            return tuple(self.folder / name for name in (self.study.matrix, self.study.samples, self.study.probes))
        return tuple(self.folder / contrast.table for contrast in self.contrasts)  # pyright: ignore[reportAttributeAccessIssue]


GROUP_COLUMN = "group"
"""Column of a public study's sample sheet that holds the group which the rules of the catalog put a sample in."""


@dataclass(frozen=True)
class MeasuredStudy:
    """A study with samples of its own, laboratory or public, as the analyses need it.

    `measurement`: `counts`, `array`, or `at_run_time` for a GEO series, which may turn out to be either.
    """

    id: str
    measurement: Literal["counts", "array", "at_run_time"]
    contrasts: tuple[CountsContrast, ...]
    interactions: tuple[InteractionDesign, ...] = ()
    gene_lengths: Path | None = None


def as_measured_study(study: PublicStudy) -> MeasuredStudy:
    """A public study; samples that no rule put in a group take no part."""
    subset = {GROUP_COLUMN: tuple(group.id for group in study.group)}
    return MeasuredStudy(
        id=study.id,
        measurement="counts" if study.kind == "rna_seq_reads" else "at_run_time",
        contrasts=tuple(
            CountsContrast(**contrast.model_dump(), factor=GROUP_COLUMN, subset=subset) for contrast in study.contrast
        ),
        interactions=tuple(
            InteractionDesign(**interaction.model_dump(), factor=GROUP_COLUMN, subset=subset)
            for interaction in study.interaction
        ),
    )


STUDY_PROFILE = "log2_cpm_plus_1"


def as_cohort(local: LocalStudy) -> Cohort:
    """A laboratory study with follow-up as a cohort of one endpoint; its expression is log2(CPM + 1) of its counts."""
    followed = local.survival
    if followed is None:
        raise ValueError(f"{local.id} has no survival table")
    endpoint = Endpoint(
        id=followed.endpoint,
        title=f"{followed.endpoint} as the study defines it",
        status_attribute=followed.event_column,
        months_attribute=followed.time_column,
    )
    return Cohort(
        id=local.id,
        title=local.study.title,
        source=local.id,
        expression_profiles=(STUDY_PROFILE,),
        sample_type_codes=(),
        age_attribute=followed.age_column,
        sex_attribute=followed.sex_column,
        stage_attribute=followed.stage_column,
        purity_attribute=followed.purity_column,
        endpoint=(endpoint,),
    )


@dataclass(frozen=True)
class Contrast:
    """A contrast of any study, as the orchestration needs it: what is compared, how, and when a gene enters a list."""

    id: str
    study_id: str
    numerator: str
    denominator: str
    methods: tuple[str, ...]
    thresholds: ListThresholds
    drug: str | None
    drug_class: str | None


@dataclass(frozen=True)
class Registry:
    """Everything that the catalog states, by id."""

    sources: dict[str, Source]
    thresholds: Thresholds
    genes: GenesOfInterest
    cohorts: dict[str, Cohort]
    projects: dict[str, Project]
    public_studies: dict[str, PublicStudy]
    local_studies: dict[str, LocalStudy]
    gene_lists: dict[str, GeneList]
    collections: dict[str, Collection]
    intersection_rules: tuple[IntersectionRule, ...]
    correlation: Correlation
    differential_expression: DifferentialExpression
    gsea: Gsea
    intersecting: Intersecting
    intersections: dict[str, DeclaredIntersection]
    list_families: dict[str, ListFamily]
    partners: tuple[Partners, ...]
    circularities: tuple[Circularity, ...]
    survival: SurvivalSettings
    tumour_normal: TumourNormal
    evidence: EvidenceSettings
    papers: dict[str, Paper]
    claims: dict[str, Claim]
    multiverses: dict[str, Multiverse]
    published_tables: dict[str, PublishedTable]
    # A study.toml that is wrong takes only its own study out; the fault is shown and the rest goes on.
    study_faults: tuple[tuple[Path, CatalogFault], ...] = field(default=())

    def list_thresholds(self, own: ListThresholds | None) -> ListThresholds:
        """A contrast's own thresholds, or the catalog's."""
        return own or ListThresholds(
            q_value=self.thresholds.q_value, abs_log2_fold_change=self.thresholds.abs_log2_fold_change
        )

    def analysed_cohorts(self) -> tuple[Cohort, ...]:
        """Cohorts of the catalog, then laboratory studies whose patients were followed, as cohorts."""
        return (*self.cohorts.values(), *(as_cohort(s) for s in self.local_studies.values() if s.survival))

    def measured_studies(self) -> tuple[MeasuredStudy, ...]:
        """Studies whose samples are analysed here, laboratory ones first; published tables are no part of them."""
        found = []
        for local in self.local_studies.values():
            if isinstance(local.study, ResultStudy):
                continue
            lengths = local.study.gene_lengths if isinstance(local.study, CountsStudy) else None
            found.append(
                MeasuredStudy(
                    id=local.id,
                    measurement="counts" if isinstance(local.study, CountsStudy) else "array",
                    contrasts=tuple(c for c in local.contrasts if isinstance(c, CountsContrast)),
                    interactions=local.interactions,
                    gene_lengths=local.folder / lengths if lengths else None,
                )
            )
        return (*found, *(as_measured_study(study) for study in self.public_studies.values()))

    def contrasts(self) -> tuple[Contrast, ...]:
        """Contrasts of every study, public first, in catalog order."""
        found: list[Contrast] = []
        declared = [
            *((study.id, c, tuple(c.methods)) for study in self.public_studies.values() for c in study.contrast),
            *(
                (local.id, c, tuple(c.methods) if isinstance(c, CountsContrast) else ("published",))
                for local in self.local_studies.values()
                for c in local.contrasts
            ),
        ]
        for study_id, c, methods in declared:
            found.append(
                Contrast(
                    id=c.id,
                    study_id=study_id,
                    numerator=c.numerator,
                    denominator=c.denominator,
                    methods=methods,
                    thresholds=self.list_thresholds(c.thresholds),
                    drug=c.drug,
                    drug_class=c.drug_class,
                )
            )
        return tuple(found)


# ---- loading ---------------------------------------------------------------------------------------------------------


def load_registry(study_dirs: Sequence[Path] = (), *, catalog_dir: Path = CATALOG_DIR) -> Registry:
    """Load and cross-check the catalog, with the studies found in ``study_dirs``.

    Args:
        study_dirs: each one a study folder (it holds a `study.toml`) or a folder of study folders.
        catalog_dir: folder of `sources.toml`, `studies.toml`, `claims.toml` and `published_tables.toml`.

    Raises:
        CatalogFault: the catalog itself is wrong. A laboratory's study that is wrong is kept in `study_faults`.
    """
    sources_path, studies_path, claims_path, printed_path = (
        catalog_dir / name for name in ("sources.toml", "studies.toml", "claims.toml", "published_tables.toml")
    )
    raw_sources = _parse(_SourcesFile, _read_toml(sources_path), sources_path).source
    sources = {
        key: _parse(Source, {"id": key, **entry}, sources_path, f"source.{key}") for key, entry in raw_sources.items()
    }
    studies = _parse(_StudiesFile, _read_toml(studies_path), studies_path)
    claims = _parse_claims(_read_toml(claims_path), claims_path)
    printed = _parse(_PublishedTablesFile, _read_toml(printed_path), printed_path)

    local: dict[str, LocalStudy] = {}
    faults: list[tuple[Path, CatalogFault]] = []
    taken = {c.id for s in studies.study for c in (*s.contrast, *s.interaction)} | {s.id for s in studies.study}
    taken |= {cohort.id for cohort in studies.cohort} | {one.id for one in studies.intersection}
    for folder in _study_folders(study_dirs):
        try:
            study = load_local_study(folder)
            asked = (*study.contrasts, *study.interactions, *study.intersections)
            names = {study.id, *(one.id for one in asked)}
            if twice := sorted(names & taken):
                raise CatalogFault(
                    f"the id {twice[0]} is already taken by another study, contrast or intersection",
                    subject=str(folder / "study.toml"),
                    remedy="Give the study and each of its contrasts and intersections an id of its own.",
                )
        except CatalogFault as fault:
            faults.append((folder, fault))
            continue
        taken |= names
        local[study.id] = study
    lists = _list_ids(studies, local.values())
    for study in list(local.values()):
        try:
            _check_intersections(study, lists)
        except CatalogFault as fault:
            faults.append((study.folder, fault))
            del local[study.id]
    asked_for = (*studies.intersection, *(one for study in local.values() for one in study.intersections))

    registry = Registry(
        sources=sources,
        thresholds=studies.thresholds,
        genes=studies.genes,
        cohorts=_by_id(studies.cohort, studies_path, "cohort"),
        projects=_by_id(studies.project, studies_path, "project"),
        public_studies=_by_id(studies.study, studies_path, "study"),
        local_studies=local,
        gene_lists=_by_id(studies.gene_list, studies_path, "gene_list"),
        collections=_by_id(studies.collection, studies_path, "collection"),
        intersection_rules=studies.intersection_rule,
        correlation=studies.correlation,
        evidence=studies.evidence,
        differential_expression=studies.differential_expression,
        gsea=studies.gsea,
        intersecting=studies.intersecting,
        intersections=_by_id(asked_for, studies_path, "intersection"),
        list_families=_by_id(studies.list_family, studies_path, "list_family"),
        partners=studies.partners,
        circularities=studies.circularity,
        survival=studies.survival,
        tumour_normal=studies.tumour_normal,
        papers=dict(claims.paper),
        claims=_by_id(claims.claim, claims_path, "claim"),
        multiverses=_by_id(claims.multiverse, claims_path, "multiverse"),
        published_tables=_by_id(printed.table, printed_path, "table"),
        study_faults=tuple(faults),
    )
    _cross_check(registry, sources_path, studies_path, claims_path, printed_path)
    return registry


def _list_ids(studies: _StudiesFile, local: Iterable[LocalStudy]) -> dict[str, str]:
    """Every list that a run may make -> the universe of what could have entered it, or the list itself."""
    found = {gene_list.id: gene_list.id for gene_list in studies.gene_list}
    for one in studies.partners:
        for name in (one.panel, *studies.genes.panels.get(one.panel, ())):
            list_id = f"partners__{one.database}__{name}"
            found[list_id] = list_id
    # A GEO series may turn out to be counts where its contrasts ask for an array's method, so any method will do.
    made = [(c.id, get_args(Method)) for s in studies.study for c in s.contrast]
    for study in local:
        made += [(c.id, c.methods if isinstance(c, CountsContrast) else ("published",)) for c in study.contrasts]
    for contrast_id, methods in made:
        for method in methods:
            found |= {f"{contrast_id}__{method}__{way}": f"{contrast_id}__{method}" for way in ("up", "down")}
    return found


def _check_intersections(study: LocalStudy, lists: Mapping[str, str]) -> None:
    """Refuse an intersection of lists that no run makes."""
    for one in study.intersections:
        universes = {*lists, *lists.values(), "tested"}
        wrong = [name for name in one.lists if name not in lists]
        known: Iterable[str] = lists
        if not wrong and one.universe not in universes:
            wrong, known = [one.universe], universes
        if wrong:
            near = _nearest(wrong[0], known)
            raise CatalogFault(
                f"no gene list {wrong[0]} is made" if known is lists else f"the universe {wrong[0]} is not known",
                subject=str(study.folder / "study.toml"),
                place=f"intersection {one.id}",
                expected="<contrast>__<method>__up or __down, or a gene list of the catalog",
                remedy=f"Did you mean {near}?" if near else "Correct the name.",
            )


def load_local_study(folder: Path) -> LocalStudy:
    """Read a study folder's `study.toml`; its tables are only looked for, not read.

    Raises:
        CatalogFault: the file is missing, is not TOML, has an unknown or missing key, or names a table that is absent.
    """
    path = folder / "study.toml"
    document = _read_toml(path)
    kind = document.get("study", {}).get("kind") if isinstance(document.get("study"), dict) else None
    known = {"rna_seq_counts": _CountsFile, "microarray": _ArrayFile, "deg_result": _ResultFile}
    if kind not in known:
        raise CatalogFault(
            f"study.kind is {kind!r}",
            subject=str(path),
            place="key study.kind",
            expected=" or ".join(sorted(known)),
            remedy=f"Set it to {_nearest(str(kind), known) or 'one of these'}.",
        )
    parsed = _parse(known[kind], document, path)
    contrasts = tuple(parsed.contrast)
    _by_id(contrasts, path, "contrast")
    interactions = tuple(getattr(parsed, "interaction", ()))
    intersections = tuple(parsed.intersection)
    _by_id((*contrasts, *interactions, *intersections), path, "contrast, interaction or intersection")
    study = LocalStudy(
        folder=folder,
        study=parsed.study,
        contrasts=contrasts,
        interactions=interactions,
        intersections=intersections,
        survival=getattr(parsed, "survival", None),
    )
    for file in study.files:
        if not file.is_file():
            raise CatalogFault(
                f"the table {file.name} is not in the folder",
                subject=str(path),
                expected=f"a file {file}",
                remedy="Put the table there, or correct its name in study.toml.",
            )
    return study


def _study_folders(study_dirs: Iterable[Path]) -> list[Path]:
    folders: dict[Path, None] = {}
    for directory in study_dirs:
        if (directory / "study.toml").is_file():
            folders[directory.resolve()] = None
        elif directory.is_dir():
            for child in sorted(directory.iterdir()):
                if (child / "study.toml").is_file():
                    folders[child.resolve()] = None
        else:
            raise CatalogFault(
                "the folder does not exist",
                subject=str(directory),
                expected="a study folder (with study.toml) or a folder of study folders",
                remedy="Correct --studies, or create the folder.",
            )
    return list(folders)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CatalogFault("the file does not exist", subject=str(path), remedy="Create it.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        place = re.search(r"line \d+(, column \d+)?", str(error))
        raise CatalogFault(
            f"the file is not valid TOML: {str(error).split(' (at')[0]}",
            subject=str(path),
            place=place.group(0) if place else None,
            remedy="Correct the syntax there.",
        ) from None


def _parse_claims(document: dict[str, Any], path: Path) -> Any:
    """`claims.toml`; a fault in a claim names the claim beside its number in the file."""
    try:
        return _parse(_ClaimsFile, document, path)
    except CatalogFault as fault:
        number = re.match(r"key claim\.(\d+)", fault.place or "")
        if number is None:
            raise
        name = document["claim"][int(number.group(1))].get("id", "without id")
        raise CatalogFault(
            fault.problem,
            subject=fault.subject,
            place=f"claim {name}, {fault.place}",
            expected=fault.expected,
            remedy=fault.remedy,
        ) from None


def _parse(model: type, document: dict[str, Any], path: Path, prefix: str = "") -> Any:
    try:
        return model(**document)
    except ValidationError as error:
        # A misspelt key is both unknown and missing; the unknown one is what the person wrote.
        first = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")[0]
        location = [str(part) for part in first["loc"]]
        key = ".".join([*([prefix] if prefix else []), *location])
        if first["type"] == "extra_forbidden":
            near = _nearest(location[-1], _field_names(model, first["loc"][:-1]))
            remedy = f"Did you mean {near}?" if near else "Remove the key."
            problem, expected = "the key is unknown", None
        elif first["type"] == "missing":
            remedy, problem, expected = "Add the key.", "the key is missing", None
        else:
            remedy, problem = "Correct the value.", f"the value {first.get('input')!r} is not allowed"
            expected = first["msg"]
        raise CatalogFault(problem, subject=str(path), place=f"key {key}", expected=expected, remedy=remedy) from None


def _field_names(model: Any, location: Sequence[Any]) -> list[str]:
    """Names of the keys that would have been allowed at ``location`` in ``model``."""
    current: Any = model
    for part in location:
        if isinstance(part, int):
            continue
        annotation = current.model_fields[part].annotation if part in getattr(current, "model_fields", {}) else None
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        current = next((c for c in candidates if hasattr(c, "model_fields")), None)
        if current is None:
            return []
    return list(current.model_fields)


def _nearest(name: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)), None)


def _by_id(entries: Iterable[Any], path: Path, key: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in entries:
        if entry.id in found:
            raise CatalogFault(
                f"the id {entry.id} occurs twice",
                subject=str(path),
                place=f"key {key}.id",
                remedy="Rename one of them.",
            )
        found[entry.id] = entry
    return found


def _cross_check(
    registry: Registry, sources_path: Path, studies_path: Path, claims_path: Path, printed_path: Path
) -> None:
    from resistance_assets.catalog.tables import TABLES

    def require(name: str, known: Iterable[str], path: Path, place: str, what: str) -> None:
        known = list(known)
        if name not in known:
            near = _nearest(name, known)
            raise CatalogFault(
                f"{what} {name} is not known",
                subject=str(path),
                place=place,
                remedy=f"Did you mean {near}?" if near else f"Declare it, or use one of: {', '.join(sorted(known))}.",
            )

    for source in registry.sources.values():
        for table in source.feeds:
            require(table, TABLES, sources_path, f"key source.{source.id}.feeds", "table")
    used = [
        *((f"cohort {c.id}", c.source) for c in registry.cohorts.values()),
        *((f"cohort {c.id}", c.endpoint_source) for c in registry.cohorts.values() if c.endpoint_source),
        *(
            (f"project {p.id}", source)
            for p in registry.projects.values()
            for source in (p.counts_source, p.clinical_source)
        ),
        *((f"gene_list {g.id}", g.source) for g in registry.gene_lists.values()),
        *((f"collection {c.id}", source) for c in registry.collections.values() for source in c.sources),
        *((f"study {s.id}", source) for s in registry.public_studies.values() for source in s.sources),
        *((f"study {s.id}", s.transcriptome) for s in registry.public_studies.values() if s.transcriptome),
    ]
    for place, source in used:
        require(source, registry.sources, studies_path, place, "source")
    contrasts: set[str] = set()
    for study in registry.public_studies.values():
        groups = [g.id for g in study.group]
        if study.paper:
            require(study.paper, registry.papers, studies_path, f"study {study.id}", "paper")
        for contrast in study.contrast:
            require(contrast.numerator, groups, studies_path, f"contrast {contrast.id}", "group")
            require(contrast.denominator, groups, studies_path, f"contrast {contrast.id}", "group")
            if contrast.id in contrasts:
                raise CatalogFault(
                    f"the contrast id {contrast.id} occurs twice",
                    subject=str(studies_path),
                    remedy="Rename one of them.",
                )
            contrasts.add(contrast.id)
        for interaction in study.interaction:
            for level in interaction.levels:
                require(level, groups, studies_path, f"interaction {interaction.id}", "group")
    for cohort in registry.cohorts.values():
        _by_id(cohort.endpoint, studies_path, f"cohort {cohort.id}, endpoint")
    for entry in (*registry.cohorts.values(), *registry.projects.values()):
        if entry.patients_of is not None:
            owners = [c.id for c in registry.cohorts.values() if c.patients_of is None]
            require(entry.patients_of, owners, studies_path, f"key patients_of of {entry.id}", "cohort")
    datasets = {**registry.cohorts, **registry.public_studies, **registry.local_studies}
    if twice := sorted(set(registry.projects) & set(datasets)):
        raise CatalogFault(
            f"the id {twice[0]} is that of a project and of another dataset",
            subject=str(studies_path),
            place="key project.id",
            remedy="Rename one of them.",
        )
    for cohort in registry.cohorts.values():
        shared = registry.cohorts.get(cohort.patients_of or "")
        for endpoint in cohort.endpoint:
            if endpoint.same_as is not None:
                known = [other.id for other in shared.endpoint] if shared else []
                place = f"cohort {cohort.id}, endpoint {endpoint.id}, key same_as"
                require(endpoint.same_as, known, studies_path, place, "endpoint of the shared cohort")
    models = _by_id(registry.survival.model, studies_path, "survival.model")
    for model in registry.survival.discrimination_models:
        require(model, models, studies_path, "key survival.discrimination_models", "survival model")
    for panel, genes in registry.genes.panels.items():
        if repeated := {g for g in genes if genes.count(g) > 1}:
            raise CatalogFault(
                f"{min(repeated)} occurs twice",
                subject=str(studies_path),
                place=f"key genes.panels.{panel}",
                remedy="Name each gene once.",
            )
    for partners in registry.partners:
        require(partners.panel, registry.genes.panels, studies_path, "key partners.panel", "panel")
        require(partners.database, registry.sources, studies_path, "key partners.database", "source")
    for claim in registry.claims.values():
        require(claim.paper, registry.papers, claims_path, f"claim {claim.id}", "paper")
        # A contrast or study may come with a laboratory's folder; a source is either declared or misspelt.
        for need in claim.needs:
            if need.partition(":")[0] not in ("contrast", "study") or ":" not in need:
                require(need, registry.sources, claims_path, f"claim {claim.id}, key needs", "source")
    for printed in registry.published_tables.values():
        require(printed.paper, registry.papers, printed_path, f"table {printed.id}", "paper")
    for multiverse in registry.multiverses.values():
        place = f"multiverse {multiverse.id}"
        require(multiverse.paper, registry.papers, claims_path, place, "paper")
        _by_id(multiverse.axis, claims_path, f"{place}, axis")
