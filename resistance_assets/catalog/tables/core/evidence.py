"""Models of core.evidence__*: evidence of resistance across contrasts."""

from __future__ import annotations

from typing import Any

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import P_CHECK, SYMBOL

_EFFECTS = (
    "core.deg__contrast_genes.log2_fold_change",
    "core.deg__contrast_genes.p_value",
    "core.deg__contrast_genes.evidence_kind",
)
_DRUG_CLASS = "raw.catalog__contrasts.drug_class"
_KNOWN = (
    "staging.knowledge__resistance_evidence.hgnc_symbol",
    "staging.knowledge__resistance_evidence.drug",
    "raw.catalog__drug_classes.drug",
)


@table(
    "core.evidence__resistance_ranks",
    grain="one row per drug class and gene that a contrast of resistant against sensitive cells measured",
    key=("drug_class", "hgnc_symbol"),
    limitation="a good rank does not say that the gene causes resistance, nor that it matters in patients",
)
class EvidenceResistanceRanks(TableModel):
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
    limitation="contrasts of one study share their control samples, so their votes are not independent",
)
class EvidenceResistanceVotes(TableModel):
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


@table(
    "core.evidence__known_mechanisms",
    grain="one row per drug class for its ranking, and one per resistance contrast of the class",
    key=("drug_class", "ranking"),
    limitation="most known mechanisms are mutations and fusions, which expression need not show",
)
class EvidenceKnownMechanisms(TableModel):
    """How early the ranking of a drug class, and each contrast, finds genes that are known to resist its drugs."""

    drug_class: pl.String = col("class of the drug", of=_DRUG_CLASS)
    ranking: pl.String = col("score (of the class), or a contrast", of=("source", "raw.catalog__contrasts.contrast_id"))
    n_genes: pl.Int64 = col("genes ranked", unit="genes", of=_EFFECTS, ge=0)
    n_known: pl.Int64 = col("of them, known", unit="genes", of=_KNOWN, ge=0)
    n_known_not_ranked: pl.Int64 = col("known genes that were not measured", unit="genes", of=_KNOWN, ge=0)
    median_rank: pl.Float64 = col("of the known genes; 1 is the first", null=True, of=(*_EFFECTS, *_KNOWN), ge=1.0)
    median_rank_percent: pl.Float64 = col("of the genes ranked", unit="%", null=True, of=(*_EFFECTS, *_KNOWN), ge=0.0)
    auc: pl.Float64 = col(
        "chance that a known gene is ranked before another; 0.5 is no order", null=True, of=(*_EFFECTS, *_KNOWN),
        **P_CHECK,
    )  # fmt: skip
    ci_lower: pl.Float64 = col("95 % limit (DeLong)", null=True, of=(*_EFFECTS, *_KNOWN), **P_CHECK)
    ci_upper: pl.Float64 = col("95 % limit (DeLong)", null=True, of=(*_EFFECTS, *_KNOWN), **P_CHECK)
    known_genes: pl.String = col("known genes that were ranked, the first first, joined by |", null=True, of=_KNOWN)
    note: pl.String = col("why a number is missing", null=True, of=(*_EFFECTS, *_KNOWN))


_STUDY = ("raw.catalog__contrasts.study_id", *_EFFECTS)
_STATE = ("source", "raw.catalog__contrasts.contrast_id")
_STATES = ["acquired", "tolerant", "treated"]
_DIRECTIONS = ["up", "down", "none"]


def _studies(description: str) -> pl.Int64:
    return col(description, unit="studies", of=_STUDY, ge=0)


def _number(description: str, unit: str | None = None, **checks: float) -> pl.Float64:
    return col(description, unit=unit, null=True, of=_EFFECTS, **checks)


@table(
    "core.evidence__study_effects",
    grain="one row per drug class, state, independent study and gene that a study of the class and state measured",
    key=("drug_class", "state", "independent_study", "hgnc_symbol"),
    limitation="cells of one line and laboratory are one study, however many accessions they fill",
)
class EvidenceStudyEffects(TableModel):
    """Effect of each independent study: the mean of its contrasts, with the variance that shared controls give."""

    drug_class: pl.String = col("class of the drug", of=_DRUG_CLASS)
    state: pl.String = col("acquired resistance, tolerance, or treated parental cells", of=_STATE, isin=_STATES)
    independent_study: pl.String = col("cell line (laboratory), or the study where one is not told", of=_STUDY)
    hgnc_symbol: pl.String = col(SYMBOL, of="core.deg__contrast_genes.hgnc_symbol")
    study_id: pl.String = col("studies that it holds, joined by |", of="raw.catalog__contrasts.study_id")
    contrast_ids: pl.String = col("its contrasts, joined by |", of="raw.catalog__contrasts.contrast_id")
    cell_line: pl.String = col("cell line", null=True, of=_STATE)
    laboratory: pl.String = col("laboratory", null=True, of=_STATE)
    is_measured: pl.Boolean = col("whether the study measured the gene", of=_EFFECTS)
    is_inferential: pl.Boolean = col("whether it has replicates, and so a p-value", of=_EFFECTS)
    n_contrasts: pl.Int64 = col("contrasts that the effect is the mean of", unit="contrasts", of=_EFFECTS, ge=0)
    log2_fold_change: pl.Float64 = _number("mean over the contrasts, resistant over parental", "log2")
    log2_fold_change_standard_error: pl.Float64 = _number("of log2_fold_change", "log2", ge=0)
    standard_error_source: pl.String = col(
        "reported; from_p_value; median_of_contrast where the p-value tells none",
        null=True,
        of=_EFFECTS,
        isin=["reported", "from_p_value", "median_of_contrast"],
    )
    standardised_effect: pl.Float64 = _number("Hedges' g of the (moderated) t, corrected for few samples", "sd")
    standardised_effect_standard_error: pl.Float64 = _number("of standardised_effect", "sd", ge=0)
    p_value: pl.Float64 = _number("two-sided; null without replicates", **P_CHECK)
    q_value_bh: pl.Float64 = _number("Benjamini-Hochberg over the genes of the study", **P_CHECK)
    direction: pl.String = col(
        "sign of log2_fold_change; null where it was not measured", null=True, of=_EFFECTS, isin=_DIRECTIONS
    )
    is_over_fold_change_rule: pl.Boolean = col(
        "without replicates: whether every contrast of it passes its fold-change rule", of=_EFFECTS
    )


@table(
    "core.evidence__consensus_by_gene",
    grain="one row per drug class (and all of them), state and gene that a study measured",
    key=("drug_class", "state", "hgnc_symbol"),
    limitation="agreement of cell lines says that a change recurs, not that it causes resistance",
)
class EvidenceConsensusByGene(TableModel):
    """Random-effects consensus over independent studies with replicates, and what those without say beside it."""

    drug_class: pl.String = col("class of the drug; all: every class together", of=_DRUG_CLASS)
    state: pl.String = col("acquired resistance, tolerance, or treated parental cells", of=_STATE, isin=_STATES)
    hgnc_symbol: pl.String = col(SYMBOL, of="core.deg__contrast_genes.hgnc_symbol")
    direction: pl.String = col(
        "of the pooled effect; of the only study with replicates; else of most studies without", of=_EFFECTS,
        isin=_DIRECTIONS,
    )  # fmt: skip
    n_studies: pl.Int64 = _studies("independent studies of the class and state")
    k_studies: pl.Int64 = _studies("with replicates that measured the gene: those that are pooled")
    n_studies_for: pl.Int64 = _studies("of them, with the sign of the direction")
    n_studies_against: pl.Int64 = _studies("of them, with the opposite sign")
    n_studies_not_measured: pl.Int64 = _studies("that did not measure the gene")
    n_studies_significant_up: pl.Int64 = _studies("with replicates, up with a q of their own below the catalog's limit")
    n_studies_significant_down: pl.Int64 = _studies("likewise, down")
    n_studies_opposed: pl.Int64 = _studies(
        "that speak against the direction: opposite sign with p below the catalog's limit, or over a fold-change rule"
    )
    smallest_study_q_value: pl.Float64 = _number("smallest q of a study on its own", **P_CHECK)
    n_effect_only: pl.Int64 = _studies("without replicates that measured the gene")
    n_effect_only_for: pl.Int64 = _studies("of them, with the sign of the direction")
    n_effect_only_against: pl.Int64 = _studies("of them, with the opposite sign")
    n_effect_only_over_rule_for: pl.Int64 = _studies("of them, over the fold-change rule in the direction")
    n_effect_only_over_rule_against: pl.Int64 = _studies("of them, over the rule against the direction")
    pooled_log2_fold_change: pl.Float64 = _number("random-effects mean over the studies", "log2")
    standard_error: pl.Float64 = _number("of pooled_log2_fold_change", "log2", ge=0)
    ci_lower: pl.Float64 = _number("95 % limit", "log2")
    ci_upper: pl.Float64 = _number("95 % limit", "log2")
    degrees_of_freedom: pl.Float64 = _number("of its t: studies - 1 and what genes lend one another", ge=0)
    p_value: pl.Float64 = _number("two-sided, of the pooled effect", **P_CHECK)
    q_value_bh: pl.Float64 = _number("Benjamini-Hochberg over the genes of class and state", **P_CHECK)
    i2: pl.Float64 = _number("share of the variance that is between studies", "%", ge=0, le=100)
    tau2: pl.Float64 = _number("variance between studies, restricted maximum likelihood", "log2 squared", ge=0)
    log2_fold_change_reml: pl.Float64 = _number("pooled with this gene's own tau2", "log2")
    ci_lower_hartung_knapp: pl.Float64 = _number("95 % limit, Hartung-Knapp, this gene alone", "log2")
    ci_upper_hartung_knapp: pl.Float64 = _number("95 % limit, Hartung-Knapp, this gene alone", "log2")
    p_value_hartung_knapp: pl.Float64 = _number("Hartung-Knapp, k - 1 degrees of freedom", **P_CHECK)
    q_value_bh_hartung_knapp: pl.Float64 = _number("Benjamini-Hochberg of p_value_hartung_knapp", **P_CHECK)
    direction_consistency: pl.Float64 = _number("n_studies_for of k_studies", "fraction", **P_CHECK)
    leave_one_out_worst_q: pl.Float64 = _number("largest q with a study left out; null below three", **P_CHECK)
    leave_one_out_same_sign: pl.Boolean = col("whether the sign stays whichever study goes", null=True, of=_EFFECTS)
    rank_aggregation_score: pl.Float64 = _number("weighted mean of signed ranks over studies", ge=-1.0, le=1.0)
    rank_aggregation_p_permutation: pl.Float64 = _number("genes shuffled within studies", **P_CHECK)
    rank_aggregation_q_value_bh: pl.Float64 = _number("Benjamini-Hochberg within class and state", **P_CHECK)
    score: pl.Float64 = _number("random-effects mean of Hedges' g over the studies", "sd")
    score_ci_lower: pl.Float64 = _number("95 % limit", "sd")
    score_ci_upper: pl.Float64 = _number("95 % limit", "sd")
    score_p_value: pl.Float64 = _number("two-sided, of score", **P_CHECK)
    score_q_value_bh: pl.Float64 = _number("Benjamini-Hochberg over the genes of class and state", **P_CHECK)
    refusal_reason: pl.String = col("why there is no pooled effect", null=True, of=_EFFECTS)


_SETS = ("raw.perturbations__members.gene_symbol", *_EFFECTS)


def _score(description: str, **checks: Any) -> pl.Float64:
    return col(description, null=True, of=_SETS, **checks)


@table(
    "core.evidence__reversal",
    grain="one row per resistance contrast and perturbation of a library or of the warehouse's own treated contrasts",
    key=("contrast_id", "set_source", "perturbation_id"),
    limitation="a signature that runs the other way is a lead: it does not show that the drug re-sensitises cells",
)
class EvidenceReversal(TableModel):
    """Which drugs run against a signature of resistance: weighted connectivity, with the null of random sets."""

    contrast_id: pl.String = col("contrast of resistant or tolerant cells", of="raw.catalog__contrasts.contrast_id")
    state: pl.String = col("acquired or tolerant", of="raw.catalog__contrasts.state", isin=["acquired", "tolerant"])
    set_source: pl.String = col(
        "library of the catalog; warehouse: contrasts of treated cells",
        of=("source", "raw.perturbations__members.set_source"),
    )
    perturbation_id: pl.String = col(
        "term of the library, or contrast of treated cells",
        of=("raw.perturbations__members.perturbation_id", "raw.catalog__contrasts.contrast_id"),
    )
    drug_name: pl.String = col(
        "drug, in small letters", of=("raw.perturbations__members.drug_name", "raw.catalog__contrasts.drug")
    )
    cell_line: pl.String = col(
        "cells that were treated",
        null=True,
        of=("raw.perturbations__members.cell_line", "raw.catalog__contrasts.cell_line"),
    )
    n_up: pl.Int64 = col("genes of its up set (or unsigned set) that were measured", unit="genes", of=_SETS, ge=0)
    n_down: pl.Int64 = col("genes of its down set that were measured", unit="genes", of=_SETS, ge=0)
    enrichment_score_up: pl.Float64 = _score("of the up (or unsigned) set along the contrast", ge=-1.0, le=1.0)
    enrichment_score_down: pl.Float64 = _score("of the down set along the contrast", ge=-1.0, le=1.0)
    weighted_connectivity_score: pl.Float64 = _score(
        "half the difference of the two where their signs differ, else 0; negative runs against it", ge=-1.0, le=1.0
    )
    normalised_score: pl.Float64 = _score("over the mean null score of the same sign and sizes")
    null_p_value: pl.Float64 = _score("two-sided, random sets of the same sizes; null where note says why", **P_CHECK)
    q_value_bh: pl.Float64 = _score("Benjamini-Hochberg within contrast and source of the sets", **P_CHECK)
    direction: pl.String = col(
        "reverses or mimics, where q is below the catalog's limit; null else and for unsigned sets",
        null=True,
        of=_SETS,
        isin=["reverses", "mimics"],
    )
    note: pl.String = col("why there is no p-value", null=True, of=("source", *_EFFECTS))
