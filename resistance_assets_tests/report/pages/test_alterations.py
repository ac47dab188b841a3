"""Alterations, layers and strata as the demo's pages and `explain` show them."""

from __future__ import annotations

import pytest

from resistance_assets.demo.alterations import EXCLUSIVE, SILENCED_BY_METHYLATION, STRATUM_GENE
from resistance_assets.demo.cohort import CIS_COPY_NUMBER
from resistance_assets.report.explain.evidence import explain_gene
from resistance_assets.report.explain.text import explanation_as_text
from resistance_assets.report.pages.alterations import (
    alteration_pages,
    altered_curves_figure,
    cohorts_with_layers,
    oncoprint,
)
from resistance_assets.report.pages.strata import adjusted_terms, stratum_curves

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


# ---- what the demo planted is found, and nothing else ----------------------------------------------------------------


def found_cis_effects(demo, layer: str) -> set[str]:
    rows = demo.rows(
        "SELECT hgnc_symbol FROM core.alterations__cis_effects WHERE cohort_id = ? AND layer = ? AND q_value_bh < 0.05",
        [COHORT, layer],
    )
    return {row["hgnc_symbol"] for row in rows}


def test_planted_cis_effects_are_found_and_no_others(demo):
    assert found_cis_effects(demo, "copy_number") == set(CIS_COPY_NUMBER)
    assert found_cis_effects(demo, "methylation") == set(SILENCED_BY_METHYLATION)
    wrong = "SELECT count(*) FROM core.alterations__cis_effects WHERE q_value_bh < 0.05 AND NOT is_as_expected"
    assert demo.value(wrong) == 0


def test_the_planted_pair_is_exclusive_and_no_other_pair_is_called(demo):
    rows = demo.rows("SELECT * FROM core.alterations__pairs WHERE cohort_id = ? AND q_value_bh < 0.05", [COHORT])
    assert [({row["hgnc_symbol_a"], row["hgnc_symbol_b"]}, row["direction"], row["n_both"]) for row in rows] == [
        (set(EXCLUSIVE), "exclusive", 0)
    ]


def test_the_planted_gene_matters_in_its_stratum_alone(demo):
    within = demo.rows(
        "SELECT * FROM core.alterations__stratum_survival WHERE cohort_id = ? AND endpoint = 'OS' "
        "AND model = 'continuous' AND q_value_bh_likelihood_ratio < 0.05",
        [COHORT],
    )
    assert [(row["stratum_id"], row["hgnc_symbol"]) for row in within] == [("kras_mutant", STRATUM_GENE)]
    assert within[0]["hazard_ratio_per_sd"] > 1.5
    everyone = demo.value(
        "SELECT q_value_bh_likelihood_ratio FROM core.survival__cohort_endpoint_genes WHERE cohort_id = ? "
        "AND endpoint = 'OS' AND model = 'continuous' AND hgnc_symbol = ?",
        [COHORT, STRATUM_GENE],
    )
    assert everyone > 0.5
    products = demo.rows(
        "SELECT driver_id, hgnc_symbol FROM core.alterations__driver_interactions WHERE cohort_id = ? "
        "AND endpoint = 'OS' AND q_value_bh < 0.01",
        [COHORT],
    )
    assert products == [{"driver_id": "KRAS", "hgnc_symbol": STRATUM_GENE}]


def test_known_mechanisms_stand_beside_the_candidates_and_are_ranked_early(demo):
    rows = demo.rows(
        "SELECT hgnc_symbol FROM marts.resistance_candidates WHERE drug_class = 'multi-target TKI' "
        "AND known_mechanism = 'known_for_class' ORDER BY hgnc_symbol"
    )
    # VEGFA has evidence against it and KRAS is sensitive: neither is a known mechanism.
    assert [row["hgnc_symbol"] for row in rows] == ["AXL", "CCL20", "CXCL2", "IL6"]
    (score,) = demo.rows(
        "SELECT * FROM core.evidence__known_mechanisms WHERE drug_class = 'multi-target TKI' AND ranking = 'score'"
    )
    assert score["n_known"] == 4
    assert score["ci_lower"] > 0.8
    assert score["median_rank_percent"] < 10


def test_every_family_of_tests_on_alterations_is_counted(demo):
    tables = {row["analysis"] for row in demo.rows("SELECT DISTINCT analysis FROM core.hypotheses_tested")}
    associations = ("survival", "cis_effects", "driver_expression", "driver_interactions", "pairs", "burden")
    expected = (*associations, "stratum_survival")
    assert {f"core.alterations__{name}" for name in expected} <= tables


# ---- strata and curves on pages --------------------------------------------------------------------------------------


def test_the_strongest_genes_of_a_stratum_stand_beside_the_same_model_in_all_patients(demo):
    (page,) = [one for one in alteration_pages(demo, {"EGFR"}) if COHORT in one.path]
    text = "\n".join(map(str, page.parts))
    assert "Strongest genes within strata, and the same model in all patients" in text
    assert STRATUM_GENE in text
    assert "co_occurring" not in text


def test_curves_by_alteration_have_as_many_patients_as_their_test(demo, egfr):
    figure = altered_curves_figure(demo, "EGFR", egfr["altered_survival"])
    (tested,) = [
        row
        for row in egfr["altered_survival"]
        if (row["cohort_id"], row["endpoint"], row["alteration_class"]) == (COHORT, "OS", "mutation")
    ]
    labels = dict(figure.selectors[0].options)
    label = labels[f"{COHORT} OS, mutation"]
    assert f"{tested['n_altered']} altered, {tested['n'] - tested['n_altered']} not" in label


def test_groups_that_are_too_small_are_folded_and_not_first(demo):
    (page,) = [one for one in alteration_pages(demo, set()) if COHORT in one.path]
    text = "\n".join(map(str, page.parts))
    first, folded = (
        text.index("Survival by alteration, strongest first"),
        text.index("too few altered patients or events"),
    )
    assert first < folded
    assert "only p_permutation stands" not in text[first:folded]


def test_curves_cuts_and_models_of_strata_have_all_patients_beside_them(demo):
    figure = stratum_curves(demo, STRATUM_GENE)
    choices = [one for one, _ in figure.selectors[0].options]
    assert choices[0].endswith("all patients")
    assert any("KRAS" in one for one in choices)
    terms = adjusted_terms(demo, STRATUM_GENE)
    assert {row["model_id"] for row in terms} == {"age_sex"}
    assert {"all", "kras_mutant"} <= {row["stratum_id"] for row in terms}
