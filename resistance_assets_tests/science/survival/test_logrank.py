"""Groups too small for the chi-squared distribution are tested by permutation.

Oracle: the exact permutation of R over all 102,378 pairs of 453 patients (`numbers/small_group_fgf6`), within 1e-9; a
drawn one within three of its standard errors.
"""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest

from resistance_assets.science.survival import logrank
from resistance_assets.science.survival.logrank import SplitMinimum, SplitPermutations, null_martingale_residuals
from resistance_assets.science.survival.screen import screen_median_split, screen_quartile_split
from resistance_assets_tests.science.survival.goldens import read_lung_cohort, read_table


@pytest.fixture(scope="module")
def lung(goldens):
    return read_lung_cohort(goldens)


@pytest.mark.slow
def test_two_patients_of_453_have_the_exact_p_of_all_pairs(lung, goldens):
    theirs = read_table(goldens / "numbers/small_group_fgf6.tsv.gz").row(0, named=True)
    row = screen_median_split(lung.rows(["FGF6"]), lung.time, lung.event, ["FGF6"]).row(0, named=True)
    assert (row["n_high"], row["n"]) == (theirs["n_high"], theirs["n"])
    assert row["p_permutation"] == pytest.approx(theirs["exact_p_two_sided"], abs=1e-9)
    assert row["permutations"] is None
    for name in ("p_value", "p_likelihood_ratio", "p_score", "p_logrank", "q_value_bh", "q_value_bh_logrank"):
        assert row[name] is None
    assert row["fit_note"].startswith("2 of 453 patients in the high group")
    assert (row["observed_high"], row["observed_low"]) == (2, 156)


def test_drawn_permutations_agree_with_all_of_them(lung, monkeypatch):
    is_high = lung.rows(["FGF6"])[0] > np.median(lung.rows(["FGF6"])[0])
    scores = null_martingale_residuals(lung.time, lung.event)
    exact, _ = SplitPermutations(scores, permutations=10_000, seed=3).p_value(is_high)
    monkeypatch.setattr(logrank, "EXACT_DIVISIONS", 100)
    drawn, number = SplitPermutations(scores, permutations=10_000, seed=3).p_value(is_high)
    assert number == 10_000
    assert abs(drawn - exact) <= 3 * np.sqrt(exact * (1 - exact) / number)


@pytest.mark.parametrize("size", [1, 2, 4, 5, 9])
def test_every_division_is_looked_at_once(size):
    rng = np.random.default_rng(size)
    scores = rng.normal(size=10)
    scores -= scores.mean()
    is_high = np.arange(10) < size
    smaller = min(size, 10 - size)
    sums = [abs(scores[list(chosen)].sum()) for chosen in itertools.combinations(range(10), smaller)]
    expected = np.mean(np.array(sums) >= abs(scores[is_high].sum()) - 1e-12)
    assert SplitPermutations(scores, permutations=10, seed=1).p_value(is_high) == (pytest.approx(expected), None)


def test_every_division_is_counted_by_hand():
    rng = np.random.default_rng(4)
    time, event = np.round(rng.exponential(10, 9)), rng.integers(0, 2, 9)
    scores = null_martingale_residuals(time, event)
    assert scores.sum() == pytest.approx(0.0, abs=1e-12)
    is_high = np.zeros(9, bool)
    is_high[[0, 4, 7]] = True
    sums = [abs(scores[list(chosen)].sum()) for chosen in itertools.combinations(range(9), 3)]
    expected = np.mean(np.array(sums) >= abs(scores[is_high].sum()) - 1e-12)
    assert SplitPermutations(scores, permutations=10, seed=1).p_value(is_high) == (pytest.approx(expected), None)


def test_a_split_is_judged_by_share_patients_and_expected_events():
    minimum = SplitMinimum()
    high = np.array([50.0, 19.0, 44.0, 200.0, 0.0])
    low = np.array([400.0, 30.0, 400.0, 200.0, 90.0])
    expected = np.array([20.0, 10.0, 20.0, 4.9, 0.0])
    assert minimum.falls_short(high, low, expected, expected + 9).tolist() == [False, True, True, True, False]


def test_only_splits_above_the_minimum_enter_the_family(lung):
    found = screen_median_split(lung.expression, lung.time, lung.event, lung.genes)
    small = found.filter(pl.col("p_permutation").is_not_null())
    assert small.height == 53
    assert small["q_value_bh_logrank"].null_count() == small.height
    assert small["percentile_logrank"].null_count() == small.height
    assert (small["p_permutation"] > 0).all()
    assert found["q_value_bh_logrank"].drop_nulls().len() == found["p_logrank"].drop_nulls().len()


def test_quartiles_of_a_small_cohort_have_no_large_sample_p(lung):
    some = slice(0, 60)
    found = screen_quartile_split(lung.rows(["CCL20"])[:, some], lung.time[some], lung.event[some], ["CCL20"])
    row = found.row(0, named=True)
    assert row["p_logrank"] is None
    assert 0 < row["p_permutation"] <= 1
    assert row["permutations"] == 10_000
