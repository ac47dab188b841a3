"""Consensus over independent studies: who is pooled, who is counted, and what is left when a study goes."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from resistance_assets.science.evidence.consensus import pool_over_studies
from resistance_assets.science.evidence.random_effects import pool_by_hartung_knapp, pool_moderated
from resistance_assets.science.evidence.study_effects import STUDY_EFFECTS_SCHEMA
from resistance_assets.science.statistics.multiple_testing import adjust_bh


def study_row(study: str, gene: str, fold: float | None, *, se: float | None = 0.2, q: float | None = 0.5, **other):
    row = {
        "drug_class": "EGFR-TKI", "state": "acquired", "independent_study": study, "hgnc_symbol": gene,
        "study_id": study, "contrast_ids": study, "is_measured": fold is not None,
        "is_inferential": fold is not None and se is not None, "n_contrasts": 1, "log2_fold_change": fold,
        "log2_fold_change_standard_error": se if fold is not None else None, "standardised_effect": fold,
        "standardised_effect_standard_error": se, "p_value": q, "q_value_bh": q, "is_over_fold_change_rule": False,
    }  # fmt: skip
    return row | other


def consensus(*rows: dict, **settings) -> dict[str, dict]:
    found = pool_over_studies(pl.DataFrame(rows, schema=STUDY_EFFECTS_SCHEMA), **settings)
    return {row["hgnc_symbol"]: row for row in found.iter_rows(named=True)}


def simulated_rows(studies: int, genes: int = 300, changed: int = 10) -> list[dict]:
    rng = np.random.default_rng(11)
    mean = np.where(np.arange(genes) < changed, 2.0, 0.0)
    return [
        study_row(f"s{s}", f"G{g:03d}", float(mean[g] + rng.normal(scale=0.3)), se=0.2)
        for s in range(studies)
        for g in range(genes)
    ]


def test_every_gene_is_pooled_as_the_matrix_of_its_studies_says():
    rows = simulated_rows(4)
    y = np.array([row["log2_fold_change"] for row in rows]).reshape(4, 300).T
    found = consensus(*rows)
    moderated, alone = pool_moderated(y, np.full(y.shape, 0.2)), pool_by_hartung_knapp(y, np.full(y.shape, 0.2))
    q = adjust_bh(moderated.p_value)
    for at in (0, 9, 10, 299):
        row = found[f"G{at:03d}"]
        assert row["pooled_log2_fold_change"] == pytest.approx(moderated.estimate[at])
        assert row["q_value_bh"] == pytest.approx(q[at])
        assert row["p_value_hartung_knapp"] == pytest.approx(alone.p_value[at])
        assert row["tau2"] == pytest.approx(alone.tau2[at])


def test_leave_one_out_is_the_worst_of_the_pools_without_a_study():
    rows = simulated_rows(3)
    worst = [
        consensus(*(row for row in rows if row["independent_study"] != left))["G003"]["q_value_bh"]
        for left in ("s0", "s1", "s2")
    ]
    row = consensus(*rows)["G003"]
    assert row["leave_one_out_worst_q"] == pytest.approx(max(worst))
    assert row["leave_one_out_same_sign"] is True


def test_a_study_that_did_not_measure_a_gene_is_not_left_out_of_it():
    rows = simulated_rows(4)
    rows = [row for row in rows if row["independent_study"] != "s3" or row["hgnc_symbol"] != "G003"]
    rows.append(study_row("s3", "G003", None))
    without = [
        consensus(*(row for row in rows if row["independent_study"] != left))["G003"]["q_value_bh"]
        for left in ("s0", "s1", "s2")
    ]
    found = consensus(*rows)["G003"]
    assert found["leave_one_out_worst_q"] == pytest.approx(max(without))
    assert (found["k_studies"], found["n_studies_not_measured"]) == (3, 1)


def test_two_studies_have_no_worst_q_and_the_sign_of_each_counts():
    found = consensus(
        *(study_row(s, g, f) for s, g, f in [("a", "X", 2.0), ("b", "X", 2.1), ("a", "Y", 2.0), ("b", "Y", -0.5)])
    )
    assert found["X"]["leave_one_out_worst_q"] is None
    assert found["X"]["leave_one_out_same_sign"] is True
    assert found["Y"]["leave_one_out_same_sign"] is False


def test_one_study_and_none_with_replicates_are_refused_with_a_reason():
    found = consensus(study_row("a", "X", -2.0), study_row("a", "Y", 1.0, se=None, q=None))
    assert found["X"]["refusal_reason"] == "one independent study measured it"
    assert found["Y"]["refusal_reason"] == "no inferential study measured it"
    assert found["X"]["p_value"] is None
    assert (found["X"]["direction"], found["Y"]["direction"]) == ("down", "up")


def test_studies_without_replicates_are_counted_and_not_pooled():
    over = {"se": None, "q": None, "is_over_fold_change_rule": True}
    row = consensus(
        study_row("a", "X", 2.0), study_row("b", "X", 2.2), study_row("c", "X", 9.0, **over),
        study_row("d", "X", -1.5, **over), study_row("e", "X", -0.1, se=None, q=None),
    )["X"]  # fmt: skip
    assert row["k_studies"] == 2
    assert row["pooled_log2_fold_change"] == pytest.approx(2.1)
    assert (row["n_effect_only"], row["n_effect_only_for"], row["n_effect_only_against"]) == (3, 1, 2)
    assert (row["n_effect_only_over_rule_for"], row["n_effect_only_over_rule_against"]) == (1, 1)
    assert row["n_studies_opposed"] == 1


def test_a_study_against_counts_by_sign_and_speaks_against_by_p():
    rows = [study_row(s, "X", 2.0, q=0.001) for s in "ab"]
    weak = consensus(*rows, study_row("c", "X", -0.1, q=0.4))["X"]
    strong = consensus(*rows, study_row("c", "X", -0.1, q=0.04))["X"]
    assert (weak["n_studies_for"], weak["n_studies_against"], weak["n_studies_opposed"]) == (2, 1, 0)
    assert (strong["n_studies_opposed"], strong["n_studies_significant_down"]) == (1, 1)
    assert weak["direction_consistency"] == pytest.approx(2 / 3)


def test_classes_and_states_have_families_of_their_own():
    rows = simulated_rows(3)
    alone = consensus(*rows)["G003"]["q_value_bh"]
    more = pl.DataFrame(
        [*rows, *(row | {"state": "treated"} for row in rows), *(row | {"drug_class": "all"} for row in rows)],
        schema=STUDY_EFFECTS_SCHEMA,
    )
    found = pool_over_studies(more).filter(pl.col("hgnc_symbol") == "G003")
    assert found.height == 3
    assert found["q_value_bh"].to_list() == pytest.approx([alone] * 3)


def test_hartung_knapp_may_decide_in_place_of_the_moderated_test():
    row = consensus(*simulated_rows(3), moderated=False)["G003"]
    assert row["p_value"] == row["p_value_hartung_knapp"]
    assert row["degrees_of_freedom"] == 2


def test_nothing_is_no_row():
    assert consensus() == {}
