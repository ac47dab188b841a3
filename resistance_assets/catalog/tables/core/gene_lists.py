"""Models of core.gene_lists__*: derived and published gene lists."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import CONTRAST, SYMBOL


@table(
    "core.gene_lists__lists",
    grain="one row per gene list",
    key=("list_id",),
    limitation="a list of role contrast_effect_only carries no statistical evidence: its rule is a fold change alone",
)
class GeneLists(TableModel):
    """Every gene list, published or derived from a contrast, with the rule that made it."""

    list_id: pl.String = col("list", of=("staging.gene_lists__members.list_id", CONTRAST))
    title: pl.String = col("the list in words", of="source")
    role: pl.String = col(
        "contrast, contrast_effect_only (fold change alone), cancer_genes, interaction_partners or own",
        of="source",
        isin=["contrast", "contrast_effect_only", "cancer_genes", "interaction_partners", "own"],
    )
    contrast_id: pl.String = col("contrast it was derived from", null=True, of=CONTRAST)
    method: pl.String = col("method it was derived by", null=True, of="core.deg__contrast_genes.method")
    direction: pl.String = col(
        "up or down; null for a published list", null=True, of="core.deg__contrast_genes.log2_fold_change"
    )
    rule: pl.String = col("the rule in words", of="raw.catalog__contrasts.q_value_threshold")
    n_genes: pl.Int64 = col(
        "members",
        unit="genes",
        of=("core.deg__contrast_genes.hgnc_symbol", "staging.gene_lists__members.hgnc_symbol"),
        ge=0,
    )
    universe_size: pl.Int64 = col(
        "genes that could have entered", unit="genes", null=True, of="core.deg__contrast_genes.p_value", ge=0
    )


@table(
    "core.gene_lists__members",
    grain="one row per list and gene",
    key=("list_id", "hgnc_symbol"),
    limitation="membership is a threshold's doing: a gene just outside is hardly different",
)
class GeneListMembers(TableModel):
    """Members of every gene list."""

    list_id: pl.String = col("list", of=("staging.gene_lists__members.list_id", CONTRAST))
    hgnc_symbol: pl.String = col(
        SYMBOL, of=("core.deg__contrast_genes.hgnc_symbol", "staging.gene_lists__members.hgnc_symbol")
    )
    direction: pl.String = col(
        "up, down, or none for a published list",
        of="core.deg__contrast_genes.log2_fold_change",
        isin=["up", "down", "none"],
    )
