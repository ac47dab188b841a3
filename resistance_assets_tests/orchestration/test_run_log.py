"""The log of runs: appended to, read back whole, and what it says of durations."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.run_log import append_attempts, durations, last_attempts, log_path, read_log, trim
from resistance_assets.orchestration.steps import Step, StepFailed, run_step

SAMPLES = TABLES["raw.studies__samples"]


def sheet(*values: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"study_id": "s", "sample_id": [f"x{at}" for at in range(len(values))], "attribute_id": "c", "value": values}
    )


def attempt(run: str, table: str, outcome: str, day: int, seconds: float = 0.0, reason: str | None = None):
    return run, table, outcome, f"2026-11-{day:02d}T03:15:00+00:00", seconds, reason


def test_every_attempt_of_a_run_is_a_line_and_a_look_up_without_a_run_is_none(tmp_path):
    lake = Lake(tmp_path / "lake")
    step = Step(outputs={"raw.a": SAMPLES}, compute=lambda inputs: sheet("tumor"), code_version="v1")
    run_step(lake, step, run_id="one")
    run_step(lake, step, run_id="two")
    run_step(lake, step)
    twice = pl.concat([sheet("a"), sheet("a")])
    with pytest.raises(StepFailed):
        run_step(
            lake, Step(outputs={"raw.a": SAMPLES}, compute=lambda inputs: twice, code_version="v2"), run_id="three"
        )
    log = read_log(log_path(lake.root))
    assert log.select("run_id", "table_name", "outcome").rows() == [
        ("one", "raw.a", "built"), ("two", "raw.a", "cache hit"), ("three", "raw.a", "failed"),
    ]  # fmt: skip
    assert "primary_key" in log["reason"][-1]
    assert last_attempts(log_path(lake.root))["raw.a"][1] == "failed"


def test_seconds_of_a_step_are_shared_by_its_tables(tmp_path, monkeypatch):
    lake = Lake(tmp_path / "lake")
    ticks = iter([10.0, 14.0])
    monkeypatch.setattr("resistance_assets.orchestration.steps.time.perf_counter", lambda: next(ticks))
    step = Step(
        outputs={"raw.a": SAMPLES, "raw.b": SAMPLES},
        compute=lambda inputs: {"raw.a": sheet("a"), "raw.b": sheet("b")},
        code_version="v1",
    )
    run_step(lake, step, run_id="one")
    assert read_log(log_path(lake.root))["seconds"].to_list() == [2.0, 2.0]


def test_durations_leave_cache_hits_apart(tmp_path):
    path = tmp_path / "runs.jsonl"
    append_attempts(path, [attempt("1", "core.a", "built", 1, 8.0), attempt("1", "core.b", "built", 1, 1.0)])
    append_attempts(path, [attempt("2", "core.a", "cache hit", 2, 0.01), attempt("2", "core.c", "failed", 2)])
    append_attempts(path, [attempt("3", "core.a", "built", 3, 4.0)])
    found = durations(read_log(path)).to_dicts()
    assert [row["table_name"] for row in found] == ["core.a", "core.b"]
    assert (found[0]["last_seconds"], found[0]["median_seconds"], found[0]["total_seconds"]) == (4.0, 6.0, 12.0)
    assert (found[0]["times_built"], found[0]["cache_hits"], found[0]["last_built_at"][:10]) == (2, 1, "2026-11-03")


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_cut_line_is_passed_over_and_the_next_one_is_read(tmp_path, end):
    path = tmp_path / "runs.jsonl"
    path.write_text('["1", "core.a", "buil' + end)
    append_attempts(path, [attempt("2", "core.a", "built", 2, 1.0, "with\na line")])
    assert read_log(path).rows() == [("2", "core.a", "built", "2026-11-02T03:15:00+00:00", 1.0, "with\na line")]
    assert read_log(tmp_path / "absent.jsonl").is_empty()


def _append(path: Path, name: str) -> None:
    for at in range(200):
        append_attempts(path, [attempt(name, f"core.{name}{at}", "built", 1, 1.0, "x" * 250)])


def test_processes_that_write_at_once_do_not_cut_each_others_lines(tmp_path):
    path = tmp_path / "runs.jsonl"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_append, args=(path, name)) for name in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert read_log(path).height == 600


def test_only_old_attempts_are_forgotten(tmp_path):
    from datetime import UTC, datetime

    path = tmp_path / "runs.jsonl"
    old = ("1", "core.a", "built", "2020-01-01T00:00:00+00:00", 1.0, None)
    new = ("2", "core.a", "built", datetime.now(UTC).isoformat(), 1.0, None)
    append_attempts(path, [old, new])
    assert trim(path, days=365) == 1
    assert read_log(path)["run_id"].to_list() == ["2"]
    assert trim(path, days=365) == 0
