"""The lake: content versions, atomic files, pointers."""

from __future__ import annotations

import fcntl
import os

import polars as pl
import pytest

from resistance_assets.errors import DataFault
from resistance_assets.orchestration.lake import Lake, TableVersion, now_iso
from resistance_assets.processes import Process, this_process

FRAME = pl.DataFrame({"gene": ["CCL20", "AXL", None], "value": [1.5, -0.25, None], "n": [1, 2, 3]})


def version_of(address: str, version: str, **changes) -> TableVersion:
    facts = {
        "address": address, "status": "available", "data_version": version, "code_version": "c", "parameters": "p",
        "inputs": {}, "rows": 3, "built_at": now_iso(), "run_id": "r", "seconds": 0.1,
    }  # fmt: skip
    return TableVersion(**{**facts, **changes})


def test_places_and_values_of_a_sparse_matrix_are_written_as_differences_and_read_back(tmp_path):
    import pyarrow.parquet

    draw = [(gene, cell, 1 + (gene * cell) % 7) for gene in range(40) for cell in range(gene % 3, 5000, 3)]
    frame = pl.DataFrame(draw, schema=dict.fromkeys(("gene", "cell", "umi"), pl.UInt32), orient="row")
    lake = Lake(tmp_path)
    version = lake.write("parts.x", frame)
    path = lake.path("parts.x", version)
    assert pl.read_parquet(path).equals(frame)
    encodings = pyarrow.parquet.ParquetFile(path).metadata.row_group(0)
    assert "DELTA_BINARY_PACKED" in encodings.column(1).encodings
    frame.write_parquet(tmp_path / "as_polars.parquet", compression="zstd")
    assert path.stat().st_size < (tmp_path / "as_polars.parquet").stat().st_size / 2


def test_written_table_is_read_back_and_written_once(tmp_path):
    lake = Lake(tmp_path)
    version = lake.write("raw.x", FRAME)
    lake.set_current(version_of("raw.x", version), "key")
    assert lake.read("raw.x").equals(FRAME)
    first = lake.path("raw.x", version).stat().st_mtime_ns
    assert lake.write("raw.x", FRAME) == version
    assert lake.path("raw.x", version).stat().st_mtime_ns == first
    assert lake.lookup("raw.x", "key") == lake.current("raw.x")
    assert lake.addresses() == ["raw.x"]


def test_a_result_whose_file_is_gone_is_not_recalled(tmp_path):
    lake = Lake(tmp_path)
    version = lake.write("raw.x", FRAME)
    lake.set_current(version_of("raw.x", version), "key")
    lake.path("raw.x", version).unlink()
    assert lake.lookup("raw.x", "key") is None
    with pytest.raises(DataFault, match="the file is gone"):
        lake.read("raw.x")


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    lake = Lake(tmp_path)

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(DataFault, match=r"No space left on device.*Free some space"):
        lake.write("raw.x", FRAME)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_half_written_files_of_dead_processes_are_swept(tmp_path):
    lake = Lake(tmp_path)
    folder = lake.folder("raw.x")
    folder.mkdir(parents=True)
    dead, alive = folder / ".v.parquet.999999999.ab.aside", folder / f".v.parquet.{os.getpid()}.ab.aside"
    dead.write_text("x")
    alive.write_text("x")
    assert lake.remove_orphans() == 1
    assert not dead.exists()
    assert alive.exists()


@pytest.mark.parametrize("is_alive", [True, False])
def test_a_half_written_file_of_another_container_is_kept_for_as_long_as_its_writer_lives(tmp_path, is_alive):
    lake = Lake(tmp_path)
    folder, writers = lake.folder("raw.x"), tmp_path / ".writers"
    folder.mkdir(parents=True)
    writers.mkdir()
    # Both have the id 1, each in a container of its own.
    writer, neighbour = Process("0123456789ab", 1, 77), Process("0123456789ab", 1, 99)
    aside = folder / f".v.parquet.{writer}.ab.aside"
    aside.write_text("x")
    with (writers / f"{writer}.lock").open("a") as own, (writers / f"{neighbour}.lock").open("a") as other:
        fcntl.flock(own if is_alive else other, fcntl.LOCK_EX)
        assert lake.remove_orphans() == (0 if is_alive else 1)
    assert aside.exists() == is_alive


def test_a_half_written_file_of_the_first_process_of_a_container_that_was_started_anew_is_swept(tmp_path):
    lake = Lake(tmp_path)
    lake.folder("raw.x").mkdir(parents=True)
    mine = this_process()
    before = Process(mine.host, mine.pid, mine.started + 1)
    for process in (before, mine):
        (lake.folder("raw.x") / f".v.parquet.{process}.ab.aside").write_text("x")
    assert lake.remove_orphans() == 1
    assert [path.name for path in lake.folder("raw.x").iterdir()] == [f".v.parquet.{mine}.ab.aside"]


def test_a_writer_shows_that_it_lives(tmp_path):
    lake = Lake(tmp_path)
    lake.write("raw.x", FRAME)
    with (tmp_path / ".writers" / f"{this_process()}.lock").open("a") as handle, pytest.raises(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert lake.remove_orphans() == 0
    assert (tmp_path / ".writers" / f"{this_process()}.lock").exists()


def test_a_table_that_was_never_built_says_so(tmp_path):
    with pytest.raises(DataFault, match=r"never built.*resistance run"):
        Lake(tmp_path).read("core.nothing")


def test_a_record_of_an_earlier_version_keeps_its_cache_key(tmp_path):
    lake = Lake(tmp_path)
    version = lake.write("raw.x", pl.DataFrame({"a": [1]}))
    lake.set_current(version_of("raw.x", version, notes={"memo_key": "key"}), "key")
    for found in (lake.current("raw.x"), lake.lookup("raw.x", "key")):
        assert found.notes == {"cache_key": "key"}
