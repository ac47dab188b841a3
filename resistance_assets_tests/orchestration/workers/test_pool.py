"""Worker processes that run steps ahead of Dagster: real processes, with a small program in the place of the graph."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable, Mapping

import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.steps import Step
from resistance_assets.orchestration.workers.pool import UNKNOWN_SECONDS, WorkerPool, plan
from resistance_assets.orchestration.workers.worker import in_order

TABLE = TABLES["core.deg__designs"]

# Answers every step, and appends its name to the file of its first argument; `dies` ends it, `fails` is a fault.
WORKER = textwrap.dedent(
    """
    import os, sys
    from resistance_assets.errors import DataFault
    from resistance_assets.orchestration.workers.answers import Work, as_line
    for line in iter(sys.stdin.readline, ""):
        name = line.strip()
        with open(sys.argv[1], "a") as log:
            log.write(name + "\\n")
        if "dies" in name:
            os._exit(9)
        error = DataFault("is odd", subject=name, remedy="Mend it.") if "fails" in name else None
        print(as_line(Work(name, error=error, cpu_seconds=1.0)), flush=True)
    """
)


def steps_of(
    inputs: Mapping[str, Iterable[str]], optional: Mapping[str, Iterable[str]] | None = None
) -> dict[str, Step]:
    return {
        name: Step(
            outputs={name: TABLE},
            compute=lambda given: pl.DataFrame(),
            code_version="1",
            inputs=tuple(read),
            optional_inputs=tuple((optional or {}).get(name, ())),
        )
        for name, read in inputs.items()
    }


@pytest.fixture
def pool_of(tmp_path):
    log = tmp_path / "taken.txt"
    log.touch()

    def make(steps, seconds=lambda name: 1.0, workers=1):
        command = [sys.executable, "-c", WORKER, str(log)]
        return WorkerPool(
            plan(steps, list(steps), seconds), [command] * workers, dict(os.environ), tmp_path / "workers.log"
        )

    make.taken = lambda: log.read_text().split()
    return make


def test_a_cheap_step_goes_to_a_worker_where_a_dear_one_waits_for_it():
    steps = steps_of({"raw.a": (), "raw.b": (), "core.dear": ["raw.a"], "core.cheap": ["raw.b"]})
    planned = plan(steps, list(steps), {"raw.a": 0.0, "raw.b": 0.0, "core.dear": 9.0, "core.cheap": 0.0}.get)
    assert set(planned.waits_for) == {"raw.a", "core.dear"}
    assert planned.seconds == 9.0


def test_what_most_work_waits_for_comes_first():
    steps = steps_of({"raw.a": (), "raw.b": (), "core.x": ["raw.b"], "core.y": ["core.x"]})
    planned = plan(steps, list(steps), lambda name: None)
    assert planned.priority["raw.b"] == pytest.approx(3 * UNKNOWN_SECONDS)
    assert planned.priority["raw.a"] == pytest.approx(UNKNOWN_SECONDS)


@pytest.mark.slow
def test_answers_are_given_in_whatever_order_they_are_asked_for(pool_of):
    steps = steps_of({"raw.a": (), "raw.b": (), "core.x": ["raw.a", "raw.b"]})
    with pool_of(steps, workers=2) as pool:
        assert [pool.take(name).step for name in ("raw.b", "raw.a", "core.x")] == ["raw.b", "raw.a", "core.x"]
        assert pool.take("core.x") is None, "an answer is given once"
        assert pool.take("core.unknown") is None
    assert sorted(pool_of.taken()) == ["core.x", "raw.a", "raw.b"]


@pytest.mark.slow
def test_a_step_waits_for_the_steps_that_the_asking_process_runs_itself(pool_of):
    steps = steps_of({"raw.cheap": (), "core.x": ["raw.cheap"]}) | steps_of({"raw.own": ()})
    seconds = {"raw.cheap": 0.0, "core.x": 1.0, "raw.own": 0.0}
    with pool_of(steps, seconds.get) as pool:
        assert pool.take("raw.own") is None
        pool.note("raw.own", went_through=True)
        assert pool.take("raw.cheap").step == "raw.cheap"
        assert pool.take("core.x").step == "core.x"


@pytest.mark.slow
def test_what_rests_on_a_failure_is_run_only_where_it_is_asked_for(pool_of):
    steps = steps_of({"raw.fails": (), "raw.b": (), "core.x": ["raw.fails"], "core.union": ()},
                     {"core.union": ["raw.fails", "raw.b"]})  # fmt: skip
    with pool_of(steps) as pool:
        with pytest.raises(Exception, match="is odd"):
            pool.take("raw.fails").answer()
        assert pool.take("raw.b").step == "raw.b"
        assert pool.take("core.union").step == "core.union", "Dagster asks for it in its second pass"
    assert "core.x" not in pool_of.taken()


@pytest.mark.slow
def test_a_step_of_a_killed_worker_is_left_to_the_asking_process(pool_of):
    steps = steps_of({"raw.dies": (), "core.x": ["raw.dies"]})
    with pool_of(steps) as pool:
        assert pool.take("raw.dies") is None
        pool.note("raw.dies", went_through=True)
        assert pool.take("core.x") is None, "no worker is left"
    with pool_of(steps, workers=2) as pool:
        assert pool.take("raw.dies") is None
        pool.note("raw.dies", went_through=True)
        assert pool.take("core.x").step == "core.x", "the other worker goes on"


@pytest.mark.slow
def test_a_signal_in_the_asking_process_ends_the_workers(pool_of):
    with pytest.raises(KeyboardInterrupt), pool_of(steps_of({"raw.a": ()}), workers=2) as pool:
        raise KeyboardInterrupt
    assert all(process.returncode is not None for process in pool._processes)


def test_steps_are_put_after_what_they_read_and_each_once():
    steps = steps_of({"core.y": ["core.x"], "core.x": ["raw.a"], "raw.a": ()})
    assert in_order(steps, ["core.y", "raw.a", "core.y", "no.such"]) == ["raw.a", "core.y", "no.such"]
