"""Matrix Market coordinate files of counts: integers only, each entry once, as many as the header says.

The format: https://math.nist.gov/MatrixMarket/formats.html. Line 1 is a banner, comments begin with %, then a line of
rows, columns and entries, then one line per entry, numbered from 1.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars as pl
from scipy import sparse

from resistance_assets.connectors.formats.gzip import DAMAGE, open_gzip
from resistance_assets.errors import DataFault

BANNER = "%%MatrixMarket matrix coordinate"
FIELDS = ("integer", "real")
WHOLE = "whole numbers of 0 or more"
NORMALISED = "Give the counts of molecules, not normalised or corrected values."


def read_text(path: Path, *, subject: str) -> bytes:
    """Bytes of a file, decompressed where its name ends in .gz.

    Raises:
        DataFault: the file is missing, cut or damaged.
    """
    try:
        if path.suffix == ".gz":
            with open_gzip(path) as content:
                return content.read()
        return path.read_bytes()
    except DAMAGE as error:
        raise DataFault(
            f"is cut or damaged ({error or type(error).__name__})",
            subject=f"{subject}/{path.name}",
            expected="a whole gzip file",
            remedy="Copy or download it again.",
        ) from None
    except OSError as error:
        raise DataFault(
            f"cannot be read ({error.strerror})",
            subject=f"{subject}/{path.name}",
            remedy="Check that the file is there and readable.",
        ) from None


def read_matrix(path: Path, *, subject: str) -> sparse.csr_matrix:
    """Counts of a Matrix Market file, rows x columns as the file has them.

    Args:
        path: the file, plain or gzip.
        subject: study and sample, named in errors.

    Raises:
        DataFault: no banner, a wrong number of entries, an entry that is no whole number of 0 or more, one outside the
            matrix, or the same place twice (which must not be added up in silence).
    """
    named = f"{subject}/{path.name}"
    data = read_text(path, subject=subject)
    rows, columns, entries, begin, first_line = _read_header(data, named)
    body = data[begin:]
    if not body.strip():
        frame = pl.DataFrame(schema={"row": pl.Int64, "column": pl.Int64, "value": pl.Float64})
    else:
        frame = _read_entries(body, named, first_line)
    if frame.height != entries:
        raise DataFault(
            f"holds {frame.height:,} entries where its header says {entries:,}",
            subject=named,
            place=f"line {first_line - 1}",
            remedy="The file is cut, or its header is of another file: copy it again.",
        )
    return _as_counts(frame, rows, columns, named, first_line)


def _read_header(data: bytes, named: str) -> tuple[int, int, int, int, int]:
    """Rows, columns, entries, where the entries begin, and their first line number."""
    start, line = 0, 0
    banner = False
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        text = data[start:end].decode("utf-8", "replace").strip()
        line += 1
        start = end + 1
        if line == 1:
            words = text.split()
            banner = text.startswith(BANNER) and len(words) == 5
            if not banner:
                break
            if words[3] not in FIELDS or words[4] != "general":
                raise DataFault(
                    f"its entries are {words[3]} and {words[4]}",
                    subject=named,
                    place="line 1",
                    expected="integer (or real), general",
                    remedy=NORMALISED,
                )
        elif text and not text.startswith("%"):
            numbers = text.split()
            if len(numbers) == 3 and all(number.isdigit() for number in numbers):
                return int(numbers[0]), int(numbers[1]), int(numbers[2]), start, line + 1
            raise DataFault(
                f"{text[:60]!r} is not the size of a matrix",
                subject=named,
                place=f"line {line}",
                expected="rows, columns and number of entries",
                remedy="Copy the file again.",
            )
    raise DataFault(
        "has no Matrix Market header" if not banner else "ends before its size",
        subject=named,
        place="line 1",
        expected=f"{BANNER} integer general",
        remedy="Give the matrix.mtx as the pipeline wrote it.",
    )


def _read_entries(body: bytes, named: str, first_line: int) -> pl.DataFrame:
    schema = {"row": pl.Int64, "column": pl.Int64, "value": pl.Float64}
    try:
        frame = pl.read_csv(
            io.BytesIO(body), has_header=False, separator=" ", schema=schema, truncate_ragged_lines=False
        )
    except (pl.exceptions.PolarsError, ValueError):
        _name_bad_line(body, named, first_line)
        raise
    if frame.null_count().sum_horizontal()[0]:
        _name_bad_line(body, named, first_line)
    return frame


def _name_bad_line(body: bytes, named: str, first_line: int) -> None:
    for at, raw in enumerate(body.splitlines()):
        words = raw.split()
        try:
            if len(words) == 3 and int(words[0]) and int(words[1]):
                float(words[2])
                continue
        except ValueError:
            pass
        if words or at < len(body.splitlines()) - 1:
            raise DataFault(
                f"{raw[:60].decode('utf-8', 'replace')!r} is no entry",
                subject=named,
                place=f"line {first_line + at}",
                expected="row, column and count, separated by one blank",
                remedy="Copy the file again.",
            )


def _as_counts(frame: pl.DataFrame, rows: int, columns: int, named: str, first_line: int) -> sparse.csr_matrix:
    numbered = frame.with_row_index("at", offset=first_line)

    def refuse(rule: pl.Expr, problem: str, expected: str, remedy: str) -> None:
        bad = numbered.filter(rule)
        if bad.height:
            first = bad.row(0, named=True)
            shown = problem.format(
                value=f"{first['value']:g}", n=f"{bad.height:,}", row=first["row"], column=first["column"]
            )
            raise DataFault(shown, subject=named, place=f"line {first['at']}", expected=expected, remedy=remedy)

    outside = ~pl.col("row").is_between(1, rows) | ~pl.col("column").is_between(1, columns)
    refuse(
        outside,
        "row {row}, column {column} lies outside the matrix",
        f"1 to {rows} and 1 to {columns}",
        "Copy it again.",
    )
    refuse(
        pl.col("value") < 0, "{value} is no count ({n} of them are below 0)", "whole numbers of 0 or more", NORMALISED
    )
    refuse(
        pl.col("value") != pl.col("value").round(0),
        "{value} is no whole number ({n} entries are not): normalised values, where counts are wanted",
        WHOLE,
        NORMALISED,
    )
    twice = pl.struct("row", "column").is_duplicated()
    refuse(
        twice,
        "row {row}, column {column} stands more than once ({n} such lines)",
        "each place once",
        "Find out which is right: adding them up would be a guess.",
    )
    place = frame["row"].to_numpy() - 1, frame["column"].to_numpy() - 1
    matrix = sparse.coo_matrix((frame["value"].to_numpy().astype(np.int64), place), shape=(rows, columns))
    found = sparse.csr_matrix(matrix)
    found.eliminate_zeros()
    found.sort_indices()
    return found
