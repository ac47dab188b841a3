"""Numbers of a laboratory's tables, with decimal points or decimal commas, and never a guess between the two.

Here belongs the one rule of the decimal mark for every kind of bench file: a table has one, found out or declared.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from resistance_assets.catalog.models.lab_study import DecimalMark
from resistance_assets.errors import DataFault

_POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?(\d+,\d+|,\d+)([eE][+-]?\d+)?")
_MAY_BE_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


class NumberCell(NamedTuple):
    """A cell with its place in the file: text, line and column."""

    text: str
    line: int
    column: str


def decide_decimal_mark(cells: Iterable[NumberCell], *, source: str, declared: DecimalMark = "auto") -> str:
    """The decimal mark of a table, `.` or `,`.

    Args:
        cells: that are to be numbers; texts that are none are passed over.
        source: the file, for errors.
        declared: what study.toml says; auto finds out.

    Raises:
        DataFault: some cells have a decimal point and others a comma, or every comma may separate thousands.
    """
    if declared != "auto":
        return {"point": ".", "comma": ","}[declared]
    cells = list(cells)
    with_comma = [cell for cell in cells if "," in cell.text and _COMMA.fullmatch(cell.text)]
    if not with_comma:
        return "."
    with_point = [cell for cell in cells if "." in cell.text and _POINT.fullmatch(cell.text)]
    if with_point:
        fewer, more = sorted((with_comma, with_point), key=len)
        words = {id(with_comma): "a decimal comma", id(with_point): "a decimal point"}
        raise DataFault(
            f"{fewer[0].text!r} has {words[id(fewer)]}, and {len(more)} other cells have {words[id(more)]}",
            subject=source,
            place=f"line {fewer[0].line}, column {fewer[0].column}",
            expected="one decimal mark in a file",
            remedy="Correct the cell.",
        )
    if all(_MAY_BE_THOUSANDS.fullmatch(cell.text) for cell in with_comma):
        first = with_comma[0]
        raise DataFault(
            f"{first.text!r} may be {first.text.replace(',', '')} or {first.text.replace(',', '.')}",
            subject=source,
            place=f"line {first.line}, column {first.column}",
            expected="numbers that can be read in one way",
            remedy='Set decimal = "comma" in study.toml, or remove the separators of thousands.',
        )
    return ","


def tell_decimal_commas(cells: Iterable[NumberCell], mark: str) -> str | None:
    """The note that a table was read with decimal commas, with their count; None where it has none."""
    n = sum("," in cell.text and _COMMA.fullmatch(cell.text) is not None for cell in cells) if mark == "," else 0
    return f"decimal commas: {n} numbers" if n else None


def has_other_mark(text: str, mark: str) -> bool:
    """Whether a text is a number with the other decimal mark."""
    other, pattern = (",", _COMMA) if mark == "." else (".", _POINT)
    return other in text and pattern.fullmatch(text) is not None


def read_decimals(cells: pl.Series, mark: str) -> pl.Series:
    """Cells as Float64; null where one is no finite number with that decimal mark. Rules as `read_decimal`."""
    text = cells.cast(pl.String)
    whole_or_marked = rf"^[+-]?(\d+{re.escape(mark)}?\d*|{re.escape(mark)}\d+)([eE][+-]?\d+)?$"
    if mark == ",":
        whole_or_marked = r"^[+-]?(\d+(,\d+)?|,\d+)([eE][+-]?\d+)?$"
    values = text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    known = text.str.contains(whole_or_marked) & values.is_finite()
    return pl.select(pl.when(known).then(values)).to_series().alias(cells.name)


def read_decimal(cell: NumberCell, mark: str, *, source: str) -> float:
    """The number of a cell.

    Raises:
        DataFault: it is no finite number with that decimal mark.
    """
    pattern = _COMMA if mark == "," and "," in cell.text else _POINT
    is_mixed = mark == "," and "." in cell.text
    value = float(cell.text.replace(",", ".")) if pattern.fullmatch(cell.text) and not is_mixed else math.inf
    if not math.isfinite(value):
        other = ", with decimal comma as in the rest of the file" if mark == "," else ""
        raise DataFault(
            f"{cell.text[:40]!r} is no number",
            subject=source,
            place=f"line {cell.line}, column {cell.column}",
            expected=f"a number{other}, or nothing where it was not measured",
            remedy="Correct the cell.",
        )
    return value
