"""Slurm as a queue of jobs: sbatch, squeue, sacct and scancel, called as programs and never through a shell.

A job's script holds names of tables and paths alone; its environment goes from this process to sbatch, and by Slurm's
own way to the node, so that no value stands on a command line or in a file of ours.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.orchestration.jobs.queue import FOLDER, JobRequest, JobState, environment_of_job
from resistance_assets.settings import Settings

PATIENCE_SECONDS = 60
KEPT_SECONDS = 7 * 86400
_OVER = ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED",
         "REVOKED", "TIMEOUT")  # fmt: skip
_LACKED: Mapping[str, Literal["memory", "time"]] = {"OUT_OF_MEMORY": "memory", "TIMEOUT": "time", "DEADLINE": "time"}
# Reasons of a waiting job that are the order of things; any other asks for somebody to do something.
_ORDINARY = ("", "None", "Resources", "Priority", "Prolog", "Cleaning", "BeginTime", "Reservation", "Licenses")
_FORGOTTEN = JobState(True, "no longer known to Slurm")


class SlurmQueue:
    """The partition that the settings name.

    Args:
        settings: `slurm_partition`, `slurm_options`, `job_cores`; the data folder must be on a disk that nodes share.

    Raises:
        UsageFault: Slurm's programs are not on the PATH.
    """

    name = "Slurm"

    def __init__(self, settings: Settings) -> None:
        if shutil.which("sbatch") is None:
            raise UsageFault(
                "there is no sbatch on the PATH",
                subject="RESISTANCE_EXECUTOR=slurm",
                remedy="Run where jobs can be submitted, or set RESISTANCE_EXECUTOR=in_process.",
            )
        self._settings = settings
        self._folder = settings.cache_dir / FOLDER
        self._files: dict[str, Path] = {}

    def submit(self, request: JobRequest) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        _remove_old(self._folder)
        answers = self._folder / f"{request.run_id}-{request.number}.jsonl"
        log = answers.with_suffix(".log")
        where = f"> {shlex.quote(str(answers))} 2>> {shlex.quote(str(log))}"
        told = _call(
            self._options(request),
            text=f"#!/bin/sh\nexec {shlex.join(request.command)} {where}\n",
            environment={
                **environment_of_job(self._settings, os.environ, request, self._settings.job_cores),
                **{name: os.environ[name] for name in os.environ if name == "SLURM_CONF" or name.startswith("SBATCH_")},
            },
        )
        job = told.strip().split(";")[0]
        if not job.isdigit():
            raise DataFault(
                f"sbatch answered {told!r}", subject="Slurm", expected="a job's number", remedy="Look at it."
            )
        self._files[job] = answers
        return job

    def _options(self, request: JobRequest) -> list[str]:
        settings = self._settings
        return [
            "sbatch",
            "--parsable",
            f"--job-name=resistance {request.title}",
            f"--time={request.minutes}",
            f"--mem={-(-request.memory_bytes // 1024**2)}M",
            f"--cpus-per-task={settings.job_cores}",
            "--output=/dev/null",
            "--export=ALL",
            *([f"--partition={settings.slurm_partition}"] if settings.slurm_partition else []),
            *shlex.split(settings.slurm_options),
        ]

    def answers(self, job: str) -> str:
        try:
            written = self._files[job].read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return written[: written.rfind("\n") + 1]

    def look(self, jobs: Collection[str]) -> Mapping[str, JobState] | None:
        fields = "JobID:|,State:|,Reason:|,exit_code:|"
        try:
            lines = _call(["squeue", "--noheader", "--me", "--states=all", f"--Format={fields}"]).splitlines()
        except DataFault:
            return None
        known = {cells[0].strip(): cells for line in lines if len(cells := line.split("|")) >= 4}
        states = {job: _state(*(cell.strip() for cell in known[job][1:4])) for job in jobs if job in known}
        return states | self._accounted([job for job in jobs if job not in states])

    def _accounted(self, jobs: Sequence[str]) -> dict[str, JobState]:
        """What is known of jobs that the controller has forgotten, where Slurm keeps accounts."""
        if not jobs:
            return {}
        lines: list[str] = []
        with contextlib.suppress(DataFault):
            fields = "JobID,State,Reason,ExitCode"
            told = _call(["sacct", "-n", "-P", "-X", f"--jobs={','.join(jobs)}", f"--format={fields}"])
            lines = told.splitlines()
        found = {cells[0]: cells for line in lines if len(cells := line.split("|")) == 4}
        return {
            job: _state(found[job][1], found[job][2], found[job][3].rpartition(":")[2]) if job in found else _FORGOTTEN
            for job in jobs
        }

    def cancel(self, jobs: Collection[str]) -> None:
        if jobs:
            with contextlib.suppress(DataFault):
                _call(["scancel", *jobs])

    def forget(self, job: str) -> None:
        answers = self._files.pop(job, None)
        for path in (answers, answers.with_suffix(".log")) if answers else ():
            path.unlink(missing_ok=True)

    def log(self, job: str) -> str:
        return str(self._files[job].with_suffix(".log")) if job in self._files else ""


def _state(state: str, reason: str, ended_with: str) -> JobState:
    """A state in Slurm's words; the exit code is the system's, signals in its low seven bits."""
    word = state.split()[0] if state else "UNKNOWN"  # sacct says "CANCELLED by 1000"
    signal = int(ended_with) & 0x7F if ended_with.isdigit() else 0
    told = word
    if reason not in ("", "None", word):
        told += f", {reason}"
    if signal:
        told += f", signal {signal}"
    # Without control groups Slurm kills what takes too much memory and calls it a failure.
    lacked = "memory" if word == "FAILED" and signal == 9 else _LACKED.get(word)
    return JobState(word in _OVER, told, lacked, reason if word == "PENDING" and reason not in _ORDINARY else None)


def _remove_old(folder: Path) -> None:
    """Answers and logs of runs that ended before they took them."""
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > KEPT_SECONDS:
                path.unlink()


def _call(command: list[str], *, text: str | None = None, environment: Mapping[str, str] | None = None) -> str:
    """What a program of Slurm prints.

    Raises:
        DataFault: it failed, or did not answer.
    """
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            env=None if environment is None else dict(environment),
            timeout=PATIENCE_SECONDS,
            check=False,
            # Ctrl-C is answered by the run, once.
            start_new_session=True,
        )
        said = done.stderr.strip() if done.returncode else None
    except (OSError, subprocess.TimeoutExpired) as error:
        said, done = str(error), None
    if done is None or said is not None:
        raise DataFault(
            f"{command[0]} failed: {said or 'without a word'}",
            subject="Slurm",
            remedy="Check RESISTANCE_SLURM_PARTITION and _OPTIONS, RESISTANCE_JOB_MEMORY and _MINUTES, or ask the"
            " cluster's administrators.",
        )
    return done.stdout
