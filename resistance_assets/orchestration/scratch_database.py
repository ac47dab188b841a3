"""An in-memory DuckDB of this process, for questions about frames.

Here belongs its one connection. Opening a database costs 20 ms of CPU, whatever is asked of it; a cursor costs nothing.
SQL models and SQL tests, which people write, run in a database of their own that can reach no file (`sql_models`).
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator

import duckdb
import polars as pl


@contextlib.contextmanager
def cursor_over(name: str, frame: pl.DataFrame) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor in which ``frame`` stands as the view ``name``; nothing of it is seen by another cursor."""
    with contextlib.closing(_database().cursor()) as cursor:
        cursor.register(name, frame.to_arrow())
        try:
            yield cursor
        finally:
            cursor.unregister(name)


@functools.cache
def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


# A database does not survive a fork: its threads stay in the parent.
os.register_at_fork(after_in_child=_database.cache_clear)
