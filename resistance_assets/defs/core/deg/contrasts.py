"""`core.deg__contrasts`: one row per contrast and method, with its tests and the sizes of its lists."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step


def summarise_contrasts(genes: pl.DataFrame, contrasts: pl.DataFrame) -> pl.DataFrame:
    """One row per contrast and method: design, tests and list sizes."""
    in_list = (pl.col("q_value_bh") < pl.col("q_value_threshold")) & (
        pl.col("log2_fold_change").abs() > pl.col("abs_log2_fold_change_threshold")
    )
    joined = genes.join(contrasts, on="contrast_id", how="left")
    first = ["study_id", "numerator", "denominator", "drug", "drug_class", "state", "cell_line", "laboratory",
             "n_numerator", "n_denominator", "evidence_kind", "q_value_threshold",
             "abs_log2_fold_change_threshold"]  # fmt: skip
    return (
        joined.group_by("contrast_id", "method")
        .agg(
            *[pl.col(name).first() for name in first],
            pl.len().cast(pl.Int64).alias("genes"),
            pl.col("p_value").is_not_null().sum().cast(pl.Int64).alias("genes_with_p_value"),
            (in_list & (pl.col("log2_fold_change") > 0)).sum().cast(pl.Int64).alias("genes_up"),
            (in_list & (pl.col("log2_fold_change") < 0)).sum().cast(pl.Int64).alias("genes_down"),
        )
        .sort("contrast_id", "method")
    )


def contrast_summary() -> Step:
    table = TABLES["core.deg__contrasts"]

    def compute(inputs: Inputs) -> pl.DataFrame:
        return summarise_contrasts(inputs.read("core.deg__contrast_genes"), inputs.read("raw.catalog__contrasts"))

    return table_step(
        outputs={table.address: table},
        compute=compute,
        inputs=("core.deg__contrast_genes", "raw.catalog__contrasts"),
        allow_unavailable_inputs=True,
    )


def steps(registry: Registry) -> list[Step]:
    return [contrast_summary()]
