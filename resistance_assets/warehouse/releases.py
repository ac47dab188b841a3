"""Releases: their manifests in the published file and beside it, what a publish finds, and forgetting old ones.

The database is the authority: it holds the manifest of every release, so a `releases/<n>.json` that a killed process
did not write is written by the next publish.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from resistance_assets.errors import DataFault
from resistance_assets.files import aside_path, flush_file, json_text, storage_fault, write_json
from resistance_assets.orchestration.lake import now_iso
from resistance_assets.orchestration.stores.opening import open_objects
from resistance_assets.warehouse.building import (
    STORAGE_VERSION,
    database_fault,
    open_for_building,
    remove_aside,
    remove_orphans,
)
from resistance_assets.warehouse.database import RELEASES_FOLDER, literal, quoted
from resistance_assets.warehouse.publication import Publication
from resistance_assets.warehouse.published_file import OutrunError, as_in_manifest, publishing, warehouse_path

if TYPE_CHECKING:
    from resistance_assets.orchestration.stores.objects import ObjectStore


@dataclass(frozen=True)
class PublishedState:
    """The state that a publish finds."""

    # address -> (data version, definition) of the tables that are in the file and whole; empty where it cannot be used.
    tables: dict[str, tuple[str, str]]
    manifests: list[dict[str, Any]]
    meta_version: str | None
    is_usable: bool
    free_share: float
    release_changes: pl.DataFrame | None = None


def read_published_state(data_dir: Path) -> PublishedState:
    written = read_manifests(data_dir)
    nothing = PublishedState({}, [written[n] for n in sorted(written)], None, False, 0.0)
    warehouse = warehouse_path(data_dir)
    if not warehouse.is_file():
        return nothing
    try:
        with contextlib.closing(duckdb.connect()) as connection:
            # Attached and not connected to: a process gets the instance that it already has of a path, even where the
            # file behind the path was replaced since.
            connection.execute(f"ATTACH {literal(str(warehouse))} AS old (READ_ONLY)")
            releases = connection.execute("SELECT manifest FROM old.meta.releases ORDER BY release").fetchall()
            stated = connection.execute(
                "SELECT layer || '.' || table_name, data_version, definition_version, row_count FROM old.meta.tables"
            ).fetchall()
            counted = {
                address: connection.execute(f"SELECT count(*) FROM old.{quoted(address)}").fetchall()[0][0]
                for address, *_ in stated
            }
            facts = dict(connection.execute("SELECT name, value FROM old.meta.facts").fetchall())
            has_changes = connection.execute(
                "SELECT count(*) FROM duckdb_tables() "
                "WHERE database_name = 'old' AND schema_name = 'meta' AND table_name = 'release_changes'"
            ).fetchall()[0][0]
            changes = connection.sql("SELECT * FROM old.meta.release_changes").pl() if has_changes else None
            (form,) = connection.execute(
                "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = 'old'"
            ).fetchall()[0]
            sizes = connection.execute(
                "SELECT total_blocks, free_blocks FROM pragma_database_size() WHERE database_name = 'old'"
            ).fetchall()[0]
        manifests = {document["release"]: document for (text,) in releases if (document := json.loads(text))}
    except (duckdb.Error, json.JSONDecodeError, KeyError, TypeError):
        # Cut short, of another storage version, or not ours: everything is in the lake, so build from nothing.
        return nothing
    whole = {a: (version, definition) for a, version, definition, rows in stated if counted[a] == rows}
    merged = written | manifests
    return PublishedState(
        tables=whole,
        manifests=[merged[n] for n in sorted(merged)],
        meta_version=facts.get("meta_version"),
        # A file keeps the form in which it was begun, whoever adds to it.
        is_usable=len(whole) == len(stated) and form == f"{STORAGE_VERSION}+",
        free_share=sizes[1] / sizes[0] if sizes[0] else 0.0,
        release_changes=changes,
    )


def read_manifests(data_dir: Path) -> dict[int, dict[str, Any]]:
    """Manifests written beside the database; one that cannot be read counts as absent and is written again."""
    found: dict[int, dict[str, Any]] = {}
    if (store := open_objects(data_dir)) is not None:
        return _manifests_in(store)
    for path in (data_dir / RELEASES_FOLDER).glob("*.json"):
        with contextlib.suppress(OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError):
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["release"] == int(path.stem) and isinstance(document["tables"], dict):
                found[document["release"]] = document
    return found


def _manifests_in(store: ObjectStore) -> dict[int, dict[str, Any]]:
    """As `read_manifests`; a manifest that this process has read is read again only where it was replaced."""
    found: dict[int, dict[str, Any]] = {}
    for entry in store.list(RELEASES_FOLDER):
        if (entry.key, entry.etag) not in _READ:
            stored = store.get(entry.key)
            _READ[entry.key, entry.etag] = b"" if stored is None else stored.data
        with contextlib.suppress(ValueError, KeyError, TypeError):
            document = json.loads(_READ[entry.key, entry.etag])
            if entry.key == _manifest_key(document["release"]) and isinstance(document["tables"], dict):
                found[document["release"]] = document
    return found


_READ: dict[tuple[str, str], bytes] = {}


def _manifest_key(release: int) -> str:
    return f"{RELEASES_FOLDER}/{release}.json"


def write_manifests(data_dir: Path, manifests: Sequence[Mapping[str, Any]]) -> None:
    present, store = read_manifests(data_dir), open_objects(data_dir)
    for manifest in manifests:
        if present.get(manifest["release"]) == manifest:
            continue
        if store is not None:
            store.replace(_manifest_key(manifest["release"]), json_text(manifest).encode())
        else:
            write_json(data_dir / RELEASES_FOLDER / f"{manifest['release']}.json", manifest)


def partitions_in(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Partition -> key of the record of how it was made; manifests of earlier versions call them shares."""
    return manifest.get("partitions") or manifest.get("shares") or {}


def cache_key_in(facts: Mapping[str, Any]) -> str | None:
    """Key of the record of how a table of a manifest was made; earlier versions wrote it as `memo_key`."""
    return facts.get("cache_key") or facts.get("memo_key")


def manifest_of(
    release: int,
    data_dir: Path,
    tables: Sequence[Publication],
    meta: Mapping[str, pl.DataFrame],
    code_revision: str,
    settings: Mapping[str, str],
    partitions: Mapping[str, str],
) -> dict[str, Any]:
    sources = meta.get("sources", pl.DataFrame())
    checksums = (
        dict(sources.select("source_id", "sha256").drop_nulls("sha256").rows())
        if {"source_id", "sha256"} <= set(sources.columns)
        else {}
    )
    return {
        "release": release,
        "published_at": now_iso(),
        "code_revision": code_revision,
        "settings": dict(settings),
        "sources": checksums,
        "tables": {
            p.table.address: {
                "data_version": p.table_version.data_version,
                "code_version": p.table_version.code_version,
                "parameters": p.table_version.parameters,
                "inputs": dict(p.table_version.inputs),
                "rows": p.table_version.rows,
                "status": p.table_version.status,
                "files": [as_in_manifest(path, data_dir) for path in p.files],
                "cache_key": p.table_version.notes.get("cache_key"),
            }
            for p in tables
        },
        "partitions": dict(partitions),
    }


def forget_releases(data_dir: Path, keep: int) -> tuple[tuple[int, ...], dict[int, dict[str, Any]]]:
    """Remove all but the newest releases from `releases/` and from the published file, which is swapped in whole.

    The numbers go on from the newest. A process killed between the two leaves releases that the next publish or the
    next call completes: the database is the authority.

    Returns:
        Numbers that were removed; manifests that were kept, by number.

    Raises:
        DataFault: nothing was published yet, or the disk refuses.
    """
    warehouse, store = warehouse_path(data_dir), open_objects(data_dir)
    try:
        with publishing(data_dir) as target:
            remove_orphans(target.home)
            old = read_published_state(data_dir)
            if not old.manifests:
                raise DataFault("nothing was published yet", subject=str(warehouse), remedy="Run `resistance run`.")
            kept = {manifest["release"]: manifest for manifest in old.manifests[-keep:]}
            gone = tuple(manifest["release"] for manifest in old.manifests[:-keep])
            if store is not None:
                store.delete(_manifest_key(release) for release in gone)
            for release in gone if store is None else ():
                (data_dir / RELEASES_FOLDER / f"{release}.json").unlink(missing_ok=True)
            if gone and old.meta_version is not None:
                aside = aside_path(warehouse)
                try:
                    shutil.copyfile(warehouse, aside)
                    with open_for_building(aside) as connection:
                        # What was derived from old releases, such as their changes, stays when they go.
                        connection.execute(f"DELETE FROM meta.releases WHERE release < {min(kept)}")
                        connection.execute("CHECKPOINT")
                    flush_file(aside)
                    target.put(aside, max(kept))
                except BaseException:
                    remove_aside(aside)
                    raise
            return gone, kept
    except OutrunError:
        raise DataFault(
            "somebody else published meanwhile", subject=str(warehouse), remedy="Prune again when the run has ended."
        ) from None
    except OSError as error:
        raise storage_fault(error, warehouse) from error
    except duckdb.Error as error:
        raise database_fault(error, warehouse) from error
