from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resistance_assets.errors import CatalogFault, DesignFault
from resistance_assets.science.gene_lists.intersections import (
    INTERSECTIONS_SCHEMA,
    MEMBERSHIPS_SCHEMA,
    DeclaredIntersection,
    expected_intersection,
    expected_overlap,
    intersect_lists,
    intersection_p_value,
    upset_memberships,
)

UNIVERSE = [f"G{i:02d}" for i in range(40)]


def members_of(**lists: str) -> pl.DataFrame:
    """Members as "gene" or "gene+" / "gene-" with a direction."""
    rows = []
    for list_id, genes in lists.items():
        for gene in genes.split():
            direction = {"+": "up", "-": "down"}.get(gene[-1])
            rows.append((list_id, gene.rstrip("+-"), direction))
    schema = {"list_id": pl.String, "hgnc_symbol": pl.String, "direction": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_two_lists_by_hand():
    members = members_of(a="G00 G01 G02 G03 ALIEN G00", b="G01 G02 G09 STRANGER ALIEN")
    row = intersect_lists(members, [("ab", ["a", "b"], "tested")], {"tested": UNIVERSE}).row(0, named=True)
    p = sum(math.comb(3, i) * math.comb(37, 4 - i) for i in (2, 3)) / math.comb(40, 4)
    assert row == {
        "intersection_id": "ab",
        "list_ids": "a|b",
        "n_lists": 2,
        "sizes_in_universe": "4|3",
        "n_outside_universe": 3,
        "universe_id": "tested",
        "universe_size": 40,
        "size": 2,
        "expected_by_chance": pytest.approx(0.3),
        "fold_over_chance": pytest.approx(2 / 0.3),
        "p_value": pytest.approx(p, rel=1e-12),
        "p_value_method": "hypergeometric",
        "permutations": None,
        "seed": None,
        "p_value_exact": pytest.approx(p, rel=1e-12),
        "q_value_bh": pytest.approx(p, rel=1e-12),
        "n_same_direction": None,
        "genes": "G01,G02",
    }


def test_three_lists_are_permuted_and_the_exact_sum_agrees():
    members = members_of(
        a=" ".join(UNIVERSE[:20]), b=" ".join(UNIVERSE[5:25]), c=" ".join(UNIVERSE[2:14]), d=" ".join(UNIVERSE[8:12])
    )
    ours = intersect_lists(members, [("abc", "abc", "u"), ("abcd", "abcd", "u")], {"u": UNIVERSE})
    assert ours.schema == pl.Schema(INTERSECTIONS_SCHEMA)
    for row in ours.iter_rows(named=True):
        assert row["p_value_method"] == "permutation"
        m = row["permutations"]
        # Five standard errors of a proportion: fails once in two million seeds, and the seed is fixed.
        noise = 5 * math.sqrt(row["p_value_exact"] / m) + 1 / m
        assert row["p_value"] == pytest.approx(row["p_value_exact"], abs=noise)
        # b is a whole number of rounds.
        assert (row["p_value"] * (m + 1)) == pytest.approx(round(row["p_value"] * (m + 1)))
    assert ours["size"].to_list() == [9, 4]
    assert ours["expected_by_chance"].to_list() == pytest.approx([40 * 0.5 * 0.5 * 0.3, 40 * 0.5 * 0.5 * 0.3 * 0.1])
    again = intersect_lists(members, [("abc", "abc", "u"), ("abcd", "abcd", "u")], {"u": UNIVERSE})
    assert again.equals(ours)


def test_permutation_p_value_is_never_zero():
    everything = " ".join(UNIVERSE[:20])
    members = members_of(a=everything, b=everything, c=everything)
    row = intersect_lists(members, [("abc", "abc", "u")], {"u": UNIVERSE}, permutations=199).row(0, named=True)
    assert row["p_value"] == 1 / 200
    assert 0 < row["p_value_exact"] < 1e-20


@pytest.mark.parametrize("sizes", [(2, 3), (3, 2, 4), (2, 2, 2, 3)])
def test_exact_p_value_equals_full_enumeration(sizes):
    N = 5
    lists = [list(map(set, combinations(range(N), size))) for size in sizes[1:]]
    shares = np.zeros(N + 1)

    def meet(shared: set[int], rest: list[list[set[int]]]) -> None:
        if not rest:
            shares[len(shared)] += 1
            return
        for other in rest[0]:
            meet(shared & other, rest[1:])

    meet(set(range(sizes[0])), lists)  # by symmetry the first list may stand still
    for size in range(N + 1):
        expected = shares[size:].sum() / shares.sum()
        assert intersection_p_value(size, sizes, N) == pytest.approx(expected, abs=1e-12)
    assert expected_intersection(sizes, N) == pytest.approx((shares * np.arange(N + 1)).sum() / shares.sum())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=2, max_size=5), st.integers(0, 60))
def test_exact_p_value_ignores_the_order_of_lists(sizes, size):
    forwards = intersection_p_value(size, sizes, 60)
    assert 0 <= forwards <= 1 + 1e-12
    assert intersection_p_value(size, sizes[::-1], 60) == pytest.approx(forwards, rel=1e-9, abs=1e-300)


def test_overlaps_that_the_literature_reports_against_chance():
    # 357 and 769 genes against the 2,579 genes of a cancer gene list: how many genes were in play decides.
    low, high = expected_overlap(357, 2579, [15_600, 12_000])
    assert (round(low), round(high)) == (59, 77)
    low, high = expected_overlap(769, 2579, [15_500, 12_000])
    assert (round(low), round(high)) == (128, 165)
    assert intersection_p_value(127, (357, 2579), 12_000) < 1e-9
    assert intersection_p_value(127, (769, 2579), 15_500) > 0.5


def test_direction_must_be_one_and_the_same_everywhere():
    members = members_of(a="G01+ G02- G03+ G04+ G04-", b="G01+ G02+ G03+ G04+")
    row = intersect_lists(members, [("ab", "ab", "u")], {"u": UNIVERSE}).row(0, named=True)
    assert (row["size"], row["n_same_direction"]) == (4, 2)


def test_disjoint_and_empty_lists_are_rows_too():
    members = members_of(a="G01 G02", b="G03", outside="ALIEN")
    declared = [("ab", "ab", "u"), ("empty", ["a", "outside", "absent"], "u")]
    ours = intersect_lists(members, declared, {"u": UNIVERSE})
    assert ours.select("size", "p_value", "p_value_exact", "genes").rows() == [(0, 1, 1, ""), (0, 1, 1, "")]
    assert ours["fold_over_chance"].to_list() == [0.0, None]
    assert ours["n_outside_universe"].to_list() == [0, 1]


def test_faulty_declarations_are_named():
    members = members_of(a="G01")
    with pytest.raises(CatalogFault, match=r"intersection x: .*at least two different lists"):
        intersect_lists(members, [DeclaredIntersection("x", ("a", "a"), "u")], {"u": UNIVERSE})
    with pytest.raises(CatalogFault, match="universe v is not known"):
        intersect_lists(members, [("x", ("a", "b"), "v")], {"u": UNIVERSE})
    with pytest.raises(DesignFault, match="universe u is empty"):
        intersect_lists(members, [("x", ("a", "b"), "u")], {"u": []})
    with pytest.raises(ValueError, match="does not fit"):
        intersection_p_value(1, (3, 9), 8)


def test_upset_table_counts_exclusive_and_inclusive():
    ours = upset_memberships(members_of(a="G01 G02 G03 G04 G04", b="G02 G03 X", c="G03 G09"))
    assert ours.schema == pl.Schema(MEMBERSHIPS_SCHEMA)
    assert ours.drop("genes").rows() == [
        ("a", "a", 1, 2, 4),
        ("b", "b", 1, 1, 3),
        ("c", "c", 1, 1, 2),
        ("a & b", "a|b", 2, 1, 2),
        ("a & b & c", "a|b|c", 3, 1, 1),
    ]
    assert ours.row(0, named=True)["genes"] == "G01,G04"
    restricted = upset_memberships(members_of(a="G01", b="X"), UNIVERSE)
    assert restricted["combination_id"].to_list() == ["a"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sets(st.sampled_from(UNIVERSE[:12])), min_size=1, max_size=5))
def test_upset_sizes_add_up(lists):
    members = members_of(**{f"list{i}": " ".join(genes) for i, genes in enumerate(lists)})
    ours = upset_memberships(members)
    assert ours["exclusive_size"].sum() == len(set().union(*lists))
    for ids, inclusive in ours.select("list_ids", "inclusive_size").iter_rows():
        assert inclusive == len(set.intersection(*(lists[int(name[4:])] for name in ids.split("|"))))
