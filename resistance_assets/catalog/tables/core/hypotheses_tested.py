"""Models of core.hypotheses_tested: families of tests and their corrections."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "core.hypotheses_tested",
    grain="one row per analysis and family of tests",
    key=("analysis", "family"),
    limitation="families are corrected one by one: nothing corrects across them",
)
class HypothesesTested(TableModel):
    """Which tests were corrected together, how many they are, and how."""

    analysis: pl.String = col("table that holds the tests", of="source")
    family: pl.String = col("what was corrected together", of="source")
    n_tests: pl.Int64 = col(
        "tests with a p-value",
        of=(
            "core.deg__contrast_genes.p_value",
            "core.enrichment__terms.p_value",
            "core.survival__cohort_endpoint_genes.p_value",
            "core.correlation__gene_pairs.p_value",
            "core.gsea__terms.p_value",
            "core.deg__interactions.p_value",
        ),
        ge=0,
    )
    n_below_0_05: pl.Int64 = col(
        "tests with p < 0.05",
        of=(
            "core.deg__contrast_genes.p_value",
            "core.enrichment__terms.p_value",
            "core.survival__cohort_endpoint_genes.p_value",
            "core.correlation__gene_pairs.p_value",
            "core.gsea__terms.p_value",
            "core.deg__interactions.p_value",
        ),
        ge=0,
    )
    n_q_below_0_05: pl.Int64 = col(
        "tests with q < 0.05",
        of=(
            "core.deg__contrast_genes.q_value_bh",
            "core.enrichment__terms.q_value_bh",
            "core.survival__cohort_endpoint_genes.q_value_bh",
            "core.correlation__gene_pairs.q_value_bh",
            "core.gsea__terms.q_value_bh",
            "core.deg__interactions.q_value_bh",
        ),
        ge=0,
    )
    correction: pl.String = col("how the family was corrected", of="source")
