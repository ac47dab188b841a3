"""edgeR's classic pipeline. Given the dispersion, P agrees to rel 1e-6 and fold changes to 1e-8; so do our own
dispersions (measured: 1e-7 at worst, where 1e-3 was hoped for), because the trend is evaluated where locfit evaluates
it.

Genes with `negative_pseudo_sum` are left out: there edgeR sums a range backwards, and we take the sum as zero.
"""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from resistance_assets.errors import DesignFault
from resistance_assets.science.deg.designs import Contrast
from resistance_assets.science.deg.edger import (
    _maximise_interpolants,
    bcv_sensitivity,
    estimate_dispersions,
    exact_test,
)
from resistance_assets.science.deg.methods import run_contrast
from resistance_assets.science.deg.result import NOTE_ALL_ZERO
from resistance_assets.science.expression.normalisation import effective_library_sizes
from resistance_assets.science.statistics.multiple_testing import adjust_bh

from .goldens import TUMOUR_VS_NORMAL, counts_and_samples, fit_parameter, matrix_of, read_tsv, thinned


@pytest.fixture(scope="module")
def folder(goldens):
    return goldens / "deg_luad_paired"


def three(folder, kind):
    return counts_and_samples(folder, "in_3v3") if kind == "3v3" else thinned(folder)


def one(folder, kind):
    if kind == "1v1":
        counts, samples = counts_and_samples(folder, "in_1v1")
        return matrix_of(counts), (samples["condition"] == "tumour").to_numpy().astype(np.int64)
    counts, samples = thinned(folder)
    group = (samples["condition"] == "tumour").to_numpy().astype(np.int64)
    return matrix_of(counts)[:, [0, 3]], group[[0, 3]]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["3v3", "thinned_3v3"])
def test_dispersions_equal_edger(folder, kind):
    counts, samples = three(folder, kind)
    matrix, golden = matrix_of(counts), read_tsv(folder / f"edger_exact_{kind}.tsv.gz")
    group = (samples["condition"] == "tumour").to_numpy().astype(np.int64)
    ours = estimate_dispersions(matrix, group, effective_library_sizes(matrix))
    assert ours.common == pytest.approx(fit_parameter(folder, f"edger_{kind}", "common_dispersion"), rel=1e-7)
    assert ours.prior_df == pytest.approx(fit_parameter(folder, f"edger_{kind}", "prior_df"), rel=1e-7)
    np.testing.assert_allclose(ours.trended, golden["trended_dispersion"], rtol=1e-6)
    np.testing.assert_allclose(ours.tagwise, golden["tagwise_dispersion"], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["3v3", "thinned_3v3"])
def test_exact_test_equals_edger_from_counts_to_q(folder, kind):
    counts, samples = three(folder, kind)
    result = run_contrast(counts, samples, TUMOUR_VS_NORMAL, method="edger_exact")
    both = result.join(read_tsv(folder / f"edger_exact_{kind}.tsv.gz"), left_on="hgnc_symbol", right_on="gene")
    zero = both.filter(pl.col("p_value_note") == NOTE_ALL_ZERO)
    assert zero["PValue"].to_list() == [1.0] * zero.height
    tested = both.filter(pl.col("p_value").is_not_null())
    assert tested.height + zero.height == 13044
    np.testing.assert_allclose(tested["log2_fold_change"], tested["logFC"], atol=1e-8)
    np.testing.assert_allclose(tested["average_expression_log2"], tested["logCPM"], atol=1e-8)
    forward = tested.filter(pl.col("negative_pseudo_sum") == 0)
    np.testing.assert_allclose(forward["p_value"], forward["PValue"], rtol=1e-6)
    # edgeR counts genes of zeros as tested with P = 1; we leave them out, so our q is the BH of the p that are shown.
    np.testing.assert_allclose(tested["q_value_bh"], adjust_bh(tested["p_value"].to_numpy()), rtol=1e-12)
    fdr = adjust_bh(both["p_value"].fill_null(1.0).to_numpy())
    # One of the genes with a negative pseudo-sum crosses the line in the thinned table.
    difference = abs((fdr < 0.05).sum() - fit_parameter(folder, f"edger_{kind}", "n_FDR_lt_0.05"))
    assert difference <= (1 if kind == "thinned_3v3" else 0)
    if kind == "3v3":
        np.testing.assert_allclose(fdr, both["FDR"], rtol=1e-6)


def test_common_dispersion_p_values_equal_edger(folder):
    counts, samples = three(folder, "3v3")
    matrix, golden = matrix_of(counts), read_tsv(folder / "edger_exact_3v3.tsv.gz")
    group = (samples["condition"] == "tumour").to_numpy().astype(np.int64)
    common = fit_parameter(folder, "edger_3v3", "common_dispersion")
    test = exact_test(matrix, group, effective_library_sizes(matrix), common)
    np.testing.assert_allclose(test.p_value, golden["PValue_common_dispersion"], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["1v1", "thinned_1v1"])
@pytest.mark.parametrize("bcv", [0.1, 0.2, 0.4])
def test_one_against_one_equals_edger(folder, kind, bcv):
    matrix, group = one(folder, kind)
    golden = read_tsv(folder / f"edger_exact_{kind}.tsv.gz")
    test = exact_test(matrix, group, effective_library_sizes(matrix), bcv**2)
    np.testing.assert_allclose(test.log2_fold_change, golden["logFC"], atol=1e-8)
    np.testing.assert_allclose(test.log2_cpm, golden["logCPM"], atol=1e-8)
    forward = golden["negative_pseudo_sum"].to_numpy() == 0
    np.testing.assert_allclose(test.p_value[forward], golden[f"PValue_bcv{bcv}"].to_numpy()[forward], rtol=1e-6)


@pytest.mark.slow
def test_bcv_sensitivity_counts_what_edger_calls(folder):
    counts, samples = counts_and_samples(folder, "in_1v1")
    curve = bcv_sensitivity(counts, samples, TUMOUR_VS_NORMAL)
    assert curve["bcv"].to_list() == [0.1, 0.2, 0.3, 0.4]
    calls = dict(curve.select("bcv", "genes_at_fdr").iter_rows())
    assert (calls[0.1], calls[0.2], calls[0.4]) == (7768, 4490, 1452)
    assert (curve["up"] + curve["down"]).equals(curve["genes_at_fdr"])
    golden = read_tsv(folder / "edger_exact_1v1.tsv.gz").filter(pl.col("FDR_bcv0.4") < 0.05)
    assert curve.filter(pl.col("bcv") == 0.4)["up"].item() == (golden["logFC"] > 0).sum()


def test_equal_libraries_give_the_conditional_distribution_itself():
    # With equal library sizes the mapping is the identity, so P is twice a tail of the negative hypergeometric.
    counts = np.array([[30.0, 12.0], [100.0, 12.0], [0.0, 9.0]])
    counts = np.vstack([counts, 1000.0 - counts.sum(axis=0)])
    test = exact_test(counts, np.array([0, 1]), counts.sum(axis=0), 0.2)
    for g in range(3):
        first, total = counts[g, 0], counts[g].sum()
        # Beta-binomial with sizes 1/0.2 each is that distribution.
        law = stats.betabinom(int(total), 5.0, 5.0)
        tail = law.cdf(first) if first < total / 2 else law.sf(first - 1)
        assert test.p_value[g] == pytest.approx(min(1.0, 2 * tail), rel=1e-8)
    assert test.log2_fold_change[2] > 0


def test_swapping_the_groups_turns_the_sign_and_keeps_p():
    rng = np.random.default_rng(8)
    counts = rng.negative_binomial(5, 0.05, size=(300, 6)).astype(float)
    group = np.array([0, 0, 0, 1, 1, 1])
    lib = effective_library_sizes(counts)
    forward, backward = exact_test(counts, group, lib, 0.2), exact_test(counts, 1 - group, lib, 0.2)
    np.testing.assert_allclose(forward.log2_fold_change, -backward.log2_fold_change, atol=1e-12)
    np.testing.assert_allclose(forward.p_value, backward.p_value, rtol=1e-9)


def test_null_counts_give_no_more_than_the_nominal_share():
    rng = np.random.default_rng(9)
    counts = rng.negative_binomial(1 / 0.1, 1 / (1 + 0.1 * 200), size=(3000, 8)).astype(float)
    group = np.repeat([0, 1], 4)
    lib = effective_library_sizes(counts)
    dispersions = estimate_dispersions(counts, group, lib)
    # 3,000 genes of one dispersion: the common estimate is within a few per cent.
    assert dispersions.common == pytest.approx(0.1, rel=0.05)
    p = exact_test(counts, group, lib, dispersions.tagwise).p_value
    assert 0.035 < np.mean(p < 0.05) < 0.065
    assert (adjust_bh(p) < 0.05).sum() <= 3


def test_interpolated_maximum_is_exact_for_a_cubic():
    x = np.linspace(-2.0, 2.0, 9)
    y = np.stack([-(x**3) + 0.3 * x**2 + x, -((x - 0.33) ** 2), x])
    found = _maximise_interpolants(x, y)
    # The cubic's local maximum is not its largest value on the grid: the left end is.
    assert found[0] == -2.0
    assert found[1] == pytest.approx(0.33, abs=1e-9)
    assert found[2] == 2.0


def test_designs_that_the_exact_test_cannot_take():
    names = ["a", "b", "c", "d"]
    samples = pl.DataFrame({"sample_id": names, "arm": ["x", "x", "y", "y"], "batch": ["1", "2", "1", "2"]})
    counts = pl.DataFrame({"hgnc_symbol": ["g"], **{name: [5] for name in names}})
    with pytest.raises(DesignFault, match="takes no covariates"):
        run_contrast(counts, samples, Contrast("c", "arm", "x", "y", covariates=("batch",)), method="edger_exact")
    with pytest.raises(DesignFault, match="fewer than 10 genes"):
        run_contrast(counts, samples, Contrast("c", "arm", "x", "y"), method="edger_exact")
    with pytest.raises(ValueError, match="positive"):
        exact_test(np.ones((1, 2)), np.array([0, 1]), np.array([1.0, 1.0]), 0.0)
