"""A laboratory's table of measurements: which column is what, and its numbers.

Here belongs what the tables of every bench study need: columns found by their usual names, decimal commas, and numbers
that cannot be read. What the columns of one kind mean is in that kind's own reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl

from resistance_assets.connectors.formats.delimited import DelimitedText, nearest_name
from resistance_assets.connectors.lab_study.column_names import map_columns
from resistance_assets.connectors.lab_study.table_text import NULLS, split_table
from resistance_assets.errors import DataFault

Decimal = Literal["point", "comma"]
_COMMA = re.compile(r"^[+-]?[0-9]+,[0-9]+([eE][+-]?[0-9]+)?$")
_SET_DECIMAL = {
    "point": 'Write decimal points, or set decimal = "comma" in [study]',
    "comma": 'Write decimal commas throughout, or set decimal = "point" in [study]',
}


@dataclass(frozen=True)
class WantedColumn:
    """A column that a reader knows.

    Attributes:
        name: what it is called here, and as a key of `columns` in study.toml.
        aliases: what instruments and laboratories call it; capitals, blanks and punctuation do not count.
        is_required: whether a table without it is refused.
    """

    name: str
    aliases: tuple[str, ...] = ()
    is_required: bool = False


@dataclass(frozen=True)
class MeasuredTable:
    """A table whose columns have the names that are used here.

    Attributes:
        text: the table as it was split, for lines and messages.
        frame: one String column per column that was found, blanks and NA null.
        column_of: our name -> column of the file.
        notes: (place, sentence): every column that has another name in the file.
    """

    text: DelimitedText
    frame: pl.DataFrame
    column_of: Mapping[str, str]
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

    def numbers(self, name: str, *, decimal: Decimal = "point", least: float | None = None) -> pl.Series:
        """A column as Float64; null where it is blank, and in every row where the file has no such column.

        Raises:
            DataFault: a cell is no finite number, has another decimal sign than was declared, or is below `least`.
        """
        if name not in self.frame.columns:
            return pl.Series(name, [None] * self.frame.height, dtype=pl.Float64)
        cells = self.frame[name]
        values = read_cells(cells, decimal)
        wrong = cells.is_not_null() & (values.is_null() | ~values.is_finite())
        if wrong.any():
            row = int(wrong.arg_true()[0])
            raise self._number_fault(name, row, str(cells[row]), decimal)
        if least is not None and (values < least).any():
            row = int((values < least).arg_true()[0])
            raise self.fault(
                f"{cells[row]} is below {least:g}", name, row, expected=f"{least:g} or more", remedy="Correct the cell"
            )
        return values

    def _number_fault(self, name: str, row: int, cell: str, decimal: Decimal) -> DataFault:
        other = _COMMA.match(cell) if decimal == "point" else "." in cell and "," not in cell
        if other:
            sign = "comma" if decimal == "point" else "point"
            return self.fault(
                f"{cell!r} has a decimal {sign}",
                name,
                row,
                expected=f"decimal {decimal}s",
                remedy=_SET_DECIMAL[decimal],
            )
        return self.fault(
            f"{cell!r} is no number",
            name,
            row,
            expected="a number or nothing",
            remedy="Correct the cell or leave it blank",
        )


def read_cells(cells: pl.Series, decimal: Decimal) -> pl.Series:
    """Cells as Float64; null where one is no number with that decimal sign."""
    text = cells.cast(pl.String)
    if decimal == "comma":
        text = pl.select(
            pl.when(~text.str.contains(r"\d[.]\d")).then(text.str.replace(",", ".", literal=True))
        ).to_series()
    return text.cast(pl.Float64, strict=False).alias(cells.name)


def read_measured_table(
    path: Path, wanted: Sequence[WantedColumn], *, source: str, columns: Mapping[str, str] | None = None
) -> MeasuredTable:
    """Read a table and give its columns the names that are used here.

    Args:
        path: tab- or comma-separated text, or the first sheet of an .xlsx.
        wanted: the columns that may be there.
        source: what messages call the file.
        columns: our name -> column of the file, as study.toml says; goes before every alias.

    Raises:
        DataFault: a required column is missing (the nearest one is named), two columns are the same thing, or the file
            is no table.
    """
    return name_columns(split_table(path, source=source), wanted, columns=columns or {})


def name_columns(text: DelimitedText, wanted: Sequence[WantedColumn], *, columns: Mapping[str, str]) -> MeasuredTable:
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
    return MeasuredTable(text, frame, column_of, notes)


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
