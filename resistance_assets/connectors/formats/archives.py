"""Reading tar and zip archives, whose content is not trusted.

Here belongs what makes an archive safe to open: no member that escapes its folder, no links or devices, no bomb, no
silent truncation. What the members mean does not belong here.
"""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from resistance_assets.connectors.formats.gzip import DAMAGE, LARGEST_RATIO, RATIO_FREE_BYTES, open_gzip
from resistance_assets.errors import DataFault, TransportFault

LARGEST_UNPACKED = 20 * 1024**3
"""Bytes that an archive may unpack to, unless the caller says otherwise; ten times the largest study archive known."""

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Member:
    """One regular file of an archive: its normalised path, its size and, while it is being visited, its bytes."""

    name: str
    size_bytes: int
    stream: MemberStream


def iterate_members(archive: Path, *, largest_unpacked: int = LARGEST_UNPACKED) -> Iterator[Member]:
    """Yield the regular files of a .tar, .tar.gz or .zip in archive order; read `stream` before the next is asked for.

    The archive is read to its end even if the caller needs little of it, so that a truncated one is always noticed.

    Raises:
        DataFault: a member is a link or a device, has an absolute path or `..`, occurs twice, or the members unpack to
            more than `largest_unpacked` bytes; or the file is neither tar nor zip.
        TransportFault: the archive is truncated or damaged.
    """
    with _damage_told(archive):
        if zipfile.is_zipfile(archive):
            yield from _zip_members(archive, largest_unpacked)
        elif _looks_like_tar(archive):
            yield from _tar_members(archive, largest_unpacked)
        else:
            raise _damaged(archive, "it is neither a tar nor a zip, or is cut before its end")


def read_members(
    archive: Path, wanted: Callable[[str], bool], *, largest_unpacked: int = LARGEST_UNPACKED
) -> tuple[dict[str, bytes], list[str]]:
    """Bytes of the members whose name `wanted` accepts, and the names of all members. Raises as `iterate_members`."""
    contents: dict[str, bytes] = {}
    names: list[str] = []
    for member in iterate_members(archive, largest_unpacked=largest_unpacked):
        names.append(member.name)
        if wanted(member.name):
            contents[member.name] = member.stream.read()
    return contents, names


class MemberStream:
    """The bytes of one member, where damage is told as a fault."""

    def __init__(self, stream: IO[bytes], archive: Path) -> None:
        self._stream, self._archive = stream, archive

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, or all that are left. Raises TransportFault if the archive ends early."""
        with _damage_told(self._archive):
            return self._stream.read(size) if size >= 0 else self._stream.read()


@contextmanager
def _damage_told(archive: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise
    except (NotImplementedError, RuntimeError) as error:
        # Compression methods and encryptions that Python's zipfile does not know.
        raise _damaged(archive, f"it is packed in a way that cannot be read ({error})") from error
    except (
        tarfile.TarError, zipfile.BadZipFile, OSError, ValueError, IndexError, KeyError, OverflowError, struct.error,
        lzma.LZMAError, *DAMAGE,
    ) as error:  # fmt: skip
        raise _damaged(archive, f"it ends early or is damaged ({error})") from error


def _damaged(archive: Path, problem: str) -> TransportFault:
    return TransportFault(
        f"truncated: {problem}", subject=archive.name, remedy="Fetch it again, or copy the mirror again"
    )


def _looks_like_tar(archive: Path) -> bool:
    # tarfile.is_tarfile answers False for a truncated gzip, which would hide the true reason.
    with archive.open("rb") as handle:
        head = handle.read(512)
    return head.startswith(b"\x1f\x8b") or b"ustar" in head[257:265]


class _Guard:
    """Accepts or refuses members one by one."""

    def __init__(self, archive: Path, largest_unpacked: int) -> None:
        self._archive, self._largest, self._total = archive, largest_unpacked, 0
        self._seen: set[str] = set()

    def refuse(self, name: str, problem: str, expected: str) -> DataFault:
        return DataFault(
            problem,
            subject=self._archive.name,
            place=f"member {name!r}",
            expected=expected,
            remedy="Do not open this archive; fetch it again from its publisher",
        )

    def admit(self, name: str, size: int) -> str:
        path = PurePosixPath(name.replace("\\", "/"))
        if not path.parts:
            raise self.refuse(name, "the member has no name", "a path below the archive's folder")
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or "\0" in name:
            raise self.refuse(name, "the path leads out of the archive", "a path below the archive's folder")
        if str(path) in self._seen:
            raise self.refuse(name, "the member occurs twice", "each path once")
        self._seen.add(str(path))
        self._total += size
        if self._total > self._largest:
            raise self.refuse(name, f"the members unpack to more than {self._largest} bytes", "a smaller archive")
        return str(path)


def _is_left_by_mac(name: str) -> bool:
    """Whether a member is what macOS puts beside the files: `._name`, `__MACOSX/`, `.DS_Store`."""
    parts = PurePosixPath(name).parts
    return bool(parts) and (parts[-1].startswith("._") or parts[-1] == ".DS_Store" or "__MACOSX" in parts)


def _tar_members(archive: Path, largest_unpacked: int) -> Iterator[Member]:
    guard = _Guard(archive, largest_unpacked)
    end = 0
    with archive.open("rb") as handle:
        compressed = handle.read(2) == b"\x1f\x8b"
        handle.seek(0)
        plain = open_gzip(handle) if compressed else handle
        with tarfile.open(fileobj=plain, mode="r|") as opened:
            for info in opened:
                end = info.offset_data + -(-info.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
                if _is_left_by_mac(info.name):
                    continue
                if info.isdir():
                    continue
                if not info.isreg():
                    kind = "link" if info.issym() or info.islnk() else "device or special file"
                    raise guard.refuse(info.name, f"the member is a {kind}", "regular files and folders")
                stream = opened.extractfile(info)
                assert stream is not None  # a regular file always has one
                yield Member(guard.admit(info.name, info.size), info.size, MemberStream(stream, archive))
        # tarfile never looks at what stands behind the members: the gzip checksum, or the end-of-archive block, whose
        # absence means that further members may be lost.
        if compressed:
            while plain.read(_BLOCK):
                pass
        else:
            handle.seek(end)
            if len(handle.read(tarfile.BLOCKSIZE)) < tarfile.BLOCKSIZE:
                raise EOFError("the end-of-archive block is missing")


def _zip_members(archive: Path, largest_unpacked: int) -> Iterator[Member]:
    guard = _Guard(archive, largest_unpacked)
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            if info.is_dir() or _is_left_by_mac(info.filename):
                continue
            if (info.external_attr >> 16) & 0o170000 not in (0, 0o100000):
                raise guard.refuse(info.filename, "the member is a link or special file", "regular files and folders")
            if info.flag_bits & 1:
                raise guard.refuse(info.filename, "the member is encrypted", "plain members")
            if info.file_size > max(RATIO_FREE_BYTES, LARGEST_RATIO * info.compress_size):
                raise guard.refuse(
                    info.filename, f"it unpacks to more than {LARGEST_RATIO} times its size", "an honest compression"
                )
            name = guard.admit(info.filename, info.file_size)
            with opened.open(info) as stream:
                # zipfile never yields more than the declared size and checks the CRC at the end of the stream.
                yield Member(name, info.file_size, MemberStream(stream, archive))
                while stream.read(_BLOCK):
                    pass
