"""Retention of Dagster's records: old runs with their events, ticks and evaluations go; what is current stays.

No result is in them: tables, their versions and the log of runs are in the lake and beside it. A run that holds the
last materialisation, observation or check of an asset is kept however old it is, since without it the asset would
count as missing, and be requested again; only its log of steps goes.
"""

from __future__ import annotations

import contextlib
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


@dataclass(frozen=True)
class Trimmed:
    """What went: runs, logs of runs that stay, and bytes of the files below the instance's folder."""

    runs: int
    logs: int
    bytes_freed: int

    def describe(self) -> str:
        return (
            f"removed {self.runs} runs of Dagster with their events, and the logs of {self.logs} more, "
            f"{self.bytes_freed / 1e6:,.1f} MB"
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
    for database in sorted(home.rglob("*.db")):
        _give_back(database)
    return Trimmed(removed, logs, max(0, before - _size(home)))


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
