"""`core.deg__fold_change_noise`: genes beyond a fold change by noise alone, between samples without replicates."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.multiverse import COUNTS
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.deg.bcv import noise_fold_change_null
from resistance_assets.science.expression.normalisation import cpm

NOISE = TABLES["core.deg__fold_change_noise"]
BCVS = (0.1, 0.2, 0.3, 0.4)
NOISE_SIMULATIONS = 10
FLOOR_CPM = 1.0


def noise_of_studies(counts: pl.DataFrame, bcvs: Iterable[float] = BCVS) -> pl.DataFrame:
    """Genes beyond a twofold difference by noise alone, per study, at its mean counts of genes above the floor.

    Args:
        counts: study_id, feature_id, read_count (mean over the samples).
    """
    found = [NOISE.empty()]
    for (study_id,), study in counts.sort("study_id", "feature_id").group_by("study_id", maintain_order=True):
        mean = study["read_count"].to_numpy()
        if not mean.sum():
            continue
        expressed = mean[cpm(mean[:, None])[:, 0] >= FLOOR_CPM]
        null = noise_fold_change_null(expressed, tuple(bcvs), n_simulations=NOISE_SIMULATIONS)
        found.append(NOISE.shape(null.with_columns(study_id=pl.lit(str(study_id)))))
    return pl.concat(found)


def noise() -> Step:
    def compute(inputs: Inputs) -> pl.DataFrame:
        means = inputs.scan(COUNTS).group_by("study_id", "feature_id").agg(pl.col("read_count").mean()).collect()
        return noise_of_studies(means)

    return table_step(
        outputs={NOISE.address: NOISE},
        compute=compute,
        inputs=(COUNTS,),
        allow_unavailable_inputs=True,
    )


def steps(registry: Registry) -> list[Step]:
    return [noise()]
