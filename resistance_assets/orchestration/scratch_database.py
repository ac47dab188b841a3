"""An in-memory DuckDB of this process, for questions about frames.

Here belongs its one connection. Opening a database costs 20 ms of CPU, whatever is asked of it; a cursor costs nothing.
SQL models and SQL tests, which people write, run in a database of their own that can reach no file (`sql_models`).
"""

from __future__ import annotations

import contextlib
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


# Process -> its database. A child of a fork opens its own and leaves its parent's alone: the threads of that stayed in
# the parent, and closing it would wait for them, or crash.
_DATABASES: dict[int, duckdb.DuckDBPyConnection] = {}


def _database() -> duckdb.DuckDBPyConnection:
    process = os.getpid()
    if process not in _DATABASES:
        _DATABASES[process] = duckdb.connect()
    return _DATABASES[process]
