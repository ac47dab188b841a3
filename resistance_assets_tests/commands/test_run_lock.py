"""Runs of one configuration share a data folder; a run of other studies waits, and says for whom."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from resistance_assets.commands.run_lock import NAME, run_lock
from resistance_assets.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data [1] *"
    folder.mkdir()
    return folder


def settings(folder: Path, *studies: str) -> Settings:
    return Settings(data_dir=folder, profile="public", studies=tuple(folder.parent / name for name in studies))


def never(reason: str) -> None:
    raise AssertionError(reason)


def test_runs_of_the_same_studies_share_the_folder(folder):
    with run_lock(settings(folder, "a", "b"), waiting=never), run_lock(settings(folder, "b", "a"), waiting=never):
        pass


def test_a_run_of_other_studies_waits_until_the_first_has_ended_and_says_for_whom(folder):
    asked, entered = threading.Event(), threading.Event()
    told: list[str] = []

    def second() -> None:
        def wait(reason: str) -> None:
            told.append(reason)
            asked.set()

        with run_lock(settings(folder, "other"), waiting=wait):
            entered.set()

    thread = threading.Thread(target=second)
    with run_lock(settings(folder, "mine"), waiting=never):
        thread.start()
        assert asked.wait(30)
        assert not entered.is_set()
    thread.join(30)
    assert entered.is_set()
    (reason,) = told
    assert reason.startswith("waiting: process ")
    assert f"studies {folder.parent / 'mine'}" in reason
    # The folder is free again, whoever had it.
    with run_lock(settings(folder, "third"), waiting=never):
        pass


@pytest.mark.parametrize("content", ["", "[]", "{", '"x"', '{"configuration": 3}'])
def test_a_damaged_note_of_a_run_that_ended_keeps_nobody_out(folder, content):
    (folder / NAME).write_text(content)
    with run_lock(settings(folder), waiting=never):
        pass
