"""Models of parts.deg__*: one contrast's partition of differential expression and interactions."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import CONTRAST, COUNTS, DEG_INPUT, P_CHECK, PUBLISHED, SAMPLE

_FOUR = (COUNTS, SAMPLE)


@table(
    "parts.deg__features",
    grain="one row per feature of one contrast and method",
    key=("contrast_id", "method", "feature_id"),
    limitation="a feature is named as the study names it",
)
class PartDeg(TableModel):
    """One contrast by one method, before symbols are resolved."""

    contrast_id: pl.String = col("contrast", of=CONTRAST)
    feature_id: pl.String = col("feature as the study names it", of="raw.studies__gene_sample_counts.feature_id")
    method: pl.String = col("method", of="raw.catalog__contrasts.methods")
    base_mean: pl.Float64 = col("mean of normalised counts", unit="reads", null=True, of=DEG_INPUT)
    average_expression_log2: pl.Float64 = col("average log2 expression", unit="log2", null=True, of=DEG_INPUT)
    log2_fold_change: pl.Float64 = col("numerator over denominator", unit="log2", null=True, of=DEG_INPUT)
    log2_fold_change_shrunken: pl.Float64 = col("the same, shrunken", unit="log2", null=True, of=DEG_INPUT)
    standard_error: pl.Float64 = col("of log2_fold_change", unit="log2", null=True, of=DEG_INPUT, ge=0)
    statistic: pl.Float64 = col("as the method has it", null=True, of=DEG_INPUT)
    p_value: pl.Float64 = col("two-sided", null=True, of=DEG_INPUT, **P_CHECK)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg", null=True, of=DEG_INPUT, **P_CHECK)
    p_value_note: pl.String = col("why p or q is absent or qualified", null=True, of=DEG_INPUT)
    b_statistic: pl.Float64 = col("log-odds (limma)", unit="ln odds", null=True, of=DEG_INPUT)
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
        "inferential or effect_only", of="raw.studies__samples.value", isin=["inferential", "effect_only"]
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
    "parts.deg__interaction_features",
    grain="one row per feature of one interaction",
    key=("interaction_id", "feature_id"),
    limitation="a feature is named as the study names it",
)
class PartInteraction(TableModel):
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
        isin=["lost_response", "gained_response", "constitutive_shift", "not_testable", "unchanged"],
    )
    evidence_kind: pl.String = col(
        "inferential only with two samples in each arm", of=SAMPLE, isin=["inferential", "effect_only"]
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
