"""Welch's and the paired t test against scipy's, and what has no test."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from resistance_assets.science.statistics.t_tests import paired_t_test, t_test, welch_t_test

VALUES = st.lists(st.integers(-1000, 1000).map(lambda value: value / 8), min_size=2, max_size=12)


@settings(deadline=None)
@given(first=VALUES, second=VALUES)
def test_welch_is_that_of_scipy(first, second):
    a, b = np.array(first), np.array(second)
    ours = welch_t_test(a, b)
    assert ours.difference == pytest.approx(a.mean() - b.mean())
    if np.ptp(a) == np.ptp(b) == 0:  # no variation, no error
        assert math.isnan(ours.p_value)
        assert math.isnan(ours.half_width())
        return
    theirs = stats.ttest_ind(a, b, equal_var=False)
    assert ours.t == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-12)
    assert ours.degrees_of_freedom == pytest.approx(theirs.df, rel=1e-9)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    limits = theirs.confidence_interval(0.95)
    assert ours.half_width() == pytest.approx((limits.high - limits.low) / 2, rel=1e-9)


@settings(deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=2, max_size=12))
def test_the_paired_test_is_that_of_scipy(pairs):
    a, b = np.array(pairs, dtype=float).T
    ours = paired_t_test(a, b)
    if np.ptp(a - b) == 0:
        assert math.isnan(ours.p_value)
        return
    theirs = stats.ttest_rel(a, b)
    assert ours.t == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-12)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-9)


def test_a_difference_without_an_error_keeps_its_value_and_has_no_p():
    one, two, none = np.array([3.0]), np.array([1.0, 2.0]), np.array([])
    assert welch_t_test(one, two)[0] == 1.5
    assert all(math.isnan(value) for value in welch_t_test(one, two)[1:])
    assert all(math.isnan(value) for value in welch_t_test(none, two))
    assert all(math.isnan(value) for value in paired_t_test(none, none))
    assert paired_t_test(one, np.array([1.0])).difference == 2.0
    assert math.isnan(t_test(1.0, 0.0, 3.0).p_value)
