"""The lake: immutable Parquet files by data version, and per table a record of the current one.

Here belongs everything that knows how `lake/<layer>/<table>/` is laid out. Nothing here computes, validates or imports
Dagster.

    <data_version>.parquet    the table, written once, never changed
    <data_version>.sha256     checksum of that file
    current.json              which version is current, from which inputs and code
    memo/<cache key>.json     the same record by what went in: the cache, in which a known result is found again

A file appears under its name only when it is whole (written aside, flushed, renamed), so a process killed at any moment
leaves the old record with the old file or the new record with the new one.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.errors import DataFault
from resistance_assets.files import file_lock, is_being_written, replace_file, write_json
from resistance_assets.integrity import find_damage, write_checksum
from resistance_assets.orchestration.table_files.content import (
    ROW_GROUP_ROWS,
    Content,
    content_from_record,
    content_of,
    content_of_file,
    earlier_content_version,
)

# Named so since the first version: a data folder of an earlier version keeps its known results.
CACHE_FOLDER, _EARLIER_CACHE_KEY = "memo", "memo_key"


@dataclass(frozen=True)
class TableVersion:
    """What is known of one version of a table.

    Attributes:
        address: `layer.table`.
        status: `available`, or `unavailable` where a source could not be had and nothing was ever loaded.
        data_version: content hash; equal content has an equal version.
        code_version: hash of the code that computed it.
        parameters: hash of the catalog parameters that it used.
        inputs: address of each input -> its data version.
        rows: number of rows.
        built_at: UTC, ISO 8601.
        run_id: orchestrator's run.
        seconds: how long the computation took.
        reason: why it is unavailable.
        notes: further facts for people (which source file, which checks passed).
        content: number of rows and sums of their hashes, from which the version of a union follows; empty in records
            of earlier releases.
    """

    address: str
    status: str
    data_version: str
    code_version: str
    parameters: str
    inputs: dict[str, str]
    rows: int
    built_at: str
    run_id: str
    seconds: float
    reason: str | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    content: dict[str, Any] = field(default_factory=dict)

    @property
    def is_available(self) -> bool:
        return self.status == "available"


class Lake:
    """A lake under ``root``; created on first write."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, address: str) -> Path:
        layer, name = address.split(".", 1)
        return self.root / layer / name

    def path(self, address: str, data_version: str) -> Path:
        """Where a version of a table is, whether or not it exists."""
        return self.folder(address) / f"{data_version}.parquet"

    def current(self, address: str) -> TableVersion | None:
        """The current version, or None where the table was never written or its record cannot be read."""
        return _read_version(self.folder(address) / "current.json")

    def lookup(self, address: str, cache_key: str) -> TableVersion | None:
        """The version that these inputs, code and parameters gave before, if its file is still there."""
        found = _read_version(self.folder(address) / CACHE_FOLDER / f"{cache_key}.json")
        return None if found is None or self.find_damage(address, found.data_version) else found

    def record(self, address: str, cache_key: str) -> TableVersion | None:
        """How a version was made, whether or not its file is still there."""
        return _read_version(self.folder(address) / CACHE_FOLDER / f"{cache_key}.json")

    def schema(self, address: str, data_version: str) -> pl.Schema:
        """Columns of a version's file and their types, which stand in its last bytes: no row is read."""
        return scan_file(self.path(address, data_version)).collect_schema()

    def current_path(self, address: str) -> Path:
        """File of the current version.

        Raises:
            DataFault: the table was never written, or its file is gone.
        """
        table_version = self.current(address)
        if table_version is None:
            raise DataFault("the table was never built", subject=address, remedy="Run `resistance run` first.")
        return self.intact_path(address, table_version.data_version)

    def intact_path(self, address: str, data_version: str) -> Path:
        """File of a version, whose bytes are those that were written.

        Raises:
            DataFault: it is gone or damaged.
        """
        path = self.path(address, data_version)
        if damage := self.find_damage(address, data_version):
            raise DataFault(
                f"the lake's file is damaged: {damage}",
                subject=address,
                expected=str(path),
                remedy="Run `resistance run`: it is built again.",
            )
        return path

    def find_damage(self, address: str, data_version: str, *, read_all: bool = False) -> str | None:
        """What is wrong with a version's file; None where it is whole. See `integrity`."""
        return find_damage(self.path(address, data_version), _content_version_of_file, read_all=read_all)

    def damage_of(self, address: str, *, read_all: bool = False) -> str | None:
        """What is wrong with a table's record or current file; None where nothing is, or it was never built."""
        path = self.folder(address) / "current.json"
        if not path.exists():
            return None
        table_version = self.current(address)
        if table_version is None:
            return "current.json cannot be read"
        return self.find_damage(address, table_version.data_version, read_all=read_all)

    def scan(self, address: str) -> pl.LazyFrame:
        """The current version, lazily."""
        return scan_file(self.current_path(address))

    def read(self, address: str) -> pl.DataFrame:
        """The current version, in memory."""
        return read_file(self.current_path(address))

    def content(self, table_version: TableVersion) -> Content:
        """Content of a version: from its record, or from its file where a record of an earlier release lacks it."""
        address, version = table_version.address, table_version.data_version
        noted = content_from_record(table_version.content, self.schema(address, version))
        return noted or content_of_file(self.intact_path(address, version))

    def write(self, address: str, frame: pl.DataFrame, content: Content | None = None) -> str:
        """Write a frame under its content version, unless that is already there. The current version stays as it is.

        Args:
            address: the table.
            frame: its rows.
            content: of the frame, where the caller has it.

        Returns:
            The data version.
        """
        version = (content or content_of(frame)).version
        path = self.path(address, version)
        if find_damage(path, _content_version_of_file):
            with replace_file(path) as aside:
                try:
                    _write_parquet(frame, aside)
                except pl.exceptions.ComputeError as error:
                    # What the system refused within the encoder comes wrapped, and without its number.
                    for number in (errno.ENOSPC, errno.EDQUOT):
                        if os.strerror(number) in str(error):
                            raise OSError(number, os.strerror(number)) from error
                    raise
            write_checksum(path)
        return version

    def set_current(self, table_version: TableVersion, cache_key: str | None) -> None:
        """Make a version current and remember what it was made from."""
        folder = self.folder(table_version.address)
        if cache_key is not None:
            write_json(folder / CACHE_FOLDER / f"{cache_key}.json", asdict(table_version))
        write_json(folder / "current.json", asdict(table_version))

    def forget(self, address: str) -> None:
        """No version of a table is current any more. Its files and records stay; `prune` removes what nothing names."""
        (self.folder(address) / "current.json").unlink(missing_ok=True)

    def unreadable_records(self, address: str) -> list[Path]:
        """Records of known results of a table that are none."""
        return [path for path in (self.folder(address) / CACHE_FOLDER).glob("*.json") if _read_version(path) is None]

    @contextlib.contextmanager
    def locked(self, address: str, *, waiting: Callable[[str], None] = lambda holder: None) -> Iterator[None]:
        """Exclusive right to write one table, across processes; a second writer waits.

        Args:
            address: the table.
            waiting: told who holds it (`process 1234`) before a wait begins.
        """
        with file_lock(self.folder(address) / ".lock", waiting=waiting):
            yield

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Right to find the file of every current version for as long as the block lasts; shared among readers."""
        with file_lock(self.root / ".in_use.lock", shared=True):
            yield

    @contextlib.contextmanager
    def quiet(self, *, waiting: Callable[[str], None] = lambda holder: None) -> Iterator[None]:
        """Right to remove files: nobody reads or writes meanwhile. Waits for whoever does."""
        with file_lock(self.root / ".in_use.lock", waiting=waiting):
            yield

    def addresses(self) -> list[str]:
        """Every table that was ever written."""
        return sorted(f"{path.parent.parent.name}.{path.parent.name}" for path in self.root.glob("*/*/current.json"))

    def remove_orphans(self) -> int:
        """Remove files that a killed process left half-written; returns how many there were."""
        orphans = [path for path in self.root.rglob("*.aside") if not is_being_written(path)]
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)


def _content_version_of_file(path: Path) -> str:
    version = content_of_file(path).version
    return version if version == path.stem else earlier_content_version(read_file(path))


def scan_file(path: Path) -> pl.LazyFrame:
    """A Parquet file, lazily; its path is taken as it is, whatever brackets or stars are in it."""
    return pl.scan_parquet(path, glob=False)


def read_file(path: Path) -> pl.DataFrame:
    """A Parquet file, in memory; its path is taken as it is, whatever brackets or stars are in it."""
    return pl.read_parquet(path, glob=False)


def _write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """A frame as Parquet.

    Unsigned numbers alone are a sparse matrix: places, which lie close to those before them, and last a value, of which
    there are few. Differences of the places and a dictionary of the values take half of what polars writes.
    """
    if frame.width < 2 or frame.is_empty() or not all(dtype.is_unsigned_integer() for dtype in frame.dtypes):
        frame.write_parquet(path, compression="zstd", row_group_size=ROW_GROUP_ROWS, statistics=True)
        return
    import pyarrow.parquet

    *places, value = frame.columns
    pyarrow.parquet.write_table(
        frame.to_arrow(),
        path,
        compression="zstd",
        row_group_size=ROW_GROUP_ROWS,
        use_dictionary=[value],  # pyright: ignore[reportArgumentType]
        column_encoding=dict.fromkeys(places, "DELTA_BINARY_PACKED"),
    )


def now_iso() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


_TEXTS = ("address", "status", "data_version", "code_version", "parameters", "built_at", "run_id")


def _read_version(path: Path) -> TableVersion | None:
    """The record of a file; None where there is none, or what stands there is none: then it is written anew."""
    try:
        table_version = TableVersion(**json.loads(path.read_text(encoding="utf-8")))
        if _EARLIER_CACHE_KEY in table_version.notes:
            table_version.notes["cache_key"] = table_version.notes.pop(_EARLIER_CACHE_KEY)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    is_usable = (
        all(isinstance(getattr(table_version, name), str) for name in _TEXTS)
        and isinstance(table_version.rows, int)
        and isinstance(table_version.inputs, dict)
        and isinstance(table_version.notes, dict)
        and isinstance(table_version.content, dict)
        and re.fullmatch(r"[0-9A-Za-z_-]{1,64}", table_version.data_version) is not None
    )
    return table_version if is_usable else None
