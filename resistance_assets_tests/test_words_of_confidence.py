"""The words of confidence of `marts.candidates`: one case per rule, and one at each border."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from resistance_assets.catalog.models.analysis_settings import ConfidenceRules
from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.sql_models import run_model
from resistance_assets.orchestration.table_steps import sql_models

CONSENSUS = "core.evidence__consensus_by_gene"
EFFECTS = "core.evidence__study_effects"
CANDIDATES = "marts.candidates"

REPLICATED = {
    "k_studies": 3, "n_studies": 3, "n_studies_for": 3, "q_value_bh": 0.04, "leave_one_out_worst_q": 0.04,
    "leave_one_out_same_sign": True, "pooled_log2_fold_change": 2.0, "ci_lower": 1.5, "ci_upper": 2.5,
}  # fmt: skip
SINGLE = {"k_studies": 1, "n_studies_for": 1, "n_studies_significant_up": 1, "smallest_study_q_value": 0.04}
EFFECT_ONLY = {"n_effect_only": 1, "n_effect_only_for": 1, "n_effect_only_over_rule_for": 1}


def rows_of(address: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows with zero counts where nothing else is said; a column that may be empty is."""
    table = TABLES[address]
    counts = {c.name: 0 for c in table.columns if c.dtype == pl.Int64 and not c.nullable}
    flags = {c.name: False for c in table.columns if c.dtype == pl.Boolean and not c.nullable}
    return pl.DataFrame([counts | flags | row for row in rows], schema=table.polars_schema)


def candidates(*genes: dict[str, Any], **further: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The mart for a consensus per gene; `further` are rows of other tables, `__` in place of the first dot."""
    named = [
        {"drug_class": "EGFR-TKI", "state": "acquired", "hgnc_symbol": f"G{at}", "direction": "up", "n_studies": 3}
        | gene
        for at, gene in enumerate(genes)
    ]
    model = sql_models()[CANDIDATES]
    mounts = {ref: TABLES[ref].empty() for ref in model.refs}
    mounts[CONSENSUS] = rows_of(CONSENSUS, named)
    mounts["raw.catalog__confidence_rules"] = rows_of("raw.catalog__confidence_rules", [ConfidenceRules().model_dump()])
    for name, rows in further.items():
        address = name.replace("_", ".", 1)
        mounts[address] = rows_of(address, rows)
    return {row["hgnc_symbol"]: row for row in run_model(model, mounts).iter_rows(named=True)}


def words(base: dict[str, Any], cases: list[tuple[dict[str, Any], str | None]]) -> list[tuple[dict[str, Any], Any]]:
    """The cases with the words that they get: a gene each, `base` with a change."""
    found = candidates(*(base | change for change, _ in cases))
    return [(change, found.get(f"G{at}", {}).get("confidence")) for at, (change, _) in enumerate(cases)]


def test_replicated_is_three_studies_whose_q_and_sign_hold_without_any_one():
    cases = [
        ({}, "replicated"),
        ({"k_studies": 2, "n_studies_for": 2, "leave_one_out_worst_q": None}, "suggested"),
        ({"k_studies": 4, "n_studies_for": 3, "n_studies_against": 1}, "replicated"),
        ({"k_studies": 5, "n_studies_for": 3, "n_studies_against": 2}, None),
        ({"q_value_bh": 0.05}, None),
        ({"leave_one_out_worst_q": 0.05}, "suggested"),
        ({"leave_one_out_worst_q": None}, "suggested"),
        ({"leave_one_out_same_sign": False}, "suggested"),
        ({"leave_one_out_worst_q": 0.05, "n_studies_for": 2, "n_studies_against": 1}, None),
    ]
    assert words(REPLICATED, cases) == cases


def test_a_single_study_has_nothing_against_it():
    cases = [
        ({}, "single study"),
        ({"smallest_study_q_value": 0.05, "n_studies_significant_up": 0}, None),
        ({"n_studies_opposed": 1}, None),
        ({"k_studies": 2, "n_studies_for": 1, "n_studies_against": 1, "q_value_bh": 0.6}, "single study"),
        # The pooled effect goes the other way than the study that is significant.
        ({"direction": "down"}, None),
        ({"direction": "down", "n_studies_significant_up": 0, "n_studies_significant_down": 1}, "single study"),
    ]
    assert words(SINGLE, cases) == cases


def test_one_sure_study_and_two_without_replicates_suggest():
    cases = [
        ({}, "suggested"),
        ({"smallest_study_q_value": 0.01}, "single study"),
        ({"n_effect_only_for": 1}, "single study"),
        ({"n_studies_opposed": 1}, None),
    ]
    assert words(SINGLE | {"smallest_study_q_value": 0.009, "n_effect_only_for": 2}, cases) == cases


def test_effect_only_is_over_the_fold_change_rule_one_way():
    cases = [
        ({}, "effect only"),
        ({"n_effect_only_over_rule_for": 0}, None),
        ({"n_effect_only_over_rule_against": 1}, None),
        ({"n_studies_opposed": 1}, None),
        ({"direction": "none"}, None),
    ]
    assert words(EFFECT_ONLY, cases) == cases


CONTRADICTED = {
    "k_studies": 2, "n_studies_for": 1, "n_studies_against": 1, "n_studies_significant_up": 1,
    "n_studies_significant_down": 1, "smallest_study_q_value": 0.001, "n_studies_opposed": 1,
}  # fmt: skip


def test_contradicted_is_significant_both_ways():
    cases = [
        ({}, "contradicted"),
        ({"n_studies_significant_down": 0}, None),
        # Four of five hold without any one: one against is allowed.
        (REPLICATED | {"k_studies": 5, "n_studies_for": 4}, "replicated"),
        (REPLICATED | {"k_studies": 5, "n_studies_for": 4, "leave_one_out_worst_q": 0.2}, "contradicted"),
    ]
    assert words(CONTRADICTED, cases) == cases


def test_what_would_change_it_names_the_next_step():
    found = candidates(
        REPLICATED, REPLICATED | {"k_studies": 2, "n_studies_for": 2, "leave_one_out_worst_q": None},
        REPLICATED | {"leave_one_out_worst_q": 0.2}, SINGLE, EFFECT_ONLY, CONTRADICTED,
        SINGLE | {"k_studies": 2, "q_value_bh": 0.6},
    )  # fmt: skip
    said = [found[f"G{at}"]["what_would_change_it"] for at in range(7)]
    assert said[0] == (
        "It falls if 2 further studies go the other way, or if q rises above 0.05 without one study (worst now 0.04)."
    )
    assert said[1].startswith("Replicated with 1 more independent study with replicates that agree")
    assert said[2] == "Replicated once q stays below 0.05 whichever study is left out (worst now 0.2)."
    assert said[3].startswith("Suggested with a second line or laboratory")
    assert said[4].startswith("Replicates:")
    assert said[5].startswith("More lines")
    assert said[6] == "Suggested once the pooled q of its 2 studies (now 0.6) is below 0.05: more studies that agree."


def test_candidates_are_ranked_by_word_then_by_the_bound_nearest_to_no_effect():
    found = candidates(
        SINGLE, REPLICATED, REPLICATED | {"ci_lower": -2.6, "ci_upper": -1.8, "direction": "down"},
        REPLICATED | {"ci_lower": -0.1, "pooled_log2_fold_change": 9.0},
    )  # fmt: skip
    assert [found[f"G{at}"]["rank_in_drug_class"] for at in range(4)] == [4, 2, 1, 3]


def test_tolerant_and_treated_cells_and_all_classes_together_are_no_candidates():
    assert candidates(REPLICATED | {"state": "tolerant"}, REPLICATED | {"drug_class": "all"}) == {}


def flags(gene: dict[str, Any], **further: list[dict[str, Any]]) -> str | None:
    return candidates(gene, **further)["G0"]["flags"]


TREATED = {"drug_class": "EGFR-TKI", "state": "treated", "hgnc_symbol": "G0", "direction": "up"}


@pytest.mark.parametrize(
    ("treated", "expected"),
    [
        ({"q_value_bh": 0.04}, "drug response"),
        ({"n_studies_significant_up": 1}, "drug response"),
        ({"n_effect_only_over_rule_for": 1}, "drug response"),
        ({"q_value_bh": 0.05}, None),
        ({"q_value_bh": 0.04, "direction": "down"}, None),
        ({"q_value_bh": 0.04, "drug_class": "ALK-TKI"}, None),
        ({"q_value_bh": 0.04, "state": "tolerant"}, None),
    ],
)
def test_the_same_change_after_a_day_of_drug_is_a_drug_response(treated, expected):
    found = candidates(REPLICATED, TREATED | treated)
    assert found["G0"]["flags"] == expected


@pytest.mark.parametrize(("i2", "expected"), [(75.0, None), (75.1, "line-specific"), (None, None)])
def test_an_effect_that_differs_between_lines_is_line_specific(i2, expected):
    assert flags(REPLICATED | {"i2": i2}) == expected


KNOWN = {"drug_class": "EGFR-TKI", "hgnc_symbol": "G0", "direction": "up", "score": 0.5, "in_cancer_gene_list": False}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"known_mechanism": "known_for_class", "known_levels": "C"}, "known mechanism"),
        ({"known_mechanism": "known_for_other_drug"}, None),
        ({"tumour_q_value_bh": 0.04, "tumour_log2_fold_change": 1.0}, "tumour marker"),
        ({"tumour_q_value_bh": 0.04, "tumour_log2_fold_change": 0.9}, None),
        ({"tumour_q_value_bh": 0.05, "tumour_log2_fold_change": 3.0}, None),
        ({"tumour_q_value_bh": 0.04, "tumour_log2_fold_change": -3.0}, None),
    ],
)
def test_known_mechanisms_and_tumour_markers_are_flagged(row, expected):
    assert flags(REPLICATED, marts_resistance_candidates=[KNOWN | row]) == expected


def test_what_patients_say_stands_beside_the_word_and_changes_nothing():
    of_patients = {"os_cohort_id": "luad_tcga", "os_n": 500, "os_events": 180}
    row = KNOWN | {"os_hazard_ratio_per_sd": 1.4, "os_q_value_bh": 1e-9} | of_patients
    found = candidates(SINGLE, marts_resistance_candidates=[row])["G0"]
    assert (found["confidence"], found["prognostic_hazard_ratio"]) == ("single study", 1.4)
    told = [found[f"prognostic_{name}"] for name in ("cohort_id", "n", "events")]
    assert told == ["luad_tcga", 500, 180]


def test_patients_that_were_given_the_drug_are_predictive_for_its_class_alone():
    survival = {"cohort_id": "battle", "hgnc_symbol": "G0", "n": 117, "events": 90}
    rows = [survival | {"endpoint": "OS", "events": 99}, survival | {"endpoint": "PFS", "hazard_ratio_primary": 1.5}]
    tables = {
        "marts_survival_by_gene": rows,
        "raw_catalog__treated_cohorts": [{"cohort_id": "battle", "drug_class": "EGFR-TKI"}],
    }
    found = candidates(SINGLE, **tables)["G0"]
    assert (found["predictive_cohort_id"], found["predictive_endpoint"], found["predictive_n"]) == (
        "battle",
        "PFS",
        117,
    )
    assert (found["predictive_hazard_ratio"], found["predictive_events"]) == (1.5, 90)
    assert found["confidence"] == "single study"
    tables["raw_catalog__treated_cohorts"] = [{"cohort_id": "battle", "drug_class": "ALK-TKI"}]
    assert candidates(SINGLE, **tables)["G0"]["predictive_cohort_id"] is None


def cells(**cp10k: float) -> list[dict[str, Any]]:
    return [
        {"study_id": "s", "species": "human", "level": "cell_type", "cell_type": name, "feature_id": "g",
         "symbol": "G0", "cp10k_pooled": value, "fraction_expressing": 0.5} for name, value in cp10k.items()
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ({"Tumour": 1.0, "CAF": 2.1}, "expression of the stroma"),
        ({"Tumour": 1.0, "CAF": 2.0}, None),
        ({"Tumour": 9.0, "CAF": 2.0}, None),
        ({"CAF": 2.0}, "expression of the stroma"),
        ({"Tumour": 0.0, "CAF": 0.0}, None),
    ],
)
def test_a_gene_that_other_cells_make_is_of_the_stroma(types, expected):
    found = candidates(REPLICATED, core_single_cell__gene_cell_types=cells(**types))["G0"]
    assert found["flags"] == expected


def effect(study: str, gene: str, p: float, **other: Any) -> dict[str, Any]:
    return {
        "drug_class": "EGFR-TKI", "state": "acquired", "independent_study": study, "hgnc_symbol": gene,
        "study_id": study, "contrast_ids": study, "is_measured": True, "is_inferential": True, "direction": "up",
        "p_value": p, "log2_fold_change": 2.0, "log2_fold_change_standard_error": 0.5,
    } | other  # fmt: skip


def test_a_table_of_small_p_values_alone_is_circular():
    chosen = [effect("a", "G0", 0.001), effect("a", "G9", 0.4)]
    assert flags(SINGLE, core_evidence__study_effects=chosen) == "circular"
    assert flags(SINGLE, core_evidence__study_effects=[*chosen, effect("a", "G8", 0.5)]) is None
    other = [effect("b", "G0", 0.001), effect("b", "G9", 0.9)]
    assert flags(SINGLE, core_evidence__study_effects=[*chosen, *other]) is None


def test_a_gene_that_the_arms_were_made_by_is_circular():
    contrast = {"contrast_id": "a", "numerator": "G0AXL_over", "denominator": "vector"}
    effects = [effect("a", "G0", 0.001), effect("a", "G9", 0.9)]
    assert flags(SINGLE, core_evidence__study_effects=effects, raw_catalog__contrasts=[contrast]) is None
    named = [row | {"hgnc_symbol": "AXL"} if row["hgnc_symbol"] == "G0" else row for row in effects]
    found = candidates(
        SINGLE | {"hgnc_symbol": "AXL"},
        core_evidence__study_effects=named,
        raw_catalog__contrasts=[contrast | {"numerator": "axl_overexpressing"}],
    )
    assert found["AXL"]["flags"] == "circular"


def test_the_interval_of_a_single_study_is_that_of_its_standard_error():
    row = candidates(SINGLE, core_evidence__study_effects=[effect("a", "G0", 0.001), effect("a", "G9", 0.9)])["G0"]
    assert row["log2_fold_change"] == 2.0
    assert row["log2_fold_change_ci_lower"] == pytest.approx(2.0 - 1.959964 * 0.5)


def answer(
    *genes: dict[str, Any], effects: list[dict[str, Any]], noise: tuple[tuple[str, str], ...] = ()
) -> dict[str, Any]:
    model = sql_models()["marts.drug_class_answers"]
    found = list(candidates(*genes, core_evidence__study_effects=effects).values())
    mounts = {
        "raw.catalog__drug_classes": rows_of("raw.catalog__drug_classes", [{"drug_class": "EGFR-TKI", "drug": "x"}]),
        "raw.catalog__confidence_rules": rows_of("raw.catalog__confidence_rules", [ConfidenceRules().model_dump()]),
        "raw.catalog__contrasts": rows_of(
            "raw.catalog__contrasts",
            [{"contrast_id": name, "drug_class": "EGFR-TKI", "state": state} for name, state in noise],
        ),
        "core.deg__noise_null": rows_of(
            "core.deg__noise_null",
            [{"contrast_id": name, "bcv": bcv, "expected_genes": 100 * bcv} for name, _ in noise for bcv in (0.1, 0.4)],
        ),
        EFFECTS: rows_of(EFFECTS, effects),
        CANDIDATES: pl.DataFrame(found, schema=TABLES[CANDIDATES].polars_schema),
    }
    return run_model(model, mounts).row(0, named=True)


def test_a_class_is_answered_in_one_sentence():
    studies = [effect(s, "G0", 0.001) for s in "abc"]
    silent = effect("d", "G0", 0.001, is_inferential=False, p_value=None)
    row = answer(REPLICATED, SINGLE, effects=[*studies, silent])
    assert row["answer_sentence"] == (
        "EGFR-TKI: 1 gene is replicated over 3 independent studies (G0); 1 rests on a single study; "
        "1 study says nothing yet (no replicates)."
    )
    assert (row["n_independent_studies"], row["n_studies_silent"], row["n_replicated"]) == (3, 1, 1)


def test_effects_without_replicates_stand_beside_what_noise_alone_gives():
    bare = effect("a", "G0", 0.001, is_inferential=False, p_value=None, is_over_fold_change_rule=True)
    row = answer(EFFECT_ONLY, effects=[bare], noise=(("a", "acquired"), ("b", "acquired"), ("c", "treated")))
    assert row["answer_sentence"] == (
        "EGFR-TKI: no study with replicates; 1 by effect only (noise alone gives about 20 at a BCV of 0.1); "
        "1 study says nothing yet (no replicates)."
    )
    assert row["n_effect_only_by_noise"] == pytest.approx(20.0)


def test_a_class_without_data_and_one_with_too_few_studies_say_so():
    assert answer(effects=[])["answer_sentence"] == (
        "EGFR-TKI: no contrast of resistant against parental cells has data."
    )
    few = answer(SINGLE, effects=[effect("a", "G0", 0.001)])["answer_sentence"]
    assert few == (
        "EGFR-TKI: nothing can be replicated yet, with 1 independent study of the 3 that it takes; "
        "1 rests on a single study."
    )
