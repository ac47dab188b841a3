"""Archives that no reader foresaw are faults of their source, whatever the archive's own reader raises."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from resistance_assets.connectors.formats.archives import iterate_members
from resistance_assets.errors import Fault


def tar_with(path: Path, name: str) -> None:
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(name)
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))


def zip_with_method(path: Path, method: int) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", b"abc")
    data = bytearray(path.read_bytes())
    # The method stands twice: in the member's own header and in the directory.
    data[8:10] = method.to_bytes(2, "little")
    directory = data.index(b"PK\x01\x02")
    data[directory + 10 : directory + 12] = method.to_bytes(2, "little")
    path.write_bytes(data)


@pytest.mark.parametrize("name", [".", "./", "/", "a/../../b", "..", "c:evil", "x\\..\\..\\y"])
def test_a_member_without_a_name_of_its_own_is_refused(tmp_path, name):
    tar_with(tmp_path / "a.tar", name)
    with pytest.raises(Fault, match="member"):
        list(iterate_members(tmp_path / "a.tar"))


@pytest.mark.parametrize("method", [1, 6, 9, 93, 97, 99])
def test_a_compression_method_nobody_knows_is_a_fault(tmp_path, method):
    zip_with_method(tmp_path / "a.zip", method)
    with pytest.raises(Fault, match="cannot be read"):
        [member.stream.read() for member in iterate_members(tmp_path / "a.zip")]


def test_a_zip_that_unpacks_to_far_more_than_it_holds_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("resistance_assets.connectors.formats.archives.RATIO_FREE_BYTES", 1 << 16)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * (1 << 22))
    with pytest.raises(Fault, match="times its size"):
        list(iterate_members(tmp_path / "a.zip"))
