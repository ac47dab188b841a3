"""Decompression of gzip: one way for every reader, and the errors in which damage shows.

Here belongs nothing but the choice of the program: ISA-L (https://python-isal.readthedocs.io/), which is about three
times faster than zlib and checks the same checksums. What damage means is told where the file is read.
"""

from __future__ import annotations

import gzip
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


def decompress(data: bytes) -> bytes:
    """The content of a gzip file, all its members. Raises one of DAMAGE."""
    return igzip.decompress(data)


def open_gzip(file: Path | IO[bytes]) -> BinaryIO:
    """A gzip file to be read as its content. Raises one of DAMAGE, when that part is read."""
    if isinstance(file, Path):
        return cast("BinaryIO", igzip.open(file, "rb"))
    return cast("BinaryIO", igzip.GzipFile(fileobj=file))


def gzip_decompressor() -> Any:
    """What is fed one gzip member in pieces, as `zlib.decompressobj(31)` is: decompress, eof, unused_data."""
    return isal_zlib.decompressobj(31)
