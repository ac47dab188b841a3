"""The demo's planted truth, as the published warehouse tells it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from resistance_assets.demo import DemoTruth
from resistance_assets_tests.warehouse_runs import ask


@pytest.fixture(scope="module")
def truth(demo_place: Path) -> DemoTruth:
    return DemoTruth.from_json(json.loads((demo_place / "demo" / "truth.json").read_text()))


@pytest.fixture(scope="module")
def data_dir(demo_place: Path) -> Path:
    return demo_place / "data"


@pytest.mark.parametrize(
    ("contrast", "method"),
    [
        ("luad_tumour_vs_normal", "pydeseq2"),
        ("luad_tumour_vs_normal", "limma_voom"),
        ("h1975_drug_resistant_vs_parental", "pydeseq2"),
    ],
)
def test_planted_genes_are_found_and_no_others(data_dir, truth, contrast, method):
    """At least 95 % of the planted genes, at most 5 % of the list not planted: q 0.05 and a twofold change."""
    planted = {gene: change > 0 for gene, change in truth.contrasts[contrast].items()}
    found = dict(
        ask(
            data_dir,
            "SELECT hgnc_symbol, direction = 'up' FROM core.gene_lists__members"
            f" WHERE list_id LIKE '{contrast}__{method}__%'",
        ).rows()
    )
    right = {gene for gene, up in found.items() if planted.get(gene) == up}
    assert len(right) >= 0.95 * len(planted)
    assert len(found) - len(right) <= 0.05 * len(found)


def test_the_key_genes_of_the_papers_rise_in_resistant_cells(data_dir):
    rows = ask(
        data_dir,
        "SELECT hgnc_symbol, in_list FROM marts.deg_by_contrast WHERE contrast_id = 'h1975_drug_resistant_vs_parental'"
        " AND hgnc_symbol IN ('CXCL2', 'CCL20', 'AXL') ORDER BY 1",
    )
    assert rows.rows() == [("AXL", "up"), ("CCL20", "up"), ("CXCL2", "up")]


def test_one_sample_per_arm_gives_effects_and_no_p_value(data_dir):
    rows = ask(
        data_dir,
        "SELECT method, count(*) AS genes, count(log2_fold_change) AS effects, count(p_value) AS p_values,"
        " count(q_value_bh) AS q_values, count(p_value_note) AS notes FROM core.deg__contrast_genes"
        " WHERE evidence_kind = 'effect_only' GROUP BY ALL",
    )
    assert rows.height > 0
    for row in rows.to_dicts():
        assert row["effects"] > 1000
        assert (row["p_values"], row["q_values"]) == (0, 0)
        assert row["notes"] == row["genes"]


def test_prognostic_genes_stand_out_and_axl_does_not(data_dir, truth):
    """About 100 deaths find a log hazard of 0.85 surely and one of 0.35 mostly (94 % power, less the others' noise)."""
    screen = ask(
        data_dir,
        "SELECT hgnc_symbol, hazard_ratio_per_sd, p_value, percentile_among_genes"
        " FROM core.survival__cohort_endpoint_genes"
        " WHERE endpoint = 'OS' AND model = 'continuous' AND cohort_id = 'luad_tcga'",
    ).rows_by_key("hgnc_symbol", unique=True)
    planted = truth.log_hazard_per_sd["OS"]
    for gene, log_hazard in planted.items():
        hazard_ratio, _, percentile = screen[gene]
        assert (hazard_ratio > 1) == (log_hazard > 0), gene
        if abs(log_hazard) > 0.8:
            assert percentile < 1, gene
    found = [gene for gene in planted if screen[gene][1] < 0.05]
    assert len(found) >= 0.75 * len(planted)
    assert "CCL20" in found
    assert screen["AXL"][1] > 0.05


def test_correlations_are_near_the_planted_ones(data_dir, truth):
    """Within 0.12: two standard errors of a correlation over 292 patients."""
    rho = dict(
        ask(
            data_dir,
            "SELECT hgnc_symbol_b, rho FROM core.correlation__gene_pairs WHERE hgnc_symbol_a = 'CCL20'"
            " AND method = 'spearman' AND cohort_id = 'luad_tcga'",
        ).rows()
    )
    for gene, planted in truth.spearman_with_ccl20.items():
        assert rho[gene] == pytest.approx(planted, abs=0.12)


def test_the_planted_sets_come_first_in_every_collection(data_dir, truth):
    terms = ask(
        data_dir,
        "SELECT collection, term_id, q_value_bh FROM core.enrichment__terms"
        " WHERE list_id = 'h1975_drug_resistant_vs_parental__pydeseq2__up' ORDER BY collection, p_value, term_id",
    )
    first = terms.group_by("collection", maintain_order=True).first()
    planted = {entry.term_id for entry in truth.enriched_sets}
    assert set(first["term_id"]) & planted
    assert (first.filter(pl.col("term_id").is_in(list(planted)))["q_value_bh"] < 1e-6).all()


def test_the_resistant_list_meets_the_cancer_list_beyond_chance(data_dir):
    row = ask(
        data_dir,
        "SELECT size, expected_by_chance, p_value FROM core.intersections__sets WHERE list_ids ="
        " 'h1975_drug_resistant_vs_parental__pydeseq2__up|allonco_may2018'",
    ).to_dicts()[0]
    assert row["size"] > 1.3 * row["expected_by_chance"]
    assert row["p_value"] < 0.05


def test_everything_says_synthetic(data_dir, demo_place):
    licences = ask(data_dir, "SELECT count(*) FROM meta.sources WHERE state = 'loaded'").item()
    assert licences >= 11
    index = [json.loads(line) for line in (demo_place / "demo" / "mirror" / "index.jsonl").read_text().splitlines()]
    assert all("synthetic" in entry["provenance"].lower() for entry in index)


def test_the_readme_queries_run_as_written(data_dir):
    import re

    readme = Path(__file__).resolve().parents[2] / "README.md"
    queries = re.findall(r"```sql\n(.*?)```", readme.read_text(), flags=re.S)
    assert len(queries) >= 6
    for query in queries:
        assert ask(data_dir, query).height > 0, query


def test_every_column_of_the_file_is_explained_and_meta_has_its_keys(demo_place):
    from resistance_assets.warehouse.meta_schema import META_COLUMN_COMMENTS, META_KEYS

    undescribed = ask(
        demo_place / "data",
        "SELECT schema_name || '.' || table_name || '.' || column_name AS name FROM duckdb_columns()"
        " WHERE comment IS NULL AND database_name = current_database() AND NOT internal",
    )
    assert undescribed["name"].to_list() == []
    keys = ask(
        demo_place / "data",
        "SELECT table_name, constraint_column_names AS columns FROM duckdb_constraints()"
        " WHERE constraint_type = 'PRIMARY KEY' AND schema_name = 'meta' AND database_name = current_database()",
    )
    assert {name: tuple(columns) for name, columns in keys.iter_rows()} == META_KEYS
    shown = ask(demo_place / "data", "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'meta'")
    there = set(shown.iter_rows())
    # A first release has changed nothing yet.
    assert {name for name, _ in there} == set(META_COLUMN_COMMENTS) - {"release_changes"}
    assert there == {(name, column) for name, _ in there for column in META_COLUMN_COMMENTS[name]}
