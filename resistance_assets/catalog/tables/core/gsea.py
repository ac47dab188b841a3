"""Models of core.gsea__*: gene set enrichment analysis."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import P_CHECK, SETS

_RANKED = ("core.deg__contrast_genes.statistic", "core.deg__contrast_genes.p_value", *SETS[:1])


@table(
    "core.gsea__terms",
    grain="one row per contrast, method, collection and term tested",
    key=("contrast_id", "method", "collection", "term_id"),
    limitation="co-regulated genes move together, random sets do not: the p-values order terms, they settle none",
)
class GseaTerms(TableModel):
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


@table(
    "core.gsea__running_sums",
    grain="one row per contrast, method, term and corner of its running sum, for the strongest terms",
    key=("contrast_id", "method", "collection", "term_id", "position"),
    limitation="terms without a row are not less enriched than the test said: only the strongest are drawn",
)
class GseaRunningSums(TableModel):
    """What a plot of a gene set along a ranking draws: straight lines between these corners."""

    contrast_id: pl.String = col("contrast", of="core.gsea__terms.contrast_id")
    method: pl.String = col("method", of="core.gsea__terms.method")
    collection: pl.String = col("collection", of="core.gsea__terms.collection")
    term_id: pl.String = col("vendor's id, else the term", of="core.gsea__terms.term_id")
    position: pl.Int64 = col("genes passed, from the top of the ranking", unit="genes", of=_RANKED, ge=0)
    running_score: pl.Float64 = col("running sum there", of=_RANKED, ge=-1.0001, le=1.0001)
    hgnc_symbol: pl.String = col("gene of the set just passed", null=True, of="staging.gene_sets__members.hgnc_symbol")
    ranking_metric: pl.Float64 = col("of that gene", null=True, of=_RANKED)
