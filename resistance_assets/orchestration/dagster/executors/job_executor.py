"""Dagster's executor over a queue of jobs: its own `StepDelegatingExecutor`, for pools, retries and cancellation.

Steps that are done in the process of the run are executed between two looks at the event log.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from dagster import DagsterEvent, DagsterInstance
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.execution.context.system import PlanExecutionContext, PlanOrchestrationContext
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.step_delegating import StepDelegatingExecutor, StepHandlerContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteStepArgs

from resistance_assets import interruption
from resistance_assets.orchestration.dagster.executors.job_handler import JobStepHandler
from resistance_assets.orchestration.workers.pool import serving

ROUND_SECONDS = 0.2
# Dagster's deprecated argument of a step's worker, which is not one of Dagster's here.
_NO_ORIGIN = JobPythonOrigin("", RepositoryPythonOrigin("", ModuleCodePointer("resistance_assets.definitions", "defs")))


class JobExecutor(StepDelegatingExecutor):
    """Executes the steps of one run with a `JobStepHandler`."""

    def __init__(self, handler: JobStepHandler, retries: RetryMode) -> None:
        super().__init__(handler, retries, sleep_seconds=ROUND_SECONDS)

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Generator[DagsterEvent, Any, None]:
        """Events of the run, as they come."""
        context = PlanExecutionContextManager(
            job=plan_context.job,
            execution_plan=execution_plan,
            run_config=plan_context.run_config,
            dagster_run=plan_context.dagster_run,
            instance=plan_context.instance,
            retry_mode=self.retries.for_inner_plan(),
            raise_on_error=False,
            step_dependency_config=self.step_dependency_config,
        )
        yield from context.prepare_context()
        handler = self._handler
        handler.begin(_given(context.get_context()), execution_plan.step_keys_to_execute)
        with serving(handler), interruption.told_first(handler.cancel_jobs):
            yield from super().execute(plan_context, execution_plan)
        yield from context.shutdown_context()

    @property
    def _handler(self) -> JobStepHandler:
        if not isinstance(self._step_handler, JobStepHandler):
            raise TypeError(f"not a handler of jobs: {self._step_handler!r}")
        return self._step_handler

    def _pop_events(self, instance: DagsterInstance, run_id: str, seen_storage_ids: set[int]) -> Sequence[DagsterEvent]:
        """Called in each round while steps are under way: what was done here in this round is among the events."""
        self._handler.advance()
        return super()._pop_events(instance, run_id, seen_storage_ids)

    def _get_step_handler_context(
        self, plan_context: PlanOrchestrationContext, steps: Sequence[ExecutionStep], active_execution: ActiveExecution
    ) -> StepHandlerContext:
        """Without the origin of the run's job: no other process loads it, so that it need not be reconstructable."""
        return StepHandlerContext(
            instance=plan_context.instance,
            plan_context=plan_context,
            steps=steps,
            execute_step_args=ExecuteStepArgs(
                job_origin=_NO_ORIGIN,
                run_id=plan_context.run_id,
                step_keys_to_execute=[step.key for step in steps],
                known_state=active_execution.get_known_state(),
            ),
            dagster_run=plan_context.dagster_run,
        )


def _given(context: PlanExecutionContext | None) -> PlanExecutionContext:
    if context is None:
        raise RuntimeError("the resources of the run could not be made")
    return context
