"""Settings of the analyses: thresholds, seeds, numbers of permutations (`studies.toml`)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from resistance_assets.catalog.models.cohort import AlterationRule
from resistance_assets.catalog.models.entry import Entry, Identifier


class Thresholds(Entry):
    """When a gene enters a list, and which gene sets are tested."""

    q_value: float = Field(gt=0, le=1)
    abs_log2_fold_change: float = Field(ge=0)
    gene_set_min_size: int = Field(default=5, ge=1)
    gene_set_max_size: int = Field(default=500, ge=1)


class DifferentialExpression(Entry):
    """What is assumed where a design has no replicates: a sensitivity analysis, never evidence."""

    # Biological coefficients of variation; edgeR's guide suggests about 0.1 for one cell line, 0.4 for human tissue.
    bcvs: tuple[float, ...] = Field(default=(0.1, 0.2, 0.3, 0.4), min_length=1)
    fdr: float = Field(default=0.05, gt=0, lt=1)
    noise_simulations: int = Field(default=20, ge=2)
    noise_seed: int = 20190205


class Gsea(Entry):
    """Pre-ranked gene-set enrichment: the null and where its far tail is cut."""

    min_set_size: int = Field(default=15, ge=1)
    max_set_size: int = Field(default=500, ge=1)
    permutations: int = Field(default=10_000, ge=100)
    seed: int = 20_240_501
    p_value_floor: float = Field(default=1e-6, gt=0, lt=1)


class Intersecting(Entry):
    """The null of three and more lists."""

    permutations: int = Field(default=9_999, ge=99)
    seed: int = 20_240_501


class Correlation(Entry):
    targets: tuple[str, ...]
    methods: tuple[Literal["spearman", "pearson"], ...] = ("spearman",)


Covariate = Literal["age_years", "sex", "stage_group", "tumour_purity"]


class SurvivalModel(Entry):
    """A Cox model that is fitted for every gene of interest: the gene, what it is adjusted for, and its strata.

    `expression`: as_measured, or rank_normal (the normal score of its rank). A model that names a variable which a
    cohort does not have is not fitted there.
    """

    id: Identifier
    title: str
    covariates: tuple[Covariate, ...] = ()
    strata: tuple[Literal["sex", "stage_group"], ...] = ()
    expression: Literal["as_measured", "rank_normal"] = "as_measured"


class SurvivalSettings(Entry):
    """How survival is analysed, in every cohort and for every endpoint.

    Attributes:
        landmark_months, restricted_mean_months: times that survival, its mean and the AUC are looked at.
        screen_covariates: what the genome-wide adjusted screen adjusts for.
        min_proportion, max_proportion: share of patients that an optimal cut may leave in the low group.
        permutations: of the null of the optimal cut. random_signatures: that a signature is held against.
        signatures: whose gene lists are scored.
        bootstrap_samples, cross_validation_folds, cross_validation_repeats: of the time-dependent AUC.
        discrimination_models: models whose AUC is measured.
        min_group_share, min_group_patients, min_group_expected_events: least share of the patients, patients and
            expected events in the smaller group of a split; below one of them a split has the p-value of a permutation
            test and no other.
        second_opinion_genes: genes drawn per cohort and endpoint that lifelines fits again, beside those of interest.
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
    min_group_share: float = Field(default=0.1, gt=0, lt=0.5)
    min_group_patients: int = Field(default=20, ge=1)
    min_group_expected_events: float = Field(default=5.0, ge=0)
    second_opinion_genes: int = Field(default=30, ge=1)


class Driver(Entry):
    """A driver that expression and survival are compared by: `altered` as in a stratum."""

    id: Identifier
    altered: tuple[AlterationRule, ...] = Field(min_length=1)


class AlterationSettings(Entry):
    """How alterations are analysed.

    Attributes:
        pair_genes: of the most often mutated genes, how many are paired with one another and with the drivers.
        stratum_models: models of `[survival]` that genes of interest are fitted by within strata.
        driver: drivers of the tumours at hand.
    """

    pair_genes: int = Field(default=40, ge=0, le=120)
    stratum_models: tuple[Identifier, ...] = ("age_sex",)
    driver: tuple[Driver, ...] = ()


class TumourNormal(Entry):
    """Which words of a sample sheet, and which TCGA sample type codes, are a tumour and a normal tissue."""

    tumour_labels: tuple[str, ...] = Field(min_length=1)
    normal_labels: tuple[str, ...] = Field(min_length=1)
    normal_sample_type_codes: tuple[str, ...] = ("11",)


class EvidenceWeights(Entry):
    """What a contrast counts, by whether its design supports a p-value."""

    inferential: float = Field(default=1.0, gt=0)
    effect_only: float = Field(default=0.25, gt=0)


class ConfidenceRules(Entry):
    """When a candidate of a drug class is replicated, suggested, of a single study or contradicted, and its flags.

    Attributes:
        q_value: of a pooled effect, and of a single study.
        replicated_studies, replicated_most_against: independent inferential studies, and of them the most with the
            opposite sign.
        suggested_studies: independent inferential studies of one sign.
        suggested_single_q_value, suggested_effect_only_studies: in their place, one study with this q and so many
            studies without replicates that change the same way.
        p_value_against: of a study of the opposite sign that speaks against a single one.
        line_specific_i2: per cent; above it the effect is flagged as specific to lines.
        marker_abs_log2_fold_change: of tumour against normal tissue, beside q_value.
        other_cell_type_ratio: how many times the mean of tumour cells another cell type makes.
        selected_table_p_value: a published table without any p-value above it was chosen by p.
    """

    q_value: float = Field(default=0.05, gt=0, lt=1)
    replicated_studies: int = Field(default=3, ge=2)
    replicated_most_against: int = Field(default=1, ge=0)
    suggested_studies: int = Field(default=2, ge=2)
    suggested_single_q_value: float = Field(default=0.01, gt=0, lt=1)
    suggested_effect_only_studies: int = Field(default=2, ge=1)
    p_value_against: float = Field(default=0.05, gt=0, lt=1)
    line_specific_i2: float = Field(default=75.0, ge=0, le=100)
    marker_abs_log2_fold_change: float = Field(default=1.0, ge=0)
    other_cell_type_ratio: float = Field(default=2.0, ge=1)
    selected_table_p_value: float = Field(default=0.5, gt=0, le=1)


class PerturbationLibrary(Entry):
    """Gene sets of drug perturbations: of an up and a down source, or of one whose terms say the direction."""

    id: Identifier
    title: str
    source: Identifier | None = None
    up_source: Identifier | None = None
    down_source: Identifier | None = None

    @model_validator(mode="after")
    def _has_sources(self) -> Self:
        if (self.source is None) == (self.up_source is None or self.down_source is None):
            raise ValueError(f"perturbation library {self.id}: name source, or up_source and down_source")
        return self

    @property
    def sources(self) -> tuple[tuple[str, Literal["up", "down"] | None], ...]:
        """Its sources with the direction of their sets; None where the terms say it."""
        if self.up_source is not None and self.down_source is not None:
            return ((self.up_source, "up"), (self.down_source, "down"))
        return ((str(self.source), None),)


class EvidenceSettings(Entry):
    """How genes are ranked per drug class over contrasts whose state is `acquired`.

    `pooling`: moderated (the variance between studies is moderated over the genes) or hartung_knapp (each gene alone).
    `perturbation_library`: what reversal is looked for in; `reversal_permutations`: of its null.
    """

    weights: EvidenceWeights = EvidenceWeights()
    permutations: int = Field(default=200_000, ge=1000)
    seed: int = 20_240_501
    pooling: Literal["moderated", "hartung_knapp"] = "moderated"
    confidence: ConfidenceRules = ConfidenceRules()
    perturbation_library: tuple[PerturbationLibrary, ...] = ()
    reversal_permutations: int = Field(default=1_000, ge=100)
