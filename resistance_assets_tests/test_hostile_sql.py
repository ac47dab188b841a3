"""SQL models on names and cells as people have them: what is resolved and read, and that readers and SQL agree."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.clinical_cells import find_unread

MODELS = Path(__file__).parents[1] / "dbt_like_sql" / "staging"
HGNC = [
    ("HGNC:3236", "EGFR", None, None, 1956, "ENSG00000146648", "NM_005228"),
    ("HGNC:23148", "PLCXD1", None, None, 55344, "ENSG00000182378", None),
    ("HGNC:12800", "XK", None, "NA", 7504, "ENSG00000047597", None),
    ("HGNC:3356", "ENPP2", None, "ATX", 5168, "ENSG00000136960", None),
    ("HGNC:19197", "DMBX1", None, "Atx", 127343, "ENSG00000197587", None),
    ("HGNC:7029", "MET", None, None, 4233, "ENSG00000105976", None),
]


@pytest.fixture
def warehouse():
    """Every table, empty, in memory, with a few genes of HGNC."""
    connection = duckdb.connect()
    for schema in ("raw", "staging", "core", "marts"):
        connection.execute(f"CREATE SCHEMA {schema}")
    for address, table in TABLES.items():
        if address.partition(".")[0] in ("raw", "staging", "core", "marts"):
            connection.register("empty_table", table.empty())
            connection.execute(f"CREATE TABLE {address} AS SELECT * FROM empty_table")
    columns = ("hgnc_id", "symbol", "prev_symbol", "alias_symbol", "entrez_id", "ensembl_gene_id", "refseq_accession")
    rows = pl.DataFrame(HGNC, schema=columns, orient="row").with_columns(status=pl.lit("Approved"))
    insert(connection, "raw.hgnc__genes", rows)
    yield connection
    connection.close()


def insert(connection: duckdb.DuckDBPyConnection, address: str, rows: pl.DataFrame) -> None:
    shaped = pl.concat([TABLES[address].empty(), rows], how="diagonal_relaxed")
    connection.register("new_rows", shaped)
    connection.execute(f"INSERT INTO {address} SELECT * FROM new_rows")


def build(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    for name in names:
        connection.execute(f"CREATE OR REPLACE TABLE staging.{name} AS {(MODELS / f'{name}.sql').read_text()}")


@pytest.mark.parametrize(
    ("name", "symbol", "resolution"),
    [
        ("EGFR|1956", "EGFR", "composite"),
        ("?|4233", "MET", "composite"),
        ("ENSG00000146648.5_EGFR", "EGFR", "composite"),
        ("EGFR_ENSG00000146648", "EGFR", "composite"),
        ("HGNC:3236", "EGFR", "composite"),
        ("GeneID:1956", "EGFR", "composite"),
        ("gene-EGFR", "EGFR", "composite"),
        ("NM_005228.5", "EGFR", "composite"),
        ("ENSGR0000182378", "PLCXD1", "composite"),
        ("ENSG00000182378.15_PAR_Y", "PLCXD1", "composite"),
        ("EGFR///MET", "EGFR///MET", "ambiguous"),
        ("Atx", "DMBX1", "alias"),
        ("ATX", "ENPP2", "alias"),
        ("egfr", "EGFR", "approved"),
        ("A1BG|x", "A1BG|x", "unknown"),
    ],
)
def test_hostile_name_is_resolved_by_what_it_holds(warehouse, name, symbol, resolution):
    insert(warehouse, "raw.studies__gene_sample_counts", pl.DataFrame({"study_id": ["s"], "feature_id": [name]}))
    build(warehouse, "genes__approved", "genes__symbols", "genes__dataset_names", "genes__proposed_symbols",
          "genes__measured", "genes__name_recognition")  # fmt: skip
    found = warehouse.sql("SELECT hgnc_symbol, resolution FROM staging.genes__measured").fetchall()
    assert found == [(symbol, resolution)]
    known = 0 if resolution in ("unknown", "ambiguous") else 1
    statement = warehouse.sql("SELECT statement FROM staging.genes__name_recognition").fetchall()
    assert statement[0][0].startswith(f"{known} of 1 gene names are known")
    assert (name in statement[0][0]) == (not known)


def test_hostile_copy_on_y_leaves_the_name_to_the_gene_on_x(warehouse):
    names = ["ENSG00000182378.15", "ENSG00000182378.15_PAR_Y"]
    insert(warehouse, "raw.studies__gene_sample_counts", pl.DataFrame({"study_id": ["s", "s"], "feature_id": names}))
    build(warehouse, "genes__approved", "genes__symbols", "genes__dataset_names", "genes__proposed_symbols",
          "genes__measured")  # fmt: skip
    found = dict(warehouse.sql("SELECT source_symbol, hgnc_symbol FROM staging.genes__measured").fetchall())
    assert found == {names[0]: "PLCXD1", names[1]: names[1]}


CELLS = {
    "age": ["62,5", "62.5", ">89", "18250", "-1", "1.000,5", "nan", "inf", "7e1", " 50 "],
    "sex": ["weiblich", "F", "männlich", "m", "W", "1", "unknown", "Mann?"],
    "stage": ["3A", "Stage IIIA (T3N1M0)", "Stage IV", "iib", "Stadium II", "IA3", "5", "Stage X", "T2"],
    "purity": ["0.5", "80", "80,5", "150", "-3", "high"],
}


@pytest.mark.parametrize("kind", CELLS)
def test_hostile_cells_that_sql_leaves_blank_are_those_that_readers_count(warehouse, kind):
    cells = CELLS[kind]
    patients = [f"P{at}" for at in range(len(cells))]
    cohort = {"cohort_id": ["c"], "study_id": ["s"], "origin": ["study"], f"{kind}_attribute": [kind]}
    insert(warehouse, "raw.catalog__cohorts", pl.DataFrame(cohort))
    samples = {"cohort_id": "c", "sample_id": patients, "patient_id": patients, "is_analysed": True}
    insert(warehouse, "staging.cohorts__samples", pl.DataFrame(samples))
    sheet = {"study_id": "s", "sample_id": patients, "attribute_id": kind, "value": cells}
    insert(warehouse, "raw.studies__samples", pl.DataFrame(sheet))
    build(warehouse, "cohorts__patients")
    column = {"age": "age_years", "sex": "sex", "stage": "stage_group", "purity": "tumour_purity"}[kind]
    found = dict(warehouse.sql(f"SELECT patient_id, {column} FROM staging.cohorts__patients").fetchall())
    blank = {patient for patient, value in found.items() if value is None}
    unread = find_unread(pl.Series(kind, cells), kind)  # pyright: ignore[reportArgumentType]
    assert blank == {patient for patient, is_unread in zip(patients, unread, strict=True) if is_unread}
