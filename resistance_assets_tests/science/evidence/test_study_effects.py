"""Effects of independent studies: standard errors that were not reported, arms that share a control, Hedges' g."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from resistance_assets.science.evidence.study_effects import (
    complete_standard_errors,
    degrees_of_freedom,
    pool_within_studies,
)

BLANK = {
    "drug_class": "EGFR-TKI", "state": "acquired", "independent_study": "PC9 (A)", "study_id": "s", "cell_line": "PC9",
    "laboratory": "A", "contrast_id": "c", "hgnc_symbol": "AXL", "method": "limma", "numerator": "R",
    "denominator": "P", "evidence_kind": "inferential", "log2_fold_change": 2.0, "standard_error": 0.4,
    "statistic": 5.0, "p_value": 0.001, "q_value_bh": 0.01, "n_numerator": 3, "n_denominator": 3, "is_over_rule": None,
}  # fmt: skip
TYPES = {
    "standard_error": pl.Float64, "statistic": pl.Float64, "p_value": pl.Float64, "q_value_bh": pl.Float64,
    "n_numerator": pl.Int64, "n_denominator": pl.Int64, "is_over_rule": pl.Boolean, "laboratory": pl.String,
}  # fmt: skip


def effects(*rows: dict) -> pl.DataFrame:
    return pl.DataFrame([BLANK | row for row in rows], schema_overrides=TYPES)


def pooled(*rows: dict) -> pl.DataFrame:
    return pool_within_studies(complete_standard_errors(effects(*rows)))


def test_a_reported_standard_error_is_kept():
    row = complete_standard_errors(effects({})).row(0, named=True)
    assert (row["standard_error"], row["standard_error_source"]) == (0.4, "reported")


def test_a_p_value_gives_the_standard_error_by_the_normal_quantile():
    row = complete_standard_errors(effects({"method": "published", "standard_error": None})).row(0, named=True)
    assert row["standard_error"] == pytest.approx(2.0 / stats.norm.isf(0.0005))
    assert row["standard_error_source"] == "from_p_value"


def test_a_small_p_value_of_a_t_test_does_not_blow_its_standard_error_up():
    rng = np.random.default_rng(2)
    fold, error = np.append(rng.normal(scale=0.2, size=400), 6.0), 0.2
    p = 2 * stats.t.sf(np.abs(fold / error), 6)
    rows = [
        {"hgnc_symbol": f"g{at}", "log2_fold_change": f, "p_value": x, "standard_error": None, "method": "published"}
        for at, (f, x) in enumerate(zip(fold, p, strict=True))
    ]
    found = complete_standard_errors(effects(*rows))["standard_error"]
    by_normal = 6.0 / stats.norm.isf(p[-1] / 2)
    assert by_normal > 4 * error
    assert error <= found[400] < 1.6 * error
    assert found.median() == pytest.approx(error, rel=0.15)


def test_samples_that_are_not_told_give_no_g():
    row = complete_standard_errors(effects({"n_numerator": None, "n_denominator": None})).row(0, named=True)
    assert row["standard_error"] == 0.4
    assert row["standardised_effect"] is None


@pytest.mark.parametrize("wrong", [{"log2_fold_change": 0.0}, {"p_value": 1.0}])
def test_an_effect_of_zero_gets_the_median_standard_error_of_its_contrast(wrong):
    found = complete_standard_errors(
        effects({"standard_error": None} | wrong, {"hgnc_symbol": "B", "standard_error": 0.2}, {"hgnc_symbol": "C"})
    )
    assert found["standard_error"][0] == pytest.approx(0.3)
    assert found["standard_error_source"][0] == "median_of_contrast"


def test_a_p_value_of_zero_is_a_small_one():
    found = complete_standard_errors(effects({"p_value": 0.0, "standard_error": None}))
    assert 0 < found["standard_error"][0] < 0.1


def test_an_effect_without_replicates_has_no_standard_error():
    row = complete_standard_errors(effects({"evidence_kind": "effect_only", "p_value": None})).row(0, named=True)
    assert row["standard_error"] is None
    assert row["standard_error_source"] is None


def test_hedges_g_is_corrected_for_few_samples():
    row = complete_standard_errors(effects({})).row(0, named=True)
    d = 5.0 * np.sqrt(2 / 3)
    j = 1 - 3 / 15
    assert row["standardised_effect"] == pytest.approx(j * d)
    assert row["standardised_effect_standard_error"] == pytest.approx(j * np.sqrt(2 / 3 + d**2 / 12))


def test_one_contrast_keeps_its_numbers():
    row = pooled({}).row(0, named=True)
    assert (row["log2_fold_change"], row["log2_fold_change_standard_error"]) == pytest.approx((2.0, 0.4))
    assert (row["p_value"], row["q_value_bh"], row["direction"]) == (0.001, 0.01, "up")


def test_arms_against_one_control_are_correlated_by_a_half():
    arms = [
        {"contrast_id": name, "numerator": name, "log2_fold_change": fold} for name, fold in (("a", 1.0), ("b", 3.0))
    ]
    row = pooled(*arms).row(0, named=True)
    assert row["log2_fold_change"] == pytest.approx(2.0)
    assert row["log2_fold_change_standard_error"] == pytest.approx(0.4 * np.sqrt((2 + 2 * 0.5) / 4))
    assert row["contrast_ids"] == "a|b"
    assert row["n_contrasts"] == 2


def test_the_correlation_follows_the_samples_that_are_shared():
    arms = [
        {"contrast_id": name, "numerator": name, "n_numerator": n, "n_denominator": 6}
        for name, n in (("a", 3), ("b", 2))
    ]
    row = pooled(*arms).row(0, named=True)
    shared = (1 / 6) / np.sqrt((1 / 6 + 1 / 3) * (1 / 6 + 1 / 2))
    assert row["log2_fold_change_standard_error"] == pytest.approx(0.4 * np.sqrt((2 + 2 * shared) / 4))


def test_arms_with_controls_of_their_own_are_independent():
    arms = [{"contrast_id": name, "numerator": f"{name}r", "denominator": f"{name}p"} for name in "ab"]
    assert pooled(*arms)["log2_fold_change_standard_error"][0] == pytest.approx(0.4 / np.sqrt(2))


def test_the_p_value_of_several_arms_has_their_degrees_of_freedom():
    p = float(2 * stats.t.sf(5.0, 7))
    arms = [{"contrast_id": name, "numerator": name, "p_value": p} for name in "ab"]
    row = pooled(*arms).row(0, named=True)
    t = 2.0 / (0.4 * np.sqrt(3 / 4))
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(t, 7), rel=1e-6)


def test_two_accessions_of_one_line_and_laboratory_are_one_study():
    rows = pooled({"study_id": "x", "contrast_id": "x1"}, {"study_id": "y", "contrast_id": "y1"})
    assert rows.select("study_id", "n_contrasts").rows() == [("x|y", 2)]
    # Groups of the same name in two accessions are not the same samples.
    assert rows["log2_fold_change_standard_error"][0] == pytest.approx(0.4 / np.sqrt(2))


def test_replicates_of_a_study_speak_before_its_contrasts_without():
    bare = {"contrast_id": "bare", "evidence_kind": "effect_only", "p_value": None, "log2_fold_change": -9.0}
    row = pooled({}, bare).row(0, named=True)
    assert row["is_inferential"]
    assert row["log2_fold_change"] == 2.0
    assert row["n_contrasts"] == 1


def test_a_gene_that_a_study_did_not_measure_has_a_row_that_says_so():
    rows = pooled({}, {"independent_study": "H1975 (B)", "contrast_id": "d", "hgnc_symbol": "MET"})
    missing = rows.filter(~pl.col("is_measured"))
    assert missing.select("independent_study", "hgnc_symbol", "log2_fold_change", "direction").rows() == [
        ("H1975 (B)", "AXL", None, None),
        ("PC9 (A)", "MET", None, None),
    ]


@pytest.mark.parametrize(("calls", "over"), [((True, True), True), ((True, False), False), ((None, None), False)])
def test_a_study_without_replicates_is_over_the_rule_where_every_arm_is(calls, over):
    arms = [
        {"contrast_id": f"c{at}", "numerator": f"r{at}", "evidence_kind": "effect_only", "p_value": None,
         "is_over_rule": call} for at, call in enumerate(calls)
    ]  # fmt: skip
    row = pooled(*arms).row(0, named=True)
    assert row["is_over_fold_change_rule"] is over
    assert row["p_value"] is None


@pytest.mark.parametrize("df", [4, 12.5])
def test_degrees_of_freedom_are_read_from_statistic_and_p(df):
    t = np.array([0.1, 2.0, 9.0])
    rows = [{"statistic": x, "p_value": float(2 * stats.t.sf(x, df)), "hgnc_symbol": f"g{x}"} for x in t]
    assert degrees_of_freedom(effects(*rows)) == pytest.approx(df, rel=1e-6)


def test_wald_statistics_are_normal():
    assert degrees_of_freedom(effects({"statistic": 2.5, "p_value": float(2 * stats.norm.sf(2.5))})) > 1e6


def test_nothing_is_no_row():
    assert pool_within_studies(complete_standard_errors(effects({}).clear())).height == 0
