"""The answer of a query as a frame: the memory of the database and that of the whole answer at different times."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl

ANSWERED_ROWS = 122_880
HELD_ROWS = 8 * ANSWERED_ROWS
"""More rows than these wait in files until the database is closed: a join or sort of many holds all that it may."""


class Answer:
    """An answer that is fetched while its database is open, and read when it is closed; from `answers`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: list[pl.DataFrame | Path] = []

    def fetch(self, connection: duckdb.DuckDBPyConnection, sql: str) -> None:
        """Run the query, and fetch its rows by batches."""
        batches = connection.sql(sql).to_arrow_reader(ANSWERED_ROWS)
        rows = 0
        for batch in batches:
            part = pl.DataFrame(pl.from_arrow(batch))
            rows += part.height
            self._parts.append(part if rows <= HELD_ROWS else self._put_aside(part))
        if not self._parts:
            self._parts.append(pl.DataFrame(pl.from_arrow(batches.schema.empty_table())))

    def _put_aside(self, part: pl.DataFrame) -> Path:
        path = self._folder / f"{len(self._parts)}.arrow"
        part.write_ipc(path, compression="lz4")
        return path

    def frame(self) -> pl.DataFrame:
        """All rows, in the order of the query."""
        parts, self._parts = self._parts, []
        return pl.concat([_read(part) if isinstance(part, Path) else part for part in parts])


def _read(path: Path) -> pl.DataFrame:
    frame = pl.read_ipc(path)
    path.unlink()
    return frame


@contextlib.contextmanager
def answers() -> Iterator[Answer]:
    """Place of one answer; its files are gone at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="resistance_answer_") as folder:
        yield Answer(Path(folder))
