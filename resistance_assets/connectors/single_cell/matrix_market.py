"""Matrix Market coordinate files of counts: integers only, each entry once, as many as the header says.

The format: https://math.nist.gov/MatrixMarket/formats.html. Line 1 is a banner, comments begin with %, then a line of
rows, columns and entries, then one line per entry, numbered from 1.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import polars as pl
from scipy import sparse

from resistance_assets.connectors.formats.gzip import DAMAGE, LARGEST_RATIO, open_gzip
from resistance_assets.connectors.single_cell.kernel import (
    BELOW_ZERO,
    LARGEST,
    NO_ENTRY,
    NOT_WHOLE,
    OUTSIDE,
    TOO_LARGE,
    parse_entries,
    parse_plain_entries,
    starts_of_columns,
)
from resistance_assets.errors import DataFault

BANNER = "%%MatrixMarket matrix coordinate"
FIELDS = ("integer", "real")
WHOLE = "whole numbers of 0 or more"
COPY = "Copy it again."
NORMALISED = "Give the counts of molecules, not normalised or corrected values."


# Text is parsed in pieces of so many bytes, so that a large matrix is never there as text and as numbers at once.
PIECE_BYTES = 1 << 25
SHORTEST_ENTRY = len("1 1 1\n")


@contextlib.contextmanager
def open_text(path: Path, *, subject: str) -> Iterator[BinaryIO]:
    """A file, decompressed where it is gzip.

    Raises:
        DataFault: the file is missing, cut or damaged, also where that shows while it is read.
    """
    try:
        with path.open("rb") as raw:
            is_gzip = raw.read(2) == b"\x1f\x8b"
            if not is_gzip and path.suffix == ".gz":
                raise EOFError("it is no gzip")
        with open_gzip(path) if is_gzip else cast("BinaryIO", path.open("rb")) as content:
            yield content
    except DAMAGE as error:
        raise DataFault(
            f"is cut or damaged ({error or type(error).__name__})",
            subject=f"{subject}/{path.name}",
            expected="a whole gzip file",
            remedy="Copy or download it again.",
        ) from None
    except OSError as error:
        raise DataFault(
            f"cannot be read ({error.strerror or error})",
            subject=f"{subject}/{path.name}",
            remedy="Check that the file is there and readable.",
        ) from None


def read_text(path: Path, *, subject: str) -> bytes:
    """Bytes of a file, decompressed where it is gzip. Raises DataFault as `open_text`."""
    with open_text(path, subject=subject) as content:
        return content.read()


def pieces_of(content: BinaryIO) -> Iterator[bytes]:
    """The rest of a file in pieces of whole lines."""
    rest = b""
    while piece := content.read(PIECE_BYTES):
        cut = piece.rfind(b"\n")
        if cut < 0:
            rest += piece
            continue
        yield rest + piece[: cut + 1]
        rest = piece[cut + 1 :]
    if rest:
        yield rest


def read_matrix(path: Path, *, subject: str) -> sparse.csc_matrix:
    """Counts of a Matrix Market file, rows x columns as the file has them, by columns, int32.

    Args:
        path: the file, plain or gzip.
        subject: study and sample, named in errors.

    Raises:
        DataFault: no banner, a wrong number of entries, an entry that is no whole number of 0 or more, one outside the
            matrix, or the same place twice (which must not be added up in silence).
    """
    named = f"{subject}/{path.name}"
    with open_text(path, subject=subject) as content:
        shape, entries, size_line = _read_header(content, named)
        room = min(entries, _most_entries(path))
        rows, columns, values = (np.empty(room, dtype=np.int32) for _ in range(3))
        faults = np.zeros((5, 2), dtype=np.int64)
        found, line = 0, size_line + 1
        sides = np.array(shape, dtype=np.int64)
        for piece in pieces_of(content):
            body = np.frombuffer(piece, dtype=np.uint8)
            before, at = found, 0
            if piece.endswith(b"\n"):
                found, at = parse_plain_entries(body, sides, found, rows, columns, values)
                line += found - before
            found, line = parse_entries(body[at:], sides, found, line, rows, columns, values, faults)
    _refuse_faults(path, faults, shape, subject=subject)
    if found != entries:
        raise DataFault(
            f"holds {found:,} entries where its header says {entries:,}",
            subject=named,
            place=f"line {size_line}",
            remedy="The file is cut, or its header is of another file: copy it again.",
        )
    starts = np.zeros(shape[1] + 1, dtype=np.int64)
    if starts_of_columns(rows, columns, starts):
        matrix = sparse.csc_matrix((values, rows, starts), shape=shape)
    else:
        matrix = sparse.csc_matrix((values, (rows, columns)), shape=shape)
    if matrix.nnz != entries:
        _refuse_repeated(rows, columns, named, size_line + 1)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


def _most_entries(path: Path) -> int:
    """Entries that a file of this size may hold at most, whatever its header says."""
    return path.stat().st_size * (LARGEST_RATIO if path.suffix == ".gz" else 1) // (SHORTEST_ENTRY - 1) + 1


def _read_header(content: BinaryIO, named: str) -> tuple[tuple[int, int], int, int]:
    """Rows and columns, entries, and the line that says so."""
    line, banner = 0, False
    while raw := content.readline(1 << 16):
        text = raw.decode("utf-8", "replace").strip()
        line += 1
        if line == 1:
            words = text.split()
            banner = text.lower().startswith(BANNER.lower()) and len(words) == 5
            if not banner:
                break
            if words[3].lower() not in FIELDS or words[4].lower() != "general":
                raise DataFault(
                    f"its entries are {words[3]} and {words[4]}",
                    subject=named,
                    place="line 1",
                    expected="integer (or real), general",
                    remedy=NORMALISED,
                )
        elif text and not text.startswith("%"):
            numbers = text.split()
            if len(numbers) == 3 and all(number.isascii() and number.isdigit() for number in numbers):
                rows, columns, entries = (int(number) for number in numbers)
                if max(rows, columns) <= LARGEST:
                    return (rows, columns), entries, line
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


def _refuse_faults(path: Path, faults: np.ndarray, shape: tuple[int, int], *, subject: str) -> None:
    """Raise for the first kind of fault that the entries have."""
    told = {
        NO_ENTRY: ("{text!r} is no entry", "row, column and count", "Copy the file again."),
        OUTSIDE: ("{text!r} lies outside the matrix", f"rows 1 to {shape[0]:,}, columns 1 to {shape[1]:,}", COPY),
        BELOW_ZERO: ("{value} is no count ({n} of them are below 0)", WHOLE, NORMALISED),
        NOT_WHOLE: (
            "{value} is no whole number ({n} entries are not): normalised values, where counts are wanted",
            WHOLE,
            NORMALISED,
        ),
        TOO_LARGE: ("{value} is too large for a count", f"at most {LARGEST:,}", NORMALISED),
    }
    for fault, (problem, expected, remedy) in told.items():
        n, line = (int(one) for one in faults[fault])
        if n:
            text = _line_of(path, line, subject=subject)
            shown = problem.format(text=text[:60], value=(text.split() or [""])[-1][:30], n=f"{n:,}")
            raise DataFault(
                shown, subject=f"{subject}/{path.name}", place=f"line {line}", expected=expected, remedy=remedy
            )


def _line_of(path: Path, line: int, *, subject: str) -> str:
    """A line by its number, from 1."""
    with open_text(path, subject=subject) as content:
        for _ in range(line - 1):
            content.readline()
        return content.readline(200).decode("utf-8", "replace").strip()


def _refuse_repeated(rows: np.ndarray, columns: np.ndarray, named: str, first_line: int) -> None:
    """Raise for the first place that stands twice."""
    places = pl.DataFrame({"row": rows, "column": columns}).with_row_index("at", offset=first_line)
    twice = places.filter(pl.struct("row", "column").is_duplicated())
    first = twice.row(0, named=True)
    raise DataFault(
        f"row {first['row'] + 1}, column {first['column'] + 1} stands more than once ({twice.height:,} such lines)",
        subject=named,
        place=f"line {first['at']}",
        expected="each place once",
        remedy="Find out which is right: adding them up would be a guess.",
    )
