"""The published warehouse: one asset that builds the DuckDB file beside the old one and swaps it in."""

from __future__ import annotations

import contextlib
import importlib.metadata
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import PARTS, TABLES, Table, published_tables
from resistance_assets.defs.raw.cbioportal import CONNECTORS
from resistance_assets.defs.resources import current_registry
from resistance_assets.errors import Fault
from resistance_assets.orchestration.automation import WAREHOUSE_FRESHNESS, on_settled_change
from resistance_assets.orchestration.events import Announcement, announce
from resistance_assets.orchestration.lake import Lake, Pointer, read_file
from resistance_assets.orchestration.sql_models import load_models, models_folder
from resistance_assets.orchestration.table_assets import STEPS, column_lineage, key_of
from resistance_assets.settings import Settings
from resistance_assets.warehouse.publication import Publication
from resistance_assets.warehouse.publish import PublishResult, publish
from resistance_assets.warehouse.reader import open_warehouse
from resistance_assets.warehouse.release_diff import CHANGES_SCHEMA, diff_releases

WAREHOUSE_KEY = dg.AssetKey(["warehouse"])

SOURCE_SCHEMA: dict[str, Any] = {
    "source_id": pl.String,
    "title": pl.String,
    "url": pl.String,
    "connector": pl.String,
    "licence": pl.String,
    "licence_url": pl.String,
    "citation": pl.String,
    "state": pl.String,
    "reason": pl.String,
    "version": pl.String,
    "sha256": pl.String,
    "bytes": pl.Int64,
    "etag": pl.String,
    "last_modified": pl.String,
    "retrieved_at": pl.String,
    "transport": pl.String,
    "feeds": pl.String,
}


def state_of_sources(registry: Registry, lake: Lake) -> pl.DataFrame:
    """One row per source of the catalog and per file of a laboratory study: what is loaded of it, or why nothing is."""
    seen: dict[str, dict[str, Any]] = {}
    missed: dict[str, str] = {}
    for address in lake.addresses():
        pointer = lake.pointer(address)
        if pointer is None or not address.startswith(("parts.", "raw.")):
            continue
        for name, facts in pointer.notes.get("sources", {}).items():
            seen[name if name in registry.sources else f"{address.split('__', 1)[1]}/{facts.get('file', name)}"] = facts
        if pointer.reason:
            for source_id in registry.sources:
                if pointer.reason.startswith(source_id):
                    missed[source_id] = pointer.reason
    rows = []
    for source in registry.sources.values():
        facts = seen.pop(source.id, None)
        reason = None
        if facts is None:
            reason = missed.get(source.id) or (
                f"this release has no reader for {source.connector}"
                if source.connector not in CONNECTORS
                else "not asked for: no step that reads it has run, or such a step lacked another source first"
            )
        rows.append(
            {
                **source.model_dump(include={"title", "url", "connector", "licence", "licence_url", "citation"}),
                "source_id": source.id,
                "state": "loaded" if facts else "unavailable",
                "reason": reason,
                "sha256": facts and facts.get("checksum"),
                **{
                    name: (facts or {}).get(name)
                    for name in ("version", "bytes", "etag", "last_modified", "retrieved_at", "transport")
                },
                "feeds": ", ".join(source.feeds),
            }
        )
    for name, facts in sorted(seen.items()):
        local = registry.local_studies.get(name.split("/")[0])
        if local is None:
            continue
        rows.append(
            {
                "source_id": name,
                "title": local.study.title,
                "url": f"study:{name}",
                "connector": "local_study",
                "licence": local.study.licence or "not stated by the study",
                "licence_url": None,
                "citation": local.study.citation or local.study.accession,
                "state": "loaded",
                "sha256": facts.get("checksum"),
                "bytes": facts.get("bytes"),
                "transport": "local",
                "feeds": "raw.studies__*",
            }
        )
    return pl.DataFrame(rows, schema=SOURCE_SCHEMA)


def runs_of(lake: Lake) -> pl.DataFrame:
    """One row per run that built something of what is current, however it was launched."""
    pointers = [pointer for address in lake.addresses() if (pointer := lake.pointer(address)) is not None]
    frame = pl.DataFrame(
        [{"run_id": p.run_id, "built_at": p.built_at, "seconds": p.seconds, "table": p.address} for p in pointers],
        schema={"run_id": pl.String, "built_at": pl.String, "seconds": pl.Float64, "table": pl.String},
    )
    return (
        frame.group_by("run_id")
        .agg(
            pl.col("built_at").min().alias("first_built_at"),
            pl.col("built_at").max().alias("last_built_at"),
            pl.len().cast(pl.Int64).alias("tables_current_from_it"),
            pl.col("seconds").sum().alias("compute_seconds"),
        )
        .sort("first_built_at")
    )


def publication_of(lake: Lake, table: Table, lineage: dict[str, tuple[str, ...]]) -> Publication:
    """A table as it is now; one that could never be built is published empty and says so."""
    pointer = lake.pointer(table.address)
    if pointer is None:
        empty = table.empty()
        pointer = Pointer(
            address=table.address,
            status="missing",
            data_version=lake.write(table.address, empty),
            code_version="",
            parameters="",
            inputs={},
            rows=0,
            # No time of day: the file would be written anew at every publish for as long as the table is missing.
            built_at="1970-01-01T00:00:00+00:00",
            run_id="",
            seconds=0.0,
            reason="never built: something that it rests on failed",
        )
    return Publication(table, pointer, lake.path(table.address, pointer.data_version), lineage)


def code_revision() -> str:
    """Version of the package, with the commit where it runs from a checkout."""
    version = importlib.metadata.version("resistance-warehouse")
    try:
        commit = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return version
    return f"{version} ({commit})"


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


def records_of_shares(lake: Lake) -> dict[str, str]:
    """Share -> key of the record of how its current version was made."""
    pointers = {a: lake.pointer(a) for a in lake.addresses() if a.startswith(f"{PARTS}.")}
    return {a: key for a, p in pointers.items() if p is not None and (key := p.notes.get("memo_key"))}


def changes_of_release(data_dir: Path, before: Mapping[str, Any], after: Mapping[str, Any]) -> pl.DataFrame:
    """Rows of `meta.release_changes` for a new release; none where the release before was pruned from the lake."""
    try:
        return diff_releases(data_dir, before, after).as_frame()
    except FileNotFoundError:
        return pl.DataFrame(schema=CHANGES_SCHEMA)


def publish_current(settings: Settings, lake: Lake, registry: Registry) -> PublishResult:
    """Publish what is current in the lake; touches nothing where that is what was published last.

    Raises:
        DataFault: as `publish`.
    """
    models = load_models(models_folder(), TABLES)
    with lake.in_use():
        publications = []
        for table in published_tables():
            model = models.get(table.address)
            publications.append(publication_of(lake, table, column_lineage(table, model.lineage if model else None)))
        hypotheses = next(p.parquet for p in publications if p.table.name == "hypotheses_tested")
        faults = [{"folder": folder.name, "fault": str(fault)} for folder, fault in registry.study_faults]
        return publish(
            settings.data_dir,
            publications,
            meta={
                "sources": state_of_sources(registry, lake),
                "runs": runs_of(lake),
                "hypotheses_tested": read_file(hypotheses),
                "study_faults": pl.DataFrame(faults, schema={"folder": pl.String, "fault": pl.String}),
            },
            code_revision=code_revision(),
            shares=records_of_shares(lake),
            changes=lambda before, after: changes_of_release(settings.data_dir, before, after),
            settings={
                "profile": "mirror" if settings.mirror else settings.profile,
                "synthetic": str(settings.is_synthetic).lower(),
            },
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
        required_resource_keys={"premises"},
        automation_condition=on_settled_change(),
        freshness_policy=WAREHOUSE_FRESHNESS,
    )
    def warehouse(context) -> Iterator[Any]:  # Dagster refuses a postponed annotation of `context`
        settings = context.resources.premises.settings()
        announce(Announcement("started", "warehouse"))
        try:
            result = publish_current(settings, context.resources.premises.lake(), registry)
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


@dg.definitions
def defs() -> dg.Definitions:
    # Modules of this folder are loaded in the order of their names, so the shares of all of them are known here.
    shares = [address for address in STEPS if address.startswith(f"{PARTS}.")]
    return dg.Definitions(assets=[warehouse_asset(current_registry(), shares)])
