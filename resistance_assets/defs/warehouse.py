"""The published warehouse: one asset that builds the DuckDB file beside the old one and swaps it in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from resistance_assets.catalog.groups import RELEASE
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import PARTS, published_tables
from resistance_assets.defs.publication import missing_in_file, publish_current
from resistance_assets.errors import Fault
from resistance_assets.orchestration.dagster.automation import WAREHOUSE_FRESHNESS, on_settled_change
from resistance_assets.orchestration.dagster.table_assets import key_of
from resistance_assets.orchestration.events import ProgressEvent, emit
from resistance_assets.orchestration.steps import Step

WAREHOUSE_KEY = dg.AssetKey(["warehouse"])


def warehouse_asset(registry: Registry, steps: Mapping[str, Step]) -> dg.AssetsDefinition:
    """The published file. It rests on every table, and on the partitions, to wait until nothing is under way."""
    tables = published_tables()
    partitions = [table for table in steps if table.startswith(f"{PARTS}.")]
    check = dg.AssetCheckSpec(
        "opens", asset=WAREHOUSE_KEY, description="the file opens read-only and holds every table"
    )

    @dg.asset(
        key=WAREHOUSE_KEY,
        deps=[key_of(address) for address in (*(table.address for table in tables), *partitions)],
        group_name=RELEASE,
        kinds={"duckdb"},
        owners=["team:data-engineering"],
        description="`warehouse.duckdb`, swapped in whole, and a release where any result changed.",
        check_specs=[check],
        required_resource_keys={"warehouse_resource"},
        automation_condition=on_settled_change(),
        freshness_policy=WAREHOUSE_FRESHNESS,
    )
    def warehouse(context) -> Iterator[Any]:  # Dagster refuses a postponed annotation of `context`
        settings = context.resources.warehouse_resource.settings()
        emit(ProgressEvent("started", "warehouse"))
        try:
            result = publish_current(settings, context.resources.warehouse_resource.lake(), registry, steps)
            missing = missing_in_file(settings.data_dir)
        except Fault as fault:
            emit(ProgressEvent("failed", "warehouse", "failed", message=str(fault)))
            raise dg.Failure(description=str(fault), allow_retries=False) from fault
        outcome = "built" if result.is_new else "cache hit"
        emit(ProgressEvent("finished", "warehouse", outcome, result.seconds, f"release {result.release}"))
        yield dg.AssetCheckResult(
            passed=not missing,
            check_name="opens",
            description=f"missing: {', '.join(missing)}" if missing else f"{len(tables)} tables",
        )
        yield dg.MaterializeResult(
            metadata={
                "release": result.release,
                "new_release": result.is_new,
                "rewritten": ", ".join(result.rewritten) or "none",
                "seconds": round(result.seconds, 3),
                "dagster/uri": str(settings.warehouse_path),
            },
            data_version=dg.DataVersion(str(result.release)),
        )

    return warehouse
