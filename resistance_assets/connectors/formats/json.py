"""JSON answers of hosts, read without trusting their shape.

Here belongs what every JSON answer needs before its meaning is read: decoding, and taking a text, a number or a list
from where it should be. What the keys of a particular host mean does not belong here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from resistance_assets.errors import DataFault


def read_json(path: Path, *, source: str | None = None) -> Any:
    """The document of a file. Raises DataFault if it is not JSON in UTF-8."""
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataFault(
            f"the answer is not JSON ({error})", subject=source or path.name, remedy="Fetch it again"
        ) from error


def as_object(value: Any, *, source: str, place: str = "document") -> dict[str, Any]:
    """The value if it is an object. Raises DataFault otherwise."""
    if not isinstance(value, dict):
        raise _other_shape(value, source, place, "an object")
    return value


def as_list(value: Any, *, source: str, place: str = "document") -> list[Any]:
    """The value if it is a list. Raises DataFault otherwise."""
    if not isinstance(value, list):
        raise _other_shape(value, source, place, "a list")
    return value


def _other_shape(value: Any, source: str, place: str, expected: str) -> DataFault:
    return DataFault(
        f"{json.dumps(value)[:60]} stands there",
        subject=source,
        place=place,
        expected=expected,
        remedy="The host's answer has another layout than documented: look at the file",
    )


def text_of(value: Any) -> str | None:
    """The value as text without blanks around it; null where it is blank, null or not a single value."""
    if isinstance(value, bool) or value is None or isinstance(value, (dict, list)):
        return str(value).lower() if isinstance(value, bool) else None
    return str(value).strip() or None


def whole_of(value: Any) -> int | None:
    """The value as a whole number (hosts write numbers as text, too), or null where it is none that fits 64 bits."""
    text = text_of(value)
    if text is None or len(text) > 19 or not text.lstrip("-").isascii() or not text.lstrip("-").isdigit():
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


def flattened(value: Any) -> list[dict[str, Any]]:
    """The objects of a value that is an object, a list of objects, or a list of lists of them."""
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list):
        return [item for part in value for item in flattened(part)]
    return []
