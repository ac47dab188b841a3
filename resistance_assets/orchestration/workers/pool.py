"""Worker processes that run the steps of a run ahead of Dagster, which then notes what became of them.

A pool knows which steps are stale and what each took before. Its workers take the steps whose inputs are there, those
first on which most work waits; the process of the run asks for each step in Dagster's order and gets the worker's
answer, waiting for it where need be. What a worker cannot answer (it was killed) the asking process runs itself, so
that a run never rests on a worker. Equal inputs give equal versions in whichever process.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.steps import Step, StepResult, run_step
from resistance_assets.orchestration.workers.answers import Work, from_line
from resistance_assets.orchestration.workers.worker import in_order

UNKNOWN_SECONDS = 0.3
"""What a step is taken to cost that never ran."""

WORTH_A_WORKER_SECONDS = 0.2
"""Cheaper steps stay in the process of the run, but for those that a dearer one waits for."""

WORTH_A_POOL_SECONDS = 20.0
"""A worker takes some four seconds of CPU to start."""

END_SECONDS = 5.0
LONGEST_LOG_BYTES = 1_000_000


@dataclass(frozen=True)
class Plan:
    """Which steps go to workers: each with the steps that it waits for, and the seconds of the work behind it."""

    waits_for: Mapping[str, frozenset[str]]
    optional: Mapping[str, frozenset[str]]
    priority: Mapping[str, float]
    seconds: float


def plan(steps: Mapping[str, Step], stale: Sequence[str], seconds: Callable[[str], float | None]) -> Plan:
    """What workers should do of what is stale.

    Args:
        steps: the graph.
        stale: tables that are to be brought up to date, each with everything that rests on it, inputs first.
        seconds: what the step of a table took when it ran last; None where it never did.
    """
    names = list(dict.fromkeys(steps[address].name for address in stale))
    known = set(names)
    cost = {name: UNKNOWN_SECONDS if (took := seconds(name)) is None else took for name in names}
    required = {name: {steps[one].name for one in steps[name].inputs} & known - {name} for name in names}
    optional = {name: {steps[one].name for one in steps[name].optional_inputs} & known - {name} for name in names}
    chosen: set[str] = set()
    waiting = [name for name in names if cost[name] >= WORTH_A_WORKER_SECONDS]
    while waiting:
        name = waiting.pop()
        if name not in chosen:
            chosen.add(name)
            waiting.extend(required[name] | optional[name])
    priority = {name: cost[name] for name in names}
    for name in reversed(in_order(steps, names)):
        for upstream in required[name] | optional[name]:
            priority[upstream] = max(priority[upstream], cost[upstream] + priority[name])
    return Plan(
        waits_for={name: frozenset(required[name]) for name in names if name in chosen},
        optional={name: frozenset(optional[name]) for name in names if name in chosen},
        priority=priority,
        seconds=sum(cost[name] for name in chosen),
    )


class WorkerPool:
    """Worker processes for the steps of a plan; to be used as a context.

    Args:
        planned: the steps, see `plan`.
        commands: the command line of each worker, which reads names of steps and answers as `answers` says.
        environment: of the workers.
        log: what they say beside their answers goes there, not between the lines of the run.
        on_answer: told of each answer, by one thread at a time.
    """

    def __init__(
        self,
        planned: Plan,
        commands: Sequence[Sequence[str]],
        environment: Mapping[str, str],
        log: Path,
        *,
        on_answer: Callable[[Work], None] = lambda work: None,
    ) -> None:
        self._on_answer = on_answer
        self._plan = planned
        self._commands = commands
        self._environment = dict(environment)
        self._log = log
        self._changed = threading.Condition()
        self._waiting = set(planned.waits_for)
        self._taken: set[str] = set()
        self._answers: dict[str, Work] = {}
        self._finished: dict[str, bool] = {}  # step -> whether it went through, in whichever process
        self._wanted_now: set[str] = set()
        self._is_closed = False
        self._processes: list[subprocess.Popen[str]] = []
        self._threads: list[threading.Thread] = []
        self._alive = 0

    def __enter__(self) -> WorkerPool:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        is_long = self._log.exists() and self._log.stat().st_size > LONGEST_LOG_BYTES
        with self._log.open("w" if is_long else "a", encoding="utf-8") as said:
            for command in self._commands:
                process = subprocess.Popen(
                    list(command),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    env=self._environment,
                    text=True,
                    encoding="utf-8",
                    # Ctrl-C is answered by the run, once, which then ends its workers.
                    start_new_session=True,
                )
                self._processes.append(process)
                thread = threading.Thread(target=self._drive, args=(process,), name="worker", daemon=True)
                self._threads.append(thread)
        self._alive = len(self._threads)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for process in self._processes:
            if kind is not None:
                process.terminate()
            elif process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
        for process in self._processes:
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for thread in self._threads:
            thread.join(END_SECONDS)

    def take(self, name: str) -> Work | None:
        """The answer to a step whose inputs are there, once; None where no worker has it: it is the caller's to run."""
        with self._changed:
            if name not in self._plan.waits_for:
                return None
            self._wanted_now.add(name)
            self._changed.notify_all()
            while name in self._taken or (name in self._waiting and self._alive):
                self._changed.wait()
            self._waiting.discard(name)
            return self._answers.pop(name, None)

    def note(self, name: str, *, went_through: bool) -> None:
        """A step was run by the caller."""
        with self._changed:
            self._finished[name] = went_through
            self._changed.notify_all()

    def _drive(self, process: subprocess.Popen[str]) -> None:
        """Hand steps to one worker, one after the other, until nothing is left or it is gone."""
        try:
            while (name := self._next()) is not None:
                work = _ask(process, name)
                with self._changed:
                    self._taken.discard(name)
                    if work is not None:
                        self._answers[name] = work
                        self._finished[name] = work.error is None
                        self._on_answer(work)
                    self._changed.notify_all()
                if work is None:
                    return
        finally:
            with self._changed:
                self._alive -= 1
                self._changed.notify_all()

    def _next(self) -> str | None:
        with self._changed:
            while not self._is_closed:
                ready = [name for name in self._waiting if self._is_ready(name)]
                if ready:
                    name = max(ready, key=lambda one: (one in self._wanted_now, self._plan.priority[one], one))
                    self._waiting.discard(name)
                    self._taken.add(name)
                    return name
                if not self._waiting:
                    return None
                self._changed.wait()
            return None

    def _is_ready(self, name: str) -> bool:
        """Whether its inputs are there. Where one failed, it waits until Dagster itself asks for the step."""
        if name in self._wanted_now:
            return True
        inputs = self._plan.waits_for[name] | self._plan.optional[name]
        return all(self._finished.get(one, False) for one in inputs)


def _ask(process: subprocess.Popen[str], name: str) -> Work | None:
    """A worker's answer; None where it is gone."""
    if process.stdin is None or process.stdout is None:
        return None
    try:
        process.stdin.write(f"{name}\n")
        process.stdin.flush()
        return from_line(process.stdout.readline())
    except (OSError, ValueError):
        return None


class Engine(contextlib.AbstractContextManager[Any], Protocol):
    """What runs steps for this process: a pool of workers, or jobs of a cluster."""

    def take(self, name: str) -> Work | None:
        """The answer to a step whose inputs are there, once; None where it is the caller's to run."""
        ...

    def note(self, name: str, *, went_through: bool) -> None:
        """A step was run by the caller."""
        ...


_active: list[Engine] = []


@contextlib.contextmanager
def serving(pool: Engine | None) -> Iterator[None]:
    """For the length of a block, steps are asked of the pool first; without one, everything runs in this process."""
    if pool is None:
        yield
        return
    with pool:
        _active.append(pool)
        try:
            yield
        finally:
            _active.remove(pool)


def run_step_somewhere(lake: Lake, step: Step, origins: Callable[[], Any], run_id: str) -> dict[str, StepResult]:
    """`run_step` by a worker of the active pool, or in this process where there is none. Raises what it raises."""
    pool = _active[-1] if _active else None
    work = pool.take(step.name) if pool is not None else None
    if work is not None:
        return work.answer()
    went_through = False
    try:
        results = run_step(lake, step, origins=origins(), run_id=run_id)
        went_through = True
        return results
    finally:
        if pool is not None:
            pool.note(step.name, went_through=went_through)
