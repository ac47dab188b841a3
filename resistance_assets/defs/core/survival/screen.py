"""Survival of every gene: one asset per cohort and endpoint for the genome-wide screens and the optimal cuts, and for
the curves of genes of interest; then all of them together, and the pooling over cohorts.

Models of genes of interest are in `survival_models`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.catalog.registry import Cohort, Registry, SurvivalSettings
from resistance_assets.catalog.tables import TABLES, Table
from resistance_assets.defs.core.survival.cohort_slices import (
    expression_address,
    follow_up_address,
    patients_address,
)
from resistance_assets.errors import SourceUnavailable
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.expression.matrices import expression_matrix
from resistance_assets.science.survival.curves import kaplan_meier
from resistance_assets.science.survival.endpoints import summarise_endpoint
from resistance_assets.science.survival.follow_up import usable_follow_up
from resistance_assets.science.survival.logrank import SplitMinimum
from resistance_assets.science.survival.models import adjust_for
from resistance_assets.science.survival.optimal_cut import screen_optimal_cut
from resistance_assets.science.survival.power import events_for_power
from resistance_assets.science.survival.screen import (
    SPLIT_MINIMUM,
    rank_normal_scores,
    screen_cox,
    screen_median_split,
    screen_quartile_split,
    screen_survival,
)

SCREEN = TABLES["core.survival__cohort_endpoint_genes"]
CURVES = TABLES["core.survival__kaplan_meier"]
ENDPOINTS = TABLES["core.survival__cohort_endpoints"]
CUTS = TABLES["core.survival__optimal_cuts"]
GENES = "staging.cohorts__genes"


class Followed(NamedTuple):
    """Patients of one cohort that were measured and can be used for one endpoint."""

    matrix: NDArray[np.float64]
    genes: list[str]
    patients: list[str]
    time_months: NDArray[np.float64]
    event_observed: NDArray[np.float64]


def followed_patients(expression: pl.DataFrame, follow_up: pl.DataFrame, subject: str) -> Followed:
    """Expression (genes by patients) and follow-up of the patients that have both.

    Raises:
        SourceUnavailable: no patient has both, or none of them had the event: there is nothing to analyse.
    """
    matrix, genes, patients = expression_matrix(expression)
    placed = pl.DataFrame({"patient_id": patients}).join(follow_up, on="patient_id", how="left", maintain_order="left")
    usable, _ = usable_follow_up(placed["time_months"], placed["event_observed"])
    if not placed.filter(pl.Series(usable))["event_observed"].sum():
        raise SourceUnavailable(
            f"none of {int(usable.sum())} patients with expression and follow-up had the event",
            subject=subject,
            remedy="Leave the endpoint out of the cohort, or wait for events.",
        )
    return Followed(
        matrix[:, usable],
        genes,
        [patient for patient, kept in zip(patients, usable, strict=True) if kept],
        placed["time_months"].to_numpy()[usable],
        placed["event_observed"].cast(pl.Float64).to_numpy()[usable],
    )


def of_patients(patients: pl.DataFrame, order: list[str]) -> pl.DataFrame:
    """Rows of `parts.cohorts__patients` in the order of the patients given."""
    return pl.DataFrame({"patient_id": order}, schema={"patient_id": pl.String}).join(
        patients, on="patient_id", how="left", maintain_order="left"
    )


def screen_cohort(
    expression: pl.DataFrame,
    follow_up: pl.DataFrame,
    patients: pl.DataFrame,
    cohort_id: str,
    endpoint: str,
    covariates: tuple[str, ...] = (),
    minimum: SplitMinimum = SPLIT_MINIMUM,
) -> pl.DataFrame:
    """Every gene of a cohort against one endpoint, by every model of the screen's table."""
    cohort = followed_patients(expression, follow_up, f"{endpoint} of {cohort_id}")
    data = cohort.time_months, cohort.event_observed, cohort.genes
    frames = [screen_survival(cohort.matrix, *data, minimum), screen_quartile_split(cohort.matrix, *data, minimum)]
    known = of_patients(patients, cohort.patients)
    adjustment = adjust_for(known, covariates, cohort.time_months, cohort.event_observed)
    used = adjustment.variables
    if used:
        beside = {"covariates": adjustment.columns, "covariate_names": adjustment.terms}
        scales = {
            "continuous_adjusted": cohort.matrix,
            "rank_normal_adjusted": rank_normal_scores(cohort.matrix),
        }
        frames += [
            screen_cox(matrix, *data, **beside).with_columns(
                model=pl.lit(model),
                covariates=pl.lit("|".join(used), pl.String),
                fit_note=pl.coalesce("fit_note", pl.lit(adjustment.note, pl.String)),
            )
            for model, matrix in scales.items()
        ]
    screened = pl.concat(frames, how="diagonal")
    screened = screened.with_columns(pl.coalesce("cut_point_low", "cut_point").alias("cut_point_low"))
    numbers = [name for name, dtype in screened.schema.items() if dtype.is_float()]
    return screened.with_columns(
        # A limit beyond the largest double is no limit.
        *[pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in numbers],
        cohort_id=pl.lit(cohort_id),
        endpoint=pl.lit(endpoint),
        covariates=pl.col("covariates") if used else pl.lit(None, pl.String),
        # The union of the cohorts knows the scale of each profile.
        expression_scale=pl.lit(None, pl.String),
        is_primary=pl.lit(None, pl.Boolean),
    )


def split_minimum(settings: SurvivalSettings) -> SplitMinimum:
    """What the catalog asks of both groups of a split."""
    return SplitMinimum(
        share=settings.min_group_share,
        patients=settings.min_group_patients,
        expected_events=settings.min_group_expected_events,
        permutations=settings.permutations,
        seed=settings.seed,
    )


def screen_part(cohort: Cohort, endpoint: str, settings: SurvivalSettings) -> Step:
    address = partition_of(SCREEN.address, cohort.id, endpoint.lower())
    expression, follow_up = expression_address(cohort.id), follow_up_address(cohort.id, endpoint)
    patients = patients_address(cohort.id)
    cohort_id, covariates, minimum = cohort.id, settings.screen_covariates, split_minimum(settings)

    def compute(inputs: Inputs) -> pl.DataFrame:
        return screen_cohort(
            inputs.read(expression),
            inputs.read(follow_up),
            inputs.read(patients),
            cohort_id,
            endpoint,
            covariates,
            minimum,
        ).with_columns(source_symbol=pl.col("hgnc_symbol"))

    return table_step(
        outputs={address: SCREEN},
        compute=compute,
        inputs=(expression, follow_up, patients),
        parameters={"cohort": cohort_id, "endpoint": endpoint, "covariates": covariates, "minimum": asdict(minimum)},
        kinds=["python", "numba"],
        tags={"cohort": cohort_id, "endpoint": endpoint},
    )


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
    cohort = followed_patients(expression, follow_up, f"{endpoint} of {cohort_id}")
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
        cohort_id=pl.lit(cohort_id),
        endpoint=pl.lit(endpoint),
        hazard_ratio_at_cut=split["hazard_ratio"],
        events_for_80pct_power=pl.Series(events_for_power(effect, shares)),
    )


def cuts_part(cohort: Cohort, endpoint: str, settings: SurvivalSettings) -> Step:
    address = partition_of(CUTS.address, cohort.id, endpoint.lower())
    expression, follow_up = expression_address(cohort.id), follow_up_address(cohort.id, endpoint)
    cohort_id = cohort.id
    rules = settings.model_dump(include={"min_proportion", "max_proportion", "permutations", "seed"})

    def compute(inputs: Inputs) -> pl.DataFrame:
        return cut_cohort(inputs.read(expression), inputs.read(follow_up), cohort_id, endpoint, **rules)

    return table_step(
        outputs={address: CUTS},
        compute=compute,
        inputs=(expression, follow_up),
        parameters={"cohort": cohort_id, "endpoint": endpoint, **rules},
        kinds=["python", "numba"],
        tags={"cohort": cohort_id, "endpoint": endpoint},
    )


def curves_of(
    expression: pl.DataFrame, follow_up: pl.DataFrame, cohort_id: str, endpoint: str, genes: tuple[str, ...]
) -> pl.DataFrame:
    """Kaplan-Meier curves of the named genes, split at the median of the patients with follow-up."""
    frames = [CURVES.empty()]
    measured = expression.filter(pl.col("hgnc_symbol").is_in(genes))
    if measured.is_empty():
        return frames[0]
    cohort = followed_patients(measured, follow_up, f"{endpoint} of {cohort_id}")
    power = dict(
        screen_median_split(cohort.matrix, cohort.time_months, cohort.event_observed, cohort.genes)
        .select("hgnc_symbol", "events_for_80pct_power")
        .iter_rows()
    )
    for gene, values in zip(cohort.genes, cohort.matrix, strict=True):
        known = ~np.isnan(values)
        if not known.any():
            continue
        group = np.where(values[known] > np.median(values[known]), "high", "low")
        curve = kaplan_meier(cohort.time_months[known], cohort.event_observed[known], group)
        frames.append(
            CURVES.shape(
                curve.rename(
                    {"group": "expression_group", "ci_lower_log": "ci_lower", "ci_upper_log": "ci_upper"}
                ).with_columns(
                    cohort_id=pl.lit(cohort_id),
                    endpoint=pl.lit(endpoint),
                    hgnc_symbol=pl.lit(gene),
                    events_for_80pct_power=pl.lit(power[gene], pl.Float64),
                )
            )
        )
    return pl.concat(frames)


def curves_part(cohort: Cohort, endpoint: str, genes: tuple[str, ...]) -> Step:
    address = partition_of(CURVES.address, cohort.id, endpoint.lower())
    expression, follow_up = expression_address(cohort.id), follow_up_address(cohort.id, endpoint)
    cohort_id = cohort.id

    def compute(inputs: Inputs) -> pl.DataFrame:
        return curves_of(inputs.read(expression), inputs.read(follow_up), cohort_id, endpoint, genes)

    return table_step(
        outputs={address: CURVES},
        compute=compute,
        inputs=(expression, follow_up),
        parameters={"cohort": cohort_id, "endpoint": endpoint, "genes": genes},
        tags={"cohort": cohort_id, "endpoint": endpoint},
    )


def endpoint_row(
    patients: pl.DataFrame, profiled: list[str], follow_up: pl.DataFrame, cohort_id: str, endpoint: str
) -> pl.DataFrame:
    """How many patients and events an endpoint has, with and without expression, and how long they were followed."""
    subject = f"{endpoint} of {cohort_id}"
    everyone = summarise_endpoint(follow_up["time_months"], follow_up["event_observed"], endpoint=subject)
    with_expression = follow_up.filter(pl.col("patient_id").is_in(profiled))
    analysed = summarise_endpoint(
        with_expression["time_months"],
        with_expression["event_observed"],
        endpoint=f"{subject}, patients with expression",
    )
    return ENDPOINTS.shape(
        analysed.select(
            pl.lit(cohort_id).alias("cohort_id"),
            pl.lit(endpoint).alias("endpoint"),
            pl.lit(patients.height).alias("n_patients"),
            pl.lit(everyone["n"][0]).alias("n_with_follow_up"),
            pl.lit(everyone["events"][0]).alias("n_events_with_follow_up"),
            pl.col("n").alias("n_analysed"),
            pl.col("events").alias("n_events_analysed"),
            "median_follow_up_months",
            "median_survival_months",
            pl.lit(everyone["left_out_reasons"][0], pl.String).alias("excluded"),
        )
    )


def endpoint_part(cohort: Cohort, endpoint: str) -> Step:
    address = partition_of(ENDPOINTS.address, cohort.id, endpoint.lower())
    expression, follow_up = expression_address(cohort.id), follow_up_address(cohort.id, endpoint)
    patients = patients_address(cohort.id)
    cohort_id = cohort.id

    def compute(inputs: Inputs) -> pl.DataFrame:
        profiled = inputs.scan(expression).select(pl.col("patient_id").unique()).collect()["patient_id"].to_list()
        return endpoint_row(inputs.read(patients), profiled, inputs.read(follow_up), cohort_id, endpoint)

    return table_step(
        outputs={address: ENDPOINTS},
        compute=compute,
        inputs=(expression, follow_up, patients),
        parameters={"cohort": cohort_id, "endpoint": endpoint},
        tags={"cohort": cohort_id, "endpoint": endpoint},
    )


def with_source_symbols(screens: pl.DataFrame, genes: pl.DataFrame) -> pl.DataFrame:
    """Screens with the vendor's symbol of each gene, the scale of its expression, and which scale to read first.

    A profile on a log scale is read as it is. On any other (a linear one, z-scores of either) a few patients may carry
    most of a gene's variance, and the normal scores of the ranks lead.
    """
    named = genes.select("cohort_id", "hgnc_symbol", "source_symbol", pl.col("expression_scale").alias("_scale"))
    is_split = pl.col("model").is_in(["median_split", "quartile_split"])
    is_ranked = pl.col("model").str.starts_with("rank_normal")
    return (
        screens.drop("source_symbol")
        .join(named, on=["cohort_id", "hgnc_symbol"], how="left", maintain_order="left")
        .with_columns(
            pl.col("source_symbol").fill_null(pl.col("hgnc_symbol")),
            expression_scale=pl.when(is_ranked)
            .then(pl.concat_str(pl.lit("normal score of the rank of "), pl.col("_scale")))
            .otherwise(pl.col("_scale")),
            is_primary=pl.when(~is_split).then(is_ranked != pl.col("_scale").str.starts_with("log")),
        )
        .drop("_scale")
    )


def survival_assets(registry: Registry) -> list[Step]:
    assets: list[Step] = []
    pairs = [(cohort, endpoint.id) for cohort in registry.analysed_cohorts() for endpoint in cohort.endpoint]
    for cohort, endpoint in pairs:
        assets.append(screen_part(cohort, endpoint, registry.survival))
        assets.append(cuts_part(cohort, endpoint, registry.survival))
        assets.append(curves_part(cohort, endpoint, registry.genes.of_interest))
        assets.append(endpoint_part(cohort, endpoint))

    def partitions(table: Table) -> list[str]:
        return [partition_of(table.address, cohort.id, endpoint.lower()) for cohort, endpoint in pairs]

    def finish(screens: pl.DataFrame, read: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        return with_source_symbols(screens, read[GENES])

    assets.append(union_of(SCREEN.address, partitions(SCREEN), finish, (GENES,)))
    assets.append(union_of(CUTS.address, partitions(CUTS)))
    assets.append(union_of(CURVES.address, partitions(CURVES)))
    assets.append(union_of(ENDPOINTS.address, partitions(ENDPOINTS)))
    return assets


def steps(registry: Registry) -> list[Step]:
    return survival_assets(registry)
