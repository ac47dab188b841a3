"""A lake with raw tables of cohorts, and the steps from there to their alterations, run as the warehouse runs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES, table_of
from resistance_assets.defs import sql
from resistance_assets.defs.core.alterations import cohort_steps, layer_slices
from resistance_assets.defs.core.survival import cohort_slices
from resistance_assets.defs.raw.catalog import catalog_cohorts
from resistance_assets.orchestration.code_version import known_code_versions
from resistance_assets.orchestration.lake import Lake, TableVersion, now_iso
from resistance_assets.orchestration.steps import Step, run_step

RAW_ALTERATIONS = {"mutations": "mutation_number", "structural_variants": "variant_number"}


def put(lake: Lake, address: str, frame: pl.DataFrame) -> None:
    """Write a table into a lake as its current version."""
    version = lake.write(address, frame)
    lake.set_current(
        TableVersion(address, "available", version, "test", "test", {}, frame.height, now_iso(), "test", 0.0), None
    )


def put_raw(lake: Lake, registry: Registry, tables: Mapping[str, Iterable[pl.DataFrame]]) -> None:
    """Raw tables as unions of the frames given, values of matrices by cohort too, and the cohorts of the catalog."""
    cohorts = catalog_cohorts(registry)
    put(lake, "raw.catalog__cohorts", cohorts)
    for address, frames in tables.items():
        rows = pl.concat([TABLES[address].shape(frame) for frame in frames])
        put(lake, address, rows)
        for cohort in registry.analysed_cohorts() if sql.is_of_values(address) else ():
            own = cohorts.filter(pl.col("cohort_id") == cohort.id)["study_id"].unique()
            if (name := sql.values_of(cohort, registry, address)) is not None:
                put(lake, name, rows.filter(pl.col("study_id").is_in(own.to_list())))


def alteration_steps(registry: Registry) -> dict[str, Step]:
    """Steps of staging, of the slices of cohorts and of their alterations, by each table that they write."""
    with known_code_versions():
        modules = (sql, cohort_slices, layer_slices, cohort_steps)
        made = [step for module in modules for step in module.steps(registry)]
    return {table: step for step in made for table in step.outputs}


def run_upstream(lake: Lake, steps: Mapping[str, Step], targets: Iterable[str]) -> dict[str, str]:
    """Run the steps that make the targets, each after its inputs; what no step makes is empty where it is not there.

    Returns:
        Table -> how it came about: `built` or `cache hit`.
    """
    outcomes: dict[str, str] = {}

    def bring(table: str) -> None:
        if table in outcomes:
            return
        step = steps.get(table)
        if step is None:
            if lake.current(table) is None:
                model = table_of(table)
                assert model is not None
                put(lake, table, model.empty())
            outcomes[table] = "given"
            return
        for upstream in (*step.inputs, *step.optional_inputs):
            bring(upstream)
        outcomes.update({name: result.outcome for name, result in run_step(lake, step).items()})

    for target in targets:
        bring(target)
    return outcomes


def cohort_targets(cohort_id: str) -> list[str]:
    """The partitions of one cohort's alterations."""
    return [cohort_steps.partition_of(name, cohort_id) for name in cohort_steps.ALTERATION_TABLES]


def read_tables(lake: Lake, cohort_id: str) -> dict[str, pl.DataFrame]:
    """Tables of one cohort's alterations by their published names."""
    return {name: lake.read(cohort_steps.partition_of(name, cohort_id)) for name in cohort_steps.ALTERATION_TABLES}
