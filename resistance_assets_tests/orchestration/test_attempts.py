"""A failed attempt is remembered with its latest reason until the table is built."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.errors import DataFault
from resistance_assets.orchestration.attempts import FILE, last_failure
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.status import states_of
from resistance_assets.orchestration.steps import Step, run_step

TABLE = TABLES["marts.dataset_catalog"]
ROW = ("luad", "cohort", "LUAD", 1, 5, 0, True)


def step(outcome: Exception | None) -> Step:
    def compute(inputs) -> pl.DataFrame:
        if outcome is not None:
            raise outcome
        return pl.DataFrame([ROW], schema=TABLE.polars_schema, orient="row")

    return Step(outputs={TABLE.address: TABLE}, compute=compute, code_version="1")


def state(lake: Lake, one: Step):
    (found,) = states_of(lake, {TABLE.address: one}, None, ask_sources=False)
    return found


def test_a_failed_table_is_failed_with_the_latest_reason_until_it_is_built(tmp_path: Path):
    lake = Lake(tmp_path)
    for reason in ("column a is missing", "column b is missing"):
        broken = step(DataFault(reason, subject="x.tsv", remedy="Add it."))
        with pytest.raises(DataFault):
            run_step(lake, broken)
        found = state(lake, broken)
        assert (found.state, found.reasons, found.rows) == ("failed", (f"x.tsv: {reason}. Add it.",), None)
    good = step(None)
    run_step(lake, good)
    assert state(lake, good).state == "fresh"
    with pytest.raises(ZeroDivisionError):
        run_step(lake, step(ZeroDivisionError("by zero")), force=True)
    found = state(lake, good)
    assert (found.state, found.reasons, found.rows) == ("failed", ("ZeroDivisionError: by zero",), 1)
    # The result is known: a run that finds it takes the failure away.
    run_step(lake, good)
    assert state(lake, good).state == "fresh"


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"reason": 1}'])
def test_a_record_that_cannot_be_read_counts_as_none(tmp_path: Path, content: str):
    lake = Lake(tmp_path)
    lake.folder(TABLE.address).mkdir(parents=True)
    (lake.folder(TABLE.address) / FILE).write_text(content)
    assert last_failure(lake, TABLE.address) is None
