"""The factory of steps: what varies goes in, a step comes out with its code version and the SQL tests of its tables.

Here belong defaults that every step shares, and the check that steps fit together. What Dagster shows of a step is in
`table_assets.py`.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from resistance_assets.catalog.tables import TABLES, Table
from resistance_assets.errors import CatalogFault
from resistance_assets.orchestration.checks import CheckResult
from resistance_assets.orchestration.code_version import code_version_of, parameters_version, sql_code_version
from resistance_assets.orchestration.package_hash import kept_beside_the_package
from resistance_assets.orchestration.sql_models import (
    Mount,
    SqlModel,
    SqlQuery,
    SqlTest,
    load_models,
    load_queries,
    load_tests,
    models_folder,
    run_test,
)
from resistance_assets.orchestration.steps import ExternalInput, Inputs, Step, StepTest
from resistance_assets.orchestration.table_files.spooled_rows import Rows


def table_step(
    *,
    outputs: Mapping[str, Table],
    compute: Callable[[Inputs], Rows | Mapping[str, Rows]],
    code_version: str | None = None,
    inputs: Iterable[str] = (),
    optional_inputs: Iterable[str] = (),
    allow_unavailable_inputs: bool = False,
    parameters: Any = None,
    external_inputs: Callable[[Any], Mapping[str, ExternalInput]] | None = None,
    sources: Sequence[str] = (),
    kinds: Sequence[str] = ("python", "polars"),
    tags: Mapping[str, str] | None = None,
    lineage: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
    sql: Mapping[str, str] | None = None,
) -> Step:
    """A step from tables to tables, with the SQL tests of its outputs.

    Args:
        outputs: table written -> its model; more than one where they are computed together.
        compute: from `Inputs` to the rows of each output (or to rows, where there is one output).
        code_version: by default that of `compute` and of everything that it reaches.
        inputs: tables that must be there. What a SQL test reads beside the outputs is added to them.
        others: as the attributes of `Step`.
    """
    guards = [test for test in sql_tests().values() if test.table in outputs]
    given = tuple(inputs)
    read = dict.fromkeys(ref for test in guards for ref in test.refs)
    further = tuple(ref for ref in read if ref not in outputs and ref not in given)
    return Step(
        outputs=outputs,
        compute=compute,
        code_version=code_version_of(compute) if code_version is None else code_version,
        inputs=(*given, *further),
        optional_inputs=tuple(optional_inputs),
        allow_unavailable_inputs=allow_unavailable_inputs,
        parameters=parameters,
        external_inputs=external_inputs,
        tests={
            address: [as_step_test(test) for test in guards if test.table == address]
            for address in outputs
            if any(test.table == address for test in guards)
        },
        sources=tuple(sources),
        kinds=tuple(kinds),
        tags=dict(tags or {}),
        lineage=lineage or {},
        sql=sql or {},
    )


def as_step_test(test: SqlTest) -> StepTest:
    """A SQL test as a check of the candidate table."""

    def check(mounts: Mapping[str, Mount]) -> CheckResult:
        found = run_test(test, mounts)
        if found.passed:
            return CheckResult(test.name, True, test.description)
        rows = "; ".join(str(row) for row in found.examples.rows())
        return CheckResult(
            test.name,
            False,
            f"{test.description}: {found.failing_rows} rows, such as {rows}",
            {"rows": found.failing_rows},
        )

    return StepTest(test.name, test.refs, check, sql_code_version(test.code_version))


@functools.cache
def sql_models() -> dict[str, SqlModel]:
    """Models of `dbt_like_sql/` by table name, read once per process, and checked once per state of the package."""
    folder = models_folder()
    records = _checked_once("models", lambda: load_models(folder, TABLES).values())
    return {
        record["address"]: SqlModel(
            **{
                **record,
                "path": folder / record["path"],
                "refs": tuple(record["refs"]),
                "lineage": {column: tuple(upstream) for column, upstream in record["lineage"].items()},
            },
            table=TABLES[record["address"]],
        )
        for record in records
    }


@functools.cache
def sql_tests() -> dict[str, SqlTest]:
    """Tests of `dbt_like_sql/` by name, read once per process, and checked once per state of the package."""
    folder = models_folder()
    records = _checked_once("tests", lambda: load_tests(folder, sql_models(), TABLES).values())
    return {
        record["name"]: SqlTest(**{**record, "path": folder / record["path"], "refs": tuple(record["refs"])})
        for record in records
    }


def sql_queries(texts: Mapping[str, str], tables: Mapping[str, Table], **rules: Any) -> dict[str, SqlQuery]:
    """Queries of the catalog by name, as `load_queries` checks them, once per state of the package."""
    what = f"queries {parameters_version([dict(texts), sorted(tables), rules])}"
    records = _checked_once(what, lambda: load_queries(texts, tables, **rules).values())
    return {
        record["name"]: SqlQuery(**{**record, "refs": tuple(record["refs"]), "columns": tuple(record["columns"])})
        for record in records
    }


def _checked_once(what: str, load: Callable[[], Iterable[SqlModel | SqlTest | SqlQuery]]) -> list[dict[str, Any]]:
    """Records of SQL files that were parsed, bound and found good, with their paths below the models' folder.

    To parse and check all of them costs 3 s of CPU, which each process of a run would spend.
    """
    columns = {address: table.columns for address, table in TABLES.items()}
    with kept_beside_the_package("sql_models", ("duckdb", "sqlglot")) as known:
        key = f"{what} {parameters_version(columns)}"
        if key not in known:
            known[key] = [_record_of(loaded) for loaded in load()]
        return known[key]


def _record_of(loaded: SqlModel | SqlTest | SqlQuery) -> dict[str, Any]:
    record = {field.name: getattr(loaded, field.name) for field in dataclasses.fields(loaded) if field.name != "table"}
    if isinstance(loaded, SqlTest):
        record["table"] = loaded.table
    if not isinstance(loaded, SqlQuery):
        record["path"] = str(loaded.path.relative_to(models_folder()))
    return record


def by_table(steps: Iterable[Step]) -> dict[str, Step]:
    """Steps by each table that they write, in their order.

    Raises:
        CatalogFault: two steps write one table, or a step reads a table that no step writes.
    """
    found: dict[str, Step] = {}
    for step in steps:
        for table in step.outputs:
            if table in found:
                raise CatalogFault(
                    f"two steps write {table}",
                    subject=step.name,
                    expected=f"one; the other is {found[table].name}",
                    remedy="Rename one of them, or take a study out that has the id of another.",
                )
            found[table] = step
    for step in {id(step): step for step in found.values()}.values():
        _require_inputs(step, found)
    return found


def _require_inputs(step: Step, known: Mapping[str, Step]) -> None:
    for table in (*step.inputs, *step.optional_inputs):
        if table not in known:
            near = difflib.get_close_matches(table, known, n=1)
            raise CatalogFault(
                f"it reads {table}, which no step writes",
                subject=step.name,
                expected="a table of the graph",
                remedy=f"Did you mean {near[0]}?" if near else "Correct the name, or add the step that writes it.",
            )
