"""Reading the published warehouse: open it, ask it one question, write the answer down.

Here belongs what the command line and the report need to read `warehouse.duckdb`, or an old release from the lake,
without being able to change anything: the query of a person reaches the tables and nothing else, no file, no network
and no setting. Publishing does not belong here, and nothing here needs Dagster.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import queue
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import duckdb
import polars as pl

from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.files import glob_literal
from resistance_assets.integrity import find_damage
from resistance_assets.warehouse.database import RELEASES_FOLDER, literal, rows_of
from resistance_assets.warehouse.published_file import published_file, release_files

_NAME = "warehouse"
_BATCH_ROWS = 100_000
_END_SECONDS, _INTERRUPTS = 5.0, 100
_RUN_FIRST = "Run `resistance run` first, or set RESISTANCE_DATA_DIR to where the data are."
_EXPLAIN = re.compile(r"\bEXPLAIN\b(\s+ANALYZE\b)?(\s*\(\s*(?:ANALYZE|FORMAT)\b[^)]*\))?", re.IGNORECASE)


def open_warehouse(
    data_dir: Path, release: int | None = None, *, memory_bytes: int | None = None
) -> duckdb.DuckDBPyConnection:
    """Open the warehouse as it is now, or as a release had it. A publish meanwhile does not disturb the connection.

    Args:
        data_dir: holds `warehouse.duckdb`, `releases/` and the lake.
        release: None for the file as published last; else the number of a release, whose tables are then read from the
            immutable Parquet files that it names. Its `meta` schema has `releases`, `tables` and `columns` alone.
        memory_bytes: what queries may use; None: DuckDB's own default.

    Returns:
        A connection that can read those tables, and can do nothing else.

    Raises:
        UsageFault: there is no such release.
        DataFault: nothing was published yet, the file cannot be opened, or a release's Parquet file is gone.
    """
    warehouse = published_file(data_dir)
    if warehouse.is_dir():
        raise DataFault(
            "a folder stands in the place of the warehouse",
            subject=str(warehouse),
            remedy="Run `resistance run`: it moves the folder aside and builds the file again from the lake.",
        )
    if not warehouse.is_file():
        raise DataFault("there is no warehouse yet", subject=str(warehouse), remedy=_RUN_FIRST)
    connection = duckdb.connect()
    try:
        if memory_bytes is not None:
            connection.execute(f"SET memory_limit = '{memory_bytes // 1000}KB'")
        # Attached to a database of its own instead of opened: a process is handed the instance that it already has of
        # a path, so a plain second open after a publish would still show the old file.
        connection.execute(f"ATTACH {literal(str(warehouse))} AS {_NAME} (READ_ONLY)")
        if release is None:
            connection.execute(f"USE {_NAME}")
            return _locked(connection, [])
        manifests = _manifests(connection)
        connection.execute(f"DETACH {_NAME}")
        if release not in manifests:
            known = ", ".join(str(number) for number in sorted(manifests)) or "none"
            raise UsageFault(
                f"there is no release {release}",
                subject=str(data_dir / RELEASES_FOLDER),
                remedy=f"Known releases: {known}.",
            )
        return _open_release(connection, data_dir, manifests, release)
    except duckdb.Error as error:
        connection.close()
        raise DataFault(
            f"cannot be opened: {_one_line(error)}",
            subject=str(warehouse),
            expected=f"a database that DuckDB {duckdb.__version__} reads",
            remedy="Run `resistance run`: it is built again from the lake.",
        ) from error
    except BaseException:
        connection.close()
        raise


@contextlib.contextmanager
def closed_after(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The connection, closed after the block unless a query that does not end keeps it busy."""
    try:
        yield connection
    finally:
        with contextlib.suppress(duckdb.Error):
            connection.close()


def list_releases(data_dir: Path) -> dict[int, dict[str, Any]]:
    """Manifest of every release by number: `published_at`, `code_revision`, `settings`, `sources` (id -> sha256) and
    `tables` (address -> data_version, code_version, parameters, inputs, rows, status, parquet).

    Raises:
        DataFault: nothing was published yet, or the file cannot be opened.
    """
    connection = open_warehouse(data_dir)
    try:
        return _manifests(connection)
    finally:
        connection.close()


def run_query(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    *,
    timeout_seconds: float | None = None,
    largest_bytes: int | None = None,
    most_rows: int | None = None,
) -> pl.DataFrame:
    """Answer one question.

    Args:
        connection: from `open_warehouse`.
        sql: one SELECT, WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN.
        timeout_seconds: after which the query is ended; None: never.
        largest_bytes: of the answer in memory.
        most_rows: that are fetched; what comes after them is left, and not computed where DuckDB streams.

    Returns:
        The rows; columns of equal name are numbered (`n`, `n_1`).

    Raises:
        UsageFault: no statement or several, one that does not read, one that DuckDB refuses, with its hint, or one
            that needs more time or memory than it may have.
    """
    _require_read(connection, sql)
    try:
        if timeout_seconds is None:
            return _fetch(connection, sql, largest_bytes, most_rows)
        return _fetch_within(connection, sql, timeout_seconds, largest_bytes, most_rows)
    except duckdb.Error as error:
        raise _refused(error, connection) from error


def _fetch(
    connection: duckdb.DuckDBPyConnection, sql: str, largest_bytes: int | None, most_rows: int | None = None
) -> pl.DataFrame:
    relation = connection.sql(sql)
    if relation is None:
        raise UsageFault("gives no rows", subject="query", remedy="Write a SELECT.")
    if largest_bytes is None and most_rows is None:
        return relation.pl()
    import pyarrow

    reader, batches, size, rows = relation.to_arrow_reader(min(_BATCH_ROWS, most_rows or _BATCH_ROWS)), [], 0, 0
    try:
        for batch in reader:
            batches.append(batch)
            size += batch.nbytes
            rows += batch.num_rows
            if most_rows is not None and rows >= most_rows:
                break
            if largest_bytes is not None and size > largest_bytes:
                raise UsageFault(
                    f"has an answer of more than {largest_bytes / 1e6:,.0f} MB",
                    subject="query",
                    remedy="Ask for fewer rows or columns (LIMIT, WHERE), or set RESISTANCE_MEMORY higher.",
                )
        table = pyarrow.Table.from_batches(batches, schema=reader.schema).slice(0, most_rows)
    finally:
        reader.close()
    return cast("pl.DataFrame", pl.from_arrow(table.rename_columns(_numbered(table.column_names))))


def _numbered(names: Sequence[str]) -> list[str]:
    """Names without repetition: the second `n` becomes `n_1`."""
    seen: set[str] = set()
    result = []
    for name in names:
        number, unique = 0, name
        while unique in seen:
            number += 1
            unique = f"{name}_{number}"
        seen.add(unique)
        result.append(unique)
    return result


def _fetch_within(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    timeout_seconds: float,
    largest_bytes: int | None,
    most_rows: int | None,
) -> pl.DataFrame:
    """As `_fetch`, in a thread of its own: the main thread stays free for the clock and for Ctrl-C."""
    answers: queue.SimpleQueue[pl.DataFrame | BaseException] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put(_fetch(connection, sql, largest_bytes, most_rows))
        except BaseException as error:
            answers.put(error)

    threading.Thread(target=work, name="query", daemon=True).start()
    try:
        answer = answers.get(timeout=timeout_seconds)
    except queue.Empty:
        _end(connection, answers)
        raise UsageFault(
            f"took longer than {timeout_seconds:g} s and was ended",
            subject="query",
            remedy="Narrow it down, or allow more with --timeout SECONDS (0: no limit).",
        ) from None
    except BaseException:
        _end(connection, answers)
        raise
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _end(connection: duckdb.DuckDBPyConnection, answers: queue.SimpleQueue[Any]) -> None:
    def has_ended(seconds: float) -> bool:
        with contextlib.suppress(queue.Empty):
            answers.get(timeout=seconds)
            return True
        return False

    interrupt_until(has_ended, connection.interrupt)


def interrupt_until(has_ended: Callable[[float], bool], interrupt: Callable[[], None]) -> None:
    """Interrupt a query until it has ended: DuckDB forgets an interrupt that comes before the query runs.

    Args:
        has_ended: waits for the end, at most so many seconds, and says whether it came.
        interrupt: asks the query to end.
    """
    for _ in range(_INTERRUPTS):
        interrupt()
        if has_ended(_END_SECONDS / _INTERRUPTS):
            return


# ---- opening ---------------------------------------------------------------------------------------------------------


def _locked(connection: duckdb.DuckDBPyConnection, files: list[str]) -> duckdb.DuckDBPyConnection:
    """Take from the connection what reaches beyond its tables, and the means to give it back."""
    connection.execute("SET TimeZone = 'UTC'")
    # Empty: a sort that does not fit into memory fails instead of writing into the folder the process stands in.
    connection.execute("SET temp_directory = ''")
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    if files:
        connection.execute(f"SET allowed_paths = [{', '.join(files)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _manifests(connection: duckdb.DuckDBPyConnection) -> dict[int, dict[str, Any]]:
    rows = connection.execute(f"SELECT release, manifest FROM {_NAME}.meta.releases ORDER BY release").fetchall()
    return {release: json.loads(manifest) for release, manifest in rows}


def _open_release(
    connection: duckdb.DuckDBPyConnection, data_dir: Path, manifests: Mapping[int, Mapping[str, Any]], release: int
) -> duckdb.DuckDBPyConnection:
    # Here and not above: the table models bring pandera, which would double the start-up of every query.
    from resistance_assets.catalog.tables import TABLES

    stated: Mapping[str, Mapping[str, Any]] = manifests[release]["tables"]
    try:
        files = {a: [path.resolve() for path in release_files(data_dir, facts)] for a, facts in stated.items()}
        damaged = {a: (file, damage) for a, own in files.items() for file in own if (damage := find_damage(file))}
    except FileNotFoundError as error:
        files, damaged = {}, {str(error.strerror): (error.filename, "the file is gone")}
    if damaged:
        address = min(damaged)
        raise DataFault(
            f"release {release} is not complete any more: {len(damaged)} of its files are gone or damaged, the first "
            f"because {damaged[address][1]}",
            subject=address,
            expected=str(damaged[address][0]),
            remedy="Run `resistance run`, which builds again what is still current; for what is not, restore the lake "
            "from a backup, or read another release.",
        )
    # Both spellings: access is asked for as the path is written, before its pattern is resolved.
    every = [file for own in files.values() for file in own]
    _locked(connection, [text for file in every for text in (literal(str(file)), glob_literal(file))])
    for address, own in files.items():
        layer, name = address.split(".", 1)
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{layer}"')
        connection.execute(f'CREATE VIEW "{layer}"."{name}" AS SELECT * FROM {rows_of(own)}')
        if table := TABLES.get(address):
            connection.execute(f'COMMENT ON VIEW "{layer}"."{name}" IS {literal(table.comment)}')
    _write_meta_of_release(connection, manifests, stated, release)
    return connection


def _write_meta_of_release(
    connection: duckdb.DuckDBPyConnection,
    manifests: Mapping[int, Mapping[str, Any]],
    stated: Mapping[str, Mapping[str, Any]],
    release: int,
) -> None:
    from resistance_assets.catalog.tables import TABLES

    tables, columns = [], []
    for address, facts in stated.items():
        layer, name = address.split(".", 1)
        model = TABLES.get(address)
        tables.append(
            {
                "layer": layer,
                "table_name": name,
                "grain": model.grain if model else None,
                "limitation": model.limitation if model else None,
                "not_true": model.limitation if model else None,
                "row_count": facts["rows"],
                "data_version": facts["data_version"],
                "code_version": facts["code_version"],
                "status": facts["status"],
            }
        )
        known = {column.name: column for column in model.columns} if model else {}
        described = connection.execute(f'DESCRIBE "{layer}"."{name}"').fetchall()
        for column_name, data_type, *_ in described:
            column = known.get(column_name)
            columns.append(
                {
                    "layer": layer,
                    "table_name": name,
                    "column_name": column_name,
                    "data_type": data_type,
                    "unit": column.unit if column else None,
                    "description": column.description if column else None,
                    "is_key": model is not None and column_name in model.key,
                }
            )
    releases = [
        {
            "release": number,
            "published_at": manifest["published_at"],
            "code_revision": manifest["code_revision"],
            "tables": len(manifest["tables"]),
            "manifest": json.dumps(manifest, sort_keys=True),
        }
        for number, manifest in manifests.items()
        if number <= release
    ]
    text = pl.String
    frames = {
        "releases": pl.DataFrame(releases).with_columns(
            pl.col("published_at").str.to_datetime(time_unit="us", time_zone="UTC").dt.replace_time_zone(None)
        ),
        "tables": pl.DataFrame(
            tables, schema_overrides={"grain": text, "limitation": text, "not_true": text, "status": text}
        ),
        "columns": pl.DataFrame(columns, schema_overrides={"unit": text, "description": text}),
    }
    connection.execute("CREATE SCHEMA meta")
    for name, frame in frames.items():
        connection.register("incoming", frame.to_arrow())
        connection.execute(f"CREATE TABLE meta.{name} AS SELECT * FROM incoming")
        connection.unregister("incoming")


# ---- answers and errors ----------------------------------------------------------------------------------------------


def _require_read(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise unless the text is one statement that reads."""
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise _refused(error, connection) from error
    if len(statements) != 1:
        raise UsageFault(
            f"holds {len(statements)} statements",
            subject="query",
            expected="one",
            remedy="Ask one question at a time." if statements else "Write a SELECT.",
        )
    try:
        kind = statements[0].type.name
    except ValueError:
        kind = "UNKNOWN"  # newer than DuckDB's own list of kinds, such as UPDATE EXTENSIONS
    if kind == "MULTI":
        raise UsageFault(
            "is a PIVOT whose columns are not stated",
            subject="query",
            remedy="Name them, as in `PIVOT t ON endpoint IN ('OS', 'PFS') USING first(n)`.",
        )
    if kind == "EXPLAIN":
        # EXPLAIN ANALYZE runs what it explains.
        _require_read(connection, _EXPLAIN.sub("", sql, count=1))
    elif kind != "SELECT":
        raise UsageFault(
            f"is {_article(kind)} statement"
            if kind != "UNKNOWN"
            else "is a statement of a kind that is not known to read",
            subject="query",
            expected="SELECT, WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN",
            remedy="The warehouse is read-only: copy the tables you want to change into a database of your own.",
        )


def _nearest_table(text: str, connection: duckdb.DuckDBPyConnection) -> str | None:
    """The table that a name without its layer, or a mistyped one, most likely means."""
    missing = re.search(r"Table with name (\S+) does not exist", text)
    if missing is None:
        return None
    rows = connection.execute("SELECT table_schema, table_name FROM information_schema.tables").fetchall()
    by_name = {name: f"{layer}.{name}" for layer, name in rows if "." not in layer}
    near = difflib.get_close_matches(missing.group(1), by_name, n=1, cutoff=0.6)
    return by_name[near[0]] if near else None


def _refused(error: duckdb.Error, connection: duckdb.DuckDBPyConnection) -> UsageFault:
    """DuckDB's message as one line: what, where, and the names it would have taken."""
    text = str(error)
    head = text.split("\n\nLINE", 1)[0]
    hint = re.search(r"(Did you mean .+|Candidate bindings: .+|Candidate functions:.+)", head, re.DOTALL)
    place = re.search(r"^LINE (\d+):", text, re.MULTILINE)
    problem = head[: hint.start()] if hint else head
    remedy = _one_line(hint.group(1)) if hint else "Correct the query."
    if "Table with name" in text:
        near = _nearest_table(text, connection)
        remedy = f"Did you mean {near}?" if near else "`SHOW ALL TABLES` lists the tables; name one as layer.table."
    if isinstance(error, duckdb.OutOfMemoryException):
        problem = "needs more memory than it may have"
        remedy = "Narrow it down, or set RESISTANCE_MEMORY higher (now half of the machine's, unless it is set)."
    if isinstance(error, duckdb.PermissionException):
        remedy = "A query reads the tables of the warehouse and nothing else; `SHOW ALL TABLES` lists them."
    return UsageFault(
        _one_line(problem),
        subject="query",
        place=f"line {place.group(1)}" if place else None,
        remedy=remedy if remedy.endswith((".", "?")) else f"{remedy}.",
    )


def _one_line(message: object) -> str:
    return " ".join(str(message).split("\n\nLINE", 1)[0].split()).rstrip(".!")


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "AEIOU" else f"a {kind}"
