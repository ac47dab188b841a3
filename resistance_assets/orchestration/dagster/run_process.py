"""Which process works on a run: a tag of the run, by which runs of killed processes are told from those under way."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Any

PROCESS_TAG = "resistance/process"

_noted: set[str] = set()


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


def note_process(context: Any) -> None:
    """Tag the run of a step with this process, once; where each step has a process of its own, none is the run's."""
    if os.environ.get("RESISTANCE_EXECUTOR") == "multiprocess":
        return
    run = context.run
    if run.run_id in _noted or PROCESS_TAG in run.tags:
        return
    _noted.add(run.run_id)
    # Without an instance that keeps runs there is nothing to tell them by.
    with contextlib.suppress(Exception):
        context.instance.add_run_tags(run.run_id, {PROCESS_TAG: process_name(os.getpid())})
