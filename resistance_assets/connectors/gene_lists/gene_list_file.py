"""A list of genes as people keep them: one symbol per line, or a table with a column of symbols.

Mapping symbols to approved ones does not belong here.
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from resistance_assets.connectors.formats.delimited import missing_column, read_bytes, rejected_rows, split_text
from resistance_assets.errors import DataFault

SYMBOL_COLUMNS = ("hgnc_symbol", "gene_symbol", "symbol", "gene", "genes", "gene_name", "hugo_symbol")
"""Headings that name the column of symbols, capitals and blanks aside."""

_DATE = re.compile(r"\d{1,2}-(?:mar|sep|dec|oct)|(?:mar|sep|dec|oct)-\d{1,2}|\d{4}-\d{2}-\d{2}.*", re.IGNORECASE)
_SYMBOL = re.compile(r"[A-Za-z0-9][\w.@-]*")


def read_gene_list(path: Path, *, column: str | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Symbols of a list: lines of a text file, or a column of a table (tab, comma, .xlsx, gzip).

    Args:
        path: the file; a line that begins with `#` is a comment.
        column: of the symbols. Without it, a file of one column, or one of `SYMBOL_COLUMNS`.

    Returns:
        members: row_number (Int64, 1-based line), symbol (String). Each symbol once.
        rejected: source, line, reason, row: repeats, and cells that a spreadsheet turned into a date.

    Raises:
        DataFault: the file is empty or no text, or it is not told which column holds the symbols.
    """
    source, data = path.name, read_bytes(path)
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataFault(
            f"byte 0x{data[error.start]:02x} is not UTF-8", subject=source, remedy="Save the file as UTF-8"
        ) from error
    lines = [
        (number, line.strip(" \r\ufeff"))
        for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise DataFault("the file is empty", subject=source, remedy="Write one gene symbol per line")
    if column is None and all("\t" not in line and "," not in line and ";" not in line for _, line in lines):
        cells = [(number, line.strip("\"' \t")) for number, line in lines]
        if cells[0][1].lower().replace(" ", "_") in SYMBOL_COLUMNS:
            del cells[0]
    else:
        cells = _column(source, data, column)
    return _members(source, cells)


def _column(source: str, data: bytes, column: str | None) -> list[tuple[int, str]]:
    """Line and cell of the column of symbols."""
    first = next((line for line in data.splitlines() if line.strip() and not line.lstrip().startswith(b"#")), b"")
    separator = max("\t,;", key=lambda mark: first.count(mark.encode()))
    table = split_text(data, source=source, separator=separator, quoted=True)
    if column is None:
        named = [name for name in table.header if name.strip().lower().replace(" ", "_") in SYMBOL_COLUMNS]
        if len(named) != 1:
            raise DataFault(
                "it is not told which column holds the gene symbols",
                subject=source,
                place="header",
                expected=f"one of the columns {', '.join(table.header[:12])}",
                remedy='Name it in study.toml: column = "..."',
            )
        column = named[0]
    elif column not in table.header:
        raise missing_column(column, table.header, source=source)
    cells = table.frame()[column].fill_null("").to_list()
    return [(int(line), cell.strip()) for line, cell in zip(table.lines, cells, strict=True)]


def _members(source: str, cells: list[tuple[int, str]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    kept: dict[str, int] = {}
    rejected = []
    for number, cell in cells:
        if not cell:
            continue
        if _DATE.fullmatch(cell):
            reason = "is a date: a spreadsheet has replaced the symbol (MARCH1, SEPTIN2 and others)"
        elif not _SYMBOL.fullmatch(cell):
            reason = "is no gene symbol"
        elif cell in kept:
            reason = "repeats the symbol of an earlier row, which is kept"
        else:
            kept[cell] = number
            continue
        rejected.append((source, number, reason, cell))
    if not kept:
        raise DataFault("no line holds a gene symbol", subject=source, remedy="Write one gene symbol per line")
    members = pl.DataFrame(
        {"row_number": list(kept.values()), "symbol": list(kept)}, schema={"row_number": pl.Int64, "symbol": pl.String}
    )
    return members, rejected_rows(rejected)
