"""The code location: the steps of the graph as assets, the sources, the published products, sensors and a schedule."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from resistance_assets.catalog.registry import Registry
from resistance_assets.defs.automation import automation_definitions
from resistance_assets.defs.claim_checks import claim_checks
from resistance_assets.defs.graph import load_steps
from resistance_assets.defs.report import report_asset
from resistance_assets.defs.resources import current_registry
from resistance_assets.defs.second_opinion_checks import second_opinion_checks
from resistance_assets.defs.source_freshness import source_checks
from resistance_assets.defs.source_states import feeds_of
from resistance_assets.defs.sources import source_assets
from resistance_assets.defs.warehouse import warehouse_asset
from resistance_assets.defs.warehouse_resource import WarehouseResource
from resistance_assets.orchestration.dagster.executors.by_settings import executor_of
from resistance_assets.orchestration.dagster.sqlite_tuning import tune_sqlite
from resistance_assets.orchestration.dagster.table_assets import assets_of
from resistance_assets.orchestration.steps import Step, readers_of
from resistance_assets.settings import load_settings


def definitions_of(registry: Registry, steps: Mapping[str, Step]) -> dg.Definitions:
    """Dagster definitions of these steps, for the present settings."""
    settings = load_settings()
    readers = readers_of(steps)
    tables = dg.Definitions(
        assets=[
            source_assets(registry, feeds_of(steps)),
            *(assets_of(step, readers) for step in {id(step): step for step in steps.values()}.values()),
            warehouse_asset(registry, steps),
            report_asset(),
        ],
        asset_checks=[claim_checks(registry), second_opinion_checks(registry), source_checks(registry)],
        resources={"warehouse_resource": WarehouseResource()},
        executor=executor_of(settings, steps, WarehouseResource()),
    )
    return dg.Definitions.merge(tables, automation_definitions(registry, steps, is_on=settings.schedule == "on"))


@dg.definitions
def defs() -> dg.Definitions:
    tune_sqlite()  # of runs that the UI launches, too
    registry = current_registry()
    return definitions_of(registry, load_steps(registry))
