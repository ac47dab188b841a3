"""A process that runs steps for another: it takes names of tables and answers with a line each.

It knows nothing of Dagster, so it starts in the time that the graph takes to load.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from resistance_assets.errors import DataFault, Fault, UsageFault
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.steps import Step, StepFailed, run_step
from resistance_assets.orchestration.workers.answers import Work


def work_through(
    lake: Lake,
    steps: Mapping[str, Step],
    origins: Any,
    addresses: Iterable[str],
    *,
    run_id: str = "",
    is_group: bool = False,
) -> Iterator[Work]:
    """Run the step of each table, as they come; an address that no step writes is answered with a fault.

    Args:
        is_group: a step that reads what failed here is answered with a fault too, as in the first pass of a run. Else
            it is computed from what there is, as in the second.
    """
    failed_steps: set[str] = set()
    for address in addresses:
        started = time.process_time()
        step = steps.get(address)
        if step is None:
            fault = UsageFault(
                "no step writes it", subject=address, remedy="`resistance status --all` names the tables."
            )
            yield Work(address, error=fault)
            continue
        failed_steps.discard(step.name)
        read = {steps[one].name for one in (*step.inputs, *step.optional_inputs)} if is_group else set()
        if lacking := sorted(failed_steps & read):
            failed_steps.add(step.name)
            fault = DataFault(f"its input {lacking[0]} failed", subject=step.name, remedy="See there.")
            yield Work(step.name, error=fault)
            continue
        results, error = {}, None
        forget_peak()
        try:
            results = run_step(lake, step, origins=origins, run_id=run_id)
        except StepFailed as failed:
            results, error = failed.written, failed
        except Fault as fault:
            error = fault
        except Exception as unexpected:
            error = DataFault(
                f"{type(unexpected).__name__}: {unexpected}",
                subject=step.name,
                remedy="This is an error of the program: `resistance run --jobs 1` shows where.",
            )
        if error is not None:
            failed_steps.add(step.name)
        yield Work(step.name, results, error, time.process_time() - started, peak_bytes())


def in_order(steps: Mapping[str, Step], addresses: Iterable[str]) -> list[str]:
    """One address per step, each after those that it reads."""
    wanted = {steps[address].name if address in steps else address: address for address in addresses}
    ordered: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name in seen:
            return
        seen.add(name)
        if name in steps:
            for upstream in (*steps[name].inputs, *steps[name].optional_inputs):
                visit(steps[upstream].name)
        if name in wanted:
            ordered.append(name)

    for name in wanted:
        visit(name)
    return ordered


def forget_peak() -> None:
    """Begin anew with the largest resident size, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_bytes() -> int:
    """Largest resident size of this process since `forget_peak`; where the system cannot, since its start."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024
