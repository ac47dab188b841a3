"""Models of core.evidence__*: evidence of resistance across contrasts."""

from __future__ import annotations

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
