"""Building `warehouse.duckdb` beside the old file: open, flush, clear away, and what its errors mean."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb

from resistance_assets.errors import DataFault
from resistance_assets.files import storage_fault
from resistance_assets.warehouse.database import RELEASES_FOLDER, WAREHOUSE_FILE, first_line

# The form of DuckDB 1.2, which every later version reads: what is built on DuckDB (R's package, DBeaver's driver) may
# follow a new major version by months.
# https://duckdb.org/docs/current/internals/storage
STORAGE_VERSION = "v1.2.0"


@contextlib.contextmanager
def open_for_building(aside: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new database file, or one that is there, to be written in the form of `STORAGE_VERSION`."""
    connection = duckdb.connect(str(aside), config={"storage_compatibility_version": STORAGE_VERSION})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def remove_orphans(data_dir: Path) -> None:
    """Half-built files of killed publishers. Whoever holds the lock is the only one, so all of them are dead."""
    for pattern in (f".{WAREHOUSE_FILE}.*.aside*", f"{RELEASES_FOLDER}/.*.aside"):
        for path in data_dir.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def remove_aside(aside: Path) -> None:
    """The file with what the database may have put beside it (its log, its folder for spilled data)."""
    for path in aside.parent.glob(f"{aside.name}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def database_fault(error: duckdb.Error, warehouse: Path) -> Exception:
    """An error of the database as the operating system's, where that is what it was."""
    text = str(error)
    for name in ("ENOSPC", "EDQUOT", "EACCES", "EROFS", "EFBIG", "EPERM", "EIO"):
        number = getattr(errno, name)
        if os.strerror(number).lower() in text.lower():
            return storage_fault(OSError(number, os.strerror(number)), warehouse)
    return DataFault(
        f"cannot be built: {first_line(error)}",
        subject=str(warehouse),
        remedy="The file that was there is unchanged; correct this and run again.",
    )
