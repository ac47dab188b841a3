"""The cookbook's queries, run as written."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from resistance_assets.warehouse.reader import run_query

COOKBOOK = Path(__file__).parents[2] / "docs" / "cookbook.md"
QUERIES = re.findall(r"\*\*(\d+)\. (.+?)\*\*.*?```sql\n(.*?)```", COOKBOOK.read_text(encoding="utf-8"), re.DOTALL)
# What planted effects and a few sources cannot be sure to give: these queries must run, and may find nothing.
MAY_BE_EMPTY = {"8", "10", "13"}


def test_there_are_twenty_one_numbered_in_order():
    assert [number for number, _, _ in QUERIES] == [str(number) for number in range(1, 22)]


@pytest.mark.parametrize(("number", "query"), [(number, query) for number, _, query in QUERIES])
def test_the_query_runs_as_written(demo, number, query):
    answer = run_query(demo.connection, query)
    assert answer.width > 0
    assert answer.height > 0 or number in MAY_BE_EMPTY


def test_contributions_shown_by_the_cookbook_add_up(demo):
    query = next(query for number, _, query in QUERIES if number == "7")
    answer = (
        run_query(demo.connection, query)
        .group_by("drug_class")
        .agg(contributed=pl.col("contribution").sum(), score=pl.col("score").first())
    )
    assert answer.height > 0
    for row in answer.iter_rows(named=True):
        # Sums of at most a handful of doubles between -1 and 1.
        assert row["contributed"] == pytest.approx(row["score"], abs=1e-12)
