"""A queue of jobs as the executor sees it: what is asked of it, and how it tells of its jobs.

Every job is the same program, `resistance work`, which knows nothing of Dagster: a node needs the lake and the sources,
and none of the records of runs.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from resistance_assets.settings import LEAST_MEMORY_BYTES, Settings

FOLDER = "jobs"
"""Below the data folder's cache: answers and logs of jobs."""

# What a program needs to run as it does here, and where sources and lake are. Whatever else the environment holds (the
# password of Dagster's database, addresses of alerts, the server's token) no job needs.
_PASSED_ON = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TZ|TMPDIR|VIRTUAL_ENV|LD_LIBRARY_PATH|PYTHON\w+|NUMBA_\w+|AWS_\w+"
    r"|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(?i:(?:http|https|all|no)_proxy)"
    r"|RESISTANCE_(?!ALERT_|\w*(?:TOKEN|PASSWORD|SECRET))\w+"
)
_THREADS = ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")


@dataclass(frozen=True)
class JobRequest:
    """What a job is to do, and what it is given."""

    names: tuple[str, ...]
    run_id: str
    number: int
    memory_bytes: int
    minutes: int

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "resistance_assets.cli", "work", *self.names, "--run-id", self.run_id]

    @property
    def title(self) -> str:
        """For lists of jobs: the first step, and how many follow."""
        more = len(self.names) - 1
        return f"{self.names[0]}{f' and {more} more' if more else ''}"


@dataclass(frozen=True)
class JobState:
    """What a queue says of a job.

    Attributes:
        is_over: whether nothing more will come of it.
        told: state and reason in the queue's own words.
        lacked: what it was killed for, where the queue tells.
        hindrance: what keeps it from beginning, where that is more than others that come first.
    """

    is_over: bool
    told: str
    lacked: Literal["memory", "time"] | None = None
    hindrance: str | None = None


class JobQueue(Protocol):
    """Slurm, or a Kubernetes cluster."""

    @property
    def name(self) -> str: ...

    def submit(self, request: JobRequest) -> str:
        """Hand a job over; returns its id. Raises Fault where it is refused."""
        ...

    def answers(self, job: str) -> str:
        """What the job wrote so far: whole lines of `answers`."""
        ...

    def look(self, jobs: Collection[str]) -> Mapping[str, JobState] | None:
        """State of each job; None where the queue does not answer now."""
        ...

    def cancel(self, jobs: Collection[str]) -> None: ...

    def forget(self, job: str) -> None:
        """Every answer of the job was taken."""
        ...

    def log(self, job: str) -> str:
        """Where stands what it said beside its answers."""
        ...


def environment_of_job(settings: Settings, given: Mapping[str, str], request: JobRequest, cores: int) -> dict[str, str]:
    """Environment of a job: what it needs of this process's, paths made absolute, and its share of a machine."""
    paths = {
        "RESISTANCE_DATA_DIR": str(settings.data_dir),
        "RESISTANCE_MIRROR": str(settings.mirror) if settings.mirror else None,
        "RESISTANCE_GENES": str(settings.genes) if settings.genes else None,
        "RESISTANCE_STUDIES": _joined(settings.studies),
        "RESISTANCE_CATALOG": _joined(settings.catalog),
    }
    return {
        **dict.fromkeys(_THREADS, str(cores)),
        **{name: value for name, value in given.items() if _PASSED_ON.fullmatch(name)},
        **{name: value for name, value in paths.items() if value},
        **(_from_lake(settings) if settings.has_object_lake else {}),
        "RESISTANCE_EXECUTOR": "in_process",
        "RESISTANCE_JOBS": "1",
        "RESISTANCE_MEMORY": str(max(LEAST_MEMORY_BYTES, request.memory_bytes // 2)),
    }


def _from_lake(settings: Settings) -> dict[str, str]:
    """What the run had of its sources is in the lake: a node needs neither mirror nor studies nor a network.

    Reads of sequencing are not; where the job quantifies some, it asks whom the run would ask.
    """
    mirror = settings.effective_mirror
    asks_hosts = mirror is None and (settings.else_ask == "hosts" or not settings.is_from_lake)
    return {
        "RESISTANCE_PROFILE": "lake",
        "RESISTANCE_ELSE_ASK": "hosts" if asks_hosts else "nobody",
        **({"RESISTANCE_MIRROR": str(mirror)} if mirror is not None else {}),
    }


def _joined(paths: tuple[Path, ...]) -> str:
    return os.pathsep.join(map(str, paths))
