"""An in-memory DuckDB of this process, for questions about frames.

Here belongs its one connection. Opening a database costs 20 ms of CPU, whatever is asked of it; a cursor costs nothing.
SQL models and SQL tests, which people write, run in a database of their own that can reach no file (`sql_models`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import duckdb
import polars as pl

from resistance_assets.settings import load_settings

MEMORY_OF_A_STEP = 400 * 1000**2


@contextlib.contextmanager
def cursor_over(name: str, frame: pl.DataFrame) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor in which ``frame`` stands as the view ``name``; nothing of it is seen by another cursor."""
    with contextlib.closing(_database().cursor()) as cursor:
        cursor.register(name, in_place(frame))
        try:
            yield cursor
        finally:
            cursor.unregister(name)


def in_place(frame: pl.DataFrame) -> Any:
    """A frame as DuckDB reads it without a copy: texts stay as polars holds them."""
    return frame.to_arrow(compat_level=pl.CompatLevel.newest())


def query_memory_bytes() -> int:
    """What one query of a step may hold in memory; what is beyond is spilled to disk.

    Less than a user may give to queries of their own: several steps may run at once, each with its frames beside it.
    """
    return min(load_settings().memory_bytes, MEMORY_OF_A_STEP)


# Process -> its database. A child of a fork opens its own and leaves its parent's alone: the threads of that stayed in
# the parent, and closing it would wait for them, or crash.
_DATABASES: dict[int, duckdb.DuckDBPyConnection] = {}


def _database() -> duckdb.DuckDBPyConnection:
    process = os.getpid()
    if process not in _DATABASES:
        _DATABASES[process] = duckdb.connect(config={"memory_limit": f"{query_memory_bytes() // 1000}KB"})
    return _DATABASES[process]
