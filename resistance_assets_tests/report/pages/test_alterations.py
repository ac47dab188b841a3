"""Alterations, layers and strata as the demo's pages and `explain` show them."""

from __future__ import annotations

import pytest

from resistance_assets.report.explain.evidence import explain_gene
from resistance_assets.report.explain.text import explanation_as_text
from resistance_assets.report.pages.alterations import alteration_pages, cohorts_with_layers, oncoprint

COHORT = "luad_tcga"


@pytest.fixture(scope="module")
def egfr(demo):
    return explain_gene(demo, "EGFR")


def test_the_oncoprint_has_every_alteration_of_its_genes_once(demo):
    figure = oncoprint(demo, COHORT)
    genes = {label.split(" (")[0] for label in figure.columns["gene"]}
    assert {"EGFR", "KRAS", "TP53"} <= genes
    for gene in sorted(genes):
        shown = {p for p, label in zip(figure.columns["patient"], figure.columns["gene"], strict=True)
                 if label.split(" (")[0] == gene}  # fmt: skip
        expected = demo.value(
            "SELECT count(DISTINCT patient_id) FROM core.alterations__gene_patients WHERE cohort_id = ? "
            "AND hgnc_symbol = ?",
            [COHORT, gene],
        )
        assert len(shown) == expected
    assert "fusion" in figure.columns["class"]


def test_a_page_per_cohort_with_a_layer_says_who_is_in_each_stratum(demo):
    assert COHORT in cohorts_with_layers(demo)
    (page,) = [one for one in alteration_pages(demo, {"EGFR"}) if COHORT in one.path]
    text = "\n".join(map(str, page.parts))
    for row in demo.rows("SELECT * FROM core.alterations__strata WHERE cohort_id = ?", [COHORT]):
        assert row["note"] in text
        assert row["n"] >= row["events"]


def test_every_frequency_of_the_story_has_its_patients_table_and_source(demo, egfr):
    assert egfr["alterations"]
    for row in egfr["alterations"]:
        assert 0 <= row["n_altered"] <= row["n"]
        assert row["data_version"]
        assert row["sources"]
    assert {row["layer"] for row in egfr["cis_effects"]} >= {"copy_number", "methylation", "protein"}
    text = explanation_as_text(egfr)
    for heading in ("Alterations in patients", "Survival by alteration", "Survival within strata", "(CIViC)"):
        assert heading in text


def test_all_patients_and_strata_stand_side_by_side_and_a_small_stratum_says_why_it_has_no_number(demo, egfr):
    rows = [row for row in egfr["stratum_survival"] if row["endpoint"] == "OS" and row["cohort_id"] == COHORT]
    assert rows[0]["stratum_id"] == "all"
    assert {row["stratum_id"] for row in rows} >= {"egfr_mutant", "kras_mutant", "alk_fusion"}
    status = dict(
        demo.connection.execute(
            "SELECT stratum_id, status FROM core.alterations__strata WHERE cohort_id = ? AND endpoint = 'OS'", [COHORT]
        ).fetchall()
    )
    for row in rows[1:]:
        is_screened = status[row["stratum_id"]] == "screened"
        assert (row["hazard_ratio_per_sd"] is not None) == is_screened
        assert is_screened or "the minimum is" in row["note"]


def test_layers_that_a_cohort_was_not_measured_for_are_named_as_missing(demo, egfr):
    lacking = [entry["what"] for entry in egfr["missing"] if entry["why"] == "not measured"]
    assert any("mutations" in what and "luad_tcga_xena" in what for what in lacking)
    assert not any(what.endswith(f"of {COHORT}") for what in lacking)
