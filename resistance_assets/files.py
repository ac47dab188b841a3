"""Files that are whole or absent: atomic replacement, locks between processes, and errors of the disk as faults.

Here belongs what every room needs that writes files: the package has this one way of writing beside a file and renaming
over it. What the files hold does not belong here.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from resistance_assets.errors import DataFault
from resistance_assets.processes import Process, host_identity, parse_process, this_process

ASIDE = ".aside"
"""End of the name of a file that is being written."""


def aside_path(path: Path) -> Path:
    """A free name beside ``path`` for writing it; it names this process, so that leftovers of dead ones are known."""
    return path.with_name(f".{path.name}.{this_process()}.{uuid.uuid4().hex[:8]}{ASIDE}")


def writer_of(aside: Path) -> Process | None:
    """The process that a half-written file names; None where the name is of an earlier version, or is none."""
    parts = aside.name.split(".")
    return parse_process(parts[-3]) if len(parts) > 3 else None


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """A path to write to, which becomes ``path`` at the end of the block and vanishes if the block fails.

    Args:
        path: the file to make or to replace; its folder is made where it is not there.

    Raises:
        DataFault: the disk refuses.
    """
    aside = aside_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        flush_file(aside)
        put_in_place(aside, path)
    except OSError as error:
        raise storage_fault(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def put_in_place(aside: Path, path: Path) -> None:
    """Rename a finished file over ``path``; a folder that stands in its place is moved out of the way, not removed."""
    if path.is_dir() and not path.is_symlink():
        os.replace(path, path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.misplaced"))
    os.replace(aside, path)


def flush_file(path: Path) -> None:
    """Wait until a file's bytes, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a small text file in UTF-8, whole or not at all. Raises DataFault where the disk refuses."""
    with replace_file(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all. Raises DataFault where the disk refuses."""
    write_text(path, json_text(document))


def json_text(document: Mapping[str, Any]) -> str:
    """A document as the files of the data folder hold it."""
    return json.dumps(document, indent=1, sort_keys=True, default=str)


@contextlib.contextmanager
def file_lock(
    path: Path, *, shared: bool = False, waiting: Callable[[str], None] = lambda holder: None
) -> Iterator[None]:
    """Hold a lock on ``path``, exclusive or shared; the kernel lets go of it when the process dies.

    Written by hand because a waiter is told who holds it and readers share it, which `filelock` has neither of.

    Args:
        path: an empty file, made where it is not there. The last exclusive holder's process id is written into it.
        shared: whether others may hold it in the same way.
        waiting: told who holds it before a wait begins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read(20).strip()
            waiting(f"process {holder}" if holder else "another process")
            fcntl.flock(handle, mode)
        if not shared:
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)


def is_being_written(aside: Path, is_alive_elsewhere: Callable[[Process], bool] = lambda process: True) -> bool:
    """Whether the process that a half-written file names is alive.

    Args:
        aside: the file.
        is_alive_elsewhere: asked of a process of another host or container, whose ids cannot be seen from here. By
            default it counts as alive: its file is its own.
    """
    writer = writer_of(aside)
    if writer is not None:
        return writer.is_running if writer.is_here else is_alive_elsewhere(writer)
    try:
        pid = int(aside.name.split(".")[-3])
    except (ValueError, IndexError):
        return False
    # Written by an earlier version, which named the id alone.
    return Process(host_identity(), pid, 0).is_running


def glob_literal(path: Path) -> str:
    """A path as a SQL literal for DuckDB's `read_parquet`, which takes brackets, stars and question marks as patterns.

    An unescaped `data_[1]/t.parquet` reads `data_1/t.parquet` where that exists.
    """
    escaped = "".join(f"[{character}]" if character in "*?[" else character for character in str(path))
    return "'" + escaped.replace("'", "''") + "'"


DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it was raised from, says that the disk or the quota is full.

    Libraries wrap what the system refuses: SQLite says `database or disk is full` or `disk I/O error` without a number,
    polars and DuckDB repeat the system's words.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            return True
        text = str(error)
        if "database or disk is full" in text.lower() or any(os.strerror(number) in text for number in DISK_FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


def is_disk_refusal(error: BaseException, folder: Path) -> bool:
    """As `is_disk_full`; also SQLite's `disk I/O error` where the disk of ``folder`` has no room left."""
    if is_disk_full(error):
        return True
    told = f"{error} {error.__cause__} {error.__context__}".lower()
    with contextlib.suppress(OSError):
        return "disk i/o error" in told and shutil.disk_usage(folder).free < 1 << 20
    return False


def storage_fault(error: OSError, path: Path) -> DataFault:
    """An operating-system error as something a person can act on."""
    remedy = {
        "ENOSPC": "Free some space or set RESISTANCE_DATA_DIR to another disk, then run again.",
        "EDQUOT": "Your quota is used up: free some space or set RESISTANCE_DATA_DIR elsewhere, then run again.",
        "EACCES": "Give yourself write permission there, or set RESISTANCE_DATA_DIR to a folder that you own.",
        "EPERM": "Give yourself write permission there, or set RESISTANCE_DATA_DIR to a folder that you own.",
        "EROFS": "The file system is read-only: set RESISTANCE_DATA_DIR to another disk.",
    }
    name = errno.errorcode.get(error.errno or 0, "")
    return DataFault(
        f"cannot be written: {error.strerror or error}",
        subject=str(path),
        remedy=remedy.get(name, "Look at the disk, or set RESISTANCE_DATA_DIR to a folder that can be written."),
    )


def append_lines(path: Path, lines: Sequence[str]) -> None:
    """Append whole lines to a log that several processes write. Raises OSError where the disk refuses."""
    # One write at the end of the file: processes that work at once do not cut each other's lines.
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(handle).st_size
        # What a killed process left of its last line, or a full disk, would take the first of these with it.
        is_cut = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, ("\n" * is_cut + "\n".join(lines) + "\n").encode())
    finally:
        os.close(handle)
