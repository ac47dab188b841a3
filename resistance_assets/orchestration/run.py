"""An in-process run of the definitions, from a command line.

Here belongs what a command needs around Dagster: an instance, a selection, as many passes as it takes to bring
everything up to date that does not rest on a failure, and an account of what happened.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DagsterInstance

from resistance_assets.orchestration.events import Announcement, listening
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.sqlite_tuning import quicken_records
from resistance_assets.orchestration.steps import run_step
from resistance_assets.orchestration.table_assets import STEPS, address_of, key_of

INSTANCE_CONFIG = """\
# Written once by `resistance`; yours to change. See deploy/ for Postgres and shared storage.
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 2
  pools:
    default_limit: 2
"""
PROCESS_TAG = "resistance/process"
UNDER_WAY = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
WAREHOUSE = "warehouse"
# Not tables: they are made of what is there, whatever failed before.
PRODUCTS = (WAREHOUSE, "report")
MAX_PASSES = 10


@dataclass
class Launch:
    """What a run did.

    Attributes:
        outcomes: address -> built, memo hit, kept, unavailable or failed.
        seconds: address -> how long it took, for what was built.
        messages: address -> why it failed or is unavailable.
        run_ids: one per pass.
        elapsed: seconds from start to end.
        not_reached: addresses that rest on a failure and were never built before.
        waited_for: addresses that another run was building, so that this one waited and took its result.
    """

    outcomes: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    run_ids: list[str] = field(default_factory=list)
    elapsed: float = 0.0
    not_reached: tuple[str, ...] = ()
    waited_for: list[str] = field(default_factory=list)

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(address for address, outcome in self.outcomes.items() if outcome == "failed")

    def follow(self, earlier: Launch) -> None:
        """Count an earlier part of the same work in; where both touched a table, what was built counts as built."""
        for address, outcome in earlier.outcomes.items():
            if self.outcomes.get(address, "memo hit") == "memo hit":
                self.outcomes[address] = outcome
                self.seconds[address] = earlier.seconds.get(address, 0.0)
        self.messages = {**earlier.messages, **self.messages}
        self.run_ids = [*earlier.run_ids, *self.run_ids]
        self.waited_for = [*earlier.waited_for, *self.waited_for]
        self.elapsed += earlier.elapsed

    def by_layer(self) -> dict[str, Counter[str]]:
        """Layer -> outcome -> number of tables."""
        layers: dict[str, Counter[str]] = {}
        for address, outcome in self.outcomes.items():
            layers.setdefault(address.split(".", 1)[0], Counter())[outcome] += 1
        return layers

    def hear(self, announcement: Announcement) -> None:
        """Take note of what a step announced."""
        if announcement.kind == "finished":
            self.outcomes[announcement.subject] = announcement.outcome
            self.seconds[announcement.subject] = announcement.seconds
            if announcement.message:
                self.messages[announcement.subject] = announcement.message
        elif announcement.kind == "waiting":
            self.waited_for.append(announcement.subject)
        elif announcement.kind == "failed":
            self.outcomes[announcement.subject] = "failed"
            self.messages[announcement.subject] = announcement.message


def open_instance(home: Path) -> DagsterInstance:
    """The Dagster instance under ``home``, made on first use; the UI shows its runs when it is started there."""
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        config.write_text(INSTANCE_CONFIG, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(home)
    quicken_records()
    return DagsterInstance.from_config(str(home))


def process_name(pid: int) -> str:
    """A process as host, id and start, so that another process of the same id is not taken for it; empty if dead."""
    try:
        # Fields after the name in brackets, which may hold anything; the 20th of them is the start in ticks since boot.
        started = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except OSError:
        started = "unknown"
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return ""
        except PermissionError:
            pass
    return f"{socket.gethostname()}:{pid}:{started}"


def close_dead_runs(instance: DagsterInstance) -> list[str]:
    """Note as failed what killed processes of this machine left as running; returns the run ids.

    A killed process cannot say that it ended. Left as running, its run would hold back for ever whatever waits for
    tables that are in progress.
    """
    closed = []
    for run in instance.get_runs(dg.RunsFilter(statuses=list(UNDER_WAY))):
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


def look_up(lake: Lake, origins: Any, addresses: Collection[str]) -> Launch:
    """Outcomes of settled tables, whose steps find their known results: no work for Dagster, and no events of it.

    Each of some two hundred steps costs Dagster a dozen transactions, so that saying "nothing to do" through it takes
    longer than most of the work.
    """
    done = Launch()
    seen: set[int] = set()
    for address in addresses:
        step = STEPS[address]
        if id(step) not in seen:
            seen.add(id(step))
            for output, result in run_step(lake, step, origins=origins).items():
                done.hear(Announcement("finished", output, result.outcome, result.seconds, result.reason or ""))
    return done


def launch(
    definitions: dg.Definitions,
    instance: DagsterInstance,
    lake: Lake,
    *,
    selection: Iterable[dg.AssetKey] | None = None,
) -> Launch:
    """Materialise the selection, and then whatever a failure left out although it does not need what failed.

    One failed share fails its whole run in Dagster and takes down every table that stacks shares; the tables that can
    do with the other shares are brought up to date in a further pass.
    """
    started = time.perf_counter()
    close_dead_runs(instance)
    job = definitions.resolve_implicit_global_asset_job_def()
    wanted = set(selection) if selection is not None else set(job.asset_layer.executable_asset_keys)
    wanted &= {key for key in job.asset_layer.executable_asset_keys if key.path[0] != "source"}
    done = Launch()
    remaining = wanted
    with listening(done.hear):
        for _ in range(MAX_PASSES):
            result = job.execute_in_process(
                instance=instance,
                asset_selection=sorted(remaining),
                raise_on_error=False,
                tags={PROCESS_TAG: process_name(os.getpid())},
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
            done.run_ids.append(result.run_id)
            remaining = {
                key
                for key in remaining
                if (len(key.path) == 1 and key.path[0] in PRODUCTS and key.path[0] not in done.outcomes)
                or (
                    address_of(key) not in done.outcomes
                    and address_of(key) in STEPS
                    and not _is_held_up(key, lake, done)
                )
            }
            if result.success or not remaining:
                break
    done.not_reached = tuple(sorted(address_of(key) for key in wanted if address_of(key) not in done.outcomes))
    done.elapsed = time.perf_counter() - started
    return done


def _is_held_up(key: dg.AssetKey, lake: Lake, done: Launch) -> bool:
    """Whether a table cannot be computed because something that it must have failed and was never there before."""
    address = address_of(key)
    step = STEPS[address]
    if any(done.outcomes.get(output) == "failed" for output in step.outputs):
        return True
    return any(lake.pointer(upstream) is None and _will_not_come(upstream, lake, done) for upstream in step.inputs)


def _will_not_come(address: str, lake: Lake, done: Launch) -> bool:
    if address in done.outcomes:
        return done.outcomes[address] == "failed"
    return address in STEPS and _is_held_up(key_of(address), lake, done)
