"""The published warehouse: one asset that builds the DuckDB file beside the old one and swaps it in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import Table, published_tables
from resistance_assets.defs.publication import publish_current
from resistance_assets.errors import Fault
from resistance_assets.orchestration.automation import WAREHOUSE_FRESHNESS, on_settled_change
from resistance_assets.orchestration.events import Announcement, announce
from resistance_assets.orchestration.table_assets import key_of
from resistance_assets.warehouse.reader import open_warehouse

WAREHOUSE_KEY = dg.AssetKey(["warehouse"])


def judge_file(data_dir: Path, tables: tuple[Table, ...]) -> dg.AssetCheckResult:
    """Open the published file as an analyst would, and look for every table."""
    with contextlib.closing(open_warehouse(data_dir)) as connection:
        found = {
            f"{layer}.{name}"
            for layer, name in connection.execute(
                "SELECT table_schema, table_name FROM information_schema.tables"
            ).fetchall()
        }
    missing = sorted(table.address for table in tables if table.address not in found)
    return dg.AssetCheckResult(
        passed=not missing,
        check_name="opens",
        description=f"missing: {', '.join(missing)}" if missing else f"{len(tables)} tables",
    )


def warehouse_asset(registry: Registry, shares: Sequence[str]) -> dg.AssetsDefinition:
    """The published file. It rests on every table, and on the shares because it waits until nothing is under way."""
    tables = published_tables()
    check = dg.AssetCheckSpec(
        "opens", asset=WAREHOUSE_KEY, description="the file opens read-only and holds every table"
    )

    @dg.asset(
        key=WAREHOUSE_KEY,
        deps=[key_of(address) for address in (*(table.address for table in tables), *shares)],
        group_name="warehouse",
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
        announce(Announcement("started", "warehouse"))
        try:
            result = publish_current(settings, context.resources.warehouse_resource.lake(), registry)
            opens = judge_file(settings.data_dir, tables)
        except Fault as fault:
            announce(Announcement("failed", "warehouse", "failed", message=str(fault)))
            raise dg.Failure(description=str(fault), allow_retries=False) from fault
        outcome = "built" if result.is_new else "memo hit"
        announce(Announcement("finished", "warehouse", outcome, result.seconds, f"release {result.release}"))
        yield opens
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
