"""The executor that the settings name, for every run: of the UI, of the daemon and of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster import Executor, ExecutorDefinition
from dagster._core.execution.retries import RetryMode

from resistance_assets.orchestration.dagster.table_assets import WarehouseResource
from resistance_assets.orchestration.jobs.costs import FILE, Costs
from resistance_assets.orchestration.jobs.queue import JobQueue
from resistance_assets.orchestration.jobs.slurm import SlurmQueue
from resistance_assets.orchestration.steps import Step
from resistance_assets.settings import Settings, parse_bytes

LEAST_PROCESSES = 2


def executor_of(settings: Settings, steps: Mapping[str, Step], resource: WarehouseResource) -> ExecutorDefinition:
    """The executor of a run.

    Args:
        settings: `executor`, and what the clusters are configured with.
        steps: the graph.
        resource: opens lake and sources.
    """
    if settings.executor == "in_process":
        return dg.in_process_executor
    if settings.executor == "multiprocess":
        return dg.multiprocess_executor.configured({"max_concurrent": max(LEAST_PROCESSES, settings.job_count)})

    # Steps are executed in the process of the run alone, so that the job needs no origin that others load it from.
    @dg.executor(name=settings.executor, requirements=[dg.ExecutorRequirement.NON_EPHEMERAL_INSTANCE])
    def job_executor(_: Any) -> Executor:
        from resistance_assets.orchestration.dagster.executors.job_executor import JobExecutor
        from resistance_assets.orchestration.dagster.executors.job_handler import JobStepHandler, Limits

        limits = Limits(settings.job_count, parse_bytes(settings.job_memory), settings.job_minutes)
        handler = JobStepHandler(
            queue_of(settings), steps, resource.lake(), resource.origins, Costs(settings.cache_dir / FILE), limits
        )
        return JobExecutor(handler, RetryMode.ENABLED)

    return job_executor


def queue_of(settings: Settings) -> JobQueue:
    """The cluster that the settings name.

    Raises:
        UsageFault: it cannot be used from here.
    """
    if settings.executor == "k8s":
        from resistance_assets.orchestration.dagster.executors.kubernetes import KubernetesQueue

        return KubernetesQueue(settings)
    return SlurmQueue(settings)
