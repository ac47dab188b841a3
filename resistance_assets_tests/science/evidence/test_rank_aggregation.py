from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.stats

from resistance_assets.errors import DataFault
from resistance_assets.science.evidence.rank_aggregation import (
    AGGREGATED_SCHEMA,
    CONTRIBUTIONS_SCHEMA,
    rank_aggregate,
    score_contributions,
)

ROUNDS = {"permutations": 20_000}


def contrast(
    study: str,
    name: str,
    folds: dict[str, float],
    p_values: dict[str, float] | None = None,
    *,
    drug_class: str = "ALK inhibitor",
    weight: float = 1.0,
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "study_id": study,
            "contrast_id": name,
            "hgnc_symbol": list(folds),
            "drug_class": drug_class,
            "log2_fold_change": list(folds.values()),
            "p_value": [p_values[gene] if p_values else None for gene in folds],
            "evidence_kind": "inferential" if p_values else "effect_only",
            "weight": weight,
        },
        schema_overrides={"p_value": pl.Float64, "log2_fold_change": pl.Float64},
    )


def row_of(frame: pl.DataFrame, gene: str) -> dict:
    return frame.filter(hgnc_symbol=gene).row(0, named=True)


def simulated(studies: int, genes: int = 400, shift: float = 0.0, seed: int = 0) -> pl.DataFrame:
    """Studies of pure noise, but for PLANTED, which goes up in all of them."""
    generator = np.random.default_rng(seed)
    frames = []
    for study in range(studies):
        z = generator.normal(size=genes)
        z[0] += shift
        names = ["PLANTED", *(f"G{i:03d}" for i in range(1, genes))]
        p = dict(zip(names, 2 * scipy.stats.norm.sf(np.abs(z)), strict=True))
        frames.append(contrast(f"s{study}", f"c{study}", dict(zip(names, z / 3, strict=True)), p))
    return pl.concat(frames)


def test_score_by_hand():
    first = contrast("s1", "c1", {"A": 2.0, "B": -1.0, "C": 0.5, "D": 3.0}, {"A": 1e-9, "B": 1e-3, "C": 0.5, "D": 0.5})
    second = contrast("s1", "c2", {"A": 1.0, "B": 2.0}, weight=3.0)
    third = contrast("s2", "c3", {"A": -0.5, "B": -4.0, "E": 1.0}, weight=0.5)
    ours = rank_aggregate(pl.concat([first, second, third]), **ROUNDS)
    assert ours.schema == pl.Schema(AGGREGATED_SCHEMA)
    # c1, weakest first: C and D share p = 0.5, and D has the larger fold; then B, A.
    r1 = {"C": 0.5 / 4, "D": 1.5 / 4, "B": -2.5 / 4, "A": 3.5 / 4}
    r2 = {"A": 0.5 / 2, "B": 1.5 / 2}
    r3 = {"A": -0.5 / 3, "E": 1.5 / 3, "B": -2.5 / 3}
    # Study weights: mean(1, 3) = 2 and 0.5.
    expected = {g: (2 * (r1.get(g, 0) + 3 * r2.get(g, 0)) / 4 + 0.5 * r3.get(g, 0)) / 2.5 for g in "ABCDE"}
    assert dict(ours.select("hgnc_symbol", "score").rows()) == pytest.approx(expected, abs=1e-12)
    assert ours["rank"].to_list() == [1, 2, 3, 4, 5]
    a, e = row_of(ours, "A"), row_of(ours, "E")
    assert (a["direction"], a["n_contrasts"], a["n_contrasts_same_direction"], a["n_studies"]) == ("up", 3, 2, 2)
    assert (e["n_contrasts"], e["n_studies"]) == (1, 1)
    b = row_of(ours, "B")
    assert (b["direction"], b["n_contrasts_same_direction"]) == ("up", 1)


def test_a_gene_that_repeats_stands_out_and_noise_does_not():
    ours = rank_aggregate(simulated(5, shift=4.0), **ROUNDS)
    first = ours.row(0, named=True)
    assert (first["hgnc_symbol"], first["direction"], first["rank"]) == ("PLANTED", "up", 1)
    assert (first["rank_min_leave_one_out"], first["rank_max_leave_one_out"]) == (1, 1)
    assert first["q_value_bh"] < 0.05
    noise = ours.filter(pl.col("hgnc_symbol") != "PLANTED")["p_value_permutation"]
    assert scipy.stats.kstest(noise, "uniform").pvalue > 0.001
    assert ours["p_value_permutation"].min() >= 1 / 20_001


def test_opposite_directions_cancel():
    up = contrast("s1", "c1", {"A": 2.0, "B": 0.1})
    down = contrast("s2", "c2", {"A": -2.0, "B": 0.1})
    ours = rank_aggregate(pl.concat([up, down]), **ROUNDS)
    a = row_of(ours, "A")
    assert (a["score"], a["direction"], a["n_contrasts_same_direction"]) == (0.0, "none", 0)
    assert a["p_value_permutation"] == 1.0
    assert row_of(ours, "B")["rank"] == 1


def test_one_study_replicates_nothing():
    two = [contrast("s1", "c1", {"A": 2.0, "B": -1.0}), contrast("s1", "c2", {"A": 2.0, "B": -1.0})]
    ours = rank_aggregate(pl.concat(two), **ROUNDS)
    assert ours["rank"].to_list() == [1, 2]
    nothing = ["p_value_permutation", "q_value_bh", "rank_min_leave_one_out", "rank_max_leave_one_out", "permutations"]
    assert ours.select(nothing).null_count().row(0) == (2,) * 5


def test_many_contrasts_of_one_study_do_not_outvote_another():
    loud = [contrast("s1", f"c{i}", {"A": 2.0, "B": -1.0}) for i in range(9)]
    other = contrast("s2", "other", {"A": -1.0, "B": 2.0})
    ours = rank_aggregate(pl.concat([*loud, other]), **ROUNDS)
    # By ranks: s1 gives A 3/4 and B -1/4, s2 the reverse with -1/4 and 3/4.
    assert dict(ours.select("hgnc_symbol", "score").rows()) == pytest.approx({"A": 0.25, "B": 0.25})
    assert ours["rank"].to_list() == [1, 1]


def test_leaving_a_study_out_moves_a_gene_that_rests_on_it():
    generator = np.random.default_rng(3)
    genes = [f"G{i}" for i in range(50)]
    frames = [
        contrast(f"s{s}", f"c{s}", dict(zip(genes, generator.normal(size=50), strict=True)) | {"LONE": 99.0 * (s == 0)})
        for s in range(3)
    ]
    lone = row_of(rank_aggregate(pl.concat(frames), **ROUNDS), "LONE")
    assert lone["rank_max_leave_one_out"] >= 50
    assert lone["rank_min_leave_one_out"] < lone["rank_max_leave_one_out"]


def test_drug_classes_do_not_touch_one_another():
    alk = simulated(3)
    egfr = simulated(2, seed=9).with_columns(
        drug_class=pl.lit("EGFR inhibitor"), contrast_id=pl.concat_str(pl.lit("e"), "contrast_id")
    )
    both = rank_aggregate(pl.concat([alk, egfr]), **ROUNDS)
    assert both.filter(drug_class="ALK inhibitor").equals(rank_aggregate(alk, **ROUNDS))
    assert both.filter(drug_class="EGFR inhibitor").equals(rank_aggregate(egfr, **ROUNDS))


def test_order_of_rows_does_not_matter_and_the_seed_does():
    effects = simulated(3, genes=60)
    ours = rank_aggregate(effects, **ROUNDS)
    assert rank_aggregate(effects.sample(fraction=1, shuffle=True, seed=1), **ROUNDS).equals(ours)
    other = rank_aggregate(effects, seed=2, **ROUNDS)
    assert other["score"].equals(ours["score"])
    assert not other["p_value_permutation"].equals(ours["p_value_permutation"])


def test_rows_that_were_not_tested_are_left_out():
    frame = contrast("s1", "c1", {"A": 2.0, "B": -1.0, "C": 1.0}, {"A": 0.01, "B": 0.2, "C": float("nan")})
    unclassed = contrast("s9", "c9", {"Z": 1.0}).with_columns(drug_class=pl.lit(None, dtype=pl.String))
    ours = rank_aggregate(pl.concat([frame, unclassed]), **ROUNDS)
    assert ours.select("hgnc_symbol", "score").rows() == [("A", 0.75), ("B", -0.25)]
    assert rank_aggregate(unclassed).schema == pl.Schema(AGGREGATED_SCHEMA)


def test_faulty_tables_are_named():
    good = contrast("s1", "c1", {"A": 2.0, "B": -1.0})
    with pytest.raises(DataFault, match="contrast c1, gene A: the gene stands twice"):
        rank_aggregate(pl.concat([good, good.head(1)]))
    with pytest.raises(DataFault, match="contrast c1: it has more than one weight"):
        rank_aggregate(pl.concat([good, contrast("s1", "c1", {"C": 1.0}, weight=2.0)]))
    with pytest.raises(DataFault, match="weight is not positive"):
        rank_aggregate(good.with_columns(weight=0.0))
    with pytest.raises(DataFault, match="kind of evidence is not known"):
        rank_aggregate(good.with_columns(evidence_kind=pl.lit("hearsay")))
    with pytest.raises(DataFault, match="column study_id is missing"):
        rank_aggregate(good.drop("study_id"))


def test_contributions_of_every_gene_sum_to_its_score():
    effects = pl.concat(
        [
            simulated(3, genes=60, seed=5),
            contrast("s0", "c9", {"PLANTED": 1.0, "G001": -2.0, "ONLY": 0.3}, weight=0.25),
            contrast("t1", "t1", {"PLANTED": -1.0, "G002": 2.0}, drug_class="EGFR inhibitor", weight=0.25),
        ]
    )
    parts = score_contributions(effects)
    assert parts.schema == pl.Schema(CONTRIBUTIONS_SCHEMA)
    assert parts.height == effects.height
    summed = parts.group_by("drug_class", "hgnc_symbol").agg(pl.col("contribution").sum())
    scores = rank_aggregate(effects, **ROUNDS).select("drug_class", "hgnc_symbol", "score")
    both = summed.join(scores, on=["drug_class", "hgnc_symbol"], how="full", coalesce=True)
    assert both.null_count().sum_horizontal().item() == 0
    # Sums of a handful of doubles between -1 and 1 in another order.
    np.testing.assert_allclose(both["contribution"], both["score"], atol=1e-12)


def test_nothing_contributes_to_nothing():
    nothing = contrast("s", "c", {"A": 1.0}).clear()
    assert score_contributions(nothing).schema == pl.Schema(CONTRIBUTIONS_SCHEMA)
