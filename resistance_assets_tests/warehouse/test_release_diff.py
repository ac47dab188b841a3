"""Two releases compared: rows by key, members, thresholds, verdicts, and the way back to the cause."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.orchestration.lake import Lake, TableVersion
from resistance_assets.warehouse.release_diff import (
    CHANGES_SCHEMA,
    ReleaseDiff,
    TableChange,
    causes_of,
    compare_members,
    compare_q_values,
    compare_rows,
    compare_table,
    compare_verdicts,
    compare_words,
    diff_releases,
)


def rows(values: dict[str, float]) -> pl.DataFrame:
    return pl.DataFrame({"gene": list(values), "value": list(values.values())}, schema={"gene": str, "value": float})


VALUES = st.dictionaries(st.sampled_from("ABCDEFGH"), st.sampled_from([0.0, 1.0, 2.5]), max_size=8)


@pytest.mark.slow
@given(VALUES, VALUES)
def test_rows_are_told_apart_by_key(before, after):
    added, removed, changed = compare_rows(rows(before), rows(after), ("gene",))
    assert set(added["gene"]) == set(after) - set(before)
    assert set(removed["gene"]) == set(before) - set(after)
    assert set(changed["gene"]) == {gene for gene in set(before) & set(after) if before[gene] != after[gene]}


def test_what_rounding_cannot_tell_apart_and_the_order_of_rows_are_no_change():
    before = pl.DataFrame({"gene": ["A", "B"], "value": [0.1 + 0.2, 0.0]})
    after = pl.DataFrame({"gene": ["B", "A"], "value": [-0.0, 0.3]})
    assert [frame.height for frame in compare_rows(before, after, ("gene",))] == [0, 0, 0]


def test_a_new_column_changes_every_row():
    before = pl.DataFrame({"gene": ["A", "B"], "value": [1.0, 2.0]})
    after = before.with_columns(more=pl.lit(1))
    assert compare_rows(before, after, ("gene",))[2].height == 2


def test_missing_parts_of_a_key_are_equal():
    before = pl.DataFrame({"gene": ["A", None], "value": [1.0, 2.0]})
    after = pl.DataFrame({"gene": ["A", None], "value": [1.0, 3.0]})
    added, removed, changed = compare_rows(before, after, ("gene",))
    assert (added.height, removed.height, changed["gene"].to_list()) == (0, 0, [None])


def test_few_values_are_named_and_many_are_counted():
    before = pl.DataFrame({"gene": [f"G{at}" for at in range(50)], "value": [1.0] * 50})
    after = before.with_columns(pl.when(pl.col("gene") == "G7").then(9.0).otherwise("value").alias("value"))
    change = compare_table("core.unknown", before.select("gene", "value"), after)
    assert (change.rows_added, change.rows_removed) == (1, 1)  # no model, so every column is part of the key
    many = compare_table("core.unknown", before, before.with_columns(pl.col("value") + 1))
    assert "gene" not in many.touched
    assert many.touched_counts["gene"] == 50
    assert "50 values of gene" in many.describe()


@pytest.mark.parametrize(("before", "after", "word"), [(None, rows({"A": 1.0}), "added"), (rows({}), None, "removed")])
def test_a_table_that_came_or_went(before, after, word):
    assert compare_table("core.x", before, after).change == word


def members(*pairs: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema={"list_id": str, "hgnc_symbol": str}, orient="row")


def test_members_enter_and_leave():
    found = compare_members(
        "core.gene_lists__members",
        members(("up", "AXL"), ("up", "MET"), ("down", "IL6")),
        members(("up", "AXL"), ("up", "CCL20"), ("down", "IL6")),
        "list_id",
        "hgnc_symbol",
    )
    assert [(item.subject, item.item, item.change) for item in found] == [
        ("up", "CCL20", "entered"),
        ("up", "MET", "left"),
    ]


def test_the_candidates_are_one_set():
    found = compare_members("marts.resistance_candidates", members(), members(("x", "AXL")), None, "hgnc_symbol")
    assert [(item.subject, item.item) for item in found] == [("marts.resistance_candidates", "AXL")]


def test_q_values_cross_the_threshold_and_missing_is_above():
    before = pl.DataFrame({"gene": list("ABCDE"), "q_value_bh": [0.04, 0.06, 0.04, None, 0.5]})
    after = pl.DataFrame({"gene": list("ABCDF"), "q_value_bh": [0.05, 0.049, 0.01, 0.001, 0.001]})
    found = compare_q_values("core.t", before, after, ("gene",))
    assert [(item.item, item.change) for item in found] == [
        ("A", "rose to 0.05 or more"),
        ("B", "fell below 0.05"),
        ("D", "fell below 0.05"),
    ]
    assert found[2].before is None


def test_a_stated_threshold_is_no_q_value():
    frame = pl.DataFrame({"gene": ["A"], "q_value_threshold": [0.1]})
    assert compare_q_values("core.t", frame, frame.with_columns(q_value_threshold=pl.lit(0.01)), ("gene",)) == []


def test_verdicts_turn():
    before = pl.DataFrame({"claim_id": ["a", "b", "c"], "verdict": ["reproduced", "differs", "differs"]})
    after = pl.DataFrame({"claim_id": ["a", "b", "d"], "verdict": ["differs", "differs", "reproduced"]})
    found = compare_verdicts("marts.published_claims", before, after, "claim_id", "verdict")
    assert [(item.item, item.before, item.after) for item in found] == [
        ("a", "reproduced", "differs"),
        ("c", "differs", None),
        ("d", None, "reproduced"),
    ]


def test_a_candidate_changes_its_word_within_its_class():
    columns = ("drug_class", "hgnc_symbol", "confidence")
    before = pl.DataFrame([("ALK", "AXL", "suggested"), ("EGFR", "AXL", "single study")], schema=columns, orient="row")
    after = pl.DataFrame([("ALK", "AXL", "replicated"), ("ALK", "MET", "suggested")], schema=columns, orient="row")
    found = compare_words("marts.candidates", before, after, columns[:2], "confidence")
    assert [(item.kind, item.item, item.before, item.after) for item in found] == [
        ("confidence", "ALK: AXL", "suggested", "replicated"),
        ("confidence", "ALK: MET", None, "suggested"),
        ("confidence", "EGFR: AXL", "single study", None),
    ]


# ---- causes ----------------------------------------------------------------------------------------------------------


def table_version(address: str, *, version: str = "1", **known) -> TableVersion:
    made = TableVersion(
        address, "available", version, "code", "parameters", {}, 1, "2026-01-01T00:00:00+00:00", "run", 0.1
    )
    return replace(made, **known)


def records(*table_versions: TableVersion):
    by_address = {found.address: found for found in table_versions}
    return by_address.get


CHAIN = {"raw.a": {"source:hgnc": "s1"}, "parts.b": {"raw.a": "1"}, "core.c": {"parts.b": "1", "raw.z": "1"}}


def chain(**changes: dict) -> tuple[TableVersion, ...]:
    names = {"a": "raw.a", "b": "parts.b", "c": "core.c"}
    made = {address: table_version(address, inputs=dict(inputs)) for address, inputs in CHAIN.items()}
    for short, known in changes.items():
        made[names[short]] = replace(made[names[short]], **known)
    return tuple(made.values())


def test_the_way_leads_through_partitions_to_the_source():
    after = chain(
        a={"inputs": {"source:hgnc": "s2"}, "data_version": "2"},
        b={"inputs": {"raw.a": "2"}, "data_version": "2"},
        c={"inputs": {"parts.b": "2", "raw.z": "1"}},
    )
    (cause,) = causes_of("core.c", records(*chain()), records(*after))
    assert (cause.kind, cause.address, cause.what, cause.before, cause.after) == ("data", "raw.a", "hgnc", "s1", "s2")
    assert str(cause) == "data: source hgnc (s1 -> s2)"


def test_what_the_warehouse_knows_of_itself_is_a_cause_only_where_there_is_no_other():
    before = chain(c={"inputs": {"parts.b": "1", "raw.z": "1", "state:claim": "1"}})
    alone = chain(c={"inputs": {"parts.b": "1", "raw.z": "1", "state:claim": "2"}})
    (cause,) = causes_of("core.c", records(*before), records(*alone))
    assert (cause.kind, cause.address) == ("state", "core.c")
    after = chain(
        a={"inputs": {"source:hgnc": "s2"}, "data_version": "2"},
        b={"inputs": {"raw.a": "2"}, "data_version": "2"},
        c={"inputs": {"parts.b": "2", "raw.z": "1", "state:claim": "2"}},
    )
    (cause,) = causes_of("core.c", records(*before), records(*after))
    assert (cause.kind, cause.what) == ("data", "hgnc")


def test_the_function_that_changed_is_named():
    before = chain(c={"notes": {"code": {"science.deg.fit": "1", "science.deg.test": "1"}}})
    after = chain(c={"code_version": "other", "notes": {"code": {"science.deg.fit": "2", "science.deg.test": "1"}}})
    (cause,) = causes_of("core.c", records(*before), records(*after))
    assert str(cause) == "code: science.deg.fit changed"


def test_a_model_in_sql_is_named_by_its_table():
    before = chain(c={"notes": {"code": {"SQL": "1"}}})
    after = chain(c={"code_version": "other", "notes": {"code": {"SQL": "2"}}})
    (cause,) = causes_of("core.c", records(*before), records(*after))
    assert str(cause) == "code: SQL of core.c changed"


def test_the_parameter_that_changed_is_named_with_both_values():
    before = chain(c={"notes": {"parameters": {"q_value": "0.05", "method": '"limma"'}}})
    after = chain(c={"parameters": "other", "notes": {"parameters": {"q_value": "0.1", "method": '"limma"'}}})
    (cause,) = causes_of("core.c", records(*before), records(*after))
    assert str(cause) == "parameter: q_value of core.c (0.05 -> 0.1)"


def test_an_input_under_a_new_name_with_the_same_version_is_no_cause():
    before = (*chain(a={"inputs": {"source:hgnc": "s1"}}), table_version("parts.old", inputs={"source:hgnc": "s1"}))
    before = tuple(replace(p, inputs={"parts.old": "1", "raw.a": "1"}) if p.address == "core.c" else p for p in before)
    after = chain(
        a={"inputs": {"source:hgnc": "s2"}, "data_version": "2"}, c={"inputs": {"parts.b": "1", "raw.a": "2"}}
    )
    (cause,) = causes_of("core.c", records(*before), records(*after))
    assert (cause.kind, cause.what, cause.before, cause.after) == ("data", "hgnc", "s1", "s2")


def test_a_release_without_records_says_so():
    (cause,) = causes_of("core.c", records(), records())
    assert cause.kind == "unrecorded"


def test_a_file_of_a_study_is_named_with_its_study():
    notes = {"sources": {"counts": {"study": "luad", "file": "counts.tsv"}}}
    before = table_version("parts.studies__gene_sample_counts__luad", inputs={"source:counts": "1"}, notes=notes)
    after = replace(before, inputs={"source:counts": "2"}, data_version="2")
    (cause,) = causes_of("parts.studies__gene_sample_counts__luad", records(before), records(after))
    assert cause.what == "luad/counts.tsv"


# ---- releases --------------------------------------------------------------------------------------------------------


def release(lake: Lake, number: int, genes: list[str], source: str) -> dict:
    """A manifest of one table of list members, with its record in the lake."""
    address = "core.gene_lists__members"
    frame = pl.DataFrame({"list_id": ["up"] * len(genes), "hgnc_symbol": genes, "direction": ["up"] * len(genes)})
    version = lake.write(address, frame)
    made = table_version(address, version=version, inputs={"source:hgnc": source}, rows=frame.height)
    lake.set_current(made, f"key{number}")
    parquet = lake.path(address, version).relative_to(lake.root.parent)
    return {
        "release": number,
        "tables": {
            address: {"data_version": version, "parquet": str(parquet), "cache_key": f"key{number}", "rows": len(genes)}
        },
        "partitions": {},
    }


def test_a_release_is_compared_from_its_files(tmp_path: Path):
    lake = Lake(tmp_path / "lake")
    before, after = release(lake, 1, ["AXL", "MET"], "s1"), release(lake, 2, ["AXL", "CCL20"], "s2")
    diff = diff_releases(tmp_path, before, after)
    assert [(item.item, item.change) for item in diff.items] == [("CCL20", "entered"), ("MET", "left")]
    (table,) = diff.tables
    assert (table.rows_added, table.rows_removed, table.rows_changed) == (1, 1, 0)
    assert [str(cause) for cause in diff.causes] == ["data: source hgnc (s1 -> s2)"]
    frame = diff.as_frame()
    assert dict(frame.schema) == CHANGES_SCHEMA
    assert frame["kind"].to_list() == ["table", "list_member", "list_member"]
    assert frame["cause"].unique().to_list() == ["data: source hgnc (s1 -> s2)"]
    json.dumps(diff.as_document())
    assert diff_releases(tmp_path, after, after).is_empty
    backwards = diff_releases(tmp_path, after, before)
    assert [(item.item, item.change) for item in backwards.items] == [("MET", "entered"), ("CCL20", "left")]


def test_of_a_table_of_partitions_the_files_that_changed_are_compared(tmp_path: Path):
    lake = Lake(tmp_path / "lake")
    address = "staging.cohorts__gene_z_scores"

    def facts(shifts: dict[str, float]) -> dict:
        files = []
        for cohort, shift in shifts.items():
            frame = pl.DataFrame({"cohort_id": cohort, "hgnc_symbol": ["AXL", "MET"], "patient_id": "P1"})
            frame = frame.with_columns(z_score=pl.Series([0.5 + shift, 1.5]))
            version = lake.write(f"parts.x__{cohort}", frame)
            files.append(str(lake.path(f"parts.x__{cohort}", version).relative_to(tmp_path)))
        return {"data_version": str(sorted(shifts.items())), "files": files, "rows": 2 * len(shifts), "cache_key": None}

    one, two = facts({"a": 0.0, "b": 0.0, "c": 0.0}), facts({"a": 0.0, "b": 1.0, "d": 0.0})
    before = {"release": 1, "tables": {address: one}, "partitions": {}}
    after = {"release": 2, "tables": {address: two}, "partitions": {}}
    lake.path("parts.x__a", Path(one["files"][0]).stem).write_bytes(b"nobody reads it")
    (change,) = diff_releases(tmp_path, before, after).tables
    assert (change.rows_before, change.rows_after) == (6, 6)
    assert (change.rows_added, change.rows_removed, change.rows_changed) == (2, 2, 1)
    assert change.touched["cohort_id"] == ("b", "c", "d")


def test_a_file_that_was_pruned_is_missed(tmp_path: Path):
    lake = Lake(tmp_path / "lake")
    before, after = release(lake, 1, ["AXL"], "s1"), release(lake, 2, ["MET"], "s2")
    (tmp_path / before["tables"]["core.gene_lists__members"]["parquet"]).unlink()
    with pytest.raises(FileNotFoundError):
        diff_releases(tmp_path, before, after)


def test_an_empty_comparison_has_the_columns():
    assert dict(ReleaseDiff(1, 2, (), ()).as_frame().schema) == CHANGES_SCHEMA
    one = ReleaseDiff(1, 2, (TableChange("core.x", "added", None, 3, 3, 0, 0),), ())
    assert one.as_frame().row(0, named=True)["before"] is None
