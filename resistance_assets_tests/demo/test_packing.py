from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import pytest

from resistance_assets.demo.packing import gzip_stored, tar_gz, zip_stored


# Lengths around the limits of one stored block (65,535 bytes), where its header is easy to get wrong.
@pytest.mark.parametrize("length", [0, 1, 65_534, 65_535, 65_536, 200_001])
def test_gzip_is_read_back_at_every_block_boundary(length: int):
    data = bytes(i % 251 for i in range(length))
    assert gzip.decompress(gzip_stored(data)) == data


def test_gzip_is_a_plain_function_of_its_contents():
    # Header, one final stored block of three bytes, CRC-32 and length, byte by byte as RFC 1951 and 1952 lay them out.
    assert gzip_stored(b"abc").hex() == "1f8b080000b9556900ff" + "010300fcff" + "616263" + "c2412435" + "03000000"


def test_tar_keeps_names_and_contents_whatever_the_order_given():
    files = {"data.txt": b"1\n", "lists/all.txt": b"2\n"}
    packed = tar_gz("study", files)
    assert packed == tar_gz("study", dict(reversed(files.items())))
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        members = {member.name: member for member in archive.getmembers()}
        assert set(members) == {"study", "study/lists", "study/data.txt", "study/lists/all.txt"}
        assert members["study/lists"].isdir()
        content = archive.extractfile("study/lists/all.txt")
        assert content is not None
        assert content.read() == b"2\n"


def test_zip_is_read_back_and_passes_its_own_check():
    packed = zip_stored({"b.txt": b"2", "a.txt": b"1"})
    assert packed == zip_stored({"a.txt": b"1", "b.txt": b"2"})
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == ["a.txt", "b.txt"]
        assert archive.testzip() is None
        assert archive.read("b.txt") == b"2"
