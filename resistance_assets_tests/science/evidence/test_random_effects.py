"""Random effects of many genes against metafor, and the moderated test against what is known of its parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resistance_assets.science.evidence.random_effects import estimate_tau2, pool_by_hartung_knapp, pool_moderated
from resistance_assets.science.statistics.multiple_testing import adjust_bh

# effects, variances, then estimate, se, ci_lower, ci_upper, tau2, i2, p of R 4.2.2, metafor 3.8-1:
# rma(y, v, method = "REML", test = "knha", control = list(threshold = 1e-12, maxiter = 1000))
METAFOR = [
    ([-0.2394, -0.1389],
     [0.3958, 0.1711],
     -0.1692325983, 0.0461341480, -0.7554225281, 0.4169573314, 0.0000000000, 0.00000000, 0.169430599566),
    ([0.9897, 0.9266, 0.8697],
     [0.1492, 0.3894, 0.083],
     0.9142812178, 0.0382737604, 0.7496025181, 1.0789599176, 0.0000000000, 0.00000000, 0.0017478448946),
    ([3.752, 2.2856, 4.1734],
     [0.0522, 0.2331, 0.0233],
     3.4846696809, 0.5519998879, 1.1096058563, 5.8597335056, 0.7632624773, 92.60282679, 0.0241864683491),
    ([1.448, 0.7338, 0.0531, 0.3463],
     [0.3957, 0.0449, 0.2583, 0.2064],
     0.6530062518, 0.1890010517, 0.0515205530, 1.2544919506, 0.0000000000, 0.00000000, 0.0407868857745),
    ([-0.3605, -0.191, -0.5628, 1.0816, 2.198],
     [0.2093, 0.3204, 0.3386, 0.1936, 0.3238],
     0.4339805391, 0.5213138481, -1.0134187428, 1.8813798211, 1.0600960419, 79.95334418, 0.451956596623),
    ([-1.0444, -1.0301, -0.9994, -0.9747, -0.9795, -1.0023],
     [0.2936, 0.3141, 0.2585, 0.2947, 0.167, 0.0819],
     -1.0020035564, 0.0094216321, -1.0262226328, -0.9777844800, 0.0000000000, 0.00000000, 1.39372455334e-09),
    ([0.2532, 0.7488, 0.6503, 0.4944, -0.1236, 0.514, 0.2369, -0.4172],
     [0.1813, 0.1291, 0.2485, 0.3395, 0.2559, 0.0711, 0.2357, 0.1885],
     0.3519884676, 0.1355243932, 0.0315242008, 0.6724527344, 0.0000000000, 0.00000000, 0.0355681420386),
    ([0.5588, -0.232, 0.3031, 0.642, 1.1791, 0.9978, 1.2824, 1.3789, 0.7596, 0.3391, 0.5214, 0.204],
     [0.0892, 0.2947, 0.2373, 0.2252, 0.1549, 0.3332, 0.0907, 0.1706, 0.2048, 0.2088, 0.1671, 0.2644],
     0.7282301983, 0.1354814875, 0.4300374547, 1.0264229418, 0.0497220189, 21.92215767, 0.000225018847965),
]  # fmt: skip


def padded(rows, width=12):
    effect, error = np.full((len(rows), width), np.nan), np.full((len(rows), width), np.nan)
    for at, (y, v, *_) in enumerate(rows):
        effect[at, : len(y)], error[at, : len(v)] = y, np.sqrt(v)
    return effect, error


def test_each_gene_alone_is_pooled_as_metafor_pools_it():
    found = pool_by_hartung_knapp(*padded(METAFOR))
    wanted = np.array([row[2:] for row in METAFOR])
    got = np.column_stack(
        [found.estimate, found.standard_error, found.ci_lower, found.ci_upper, found.tau2, found.i2, found.p_value]
    )
    # metafor stops its iteration at 1e-12; ten digits were printed.
    np.testing.assert_allclose(got, wanted, atol=1e-7)


def test_a_study_without_an_estimate_changes_nothing_and_its_place_does_not_matter():
    effect, error = padded(METAFOR)
    order = np.random.default_rng(3).permutation(effect.shape[1])
    np.testing.assert_allclose(
        pool_by_hartung_knapp(effect[:, order], error[:, order]).p_value, pool_by_hartung_knapp(effect, error).p_value
    )


def test_fewer_than_two_studies_are_not_pooled():
    effect, error = np.array([[1.0, np.nan], [np.nan, np.nan]]), np.array([[0.1, np.nan], [np.nan, np.nan]])
    for pool in (pool_by_hartung_knapp, pool_moderated):
        found = pool(effect, error)
        assert np.isnan(found.estimate).all()
        assert np.isnan(found.p_value).all()
        assert np.isnan(found.tau2).all()
        assert found.studies.tolist() == [1, 0]


def test_no_row_is_no_answer():
    empty = np.empty((0, 4))
    assert pool_moderated(empty, empty).estimate.size == 0
    assert pool_by_hartung_knapp(empty, empty).estimate.size == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 6), st.floats(0.1, 5.0), st.integers(0, 10_000))
def test_the_estimate_keeps_the_unit_of_the_effects(studies, unit, seed):
    rng = np.random.default_rng(seed)
    effect, error = rng.normal(size=(30, studies)), rng.uniform(0.1, 0.5, (30, studies))
    one, other = pool_moderated(effect, error), pool_moderated(unit * effect, unit * error)
    np.testing.assert_allclose(other.estimate, unit * one.estimate, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(other.p_value, one.p_value, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(estimate_tau2(unit * effect, unit * error), unit**2 * one.tau2, rtol=1e-4, atol=1e-7)


def simulated(rng, genes, studies, *, true=0, heterogeneous=0.0):
    """Effects whose studies differ by 0.15 (log2), some genes' by 1.2; the first ones change by 2 in every study."""
    error = rng.uniform(0.1, 0.4, (genes, studies))
    between = np.where(rng.random(genes) < heterogeneous, 1.2, 0.15)
    mean = np.where(np.arange(genes) < true, 2.0, 0.0)
    return mean[:, None] + rng.normal(size=error.shape) * np.sqrt(error**2 + between[:, None] ** 2), error


def test_p_values_of_the_moderated_test_are_uniform_where_nothing_changes():
    effect, error = simulated(np.random.default_rng(5), 8000, 3)
    p = pool_moderated(effect, error).p_value
    for level in (0.5, 0.1, 0.01):
        assert abs((p < level).mean() - level) < 4 * np.sqrt(level * (1 - level) / 8000)


def test_three_studies_find_with_moderation_what_each_gene_alone_cannot():
    effect, error = simulated(np.random.default_rng(6), 8000, 3, true=160)
    moderated, alone = pool_moderated(effect, error), pool_by_hartung_knapp(effect, error)
    found = adjust_bh(moderated.p_value) < 0.05
    assert found[:160].mean() > 0.9
    assert found[160:].sum() < 0.1 * found.sum()
    assert (adjust_bh(alone.p_value) < 0.05)[:160].mean() < 0.1
    assert (moderated.degrees_of_freedom > alone.degrees_of_freedom).all()


def test_studies_that_differ_in_some_genes_alone_lend_fewer_degrees_of_freedom():
    rng = np.random.default_rng(7)
    even = pool_moderated(*simulated(rng, 4000, 3)).degrees_of_freedom
    mixed = pool_moderated(*simulated(rng, 4000, 3, heterogeneous=0.2)).degrees_of_freedom
    assert np.median(mixed) < 10 < np.median(even)


def test_the_test_alone_is_the_same_test():
    effect, error = simulated(np.random.default_rng(8), 500, 4, true=20)
    whole, part = pool_moderated(effect, error), pool_moderated(effect, error, test_only=True)
    np.testing.assert_array_equal(whole.p_value, part.p_value)
    assert np.isnan(part.tau2).all()
    assert np.isnan(part.ci_lower).all()


@pytest.mark.parametrize("effect", [0.0, 1.5])
def test_studies_that_say_the_same_to_the_digit_do_not_divide_by_zero(effect):
    found = pool_by_hartung_knapp(np.full((1, 3), effect), np.full((1, 3), 0.2))
    assert found.tau2[0] == 0
    assert found.estimate[0] == pytest.approx(effect)
    assert np.isnan(found.p_value[0]) or found.p_value[0] >= 0
