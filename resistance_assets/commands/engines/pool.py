"""The worker processes of one run: whether they pay, and how they are started."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resistance_assets.orchestration.lake import Lake
    from resistance_assets.orchestration.steps import Step
    from resistance_assets.orchestration.workers.answers import Work
    from resistance_assets.orchestration.workers.pool import WorkerPool
    from resistance_assets.settings import Settings

LOG = "workers.log"
# Libraries that would each start a thread per core in each process; linear algebra has one thread everywhere.
_THREADS = ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")


def pool_for(
    settings: Settings, lake: Lake, steps: Mapping[str, Step], stale: Iterable[str], run_id: str
) -> WorkerPool | None:
    """Workers for what is stale; None where one process does it in less time than they take to start.

    Args:
        settings: `job_count` and `memory_bytes`, which the workers share.
        lake: its records say what each step took when it ran last.
        steps: the graph.
        stale: tables that are to be brought up to date, with everything that rests on them.
        run_id: recorded with what the workers build.
    """
    jobs = settings.job_count
    if jobs == 1:
        return None
    from resistance_assets.orchestration.jobs.costs import FILE, Costs
    from resistance_assets.orchestration.workers.pool import WORTH_A_POOL_SECONDS, WorkerPool, plan

    def seconds(name: str) -> float | None:
        table_version = lake.current(name)
        return None if table_version is None or not table_version.is_available else table_version.seconds

    planned = plan(steps, [address for address in stale if address in steps], seconds)
    if planned.seconds < WORTH_A_POOL_SECONDS:
        return None
    command = [sys.executable, "-m", "resistance_assets.cli", "work", "-", "--run-id", run_id]
    costs = Costs(settings.cache_dir / FILE)

    def note(work: Work) -> None:
        costs.note(work.step, seconds=work.cpu_seconds, peak_bytes=work.peak_bytes)

    return WorkerPool(planned, [command] * jobs, _environment(settings, jobs), settings.cache_dir / LOG, on_answer=note)


def _environment(settings: Settings, jobs: int) -> dict[str, str]:
    """Each worker's share of the machine; what the user set stays as it is."""
    from resistance_assets.settings import LEAST_MEMORY_BYTES, cores_of_machine

    threads = str(max(1, cores_of_machine() // jobs))
    return {
        **dict.fromkeys(_THREADS, threads),
        **os.environ,
        "RESISTANCE_MEMORY": str(max(LEAST_MEMORY_BYTES, settings.memory_bytes // jobs)),
        "RESISTANCE_JOBS": "1",
    }
