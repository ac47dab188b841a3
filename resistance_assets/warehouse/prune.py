"""Removal of old releases and of what only they needed.

Here belongs the decision of what nothing names any more: neither the record of a current version nor a release that is
kept. It is taken while nobody reads or writes the lake; a process killed at any moment leaves what is kept as it was,
and the next pruning finishes the work.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from resistance_assets.errors import DataFault
from resistance_assets.orchestration.lake import CACHE_FOLDER, CURRENT, TABLE_SUFFIX, Lake, open_lake
from resistance_assets.orchestration.stores.sources import FOLDER as SOURCES
from resistance_assets.orchestration.stores.sources import keys_named, open_source_files
from resistance_assets.orchestration.stores.store import Entry
from resistance_assets.orchestration.table_files.file_list import LIST_SUFFIX
from resistance_assets.warehouse.published_file import named_in_store
from resistance_assets.warehouse.releases import cache_key_in, forget_releases, partitions_in


@dataclass(frozen=True)
class Pruned:
    """What a pruning removed."""

    releases: tuple[int, ...]
    kept_releases: tuple[int, ...]
    parquet_files: int
    records: int
    bytes_freed: int

    def describe(self) -> str:
        """One line."""
        gone = f"releases {', '.join(map(str, self.releases))}" if self.releases else "no release"
        kept = ", ".join(map(str, self.kept_releases)) or "none"
        return (
            f"removed {gone}, {self.parquet_files} tables and {self.records} records of the lake, "
            f"{self.bytes_freed / 1e6:,.1f} MB; kept releases {kept}"
        )


def prune(
    data_dir: Path,
    *,
    keep: int,
    waiting: Callable[[str], None] = lambda holder: None,
    is_known: Callable[[str], bool] = lambda name: True,
) -> Pruned:
    """Remove all but the ``keep`` newest releases, and the files of the lake that nothing names then.

    Args:
        data_dir: holds the lake, the releases and the published file.
        keep: at least 1.
        waiting: told who works in the lake, before the wait for it.
        is_known: whether a name in the lake is one of this version's tables or partitions. What an earlier version left
            under another name is removed, but for what a kept release needs.

    Raises:
        ValueError: fewer than one release is to be kept.
        DataFault: nothing was published yet, or the disk refuses.
    """
    if keep < 1:
        raise ValueError("at least one release is kept")
    lake = open_lake(data_dir)
    with lake.quiet(waiting=waiting):
        gone, manifests = forget_releases(data_dir, keep)
        for name in lake.addresses():
            if not is_known(name):
                lake.forget(name)
        named = _named(lake, manifests) | named_in_store(data_dir)
        sources = open_source_files(data_dir)
        if sources is not None:
            named |= keys_named(sources, _sources_in(lake, named), manifests.values())
        before = datetime.now(UTC) - lake.store.grace if lake.store.grace else datetime.max.replace(tzinfo=UTC)
        entries = list(_unneeded(list(lake.store.list()), named, before))
        lake.store.delete(entry.key for entry in entries)
        tables = sum(entry.key.endswith(TABLE_SUFFIX) for entry in entries)
        freed = sum(entry.size_bytes for entry in entries)
        lake.remove_orphans()
        lake.store.forget_copies(named.__contains__)
    records = sum(entry.key.endswith(".json") for entry in entries)
    return Pruned(gone, tuple(manifests), tables, records, freed)


def _sources_in(lake: Lake, named: Collection[str]) -> Iterator[Mapping[str, Any]]:
    """What the records that stay say of their sources: facts by source, of each table."""
    for address in lake.addresses():
        current = lake.current(address)
        found = [current, *(record for key, record in lake.records(address) if key in named)]
        yield from (record.notes["sources"] for record in found if record is not None and record.notes.get("sources"))


def _unneeded(entries: Sequence[Entry], named: Collection[str], before: datetime) -> Iterator[Entry]:
    """What nothing names, where neither it nor the record of what is current beside it is of a moment ago.

    Somebody may have read that record before it was replaced, and be about to read the version that it named.
    """
    is_recent = {
        entry.key.rpartition("/")[0]
        for entry in entries
        if entry.key.endswith(f"/{CURRENT}") and entry.modified_at > before
    }
    for entry in entries:
        if entry.key in named or not _is_removable(entry.key) or entry.modified_at > before:
            continue
        if "/".join(entry.key.split("/")[:2]) not in is_recent:
            yield entry


def _is_removable(key: str) -> bool:
    """Whether a key is of a version of a table, the record of a known result, a published file, or a source."""
    folder, *parts = key.split("/")
    if folder == SOURCES:
        return len(parts) == 1
    if folder == "warehouse":
        return len(parts) == 1 and key.endswith(".duckdb")
    return (len(parts) == 2 and key.endswith((TABLE_SUFFIX, LIST_SUFFIX))) or (
        len(parts) == 3 and parts[1] == CACHE_FOLDER and key.endswith(".json")
    )


def _named(lake: Lake, manifests: Mapping[int, Mapping[str, Any]]) -> set[str]:
    """Keys of what a current version or a kept release needs, the listed files of partitions among them."""
    named: set[str] = set()

    def keep_record(address: str, cache_key: str | None) -> None:
        if cache_key:
            named.add(lake.key(address, f"{CACHE_FOLDER}/{cache_key}.json"))

    for address in lake.addresses():
        table_version = lake.current(address)
        if table_version is None:
            raise DataFault(
                "current.json cannot be read, so its files cannot be told from old ones",
                subject=address,
                remedy="Run `resistance run` first: it is written again.",
            )
        named.update(lake.keys_of_version(address, table_version.data_version))
        keep_record(address, table_version.notes.get("cache_key"))
        # A known result is only known as long as its record is there: keep every record of a file that stays.
        for key, record in lake.records(address):
            if record is not None and record.data_version == table_version.data_version:
                named.add(key)
    for manifest in manifests.values():
        for address, facts in manifest["tables"].items():
            named.update(lake.keys_of_version(address, facts["data_version"]))
            keep_record(address, cache_key_in(facts))
        for address, cache_key in partitions_in(manifest).items():
            keep_record(address, cache_key)
    return named
