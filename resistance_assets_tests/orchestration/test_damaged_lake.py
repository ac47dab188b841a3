"""Damage in the lake: each kind is noticed when it is read, told in a line and mended by the next run."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import polars as pl
import pytest

from resistance_assets.errors import DataFault, SourceUnavailable
from resistance_assets.integrity import checksum_path
from resistance_assets.orchestration.dagster.run_records import find_damaged_databases, put_damaged_aside
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.status import stale_outputs, states_of
from resistance_assets.orchestration.steps import ExternalInput, Step, run_step
from resistance_assets_tests.orchestration.test_steps import SAMPLES, sheet

ADDRESS = "raw.sheet"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "data [1] *")


def step(value: str = "a") -> Step:
    return Step({ADDRESS: SAMPLES}, lambda inputs: sheet(value), code_version="v1")


def file_of(lake: Lake) -> Path:
    table_version = lake.current(ADDRESS)
    assert table_version is not None
    return lake.path(ADDRESS, table_version.data_version)


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[random.Random(7).randrange(len(data))] ^= 4
    path.write_bytes(data)


def swap_for_another(path: Path) -> None:
    pl.DataFrame({"other": [1, 2, 3]}).write_parquet(path)


def make_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


FILE_DAMAGE = {
    "flipped bit": flip_a_bit,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
    "another table's": swap_for_another,
    "a folder": make_a_folder,
}
RECORD_DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
    "a list": lambda path: path.write_text("[1, 2]"),
    "null": lambda path: path.write_text("null"),
    "deep": lambda path: path.write_text("[" * 100_000),
    "other keys": lambda path: path.write_text('{"address": "raw.sheet"}'),
    "a path as version": lambda path: path.write_text(
        path.read_text().replace(path.read_text().split('"data_version": "')[1][:20], "../../../etc/x")
    ),
    "a folder": make_a_folder,
}


def assert_mended(lake: Lake) -> None:
    steps = {ADDRESS: step()}
    assert lake.damage_of(ADDRESS)
    [state] = states_of(lake, steps, None, ask_sources=False)
    assert (state.state, "next run" in state.reasons[0]) == ("damaged", True)
    assert stale_outputs(lake, steps, None) == (ADDRESS,)
    run_step(lake, steps[ADDRESS])
    assert lake.damage_of(ADDRESS, read_all=True) is None
    assert lake.read(ADDRESS).equals(sheet("a"))
    assert stale_outputs(lake, steps, None) == ()


@pytest.mark.parametrize("kind", FILE_DAMAGE)
@pytest.mark.parametrize("with_checksum", [True, False], ids=["checksum", "of an earlier version"])
def test_a_damaged_file_is_noticed_and_built_again(lake, kind, with_checksum):
    run_step(lake, step())
    FILE_DAMAGE[kind](file_of(lake))
    if not with_checksum:
        checksum_path(file_of(lake)).unlink()
    with pytest.raises(DataFault, match=r"damaged.*resistance run"):
        lake.read(ADDRESS)
    assert_mended(lake)


@pytest.mark.parametrize("kind", RECORD_DAMAGE)
def test_a_damaged_record_is_noticed_and_written_again(lake, kind):
    run_step(lake, step())
    RECORD_DAMAGE[kind](lake.folder(ADDRESS) / "current.json")
    assert_mended(lake)


@pytest.mark.parametrize("kind", RECORD_DAMAGE)
def test_a_damaged_known_result_is_as_if_unknown(lake, kind):
    run_step(lake, step())
    [record] = (lake.folder(ADDRESS) / "memo").glob("*.json")
    RECORD_DAMAGE[kind](record)
    assert lake.unreadable_records(ADDRESS) == [str(record)]
    run_step(lake, step())
    assert lake.unreadable_records(ADDRESS) == []


def test_a_flip_that_keeps_the_time_is_found_by_reading_everything(lake):
    run_step(lake, step())
    path = file_of(lake)
    stat = path.stat()
    flip_a_bit(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert lake.damage_of(ADDRESS, read_all=True) == "its bytes are not those that were written"
    assert_mended(lake)


def test_a_copied_lake_is_whole_and_is_read_once(lake, tmp_path, monkeypatch):
    run_step(lake, step())
    copied = Lake(tmp_path / "copy")
    shutil.copytree(lake.root, copied.root, copy_function=shutil.copyfile)
    assert copied.damage_of(ADDRESS) is None
    monkeypatch.setattr("resistance_assets.integrity.sha256_of", pytest.fail)
    monkeypatch.setattr("resistance_assets.integrity._found_whole", set())
    assert copied.damage_of(ADDRESS) is None


def test_damage_that_cannot_be_mended_now_is_told_and_nothing_empty_takes_its_place(lake):
    def gone(origins):
        raise SourceUnavailable("offline", subject="source", remedy="Wait.")

    run_step(lake, Step({ADDRESS: SAMPLES}, lambda inputs: sheet("a"), code_version="v1"))
    flip_a_bit(file_of(lake))
    cannot = Step({ADDRESS: SAMPLES}, lambda inputs: sheet("a"), code_version="v1", external_inputs=gone)
    with pytest.raises(DataFault, match=r"damaged.*backup"):
        run_step(lake, cannot)
    (lake.folder(ADDRESS) / "current.json").write_text("")
    with pytest.raises(DataFault, match=r"damaged.*backup"):
        run_step(lake, cannot)


@pytest.mark.parametrize("error", [RecursionError("deep"), NotImplementedError("method 93"), IndexError("x" * 9000)])
@pytest.mark.parametrize("where", ["looked up", "read"])
def test_whatever_reading_a_source_raises_is_a_fault_of_that_step(lake, error, where):
    def fail(*_):
        raise error

    def look_up(origins):
        return {"file": ExternalInput("1", Path("x"))}

    bad = Step(
        {ADDRESS: SAMPLES},
        (lambda inputs: sheet("a")) if where == "looked up" else fail,
        code_version="v1",
        external_inputs=fail if where == "looked up" else look_up,
    )
    assert stale_outputs(lake, {ADDRESS: bad}, None) == (ADDRESS,)
    with pytest.raises(DataFault, match=f"{ADDRESS}: its source cannot be read") as caught:
        run_step(lake, bad)
    assert len(str(caught.value)) < 2000


def test_files_that_are_no_databases_are_put_aside(tmp_path):
    import sqlite3

    (tmp_path / "history" / "runs").mkdir(parents=True)
    good, bad = tmp_path / "history" / "runs.db", tmp_path / "history" / "runs" / "index.db"
    with sqlite3.connect(good) as connection:
        connection.execute("CREATE TABLE t (n INTEGER)")
    bad.write_bytes(os.urandom(5000))
    (tmp_path / "schedules").write_text("a file where a folder belongs")
    assert find_damaged_databases(tmp_path) == [bad]
    assert put_damaged_aside(tmp_path) == [tmp_path / "schedules", bad]
    assert (good.exists(), bad.exists(), find_damaged_databases(tmp_path)) == (True, False, [])
