"""A laboratory's table of measurements: which column is what, and its numbers.

Here belongs what the tables of every bench study need: columns found by their usual names, decimal commas, and numbers
that cannot be read. What the columns of one kind mean is in that kind's own reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from resistance_assets.connectors.formats.delimited import DelimitedText, nearest_name
from resistance_assets.connectors.lab_study.column_names import map_columns
from resistance_assets.connectors.lab_study.decimal_numbers import (
    DecimalMark,
    NumberCell,
    decide_decimal_mark,
    has_other_mark,
    read_decimals,
    tell_decimal_commas,
)
from resistance_assets.connectors.lab_study.table_text import NULLS, split_table
from resistance_assets.errors import DataFault

_SET_DECIMAL = {
    ".": 'Write decimal points, or set decimal = "comma" in [study]',
    ",": 'Write decimal commas throughout, or set decimal = "point" in [study]',
}
_NAME_OF_MARK = {".": "point", ",": "comma"}


@dataclass(frozen=True)
class WantedColumn:
    """A column that a reader knows.

    Attributes:
        name: what it is called here, and as a key of `columns` in study.toml.
        aliases: what instruments and laboratories call it; capitals, blanks and punctuation do not count.
        is_required: whether a table without it is refused.
        is_number: whether it holds numbers, from which the decimal mark of the table is known.
    """

    name: str
    aliases: tuple[str, ...] = ()
    is_required: bool = False
    is_number: bool = False


@dataclass(frozen=True)
class MeasuredTable:
    """A table whose columns have the names that are used here.

    Attributes:
        text: the table as it was split, for lines and messages.
        frame: one String column per column that was found, blanks and NA null.
        column_of: our name -> column of the file.
        mark: decimal mark of its numbers.
        notes: (place, sentence): every column that has another name in the file, and decimal commas.
    """

    text: DelimitedText
    frame: pl.DataFrame
    column_of: Mapping[str, str]
    mark: str = "."
    notes: list[tuple[str, str]] = field(default_factory=list)

    def line(self, row: int) -> int:
        """1-based line of a row in the file."""
        return int(self.text.lines[row])

    def fault(self, problem: str, name: str, row: int, *, expected: str | None = None, remedy: str) -> DataFault:
        """The fault for one cell: names file, line and column."""
        return DataFault(
            problem,
            subject=self.text.source,
            place=f"line {self.line(row)}, column {self.column_of.get(name, name)}",
            expected=expected,
            remedy=remedy,
        )

    def column_fault(self, problem: str, name: str, *, expected: str | None = None, remedy: str) -> DataFault:
        """The fault for a whole column."""
        place = f"column {self.column_of.get(name, name)}"
        return DataFault(problem, subject=self.text.source, place=place, expected=expected, remedy=remedy)

    def texts(self, name: str, otherwise: str | None = None) -> pl.Series:
        """A column as text; `otherwise` in every row where the file has no such column."""
        if name in self.frame.columns:
            return self.frame[name]
        return pl.Series(name, [otherwise] * self.frame.height, dtype=pl.String)

    def numbers(self, name: str, *, least: float | None = None) -> pl.Series:
        """A column as Float64; null where it is blank, and in every row where the file has no such column.

        Raises:
            DataFault: a cell is no finite number with the table's decimal mark, or is below `least`.
        """
        if name not in self.frame.columns:
            return pl.Series(name, [None] * self.frame.height, dtype=pl.Float64)
        cells = self.frame[name]
        values = read_decimals(cells, self.mark)
        wrong = cells.is_not_null() & values.is_null()
        if wrong.any():
            row = int(wrong.arg_true()[0])
            raise self._number_fault(name, row, str(cells[row]))
        if least is not None and (values < least).any():
            row = int((values < least).arg_true()[0])
            raise self.fault(
                f"{cells[row]} is below {least:g}", name, row, expected=f"{least:g} or more", remedy="Correct the cell"
            )
        return values

    def _number_fault(self, name: str, row: int, cell: str) -> DataFault:
        if has_other_mark(cell, self.mark):
            return self.fault(
                f"{cell!r} has a decimal {'comma' if self.mark == '.' else 'point'}",
                name,
                row,
                expected=f"decimal {_NAME_OF_MARK[self.mark]}s",
                remedy=_SET_DECIMAL[self.mark],
            )
        return self.fault(
            f"{cell!r} is no number",
            name,
            row,
            expected="a number or nothing",
            remedy="Correct the cell or leave it blank",
        )


def read_measured_table(
    path: Path,
    wanted: Sequence[WantedColumn],
    *,
    source: str,
    columns: Mapping[str, str] | None = None,
    decimal: DecimalMark = "auto",
) -> MeasuredTable:
    """Read a table and give its columns the names that are used here.

    Args:
        path: tab- or comma-separated text, or the first sheet of an .xlsx.
        wanted: the columns that may be there.
        source: what messages call the file.
        columns: our name -> column of the file, as study.toml says; goes before every alias.
        decimal: mark of its numbers as study.toml says; auto finds out.

    Raises:
        DataFault: a required column is missing (the nearest one is named), two columns are the same thing, the file is
            no table, or its numbers can be read in two ways.
    """
    return name_columns(split_table(path, source=source), wanted, columns=columns or {}, decimal=decimal)


def name_columns(
    text: DelimitedText, wanted: Sequence[WantedColumn], *, columns: Mapping[str, str], decimal: DecimalMark = "auto"
) -> MeasuredTable:
    """Columns of a split table under the names that are used here. Raises DataFault as `read_measured_table`."""
    aliases = {column.name: column.aliases for column in wanted}
    column_of = map_columns(text.header, aliases, source=text.source, declared=columns)
    for column in wanted:
        if column.is_required and column.name not in column_of:
            raise _missing(column, text)
    raw = text.frame(nulls=NULLS)
    frame = pl.DataFrame(
        [raw[found].str.strip_chars().replace("", None).alias(name) for name, found in column_of.items()]
    )
    notes = [(f"column {found}", f"read as {name}") for name, found in column_of.items() if found != name]
    unread = [name for name in text.header if name not in column_of.values()]
    if unread:
        notes.append(("header", f"columns that are not read: {', '.join(unread[:20])}"))
    numbers = [
        NumberCell(cell, int(text.lines[row]), column_of[column.name])
        for column in wanted
        if column.is_number and column.name in column_of
        for row, cell in enumerate(frame[column.name])
        if cell is not None
    ]
    mark = decide_decimal_mark(numbers, source=text.source, declared=decimal)
    if told := tell_decimal_commas(numbers, mark):
        notes.append(("numbers", told))
    return MeasuredTable(text, frame, column_of, mark, notes)


def _missing(column: WantedColumn, text: DelimitedText) -> DataFault:
    near = nearest_name(column.name, text.header)
    hint = f"; did you mean {near}?" if near else ""
    others = ", ".join(text.header[:12])
    return DataFault(
        f"column {column.name} is missing{hint}",
        subject=text.source,
        place="header",
        expected=f"{column.name}, or one of its other names: {', '.join(column.aliases[:8])}"
        if column.aliases
        else None,
        remedy=f'The file has {others}. Name the column in study.toml: columns = {{ {column.name} = "..." }}',
    )
