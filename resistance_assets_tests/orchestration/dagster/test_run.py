"""Runs of killed processes are closed; those of living ones, and of other machines, are left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, DagsterEventType

from resistance_assets.orchestration.dagster import run as run_module
from resistance_assets.orchestration.dagster.run import close_dead_runs, whole_steps
from resistance_assets.orchestration.dagster.run_process import PROCESS_TAG, process_name
from resistance_assets.orchestration.events import ProgressEvent
from resistance_assets.orchestration.run_outcome import Launch
from resistance_assets.orchestration.steps import Step
from resistance_assets_tests.orchestration.test_steps import SAMPLES


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@dg.job
def nothing():
    pass


def started(instance, tag: str | None) -> str:
    run = instance.create_run_for_job(nothing, tags={PROCESS_TAG: tag} if tag else {})
    instance.report_dagster_event(
        DagsterEvent(event_type_value=DagsterEventType.PIPELINE_START.value, job_name="nothing"), run_id=run.run_id
    )
    return run.run_id


def dead_process() -> str:
    """Name of a process that ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = process_name(process.pid)
    process.communicate()
    return name


def test_a_run_of_a_killed_process_is_closed_and_others_are_left(instance):
    dead = started(instance, dead_process())
    living = started(instance, process_name(os.getpid()))
    elsewhere = started(instance, "another-machine:1:1")
    daemon = started(instance, None)
    assert close_dead_runs(instance) == [dead]
    states = {run.run_id: run.status for run in instance.get_runs()}
    assert states[dead] == dg.DagsterRunStatus.FAILURE
    assert {states[living], states[elsewhere], states[daemon]} == {dg.DagsterRunStatus.STARTED}
    assert close_dead_runs(instance) == []


def test_a_run_that_never_came_to_work_is_closed_after_a_while(instance, monkeypatch):
    starting = instance.add_run(dg.DagsterRun("j", status=dg.DagsterRunStatus.STARTING))
    others = [started(instance, None)]
    assert close_dead_runs(instance) == []
    monkeypatch.setattr(run_module, "LONGEST_START", timedelta(0))
    assert close_dead_runs(instance) == [starting.run_id]
    assert instance.get_run_by_id(starting.run_id).status == dg.DagsterRunStatus.FAILURE
    assert starting.run_id not in others


def test_another_process_of_the_same_id_is_not_taken_for_it(instance):
    host, pid, start = process_name(os.getpid()).split(":")
    assert close_dead_runs(instance) == []
    run = started(instance, f"{host}:{pid}:{int(start) - 1}")
    assert close_dead_runs(instance) == [run]


def test_a_process_that_is_gone_has_no_name():
    gone = int(dead_process().split(":")[1])
    assert process_name(gone) == ""


def test_parts_of_one_work_count_together():
    first = Launch({"raw.a": "built", "raw.b": "failed"}, {"raw.a": 2.0}, {"raw.b": "why"}, ["1"], 3.0)
    second = Launch({"raw.a": "cache hit", "core.c": "built"}, {"core.c": 1.0}, {}, ["2"], 4.0)
    second.follow(first)
    assert second.outcomes == {"raw.a": "built", "raw.b": "failed", "core.c": "built"}
    assert second.failed == ("raw.b",)
    assert (second.run_ids, second.elapsed, second.messages) == (["1", "2"], 7.0, {"raw.b": "why"})


def test_whole_steps_are_selected():
    def compute(inputs):
        raise AssertionError("not asked for")

    both = Step({"raw.a": SAMPLES, "raw.b": SAMPLES}, compute, code_version="v")
    alone = Step({"raw.c": SAMPLES}, compute, code_version="v")
    steps = {"raw.a": both, "raw.b": both, "raw.c": alone}
    keys = {dg.AssetKey(["raw", name]) for name in "abc"}
    warehouse = dg.AssetKey(["warehouse"])
    assert whole_steps({dg.AssetKey(["raw", "a"]), warehouse}, steps) == keys - {dg.AssetKey(["raw", "c"])} | {
        warehouse
    }
    assert whole_steps(keys, steps) == keys


def test_a_table_that_was_built_before_the_rest_of_its_step_counts_as_built():
    done = Launch()
    for outcome in ("built", "cache hit"):
        done.on_event(ProgressEvent("finished", "raw.a", outcome, 1.0))
    assert done.outcomes == {"raw.a": "built"}
    assert done.describe_progress() == "1 tables are up to date, 1 of them built anew"
