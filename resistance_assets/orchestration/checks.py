"""Validation before anything is written.

Here belong the checks of a frame that is about to become a table: its model (dtypes and values), its key, its least
number of rows. A frame that fails is not written; the result says what is wrong with which rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from resistance_assets.errors import DataFault
from resistance_assets.orchestration.scratch_database import cursor_over
from resistance_assets.orchestration.table_files.spooled_rows import HELD_ROWS, Rows, SpooledRows

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


def validate(table: Table, frame: Rows | pl.LazyFrame, *, may_be_empty: bool = False) -> list[CheckResult]:
    """Check rows by their table's model.

    Args:
        table: what the frame is meant to become.
        frame: eager, lazy or spooled. A lazy frame is checked on its values too: left to itself, pandera looks at
            nothing but its dtypes.
        may_be_empty: true where the source could not be had, so that a least number of rows does not apply.

    Returns:
        Two results, `schema` and `primary_key`.
    """
    eager = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
    if isinstance(eager, SpooledRows):
        return _check_pieces(table, eager, may_be_empty)
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


def _check_pieces(table: Table, rows: SpooledRows, may_be_empty: bool) -> list[CheckResult]:
    """As of a frame, a piece at a time: no rule of a model but its key compares rows."""
    hashes, at, is_good = np.empty(rows.height, dtype=np.uint64), 0, True
    for piece in rows.pieces():
        is_good = is_good and _check_schema(table, piece, True).passed
        hashes[at : at + piece.height] = _hashes(piece.select(table.key))
        at += piece.height
    # What is wrong is told of the whole, as of any table.
    schema = (
        _has_enough_rows(table, rows, may_be_empty) if is_good else _check_schema(table, rows.frame(), may_be_empty)
    )
    return [schema, _check_hashes(table, hashes, (piece.select(table.key) for piece in rows.pieces()))]


def _has_enough_rows(table: Table, rows: Rows, may_be_empty: bool) -> CheckResult:
    if not may_be_empty and rows.height < table.min_rows:
        return CheckResult("schema", False, f"{rows.height} rows, at least {table.min_rows} expected", {})
    return _is_as_the_model_says(rows.height, rows.width)


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
    return _has_enough_rows(table, frame, may_be_empty)


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
    if missing := [name for name in table.key if name not in frame.columns]:
        return CheckResult("primary_key", False, f"key column {missing[0]} is missing")
    if frame.is_empty():
        return CheckResult("primary_key", True, f"{', '.join(table.key)}: no rows")
    keys = frame.select(table.key)
    if _rises(keys):
        return _is_unique(table)
    hashes, at = np.empty(keys.height, dtype=np.uint64), 0
    for block in keys.iter_slices(HELD_ROWS):
        hashes[at : at + block.height] = _hashes(block)
        at += block.height
    return _check_hashes(table, hashes, keys.iter_slices(HELD_ROWS))


def _hashes(keys: pl.DataFrame) -> np.ndarray:
    """A hash of 64 bits of each row.

    To group millions of rows by columns of text takes gigabytes; their hashes take eight bytes a row.
    """
    return keys.hash_rows(seed=0).to_numpy()


def _check_hashes(table: Table, hashes: np.ndarray, keys: Iterable[pl.DataFrame]) -> CheckResult:
    """Whether no key stands twice; the keys are read where a hash does."""
    suspects = _rows_with_a_twin(hashes, keys)
    if suspects is None:
        return _is_unique(table)
    columns = ", ".join(f'"{name}"' for name in table.key)
    with cursor_over("candidate", suspects) as cursor:
        repeated = cursor.execute(
            f"SELECT {columns}, count(*) AS n FROM candidate GROUP BY ALL HAVING n > 1 ORDER BY ALL LIMIT {EXAMPLES}"
        ).fetchall()
    if repeated:
        shown = "; ".join(f"{row[:-1]} x {row[-1]}" for row in repeated)
        return CheckResult("primary_key", False, f"{', '.join(table.key)} is not unique: {shown}", {"examples": shown})
    return _is_unique(table)


def _rows_with_a_twin(hashes: np.ndarray, keys: Iterable[pl.DataFrame]) -> pl.DataFrame | None:
    """Rows whose hash stands twice: all that are repeated, and hardly one that is not; None where none does."""
    ordered = np.sort(hashes)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    del ordered
    if not twice.size:
        return None
    suspects, at = [], 0
    for block in keys:
        suspects.append(block.filter(np.isin(hashes[at : at + block.height], twice)))
        at += block.height
    return pl.concat(suspects)


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
