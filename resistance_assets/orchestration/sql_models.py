"""The SQL of dbt_like_sql: one file, one table; and the tests beside it.

Here belongs everything that reads those files: which tables a model refers to, whether it gives the columns that its
table model states, where each of its columns comes from, and how it is run over nothing but the tables that it names.
Which assets are made of the models, and where their results are written, does not belong here.
"""

from __future__ import annotations

import contextlib
import difflib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from resistance_assets.catalog.tables import Table
from resistance_assets.errors import CatalogFault
from resistance_assets.files import glob_literal
from resistance_assets.orchestration.code_version import sql_code_version
from resistance_assets.orchestration.scratch_database import in_place, query_memory_bytes
from resistance_assets.orchestration.table_files.spooled_rows import PIECE_ROWS, Rows, SpooledRows, spool

# What a file of each folder may read. A staging model that read core would close a loop outside SQL.
READABLE_LAYERS = {
    "staging": ("raw", "staging"),
    "marts": ("raw", "staging", "core", "marts"),
    "tests": ("raw", "staging", "core", "marts"),
    "queries": ("raw", "staging", "core", "marts"),
}
MODEL_LAYERS = ("staging", "marts")
TEST_FOLDER = "tests"
QUERIES = "queries"
EXAMPLES = 5

_README = "dbt_like_sql/README.md states the rules."
_TABLE_HEADER = re.compile(r"^table:\s*(\S+)\s*$")
_SAME_AS_HEADER = re.compile(r"^same as:\s*(\S+)\s*$")
_WITH_HEADER = re.compile(r"^with:\s*(\w+) for (\w+)\s*$")
_NUMBER = re.compile(r"^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL.*)$")
_FILE_FUNCTIONS = re.compile(r"^(read_\w+|scan_\w+|\w+_scan|glob|parquet_\w+|query|query_table)$", re.IGNORECASE)

Mount = Path | Sequence[Path] | Rows
"""Rows of a table that a query reads: a Parquet file, several of them one after the other, a frame or spooled rows."""


@dataclass(frozen=True)
class SqlModel:
    """One file of staging or marts.

    Attributes:
        address: `layer.table`, from folder and file name.
        path: the file.
        sql: its text.
        description: the comment lines that it opens with.
        refs: addresses that it reads, sorted.
        code_version: hash of the normalised syntax tree; comments, white space and the case of keywords do not count.
        lineage: column -> the `layer.table.column` that its values are computed from, sorted; empty for a constant.
            Columns that only decide which rows are kept or joined are not among them.
        table: the model of what it must give.
    """

    address: str
    path: Path
    sql: str
    description: str
    refs: tuple[str, ...]
    code_version: str
    lineage: dict[str, tuple[str, ...]]
    table: Table


@dataclass(frozen=True)
class SqlTest:
    """One file of tests: a query for rows that must not be there.

    Attributes:
        name: file name without its ending.
        table: address that it guards, from the line `-- table: staging.x`.
    """

    name: str
    path: Path
    sql: str
    description: str
    table: str
    refs: tuple[str, ...]
    code_version: str


@dataclass(frozen=True)
class SqlQuery:
    """A query of the catalog that gives one row, such as that of a claim.

    Attributes:
        name: what it is called in faults.
        columns: that it gives, in order.
    """

    name: str
    sql: str
    refs: tuple[str, ...]
    columns: tuple[str, ...]
    code_version: str


@dataclass(frozen=True)
class SqlTestResult:
    """Outcome of a test: it passed where no row was found; ``examples`` holds up to five of those that were."""

    # pytest takes a class of this name for a collection of tests.
    __test__ = False

    passed: bool
    failing_rows: int
    examples: pl.DataFrame


def models_folder() -> Path:
    """Folder of the SQL files: beside the package in a checkout, inside it in an installed wheel.

    Raises:
        CatalogFault: it is in neither place.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_dbt_like_sql", package.parent / "dbt_like_sql"):
        if folder.is_dir():
            return folder
    raise CatalogFault(
        "the folder of SQL models is absent",
        subject=str(package.parent / "dbt_like_sql"),
        remedy="Install the package again, or restore the folder from version control.",
    )


def load_models(folder: Path, tables: Mapping[str, Table]) -> dict[str, SqlModel]:
    """Read and check every model.

    Args:
        folder: holds `staging/*.sql` and `marts/*.sql`.
        tables: address -> table model; each one of staging and marts must have a file, and each file one of these.

    Returns:
        The models by address, each one after those that it reads.

    Raises:
        CatalogFault: naming file, line where known, and remedy.
    """
    files = {f"{layer}.{path.stem}": path for layer in MODEL_LAYERS for path in sorted((folder / layer).glob("*.sql"))}
    expected = [address for address, table in tables.items() if table.layer in MODEL_LAYERS]
    for address, path in files.items():
        if address not in expected:
            raise CatalogFault(
                f"there is no table model {address}",
                subject=str(path),
                remedy=_suggest(address, expected, "Add the model to catalog/tables, or rename the file."),
            )
    for address in expected:
        if address not in files:
            layer, name = address.split(".", 1)
            raise CatalogFault(
                f"the table model {address} has no SQL",
                subject=str(folder),
                expected=f"a file {layer}/{name}.sql",
                remedy="Write the file, or remove the model from catalog/tables.",
            )
    schema = _schema(tables)
    loaded = {address: _load_model(address, path, tables, schema) for address, path in files.items()}
    with _empty_warehouse(tables) as connection:
        for model in loaded.values():
            _require_types(model, _bind(connection, model.sql, model.path))
    order = TopologicalSorter(
        {address: [ref for ref in model.refs if ref in loaded] for address, model in loaded.items()}
    )
    try:
        return {address: loaded[address] for address in order.static_order()}
    except CycleError as error:
        ring: list[str] = error.args[1]
        raise CatalogFault(
            f"the models read one another in a ring: {' <- '.join(ring)}",
            subject=str(loaded[ring[0]].path),
            remedy="Take one of these references out.",
        ) from None


def load_tests(folder: Path, models: Mapping[str, SqlModel], tables: Mapping[str, Table]) -> dict[str, SqlTest]:
    """Read and check every test.

    Args:
        folder: holds `tests/*.sql`.
        models: as `load_models` returns them.
        tables: address -> table model.

    Returns:
        The tests by name.

    Raises:
        CatalogFault: as for models; also where the header names no table, or one that the test does not read.
    """
    schema = _schema(tables)
    found: dict[str, SqlTest] = {}
    with _empty_warehouse(tables) as connection:
        for path in sorted((folder / TEST_FOLDER).glob("*.sql")):
            sql = _read(path)
            tree = _parse(sql, path)
            refs = _references(tree, path, TEST_FOLDER, tables, None)
            _qualify(tree, path, schema)
            _bind(connection, sql, path)
            header = _header(sql)
            table = _tested_table(header, path, refs, models)
            description = " ".join(line for line in header if not _TABLE_HEADER.match(line))
            found[path.stem] = SqlTest(path.stem, path, sql, description, table, refs, _code_version(tree))
    return found


def run_model(model: SqlModel, mounts: Mapping[str, Mount]) -> pl.DataFrame:
    """Compute a model, with its rows in memory; see `run_large_model`."""
    rows = run_large_model(model, mounts)
    return rows if isinstance(rows, pl.DataFrame) else rows.frame()


def run_large_model(model: SqlModel, mounts: Mapping[str, Mount]) -> Rows:
    """Compute a model in a private in-memory database that holds the tables it names and nothing else.

    Args:
        model: as loaded.
        mounts: for each of ``model.refs`` its Parquet files or rows; further ones are ignored.

    Returns:
        The table, with the columns, order, types and bounds of its model.

    Raises:
        CatalogFault: the query fails, or gives other columns or types than its model.
        ValueError: a reference has no mount.
    """
    with _mounted(model.refs, mounts) as connection:
        return spool(_as_model_says(model, part) for part in _parts(connection, model.sql, model.path))


def _as_model_says(model: SqlModel, frame: pl.DataFrame) -> pl.DataFrame:
    wanted = model.table.polars_schema
    if frame.columns != list(wanted):
        raise _other_columns(model.path, frame.columns, list(wanted))
    for name, dtype in wanted.items():
        if frame.schema[name] != dtype:
            column = next(column for column in model.table.columns if column.name == name)
            raise CatalogFault(
                f"column {name} comes out as {frame.schema[name]}",
                subject=str(model.path),
                expected=f"{dtype}, as the model of {model.address} says",
                remedy=f"CAST it to {column.duckdb_type} in the SELECT.",
            )
    return model.table.shape(frame)


def run_test(test: SqlTest, mounts: Mapping[str, Mount]) -> SqlTestResult:
    """Look for rows that must not be there.

    Args:
        test: as loaded.
        mounts: for each of ``test.refs`` its Parquet files or a frame; further ones are ignored.

    Raises:
        CatalogFault: the query fails.
        ValueError: a reference has no mount.
    """
    with _mounted(test.refs, mounts) as connection:
        frame = _answer(connection, test.sql, test.path)
    return SqlTestResult(frame.is_empty(), frame.height, frame.head(EXAMPLES))


def load_queries(
    texts: Mapping[str, str], tables: Mapping[str, Table], *, columns: Iterable[str], required: str
) -> dict[str, SqlQuery]:
    """Read and check queries that each give one row of numbers.

    DuckDB runs each on the warehouse without rows: what gives one row there gives one whatever is loaded, unless it
    finds several.

    Args:
        texts: name -> SQL.
        tables: address -> model of the tables that the queries may read.
        columns: names that a query may give.
        required: the one that it must give.

    Returns:
        The queries by name.

    Raises:
        CatalogFault: naming the query: its SQL does not parse, is not a single SELECT, refers to a table or column that
            does not exist, gives another column, something that is no number, or other than one row.
    """
    allowed = list(columns)
    found: dict[str, SqlQuery] = {}
    with _empty_warehouse(tables) as connection:
        for name, sql in texts.items():
            subject = Path(name)
            tree = _parse(sql, subject)
            refs = _references(tree, subject, QUERIES, tables, None)
            types = _bind(connection, sql, subject)
            if unknown := [column for column in types if column not in allowed]:
                near = _nearest(unknown[0], allowed)
                raise CatalogFault(
                    f"gives the column {unknown[0]}",
                    subject=name,
                    expected=f"{required} and any of {', '.join(allowed)}",
                    remedy=f"Did you mean {near}?" if near else "Rename it or leave it out.",
                )
            if required not in types:
                raise CatalogFault(f"gives no column {required}", subject=name, remedy=f"Name the figure {required}.")
            if text := [column for column, kind in types.items() if not _NUMBER.match(kind)]:
                raise CatalogFault(
                    f"column {text[0]} is {types[text[0]]}",
                    subject=name,
                    expected="a number",
                    remedy="CAST it to DOUBLE, or count it.",
                )
            _require_one_row(_answer(connection, sql, subject), name)
            found[name] = SqlQuery(name, sql, refs, tuple(types), _code_version(tree))
    return found


def run_queries(queries: Iterable[SqlQuery], mounts: Mapping[str, Mount]) -> dict[str, dict[str, int | float | None]]:
    """Run queries in one private database that holds the tables they name and nothing else.

    Returns:
        Name -> column -> value.

    Raises:
        CatalogFault: naming the query: it fails, or gives other than one row.
        ValueError: a reference has no mount.
    """
    queries = list(queries)
    refs = dict.fromkeys(ref for query in queries for ref in query.refs)
    answers: dict[str, dict[str, int | float | None]] = {}
    with _mounted(refs, mounts) as connection:
        for query in queries:
            frame = _answer(connection, query.sql, Path(query.name))
            _require_one_row(frame, query.name)
            answers[query.name] = frame.row(0, named=True)
    return answers


def _require_one_row(frame: pl.DataFrame, name: str) -> None:
    if frame.height != 1:
        raise CatalogFault(
            f"gives {frame.height} rows",
            subject=name,
            expected="one row, whatever is loaded",
            remedy="Aggregate, or write FROM (SELECT 1) LEFT JOIN ... with the whole key in ON.",
        )


# ---- checks against the table models ---------------------------------------------------------------------------------


def _tested_table(header: Sequence[str], path: Path, refs: Sequence[str], models: Mapping[str, SqlModel]) -> str:
    """The table that a test's header names; it is checked before it is written, so nothing made from it can be read."""
    named = [match.group(1) for line in header if (match := _TABLE_HEADER.match(line))]
    if len(named) != 1:
        raise CatalogFault(
            f"the header names {len(named)} tables",
            subject=str(path),
            expected="one comment line like `-- table: staging.cohorts__patients`",
            remedy="Name the one table that fails when this test does.",
        )
    if named[0] not in refs:
        raise CatalogFault(
            f"the test guards {named[0]} but does not read it",
            subject=str(path),
            remedy=_suggest(named[0], refs, "Correct the header line."),
        )
    for ref in refs:
        if ref != named[0] and named[0] in _upstream(ref, models):
            raise CatalogFault(
                f"the test guards {named[0]} but reads {ref}, which is made from it",
                subject=str(path),
                remedy=f"Let it guard {ref}, or take that reference out.",
            )
    return named[0]


def _upstream(address: str, models: Mapping[str, SqlModel]) -> set[str]:
    """Everything that a table is made from, as far as SQL knows."""
    found: set[str] = set()
    waiting = [address]
    while waiting:
        for ref in models[model].refs if (model := waiting.pop()) in models else ():
            if ref not in found:
                found.add(ref)
                waiting.append(ref)
    return found


@contextlib.contextmanager
def _empty_warehouse(tables: Mapping[str, Table]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Every table without rows: DuckDB itself says whether it takes a query, and what types come out."""
    with contextlib.closing(duckdb.connect()) as connection:
        for table in tables.values():
            columns = ", ".join(f'"{column.name}" {column.duckdb_type}' for column in table.columns)
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{table.layer}"')
            connection.execute(f'CREATE TABLE "{table.layer}"."{table.name}" ({columns})')
        yield connection


def _bind(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> dict[str, str]:
    """Column -> DuckDB type of a query that is not run."""
    try:
        relation = connection.sql(sql)
        return dict(zip(relation.columns, map(str, relation.types), strict=True))
    except duckdb.Error as error:
        raise _query_fault(error, path) from error


def _require_types(model: SqlModel, types: Mapping[str, str]) -> None:
    for column in model.table.columns:
        given = types[column.name]
        if given != column.duckdb_type:
            raise CatalogFault(
                f"column {column.name} comes out as {given}",
                subject=str(model.path),
                expected=f"{column.duckdb_type}, as the model of {model.address} says",
                remedy=f"CAST it to {column.duckdb_type} in the SELECT.",
            )


# ---- reading a file --------------------------------------------------------------------------------------------------


def _load_model(address: str, path: Path, tables: Mapping[str, Table], schema: Any) -> SqlModel:
    sql = _read_model(path)
    tree = _parse(sql, path)
    code_version = _code_version(tree)
    refs = _references(tree, path, address.split(".")[0], tables, address)
    qualified = _qualify(tree, path, schema)
    given = [column.name for column in tables[address].columns]
    if qualified.named_selects != given:
        raise _other_columns(path, qualified.named_selects, given)
    return SqlModel(
        address=address,
        path=path,
        sql=sql,
        description=" ".join(_header(sql)),
        refs=refs,
        code_version=code_version,
        lineage=_lineage(qualified, schema),
        table=tables[address],
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogFault(
            f"the file cannot be read: {error}", subject=str(path), remedy="Save it as UTF-8 text that you can read."
        ) from None


def _read_model(path: Path) -> str:
    """SQL of a model; where its header says `same as: layer.table`, that model's SQL with other names in it.

    Each line `with: new_name for old_name` replaces one name wherever it stands as a whole word.

    Raises:
        CatalogFault: the other model is absent or a copy itself, it does not hold a name, or there is SQL beside it.
    """
    sql = _read(path)
    header = _header(sql)
    originals = [match.group(1) for line in header if (match := _SAME_AS_HEADER.match(line))]
    renamed = [match.groups() for line in header if (match := _WITH_HEADER.match(line))]
    if not originals:
        return sql
    models = path.parent.parent
    original = models / f"{originals[0].replace('.', '/')}.sql"
    if len(originals) > 1 or _body(sql).strip():
        raise CatalogFault(
            "is the same as another model and holds SQL of its own",
            subject=str(path),
            expected="comment lines alone: one `-- same as: layer.table`, then `-- with: new_name for old_name`",
            remedy="Remove the SQL, or the line `-- same as:`.",
        )
    known = [f"{file.parent.name}.{file.stem}" for layer in MODEL_LAYERS for file in (models / layer).glob("*.sql")]
    if originals[0] not in known or any(_SAME_AS_HEADER.match(line) for line in _header(_read(original))):
        raise CatalogFault(
            f"is the same as {originals[0]}, which holds no SQL",
            subject=str(path),
            remedy=_suggest(originals[0], [name for name in known if name != originals[0]], "Name a model with SQL."),
        )
    body = _body(_read(original))
    for new, old in renamed:
        if not re.search(rf"\b{old}\b", body):
            raise CatalogFault(
                f"gives {new} for {old}, which {original} does not hold",
                subject=str(path),
                remedy=_suggest(old, set(re.findall(r"\w+", body)), "Correct the name."),
            )
    names = {old: new for new, old in renamed}
    body = re.sub(r"\w+", lambda word: names.get(word.group(), word.group()), body)
    said = [line for line in header if not _SAME_AS_HEADER.match(line) and not _WITH_HEADER.match(line)]
    return "".join(f"-- {line}\n" for line in said) + body


def _body(sql: str) -> str:
    """What follows the comment lines that a file opens with."""
    lines = sql.splitlines(keepends=True)
    return "".join(lines[next((at for at, line in enumerate(lines) if not line.startswith("--")), len(lines)) :])


def _header(sql: str) -> list[str]:
    """The comment lines that a file opens with, without their dashes."""
    lines: list[str] = []
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return [line for line in lines if line]


def _parse(sql: str, path: Path) -> Any:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import ParseError, TokenError

    try:
        statements = [statement for statement in sqlglot.parse(sql, dialect="duckdb") if statement is not None]
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        place = f"line {first['line']}, column {first['col']}" if first.get("line") else None
        problem = str(first.get("description") or error).rstrip(".")
        near = f" near {first['highlight']!r}" if first.get("highlight") else ""
        raise CatalogFault(
            f"does not parse: {problem}{near}", subject=str(path), place=place, remedy="Correct the SQL there."
        ) from None
    except TokenError as error:
        raise CatalogFault(
            f"does not parse: {str(error).splitlines()[0]}",
            subject=str(path),
            remedy="Close the quotes, brackets and comments.",
        ) from None
    try:
        # sqlglot lets pass what DuckDB does not, such as FROM FROM or a reserved word as a name.
        duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise _query_fault(error, path, "does not parse") from None
    statements = [statement for statement in statements if not isinstance(statement, exp.Semicolon)]
    if len(statements) != 1:
        raise CatalogFault(
            f"holds {len(statements)} statements",
            subject=str(path),
            expected="one SELECT",
            remedy=f"Keep one statement; helpers go into WITH. {_README}",
        )
    tree = statements[0]
    if not isinstance(tree, exp.Query) or tree.find(exp.Pivot):
        what = "PIVOT" if isinstance(tree, exp.Pivot) or tree.find(exp.Pivot) else type(tree).__name__.upper()
        raise CatalogFault(
            f"holds a {what}",
            subject=str(path),
            place=_place(tree.find(exp.Pivot) or tree),
            expected="one SELECT whose columns are known from its text",
            remedy=f"Write one SELECT, with CASE or FILTER in place of PIVOT. {_README}",
        )
    return tree


def _references(
    tree: Any, path: Path, folder: str, tables: Mapping[str, Table], own_address: str | None
) -> tuple[str, ...]:
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    for function in tree.find_all(exp.Func):
        name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
        if _FILE_FUNCTIONS.match(name):
            raise _reads_files(name, path, function)
    readable = [a for a, table in tables.items() if table.layer in READABLE_LAYERS[folder]]
    refs: set[str] = set()
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if not isinstance(source, exp.Table):
                continue
            if not isinstance(source.this, exp.Identifier):
                raise _reads_files(source.this.sql(dialect="duckdb"), path, source)
            name = ".".join(part.name for part in source.parts)
            if len(source.parts) != 2:
                problem = f"refers to {name} without its layer" if len(source.parts) == 1 else f"refers to {name}"
                raise CatalogFault(
                    problem,
                    subject=str(path),
                    place=_place(source),
                    expected="layer.table, such as staging.cohorts__patients",
                    remedy=_suggest(name, readable, "Write it as layer.table."),
                )
            address = f"{source.db}.{source.name}"
            if address == own_address:
                raise CatalogFault(
                    f"{address} reads itself",
                    subject=str(path),
                    place=_place(source),
                    remedy="Read the tables it is made of instead.",
                )
            if address not in readable:
                known = address in tables
                layers = ", ".join(READABLE_LAYERS[folder])
                raise CatalogFault(
                    f"a file of {folder} may not read {address}" if known else f"refers to the unknown table {address}",
                    subject=str(path),
                    place=_place(source),
                    expected=f"a table of {layers}" if known else None,
                    remedy=_suggest(address, readable, "Correct the name, or add the table to catalog/tables.")
                    if not known
                    else "Move the model to marts, or take the reference out.",
                )
            refs.add(address)
    return tuple(sorted(refs))


def _reads_files(name: str, path: Path, node: Any) -> CatalogFault:
    return CatalogFault(
        f"uses {name} where a table is expected",
        subject=str(path),
        place=_place(node),
        expected="tables as layer.table",
        remedy="Read the table through its asset, so that its lineage is known.",
    )


def _schema(tables: Mapping[str, Table]) -> Any:
    from sqlglot.schema import MappingSchema

    schema: dict[str, Any] = {}
    for table in tables.values():
        schema.setdefault(table.layer, {})[table.name] = {c.name: c.duckdb_type for c in table.columns}
    return MappingSchema(schema, dialect="duckdb")


def _qualify(tree: Any, path: Path, schema: Any) -> Any:
    from sqlglot.errors import OptimizeError, SqlglotError
    from sqlglot.optimizer.qualify import qualify

    try:
        return qualify(
            tree.copy(),
            schema=schema,
            dialect="duckdb",
            identify=False,
            quote_identifiers=False,
            sql=tree.sql("duckdb"),
        )
    except (OptimizeError, SqlglotError) as error:
        text = " ".join(str(error).split())
        unknown = re.search(r"[Cc]olumn '\"?(\w+)\"?' could not be resolved", text)
        near = _nearest(unknown.group(1), _column_names(tree, schema)) if unknown else None
        raise CatalogFault(
            f"column {unknown.group(1)} is not known" if unknown else text.split(" Line:")[0].rstrip("."),
            subject=str(path),
            place=_place_of(unknown.group(1), tree) if unknown else None,
            remedy=f"Did you mean {near}?" if near else "Correct the column's name or its table alias.",
        ) from None


def _column_names(tree: Any, schema: Any) -> list[str]:
    from sqlglot import exp

    names: set[str] = set()
    for table in tree.find_all(exp.Table):
        with contextlib.suppress(Exception):
            names.update(schema.column_names(table))
    names.update(alias.alias for alias in tree.find_all(exp.Alias))
    return sorted(names)


def _place_of(column: str, tree: Any) -> str | None:
    from sqlglot import exp

    return next((_place(node) for node in tree.find_all(exp.Column) if node.name == column), None)


def _place(node: Any) -> str | None:
    """`line N` of a node, where the parser has kept it."""
    for inner in node.walk():
        if line := inner.meta.get("line"):
            return f"line {line}"
    return None


def _code_version(tree: Any) -> str:
    return sql_code_version(tree.sql(dialect="duckdb", comments=False, normalize=True))


def _lineage(qualified: Any, schema: Any) -> dict[str, tuple[str, ...]]:
    from sqlglot import exp
    from sqlglot.lineage import lineage
    from sqlglot.optimizer import build_scope

    nodes: dict[str, Any] = lineage(  # pyright: ignore[reportAssignmentType]
        None, qualified, schema, dialect="duckdb", scope=build_scope(qualified), copy=False, trim_selects=False
    )
    found: dict[str, tuple[str, ...]] = {}
    for column, root in nodes.items():
        upstream = {
            f"{node.expression.db}.{node.expression.name}.{node.name.rsplit('.', 1)[-1].strip(chr(34))}"
            for node in root.walk()
            if isinstance(node.expression, exp.Table) and node.expression.db
        }
        found[column] = tuple(sorted(upstream))
    return found


def _other_columns(path: Path, given: Iterable[str], wanted: Iterable[str]) -> CatalogFault:
    given, wanted = list(given), list(wanted)
    missing = [name for name in wanted if name not in given]
    surplus = [name for name in given if name not in wanted]
    repeated = sorted({name for name in given if given.count(name) > 1})
    if missing:
        problem = f"column {missing[0]} is not among its columns"
        remedy = (
            f"Rename {surplus[0]} to {missing[0]}." if len(missing) == len(surplus) == 1 else "Add it to the SELECT."
        )
    elif surplus:
        problem, remedy = (
            f"column {surplus[0]} is not in the table model",
            "Remove it, or add it to catalog/tables.",
        )
    elif repeated:
        problem, remedy = f"column {repeated[0]} is given twice", "Give it once."
    else:
        first = next(i for i, (a, b) in enumerate(zip(given, wanted, strict=False)) if a != b)
        problem, remedy = f"column {first + 1} is {given[first]}", "Put the columns in the order of the table model."
    return CatalogFault(problem, subject=str(path), expected=", ".join(wanted), remedy=remedy)


def _nearest(name: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)), None)


def _suggest(name: str, known: Iterable[str], otherwise: str) -> str:
    known = list(known)
    bare = {address.split(".", 1)[1]: address for address in known if "." in address}
    near = bare.get(name.rsplit(".", 1)[-1]) or _nearest(name, known) or bare.get(_nearest(name, bare) or "")
    return f"Did you mean {near}?" if near else otherwise


# ---- running ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _mounted(refs: Iterable[str], mounts: Mapping[str, Mount]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with one view per reference, that can reach no other file, no network and no setting."""
    if missing := [ref for ref in refs if ref not in mounts]:
        raise ValueError(f"no mount for {', '.join(missing)}")
    # What does not fit into memory is spilled there, and not into the folder the process happens to stand in.
    with (
        tempfile.TemporaryDirectory(prefix="resistance_sql_") as spill,
        contextlib.closing(duckdb.connect()) as connection,
    ):
        connection.execute(f"SET temp_directory = {_literal(spill)}")
        connection.execute(f"SET memory_limit = '{query_memory_bytes() // 1000}KB'")
        connection.execute("SET TimeZone = 'UTC'")
        given = [mounts[ref] for ref in refs]
        paths = [path for mount in given if not isinstance(mount, Rows) for path in _paths_of(mount)]
        # Both spellings: access is asked for as the path is written, before its pattern is resolved.
        files = [text for path in paths for text in (_literal(str(path)), glob_literal(path))]
        connection.execute(f"SET allowed_paths = [{', '.join(files)}]")
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("SET autoload_known_extensions = false")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        for number, ref in enumerate(refs):
            layer, name = ref.split(".", 1)
            mount = mounts[ref]
            if isinstance(mount, Rows):
                source = f"mounted_{number}"
                connection.register(source, mount.in_place() if isinstance(mount, SpooledRows) else in_place(mount))
            else:
                source = f"read_parquet([{', '.join(map(glob_literal, _paths_of(mount)))}])"
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{layer}"')
            connection.execute(f'CREATE VIEW "{layer}"."{name}" AS SELECT * FROM {source}')
        yield connection


def _paths_of(mount: Path | Sequence[Path]) -> Sequence[Path]:
    return [mount] if isinstance(mount, Path) else mount


def _answer(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> pl.DataFrame:
    """A short answer."""
    return pl.concat(_parts(connection, sql, path))


def _parts(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> Iterator[pl.DataFrame]:
    """An answer in parts, of which the first has its columns and no row."""
    try:
        batches = connection.sql(sql).to_arrow_reader(PIECE_ROWS)
        yield pl.DataFrame(pl.from_arrow(batches.schema.empty_table()))
        for batch in batches:
            yield pl.DataFrame(pl.from_arrow(batch))
    except duckdb.Error as error:
        raise _query_fault(error, path) from error


def _query_fault(error: duckdb.Error, path: Path, what: str = "the query fails") -> CatalogFault:
    text = str(error)
    line = re.search(r"^LINE (\d+):", text, re.MULTILINE)
    problem = " ".join(text.split("\n\nLINE", 1)[0].split())
    return CatalogFault(
        f"{what}: {problem.rstrip('.!?')}",
        subject=str(path),
        place=f"line {line.group(1)}" if line else None,
        remedy="Correct the SQL, or the input that it cannot take.",
    )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
