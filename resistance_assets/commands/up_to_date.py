"""Answers of commands when nothing was stale, kept for the next one: valid until something that decides them moves.

Here belong the fingerprint of everything that a run looks at (code, catalogs, settings, study folders, mirror, lake,
published files, by content or by size and times of each file), and the note that is kept beside it. With it, a command
that has nothing to do loads no graph. Live hosts must be asked each time, so there is no fingerprint for them.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resistance_assets.orchestration.package_hash import hash_of_code, paths_below
from resistance_assets.orchestration.stores.opening import open_objects

if TYPE_CHECKING:
    from resistance_assets.orchestration.stores.objects import ObjectStore
    from resistance_assets.settings import Settings

LOCK_SUFFIX = ".lock"
DISTRIBUTIONS = ("duckdb", "lifelines", "numba", "numpy", "pandera", "polars", "pydeseq2", "scikit-learn", "scipy",
                 "sqlglot", "statsmodels")  # fmt: skip
FORMAT = 1


def fingerprint_of(settings: Settings, *, asks_sources: bool = True) -> str | None:
    """Hash of everything that decides what a run would do; None where hosts must be asked for that.

    Args:
        settings: of the command.
        asks_sources: whether the command looks at the sources themselves.
    """
    mirror = settings.effective_mirror
    if mirror is None and asks_sources and not settings.is_from_lake:
        return None
    digest = hashlib.sha256(hash_of_code().encode())
    document = settings.model_dump(mode="json")
    digest.update(json.dumps([FORMAT, sys.version, _versions(), document], sort_keys=True).encode())
    published = (settings.warehouse_path, settings.releases_dir, settings.data_dir / "report")
    sources = () if mirror is None else (mirror if mirror.is_dir() else mirror.parent,)
    objects = open_objects(settings.data_dir)
    lake = (settings.lake_dir,) if objects is None else ()
    for line in objects_in(objects) if objects is not None else ():
        digest.update(line.encode())
    for root in (*sources, *settings.study_dirs, *settings.catalog_dirs, *lake, *published):
        digest.update(f"\0{root}\0".encode())
        for line in sorted(_files_below(str(root))):
            digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def objects_in(store: ObjectStore) -> Iterator[str]:
    """Each object of a lake with its size, entity tag and time, a thousand to a request."""
    yield f"\0{store}\0"
    for entry in store.list():
        yield f"{entry.key}\0{entry.size_bytes}\0{entry.etag}\0{entry.modified_at.isoformat()}\n"


def fingerprint_of_studies(settings: Settings) -> str:
    """Hash of the code, and of size and time of every file of the study folders and of catalogs of one's own."""
    digest = hashlib.sha256(hash_of_code().encode())
    digest.update(json.dumps([FORMAT, sys.version, settings.model_dump(mode="json")], sort_keys=True).encode())
    for root in (*settings.study_dirs, *settings.catalog_dirs):
        digest.update(f"\0{root}\0".encode())
        for line in sorted(_files_below(str(root))):
            digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def lookup(settings: Settings, name: str, fingerprint: str | None) -> Any | None:
    """The note of that name, if it was written at this fingerprint; None for any other, or for a damaged one."""
    if fingerprint is None:
        return None
    try:
        note = json.loads(_place(settings, name).read_text(encoding="utf-8"))
        return note["found"] if note["fingerprint"] == fingerprint else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(
    settings: Settings, name: str, fingerprint: str | None, found: Any, *, still: Callable[[], str | None]
) -> None:
    """Keep a note; nothing is kept where something moved while it was found out.

    Args:
        settings: of the command.
        name: of the note.
        fingerprint: as it was before the command looked.
        found: what JSON can hold.
        still: the fingerprint as it is now.
    """
    if fingerprint is None or still() != fingerprint:
        return
    from resistance_assets.errors import DataFault
    from resistance_assets.files import replace_file

    try:
        with replace_file(_place(settings, name)) as path:
            path.write_text(json.dumps({"fingerprint": fingerprint, "found": found}), encoding="utf-8")
    except DataFault:
        return  # A command is not refused because its note could not be kept.


def _place(settings: Settings, name: str) -> Path:
    return settings.cache_dir / "up_to_date" / f"{name}.json"


def _versions() -> dict[str, str]:
    found = {}
    for name in DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def _files_below(root: str) -> Iterator[str]:
    """Each file with its size, inode and times: one that is replaced, cut, touched or copied shows another line."""
    paths = paths_below(root) if os.path.isdir(root) else iter([root])
    for path in paths:
        if path.endswith(LOCK_SUFFIX):
            continue
        try:
            facts = os.stat(path)
        except OSError:
            yield f"{path}\0absent\n"
            continue
        yield f"{path}\0{facts.st_size}\0{facts.st_mtime_ns}\0{facts.st_ctime_ns}\0{facts.st_ino}\n"
