"""The rank-sum test against scipy's Mann-Whitney, and what has no test."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from resistance_assets.science.statistics.rank_sum import rank_sum_pairs, rank_sum_rows, rank_sum_test

GROUP = st.lists(st.integers(-20, 20), min_size=1, max_size=14)


@pytest.mark.slow
@settings(deadline=None)
@given(first=GROUP, second=GROUP)
def test_p_is_that_of_scipy_exact_without_ties_and_corrected_with_them(first, second):
    a, b = np.array(first, dtype=float), np.array(second, dtype=float)
    both = np.concatenate([a, b])
    ours = rank_sum_test(a, b)
    if np.ptp(both) == 0:
        assert ours.method == "none"
        assert math.isnan(ours.p_value)
        return
    untied = len(np.unique(both)) == len(both)
    assert ours.method == ("exact" if untied else "normal_approximation")
    theirs = stats.mannwhitneyu(a, b, method="exact" if untied else "asymptotic", use_continuity=True)
    assert ours.w == theirs.statistic
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-9)


def test_groups_of_fifty_are_approximated_and_an_empty_group_has_no_test():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=50), rng.normal(size=20)
    assert rank_sum_test(a, b).method == "normal_approximation"
    assert rank_sum_test(a, b, exact=True).method == "exact"
    assert rank_sum_test(a[:49], b, exact=False).method == "normal_approximation"
    assert rank_sum_test(np.array([]), b).method == "none"


def test_rows_leave_out_their_own_missing_values():
    values = np.array([[1.0, 5.0, np.nan, 2.0, 3.0], [np.nan, np.nan, 4.0, 2.0, 3.0]])
    found = rank_sum_rows(values, np.array([True, True, False, False, False]))
    assert found.n_first.tolist() == [2, 0]
    assert found.n_second.tolist() == [2, 3]
    alone = rank_sum_test(np.array([1.0, 5.0]), np.array([2.0, 3.0]))
    assert found.p_value[0] == alone.p_value
    assert math.isnan(found.p_value[1])


def test_pairs_at_once_are_the_tests_one_by_one():
    rng = np.random.default_rng(3)
    pairs = [(rng.normal(size=n), rng.normal(0.5, size=m)) for n, m in ((6, 4), (5, 6), (3, 3))]
    pairs.append((np.array([1.0, 1.0, 2.0]), np.array([1.0, 3.0])))
    assert rank_sum_pairs(pairs) == [rank_sum_test(*pair) for pair in pairs]
    assert rank_sum_pairs([]) == []
