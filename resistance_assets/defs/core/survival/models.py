"""Survival models of genes of interest: one step per cohort and endpoint, and the unions of its tables."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.analysis_settings import SurvivalSettings
from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES, Table
from resistance_assets.defs.core.survival.cohort_slices import (
    expression_address,
    follow_up_address,
    patients_address,
    scan_expression,
)
from resistance_assets.defs.core.survival.followed_patients import Followed, followed_patients, select_patients
from resistance_assets.defs.core.survival.screen import split_minimum
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.survival.accelerated_failure_time import TIME_RATIO_SCHEMA, fit_time_ratios
from resistance_assets.science.survival.models import ModelDesign, compare_halves, discriminate, fit_gene_models

# Name of a result -> its table.
MODEL_TABLES = {
    "terms": "core.survival__multivariable_terms",
    "models": "core.survival__multivariable_models",
    "hazards": "core.survival__proportional_hazards",
    "means": "core.survival__restricted_means",
    "landmarks": "core.survival__landmarks",
    "auc": "core.survival__time_dependent_auc",
    "time_ratios": "core.survival__time_ratios",
}


def model_address(table_name: str, cohort: Cohort, endpoint: str) -> str:
    """Partition of one cohort and endpoint in a table of models."""
    return partition_of(table_name, cohort.id, endpoint.lower())


def model_cohort(
    expression: pl.DataFrame,
    follow_up: pl.DataFrame,
    patients: pl.DataFrame,
    cohort_id: str,
    endpoint: str,
    settings: SurvivalSettings,
) -> dict[str, pl.DataFrame]:
    """Every model of the genes in `expression` for one cohort and endpoint, by the names of `MODEL_TABLES`."""
    empty = {name: TABLES[address].empty() for name, address in MODEL_TABLES.items()}
    if expression.is_empty():
        return empty
    cohort = followed_patients(expression, follow_up, f"{endpoint} of {cohort_id}")
    data = cohort.matrix, cohort.genes, cohort.time_months, cohort.event_observed
    known = select_patients(patients, cohort.patients)
    designs = [
        ModelDesign(model.id, model.covariates, model.strata, model.expression == "rank_normal")
        for model in settings.model
    ]
    fitted = fit_gene_models(*data, known, designs)
    landmarks, means = compare_halves(
        *data,
        landmark_months=settings.landmark_months,
        until_months=settings.restricted_mean_months,
        minimum=split_minimum(settings),
    )
    discrimination = discriminate(
        *data,
        known,
        [design for design in designs if design.model_id in settings.discrimination_models],
        fitted.models,
        at_months=settings.landmark_months,
        bootstrap=settings.bootstrap_samples,
        folds=settings.cross_validation_folds,
        repeats=settings.cross_validation_repeats,
        seed=settings.seed,
    )
    made = {
        "time_ratios": time_ratios_of(cohort, fitted.models),
        "terms": fitted.terms,
        "models": fitted.models,
        "hazards": fitted.proportional_hazards,
        "means": means,
        "landmarks": landmarks,
        "auc": discrimination,
    }
    return {name: shape_results(TABLES[MODEL_TABLES[name]], frame, cohort_id, endpoint) for name, frame in made.items()}


def time_ratios_of(cohort: Followed, models: pl.DataFrame) -> pl.DataFrame:
    """Accelerated failure time models of genes whose hazards are not proportional in the model of the gene alone."""
    alone = models.filter(pl.col("covariates").is_null(), pl.col("strata").is_null())
    failing = dict(
        alone.filter(pl.col("hazards_not_proportional").is_not_null(), pl.col("model_id") == alone["model_id"].first())
        .select("hgnc_symbol", "p_proportional_hazards")
        .iter_rows()
    )
    frames = [
        fit_time_ratios(values, cohort.time_months, cohort.event_observed).with_columns(
            hgnc_symbol=pl.lit(gene), p_proportional_hazards=pl.lit(failing[gene], pl.Float64)
        )
        for gene, values in zip(cohort.genes, cohort.matrix, strict=True)
        if gene in failing
    ]
    if frames:
        return pl.concat(frames)
    return pl.DataFrame(schema={**TIME_RATIO_SCHEMA, "hgnc_symbol": pl.String, "p_proportional_hazards": pl.Float64})


def shape_results(table: Table, frame: pl.DataFrame, cohort_id: str, endpoint: str) -> pl.DataFrame:
    """A result in the columns of its table, with cohort and endpoint; a limit beyond the largest double is no limit."""
    numbers = [name for name, dtype in frame.schema.items() if dtype.is_float()]
    return table.shape(
        frame.with_columns(
            *[pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in numbers],
            cohort_id=pl.lit(cohort_id),
            endpoint=pl.lit(endpoint),
        )
    )


def models_step(cohort: Cohort, endpoint: str, genes: tuple[str, ...], settings: SurvivalSettings) -> Step:
    """Models of the genes of interest."""
    addresses = {name: model_address(table, cohort, endpoint) for name, table in MODEL_TABLES.items()}
    expression, follow_up = expression_address(cohort.id), follow_up_address(cohort.id, endpoint)
    patients = patients_address(cohort.id)
    cohort_id = cohort.id

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        measured = scan_expression(inputs, expression).filter(pl.col("hgnc_symbol").is_in(genes)).collect()
        found = model_cohort(measured, inputs.read(follow_up), inputs.read(patients), cohort_id, endpoint, settings)
        return {addresses[name]: frame for name, frame in found.items()}

    return table_step(
        outputs={addresses[name]: TABLES[address] for name, address in MODEL_TABLES.items()},
        compute=compute,
        inputs=(expression, follow_up, patients),
        parameters={"cohort": cohort_id, "endpoint": endpoint, "genes": genes, "settings": settings.model_dump()},
        tags={"cohort": cohort_id, "endpoint": endpoint},
    )


def steps(registry: Registry) -> list[Step]:
    """A step per cohort and endpoint, and a union per table of models."""
    pairs = [(cohort, endpoint.id) for cohort in registry.analysed_cohorts() for endpoint in cohort.endpoint]
    return [
        *(models_step(*pair, registry.genes.of_interest, registry.survival) for pair in pairs),
        *(union_of(table, [model_address(table, *pair) for pair in pairs]) for table in MODEL_TABLES.values()),
    ]
