"""The package's own files as one hash, and what was found out of them, kept beside them.

Here belongs what is valid for exactly as long as no file of the package changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
CODE_SUFFIXES = frozenset({".py", ".toml", ".sql", ".tsv", ".html", ".css", ".js", ".j2"})


def hash_of_code() -> str:
    """Hash of the package's own files and of the SQL models, by content."""
    digest = hashlib.sha256()
    folders = [PACKAGE, PACKAGE.parent / "dbt_like_sql"]
    for folder in folders:
        for path in sorted(paths_below(str(folder))):
            if os.path.splitext(path)[1] in CODE_SUFFIXES:
                with open(path, "rb") as handle:
                    content = handle.read()
                digest.update(os.path.relpath(path, folder).encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()


def paths_below(folder: str, seen: frozenset[tuple[int, int]] = frozenset()) -> Iterator[str]:
    """Files of a folder and of those in it, `__pycache__` left out; links are followed, though not in a circle."""
    try:
        facts = os.stat(folder)
        entries = list(os.scandir(folder))
    except OSError:
        return
    here = (facts.st_dev, facts.st_ino)
    if here in seen:
        return
    for entry in entries:
        if not entry.is_dir(follow_symlinks=True):
            yield entry.path
        elif entry.name != "__pycache__":
            yield from paths_below(entry.path, seen | {here})


@contextlib.contextmanager
def kept_beside_the_package(name: str, distributions: Iterable[str]) -> Iterator[dict[str, Any]]:
    """What an earlier process found out of the package's code under this name, and what the block adds to it.

    As Python keeps its bytecode and numba its machine code: in `__pycache__`, not at all where Python is told to write
    none or the folder cannot be written. The file carries the hash of the code, the releases of ``distributions`` and
    the release of Python: any other makes it empty.

    Args:
        name: of the file.
        distributions: whose releases decide what was found.
    """
    valid_for = [hash_of_code(), sys.version, {one: importlib.metadata.version(one) for one in sorted(distributions)}]
    path = PACKAGE / "__pycache__" / f"{name}.json"
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["valid_for"] == valid_for and isinstance(document["found"], dict):
            found = document["found"]
    before = len(found)
    yield found
    if len(found) == before or sys.dont_write_bytecode:
        return
    from resistance_assets.errors import Fault
    from resistance_assets.files import replace_file

    with contextlib.suppress(OSError, Fault), replace_file(path) as aside:
        aside.write_text(json.dumps({"valid_for": valid_for, "found": found}), encoding="utf-8")
