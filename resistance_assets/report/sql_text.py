"""Values written into SQL, so that a query shown on a page runs as it stands."""

from __future__ import annotations

from collections.abc import Iterable


def literal(value: str) -> str:
    """A string as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def literals(values: Iterable[str]) -> str:
    """Strings as the inside of an SQL list."""
    return ", ".join(literal(value) for value in values)
