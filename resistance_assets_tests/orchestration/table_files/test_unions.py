"""Unions as lists of their partitions' files: same rows, version and faults as a stacked table, and no copy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.partitions import partition_of, union_of, unions_of
from resistance_assets.orchestration.status import stale_outputs, states_of
from resistance_assets.orchestration.steps import StepTest, run_step
from resistance_assets.orchestration.table_files import unions
from resistance_assets.orchestration.table_files.content import content_version, earlier_content_version
from resistance_assets.orchestration.table_files.file_list import list_as_bytes, list_from_bytes
from resistance_assets.orchestration.table_steps import as_step_test, sql_tests, table_step
from resistance_assets.warehouse.prune import prune
from resistance_assets.warehouse.publication import Publication
from resistance_assets.warehouse.publish import publish

TABLE = TABLES["staging.cohorts__gene_copy_number"]
COHORTS = ("a", "b", "c", "d")
NAMES = {cohort: partition_of(TABLE.address, cohort) for cohort in COHORTS}
ROWS = 60


def calls(cohort: str, shift: int = 0, rows: int = ROWS) -> pl.DataFrame:
    return pl.DataFrame(
        [(cohort, f"G{at:03d}", "P1", (at + shift) % 5 - 2) for at in range(rows)],
        schema=TABLE.polars_schema,
        orient="row",
    )


def partition(cohort: str, frame: pl.DataFrame):
    version = content_version(frame)
    return table_step(outputs={NAMES[cohort]: TABLE}, compute=lambda inputs: frame, code_version=version)


UNION = replace(union_of(TABLE.address, NAMES.values()), tests={}, inputs=())


@pytest.fixture
def lake(tmp_path, monkeypatch) -> Lake:
    monkeypatch.setattr(unions, "LISTED_ROWS", 2 * ROWS)
    monkeypatch.setattr(unions, "LISTED_ROWS_PER_PARTITION", 10)
    lake = Lake(tmp_path / "lake [1]")
    for cohort in COHORTS:
        run_step(lake, partition(cohort, calls(cohort)))
    return lake


def stacked(*frames: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(frames or [calls(cohort) for cohort in COHORTS])


def files_of(lake: Lake) -> list[str]:
    return [path.parent.name for path in lake.current_files(TABLE.address)]


def test_a_large_union_is_a_list_with_the_version_of_the_stacked_table(lake):
    [result] = run_step(lake, UNION).values()
    assert (result.outcome, result.table_version.rows) == ("built", 4 * ROWS)
    assert result.table_version.data_version == content_version(stacked())
    assert [one.passed for one in result.check_results] == [True, True]
    assert lake.read(TABLE.address).equals(stacked())
    assert lake.scan(TABLE.address).filter(pl.col("cohort_id") == "b").collect().equals(calls("b"))
    assert list(lake.folder(TABLE.address).glob("*.parquet")) == []
    assert files_of(lake) == [name.partition(".")[2] for name in NAMES.values()]
    assert [one.outcome for one in run_step(lake, UNION).values()] == ["cache hit"]
    assert stale_outputs(lake, {TABLE.address: UNION}, None) == ()


def test_a_small_union_is_one_file_of_the_same_version(lake, monkeypatch):
    [listed] = run_step(lake, UNION).values()
    monkeypatch.setattr(unions, "LISTED_ROWS", 10_000)
    [copied] = run_step(lake, UNION, force=True).values()
    assert copied.table_version.data_version == listed.table_version.data_version
    other = Lake(lake.root.parent / "other")
    for cohort in COHORTS:
        run_step(other, partition(cohort, calls(cohort)))
    [alone] = run_step(other, UNION).values()
    assert alone.table_version.data_version == listed.table_version.data_version
    assert len(list(other.folder(TABLE.address).glob("*.parquet"))) == 1


def test_a_partition_that_changes_is_another_file_and_the_others_are_not_read(lake, monkeypatch):
    run_step(lake, UNION)
    before = lake.current_files(TABLE.address)
    changed = calls("b", shift=1)
    run_step(lake, partition("b", changed))
    monkeypatch.setattr(Lake, "read_version", lambda *_: pytest.fail("read"))
    [result] = run_step(lake, UNION).values()
    after = lake.current_files(TABLE.address)
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True, True]
    wanted = stacked(calls("a"), changed, calls("c"), calls("d"))
    assert result.table_version.data_version == content_version(wanted)


def test_an_empty_or_missing_partition_is_no_file(lake):
    run_step(lake, partition("b", TABLE.empty()))
    lake.forget(NAMES["c"])
    [result] = run_step(lake, UNION).values()
    assert files_of(lake) == [NAMES["a"].partition(".")[2], NAMES["d"].partition(".")[2]]
    assert result.table_version.data_version == content_version(stacked(calls("a"), calls("d")))


def test_partitions_that_share_a_key_are_stacked_and_the_later_is_left_out(lake):
    run_step(lake, partition("d", calls("a", shift=2)))
    [result] = run_step(lake, UNION).values()
    assert result.table_version.rows == 3 * ROWS
    assert NAMES["d"] in str(result.reason)
    assert result.table_version.data_version == content_version(stacked(calls("a"), calls("b"), calls("c")))


def test_a_test_of_the_union_reads_the_files_and_names_the_partition(lake):
    test = sql_tests()["cohorts__copy_number_calls_are_whole"]
    inner = as_step_test(
        replace(
            test,
            sql="SELECT * FROM staging.cohorts__gene_copy_number WHERE cohort_id = 'c'",
            refs=(TABLE.address,),
        )
    )
    union = replace(UNION, tests={TABLE.address: [StepTest("t", (TABLE.address,), inner.check, "1")]})
    [result] = run_step(lake, union).values()
    assert NAMES["c"] in str(result.reason)
    assert result.table_version.rows == 3 * ROWS


def test_a_partition_that_another_model_checked_is_read_before_it_is_listed(lake, monkeypatch):
    """An earlier release may have let rows pass that the present model refuses."""
    record = lake.current(NAMES["c"])
    bad = calls("c").with_columns(gistic_call=pl.lit(7, pl.Int64))
    version = lake.write(NAMES["c"], bad)
    lake.set_current(replace(record, data_version=version, notes={}, content={}), None)
    [result] = run_step(lake, UNION).values()
    assert NAMES["c"] in str(result.reason)
    good = lake.write(NAMES["c"], calls("c"))
    lake.set_current(replace(record, data_version=good, notes={}, content={}), None)
    [result] = run_step(lake, UNION).values()
    assert result.table_version.data_version == content_version(stacked())
    assert len(files_of(lake)) == 4


@pytest.mark.parametrize("damage", ["list cut", "list gone", "list of another", "file gone", "file changed"])
def test_damage_of_a_list_or_of_a_listed_file_is_noticed_and_mended(lake, damage):
    run_step(lake, UNION)
    version = lake.current(TABLE.address).data_version
    listed = lake.root / lake.list_key(TABLE.address, version)
    target = lake.path(NAMES["b"], lake.current(NAMES["b"]).data_version)
    if damage == "list cut":
        listed.write_bytes(listed.read_bytes()[:-9])
    elif damage == "list gone":
        listed.unlink()
    elif damage == "list of another":
        document = json.loads(listed.read_text())
        listed.write_text(json.dumps(document | {"files": document["files"][:2]}))
    elif damage == "file gone":
        target.unlink()
    else:
        target.write_bytes(target.read_bytes()[:-1] + b"x")
    assert lake.damage_of(TABLE.address)
    steps = {**{NAMES[cohort]: partition(cohort, calls(cohort)) for cohort in COHORTS}, TABLE.address: UNION}
    assert states_of(lake, steps, None, ask_sources=False)[-1].state == "damaged"
    for step in steps.values():
        run_step(lake, step)
    assert lake.damage_of(TABLE.address, read_all=True) is None
    assert lake.read(TABLE.address).equals(stacked())


def test_unions_of_one_step_are_listed_each_for_itself(lake):
    z_scores = TABLES["staging.cohorts__gene_z_scores"]
    small = partition_of(z_scores.address, "a")
    frame = pl.DataFrame([("a", "G1", "P1", 0.5)], schema=z_scores.polars_schema, orient="row")
    run_step(lake, table_step(outputs={small: z_scores}, compute=lambda inputs: frame, code_version="1"))
    step = replace(unions_of({TABLE.address: list(NAMES.values()), z_scores.address: [small]}), tests={}, inputs=())
    run_step(lake, step)
    assert len(lake.current_files(TABLE.address)) == 4
    assert lake.current_files(z_scores.address)[0].parent == lake.folder(z_scores.address)
    assert lake.read(z_scores.address).equals(frame)


def test_a_union_that_an_earlier_release_stacked_keeps_its_version_while_its_rows_stay(lake, monkeypatch):
    monkeypatch.setattr(unions, "LISTED_ROWS", 10_000)
    [result] = run_step(lake, UNION).values()
    own = lake.path(TABLE.address, result.table_version.data_version)
    named = own.rename(lake.path(TABLE.address, earlier_content_version(stacked())))
    lake.set_current(replace(result.table_version, data_version=named.stem, content={}), None)
    monkeypatch.setattr(unions, "LISTED_ROWS", 2 * ROWS)
    [again] = run_step(lake, UNION, force=True).values()
    assert again.table_version.data_version == named.stem
    assert again.table_version.content["rows"] == 4 * ROWS
    run_step(lake, partition("a", calls("a", shift=3)))
    [changed] = run_step(lake, UNION).values()
    assert changed.table_version.data_version == content_version(lake.read(TABLE.address))


def test_a_list_that_is_none_is_no_list():
    files = [("parts.x__a", "v1"), ("parts.x__b", "v2")]
    assert list_from_bytes(list_as_bytes(files)) == files
    assert list_from_bytes(list_as_bytes([("parts.x__a", "../../etc/passwd")])) is None
    for text in (b"", b"[]", b"null", b'{"files": [], "sha256": ""}', b'{"files": 3}', b"\xff", b"[" * 100_000):
        assert list_from_bytes(text) is None


def test_pruning_keeps_the_files_that_a_union_or_a_release_lists_and_no_others(lake, tmp_path):
    data_dir = tmp_path
    lake = Lake(data_dir / "lake")
    for cohort in COHORTS:
        run_step(lake, partition(cohort, calls(cohort)))

    def publish_union() -> list[Path]:
        [result] = run_step(lake, UNION).values()
        version = result.table_version
        files = lake.intact_files(TABLE.address, version.data_version)
        publish(data_dir, [Publication(TABLE, version, files, {})], meta={}, code_revision="1", settings={})
        return files

    first = publish_union()
    run_step(lake, partition("b", calls("b", shift=1)))
    second = publish_union()
    run_step(lake, partition("b", calls("b", shift=2)))
    third = publish_union()
    prune(data_dir, keep=2)
    held = {path.name for path in lake.root.glob("parts/*/*.parquet")}
    assert {path.name for path in (*second, *third)} == held
    assert {path.name for path in first} - held == {first[1].name}
    assert len(list(lake.root.glob("*/*/*.files.json"))) == 2
    assert lake.damage_of(TABLE.address) is None
