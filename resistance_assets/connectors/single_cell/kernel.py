"""The inner loops of reading counts of single cells as text: compiled, because a matrix has 100 million entries.

Here belong only those loops. They stop at nothing: what is no count is numbered and counted, and told by the reader.
"""

from __future__ import annotations

import numba
import numpy as np

_TAB, _NEWLINE, _RETURN, _BLANK, _QUOTE = ord("\t"), ord("\n"), ord("\r"), ord(" "), ord('"')
_ZERO, _NINE, _DOT, _MINUS, _PLUS, _SMALL_E, _LARGE_E = (ord(one) for one in "09.-+eE")
LARGEST = 2**31 - 1

NO_ENTRY, BELOW_ZERO, NOT_WHOLE, TOO_LARGE, OUTSIDE = range(5)
"""Faults of a line or value, in the order of the rows of `faults`: how many, and the first line (or row, column)."""


@numba.njit(cache=True, nogil=True)
def _skip(body: np.ndarray, at: int, stop: int) -> int:  # pragma: no cover - compiled
    while at < stop and (body[at] == _BLANK or body[at] == _TAB or body[at] == _RETURN):
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _read_number(body: np.ndarray, at: int, stop: int) -> tuple[float, int]:  # pragma: no cover - compiled
    """A decimal number from `at` on and where it ends; the end is -1 where there is none."""
    sign = 1.0
    if at < stop and (body[at] == _MINUS or body[at] == _PLUS):
        sign = -1.0 if body[at] == _MINUS else 1.0
        at += 1
    value, digits = 0.0, 0
    while at < stop and _ZERO <= body[at] <= _NINE:
        value = value * 10.0 + (body[at] - _ZERO)
        at, digits = at + 1, digits + 1
    if at < stop and body[at] == _DOT:
        at += 1
        scale = 1.0
        while at < stop and _ZERO <= body[at] <= _NINE:
            scale *= 10.0
            value += (body[at] - _ZERO) / scale
            at, digits = at + 1, digits + 1
    if digits == 0:
        return 0.0, -1
    if at < stop and (body[at] == _SMALL_E or body[at] == _LARGE_E):
        at += 1
        negative = at < stop and body[at] == _MINUS
        if at < stop and (body[at] == _MINUS or body[at] == _PLUS):
            at += 1
        power, digits = 0, 0
        while at < stop and _ZERO <= body[at] <= _NINE:
            power = min(power * 10 + (body[at] - _ZERO), 400)
            at, digits = at + 1, digits + 1
        if digits == 0:
            return 0.0, -1
        value = value / 10.0**power if negative else value * 10.0**power
    return sign * value, at


@numba.njit(cache=True, nogil=True)
def _fault_of(value: float) -> int:  # pragma: no cover - compiled
    if value < 0.0:
        return BELOW_ZERO
    if value != np.floor(value):
        return NOT_WHOLE
    return TOO_LARGE if value > LARGEST else -1


@numba.njit(cache=True, nogil=True)
def _read_whole(body: np.ndarray, at: int) -> tuple[int, int]:  # pragma: no cover - compiled
    """A number of one to nine digits from `at` on and where it ends; the end is -1 where there is none."""
    value, begun = 0, at
    while _ZERO <= body[at] <= _NINE:
        value = value * 10 + (body[at] - _ZERO)
        at += 1
    return value, (at if 0 < at - begun < 10 else -1)


@numba.njit(cache=True, nogil=True)
def parse_plain_entries(
    body: np.ndarray, shape: np.ndarray, first: int, rows: np.ndarray, columns: np.ndarray, values: np.ndarray
) -> tuple[int, int]:  # pragma: no cover - compiled
    """Entries as pipelines write them, `row column value` with one blank between, up to the first line that is not so.

    Args:
        as of `parse_entries`; `body` ends with a newline.

    Returns:
        Entries so far, and where in `body` the first other line begins.
    """
    at, n = 0, body.size
    while at < n and first < rows.size:
        row, here = _read_whole(body, at)
        if here < 0 or body[here] != _BLANK:
            break
        column, here = _read_whole(body, here + 1)
        if here < 0 or body[here] != _BLANK:
            break
        value, here = _read_whole(body, here + 1)
        if here < 0 or body[here] != _NEWLINE:
            break
        if row < 1 or row > shape[0] or column < 1 or column > shape[1]:
            break
        rows[first], columns[first], values[first] = row - 1, column - 1, value
        first += 1
        at = here + 1
    return first, at


@numba.njit(cache=True, nogil=True)
def starts_of_columns(rows: np.ndarray, columns: np.ndarray, starts: np.ndarray) -> bool:  # pragma: no cover - compiled
    """Where each column begins, of entries that go column by column and down each; False where they do not.

    Args:
        starts: (columns + 1,) of zeros, filled.
    """
    for at in range(rows.size):
        if at and (columns[at] < columns[at - 1] or (columns[at] == columns[at - 1] and rows[at] <= rows[at - 1])):
            return False
        starts[columns[at] + 1] += 1
    for column in range(starts.size - 1):
        starts[column + 1] += starts[column]
    return True


@numba.njit(cache=True, nogil=True)
def parse_entries(
    body: np.ndarray,
    shape: np.ndarray,
    first: int,
    line: int,
    rows: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    faults: np.ndarray,
) -> tuple[int, int]:  # pragma: no cover - compiled
    """Entries `row column value` of a Matrix Market file, numbered from 1, one to a line.

    Args:
        body: bytes of whole lines.
        shape: rows and columns of the matrix.
        first: entries that were read of the lines before.
        line: number of the first line of `body`.
        rows, columns, values: filled from `first` on, numbered from 0, as far as they are long.
        faults: (5, 2): how many of each fault, and the first line that has it.

    Returns:
        Entries and lines so far.
    """
    at, n = 0, body.size
    while at < n:
        stop = at
        while stop < n and body[stop] != _NEWLINE:
            stop += 1
        here = _skip(body, at, stop)
        if here < stop:
            row, here = _read_number(body, here, stop)
            column, value = 0.0, 0.0
            if here >= 0:
                column, here = _read_number(body, _skip(body, here, stop), stop)
            if here >= 0:
                value, here = _read_number(body, _skip(body, here, stop), stop)
            if here < 0 or _skip(body, here, stop) < stop or row != np.floor(row) or column != np.floor(column):
                fault = NO_ENTRY
            elif row < 1.0 or row > shape[0] or column < 1.0 or column > shape[1]:
                fault = OUTSIDE
            else:
                fault = _fault_of(value)
            if fault >= 0:
                faults[fault, 0] += 1
                if faults[fault, 1] == 0:
                    faults[fault, 1] = line
            elif first < rows.size:
                rows[first], columns[first], values[first] = int(row) - 1, int(column) - 1, int(value)
            first += 1
        line += 1
        at = stop + 1
    return first, line


@numba.njit(cache=True, nogil=True)
def parse_dense_rows(
    body: np.ndarray,
    separator: int,
    width: int,
    line: int,
    row: int,
    rows: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    names: np.ndarray,
    faults: np.ndarray,
) -> tuple[int, int, int]:  # pragma: no cover - compiled
    """Values above 0 of the rows of a table whose first cell is a name.

    Args:
        body: bytes of whole lines.
        separator: between cells.
        width: numbers per row.
        line, row: number of the first line, and rows before it.
        rows, columns, values: filled with what is above 0; as long as there are numbers in `body`.
        names: (lines, 2) where the name of each row begins and ends.
        faults: (5, 3): how many of each fault, its first line and column (0-based).

    Returns:
        Values above 0, rows and lines of `body`.
    """
    at, n, found, done, begun = 0, body.size, 0, 0, line
    while at < n:
        stop = at
        while stop < n and body[stop] != _NEWLINE:
            stop += 1
        end = stop - 1 if stop > at and body[stop - 1] == _RETURN else stop
        here = at
        if here < end and body[here] == _QUOTE:
            here += 1
            while here < end and body[here] != _QUOTE:
                here += 1
        while here < end and body[here] != separator:
            here += 1
        if end > at:
            names[done, 0], names[done, 1] = at, here
            column, fault = 0, -1
            while here < end and column < width:
                here += 1
                while here < end and (body[here] == _BLANK or body[here] == _QUOTE):
                    here += 1
                value, here = _read_number(body, here, end)
                if here < 0:
                    break
                while here < end and (body[here] == _BLANK or body[here] == _QUOTE):
                    here += 1
                if here < end and body[here] != separator:
                    here = -1
                    break
                fault = _fault_of(value)
                if fault >= 0:
                    faults[fault, 0] += 1
                    if faults[fault, 1] == 0:
                        faults[fault, 1], faults[fault, 2] = line, column
                elif value > 0.0:
                    rows[found], columns[found], values[found] = row + done, column, int(value)
                    found += 1
                column += 1
            if here < 0 or column < width or here < end:
                faults[NO_ENTRY, 0] += 1
                if faults[NO_ENTRY, 1] == 0:
                    faults[NO_ENTRY, 1], faults[NO_ENTRY, 2] = line, column
            done += 1
        line += 1
        at = stop + 1
    return found, done, line - begun
