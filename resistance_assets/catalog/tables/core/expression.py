"""Models of core.expression__*: tumour against normal expression."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import CONTRAST, COUNTS, FEATURE_SYMBOL, P_CHECK, SYMBOL

_TISSUE = (
    COUNTS,
    "raw.studies__samples.value",
    "raw.cbioportal__mrna_values.value",
    "raw.xena__expression_values.value",
    "raw.gdc__gene_counts.read_count",
)


@table(
    "core.expression__tumour_normal",
    grain="one row per comparison and gene",
    key=("comparison_id", "hgnc_symbol"),
    limitation="pairs of one patient are not compared with one another: for paired tests see core.deg__contrast_genes",
)
class ExpressionTumourNormal(TableModel):
    """Tumour against normal tissue, gene by gene, by rank sum; several samples of a patient in a group are averaged."""

    comparison_id: pl.String = col("contrast of the study, or dataset_tumour_vs_normal", of=("source", CONTRAST))
    dataset_id: pl.String = col("study, cohort or project", of="source")
    hgnc_symbol: pl.String = col(SYMBOL, of=FEATURE_SYMBOL)
    expression_scale: pl.String = col("log2 CPM (TMM), or the scale of the cohort's profile", of="source")
    n_tumour: pl.Int64 = col("patients with tumour tissue", unit="patients", of=_TISSUE, ge=0)
    n_normal: pl.Int64 = col("patients with normal tissue", unit="patients", of=_TISSUE, ge=0)
    mean_tumour: pl.Float64 = col("mean expression", unit="as expression_scale", null=True, of=_TISSUE)
    mean_normal: pl.Float64 = col("mean expression", unit="as expression_scale", null=True, of=_TISSUE)
    difference: pl.Float64 = col("mean_tumour - mean_normal", unit="as expression_scale", null=True, of=_TISSUE)
    probability_of_superiority: pl.Float64 = col(
        "chance that a tumour is higher than a normal tissue (area under the ROC curve)",
        null=True,
        of=_TISSUE,
        **P_CHECK,
    )
    statistic_w: pl.Float64 = col("Wilcoxon's W of the tumours", null=True, of=_TISSUE)
    p_value: pl.Float64 = col("rank-sum test, two-sided", null=True, of=_TISSUE, **P_CHECK)
    p_value_method: pl.String = col("exact or normal_approximation", null=True, of=_TISSUE)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within the comparison", null=True, of=_TISSUE, **P_CHECK)
