"""Steps: known results are found again, bad ones are not written, missing sources leave things as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.catalog.tables.model import col
from resistance_assets.errors import DataFault, SourceUnavailable
from resistance_assets.orchestration.attempts import last_failure
from resistance_assets.orchestration.checks import CheckResult
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.status import states_of
from resistance_assets.orchestration.steps import ExternalInput, Step, StepFailed, StepTest, is_up_to_date, run_step

SAMPLES = TABLES["raw.studies__samples"]


def sheet(*values: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "study_id": ["s"] * len(values),
            "sample_id": [f"x{at}" for at in range(len(values))],
            "attribute_id": ["condition"] * len(values),
            "value": list(values),
        }
    )


class Counting:
    """A compute function that counts its calls."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame
        self.calls = 0

    def __call__(self, inputs) -> pl.DataFrame:
        self.calls += 1
        return self.frame


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def step_of(compute, **changes) -> Step:
    return replace(Step(outputs={"raw.a": SAMPLES}, compute=compute, code_version="v1"), **changes)


def test_an_unchanged_step_is_not_computed_again(lake):
    compute = Counting(sheet("tumor"))
    first = run_step(lake, step_of(compute))["raw.a"]
    second = run_step(lake, step_of(compute))["raw.a"]
    assert (first.outcome, second.outcome, compute.calls) == ("built", "cache hit", 1)
    assert second.table_version == first.table_version
    assert [v.name for v in second.check_results] == ["schema", "primary_key"]


@pytest.mark.parametrize("change", [{"code_version": "v2"}, {"parameters": {"q": 0.1}}], ids=["code", "parameter"])
def test_a_changed_step_is_computed_again(lake, change):
    compute = Counting(sheet("tumor"))
    run_step(lake, step_of(compute))
    assert run_step(lake, step_of(compute, **change))["raw.a"].outcome == "built"
    assert compute.calls == 2


class WithUnit(SAMPLES.model):
    """The same table with one more column."""

    unit: str = col("unit of the value", null=True)


@pytest.mark.parametrize("has_source", [True, False], ids=["computed", "unavailable"])
def test_a_column_that_a_release_adds_makes_its_table_stale_although_no_code_changed(lake, has_source):
    compute = Counting(sheet("tumor"))
    before = step_of(compute) if has_source else step_of(compute, external_inputs=missing)
    after = replace(before, outputs={"raw.a": replace(SAMPLES, model=WithUnit)})
    run_step(lake, before)
    assert is_up_to_date(lake, before, None)
    assert not is_up_to_date(lake, after, None)
    if has_source:
        (state,) = states_of(lake, {"raw.a": after}, None, ask_sources=False)
        assert (state.state, state.reasons) == ("stale", ("columns changed (unit)",))
        compute.frame = compute.frame.with_columns(unit=pl.lit("mg"))
    run_step(lake, after)
    assert lake.read("raw.a").columns == [*SAMPLES.polars_schema.names(), "unit"]
    assert is_up_to_date(lake, after, None)


def test_an_input_of_equal_content_changes_nothing_downstream(lake):
    upstream, downstream = Counting(sheet("tumor")), Counting(sheet("normal"))
    child = Step(outputs={"staging.b": SAMPLES}, compute=downstream, code_version="v1", inputs=("raw.a",))
    run_step(lake, step_of(upstream))
    run_step(lake, child)
    assert run_step(lake, step_of(upstream, code_version="v2"))["raw.a"].outcome == "built"
    assert run_step(lake, child)["staging.b"].outcome == "cache hit"
    run_step(lake, step_of(Counting(sheet("normal")), code_version="v3"))
    assert run_step(lake, child)["staging.b"].outcome == "built"


def test_going_back_to_a_former_state_computes_nothing(lake):
    old, new = Counting(sheet("old")), Counting(sheet("new"))
    first = run_step(lake, step_of(old))["raw.a"].table_version.data_version
    run_step(lake, step_of(new, code_version="v2"))
    back = run_step(lake, step_of(old))["raw.a"]
    assert (back.outcome, back.table_version.data_version, old.calls) == ("cache hit", first, 1)
    assert lake.current("raw.a").data_version == first


def test_a_result_that_fails_its_check_is_not_written(lake):
    run_step(lake, step_of(Counting(sheet("tumor"))))
    before = lake.current("raw.a")
    bad = pl.concat([sheet("tumor"), sheet("tumor")])
    with pytest.raises(StepFailed, match="primary_key") as caught:
        run_step(lake, step_of(Counting(bad), code_version="v2"))
    assert {v.name: v.passed for v in caught.value.check_results["raw.a"]} == {"schema": True, "primary_key": False}
    assert lake.current("raw.a") == before
    assert len(list(lake.folder("raw.a").glob("*.parquet"))) == 1


def test_a_test_of_the_candidate_runs_before_it_is_written(lake):
    def judge(mounts):
        assert isinstance(mounts["raw.a"], pl.DataFrame)
        return CheckResult("no_tumor", "tumor" not in mounts["raw.a"]["value"], "found a tumour")

    test = StepTest("no_tumor", ("raw.a",), judge, "t1")
    with pytest.raises(StepFailed, match="no_tumor failed: found a tumour"):
        run_step(lake, step_of(Counting(sheet("tumor")), tests={"raw.a": [test]}))
    assert lake.current("raw.a") is None
    good = run_step(lake, step_of(Counting(sheet("normal")), tests={"raw.a": [test]}))["raw.a"]
    assert [v.name for v in good.check_results] == ["schema", "primary_key", "no_tumor"]


def missing(origins):
    raise SourceUnavailable("the host does not answer", subject="some_source", remedy="Try again later.")


def test_a_source_that_was_never_had_leaves_an_empty_table_with_the_reason(lake):
    compute = Counting(sheet("tumor"))
    result = run_step(lake, step_of(compute, external_inputs=missing))["raw.a"]
    assert (result.outcome, result.table_version.status, result.table_version.rows, compute.calls) == (
        "unavailable",
        "unavailable",
        0,
        0,
    )
    assert "does not answer" in result.table_version.reason
    assert lake.read("raw.a").schema == SAMPLES.polars_schema


def test_a_source_that_is_lost_leaves_what_was_there(lake):
    compute = Counting(sheet("tumor"))
    there = {"f": ExternalInput("sha", Path("f"))}
    built = run_step(lake, step_of(compute, external_inputs=lambda origins: there))["raw.a"]
    kept = run_step(lake, step_of(compute, external_inputs=missing))["raw.a"]
    assert (kept.outcome, kept.table_version, kept.reason is not None) == ("kept", built.table_version, True)


def test_a_source_with_another_checksum_is_read_again(lake):
    compute = Counting(sheet("tumor"))
    for checksum, outcome in (("one", "built"), ("one", "cache hit"), ("two", "built")):
        step = step_of(compute, external_inputs=lambda origins, c=checksum: {"f": ExternalInput(c, Path("f"))})
        assert run_step(lake, step)["raw.a"].outcome == outcome


def test_unavailability_passes_on_unless_the_step_tolerates_it(lake):
    run_step(lake, step_of(Counting(sheet("x")), external_inputs=missing))
    strict = Step(outputs={"staging.b": SAMPLES}, compute=Counting(sheet("y")), code_version="v", inputs=("raw.a",))
    assert run_step(lake, strict)["staging.b"].outcome == "unavailable"
    allow_unavailable_inputs = Step(
        outputs={"staging.c": SAMPLES},
        compute=lambda i: i.read("raw.a"),
        code_version="v",
        inputs=("raw.a",),
        allow_unavailable_inputs=True,
    )
    result = run_step(lake, allow_unavailable_inputs)["staging.c"]
    assert (result.outcome, result.table_version.rows) == ("built", 0)


def test_optional_inputs_take_part_when_they_are_there(lake):
    def stack(inputs):
        return pl.concat([SAMPLES.empty(), *(inputs.read(a) for a in ("raw.a", "raw.b") if inputs.has(a))])

    union = Step(
        outputs={"raw.all": SAMPLES},
        compute=stack,
        code_version="v",
        optional_inputs=("raw.a", "raw.b"),
        allow_unavailable_inputs=True,
    )
    run_step(lake, step_of(Counting(sheet("x")), external_inputs=missing))
    assert run_step(lake, union)["raw.all"].table_version.rows == 0
    run_step(lake, step_of(Counting(sheet("x", "y"))))
    assert run_step(lake, union)["raw.all"].table_version.rows == 2


def test_an_input_that_was_never_built_is_named(lake):
    step = Step(outputs={"staging.b": SAMPLES}, compute=Counting(sheet("y")), code_version="v", inputs=("raw.nowhere",))
    with pytest.raises(DataFault, match=r"staging\.b.*raw\.nowhere was never built"):
        run_step(lake, step)


def test_a_step_must_give_what_it_declares(lake):
    with pytest.raises(ValueError, match="declared"):
        run_step(lake, step_of(lambda inputs: {"raw.other": sheet("x")}))


def two_outputs(second: pl.DataFrame, **changes) -> Step:
    def compute(inputs):
        return {"raw.a": sheet("tumor"), "raw.b": second}

    return step_of(compute, outputs={"raw.a": SAMPLES, "raw.b": SAMPLES}, **changes)


def test_an_output_that_fails_does_not_take_its_siblings(lake):
    twice = pl.concat([sheet("normal"), sheet("normal")])
    with pytest.raises(StepFailed, match=r"raw\.b.*primary_key") as raised:
        run_step(lake, two_outputs(twice))
    assert set(raised.value.faults) == {"raw.b"}
    assert set(raised.value.written) == {"raw.a"}
    assert lake.current("raw.a").rows == 1
    assert lake.current("raw.b") is None
    assert last_failure(lake, "raw.a") is None
    assert "primary_key" in last_failure(lake, "raw.b").reason
    # Nothing is taken for known: the next run tries again, and all is well once the input is.
    assert not is_up_to_date(lake, two_outputs(twice), None)
    results = run_step(lake, two_outputs(sheet("normal")))
    assert [results[name].outcome for name in ("raw.a", "raw.b")] == ["built", "built"]
    assert last_failure(lake, "raw.b") is None


def test_an_output_tested_against_a_sibling_that_failed_is_not_written(lake):
    twice = pl.concat([sheet("normal"), sheet("normal")])
    test = StepTest("agrees", ("raw.a", "raw.b"), lambda tables: CheckResult("agrees", True, "fine"), "v1")
    with pytest.raises(StepFailed) as raised:
        run_step(lake, two_outputs(twice, tests={"raw.a": [test]}))
    assert set(raised.value.faults) == {"raw.a", "raw.b"}
    assert lake.current("raw.a") is None
    assert "raw.b, which failed" in last_failure(lake, "raw.a").reason


@pytest.mark.parametrize(
    ("now", "same"),
    [
        ("hgnc (https://h/x): unreachable: host h could not be reached a moment ago. Check", True),
        ("hgnc (https://h/x): refused_or_gone: status 404", False),
        ("biogrid (https://h/x): unreachable: host h cannot be reached", False),
        ("hgnc: its licence asks for a decision", False),
    ],
)
def test_a_source_that_fails_in_the_same_way_is_no_reason_to_run(lake, now, same):
    def missing(reason: str) -> Step:
        def external(origins):
            subject, _, problem = reason.partition(": ")
            raise SourceUnavailable(problem, subject=subject, remedy="")

        return step_of(Counting(sheet("a")), external_inputs=external)

    run_step(lake, missing("hgnc (https://h/x): unreachable: host h cannot be reached (ConnectError). Check"))
    assert is_up_to_date(lake, missing(now), None) is same
