"""Partitions: their names, their unions, and slices of tables; and what a graph refuses."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from resistance_assets.catalog.registry import load_registry
from resistance_assets.catalog.tables import TABLES, table_of
from resistance_assets.catalog.tables.model import col
from resistance_assets.commands.output.study_notes import notes_of_run
from resistance_assets.defs.graph import load_steps
from resistance_assets.defs.publication import failed_tables
from resistance_assets.errors import CatalogFault, DataFault
from resistance_assets.orchestration.checks import CheckResult
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.partitions import partition_of, rejected_of, slice_of, union_of, unions_of
from resistance_assets.orchestration.status import states_of
from resistance_assets.orchestration.steps import Step, StepFailed, StepResult, StepTest, run_step
from resistance_assets.orchestration.table_steps import by_table, table_step

LISTS = TABLES["core.evidence__resistance_votes"]
ONE, TWO = partition_of(LISTS.address, "one"), partition_of(LISTS.address, "two")


def rows(*genes: str) -> pl.DataFrame:
    """Rows of the table with these genes, and the least of everything else."""
    values = {name: [None] * len(genes) for name in LISTS.polars_schema}
    frame = pl.DataFrame(values, schema=LISTS.polars_schema)
    filled = [
        pl.lit("inferential" if name == "evidence_kind" else "x").alias(name)
        if dtype == pl.String
        else pl.lit(1).cast(dtype).alias(name)
        for name, dtype in LISTS.polars_schema.items()
        if name != "hgnc_symbol"
    ]
    return frame.with_columns(*filled, hgnc_symbol=pl.Series(genes)).select(list(LISTS.polars_schema))


def fixed(name: str, frame: pl.DataFrame):
    return table_step(outputs={name: LISTS}, compute=lambda inputs: frame, code_version="v1")


def test_a_name_is_that_of_the_table_and_the_keys():
    assert partition_of("core.gsea__terms", "a_vs_b", "limma") == "parts.gsea__terms__a_vs_b__limma"
    assert rejected_of(partition_of("raw.gene_lists__members", "x")) == "parts.rejected_rows__gene_lists__members__x"
    for wrong in ("gsea", "core.", ".x"):
        with pytest.raises(ValueError, match="a partition has the name of its table"):
            partition_of(wrong, "x")
    with pytest.raises(ValueError, match="keys"):
        partition_of("core.gsea__terms", "")


def test_every_partition_of_the_catalog_is_named_after_the_table_whose_rows_it_holds():
    found = load_steps(load_registry())
    partitions = {name: step.outputs[name] for name, step in found.items() if name.startswith("parts.")}
    assert len(partitions) > 100
    for name, table in partitions.items():
        assert name.startswith(f"parts.{table.name}__"), (name, table.address)
        assert table_of(name).name == table.name


def test_a_name_of_an_earlier_version_belongs_to_no_table():
    assert table_of("parts.study_counts__luad") is None
    assert table_of("parts.deg__a_vs_b__limma") is None
    assert table_of("core.no_such_table") is None
    assert table_of("core.gsea__terms").address == "core.gsea__terms"


def test_a_union_holds_the_partitions_that_are_there_in_their_order(tmp_path):
    lake = Lake(tmp_path)
    union = union_of(LISTS.address, [TWO, ONE])
    assert union.optional_inputs == (TWO, ONE)
    assert run_step(lake, replace(union, tests={}, inputs=()))[LISTS.address].table_version.rows == 0
    run_step(lake, fixed(ONE, rows("A")))
    assert run_step(lake, replace(union, tests={}, inputs=()))[LISTS.address].table_version.rows == 1
    run_step(lake, fixed(TWO, rows("B", "C")))
    run_step(lake, replace(union, tests={}, inputs=()))
    assert lake.read(LISTS.address)["hgnc_symbol"].to_list() == ["B", "C", "A"]


SAMPLES = TABLES["raw.studies__samples"]
NAMES = tuple(partition_of(SAMPLES.address, name) for name in ("a", "b", "c"))


def sheet(study: str, *values: str | None, sample: str = "x") -> pl.DataFrame:
    rows = [(study, f"{sample}{at}", "condition", value) for at, value in enumerate(values)]
    return pl.DataFrame(rows, schema=SAMPLES.polars_schema, orient="row")


def put(lake: Lake, name: str, frame: pl.DataFrame) -> None:
    """A partition as an earlier version of its step left it: no check of today has seen it."""
    step = Step({name: SAMPLES}, lambda inputs: frame, code_version="earlier")
    [result] = run_step(lake, replace(step, compute=lambda inputs: SAMPLES.empty())).values()
    lake.set_current(replace(result.table_version, data_version=lake.write(name, frame), rows=frame.height), None)


def stacked(lake: Lake, **changes) -> StepResult:
    union = replace(union_of(SAMPLES.address, NAMES), inputs=(), **{"tests": {}, **changes})
    return run_step(lake, union)[SAMPLES.address]


def test_a_partition_that_a_check_refuses_is_left_out_of_the_union_and_named(tmp_path):
    lake = Lake(tmp_path)
    put(lake, NAMES[0], sheet("a", "tumor"))
    put(lake, NAMES[1], sheet("b", "tumor", None, "normal"))
    put(lake, NAMES[2], sheet("c", "normal"))
    union = stacked(lake)
    assert lake.read(SAMPLES.address)["study_id"].to_list() == ["a", "c"]
    for part in (NAMES[1], "column value", "row 2 of the partition", "study_id 'b', sample_id 'x1'"):
        assert part in (union.reason or "")
    again = stacked(lake)
    assert (again.outcome, again.reason) == ("cache hit", union.reason)


def test_a_union_without_a_partition_is_told_by_status_release_and_run_until_it_is_mended(tmp_path):
    lake = Lake(tmp_path)
    steps = {name: Step({name: SAMPLES}, lambda inputs: SAMPLES.empty(), code_version="earlier") for name in NAMES}
    steps[SAMPLES.address] = replace(union_of(SAMPLES.address, NAMES), tests={}, inputs=())
    for name, value in zip(NAMES, ("tumor", None, "normal"), strict=True):
        put(lake, name, sheet(name[-1], value))
    run_step(lake, steps[SAMPLES.address])
    states = {one.address: one.state for one in states_of(lake, steps, None, ask_sources=False)}
    assert states == {NAMES[0]: "fresh", NAMES[1]: "failed", NAMES[2]: "fresh", SAMPLES.address: "fresh"}
    assert failed_tables(lake)["table_name"].to_list() == [NAMES[1]]
    assert [note.partition(":")[0] for note in notes_of_run(lake)] == [NAMES[1]]
    put(lake, NAMES[1], sheet("b", "tumor"))
    run_step(lake, steps[SAMPLES.address])
    assert lake.read(SAMPLES.address)["study_id"].to_list() == ["a", "b", "c"]
    assert failed_tables(lake).is_empty()
    assert notes_of_run(lake) == ()


def test_of_two_partitions_with_one_key_the_first_stays(tmp_path):
    lake = Lake(tmp_path)
    put(lake, NAMES[0], sheet("a", "tumor"))
    put(lake, NAMES[1], sheet("b", "tumor"))
    put(lake, NAMES[2], sheet("a", "normal", "normal"))
    union = stacked(lake)
    assert lake.read(SAMPLES.address)["value"].to_list() == ["tumor", "tumor"]
    assert f"{NAMES[2]}: left out of {SAMPLES.address}, check primary_key failed" in (union.reason or "")
    assert "('a', 'x0', 'condition') x 2" in (union.reason or "")


def test_a_test_of_the_union_leaves_the_culprit_out_too(tmp_path):
    def judge(mounts):
        return CheckResult("no_b", "b" not in mounts[SAMPLES.address]["study_id"], "found study b")

    lake = Lake(tmp_path)
    for name in NAMES:
        put(lake, name, sheet(name[-1], "tumor"))
    stacked(lake, tests={SAMPLES.address: [StepTest("no_b", (SAMPLES.address,), judge, "1")]})
    assert lake.read(SAMPLES.address)["study_id"].to_list() == ["a", "c"]


def test_a_union_whose_partitions_are_all_refused_is_not_written(tmp_path):
    lake = Lake(tmp_path)
    for name in NAMES:
        put(lake, name, sheet(name[-1], None))
    with pytest.raises(StepFailed, match="column value"):
        stacked(lake)
    assert lake.current(SAMPLES.address) is None


def test_a_slice_holds_the_rows_asked_for_and_stays_when_others_change(tmp_path):
    lake = Lake(tmp_path)
    cut = slice_of(partition_of(LISTS.address, "b"), LISTS.address, {"hgnc_symbol": "B"})
    run_step(lake, replace(fixed(LISTS.address, rows("A", "B")), tests={}, inputs=()))
    before = run_step(lake, replace(cut, tests={}))[cut.name].table_version
    assert lake.read(cut.name)["hgnc_symbol"].to_list() == ["B"]
    other = replace(fixed(LISTS.address, rows("B", "C", "D")), tests={}, inputs=(), code_version="v2")
    run_step(lake, other)
    after = run_step(lake, replace(cut, tests={}))[cut.name].table_version
    assert after.data_version == before.data_version


@pytest.mark.parametrize("kind", ["inputs", "optional_inputs"])
def test_a_misspelt_input_is_an_error_when_the_graph_is_loaded(kind):
    reader = replace(fixed(TWO, rows("A")), **{kind: ("parts.evidence__resistance_votes__on",)})
    with pytest.raises(
        CatalogFault, match=r"resistance_votes__on,.*Did you mean parts\.evidence__resistance_votes__one\?"
    ) as raised:
        by_table([fixed(ONE, rows("A")), reader])
    assert raised.value.subject == TWO


def test_two_steps_that_write_one_table_are_an_error_when_the_graph_is_loaded():
    with pytest.raises(CatalogFault, match=r"two steps write parts\.evidence__resistance_votes__one"):
        by_table([fixed(ONE, rows("A")), fixed(ONE, rows("B"))])


def test_unions_of_tables_that_change_together_are_one_step_and_leave_a_bad_partition_out(tmp_path):
    votes, lists = LISTS, TABLES["core.gene_lists__members"]
    other = partition_of(lists.address, "one")
    union = unions_of({votes.address: [ONE, TWO], lists.address: [other]})
    assert set(union.outputs) == {votes.address, lists.address}
    union = replace(union, tests={}, inputs=())
    lake = Lake(tmp_path)
    run_step(lake, fixed(ONE, rows("AXL")))
    run_step(lake, fixed(TWO, rows("EGFR")))
    found = run_step(lake, union)
    assert lake.read(votes.address)["hgnc_symbol"].to_list() == ["AXL", "EGFR"]
    assert found[lists.address].table_version.rows == 0
    # The same key twice: the later partition is left out, and told.
    run_step(lake, replace(fixed(TWO, rows("AXL")), code_version="v2"))
    found = run_step(lake, union)
    assert found[votes.address].table_version.rows == 1
    assert TWO in str(found[votes.address].reason)


class WithNote(LISTS.model):
    """The table of a later release."""

    note: str = col("what was seen", null=True)


class WithUnit(LISTS.model):
    """The table of a later release, with a column that must have a value."""

    unit: str = col("unit")


def test_a_partition_of_an_earlier_release_is_read_in_todays_columns_or_named(tmp_path, monkeypatch):
    """It is kept as it was written where its source cannot be had now."""
    lake = Lake(tmp_path)
    run_step(lake, fixed(ONE, rows("AXL", "MET")))
    monkeypatch.setitem(TABLES, LISTS.address, replace(LISTS, model=WithNote))
    run_step(lake, union_of(LISTS.address, [ONE]))
    assert lake.read(LISTS.address).select("hgnc_symbol", "note").rows() == [("AXL", None), ("MET", None)]
    monkeypatch.setitem(TABLES, LISTS.address, replace(LISTS, model=WithUnit))
    with pytest.raises(DataFault, match=rf"{ONE}: an earlier release wrote it without the column unit"):
        run_step(lake, union_of(LISTS.address, [ONE]))
