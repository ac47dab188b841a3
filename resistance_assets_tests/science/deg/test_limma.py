"""limma and limma-voom against R. Rel 1e-8 without weights, 1e-6 through voom's lowess, as measured for the goldens."""

import numpy as np
import polars as pl
import pytest
from scipy.special import polygamma

from resistance_assets.errors import DesignFault
from resistance_assets.science.deg.designs import Contrast, build_design
from resistance_assets.science.deg.limma import (
    fit_linear,
    log_odds,
    moderated_t,
    voom,
)
from resistance_assets.science.deg.methods import run_contrast
from resistance_assets.science.deg.result import NOTE_ALL_ZERO, NOTE_TOO_FEW_VALUES
from resistance_assets.science.deg.variance_moderation import invert_trigamma, moderate_variances
from resistance_assets.science.expression.normalisation import effective_library_sizes

from .goldens import PAIRED, TUMOUR_VS_NORMAL, counts_and_samples, fit_parameter, matrix_of, read_tsv


@pytest.fixture(scope="module")
def folder(goldens):
    return goldens / "deg_luad_paired"


@pytest.fixture(scope="module")
def luad(folder):
    return counts_and_samples(folder)


@pytest.fixture(scope="module")
def five(folder):
    counts, samples = counts_and_samples(folder, "in_5v5")
    matrix = matrix_of(counts)
    values = np.log2((matrix + 0.5) / (matrix.sum(axis=0) + 1) * 1e6)
    names = samples["sample_id"].to_list()
    return pl.DataFrame({"hgnc_symbol": counts["hgnc_symbol"], **dict(zip(names, values.T, strict=True))}), samples


def assert_log10_close(ours, theirs, rtol):
    np.testing.assert_allclose(ours.log(10), theirs.log(10), rtol=rtol, atol=rtol)


def test_plain_limma_equals_r(folder, five):
    result = run_contrast(*five, TUMOUR_VS_NORMAL, method="limma")
    both = result.join(read_tsv(folder / "limma_plain_5v5.tsv.gz"), left_on="hgnc_symbol", right_on="gene")
    assert both.height == 13044
    for ours, theirs in (
        ("average_expression_log2", "AveExpr"),
        ("p_value", "P.Value"),
        ("q_value_bh", "adj.P.Val"),
    ):
        np.testing.assert_allclose(both[ours], both[theirs], rtol=1e-8)
    for ours, theirs in (("log2_fold_change", "logFC"), ("statistic", "t"), ("b_statistic", "B")):
        # Values near zero are differences of numbers of order ten, hence the absolute part.
        np.testing.assert_allclose(both[ours], both[theirs], rtol=1e-8, atol=1e-9)
    assert (result["q_value_bh"] < 0.05).sum() == 2070


def test_priors_of_plain_limma_equal_r(folder, five):
    expression, samples = five
    design = build_design(samples, TUMOUR_VS_NORMAL)
    fit = fit_linear(matrix_of(expression), design.values, np.eye(2)[1:])
    moderation = moderate_variances(fit.sigma, fit.df_residual)
    assert moderation.df_prior == pytest.approx(fit_parameter(folder, "limma_plain_5v5", "df_prior"), rel=1e-8)
    assert moderation.s2_prior == pytest.approx(fit_parameter(folder, "limma_plain_5v5", "s2_prior"), rel=1e-8)
    statistic, _, _ = moderated_t(fit, moderation)
    _, prior = log_odds(statistic[:, 0], fit.stdev_unscaled[:, 0], moderation)
    assert prior == pytest.approx(fit_parameter(folder, "limma_plain_5v5", "var_prior_for_B"), rel=1e-8)


@pytest.mark.slow
def test_voom_equals_r(folder, luad):
    result = run_contrast(*luad, PAIRED, method="limma_voom", expression_filter="none")
    both = result.join(read_tsv(folder / "limma_voom_paired.tsv.gz"), left_on="hgnc_symbol", right_on="gene")
    assert both.height == 13044
    np.testing.assert_allclose(both["average_expression_log2"], both["AveExpr"], rtol=1e-8, atol=1e-9)
    for ours, theirs in (("log2_fold_change", "logFC"), ("statistic", "t"), ("b_statistic", "B")):
        np.testing.assert_allclose(both[ours], both[theirs], rtol=1e-6, atol=1e-7)
    assert_log10_close(both["p_value"], both["P.Value"], 1e-6)
    assert_log10_close(both["q_value_bh"], both["adj.P.Val"], 1e-6)
    assert (result["q_value_bh"] < 0.05).sum() == 8148
    assert result["base_mean"].null_count() == 0


@pytest.mark.slow
def test_voom_weights_and_priors_equal_r(folder, luad):
    counts, samples = luad
    design = build_design(samples, PAIRED)
    matrix = counts.select(design.sample_ids).to_numpy().astype(float)
    weighted = voom(matrix, design.values, effective_library_sizes(matrix))
    golden = read_tsv(folder / "limma_voom_weights_first200.tsv.gz").select(design.sample_ids).to_numpy()
    np.testing.assert_allclose(weighted.weights[:200], golden, rtol=1e-6)
    fit = fit_linear(weighted.log2_cpm, design.values, np.eye(28)[[design.coefficient]], weighted.weights)
    table = read_tsv(folder / "limma_voom_paired.tsv.gz")
    np.testing.assert_allclose(fit.sigma, table["sigma"], rtol=1e-6)
    np.testing.assert_allclose(fit.stdev_unscaled[:, 0], table["stdev_unscaled"], rtol=1e-6)
    moderation = moderate_variances(fit.sigma, fit.df_residual)
    assert moderation.df_prior == pytest.approx(fit_parameter(folder, "limma_voom_paired", "df_prior"), rel=1e-6)
    assert moderation.s2_prior == pytest.approx(fit_parameter(folder, "limma_voom_paired", "s2_prior"), rel=1e-6)
    statistic, _, _ = moderated_t(fit, moderation)
    _, prior = log_odds(statistic[:, 0], fit.stdev_unscaled[:, 0], moderation)
    assert prior == pytest.approx(fit_parameter(folder, "limma_voom_paired", "var_prior_for_B"), rel=1e-6)


def test_weighted_fit_equals_the_textbook_solution():
    rng = np.random.default_rng(3)
    design = np.column_stack([np.ones(8), np.repeat([0.0, 1.0], 4), rng.normal(size=8)])
    y, w = rng.normal(size=(5, 8)), rng.gamma(2, 1, size=(5, 8))
    contrasts = np.array([[0.0, 1.0, 0.0], [0.0, 1.0, -1.0]])
    fit = fit_linear(y, design, contrasts, w)
    for g in range(5):
        inverse = np.linalg.inv(design.T * w[g] @ design)
        beta = inverse @ (design.T @ (w[g] * y[g]))
        np.testing.assert_allclose(fit.estimates[g], contrasts @ beta, rtol=1e-10)
        np.testing.assert_allclose(fit.covariance[g], contrasts @ inverse @ contrasts.T, rtol=1e-10)
        assert fit.sigma[g] == pytest.approx(np.sqrt((w[g] * (y[g] - design @ beta) ** 2).sum() / 5), rel=1e-10)
    equal = fit_linear(y, design, contrasts, np.ones_like(w))
    plain = fit_linear(y, design, contrasts)
    np.testing.assert_allclose(equal.estimates, plain.estimates, rtol=1e-9)
    np.testing.assert_allclose(equal.covariance, plain.covariance, rtol=1e-9)


def test_equal_variances_give_an_infinite_prior():
    moderation = moderate_variances(np.full(50, 2.0), 4)
    assert moderation.df_prior == np.inf
    np.testing.assert_allclose(moderation.s2_post, 4.0)
    assert moderation.df_total == 200


@pytest.mark.parametrize("value", [1e-8, 1e-3, 0.5, 3.0, 1e4, 1e9])
def test_trigamma_is_inverted(value):
    # Beyond 1e7 and below 1e-6 limma uses the leading term of the series, good to that order.
    assert polygamma(1, invert_trigamma(value)) == pytest.approx(value, rel=1e-3 if value in (1e-8, 1e9) else 1e-7)


def test_genes_of_zeros_stay_as_null_rows_and_change_nothing_else():
    rng = np.random.default_rng(6)
    names = [f"s{j}" for j in range(6)]
    values = rng.negative_binomial(4, 0.05, size=(300, 6))
    counts = pl.DataFrame({"hgnc_symbol": [f"G{i}" for i in range(300)], **dict(zip(names, values.T, strict=True))})
    samples = pl.DataFrame({"sample_id": names, "arm": ["a"] * 3 + ["b"] * 3})
    contrast = Contrast("c", "arm", "a", "b")
    zero = counts.head(1).with_columns(hgnc_symbol=pl.lit("ZERO"), **dict.fromkeys(names, pl.lit(0, pl.Int64)))
    with_zero = run_contrast(pl.concat([zero, counts]), samples, contrast, method="limma_voom")
    row = with_zero.row(0, named=True)
    assert (row["p_value"], row["log2_fold_change"], row["p_value_note"]) == (None, None, NOTE_ALL_ZERO)
    assert row["base_mean"] == 0
    without = run_contrast(counts, samples, contrast, method="limma_voom")
    assert with_zero.slice(1).equals(without)


def test_no_residual_degree_of_freedom_is_refused():
    with pytest.raises(DesignFault, match="no residual degree of freedom"):
        fit_linear(np.zeros((2, 2)), np.array([[1.0, 0.0], [1.0, 1.0]]), np.eye(2)[1:])


def test_genes_with_missing_values_have_degrees_of_freedom_of_their_own(goldens):
    folder = goldens / "numbers"
    values = read_tsv(folder / "limma_missing_cells_input.tsv.gz").rename({"gene": "hgnc_symbol"})
    golden = read_tsv(folder / "limma_missing_cells.tsv.gz")
    samples = read_tsv(goldens / "deg_luad_paired" / "samples.tsv").rename({"sample": "sample_id"})
    design = build_design(samples, TUMOUR_VS_NORMAL)
    matrix = values.select(design.sample_ids).to_numpy().astype(np.float64)
    fit = fit_linear(matrix, design.values, np.eye(2)[1:])
    np.testing.assert_array_equal(fit.df_residual, golden["df_residual"])
    np.testing.assert_allclose(fit.sigma, golden["sigma"], rtol=1e-8)
    moderation = moderate_variances(fit.sigma, fit.df_residual)
    assert moderation.df_prior == pytest.approx(golden["df_prior"][0], rel=1e-6)
    assert moderation.s2_prior == pytest.approx(golden["s2_prior"][0], rel=1e-8)
    np.testing.assert_allclose(moderation.df_total, golden["df_total"], rtol=1e-6)
    result = run_contrast(
        values.select("hgnc_symbol", *samples["sample_id"]), samples, TUMOUR_VS_NORMAL, method="limma"
    )
    np.testing.assert_allclose(result["log2_fold_change"], golden["logFC"], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(result["statistic"], golden["t"], rtol=1e-6)
    np.testing.assert_allclose(result["p_value"], golden["P"], rtol=1e-5)
    assert result["b_statistic"].null_count() == 0
    noted = result["p_value_note"].is_not_null().to_numpy()
    np.testing.assert_array_equal(noted, np.isnan(matrix).any(axis=1))


def test_a_gene_without_values_in_one_group_is_a_row_with_a_reason():
    names = [f"s{j}" for j in range(6)]
    rng = np.random.default_rng(2)
    values = rng.normal(8, 1, size=(30, 6))
    values[0, 3:], values[1] = np.nan, np.nan
    table = pl.DataFrame({"hgnc_symbol": [f"G{i}" for i in range(30)], **dict(zip(names, values.T, strict=True))})
    samples = pl.DataFrame({"sample_id": names, "condition": ["tumour"] * 3 + ["normal"] * 3})
    result = run_contrast(table, samples, TUMOUR_VS_NORMAL, method="limma")
    assert result["p_value"].is_null().to_list() == [True, True] + [False] * 28
    assert result["p_value_note"].to_list()[:3] == [NOTE_TOO_FEW_VALUES, NOTE_TOO_FEW_VALUES, None]
