"""Weighted connectivity: what runs against a list, what with it, and the null of random sets."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from resistance_assets.science.evidence.reversal import LEAST_MEASURED, connect, score_reversal

GENES = [f"G{at:03d}" for at in range(600)]
METRIC = np.linspace(3.0, -3.0, 600)
RANKS = pl.DataFrame({"hgnc_symbol": GENES, "ranking_metric": METRIC})
TOP, BOTTOM = GENES[:30], GENES[-30:]


def members(*sets: tuple[str, str, list[str]], source: str = "library") -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"set_source": source, "perturbation_id": name, "drug_name": name.lower(), "cell_line": None,
             "direction": direction, "hgnc_symbol": gene}
            for name, direction, genes in sets for gene in genes
        ],
        schema_overrides={"cell_line": pl.String},
    )  # fmt: skip


def scored(*sets: tuple[str, str, list[str]], ranks: pl.DataFrame = RANKS) -> dict[str, dict]:
    found = score_reversal(ranks, members(*sets), permutations=400, seed=3, q_value=0.05)
    return {row["perturbation_id"]: row for row in found.iter_rows(named=True)}


def test_sets_at_the_other_ends_reverse_and_at_the_same_ends_mimic():
    found = scored(("R", "up", BOTTOM), ("R", "down", TOP), ("M", "up", TOP), ("M", "down", BOTTOM))
    assert found["R"]["weighted_connectivity_score"] == pytest.approx(-1.0)
    assert found["M"]["weighted_connectivity_score"] == pytest.approx(1.0)
    assert (found["R"]["direction"], found["M"]["direction"]) == ("reverses", "mimics")
    assert found["R"]["null_p_value"] < 0.01


def test_a_list_turned_round_turns_the_score():
    sets = (("A", "up", GENES[100:160]), ("A", "down", GENES[300:420:2]))
    turned = RANKS.with_columns(pl.col("ranking_metric") * -1)
    first, second = scored(*sets)["A"], scored(*sets, ranks=turned)["A"]
    assert second["weighted_connectivity_score"] == pytest.approx(-first["weighted_connectivity_score"])


def test_two_sets_on_one_side_are_no_connection():
    row = scored(("A", "up", TOP), ("A", "down", GENES[30:60]))["A"]
    assert row["weighted_connectivity_score"] == 0
    assert row["null_p_value"] == 1.0
    assert row["direction"] is None


def test_a_score_is_half_the_difference_where_the_signs_differ():
    up, down = np.array([0.6, 0.6, -0.2, np.nan, 0.4]), np.array([-0.2, 0.2, 0.4, 0.3, np.nan])
    assert connect(up, down).tolist() == pytest.approx([0.4, 0.0, -0.3, -0.3, 0.4])


def test_one_set_of_a_pair_is_enough_and_few_genes_are_not():
    found = scored(("A", "up", TOP), ("A", "down", BOTTOM[: LEAST_MEASURED - 1]), ("B", "up", ["X", *TOP[:4]]))
    assert set(found) == {"A"}
    assert (found["A"]["n_up"], found["A"]["n_down"]) == (30, 0)
    assert found["A"]["weighted_connectivity_score"] == pytest.approx(1.0)


def test_sets_of_unknown_sign_have_a_score_and_no_direction():
    row = scored(("A", "unsigned", TOP))["A"]
    assert row["weighted_connectivity_score"] == pytest.approx(1.0)
    assert row["null_p_value"] < 0.01
    assert row["direction"] is None


def test_random_sets_have_uniform_p_values_and_are_not_called():
    rng = np.random.default_rng(4)
    sets = [
        (f"R{at}", way, [GENES[i] for i in rng.choice(600, rng.integers(10, 60), replace=False)])
        for at in range(300)
        for way in ("up", "down")
    ]
    found = score_reversal(RANKS, members(*sets), permutations=400, seed=3, q_value=0.05)
    # About half of the scores are zero, with p = 1.
    for level in (0.05, 0.2):
        share = (found["null_p_value"] < level).mean()
        assert abs(share - level) < 4 * np.sqrt(level * (1 - level) / 300)
    assert found["direction"].null_count() >= 298


def test_families_are_the_sources_of_the_sets():
    alone = members(("A", "up", TOP), source="small")
    many = members(*((f"N{at}", "up", GENES[at : at + 200 : 9]) for at in range(0, 90, 3)), source="large")
    found = score_reversal(RANKS, pl.concat([alone, many]), permutations=400, seed=3, q_value=0.05)
    row = found.filter(pl.col("set_source") == "small").row(0, named=True)
    assert row["q_value_bh"] == row["null_p_value"]


def test_nothing_measured_is_no_row():
    assert scored(("A", "up", ["X", "Y"])) == {}
