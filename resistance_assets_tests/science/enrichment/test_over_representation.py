from __future__ import annotations

import csv
import gzip
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resistance_assets.errors import DataFault, DesignFault
from resistance_assets.science.enrichment.over_representation import (
    FAMILIES_SCHEMA,
    TERMS_SCHEMA,
    account_for_families,
    flag_circularity,
    over_representation,
    reduce_redundancy,
)
from resistance_assets.science.statistics.kernels.hypergeometric import log_density, log_upper_tail, log_upper_tails


def sets_of(**members: str) -> pl.DataFrame:
    rows = [("toy", name, name.title(), gene) for name, genes in members.items() for gene in genes.split()]
    return pl.DataFrame(rows, schema=["collection", "term_id", "term", "hgnc_symbol"], orient="row")


def lists_of(**members: str) -> pl.DataFrame:
    rows = [(name, gene) for name, genes in members.items() for gene in genes.split()]
    return pl.DataFrame(rows, schema={"list_id": pl.String, "hgnc_symbol": pl.String}, orient="row")


@pytest.fixture(scope="module")
def r_case(goldens: Path) -> tuple[pl.DataFrame, pl.DataFrame, pl.Series, pl.DataFrame]:
    folder = goldens / "stats"
    genes = pl.read_csv(folder / "de_list.tsv.gz", separator="\t", null_values="NA")
    rows = []
    with gzip.open(folder / "gene_sets.gmt.gz", "rt") as handle:
        for line in handle:
            name, _, *members = line.rstrip("\n").split("\t")
            rows += [("hallmark", name, name, gene) for gene in members if gene]
    sets = pl.DataFrame(rows, schema=["collection", "term_id", "term", "hgnc_symbol"], orient="row")
    chosen = {"up": pl.col("up") == 1, "down": pl.col("down") == 1}
    chosen["up_or_down"] = chosen["up"] | chosen["down"]
    lists = pl.concat(
        genes.filter(rule).select(pl.lit(name).alias("list_id"), pl.col("gene").alias("hgnc_symbol"))
        for name, rule in chosen.items()
    )
    universe = genes.filter(pl.col("in_background") == 1)["gene"]
    expected = pl.read_csv(folder / "ora_expected.tsv.gz", separator="\t", null_values="NA")
    return lists, sets, universe, expected


def test_every_row_of_r_is_matched(r_case):
    lists, sets, universe, expected = r_case
    ours = over_representation(lists, sets, universe, min_set_size=0, max_set_size=10**6)
    assert ours.schema == pl.Schema(TERMS_SCHEMA)
    both = expected.join(ours, left_on=["gene_list", "set"], right_on=["list_id", "term_id"], how="left")
    assert both.height == expected.height == ours.height == 150
    for theirs, mine in [("N", "universe_size"), ("n", "list_size"), ("K", "set_size_right"), ("k", "overlap")]:
        assert both[theirs].to_list() == both[mine].to_list(), theirs
    # 1e-9 relative is what 15 printed digits and R's own summation allow in the tails, with a margin.
    np.testing.assert_allclose(both["expected_overlap"], both["expected"], rtol=1e-12)
    np.testing.assert_allclose(both["p_value"], both["p_hyper"], rtol=1e-9)
    np.testing.assert_allclose(both["p_value"], both["fisher_p_greater"], rtol=1e-9)
    np.testing.assert_allclose(both["log_p"], both["ln_p_hyper"], rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(both["q_value_bh"], both["padj_BH"], rtol=1e-9)
    # The sample ratio is not R's conditional estimate, but they lie on the same side of 1 and near each other.
    inner = both.filter(pl.col("k") > 0)
    np.testing.assert_allclose(np.log(inner["odds_ratio"]), np.log(inner["odds_ratio_cmle"]), atol=0.03)
    assert both.filter(pl.col("k") == 0)["odds_ratio"].to_list() == [0.0] * both.filter(pl.col("k") == 0).height


def test_overlapping_genes_are_named_and_sorted(r_case):
    lists, sets, universe, _ = r_case
    ours = over_representation(lists, sets, universe)
    row = ours.filter((pl.col("list_id") == "down") & (pl.col("term_id") == "HALLMARK_ANGIOGENESIS")).row(0, named=True)
    members = {
        name: set(frame["hgnc_symbol"])
        for name, frame in [
            ("list", lists.filter(pl.col("list_id") == "down")),
            ("set", sets.filter(pl.col("term_id") == "HALLMARK_ANGIOGENESIS")),
        ]
    }
    assert row["genes"].split(",") == sorted(members["list"] & members["set"])
    lengths = ours.select(pl.when(pl.col("genes") == "").then(0).otherwise(pl.col("genes").str.count_matches(",") + 1))
    assert lengths.to_series().to_list() == ours["overlap"].to_list()


def test_published_reactome_tables_are_recomputed(goldens: Path):
    rows = []
    for path in sorted((goldens / "elelab_reactomepa").glob("*.csv")):
        with path.open(newline="") as handle:
            for row in csv.DictReader(handle):
                k, n = map(int, row["GeneRatio"].split("/"))
                K, N = map(int, row["BgRatio"].split("/"))
                rows.append((k, K, n, N, float(row["pvalue"])))
    assert len(rows) == 190
    k, K, n, N, p = (np.array(column) for column in zip(*rows, strict=True))
    np.testing.assert_allclose(np.exp(log_upper_tails(k, K, n, N)), p, rtol=1e-9)


def exact_upper_tail(k: int, K: int, n: int, N: int) -> Fraction:
    ways = sum(math.comb(K, i) * math.comb(N - K, n - i) for i in range(max(k, 0), min(K, n) + 1) if n - i <= N - K)
    return Fraction(ways, math.comb(N, n))


def natural_log(x: Fraction) -> float:
    # Ratios below 1e-308 have no float; the logarithm of each part, scaled to 64 bits, has.
    def log_of(whole: int) -> float:
        shift = max(0, whole.bit_length() - 64)
        return math.log(whole >> shift) + shift * math.log(2)

    return log_of(x.numerator) - log_of(x.denominator)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_tail_equals_the_exact_fraction(data):
    N = data.draw(st.integers(1, 400))
    K = data.draw(st.integers(0, N))
    n = data.draw(st.integers(0, N))
    k = data.draw(st.integers(-1, min(K, n) + 1))
    exact = exact_upper_tail(k, K, n, N)
    ours = log_upper_tail(k, K, n, N)
    if exact == 0:
        assert ours == -math.inf
    else:
        assert math.exp(ours) == pytest.approx(float(exact), rel=1e-11)


@pytest.mark.parametrize(
    ("k", "K", "n", "N"),
    [(400, 500, 1200, 18000), (186, 186, 1204, 13042), (127, 2579, 357, 15600), (500, 500, 2000, 20000), (1, 1, 1, 2)],
)
def test_deep_tail_keeps_its_digits_where_the_p_value_underflows(k, K, n, N):
    exact = natural_log(exact_upper_tail(k, K, n, N))
    # 1e-9 relative in p is 1e-9 absolute in its logarithm.
    assert log_upper_tail(k, K, n, N) == pytest.approx(exact, abs=1e-10)


def test_density_sums_to_one():
    total = math.fsum(math.exp(log_density(k, 300, 700, 18000)) for k in range(301))
    assert total == pytest.approx(1.0, abs=1e-12)


def test_impossible_overlaps_have_no_density():
    assert log_density(3, 2, 5, 10) == -math.inf
    assert log_density(0, 8, 5, 10) == -math.inf
    assert log_density(2, 0, 5, 10) == -math.inf


UNIVERSE = [f"G{i}" for i in range(1, 21)]


def test_genes_outside_the_universe_and_repeats_do_not_count():
    lists = lists_of(a="G1 G1 G2 G3 ALIEN1 ALIEN2")
    sets = sets_of(s="G1 G2 G2 G4 ALIEN1 OTHER")
    row = over_representation(lists, sets, UNIVERSE, min_set_size=1).row(0, named=True)
    assert (row["list_size"], row["set_size"], row["overlap"], row["universe_size"]) == (3, 3, 2, 20)
    assert row["genes"] == "G1,G2"
    assert row["expected_overlap"] == pytest.approx(9 / 20)
    assert row["fold_enrichment"] == pytest.approx(2 / (9 / 20))
    assert row["odds_ratio"] == pytest.approx(2 * 16 / (1 * 1))
    assert row["p_value"] == pytest.approx(float(exact_upper_tail(2, 3, 3, 20)), rel=1e-12)
    family = account_for_families(lists, sets, UNIVERSE, min_set_size=1).row(0, named=True)
    assert family == {
        "list_id": "a",
        "collection": "toy",
        "n_genes_given": 5,
        "n_outside_universe": 2,
        "list_size": 3,
        "n_in_no_set": 1,
        "universe_size": 20,
        "n_terms": 1,
        "n_terms_too_small": 0,
        "n_terms_too_large": 0,
        "n_tested": 1,
    }


def test_set_size_limits_hold_within_the_universe_and_are_counted():
    sets = sets_of(small="G1 G2 X1 X2 X3", fits="G1 G2 G3", large=" ".join(UNIVERSE), larger="G1 " + " ".join(UNIVERSE))
    lists = lists_of(a="G1 G5")
    ours = over_representation(lists, sets, UNIVERSE, min_set_size=3, max_set_size=19)
    assert ours["term_id"].to_list() == ["fits"]
    family = account_for_families(lists, sets, UNIVERSE, min_set_size=3, max_set_size=19).row(0, named=True)
    assert (family["n_terms"], family["n_terms_too_small"], family["n_terms_too_large"]) == (4, 1, 2)
    assert family["n_tested"] == ours.height


def test_set_that_is_the_whole_universe_says_nothing():
    row = over_representation(lists_of(a="G1 G5"), sets_of(all=" ".join(UNIVERSE)), UNIVERSE).row(0, named=True)
    assert (row["p_value"], row["log_p"], row["fold_enrichment"]) == (1.0, 0.0, 1.0)
    assert row["odds_ratio"] is None


def test_empty_list_has_no_terms_but_is_accounted_for():
    lists = lists_of(a="G1 G2", stranger="ALIEN")
    sets = sets_of(s="G1 G2 G4")
    universes = {"a": UNIVERSE, "stranger": UNIVERSE, "never_filled": UNIVERSE}
    ours = over_representation(lists, sets, universes, min_set_size=1)
    assert ours["list_id"].unique().to_list() == ["a"]
    families = account_for_families(lists, sets, universes, min_set_size=1)
    assert families.schema == pl.Schema(FAMILIES_SCHEMA)
    assert families.select("list_id", "list_size", "n_tested").rows() == [
        ("a", 2, 1),
        ("never_filled", 0, 0),
        ("stranger", 0, 0),
    ]
    assert over_representation(lists_of(), sets, UNIVERSE).schema == pl.Schema(TERMS_SCHEMA)


def test_each_list_has_its_own_universe():
    lists = lists_of(a="G1 G2", b="G1 G2")
    sets = sets_of(s="G1 G2 G3 G15")
    half = UNIVERSE[:10]
    ours = over_representation(lists, sets, {"a": UNIVERSE, "b": half}, min_set_size=1)
    assert ours.select("list_id", "universe_size", "set_size").rows() == [("a", 20, 4), ("b", 10, 3)]
    alone = over_representation(lists.filter(list_id="b"), sets, half, min_set_size=1)
    assert ours.filter(list_id="b").equals(alone)


def test_categorical_names_are_names_too():
    lists, sets = lists_of(a="G1 G2"), sets_of(s="G1 G2 G4")
    plain = over_representation(lists, sets, UNIVERSE, min_set_size=1)
    as_categories = [frame.with_columns(pl.all().cast(pl.Categorical)) for frame in (lists, sets)]
    ours = over_representation(*as_categories, pl.Series(UNIVERSE, dtype=pl.Categorical), min_set_size=1)
    assert ours.equals(plain)


def test_collections_are_families_of_their_own():
    one = sets_of(s="G1 G2 G3", t="G4 G5 G6")
    other = sets_of(s="G1 G2 G3").with_columns(collection=pl.lit("second"))
    ours = over_representation(lists_of(a="G1 G2 G3"), pl.concat([one, other]), UNIVERSE, min_set_size=1)
    q = {(row["collection"], row["term_id"]): (row["p_value"], row["q_value_bh"]) for row in ours.iter_rows(named=True)}
    assert q[("second", "s")][1] == pytest.approx(q[("second", "s")][0])
    assert q[("toy", "s")][1] == pytest.approx(2 * q[("toy", "s")][0])


def test_faults_name_what_is_wrong():
    with pytest.raises(DesignFault, match=r"gene list b.*no universe"):
        over_representation(lists_of(a="G1", b="G2"), sets_of(s="G1"), {"a": UNIVERSE})
    with pytest.raises(DesignFault, match="universe is empty"):
        over_representation(lists_of(a="G1"), sets_of(s="G1"), [])
    renamed = pl.concat([sets_of(s="G1"), sets_of(s="G2").with_columns(term=pl.lit("Another"))])
    with pytest.raises(DataFault, match="term s: one term id has two names"):
        over_representation(lists_of(a="G1"), renamed, UNIVERSE)
    with pytest.raises(DataFault, match="column hgnc_symbol is missing"):
        over_representation(pl.DataFrame({"list_id": ["a"]}), sets_of(s="G1"), UNIVERSE)


def test_redundant_terms_point_at_the_best_and_none_is_lost():
    terms = pl.DataFrame(
        {
            "list_id": ["a"] * 5,
            "collection": ["c"] * 5,
            "term_id": ["T5", "T1", "T2", "T3", "T4"],
            "p_value": [0.2, 1e-6, 1e-5, 1e-4, 1e-3],
            "genes": ["A,B,C", "A,B,C,D", "A,B,C", "X,Y", "X,Y,Z,A,B"],
        }
    )
    jaccard = reduce_redundancy(terms)
    assert jaccard.drop("representative_term_id").equals(terms)
    assert jaccard["representative_term_id"].to_list() == ["T5", "T1", "T1", "T3", "T4"]
    smaller = reduce_redundancy(terms, measure="overlap_coefficient")
    assert smaller["representative_term_id"].to_list() == ["T5", "T1", "T1", "T3", "T1"]
    related = reduce_redundancy(terms, parents=pl.DataFrame({"term_id": ["T4", "M"], "parent_term_id": ["M", "T3"]}))
    assert related["representative_term_id"].to_list() == ["T5", "T1", "T1", "T3", "T3"]
    sets = pl.DataFrame(
        {"collection": "c", "term_id": ["T1", "T1", "T2", "T2"], "hgnc_symbol": ["A", "Q", "B", "R"]},
    )
    assert reduce_redundancy(terms, gene_sets=sets)["representative_term_id"].to_list()[2] == "T2"
    with pytest.raises(ValueError, match="threshold"):
        reduce_redundancy(terms, threshold=0)


def test_declared_circularity_is_marked_and_nothing_else():
    terms = pl.DataFrame(
        {
            "list_id": ["chemokine_partners", "chemokine_partners", "deg_up"],
            "collection": ["go"] * 3,
            "term_id": ["GO:0008009", "GO:0001525", "GO:0008009"],
            "term": ["chemokine activity", "angiogenesis", "chemokine activity"],
        }
    )
    declared = pl.DataFrame(
        {
            "list_pattern": ["CHEMOKINE_*", "chemokine_*"],
            "term_pattern": ["*chemokine*", "go:GO:0008009"],
            "reason": ["the partners were chosen by chemokine", "same"],
        }
    )
    marked = flag_circularity(terms, declared)
    assert marked["is_circular"].to_list() == [True, False, False]
    assert marked["circularity_reason"].to_list() == ["the partners were chosen by chemokine; same", None, None]
    none = flag_circularity(terms, declared.clear())
    assert none["is_circular"].to_list() == [False] * 3
    assert none.schema == marked.schema
