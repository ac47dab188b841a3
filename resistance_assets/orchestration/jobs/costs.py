"""What steps took when they ran last, from which a job's time and memory are chosen: `cache/costs.jsonl`.

Seconds stand in the record of a table too; the peak of memory, and what a job was killed for, stand here alone.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resistance_assets.files import append_lines, replace_file

FILE = "costs.jsonl"
LONGEST_FILE_BYTES = 2_000_000
PEAK_FACTOR = 1.5
SECONDS_FACTOR = 4.0
LEAST_MINUTES = 10
LEAST_JOB_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Cost:
    """Seconds and peak bytes of a step; what a job that did it was killed for the lack of, doubled; None: unknown."""

    seconds: float | None = None
    peak_bytes: int | None = None
    memory_bytes: int | None = None
    minutes: int | None = None


class Costs:
    """The recorded costs of a data folder.

    Args:
        path: the file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Cost] = {}
        with contextlib.suppress(OSError):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                # The last line of a killed process may be cut.
                with contextlib.suppress(ValueError, TypeError):
                    name, facts = json.loads(line)
                    self._known[name] = Cost(**facts)
            if path.stat().st_size > LONGEST_FILE_BYTES:
                with replace_file(path) as aside:
                    aside.write_text("".join(f"{_line(name, cost)}\n" for name, cost in self._known.items()), "utf-8")

    def of(self, name: str) -> Cost:
        return self._known.get(name, Cost())

    def note(self, name: str, **facts: Any) -> None:
        """Record what a step took, or lacked. A step that went through lacks nothing any more."""
        cost = self._known[name] = Cost(**facts)
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            append_lines(self._path, [_line(name, cost)])

    def memory_bytes(self, names: Iterable[str], by_default: int) -> int:
        """What a job that does these steps one after the other is given; ``by_default`` where one is not known."""
        wanted = LEAST_JOB_BYTES
        for cost in map(self.of, names):
            if cost.memory_bytes is not None:
                wanted = max(wanted, cost.memory_bytes)
            elif cost.peak_bytes is not None:
                wanted = max(wanted, math.ceil(PEAK_FACTOR * cost.peak_bytes))
            else:
                wanted = max(wanted, by_default)
        return wanted

    def minutes(self, names: Iterable[str], at_most: int) -> int:
        """The time limit of a job that does these steps; ``at_most`` where one is not known."""
        found = [self.of(name) for name in names]
        if any(cost.seconds is None and cost.minutes is None for cost in found):
            return at_most
        usual = LEAST_MINUTES + math.ceil(sum(SECONDS_FACTOR * (cost.seconds or 0.0) for cost in found) / 60)
        return min(at_most, max([usual, *(cost.minutes or 0 for cost in found)]))


def _line(name: str, cost: Cost) -> str:
    return json.dumps([name, {key: value for key, value in vars(cost).items() if value is not None}])
