"""Who a process is, so that another one can tell whether it still runs.

A process id alone does not say it: each container counts its own from 1, another host has others, and the system gives
an id again when its process has ended. So a process is named by its host (the boot of the kernel and the namespace in
which ids are counted), its id, and the moment at which it began.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import re
import uuid
from dataclasses import dataclass
from pathlib import Path

_TOKEN = re.compile(r"([0-9a-f]{12})-(\d+)-(\d+)")


@dataclass(frozen=True)
class Process:
    """A process: `host` (12 hexadecimal digits), `pid`, and `started` in ticks since the boot (0: not known)."""

    host: str
    pid: int
    started: int

    def __str__(self) -> str:
        return f"{self.host}-{self.pid}-{self.started}"

    @property
    def is_here(self) -> bool:
        """Whether its id is one of those that this process can see."""
        return self.host == host_identity()

    @property
    def is_running(self) -> bool:
        """Whether it runs, of a process that `is_here`; ids of others say nothing."""
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
        except PermissionError:
            pass
        if _facts(self.pid)[:1] in (["Z"], ["X"]):
            return False  # it has ended, and nobody asked for its exit code yet
        started = _started(self.pid)
        return 0 in (started, self.started) or started == self.started


def this_process() -> Process:
    """The process that asks; after a fork, the new one."""
    pid = os.getpid()
    return Process(host_identity(), pid, _started(pid))


def parse_process(token: str) -> Process | None:
    """A process from its text; None where the text is none."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else Process(found[1], int(found[2]), int(found[3]))


@functools.cache
def host_identity() -> str:
    """Twelve hexadecimal digits: equal for two processes that see each other's ids, and for no others."""
    facts = [platform.node()]
    with contextlib.suppress(OSError):
        facts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with contextlib.suppress(OSError):
        facts.append(os.readlink("/proc/self/ns/pid"))
    if len(facts) == 1:
        facts.append(str(uuid.getnode()))
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:12]


def _started(pid: int) -> int:
    """Ticks from the boot to the beginning of a process; 0 where the system does not tell."""
    fields = _facts(pid)
    return int(fields[19]) if len(fields) > 19 and fields[19].isdigit() else 0


def _facts(pid: int) -> list[str]:
    """Fields of `/proc/<pid>/stat` from the state on; empty where there are none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    # The name of the program stands in parentheses before them and may hold anything.
    return text.rpartition(")")[2].split()
