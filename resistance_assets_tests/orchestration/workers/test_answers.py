"""What became of a step, as one line of JSON and back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from resistance_assets import errors
from resistance_assets.errors import DataFault
from resistance_assets.orchestration.checks import CheckResult
from resistance_assets.orchestration.lake import TableVersion
from resistance_assets.orchestration.steps import StepFailed, StepResult
from resistance_assets.orchestration.workers.answers import Work, as_line, from_line

ODD = {"raw.y": "v\u2028\n"}
VERSION = TableVersion("core.x", "available", "abc", "code", "none", ODD, 3, "2026-01-01", "run", 0.5, notes={"a": [1]})
RESULT = StepResult(VERSION, "built", (CheckResult("schema", True, "3 rows", {"rows": 3}),), 0.25, "left out: \t odd")


def test_results_come_back_as_they_were():
    line = as_line(Work("core.x", {"core.x": RESULT}, None, 1.5, 1000))
    assert len(line.splitlines()) == 1, "a line is a line, whatever a name holds"
    assert from_line(line) == Work("core.x", {"core.x": RESULT}, None, 1.5, 1000)
    assert from_line(line).answer() == {"core.x": RESULT}


@pytest.mark.parametrize("kind", [name for name in vars(errors) if name.endswith(("Fault", "Unavailable"))])
def test_a_fault_comes_back_as_its_kind_with_every_part(kind):
    fault = getattr(errors, kind)("is odd", subject="a.tsv", place="line 3", expected="a number", remedy="Mend it.")
    back = from_line(as_line(Work("core.x", error=fault))).error
    assert (type(back), str(back), vars(back)) == (type(fault), str(fault), vars(fault))


def test_a_failed_check_comes_back_with_what_was_written_beside_it():
    fault = DataFault("check key failed", subject="core.y", remedy="Correct it.")
    failed = StepFailed(fault, {"core.y": [CheckResult("key", False, "twice")]}, {"core.y": fault}, {"core.x": RESULT})
    back = from_line(as_line(Work("core.x", {"core.x": RESULT}, failed)))
    with pytest.raises(StepFailed) as caught:
        back.answer()
    assert caught.value.check_results == {"core.y": [CheckResult("key", False, "twice")]}
    assert caught.value.written == {"core.x": RESULT}
    assert str(caught.value.faults["core.y"]) == str(fault)


@pytest.mark.parametrize("line", ["", "Traceback", "[]", "{}", json.dumps({"step": "a", "outcomes": {"a": 1}})])
def test_what_is_no_answer_is_refused(line):
    with pytest.raises(ValueError, match=r"no answer of a worker|Expecting value"):
        from_line(line)


def test_a_version_of_a_table_that_is_unavailable_comes_back():
    absent = StepResult(replace(VERSION, status="unavailable", reason="no host"), "unavailable", (), 0.0, "no host")
    assert from_line(as_line(Work("core.x", {"core.x": absent}))).results == {"core.x": absent}
