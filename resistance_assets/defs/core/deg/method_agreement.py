"""`core.deg__method_agreement`: every pair of methods of every contrast."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.deg.declared import thresholds_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.deg.method_agreement import AGREEMENT_SCHEMA, compare_methods


def method_agreement(registry: Registry) -> Step:
    """Every pair of methods of every contrast."""
    table = TABLES["core.deg__method_agreement"]
    thresholds = thresholds_of(registry)

    def compute(inputs: Inputs) -> pl.DataFrame:
        genes = inputs.read("core.deg__contrast_genes")
        frames = [pl.DataFrame(schema={"contrast_id": pl.String, **AGREEMENT_SCHEMA})]
        for (contrast_id,), results in genes.group_by(["contrast_id"], maintain_order=True):
            rule = thresholds[str(contrast_id)]
            found = compare_methods(results, rule.q_value, rule.abs_log2_fold_change)
            frames.append(found.select(pl.lit(contrast_id).alias("contrast_id"), pl.all()))
        limits = pl.DataFrame(
            [(name, rule.q_value, rule.abs_log2_fold_change) for name, rule in thresholds.items()],
            schema={"contrast_id": pl.String, "q_value_threshold": pl.Float64,
                    "abs_log2_fold_change_threshold": pl.Float64},
            orient="row",
        )  # fmt: skip
        return pl.concat(frames).join(limits, on="contrast_id", how="left", maintain_order="left")

    return table_step(
        outputs={table.address: table},
        compute=compute,
        inputs=("core.deg__contrast_genes",),
        allow_unavailable_inputs=True,
        parameters={name: rule.model_dump() for name, rule in thresholds.items()},
    )


def steps(registry: Registry) -> list[Step]:
    return [method_agreement(registry)]
