"""Content of a table as numbers that add up: schema, number of rows, and sums of the hashes of its rows.

The data version of a table is a hash of these, so it does not depend on the order of rows, and that of a union of
partitions follows from theirs without reading a row. Sums and not exclusive ors: a row that stands twice counts twice.

Each row has two hashes of 64 bits, with different beginnings, summed apart. A row's hash is hashed once more before it
is summed: DuckDB puts the columns together with an exclusive or, and two rows that swap the values of their last column
would otherwise keep their sum about once in 75 million cases.

The hashes are DuckDB's, which it promises for one release alone: after an upgrade versions are others, and sums that
were noted before it are counted anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from resistance_assets.orchestration.scratch_database import cursor_over
from resistance_assets.orchestration.table_files.spooled_rows import HELD_ROWS, Rows, SpooledRows

SIGNIFICANT_DIGITS = 12
HASHED_ROWS = HELD_ROWS
HASHED_BY = f"duckdb {duckdb.__version__}"
_LANES, _MODULUS = 2, 1 << 128


@dataclass(frozen=True)
class Content:
    """What a table holds: columns with the names of their types, number of rows, sums of the hashes of its rows."""

    schema: tuple[tuple[str, str], ...]
    rows: int
    sums: tuple[int, ...]

    @property
    def version(self) -> str:
        """Data version: equal content has an equal one, whatever the order of rows."""
        document = (HASHED_BY, self.schema, self.rows, self.sums)
        return hashlib.sha256(repr(document).encode()).hexdigest()[:20]

    def as_record(self) -> dict[str, Any]:
        """As JSON can hold it. The schema stands in the table's file."""
        return {"hashed_by": HASHED_BY, "rows": self.rows, "sums": [str(one) for one in self.sums]}


def content_of(rows: Rows) -> Content:
    """Content of a frame or of spooled rows. Floats count by 12 significant digits, and -0.0 as 0.0."""
    pieces = rows.pieces() if isinstance(rows, SpooledRows) else rows.iter_slices(HASHED_ROWS)
    return _content_of(rows.schema, pieces)


def content_of_file(path: Path) -> Content:
    """Content of a Parquet file, which is read in pieces."""
    rows = pl.scan_parquet(path, glob=False)
    (height,) = rows.select(pl.len()).collect().row(0)
    pieces = (rows.slice(at, HASHED_ROWS).collect() for at in range(0, height, HASHED_ROWS))
    return _content_of(rows.collect_schema(), pieces)


def content_of_union(contents: Sequence[Content]) -> Content:
    """Content of the rows of all of them, which have the same columns."""
    if len({one.schema for one in contents}) != 1:
        raise ValueError("a union needs at least one table, and all of the same columns")
    sums = zip(*(one.sums for one in contents), strict=True)
    return Content(contents[0].schema, sum(one.rows for one in contents), tuple(sum(lane) % _MODULUS for lane in sums))


def content_from_record(record: Mapping[str, Any], schema: Mapping[str, Any]) -> Content | None:
    """What `as_record` gave; None where another release of DuckDB hashed the rows, or nothing usable stands there."""
    sums, rows = record.get("sums"), record.get("rows")
    if record.get("hashed_by") != HASHED_BY or not isinstance(rows, int) or not isinstance(sums, list):
        return None
    if len(sums) != _LANES or not all(isinstance(one, str) and one.isdecimal() for one in sums):
        return None
    return Content(_names_and_types(schema), rows, tuple(int(one) for one in sums))


def content_version(frame: pl.DataFrame) -> str:
    """Data version of a frame."""
    return content_of(frame).version


def earlier_content_version(frame: pl.DataFrame) -> str:
    """Data version as earlier releases made it, from one hash a row: it names files of older lakes."""
    columns = ", ".join(f'"{name}"' for name in frame.columns)
    total = 0
    for block in frame.iter_slices(HASHED_ROWS) if frame.width else ():
        with cursor_over("canonical", _canonical(block)) as cursor:
            ((found,),) = cursor.execute(f"SELECT sum(hash({columns})::HUGEINT) FROM canonical").fetchall()
        total += found
    document = (duckdb.__version__, [(name, str(dtype)) for name, dtype in frame.schema.items()], (frame.height, total))
    return hashlib.sha256(repr(document).encode()).hexdigest()[:20]


def _content_of(schema: Mapping[str, Any], pieces: Iterable[pl.DataFrame]) -> Content:
    """Content of rows that come in pieces: what is hashed is copied, so the whole never is."""
    columns = ", ".join(f'"{name}"' for name in schema)
    hashes = f"sum(hash(hash({columns}))::HUGEINT), sum(hash(hash(1, {columns}))::HUGEINT)"
    rows, sums = 0, [0] * _LANES
    for piece in pieces:
        rows += piece.height
        if not piece.height or not columns:
            continue
        with cursor_over("canonical", _canonical(piece)) as cursor:
            (found,) = cursor.execute(f"SELECT {hashes} FROM canonical").fetchall()
        sums = [(total + one) % _MODULUS for total, one in zip(sums, found, strict=True)]
    return Content(_names_and_types(schema), rows, tuple(sums))


def _canonical(frame: pl.DataFrame) -> pl.DataFrame:
    # Adding 0.0 makes -0.0 the same as 0.0; rounding survives another BLAS or number of threads.
    return frame.with_columns(pl.selectors.float().round_sig_figs(SIGNIFICANT_DIGITS) + 0.0)


def _names_and_types(schema: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(dtype)) for name, dtype in schema.items())
