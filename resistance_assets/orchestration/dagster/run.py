"""An in-process run of the definitions, from a command line.

Here belongs what a command needs around Dagster: an instance, a selection, as many passes as it takes to bring
everything up to date that does not rest on a failure, and an account of what happened.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.execute_in_process import core_execute_in_process

from resistance_assets import interruption
from resistance_assets.files import file_lock
from resistance_assets.orchestration.dagster.instance_config import write_instance_config
from resistance_assets.orchestration.dagster.run_process import PROCESS_TAG, process_name
from resistance_assets.orchestration.dagster.run_records import put_damaged_aside
from resistance_assets.orchestration.dagster.sqlite_tuning import tune_sqlite
from resistance_assets.orchestration.dagster.table_assets import address_of, key_of
from resistance_assets.orchestration.events import subscribe
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.run_outcome import PRODUCTS, Launch
from resistance_assets.orchestration.steps import Step

UNDER_WAY = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
MAX_PASSES = 10
LONGEST_START = timedelta(minutes=10)


def open_instance(home: Path) -> DagsterInstance:
    """The Dagster instance under ``home``, made on first use; the UI shows its runs when it is started there."""
    home.mkdir(parents=True, exist_ok=True)
    write_instance_config(home)
    os.environ["DAGSTER_HOME"] = str(home)
    tune_sqlite()
    # Of two processes that open a new home, the second would find tables that were not there a moment before.
    with file_lock(home / ".opening.lock"):
        put_damaged_aside(home)
        return DagsterInstance.from_config(str(home))


def close_dead_runs(instance: DagsterInstance) -> list[str]:
    """Note as failed what killed processes of this machine left as running; returns the run ids.

    A killed process cannot say that it ended. Left as running, its run would hold back for ever whatever waits for
    tables that are in progress.
    """
    closed = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(UNDER_WAY))):
        run = record.dagster_run
        if PROCESS_TAG not in run.tags:
            # A worker that was killed before its first step never said which process it is.
            silent = datetime.now(UTC) - record.update_timestamp.replace(tzinfo=UTC)
            if run.status == dg.DagsterRunStatus.STARTING and silent > LONGEST_START:
                with contextlib.suppress(dg.DagsterInvariantViolationError):
                    instance.report_run_failed(run, "its process never started to work: it was killed")
                    closed.append(run.run_id)
            continue
        host, _, rest = run.tags.get(PROCESS_TAG, "").partition(":")
        pid = rest.partition(":")[0]
        if host != socket.gethostname() or not pid.isdigit():
            continue
        if process_name(int(pid)) != run.tags[PROCESS_TAG]:
            # Another process may be closing the same run.
            with contextlib.suppress(dg.DagsterInvariantViolationError):
                instance.report_run_failed(run, f"process {pid} ended without saying so: it was killed")
                closed.append(run.run_id)
    return closed


def launch(
    definitions: dg.Definitions,
    steps: Mapping[str, Step],
    instance: DagsterInstance,
    lake: Lake,
    *,
    selection: Iterable[dg.AssetKey] | None = None,
    run_id: str | None = None,
    by_executor: bool = False,
) -> Launch:
    """Materialise the selection, and then whatever a failure left out although it does not need what failed.

    One failed partition fails its whole run in Dagster and takes down every union of partitions; the unions that can
    do with the other partitions are brought up to date in a further pass.

    Args:
        run_id: of the first pass; by default a new one.
        by_executor: steps are executed by the executor of the definitions; else one by one in this process.
    """
    started = time.perf_counter()
    close_dead_runs(instance)
    job = definitions.resolve_implicit_global_asset_job_def()
    wanted = set(job.asset_layer.executable_asset_keys) if selection is None else whole_steps(selection, steps)
    wanted &= {key for key in job.asset_layer.executable_asset_keys if key.path[0] != "source"}
    done = Launch()
    remaining = wanted
    with subscribe(done.on_event):
        for _ in range(MAX_PASSES):
            result = _execute(
                job, instance, sorted(remaining), run_id=None if done.run_ids else run_id, by_executor=by_executor
            )
            done.run_ids.append(result.run_id)
            _take_in_failed_checks(result, done, steps)
            # Dagster reports a run that a signal ended like one that failed; no further pass begins then.
            interruption.raise_if_requested(f"{done.describe_progress()}, and the next run goes on from there")
            remaining = {
                key
                for key in remaining
                if (len(key.path) == 1 and key.path[0] in PRODUCTS and key.path[0] not in done.outcomes)
                or (
                    address_of(key) not in done.outcomes
                    and address_of(key) in steps
                    and not _is_held_up(address_of(key), steps, lake, done)
                )
            }
            remaining = whole_steps(remaining, steps) & wanted
            if result.success or not remaining:
                break
    done.not_reached = tuple(sorted(address_of(key) for key in wanted if address_of(key) not in done.outcomes))
    done.elapsed = time.perf_counter() - started
    return done


def _execute(
    job: dg.JobDefinition,
    instance: DagsterInstance,
    keys: Sequence[dg.AssetKey],
    *,
    run_id: str | None,
    by_executor: bool,
) -> dg.ExecuteInProcessResult:
    """One run of these assets from this process."""
    config = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    tags = {PROCESS_TAG: process_name(os.getpid())}
    if not by_executor:
        return job.execute_in_process(
            instance=instance, asset_selection=keys, raise_on_error=False, run_id=run_id, tags=tags, run_config=config
        )
    # What Dagster itself does in `execute_in_process`, but for the executor, which it would replace by its own.
    return core_execute_in_process(
        run_config=config,
        job=InMemoryJob(job.get_subset(asset_selection=set(keys))),
        instance=instance,
        output_capturing_enabled=False,
        raise_on_error=False,
        run_tags=tags,
        run_id=run_id,
        asset_selection=frozenset(keys),
    )


def _take_in_failed_checks(result: dg.ExecuteInProcessResult, done: Launch, steps: Mapping[str, Step]) -> None:
    """Count a step that only checks tables and ended in an error among what failed: it announces nothing itself."""
    known = {step.name.replace(".", "__") for step in steps.values()} | set(PRODUCTS)
    for event in result.filter_events(lambda event: event.is_step_failure):
        if event.step_key in known or event.step_key is None:
            continue
        error = event.step_failure_data.error
        cause = error.cause if error is not None and error.cause is not None else error
        done.outcomes[f"checks.{event.step_key}"] = "failed"
        done.messages[f"checks.{event.step_key}"] = f"{event.step_key}: {cause.message.strip() if cause else 'failed'}"


def whole_steps(keys: Iterable[dg.AssetKey], steps: Mapping[str, Step]) -> set[dg.AssetKey]:
    """The keys with all outputs of their steps: Dagster refuses to run half of a step that makes several tables."""
    whole = set(keys)
    for key in tuple(whole):
        if step := steps.get(address_of(key)):
            whole.update(key_of(output) for output in step.outputs)
    return whole


def _is_held_up(address: str, steps: Mapping[str, Step], lake: Lake, done: Launch) -> bool:
    """Whether a table cannot be computed because something that it must have failed and was never there before."""
    step = steps[address]
    if any(done.outcomes.get(output) == "failed" for output in step.outputs):
        return True
    return any(
        lake.current(upstream) is None and _will_not_come(upstream, steps, lake, done) for upstream in step.inputs
    )


def _will_not_come(address: str, steps: Mapping[str, Step], lake: Lake, done: Launch) -> bool:
    if address in done.outcomes:
        return done.outcomes[address] == "failed"
    return address in steps and _is_held_up(address, steps, lake, done)
