"""Which perturbations run against a signature of resistance: weighted connectivity with its null.

Here belong the score of a pair of gene sets along a ranked list and the null of random sets. Which contrasts are asked,
and which sets share samples with them, belongs to the caller.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.science.statistics.multiple_testing import adjust_bh

Matrix = NDArray[np.float64]

SMALLEST_P = 1e-300
LEAST_MEASURED = 5
"""Genes of a set that the contrast must have measured; fewer say nothing."""
MOST_PAIRS = 200
"""Pairs of set sizes whose null is drawn: their normalised scores are one distribution."""

REVERSAL_SCHEMA: dict[str, Any] = {
    "contrast_id": pl.String,
    "set_source": pl.String,
    "perturbation_id": pl.String,
    "drug_name": pl.String,
    "cell_line": pl.String,
    "n_up": pl.Int64,
    "n_down": pl.Int64,
    "enrichment_score_up": pl.Float64,
    "enrichment_score_down": pl.Float64,
    "weighted_connectivity_score": pl.Float64,
    "normalised_score": pl.Float64,
    "null_p_value": pl.Float64,
    "q_value_bh": pl.Float64,
    "direction": pl.String,
}


def score_reversal(
    ranks: pl.DataFrame, members: pl.DataFrame, *, permutations: int, seed: int, q_value: float
) -> pl.DataFrame:
    """Weighted connectivity of every perturbation with one ranked list of genes.

    ES is the weighted Kolmogorov-Smirnov score (weight 1) of a set along the list, the gene that is most up first. The
    score of a perturbation with an up and a down set is (ES_up - ES_down) / 2 where the two have opposite signs, else 0
    (Subramanian et al. 2017, Cell 171:1437). A negative score runs against the list: the perturbation's up genes are
    down there. Where only one set has genes enough, the score is its ES, or -ES of a down set. Sets of unknown sign
    have an ES and no direction.

    **Null.** Random sets of the same sizes. Scores are divided by the mean null score of the same sign and sizes (as
    CMap's normalised score is), and p is the share of all normalised null scores at least as far from zero, (b + 1) /
    (m + 1): the sizes differ in scale, not in shape. Genes of a pathway move together, which random genes do not, so p
    orders perturbations and settles none alone.

    Args:
        ranks: `hgnc_symbol`, `ranking_metric` (signed; higher is more up in resistant cells), each gene once.
        members: `set_source`, `perturbation_id`, `drug_name`, `cell_line`, `direction` (up, down, unsigned),
            `hgnc_symbol`.
        permutations, seed: of the null.
        q_value: below which a direction is said.

    Returns:
        Columns of `REVERSAL_SCHEMA` but for contrast_id: one row per perturbation with `LEAST_MEASURED` measured genes
        in a set, the most reversing first. `n_up` holds the genes of an unsigned set. q is within the source of the
        sets; `direction` is reverses or mimics where q is below `q_value`, else null.
    """
    from resistance_assets.science.enrichment.kernels.gsea import null_scores, observed_scores

    listed = ranks.drop_nulls().sort(["ranking_metric", "hgnc_symbol"], descending=[True, False])
    metric = listed["ranking_metric"].to_numpy()
    n = metric.size
    place = listed.select("hgnc_symbol", position=pl.int_range(pl.len()))
    sets = _placed_sets(place, members, n)
    if sets.is_empty():
        return pl.DataFrame(schema={k: v for k, v in REVERSAL_SCHEMA.items() if k != "contrast_id"})
    size = sets["size"].to_numpy()
    weights = np.abs(metric)
    starts, ends, tied = _ties(metric)
    offsets = np.concatenate([[0], np.cumsum(size)])
    flat = sets["position"].explode(empty_as_null=False).to_numpy().astype(np.int64)
    score, _ = observed_scores(offsets, flat, weights, starts, ends)
    sizes = np.unique(size)
    null = null_scores(sizes, permutations, seed, weights, starts, ends, tied, 64)
    # A running sum over the whole set may round to a hair beyond one.
    wide = _by_perturbation(sets.with_columns(score=pl.Series(np.clip(score, -1.0, 1.0))))
    signed = wide["size_none"].is_null().to_numpy()
    up, down = wide["score_up"].to_numpy(), wide["score_down"].to_numpy()
    value = np.where(signed, connect(up, down), wide["score_none"].to_numpy())
    first = np.where(signed, wide["size_up"].fill_null(0).to_numpy(), wide["size_none"].fill_null(0).to_numpy())
    second = np.where(signed, wide["size_down"].fill_null(0).to_numpy(), 0)
    normalised, p = _against_null(value, first, second, sizes, null, seed)
    found = wide.with_columns(
        n_up=pl.Series(first),
        n_down=pl.Series(second),
        enrichment_score_up=pl.coalesce("score_up", "score_none"),
        enrichment_score_down=pl.col("score_down"),
        weighted_connectivity_score=pl.Series(value),
        normalised_score=pl.Series(normalised, nan_to_null=True),
        null_p_value=pl.Series(p),
    )
    families = [
        family.with_columns(q_value_bh=pl.Series(adjust_bh(family["null_p_value"].to_numpy())))
        for _, family in found.group_by("set_source", maintain_order=True)
    ]
    told = (pl.col("q_value_bh") < q_value) & pl.Series(signed) & (pl.col("weighted_connectivity_score") != 0)
    way = pl.when(pl.col("weighted_connectivity_score") < 0).then(pl.lit("reverses")).otherwise(pl.lit("mimics"))
    return (
        pl.concat(families)
        .with_columns(direction=pl.when(told).then(way))
        .select([name for name in REVERSAL_SCHEMA if name != "contrast_id"])
        .sort("set_source", "weighted_connectivity_score", "perturbation_id")
    )


_KEYS = ("set_source", "perturbation_id")


def _placed_sets(place: pl.DataFrame, members: pl.DataFrame, n: int) -> pl.DataFrame:
    """Sets with genes enough, by the places of their genes in the list of ``n``."""
    return (
        members.with_columns(direction=pl.col("direction").replace("unsigned", "none"))
        .join(place, on="hgnc_symbol")
        .group_by(*_KEYS, "direction")
        .agg(pl.col("drug_name").first(), pl.col("cell_line").first(), pl.col("position").unique().sort())
        .with_columns(size=pl.col("position").list.len().cast(pl.Int64))
        .filter(pl.col("size").is_between(LEAST_MEASURED, n - 1))
        .sort(*_KEYS, "direction")
    )


def _by_perturbation(scored: pl.DataFrame) -> pl.DataFrame:
    """One row per perturbation: score and size of its up, down and unsigned set."""
    return scored.group_by(_KEYS, maintain_order=True).agg(
        pl.col("drug_name").first(),
        pl.col("cell_line").drop_nulls().first(),
        *(
            pl.col(name).filter(pl.col("direction") == way).first().alias(f"{name}_{way}")
            for name in ("score", "size")
            for way in ("up", "down", "none")
        ),
    )


def signed_z(effect: Matrix, p_value: Matrix) -> Matrix:
    """Normal quantile of two-sided p-values with the sign of the effects; p below 1e-300 counts as that."""
    from scipy.special import ndtri

    return np.sign(effect) * -ndtri(np.clip(p_value, SMALLEST_P, 1.0) / 2)


def connect(up: Matrix, down: Matrix) -> Matrix:
    """Weighted connectivity scores of pairs of enrichment scores; NaN is a set that is not there."""
    both = (up - down) / 2
    paired = np.where(np.sign(up) == np.sign(down), 0.0, both)
    return np.where(np.isnan(down), up, np.where(np.isnan(up), -down, paired))


def _ties(metric: Matrix) -> tuple[NDArray[np.int64], NDArray[np.int64], bool]:
    """First position of each gene's group of ties, the position after its last, and whether there is any tie."""
    new = np.flatnonzero(np.concatenate([[True], metric[1:] != metric[:-1]]))
    lengths = np.diff(np.append(new, metric.size))
    return np.repeat(new, lengths), np.repeat(new + lengths, lengths), new.size < metric.size


def _against_null(
    value: Matrix,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    sizes: NDArray[np.int64],
    null: Matrix,
    seed: int,
) -> tuple[Matrix, Matrix]:
    """Normalised scores and their p-values."""
    pairs, pair_of = np.unique(np.column_stack([first, second]), axis=0, return_inverse=True)
    pair_of = pair_of.ravel()
    scale = np.empty((len(pairs), 2))
    drawn = set(np.random.default_rng(seed).permutation(len(pairs))[:MOST_PAIRS].tolist())
    pooled = []
    for at, (a, b) in enumerate(pairs):
        one = null[np.searchsorted(sizes, a)].astype(np.float64) if a else np.full(null.shape[1], np.nan)
        # The next random order, so that the two sets of a pair are drawn independently.
        other = np.roll(null[np.searchsorted(sizes, b)], 1).astype(np.float64) if b else np.full(null.shape[1], np.nan)
        scores = connect(one, other)
        up, down = scores[scores > 0], scores[scores < 0]
        scale[at] = up.mean() if up.size else np.nan, -down.mean() if down.size else np.nan
        if at in drawn:
            pooled.append(np.where(scores > 0, scores / scale[at, 0], np.where(scores < 0, scores / scale[at, 1], 0.0)))
    with np.errstate(invalid="ignore"):
        normalised = np.where(value >= 0, value / scale[pair_of, 0], value / scale[pair_of, 1])
    reference = np.sort(np.abs(np.concatenate(pooled)))
    size = np.abs(np.nan_to_num(normalised))
    beyond = reference.size - np.searchsorted(reference, size - 1e-12)
    return normalised, np.where(value == 0, 1.0, (beyond + 1) / (reference.size + 1))
