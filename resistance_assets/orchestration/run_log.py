"""What every run did to every table, appended to one file: `runs.jsonl` beside the lake.

Here belong writing a line and reading them back. A line is one attempt of one run at one table: outcome, when, and how
long it took. Nothing is ever changed in the file but that `trim` forgets the oldest lines. Look-ups without a run (a
command that finds everything up to date) leave no line.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.files import append_lines, file_lock, replace_file

FILE = "runs.jsonl"
MOST_OF_REASON = 300
SCHEMA: dict[str, Any] = {
    "run_id": pl.String,
    "table_name": pl.String,
    "outcome": pl.String,
    "finished_at": pl.String,
    "seconds": pl.Float64,
    "reason": pl.String,
}
"""Columns of a log: seconds are those of the table's step, in equal parts over its outputs."""


def log_path(lake_root: Path) -> Path:
    """The file of a lake."""
    return lake_root.parent / FILE


def append_attempts(path: Path, attempts: Iterable[tuple[str, str, str, str, float, str | None]]) -> None:
    """Append attempts: run, table, outcome, when (UTC), seconds, reason. A disk that refuses hides no result."""
    lines = [
        json.dumps([*attempt[:4], round(attempt[4], 4), (attempt[5] or "")[:MOST_OF_REASON]], ensure_ascii=False)
        for attempt in attempts
    ]
    if not lines:
        return
    # `trim` replaces the file: what is appended to the old one meanwhile would be lost.
    with contextlib.suppress(OSError), file_lock(path.with_suffix(".lock"), shared=True):
        append_lines(path, lines)


def _lines(path: Path) -> Iterator[list[Any]]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                # The last line of a killed process may be cut.
                with contextlib.suppress(ValueError):
                    found = json.loads(line)
                    if isinstance(found, list) and len(found) == len(SCHEMA):
                        yield found
    except FileNotFoundError:
        return


def read_log(path: Path) -> pl.DataFrame:
    """Every attempt, in the order of the file; see `SCHEMA`."""
    frame = pl.DataFrame(list(_lines(path)), schema=SCHEMA, orient="row")
    return frame.with_columns(pl.col("reason").replace("", None))


def last_attempts(path: Path) -> dict[str, tuple[str, str]]:
    """Table -> when (UTC) and outcome of the last attempt at it."""
    return {table: (at, outcome) for _, table, outcome, at, _, _ in _lines(path)}


def durations(log: pl.DataFrame) -> pl.DataFrame:
    """Compute seconds of each table that was built, the slowest first; cache hits took none and are counted apart.

    Returns:
        table_name, last_seconds, median_seconds, total_seconds (Float64), times_built, cache_hits (Int64),
        last_built_at (String, UTC).
    """
    built = pl.col("outcome") == "built"
    return (
        log.group_by("table_name")
        .agg(
            pl.col("seconds").filter(built).last().alias("last_seconds"),
            pl.col("seconds").filter(built).median().alias("median_seconds"),
            pl.col("seconds").filter(built).sum().alias("total_seconds"),
            built.sum().cast(pl.Int64).alias("times_built"),
            (pl.col("outcome") == "cache hit").sum().cast(pl.Int64).alias("cache_hits"),
            pl.col("finished_at").filter(built).last().alias("last_built_at"),
        )
        .filter(pl.col("times_built") > 0)
        .sort("last_seconds", "table_name", descending=[True, False])
    )


def trim(path: Path, *, days: int) -> int:
    """Forget attempts older than so many days; returns how many."""
    if not path.exists():
        return 0
    oldest = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    with file_lock(path.with_suffix(".lock")):
        lines = list(_lines(path))
        kept = [line for line in lines if line[3] >= oldest]
        if len(kept) < len(lines):
            with replace_file(path) as aside:
                aside.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept), "utf-8")
    return len(lines) - len(kept)
