"""A gene in two or three sentences: each word by a rule, on small rows."""

from __future__ import annotations

import pytest

from resistance_assets.report.explain.opening import (
    cells_and_bench_sentence,
    missing_sentence,
    opening,
    patients_sentence,
    resistance_sentence,
)


def candidate(drug_class: str, confidence: str, **more: object) -> dict[str, object]:
    row = {"drug_class": drug_class, "confidence": confidence, "direction": "up", "k_studies": 3, "n_studies_for": 3}
    row |= {"log2_fold_change": 2.04, "log2_fold_change_ci_lower": 1.6, "log2_fold_change_ci_upper": 2.4, "flags": None}
    return {**row, "n_effect_only_for": 0, "bench_summary": None, **more}


def measured(drug_class: str, k: int = 1, effect_only: int = 0) -> dict[str, object]:
    return {"drug_class": drug_class, "k_studies": k, "n_effect_only": effect_only}


def test_the_strongest_word_stands_first_and_classes_without_a_word_are_named():
    said = resistance_sentence(
        "AXL",
        [
            candidate("ALK-TKI", "single study", k_studies=1, n_studies_for=1, flags="drug response|circular"),
            candidate("EGFR-TKI", "replicated"),
        ],
        [measured("ALK-TKI"), measured("EGFR-TKI", 3), measured("multi-target TKI")],
    )
    assert said == (
        "AXL is replicated upward in EGFR-TKI resistance (3 of 3 studies with replicates, log2 FC 2.04 (1.6 to 2.4)), "
        "upward in a single study in ALK-TKI resistance (1 of 1 study with replicates, log2 FC 2.04 (1.6 to 2.4); "
        "flagged drug response, circular); no candidate in multi-target TKI."
    )


def test_without_replicates_no_interval_is_told():
    row = candidate(
        "A", "effect only", k_studies=0, n_effect_only_for=2, direction="down", log2_fold_change=-1.5,
        log2_fold_change_ci_lower=None, log2_fold_change_ci_upper=None,
    )  # fmt: skip
    said = resistance_sentence("X", [row], [measured("A", 0, 2)])
    assert said == (
        "X is downward by effect only, without a p-value, in A resistance (2 studies without replicates, log2 FC -1.5)."
    )


def test_a_gene_that_no_rule_names_is_told_with_what_was_measured_and_one_that_was_not_measured_is_told_so():
    assert resistance_sentence("X", [], [measured("A", 1, 2)]) == (
        "X is no candidate in any drug class (A: 1 study with replicates, 2 without)."
    )
    assert resistance_sentence("X", [], []) == "No contrast of resistant against parental cells measured X."


@pytest.mark.parametrize(
    ("ratio", "q", "words"),
    [
        (0.93, 0.84, "it has no prognostic weight (OS HR 0.93 per SD, q 0.84)"),
        (1.4, 0.001, "higher expression goes with shorter survival"),
        (0.7, 0.049, "higher expression goes with longer survival"),
        (1.4, 0.05, "it has no prognostic weight"),
    ],
)
def test_patients_are_named_with_cohort_and_number(ratio, q, words):
    summary = {"os_hazard_ratio_per_sd": ratio, "os_q_value_bh": q, "cohort_id": "luad", "os_n": 1502}
    said = patients_sentence(summary, {"luad": "TCGA lung"})
    assert said.startswith("In untreated patients (TCGA lung, n = 1,502) ")
    assert words in said


def test_no_cohort_is_said():
    assert patients_sentence(None, {}) == "No cohort has overall survival with its expression."


def test_cells_bench_and_mechanism_are_one_sentence_and_nothing_where_there_is_nothing():
    cells = [
        {"level": "cell_type", "cell_type": name, "is_ambient": ambient, "mean_cp10k": mean}
        for name, ambient, mean in (("Tumour", False, 2.0), ("CAF", False, 5.0), ("T", True, 9.0), ("B", False, 1.0))
    ]
    said = cells_and_bench_sentence(
        [candidate("A", "suggested", bench_summary="knock-down re-sensitises to x")], cells,
        [{"evidence_level": "D"}, {"evidence_level": "B"}],
    )  # fmt: skip
    assert said == (
        "Made by CAF and Tumour (single cells); at the bench, knock-down re-sensitises to x; known mechanism of "
        "resistance (CIViC level B)."
    )
    assert cells_and_bench_sentence([], [], []) is None


def test_what_is_missing_is_named_up_to_three_and_counted():
    entries = [{"what": name, "why": "x"} for name in ("a", "b", "c", "d", "e" * 80)]
    assert missing_sentence(entries) == "Not there: a, b, c and 2 more, with the reasons at the end."
    assert missing_sentence(entries[4:]) == "Not there: 1 kind of evidence, with the reasons at the end."
    assert missing_sentence([]) is None


def test_a_release_without_candidates_says_nothing_of_resistance(demo):
    class Older(type(demo)):
        def has(self, address: str, *columns: str) -> bool:
            return address not in ("marts.candidates", "core.evidence__consensus_by_gene") and super().has(
                address, *columns
            )

    document = {"summary": None, "cell_types": [], "known_mechanisms": [], "missing": []}
    assert opening(Older(demo.connection, demo.data_dir), "AXL", document) == [
        "No cohort has overall survival with its expression."
    ]
