"""Beyond the reach of the permutations the corrected p-value is that of Lausen 1994, and says so."""

from __future__ import annotations

import numpy as np
import polars as pl

from resistance_assets.science.survival.optimal_cut import screen_optimal_cut


def cohort(n: int, seed: int = 8):
    rng = np.random.default_rng(seed)
    strong = rng.normal(size=n)
    time = rng.exponential(np.where(strong > 0.2, 3.0, 40.0))
    return np.vstack([strong, rng.normal(size=(400, n))]), time, np.ones(n)


def test_a_strong_cut_among_many_genes_can_be_significant():
    x, time, event = cohort(300)
    genes = [f"G{k}" for k in range(len(x))]
    found = screen_optimal_cut(x, time, event, genes, permutations=1000)
    strong = found.row(0, named=True)
    assert strong["p_permutation"] == 1 / 1001
    assert strong["p_method"] == "lausen_1994"
    assert strong["p_corrected"] == strong["p_lau94"] < 1e-12
    # By the permutations alone no q-value of 401 genes could be below 401 / 1001.
    assert strong["q_value_bh"] < 1e-9
    others = found.slice(1)
    assert set(others["p_method"]) == {"permutation"}
    assert (others["p_corrected"] == others["p_permutation"]).all()
    assert (others["q_value_bh"] > 0.05).all()


def test_where_a_permutation_reaches_the_statistic_it_decides():
    x, time, event = cohort(300, seed=9)
    found = screen_optimal_cut(x, time, event, [f"G{k}" for k in range(len(x))], permutations=200)
    reached = found.filter(pl.col("p_permutation") > 1 / 201)
    assert set(reached["p_method"]) == {"permutation"}
    assert (reached["p_corrected"] == reached["p_permutation"]).all()


def test_the_approximation_is_not_used_for_groups_that_are_too_small_for_it():
    x, time, event = cohort(40)
    found = screen_optimal_cut(x[:1], time, event, ["A"], permutations=100).row(0, named=True)
    assert min(found["n_high"], found["n_low"]) < 20
    assert found["p_method"] == "permutation"
    assert found["p_corrected"] == found["p_permutation"]
