"""Archives from strangers: what is refused, and that nothing truncated passes."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from resistance_assets.connectors.formats.archives import iterate_members, read_members
from resistance_assets.errors import DataFault, TransportFault

FILES = {"study/meta_study.txt": b"name: x\n", "study/case_lists/all.txt": b"ids: a\tb\n" * 9000}


def tar(path: Path, files: dict[str, bytes], *, mode: str = "w:gz", extra: tuple[tarfile.TarInfo, ...] = ()) -> Path:
    with tarfile.open(path, mode) as archive:
        for info in extra:
            archive.addfile(info)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.fixture(params=["tar.gz", "tar", "zip"])
def archive(request, tmp_path):
    path = tmp_path / f"a.{request.param}"
    if request.param == "zip":
        return zipped(path, FILES)
    return tar(path, FILES, mode="w:gz" if request.param == "tar.gz" else "w")


def test_members_that_are_wanted_are_read(archive, tmp_path):
    contents, names = read_members(archive, lambda name: name.endswith("all.txt"))
    assert names == list(FILES)
    assert contents == {"study/case_lists/all.txt": FILES["study/case_lists/all.txt"]}


def test_truncated_archive_is_a_transport_fault_wherever_it_is_cut(archive):
    whole = archive.read_bytes()
    for share in (0.3, 0.6, 0.9):
        archive.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(TransportFault, match="truncated"):
            read_members(archive, lambda _: True)


def test_lost_gzip_checksum_is_noticed_even_if_nothing_is_wanted(tmp_path):
    path = tar(tmp_path / "a.tar.gz", FILES)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(TransportFault, match="truncated"):
        list(iterate_members(path))


@pytest.mark.parametrize(
    "name", ["../evil.txt", "/etc/evil.txt", "study/../../evil.txt", "C:\\evil.txt", "a\\..\\..\\b"]
)
def test_member_that_escapes_is_refused(tmp_path, name):
    for path in (tar(tmp_path / "a.tar.gz", {name: b"x"}), zipped(tmp_path / "a.zip", {name: b"x"})):
        with pytest.raises(DataFault, match="leads out of the archive"):
            list(iterate_members(path))


def test_links_and_devices_are_refused(tmp_path):
    for number, (kind, word) in enumerate(
        [(tarfile.SYMTYPE, "link"), (tarfile.LNKTYPE, "link"), (tarfile.FIFOTYPE, "device")]
    ):
        path = tar(tmp_path / f"{number}.tar.gz", FILES, extra=(special("study/x", kind, "/etc/passwd"),))
        with pytest.raises(DataFault, match=word):
            read_members(path, lambda _: True)
    info = zipfile.ZipInfo("study/link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataFault, match="link"):
        read_members(tmp_path / "a.zip", lambda _: True)


def test_bomb_and_repeated_member_are_refused(archive, tmp_path):
    with pytest.raises(DataFault, match="unpack to more than 1000 bytes"):
        read_members(archive, lambda _: True, largest_unpacked=1000)
    twice = tar(tmp_path / "twice.tar.gz", FILES, extra=(special("study/./meta_study.txt", tarfile.REGTYPE),))
    with pytest.raises(DataFault, match="occurs twice"):
        read_members(twice, lambda _: True)


def test_encrypted_member_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", FILES)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag in the central directory
    path.write_bytes(data)
    with pytest.raises(DataFault, match="encrypted"):
        read_members(path, lambda _: True)


def test_folders_are_passed_over(tmp_path):
    path = tar(tmp_path / "a.tar", FILES, mode="w", extra=(special("study", tarfile.DIRTYPE),))
    assert [member.name for member in iterate_members(path)] == list(FILES)


def test_other_files_are_no_archives(tmp_path):
    path = tmp_path / "page.tar.gz"
    path.write_bytes(b"<!DOCTYPE html><html></html>")
    with pytest.raises(TransportFault, match="neither a tar nor a zip"):
        read_members(path, lambda _: True)
    with pytest.raises(FileNotFoundError):
        read_members(tmp_path / "absent.zip", lambda _: True)
