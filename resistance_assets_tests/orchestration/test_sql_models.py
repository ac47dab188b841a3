"""The loader of SQL models: what it refuses, what it reads out of a query, and that a query reaches nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pytest

from resistance_assets.catalog.tables import Table, col
from resistance_assets.errors import CatalogFault
from resistance_assets.orchestration.sql_models import load_models, load_tests, models_folder, run_model, run_test


class _Genes(pa.DataFrameModel):
    symbol: pl.String = col("symbol")
    value: pl.Float64 = col("value", null=True)
    study: pl.String = col("study")


class _Studies(pa.DataFrameModel):
    study: pl.String = col("study")
    title: pl.String = col("title", null=True)


class _Doubled(pa.DataFrameModel):
    symbol: pl.String = col("symbol")
    doubled: pl.Float64 = col("twice the value", null=True)


class _Summary(pa.DataFrameModel):
    symbol: pl.String = col("symbol")
    title: pl.String = col("title", null=True)
    total: pl.Float64 = col("total", null=True)


def _table(address: str, model: type[pa.DataFrameModel]) -> Table:
    layer, name = address.split(".")
    return Table(layer, name, "one row", (next(iter(model.to_schema().columns)),), "nothing", (), 0, model, "")


RAW = {a: _table(a, m) for a, m in {"raw.genes": _Genes, "raw.studies": _Studies, "core.scores": _Genes}.items()}
TABLES = {
    **RAW,
    "staging.doubled": _table("staging.doubled", _Doubled),
    "marts.summary": _table("marts.summary", _Summary),
}
DOUBLED = "-- Twice.\n-- Really.\nSELECT symbol, 2 * value AS doubled FROM raw.genes ORDER BY symbol DESC"
SUMMARY = """
WITH sums AS (SELECT symbol, sum(doubled) AS total FROM staging.doubled GROUP BY symbol),
     named AS (SELECT g.symbol, s.title FROM raw.genes AS g JOIN raw.studies AS s USING (study))
SELECT symbol, title, total FROM sums JOIN named USING (symbol)
"""
GENES = pl.DataFrame({"symbol": ["A", "B"], "value": [1.0, None], "study": ["x", "y"]})


def write(folder: Path, **files: str) -> Path:
    for name, sql in files.items():
        path = folder / f"{name.replace('__', '/', 1)}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(sql)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, staging__doubled=DOUBLED, marts__summary=SUMMARY)


def test_models_come_after_what_they_read(folder: Path):
    models = load_models(folder, TABLES)
    assert list(models) == ["staging.doubled", "marts.summary"]
    assert models["marts.summary"].refs == ("raw.genes", "raw.studies", "staging.doubled")
    assert models["staging.doubled"].description == "Twice. Really."


def test_lineage_goes_through_common_tables_and_joins(folder: Path):
    assert load_models(folder, TABLES)["marts.summary"].lineage == {
        "symbol": ("raw.genes.symbol", "staging.doubled.symbol"),
        "title": ("raw.studies.title",),
        "total": ("staging.doubled.doubled",),
    }


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "SELECT symbol, value AS doubled FROM raw.genes UNION ALL SELECT study, 1.0 FROM raw.studies",
            {"symbol": ("raw.genes.symbol", "raw.studies.study"), "doubled": ("raw.genes.value",)},
        ),
        (
            "SELECT symbol, sum(value) OVER (PARTITION BY study ORDER BY symbol) AS doubled FROM raw.genes",
            {
                "symbol": ("raw.genes.symbol",),
                "doubled": ("raw.genes.study", "raw.genes.symbol", "raw.genes.value"),
            },
        ),
        (
            "SELECT * FROM (SELECT * EXCLUDE (study) RENAME (value AS doubled) FROM raw.genes)",
            {"symbol": ("raw.genes.symbol",), "doubled": ("raw.genes.value",)},
        ),
        (
            """WITH g AS (SELECT * FROM raw.genes)
            SELECT 'one' AS symbol, max(g.value) AS doubled FROM g WHERE study IN (SELECT study FROM raw.studies)""",
            {"symbol": (), "doubled": ("raw.genes.value",)},
        ),
    ],
    ids=["union", "window", "star", "constant and filter"],
)
def test_lineage_of_each_column(tmp_path: Path, sql: str, expected: dict[str, tuple[str, ...]]):
    tables = {a: t for a, t in TABLES.items() if a != "marts.summary"}
    model = load_models(write(tmp_path, staging__doubled=sql), tables)["staging.doubled"]
    assert model.lineage == expected


def test_code_version_is_of_the_meaning(tmp_path: Path):
    def version(number: int, sql: str) -> str:
        tables = {a: t for a, t in TABLES.items() if a != "marts.summary"}
        return load_models(write(tmp_path / str(number), staging__doubled=sql), tables)["staging.doubled"].code_version

    same = version(0, DOUBLED)
    assert (
        version(1, "select symbol,\n 2*value as doubled /* why */ from raw.genes -- because\norder by symbol desc;")
        == same
    )
    assert version(2, DOUBLED.replace("2 *", "3 *")) != same
    assert version(3, DOUBLED.replace("2 * value", "2 * value + 0 * length('DESC')")) != same


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT symbol,\n doubled FROM FROM raw.genes", r"doubled\.sql, line 2.*: does not parse"),
        ("SELECT symbol, 'a AS doubled FROM raw.genes", "does not parse.*Close the quotes"),
        (f"{DOUBLED}; SELECT 1", "holds 2 statements"),
        ("-- nothing", "holds 0 statements"),
        ("PIVOT raw.genes ON study USING sum(value)", "holds a PIVOT"),
        ("SELECT * FROM (PIVOT raw.genes ON study USING sum(value))", "holds a PIVOT"),
        ("CREATE TABLE x AS SELECT 1", "holds a CREATE"),
        ("DESCRIBE raw.genes", "holds a DESCRIBE"),
        ("SELECT symbol, 1.0 AS doubled FROM read_parquet('x.parquet')", "(?i)uses read_parquet"),
        ("SELECT symbol, 1.0 AS doubled FROM raw.genes, glob('*')", "(?i)uses glob"),
        ("SELECT symbol, 1.0 AS doubled FROM raw.genes, range(3)", "(?i)uses .*range"),
        ("SELECT symbol, 1.0 AS doubled FROM 'x.parquet'", "without its layer"),
        ("SELECT symbol, 1.0 AS doubled FROM\n genes", r"line 2: refers to genes without.*Did you mean raw\.genes"),
        ("SELECT symbol, 1.0 AS doubled FROM raw.gens", r"unknown table raw\.gens.*Did you mean raw\.genes"),
        ("SELECT symbol, 1.0 AS doubled FROM db.raw.genes", r"refers to db\.raw\.genes"),
        ("SELECT symbol, value AS doubled FROM core.scores", r"a file of staging may not read core\.scores"),
        ("SELECT symbol, doubled FROM staging.doubled", "reads itself"),
        ("SELECT symbol, 2 * valeu AS doubled FROM raw.genes", "column valeu is not known.*Did you mean value"),
        ("SELECT symbol FROM raw.genes", "column doubled is not among its columns.*expected symbol, doubled"),
        ("SELECT symbol, value AS twice FROM raw.genes", "Rename twice to doubled"),
        ("SELECT symbol, value AS doubled, study FROM raw.genes", "column study is not in the table model"),
        ("SELECT value AS doubled, symbol FROM raw.genes", "column 1 is doubled.*order of the table model"),
        ("SELECT symbol, 2 AS doubled FROM raw.genes", "column doubled comes out as INTEGER.*CAST it to DOUBLE"),
        ("SELECT symbol, nosuch(value) AS doubled FROM raw.genes", "Scalar Function with name nosuch"),
    ],
)
def test_a_wrong_model_is_refused_with_file_and_remedy(tmp_path: Path, sql: str, told: str):
    tables = {a: t for a, t in TABLES.items() if a != "marts.summary"}
    with pytest.raises(CatalogFault, match=told) as caught:
        load_models(write(tmp_path, staging__doubled=sql), tables)
    assert "doubled.sql" in str(caught.value)


def test_a_ring_of_models_is_refused(tmp_path: Path):
    tables = {**RAW, "marts.one": _table("marts.one", _Doubled), "marts.two": _table("marts.two", _Doubled)}
    write(tmp_path, marts__one="SELECT * FROM marts.two", marts__two="SELECT * FROM marts.one")
    with pytest.raises(CatalogFault, match=r"in a ring: marts\.\w+ <- marts\.\w+ <- marts\.\w+"):
        load_models(tmp_path, tables)


def test_files_and_table_models_must_match(folder: Path):
    with pytest.raises(CatalogFault, match=r"no table model marts\.sumary.*Did you mean marts\.summary"):
        load_models(write(folder, marts__sumary="SELECT 1"), TABLES)
    (folder / "marts/sumary.sql").unlink()
    (folder / "staging/doubled.sql").unlink()
    with pytest.raises(CatalogFault, match=r"staging\.doubled has no SQL.*staging/doubled\.sql"):
        load_models(folder, TABLES)


def test_a_model_runs_over_files_and_frames_alike(folder: Path, tmp_path: Path):
    model = load_models(folder, TABLES)["staging.doubled"]
    GENES.write_parquet(tmp_path / "it's genes.parquet")
    from_frame = run_model(model, {"raw.genes": GENES})
    assert from_frame.rows() == [("B", None), ("A", 2.0)]
    assert from_frame.schema == TABLES["staging.doubled"].polars_schema
    assert run_model(model, {"raw.genes": tmp_path / "it's genes.parquet"}).equals(from_frame)
    with pytest.raises(ValueError, match=r"no mount for raw\.genes"):
        run_model(model, {"raw.studies": GENES})


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT symbol, 1.0::DOUBLE AS doubled FROM read_parquet('{file}')", "Permission Error"),
        ("SELECT title AS symbol, 1.0::DOUBLE AS doubled FROM raw.studies", "does not exist"),
        ("COPY raw.genes TO '{file}'", "Permission Error"),
        ("SELECT symbol, 2 AS doubled FROM raw.genes", "comes out as Int32"),
        ("SELECT symbol FROM raw.genes", "column doubled is not among"),
        ("SELECT symbol,\n error('no') AS doubled FROM raw.genes", "the query fails"),
    ],
)
def test_a_query_reaches_only_what_it_names(folder: Path, tmp_path: Path, sql: str, told: str):
    """Whatever the loader let through, the database that runs it holds the references alone."""
    GENES.write_parquet(tmp_path / "other.parquet")
    model = load_models(folder, TABLES)["staging.doubled"]
    sneaking = dataclasses.replace(model, sql=sql.format(file=tmp_path / "other.parquet"))
    with pytest.raises(CatalogFault, match=told):
        run_model(sneaking, {"raw.genes": GENES, "raw.studies": pl.DataFrame({"study": ["x"], "title": ["t"]})})


def test_a_test_counts_its_rows_and_shows_five(folder: Path):
    write(
        folder,
        tests__no_value="""-- A gene has a value.
-- table: staging.doubled
SELECT * FROM staging.doubled WHERE doubled IS NULL""",
    )
    test = load_tests(folder, load_models(folder, TABLES), TABLES)["no_value"]
    assert (test.table, test.refs, test.description) == ("staging.doubled", ("staging.doubled",), "A gene has a value.")
    bad = pl.DataFrame(
        {"symbol": list("ABCDEFG"), "doubled": [None] * 7}, schema=TABLES["staging.doubled"].polars_schema
    )
    found = run_test(test, {"staging.doubled": bad})
    assert (found.passed, found.failing_rows, found.examples.height) == (False, 7, 5)
    assert run_test(test, {"staging.doubled": bad.clear()}).passed


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT * FROM raw.genes", "the header names 0 tables"),
        ("-- table: staging.doubled\nSELECT * FROM raw.genes", r"guards staging\.doubled but does not read it"),
        (
            "-- table: staging.doubled\nSELECT symbol FROM staging.doubled SEMI JOIN marts.summary USING (symbol)",
            r"reads marts\.summary, which is made from it",
        ),
        ("-- table: raw.genes\nSELECT nosuch FROM raw.genes", "nosuch"),
    ],
)
def test_a_wrong_test_is_refused(folder: Path, sql: str, told: str):
    models = load_models(folder, TABLES)
    with pytest.raises(CatalogFault, match=told):
        load_tests(write(folder, tests__wrong=sql), models, TABLES)


def test_the_folder_is_found_beside_the_package():
    assert {"staging", "marts", "tests"} <= {path.name for path in models_folder().iterdir()}


def _tables_with_copy() -> dict[str, Table]:
    return {**TABLES, "marts.copied": _table("marts.copied", _Doubled)}


def test_model_that_is_the_same_as_another_is_that_one_with_other_names(folder: Path):
    header = "-- Twice, of scores.\n-- same as: staging.doubled\n-- with: core for raw\n-- with: scores for genes\n"
    models = load_models(write(folder, marts__copied=header), _tables_with_copy())
    assert models["marts.copied"].refs == ("core.scores",)
    assert models["marts.copied"].description == "Twice, of scores."
    assert models["marts.copied"].sql.splitlines()[-1] == DOUBLED.splitlines()[-1].replace("raw.genes", "core.scores")
    copied = run_model(models["marts.copied"], {"core.scores": GENES})
    assert copied.equals(run_model(models["staging.doubled"], {"raw.genes": GENES}))
    changed = load_models(write(folder, staging__doubled=DOUBLED.replace("2 *", "3 *")), _tables_with_copy())
    assert changed["marts.copied"].code_version != models["marts.copied"].code_version


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- same as: staging.doubld\n", "holds no SQL.*Did you mean staging.doubled"),
        ("-- same as: marts.copied\n", "holds no SQL"),
        ("-- same as: staging.doubled\n-- with: studies for gens\n", "does not hold.*Did you mean genes"),
        ("-- same as: staging.doubled\nSELECT 1", "holds SQL of its own.*Remove the SQL"),
        ("-- same as: staging.doubled\n-- same as: marts.summary\n", "expected comment lines alone"),
    ],
)
def test_copy_of_a_model_that_cannot_be_made_is_refused(folder: Path, text: str, message: str):
    with pytest.raises(CatalogFault, match=message):
        load_models(write(folder, marts__copied=text), _tables_with_copy())
