"""What a cell of an instrument's table of concentrations says."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Flag = Literal["measured", "below", "above", "missing"]
MISSING = frozenset({"", "***", "---", "nan", "na", "n/a", "null"})
_NUMBER = r"[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?"
_CELL = re.compile(rf"(?P<mark>OOR\s*[<>]|[<>]|\*)?\s*(?P<number>-?{_NUMBER})?", re.IGNORECASE)


class Cell(NamedTuple):
    """A cell as it was read.

    Attributes:
        flag: measured, below (under the detection limit), above (over the range) or missing.
        number: the number in the cell, where there is one.
        extrapolated: marked `*`: just outside the standards; the number is kept.
    """

    flag: Flag
    number: float | None
    extrapolated: bool


def read_cell(text: str | None) -> Cell | None:
    """What a cell says; None where it is no text that is known: never to be taken for missing.

    Known are a number (with a decimal comma too), `<67.3`, `OOR <`, `>1020`, `OOR >`, `*12.3`, and for missing an empty
    cell, `***`, `---`, `NaN`, `NA`.
    """
    stripped = (text or "").strip()
    if stripped.lower() in MISSING:
        return Cell("missing", None, False)
    found = _CELL.fullmatch(stripped)
    if found is None:
        return None
    mark = (found["mark"] or "").upper().replace(" ", "")
    number = float(found["number"].replace(",", ".")) if found["number"] else None
    if number is None:
        flags: dict[str, Flag] = {"OOR<": "below", "OOR>": "above"}
        return Cell(flags[mark], None, False) if mark in flags else None
    if mark.endswith("<"):
        return Cell("below", number, False)
    if mark.endswith(">"):
        return Cell("above", number, False)
    return Cell("measured", number, mark == "*")


def number_in(text: str) -> str | None:
    """The number of a cell as it is written, for whoever has to tell decimal commas from separators of thousands."""
    found = _CELL.fullmatch(text.strip())
    return found["number"] if found else None
