"""The in-memory database of a process, and what a fork of the process has of it."""

from __future__ import annotations

import multiprocessing

import polars as pl

from resistance_assets.orchestration.scratch_database import cursor_over


def total(values: list[int]) -> int:
    with cursor_over("given", pl.DataFrame({"value": values})) as cursor:
        return cursor.execute("SELECT sum(value) FROM given").fetchall()[0][0]


def _in_a_child(results) -> None:
    results.put(total([1, 2]))


def test_a_fork_of_a_process_that_asked_the_database_asks_its_own():
    assert total([5]) == 5
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=_in_a_child, args=(results,))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert results.get(timeout=5) == 3
    assert total([7]) == 7
