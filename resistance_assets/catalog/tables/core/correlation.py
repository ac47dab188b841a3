"""Models of core.correlation__*: correlation of gene pairs."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import COHORT_SYMBOL, EXPRESSION, P_CHECK


@table(
    "core.correlation__gene_pairs",
    grain="one row per cohort, method, target gene and other gene",
    key=("cohort_id", "method", "hgnc_symbol_a", "hgnc_symbol_b"),
    limitation="in bulk tumours a correlation often is a shared cell type, not regulation",
)
class CorrelationGenePairs(TableModel):
    """Correlation of each target gene with every gene of the cohort."""

    cohort_id: pl.String = col("cohort", of="staging.cohorts__gene_expression.cohort_id")
    hgnc_symbol_a: pl.String = col("target gene", of=COHORT_SYMBOL)
    hgnc_symbol_b: pl.String = col("other gene", of=COHORT_SYMBOL)
    method: pl.String = col(
        "spearman, pearson, or spearman_partial (given what `given` names)",
        of="source",
        isin=["spearman", "pearson", "spearman_partial"],
    )
    given: pl.String = col(
        "what a partial correlation is freed from, joined by |",
        null=True,
        of=("staging.cohorts__patients.stage_group", "staging.cohorts__patients.tumour_purity"),
    )
    n: pl.Int64 = col("patients with both", unit="patients", of=EXPRESSION, ge=0)
    rho: pl.Float64 = col("correlation", null=True, of=EXPRESSION, ge=-1.0, le=1.0)
    p_value: pl.Float64 = col("t approximation, two-sided", null=True, of=EXPRESSION, **P_CHECK)
    q_value_bh: pl.Float64 = col(
        "Benjamini-Hochberg within cohort, method and target", null=True, of=EXPRESSION, **P_CHECK
    )
