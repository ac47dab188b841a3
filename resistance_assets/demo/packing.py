"""Archives whose bytes depend on nothing but their contents.

Here belong gzip, tar and zip writers with fixed times, owners and order. They do not compress: zlib and its
replacements pack the same data into different bytes, and the checksums of the demo must be the same on every machine.
"""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping

FIXED_TIME = 1_767_225_600
"""2026-01-01T00:00:00Z in seconds, the time of every member."""
FIXED_DATE = (2026, 1, 1, 0, 0, 0)
FIXED_HTTP_DATE = "Thu, 01 Jan 2026 00:00:00 GMT"

_LONGEST_STORED_BLOCK = 65_535


def gzip_stored(data: bytes, *, name: str = "") -> bytes:
    """A gzip file (RFC 1952) that holds ``data`` in stored deflate blocks (RFC 1951, 3.2.4), with its name if any."""
    flags = b"\x08" if name else b"\x00"
    parts = [b"\x1f\x8b\x08", flags, struct.pack("<I", FIXED_TIME), b"\x00\xff"]
    if name:
        parts.append(name.encode("ascii") + b"\x00")
    starts = range(0, len(data), _LONGEST_STORED_BLOCK) if data else (0,)
    for start in starts:
        block = data[start : start + _LONGEST_STORED_BLOCK]
        is_last = start + _LONGEST_STORED_BLOCK >= len(data)
        parts.append(struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF))
        parts.append(block)
    parts.append(struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))
    return b"".join(parts)


def tar_gz(folder: str, files: Mapping[str, bytes]) -> bytes:
    """A tar.gz with one top ``folder`` (none where it is empty) and ``files`` (relative name to content) in it, sorted
    by name."""
    top = f"{folder}/" if folder else ""
    directories = {folder} - {""} | {f"{top}{name.rpartition('/')[0]}" for name in files if "/" in name}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(directories):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, FIXED_TIME
            archive.addfile(entry)
        for name in sorted(files):
            entry = tarfile.TarInfo(f"{top}{name}")
            entry.size, entry.mode, entry.mtime = len(files[name]), 0o644, FIXED_TIME
            archive.addfile(entry, io.BytesIO(files[name]))
    return gzip_stored(buffer.getvalue())


def zip_stored(files: Mapping[str, bytes]) -> bytes:
    """A zip with ``files`` (name to content), sorted by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=FIXED_DATE)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def lines_of(lines: Iterable[str]) -> bytes:
    """Lines as a text file, each ended by a line feed."""
    return ("\n".join(lines) + "\n").encode()
