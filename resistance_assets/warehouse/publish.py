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
import errno
import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from resistance_assets.catalog.tables import Table
from resistance_assets.errors import DataFault
from resistance_assets.orchestration.lake import Pointer, file_lock, now_iso, storage_fault, write_json
from resistance_assets.warehouse.meta_schema import META_COLUMN_COMMENTS, META_KEYS

WAREHOUSE_FILE = "warehouse.duckdb"
RELEASES_FOLDER = "releases"

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

ENFORCED_KEY_ROWS = 50_000
"""Above this a key is stated in the comment instead of declared: it was checked before the table was written.

Measured with 1.3 million rows and a key of four text columns (2 cores): declared, the insert takes 1.5 s instead of
0.15 s, the file grows from 14 to 131 MB and the process by 200 MB; a look-up of one gene gains nothing. Over the whole
warehouse of one cohort (4.6 million rows): 43 MB without a declared key, 60 MB at this bound, 90 MB at 200,000 rows.
"""

REBUILD_SHARE = 0.5
"""Where more than this share of the rows changed, or of the old file is free space, it is built from nothing."""

META_COMMENTS = {
    "releases": "One row per release; manifest holds its tables with data version, code version, inputs and rows",
    "tables": "One row per table of this file: what a row is, how many there are, which version of data and code",
    "columns": "One row per column: type, unit, meaning and whether it is part of the key",
    "lineage": "One row per column and column it is computed from; `source` is a file, `constant` neither",
    "facts": "Facts about this file: the release it holds, when it was written and by which version",
    "sources": "One row per source: where it was fetched from, under which licence, with which checksum",
    "runs": "One row per run that built something of what is current",
    "hypotheses_tested": "One row per analysis and family of tests: how many tests and how they were corrected",
    "catalog_faults": "Entries of the catalog that were left out, and why",
    "release_changes": "One row per table, list member, q-value or verdict that a release changed, with the cause",
    "study_faults": "Laboratory studies that were left out, and why",
}


@dataclass(frozen=True)
class Publication:
    """A table to publish: its model, what is known of its version, its file, and where its columns come from."""

    table: Table
    pointer: Pointer
    parquet: Path
    lineage: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class PublishResult:
    """What a publish did: the current release, whether it is a new one, and which tables were written anew."""

    release: int
    is_new: bool
    rewritten: tuple[str, ...]
    kept: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class _Old:
    """The state that a publish finds."""

    # address -> (data version, definition) of the tables that are in the file and whole; empty where it cannot be used.
    tables: dict[str, tuple[str, str]]
    manifests: list[dict[str, Any]]
    meta_version: str | None
    is_usable: bool
    free_share: float
    release_changes: pl.DataFrame | None = None


def publish(
    data_dir: Path,
    tables: Sequence[Publication],
    *,
    meta: Mapping[str, pl.DataFrame],
    code_revision: str,
    settings: Mapping[str, str],
    shares: Mapping[str, str] = {},
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
        shares: tables that are not published -> key of the record of how they were made, which tells of causes later.
        changes: from the manifests of two releases to rows of `meta.release_changes`, called for a new release; what
            it said of earlier releases is kept.
        between: called after each of `STEPS`.

    Raises:
        DataFault: a Parquet file is missing, unreadable or does not fit its model, or the disk refuses. The old file
            stays as it is.
    """
    try:
        return _publish(data_dir, tables, meta, code_revision, settings, shares, changes, between)
    except OSError as error:
        raise storage_fault(error, data_dir / WAREHOUSE_FILE) from error
    except duckdb.Error as error:
        raise _database_fault(error, data_dir / WAREHOUSE_FILE) from error


def _publish(
    data_dir: Path,
    tables: Sequence[Publication],
    meta: Mapping[str, pl.DataFrame],
    code_revision: str,
    settings: Mapping[str, str],
    shares: Mapping[str, str],
    changes: Callable[[Mapping[str, Any], Mapping[str, Any]], pl.DataFrame] | None,
    between: Callable[[str], None],
) -> PublishResult:
    started = time.perf_counter()
    warehouse = data_dir / WAREHOUSE_FILE
    with file_lock(data_dir / ".publish.lock"):
        between("locked")
        _remove_orphans(data_dir)
        between("orphans_removed")
        old = _read_old(data_dir)
        between("old_file_read")

        addresses = [publication.table.address for publication in tables]
        definitions = {p.table.address: _definition(p.table, p.pointer.rows) for p in tables}
        wanted = {p.table.address: (p.pointer.data_version, definitions[p.table.address]) for p in tables}
        changed = [address for address in addresses if old.tables.get(address) != wanted[address]]
        gone = [address for address in old.tables if address not in wanted]
        last = old.manifests[-1] if old.manifests else None
        versions = {address: version for address, (version, _) in wanted.items()}
        is_new = last is None or {a: t["data_version"] for a, t in last["tables"].items()} != versions
        manifest = _manifest(
            (last["release"] + 1 if last else 1) if is_new or last is None else last["release"],
            data_dir, tables, meta, code_revision, settings, shares,
        )  # fmt: skip
        meta_version = _meta_version(tables, meta, definitions, code_revision, settings)
        manifests = [*old.manifests, manifest] if is_new else old.manifests

        if is_new or changed or gone or meta_version != old.meta_version:
            changed_rows = sum(p.pointer.rows for p in tables if p.table.address in changed)
            all_rows = sum(p.pointer.rows for p in tables)
            from_nothing = (
                not old.is_usable or changed_rows > REBUILD_SHARE * all_rows or old.free_share > REBUILD_SHARE
            )
            if from_nothing:
                changed, gone = list(addresses), []
            aside = data_dir / f".{WAREHOUSE_FILE}.{os.getpid()}.{uuid.uuid4().hex[:8]}.aside"
            if changes is not None:
                news = [changes(last, manifest)] if is_new and last is not None else []
                history = [old.release_changes] if old.release_changes is not None else []
                meta = {**meta, "release_changes": pl.concat([*history, *news])} if history or news else meta
            try:
                if not from_nothing:
                    shutil.copyfile(warehouse, aside)
                between("old_file_copied")
                with _building(aside) as connection:
                    for address in gone:
                        connection.execute(f"DROP TABLE {_quoted(address)}")
                    for publication in tables:
                        if publication.table.address in changed:
                            _write_table(connection, publication)
                    between("tables_written")
                    _write_comments(connection, tables)
                    _write_meta(connection, tables, manifests, definitions, meta, {
                        "release": str(manifest["release"]),
                        "written_at": now_iso(),
                        "meta_version": meta_version,
                        "code_revision": code_revision,
                        "duckdb_version": duckdb.__version__,
                        **{f"setting.{name}": value for name, value in settings.items()},
                    })  # fmt: skip
                    between("meta_written")
                    connection.execute("CHECKPOINT")
                between("closed")
                _flush(aside)
                between("flushed")
                os.replace(aside, warehouse)
                _flush(data_dir)
            except BaseException:
                _remove_aside(aside)
                raise
            between("swapped")
        else:
            changed = []
        _write_releases(data_dir, manifests)
        between("releases_written")
    kept = tuple(address for address in addresses if address not in changed)
    return PublishResult(manifest["release"], is_new, tuple(changed), kept, time.perf_counter() - started)


def forget_releases(data_dir: Path, keep: int) -> tuple[tuple[int, ...], dict[int, dict[str, Any]]]:
    """Remove all but the newest releases from `releases/` and from the published file, which is swapped in whole.

    The numbers go on from the newest. A process killed between the two leaves releases that the next publish or the
    next call completes: the database is the authority.

    Returns:
        Numbers that were removed; manifests that were kept, by number.

    Raises:
        DataFault: nothing was published yet, or the disk refuses.
    """
    warehouse = data_dir / WAREHOUSE_FILE
    try:
        with file_lock(data_dir / ".publish.lock"):
            _remove_orphans(data_dir)
            old = _read_old(data_dir)
            if not old.manifests:
                raise DataFault("nothing was published yet", subject=str(warehouse), remedy="Run `resistance run`.")
            kept = {manifest["release"]: manifest for manifest in old.manifests[-keep:]}
            gone = tuple(manifest["release"] for manifest in old.manifests[:-keep])
            for release in gone:
                (data_dir / RELEASES_FOLDER / f"{release}.json").unlink(missing_ok=True)
            if gone and old.meta_version is not None:
                aside = data_dir / f".{WAREHOUSE_FILE}.{os.getpid()}.{uuid.uuid4().hex[:8]}.aside"
                try:
                    shutil.copyfile(warehouse, aside)
                    with _building(aside) as connection:
                        for name in ("releases", *(["release_changes"] if old.release_changes is not None else [])):
                            connection.execute(f"DELETE FROM meta.{name} WHERE release < {min(kept)}")
                        connection.execute("CHECKPOINT")
                    _flush(aside)
                    os.replace(aside, warehouse)
                    _flush(data_dir)
                except BaseException:
                    _remove_aside(aside)
                    raise
            return gone, kept
    except OSError as error:
        raise storage_fault(error, warehouse) from error
    except duckdb.Error as error:
        raise _database_fault(error, warehouse) from error


# ---- what is there ---------------------------------------------------------------------------------------------------


def _remove_orphans(data_dir: Path) -> None:
    """Half-built files of killed publishers. Whoever holds the lock is the only one, so all of them are dead."""
    for pattern in (f".{WAREHOUSE_FILE}.*.aside*", f"{RELEASES_FOLDER}/.*.aside"):
        for path in data_dir.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _read_old(data_dir: Path) -> _Old:
    written = _read_releases(data_dir)
    nothing = _Old({}, [written[n] for n in sorted(written)], None, False, 0.0)
    warehouse = data_dir / WAREHOUSE_FILE
    if not warehouse.is_file():
        return nothing
    try:
        with contextlib.closing(duckdb.connect()) as connection:
            # Attached and not connected to: a process gets the instance that it already has of a path, even where the
            # file behind the path was replaced since.
            connection.execute(f"ATTACH {_literal(str(warehouse))} AS old (READ_ONLY)")
            releases = connection.execute("SELECT manifest FROM old.meta.releases ORDER BY release").fetchall()
            stated = connection.execute(
                "SELECT layer || '.' || table_name, data_version, definition_version, row_count FROM old.meta.tables"
            ).fetchall()
            counted = {
                address: connection.execute(f"SELECT count(*) FROM old.{_quoted(address)}").fetchall()[0][0]
                for address, *_ in stated
            }
            facts = dict(connection.execute("SELECT name, value FROM old.meta.facts").fetchall())
            has_changes = connection.execute(
                "SELECT count(*) FROM duckdb_tables() "
                "WHERE database_name = 'old' AND schema_name = 'meta' AND table_name = 'release_changes'"
            ).fetchall()[0][0]
            changes = connection.sql("SELECT * FROM old.meta.release_changes").pl() if has_changes else None
            sizes = connection.execute(
                "SELECT total_blocks, free_blocks FROM pragma_database_size() WHERE database_name = 'old'"
            ).fetchall()[0]
        manifests = {document["release"]: document for (text,) in releases if (document := json.loads(text))}
    except (duckdb.Error, json.JSONDecodeError, KeyError, TypeError):
        # Cut short, of another storage version, or not ours: everything is in the lake, so build from nothing.
        return nothing
    whole = {a: (version, definition) for a, version, definition, rows in stated if counted[a] == rows}
    merged = written | manifests
    return _Old(
        tables=whole,
        manifests=[merged[n] for n in sorted(merged)],
        meta_version=facts.get("meta_version"),
        is_usable=len(whole) == len(stated),
        free_share=sizes[1] / sizes[0] if sizes[0] else 0.0,
        release_changes=changes,
    )


def _read_releases(data_dir: Path) -> dict[int, dict[str, Any]]:
    """Manifests written beside the database; one that cannot be read counts as absent and is written again."""
    found: dict[int, dict[str, Any]] = {}
    for path in (data_dir / RELEASES_FOLDER).glob("*.json"):
        with contextlib.suppress(OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError):
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["release"] == int(path.stem) and isinstance(document["tables"], dict):
                found[document["release"]] = document
    return found


def _write_releases(data_dir: Path, manifests: Sequence[Mapping[str, Any]]) -> None:
    present = _read_releases(data_dir)
    for manifest in manifests:
        if present.get(manifest["release"]) != manifest:
            write_json(data_dir / RELEASES_FOLDER / f"{manifest['release']}.json", manifest)


def _manifest(
    release: int,
    data_dir: Path,
    tables: Sequence[Publication],
    meta: Mapping[str, pl.DataFrame],
    code_revision: str,
    settings: Mapping[str, str],
    shares: Mapping[str, str],
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
                "data_version": p.pointer.data_version,
                "code_version": p.pointer.code_version,
                "parameters": p.pointer.parameters,
                "inputs": dict(p.pointer.inputs),
                "rows": p.pointer.rows,
                "status": p.pointer.status,
                "parquet": _relative(p.parquet, data_dir),
                "memo_key": p.pointer.notes.get("memo_key"),
            }
            for p in tables
        },
        "shares": dict(shares),
    }


def _relative(path: Path, folder: Path) -> str:
    """``path`` as seen from ``folder`` where it is below it, so that a data folder can be moved."""
    path, folder = path.resolve(), folder.resolve()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


# ---- what is written -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _building(aside: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(str(aside))
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def _write_table(connection: duckdb.DuckDBPyConnection, publication: Publication) -> None:
    table = publication.table
    if not publication.parquet.is_file():
        raise DataFault(
            "its Parquet file is gone",
            subject=table.address,
            expected=str(publication.parquet),
            remedy="Delete the table's folder in the lake and run again.",
        )
    columns = [
        f'"{column.name}" {column.duckdb_type}{"" if column.nullable else " NOT NULL"}' for column in table.columns
    ]
    if _is_key_enforced(table, publication.pointer.rows):
        columns.append(f"PRIMARY KEY ({_column_list(table.key)})")
    address = _quoted(table.address)
    connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{table.layer}"')
    connection.execute(f"DROP TABLE IF EXISTS {address}")
    connection.execute(f"CREATE TABLE {address} ({', '.join(columns)})")
    try:
        # By name, since a file written before a column moved must not shift; in the order of the file, which is by key.
        connection.execute(
            f"INSERT INTO {address} BY NAME SELECT * FROM read_parquet({_literal(str(publication.parquet))})"
        )
    except (duckdb.ConstraintException, duckdb.BinderException, duckdb.ConversionException) as error:
        raise DataFault(
            f"its Parquet file does not fit the table model: {_first_line(error)}",
            subject=table.address,
            place=publication.parquet.name,
            remedy="Build the table again with the present models (`resistance run`).",
        ) from error
    except duckdb.InvalidInputException as error:
        raise DataFault(
            f"its Parquet file cannot be read: {_first_line(error)}",
            subject=table.address,
            place=publication.parquet.name,
            remedy="Delete the table's folder in the lake and run again.",
        ) from error
    rows = connection.execute(f"SELECT count(*) FROM {address}").fetchall()[0][0]
    if rows != publication.pointer.rows:
        raise DataFault(
            f"its Parquet file holds {rows} rows",
            subject=table.address,
            place=publication.parquet.name,
            expected=f"{publication.pointer.rows}, as its pointer says",
            remedy="Delete the table's folder in the lake and run again.",
        )


def _write_comments(connection: duckdb.DuckDBPyConnection, tables: Sequence[Publication]) -> None:
    statements: list[str] = []
    for publication in tables:
        table = publication.table
        comment = table.comment
        if not _is_key_enforced(table, publication.pointer.rows):
            comment += f". Key, checked before the table was written: {', '.join(table.key)}"
        statements.append(f"COMMENT ON TABLE {_quoted(table.address)} IS {_literal(comment)}")
        statements += [
            f'COMMENT ON COLUMN {_quoted(table.address)}."{column.name}" IS {_literal(column.comment)}'
            for column in table.columns
        ]
    connection.execute("BEGIN")
    for statement in statements:
        connection.execute(statement)
    connection.execute("COMMIT")


def _write_meta(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[Publication],
    manifests: Sequence[Mapping[str, Any]],
    definitions: Mapping[str, str],
    meta: Mapping[str, pl.DataFrame],
    facts: Mapping[str, str],
) -> None:
    frames = {
        "releases": pl.DataFrame(
            [
                {
                    "release": m["release"],
                    "published_at": _timestamp(m["published_at"]),
                    "code_revision": m["code_revision"],
                    "tables": len(m["tables"]),
                    "manifest": json.dumps(m, sort_keys=True),
                }
                for m in manifests
            ],
            schema={
                "release": pl.Int64,
                "published_at": pl.Datetime("us"),
                "code_revision": pl.String,
                "tables": pl.Int64,
                "manifest": pl.String,
            },
        ),
        "tables": _meta_tables(tables, definitions),
        "columns": _meta_columns(tables),
        "lineage": _meta_lineage(tables),
        "facts": pl.DataFrame(list(facts.items()), schema={"name": pl.String, "value": pl.String}, orient="row"),
    }
    if taken := sorted(set(meta) & set(frames)):
        raise ValueError(f"meta.{taken[0]} is written by the publisher itself")
    connection.execute("DROP SCHEMA IF EXISTS meta CASCADE")
    connection.execute("CREATE SCHEMA meta")
    for name, frame in {**frames, **meta}.items():
        untyped = [column for column, dtype in frame.schema.items() if dtype == pl.Null]
        connection.register("incoming", frame.with_columns(pl.col(untyped).cast(pl.String)).to_arrow())
        shown = "* REPLACE (manifest::JSON AS manifest)" if name == "releases" else "*"
        connection.execute(f'CREATE TABLE meta."{name}" AS SELECT {shown} FROM incoming')
        connection.unregister("incoming")
        comment = META_COMMENTS.get(name, f"Facts about {name.replace('_', ' ')}")
        connection.execute(f'COMMENT ON TABLE meta."{name}" IS {_literal(comment)}')
        key = META_KEYS.get(name, ())
        if key and set(key) <= set(frame.columns):
            connection.execute(f'ALTER TABLE meta."{name}" ADD PRIMARY KEY ({_column_list(key)})')
        for column in frame.columns:
            if about := META_COLUMN_COMMENTS.get(name, {}).get(column):
                connection.execute(f'COMMENT ON COLUMN meta."{name}"."{column}" IS {_literal(about)}')


def _meta_tables(tables: Sequence[Publication], definitions: Mapping[str, str]) -> pl.DataFrame:
    rows = [
        {
            "layer": p.table.layer,
            "table_name": p.table.name,
            "grain": p.table.grain,
            "not_true": p.table.not_true,
            "description": p.table.description,
            "key_columns": ", ".join(p.table.key),
            "key_enforced": _is_key_enforced(p.table, p.pointer.rows),
            "row_count": p.pointer.rows,
            "status": p.pointer.status,
            "reason": p.pointer.reason,
            "data_version": p.pointer.data_version,
            "code_version": p.pointer.code_version,
            "definition_version": definitions[p.table.address],
            "built_at": _timestamp(p.pointer.built_at),
            "run_id": p.pointer.run_id,
        }
        for p in tables
    ]
    text = dict.fromkeys(
        ("layer", "table_name", "grain", "not_true", "description", "key_columns"), pl.String
    )  # fmt: skip
    return pl.DataFrame(
        rows,
        schema={
            **text,
            "key_enforced": pl.Boolean,
            "row_count": pl.Int64,
            **dict.fromkeys(("status", "reason", "data_version", "code_version", "definition_version"), pl.String),
            "built_at": pl.Datetime("us"),
            "run_id": pl.String,
        },
    )


def _meta_columns(tables: Sequence[Publication]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "layer": p.table.layer,
                "table_name": p.table.name,
                "column_name": column.name,
                "position": position,
                "data_type": column.duckdb_type,
                "unit": column.unit,
                "description": column.description,
                "is_key": column.name in p.table.key,
                "is_nullable": column.nullable,
            }
            for p in tables
            for position, column in enumerate(p.table.columns, start=1)
        ],
        schema={
            **dict.fromkeys(("layer", "table_name", "column_name"), pl.String),
            "position": pl.Int64,
            **dict.fromkeys(("data_type", "unit", "description"), pl.String),
            "is_key": pl.Boolean,
            "is_nullable": pl.Boolean,
        },
    )


def _meta_lineage(tables: Sequence[Publication]) -> pl.DataFrame:
    rows: list[tuple[str | None, ...]] = []
    for p in tables:
        for column, upstream in p.lineage.items():
            for address in upstream:
                layer, table, name = (*address.split(".", 2), None, None)[:3]
                rows.append((p.table.layer, p.table.name, column, layer, table, name))
    names = ("layer", "table_name", "column_name", "upstream_layer", "upstream_table", "upstream_column")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row").unique(maintain_order=True)


def _is_key_enforced(table: Table, rows: int) -> bool:
    nullable = {column.name for column in table.columns if column.nullable}
    return bool(table.key) and rows <= ENFORCED_KEY_ROWS and not nullable.intersection(table.key)


def _definition(table: Table, rows: int) -> str:
    """Hash of what CREATE TABLE says: a change of it writes a table anew although its data are the same."""
    columns = [(column.name, column.duckdb_type, column.nullable) for column in table.columns]
    return _digest([columns, table.key if _is_key_enforced(table, rows) else None])


def _meta_version(
    tables: Sequence[Publication],
    meta: Mapping[str, pl.DataFrame],
    definitions: Mapping[str, str],
    code_revision: str,
    settings: Mapping[str, str],
) -> str:
    """Hash of everything the file states beside the tables themselves."""
    return _digest(
        [
            _meta_tables(tables, definitions).write_json(),
            _meta_columns(tables).write_json(),
            _meta_lineage(tables).write_json(),
            [(name, str(frame.schema), frame.write_json()) for name, frame in sorted(meta.items())],
            [(p.table.address, p.table.comment) for p in tables],
            code_revision,
            sorted(settings.items()),
        ]
    )


def _digest(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, default=str).encode()).hexdigest()[:16]


def _timestamp(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


# ---- disk and errors -------------------------------------------------------------------------------------------------


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_aside(aside: Path) -> None:
    """The file with what the database may have put beside it (its log, its folder for spilled data)."""
    for path in aside.parent.glob(f"{aside.name}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _database_fault(error: duckdb.Error, warehouse: Path) -> Exception:
    """An error of the database as the operating system's, where that is what it was."""
    text = str(error)
    for name in ("ENOSPC", "EDQUOT", "EACCES", "EROFS", "EFBIG", "EPERM", "EIO"):
        number = getattr(errno, name)
        if os.strerror(number).lower() in text.lower():
            return storage_fault(OSError(number, os.strerror(number)), warehouse)
    return DataFault(
        f"cannot be built: {_first_line(error)}",
        subject=str(warehouse),
        remedy="The file that was there is unchanged; correct this and run again.",
    )


def _first_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error).split("\n")[0]).rstrip(".!")


def _quoted(address: str) -> str:
    layer, name = address.split(".", 1)
    return f'"{layer}"."{name}"'


def _column_list(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
