"""A published file with a handful of rows, for tests of what reads a release: hostile texts, lists, dates, infinity."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

GENES = """
CREATE TABLE marts.gene_evidence AS
SELECT * FROM (VALUES
    ('CCL20', 'up', 1.5, 9007199254740993, ['A549', 'H1975'], TIMESTAMP '2024-02-29 12:00:00'),
    ('MARCH1', '=HYPERLINK("http://evil.example","x")', -2.25, 7, [], NULL),
    ('SEPT2', '@SUM(1,2)', 'inf'::DOUBLE, -3, NULL, TIMESTAMP '1850-01-01 00:00:00'),
    ('2310009E13', '-1+1|cmd', 'nan'::DOUBLE, NULL, ['a "b"', 'c|d'], NULL),
    ('µ<script>', '-0.5', NULL, 0, ['=1+1'], NULL),
    ('strand', '-', 0.1, 1, ['x'], NULL)
) AS made (hgnc_symbol, note, log2_fold_change, counts, cell_lines, seen_at);
COMMENT ON TABLE marts.gene_evidence IS 'one row per gene';
CREATE TABLE core.hypotheses_tested AS SELECT range AS n_tests, 'table ' || range AS family FROM range(100000);
CREATE TABLE core.gene_lists__empty (list_id VARCHAR, size BIGINT);
CREATE TABLE raw.twice (id BIGINT);
CREATE TABLE core.twice (id BIGINT);
"""
UNITS = {"log2_fold_change": "log2"}


def write_small_warehouse(data_dir: Path, release: int = 1) -> Path:
    """Write `warehouse.duckdb` as a publish does, replacing the one that is there; returns its path."""
    data_dir.mkdir(parents=True, exist_ok=True)
    aside, path = data_dir / f"made_{release}.duckdb", data_dir / "warehouse.duckdb"
    with duckdb.connect(str(aside)) as made:
        for layer in ("raw", "core", "marts", "meta"):
            made.execute(f"CREATE SCHEMA {layer}")
        made.execute(GENES)
        found = made.execute(
            "SELECT table_schema, table_name, column_name, ordinal_position, data_type FROM information_schema.columns"
            " ORDER BY 1, 2, 4"
        ).fetchall()
        made.execute(
            "CREATE TABLE meta.columns (layer VARCHAR, table_name VARCHAR, column_name VARCHAR, position BIGINT,"
            " data_type VARCHAR, unit VARCHAR, description VARCHAR, is_key BOOLEAN)"
        )
        made.executemany(
            "INSERT INTO meta.columns VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [[*row, UNITS.get(row[2]), f"what {row[2]} is", row[2] == "hgnc_symbol"] for row in found],
        )
        made.execute(
            "CREATE TABLE meta.tables AS SELECT DISTINCT layer, table_name, 'one row per gene' AS grain,"
            " 'an empty cell is not measured' AS limitation, 7::BIGINT AS row_count, 'fresh' AS status,"
            " 'v1' AS data_version, NULL::VARCHAR AS reason FROM meta.columns"
        )
        made.execute(
            "CREATE TABLE meta.releases AS SELECT ?::BIGINT AS release,"
            " TIMESTAMP '2026-01-02 03:04:05' AS published_at,"
            " 'code' AS code_revision, 5::BIGINT AS tables, ?::JSON AS manifest",
            [release, json.dumps({"tables": {}})],
        )
        made.execute(
            "CREATE TABLE meta.facts AS SELECT * FROM (VALUES ('release', ?),"
            " ('written_at', '2026-01-02T03:04:05+00:00'),"
            " ('code_revision', 'code'), ('setting.synthetic', 'true'), ('setting.genes_of_interest', 'CCL20'))"
            " AS made (name, value)",
            [str(release)],
        )
    aside.replace(path)
    return path
