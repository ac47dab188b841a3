"""A prior with a trend, robust against outlying variances; its numbers against R stand with the plasma panel's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from resistance_assets.science.deg.robust_moderation import (
    LEAST_ROWS,
    _winsorised_moments,
    moderate_variances_robustly,
)
from resistance_assets.science.deg.variance_moderation import moderate_variances


def standard_deviations(rows: int, df: int, seed: int = 0) -> np.ndarray:
    return np.sqrt(np.random.default_rng(seed).chisquare(df, rows) / df)


def test_rows_of_one_variance_have_an_infinite_prior_and_share_its_trend():
    quantiles = stats.chi2.ppf((np.arange(200) + 0.5) / 200, 8) / 8
    average = np.random.default_rng(1).permutation(200) / 20
    found = moderate_variances_robustly(np.sqrt(quantiles * np.exp(average / 5)) * 0.9, 8, average)
    assert np.isinf(found.df_prior).sum() > 190
    assert np.corrcoef(np.log(found.s2_prior), average / 5)[0, 1] > 0.95
    infinite = np.isinf(found.df_prior)
    np.testing.assert_array_equal(np.asarray(found.df_total)[infinite], 200 * 8)
    np.testing.assert_array_equal(found.s2_post[infinite], np.asarray(found.s2_prior)[infinite])


def test_an_outlying_variance_keeps_to_itself_and_leaves_the_others_alone():
    sigma, average = standard_deviations(60, 10), np.linspace(0, 10, 60)
    before = moderate_variances_robustly(sigma, 10, average)
    sigma[30] = 40.0
    after = moderate_variances_robustly(sigma, 10, average)
    assert np.asarray(after.df_prior)[30] < 1
    assert after.s2_post[30] > 1000
    others = np.arange(60) != 30
    np.testing.assert_allclose(after.s2_post[others], before.s2_post[others], rtol=0.25)


def test_fewer_than_ten_rows_are_refused_in_words():
    average = np.arange(12.0)
    sigma = standard_deviations(12, 5)
    sigma[:3] = np.nan
    with pytest.raises(ValueError, match=f"9 rows with a variance; {LEAST_ROWS} are needed for a trend"):
        moderate_variances_robustly(sigma, 5, average)


def test_a_row_without_degrees_of_freedom_takes_the_prior_variance_at_its_mean():
    average = np.linspace(0, 10, 40)
    sigma, df = np.sqrt(np.exp(average)) * standard_deviations(40, 9), np.full(40, 9.0)
    sigma[20], df[20] = np.nan, 0.0
    found = moderate_variances_robustly(sigma, df, average)
    prior = np.asarray(found.s2_prior)
    assert found.s2_post[20] == prior[20]
    assert min(prior[19], prior[21]) <= prior[20] <= max(prior[19], prior[21])


@pytest.mark.slow
@pytest.mark.parametrize(("df", "df_prior"), [(5.0, 4.0), (50.0, 1.5), (8.0, np.inf)])
def test_moments_of_the_winsorised_log_ratio_are_those_of_a_large_sample(df, df_prior):
    law = stats.chi2(df, scale=1 / df) if np.isinf(df_prior) else stats.f(df, df_prior)
    z = np.log(law.ppf((np.arange(400_000) + 0.5) / 400_000))
    z = np.clip(z, np.quantile(z, 0.05), np.quantile(z, 0.9))
    np.testing.assert_allclose(_winsorised_moments(df, df_prior), (z.mean(), z.var()), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@given(
    st.integers(LEAST_ROWS, 60),
    st.sampled_from([0.0, 0.01, 0.5, 1.0, 3.0]),
    st.sampled_from([0, 1, 9]),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_every_row_gets_a_variance_whatever_repeats(rows, spread, decimals, one_df, seed):
    """Equal variances, equal means and rows without any variance are the cases in which a trend cannot be drawn."""
    draw = np.random.default_rng(seed)
    sigma = np.exp(draw.normal(size=rows) * spread)
    sigma[draw.random(rows) < 0.1] = 0.0
    df = 4 if one_df else draw.integers(1, 60, rows).astype(float)
    found = moderate_variances_robustly(sigma, df, np.round(draw.normal(size=rows), decimals))
    assert np.isfinite(found.s2_post).all()
    assert (found.s2_post > 0).all()
    assert (np.asarray(found.df_prior) >= 0).all()
    assert (np.asarray(found.df_total) > 0).all()


def test_without_a_trend_an_outlying_variance_keeps_more_of_itself_and_few_rows_have_the_plain_prior():
    draw = np.random.default_rng(11)
    variances = draw.chisquare(4, 40) / 4
    variances[7] = 60.0
    sigma = np.sqrt(variances)
    found, plain = moderate_variances_robustly(sigma, 4), moderate_variances(sigma, 4)
    df = np.asarray(found.df_prior)
    assert df[7] == df.min() < np.median(df)
    assert found.s2_post[7] > plain.s2_post[7]
    assert np.ptp(np.asarray(found.s2_prior)) == 0.0
    few = sigma[:9]
    np.testing.assert_array_equal(moderate_variances_robustly(few, 4).s2_post, moderate_variances(few, 4).s2_post)
