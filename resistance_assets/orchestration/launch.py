"""An in-process run of the definitions, from a command line.

Here belongs what a command needs around Dagster: an instance, a selection, as many passes as it takes to bring
everything up to date that does not rest on a failure, and an account of what happened.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance

from resistance_assets.orchestration.assets import STEPS, address_of, key_of
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.progress import Announcement, listening

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
WAREHOUSE = "warehouse"
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
    """

    outcomes: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    run_ids: list[str] = field(default_factory=list)
    elapsed: float = 0.0
    not_reached: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(address for address, outcome in self.outcomes.items() if outcome == "failed")

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
    return DagsterInstance.from_config(str(home))


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
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
            done.run_ids.append(result.run_id)
            remaining = {
                key
                for key in remaining
                if (key.path == [WAREHOUSE] and WAREHOUSE not in done.outcomes)
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
