"""`core.survival__cohort_endpoint_genes`: survival of every gene, one partition per cohort and endpoint.

Models of genes of interest are in `models`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import get_args

import polars as pl

from resistance_assets.catalog.models.analysis_settings import SurvivalSettings
from resistance_assets.catalog.models.cohort import Cohort, ScreenModel
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.survival.cohort_slices import (
    expression_address,
    follow_up_address,
    patients_address,
    read_expression,
)
from resistance_assets.defs.core.survival.followed_patients import Followed, followed_patients, select_patients
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.survival.logrank import SplitMinimum
from resistance_assets.science.survival.models import adjust_for
from resistance_assets.science.survival.screen import (
    SPLIT_MINIMUM,
    rank_normal_scores,
    screen_cox,
    screen_quartile_split,
    screen_survival,
)

SCREEN = TABLES["core.survival__cohort_endpoint_genes"]
GENES = "staging.cohorts__genes"
SCREEN_MODELS: tuple[str, ...] = get_args(ScreenModel)


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
    screened = screen_followed(cohort, patients, covariates, minimum)
    numbers = [name for name, dtype in screened.schema.items() if dtype.is_float()]
    return screened.with_columns(
        # A limit beyond the largest double is no limit.
        *[pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in numbers],
        cohort_id=pl.lit(cohort_id),
        endpoint=pl.lit(endpoint),
        # The union of the cohorts knows the scale of each profile.
        expression_scale=pl.lit(None, pl.String),
        is_primary=pl.lit(None, pl.Boolean),
    )


def screen_followed(
    cohort: Followed,
    patients: pl.DataFrame,
    covariates: tuple[str, ...],
    minimum: SplitMinimum,
    models: Collection[str] = SCREEN_MODELS,
) -> pl.DataFrame:
    """Every gene of these patients by the models of the screen's table, with the covariates of the adjusted ones.

    Args:
        cohort: patients with expression and follow-up.
        patients: patient_id and covariates.
        covariates: of the adjusted models.
        minimum: of both groups of a split.
        models: which models; an adjusted one has no rows where no covariate can be used.
    """
    data = cohort.time_months, cohort.event_observed, cohort.genes
    frames = [screen_survival(cohort.matrix, *data, minimum)]
    if "quartile_split" in models:
        frames.append(screen_quartile_split(cohort.matrix, *data, minimum))
    wanted = [model for model in ("continuous_adjusted", "rank_normal_adjusted") if model in models]
    if wanted:
        known = select_patients(patients, cohort.patients)
        adjustment = adjust_for(known, covariates, cohort.time_months, cohort.event_observed)
        if adjustment.variables:
            beside = {"covariates": adjustment.columns, "covariate_names": adjustment.terms}
            for model in wanted:
                matrix = cohort.matrix if model == "continuous_adjusted" else rank_normal_scores(cohort.matrix)
                frames.append(
                    screen_cox(matrix, *data, **beside).with_columns(
                        model=pl.lit(model),
                        covariates=pl.lit("|".join(adjustment.variables), pl.String),
                        fit_note=pl.coalesce("fit_note", pl.lit(adjustment.note, pl.String)),
                    )
                )
    screened = pl.concat(frames, how="diagonal").filter(pl.col("model").is_in(list(models)))
    if "covariates" not in screened.columns:
        screened = screened.with_columns(covariates=pl.lit(None, pl.String))
    if "cut_point_low" not in screened.columns:
        screened = screened.with_columns(cut_point_low=pl.lit(None, pl.Float64))
    return screened.with_columns(pl.coalesce("cut_point_low", "cut_point").alias("cut_point_low"))


def split_minimum(settings: SurvivalSettings) -> SplitMinimum:
    """What the catalog asks of both groups of a split."""
    return SplitMinimum(
        share=settings.min_group_share,
        patients=settings.min_group_patients,
        expected_events=settings.min_group_expected_events,
        permutations=settings.permutations,
        seed=settings.seed,
    )


def screen_step(cohort: Cohort, endpoint: str, settings: SurvivalSettings) -> Step:
    address = partition_of(SCREEN.address, cohort.id, endpoint.lower())
    expression, follow_up = expression_address(cohort.id), follow_up_address(cohort.id, endpoint)
    patients = patients_address(cohort.id)
    cohort_id, covariates, minimum = cohort.id, settings.screen_covariates, split_minimum(settings)

    def compute(inputs: Inputs) -> pl.DataFrame:
        return screen_cohort(
            read_expression(inputs, expression),
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


def add_source_symbols(screens: pl.DataFrame, genes: pl.DataFrame) -> pl.DataFrame:
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


def steps(registry: Registry) -> list[Step]:
    """A step per cohort and endpoint, and the union, which knows the scale of each profile."""
    pairs = [(cohort, endpoint.id) for cohort in registry.analysed_cohorts() for endpoint in cohort.endpoint]

    def finish(screens: pl.DataFrame, read: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        return add_source_symbols(screens, read[GENES])

    partitions = [partition_of(SCREEN.address, cohort.id, endpoint.lower()) for cohort, endpoint in pairs]
    return [
        *(screen_step(cohort, endpoint, registry.survival) for cohort, endpoint in pairs),
        union_of(SCREEN.address, partitions, finish, (GENES,)),
    ]
