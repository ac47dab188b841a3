"""Tuning of SQLite, in which Dagster keeps its records of runs.

Here belongs what a process does to SQLAlchemy before it writes such records: a run writes thousands, and left as they
are they take longer than most of its work. Postgres, where it is configured, is left as it is.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import sqlalchemy
import sqlalchemy.event
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage

MOST_ENGINES = 16


def tune_sqlite() -> None:
    """Let this process write Dagster's records without waiting for the disk, over connections that stay open."""
    if sqlalchemy.event.contains(sqlalchemy.Engine, "connect", _without_sync):
        return
    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", _without_sync)
    for module in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
        vars(module)["create_engine"] = _kept(vars(module)["create_engine"])


def _without_sync(connection: Any, _: Any) -> None:
    """Let SQLite leave the flushing of Dagster's records to the system.

    Each is a transaction that would wait for the disk: on a busy disk minutes in all. A process killed at any moment
    loses nothing by this; a power cut may cost the run history, never the lake, whose files are flushed one by one.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


def _kept(create_engine: Callable[..., sqlalchemy.Engine]) -> Callable[..., sqlalchemy.Engine]:
    """The same engine with open connections for the same database, where Dagster makes one of each for each query.

    What SQLAlchemy knows of a statement is kept with the engine, so every statement was compiled anew; and a run of 400
    tables opened 20,000 connections. Together they were a quarter of a run in which little is computed. The engines
    used last are kept, so that a process that lives for months does not hold a file of each of its runs.
    """
    engines: OrderedDict[str, _KeptEngine] = OrderedDict()
    lock = threading.Lock()

    def engine_of(url: str, **options: Any) -> sqlalchemy.Engine:
        if options.get("poolclass") is not sqlalchemy.NullPool:
            return create_engine(url, **options)
        known = f"{url} {sorted(options.items(), key=str)}"
        with lock:
            kept = engines.get(known)
            if kept is None or not kept.is_of_the_file():
                if kept is not None:
                    kept.close()
                pooled = {**options, "poolclass": sqlalchemy.QueuePool, "pool_size": 2, "max_overflow": -1}
                kept = engines[known] = _KeptEngine(create_engine(url, **pooled))
            engines.move_to_end(known)
            while len(engines) > MOST_ENGINES:
                engines.popitem(last=False)[1].close()
            return kept.engine

    return engine_of


class _KeptEngine:
    """An engine that stays open when Dagster disposes of it, for as long as its file is the same."""

    def __init__(self, engine: sqlalchemy.Engine) -> None:
        self.engine = engine
        self._dispose = engine.dispose
        self._inode: int | None = None
        vars(engine)["dispose"] = lambda close=True: None

    def is_of_the_file(self) -> bool:
        """Whether the database still stands where it stood: one that was set aside gets a new engine."""
        try:
            inode = os.stat(self.engine.url.database or "").st_ino
        except OSError:
            return self._inode is None
        self._inode = inode if self._inode is None else self._inode
        return inode == self._inode

    def close(self) -> None:
        self._dispose()
