"""What `export TABLE` does: a table of a release as a file for other programs, and its data dictionary beside it.

Here belongs how each format writes what another one has no words for: lists in CSV, long texts in a sheet, infinity in
JSON, text that a spreadsheet would run as a formula. Rows go through in batches, so that a table may be larger than the
memory; both files are whole or absent.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import duckdb
import polars as pl

from resistance_assets.commands.analysts.tables import find_table
from resistance_assets.commands.sql import as_json_row
from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.files import replace_file
from resistance_assets.warehouse.database import literal, quoted

ExportFormat = Literal["parquet", "csv", "xlsx", "json"]
SUFFIXES: dict[str, ExportFormat] = {".parquet": "parquet", ".csv": "csv", ".xlsx": "xlsx", ".json": "json"}
BATCH_ROWS = 50_000
DICTIONARY_ENDING = ".dictionary.csv"
DICTIONARY_COLUMNS: tuple[str, ...] = ("kind", "name", "type", "unit", "is_key", "meaning")

MOST_SHEET_ROWS = 1_048_576
"""Of a sheet of Excel, headings included."""
MOST_CELL_CHARACTERS = 32_767
MOST_EXACT_INTEGER = 10**15
"""A spreadsheet keeps fifteen digits of a number."""

# What a spreadsheet runs as a formula when it opens a CSV file: a first character of these, full-width ones included. A
# sign alone (a strand) and a number are none.
_FORMULA = r"^(?:[=@\t\r\n＝＠＋－]|[+-][\s\S])"
_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
# What a spreadsheet turns into a date or a number when it opens a CSV file: MARCH1, SEPT2, DEC1, 2310009E13.
_RETYPED = r"(?i)^(?:(?:jan|feb|mar|march|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[-. /]?\d{1,4}|\d+E\d+)$"


@dataclass
class Remarks:
    """What a format could not write as the table has it, counted."""

    escaped: int = 0
    retyped: int = 0
    columns_as_json: list[str] = field(default_factory=list)

    def as_sentences(self) -> list[str]:
        told = []
        if self.escaped:
            told.append(
                f"{self.escaped:,} texts that a spreadsheet would run as a formula begin with an apostrophe that the "
                "table does not have; --exact leaves it out"
            )
        if self.retyped:
            told.append(
                f"{self.retyped:,} texts such as MARCH1 become dates or numbers where a spreadsheet opens the file by "
                "a double click: import the columns as text, or export .xlsx"
            )
        if self.columns_as_json:
            told.append(f"lists and structs are JSON text in: {', '.join(self.columns_as_json)}")
        return told


@dataclass(frozen=True)
class Exported:
    """What was written: the table, its file, the dictionary, and what the format could not say as it is."""

    table: str
    path: Path
    dictionary: Path
    format: str
    rows: int
    release: int
    remarks: tuple[str, ...]


def export_table(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    output: Path,
    format: ExportFormat,
    *,
    force: bool = False,
    exact: bool = False,
) -> Exported:
    """Write a table and its data dictionary.

    Args:
        connection: from `open_warehouse`.
        table: address `layer.table`.
        output: file; checked by `choose_output`. The dictionary stands beside it, `<file>.dictionary.csv`.
        format: parquet (zstd), csv (UTF-8, every text in quotes, null as nothing), xlsx (sheets of the table and of the
            dictionary), or json (a list of objects; null also for infinity and NaN).
        force: replace the files where they exist.
        exact: CSV: leave text as it is, also what a spreadsheet would run as a formula.

    Raises:
        UsageFault: the folder does not exist, or the dictionary's file does and is not to be replaced.
        DataFault: more rows, or a longer text, than a sheet holds; or the disk refuses. Nothing is written then.
    """
    place = output.expanduser().resolve()
    dictionary = place.with_name(place.name + DICTIONARY_ENDING)
    if not place.parent.is_dir():
        raise UsageFault(
            "the folder does not exist", subject=str(place.parent), remedy="Create it, or name another file."
        )
    if place.exists() and not place.is_file():
        raise UsageFault("is no file", subject=f"-o {output}", remedy="Name a file.")
    if dictionary.exists() and (not force or not dictionary.is_file()):
        raise UsageFault(
            "the data dictionary's file exists already",
            subject=str(dictionary),
            remedy="Add --force to replace it, or name another file.",
        )
    rows = _first_row(connection, f"SELECT count(*) FROM {quoted(table)}")[0]
    if format == "xlsx" and rows + 1 > MOST_SHEET_ROWS:
        raise DataFault(
            f"has {rows:,} rows; a sheet of a spreadsheet holds {MOST_SHEET_ROWS - 1:,} below its headings",
            subject=table,
            remedy='Export parquet or csv, or take a part of it: `resistance sql "SELECT ..." -o FILE.csv`.',
        )
    remarks = Remarks()
    described = _describe(connection, table, rows, format)
    try:
        with replace_file(dictionary) as dictionary_aside, replace_file(place) as aside:
            _WRITERS[format](_Content(connection, table, described, remarks, exact), aside)
            sentences = remarks.as_sentences()
            _write_dictionary(dictionary_aside, [*described, *(_entry("note", "", told) for told in sentences)])
    except DataFault as fault:
        if isinstance(fault.__cause__, OSError):
            raise DataFault(
                fault.problem, subject=str(output), remedy="Free some space, or choose another place with -o."
            ) from fault
        raise
    release = _first_row(connection, "SELECT max(release) FROM meta.releases")[0]
    return Exported(table, place, dictionary, format, rows, release, tuple(sentences))


def _first_row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """The only row of a query. All rows are fetched: an unfinished answer keeps the connection from the next one."""
    return connection.execute(sql).fetchall()[0]


# ---- the dictionary --------------------------------------------------------------------------------------------------


def _entry(kind: str, name: str, meaning: str | None, **others: Any) -> dict[str, Any]:
    return {"kind": kind, "name": name, "type": None, "unit": None, "is_key": None, "meaning": meaning, **others}


def _describe(
    connection: duckdb.DuckDBPyConnection, table: str, rows: int, format: ExportFormat
) -> list[dict[str, Any]]:
    """Entries of the dictionary: table, limitation, release, format, then each column in the table's order."""
    layer, name = table.split(".", 1)
    here = f"layer = {literal(layer)} AND table_name = {literal(name)}"
    grain, limitation, version = _first_row(
        connection,
        f"SELECT any_value(grain), any_value(limitation), any_value(data_version) FROM meta.tables WHERE {here}",
    )
    release, published_at = _first_row(
        connection, "SELECT release, published_at FROM meta.releases ORDER BY release DESC LIMIT 1"
    )
    own = {
        column: (data_type, unit, is_key, meaning)
        for column, data_type, unit, is_key, meaning in connection.execute(
            f"SELECT column_name, data_type, unit, is_key, description FROM meta.columns WHERE {here}"
        ).fetchall()
    }
    entries = [
        _entry("table", table, grain),
        _entry("rows", str(rows), "rows in the file"),
        _entry("release", str(release), f"published {published_at} UTC; data version of the table: {version}"),
    ]
    if limitation:
        entries.insert(1, _entry("limitation", table, limitation))
    if told := _MISSING[format]:
        entries.append(_entry("format", format, told))
    for column, data_type, *_ in connection.execute(f"DESCRIBE {quoted(table)}").fetchall():
        _, unit, is_key, meaning = own.get(column, (None, None, None, None))
        entries.append(_entry("column", column, meaning, type=data_type, unit=unit, is_key=bool(is_key)))
    return entries


_MISSING: dict[ExportFormat, str] = {
    "parquet": "types as in the database",
    "csv": "UTF-8, comma; a missing value is empty; NaN, inf and -inf are written as these words",
    "xlsx": "a missing value is an empty cell; NaN, inf and -inf are text; so are integers of more than 15 digits",
    "json": "a list of objects; a missing value, NaN and infinity are null",
}


def _write_dictionary(path: Path, entries: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, DICTIONARY_COLUMNS, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
        writer.writeheader()
        for entry in entries:
            is_key = entry["is_key"]
            writer.writerow({**entry, "is_key": None if is_key is None else "yes" if is_key else "no"})


# ---- formats ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Content:
    connection: duckdb.DuckDBPyConnection
    table: str
    described: list[dict[str, Any]]
    remarks: Remarks
    exact: bool

    @contextlib.contextmanager
    def reader(self) -> Iterator[Any]:
        """Batches of Arrow, in the order of the table; closed at the end, so that the connection is free again."""
        reader = self.connection.sql(f"FROM {quoted(self.table)}").to_arrow_reader(BATCH_ROWS)
        try:
            yield reader
        finally:
            reader.close()

    @contextlib.contextmanager
    def frames(self) -> Iterator[Iterator[pl.DataFrame]]:
        """The same as frames; an empty one with the columns where the table has no rows."""
        with self.reader() as reader:
            batches = iter(reader)
            first = next(batches, None)
            rest = map(_as_frame, batches)
            yield itertools.chain([_as_frame(reader.schema.empty_table() if first is None else first)], rest)


def _as_frame(batch: Any) -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _write_parquet(content: _Content, path: Path) -> None:
    import pyarrow.parquet

    with (
        content.reader() as reader,
        pyarrow.parquet.ParquetWriter(path, reader.schema, compression="zstd") as writer,
    ):
        for batch in reader:
            writer.write_batch(batch)


def _write_csv(content: _Content, path: Path) -> None:
    with path.open("wb") as handle, content.frames() as frames:
        for at, frame in enumerate(frames):
            plain = _nested_as_json(frame, content.remarks)
            if not content.exact:
                plain = _without_formulas(plain, content.remarks)
            _count_retyped(plain, content.remarks)
            plain.write_csv(handle, include_header=at == 0, quote_style="non_numeric")


def _write_json(content: _Content, path: Path) -> None:
    with path.open("w", encoding="utf-8") as handle, content.frames() as frames:
        opening = "[\n"
        for frame in frames:
            for row in frame.iter_rows(named=True):
                handle.write(opening + as_json_row(row))
                opening = ",\n"
        handle.write("[]\n" if opening == "[\n" else "\n]\n")


def _write_xlsx(content: _Content, path: Path) -> None:
    import xlsxwriter

    plain = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False,
             "constant_memory": True, "tmpdir": str(path.parent)}  # fmt: skip
    # Written to a handle: XlsxWriter judges a path by its suffix.
    with path.open("wb") as handle, xlsxwriter.Workbook(handle, plain) as workbook, content.frames() as frames:
        sheet = workbook.add_worksheet(_sheet_name(content.table))
        headings = [entry["name"] for entry in content.described if entry["kind"] == "column"]
        _write_rows(workbook, sheet, headings, _rows_of(frames, content.remarks), content.table)
        dictionary = workbook.add_worksheet("Dictionary")
        rows = ([_in_cell(entry[name]) for name in DICTIONARY_COLUMNS] for entry in content.described)
        _write_rows(workbook, dictionary, list(DICTIONARY_COLUMNS), rows, content.table)


def _rows_of(frames: Iterator[pl.DataFrame], remarks: Remarks) -> Iterator[list[Any]]:
    for frame in frames:
        for row in _nested_as_json(frame, remarks).iter_rows():
            yield [_in_cell(value) for value in row]


def _write_rows(workbook: Any, sheet: Any, headings: list[str], rows: Iterator[list[Any]], table: str) -> None:
    bold, text = workbook.add_format({"bold": True, "num_format": "@"}), workbook.add_format({"num_format": "@"})
    moment = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    for at, heading in enumerate(headings):
        sheet.write_string(0, at, heading, bold)
        sheet.set_column(at, at, min(40, max(9, len(heading) + 2)))
    sheet.freeze_panes(1, 1)
    for number, row in enumerate(rows, start=1):
        for at, value in enumerate(row):
            if value is None:
                continue
            if isinstance(value, str):
                if len(value) > MOST_CELL_CHARACTERS:
                    raise DataFault(
                        f"has a text of {len(value):,} characters; a cell of a spreadsheet holds "
                        f"{MOST_CELL_CHARACTERS:,}",
                        subject=table,
                        place=f"column {headings[at]}, row {number:,}",
                        remedy="Export parquet, csv or json.",
                    )
                # Marked as text, so that a cell typed again does not become a date.
                sheet.write_string(number, at, value, text)
            elif isinstance(value, bool):
                sheet.write_boolean(number, at, value)
            elif isinstance(value, datetime.datetime):
                sheet.write_datetime(number, at, value, moment)
            else:
                sheet.write_number(number, at, value)


def _in_cell(value: Any) -> Any:
    """A value as a sheet can hold it: text for what is no number, no truth and no time of a spreadsheet."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < MOST_EXACT_INTEGER else str(value)
    if isinstance(value, float):
        return value if value - value == 0 else {True: "NaN", False: "inf" if value > 0 else "-inf"}[value != value]
    if isinstance(value, datetime.datetime):
        return value if value.tzinfo is None and value.year >= 1900 else value.isoformat()
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)


def _sheet_name(table: str) -> str:
    """Of at most 31 characters, as spreadsheets want it, and not that of the dictionary."""
    name = table.split(".", 1)[1][:31]
    return f"{name[:25]} table" if name.lower() in ("dictionary", "history") else name


def _nested_as_json(frame: pl.DataFrame, remarks: Remarks) -> pl.DataFrame:
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    remarks.columns_as_json.extend(name for name in nested if name not in remarks.columns_as_json)
    return frame.with_columns(
        pl.Series(name, [None if value is None else _as_json(value) for value in frame[name].to_list()], pl.String)
        for name in nested
    )


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _texts(frame: pl.DataFrame) -> list[str]:
    return [name for name, dtype in frame.schema.items() if dtype == pl.String]


def _without_formulas(frame: pl.DataFrame, remarks: Remarks) -> pl.DataFrame:
    """Text that a spreadsheet would run, behind an apostrophe."""
    texts = _texts(frame)
    runs = {name: pl.col(name).str.contains(_FORMULA) & ~pl.col(name).str.contains(_NUMBER) for name in texts}
    if not texts:
        return frame
    remarks.escaped += sum(frame.select(rule.sum() for rule in runs.values()).row(0))
    return frame.with_columns(
        pl.when(rule).then(pl.concat_str(pl.lit("'"), name)).otherwise(name).alias(name) for name, rule in runs.items()
    )


def _count_retyped(frame: pl.DataFrame, remarks: Remarks) -> None:
    if texts := _texts(frame):
        remarks.retyped += sum(frame.select(pl.col(name).str.contains(_RETYPED).sum() for name in texts).row(0))


_WRITERS = {"parquet": _write_parquet, "csv": _write_csv, "json": _write_json, "xlsx": _write_xlsx}


def choose_format(format: ExportFormat | None, output: Path | None) -> tuple[ExportFormat, Path]:
    """The format, from the option or the file's suffix, and the file.

    Raises:
        UsageFault: no file is named, its suffix is unknown, or it says another format than the option.
    """
    if output is None:
        raise UsageFault(
            "no file is named", subject="export", expected="-o FILE", remedy="Name one, such as -o table.parquet."
        )
    by_suffix = SUFFIXES.get(output.suffix.lower())
    if format is not None and by_suffix not in (None, format):
        raise UsageFault(
            f"the suffix says {by_suffix} and --format says {format}", subject=f"-o {output}", remedy="Make them one."
        )
    chosen = format or by_suffix
    if chosen is None:
        raise UsageFault(
            f"the suffix {output.suffix!r} is no format that can be written",
            subject=f"-o {output}",
            expected=f"one of {', '.join(SUFFIXES)}",
            remedy="Choose one of them, or say which with --format.",
        )
    return chosen, output


def resolve_table(connection: duckdb.DuckDBPyConnection, table: str | None, mart: str | None) -> str:
    """The address that the argument or `--mart` names."""
    if mart is not None:
        return find_table(connection, mart.removeprefix("marts."), subject=f"--mart {mart}", layer="marts")
    assert table is not None
    return find_table(connection, table, subject=table)
