"""The lake: immutable Parquet files by data version, and per table a record of the current one.

Here belongs everything that knows how `lake/<layer>/<table>/` is laid out. Nothing here computes, validates or imports
Dagster.

    <data_version>.parquet    the table, written once, never changed
    <data_version>.sha256     checksum of that file
    <data_version>.files.json in place of both: the table's rows stand in these files of other tables
    current.json              which version is current, from which inputs and code
    memo/<cache key>.json     the same record by what went in: the cache, in which a known result is found again

Where they are kept, files of a folder or objects of a host, is the store's matter (`stores`). There a file appears
under its name only when it is whole, so a process killed at any moment leaves the old record with the old file or the
new record with the new one.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.errors import DataFault
from resistance_assets.files import json_text
from resistance_assets.orchestration.events import ProgressEvent, emit
from resistance_assets.orchestration.stores.local import LocalStore
from resistance_assets.orchestration.stores.opening import open_store
from resistance_assets.orchestration.stores.store import Store
from resistance_assets.orchestration.table_files.content import (
    Content,
    content_from_record,
    content_of,
    content_of_file,
    content_of_union,
    earlier_content_version,
)
from resistance_assets.orchestration.table_files.file_list import (
    LIST_SUFFIX,
    ListedFile,
    list_as_bytes,
    list_from_bytes,
)
from resistance_assets.orchestration.table_files.spooled_rows import PIECE_ROWS, Rows, SpooledRows

# Named so since the first version: a data folder of an earlier version keeps its known results.
CACHE_FOLDER, _EARLIER_CACHE_KEY = "memo", "memo_key"
CURRENT, TABLE_SUFFIX = "current.json", ".parquet"
MOST_SWAPS = 8


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
    """A lake; created on first write.

    Args:
        root: its folder. Where the lake is in another store, nothing of it need be there, and what belongs to this
            data folder alone (locks, the log of runs) is found from it.
        store: where its objects are; by default files below ``root``.
    """

    def __init__(self, root: Path, store: Store | None = None) -> None:
        self.root = root
        self.store: Store = LocalStore(root) if store is None else store
        # Entity tags of records of current versions as they were when this process got the right to write the table.
        self._etags: dict[str, str | None] = {}

    def folder(self, address: str) -> Path:
        """Folder of a table in a lake that is a folder."""
        return self.root / _folder_of(address)

    def key(self, address: str, name: str) -> str:
        """Key in the store of something that belongs to a table."""
        return f"{_folder_of(address)}/{name}"

    def path(self, address: str, data_version: str) -> Path:
        """Where a version's own file is, or will be when it is asked for, whether or not it exists."""
        return self.store.place(self._table_key(address, data_version))

    def listed_files(self, address: str, data_version: str) -> list[ListedFile]:
        """Files that hold a version's rows, by table and version: its own, or those that its list names."""
        own = [(address, data_version)]
        if self.store.exists(self._table_key(address, data_version)):
            return own
        stored = self.store.get(self.list_key(address, data_version))
        return own if stored is None else list_from_bytes(stored.data) or own

    def list_key(self, address: str, data_version: str) -> str:
        """Key in the store of the list of a version's files, where its rows stand in those of other tables."""
        return self.key(address, f"{data_version}{LIST_SUFFIX}")

    def files(self, address: str, data_version: str) -> list[Path]:
        """Where the files that hold a version's rows are, in their order, whether or not they exist."""
        return [self.path(*one) for one in self.listed_files(address, data_version)]

    def keys_of_version(self, address: str, data_version: str) -> list[str]:
        """Keys in the store of all that a version's rows are read from."""
        listed = self.listed_files(address, data_version)
        return [self.list_key(address, data_version), *(self._table_key(*one) for one in listed)]

    def _table_key(self, address: str, data_version: str) -> str:
        return self.key(address, f"{data_version}{TABLE_SUFFIX}")

    def _record_key(self, address: str, cache_key: str) -> str:
        return self.key(address, f"{CACHE_FOLDER}/{cache_key}.json")

    def current(self, address: str) -> TableVersion | None:
        """The current version, or None where the table was never written or its record cannot be read."""
        return self._read(self.key(address, CURRENT))

    def lookup(self, address: str, cache_key: str) -> TableVersion | None:
        """The version that these inputs, code and parameters gave before, if its file is still there."""
        found = self.record(address, cache_key)
        return None if found is None or self.find_damage(address, found.data_version) else found

    def record(self, address: str, cache_key: str) -> TableVersion | None:
        """How a version was made, whether or not its file is still there."""
        return self._read(self._record_key(address, cache_key))

    def records(self, address: str) -> Iterator[tuple[str, TableVersion | None]]:
        """Key in the store of each record of a known result of a table, and the record; None where it is none."""
        for entry in self.store.list(self.key(address, CACHE_FOLDER)):
            if entry.key.endswith(".json"):
                yield entry.key, self._read(entry.key)

    def _read(self, key: str) -> TableVersion | None:
        stored = self.store.get(key)
        return None if stored is None else read_version(stored.data)

    def schema(self, address: str, data_version: str) -> pl.Schema:
        """Columns of a version's file and their types, which stand in its last bytes: no row is read."""
        first, *_ = self.listed_files(address, data_version)
        return scan_files([self.store.footer(self._table_key(*first))]).collect_schema()

    def current_files(self, address: str) -> list[Path]:
        """Files of the current version.

        Raises:
            DataFault: the table was never written, or its file is gone.
        """
        table_version = self.current(address)
        if table_version is None:
            raise DataFault("the table was never built", subject=address, remedy="Run `resistance run` first.")
        return self.intact_files(address, table_version.data_version)

    def intact_files(self, address: str, data_version: str) -> list[Path]:
        """Files of a version in the order of its rows, whose bytes are those that were written.

        Raises:
            DataFault: it is gone or damaged.
        """
        keys = [self._table_key(*one) for one in self.listed_files(address, data_version)]
        if damage := self.find_damage(address, data_version):
            raise DataFault(
                f"the lake's file is damaged: {damage}",
                subject=address,
                expected=self.store.name(keys[0]),
                remedy="Run `resistance run`: it is built again.",
            )
        return [self.store.local(key, _content_version_of_file) for key in keys]

    def find_damage(self, address: str, data_version: str, *, read_all: bool = False) -> str | None:
        """What is wrong with a version's files; None where they are whole. See `integrity`."""
        for name, version in self.listed_files(address, data_version):
            key = self._table_key(name, version)
            if damage := self.store.find_damage(key, _content_version_of_file, read_all=read_all):
                return damage if name == address else f"{damage}, of {name}"
        return None

    def damage_of(self, address: str, *, read_all: bool = False) -> str | None:
        """What is wrong with a table's record or current file; None where nothing is, or it was never built."""
        table_version = self.current(address)
        if table_version is None:
            return f"{CURRENT} cannot be read" if self.store.exists(self.key(address, CURRENT)) else None
        return self.find_damage(address, table_version.data_version, read_all=read_all)

    def scan(self, address: str) -> pl.LazyFrame:
        """The current version, lazily."""
        return scan_files(self.current_files(address))

    def read(self, address: str) -> pl.DataFrame:
        """The current version, in memory."""
        return read_files(self.current_files(address))

    def read_version(self, address: str, data_version: str) -> pl.DataFrame:
        """A version, in memory."""
        return read_files(self.intact_files(address, data_version))

    def content(self, table_version: TableVersion) -> Content:
        """Content of a version: from its record, or from its file where a record of an earlier release lacks it."""
        address, version = table_version.address, table_version.data_version
        noted = content_from_record(table_version.content, self.schema(address, version))
        return noted or content_of_union([content_of_file(path) for path in self.intact_files(address, version)])

    def write(self, address: str, frame: Rows, content: Content | None = None) -> str:
        """Write rows under its content version, unless that is already there. The current version stays as it is.

        Args:
            address: the table.
            frame: its rows, in memory or spooled.
            content: of these, where the caller has it.

        Returns:
            The data version.
        """
        version = (content or content_of(frame)).version
        key = self._table_key(address, version)
        if self.store.find_damage(key, _content_version_of_file):
            with self.store.writing(key) as aside:
                try:
                    _write_parquet(frame, aside)
                except pl.exceptions.ComputeError as error:
                    # What the system refused within the encoder comes wrapped, and without its number.
                    for number in (errno.ENOSPC, errno.EDQUOT):
                        if os.strerror(number) in str(error):
                            raise OSError(number, os.strerror(number)) from error
                    raise
        return version

    def write_list(self, address: str, files: Sequence[ListedFile], content: Content) -> str:
        """Note that a table's rows stand in these files; as `write`, without a copy of them."""
        version = content.version
        if self.find_damage(address, version):
            # A damaged file of its own would be read before the list.
            self.store.delete([self._table_key(address, version)])
            self.store.replace(self.list_key(address, version), list_as_bytes(files))
        return version

    def set_current(self, table_version: TableVersion, cache_key: str | None) -> TableVersion:
        """Make a version current and remember what it was made from.

        The record is replaced only as it was when the table was `locked`. Where somebody else replaced it since (whose
        right to write had run out, or ours), a result of the same inputs and code stays, and any other is told and
        replaced: the next run finds which of the two is up to date.

        Returns:
            The version that is current now.
        """
        address = table_version.address
        data = json_text(asdict(table_version)).encode()
        if cache_key is not None:
            self.store.replace(self._record_key(address, cache_key), data)
        key = self.key(address, CURRENT)
        etag = self._etags.pop(address) if address in self._etags else self._etag_of(key)
        for _ in range(MOST_SWAPS):
            if self.store.swap(key, data, etag) is not None:
                return table_version
            stored = self.store.get(key)
            theirs = None if stored is None else read_version(stored.data)
            if theirs is not None and cache_key is not None and theirs.notes.get("cache_key") == cache_key:
                return theirs
            emit(ProgressEvent("note", address, message=f"{address} was made by another run meanwhile; it is replaced"))
            etag = None if stored is None else stored.etag
        raise DataFault(
            f"{CURRENT} was replaced by others {MOST_SWAPS} times while this run tried to",
            subject=address,
            remedy="Run again when the other runs have ended.",
        )

    def _etag_of(self, key: str) -> str | None:
        stored = self.store.get(key)
        return None if stored is None else stored.etag

    def forget(self, address: str) -> None:
        """No version of a table is current any more. Its files and records stay; `prune` removes what nothing names."""
        self.store.delete([self.key(address, CURRENT)])

    def unreadable_records(self, address: str) -> list[str]:
        """Records of known results of a table that are none, by the names of their files."""
        return [self.store.name(key) for key, record in self.records(address) if record is None]

    @contextlib.contextmanager
    def locked(self, address: str, *, waiting: Callable[[str], None] = lambda holder: None) -> Iterator[None]:
        """Exclusive right to write one table, across processes; a second writer waits.

        Args:
            address: the table.
            waiting: told who holds it (`process 1234`) before a wait begins.
        """
        with self.store.held(_folder_of(address), waiting=waiting):
            self._etags[address] = self._etag_of(self.key(address, CURRENT))
            try:
                yield
            finally:
                self._etags.pop(address, None)

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Right to find the file of every current version for as long as the block lasts; shared among readers."""
        with self.store.in_use():
            yield

    @contextlib.contextmanager
    def quiet(self, *, waiting: Callable[[str], None] = lambda holder: None) -> Iterator[None]:
        """Right to remove files: nobody reads or writes meanwhile. Waits for whoever does."""
        with self.store.quiet(waiting=waiting):
            yield

    def addresses(self, record: str = CURRENT) -> list[str]:
        """Every table that was ever written, or beside which another record stands."""
        found = [key.split("/") for key in self.store.find(record)]
        return sorted(f"{layer}.{name}" for layer, name, _ in found)

    def remove_orphans(self) -> int:
        """Remove files that a killed process left half-written; returns how many there were."""
        return self.store.remove_orphans()


def open_lake(data_dir: Path) -> Lake:
    """The lake of a data folder: its own, or the one in an object store that RESISTANCE_LAKE names.

    Raises:
        UsageFault: RESISTANCE_LAKE is no address of a lake.
    """
    return Lake(data_dir / "lake", open_store(data_dir))


def _folder_of(address: str) -> str:
    layer, name = address.split(".", 1)
    return f"{layer}/{name}"


def _content_version_of_file(path: Path) -> str:
    version = content_of_file(path).version
    return version if version == path.stem else earlier_content_version(read_file(path))


def scan_files(paths: Sequence[Path]) -> pl.LazyFrame:
    """Rows of Parquet files, lazily; their paths are taken as they are, whatever brackets or stars are in them."""
    return pl.scan_parquet(list(paths), glob=False)


def read_file(path: Path) -> pl.DataFrame:
    """A Parquet file, in memory; its path is taken as it is, whatever brackets or stars are in it."""
    return pl.read_parquet(path, glob=False)


def read_files(paths: Sequence[Path]) -> pl.DataFrame:
    """Rows of Parquet files, in memory, as `scan_files`."""
    return read_file(paths[0]) if len(paths) == 1 else scan_files(paths).collect()


def _write_parquet(frame: Rows, path: Path) -> None:
    """Rows as Parquet.

    Unsigned numbers alone are a sparse matrix: places, which lie close to those before them, and last a value, of which
    there are few. Differences of the places and a dictionary of the values take half of what polars writes.
    """
    if isinstance(frame, SpooledRows):
        frame.scan().sink_parquet(path, compression="zstd", row_group_size=PIECE_ROWS, statistics=True)
        return
    if frame.width < 2 or frame.is_empty() or not all(dtype.is_unsigned_integer() for dtype in frame.dtypes):
        frame.write_parquet(path, compression="zstd", row_group_size=PIECE_ROWS, statistics=True)
        return
    import pyarrow.parquet

    *places, value = frame.columns
    pyarrow.parquet.write_table(
        frame.to_arrow(),
        path,
        compression="zstd",
        row_group_size=PIECE_ROWS,
        use_dictionary=[value],  # pyright: ignore[reportArgumentType]
        column_encoding=dict.fromkeys(places, "DELTA_BINARY_PACKED"),
    )


def now_iso() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


_TEXTS = ("address", "status", "data_version", "code_version", "parameters", "built_at", "run_id")


def read_version(data: bytes) -> TableVersion | None:
    """The version that a record tells of; None where the bytes are no record: then it is written anew."""
    try:
        table_version = TableVersion(**json.loads(data.decode("utf-8")))
        if _EARLIER_CACHE_KEY in table_version.notes:
            table_version.notes["cache_key"] = table_version.notes.pop(_EARLIER_CACHE_KEY)
    except (ValueError, TypeError, RecursionError):
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
