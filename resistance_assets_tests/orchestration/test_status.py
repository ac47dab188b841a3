"""Fresh, stale and why, missing, unavailable; and what a refresh has to look at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.errors import SourceUnavailable, TransportFault
from resistance_assets.orchestration.code_version import CodeVersion
from resistance_assets.orchestration.events import subscribe
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.status import stale_outputs, states_of, with_dependants
from resistance_assets.orchestration.steps import ExternalInput, Step, run_step

SAMPLES = TABLES["raw.studies__samples"]


def sheet(value: str) -> pl.DataFrame:
    return pl.DataFrame({"study_id": ["s"], "sample_id": ["x"], "attribute_id": ["condition"], "value": [value]})


def has(text: str):
    return lambda origins: {"thing": ExternalInput(text, Path("nowhere"))}


def cannot(problem: Exception):
    def external_inputs(origins):
        raise problem

    return external_inputs


def steps_of(**first) -> dict[str, Step]:
    """A chain of three."""
    return {
        "raw.a": Step({"raw.a": SAMPLES}, lambda inputs: sheet("a"), "v1", **{"external_inputs": has("1"), **first}),
        "staging.b": Step({"staging.b": SAMPLES}, lambda inputs: inputs.read("raw.a"), "v1", inputs=("raw.a",)),
        "marts.c": Step({"marts.c": SAMPLES}, lambda inputs: inputs.read("staging.b"), "v1", inputs=("staging.b",)),
    }


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(tmp_path / "lake")
    run_all(made, steps_of())
    return made


def run_all(lake: Lake, steps: dict[str, Step]) -> list[str]:
    return [run_step(lake, step)[address].outcome for address, step in steps.items()]


def test_nothing_is_due_where_nothing_changed_and_a_run_agrees(lake):
    assert stale_outputs(lake, steps_of(), None) == ()
    assert run_all(lake, steps_of()) == ["cache hit"] * 3


@pytest.mark.parametrize(
    "change",
    [{"code_version": "v2"}, {"parameters": {"q": 1}}, {"external_inputs": has("2")}],
    ids=["code", "parameter", "source"],
)
def test_what_changed_by_itself_is_due_and_what_rests_on_it_may_be(lake, change):
    steps = steps_of()
    steps["raw.a"] = replace(steps["raw.a"], **change)
    assert stale_outputs(lake, steps, None) == ("raw.a",)
    assert with_dependants(steps, ["raw.a"]) == ("raw.a", "staging.b", "marts.c")
    assert with_dependants(steps, ["staging.b"]) == ("staging.b", "marts.c")
    assert run_all(lake, steps) == ["built", "cache hit", "cache hit"]
    assert stale_outputs(lake, steps, None) == ()


def test_what_was_never_built_is_due(tmp_path):
    assert stale_outputs(Lake(tmp_path), steps_of(), None) == ("raw.a", "staging.b", "marts.c")


def test_a_source_that_cannot_be_had_leaves_its_table_as_it_is(lake):
    steps = steps_of(external_inputs=cannot(SourceUnavailable("gone", subject="thing", remedy="Wait.")))
    assert stale_outputs(lake, steps, None) == ()
    assert run_step(lake, steps["raw.a"])["raw.a"].outcome == "kept"


def test_what_can_be_had_once_an_input_is_brought_up_is_stale_not_kept(lake):
    """A further table of an archive is read where a first one took it; before that, nobody can say that it will not."""
    refused = cannot(SourceUnavailable("the first table did not take it", subject="thing", remedy="See there."))
    steps = steps_of()
    steps["staging.b"] = replace(steps["staging.b"], external_inputs=refused)
    (b,) = (one for one in states_of(lake, steps, None, ask_sources=True) if one.address == "staging.b")
    assert (b.state, len(b.reasons)) == ("fresh", 1)
    assert "kept, its source cannot be had" in b.reasons[0]
    steps["raw.a"] = replace(steps["raw.a"], external_inputs=has("2"))
    (b,) = (one for one in states_of(lake, steps, None, ask_sources=True) if one.address == "staging.b")
    assert (b.state, b.reasons) == ("stale", ("raw.a is stale",))


def test_a_source_that_never_could_be_had_is_due_once_for_each_reason(tmp_path):
    lake = Lake(tmp_path)
    steps = {
        "raw.a": steps_of(external_inputs=cannot(SourceUnavailable("gone", subject="thing", remedy="Wait.")))["raw.a"]
    }
    assert stale_outputs(lake, steps, None) == ("raw.a",)
    run_all(lake, steps)
    assert stale_outputs(lake, steps, None) == ()
    other = {
        "raw.a": replace(steps["raw.a"], external_inputs=cannot(SourceUnavailable("moved", subject="t", remedy="x")))
    }
    assert stale_outputs(lake, other, None) == ("raw.a",)


def test_a_computation_that_found_nothing_is_not_asked_again_until_its_inputs_change(lake):
    def nothing(inputs):
        raise SourceUnavailable("no patients in it", subject="d", remedy="See the source.")

    step = Step({"core.d": SAMPLES}, nothing, "v1", inputs=("raw.a",))
    run_step(lake, step)
    assert stale_outputs(lake, {"core.d": step}, None) == ()
    assert stale_outputs(lake, {"core.d": replace(step, code_version="v2")}, None) == ("core.d",)


def test_wrong_bytes_are_due_so_that_the_run_tells_of_them(lake):
    steps = steps_of(external_inputs=cannot(TransportFault("a page of HTML", subject="thing", remedy="Try again.")))
    assert stale_outputs(lake, steps, None) == ("raw.a",)


def test_a_union_of_a_partition_that_is_none_any_more_is_stale(lake):
    def union(name: str) -> Step:
        return Step({"core.u": SAMPLES}, lambda inputs: sheet("u"), "v1", optional_inputs=(name,))

    run_step(lake, union("raw.a"))
    [state] = states_of(lake, {"core.u": union("raw.renamed")}, None, ask_sources=False)
    assert (state.state, state.reasons) == ("stale", ("raw.a is no input any more",))
    assert stale_outputs(lake, {"core.u": union("raw.renamed")}, None) == ("core.u",)


def test_a_stale_table_names_the_function_and_the_key(lake):
    steps = steps_of()
    made = replace(
        steps["raw.a"],
        code_version=CodeVersion("c1", {"science.deg.fit": "1", "science.deg.test": "1"}),
        parameters={"thresholds": {"q_value": 0.05}, "method": "limma"},
    )
    run_step(lake, made)
    changed = replace(
        made,
        code_version=CodeVersion("c2", {"science.deg.fit": "2", "science.deg.test": "1"}),
        parameters={"thresholds": {"q_value": 0.1}, "method": "limma"},
    )
    states = {s.address: s for s in states_of(lake, {**steps, "raw.a": changed}, None, ask_sources=False)}
    assert states["raw.a"].reasons == (
        "code changed (science.deg.fit)",
        "catalog parameters changed (thresholds.q_value)",
    )
    assert states["marts.c"].reasons == ("staging.b is stale",)


def test_whoever_waits_for_another_process_says_so_and_shares_its_result(lake):
    """The lock is held until the wait is announced."""
    import fcntl
    import os

    handle = (lake.folder("raw.a") / ".lock").open("a+")
    fcntl.flock(handle, fcntl.LOCK_EX)
    heard = []

    def on_event(event) -> None:
        if event.kind == "waiting":
            heard.append(event.message)
            handle.close()

    with subscribe(on_event):
        assert run_step(lake, steps_of()["raw.a"])["raw.a"].outcome == "cache hit"
    assert heard == [f"process {os.getpid()} is building raw.a; its result will be shared"]
