"""Dagster's SQLite files: whether they are databases, and beginning anew where they are not.

They hold the history of runs alone, never a result, so that a damaged one is put aside and not mended.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path

_HEADER = b"SQLite format 3\0"
_FOLDERS = ("history", "history/runs", "schedules")


def _databases(home: Path) -> Iterator[Path]:
    for folder in _FOLDERS:
        if (home / folder).is_dir():
            yield from sorted((home / folder).glob("*.db"))


def find_damaged_databases(home: Path) -> list[Path]:
    """Files of runs and schedules under Dagster's home that SQLite cannot open."""
    return [path for path in _databases(home) if not _is_database(path)]


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as handle:
            head = handle.read(len(_HEADER))
        if not head:
            return True  # SQLite begins with an empty file
        if head != _HEADER:
            return False
        with contextlib.closing(sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        return True  # busy or locked: somebody works with it
    except (OSError, sqlite3.DatabaseError):
        return False
    return True


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path))


def put_damaged_aside(home: Path) -> list[Path]:
    """Rename what is no database, with its logs, so that Dagster makes new ones; returns what was renamed."""
    renamed = []
    for folder in _FOLDERS:
        # A file where a folder belongs.
        place = home / folder
        if place.exists() and not place.is_dir():
            os.replace(place, place.with_name(f"{place.name}.damaged-{uuid.uuid4().hex[:8]}"))
            renamed.append(place)
    for path in find_damaged_databases(home):
        ending = f".damaged-{uuid.uuid4().hex[:8]}"
        for part in (path, *(path.with_name(f"{path.name}{log}") for log in ("-wal", "-shm", "-journal"))):
            if part.exists():
                os.replace(part, part.with_name(part.name + ending))
        renamed.append(path)
    return renamed
