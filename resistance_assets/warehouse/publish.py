"""The published warehouse: `warehouse.duckdb`, built beside the old one and swapped in whole, and its releases.

Here belongs the only code that writes `warehouse.duckdb` and `releases/<n>.json`. What the tables hold is decided
elsewhere; this takes their Parquet files as they are.

The database is the authority on releases: it holds the manifest of every one, so a `releases/<n>.json` that a killed
process did not write is written by the next publish. A **release** is a change of data: the same data versions of the
same tables make none, whatever happened to code, comments or runs. If only such facts changed, the file is still
swapped for one that states them (under the old release number); if nothing changed, nothing is touched.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from resistance_assets.errors import DataFault
from resistance_assets.files import aside_path, flush_file, storage_fault
from resistance_assets.orchestration.lake import now_iso
from resistance_assets.warehouse.building import database_fault, open_for_building, remove_aside, remove_orphans
from resistance_assets.warehouse.changed_files import ChangedFiles, find_changed_files, write_changed_files
from resistance_assets.warehouse.database import column_list, first_line, literal, quoted, rows_of
from resistance_assets.warehouse.meta_schema import meta_version_of, write_meta_schema
from resistance_assets.warehouse.publication import Publication, definition_version, is_key_enforced
from resistance_assets.warehouse.published_file import OutrunError, publishing, warehouse_path
from resistance_assets.warehouse.releases import PublishedState, manifest_of, read_published_state, write_manifests

STEPS = (
    "locked",
    "orphans_removed",
    "old_file_read",
    "old_file_copied",
    "tables_written",
    "meta_written",
    "closed",
    "flushed",
    "swapped",
    "releases_written",
)
"""What `between` is told, in order, after each step; a publish that finds nothing new leaves out those it skips."""

MOST_TRIES = 3
REBUILD_SHARE = 0.5
"""Where more than this share of the rows changed, or of the old file is free space, it is built from nothing."""


@dataclass(frozen=True)
class PublishResult:
    """What a publish did: the current release, whether it is a new one, and which tables were written anew."""

    release: int
    is_new: bool
    rewritten: tuple[str, ...]
    kept: tuple[str, ...]
    seconds: float


def publish(
    data_dir: Path,
    tables: Sequence[Publication],
    *,
    meta: Mapping[str, pl.DataFrame],
    code_revision: str,
    settings: Mapping[str, str],
    partitions: Mapping[str, str] = {},
    changes: Callable[[Mapping[str, Any], Mapping[str, Any]], pl.DataFrame] | None = None,
    between: Callable[[str], None] = lambda step: None,
) -> PublishResult:
    """Bring `warehouse.duckdb` to the given versions, in one swap.

    Args:
        data_dir: holds the database, `releases/` and the lake.
        tables: everything that the database shall hold; what it holds beyond that is dropped.
        meta: further tables of schema `meta`, as they are. From `sources` the manifest takes `source_id` and `sha256`.
        code_revision: of the package.
        settings: what the run was asked for; kept in the manifest.
        partitions: partition, which is not published -> key of the record of how it was made, which tells of causes
            later.
        changes: from the manifests of two releases to rows of `meta.release_changes`, called for a new release; what
            it said of earlier releases is kept.
        between: called after each of `STEPS`.

    Raises:
        DataFault: a Parquet file is missing, unreadable or does not fit its model, or the disk refuses. The old file
            stays as it is.
    """
    try:
        for _ in range(MOST_TRIES):
            with contextlib.suppress(OutrunError):
                return _publish(data_dir, tables, meta, code_revision, settings, partitions, changes, between)
    except OSError as error:
        raise storage_fault(error, warehouse_path(data_dir)) from error
    except duckdb.Error as error:
        raise database_fault(error, warehouse_path(data_dir)) from error
    raise DataFault(
        f"others published {MOST_TRIES} times while this run tried to",
        subject=str(warehouse_path(data_dir)),
        remedy="Run again when the other runs have ended.",
    )


def _facts_of(
    manifest: Mapping[str, Any], meta_version: str, code_revision: str, settings: Mapping[str, str]
) -> dict[str, str]:
    """What `meta` says of the published file itself."""
    return {
        "release": str(manifest["release"]),
        "written_at": now_iso(),
        "meta_version": meta_version,
        "code_revision": code_revision,
        "duckdb_version": duckdb.__version__,
        **{f"setting.{name}": value for name, value in settings.items()},
    }


def _publish(
    data_dir: Path,
    tables: Sequence[Publication],
    meta: Mapping[str, pl.DataFrame],
    code_revision: str,
    settings: Mapping[str, str],
    partitions: Mapping[str, str],
    changes: Callable[[Mapping[str, Any], Mapping[str, Any]], pl.DataFrame] | None,
    between: Callable[[str], None],
) -> PublishResult:
    started = time.perf_counter()
    with publishing(data_dir) as target:
        warehouse = target.warehouse
        between("locked")
        remove_orphans(target.home)
        between("orphans_removed")
        old = read_published_state(data_dir)
        between("old_file_read")

        addresses = [publication.table.address for publication in tables]
        definitions = {p.table.address: definition_version(p.table, p.table_version.rows) for p in tables}
        wanted = {p.table.address: (p.table_version.data_version, definitions[p.table.address]) for p in tables}
        changed = [address for address in addresses if old.tables.get(address) != wanted[address]]
        gone = [address for address in old.tables if address not in wanted]
        last = old.manifests[-1] if old.manifests else None
        versions = {address: version for address, (version, _) in wanted.items()}
        is_new = last is None or {a: t["data_version"] for a, t in last["tables"].items()} != versions
        manifest = manifest_of(
            (last["release"] + 1 if last else 1) if is_new or last is None else last["release"],
            data_dir, tables, meta, code_revision, settings, partitions,
        )  # fmt: skip
        meta_version = meta_version_of(tables, meta, definitions, code_revision, settings)
        manifests = [*old.manifests, manifest] if is_new else old.manifests

        if is_new or changed or gone or meta_version != old.meta_version or not old.is_usable:
            partly = _partly_changed(data_dir, tables, old, definitions)
            changed_rows = sum(
                partly[p.table.address].rows if p.table.address in partly else p.table_version.rows
                for p in tables
                if p.table.address in changed
            )
            all_rows = sum(p.table_version.rows for p in tables)
            from_nothing = (
                not old.is_usable or changed_rows > REBUILD_SHARE * all_rows or old.free_share > REBUILD_SHARE
            )
            if from_nothing:
                changed, gone, partly = list(addresses), [], {}
            aside = aside_path(warehouse)
            meta = _with_changes(meta, changes, last if is_new else None, manifest, old.release_changes)
            try:
                if not from_nothing:
                    shutil.copyfile(warehouse, aside)
                between("old_file_copied")
                with open_for_building(aside) as connection:
                    for address in gone:
                        connection.execute(f"DROP TABLE {quoted(address)}")
                    for publication in tables:
                        if publication.table.address in changed:
                            _write_table(connection, publication, partly.get(publication.table.address))
                    between("tables_written")
                    write_comments(connection, tables)
                    facts = _facts_of(manifest, meta_version, code_revision, settings)
                    write_meta_schema(connection, tables, manifests, definitions, meta, facts)
                    between("meta_written")
                    connection.execute("CHECKPOINT")
                between("closed")
                flush_file(aside)
                between("flushed")
                target.put(aside, manifest["release"])
            except BaseException:
                remove_aside(aside)
                raise
            between("swapped")
        else:
            changed = []
        write_manifests(data_dir, manifests)
        between("releases_written")
    kept = tuple(address for address in addresses if address not in changed)
    return PublishResult(manifest["release"], is_new, tuple(changed), kept, time.perf_counter() - started)


def _partly_changed(
    data_dir: Path, tables: Sequence[Publication], old: PublishedState, definitions: Mapping[str, str]
) -> dict[str, ChangedFiles]:
    """Tables of which the published file holds some partitions as they are now."""
    stated = old.manifests[-1]["tables"] if old.manifests else {}
    found = {}
    for publication in tables:
        address, before = publication.table.address, stated.get(publication.table.address)
        if before and old.tables.get(address) == (before["data_version"], definitions[address]):
            changed = find_changed_files(publication.table, before, publication.files, data_dir)
            if changed is not None:
                found[address] = changed
    return found


def _with_changes(
    meta: Mapping[str, pl.DataFrame],
    changes: Callable[[Mapping[str, Any], Mapping[str, Any]], pl.DataFrame] | None,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    history: pl.DataFrame | None,
) -> Mapping[str, pl.DataFrame]:
    """``meta`` with `release_changes`: what was said of earlier releases, and what differs from ``before`` if given."""
    if changes is None:
        return meta
    news = [changes(before, after)] if before is not None else []
    earlier = [history] if history is not None else []
    return {**meta, "release_changes": pl.concat([*earlier, *news])} if earlier or news else meta


def _write_table(
    connection: duckdb.DuckDBPyConnection, publication: Publication, changed: ChangedFiles | None = None
) -> None:
    table = publication.table
    if lost := [path for path in publication.files if not path.is_file()]:
        raise DataFault(
            "its Parquet file is gone",
            subject=table.address,
            expected=str(lost[0]),
            remedy="Delete the table's folder in the lake and run again.",
        )
    address = quoted(table.address)
    try:
        if changed is not None:
            write_changed_files(connection, table, changed)
        else:
            _create_table(connection, publication)
            # By name, since a file written before a column moved must not shift; in the order of the file: by key.
            connection.execute(f"INSERT INTO {address} BY NAME SELECT * FROM {rows_of(publication.files)}")
    except (duckdb.ConstraintException, duckdb.BinderException, duckdb.ConversionException) as error:
        raise DataFault(
            f"its Parquet file does not fit the table model: {first_line(error)}",
            subject=table.address,
            place=publication.files[0].name,
            remedy="Build the table again with the present models (`resistance run`).",
        ) from error
    except duckdb.InvalidInputException as error:
        raise DataFault(
            f"its Parquet file cannot be read: {first_line(error)}",
            subject=table.address,
            place=publication.files[0].name,
            remedy="Delete the table's folder in the lake and run again.",
        ) from error
    rows = connection.execute(f"SELECT count(*) FROM {address}").fetchall()[0][0]
    if rows != publication.table_version.rows:
        raise DataFault(
            f"its Parquet file holds {rows} rows",
            subject=table.address,
            place=publication.files[0].name,
            expected=f"{publication.table_version.rows}, as its record says",
            remedy="Delete the table's folder in the lake and run again.",
        )


def _create_table(connection: duckdb.DuckDBPyConnection, publication: Publication) -> None:
    table, address = publication.table, quoted(publication.table.address)
    columns = [
        f'"{column.name}" {column.duckdb_type}{"" if column.nullable else " NOT NULL"}' for column in table.columns
    ]
    if is_key_enforced(table, publication.table_version.rows):
        columns.append(f"PRIMARY KEY ({column_list(table.key)})")
    connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{table.layer}"')
    connection.execute(f"DROP TABLE IF EXISTS {address}")
    connection.execute(f"CREATE TABLE {address} ({', '.join(columns)})")


def write_comments(connection: duckdb.DuckDBPyConnection, tables: Sequence[Publication]) -> None:
    statements: list[str] = []
    for publication in tables:
        table = publication.table
        comment = table.comment
        if not is_key_enforced(table, publication.table_version.rows):
            comment += f". Key, checked before the table was written: {', '.join(table.key)}"
        statements.append(f"COMMENT ON TABLE {quoted(table.address)} IS {literal(comment)}")
        statements += [
            f'COMMENT ON COLUMN {quoted(table.address)}."{column.name}" IS {literal(column.comment)}'
            for column in table.columns
        ]
    connection.execute("BEGIN")
    for statement in statements:
        connection.execute(statement)
    connection.execute("COMMIT")
