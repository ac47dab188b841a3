"""Whether a file of the lake still holds what was written: a checksum beside each version, compared when it is read.

Most single flipped bits of a Parquet file decode to other numbers without a complaint. So `<version>.sha256` beside a
file holds the SHA-256 of its bytes, written once, with inode, size and modification time of the file then. A file of
the same three is taken as read before; any other is read again. A file without a checksum (written by an earlier
version) is compared with the content hash in its own name.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from resistance_assets.errors import DataFault
from resistance_assets.files import write_json

CHECKSUM_SUFFIX = ".sha256"
# Files that this process found whole, as (path, inode, size, modification time).
_found_whole: set[tuple[str, int, int, int]] = set()


def checksum_path(path: Path) -> Path:
    """File that holds the checksum of a version."""
    return path.with_suffix(CHECKSUM_SUFFIX)


def write_checksum(path: Path) -> None:
    """Note the checksum of a file that was just written. Raises DataFault where the disk refuses."""
    note_checksum(path, sha256_of(path))


def note_checksum(path: Path, sha256: str) -> None:
    """As `write_checksum`, of a file whose checksum is known."""
    inode, size, modified = _stamp_of(path)
    document = {"sha256": sha256, "bytes": size, "inode": inode, "modified_ns": modified}
    write_json(checksum_path(path), document)
    _found_whole.add((str(path), inode, size, modified))


def find_damage(
    path: Path, content_version: Callable[[Path], str] | None = None, *, read_all: bool = False
) -> str | None:
    """What is wrong with a version's file, in a few words; None where it is whole.

    Args:
        path: the Parquet file; its name is its data version.
        content_version: hash of a file's content, asked where there is no checksum; None: such a file counts as whole.
        read_all: whether to read the file even where inode, size and modification time say that nobody touched it.
    """
    try:
        stamp = _stamp_of(path)
    except FileNotFoundError:
        return "the file is gone"
    except OSError as error:
        return f"the file cannot be read ({error.strerror or error})"
    if not path.is_file():
        return "it is no file"
    if not read_all and (str(path), *stamp) in _found_whole:
        return None
    noted = _read_checksum(path)
    try:
        if noted is None:
            return _compare_content(path, content_version) if content_version else None
        sha256, *noted_stamp = noted
        if read_all or tuple(noted_stamp) != stamp:
            if sha256_of(path) != sha256:
                _forget_stamp(path, sha256, stamp)
                return "its bytes are not those that were written"
            if tuple(noted_stamp) != stamp:
                # Copied or restored: whole, and elsewhere on the disk.
                with contextlib.suppress(DataFault):
                    note_checksum(path, sha256)
    except OSError as error:
        return f"the file cannot be read ({error.strerror or error})"
    _found_whole.add((str(path), *stamp))
    return None


def _forget_stamp(path: Path, sha256: str, stamp: tuple[int, int, int]) -> None:
    """Let nobody take a damaged file as read before, even where the disk changed it without touching its times."""
    _found_whole.discard((str(path), *stamp))
    with contextlib.suppress(DataFault):
        write_json(checksum_path(path), {"sha256": sha256, "bytes": 0, "inode": 0, "modified_ns": 0})


def _compare_content(path: Path, content_version: Callable[[Path], str]) -> str | None:
    try:
        found = content_version(path)
    except Exception as error:  # whatever a Parquet reader raises of strange bytes
        return f"it cannot be read as a table ({type(error).__name__})"
    if found != path.stem:
        return "its content is not what its name says"
    with contextlib.suppress(DataFault):
        write_checksum(path)
    return None


def _read_checksum(path: Path) -> tuple[str, int, int, int] | None:
    try:
        document = json.loads(checksum_path(path).read_text(encoding="utf-8"))
        found = (document["sha256"], document["inode"], document["bytes"], document["modified_ns"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    is_usable = isinstance(found[0], str) and all(isinstance(number, int) for number in found[1:])
    return found if is_usable else None


def _stamp_of(path: Path) -> tuple[int, int, int]:
    stat = os.stat(path)
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
