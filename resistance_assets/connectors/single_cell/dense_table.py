"""Dense tables of molecules: a row per gene and a column per barcode, as Drop-seq and many GEO records have them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
from scipy import sparse

from resistance_assets.connectors.single_cell.kernel import (
    BELOW_ZERO,
    LARGEST,
    NO_ENTRY,
    NOT_WHOLE,
    TOO_LARGE,
    parse_dense_rows,
)
from resistance_assets.connectors.single_cell.matrix_market import NORMALISED, WHOLE, open_text, pieces_of
from resistance_assets.errors import DataFault

LONGEST_HEADER = 1 << 28
ROW = "a gene, then a whole number per barcode"
NOT_COUNTS = "normalised values, where counts are wanted"
_BARCODE = re.compile(r"(?:[A-Za-z0-9]+[_:.-])*[ACGTN]{10,}(?:[-._]\w+)?")


def read_dense_table(path: Path, *, subject: str) -> tuple[sparse.csr_matrix, list[str], pl.DataFrame]:
    """Counts (cells x genes), barcodes and features of a table; tabs or commas, plain or gzip.

    The header may lack the name of the first column, as R writes it.

    Raises:
        DataFault: a row is ragged, a value is no whole number of 0 or more, cells are in rows.
    """
    named = f"{subject}/{path.name}"
    with open_text(path, subject=subject) as content:
        head = content.readline(LONGEST_HEADER)
        separator = b"\t" if head.count(b"\t") >= head.count(b",") else b","
        header = _cells(head, separator)
        barcodes, parts, genes, line, faults = [], [], [], 2, np.zeros((5, 3), dtype=np.int64)
        for piece in pieces_of(content):
            if not barcodes:
                barcodes = _columns(header, _cells(piece.split(b"\n", 1)[0], separator), named)
            found, names, lines = _parse(piece, separator, len(barcodes), line, len(genes), faults)
            line += lines
            genes += names
            parts.append(found)
    if not genes:
        raise DataFault(
            "holds no counts",
            subject=named,
            expected="a header of barcodes and a row per gene",
            remedy="Give the table as it was deposited.",
        )
    _refuse_faults(path, separator, faults, subject=subject, barcodes=barcodes)
    if sum(map(_is_barcode, genes[:200])) > len(genes[:200]) / 2 and not any(map(_is_barcode, barcodes[:200])):
        raise DataFault(
            f"its rows are barcodes ({genes[0][:40]}) and its columns are none: it looks transposed",
            subject=named,
            expected="genes in rows and barcodes in columns",
            remedy="Write it the other way round.",
        )
    rows, columns, values = (np.concatenate(side) for side in zip(*parts, strict=True))
    counts = sparse.csr_matrix((values, (columns, rows)), shape=(len(barcodes), len(genes)))
    features = pl.DataFrame({"feature_id": genes, "symbol": genes}).with_columns(feature_type=pl.lit("Gene Expression"))
    return counts, barcodes, features


def _is_barcode(name: str) -> bool:
    return _BARCODE.fullmatch(name) is not None


def _cells(line: bytes, separator: bytes) -> list[str]:
    return [one.strip().strip('"').strip() for one in line.decode("utf-8-sig", "replace").split(separator.decode())]


def _columns(header: list[str], first: list[str], named: str) -> list[str]:
    """Barcodes of a header, by the number of cells of the first row."""
    barcodes = header if len(first) == len(header) + 1 else header[1:]
    if len(first) != len(barcodes) + 1 or not barcodes:
        raise DataFault(
            f"the row has {len(first):,} columns and the header {len(header):,}",
            subject=named,
            place="line 2",
            expected="genes in rows and barcodes in columns",
            remedy="Give the table as it was deposited.",
        )
    return barcodes


def _parse(
    piece: bytes, separator: bytes, width: int, line: int, row: int, faults: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], list[str], int]:
    """Values above 0 of a piece (gene, cell, count), its genes, and how many lines it has."""
    body = np.frombuffer(piece, dtype=np.uint8)
    room = min(len(piece) // 2 + 1, (piece.count(b"\n") + 1) * width)
    rows, columns, values = (np.empty(room, dtype=np.int32) for _ in range(3))
    names = np.empty((piece.count(b"\n") + 1, 2), dtype=np.int64)
    found, done, lines = parse_dense_rows(body, separator[0], width, line, row, rows, columns, values, names, faults)
    texts = [piece[begin:end].decode("utf-8", "replace").strip().strip('"').strip() for begin, end in names[:done]]
    return (rows[:found].copy(), columns[:found].copy(), values[:found].copy()), texts, lines


def _refuse_faults(path: Path, separator: bytes, faults: np.ndarray, *, subject: str, barcodes: list[str]) -> None:
    """Raise for the first kind of fault that the rows have."""
    told = {
        NO_ENTRY: ("{n} rows are not of {width} numbers; in the first, {value!r} is none", ROW, "Correct that row."),
        BELOW_ZERO: ("{value} is no count ({n} of them are below 0)", WHOLE, NORMALISED),
        NOT_WHOLE: (f"{{value}} is no whole number ({{n}} values are not): {NOT_COUNTS}", WHOLE, NORMALISED),
        TOO_LARGE: ("{value} is too large for a count", f"at most {LARGEST:,}", NORMALISED),
    }
    for fault, (problem, expected, remedy) in told.items():
        n, line, column = (int(one) for one in faults[fault])
        if not n:
            continue
        with open_text(path, subject=subject) as content:
            for _ in range(line - 1):
                content.readline()
            cells = _cells(content.readline(), separator)
        where = f"line {line}"
        if fault == NO_ENTRY and len(cells) != len(barcodes) + 1:
            shown = f"the row has {len(cells):,} columns and the header gives {len(barcodes) + 1:,}"
        else:
            where += f", barcode {barcodes[column][:40]}"
            shown = problem.format(n=f"{n:,}", width=f"{len(barcodes):,}", value=cells[column + 1][:40])
        raise DataFault(shown, subject=f"{subject}/{path.name}", place=where, expected=expected, remedy=remedy)
