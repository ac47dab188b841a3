"""Whose turn it is in a data folder: runs of the same sources and studies share it, others wait for one another.

Two runs of one configuration build each table once between them. A run with other studies, or from another mirror,
would take the first one's tables for stale while they are being made, and publish a mixture of both.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resistance_assets.settings import Settings

NAME = ".run.lock"


def configuration_of(settings: Settings) -> dict[str, Any]:
    """What two runs must have in common to share a data folder."""
    mirror = settings.effective_mirror
    return {
        "profile": settings.profile,
        "mirror": None if mirror is None else str(mirror.resolve()),
        "studies": sorted(str(folder.resolve()) for folder in settings.study_dirs),
        "opt_in": sorted(settings.opt_in),
    }


@contextlib.contextmanager
def run_lock(settings: Settings, *, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the data folder for the length of a run; the kernel lets go of it when the process dies.

    Args:
        settings: of the run.
        waiting: told in a line why, before a wait begins.
    """
    from resistance_assets.files import file_lock

    wanted = configuration_of(settings)
    path = settings.data_dir / NAME
    with path.open("a+", encoding="utf-8") as handle:
        while True:
            with file_lock(path.with_name(f"{NAME}.turn")):
                if _enter(handle, wanted):
                    break
                holder = _read(handle)
            waiting(
                f"waiting: process {holder.get('pid', 'unknown')} brings {settings.data_dir} up to date from"
                f" {_differences(holder.get('configuration', {}), wanted)}"
            )
            # Until every run of the other configuration has ended; then whoever comes first says which is next.
            fcntl.flock(handle, fcntl.LOCK_EX)
            fcntl.flock(handle, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)


def _enter(handle: IO[str], wanted: dict[str, Any]) -> bool:
    """Whether the folder is free, or shared by runs of this configuration; it is then held. Called by one at a time."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if _read(handle).get("configuration") != wanted:
            return False
    else:
        handle.seek(0)
        handle.truncate()
        handle.write(json.dumps({"pid": os.getpid(), "configuration": wanted}))
        handle.flush()
    fcntl.flock(handle, fcntl.LOCK_SH)
    return True


def _read(handle: IO[str]) -> dict[str, Any]:
    handle.seek(0)
    try:
        found = json.loads(handle.read(100_000))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _differences(theirs: Any, ours: dict[str, Any]) -> str:
    """What the other run is made from, as far as it differs."""
    if not isinstance(theirs, dict):
        return "other sources"
    told = []
    for name, value in theirs.items():
        if ours.get(name) != value:
            shown = ", ".join(value) if isinstance(value, list) else value
            told.append(f"{name.replace('_', ' ')} {shown or 'none'}"[:300])
    return "; ".join(told) or "other sources"
