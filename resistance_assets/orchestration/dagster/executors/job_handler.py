"""Dagster's step handler for a queue of jobs: dear steps go to it in groups, cheap ones are done where the run is.

A job computes and writes to the lake; what Dagster notes of a step it notes here, from the job's answer, so that nodes
need no access to the records of runs. A step whose job is lost fails with what the queue says of it.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster import DagsterEvent, MetadataValue
from dagster._core.events import EngineEventData
from dagster._core.execution.context.system import PlanExecutionContext
from dagster._core.execution.plan.execute_plan import dagster_event_sequence_for_step
from dagster._core.executor.step_delegating import CheckStepHealthResult, StepHandler, StepHandlerContext

from resistance_assets.errors import DataFault, Fault
from resistance_assets.orchestration.events import ProgressEvent, emit
from resistance_assets.orchestration.jobs.bundles import WORTH_A_JOB_SECONDS, share_out
from resistance_assets.orchestration.jobs.costs import Costs
from resistance_assets.orchestration.jobs.queue import JobQueue, JobRequest, JobState
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.steps import Step, is_up_to_date
from resistance_assets.orchestration.workers.answers import Work, from_line
from resistance_assets.orchestration.workers.pool import WORTH_A_WORKER_SECONDS
from resistance_assets.orchestration.workers.worker import in_order

LOOK_SECONDS = 5.0
"""Between two questions to the queue; answers of jobs are seen at once."""

UNKNOWN_SECONDS = 1.0
"""What a step is taken to cost that never ran, nor any other partition of its table."""


@dataclass(frozen=True)
class Limits:
    """What jobs are given where nothing is recorded, and how many may be in the queue at the same time."""

    jobs: int
    memory_bytes: int
    minutes: int


class JobStepHandler(StepHandler):
    """Steps of one run, as jobs of a queue. To be used as a context: at its end no job is left.

    Args:
        queue: where jobs go.
        steps: the graph.
        lake: where results are; its records say what steps took.
        origins: opens what external inputs are looked up in.
        costs: recorded peaks.
        limits: of jobs.
    """

    def __init__(
        self,
        queue: JobQueue,
        steps: Mapping[str, Step],
        lake: Lake,
        origins: Callable[[], Any],
        costs: Costs,
        limits: Limits,
    ) -> None:
        self._queue, self._steps, self._lake = queue, steps, lake
        self._origins, self._costs, self._limits = origins, costs, limits
        self._names = {step.name.replace(".", "__"): step.name for step in steps.values()}
        self._launched: dict[str, StepHandlerContext] = {}
        self._is_dear: dict[str, bool] = {}
        self._answers: dict[str, Work] = {}
        self._requests: dict[str, JobRequest] = {}
        self._job_of: dict[str, str] = {}
        self._seen_over: set[str] = set()
        self._told: set[tuple[str, str | None]] = set()
        self._looked = 0.0
        self._submitted = 0

    @property
    def name(self) -> str:
        return f"of jobs in {self._queue.name}"

    def begin(self, run: PlanExecutionContext, step_keys: Sequence[str]) -> None:
        """Told once which steps the run has."""
        self._run = run
        names = [self._names[key] for key in step_keys if key in self._names]
        self._unfinished = set(names)
        self._order = in_order(self._steps, names)
        self._inputs = {
            name: {self._steps[one].name for one in (*self._steps[name].inputs, *self._steps[name].optional_inputs)}
            for name in names
        }
        self._seconds = self._recorded_seconds()

    def __enter__(self) -> JobStepHandler:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel_jobs()

    def cancel_jobs(self) -> None:
        """Cancel every job that is in the queue."""
        jobs, self._requests = list(self._requests), {}
        self._queue.cancel(jobs)

    # What Dagster's executor asks of a step handler.

    def launch_step(self, step_handler_context: StepHandlerContext) -> Iterator[DagsterEvent]:
        """Note that the step's inputs are there; `advance` decides where it is done."""
        self._launched[_key_of(step_handler_context)] = step_handler_context
        return iter(())

    def check_step_health(self, step_handler_context: StepHandlerContext) -> CheckStepHealthResult:
        """Healthy: what becomes of a job is noted as its answer."""
        return CheckStepHealthResult.healthy()

    def terminate_step(self, step_handler_context: StepHandlerContext) -> Iterator[DagsterEvent]:
        """Cancel the step's job, with whatever else it was to do."""
        key = _key_of(step_handler_context)
        job = self._job_of.get(self._names.get(key, ""))
        if job is not None and self._requests.pop(job, None):
            self._queue.cancel([job])
            yield DagsterEvent.engine_event(
                step_handler_context.get_step_context(key),
                f"Cancelled job {job} of {self._queue.name}",
                EngineEventData(),
            )

    # What happens in each round of the executor.

    def advance(self) -> None:
        """Take answers in, submit what is dear and ready, and do here what is cheap or answered."""
        self._take_in_answers()
        here = [key for key in self._launched if not self._belongs_to_a_job(key)]
        here += self._submit()
        for key in here:
            self._execute(key)

    def take(self, name: str) -> Work | None:
        """The answer to a step, once; None where it is to be done here."""
        self._job_of.pop(name, None)
        return self._answers.pop(name, None)

    def note(self, name: str, *, went_through: bool) -> None:
        """A step was done here."""

    def _belongs_to_a_job(self, key: str) -> bool:
        """Whether a launched step waits for a job, or is to be put into one."""
        name = self._names.get(key)
        if name is None or name in self._answers:
            return False
        if name not in self._is_dear:
            is_dear = self._seconds.get(name, UNKNOWN_SECONDS) >= WORTH_A_WORKER_SECONDS
            with contextlib.suppress(Fault):
                is_dear = is_dear and not is_up_to_date(self._lake, self._steps[name], self._origins())
            self._is_dear[name] = is_dear
        return self._is_dear[name] or name in self._job_of

    def _submit(self) -> list[str]:
        """Submit jobs for what is ready; returns steps that are too little for a job and are done here."""
        ready = [
            self._names[key]
            for key in self._launched
            if self._belongs_to_a_job(key) and self._names[key] not in self._job_of
        ]
        free = self._limits.jobs - len(self._requests)
        if not ready or free < 1:
            return []
        waiting = [name for name in self._order if name in self._unfinished and name not in self._job_of]
        unfinished = {name: self._inputs[name] & self._unfinished for name in waiting}
        bundles = share_out(
            ready,
            [name for name in waiting if name not in ready],
            unfinished,
            lambda name: self._seconds.get(name, UNKNOWN_SECONDS),
            most=free,
        )
        here = []
        for bundle in bundles:
            is_known = all(name in self._seconds for name in bundle.names)
            if is_known and bundle.seconds < WORTH_A_JOB_SECONDS:
                here += [name.replace(".", "__") for name in bundle.names if name in ready]
            else:
                self._submit_job(tuple(in_order(self._steps, bundle.names)))
        return here

    def _submit_job(self, names: tuple[str, ...]) -> None:
        memory = self._costs.memory_bytes(names, self._limits.memory_bytes)
        minutes = self._costs.minutes(names, self._limits.minutes)
        self._submitted += 1
        request = JobRequest(names, self._run.run_id, self._submitted, memory, minutes)
        try:
            job = self._queue.submit(request)
        except Fault as fault:
            # What was to follow in the same job is submitted, and refused, in its turn.
            self._answers.update({name: Work(name, error=fault) for name in names if self._key(name) in self._launched})
            return
        self._requests[job] = request
        self._job_of.update(dict.fromkeys(names, job))
        emit(ProgressEvent("note", names[0], message=f"{self._queue.name} job {job}: {request.title}"))
        for key in (self._key(name) for name in names):
            if key in self._launched:
                DagsterEvent.step_worker_starting(
                    self._launched[key].get_step_context(key),
                    f"{self._queue.name} job {job}, of {len(names)} steps",
                    metadata={
                        "job": MetadataValue.text(job),
                        "steps": MetadataValue.text(", ".join(names)),
                        "memory": MetadataValue.text(f"{memory // 10**6} MB"),
                        "minutes": MetadataValue.int(minutes),
                        "log": MetadataValue.text(self._queue.log(job)),
                    },
                )

    def _take_in_answers(self) -> None:
        states: Mapping[str, JobState] = {}
        if self._requests and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            states = self._queue.look(list(self._requests)) or {}
        for job, request in list(self._requests.items()):
            for work in _works(self._queue.answers(job)):
                if self._job_of.get(work.step) == job and work.step not in self._answers:
                    self._answers[work.step] = work
                    self._costs.note(work.step, seconds=work.cpu_seconds, peak_bytes=work.peak_bytes)
            missing = [name for name in request.names if self._job_of.get(name) == job and name not in self._answers]
            if not missing:
                del self._requests[job]
                self._queue.forget(job)
            elif job in states and states[job].is_over:
                # On a shared disk the last lines may be seen later than the end of the job.
                if job in self._seen_over:
                    self._give_up(job, request, missing, states[job])
                self._seen_over.add(job)
            elif job in states and states[job].hindrance:
                self._tell_hindrance(job, missing, states[job].hindrance)

    def _tell_hindrance(self, job: str, missing: Sequence[str], hindrance: str | None) -> None:
        """Say, once for each reason, that a job does not begin unless somebody does something."""
        if (job, hindrance) in self._told:
            return
        self._told.add((job, hindrance))
        message = f"{self._queue.name} job {job} does not begin: {hindrance}"
        emit(ProgressEvent("note", missing[0], message=message))
        for key in (self._key(name) for name in missing):
            if key in self._launched:
                context = self._launched[key].get_step_context(key)
                DagsterEvent.engine_event(context, message, EngineEventData())

    def _give_up(self, job: str, request: JobRequest, missing: Sequence[str], state: JobState) -> None:
        """Answer for a job that ended without answers to some of its steps: the first of them was under way."""
        del self._requests[job]
        first, *others = missing
        if state.lacked == "memory":
            remedy = f"It had {request.memory_bytes // 10**6} MB; the next run asks for twice as much, as long as the"
            remedy += " partition has it (RESISTANCE_JOB_MEMORY is for steps that never ran)."
            self._costs.note(first, seconds=self._seconds.get(first), memory_bytes=2 * request.memory_bytes)
        elif state.lacked == "time":
            more = min(2 * request.minutes, self._limits.minutes)
            next_time = (
                f"the next run asks for {more}" if more > request.minutes else "RESISTANCE_JOB_MINUTES allows no more"
            )
            remedy = f"It had {request.minutes} min; {next_time}."
            self._costs.note(first, seconds=self._seconds.get(first), minutes=2 * request.minutes)
        else:
            remedy = "Run again to go on from there."
        fault = DataFault(
            f"{self._queue.name} job {job} ended before it was built ({state.told})",
            subject=first,
            remedy=f"{remedy} The job's log: {self._queue.log(job) or 'none'}.",
        )
        self._answers[first] = Work(first, error=fault)
        for name in others:
            # Done by another job, where the steps that it rests on go through.
            self._job_of.pop(name, None)

    def _execute(self, key: str) -> None:
        """Let Dagster execute a step in this process; where a job answered, what it does is note the answer."""
        context = self._launched.pop(key)
        step = self._run.execution_plan.get_executable_step_by_key(key)
        step_context = self._run.for_step(step, context.execute_step_args.known_state)
        for event in dagster_event_sequence_for_step(step_context):
            if event.is_step_success and key in self._names:
                self._unfinished.discard(self._names[key])

    def _key(self, name: str) -> str:
        return name.replace(".", "__")

    def _recorded_seconds(self) -> dict[str, float]:
        """What steps took when they ran last; of new partitions of a table, what its others took in the middle."""
        found: dict[str, float] = {}
        by_table: dict[str, list[float]] = {}
        for name in self._unfinished:
            version = self._lake.current(name)
            if version is not None and version.is_available:
                found[name] = version.seconds
                by_table.setdefault(self._steps[name].outputs[name].address, []).append(version.seconds)
        for name in self._unfinished - found.keys():
            if siblings := by_table.get(self._steps[name].outputs[name].address):
                found[name] = statistics.median(siblings)
        return found


def _key_of(context: StepHandlerContext) -> str:
    (key,) = list(context.execute_step_args.step_keys_to_execute or [])
    return key


def _works(lines: str) -> Iterator[Work]:
    for line in lines.splitlines():
        with contextlib.suppress(ValueError):
            yield from_line(line)
