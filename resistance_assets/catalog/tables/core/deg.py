"""Models of core.deg__*: differential expression."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.parts.deg import PartInteraction
from resistance_assets.catalog.tables.shared_columns import (
    CONTRAST,
    COUNTS,
    DEG_INPUT,
    FEATURE_SYMBOL,
    P_CHECK,
    PUBLISHED,
    SAMPLE,
    SYMBOL,
)

_EFFECT = "core.deg__contrast_genes.log2_fold_change"
_P = "core.deg__contrast_genes.p_value"
_Q = "core.deg__contrast_genes.q_value_bh"


@table(
    "core.deg__contrast_genes",
    grain="one row per contrast, method and gene",
    key=("contrast_id", "method", "hgnc_symbol"),
    limitation="a gene without a p-value was not found unchanged: p_value_note says why it has none",
)
class DegContrastGenes(TableModel):
    """Differential expression, every contrast by every method that its design allows."""

    contrast_id: pl.String = col("contrast, numerator_vs_denominator", of=CONTRAST)
    hgnc_symbol: pl.String = col(SYMBOL, of=FEATURE_SYMBOL)
    entrez_gene_id: pl.Int64 = col("NCBI Gene id", null=True, of="staging.genes__measured.entrez_gene_id")
    source_symbol: pl.String = col("feature as the study names it", of="staging.genes__measured.source_symbol")
    method: pl.String = col(
        "pydeseq2, limma_voom, limma, edger_exact, fold_change or published", of="raw.catalog__contrasts.methods"
    )
    cell_type: pl.String = col(
        "cell type whose cells were added up per sample; null for bulk samples", null=True, of=CONTRAST
    )
    base_mean: pl.Float64 = col("mean of normalised counts", unit="reads", null=True, of=DEG_INPUT)
    average_expression_log2: pl.Float64 = col("average log2 expression", unit="log2", null=True, of=DEG_INPUT)
    log2_fold_change: pl.Float64 = col("numerator over denominator, not shrunken", unit="log2", null=True, of=DEG_INPUT)
    log2_fold_change_shrunken: pl.Float64 = col(
        "the same, shrunken: posterior mode under apeglm's Cauchy prior (pydeseq2); a bound where one mean is zero "
        "(fold_change)",
        unit="log2",
        null=True,
        of=DEG_INPUT,
    )
    standard_error: pl.Float64 = col("of log2_fold_change", unit="log2", null=True, of=DEG_INPUT, ge=0)
    statistic: pl.Float64 = col("Wald z, moderated t, as the method has it", null=True, of=DEG_INPUT)
    p_value: pl.Float64 = col(
        "two-sided; null where the design or the data cannot support one", null=True, of=DEG_INPUT, **P_CHECK
    )
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within contrast and method", null=True, of=DEG_INPUT, **P_CHECK)
    p_value_note: pl.String = col("why p or q is absent or qualified", null=True, of=DEG_INPUT)
    b_statistic: pl.Float64 = col(
        "log-odds of differential expression (limma)", unit="ln odds", null=True, of=DEG_INPUT
    )
    n_numerator: pl.Int64 = col(
        "samples in the numerator; null where a published table does not state it",
        unit="samples",
        null=True,
        of="raw.studies__samples.value",
        ge=0,
    )
    n_denominator: pl.Int64 = col(
        "samples in the denominator; null where a published table does not state it",
        unit="samples",
        null=True,
        of="raw.studies__samples.value",
        ge=0,
    )
    evidence_kind: pl.String = col(
        "inferential only where the design supports a p-value",
        of="raw.studies__samples.value",
        isin=["inferential", "effect_only"],
    )
    probes: pl.Int64 = col(
        "probes of the gene in a published table or on an array; null for counts",
        unit="probes",
        null=True,
        of=f"{PUBLISHED}.feature_id",
        ge=1,
    )
    p_value_probe_adjusted: pl.Float64 = col(
        "smallest p over the probes, corrected for their number (published tables)",
        null=True,
        of=f"{PUBLISHED}.p_value",
        **P_CHECK,
    )


@table(
    "core.deg__contrasts",
    grain="one row per contrast and method",
    key=("contrast_id", "method"),
    limitation="the number of significant genes is not a measure of quality: it grows with the number of samples",
)
class DegContrasts(TableModel):
    """What each contrast could be asked, and how many genes answered."""

    contrast_id: pl.String = col("contrast", of=CONTRAST)
    method: pl.String = col("method", of="core.deg__contrast_genes.method")
    study_id: pl.String = col("study", of="raw.catalog__contrasts.study_id")
    numerator: pl.String = col("group in the numerator", of="raw.catalog__contrasts.numerator")
    denominator: pl.String = col("group in the denominator", of="raw.catalog__contrasts.denominator")
    drug: pl.String = col("drug", null=True, of="raw.catalog__contrasts.drug")
    drug_class: pl.String = col("class of the drug", null=True, of="raw.catalog__contrasts.drug_class")
    state: pl.String = col(
        "acquired, tolerant or treated; null where the study does not say", null=True, of="raw.catalog__contrasts.state"
    )
    cell_line: pl.String = col("cell line of both groups", null=True, of="raw.catalog__contrasts.cell_line")
    laboratory: pl.String = col("whose cultures", null=True, of="raw.catalog__contrasts.laboratory")
    n_numerator: pl.Int64 = col(
        "samples in the numerator", unit="samples", null=True, of="core.deg__contrast_genes.n_numerator"
    )
    n_denominator: pl.Int64 = col(
        "samples in the denominator", unit="samples", null=True, of="core.deg__contrast_genes.n_denominator"
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
    "core.deg__designs",
    grain="one row per contrast",
    key=("contrast_id",),
    limitation="a design that can be fitted is not a design without confounding: what the sheet lacks is not seen",
)
class DegDesigns(TableModel):
    """What each contrast's design can support, looked at before anything is computed."""

    contrast_id: pl.String = col("contrast", of=CONTRAST)
    study_id: pl.String = col("study", of="raw.catalog__contrasts.study_id")
    factor: pl.String = col("column that holds the two arms; null for a published table", null=True, of="source")
    numerator: pl.String = col("level in the numerator", of="raw.catalog__contrasts.numerator")
    denominator: pl.String = col("level in the denominator", of="raw.catalog__contrasts.denominator")
    covariates: pl.String = col("further columns of the model, joined by |", null=True, of="source")
    covariate_kinds: pl.String = col(
        "what each covariate entered the model as, and why: continuous or categorical, joined by ;",
        null=True,
        of=SAMPLE,
    )
    pairing: pl.String = col("column whose levels are the blocks of a paired design", null=True, of="source")
    subset: pl.String = col("samples that are kept, in words", null=True, of="source")
    n_samples: pl.Int64 = col("samples of the fit", unit="samples", null=True, of=SAMPLE, ge=0)
    n_numerator: pl.Int64 = col("samples in the numerator", unit="samples", null=True, of=SAMPLE, ge=0)
    n_denominator: pl.Int64 = col("samples in the denominator", unit="samples", null=True, of=SAMPLE, ge=0)
    model: pl.String = col("formula of the model, terms in their order", null=True, of="source")
    coefficient: pl.String = col("the coefficient that is tested", null=True, of=SAMPLE)
    coefficients: pl.String = col("columns of the model matrix in their order, joined by |", null=True, of=SAMPLE)
    n_coefficients: pl.Int64 = col("columns of the model matrix", null=True, of=SAMPLE, ge=1)
    rank: pl.Int64 = col("rank of the model matrix", null=True, of=SAMPLE, ge=1)
    residual_degrees_of_freedom: pl.Int64 = col("samples less rank", null=True, of=SAMPLE, ge=0)
    confounded_covariates: pl.String = col(
        "covariates that cannot be told apart from the rest, joined by |", null=True, of=SAMPLE
    )
    evidence_kind: pl.String = col(
        "inferential, effect_only (no p-value), or refused (not computed)",
        of=SAMPLE,
        isin=["inferential", "effect_only", "refused"],
    )
    reason: pl.String = col("why it is not inferential, or what was not checked", null=True, of=SAMPLE)
    expression_filter: pl.String = col(
        "rule by which limma-voom leaves genes out: filter_by_expr (edgeR's filterByExpr on the arms) or none; null "
        "where limma-voom was not run",
        null=True,
        of="source",
    )
    n_genes_filtered: pl.Int64 = col(
        "genes that this rule left out", unit="genes", null=True, of="core.deg__contrast_genes.p_value_note", ge=0
    )
    fitted_to: pl.String = col(
        "what the methods are fitted to: read counts, log2 intensities of an array, or as published",
        of=("source", "raw.studies__measurements.measurement"),
    )


@table(
    "core.deg__method_agreement",
    grain="one row per contrast and pair of its methods",
    key=("contrast_id", "method_a", "method_b"),
    limitation="agreement of two methods on the same samples is no replication",
)
class DegMethodAgreement(TableModel):
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
    limitation="a call is a threshold's doing: nothing here says how much of it is noise",
)
class DegFoldChangeCalls(TableModel):
    """A paper's rule applied: means, floor and calls, without a test."""

    contrast_id: pl.String = col("contrast", of=CONTRAST)
    hgnc_symbol: pl.String = col(SYMBOL, of=FEATURE_SYMBOL)
    feature_id: pl.String = col("feature as the study names it", of="raw.studies__gene_sample_counts.feature_id")
    unit: pl.String = col("unit of the means: cpm, rpkm, tpm or as_given", of="source")
    expression_numerator: pl.Float64 = col("mean", unit="see unit", of=COUNTS, ge=0)
    expression_denominator: pl.Float64 = col("mean", unit="see unit", of=COUNTS, ge=0)
    log2_fold_change: pl.Float64 = col("of the means; null where one is zero", unit="log2", null=True, of=COUNTS)
    passes_floor: pl.Boolean = col("whether the expression floor is reached", of=COUNTS)
    is_called: pl.Boolean = col("whether the rule calls it changed", of=COUNTS)
    direction: pl.String = col("up or down; null where the means are equal", null=True, of=COUNTS)


@table(
    "core.deg__bcv_sensitivity",
    grain="one row per contrast without replicates and assumed coefficient of variation",
    key=("contrast_id", "bcv"),
    limitation="this is a sensitivity analysis: no design without replicates tells its own variation",
)
class DegBcvSensitivity(TableModel):
    """How many genes the exact test would call if the biological coefficient of variation were so."""

    contrast_id: pl.String = col("contrast", of=CONTRAST)
    bcv: pl.Float64 = col("assumed biological coefficient of variation", of="source", ge=0)
    fdr: pl.Float64 = col("false discovery rate", of="source", **P_CHECK)
    genes_tested: pl.Int64 = col("genes", unit="genes", of=COUNTS, ge=0)
    genes_at_fdr: pl.Int64 = col("genes called", unit="genes", of=COUNTS, ge=0)
    up: pl.Int64 = col("of these, up", unit="genes", of=COUNTS, ge=0)
    down: pl.Int64 = col("of these, down", unit="genes", of=COUNTS, ge=0)
    p_value_largest_called: pl.Float64 = col(
        "largest assumed p among the called; null if none", null=True, of=COUNTS, **P_CHECK
    )


@table(
    "core.deg__noise_null",
    grain="one row per contrast with one sample per arm and assumed coefficient of variation",
    key=("contrast_id", "bcv"),
    limitation="it counts what noise alone gives; it does not say which of the observed genes are noise",
)
class DegNoiseNull(TableModel):
    """How many genes pass a fold-change rule between two samples that do not differ."""

    contrast_id: pl.String = col("contrast", of=CONTRAST)
    bcv: pl.Float64 = col("assumed biological coefficient of variation", of="source", ge=0)
    genes: pl.Int64 = col("genes simulated", unit="genes", of=COUNTS, ge=0)
    fold_change: pl.Float64 = col("ratio that must be passed, either way", of="source", ge=1)
    floor_count: pl.Float64 = col("floor of the denominator's count", unit="reads", of=COUNTS, ge=0)
    expected_genes: pl.Float64 = col("genes that pass by noise alone, on average", unit="genes", of=COUNTS, ge=0)
    sd_genes: pl.Float64 = col("standard deviation over simulations", unit="genes", null=True, of=COUNTS, ge=0)
    observed_genes: pl.Int64 = col("genes that pass between the two samples", unit="genes", of=COUNTS, ge=0)
    simulations: pl.Int64 = col("pairs of samples drawn", of="source", ge=1)
    seed: pl.Int64 = col("of the random numbers", of="source")


@table(
    "core.deg__interactions",
    grain="one row per interaction and gene",
    key=("interaction_id", "hgnc_symbol"),
    limitation="paper_rule_keeps is the paper's filter, not the interaction: it looks at the resistant cells alone",
)
class DegInteractions(PartInteraction):
    """(R+A - R) - (P+A - P): does a drug still do to the resistant cells what it does to the parental ones?"""

    study_id: pl.String = col("study", of="source")
    hgnc_symbol: pl.String = col(SYMBOL, of=FEATURE_SYMBOL)
    entrez_gene_id: pl.Int64 = col("NCBI Gene id", null=True, of="staging.genes__measured.entrez_gene_id")


@table(
    "core.deg__interaction_bcv",
    grain="one row per interaction and assumed coefficient of variation",
    key=("interaction_id", "bcv"),
    limitation="this is a sensitivity analysis: no design without replicates tells its own variation",
)
class DegInteractionBcv(TableModel):
    """How many interactions would be called if the biological coefficient of variation were so."""

    interaction_id: pl.String = col("interaction", of="source")
    bcv: pl.Float64 = col("assumed biological coefficient of variation", of="source", ge=0)
    fdr: pl.Float64 = col("false discovery rate", of="source", **P_CHECK)
    genes_tested: pl.Int64 = col("genes", unit="genes", of=COUNTS, ge=0)
    genes_at_fdr: pl.Int64 = col("genes called", unit="genes", of=COUNTS, ge=0)
    up: pl.Int64 = col("of these, interaction above 0", unit="genes", of=COUNTS, ge=0)
    down: pl.Int64 = col("of these, below 0", unit="genes", of=COUNTS, ge=0)


@table(
    "core.deg__fold_change_noise",
    grain="one row per count study and biological coefficient of variation",
    key=("study_id", "bcv"),
    limitation="no estimate of this study's own variation: what would pass if it were as assumed",
)
class DegFoldChangeNoise(TableModel):
    """How many genes differ more than twofold between two samples that do not differ, at this study's expression."""

    study_id: pl.String = col("study", of="raw.studies__gene_sample_counts.study_id")
    bcv: pl.Float64 = col("assumed biological coefficient of variation", of="source", ge=0)
    fold_change: pl.Float64 = col("ratio that must be exceeded either way", of="source", gt=0)
    genes: pl.Int64 = col("genes with at least one count per million on average", unit="genes", of=COUNTS, ge=0)
    expected_genes: pl.Float64 = col("genes that pass by noise alone", unit="genes", of=COUNTS, ge=0)
    sd_genes: pl.Float64 = col("over simulations", unit="genes", null=True, of=COUNTS, ge=0)
    simulations: pl.Int64 = col("pairs drawn", of="source", ge=1)
