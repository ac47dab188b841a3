"""Delimited text tables, split into rows without losing any.

Here belongs what every tab- or comma-separated file needs before its meaning is read: decompression, line endings, the
header, ragged rows with their line numbers, and the frame of rows that were set aside. What the columns of a particular
source mean does not belong here.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from resistance_assets.connectors.formats.gzip import DAMAGE, decompress
from resistance_assets.connectors.formats.kinds import text_of_bytes
from resistance_assets.errors import DataFault, TransportFault

_LONG_LINE = 400
_BLANKS = " \t\u00a0\u200b\ufeff"
REJECTED_SCHEMA = {"source": pl.String, "line": pl.Int64, "reason": pl.String, "row": pl.String}
"""Columns of every frame of rejected rows: file, 1-based line in it, why, and the line itself."""


def rejected_rows(rows: Iterable[tuple[str, int, str, str]] = ()) -> pl.DataFrame:
    """A frame of rejected rows from (source, line, reason, row)."""
    return pl.DataFrame(list(rows), schema=REJECTED_SCHEMA, orient="row")


def read_bytes(path: Path, *, source: str | None = None) -> bytes:
    """The bytes of a text file, decompressed if they are gzip; of an .xlsx, its first sheet as tab-separated text.

    Args:
        path: the file.
        source: what messages call it.

    Raises:
        TransportFault: the gzip is damaged or cut.
        DataFault: the file is a workbook that is no plain table, or of another kind that is no text.
    """
    source, data = source or path.name, path.read_bytes()
    if data.startswith(b"\x1f\x8b"):
        try:
            data = decompress(data)
        except DAMAGE as error:
            raise TransportFault(
                f"truncated: the gzip file ends early or is damaged ({error})",
                subject=source,
                remedy="Fetch or copy it again",
            ) from error
    return text_of_bytes(data, source=source)


def nearest_name(name: str, present: Sequence[str]) -> str | None:
    """The name among `present` that is most like `name`, capitals aside, or None if none is."""
    by_lower = {candidate.lower(): candidate for candidate in present}
    found = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.5)
    return by_lower[found[0]] if found else None


def missing_column(name: str, present: Sequence[str], *, source: str) -> DataFault:
    """The fault for a column that a file must have and has not; it names the nearest one that is there."""
    nearest = nearest_name(name, present)
    hint = f"did you mean {nearest}?" if nearest else f"the file has {', '.join(present[:12])}"
    return DataFault(
        f"column {name} is missing; {hint}",
        subject=source,
        place="header",
        remedy="Correct the column name in the file or in the catalog",
    )


@dataclass(frozen=True)
class DelimitedText:
    """A text table, split into a header and rows that all have as many fields.

    Attributes:
        source: what messages call it.
        leading: the lines before the header (comment rows), without line ends.
        header: column names.
        body: the rows as UTF-8 with `\\n` line ends and no blank line.
        lines: 1-based line of each row in the file.
        separator, quoted: how fields are split.
    """

    source: str
    leading: list[str]
    header: list[str]
    body: bytes
    lines: np.ndarray
    separator: str
    quoted: bool

    @property
    def height(self) -> int:
        """Number of rows."""
        return len(self.lines)

    def row_texts(self, rows: Iterable[int]) -> list[str]:
        """The text of some rows, by 0-based row number."""
        wanted = list(rows)
        if not wanted:
            return []
        ends = _line_ends(np.frombuffer(self.body, np.uint8), quoted=self.quoted)
        starts = np.concatenate([[0], ends[:-1] + 1])
        return [self.body[starts[row] : ends[row]].decode("utf-8", "replace") for row in wanted]

    def reject(self, rows: Sequence[int], reasons: Sequence[str]) -> pl.DataFrame:
        """A frame of rejected rows for some 0-based row numbers."""
        return rejected_rows(
            (self.source, int(self.lines[row]), reason, text)
            for row, reason, text in zip(rows, reasons, self.row_texts(rows), strict=True)
        )

    def first_of_each(self, frame: pl.DataFrame, key: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Split `frame` (one row per row of this text) into rows with a key that is new, and the others, rejected."""
        blank = frame[key].is_null()
        repeated = ~frame[key].is_first_distinct() & ~blank
        rows = [*blank.arg_true().to_list(), *repeated.arg_true().to_list()]
        reasons = [f"blank {key}"] * int(blank.sum())
        reasons += [f"repeats the {key} of an earlier row, which is kept"] * int(repeated.sum())
        return frame.filter(~blank & ~repeated), self.reject(rows, reasons)

    def require(self, columns: Iterable[str]) -> None:
        """Raise DataFault for the first of `columns` that the header lacks."""
        for name in columns:
            if name not in self.header:
                raise missing_column(name, self.header, source=self.source)

    def whole_numbers(self, values: pl.Series) -> pl.Series:
        """A column of this text as Int64. Raises DataFault at the first cell that holds something else."""
        text = values.str.strip_chars().replace("", None)
        numbers = text.cast(pl.Int64, strict=False)
        wrong = (text.is_not_null() & numbers.is_null()).arg_true()
        if len(wrong):
            raise self.cell_fault(values, wrong[0], expected="a whole number or nothing")
        return numbers

    def cell_fault(self, values: pl.Series, row: int, *, expected: str, remedy: str | None = None) -> DataFault:
        """The fault for one cell that cannot be read: names file, line, column and the cell."""
        return DataFault(
            f"{values[row]!r} cannot be read",
            subject=self.source,
            place=f"line {int(self.lines[row])}, column {values.name}",
            expected=expected,
            remedy=remedy or "The layout may have changed: fetch the file again and compare it with its documentation",
        )

    def frame(
        self, *, schema: Mapping[str, pl.DataType | type[pl.DataType]] | None = None, nulls: Sequence[str] = ()
    ) -> pl.DataFrame:
        """The rows as a frame of String, or of `schema` where it names a column. Blank cells and `nulls` become null.

        Raises polars.exceptions.ComputeError where a cell cannot be read as the asked type, and DataFault where text is
        asked for and a cell is quoted in a way that cannot be read.
        """
        overrides = dict.fromkeys(self.header, pl.String) | dict(schema or {})
        if not self.height:
            return pl.DataFrame(schema=overrides)
        try:
            return pl.read_csv(
                self.body,
                has_header=False,
                separator=self.separator,
                quote_char='"' if self.quoted else None,
                schema=overrides,
                null_values=["", *nulls],
                raise_if_empty=False,
            )
        except pl.exceptions.ComputeError as error:
            if schema:
                raise
            raise self._quoting_fault() from error

    def _quoting_fault(self) -> DataFault:
        """The fault for quotation marks that open or close inside of a cell; names the first row that has some."""
        place = None
        for row, text in enumerate(self.row_texts(range(self.height))):
            try:
                list(csv.reader(io.StringIO(text), delimiter=self.separator, strict=True))
            except csv.Error:
                place = f"line {int(self.lines[row])}"
                break
        return DataFault(
            "a quotation mark stands inside of a cell",
            subject=self.source,
            place=place,
            expected="quotation marks around whole cells, and two where one is meant",
            remedy="Fetch or write the file again",
        )


def split_text(
    data: bytes,
    *,
    source: str,
    separator: str = "\t",
    quoted: bool = False,
    comment_rows: int = 0,
    unnamed_first: str | None = None,
    names: Sequence[str] | None = None,
) -> DelimitedText:
    """Split a text table. Every row must have as many fields as the header.

    Args:
        data: the whole file, decompressed; UTF-8 or UTF-16, with or without a byte-order mark, any line ends.
        source: what messages call it.
        separator: one character.
        quoted: whether `"` quotes fields (and may hide separators and line ends).
        comment_rows: how many leading lines that start with `#` may stand before the header.
        unnamed_first: name for a first column that the header leaves blank or lacks (R's write.table leaves the row
            names unnamed: rows then have one field more than the header).
        names: column names of a file that has no header.

    Raises:
        DataFault: the file is empty, not UTF-8, has a repeated or blank column name, a quote that is not closed, or a
            ragged row (with its line).
    """
    data = _as_utf8(data, source)
    if quoted and data.count(b'"') % 2:
        number = next(number for number, line in enumerate(data.split(b"\n"), start=1) if line.count(b'"') % 2)
        raise DataFault(
            "a quotation mark is not closed",
            subject=source,
            place=f"line {number}",
            remedy="Close it, or remove the quotation marks",
        )
    leading: list[str] = []
    start = 0
    while len(leading) < comment_rows and data[start : start + 1] == b"#":
        end = data.index(b"\n", start)
        leading.append(data[start:end].decode())
        start = end + 1
    first_line = len(leading) + 1
    if names is not None:
        header = list(names)
    else:
        head_end = data.find(b"\n", start)
        if head_end < 0:
            raise DataFault("the file has no header", subject=source, remedy="Fetch or write it again")
        header = data[start:head_end].decode().split(separator)
        start, first_line = head_end + 1, first_line + 1
    header = [(name.strip(_BLANKS).strip('"') if quoted else name).strip(_BLANKS) for name in header]
    if unnamed_first is not None and len(header) > 1 and not header[0]:
        header[0] = unnamed_first
    body = data[start:]
    if names is None and len(header) > 1 and not header[-1]:
        header, body = _without_empty_columns(header, body, separator, first_line, source)
    width = len(header)
    lines = _lines_of_even_rows(body, separator, width, first_line) if not quoted else None
    is_even = lines is not None
    if lines is None:
        body, lines = _drop_blank_lines(body, first_line=first_line, quoted=quoted)
    if len(lines) and not is_even:
        counts = _field_counts(body, separator, quoted=quoted)
        if unnamed_first is not None and counts[0] == width + 1:
            header, width = [unnamed_first, *header], width + 1
        ragged = np.flatnonzero(counts != width)
        if len(ragged):
            raise DataFault(
                f"the row has {int(counts[ragged[0]])} fields",
                subject=source,
                place=f"line {int(lines[ragged[0]])}",
                expected=f"{width}, as the {'header' if names is None else 'first row'}",
                remedy="The file is cut or was edited by hand: fetch or write it again",
            )
    _check_names(header, source)
    return DelimitedText(source, leading, header, body, lines, separator, quoted)


def _as_utf8(data: bytes, source: str) -> bytes:
    """The text as UTF-8 with `\\n` line ends, the last one among them. Raises DataFault if it is empty or not UTF-8."""
    data = text_of_bytes(data, source=source)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not data or data.isspace():
        raise DataFault("the file is empty", subject=source, remedy="Fetch or write it again")
    try:
        if not data.isascii():
            data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataFault(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            subject=source,
            place=f"line {line}",
            remedy="Save the file as UTF-8",
        ) from error
    return data if data.endswith(b"\n") else data + b"\n"


def _without_empty_columns(
    header: list[str], body: bytes, separator: str, first_line: int, source: str
) -> tuple[list[str], bytes]:
    """Header and rows without trailing columns that have neither a name nor a cell, as some exports leave them."""
    named = len(header)
    while named > 1 and not header[named - 1]:
        named -= 1
    mark = separator.encode()
    rows = body.split(b"\n")
    for number, row in enumerate(rows):
        cells = row.split(mark)
        beyond = cells[named:]
        if any(cell.strip(b' "') for cell in beyond):
            raise DataFault(
                f"column {named + 1} has no name and holds {beyond[0].decode('utf-8', 'replace')[:40]!r}",
                subject=source,
                place=f"line {first_line + number}",
                remedy="Name it in the header, or remove it",
            )
        if beyond:
            rows[number] = mark.join(cells[:named])
    return header[:named], b"\n".join(rows)


def _check_names(header: list[str], source: str) -> None:
    seen: dict[str, int] = {}
    for number, name in enumerate(header, start=1):
        if not name.strip():
            raise DataFault(
                f"column {number} has no name", subject=source, place="header", remedy="Name it in the header"
            )
        if name in seen:
            raise DataFault(
                f"column {name} occurs twice (columns {seen[name]} and {number})",
                subject=source,
                place="header",
                expected="each name once",
                remedy="Rename or remove one of them",
            )
        seen[name] = number


def _outside_quotes(data: np.ndarray) -> np.ndarray:
    return (np.cumsum(data == ord('"'), dtype=np.int64) & 1) == 0


def _line_ends(data: np.ndarray, *, quoted: bool) -> np.ndarray:
    ends = data == ord("\n")
    if quoted:
        ends &= _outside_quotes(data)
    return np.flatnonzero(ends)


def _field_counts(body: bytes, separator: str, *, quoted: bool) -> np.ndarray:
    """Fields per line, by counting separators: a hundred times faster than splitting."""
    data = np.frombuffer(body, np.uint8)
    ends = _line_ends(data, quoted=quoted)
    separators = data == ord(separator)
    if quoted:
        separators &= _outside_quotes(data)
    starts = np.concatenate([[0], ends[:-1] + 1])
    return np.add.reduceat(separators.view(np.uint8), starts, dtype=np.int64) + 1


def _lines_of_even_rows(body: bytes, separator: str, width: int, first_line: int) -> np.ndarray | None:
    """The line of each row, if every row has `width` fields and none is blank; else None, to be looked at singly.

    The marks of such a text, row by row, are width - 1 separators and a line end, which is seen at once.
    """
    if width < 2:
        return None
    data = np.frombuffer(body, np.uint8)
    if len(body) > _LONG_LINE * (n_lines := body.count(b"\n")):
        # Few long lines: counting in each of them is several times faster than looking for all marks of the text.
        start = 0
        for _ in range(n_lines):
            end = body.index(b"\n", start)
            if np.count_nonzero(data[start:end] == ord(separator)) != width - 1:
                return None
            start = end + 1
        return np.arange(first_line, first_line + n_lines, dtype=np.int64)
    is_end = data == ord("\n")
    marks = np.flatnonzero(is_end | (data == ord(separator)))
    if len(marks) % width:
        return None
    ends = is_end[marks].reshape(-1, width)
    if not ends[:, -1].all() or ends[:, :-1].any():
        return None
    return np.arange(first_line, first_line + len(ends), dtype=np.int64)


def _drop_blank_lines(body: bytes, *, first_line: int, quoted: bool) -> tuple[bytes, np.ndarray]:
    """The body without blank lines, and the 1-based line of each remaining row."""
    data = np.frombuffer(body, np.uint8)
    ends = _line_ends(data, quoted=quoted)
    if not len(ends):
        return b"", np.empty(0, np.int64)
    starts = np.concatenate([[0], ends[:-1] + 1])
    breaks = np.cumsum(data == ord("\n"), dtype=np.int64) if quoted else None
    before = np.arange(len(ends)) if breaks is None else np.concatenate([[0], breaks[ends[:-1]]])
    lines = before.astype(np.int64) + first_line
    blank = ends == starts
    if blank.any():
        body = b"".join(body[starts[row] : ends[row] + 1] for row in np.flatnonzero(~blank))
        lines = lines[~blank]
    return body, lines
