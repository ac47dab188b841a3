"""Validation before anything is written.

Here belong the checks of a frame that is about to become a table: its model (dtypes and values), its key, its least
number of rows. A frame that fails is not written; the result says what is wrong with which rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from resistance_assets.errors import DataFault
from resistance_assets.orchestration.scratch_database import cursor_over
from resistance_assets.orchestration.table_files.content import HASHED_ROWS

if TYPE_CHECKING:
    import pandera.errors

    from resistance_assets.catalog.tables import Table

EXAMPLES = 5


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check of one table."""

    name: str
    passed: bool
    description: str
    details: dict[str, Any] = field(default_factory=dict)


def validate(table: Table, frame: pl.DataFrame | pl.LazyFrame, *, may_be_empty: bool = False) -> list[CheckResult]:
    """Check a frame by its table's model.

    Args:
        table: what the frame is meant to become.
        frame: eager or lazy. A lazy frame is checked on its values too: left to itself, pandera looks at nothing but
            its dtypes.
        may_be_empty: true where the source could not be had, so that a least number of rows does not apply.

    Returns:
        Two results, `schema` and `primary_key`.
    """
    eager = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
    return [_check_schema(table, eager, may_be_empty), _check_key(table, eager)]


def checked_by_partition(table: Table, rows: int) -> list[CheckResult]:
    """The results of `validate` for a union whose partitions passed theirs and share no key."""
    return [_is_as_the_model_says(rows, len(table.columns)), _is_unique(table)]


def _is_as_the_model_says(rows: int, columns: int) -> CheckResult:
    return CheckResult("schema", True, f"{rows} rows, {columns} columns as the model says")


def _is_unique(table: Table) -> CheckResult:
    return CheckResult("primary_key", True, f"{', '.join(table.key)} is unique")


def require(table: Table, check_results: Sequence[CheckResult]) -> None:
    """Raise for the first check that failed.

    Raises:
        DataFault: naming table, check and what is wrong.
    """
    for check_result in check_results:
        if not check_result.passed:
            raise DataFault(
                f"check {check_result.name} failed: {check_result.description}",
                subject=table.address,
                remedy="Nothing was written; correct the input, or the model in catalog/tables.",
            )


def _check_schema(table: Table, frame: pl.DataFrame, may_be_empty: bool) -> CheckResult:
    # Of no row nothing but names and types can be wrong, and two of three tables of a small warehouse have none.
    if frame.is_empty() and (may_be_empty or not table.min_rows) and frame.schema == table.polars_schema:
        return CheckResult("schema", True, f"0 rows, {frame.width} columns as the model says")
    # Imported late: it brings pandas, and a step whose result is known validates nothing.
    import pandera.errors
    from pandera.config import ValidationDepth, config_context

    try:
        with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
            table.model.to_schema().validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        found = _failures(errors)
        return CheckResult("schema", False, "; ".join(found[:EXAMPLES]), {"failures": len(found)})
    floats = [name for name, dtype in frame.schema.items() if dtype.is_float()]
    infinite = frame.select(pl.col(floats).is_infinite().sum()).to_dicts()[0] if floats else {}
    if bad := {name: count for name, count in infinite.items() if count}:
        return CheckResult("schema", False, f"infinite values: {bad}", {"infinite": bad})
    if not may_be_empty and frame.height < table.min_rows:
        return CheckResult("schema", False, f"{frame.height} rows, at least {table.min_rows} expected", {})
    return _is_as_the_model_says(frame.height, frame.width)


def _failures(errors: pandera.errors.SchemaErrors) -> list[str]:
    import pandera.errors

    found: list[str] = []
    for failure in errors.schema_errors:
        error = failure if isinstance(failure, pandera.errors.SchemaError) else None
        if error is None:
            found.append(str(failure))
            continue
        column = getattr(error.schema, "name", None)
        cases = error.failure_cases
        values = ""
        if isinstance(cases, pl.DataFrame) and cases.height and cases.width:
            shown = cases[cases.columns[0]].unique(maintain_order=True).head(3).to_list()
            values = f": {cases.height} rows, such as {', '.join(repr(value) for value in shown)}"
        elif cases is not None:
            values = f": {cases}"
        reason = error.reason_code.name.lower() if error.reason_code else "check"
        check = f" {error.check}" if error.check is not None else ""
        found.append(f"column {column}, {reason}{check}{values}" if column else f"{reason}{check}{values}")
    return found


def _check_key(table: Table, frame: pl.DataFrame) -> CheckResult:
    columns = ", ".join(f'"{name}"' for name in table.key)
    if missing := [name for name in table.key if name not in frame.columns]:
        return CheckResult("primary_key", False, f"key column {missing[0]} is missing")
    if frame.is_empty():
        return CheckResult("primary_key", True, f"{', '.join(table.key)}: no rows")
    if _rises(frame.select(table.key)):
        return _is_unique(table)
    suspects = _rows_with_a_twin(frame.select(table.key))
    with cursor_over("candidate", suspects) as cursor:
        repeated = cursor.execute(
            f"SELECT {columns}, count(*) AS n FROM candidate GROUP BY ALL HAVING n > 1 ORDER BY ALL LIMIT {EXAMPLES}"
        ).fetchall()
    if repeated:
        shown = "; ".join(f"{row[:-1]} x {row[-1]}" for row in repeated)
        return CheckResult("primary_key", False, f"{', '.join(table.key)} is not unique: {shown}", {"examples": shown})
    return _is_unique(table)


def _rows_with_a_twin(keys: pl.DataFrame) -> pl.DataFrame:
    """Rows whose hash stands twice: all that are repeated, and hardly one that is not.

    To group millions of rows by columns of text takes gigabytes; their hashes take eight bytes a row.
    """
    hashes = np.empty(keys.height, dtype=np.uint64)
    at = 0
    for block in keys.iter_slices(HASHED_ROWS):
        hashes[at : at + block.height] = block.hash_rows(seed=0).to_numpy()
        at += block.height
    ordered = np.sort(hashes)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    return keys.filter(np.isin(hashes, twice)) if twice.size else keys.clear()


def _rises(keys: pl.DataFrame) -> bool:
    """Whether each row of whole numbers comes after the one before it, so that none stands twice.

    Sparse counts have tens of millions of rows in this order, which a search for duplicates takes seconds for.
    """
    if not all(dtype.is_integer() for dtype in keys.dtypes) or any(keys.null_count().row(0)):
        return False
    after, same = pl.lit(False), pl.lit(True)
    for name in keys.columns:
        before, this = pl.col(name).slice(0, pl.len() - 1), pl.col(name).slice(1)
        after, same = after | (same & (this > before)), same & (this == before)
    return bool(keys.select(after.all()).item())
