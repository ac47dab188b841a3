"""Units and factors; the goldens are R's edgeR and DESeq2, equal to the 11 digits that are written (rel 1e-9)."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from resistance_assets.errors import DataFault
from resistance_assets.science.expression.normalisation import (
    collapse_probes,
    cpm,
    effective_library_sizes,
    filter_by_expression,
    is_detected,
    is_log_scale,
    log2_cpm,
    quantile_normalise,
    rpkm,
    size_factors_median_of_ratios,
    tmm_factors,
    tpm,
)
from resistance_assets_tests.science.deg.goldens import counts_and_samples, matrix_of, read_tsv, thinned


@pytest.fixture(scope="module")
def folder(goldens):
    return goldens / "deg_luad_paired"


@pytest.fixture(scope="module")
def luad(folder):
    counts, samples = counts_and_samples(folder)
    return counts, samples, matrix_of(counts)


@pytest.mark.parametrize("fit", ["paired", "3v3", "thinned_3v3"])
def test_size_factors_equal_deseq2(folder, luad, fit):
    golden = read_tsv(folder / "deseq2_size_factors.tsv").filter(pl.col("fit") == fit)
    counts = thinned(folder)[0] if fit == "thinned_3v3" else luad[0]
    matrix = counts.select(golden["sample"].to_list()).to_numpy()
    np.testing.assert_allclose(size_factors_median_of_ratios(matrix), golden["size_factor"], rtol=1e-9)


@pytest.mark.parametrize("fit", ["all", "3v3", "thinned_3v3", "1v1", "thinned_1v1"])
def test_tmm_factors_equal_edger(folder, luad, fit):
    golden = read_tsv(folder / "edger_tmm.tsv").filter(pl.col("fit") == fit)
    counts = thinned(folder)[0] if fit.startswith("thinned") else luad[0]
    matrix = counts.select(golden["sample"].to_list()).to_numpy()
    np.testing.assert_allclose(tmm_factors(matrix), golden["norm_factor"], rtol=1e-9)


@pytest.mark.parametrize(("name", "normalisation"), [("edger_rpkm_tmm", "tmm"), ("edger_rpkm_raw_lib", "none")])
def test_rpkm_equals_edger(folder, luad, name, normalisation):
    counts, _, matrix = luad
    golden = read_tsv(folder / f"{name}.tsv.gz")
    lengths = read_tsv(folder / "gene_lengths_madeup.tsv.gz")["length_bp"].to_numpy()
    ours = rpkm(matrix, lengths, effective_library_sizes(matrix, normalisation))[::4]
    columns = [counts.columns.index(name) - 1 for name in golden.columns[2:]]
    np.testing.assert_allclose(ours[:, columns], golden.select(golden.columns[2:]).to_numpy(), rtol=1e-9)


@pytest.mark.parametrize("kind", ["", "_thinned"])
def test_log_cpm_equals_edger(folder, luad, kind):
    counts = thinned(folder)[0] if kind else luad[0]
    matrix = matrix_of(counts)
    golden = read_tsv(folder / f"edger_logcpm_prior2{kind}.tsv.gz")
    columns = [counts.columns.index(name) - 1 for name in golden.columns[1:]]
    ours = log2_cpm(matrix, effective_library_sizes(matrix), prior_count=2.0)[::4][:, columns]
    np.testing.assert_allclose(ours, golden.select(golden.columns[1:]).to_numpy(), atol=1e-8, rtol=0)


def test_size_factors_need_a_gene_without_zeros():
    with pytest.raises(DataFault, match="every gene is zero in some sample"):
        size_factors_median_of_ratios([[0, 5], [5, 0]])


def test_tmm_of_one_sample_or_of_copies_is_one():
    assert tmm_factors(np.array([[3.0], [4.0]])).tolist() == [1.0]
    copies = np.tile(np.arange(1.0, 200.0)[:, None], (1, 3)) * [1, 5, 10]
    np.testing.assert_allclose(tmm_factors(copies), 1.0)


shapes = st.tuples(st.integers(5, 40), st.integers(2, 5))
counts_strategy = arrays(np.float64, shapes, elements=st.integers(1, 5000).map(float))


@settings(max_examples=40, deadline=None)
@given(counts_strategy)
def test_units_keep_their_sums_and_factors_their_product(matrix):
    np.testing.assert_allclose(cpm(matrix).sum(axis=0), 1e6)
    lengths = np.linspace(500, 5000, len(matrix))
    np.testing.assert_allclose(tpm(matrix, lengths).sum(axis=0), 1e6)
    # TPM is RPKM rescaled per sample.
    ratio = tpm(matrix, lengths) / rpkm(matrix, lengths)
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[0], ratio.shape), rtol=1e-9)
    assert np.prod(tmm_factors(matrix)) == pytest.approx(1.0)


def test_lengths_must_be_positive_and_match():
    with pytest.raises(DataFault, match="row 2"):
        rpkm([[1.0], [2.0]], [1000.0, 0.0])
    with pytest.raises(DataFault, match="1 genes have no positive length"):
        tpm([[1.0], [2.0]], [np.nan, 5.0])
    with pytest.raises(ValueError, match="shape"):
        rpkm([[1.0], [2.0]], [1000.0])
    with pytest.raises(ValueError, match="normalisation"):
        effective_library_sizes([[1.0]], "rle")


def test_quantile_normalisation_gives_every_sample_one_distribution():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 4)) * [1, 2, 3, 4]
    y = quantile_normalise(x)
    np.testing.assert_allclose(np.sort(y, axis=0), np.tile(np.sort(x, axis=0).mean(axis=1)[:, None], (1, 4)))
    assert (np.argsort(x, axis=0) == np.argsort(y, axis=0)).all()
    with pytest.raises(ValueError, match="infinities"):
        quantile_normalise([[np.inf, 1.0]])


def test_missing_values_stay_missing_and_take_no_part_in_the_quantiles():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 3))
    x[::7, 1] = np.nan
    y = quantile_normalise(x)
    np.testing.assert_array_equal(np.isnan(x), np.isnan(y))
    # By limma 3.54's normalizeBetweenArrays: quantiles of a shorter column are interpolated.
    there = np.sort(x[~np.isnan(x[:, 1]), 1])
    longer = np.interp(np.linspace(0, 1, 400), np.linspace(0, 1, len(there)), there)
    target = (np.sort(x[:, 0]) + longer + np.sort(x[:, 2])) / 3
    np.testing.assert_allclose(np.sort(y[:, 0]), target)
    shares = np.linspace(0, 1, len(there))
    np.testing.assert_allclose(np.sort(y[~np.isnan(x[:, 1]), 1]), np.interp(shares, np.linspace(0, 1, 400), target))


def test_tied_values_share_the_mean_of_their_quantiles():
    y = quantile_normalise([[1.0, 10.0], [1.0, 20.0], [3.0, 30.0]])
    np.testing.assert_allclose(y[:, 0], [(5.5 + 10.5) / 2, (5.5 + 10.5) / 2, 16.5])


def test_log_scale_is_recognised():
    rng = np.random.default_rng(1)
    logs = rng.normal(8, 2, size=(500, 3))
    assert is_log_scale(logs)
    assert not is_log_scale(2.0**logs)


def test_detection_floor_counts_samples():
    assert is_detected([[1.0, 0.0, 0.0], [1.0, 2.0, 0.9]], 1.0, 2).tolist() == [False, True]


def test_probes_collapse_by_mean_or_median_and_ambiguous_probes_are_left_out():
    values = pl.DataFrame(
        {"probe_id": ["p1", "p2", "p3", "p4", "p5"], "s": [1.0, 5.0, 3.0, 9.0, 7.0], "t": [9.0, 6.0, 3.0, 9.0, 7.0]}
    )
    genes = pl.DataFrame(
        {"probe_id": ["p1", "p2", "p3", "p4", "p4", "p5"], "hgnc_symbol": ["A", "A", "B", "A", "B", None]}
    )
    assert collapse_probes(values, genes).rows() == [("A", 2, 5.0, 6.0), ("B", 1, 3.0, 3.0)]
    assert collapse_probes(values, genes, "median").rows() == [("A", 2, 3.0, 7.5), ("B", 1, 3.0, 3.0)]
    with pytest.raises(ValueError, match="rule"):
        collapse_probes(values, genes, "lowest")


@pytest.mark.parametrize("which", ["59", "thinned_3v3"])
def test_filter_by_expression_equals_edgers_filter_by_expr(goldens, which):
    folder = goldens / "deg_luad_paired"
    counts, samples = counts_and_samples(folder) if which == "59" else thinned(folder)
    sheet = read_tsv(folder / "samples.tsv").rename({"sample": "sample_id"})
    groups = samples.select("sample_id").join(sheet, on="sample_id", how="left", maintain_order="left")["condition"]
    kept = filter_by_expression(matrix_of(counts.select("hgnc_symbol", *samples["sample_id"])), groups.to_list())
    golden = read_tsv(goldens / "numbers" / f"filter_by_expr_{which}.tsv.gz")
    np.testing.assert_array_equal(kept, golden["keep_59" if which == "59" else "keep_3v3"])
