"""Models of core.alterations__*: mutations, copy number and fusions of cohorts, and what they go with."""

from __future__ import annotations

from typing import get_args

import polars as pl

from resistance_assets.catalog.models.cohort import ScreenModel
from resistance_assets.catalog.tables.core.survival import (
    SurvivalKaplanMeier,
    SurvivalMultivariableModels,
    SurvivalMultivariableTerms,
    SurvivalOptimalCuts,
)
from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import EVENT, EXPRESSION, P_CHECK, SYMBOL, TIME

_MUTATION = (
    "staging.cohorts__mutations.variant_classification",
    "staging.cohorts__mutations.protein_change",
    "staging.cohorts__mutations.patient_id",
)
_CALL = "staging.cohorts__gene_copy_number.gistic_call"
_FUSION = (
    "staging.cohorts__structural_variants.hgnc_symbol_site1",
    "staging.cohorts__structural_variants.hgnc_symbol_site2",
)
_PROFILED = ("staging.cohorts__profiled_patients.patient_id", "staging.cohorts__panel_genes.hgnc_symbol")
_ALTERED = (*_MUTATION, _CALL, *_FUSION, *_PROFILED)
_ALTERED_SURVIVAL = (*_ALTERED, TIME, EVENT)
_STRATUM_SURVIVAL = (*_ALTERED, TIME, EVENT, EXPRESSION)
_COHORT = "staging.cohorts__samples.cohort_id"
_GENE = (
    "staging.cohorts__mutations.hgnc_symbol",
    "staging.cohorts__gene_copy_number.hgnc_symbol",
    *_FUSION,
)
_CLASSES = ["any", "mutation", "truncating", "missense", "in_frame", "splice", "amplification", "deep_loss", "fusion"]
_LAYER_VALUES = (
    _CALL,
    "staging.cohorts__gene_log2_copy_number.log2_copy_number",
    "staging.cohorts__methylation.beta_value",
    "staging.cohorts__protein_levels.protein_level",
    EXPRESSION,
)


@table(
    "core.alterations__layers",
    grain="one row per cohort and layer",
    key=("cohort_id", "layer"),
    limitation="a layer that was not measured says nothing of its genes, and is no zero",
)
class AlterationLayers(TableModel):
    """Which layers a cohort was measured for, and in how many patients."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    layer: pl.String = col(
        "mutations, copy_number, log2_copy_number, fusions, methylation or protein",
        of="source",
        isin=["mutations", "copy_number", "log2_copy_number", "fusions", "methylation", "protein"],
    )
    is_measured: pl.Boolean = col("whether the cohort holds the layer", of=_ALTERED)
    n_patients: pl.Int64 = col("patients measured; null where none was", unit="patients", null=True, of=_ALTERED, ge=0)
    n_genes: pl.Int64 = col("genes with a value or an alteration", unit="genes", null=True, of=_GENE, ge=0)
    note: pl.String = col("in words", of="source")


@table(
    "core.alterations__patients",
    grain="one row per cohort and sequenced patient",
    key=("cohort_id", "patient_id"),
    limitation="where the archive does not say whom it sequenced, a tumour without any mutation is not here",
)
class AlterationPatients(TableModel):
    """Tumour mutational burden: mutations of a sequenced patient's analysed sample."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    patient_id: pl.String = col("patient", of=("staging.cohorts__profiled_patients.patient_id", _MUTATION[2]))
    gene_panel_id: pl.String = col(
        "panel that was sequenced; null where all genes were",
        null=True,
        of="staging.cohorts__profiled_patients.gene_panel_id",
    )
    n_mutations: pl.Int64 = col("mutations that are not silent", unit="mutations", of=_MUTATION, ge=0)
    mutations_per_megabase: pl.Float64 = col(
        "of the bases that the catalog says were sequenced; null for a panel",
        unit="1/Mb",
        null=True,
        of=_MUTATION,
        ge=0,
    )


@table(
    "core.alterations__gene_patients",
    grain="one row per cohort, gene and patient with any alteration of it",
    key=("cohort_id", "hgnc_symbol", "patient_id"),
    limitation="a patient without a row is unaltered only in the layers that were measured: core.alterations__layers",
)
class AlterationGenePatients(TableModel):
    """Alterations of each gene in each patient."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    hgnc_symbol: pl.String = col(SYMBOL, of=_GENE)
    patient_id: pl.String = col("patient", of=("staging.cohorts__mutations.patient_id", _CALL))
    mutation_class: pl.String = col(
        "gravest class of its mutations: truncating, splice, in_frame, missense, other",
        null=True,
        of=_MUTATION,
        isin=["truncating", "splice", "in_frame", "missense", "other"],
    )
    n_mutations: pl.Int64 = col("mutations that are not silent, each once", unit="mutations", of=_MUTATION, ge=0)
    protein_changes: pl.String = col("HGVS, joined by |", null=True, of=_MUTATION)
    hotspot_residues: pl.String = col(
        "residues that are changed in three or more patients of the cohort, joined by |", null=True, of=_MUTATION
    )
    is_mutated: pl.Boolean = col("has a mutation that is not silent", of=_MUTATION)
    is_amplified: pl.Boolean = col("GISTIC 2", of=_CALL)
    is_deep_loss: pl.Boolean = col("GISTIC -2", of=_CALL)
    fusion_partners: pl.String = col("genes that it is fused with, joined by |", null=True, of=_FUSION)


@table(
    "core.alterations__gene_frequencies",
    grain="one row per cohort, stratum, gene and class of alteration that was looked for",
    key=("cohort_id", "stratum_id", "hgnc_symbol", "alteration_class"),
    limitation="a gene without a row was not looked for, or no patient of the cohort is altered in it in any way",
)
class AlterationGeneFrequencies(TableModel):
    """How often each gene is altered, with Clopper and Pearson's interval."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    stratum_id: pl.String = col("all, or a stratum of the cohort", of=("source", *_ALTERED))
    hgnc_symbol: pl.String = col(SYMBOL, of=_GENE)
    alteration_class: pl.String = col(
        "class; any: of the patients who were looked at for every class", of=_ALTERED, isin=_CLASSES
    )
    n_altered: pl.Int64 = col("altered patients", unit="patients", of=_ALTERED, ge=0)
    n_profiled: pl.Int64 = col("patients in whom it was looked for", unit="patients", of=_ALTERED, ge=0)
    frequency: pl.Float64 = col("share of them", unit="share", null=True, of=_ALTERED, **P_CHECK)
    frequency_lower: pl.Float64 = col("exact 95 % limit", unit="share", of=_ALTERED, **P_CHECK)
    frequency_upper: pl.Float64 = col("exact 95 % limit", unit="share", of=_ALTERED, **P_CHECK)


@table(
    "core.alterations__survival",
    grain="one row per cohort, endpoint, class of alteration and gene that enough patients are altered in",
    key=("cohort_id", "endpoint", "alteration_class", "hgnc_symbol"),
    limitation="fewer than ten altered patients (three for a driver) are not compared at all",
)
class AlterationSurvival(TableModel):
    """Altered patients against the others: Cox model of the indicator (Efron), and log-rank test."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    endpoint: pl.String = col("endpoint", of="staging.cohorts__patient_endpoints.endpoint")
    alteration_class: pl.String = col("class", of=_ALTERED, isin=["mutation", "amplification", "deep_loss", "fusion"])
    hgnc_symbol: pl.String = col(SYMBOL, of=_GENE)
    n: pl.Int64 = col("patients measured and followed", unit="patients", of=_ALTERED_SURVIVAL, ge=0)
    events: pl.Int64 = col("events among them", unit="patients", of=_ALTERED_SURVIVAL, ge=0)
    n_altered: pl.Int64 = col("altered patients", unit="patients", null=True, of=_ALTERED_SURVIVAL, ge=0)
    events_altered: pl.Int64 = col("events among the altered", unit="patients", null=True, of=_ALTERED_SURVIVAL, ge=0)
    log_hazard_ratio: pl.Float64 = col("altered over unaltered", null=True, of=_ALTERED_SURVIVAL)
    hazard_ratio: pl.Float64 = col("altered over unaltered", null=True, of=_ALTERED_SURVIVAL, ge=0)
    ci_lower: pl.Float64 = col("95 % limit", null=True, of=_ALTERED_SURVIVAL, ge=0)
    ci_upper: pl.Float64 = col("95 % limit", null=True, of=_ALTERED_SURVIVAL, ge=0)
    standard_error: pl.Float64 = col("of the log hazard ratio", null=True, of=_ALTERED_SURVIVAL, ge=0)
    p_value: pl.Float64 = col("Wald", null=True, of=_ALTERED_SURVIVAL, **P_CHECK)
    p_likelihood_ratio: pl.Float64 = col("likelihood ratio", null=True, of=_ALTERED_SURVIVAL, **P_CHECK)
    q_value_bh: pl.Float64 = col(
        "Benjamini-Hochberg of the likelihood ratio, over the genes of the class", null=True, of=_ALTERED_SURVIVAL,
        **P_CHECK,
    )  # fmt: skip
    logrank_chi2: pl.Float64 = col("log-rank", null=True, of=_ALTERED_SURVIVAL, ge=0)
    p_logrank: pl.Float64 = col("log-rank", null=True, of=_ALTERED_SURVIVAL, **P_CHECK)
    q_value_bh_logrank: pl.Float64 = col("Benjamini-Hochberg", null=True, of=_ALTERED_SURVIVAL, **P_CHECK)
    p_permutation: pl.Float64 = col(
        "where a group is below the minimum of the screens", null=True, of=_ALTERED_SURVIVAL, **P_CHECK
    )
    fit_status: pl.String = col("as in the screen of expression", of=_ALTERED_SURVIVAL)
    fit_note: pl.String = col("why a number is missing", null=True, of=_ALTERED_SURVIVAL)


@table(
    "core.alterations__kaplan_meier",
    grain="one row per cohort, endpoint, class of alteration, gene, group and distinct time",
    key=("cohort_id", "endpoint", "alteration_class", "hgnc_symbol", "alteration_group", "time_months"),
    limitation="genes of interest and of drivers alone; the tail of a curve rests on few patients: read n_at_risk",
)
class AlterationKaplanMeier(TableModel):
    """Survival curves of altered and unaltered patients, from three patients on either side."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    endpoint: pl.String = col("endpoint", of="staging.cohorts__patient_endpoints.endpoint")
    alteration_class: pl.String = col("class", of=_ALTERED, isin=["mutation", "amplification", "deep_loss", "fusion"])
    hgnc_symbol: pl.String = col(SYMBOL, of=_GENE)
    alteration_group: pl.String = col(
        "altered, or unaltered of those in whom it was looked for", of=_ALTERED, isin=["altered", "unaltered"]
    )
    time_months: pl.Float64 = col("time", unit="months", of=TIME)
    n_at_risk: pl.Int64 = col("just before the time", unit="patients", of=_ALTERED_SURVIVAL, ge=0)
    n_events: pl.Int64 = col("at the time", unit="patients", of=_ALTERED_SURVIVAL, ge=0)
    n_censored: pl.Int64 = col("at the time", unit="patients", of=_ALTERED_SURVIVAL, ge=0)
    survival: pl.Float64 = col("Kaplan-Meier estimate", of=_ALTERED_SURVIVAL, **P_CHECK)
    ci_lower: pl.Float64 = col("95 % limit, log transform", null=True, of=_ALTERED_SURVIVAL, **P_CHECK)
    ci_upper: pl.Float64 = col("95 % limit, log transform", null=True, of=_ALTERED_SURVIVAL, **P_CHECK)


@table(
    "core.alterations__cis_effects",
    grain="one row per cohort, layer, feature and gene that both are measured of",
    key=("cohort_id", "layer", "feature_id", "hgnc_symbol"),
    limitation="a correlation over tumours is not shown to be an effect; purity moves both layers",
)
class AlterationCisEffects(TableModel):
    """A gene's own copy number, methylation and protein against its mRNA (Spearman)."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    layer: pl.String = col(
        "what is held against the mRNA", of="source", isin=["copy_number", "log2_copy_number", "methylation", "protein"]
    )
    feature_id: pl.String = col("antibody or probe; the gene itself for copy number", of=_LAYER_VALUES)
    hgnc_symbol: pl.String = col(SYMBOL, of="staging.cohorts__genes.hgnc_symbol")
    n: pl.Int64 = col("patients with both", unit="patients", of=_LAYER_VALUES, ge=0)
    rho: pl.Float64 = col("Spearman", null=True, of=_LAYER_VALUES, ge=-1.0, le=1.0)
    p_value: pl.Float64 = col("t approximation, two-sided", null=True, of=_LAYER_VALUES, **P_CHECK)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within cohort and layer", null=True, of=_LAYER_VALUES, **P_CHECK)
    expected_direction: pl.String = col(
        "positive, or negative for methylation", of="source", isin=["positive", "negative"]
    )
    is_as_expected: pl.Boolean = col("whether rho has that sign", null=True, of=_LAYER_VALUES)
    n_amplified: pl.Int64 = col("GISTIC 2, with expression", unit="patients", null=True, of=_CALL, ge=0)
    n_deep_loss: pl.Int64 = col("GISTIC -2, with expression", unit="patients", null=True, of=_CALL, ge=0)
    p_amplified_against_diploid: pl.Float64 = col(
        "rank sum, GISTIC 2 against 0, from five patients on each side", null=True, of=(_CALL, EXPRESSION), **P_CHECK
    )
    fit_note: pl.String = col("why a number is missing", null=True, of=_LAYER_VALUES)


@table(
    "core.alterations__drivers",
    grain="one row per cohort and driver of the catalog",
    key=("cohort_id", "driver_id"),
    limitation="a driver is a rule of the catalog, not a proof that the alteration drives this tumour",
)
class AlterationDrivers(TableModel):
    """Drivers: altered patients, and whether they can be compared with the others."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    driver_id: pl.String = col("driver of the catalog", of="source")
    rule: pl.String = col("alterations that count, joined by |", of="source")
    n_measured: pl.Int64 = col("patients in whom it was looked for", unit="patients", null=True, of=_ALTERED, ge=0)
    n_altered: pl.Int64 = col("of them, altered", unit="patients", null=True, of=_ALTERED, ge=0)
    status: pl.String = col(
        "compared, too_few or not_measured", of=_ALTERED, isin=["compared", "too_few", "not_measured"]
    )
    note: pl.String = col("in words", of="source")


@table(
    "core.alterations__driver_expression",
    grain="one row per cohort, driver and gene of the expression profile",
    key=("cohort_id", "driver_id", "hgnc_symbol"),
    limitation="drivers exclude and go with one another: a difference need not be the work of this one",
)
class AlterationDriverExpression(TableModel):
    """Expression of every gene by driver: limma, beside age, sex and purity where the cohort has them."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    driver_id: pl.String = col("driver of the catalog", of="source")
    hgnc_symbol: pl.String = col(SYMBOL, of="staging.cohorts__genes.hgnc_symbol")
    n: pl.Int64 = col("patients", unit="patients", of=(*_ALTERED, EXPRESSION), ge=0)
    n_altered: pl.Int64 = col("of them, altered", unit="patients", of=_ALTERED, ge=0)
    log2_difference: pl.Float64 = col(
        "altered less unaltered, on the scale of the profile", null=True, of=(*_ALTERED, EXPRESSION)
    )
    average: pl.Float64 = col("mean over the patients", null=True, of=EXPRESSION)
    statistic: pl.Float64 = col("moderated t", null=True, of=(*_ALTERED, EXPRESSION))
    p_value: pl.Float64 = col("two-sided", null=True, of=(*_ALTERED, EXPRESSION), **P_CHECK)
    q_value_bh: pl.Float64 = col("over the genes of the driver", null=True, of=(*_ALTERED, EXPRESSION), **P_CHECK)
    b_statistic: pl.Float64 = col("natural log odds of a difference", null=True, of=(*_ALTERED, EXPRESSION))
    covariates: pl.String = col(
        "that the model holds, joined by |", null=True, of="staging.cohorts__patients.age_years"
    )


@table(
    "core.alterations__driver_interactions",
    grain="one row per cohort, endpoint, driver and gene of interest",
    key=("cohort_id", "endpoint", "driver_id", "hgnc_symbol"),
    limitation=(
        "genes of interest and of panels alone: two models per gene, driver and endpoint would take minutes over all"
        " genes; few altered patients have events, so only large differences can be seen"
    ),
)
class AlterationDriverInteractions(TableModel):
    """Whether expression means something else for survival where a driver is altered: Cox model with the product."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    endpoint: pl.String = col("endpoint", of="staging.cohorts__patient_endpoints.endpoint")
    driver_id: pl.String = col("driver of the catalog", of="source")
    hgnc_symbol: pl.String = col(SYMBOL, of="staging.cohorts__genes.hgnc_symbol")
    n: pl.Int64 = col("patients", unit="patients", of=_STRATUM_SURVIVAL, ge=0)
    events: pl.Int64 = col("events", unit="patients", of=_STRATUM_SURVIVAL, ge=0)
    n_altered: pl.Int64 = col("altered", unit="patients", of=_STRATUM_SURVIVAL, ge=0)
    events_altered: pl.Int64 = col("events among them", unit="patients", of=_STRATUM_SURVIVAL, ge=0)
    log_hazard_ratio_unaltered: pl.Float64 = col("per SD, driver unaltered", null=True, of=_STRATUM_SURVIVAL)
    log_hazard_ratio_difference: pl.Float64 = col("altered less unaltered", null=True, of=_STRATUM_SURVIVAL)
    standard_error_difference: pl.Float64 = col("of the difference", null=True, of=_STRATUM_SURVIVAL, ge=0)
    p_likelihood_ratio: pl.Float64 = col("of the product", null=True, of=_STRATUM_SURVIVAL, **P_CHECK)
    q_value_bh: pl.Float64 = col("over the genes of endpoint and driver", null=True, of=_STRATUM_SURVIVAL, **P_CHECK)
    fit_note: pl.String = col("why a number is missing", null=True, of=_STRATUM_SURVIVAL)


@table(
    "core.alterations__pairs",
    grain="one row per cohort and pair of genes",
    key=("cohort_id", "hgnc_symbol_a", "hgnc_symbol_b"),
    limitation=(
        "the drivers and the most often mutated genes (pair_genes) alone; Fisher's test takes all tumours for alike and"
        " finds co-occurrence wherever burdens differ"
    ),
)
class AlterationPairs(TableModel):
    """Co-occurrence and exclusivity of mutations, with a null that keeps each tumour's burden."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    hgnc_symbol_a: pl.String = col("gene", of=_GENE)
    hgnc_symbol_b: pl.String = col("other gene", of=_GENE)
    n_both: pl.Int64 = col("tumours with both", unit="patients", of=_MUTATION, ge=0)
    n_a_only: pl.Int64 = col("tumours with the first alone", unit="patients", of=_MUTATION, ge=0)
    n_b_only: pl.Int64 = col("tumours with the second alone", unit="patients", of=_MUTATION, ge=0)
    n_neither: pl.Int64 = col("tumours with neither", unit="patients", of=_MUTATION, ge=0)
    expected_both: pl.Float64 = col("of the burdens alone", unit="patients", of=_MUTATION, ge=0)
    direction: pl.String = col("against that", of=_MUTATION, isin=["co_occurring", "exclusive"])
    p_value: pl.Float64 = col("Poisson-binomial, two-sided", of=_MUTATION, **P_CHECK)
    q_value_bh: pl.Float64 = col("over the pairs of the cohort", of=_MUTATION, **P_CHECK)
    odds_ratio_fisher: pl.Float64 = col("conditional maximum likelihood", null=True, of=_MUTATION, ge=0)
    p_value_fisher: pl.Float64 = col("Fisher, which ignores the burden", of=_MUTATION, **P_CHECK)
    q_value_fisher_bh: pl.Float64 = col("over the pairs of the cohort", of=_MUTATION, **P_CHECK)


@table(
    "core.alterations__burden",
    grain="one row per cohort and endpoint or driver",
    key=("cohort_id", "kind", "against"),
    limitation="burden goes with smoking and with purity, which are not in the model",
)
class AlterationBurden(TableModel):
    """Tumour mutational burden against endpoints (Cox per doubling) and drivers (rank sum)."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    kind: pl.String = col("endpoint or driver", of="source", isin=["endpoint", "driver"])
    against: pl.String = col("endpoint, or driver of the catalog", of="source")
    n: pl.Int64 = col("patients", unit="patients", of=_ALTERED_SURVIVAL, ge=0)
    n_events_or_altered: pl.Int64 = col("events, or altered patients", unit="patients", of=_ALTERED_SURVIVAL, ge=0)
    hazard_ratio_per_doubling: pl.Float64 = col("of mutations + 1", null=True, of=_ALTERED_SURVIVAL, ge=0)
    ci_lower: pl.Float64 = col("95 % limit", null=True, of=_ALTERED_SURVIVAL, ge=0)
    ci_upper: pl.Float64 = col("95 % limit", null=True, of=_ALTERED_SURVIVAL, ge=0)
    median_altered: pl.Float64 = col("mutations", unit="mutations", null=True, of=_MUTATION, ge=0)
    median_unaltered: pl.Float64 = col("mutations", unit="mutations", null=True, of=_MUTATION, ge=0)
    p_value: pl.Float64 = col("likelihood ratio, or rank sum", null=True, of=_ALTERED_SURVIVAL, **P_CHECK)
    q_value_bh: pl.Float64 = col("over the rows of a kind", null=True, of=_ALTERED_SURVIVAL, **P_CHECK)


@table(
    "core.alterations__strata",
    grain="one row per cohort, stratum and endpoint",
    key=("cohort_id", "stratum_id", "endpoint"),
    limitation="a stratum is chosen by what was measured: patients that were not are in none",
)
class AlterationStrata(TableModel):
    """Strata of the catalog: patients and events, and whether survival is screened in them."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    stratum_id: pl.String = col("stratum", of="source")
    title: pl.String = col("in words", of="source")
    rule: pl.String = col("who is in it", of="source")
    endpoint: pl.String = col("endpoint", of="staging.cohorts__patient_endpoints.endpoint")
    n: pl.Int64 = col(
        "patients with expression and follow-up; null where its rule was not measured",
        unit="patients",
        null=True,
        of=_STRATUM_SURVIVAL,
        ge=0,
    )
    events: pl.Int64 = col("events among them", unit="patients", null=True, of=_STRATUM_SURVIVAL, ge=0)
    min_patients: pl.Int64 = col("declared minimum", unit="patients", of="source", ge=0)
    min_events: pl.Int64 = col("declared minimum", unit="patients", of="source", ge=0)
    status: pl.String = col(
        "screened, too_small or not_measured", of=_ALTERED, isin=["screened", "too_small", "not_measured"]
    )
    note: pl.String = col("in words", of="source")


@table(
    "core.alterations__stratum_survival",
    grain="one row per cohort, stratum, endpoint, gene and model",
    key=("cohort_id", "stratum_id", "endpoint", "hgnc_symbol", "model"),
    limitation="a p here is one of thousands in few patients; the screen of all patients stands beside it",
)
class AlterationStratumSurvival(TableModel):
    """The survival screen of expression within a stratum, by the same models as in all patients."""

    cohort_id: pl.String = col("cohort", of=_COHORT)
    stratum_id: pl.String = col("stratum", of="source")
    endpoint: pl.String = col("endpoint", of="staging.cohorts__patient_endpoints.endpoint")
    hgnc_symbol: pl.String = col(SYMBOL, of="staging.cohorts__genes.hgnc_symbol")
    model: pl.String = col(
        "as in core.survival__cohort_endpoint_genes; those that the stratum declares under screens",
        of="source",
        isin=list(get_args(ScreenModel)),
    )
    covariates: pl.String = col("of an adjusted model, joined by |", null=True, of="source")
    n: pl.Int64 = col("patients", unit="patients", of=_STRATUM_SURVIVAL, ge=0)
    events: pl.Int64 = col("events", unit="patients", of=_STRATUM_SURVIVAL, ge=0)
    log_hazard_ratio: pl.Float64 = col("per unit, or high over low", null=True, of=_STRATUM_SURVIVAL)
    hazard_ratio: pl.Float64 = col("per unit, or high over low", null=True, of=_STRATUM_SURVIVAL, ge=0)
    hazard_ratio_per_sd: pl.Float64 = col("per standard deviation", null=True, of=_STRATUM_SURVIVAL, ge=0)
    ci_lower: pl.Float64 = col("95 % limit of the hazard ratio", null=True, of=_STRATUM_SURVIVAL, ge=0)
    ci_upper: pl.Float64 = col("95 % limit of the hazard ratio", null=True, of=_STRATUM_SURVIVAL, ge=0)
    p_likelihood_ratio: pl.Float64 = col("likelihood ratio", null=True, of=_STRATUM_SURVIVAL, **P_CHECK)
    q_value_bh_likelihood_ratio: pl.Float64 = col(
        "Benjamini-Hochberg over the genes of stratum, endpoint and model", null=True, of=_STRATUM_SURVIVAL, **P_CHECK
    )
    p_logrank: pl.Float64 = col("of the split", null=True, of=_STRATUM_SURVIVAL, **P_CHECK)
    p_permutation: pl.Float64 = col("of a split with a small group", null=True, of=_STRATUM_SURVIVAL, **P_CHECK)
    fit_status: pl.String = col("as in the screen of all patients", of=_STRATUM_SURVIVAL)
    fit_note: pl.String = col("why a number is missing", null=True, of=_STRATUM_SURVIVAL)


_STRATUM = col("stratum of the catalog; those below their declared minimum have no row", of=("source", *_ALTERED))


@table(
    "core.alterations__stratum_optimal_cuts",
    grain="one row per cohort, stratum, endpoint and gene",
    key=("cohort_id", "stratum_id", "endpoint", "hgnc_symbol"),
    limitation="p_naive is not a p-value of anything: the cut was chosen to make it small; read p_corrected",
)
class AlterationStratumOptimalCuts(SurvivalOptimalCuts):
    """core.survival__optimal_cuts within strata."""

    stratum_id: pl.String = _STRATUM


@table(
    "core.alterations__stratum_kaplan_meier",
    grain="one row per cohort, stratum, endpoint, gene of interest, group and distinct time",
    key=("cohort_id", "stratum_id", "endpoint", "hgnc_symbol", "expression_group", "time_months"),
    limitation="the median is that of the stratum, so a patient may be high there and low among all",
)
class AlterationStratumKaplanMeier(SurvivalKaplanMeier):
    """core.survival__kaplan_meier within strata."""

    stratum_id: pl.String = _STRATUM


@table(
    "core.alterations__stratum_multivariable_terms",
    grain="one row per cohort, stratum, endpoint, gene of interest, model and term",
    key=("cohort_id", "stratum_id", "endpoint", "hgnc_symbol", "model_id", "term"),
    limitation="a stratum has few events per coefficient: read the warning of its model",
)
class AlterationStratumMultivariableTerms(SurvivalMultivariableTerms):
    """core.survival__multivariable_terms within strata, of the models that `stratum_models` names."""

    stratum_id: pl.String = _STRATUM


@table(
    "core.alterations__stratum_multivariable_models",
    grain="one row per cohort, stratum, endpoint, gene of interest and model",
    key=("cohort_id", "stratum_id", "endpoint", "hgnc_symbol", "model_id"),
    limitation="patients with a missing covariate are left out, so models differ in their patients: compare n",
)
class AlterationStratumMultivariableModels(SurvivalMultivariableModels):
    """core.survival__multivariable_models within strata, of the models that `stratum_models` names."""

    stratum_id: pl.String = _STRATUM
