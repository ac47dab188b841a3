"""Survival: one asset per cohort and endpoint for the genome-wide screen and the curves, then all of them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import dagster as dg
import numpy as np
import polars as pl

from resistance_assets.catalog.registry import Cohort, Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.expression import expression_address, expression_matrix, follow_up_address
from resistance_assets.defs.resources import current_registry
from resistance_assets.defs.sql import guarded
from resistance_assets.orchestration.assets import assets_of
from resistance_assets.orchestration.memo import Inputs, Step
from resistance_assets.orchestration.versions import code_version_of
from resistance_assets.science.survival import kaplan_meier, summarise_endpoint
from resistance_assets.science.survival_screen import screen_survival, usable_follow_up

SCREEN = TABLES["core.survival__cohort_endpoint_genes"]
CURVES = TABLES["core.survival__kaplan_meier"]
ENDPOINTS = TABLES["core.survival__cohort_endpoints"]
PATIENTS = "staging.cohorts__patients"
GENES = "staging.cohorts__genes"


def screen_cohort(expression: pl.DataFrame, follow_up: pl.DataFrame, cohort_id: str, endpoint: str) -> pl.DataFrame:
    """Every gene of a cohort against one endpoint, in the columns of the screen's table."""
    matrix, genes, patients = expression_matrix(expression)
    placed = pl.DataFrame({"patient_id": patients}).join(follow_up, on="patient_id", how="left", maintain_order="left")
    usable, _ = usable_follow_up(placed["time_months"], placed["event_observed"])
    screened = screen_survival(
        matrix[:, usable],
        placed["time_months"].to_numpy()[usable],
        placed["event_observed"].to_numpy()[usable],
        genes,
    )
    numbers = [name for name, dtype in screened.schema.items() if dtype.is_float()]
    return screened.with_columns(
        # A limit beyond the largest double is no limit.
        *[pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in numbers],
        cohort_id=pl.lit(cohort_id),
        endpoint=pl.lit(endpoint),
    )


def screen_part(cohort: Cohort, endpoint: str) -> dg.AssetsDefinition:
    address = f"parts.survival__{cohort.id}_{endpoint.lower()}"
    expression, follow_up = expression_address(cohort.id), follow_up_address(cohort.id, endpoint)
    cohort_id = cohort.id

    def compute(inputs: Inputs) -> pl.DataFrame:
        return screen_cohort(inputs.read(expression), inputs.read(follow_up), cohort_id, endpoint).with_columns(
            source_symbol=pl.col("hgnc_symbol")
        )

    step = Step(
        outputs={address: SCREEN},
        compute=compute,
        code_version=code_version_of(compute),
        inputs=(expression, follow_up),
        parameters={"cohort": cohort_id, "endpoint": endpoint},
    )
    return assets_of(step, kinds=["python", "numba"], tags={"cohort": cohort_id, "endpoint": endpoint})


def curves_of(
    expression: pl.DataFrame, follow_up: pl.DataFrame, cohort_id: str, endpoint: str, genes: tuple[str, ...]
) -> pl.DataFrame:
    """Kaplan-Meier curves of the named genes, split at the median of the patients with follow-up."""
    frames = [CURVES.empty()]
    usable, _ = usable_follow_up(follow_up["time_months"], follow_up["event_observed"])
    followed = follow_up.filter(pl.Series(usable))
    for gene in genes:
        joined = expression.filter(pl.col("hgnc_symbol") == gene).join(followed, on="patient_id").drop_nulls()
        if joined.is_empty():
            continue
        values = joined["expression_value"].to_numpy()
        group = np.where(values > np.median(values), "high", "low")
        curve = kaplan_meier(joined["time_months"].to_numpy(), joined["event_observed"].to_numpy(), group)
        frames.append(
            CURVES.shape(
                curve.rename(
                    {"group": "expression_group", "ci_lower_log": "ci_lower", "ci_upper_log": "ci_upper"}
                ).with_columns(cohort_id=pl.lit(cohort_id), endpoint=pl.lit(endpoint), hgnc_symbol=pl.lit(gene))
            )
        )
    return pl.concat(frames)


def curves_part(cohort: Cohort, endpoint: str, genes: tuple[str, ...]) -> dg.AssetsDefinition:
    address = f"parts.kaplan_meier__{cohort.id}_{endpoint.lower()}"
    expression, follow_up = expression_address(cohort.id), follow_up_address(cohort.id, endpoint)
    cohort_id = cohort.id

    def compute(inputs: Inputs) -> pl.DataFrame:
        return curves_of(inputs.read(expression), inputs.read(follow_up), cohort_id, endpoint, genes)

    step = Step(
        outputs={address: CURVES},
        compute=compute,
        code_version=code_version_of(compute),
        inputs=(expression, follow_up),
        parameters={"cohort": cohort_id, "endpoint": endpoint, "genes": genes},
    )
    return assets_of(step, tags={"cohort": cohort_id, "endpoint": endpoint})


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
            pl.lit(patients.filter(pl.col("cohort_id") == cohort_id).height).alias("n_patients"),
            pl.lit(everyone["n"][0]).alias("n_with_follow_up"),
            pl.lit(everyone["events"][0]).alias("n_events_with_follow_up"),
            pl.col("n").alias("n_analysed"),
            pl.col("events").alias("n_events_analysed"),
            "median_follow_up_months",
            "median_survival_months",
            pl.lit(everyone["left_out_reasons"][0], pl.String).alias("excluded"),
        )
    )


def endpoint_part(cohort: Cohort, endpoint: str) -> dg.AssetsDefinition:
    address = f"parts.endpoint__{cohort.id}_{endpoint.lower()}"
    expression, follow_up = expression_address(cohort.id), follow_up_address(cohort.id, endpoint)
    cohort_id = cohort.id

    def compute(inputs: Inputs) -> pl.DataFrame:
        profiled = inputs.scan(expression).select(pl.col("patient_id").unique()).collect()["patient_id"].to_list()
        return endpoint_row(inputs.read(PATIENTS), profiled, inputs.read(follow_up), cohort_id, endpoint)

    step = Step(
        outputs={address: ENDPOINTS},
        compute=compute,
        code_version=code_version_of(compute),
        inputs=(expression, follow_up, PATIENTS),
        parameters={"cohort": cohort_id, "endpoint": endpoint},
    )
    return assets_of(step, tags={"cohort": cohort_id, "endpoint": endpoint})


def with_source_symbols(screens: pl.DataFrame, genes: pl.DataFrame) -> pl.DataFrame:
    """Screens with the symbol that the vendor gives each gene."""
    named = genes.select("cohort_id", "hgnc_symbol", "source_symbol")
    return (
        screens.drop("source_symbol")
        .join(named, on=["cohort_id", "hgnc_symbol"], how="left", maintain_order="left")
        .with_columns(pl.col("source_symbol").fill_null(pl.col("hgnc_symbol")))
    )


def together(
    address: str,
    parts: list[str],
    finish: Callable[[pl.DataFrame, Mapping[str, pl.DataFrame]], pl.DataFrame] | None = None,
    reads: tuple[str, ...] = (),
) -> dg.AssetsDefinition:
    """All shares of a table, finished by a function that may read further tables."""
    table = TABLES[address]

    def compute(inputs: Inputs) -> pl.DataFrame:
        shares = [inputs.scan(part) for part in parts if inputs.has(part)]
        stacked = pl.concat(shares).collect() if shares else table.empty()
        return finish(stacked, {name: inputs.read(name) for name in reads}) if finish else stacked

    step = Step(
        outputs={address: table},
        compute=compute,
        code_version=code_version_of(compute),
        inputs=reads,
        optional_inputs=tuple(parts),
        tolerant=True,
    )
    return assets_of(guarded(step))


def survival_assets(registry: Registry) -> list[dg.AssetsDefinition]:
    assets: list[dg.AssetsDefinition] = []
    pairs = [(cohort, endpoint.id) for cohort in registry.cohorts.values() for endpoint in cohort.endpoint]
    for cohort, endpoint in pairs:
        assets.append(screen_part(cohort, endpoint))
        assets.append(curves_part(cohort, endpoint, registry.genes.of_interest))
        assets.append(endpoint_part(cohort, endpoint))

    def parts(kind: str) -> list[str]:
        return [f"parts.{kind}__{cohort.id}_{endpoint.lower()}" for cohort, endpoint in pairs]

    def finish(screens: pl.DataFrame, read: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        return with_source_symbols(screens, read[GENES])

    assets.append(together(SCREEN.address, parts("survival"), finish, (GENES,)))
    assets.append(together(CURVES.address, parts("kaplan_meier")))
    assets.append(together(ENDPOINTS.address, parts("endpoint")))
    return assets


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(assets=survival_assets(current_registry()))
