"""Answers of queries: the same rows in the same order, whether they waited in files or not."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import pytest
from polars.testing import assert_frame_equal

from resistance_assets.orchestration.table_files import answers as room
from resistance_assets.orchestration.table_files.answers import ANSWERED_ROWS, answers

SQL = """SELECT i::INTEGER AS i, 'gene ' || (i % 977) AS symbol, CASE WHEN i % 3 = 0 THEN NULL ELSE i / 7 END AS value,
    DATE '2026-01-01' + (i % 400)::INTEGER AS day, i % 2 = 0 AS is_even
FROM range({n}) AS r(i) ORDER BY i DESC"""


def fetched(sql: str):
    with duckdb.connect() as connection, answers() as answer:
        answer.fetch(connection, sql)
        connection.close()
        return answer.frame()


@pytest.mark.parametrize("n", [0, 1, 3 * ANSWERED_ROWS + 5])
def test_an_answer_is_the_same_whether_it_waited_in_files_or_not(monkeypatch, n):
    held = fetched(SQL.format(n=n))
    monkeypatch.setattr(room, "HELD_ROWS", ANSWERED_ROWS)
    waited = fetched(SQL.format(n=n))
    assert_frame_equal(held, waited)
    assert waited.height == n
    assert waited.columns == ["i", "symbol", "value", "day", "is_even"]
    assert waited["i"].to_list()[:2] == [n - 1, n - 2][:n]


def test_files_of_an_answer_are_gone_afterwards_also_where_the_query_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(room, "HELD_ROWS", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen: list[Path] = []

    def fail_after_rows() -> None:
        with duckdb.connect() as connection, answers() as answer:
            answer.fetch(connection, SQL.format(n=10))
            seen.extend(tmp_path.rglob("*.arrow"))
            answer.fetch(connection, "SELECT error('no')")

    with pytest.raises(duckdb.Error):
        fail_after_rows()
    assert seen
    assert not any(tmp_path.iterdir())
