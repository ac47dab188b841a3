"""Where the published file is, and the files of old releases: in the data folder, or in the lake's object store.

Here belongs the difference that the place of the lake makes to publishing and reading. With a lake in an object store
`warehouse/<release>.duckdb` holds the file and `warehouse/current.json` says which one is current; the data folder
keeps a copy of that one, which is compared with the record whenever it is opened. A file that states other facts of the
same release has a name of its own, since what was written is never changed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resistance_assets.errors import DataFault
from resistance_assets.files import (
    file_lock,
    flush_file,
    json_text,
    put_in_place,
    replace_file,
    storage_fault,
    write_json,
)
from resistance_assets.orchestration.stores.opening import open_objects, warehouse_home
from resistance_assets.warehouse.database import WAREHOUSE_FILE, names_in

if TYPE_CHECKING:
    from resistance_assets.orchestration.stores.objects import ObjectStore
    from resistance_assets.orchestration.stores.store import Stored

POINTER = "warehouse/current.json"
RIGHT = "warehouse"
NOTE = ".copy_of.json"
LAKE = "lake/"
"""Begins the path of a table in a manifest, wherever the lake is."""


def warehouse_path(data_dir: Path) -> Path:
    """Where the published file of a data folder is, or its copy, whether or not it exists or is the newest."""
    return warehouse_home(data_dir) / WAREHOUSE_FILE


def published_file(data_dir: Path) -> Path:
    """The published file as it is now; a copy of what an object store holds is brought up to date first.

    Raises:
        DataFault: the object store cannot be read, or what it names is gone.
    """
    store = open_objects(data_dir)
    if store is not None:
        _bring(store, warehouse_home(data_dir))
    return warehouse_path(data_dir)


def _bring(store: ObjectStore, home: Path) -> Stored | None:
    """Bring the copy to what the record names; the record, or None where nothing was published."""
    stored, warehouse = store.get(POINTER), home / WAREHOUSE_FILE
    if stored is None:
        warehouse.unlink(missing_ok=True)
        return None
    pointer = _read(stored.data)
    if _is_copy_of(pointer, home):
        return stored
    try:
        with file_lock(home / ".copy.lock"):
            if not _is_copy_of(pointer, home):
                with replace_file(warehouse) as aside:
                    store.download(pointer["key"], aside, sha256=pointer["sha256"])
                _note(pointer, home)
    except OSError as error:
        raise storage_fault(error, warehouse) from error
    return stored


def _read(data: bytes) -> dict[str, Any]:
    try:
        pointer = json.loads(data)
        return {"release": int(pointer["release"]), "key": str(pointer["key"]), "sha256": str(pointer["sha256"])}
    except (ValueError, KeyError, TypeError) as error:
        raise DataFault(
            "the record of the published file cannot be read",
            subject=POINTER,
            remedy="Remove it, then run `resistance run`: the file is built again from the lake.",
        ) from error


def _stamp(warehouse: Path) -> list[int]:
    facts = os.stat(warehouse)
    return [facts.st_ino, facts.st_size, facts.st_mtime_ns]


def _is_copy_of(pointer: dict[str, Any], home: Path) -> bool:
    try:
        note = json.loads((home / NOTE).read_text(encoding="utf-8"))
        return note["copy_of"] == pointer and note["stamp"] == _stamp(home / WAREHOUSE_FILE)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _note(pointer: dict[str, Any], home: Path) -> None:
    write_json(home / NOTE, {"copy_of": pointer, "stamp": _stamp(home / WAREHOUSE_FILE)})


class OutrunError(Exception):
    """Somebody else published since the state was read from which this publish was made."""


@dataclass(frozen=True)
class Target:
    """The published file, for the one who may replace it: `home` is the folder in which it is built."""

    home: Path
    store: ObjectStore | None
    found: Stored | None

    @property
    def warehouse(self) -> Path:
        return self.home / WAREHOUSE_FILE

    def put(self, aside: Path, release: int) -> None:
        """Put a finished file in the place of the published one, all at once.

        Raises:
            OutrunError: somebody else did so meanwhile.
        """
        if self.store is None:
            put_in_place(aside, self.warehouse)
            flush_file(self.home)
            return
        from resistance_assets.integrity import sha256_of

        sha256 = sha256_of(aside)
        pointer = {"release": release, "key": self.store.upload_once(f"warehouse/{release}.duckdb", aside, sha256)}
        pointer["sha256"] = sha256
        etag = None if self.found is None else self.found.etag
        if self.store.swap(POINTER, json_text(pointer).encode(), etag) is None:
            raise OutrunError
        put_in_place(aside, self.warehouse)
        _note(pointer, self.home)


@contextlib.contextmanager
def publishing(data_dir: Path) -> Iterator[Target]:
    """The right to replace the published file, which is brought up to date first; others wait."""
    home, store = warehouse_home(data_dir), open_objects(data_dir)
    with contextlib.ExitStack() as stack:
        stack.enter_context(file_lock(home / ".publish.lock"))
        found = None
        if store is not None:
            stack.enter_context(store.held(RIGHT))
            found = _bring(store, home)
        yield Target(home, store, found)


def named_in_store(data_dir: Path) -> set[str]:
    """Keys of the object store that the published file needs; empty where the lake is a folder."""
    store = open_objects(data_dir)
    stored = None if store is None else store.get(POINTER)
    return set() if stored is None else {POINTER, _read(stored.data)["key"]}


def release_files(data_dir: Path, facts: Mapping[str, Any]) -> list[Path]:
    """The files that hold a table of a manifest, in the order of its rows.

    Of a lake that is a folder they are as the manifest says, whether or not they are there.

    Raises:
        FileNotFoundError: one is gone from the object store; it names the table and the file.
    """
    store, names = open_objects(data_dir), names_in(facts)
    if store is None:
        return [data_dir / name for name in names]
    keys = [name.removeprefix(LAKE) for name in names]
    for key in keys:
        if store.find_damage(key) is not None:
            layer, table, _ = key.split("/")
            raise FileNotFoundError(errno.ENOENT, f"{layer}.{table}", store.name(key))
    return [store.local(key) for key in keys]


def as_in_manifest(parquet: Path, data_dir: Path) -> str:
    """Path of a table's file as a manifest holds it: seen from the data folder, so that this can be moved, and from
    the lake, wherever that is."""
    store, parquet = open_objects(data_dir), parquet.resolve()
    if store is not None and parquet.is_relative_to(store.place("").resolve()):
        return f"{LAKE}{parquet.relative_to(store.place('').resolve()).as_posix()}"
    folder = data_dir.resolve()
    return str(parquet.relative_to(folder)) if parquet.is_relative_to(folder) else str(parquet)
