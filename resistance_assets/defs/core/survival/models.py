"""Survival of genes of interest and of gene lists: one asset per cohort and endpoint, then all of them together.

The pooling of the genome-wide screens over cohorts is here too.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.registry import Cohort, Registry, SurvivalSettings
from resistance_assets.catalog.tables import TABLES, Table
from resistance_assets.defs.core.survival.cohort_slices import expression_address, follow_up_address, patients_address
from resistance_assets.defs.core.survival.screen import (
    SCREEN,
    Followed,
    followed_patients,
    of_patients,
    split_minimum,
)
from resistance_assets.orchestration.code_version import code_version_of
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.survival.accelerated_failure_time import TIME_RATIO_SCHEMA, fit_time_ratios
from resistance_assets.science.survival.meta_analysis import (
    find_shared_patients,
    merge_patient_sets,
    one_cohort_per_patient,
    pool_screens,
)
from resistance_assets.science.survival.models import ModelDesign, compare_halves, discriminate, fit_gene_models
from resistance_assets.science.survival.signatures import score_signatures

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
SIGNATURES = TABLES["core.survival__signatures"]
META = TABLES["core.survival__meta_analysis"]
SHARED = TABLES["core.survival__shared_patients"]
FOLLOW_UP = "staging.cohorts__patient_endpoints"
LISTS = "core.gene_lists__lists"
MEMBERS = "core.gene_lists__members"


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
    known = of_patients(patients, cohort.patients)
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
    return {name: in_table(TABLES[MODEL_TABLES[name]], frame, cohort_id, endpoint) for name, frame in made.items()}


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


def in_table(table: Table, frame: pl.DataFrame, cohort_id: str, endpoint: str) -> pl.DataFrame:
    """A result in the columns of its table, with cohort and endpoint; a limit beyond the largest double is no limit."""
    numbers = [name for name, dtype in frame.schema.items() if dtype.is_float()]
    return table.shape(
        frame.with_columns(
            *[pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in numbers],
            cohort_id=pl.lit(cohort_id),
            endpoint=pl.lit(endpoint),
        )
    )


def models_part(cohort: Cohort, endpoint: str, genes: tuple[str, ...], settings: SurvivalSettings) -> Step:
    """Models of the genes of interest."""
    addresses = {name: model_address(table, cohort, endpoint) for name, table in MODEL_TABLES.items()}
    expression, follow_up = expression_address(cohort.id), follow_up_address(cohort.id, endpoint)
    patients = patients_address(cohort.id)
    cohort_id = cohort.id

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        measured = inputs.scan(expression).filter(pl.col("hgnc_symbol").is_in(genes)).collect()
        found = model_cohort(measured, inputs.read(follow_up), inputs.read(patients), cohort_id, endpoint, settings)
        return {addresses[name]: frame for name, frame in found.items()}

    return table_step(
        outputs={addresses[name]: TABLES[address] for name, address in MODEL_TABLES.items()},
        compute=compute,
        inputs=(expression, follow_up, patients),
        parameters={"cohort": cohort_id, "endpoint": endpoint, "genes": genes, "settings": settings.model_dump()},
        tags={"cohort": cohort_id, "endpoint": endpoint},
    )


def signatures_of(
    lists: pl.DataFrame, members: pl.DataFrame, panels: Mapping[str, tuple[str, ...]], kinds: tuple[str, ...]
) -> dict[str, list[str]]:
    """Gene lists that are scored: name -> symbols.

    Args:
        lists, members: rows of `core.gene_lists__lists` and `core.gene_lists__members`.
        panels: of the catalog.
        kinds: contrasts_up, contrasts_down, panels.
    """
    directions = [direction for direction in ("up", "down") if f"contrasts_{direction}" in kinds]
    chosen = lists.filter(pl.col("role") == "contrast", pl.col("direction").is_in(directions))["list_id"].sort()
    by_list = members.filter(pl.col("list_id").is_in(chosen.to_list())).sort("list_id", "hgnc_symbol")
    found = {name: by_list.filter(pl.col("list_id") == name)["hgnc_symbol"].to_list() for name in chosen}
    if "panels" in kinds:
        found |= {name: list(genes) for name, genes in panels.items()}
    return found


def signatures_part(cohort: Cohort, endpoint: str, registry: Registry) -> Step:
    """Gene lists as scores."""
    address = model_address(SIGNATURES.address, cohort, endpoint)
    expression, follow_up = expression_address(cohort.id), follow_up_address(cohort.id, endpoint)
    cohort_id, panels = cohort.id, dict(registry.genes.panels)
    kinds = registry.survival.signatures
    rules = registry.survival.model_dump(include={"random_signatures", "seed"})

    def compute(inputs: Inputs) -> pl.DataFrame:
        measured = followed_patients(inputs.read(expression), inputs.read(follow_up), f"{endpoint} of {cohort_id}")
        chosen = signatures_of(inputs.read(LISTS), inputs.read(MEMBERS), panels, kinds)
        scored = score_signatures(
            measured.matrix, measured.genes, measured.time_months, measured.event_observed, chosen, **rules
        )
        return in_table(SIGNATURES, scored, cohort_id, endpoint)

    return table_step(
        outputs={address: SIGNATURES},
        compute=compute,
        inputs=(expression, follow_up, LISTS, MEMBERS),
        parameters={"cohort": cohort_id, "endpoint": endpoint, "panels": panels, "kinds": kinds, **rules},
        tags={"cohort": cohort_id, "endpoint": endpoint},
    )


def shared_patients(registry: Registry) -> Step:
    """Cohorts that hold the same patients."""
    declared = {cohort.id: cohort.patient_set for cohort in registry.analysed_cohorts()}

    def compute(inputs: Inputs) -> pl.DataFrame:
        return find_shared_patients(inputs.read(FOLLOW_UP), declared)

    return table_step(
        outputs={SHARED.address: SHARED},
        compute=compute,
        inputs=(FOLLOW_UP,),
        parameters={"patients_of": declared},
        allow_unavailable_inputs=True,
    )


def meta_analysis(registry: Registry) -> Step:
    """Every gene over the cohorts, each patient once."""
    declared = {cohort.id: cohort.patient_set for cohort in registry.analysed_cohorts()}
    # A cohort that the catalog takes from no other stands for its patients, before another view of them; and a cohort
    # before a study that brings follow-up of its own.
    order = sorted(declared, key=lambda cohort: (declared[cohort] != cohort, cohort not in registry.cohorts))
    columns = ["cohort_id", "endpoint", "model", "hgnc_symbol", "n", "events", "log_hazard_ratio", "standard_error",
               "hazard_ratio_per_sd", "estimator", "p_permutation", "is_primary"]  # fmt: skip

    def compute(inputs: Inputs) -> pl.DataFrame:
        screens = inputs.scan(SCREEN.address).select(columns).collect()
        sets = merge_patient_sets(declared, inputs.read(SHARED.address))
        return pool_screens(one_cohort_per_patient(screens, sets, order))

    return table_step(
        outputs={META.address: META},
        compute=compute,
        code_version=code_version_of(compute, also=columns),
        inputs=(SCREEN.address, SHARED.address),
        parameters={"patients_of": declared, "order": order},
        allow_unavailable_inputs=True,
    )


def survival_model_assets(registry: Registry) -> list[Step]:
    pairs = [(cohort, endpoint.id) for cohort in registry.analysed_cohorts() for endpoint in cohort.endpoint]
    assets = []
    for cohort, endpoint in pairs:
        assets.append(models_part(cohort, endpoint, registry.genes.of_interest, registry.survival))
        assets.append(signatures_part(cohort, endpoint, registry))
    assets += [
        union_of(table, [model_address(table, *pair) for pair in pairs])
        for table in (*MODEL_TABLES.values(), SIGNATURES.address)
    ]
    return [*assets, shared_patients(registry), meta_analysis(registry)]


def steps(registry: Registry) -> list[Step]:
    return survival_model_assets(registry)
