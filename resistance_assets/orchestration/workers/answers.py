"""What became of a step, as one line of JSON and back: the answer of a process that ran it for another.

Here belongs the form of the line. Every engine reads the same one: the processes of `resistance run --jobs`, and
whatever calls `resistance work`.

    {"step": "core.x", "outcomes": {"core.x": {"table_version": {...}, "outcome": "built", ...}}, "fault": null, ...}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from resistance_assets import errors
from resistance_assets.errors import DataFault, Fault
from resistance_assets.orchestration.checks import CheckResult
from resistance_assets.orchestration.lake import TableVersion
from resistance_assets.orchestration.steps import StepFailed, StepResult


@dataclass(frozen=True)
class Work:
    """What became of a step.

    Attributes:
        step: name of the step, which is its first output.
        results: what became of each output that was written, kept or found.
        error: why others were not; None where none failed.
        cpu_seconds: CPU of the process for this step.
        peak_bytes: largest resident size of the process meanwhile.
    """

    step: str
    results: Mapping[str, StepResult] = field(default_factory=dict)
    error: StepFailed | Fault | None = None
    cpu_seconds: float = 0.0
    peak_bytes: int = 0

    def answer(self) -> dict[str, StepResult]:
        """The results, as `run_step` gives them. Raises what it raised."""
        if self.error is not None:
            raise self.error
        return dict(self.results)


def as_line(work: Work) -> str:
    """One line of JSON, without an end of line."""
    error = work.error
    document: dict[str, Any] = {
        "step": work.step,
        "outcomes": {address: _result_document(result) for address, result in work.results.items()},
        "fault": None if error is None else _fault_document(error.fault if isinstance(error, StepFailed) else error),
        "cpu_seconds": round(work.cpu_seconds, 3),
        "peak_bytes": work.peak_bytes,
    }
    if isinstance(error, StepFailed):
        document["failed_checks"] = {
            "results": {address: [asdict(one) for one in found] for address, found in error.check_results.items()},
            "faults": {address: _fault_document(fault) for address, fault in error.faults.items()},
        }
    return json.dumps(document, ensure_ascii=True, default=str)


def from_line(line: str) -> Work:
    """The work that a line tells of.

    Raises:
        ValueError: the line is none of `as_line`.
    """
    try:
        document = json.loads(line)
        results = {address: _result_of(one) for address, one in document["outcomes"].items()}
        fault = document["fault"]
        error: StepFailed | Fault | None = None if fault is None else _fault_of(fault)
        if fault is not None and (checks := document.get("failed_checks")):
            error = StepFailed(
                _fault_of(fault),
                {address: [CheckResult(**one) for one in found] for address, found in checks["results"].items()},
                {address: _fault_of(one) for address, one in checks["faults"].items()},
                results,
            )
        return Work(document["step"], results, error, document["cpu_seconds"], document["peak_bytes"])
    except (KeyError, TypeError, AttributeError) as problem:
        raise ValueError(f"no answer of a worker: {line[:200]!r}") from problem


def _result_document(result: StepResult) -> dict[str, Any]:
    return {
        "table_version": asdict(result.table_version),
        "outcome": result.outcome,
        "check_results": [asdict(one) for one in result.check_results],
        "seconds": round(result.seconds, 4),
        "reason": result.reason,
    }


def _result_of(document: Mapping[str, Any]) -> StepResult:
    return StepResult(
        table_version=TableVersion(**document["table_version"]),
        outcome=document["outcome"],
        check_results=tuple(CheckResult(**one) for one in document["check_results"]),
        seconds=document["seconds"],
        reason=document["reason"],
    )


def _fault_document(fault: Fault) -> dict[str, Any]:
    kind = type(fault).__name__
    return {"kind": kind} | {
        name: getattr(fault, name) for name in ("problem", "subject", "remedy", "place", "expected")
    }


def _fault_of(document: Mapping[str, Any]) -> Any:
    given = dict(document)
    kind = getattr(errors, given.pop("kind"), DataFault)
    return kind(given.pop("problem"), **given)
