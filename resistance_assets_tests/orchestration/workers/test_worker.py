"""Steps of a group, one after the other, where one of them fails."""

from __future__ import annotations

import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.errors import DataFault
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.steps import Step
from resistance_assets.orchestration.workers.worker import work_through

TABLE = TABLES["core.deg__designs"]


def fail(given):
    raise DataFault("is odd", subject="raw.fails", remedy="Mend it.")


@pytest.mark.parametrize("is_group", [True, False])
def test_in_a_group_nothing_is_computed_from_what_a_failed_step_gave_before(tmp_path, is_group):
    """As in the first pass of a run; a worker of a run is asked again in the second, and then it is computed."""

    def step(name, compute=lambda given: TABLE.empty(), **reads) -> Step:
        return Step(outputs={name: TABLE}, compute=compute, code_version="1", **reads)

    steps = {
        "raw.fails": step("raw.fails", fail),
        "raw.good": step("raw.good"),
        "core.reads": step("core.reads", inputs=("raw.fails",)),
        "core.follows": step("core.follows", inputs=("core.reads",)),
        "core.union": step("core.union", optional_inputs=("raw.fails", "raw.good")),
    }
    told = {
        work.step: str(work.error or "") for work in work_through(Lake(tmp_path), steps, None, steps, is_group=is_group)
    }
    assert "is odd" in told["raw.fails"]
    assert told["raw.good"] == "" or "no rows" in told["raw.good"]
    assert ("its input raw.fails failed" in told["core.reads"]) == is_group
    assert ("its input core.reads failed" in told["core.follows"]) == is_group
    assert ("its input raw.fails failed" in told["core.union"]) == is_group
    if not is_group:
        assert "never built" in told["core.reads"]
