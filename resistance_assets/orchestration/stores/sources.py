"""Sources in a lake: their files by SHA-256, what was had of each, and what the graph was made from.

    sources/<sha256>        a file as it came from a host, a mirror or a study folder; never changes
    sources/<source>.json   what a run had of a source: its files, or why it could not be had
    configuration.json      study folders and catalogs of the runs that write to the lake

Only a lake in an object store has them: who shares a folder shares its download cache as well. Copies that were
fetched from the lake stand where downloads do, so that neither is fetched twice.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from resistance_assets.files import json_text, replace_file
from resistance_assets.integrity import sha256_of
from resistance_assets.orchestration.stores.opening import open_objects

if TYPE_CHECKING:
    from resistance_assets.orchestration.stores.objects import ObjectStore
    from resistance_assets.orchestration.stores.store import Stored

FOLDER = "sources"
CONFIGURATION = "configuration.json"
DOWNLOADS = "cache/files"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SOURCE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}")


@dataclass(frozen=True)
class Survey:
    """Files of sources in a lake: how many, how large in all, and what is wrong."""

    files: int
    size_bytes: int
    problems: list[str]


class SourceFiles:
    """Files and records of sources in a lake.

    Args:
        store: of the lake.
        downloads: folder of files that were fetched, as `<sha256>/<name>`.
    """

    def __init__(self, store: ObjectStore, downloads: Path) -> None:
        self._store = store
        self._downloads = downloads
        self._verified: dict[tuple[str, int, int], str] = {}

    def __str__(self) -> str:
        return str(self._store)

    def place(self, sha256: str, name: str) -> Path:
        """Where a file is on this host, whether or not it is there."""
        if not _SHA256.fullmatch(sha256) or name in ("", ".", "..") or "/" in name:
            raise ValueError(f"no file of a source: {sha256!r}, {name!r}")
        return self._downloads / sha256 / name

    def bring(self, sha256: str, name: str) -> Literal["gone", "damaged"] | None:
        """Make sure that a file is at its `place`, whole; what is wrong with the lake's where it is not."""
        path = self.place(sha256, name)
        if self._sha256(path) == sha256:
            return None
        return self._store.copy_file(key_of(sha256), path, sha256)

    def take(self, path: Path, sha256: str, name: str) -> None:
        """Put a file that was had from elsewhere at its `place`."""
        with replace_file(self.place(sha256, name)) as aside:
            shutil.copyfile(path, aside)

    def keep(self, path: Path, sha256: str) -> None:
        """Put a file into the lake, unless it is there."""
        self._store.keep_file(key_of(sha256), path, sha256)

    def holds(self, sha256: str) -> bool:
        """Whether the lake has a file."""
        return self._store.exists(key_of(sha256))

    def record(self, source: str) -> dict[str, Any] | None:
        """What was had of a source; None where nothing is known, or what stands there is no record."""
        return _document(self._store.get(record_key(source)))

    def note(self, source: str, record: Mapping[str, Any]) -> None:
        """Keep what was had of a source."""
        self._store.replace(record_key(source), json_text(record).encode())

    def survey(self, *, read_all: bool = False) -> Survey:
        """What is there, and what is wrong: what is named and gone or cut. Read, one of other bytes is removed."""
        sizes = {entry.key.removeprefix(f"{FOLDER}/"): entry.size_bytes for entry in self._store.list(FOLDER)}
        held = {name: size for name, size in sizes.items() if _SHA256.fullmatch(name)}
        wanted = {one["sha256"]: (study["folder"], one) for study in self.studies() for one in study["files"].values()}
        for name in self.recorded():
            wanted.update({one["sha256"]: (name, one) for one in (self.record(name) or {}).get("files", [])})
        problems = [
            f"{owner}: {key_of(sha256)} is {'cut' if sha256 in held else 'gone'}"
            for sha256, (owner, one) in sorted(wanted.items(), key=lambda item: item[1][0])
            if held.get(sha256) != one["bytes"]
        ]
        if read_all:
            damaged = [sha256 for sha256 in sorted(held) if self._store.digest_of(key_of(sha256)) != sha256]
            self._store.delete([key_of(sha256) for sha256 in damaged])
            problems += [f"{key_of(sha256)} had other bytes than its name says, and was removed" for sha256 in damaged]
        return Survey(len(held), sum(held.values()), problems)

    def studies(self) -> list[dict[str, Any]]:
        """Study folders of the configuration, with their files."""
        return (self.configuration() or {}).get("studies", [])

    def recorded(self) -> list[str]:
        """Sources of which something is known."""
        keys = [entry.key.removeprefix(f"{FOLDER}/") for entry in self._store.list(FOLDER)]
        return sorted(key.removesuffix(".json") for key in keys if key.endswith(".json"))

    def configuration(self) -> dict[str, Any] | None:
        """What the runs that write to the lake are made from; None where nothing is known."""
        return _document(self._store.get(CONFIGURATION))

    def note_configuration(self, document: Mapping[str, Any]) -> None:
        """Keep what the runs that write to the lake are made from."""
        self._store.replace(CONFIGURATION, json_text(document).encode())

    def _sha256(self, path: Path) -> str | None:
        try:
            facts = path.stat()
        except OSError:
            return None
        seen = (str(path), facts.st_mtime_ns, facts.st_size)
        if seen not in self._verified:
            self._verified[seen] = sha256_of(path)
        return self._verified[seen]


def open_source_files(data_dir: Path) -> SourceFiles | None:
    """Sources of the lake of a data folder; None where the lake is a folder. Nothing is asked of the store yet."""
    store = open_objects(data_dir)
    return None if store is None else SourceFiles(store, data_dir / DOWNLOADS)


def key_of(sha256: str) -> str:
    """Key in the store of a file."""
    return f"{FOLDER}/{sha256}"


def record_key(source: str) -> str:
    """Key in the store of what was had of a source."""
    if not _SOURCE.fullmatch(source):
        raise ValueError(f"no name of a source: {source!r}")
    return f"{FOLDER}/{source}.json"


def keys_named(
    files: SourceFiles, facts: Iterable[Mapping[str, Mapping[str, Any]]], manifests: Iterable[Mapping[str, Any]]
) -> set[str]:
    """Keys in the store of what is needed of sources.

    Args:
        files: of the lake.
        facts: what each record that stays says of the sources of its table.
        manifests: of the releases that are kept.
    """
    digests: set[str] = set()
    names: set[str] = set()
    for one in facts:
        names.update(one)
        digests.update(files_named_in(one))
    for manifest in manifests:
        digests.update(map(str, manifest.get("sources", {}).values()))
    for study in files.studies():
        digests.update(str(file["sha256"]) for file in study["files"].values())
    records = {}
    for name in files.recorded():
        record = files.record(name) or {}
        if name in names or record.get("fault"):
            records[name] = record
    for record in records.values():
        digests.update(str(file["sha256"]) for file in record.get("files", []))
    return {*map(key_of, digests), *map(record_key, records)}


def files_named_in(facts: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    """SHA-256 of files that the sources of a table's record name: of the one file, or of each of several."""
    for one in facts.values():
        several = one.get("files")
        yield from several if isinstance(several, list) else [str(one.get("checksum"))]


def _document(stored: Stored | None) -> dict[str, Any] | None:
    try:
        document = None if stored is None else json.loads(stored.data)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
