"""Running sums of the strongest terms of every ranking: what a GSEA plot draws."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.gsea.terms import rank_genes
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.enrichment.gsea import running_sum

TABLE = TABLES["core.gsea__running_sums"]
TERMS = "core.gsea__terms"
SETS = "staging.gene_sets__members"
GENES = "core.deg__contrast_genes"
# Terms drawn of each contrast and method: so many rising and so many falling ones.
MOST_TERMS = 4


def strongest_terms(terms: pl.DataFrame) -> pl.DataFrame:
    """The terms with the smallest p of each contrast, method and sign; larger |NES| first among equals."""
    sign = pl.col("enrichment_score").sign()
    return (
        terms.with_columns(sign=sign, size=pl.col("normalised_enrichment_score").abs())
        .sort(["contrast_id", "method", "sign", "p_value", "size", "term_id"], descending=[False] * 4 + [True, False])
        .group_by("contrast_id", "method", "sign", maintain_order=True)
        .head(MOST_TERMS)
    )


def running_sums(genes: pl.DataFrame, terms: pl.DataFrame, sets: pl.DataFrame) -> pl.DataFrame:
    """Corners of the running sums of the strongest terms, in the columns of their table."""
    frames = [TABLE.empty()]
    for (contrast_id, method), chosen in strongest_terms(terms).group_by(
        ["contrast_id", "method"], maintain_order=True
    ):
        ranks = rank_genes(genes.filter(contrast_id=contrast_id, method=method), str(method))
        for term in chosen.iter_rows(named=True):
            members = sets.filter(collection=term["collection"], term_id=term["term_id"])["hgnc_symbol"]
            curve = running_sum(ranks, members)
            frames.append(
                TABLE.shape(
                    curve.with_columns(
                        pl.lit(term[name]).alias(name) for name in ("contrast_id", "method", "collection", "term_id")
                    )
                )
            )
    return pl.concat(frames)


def running_sums_step() -> Step:
    def compute(inputs: Inputs) -> pl.DataFrame:
        return running_sums(inputs.read(GENES), inputs.read(TERMS), inputs.read(SETS))

    return table_step(
        outputs={TABLE.address: TABLE},
        compute=compute,
        inputs=(GENES, TERMS, SETS),
        allow_unavailable_inputs=True,
    )


def steps(registry: Registry) -> list[Step]:
    return [running_sums_step()]
