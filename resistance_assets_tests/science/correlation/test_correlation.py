from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from resistance_assets.errors import DesignFault
from resistance_assets.science.correlation.correlation import (
    CORRELATIONS_SCHEMA,
    RANK_SUMS_SCHEMA,
    compare_groups_rank_sum,
    correlate_genes,
)
from resistance_assets.science.correlation.tumour_normal import compare_tissues
from resistance_assets.science.statistics.kernels.ranks import rank_sum_distribution


@pytest.fixture(scope="module")
def r_input(goldens: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Gene names, matrix (genes, patients) with NaN, and the group of each patient."""
    frame = pl.read_csv(
        goldens / "stats" / "rank_tests_input.tsv.gz", separator="\t", null_values="NA", infer_schema_length=None
    )
    genes = frame.columns[2:]
    values = frame.select(pl.col(genes).cast(pl.Float64)).to_numpy()
    return genes, np.ascontiguousarray(values.T), frame["group"].to_numpy() == 1


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator="\t", null_values="NA", infer_schema_length=None)


@pytest.mark.parametrize(
    ("method", "rho", "p"), [("spearman", "rho", "p_spearman"), ("pearson", "pearson_r", "p_pearson")]
)
def test_every_correlation_of_r_is_matched(goldens: Path, r_input, method, rho, p):
    genes, x, _ = r_input
    expected = read(goldens / "stats" / "correlation_expected.tsv.gz")
    ours = correlate_genes(x, genes, ["CCL20"], method)
    assert ours.schema == pl.Schema(CORRELATIONS_SCHEMA)
    assert ours["hgnc_symbol_b"].to_list() == expected["gene"].to_list()
    assert ours["n"].to_list() == expected["n"].to_list()
    # The two tolerances stated with the reference values: 15 digits were written.
    np.testing.assert_allclose(ours["rho"], expected[rho], atol=1e-12, rtol=0)
    np.testing.assert_allclose(ours["p_value"], expected[p], rtol=1e-9)
    if method == "pearson":
        np.testing.assert_allclose(ours["statistic_t"], expected["pearson_t"], rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_ccl20_and_its_partners_over_all_patients(goldens: Path):
    frame = read(goldens / "survival" / "luad_expression.tsv.gz").drop("case_id")
    x = frame.cast(pl.Float64).to_numpy().T
    ours = correlate_genes(x, frame.columns, ["CCL20"])
    assert ours.height == 2811
    rho = dict(ours.select("hgnc_symbol_b", "rho").rows())
    found = {gene: round(rho[gene], 4) for gene in ("VEGFA", "IL6", "CCL2", "CCL24")}
    assert found == {"VEGFA": 0.2349, "IL6": 0.3168, "CCL2": 0.1762, "CCL24": 0.1467}
    assert set(ours["n"]) == {453}
    # One family: all other genes of this target.
    smallest = ours["p_value"].min()
    assert ours["q_value_bh"].min() <= smallest * 2811
    np.testing.assert_allclose(ours["q_value_bh"], scipy.stats.false_discovery_control(ours["p_value"]), rtol=1e-12)


def test_missing_values_are_left_out_pair_by_pair():
    generator = np.random.default_rng(1)
    x = generator.normal(size=(5, 30))
    x[1, :6] = np.nan
    x[3, 4:10] = np.nan
    ours = correlate_genes(x, list("ABCDE"), ["A", "B"])
    for row in ours.iter_rows(named=True):
        a, b = ("ABCDE".index(row[f"hgnc_symbol_{side}"]) for side in "ab")
        both = ~np.isnan(x[a] + x[b])
        expected = scipy.stats.spearmanr(x[a, both], x[b, both])
        assert row["n"] == both.sum()
        assert row["rho"] == pytest.approx(expected.statistic, abs=1e-12)
        assert row["p_value"] == pytest.approx(expected.pvalue, rel=1e-9)
    assert ours["hgnc_symbol_a"].to_list() == ["A"] * 4 + ["B"] * 4
    assert "A" not in ours.filter(hgnc_symbol_a="A")["hgnc_symbol_b"].to_list()


@pytest.mark.parametrize("method", ["spearman", "pearson"])
@pytest.mark.parametrize("holes", [False, True])
def test_partial_correlation_equals_that_of_the_inverse_matrix(method, holes):
    generator = np.random.default_rng(2)
    z = generator.normal(size=(60, 2))
    x = generator.normal(size=(3, 60)) + z[:, 0]
    z[5, 1] = np.nan
    if holes:
        x[2, [8, 20, 21]] = np.nan
    ours = correlate_genes(x, list("ABC"), ["A"], method, covariates=z)
    for row in ours.iter_rows(named=True):
        b = "ABC".index(row["hgnc_symbol_b"])
        table = np.column_stack([x[0], x[b], z])
        table = table[~np.isnan(table).any(axis=1)]
        if method == "spearman":
            table = scipy.stats.rankdata(table, axis=0)
        inverse = np.linalg.inv(np.corrcoef(table.T))
        expected = -inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1])
        assert row["rho"] == pytest.approx(expected, abs=1e-11)
        assert (row["n"], row["degrees_of_freedom"]) == (len(table), len(table) - 4)
        t = expected * np.sqrt((len(table) - 4) / (1 - expected**2))
        assert row["p_value"] == pytest.approx(2 * scipy.stats.t.sf(abs(t), len(table) - 4), rel=1e-8)


def test_a_redundant_covariate_costs_nothing():
    generator = np.random.default_rng(3)
    x, z = generator.normal(size=(2, 40)), generator.normal(size=40)
    once = correlate_genes(x, list("AB"), ["A"], "pearson", covariates=z)
    twice = correlate_genes(x, list("AB"), ["A"], "pearson", covariates=np.column_stack([z, 2 * z, np.ones(40)]))
    assert once["degrees_of_freedom"].to_list() == twice["degrees_of_freedom"].to_list() == [37]
    assert twice["rho"][0] == pytest.approx(once["rho"][0], abs=1e-12)


def test_nothing_to_correlate_is_null_and_leaves_the_family():
    x = np.array([[1.0, 2, 3, 4], [5, 5, 5, 5], [8, 6, 4, 2], [1, 3, 2, 4], [np.nan, np.nan, 1, 2]])
    ours = correlate_genes(x, list("ABCDE"), ["A"])
    constant, perfect, usual, short = ours.iter_rows(named=True)
    assert (constant["rho"], constant["p_value"], constant["q_value_bh"]) == (None, None, None)
    assert (perfect["rho"], perfect["statistic_t"], perfect["p_value"]) == (-1.0, None, 0.0)
    assert usual["q_value_bh"] == usual["p_value"]  # two tests in the family, this one the larger
    assert (short["n"], short["rho"], short["p_value"]) == (2, None, None)


def test_a_strong_correlation_keeps_its_tail():
    generator = np.random.default_rng(4)
    a = generator.normal(size=400)
    x = np.stack([a, a + 0.5 * generator.normal(size=400)])
    row = correlate_genes(x, ["A", "B"], ["A"], "pearson").row(0, named=True)
    log_expected = scipy.stats.t.logsf(row["statistic_t"], 398) + np.log(2)
    assert row["p_value"] < 1e-100
    assert np.log(row["p_value"]) == pytest.approx(log_expected, abs=1e-8)


def test_misuse_is_refused():
    x = np.ones((2, 3))
    with pytest.raises(DesignFault, match="target gene Z is not in the matrix"):
        correlate_genes(x, ["A", "B"], ["Z"])
    with pytest.raises(ValueError, match="shape"):
        correlate_genes(x, ["A"], ["A"])
    with pytest.raises(ValueError, match="distinct"):
        correlate_genes(x, ["A", "A"], ["A"])
    with pytest.raises(ValueError, match="finite"):
        correlate_genes(np.array([[1.0, np.inf]]), ["A"], ["A"])
    with pytest.raises(ValueError, match="one per patient"):
        correlate_genes(x, ["A", "B"], ["A"], covariates=[1.0, 2.0])
    with pytest.raises(ValueError, match="spearman or pearson"):
        correlate_genes(x, ["A", "B"], ["A"], "kendall")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="does not fit"):
        compare_groups_rank_sum(x, ["A", "B"], [True, False])


@pytest.mark.parametrize(
    ("column", "options"),
    [
        ("p_correct", {}),
        ("p_no_correction", {"continuity_correction": False}),
        ("p_greater_correct", {"alternative": "greater"}),
    ],
)
def test_every_rank_sum_of_r_is_matched(goldens: Path, r_input, column, options):
    genes, x, group = r_input
    expected = read(goldens / "stats" / "wilcoxon_expected.tsv.gz")
    ours = compare_groups_rank_sum(x[1:], genes[1:], group, exact=False, **options)
    assert ours.schema == pl.Schema(RANK_SUMS_SCHEMA)
    assert ours.select("hgnc_symbol", "n_group", "n_rest", "statistic_w").rows() == (
        expected.select("gene", "n1", "n0", pl.col("W").cast(pl.Float64)).rows()
    )
    np.testing.assert_allclose(ours["p_value"], expected[column], rtol=1e-9)
    assert set(ours["p_value_method"]) == {"normal_approximation"}


def test_exact_rank_sums_of_r_are_matched(goldens: Path, r_input):
    genes, x, group = r_input
    few = np.concatenate([np.flatnonzero(group)[:8], np.flatnonzero(~group)[:9]])
    ours = compare_groups_rank_sum(x[:, few], genes, group[few])
    exact = ours.filter(pl.col("p_value_method") == "exact", pl.col("n_group") == 8, pl.col("n_rest") == 9)
    expected = read(goldens / "stats" / "wilcoxon_exact_8v9_expected.tsv")
    both = expected.join(exact, left_on="gene", right_on="hgnc_symbol", how="left")
    assert both["statistic_w"].to_list() == both["W"].to_list()
    np.testing.assert_allclose(both["p_value"], both["p_exact"], atol=1e-12, rtol=0)


@pytest.mark.parametrize("sizes", [(1, 1), (2, 3), (3, 3), (4, 2), (1, 6)])
def test_exact_distribution_equals_full_enumeration(sizes):
    n_a, n_b = sizes
    counts = np.zeros(n_a * n_b + 1)
    for chosen in combinations(range(n_a + n_b), n_a):
        counts[sum(chosen) - n_a * (n_a - 1) // 2] += 1
    np.testing.assert_allclose(rank_sum_distribution(n_a, n_b), counts / counts.sum(), atol=1e-14)


def test_exact_tail_of_larger_groups_keeps_its_digits():
    x = np.arange(80.0)[None, :]
    group = np.arange(80) >= 40  # every value of the group above every other
    p = compare_groups_rank_sum(x, ["A"], group)["p_value"][0]
    assert p == pytest.approx(2 / math.comb(80, 40), rel=1e-9)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=2, max_size=25),
    st.integers(1, 24),
    st.sampled_from(["two-sided", "greater", "less"]),
)
def test_rank_sum_agrees_with_scipy(values, cut, alternative):
    cut = min(cut, len(values) - 1)
    x = np.array(values, dtype=float)
    group = np.arange(len(values)) < cut
    row = compare_groups_rank_sum(x[None], ["A"], group, alternative=alternative).row(0, named=True)
    if np.ptp(x) == 0:
        assert (row["p_value"], row["p_value_method"]) == (None, None)
        return
    method = "exact" if row["p_value_method"] == "exact" else "asymptotic"
    assert method == ("exact" if len(set(values)) == len(values) else "asymptotic")
    expected = scipy.stats.mannwhitneyu(x[group], x[~group], alternative=alternative, method=method)
    assert row["statistic_w"] == expected.statistic
    # R leaves the statistic uncorrected where it equals its mean; scipy corrects away from it, and cuts at 1.
    if row["statistic_w"] != cut * (len(values) - cut) / 2 or method == "exact":
        assert row["p_value"] == pytest.approx(min(1.0, expected.pvalue), rel=1e-9)


def test_an_empty_group_has_no_p_value():
    x = np.array([[1.0, 2, np.nan, np.nan], [1.0, 2, 3, 4]])
    ours = compare_groups_rank_sum(x, ["A", "B"], [False, False, True, True])
    first, second = ours.iter_rows(named=True)
    assert (first["n_group"], first["p_value"], first["p_value_method"]) == (0, None, None)
    assert first["probability_of_superiority"] is None
    assert second["probability_of_superiority"] == 1.0
    assert second["q_value_bh"] == second["p_value"]


def test_tissues_are_compared_by_patient_not_by_aliquot():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(5, 9))
    x[1, 0] = np.nan
    # Patient a has three aliquots of one tumour.
    who = ["a", "a", "a", "b", "c", "a", "b", "c", "d"]
    tumour = np.array([True] * 5 + [False] * 4)
    found = compare_tissues(x, [f"G{k}" for k in range(5)], tumour, who)
    assert found["n_tumour"].to_list() == [3] * 5
    assert found["n_normal"].to_list() == [4] * 5
    averaged = np.column_stack([np.nanmean(x[:, :3], axis=1), x[:, 3:]])
    plain = compare_groups_rank_sum(averaged, [f"G{k}" for k in range(5)], np.array([True] * 3 + [False] * 4))
    assert found["p_value"].to_list() == plain["p_value"].to_list()
    np.testing.assert_allclose(found["difference"], averaged[:, :3].mean(axis=1) - averaged[:, 3:].mean(axis=1))


def test_one_tissue_alone_is_nothing_to_compare():
    with pytest.raises(DesignFault, match="all 2 samples are tumour"):
        compare_tissues(np.ones((1, 2)), ["G"], [True, True], ["a", "b"])
