"""When sources were looked at last: silence is told apart from "unchanged"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from resistance_assets.orchestration.source_log import (
    FILE,
    not_looked_at,
    note_looks,
    overdue,
    parse_age,
    read_looks,
    silence_in_words,
)

MONDAY = datetime(2026, 11, 23, 3, 15, tzinfo=UTC)
BOTH = {"hgnc", "biogrid"}


def night(tmp_path, number: int, **found: str | None):
    return note_looks(tmp_path, found, now=MONDAY + timedelta(days=number))


def test_a_source_that_is_silent_keeps_the_time_of_its_last_good_look(tmp_path):
    night(tmp_path, 0, hgnc=None, biogrid=None)
    night(tmp_path, 1, hgnc="hgnc: unreachable", biogrid=None)
    looks = night(tmp_path, 4, hgnc="hgnc: still unreachable", biogrid=None)
    assert looks == read_looks(tmp_path)
    assert looks["hgnc"].looked_at == MONDAY.isoformat(timespec="seconds")
    assert looks["hgnc"].failing_since == (MONDAY + timedelta(days=1)).isoformat(timespec="seconds")
    assert list(not_looked_at(looks, BOTH)) == ["hgnc"]
    now = MONDAY + timedelta(days=4)
    assert silence_in_words("hgnc", looks["hgnc"], now) == (
        "hgnc: last looked at 2026-11-23T03:15:00+00:00, 4.0 days ago: hgnc: still unreachable"
    )
    assert list(overdue(looks, BOTH, parse_age("3d"), now)) == ["hgnc"]
    assert not overdue(looks, BOTH, parse_age("5d"), now)
    assert not overdue(looks, BOTH, parse_age("off"), now)


def test_a_source_that_answers_again_is_silent_no_more(tmp_path):
    night(tmp_path, 0, hgnc=None)
    night(tmp_path, 1, hgnc="gone")
    looks = night(tmp_path, 2, hgnc=None)
    assert (looks["hgnc"].problem, looks["hgnc"].failing_since) == (None, None)
    assert not not_looked_at(looks, BOTH)


def test_what_nobody_looks_at_becomes_overdue_all_the_same(tmp_path):
    looks = night(tmp_path, 0, hgnc=None)
    assert list(overdue(looks, BOTH, parse_age("3d"), MONDAY + timedelta(days=10))) == ["hgnc"]


def test_what_was_never_had_or_is_no_source_any_more_is_not_silent(tmp_path):
    night(tmp_path, 0, old=None, hgnc="not listed")
    looks = night(tmp_path, 9, old="gone", hgnc="not listed")
    assert not not_looked_at(looks, BOTH)
    assert not overdue(looks, BOTH, parse_age("3d"), MONDAY + timedelta(days=9))


def test_a_damaged_file_is_begun_anew(tmp_path):
    (tmp_path / FILE).write_text("{")
    assert read_looks(tmp_path) == {}
    assert list(night(tmp_path, 0, hgnc=None)) == ["hgnc"]


@pytest.mark.parametrize(("text", "hours"), [("36h", 36), ("3d", 72), ("1.5d", 36), ("2W", 336), ("off", None)])
def test_durations(text, hours):
    assert parse_age(text) == (None if hours is None else timedelta(hours=hours))


@pytest.mark.parametrize("text", ["3", "3 days", "-1d", "d", "1m"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="36h, 3d or 2w"):
        parse_age(text)
