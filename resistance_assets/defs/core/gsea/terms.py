"""Pre-ranked gene-set enrichment: one partition per contrast and method, by the method's own statistic."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.models.analysis_settings import Gsea
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.partitions import partition_of, slice_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.enrichment.gsea import pre_ranked_gsea

TABLE = TABLES["core.gsea__terms"]
SETS = "staging.gene_sets__members"
GENES = "core.deg__contrast_genes"
# Statistics that rank genes; what has none but a p-value ranks by its logarithm with the sign of the effect.
METRICS = {"pydeseq2": "wald_z", "limma_voom": "moderated_t", "limma": "moderated_t"}
SIGNED_LOG_P = "signed_minus_log10_p"
LEAST_P_VALUE = 1e-300


def rank_genes(results: pl.DataFrame, method: str) -> pl.DataFrame:
    """Genes of one contrast and method with what ranks them; a gene without it, or a design without p, has no row.

    Args:
        results: rows of `core.deg__contrast_genes` of one contrast and method.
        method: its name.

    Returns:
        `contrast_id`, `hgnc_symbol`, `ranking_metric`.
    """
    # A table published with q alone still orders its genes.
    p_value = pl.coalesce("p_value", "q_value_bh") if method == "published" else pl.col("p_value")
    signed_log = pl.col("log2_fold_change").sign() * -p_value.clip(LEAST_P_VALUE).log10()
    metric = pl.col("statistic") if method in METRICS else signed_log
    return (
        results.filter(p_value.is_not_null(), pl.col("log2_fold_change").is_not_null())
        .select("contrast_id", "hgnc_symbol", metric.alias("ranking_metric"))
        .drop_nulls()
    )


def gsea_of(results: pl.DataFrame, sets: pl.DataFrame, method: str, settings: Gsea) -> pl.DataFrame:
    """`core.gsea__terms` of one contrast by one method."""
    ranks = rank_genes(results, method)
    if ranks.is_empty() or sets.is_empty():
        return TABLE.empty()
    found = pre_ranked_gsea(
        ranks,
        sets,
        min_set_size=settings.min_set_size,
        max_set_size=settings.max_set_size,
        permutations=settings.permutations,
        seed=settings.seed,
        p_value_floor=settings.p_value_floor,
    )
    return TABLE.shape(
        found.with_columns(
            method=pl.lit(method),
            ranking_metric=pl.lit(METRICS.get(method, SIGNED_LOG_P)),
            n_ranked=pl.lit(ranks.height),
        )
    )


def slice_address(contrast_id: str, method: str) -> str:
    """Partition of `core.deg__contrast_genes`: the rows of one contrast and method."""
    return partition_of(GENES, contrast_id, method)


def genes_slice_step(contrast_id: str, method: str) -> Step:
    """One contrast's and method's rows of the union, so that another contrast's change does not touch them."""
    where = {"contrast_id": contrast_id, "method": method}
    tags = {"contrast": contrast_id, "method": method}
    return slice_of(slice_address(contrast_id, method), GENES, where, tags)


def gsea_step(contrast_id: str, method: str, settings: Gsea) -> Step:
    address, genes = partition_of(TABLE.address, contrast_id, method), slice_address(contrast_id, method)

    def compute(inputs: Inputs) -> pl.DataFrame:
        return gsea_of(inputs.read(genes), inputs.read(SETS), method, settings)

    return table_step(
        outputs={address: TABLE},
        compute=compute,
        inputs=(genes, SETS),
        allow_unavailable_inputs=True,
        parameters={"contrast": contrast_id, "method": method, "gsea": settings.model_dump()},
        kinds=["python", "numba"],
        tags={"contrast": contrast_id, "method": method},
    )


def steps(registry: Registry) -> list[Step]:
    """Partitions of every contrast; a fold-change rule has nothing that would rank genes by evidence."""
    wanted = [
        (contrast.id, method)
        for contrast in registry.contrasts()
        for method in contrast.methods
        if method != "fold_change"
    ]
    made = []
    for contrast_id, method in wanted:
        made += [genes_slice_step(contrast_id, method), gsea_step(contrast_id, method, registry.gsea)]
    return [
        *made,
        union_of(TABLE.address, [partition_of(TABLE.address, contrast_id, method) for contrast_id, method in wanted]),
    ]
