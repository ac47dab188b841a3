"""Files are whole or absent, whatever their folder is called and whatever stands in their place."""

from __future__ import annotations

import errno
import os
import sqlite3

import duckdb
import polars as pl
import pytest

from resistance_assets.errors import DataFault
from resistance_assets.files import glob_literal, is_disk_full, replace_file, write_json, write_text


@pytest.mark.parametrize("name", ["data_[1]", "data *", "data ?", "it's {a,b} [!x] **", "ü [a-z]"])
def test_a_path_is_taken_as_it_is_and_not_as_a_pattern(tmp_path, name):
    # A folder that the name would match, were it a pattern.
    for folder, value in (("data_1", 1), ("data x", 1), (name, 2)):
        (tmp_path / folder).mkdir(exist_ok=True)
        pl.DataFrame({"n": [value]}).write_parquet(tmp_path / folder / "t.parquet")
    path = tmp_path / name / "t.parquet"
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT n FROM read_parquet({glob_literal(path)})").fetchall() == [(2,)]
    write_json(tmp_path / name / "a.json", {"n": 1})
    assert not list((tmp_path / name).glob(".*"))


def test_a_block_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    write_text(tmp_path / "a", "old")

    def fail() -> None:
        with replace_file(tmp_path / "a") as aside:
            aside.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


def test_a_folder_in_a_files_place_is_moved_and_not_removed(tmp_path):
    (tmp_path / "warehouse.duckdb").mkdir()
    (tmp_path / "warehouse.duckdb" / "kept").write_text("x")
    write_text(tmp_path / "warehouse.duckdb", "new")
    assert (tmp_path / "warehouse.duckdb").read_text() == "new"
    [moved] = tmp_path.glob("*.misplaced")
    assert (moved / "kept").read_text() == "x"


def refused(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (refused(errno.ENOSPC), True),
        (refused(errno.EDQUOT), True),
        (sqlite3.OperationalError("database or disk is full"), True),
        (duckdb.IOException("Could not write all bytes: No space left on device"), True),
        (sqlite3.OperationalError("no such table"), False),
        (refused(errno.EACCES), False),
    ],
)
def test_a_full_disk_is_known_by_whatever_words_it_comes_in(error, full):
    wrapped = RuntimeError("while writing")
    wrapped.__cause__ = error
    assert is_disk_full(error) is full
    assert is_disk_full(wrapped) is full


def test_a_disk_that_refuses_says_what_to_do(tmp_path, monkeypatch):
    def no_room(*_):
        raise refused(errno.ENOSPC)

    monkeypatch.setattr(os, "replace", no_room)
    with pytest.raises(DataFault, match=r"No space left.*Free some space"):
        write_text(tmp_path / "a", "x")
    assert list(tmp_path.iterdir()) == []
