"""Alterations against R on real patients of TCGA LUAD; tolerances as goldens/multiomics states them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from resistance_assets.science.alterations.cis_effects import amplified_against_diploid, correlate_rows, rank_complete
from resistance_assets.science.alterations.consequences import consequence_of, parse_protein_change
from resistance_assets.science.alterations.cooccurrence import background_chances, pair_alterations
from resistance_assets.science.alterations.frequencies import alteration_frequencies, exact_intervals
from resistance_assets.science.alterations.kernels.poisson_binomial import tail_probabilities


@pytest.fixture(scope="module")
def folder(goldens: Path) -> Path:
    return goldens / "multiomics"


def table(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator="\t", null_values=["NA"], infer_schema_length=None)


@pytest.fixture(scope="module")
def mutations(folder: Path) -> tuple[np.ndarray, list[str]]:
    frame = table(folder / "mutations.tsv.gz")
    genes = frame.columns[1:]
    return (frame.select(genes).to_numpy().T > 0), genes


@pytest.fixture(scope="module")
def fisher_pairs(mutations) -> pl.DataFrame:
    altered, genes = mutations
    return pair_alterations(altered, genes, least_fraction=0.12)


@pytest.mark.slow
def test_pairs_have_the_counts_and_fishers_test_of_r(folder, fisher_pairs):
    """Counts equal, p relative 1e-6; odds ratio 3e-4, because R's fisher.test ends its root search at 1.2e-4."""
    expected = table(folder / "cooccurrence_fisher.tsv.gz")
    named = fisher_pairs.rename({"hgnc_symbol_a": "gene_a", "hgnc_symbol_b": "gene_b"})
    both = expected.join(named, on=["gene_a", "gene_b"], validate="1:1")
    assert both.height == expected.height
    cells = {"n_both": "both", "n_a_only": "a_only", "n_b_only": "b_only", "n_neither": "neither"}
    for ours, theirs in cells.items():
        assert both[ours].to_list() == both[theirs].to_list()
    np.testing.assert_allclose(both["odds_ratio_fisher"], both["odds_ratio"].cast(pl.Float64), rtol=3e-4)
    np.testing.assert_allclose(both["p_value_fisher"], both["p"], rtol=1e-6)


@pytest.mark.slow
def test_a_null_that_keeps_the_burden_finds_far_fewer_pairs(fisher_pairs):
    fisher = (fisher_pairs["q_value_fisher_bh"] < 0.05).sum()
    ours = (fisher_pairs["q_value_bh"] < 0.05).sum()
    assert fisher > 100
    assert ours < fisher / 10
    names = fisher_pairs.select("hgnc_symbol_a", "hgnc_symbol_b").rows()
    with_kras = fisher_pairs.row([set(pair) for pair in names].index({"EGFR", "KRAS"}), named=True)
    assert with_kras["direction"] == "exclusive"
    assert with_kras["q_value_bh"] < 0.01


def test_the_background_keeps_both_margins(mutations):
    altered, _ = mutations
    chances = background_chances(altered)
    np.testing.assert_allclose(chances.sum(axis=1), altered.sum(axis=1), atol=1e-4)
    np.testing.assert_allclose(chances.sum(axis=0), altered.sum(axis=0), atol=1e-4)


@pytest.mark.slow
def test_shuffled_tumours_of_the_same_burden_keep_their_level():
    """Independent alterations with very unlike burdens: at most 8 % of pairs under 0.05 (400 pairs, two-sided)."""
    random = np.random.default_rng(5)
    burden = random.choice([-3.0, 1.0], size=200, p=[0.8, 0.2])
    chances = 1.0 / (1.0 + np.exp(-(random.normal(0.0, 0.5, 30)[:, None] + burden[None, :])))
    altered = random.random(chances.shape) < chances
    found = pair_alterations(altered, [f"G{at}" for at in range(30)])
    assert (found["p_value"] < 0.05).mean() < 0.08
    assert (found["p_value_fisher"] < 0.05).mean() > 0.5


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=12), st.integers(0, 12))
def test_tails_of_unlike_chances_are_those_of_all_outcomes(chances, observed):
    observed = min(observed, len(chances))
    mass = np.array([1.0])
    for p in chances:
        mass = np.convolve(mass, [1.0 - p, p])
    low, high = tail_probabilities(np.array(chances), observed)
    assert low == pytest.approx(mass[: observed + 1].sum(), abs=1e-12)
    assert high == pytest.approx(mass[observed:].sum(), abs=1e-12)


@pytest.mark.slow
def test_copy_number_against_expression_is_that_of_r(folder, shared):
    """rho absolute 1e-12, p relative 1e-6; amplified against diploid 1e-6."""
    calls = table(folder / "copy_number.tsv.gz")
    path = shared / "data" / "tcga_luad_porpoise" / "porpoise_tcga_luad_all_clean.csv.gz"
    whole = pl.read_csv(path, infer_schema_length=None).unique("case_id", keep="first", maintain_order=True)
    expected = table(folder / "cis_copy_number_expression.tsv.gz")
    genes = expected["gene"].to_list()
    expression = whole.select([f"{gene}_rnaseq" for gene in genes]).cast(pl.Float64).to_numpy().T
    assert whole["case_id"].to_list() == calls["case_id"].to_list()
    copies = calls.select(genes).cast(pl.Float64).to_numpy().T
    found = correlate_rows(copies, expression, genes)
    np.testing.assert_allclose(found["rho"], expected["rho"], atol=1e-12)
    np.testing.assert_allclose(found["p_value"], expected["p"], rtol=1e-6)
    np.testing.assert_allclose(found["q_value_bh"], expected["q"], rtol=1e-6)
    for at, row in enumerate(expected.iter_rows(named=True)):
        amplified, deep_loss, p = amplified_against_diploid(copies[at], expression[at])
        assert (amplified, deep_loss) == (row["n_amplified"], row["n_deep_loss"])
        wanted = row["amplified_vs_diploid_wilcoxon_p"]
        assert math.isnan(p) if wanted is None else p == pytest.approx(wanted, rel=1e-6)


def test_frequencies_of_the_drivers_have_exact_intervals(mutations):
    altered, genes = mutations
    rows = [
        {"patient_id": f"P{tumour}", "hgnc_symbol": genes[gene], "alteration_class": "mutation"}
        for gene, tumour in zip(*np.nonzero(altered), strict=True)
        if genes[gene] in {"TP53", "KRAS", "EGFR", "KEAP1", "STK11", "ALK"}
    ]
    profiled = pl.DataFrame({"hgnc_symbol": ["TP53", "KRAS", "EGFR", "KEAP1", "STK11", "ALK", "NOBODY"]}).with_columns(
        alteration_class=pl.lit("mutation"), n_profiled=pl.lit(453)
    )
    found = alteration_frequencies(pl.DataFrame([*rows, rows[0]]), profiled)
    by_gene = dict(found.select("hgnc_symbol", "n_altered").iter_rows())
    assert by_gene == {"TP53": 231, "KRAS": 139, "EGFR": 61, "KEAP1": 81, "STK11": 67, "ALK": 26, "NOBODY": 0}
    for row in found.iter_rows(named=True):
        theirs = stats.binomtest(row["n_altered"], 453).proportion_ci(method="exact")
        assert (row["frequency_lower"], row["frequency_upper"]) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_nobody_profiled_says_nothing():
    lower, upper = exact_intervals(np.array([0]), np.array([0]))
    assert (lower.tolist(), upper.tolist()) == ([0.0], [1.0])


@pytest.mark.parametrize(
    ("text", "before", "position", "last", "after"),
    [
        ("p.L858R", "L", 858, 858, "R"),
        ("L858R", "L", 858, 858, "R"),
        ("p.Leu858Arg", "L", 858, 858, "R"),
        ("p.T790M", "T", 790, 790, "M"),
        ("p.E746_A750del", "E", 746, 750, "del"),
        ("p.Glu746_Ala750del", "E", 746, 750, "del"),
        ("p.R213*", "R", 213, 213, "*"),
        ("p.K5Nfs*12", "K", 5, 5, "Nfs*12"),
        ("p.(G12C)", "G", 12, 12, "C"),
        ("p.*394Rext*9", "*", 394, 394, "Rext*9"),
    ],
)
def test_protein_changes_are_read(text, before, position, last, after):
    assert parse_protein_change(text) == (before, position, last, after)


@pytest.mark.parametrize("text", [None, "", "NA", "p.?", "MUTATED", "amplification", "p.0", "c.2573T>G"])
def test_what_is_no_protein_change_is_told(text):
    assert parse_protein_change(text) is None


@pytest.mark.parametrize(
    ("name", "consequence"),
    [
        ("Missense_Mutation", "missense"),
        ("Nonsense_Mutation", "truncating"),
        ("Frame_Shift_Del", "truncating"),
        ("In_Frame_Ins", "in_frame"),
        ("Splice_Site", "splice"),
        ("Silent", "silent"),
        ("Intron", "silent"),
        ("De_novo_Start_OutOfFrame", "other"),
        (None, "other"),
    ],
)
def test_classes_of_mutations(name, consequence):
    assert consequence_of(name) == consequence


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=25, deadline=None)
def test_ranks_by_counting_and_known_ranks_give_the_correlation_of_scipy(seed, is_called):
    random = np.random.default_rng(seed)
    first = random.integers(-2, 3, (4, 15)).astype(float) if is_called else random.normal(size=(4, 15)).round(1)
    second = random.normal(size=(4, 15)).round(1)
    genes = list("abcd")
    found = correlate_rows(first, second, genes, rank_complete(second))
    assert found.equals(correlate_rows(first, second, genes))
    for row, (x, y) in zip(found.iter_rows(named=True), zip(first, second, strict=True), strict=True):
        if row["rho"] is not None:
            assert row["rho"] == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_ranks_of_rows_without_missing_values_are_those_of_rows_with_one_left_out():
    random = np.random.default_rng(3)
    first, second = random.integers(-2, 3, (3, 20)).astype(float), random.normal(size=(3, 20))
    with_gap = np.column_stack([first, np.full(3, np.nan)]), np.column_stack([second, np.zeros(3)])
    whole, gap = correlate_rows(first, second, list("abc")), correlate_rows(*with_gap, list("abc"))
    np.testing.assert_allclose(whole["rho"], gap["rho"], atol=1e-14)
    assert whole["n"].to_list() == gap["n"].to_list() == [20, 20, 20]
