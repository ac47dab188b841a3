"""What `sql` does: answer one question or dot command, and write the answer for people or for a program."""

from __future__ import annotations

import difflib
import json
import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import duckdb
import polars as pl

from resistance_assets.commands.analysts.tables import find_table
from resistance_assets.commands.output.printing import visible
from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.files import replace_file
from resistance_assets.warehouse.database import literal
from resistance_assets.warehouse.reader import run_query

Format = Literal["table", "csv", "json", "parquet"]
FORMATS: tuple[Format, ...] = ("table", "csv", "json", "parquet")

DOT_COMMANDS = """\
.tables [WORD]   the tables, or those whose name or grain holds WORD: rows and what a row is
.schema TABLE    columns of a table: type, unit, what it is, whether it is of the key
.help            this
Anything else is one SELECT. Layers: raw (parsed), staging (our names and units), core (computed), marts (to be asked),
meta (releases, tables, columns, lineage, sources, runs).
"""


def answer(
    connection: duckdb.DuckDBPyConnection,
    text: str,
    *,
    timeout_seconds: float | None = None,
    largest_bytes: int | None = None,
    most_rows: int | None = None,
) -> pl.DataFrame:
    """Rows of one SELECT, or of `.tables [WORD]` or `.schema TABLE`, as in the shells of databases.

    Limits as in `run_query`.

    Raises:
        UsageFault: no such command, or a query that `run_query` refuses.
    """
    query = _query_of(connection, text) if text.lstrip().startswith(".") else text
    return run_query(
        connection, query, timeout_seconds=timeout_seconds, largest_bytes=largest_bytes, most_rows=most_rows
    )


SUFFIXES: Mapping[str, Format] = {
    ".csv": "csv",
    ".json": "json",
    ".parquet": "parquet",
    ".txt": "table",
}


def choose_output(format: Format | None, output: Path | None, *, data_dir: Path, force: bool) -> Format:
    """The format of an answer, from the option or the file's suffix, once it is sure that the file may be written.

    Args:
        format: as asked for; None: by the suffix.
        output: file; None for standard output.
        data_dir: holds the warehouse; nothing is written into it.
        force: whether an existing file may be replaced.

    Raises:
        UsageFault: the file lies in the data folder, exists or is a folder, or its suffix is unknown.
    """
    if output is None:
        return format or "table"
    if format is None:
        format = SUFFIXES.get(output.suffix.lower())
        if format is None:
            raise UsageFault(
                f"the suffix {output.suffix!r} is no format that can be written",
                subject=f"-o {output}",
                expected=f"one of {', '.join(SUFFIXES)}",
                remedy="Choose one of them, or say which with --format.",
            )
    require_own_place(output, data_dir=data_dir, force=force)
    return format


def require_own_place(output: Path, *, data_dir: Path, force: bool) -> None:
    """Refuse a file that lies in the data folder, is a folder, or exists and is not to be replaced.

    Raises:
        UsageFault: it is one of these.
    """
    place = output.expanduser().resolve()
    if place.is_relative_to(data_dir.resolve()):
        raise UsageFault(
            "lies in the data folder, which only the warehouse itself writes",
            subject=f"-o {output}",
            remedy="Name a file elsewhere.",
        )
    if output.is_dir():
        raise UsageFault("is a folder", subject=f"-o {output}", remedy="Name a file.")
    if output.is_file() and not force:
        raise UsageFault("exists already", subject=f"-o {output}", remedy="Add --force to replace it.")


def _query_of(connection: duckdb.DuckDBPyConnection, command: str) -> str:
    """The query that a dot command stands for."""
    name, *rest = command.split()
    word = " ".join(rest).rstrip(";")
    if name.rstrip(";") == ".tables":
        like = literal(f"%{word}%")
        return (
            "SELECT layer || '.' || table_name AS table_name, row_count AS rows, status, grain FROM meta.tables "
            f"WHERE layer || '.' || table_name ILIKE {like} OR grain ILIKE {like} "
            "ORDER BY list_position(['marts', 'core', 'staging', 'raw'], layer), table_name"
        )
    if name.rstrip(";") == ".schema" and word:
        layer, table = find_table(connection, word, subject=f".schema {word}").split(".", 1)
        return (
            "SELECT column_name, data_type, unit, CASE WHEN is_key THEN 'key' END AS key, description "
            f"FROM meta.columns WHERE layer = {literal(layer)} AND table_name = {literal(table)}"
        )
    raise UsageFault(
        "is no command",
        subject=name,
        remedy="Use `.tables [WORD]`, `.schema TABLE` or `.help`; anything else is one SELECT.",
    )


def write_result(frame: pl.DataFrame, format: Format, output: Path | None = None) -> None:
    """Write an answer to a file, or to standard output.

    Args:
        frame: the answer.
        format: table (for reading), csv, json (a list of objects) or parquet.
        output: file; None for standard output, which takes no parquet.

    Raises:
        UsageFault: an unknown format, parquet without a file, or a folder that does not exist.
        DataFault: the file cannot be written, or nested values are asked for as csv.
    """
    if format not in FORMATS:
        near = next(iter(difflib.get_close_matches(str(format), FORMATS, n=1)), None)
        raise UsageFault(
            f"the format {format} is unknown",
            subject="--format",
            remedy=f"Did you mean {near}?" if near else f"Use one of: {', '.join(FORMATS)}.",
        )
    if format == "parquet":
        if output is None:
            raise UsageFault(
                "parquet cannot go to the terminal", subject="--format", remedy="Name a file with -o FILE."
            )
        _to_file(output, lambda path: frame.write_parquet(path, compression="zstd"))
        return
    text = {"table": as_text, "csv": as_csv, "json": as_json}[format](frame)
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        _to_file(output, lambda path: path.write_text(text, encoding="utf-8"))


def as_lines(frame: pl.DataFrame) -> str:
    """The answer one value a line, for rows wider than the screen; rows are numbered where there are several."""
    width = max(map(len, frame.columns), default=0)
    lines = []
    for at, row in enumerate(frame.iter_rows(), start=1):
        if frame.height > 1:
            lines.append(f"-- row {at}")
        lines += [f"{name.rjust(width)} = {_cell(value)}" for name, value in zip(frame.columns, row, strict=True)]
    lines.append(f"({frame.height} {'row' if frame.height == 1 else 'rows'})")
    return "\n".join(lines) + "\n"


def as_text(frame: pl.DataFrame) -> str:
    """The answer for reading: every row and column, numbers to the right, null as a dot, and the number of rows."""
    numeric = [dtype.is_numeric() for dtype in frame.dtypes]
    cells = [[_cell(value) for value in row] for row in frame.iter_rows()]
    widths = [
        max(len(name), *(len(row[i]) for row in cells)) if cells else len(name) for i, name in enumerate(frame.columns)
    ]

    def line(values: list[str]) -> str:
        placed = (v.rjust(w) if right else v.ljust(w) for v, w, right in zip(values, widths, numeric, strict=True))
        return "  ".join(placed).rstrip()

    lines = [line(list(frame.columns)), "  ".join("-" * width for width in widths), *(line(row) for row in cells)]
    lines.append(f"({frame.height} {'row' if frame.height == 1 else 'rows'})")
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return "."
    if isinstance(value, float):
        return f"{value:.6g}"
    return visible(re.sub(r"\s*\n\s*", " ", str(value)))


def as_csv(frame: pl.DataFrame) -> str:
    """The answer as CSV. Raises DataFault where it holds lists or structs."""
    if nested := [name for name, dtype in frame.schema.items() if dtype.is_nested()]:
        raise DataFault(
            f"column {nested[0]} holds lists or structs, which csv cannot",
            subject="query",
            remedy="Use --format json, or take it apart in the query.",
        )
    return frame.write_csv()


def as_json(frame: pl.DataFrame) -> str:
    """The answer as a JSON list of objects."""
    # Not polars' own writer: it writes a decimal as text and a NaN as null without a word.
    rows = ",\n".join(as_json_row(row) for row in frame.iter_rows(named=True))
    return f"[\n{rows}\n]\n" if rows else "[]\n"


def as_json_row(row: dict[str, Any]) -> str:
    """A row as a JSON object; null for infinity and NaN."""
    try:
        return json.dumps(row, default=plain_value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(finite(row), default=plain_value, ensure_ascii=False)


def finite(value: Any) -> Any:
    """``value`` with null for infinity and NaN, which JSON has no words for."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain_value(value: Any) -> Any:
    """A value that JSON has no form of, as one that it has."""
    import datetime
    import decimal

    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def _to_file(output: Path, write: Any) -> None:
    if not output.parent.is_dir():
        raise UsageFault(
            "the folder does not exist", subject=str(output.parent), remedy="Create it, or name another file."
        )
    try:
        if output.exists() and not output.is_file():
            write(output)  # a pipe or a device
            return
        with replace_file(output.resolve()) as aside:
            write(aside)
    except OSError as error:
        raise DataFault(
            f"cannot be written: {error.strerror or error}", subject=str(output), remedy="Choose another place with -o."
        ) from error
