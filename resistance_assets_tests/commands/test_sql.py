"""Dot commands, and how an answer is written."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.commands.sql import answer, as_text, write_result
from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.orchestration.lake import Lake, TableVersion
from resistance_assets.warehouse.publication import Publication
from resistance_assets.warehouse.publish import publish
from resistance_assets.warehouse.reader import open_warehouse, run_query

CATALOG = TABLES["marts.dataset_catalog"]


def put(data_dir: Path, n_samples: int) -> None:
    row = ("luad", "cohort", "LUAD", n_samples, 5, 0, True)
    content = pl.DataFrame([row], schema=CATALOG.polars_schema, orient="row")
    lake = Lake(data_dir / "lake")
    version = lake.write(CATALOG.address, content)
    table_version = TableVersion(
        CATALOG.address, "available", version, "c", "p", {}, 1, "2026-01-02T03:04:05+00:00", "r", 0.1
    )
    tables = [Publication(CATALOG, table_version, [lake.path(CATALOG.address, version)], {})]
    publish(data_dir, tables, meta={}, code_revision="1", settings={})


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    put(folder, 100)
    put(folder, 200)
    return folder


ANSWER = pl.DataFrame(
    {"gene": ["AXL", None], "q_value": [1.25e-9, float("nan")], "n": [453, None], "genes": [["A", "B"], []]},
    schema={"gene": pl.String, "q_value": pl.Float64, "n": pl.Int64, "genes": pl.List(pl.String)},
)


def test_an_answer_for_reading_is_whole():
    assert as_text(ANSWER.drop("genes")).splitlines() == [
        "gene   q_value    n",
        "----  --------  ---",
        "AXL   1.25e-09  453",
        ".          nan    .",
        "(2 rows)",
    ]
    assert as_text(ANSWER.clear().select("gene")).splitlines() == ["gene", "----", "(0 rows)"]
    long = pl.DataFrame({"x": [f"{'wide ' * 40}{i}" for i in range(500)]})
    assert as_text(long).count("wide ") == 500 * 40


def test_an_answer_is_written_in_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_result(ANSWER, "json")
    assert json.loads(capsys.readouterr().out) == [
        {"gene": "AXL", "q_value": 1.25e-9, "n": 453, "genes": ["A", "B"]},
        {"gene": None, "q_value": None, "n": None, "genes": []},
    ]
    write_result(ANSWER.clear(), "json")
    assert json.loads(capsys.readouterr().out) == []
    write_result(ANSWER.drop("genes").head(1), "csv", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "gene,q_value,n\nAXL,1.25e-9,453\n"
    write_result(ANSWER, "parquet", tmp_path / "a.parquet")
    assert pl.read_parquet(tmp_path / "a.parquet").equals(ANSWER)


def test_numbers_and_dates_of_duckdb_become_plain_json(data_dir: Path, capsys: pytest.CaptureFixture[str]):
    with contextlib.closing(open_warehouse(data_dir)) as opened:
        rows = run_query(
            opened, "SELECT sum(n_genes) AS s, 1.5 AS d, DATE '2026-01-02' AS t FROM marts.dataset_catalog"
        )
    write_result(rows, "json")
    assert json.loads(capsys.readouterr().out) == [{"s": 5, "d": 1.5, "t": "2026-01-02"}]


@pytest.mark.parametrize(
    ("format", "output", "told"),
    [
        ("jsn", None, "format jsn is unknown. Did you mean json"),
        ("parquet", None, "Name a file with -o"),
        ("csv", "no/such/a.csv", "folder does not exist"),
        ("csv", ".", "cannot be written"),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path: Path, format: str, output: str | None, told: str):
    with pytest.raises((UsageFault, DataFault), match=told):
        write_result(ANSWER.drop("genes"), format, tmp_path / output if output else None)  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataFault, match="column genes holds lists"):
        write_result(ANSWER, "csv")


@pytest.mark.parametrize("release", [None, 1])
def test_dot_commands_list_tables_and_columns_of_any_release(data_dir: Path, release: int | None):
    with contextlib.closing(open_warehouse(data_dir, release)) as connection:
        tables = answer(connection, ".tables")
        assert tables["table_name"].to_list() == [CATALOG.address]
        assert answer(connection, " .tables cohort;").height == 1
        assert answer(connection, ".tables nothing of the kind").height == 0
        for name in (CATALOG.address, CATALOG.name):
            found = answer(connection, f".schema {name}")
            assert found["column_name"].to_list() == [column.name for column in CATALOG.columns]
            assert found.filter(key="key")["column_name"].to_list() == list(CATALOG.key)


@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        (".schema dataset_catalogue", "Did you mean .*dataset_catalog"),
        (".schema x'; DROP TABLE y", "lists them|Did you mean"),
        (".schema", "Use `.tables"),
        (".quit", "Use `.tables"),
    ],
)
def test_a_wrong_dot_command_is_told_the_right_one(data_dir: Path, command: str, remedy: str):
    with contextlib.closing(open_warehouse(data_dir)) as connection, pytest.raises(UsageFault, match=remedy):
        answer(connection, command)
