"""How Dagster keeps its records of runs in SQLite, made quicker.

Here belongs what a process does to SQLAlchemy before it writes such records: a run writes thousands, and left as they
are they take longer than most of its work. Postgres, where it is configured, is left as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import sqlalchemy
import sqlalchemy.event
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage


def quicken_records() -> None:
    """Let this process write Dagster's records without waiting for the disk, and with one engine per database."""
    if sqlalchemy.event.contains(sqlalchemy.Engine, "connect", _without_sync):
        return
    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", _without_sync)
    for module in (sqlite_event_log, sqlite_run_storage):
        vars(module)["create_engine"] = _kept(vars(module)["create_engine"])


def _without_sync(connection: Any, _: Any) -> None:
    """Let SQLite leave the flushing of Dagster's records to the system.

    Each is a transaction that would wait for the disk: on a busy disk minutes in all. A process killed at any moment
    loses nothing by this; a power cut may cost the run history, never the lake, whose files are flushed one by one.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


def _kept(create_engine: Callable[..., sqlalchemy.Engine]) -> Callable[..., sqlalchemy.Engine]:
    """The same engine for the same database, where Dagster would make one for each query.

    What SQLAlchemy knows of a statement is kept with the engine, so every statement was compiled anew: a fifth of a run
    in which little is computed. An engine without a pool holds no connection, so nothing else is shared.
    """
    engines: dict[str, sqlalchemy.Engine] = {}

    def engine_of(url: str, **options: Any) -> sqlalchemy.Engine:
        if options.get("poolclass") is not sqlalchemy.NullPool:
            return create_engine(url, **options)
        known = f"{url} {sorted(options.items(), key=str)}"
        if known not in engines:
            engines[known] = create_engine(url, **options)
        return engines[known]

    return engine_of
