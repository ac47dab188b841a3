from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from resistance_assets.catalog.registry import load_registry
from resistance_assets.connectors.transport.transport import MirrorTransport, Resource
from resistance_assets.demo import DEFAULT_SEED, write_demo
from resistance_assets.demo.folder import SOURCES, STAMP
from resistance_assets.errors import SourceUnavailable, UsageFault
from resistance_assets_tests.demo.conftest import WrittenDemo

SCRIPT = "import sys, pathlib; from resistance_assets.demo import write_demo; write_demo(pathlib.Path(sys.argv[1]))"


def _checksums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_another_process_writes_the_same_bytes(demo: WrittenDemo, tmp_path: Path):
    # Another hash seed, folder and locale: whatever leans on the order of sets or on names would differ.
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path / "again")], check=True, env=environment)
    assert _checksums(tmp_path / "again") == _checksums(demo.folder)


def test_the_index_lists_every_file_with_its_checksum_and_length(demo: WrittenDemo):
    mirror = demo.folder / "mirror"
    index = demo.index()
    assert {e["file"] for e in index} | {"index.jsonl"} == set(_checksums(mirror))
    for entry in index:
        data = (mirror / entry["file"]).read_bytes()
        assert (entry["sha256"], entry["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
        assert entry["etag"] == f'"{entry["sha256"][:32]}"'
        assert "synthetic" in entry["provenance"]
        assert "synthetic" in entry["licence"]


def test_the_index_has_the_fields_of_a_real_mirror(demo: WrittenDemo, shared: Path):
    real = [json.loads(line) for line in (shared / "mirror/index.jsonl").read_text("utf-8").splitlines()]
    assert {tuple(entry) for entry in demo.index()} == {tuple(entry) for entry in real}
    # Every host answers with the same content type as in the real mirror.
    types = {entry["url"]: entry["content_type"] for entry in real}
    known = [entry for entry in demo.index() if entry["url"] in types]
    assert len(known) == 9
    assert all(types[entry["url"]] == entry["content_type"] for entry in known)


@pytest.mark.parametrize("source_id", SOURCES)
def test_the_mirror_transport_fetches_every_source(demo: WrittenDemo, source_id: str):
    source = demo.registry.sources[source_id]
    resource = Resource(url=source.url, content=source.content, markers=source.markers)
    fetched = MirrorTransport(demo.folder / "mirror").fetch(resource)
    assert fetched.path == demo.source(source_id)


def test_a_source_that_the_demo_does_not_have_is_unavailable(demo: WrittenDemo):
    source = demo.registry.sources["oncokb_cancer_genes"]
    with pytest.raises(SourceUnavailable):
        MirrorTransport(demo.folder / "mirror").fetch(Resource(url=source.url, content=source.content))


def test_a_folder_that_holds_the_demo_is_left_alone(tmp_path: Path, demo: WrittenDemo):
    folder = tmp_path / "demo"
    truth = write_demo(folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert write_demo(folder) == truth == demo.truth
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_an_older_or_damaged_demo_is_replaced_whole(tmp_path: Path, demo: WrittenDemo):
    folder = tmp_path / "demo"
    (folder / "mirror").mkdir(parents=True)
    (folder / STAMP).write_text(json.dumps({"generator": "of last year", "seed": DEFAULT_SEED}))
    (folder / "mirror" / "left_over.txt").write_text("old")
    write_demo(folder)
    assert _checksums(folder) == _checksums(demo.folder)
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]

    (folder / "truth.json").unlink()
    assert write_demo(folder) == demo.truth
    assert (folder / "truth.json").is_file()


def test_processes_that_write_at_the_same_time_agree(tmp_path: Path, demo: WrittenDemo):
    folder = tmp_path / "demo"
    writers = [subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)]) for _ in range(2)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    assert _checksums(folder) == _checksums(demo.folder)
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_a_folder_of_somebody_else_is_refused_and_kept(tmp_path: Path):
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(UsageFault, match=r"notes\.txt"):
        write_demo(tmp_path)
    (tmp_path / STAMP).write_text("{}")
    with pytest.raises(UsageFault, match=r"notes\.txt"):
        write_demo(tmp_path)
    assert notes.read_text() == "mine"


def test_everything_is_small_and_calls_itself_synthetic(demo: WrittenDemo):
    files = [path for path in demo.folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 40_000_000
    for study in load_registry([demo.folder / "studies"]).local_studies.values():
        assert "ynthetic" in study.study.title
        assert "ynthetic" in (study.folder / "README.md").read_text("utf-8")
    for entry in demo.index():
        assert "synthetic" in entry["provenance"]
        if "/link/" in entry["url"] or "protein.links" in entry["url"] or entry["url"].endswith("/info"):
            continue  # links of KEGG and STRING are pairs of ids, and BioStudies' info is dates: no place for a word
        assert b"synthetic" in (demo.folder / "mirror" / entry["file"]).read_bytes().lower(), entry["file"]
