"""The answer: sentences with links, rules in words, marks per study; on small tables."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from resistance_assets.report.pages.front_page import answer
from resistance_assets.report.pages.front_page.evidence_map import STATES, draw_map
from resistance_assets.report.pages.front_page.evidence_map import Column as MapColumn
from resistance_assets.report.pages.front_page.limits import limits_of_designs
from resistance_assets.report.pages.front_page.planted import count_found
from resistance_assets.report.published import Published

RULE = {
    "q_value": 0.05,
    "replicated_studies": 3,
    "replicated_most_against": 1,
    "suggested_studies": 2,
    "suggested_single_q_value": 0.01,
    "suggested_effect_only_studies": 2,
}


def class_answer(
    name: str, sentence: str, *, independent: int = 0, silent: int = 0, genes: str = ""
) -> dict[str, object]:
    return {
        "drug_class": name,
        "answer_sentence": f"{name}: {sentence}",
        "leading_genes": genes,
        "n_independent_studies": independent,
        "n_studies_silent": silent,
    }


def test_a_class_has_its_sentence_with_links_to_genes_that_have_a_page_and_classes_without_data_share_a_line():
    found = answer.answer_markup(
        [
            class_answer("ALK-TKI", "2 genes are replicated (AXL, ZZZ3).", independent=3, genes="AXL, ZZZ3"),
            class_answer("EGFR-TKI", "no contrast has data."),
            class_answer("other & TKI", "no contrast has data."),
        ],
        "",
        {"AXL"},
    )
    assert '<strong>ALK-TKI:</strong> 2 genes are replicated (<a href="genes/AXL.html">AXL</a>, ZZZ3).' in found
    assert "No contrast of resistant against parental cells has data for EGFR-TKI, other &amp; TKI." in found
    assert found.count("<li>") == 2


def test_the_rules_are_told_with_the_thresholds_of_the_catalog():
    words = dict(answer.confidence_words({**RULE, "replicated_studies": 4}))
    assert list(words) == ["replicated", "suggested", "single study", "effect only", "contradicted"]
    assert words["replicated"].startswith("at least 4 independent studies")
    assert "q < 0.01" in words["suggested"]


@pytest.fixture
def effects() -> Published:
    """Two studies with replicates, one without; a gene that one of them did not measure."""
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA core; CREATE SCHEMA raw; CREATE SCHEMA marts")
    connection.execute("CREATE TABLE raw.catalog__confidence_rules AS SELECT 0.05 AS q_value")
    connection.execute(
        """
        CREATE TABLE core.evidence__study_effects AS SELECT * FROM (VALUES
            ('ALK-TKI', 'acquired', 'H3122', 'one', 'A', true, true, 'up', 2.0, 0.001),
            ('ALK-TKI', 'acquired', 'H2228', 'two', 'A', true, true, 'down', -1.0, 0.5),
            ('ALK-TKI', 'acquired', 'LCC', 'three', 'A', true, false, 'up', 1.5, NULL),
            ('ALK-TKI', 'acquired', 'H3122', 'one', 'B', true, true, 'up', 1.0, 0.04),
            ('ALK-TKI', 'treated', 'H3122', 'one', 'B', true, true, 'down', -1.0, 0.04)
        ) AS t (drug_class, state, independent_study, study_id, hgnc_symbol, is_measured, is_inferential, direction,
            log2_fold_change, q_value_bh)
        """
    )
    published = Published(connection, Path())
    published.__dict__["titles"] = {"H3122": "H3122 (a laboratory)"}
    return published


def test_marks_stand_in_one_order_and_a_study_that_did_not_measure_a_gene_keeps_its_place(effects):
    marks = answer.study_marks(effects, "ALK-TKI", ["A", "B"])
    assert (
        [one.name for one in marks["A"]] == [one.name for one in marks["B"]] == ["H2228", "H3122 (a laboratory)", "LCC"]
    )
    assert [(one.direction, one.is_inferential, one.is_significant) for one in marks["A"]] == [
        ("down", True, False),
        ("up", True, True),
        ("up", False, False),
    ]
    assert [one.is_measured for one in marks["B"]] == [False, True, False]


def test_a_hazard_ratio_of_patients_never_stands_without_its_cohort_and_patients(effects):
    effects.__dict__["titles"] = {"luad": "A cohort"}
    row = {
        "prognostic_hazard_ratio": 0.931,
        "prognostic_q_value": 0.84,
        "prognostic_cohort_id": "luad",
        "prognostic_n": 1500,
        "prognostic_events": 612,
    }
    told = "OS HR 0.931 per SD, q 0.84; A cohort, n = 1,500"
    assert answer.prognosis_in_words(effects, row) == f"{told}, 612 deaths"
    del row["prognostic_events"]
    assert answer.prognosis_in_words(effects, row) == told
    assert answer.prognosis_in_words(effects, {"prognostic_hazard_ratio": None}) is None


def test_limits_name_classes_without_replicates_and_with_too_few_studies():
    answers = [
        class_answer("A", "x", independent=0, silent=2),
        class_answer("B", "x", independent=2, silent=0),
        class_answer("C", "x", independent=3, silent=0),
        class_answer("D", "x"),
    ]
    said = limits_of_designs(answers, 3)
    assert said == [
        "No study of A has replicates, so there is no p-value: its genes are effects only.",
        "To be replicated takes 3 independent studies with replicates: B has 2.",
    ]
    assert limits_of_designs(answers[2:3], 3) == []


def test_planted_genes_are_found_missed_or_seen_by_effect_alone():
    def row(gene: str, planted: str | None, found: str | None, confidence: str | None) -> dict[str, object]:
        return {"drug_class": "A", "hgnc_symbol": gene, "planted": planted, "found": found, "confidence": confidence}

    counted = count_found(
        [
            row("G1", "up", "up", "replicated"),
            row("G2", "up", "up", "effect only"),
            row("G3", "down", None, None),
            row("G4", "up", "up", "contradicted"),
            row("G5", None, "up", "single study"),
            row("G6", None, "up", "effect only"),
        ]
    )
    assert counted == [
        {
            "drug_class": "A",
            "planted": 4,
            "found": 1,
            "by_effect": 1,
            "missed": 2,
            "not_planted": 1,
            "missed_genes": ["G3", "G4"],
        }
    ]


def test_a_tile_says_in_words_what_its_colour_ring_and_hatch_say():
    columns = [MapColumn("ALK-TKI", "acquired", name, name) for name in ("one", "two", "three")]

    def effect(study: str, **more: object) -> dict[str, object]:
        row = {"hgnc_symbol": "A<", "drug_class": "ALK-TKI", "state": "acquired", "independent_study": study}
        row |= {"contrast_ids": f"c_{study}", "is_measured": True, "is_inferential": True, "log2_fold_change": 2.0}
        return {**row, "standardised_effect": 3.0, "q_value_bh": 0.01, **more}

    rows = [effect("one"), effect("two", is_inferential=False, log2_fold_change=-1.0, q_value_bh=None)]
    drawn = draw_map(rows, columns, {"c_one": "contrasts/c_one.html"}, "", set())
    assert '<a href="contrasts/c_one.html" tabindex="-1"><title>A&lt; in one (ALK-TKI, acquired): log2 FC 2' in drawn
    assert drawn.count('<circle class="ring') == 1
    assert drawn.count("url(#hatch)") == 1
    assert "in two (ALK-TKI, acquired): log2 FC -1, effect only" in drawn
    assert "in three (ALK-TKI, acquired): not measured" in drawn


def test_names_of_groups_above_the_map_do_not_meet():
    groups = [(drug_class, state) for drug_class in ("ALK-TKI", "EGFR-TKI", "KRAS", "MT") for state in STATES]
    columns = [MapColumn(drug_class, state, f"{drug_class} {state}", "study") for drug_class, state in groups]
    drawn = draw_map([{"hgnc_symbol": "AXL", **dict.fromkeys(("drug_class", "state", "independent_study"))}],
                     columns, {}, "", set())  # fmt: skip
    said = re.findall(r'class="group" x="([\d.]+)" y="([\d.]+)">([^<]+)<', drawn)
    assert [words for _, _, words in said] == [f"{drug_class}, {state}" for drug_class, state in groups]
    top_of_names = min(float(y) for y in re.findall(r'class="study" transform="translate\([\d.]+ ([\d.]+)\)', drawn))
    ends: dict[str, float] = {}
    for x, y, words in said:
        assert float(x) >= ends.get(y, 0.0)
        assert float(y) < top_of_names - 130, "the names of studies, aslant, begin below"
        ends[y] = float(x) + 7.0 * len(words)
