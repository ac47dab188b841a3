"""Files of sources in a lake in an object store: by their SHA-256, whole or refused, for any number of uploaders."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from resistance_assets.orchestration.stores import objects
from resistance_assets.orchestration.stores.sources import SourceFiles
from resistance_assets_tests.orchestration.stores.conftest import object_store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("aws")]


def a_file(folder: Path, size: int) -> tuple[Path, str]:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "given.bin"
    path.write_bytes((b"0123456789abcdef" * (size // 16 + 1))[:size])
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("size", [0, 1, 100_000, objects.LARGE_BYTES, objects.LARGE_BYTES + 1, 3 * objects.PART_BYTES])
def test_a_file_comes_back_byte_by_byte_whatever_its_size(object_host, tmp_path, size: int):
    path, sha256 = a_file(tmp_path, size)
    store = object_store(object_host, tmp_path / "cache")
    SourceFiles(store, tmp_path / "one").keep(path, sha256)
    elsewhere = SourceFiles(store, tmp_path / "two")
    assert elsewhere.bring(sha256, "given.bin") is None
    assert elsewhere.place(sha256, "given.bin").read_bytes() == path.read_bytes()
    assert [(entry.key, entry.size_bytes) for entry in store.list("sources")] == [(f"sources/{sha256}", size)]


@pytest.mark.parametrize("size", [1000, objects.LARGE_BYTES + 1])
def test_of_many_who_upload_the_same_file_all_succeed(object_host, tmp_path, size: int):
    path, sha256 = a_file(tmp_path, size)
    name = f"racing {size}".replace(" ", "-")
    stores = [object_store(object_host, tmp_path / f"cache {at}", name) for at in range(4)]
    faults: list[BaseException] = []
    ready = threading.Barrier(len(stores))

    def upload(files: SourceFiles) -> None:
        ready.wait()
        try:
            files.keep(path, sha256)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=upload, args=(SourceFiles(store, tmp_path),)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert SourceFiles(stores[0], tmp_path / "two").bring(sha256, "given.bin") is None


def test_a_cut_copy_is_replaced_by_the_next_who_has_the_file(object_host, tmp_path):
    path, sha256 = a_file(tmp_path, 1000)
    name = "cut-copy"
    object_store(object_host, tmp_path / "cache", name).replace(f"sources/{sha256}", b"cut")
    store = object_store(object_host, tmp_path / "cache", name)
    SourceFiles(store, tmp_path / "one").keep(path, sha256)
    assert SourceFiles(store, tmp_path / "two").bring(sha256, "given.bin") is None


def test_a_copy_of_other_bytes_is_removed_and_nothing_of_it_is_left_here(object_host, tmp_path):
    _, sha256 = a_file(tmp_path, 1000)
    store = object_store(object_host, tmp_path / "cache")
    store.replace(f"sources/{sha256}", b"x" * 1000)
    files = SourceFiles(store, tmp_path / "one")
    assert files.bring(sha256, "given.bin") == "damaged"
    assert files.bring(sha256, "given.bin") == "gone"
    assert [path for path in (tmp_path / "one").rglob("*") if path.is_file()] == []


def test_a_file_here_that_was_changed_is_fetched_again(object_host, tmp_path):
    path, sha256 = a_file(tmp_path, 1000)
    files = SourceFiles(object_store(object_host, tmp_path / "cache"), tmp_path / "one")
    files.keep(path, sha256)
    assert files.bring(sha256, "given.bin") is None
    files.place(sha256, "given.bin").write_bytes(b"changed")
    assert files.bring(sha256, "given.bin") is None
    assert files.place(sha256, "given.bin").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("sha256", "name"), [("../x", "a"), ("a" * 64, "../a"), ("a" * 64, ".."), ("A" * 64, "a"), ("a" * 64, "")]
)
def test_a_record_leads_to_no_place_outside_of_the_downloads(object_host, tmp_path, sha256: str, name: str):
    files = SourceFiles(object_store(object_host, tmp_path / "cache"), tmp_path / "one")
    with pytest.raises(ValueError, match="no file of a source"):
        files.place(sha256, name)
