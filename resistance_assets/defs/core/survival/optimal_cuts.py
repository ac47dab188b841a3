"""`core.survival__optimal_cuts`: the corrected optimal cut of every gene, one partition per cohort and endpoint."""

from __future__ import annotations

import numpy as np
import polars as pl

from resistance_assets.catalog.models.analysis_settings import SurvivalSettings
from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.survival.cohort_slices import expression_address, follow_up_address, read_expression
from resistance_assets.defs.core.survival.followed_patients import Followed, followed_patients
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.survival.optimal_cut import screen_optimal_cut
from resistance_assets.science.survival.power import events_for_power
from resistance_assets.science.survival.screen import screen_cox

CUTS = TABLES["core.survival__optimal_cuts"]


def cut_cohort(
    expression: pl.DataFrame,
    follow_up: pl.DataFrame,
    cohort_id: str,
    endpoint: str,
    *,
    min_proportion: float,
    max_proportion: float,
    permutations: int,
    seed: int,
) -> pl.DataFrame:
    """The corrected optimal cut of every gene of a cohort for one endpoint."""
    return cut_patients(
        followed_patients(expression, follow_up, f"{endpoint} of {cohort_id}"),
        min_proportion=min_proportion,
        max_proportion=max_proportion,
        permutations=permutations,
        seed=seed,
    ).with_columns(cohort_id=pl.lit(cohort_id), endpoint=pl.lit(endpoint))


def cut_patients(
    cohort: Followed, *, min_proportion: float, max_proportion: float, permutations: int, seed: int
) -> pl.DataFrame:
    """The corrected optimal cut of every gene among some patients."""
    cuts = screen_optimal_cut(
        cohort.matrix,
        cohort.time_months,
        cohort.event_observed,
        cohort.genes,
        min_proportion=min_proportion,
        max_proportion=max_proportion,
        permutations=permutations,
        seed=seed,
    )
    at = cuts["cut_point"].to_numpy()[:, None]
    high = np.where(np.isnan(cohort.matrix) | np.isnan(at), np.nan, (cohort.matrix > at).astype(np.float64))
    split = screen_cox(high, cohort.time_months, cohort.event_observed, cohort.genes)
    share = pl.col("n_high") / pl.col("n")
    effect = pl.Series(split["log_hazard_ratio"]).fill_null(np.nan).to_numpy()
    shares = cuts.select((share * (1 - share)).fill_null(np.nan)).to_series().to_numpy()
    return cuts.with_columns(
        hazard_ratio_at_cut=split["hazard_ratio"],
        events_for_80pct_power=pl.Series(events_for_power(effect, shares)),
    )


def cuts_step(cohort: Cohort, endpoint: str, settings: SurvivalSettings) -> Step:
    address = partition_of(CUTS.address, cohort.id, endpoint.lower())
    expression, follow_up = expression_address(cohort.id), follow_up_address(cohort.id, endpoint)
    cohort_id = cohort.id
    rules = settings.model_dump(include={"min_proportion", "max_proportion", "permutations", "seed"})

    def compute(inputs: Inputs) -> pl.DataFrame:
        return cut_cohort(read_expression(inputs, expression), inputs.read(follow_up), cohort_id, endpoint, **rules)

    return table_step(
        outputs={address: CUTS},
        compute=compute,
        inputs=(expression, follow_up),
        parameters={"cohort": cohort_id, "endpoint": endpoint, **rules},
        kinds=["python", "numba"],
        tags={"cohort": cohort_id, "endpoint": endpoint},
    )


def steps(registry: Registry) -> list[Step]:
    """A step per cohort and endpoint, and the union."""
    pairs = [(cohort, endpoint.id) for cohort in registry.analysed_cohorts() for endpoint in cohort.endpoint]
    partitions = [partition_of(CUTS.address, cohort.id, endpoint.lower()) for cohort, endpoint in pairs]
    return [
        *(cuts_step(cohort, endpoint, registry.survival) for cohort, endpoint in pairs),
        union_of(CUTS.address, partitions),
    ]
