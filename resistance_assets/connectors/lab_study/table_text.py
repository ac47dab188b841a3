"""The text of a laboratory's table: its separator, its name in messages, and names that occur twice.

Here belongs what every table of a study folder needs before its columns mean something.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from resistance_assets.connectors.formats.delimited import DelimitedText, read_bytes, split_text
from resistance_assets.errors import DataFault

FEATURE_COLUMN = "feature_id"

NULLS = ("NA", "NaN", "nan", "N/A", "#N/A", "null", "NULL")
"""Cells that say that there is no value. In a gene column they are names (NA is an alias of XK) and are not nulls."""


def name_of(path: Path, study: str | None) -> str:
    """What messages call a file of a study: `luad_lab/samples.tsv`."""
    return f"{study}/{path.name}" if study else path.name


def split_table(path: Path, *, source: str | None = None, unnamed_first: str | None = None) -> DelimitedText:
    """The rows of a table, as text; comment lines of programs before the header are passed over.

    Raises DataFault as `split_text`, or if the table has a header and no row.
    """
    source = source or path.name
    data = read_bytes(path, source=source)
    separator = "\t"
    if path.name.removesuffix(".gz").lower().endswith(".csv"):
        head = data[: data.find(b"\n") if b"\n" in data else len(data)]
        # Spreadsheets write semicolons where commas stand in numbers.
        separator = ";" if b";" in head and b"," not in head else ","
    text = split_text(
        data, source=source, separator=separator, quoted=True, unnamed_first=unnamed_first, comment_rows=5
    )
    if not text.height:
        raise DataFault("the table has a header and no row", subject=source, remedy="Write it again, with its rows")
    return text


def check_distinct(values: pl.Series, text: DelimitedText, *, column: str, what: str, remedy: str) -> None:
    """Raise DataFault for the first of `values` (one per row of `text`, null where it does not count) that repeats."""
    repeated = (~values.is_first_distinct() & values.is_not_null()).arg_true()
    if len(repeated):
        value = values[repeated[0]]
        first = (values == value).arg_true()[0]
        raise DataFault(
            f"{what} {value} occurs twice",
            subject=text.source,
            place=f"lines {int(text.lines[first])} and {int(text.lines[repeated[0]])}, column {column}",
            expected="each once",
            remedy=remedy,
        )
