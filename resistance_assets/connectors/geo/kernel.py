"""The inner loop of reading GEO sample tables: compiled, because a family has millions of rows of a few bytes.

Here belongs only that loop. What it refuses is read by the general way in `geo_tables`, so it need not know everything.
"""

from __future__ import annotations

import numba
import numpy as np

_TAB, _NEWLINE, _MINUS, _PLUS, _DOT = ord("\t"), ord("\n"), ord("-"), ord("+"), ord(".")
_ZERO, _NINE, _SMALL_E, _LARGE_E = ord("0"), ord("9"), ord("e"), ord("E")
# Powers of ten that a double holds exactly; with a significand below 2**53, one multiplication or division by them is
# correctly rounded (Clinger 1990, doi:10.1145/93542.93557).
_POWERS = np.array([10.0**k for k in range(23)])


@numba.njit(cache=True, nogil=True)
def values_of_known_features(
    body: np.ndarray, features: np.ndarray, offsets: np.ndarray, column: int, width: int, out: np.ndarray
) -> bool:  # pragma: no cover - compiled
    """Parse the numbers of one column, row by row, if each row starts with the feature expected there.

    Args:
        body: bytes of the rows, each ended by a line feed.
        features: bytes of the expected first cells, joined; `offsets` (rows + 1) says where each starts.
        column: 0-based column of the numbers, not the first.
        width: cells per row.
        out: shape (rows,), filled; NaN for an empty cell.

    Returns:
        False at the first byte that is not as expected (another feature, a row of another width, a text, a number with
        more digits than are certain to be rounded correctly, bytes left over). `out` is then of no use.
    """
    n = body.size
    place = 0
    for row in range(out.size):
        for k in range(offsets[row], offsets[row + 1]):
            if place >= n or body[place] != features[k]:
                return False
            place += 1
        cell = 0
        while True:
            if place >= n:
                return False
            if body[place] == _NEWLINE:
                place += 1
                break
            if body[place] != _TAB:
                return False
            place += 1
            cell += 1
            if cell >= width:
                return False
            if cell != column:
                while place < n and body[place] != _TAB and body[place] != _NEWLINE:
                    place += 1
                continue
            negative = False
            if place < n and body[place] == _MINUS:
                negative = True
                place += 1
            significand = 0
            digits = 0
            after_dot = 0
            seen_dot = False
            exponent = 0
            start = place
            while place < n:
                byte = body[place]
                if _ZERO <= byte <= _NINE:
                    significand = significand * 10 + (byte - _ZERO)
                    digits += 1
                    if digits > 15:
                        return False
                    if seen_dot:
                        after_dot += 1
                elif byte == _DOT and not seen_dot:
                    seen_dot = True
                else:
                    break
                place += 1
            if place == start and not negative:
                out[row] = np.nan  # an empty cell, unless something else follows, which the loop above refuses
                continue
            if digits == 0:
                return False
            if place < n and (body[place] == _SMALL_E or body[place] == _LARGE_E):
                place += 1
                below = False
                if place < n and (body[place] == _MINUS or body[place] == _PLUS):
                    below = body[place] == _MINUS
                    place += 1
                start = place
                while place < n and _ZERO <= body[place] <= _NINE and place - start < 4:
                    exponent = exponent * 10 + (body[place] - _ZERO)
                    place += 1
                if place == start:
                    return False
                if below:
                    exponent = -exponent
            exponent -= after_dot
            if exponent < -22 or exponent > 22:
                return False
            number = float(significand)
            number = number / _POWERS[-exponent] if exponent < 0 else number * _POWERS[exponent]
            out[row] = -number if negative else number
        if cell != width - 1:
            return False
    return place == n
