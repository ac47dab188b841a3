"""Decompression of gzip: one way for every reader, and the errors in which damage shows.

Here belongs nothing but the choice of the program: ISA-L (https://python-isal.readthedocs.io/), which is about three
times faster than zlib and checks the same checksums. What damage means is told where the file is read.
"""

from __future__ import annotations

import gzip
import io
import os
import zlib
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from isal import igzip, isal_zlib

DAMAGE: tuple[type[Exception], ...] = (
    EOFError,
    gzip.BadGzipFile,
    zlib.error,
    cast("type[Exception]", isal_zlib.error),
)
"""What reading a gzip file raises that is cut, or whose bytes or checksum are not right."""


LARGEST_RATIO = 250
"""Bytes that one compressed byte may stand for, beyond the first `RATIO_FREE_BYTES`: text of these hosts stays under
100, and zeros reach 1,030."""
RATIO_FREE_BYTES = 256 * 1024**2


class DecompressionBomb(gzip.BadGzipFile):
    """A small file that unpacks to a huge one; told as damage."""


def decompress(data: bytes) -> bytes:
    """The content of a gzip file, all its members. Raises one of DAMAGE."""
    if len(data) * LARGEST_RATIO * 8 < RATIO_FREE_BYTES:
        return igzip.decompress(data)  # too small to unpack to much
    with open_gzip(io.BytesIO(data)) as content:
        return content.read()


def open_gzip(file: Path | IO[bytes]) -> BinaryIO:
    """A gzip file to be read as its content. Raises one of DAMAGE, when that part is read."""
    if isinstance(file, Path):
        opened, size = igzip.open(file, "rb"), file.stat().st_size
    else:
        opened, size = igzip.GzipFile(fileobj=file), _size_of(file)
    return cast("BinaryIO", io.BufferedReader(_Bounded(cast("BinaryIO", opened), size), 1 << 17))


def _size_of(file: IO[bytes]) -> int | None:
    try:
        return file.getbuffer().nbytes if isinstance(file, io.BytesIO) else os.fstat(file.fileno()).st_size
    except (OSError, AttributeError):
        return None


class _Bounded(io.RawIOBase):
    """The content of a compressed file, up to what its size can honestly hold."""

    def __init__(self, inner: BinaryIO, compressed_bytes: int | None) -> None:
        self._inner = inner
        self._largest = None if compressed_bytes is None else max(RATIO_FREE_BYTES, compressed_bytes * LARGEST_RATIO)
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._inner.readinto(buffer)  # pyright: ignore[reportAttributeAccessIssue]
        self._given += count
        if self._largest is not None and self._given > self._largest:
            raise DecompressionBomb(f"it unpacks to more than {LARGEST_RATIO} times its size")
        return count

    def seekable(self) -> bool:
        return self._inner.seekable()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()


def gzip_decompressor() -> Any:
    """What is fed one gzip member in pieces, as `zlib.decompressobj(31)` is: decompress, eof, unused_data."""
    return isal_zlib.decompressobj(31)
