"""A release of bench studies alone, made without a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import polars as pl
import pytest

from resistance_assets.catalog.tables import published_tables
from resistance_assets.report.published import Published
from resistance_assets_tests.bench_world import bench_tables


def publish_in_memory(given: Mapping[str, pl.DataFrame]) -> duckdb.DuckDBPyConnection:
    """A database with every published table, empty but for those given, and what `Published` asks of meta."""
    connection = duckdb.connect()
    for layer in ("raw", "staging", "core", "marts", "meta"):
        connection.execute(f"CREATE SCHEMA {layer}")
    for table in published_tables():
        frame = given.get(table.address, table.empty()).to_arrow()
        connection.register("frame", frame)
        connection.execute(f"CREATE TABLE {table.address} AS SELECT * FROM frame")
        connection.unregister("frame")
    connection.execute("CREATE OR REPLACE TABLE meta.facts (name VARCHAR, value VARCHAR)")
    connection.execute("INSERT INTO meta.facts VALUES ('release', '1'), ('setting.synthetic', 'true')")
    connection.execute(
        "CREATE OR REPLACE TABLE meta.tables (layer VARCHAR, table_name VARCHAR, data_version VARCHAR, status VARCHAR)"
    )
    connection.execute(
        "CREATE OR REPLACE TABLE meta.sources (source_id VARCHAR, state VARCHAR, sha256 VARCHAR, reason VARCHAR)"
    )
    for table in published_tables():
        connection.execute("INSERT INTO meta.tables VALUES (?, ?, 'v1', 'available')", [table.layer, table.name])
    return connection


@pytest.fixture(scope="package")
def bench(goldens: Path, tmp_path_factory) -> Iterator[Published]:
    """One study of tumour growth and one plasma panel."""
    root = tmp_path_factory.mktemp("bench_pages")
    connection = publish_in_memory(bench_tables(root, goldens))
    yield Published(connection, root)
    connection.close()
