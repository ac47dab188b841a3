"""Retention of Dagster's records: old runs with their events, ticks and evaluations go; what is current stays.

No result is in them: tables, their versions and the log of runs are in the lake and beside it. A run that holds the
last materialisation, observation or check of an asset is kept however old it is, since without it the asset would
count as missing, and be requested again; only its log of steps goes.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance

ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
EVALUATIONS_KEPT = timedelta(days=1)
RUNS_AT_ONCE = 200
VACUUM_SHARE = 0.25
"""A database more of which is free is written anew."""
EVENTS_KEPT = 10
"""Materialisations, observations and the like of an asset, the newest ones."""
CHECKS_KEPT = 3
"""Evaluations of a check, the newest ones."""
PLANS_KEPT = 2
"""Of the events that say that something will be done; the newest may be of a run under way."""
HEAVY_METADATA = ("dagster/column_lineage", "preview")
"""What only the newest materialisation of an asset needs: two thirds of its size."""


@dataclass(frozen=True)
class Trimmed:
    """What went: runs, logs of runs that stay, events that newer ones replaced, and bytes below the home folder."""

    runs: int
    logs: int
    bytes_freed: int
    events: int = 0

    def describe(self) -> str:
        return (
            f"removed {self.runs} runs of Dagster with their events, the logs of {self.logs} more and "
            f"{self.events:,} superseded events, {self.bytes_freed / 1e6:,.1f} MB"
        )


def trim_records(instance: DagsterInstance, home: Path, *, days: int, now: datetime | None = None) -> Trimmed:
    """Remove runs and ticks older than so many days, and evaluations older than one.

    Args:
        instance: whose records.
        home: its folder, where it keeps SQLite files; their free pages are given back.
        days: how long runs and ticks are kept.
        now: by default the clock's time.
    """
    at = now or datetime.now(UTC)
    before = _size(home)
    oldest = at - timedelta(days=days)
    storage = instance.schedule_storage
    if storage is not None:
        with contextlib.suppress(NotImplementedError):
            storage.purge_asset_evaluations((at - EVALUATIONS_KEPT).timestamp())
        for state in instance.all_instigator_state():
            instance.purge_ticks(state.instigator_origin_id, state.selector_id, oldest.timestamp())
    kept = set(_current_runs(instance))
    removed = logs = 0
    for run_id in _old_runs(instance, oldest):
        if run_id not in kept:
            instance.delete_run(run_id)
            removed += 1
        # With SQLite the log of a run is a file of its own; what the assets' events say stands in another one.
        files = list((home / "history" / "runs").glob(f"{run_id}.db*"))
        for file in files:
            file.unlink(missing_ok=True)
        logs += bool(files) and run_id in kept
        shutil.rmtree(home / "storage" / run_id, ignore_errors=True)
    events = _trim_superseded(home / "history" / "runs" / "index.db")
    for database in sorted(home.rglob("*.db")):
        _give_back(database)
    return Trimmed(removed, logs, max(0, before - _size(home)), events)


_SUPERSEDED = """
    DELETE FROM event_logs WHERE id IN (
        SELECT id FROM (
            SELECT
                id,
                CASE
                    WHEN dagster_event_type LIKE '%_PLANNED' THEN :plans
                    WHEN dagster_event_type LIKE '%_CHECK_%' THEN :checks
                    ELSE :events
                END AS most,
                row_number() OVER (
                    PARTITION BY dagster_event_type, asset_key, partition,
                        json_extract(event, '$.dagster_event.event_specific_data.asset_key.path'),
                        json_extract(event, '$.dagster_event.event_specific_data.check_name')
                    ORDER BY id DESC
                ) AS place
            FROM event_logs
            -- Events of checks have their asset in the text alone.
            WHERE asset_key IS NOT NULL OR dagster_event_type LIKE 'ASSET_CHECK_%'
        ) WHERE place > most
    )
"""
_OLD_CHECKS = """
    DELETE FROM asset_check_executions WHERE id IN (
        SELECT id FROM (
            SELECT id, row_number() OVER (PARTITION BY asset_key, check_name ORDER BY id DESC) AS place
            FROM asset_check_executions
        ) WHERE place > :checks
    )
"""
_OLDER_MATERIALISATIONS = """
    SELECT id, event FROM (
        SELECT id, event, row_number() OVER (PARTITION BY asset_key, partition ORDER BY id DESC) AS place
        FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'
    ) WHERE place > 1
"""


def _trim_superseded(index: Path) -> int:
    """Remove what newer events of the same asset or check replaced, and make the others lighter; how many went.

    Dagster keeps the events of all assets in one SQLite file beside those of the runs, and never removes one. What is
    current of an asset is its newest event, which stays, and is copied in the table of assets. A file that somebody
    else holds is left for the next time.
    """
    if not index.exists():
        return 0
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(index, timeout=5.0)) as connection:
        with connection:
            limits = {"events": EVENTS_KEPT, "checks": CHECKS_KEPT, "plans": PLANS_KEPT}
            removed = sum(connection.execute(query, limits).rowcount for query in (_SUPERSEDED, _OLD_CHECKS))
            lighter = [
                (text, number)
                for number, event in connection.execute(_OLDER_MATERIALISATIONS)
                if (text := _without_heavy_metadata(event)) is not None
            ]
            connection.executemany("UPDATE event_logs SET event = ? WHERE id = ?", lighter)
        return removed
    return 0


def _without_heavy_metadata(event: str) -> str | None:
    """The event as JSON without the metadata that only the newest needs; None where it has none."""
    if not any(f'"{label}"' in event for label in HEAVY_METADATA):
        return None
    try:
        document = json.loads(event)
        materialisation = document["dagster_event"]["event_specific_data"]["materialization"]
        entries = materialisation["metadata_entries"]
        materialisation["metadata_entries"] = [one for one in entries if one.get("label") not in HEAVY_METADATA]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # another version of Dagster may write them otherwise
    return json.dumps(document)


def _old_runs(instance: DagsterInstance, oldest: datetime) -> list[str]:
    chosen = dg.RunsFilter(statuses=list(ENDED), created_before=oldest)
    found: list[str] = []
    cursor = None
    while True:
        runs = instance.get_runs(chosen, cursor=cursor, limit=RUNS_AT_ONCE)
        found += [run.run_id for run in runs]
        if len(runs) < RUNS_AT_ONCE:
            return found
        cursor = runs[-1].run_id


def _current_runs(instance: DagsterInstance) -> Iterator[str]:
    """Runs that hold the last event of an asset."""
    for record in instance.get_asset_records():
        entry = record.asset_entry
        for event in (entry.last_materialization, entry.last_observation):
            if event is not None:
                yield event.run_id
        if entry.last_run_id is not None:
            yield entry.last_run_id


def _size(home: Path) -> int:
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) if home.is_dir() else 0


def _give_back(database: Path) -> None:
    """Give free pages back to the disk; a database that somebody else holds is left for the next time."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(database, timeout=1.0)) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        free = connection.execute("PRAGMA freelist_count").fetchone()[0]
        if pages and free / pages > VACUUM_SHARE:
            connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
