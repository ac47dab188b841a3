"""Tables whose rows stand in the files of others: a list of files in the place of a Parquet file.

`<data version>.files.json` beside where the table's own file would be names the files by table and data version, in the
order of their rows. Files of the lake never change, so neither does what a list means.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable

from resistance_assets.files import json_text

LIST_SUFFIX = ".files.json"
_NAME = re.compile(r"[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+")
_VERSION = re.compile(r"[0-9A-Za-z_-]{1,64}")

ListedFile = tuple[str, str]
"""Table and data version of a file of the lake."""


def list_as_bytes(files: Iterable[ListedFile]) -> bytes:
    """A list as it is stored."""
    listed = [list(one) for one in files]
    return json_text({"files": listed, "sha256": _digest(listed)}).encode()


def list_from_bytes(data: bytes) -> list[ListedFile] | None:
    """The files that a list names; None where it is not as it was written."""
    try:
        document = json.loads(data)
        listed = document["files"]
        if not listed or document["sha256"] != _digest(listed):
            return None
        files = [(str(name), str(version)) for name, version in listed]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return files if all(_NAME.fullmatch(name) and _VERSION.fullmatch(version) for name, version in files) else None


def _digest(listed: object) -> str:
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()
