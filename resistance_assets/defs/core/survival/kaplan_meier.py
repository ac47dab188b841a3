"""`core.survival__kaplan_meier`: curves of genes of interest, one partition per cohort and endpoint."""

from __future__ import annotations

import numpy as np
import polars as pl

from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.survival.cohort_slices import expression_address, follow_up_address, read_expression
from resistance_assets.defs.core.survival.followed_patients import Followed, followed_patients
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.survival.curves import kaplan_meier
from resistance_assets.science.survival.screen import screen_median_split

CURVES = TABLES["core.survival__kaplan_meier"]


def curves_of(
    expression: pl.DataFrame, follow_up: pl.DataFrame, cohort_id: str, endpoint: str, genes: tuple[str, ...]
) -> pl.DataFrame:
    """Kaplan-Meier curves of the named genes, split at the median of the patients with follow-up."""
    measured = expression.filter(pl.col("hgnc_symbol").is_in(genes))
    if measured.is_empty():
        return CURVES.empty()
    curves = median_curves(followed_patients(measured, follow_up, f"{endpoint} of {cohort_id}"))
    if curves.is_empty():
        return CURVES.empty()
    return CURVES.shape(curves.with_columns(cohort_id=pl.lit(cohort_id), endpoint=pl.lit(endpoint)))


def median_curves(cohort: Followed) -> pl.DataFrame:
    """Kaplan-Meier curves of every gene of some patients, split at their median; without cohort_id and endpoint."""
    power = dict(
        screen_median_split(cohort.matrix, cohort.time_months, cohort.event_observed, cohort.genes)
        .select("hgnc_symbol", "events_for_80pct_power")
        .iter_rows()
    )
    frames = []
    for gene, values in zip(cohort.genes, cohort.matrix, strict=True):
        known = ~np.isnan(values)
        if not known.any():
            continue
        group = np.where(values[known] > np.median(values[known]), "high", "low")
        curve = kaplan_meier(cohort.time_months[known], cohort.event_observed[known], group)
        frames.append(
            curve.rename(
                {"group": "expression_group", "ci_lower_log": "ci_lower", "ci_upper_log": "ci_upper"}
            ).with_columns(hgnc_symbol=pl.lit(gene), events_for_80pct_power=pl.lit(power[gene], pl.Float64))
        )
    return pl.concat(frames) if frames else pl.DataFrame()


def curves_step(cohort: Cohort, endpoint: str, genes: tuple[str, ...]) -> Step:
    address = partition_of(CURVES.address, cohort.id, endpoint.lower())
    expression, follow_up = expression_address(cohort.id), follow_up_address(cohort.id, endpoint)
    cohort_id = cohort.id

    def compute(inputs: Inputs) -> pl.DataFrame:
        return curves_of(read_expression(inputs, expression), inputs.read(follow_up), cohort_id, endpoint, genes)

    return table_step(
        outputs={address: CURVES},
        compute=compute,
        inputs=(expression, follow_up),
        parameters={"cohort": cohort_id, "endpoint": endpoint, "genes": genes},
        tags={"cohort": cohort_id, "endpoint": endpoint},
    )


def steps(registry: Registry) -> list[Step]:
    """A step per cohort and endpoint, and the union."""
    pairs = [(cohort, endpoint.id) for cohort in registry.analysed_cohorts() for endpoint in cohort.endpoint]
    partitions = [partition_of(CURVES.address, cohort.id, endpoint.lower()) for cohort, endpoint in pairs]
    return [
        *(curves_step(cohort, endpoint, registry.genes.of_interest) for cohort, endpoint in pairs),
        union_of(CURVES.address, partitions),
    ]
