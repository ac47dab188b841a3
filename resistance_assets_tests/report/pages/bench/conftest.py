"""A release of bench studies alone, made without a run: tables of the kinds' own functions, marts of their SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES, published_tables
from resistance_assets.defs.raw.studies import plasma_panel, tumour_growth
from resistance_assets.orchestration.sql_models import load_models, models_folder, run_model
from resistance_assets.report.published import Published
from resistance_assets_tests.defs.raw.studies.test_plasma_panel import FILES, symbols
from resistance_assets_tests.defs.raw.studies.test_plasma_panel import PAPER as PANEL
from resistance_assets_tests.defs.raw.studies.test_tumour_growth import PAPER as GROWTH
from resistance_assets_tests.study_folder import write_study_folder

MARTS = ("marts.deg_by_contrast", "marts.survival_by_gene", "marts.gene_evidence", "marts.panel_markers",
         "marts.tumour_growth")  # fmt: skip


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
    connection.execute("CREATE TABLE meta.facts (name VARCHAR, value VARCHAR)")
    connection.execute("INSERT INTO meta.facts VALUES ('release', '1'), ('setting.synthetic', 'true')")
    connection.execute(
        "CREATE TABLE meta.tables (layer VARCHAR, table_name VARCHAR, data_version VARCHAR, status VARCHAR)"
    )
    for table in published_tables():
        connection.execute("INSERT INTO meta.tables VALUES (?, ?, 'v1', 'available')", [table.layer, table.name])
    return connection


def add_marts(tables: dict[str, pl.DataFrame]) -> None:
    """The marts that bench pages read, by their SQL."""
    models = load_models(models_folder(), TABLES)
    for address in MARTS:
        refs = {ref: tables.get(ref, TABLES[ref].empty()) for ref in models[address].refs}
        tables[address] = run_model(models[address], refs)


@pytest.fixture(scope="package")
def bench(goldens: Path, tmp_path_factory) -> Iterator[Published]:
    """One study of tumour growth and one plasma panel."""
    root, folder = tmp_path_factory.mktemp("bench_pages"), goldens / "bench"
    names = ("measurements.tsv", "mice.tsv")
    growth = write_study_folder(
        root / "g", "tumour_growth", GROWTH, {name: folder / "tumour_growth" / name for name in names}
    )
    panel = write_study_folder(
        root / "p", "plasma_panel", PANEL, {name: folder / "plasma_panel" / name for name in FILES}
    )
    raw = plasma_panel.read_tables(panel) | {
        plasma_panel.SYMBOLS: symbols(("CCL20", "CCL20", "approved"), ("IL6", "IL6", "approved"))
    }
    made = [tumour_growth.read_tables(growth), raw]
    made += [tumour_growth.analyse(growth, made[0]), plasma_panel.analyse(panel, raw)]
    tables: dict[str, pl.DataFrame] = {}
    for frames, study in ((made[0], "growth"), (made[2], "growth"), (made[1], "panel"), (made[3], "panel")):
        for address, frame in frames.items():
            if address not in TABLES or "study_id" not in frame.columns:
                continue
            named = frame.with_columns(study_id=pl.lit(study))
            tables[address] = pl.concat([tables[address], named]) if address in tables else named
    tables["raw.catalog__studies"] = pl.DataFrame(
        {
            "study_id": ["growth", "panel"],
            "title": ["Mice <b>in</b> four arms", "Plasma of patients"],
            "kind": ["tumour_growth", "plasma_panel"],
            "is_public": [False, False],
            "organism": ["Homo sapiens"] * 2,
            "paper_id": ["wang_2022"] * 2,
        }
    )
    add_marts(tables)
    connection = publish_in_memory(tables)
    yield Published(connection, root)
    connection.close()
