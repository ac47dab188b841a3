"""Gzip is read to its last member, and damage ends in one of the known errors, whichever way it is read."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.connectors.formats.gzip import DAMAGE, decompress, gzip_decompressor, open_gzip


def _as_file(data: bytes) -> bytes:
    with open_gzip(io.BytesIO(data)) as handle:
        return handle.read()


def _in_pieces(data: bytes) -> bytes:
    """One member only."""
    stream = gzip_decompressor()
    content = b"".join(stream.decompress(data[at : at + 7]) for at in range(0, len(data), 7))
    if not stream.eof:
        raise EOFError
    return content


WAYS = (decompress, _as_file, _in_pieces)


@given(st.binary(max_size=5000), st.integers(0, 9))
def test_what_zlib_wrote_is_read_back(content, level):
    data = gzip.compress(content, compresslevel=level)
    assert [way(data) for way in WAYS] == [content] * 3


def test_all_members_and_a_path_are_read(tmp_path):
    data = gzip.compress(b"one ") + gzip.compress(b"two")
    (tmp_path / "f.gz").write_bytes(data)
    with open_gzip(tmp_path / "f.gz") as handle:
        assert handle.read() == decompress(data) == b"one two"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-9],
        lambda data: data[:-4] + b"\xff\xff\xff\xff",
        lambda data: data[:-8] + b"\1\2\3\4" + data[-4:],
        lambda data: data[:12] + bytes([data[12] ^ 0xFF]) + data[13:],
        lambda data: b"<html>" + data,
    ],
    ids=["cut", "size", "checksum", "a byte", "no gzip"],
)
def test_damage_ends_in_a_known_error(way: Callable[[bytes], bytes], spoil: Callable[[bytes], bytes]):
    data = gzip.compress(bytes(range(256)) * 40)
    with pytest.raises(DAMAGE):
        way(spoil(data))
