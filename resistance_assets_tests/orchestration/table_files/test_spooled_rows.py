"""Spooled rows: the same rows in the same order as a frame, with the same checks, content and file."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
from dataclasses import replace

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration import checks
from resistance_assets.orchestration.checks import validate
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.sql_models import run_large_model, run_model, run_test
from resistance_assets.orchestration.steps import StepFailed, run_step
from resistance_assets.orchestration.table_files import spooled_rows as room
from resistance_assets.orchestration.table_files.content import content_of
from resistance_assets.orchestration.table_files.spooled_rows import SpooledRows, spool
from resistance_assets.orchestration.table_steps import sql_models, sql_tests, table_step

TABLE = TABLES["staging.cohorts__gene_copy_number"]
AT = pl.int_range(pl.len())


def calls(n: int, **other: object) -> pl.DataFrame:
    rows = [("c", f"G{i // 4}", f"P{i % 4}", None if i % 7 == 0 else i % 5 - 2) for i in range(n)]
    return pl.DataFrame(rows, schema=TABLE.polars_schema, orient="row").with_columns(**other)


def rows_of(address: str, **columns: list[object]) -> pl.DataFrame:
    """Rows of a table of which some columns are given and the others are missing."""
    schema = TABLES[address].polars_schema
    made = pl.DataFrame(columns, schema={name: schema[name] for name in columns})
    others = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in columns]
    return made.with_columns(others).select(list(schema))


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(room, "HELD_ROWS", 5)
    monkeypatch.setattr(checks, "HELD_ROWS", 5)


def spooled(frame: pl.DataFrame, height: int = 3) -> SpooledRows:
    rows = spool(frame.slice(at, height) for at in range(0, frame.height, height))
    assert isinstance(rows, SpooledRows)
    return rows


@pytest.mark.usefixtures("small_pieces")
def test_rows_are_a_frame_as_long_as_they_are_few_and_have_the_columns_of_their_first_part():
    assert_frame_equal(spool([calls(2), calls(3)]), pl.concat([calls(2), calls(3)]))  # type: ignore[arg-type]
    assert_frame_equal(spool([calls(0)]), calls(0))  # type: ignore[arg-type]
    assert isinstance(spool([calls(0), calls(5), calls(1)]), SpooledRows)
    with pytest.raises(ValueError, match="one part is needed"):
        spool([])
    with pytest.raises(ValueError, match="behind rows of"):
        spool([calls(6), calls(1).drop("gistic_call")])


@pytest.mark.usefixtures("small_pieces")
@settings(deadline=None, max_examples=25)
@given(n=st.integers(6, 60), height=st.integers(1, 17))
def test_frame_pieces_scan_content_and_duckdb_see_the_same_rows(n, height):
    frame, rows = calls(n), spooled(calls(n), height)
    assert rows.height == n
    assert rows.columns == frame.columns
    assert_frame_equal(rows.frame(), frame)
    assert_frame_equal(pl.concat(rows.pieces()), frame)
    assert all(piece.height < 5 + height for piece in rows.pieces())
    assert_frame_equal(rows.scan().collect(), frame)
    assert content_of(rows) == content_of(frame)
    with duckdb.connect() as connection:
        connection.register("given", rows.in_place())
        assert_frame_equal(pl.DataFrame(pl.from_arrow(connection.sql("FROM given").to_arrow_table())), frame)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        ({}, None),
        ({"gistic_call": pl.when(AT == 17).then(9).otherwise("gistic_call")}, "schema"),
        ({"hgnc_symbol": pl.when(AT != 17).then("hgnc_symbol")}, "schema"),
        ({"hgnc_symbol": pl.when(AT == 23).then(pl.lit("G0")).otherwise("hgnc_symbol")}, "primary_key"),
    ],
)
def test_checks_say_of_spooled_rows_what_they_say_of_the_frame(spoil, check):
    frame = calls(30).with_columns(**spoil)
    found = validate(TABLE, spooled(frame))
    assert found == validate(TABLE, frame)
    assert [one.name for one in found if not one.passed] == ([check] if check else [])


@pytest.mark.usefixtures("small_pieces")
def test_too_few_rows_are_told_of_spooled_rows_too():
    table = replace(TABLE, min_rows=31)
    assert not validate(table, spooled(calls(30)))[0].passed
    assert validate(table, spooled(calls(30)), may_be_empty=True)[0].passed
    assert validate(table, spooled(calls(31)))[0].passed


@pytest.mark.usefixtures("small_pieces")
def test_a_step_writes_spooled_rows_as_it_writes_the_frame(tmp_path):
    def written(rows, folder):
        lake = Lake(tmp_path / folder)
        step = table_step(outputs={"parts.x": TABLE}, compute=lambda inputs: rows, code_version="1")
        [result] = run_step(lake, step).values()
        return lake, result

    (lake, result), (other, same) = written(spooled(calls(40)), "a"), written(calls(40), "b")
    assert_frame_equal(lake.read("parts.x"), calls(40))
    assert result.table_version.data_version == same.table_version.data_version
    assert result.check_results == same.check_results
    version = result.table_version.data_version
    assert lake.schema("parts.x", version) == other.schema("parts.x", version)
    with pytest.raises(StepFailed, match="primary_key"):
        written(spooled(pl.concat([calls(20), calls(1)])), "c")
    assert not list((tmp_path / "c").rglob("*.parquet"))
    with pytest.raises(ValueError, match="spooled rows have"):
        written(spooled(calls(20).with_columns(pl.col("gistic_call").cast(pl.Int32))), "d")


@pytest.mark.usefixtures("small_pieces")
def test_a_model_and_its_tests_give_the_same_over_spooled_rows():
    model, test = sql_models()[TABLE.address], sql_tests()["cohorts__copy_number_calls_are_whole"]
    n = 12
    given = {ref: TABLES[ref].empty() for ref in {*model.refs, *test.refs}}
    values = TABLES["raw.cbioportal__copy_number_values"]

    given["raw.catalog__cohorts"] = rows_of(
        "raw.catalog__cohorts", cohort_id=["c"], study_id=["s"], origin=["cbioportal"]
    )
    given["staging.cohorts__samples"] = rows_of(
        "staging.cohorts__samples", cohort_id=["c"] * n, patient_id=[f"P{i:02}" for i in range(n)],
        sample_id=[f"S{i:02}" for i in range(n)], is_analysed=[True] * n,
    )  # fmt: skip
    given["staging.genes__measured"] = rows_of(
        "staging.genes__measured", dataset_id=["c"], measurement=["copy_number"], hgnc_symbol=["AXL"],
        profile_id=["gistic"], source_row=[1],
    )  # fmt: skip
    matrix = rows_of(
        values.address, study_id=["s"] * n, stable_id=["gistic"] * n, gene_row=[1] * n,
        sample_id=[f"S{i:02}" for i in range(n)], value=[float(i % 5 - 2) for i in range(n)],
    )  # fmt: skip
    whole = run_model(model, {**given, values.address: matrix})
    large = run_large_model(model, {**given, values.address: spooled(matrix)})
    assert isinstance(large, SpooledRows)
    assert whole.height == n
    assert_frame_equal(large.frame(), whole)
    mounts = {**given, values.address: spooled(matrix)}
    assert run_test(test, {**mounts, TABLE.address: large}).passed
    wrong = spooled(whole.with_columns(gistic_call=pl.lit(1, pl.Int64)))
    assert not run_test(test, {**mounts, TABLE.address: wrong}).passed


def test_files_are_gone_with_the_rows_also_where_a_part_fails(small_pieces, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = spooled(calls(30))
    assert len(list(tmp_path.rglob("*.arrow"))) > 1
    del rows
    gc.collect()
    assert not any(tmp_path.iterdir())

    def parts():
        yield calls(20)
        assert any(tmp_path.iterdir())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        spool(parts())
    gc.collect()
    assert not any(tmp_path.iterdir())


def test_polars_gives_memory_back_at_once_unless_the_environment_says_otherwise():
    def setting(**environment: str) -> str:
        program = "import os, resistance_assets, polars; print(os.environ['_RJEM_MALLOC_CONF'])"
        kept = {name: value for name, value in os.environ.items() if name != "_RJEM_MALLOC_CONF"}
        done = subprocess.run(
            [sys.executable, "-c", program], env=kept | environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    # The last one counts: polars puts its own before.
    assert setting().endswith(",dirty_decay_ms:0,muzzy_decay_ms:0")
    assert setting(_RJEM_MALLOC_CONF="dirty_decay_ms:7").endswith(",dirty_decay_ms:7")
