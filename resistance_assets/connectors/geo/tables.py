"""The tables inside GEO's text files: large blocks of tab-separated rows between a begin and an end marker.

Here belongs turning such a block into a frame fast, with every row that does not fit set aside. Which blocks a file has
and what they mean does not belong here (`geo_soft`, `geo_matrix`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import polars as pl

NA_TOKENS = ("NA", "null", "NULL", "Null", "NaN", "nan", "N/A")
"""Cells that GEO's tables use for "no value"; an empty cell is one too."""

_TAB, _NEWLINE = ord("\t"), ord("\n")
RejectedRow = tuple[int, str, str]
"""0-based line in the block, reason, and the row."""


@dataclass(frozen=True)
class Block:
    """Rows of a table.

    Attributes:
        body: the rows as UTF-8, each ended by a line feed.
        width: cells per row.
        rows: 0-based line in the file's block, per row of `body`.
        rejected: rows with another number of cells.
        is_proven: whether each row is known to have `width` cells, rather than all together.
    """

    body: bytes
    width: int
    rows: np.ndarray
    rejected: list[RejectedRow]
    is_proven: bool


def split_block(body: bytes, width: int, *, quoted: bool = False) -> Block:
    """Keep the rows of a block that have `width` cells. Blank lines are no rows.

    Quotation marks, where the file has them (`quoted`), are removed: GEO quotes texts and never puts tabs into them.
    """
    if quoted and b'"' in body:
        body = body.replace(b'"', b"")
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b" ")
    if b"\0" in body:
        body = body.replace(b"\0", b"\xef\xbf\xbd")
    if not body.isascii():
        body = body.decode("utf-8", "replace").encode()
    if body and not body.endswith(b"\n"):
        body += b"\n"
    n_rows = body.count(b"\n")
    # With the right number of tabs in all, no row is too short unless another is too long, which a reader of all
    # columns notices; so the rows need not be looked at one by one here.
    if width > 1 and body.count(b"\t") == n_rows * (width - 1):
        return Block(body, width, np.arange(n_rows), [], False)
    return _split_lines(body, width)


def _split_lines(body: bytes, width: int) -> Block:
    kept: list[bytes] = []
    rows: list[int] = []
    rejected: list[RejectedRow] = []
    for number, line in enumerate(body.split(b"\n")[:-1]):
        if not line.strip():
            continue
        cells = line.count(b"\t") + 1
        if cells == width:
            kept.append(line + b"\n")
            rows.append(number)
        else:
            rejected.append((number, f"the row has {cells} cells and the header {width}", line.decode()))
    return Block(b"".join(kept), width, np.array(rows, np.int64), rejected, True)


def _proven(block: Block) -> Block:
    """The block with every row known to have its cells: row by row, width - 1 tabs and a line feed."""
    if block.is_proven:
        return block
    data = np.frombuffer(block.body, np.uint8)
    marks = np.flatnonzero((data == _TAB) | (data == _NEWLINE))
    ends = data[marks].reshape(len(block.rows), block.width) == _NEWLINE
    if ends[:, -1].all() and not ends[:, :-1].any():
        return Block(block.body, block.width, block.rows, [], True)
    return _split_lines(block.body, block.width)


def distinct_names(names: Sequence[str]) -> list[str]:
    """Column names made distinct: a repeated one gets its number (`GO:Function`, `GO:Function_2`), a blank one its
    place."""
    seen: dict[str, int] = {}
    result: list[str] = []
    for place, name in enumerate(names, start=1):
        base = name.strip() or f"column_{place}"
        candidate = base
        while candidate in seen:
            seen[base] += 1
            candidate = f"{base}_{seen[base]}"
        seen[candidate] = 1
        result.append(candidate)
    return result


def text_frame(block: Block, names: Sequence[str]) -> tuple[pl.DataFrame, Block]:
    """A block as text, blank cells null, and the block as it was found to be."""
    block = _proven(block)
    schema = dict.fromkeys(names, pl.String)
    if not block.body:
        return pl.DataFrame(schema=schema), block
    frame = pl.read_csv(block.body, has_header=False, separator="\t", quote_char=None, schema=schema)
    return frame.with_columns(pl.all().str.strip_chars().replace("", None)), block


def number_frame(
    block: Block, names: Sequence[str], columns: Sequence[int] | None = None
) -> tuple[pl.DataFrame, list[RejectedRow], np.ndarray]:
    """A block whose first column is an id and whose other columns are numbers.

    Args:
        block: as `split_block` gives it.
        names: column names of the block, distinct.
        columns: 0-based columns of numbers that are wanted; all but the first where None.

    Returns:
        The frame (id as String, numbers as Float64, null where missing), the rejected rows (those of the block, those
        with a blank id, and those with a cell that is neither a finite number nor a token for "no value"), and the
        0-based line in the file's block of each row of the frame.
    """
    places = list(columns if columns is not None else range(1, len(names)))
    wanted = [names[place] for place in places]
    kinds = dict.fromkeys(names, cast("type[pl.DataType]", pl.String)) | dict.fromkeys(wanted, pl.Float64)
    keep = [names[0], *wanted]
    if len(keep) < len(names):
        block = _proven(block)  # a reader of some columns does not notice a row that is too long
    if not block.body:
        return pl.DataFrame(schema={name: kinds[name] for name in keep}), list(block.rejected), block.rows
    try:
        frame = pl.read_csv(
            block.body,
            has_header=False,
            separator="\t",
            quote_char=None,
            schema=kinds,
            columns=[0, *places] if len(keep) < len(names) else None,
            null_values=["", *NA_TOKENS],
        ).select(keep)
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError):
        return _careful(block, names, keep)
    finite = frame.select(pl.all_horizontal(pl.col(wanted).is_finite().all())).item() if wanted else True
    if frame.height != len(block.rows) or finite is False or frame[names[0]].null_count():
        # Something is not a finite number, or an id is blank or the very text "NA", which is one.
        return _careful(block, names, keep)
    return frame, list(block.rejected), block.rows


def _careful(
    block: Block, names: Sequence[str], keep: Sequence[str]
) -> tuple[pl.DataFrame, list[RejectedRow], np.ndarray]:
    """As `number_frame`, for a block with something wrong in it: read as text, to say what and where."""
    cells, block = text_frame(block, names)
    cells = cells.select(keep)
    reasons: list[str | None] = [None if value is not None else "blank id" for value in cells[keep[0]].to_list()]
    numbers = [cells[keep[0]]]
    for name in keep[1:]:
        text = cells[name].replace(list(NA_TOKENS), [None] * len(NA_TOKENS))
        number = text.cast(pl.Float64, strict=False)
        wrong = text.is_not_null() & ~number.is_finite().fill_null(False)
        for row in wrong.arg_true():
            reasons[row] = reasons[row] or f"{text[row][:60]!r} in column {name} is not a finite number"
        numbers.append(number.alias(name))
    good = np.array([reason is None for reason in reasons], bool)
    lines = block.body.split(b"\n")
    rejected = block.rejected + [
        (int(block.rows[row]), reason, lines[row].decode()) for row, reason in enumerate(reasons) if reason is not None
    ]
    return pl.DataFrame(numbers).filter(pl.Series(good, dtype=pl.Boolean)), rejected, block.rows[good]
