"""Publication of what is current in the lake: which tables, and what `meta` says of sources, runs and the release.

Here belongs what the published file needs of the catalog, the graph and the lake; how it is written is in `warehouse`.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import PARTS, TABLES, Table, published_tables, table_of
from resistance_assets.defs.source_states import feeds_of, state_of_sources
from resistance_assets.orchestration.attempts import all_failures, left_out
from resistance_assets.orchestration.lake import Lake, TableVersion, read_files
from resistance_assets.orchestration.run_log import log_path, read_log
from resistance_assets.orchestration.steps import Step, column_lineage
from resistance_assets.orchestration.table_steps import sql_models
from resistance_assets.settings import Settings
from resistance_assets.warehouse.publication import Publication
from resistance_assets.warehouse.publish import PublishResult, publish
from resistance_assets.warehouse.reader import open_warehouse
from resistance_assets.warehouse.release_diff import CHANGES_SCHEMA, diff_releases


def runs_of(lake: Lake) -> pl.DataFrame:
    """One row per run, however it was launched: what it did to how many tables, and what of it is current."""
    known = [address for address in lake.addresses() if table_of(address) is not None]
    table_versions = [table_version for address in known if (table_version := lake.current(address)) is not None]
    frame = pl.DataFrame(
        [
            {"run_id": p.run_id, "built_at": p.built_at, "seconds": p.seconds, "table": p.address}
            for p in table_versions
        ],
        schema={"run_id": pl.String, "built_at": pl.String, "seconds": pl.Float64, "table": pl.String},
    )
    current = frame.group_by("run_id").agg(
        pl.col("built_at").min().alias("first_built_at"),
        pl.col("built_at").max().alias("last_built_at"),
        pl.len().cast(pl.Int64).alias("tables_current_from_it"),
        pl.col("seconds").sum().alias("compute_seconds"),
    )
    log = read_log(log_path(lake.root))

    def count(outcome: str) -> pl.Expr:
        return (pl.col("outcome") == outcome).sum().cast(pl.Int64)

    done = log.group_by("run_id").agg(
        pl.col("finished_at").min().alias("began"),
        count("built").alias("built"),
        count("cache hit").alias("cache_hits"),
        count("kept").alias("kept"),
        count("unavailable").alias("unavailable"),
        count("failed").alias("failed"),
        pl.col("seconds").filter(pl.col("outcome") == "built").sum().alias("all_compute_seconds"),
    )
    return (
        current.join(done, on="run_id", how="full", coalesce=True)
        .with_columns(
            pl.coalesce("first_built_at", "began").alias("first_built_at"),
            pl.coalesce("last_built_at", "began").alias("last_built_at"),
            pl.col("tables_current_from_it").fill_null(0),
            pl.col("compute_seconds").fill_null(0.0),
        )
        .drop("began")
        .sort("first_built_at", "run_id")
    )


def publication_of(lake: Lake, table: Table, lineage: dict[str, tuple[str, ...]]) -> Publication:
    """A table as it is now; one that could never be built is published empty and says so."""
    table_version = lake.current(table.address)
    if table_version is None:
        empty = table.empty()
        table_version = TableVersion(
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
    return Publication(table, table_version, lake.intact_files(table.address, table_version.data_version), lineage)


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


def missing_in_file(data_dir: Path) -> list[str]:
    """Tables that the published file lacks, opened as an analyst would."""
    with contextlib.closing(open_warehouse(data_dir)) as connection:
        found = {
            f"{layer}.{name}"
            for layer, name in connection.execute(
                "SELECT table_schema, table_name FROM information_schema.tables"
            ).fetchall()
        }
    return sorted(table.address for table in published_tables() if table.address not in found)


def records_of_partitions(lake: Lake) -> dict[str, str]:
    """Partition -> key of the record of how its current version was made."""
    table_versions = {
        a: lake.current(a) for a in lake.addresses() if a.startswith(f"{PARTS}.") and table_of(a) is not None
    }
    return {a: key for a, p in table_versions.items() if p is not None and (key := p.notes.get("cache_key"))}


def changes_of_release(data_dir: Path, before: Mapping[str, Any], after: Mapping[str, Any]) -> pl.DataFrame:
    """Rows of `meta.release_changes` for a new release; none where the release before was pruned from the lake."""
    try:
        return diff_releases(data_dir, before, after).as_frame()
    except FileNotFoundError:
        return pl.DataFrame(schema=CHANGES_SCHEMA)


def failed_tables(lake: Lake) -> pl.DataFrame:
    """Tables whose last attempt failed, with the reason: the file holds what they were before, or nothing.

    A partition that its union leaves out counts as failed: no published table holds its rows.
    """
    reasons = {address: failure.reason for address, failure in all_failures(lake).items()}
    reasons = {**left_out(lake, TABLES), **reasons}
    rows = sorted(reasons.items())
    return pl.DataFrame(rows, schema={"table_name": pl.String, "reason": pl.String}, orient="row")


def planted_effects(settings: Settings) -> dict[str, pl.DataFrame]:
    """`meta.planted_effects` of a demo: what its `truth.json` says of every contrast; empty where data are real."""
    truth = settings.truth
    if truth is None or not truth.is_file():
        return {}
    planted = json.loads(truth.read_text(encoding="utf-8")).get("contrasts", {})
    rows = [
        {"contrast_id": contrast, "hgnc_symbol": gene, "log2_fold_change": float(effect)}
        for contrast, effects in planted.items()
        for gene, effect in effects.items()
        if isinstance(effect, int | float)
    ]
    schema = {"contrast_id": pl.String, "hgnc_symbol": pl.String, "log2_fold_change": pl.Float64}
    return {"planted_effects": pl.DataFrame(rows, schema=schema)}


def publish_current(settings: Settings, lake: Lake, registry: Registry, steps: Mapping[str, Step]) -> PublishResult:
    """Publish what is current in the lake; touches nothing where that is what was published last.

    Raises:
        DataFault: as `publish`.
    """
    models = sql_models()
    with lake.in_use():
        publications = []
        for table in published_tables():
            model = models.get(table.address)
            publications.append(publication_of(lake, table, column_lineage(table, model.lineage if model else None)))
        hypotheses = next(p.files for p in publications if p.table.name == "hypotheses_tested")
        told: dict[str, list[str]] = {}
        for folder, fault in registry.study_faults:
            told.setdefault(folder.name, []).append(str(fault))
        faults = [{"folder": name, "fault": "; ".join(found)} for name, found in told.items()]
        return publish(
            settings.data_dir,
            publications,
            meta={
                "sources": state_of_sources(registry, lake, feeds_of(steps)),
                "runs": runs_of(lake),
                "table_runs": read_log(log_path(lake.root)),
                "hypotheses_tested": read_files(hypotheses),
                "study_faults": pl.DataFrame(faults, schema={"folder": pl.String, "fault": pl.String}),
                "failed_tables": failed_tables(lake),
                **planted_effects(settings),
            },
            code_revision=code_revision(),
            partitions=records_of_partitions(lake),
            changes=lambda before, after: changes_of_release(settings.data_dir, before, after),
            settings={
                "profile": "mirror" if settings.mirror else settings.profile,
                "synthetic": str(settings.is_synthetic).lower(),
                "genes_of_interest": " ".join(registry.genes.of_interest),
                "own_intersections": " ".join(
                    one.id for study in registry.local_studies.values() for one in study.intersections
                ),
            },
        )
