"""Rows of a large table between their computation and their file in the lake: in Arrow files, read in pieces.

What is checked, hashed and written is read by the million rows, so that a table of ten million never stands in memory,
neither beside the query that gives it nor alone. A small table is a frame.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

PIECE_ROWS = 122_880
"""Rows that a query gives at a time, and of a row group of a file in the lake."""

HELD_ROWS = 8 * PIECE_ROWS
"""A table of more rows is spooled, and read again by so many rows."""


class SpooledRows:
    """Rows of one table in Arrow files of this process, in their order; from `spool`.

    The files are gone when nothing refers to them any more, or the process ends.

    Attributes:
        schema: columns and their types.
        height: number of rows.
    """

    def __init__(self, schema: pl.Schema) -> None:
        self.schema = schema
        self.height = 0
        self._folder = Path(tempfile.mkdtemp(prefix="resistance_rows_"))
        self._files: list[Path] = []
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    @property
    def width(self) -> int:
        return len(self.schema)

    @property
    def columns(self) -> list[str]:
        return list(self.schema)

    def add(self, part: pl.DataFrame) -> None:
        """Put further rows behind those that are there."""
        if part.schema != self.schema:
            raise ValueError(f"rows of {dict(part.schema)} behind rows of {dict(self.schema)}")
        if part.is_empty():
            return
        path = self._folder / f"{len(self._files):06}.arrow"
        part.write_ipc(path, compression="lz4")
        self._files.append(path)
        self.height += part.height

    def pieces(self) -> Iterator[pl.DataFrame]:
        """All rows, some `HELD_ROWS` at a time."""
        held: list[pl.DataFrame] = []
        for path in self._files:
            held.append(pl.read_ipc(path))
            if sum(part.height for part in held) >= HELD_ROWS:
                yield pl.concat(held)
                held = []
        if held:
            yield pl.concat(held)

    def frame(self) -> pl.DataFrame:
        """All rows in memory."""
        return pl.concat([pl.read_ipc(path) for path in self._files])

    def scan(self) -> pl.LazyFrame:
        """All rows, lazily."""
        return pl.scan_ipc(self._files, glob=False)

    def in_place(self) -> Any:
        """The rows as DuckDB reads them, file by file."""
        import pyarrow.dataset

        return pyarrow.dataset.dataset([str(path) for path in self._files], format="ipc")


Rows = pl.DataFrame | SpooledRows
"""Rows of a table: in memory, or in files where they are many."""


def spool(parts: Iterable[pl.DataFrame]) -> Rows:
    """Rows that come in parts of one schema: a frame, or files as soon as they are more than `HELD_ROWS`.

    Raises:
        ValueError: there is no part, or two differ in their columns.
    """
    held: list[pl.DataFrame] = []
    spooled: SpooledRows | None = None
    for part in parts:
        held.append(part)
        if spooled is None and sum(one.height for one in held) > HELD_ROWS:
            spooled = SpooledRows(part.schema)
        if spooled is not None:
            for one in held:
                spooled.add(one)
            held = []
    if spooled is None and not held:
        raise ValueError("rows have columns, so that one part is needed at least")
    return pl.concat(held) if spooled is None else spooled
