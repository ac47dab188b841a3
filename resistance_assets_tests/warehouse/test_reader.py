"""Reading: the present file and old releases, and nothing beyond the tables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.orchestration.lake import Lake, TableVersion
from resistance_assets.warehouse.publication import Publication
from resistance_assets.warehouse.publish import publish
from resistance_assets.warehouse.reader import list_releases, open_warehouse, run_query

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


@pytest.fixture(params=[None, 1, 2], ids=["now", "release 1", "release 2"])
def connection(data_dir: Path, request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    with contextlib.closing(open_warehouse(data_dir, request.param)) as opened:
        yield opened


@pytest.mark.parametrize(("release", "n_samples"), [(None, 200), (1, 100), (2, 200)])
def test_a_release_reads_as_it_was(data_dir: Path, release: int | None, n_samples: int):
    with contextlib.closing(open_warehouse(data_dir, release)) as opened:
        assert run_query(opened, "SELECT n_samples FROM marts.dataset_catalog").rows() == [(n_samples,)]
        (stated,) = run_query(opened, "SELECT layer, table_name, row_count, status, grain FROM meta.tables").rows()
        assert stated == ("marts", "dataset_catalog", 1, "available", CATALOG.grain)
        columns = run_query(opened, "SELECT column_name, data_type, unit, is_key FROM meta.columns").rows()
        assert columns == [(c.name, c.duckdb_type, c.unit, c.name == "dataset_id") for c in CATALOG.columns]
        releases = run_query(opened, "SELECT release, year(published_at) > 2000 FROM meta.releases ORDER BY 1").rows()
        assert releases == [(number, True) for number in range(1, (release or 2) + 1)]


def test_releases_are_listed_with_their_manifests(data_dir: Path):
    found = list_releases(data_dir)
    assert sorted(found) == [1, 2]
    assert found[1]["tables"]["marts.dataset_catalog"]["rows"] == 1


def test_a_new_connection_sees_the_new_file_while_an_old_one_is_open(tmp_path: Path):
    put(tmp_path, 1)
    with contextlib.closing(open_warehouse(tmp_path)) as old:
        put(tmp_path, 2)
        with contextlib.closing(open_warehouse(tmp_path)) as new:
            assert run_query(new, "SELECT n_samples FROM marts.dataset_catalog").rows() == [(2,)]
        assert run_query(old, "SELECT n_samples FROM marts.dataset_catalog").rows() == [(1,)]


def test_what_is_not_there_is_said(data_dir: Path, tmp_path: Path):
    with pytest.raises(DataFault, match=r"no warehouse yet.*`resistance run` first"):
        open_warehouse(tmp_path)
    with pytest.raises(UsageFault, match=r"no release 7\. Known releases: 1, 2"):
        open_warehouse(data_dir, 7)
    (tmp_path / "warehouse.duckdb").write_text("not a database" * 1000)
    with pytest.raises(DataFault, match=r"cannot be opened.*built again"):
        open_warehouse(tmp_path)


def test_a_release_whose_files_are_gone_names_them(tmp_path: Path):
    put(tmp_path, 1)
    put(tmp_path, 2)
    lost = tmp_path / list_releases(tmp_path)[1]["tables"][CATALOG.address]["files"][0]
    lost.unlink()
    with pytest.raises(DataFault, match=r"marts\.dataset_catalog: release 1 is not complete.*1 of its files"):
        open_warehouse(tmp_path, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "WITH a AS (SELECT 1 AS x) SELECT * FROM a;",
        "FROM marts.dataset_catalog",
        "VALUES (1, 2)",
        "DESCRIBE marts.dataset_catalog",
        "SHOW ALL TABLES",
        "SUMMARIZE marts.dataset_catalog",
        "EXPLAIN SELECT * FROM marts.dataset_catalog",
        "-- why\nEXPLAIN ANALYZE (SELECT 1)",
        "SELECT manifest->>'release' FROM meta.releases",
        "PIVOT (SELECT kind, n_genes FROM marts.dataset_catalog) ON kind IN ('cohort') USING sum(n_genes)",
    ],
)
def test_reading_statements_are_answered(connection: duckdb.DuckDBPyConnection, sql: str):
    assert run_query(connection, sql).height > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("", "holds 0 statements"),
        ("SELECT 1; SELECT 2", "holds 2 statements"),
        ("CREATE TABLE x AS SELECT 1", "is a CREATE statement"),
        ("CREATE TABLE memory.main.x AS SELECT 1", "is a CREATE statement"),
        ("INSERT INTO marts.dataset_catalog SELECT * FROM marts.dataset_catalog", "is an INSERT statement"),
        ("WITH a AS (SELECT 1) DELETE FROM marts.dataset_catalog", "is a DELETE statement"),
        ("EXPLAIN ANALYZE DELETE FROM marts.dataset_catalog", "is a DELETE statement"),
        ("/* explain */ EXPLAIN (ANALYZE) DROP TABLE marts.dataset_catalog", "is a DROP statement"),
        ("COPY marts.dataset_catalog TO '{folder}/x.csv'", "is a COPY statement"),
        ("ATTACH '{folder}/x.db'", "is an ATTACH statement"),
        ("INSTALL httpfs", "is a LOAD statement"),
        ("SET enable_external_access = true", "is a SET statement"),
        ("PRAGMA enable_profiling", "is a PRAGMA statement"),
        ("PIVOT marts.dataset_catalog ON kind", "is a PIVOT whose columns are not stated"),
        ("SELECT * FROM read_text('{folder}/secret.txt')", "reads the tables of the warehouse and nothing else"),
        ("SELECT * FROM read_csv('{folder}/secret.txt')", "reads the tables of the warehouse and nothing else"),
        ("SELECT * FROM glob('{folder}/*')", "reads the tables of the warehouse and nothing else"),
        ("SELECT * FROM '{folder}/secret.txt'", "does not exist"),
        ("SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')", "query: "),
        ("SELECT getenv('HOME')", "getenv does not exist"),
        ("SELEC 1", "line 1: Parser Error: syntax error at or near"),
        ("SELECT kin FROM marts.dataset_catalog", r'"kin" not found.*Candidate bindings: .*"kind"'),
        ("SELECT * FROM dataset_catalog", r"Did you mean marts\.dataset_catalog\?"),
        ("SELECT * FROM marts.dataset_catalogue", r"Did you mean marts\.dataset_catalog\?"),
        ("SELECT * FROM marts.zebra", "SHOW ALL TABLES"),
        ("SELECT error('stop')", "stop"),
    ],
)
def test_everything_else_is_refused_in_one_line(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, sql: str, told: str
):
    (tmp_path / "secret.txt").write_text("secret")
    with pytest.raises(UsageFault, match=told) as caught:
        run_query(connection, sql.format(folder=tmp_path))
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]


@pytest.mark.parametrize(
    "sql",
    [
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "COPY (SELECT 1) TO '{folder}/x.csv'",
        "ATTACH '{folder}/x.db'",
        "INSTALL httpfs",
        "SELECT * FROM read_text('{folder}/secret.txt')",
        "SELECT * FROM read_parquet('{folder}/secret.txt')",
    ],
)
def test_the_connection_itself_is_locked(connection: duckdb.DuckDBPyConnection, tmp_path: Path, sql: str):
    """Not only `run_query` stands in the way."""
    (tmp_path / "secret.txt").write_text("secret")
    with pytest.raises(duckdb.Error):
        connection.execute(sql.format(folder=tmp_path)).fetchall()
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]


def test_the_published_file_cannot_be_written(data_dir: Path):
    with contextlib.closing(open_warehouse(data_dir)) as opened, pytest.raises(duckdb.Error, match="read-only"):
        opened.execute("DELETE FROM marts.dataset_catalog")
