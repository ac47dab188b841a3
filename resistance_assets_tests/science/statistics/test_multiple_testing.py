from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.science.statistics.multiple_testing import (
    adjust_bh,
    adjust_holm,
    percentile_of_smallest,
)

P_VALUES = st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), max_size=40)
ADJUSTMENTS = [adjust_bh, adjust_holm]


def read_numbers(path: Path, column: str) -> np.ndarray:
    # As text through Python's float: it rounds denormals correctly.
    text = pl.read_csv(path, separator="\t", infer_schema=False)[column]
    return np.array([float("nan") if value == "NA" else float(value) for value in text])


@pytest.mark.parametrize(("adjust", "column"), [(adjust_bh, "BH"), (adjust_holm, "holm")])
def test_every_row_of_r_is_matched(goldens: Path, adjust, column):
    p = read_numbers(goldens / "stats" / "padjust_input.tsv", "p")
    expected = read_numbers(goldens / "stats" / "padjust_expected.tsv", column)
    assert (p.size, np.isnan(p).sum()) == (200, 11)
    ours = adjust(p)
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(p))
    # 1e-12 relative, and 1e-300 absolute among denormals, where the order of operations shows.
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-300)


@given(P_VALUES)
def test_adjusted_values_are_probabilities_no_smaller_than_p(p_values):
    p = np.array(p_values, dtype=float)
    for adjust in ADJUSTMENTS:
        q = adjust(p)
        np.testing.assert_array_equal(np.isnan(q), np.isnan(p))
        tested = ~np.isnan(p)
        # A denormal times m / m may lose its last bit.
        assert np.all(q[tested] >= p[tested] * (1 - 1e-15) - 1e-320)
        assert np.all(q[tested] <= 1)
        order = np.argsort(p[tested])
        assert np.all(np.diff(q[tested][order]) >= 0)
    assert np.all((adjust_bh(p) <= adjust_holm(p) * (1 + 1e-15) + 1e-320) | np.isnan(p))


@given(P_VALUES, st.randoms(use_true_random=False))
def test_order_does_not_matter(p_values, random):
    p = np.array(p_values, dtype=float)
    shuffled = np.array(random.sample(range(p.size), p.size), dtype=int)
    for adjust in [*ADJUSTMENTS, percentile_of_smallest]:
        np.testing.assert_array_equal(adjust(p[shuffled]), adjust(p)[shuffled])


def test_bh_agrees_with_scipy():
    p = np.random.default_rng(1).random(500) ** 4
    np.testing.assert_allclose(adjust_bh(p), scipy.stats.false_discovery_control(p), rtol=1e-14)


def test_percentile_counts_what_is_smaller_and_halves_ties():
    p = [0.01, 0.2, 0.2, np.nan, 0.5, 0.9]
    np.testing.assert_array_equal(percentile_of_smallest(p), [0, 30, 30, np.nan, 60, 80])


@pytest.mark.parametrize("function", [*ADJUSTMENTS, percentile_of_smallest])
def test_nothing_tested_gives_nothing(function):
    assert function([]).size == 0
    assert np.isnan(function([np.nan, np.nan])).all()


@pytest.mark.parametrize("adjust", ADJUSTMENTS)
@pytest.mark.parametrize("p", [[-0.1], [1.1], [[0.5]]])
def test_what_is_no_vector_of_probabilities_is_refused(adjust, p):
    with pytest.raises(ValueError, match="p-values must"):
        adjust(p)
