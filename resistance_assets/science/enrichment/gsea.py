"""Gene-set enrichment along a ranked list: does a set gather at the top or at the bottom?

Here belong the pre-ranked enrichment score, its null by permutation of genes, and what a plot of one set needs. Lists
with a cut-off belong in `enrichment`; the ranking metric itself comes from differential expression.

What it tests is *competitive*: whether the genes of a set rank higher than as many random genes. Genes that are
co-expressed move together, which random genes do not, so the p-values are too small for sets of co-regulated genes
(Goeman & Buehlmann 2007, Bioinformatics 23:980). They order the terms; they do not settle a single one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from resistance_assets.errors import DataFault
from resistance_assets.science.enrichment.over_representation import SetLayout, lay_out_sets
from resistance_assets.science.statistics.multiple_testing import adjust_bh

GSEA_SCHEMA = {
    "contrast_id": pl.String,
    "collection": pl.String,
    "term_id": pl.String,
    "term": pl.String,
    "set_size": pl.Int64,
    "enrichment_score": pl.Float64,
    "normalised_enrichment_score": pl.Float64,
    "p_value": pl.Float64,
    "p_value_method": pl.String,
    "p_value_log2_error": pl.Float64,
    "q_value_bh": pl.Float64,
    "q_value_gsea": pl.Float64,
    "permutations": pl.Int64,
    "seed": pl.Int64,
    "leading_edge_size": pl.Int64,
    "leading_edge_genes": pl.String,
}

RUNNING_SUM_SCHEMA = {
    "position": pl.Int64,
    "running_score": pl.Float64,
    "hgnc_symbol": pl.String,
    "ranking_metric": pl.Float64,
}

# Fewer null scores than this beyond the observed one give a direct p-value with more than 30 % relative error: from
# there on splitting is the more accurate of the two.
_FEWEST_BEYOND = 10
_SPLITTING_SAMPLE = 101
# Accepted exchanges by which a copy must leave its parent. Sixteen seeds on sets of 20 to 300 genes gave the same
# mean p-value with 40 as with 1,000; 15 were too few.
_EXCHANGES = 50


def pre_ranked_gsea(
    ranks: pl.DataFrame,
    gene_sets: pl.DataFrame,
    *,
    weight: float = 1.0,
    min_set_size: int = 15,
    max_set_size: int = 500,
    permutations: int = 10_000,
    seed: int = 20_240_501,
    p_value_floor: float = 1e-10,
) -> pl.DataFrame:
    """Score every gene set along every ranked list (Subramanian 2005, PNAS 102:15545).

    The enrichment score is the largest deviation from zero of a running sum that rises at a gene of the set by
    |metric|^weight (as a share of the set's total) and falls at any other gene by 1 / (genes outside the set).

    - **Ties.** Genes of equal metric have no order; the sum is read only between groups of ties, so the score does not
      depend on how they are listed. (Listing them by name would enrich gene families.)
    - **Null.** Random sets of the same size. One random order of the genes serves all sizes at once: its first k genes
      are a random set of k. p = (b + 1) / (m + 1), b of the m null scores of the same sign being at least as extreme.
    - **Far tail.** Where b < 10 the p-value is continued by multilevel splitting from the 101 most extreme random sets:
      the better half is kept, copied and stirred by exchanges of genes that stay above the median, again and again
      (as fgsea does; Korotkevich 2021, bioRxiv 060012). It is labelled, and stops at `p_value_floor`.
    - **Normalised score.** Score / mean null score of the same size and sign.

    Args:
        ranks: `contrast_id`, `hgnc_symbol`, `ranking_metric` (signed, higher = more up; null or NaN is left out).
        gene_sets: `collection`, `term_id`, `term`, `hgnc_symbol`, one row per member.
        weight: 1 (usual), 0 (Kolmogorov-Smirnov), 1.5 or 2.
        min_set_size, max_set_size: inclusive limits, counted among the ranked genes.
        permutations, seed: of the null; the result does not depend on the number of threads.
        p_value_floor: splitting stops here; 0 < floor < 1. A floor of 1 / permutations or more turns it off.

    Returns:
        One row per contrast and tested term, ordered by contrast, collection, p-value: `contrast_id`, `collection`,
        `term_id`, `term`, `set_size` (ranked genes in the set), `enrichment_score` in [-1, 1],
        `normalised_enrichment_score` (null if no null score has the sign), `p_value`, `p_value_method`
        ("permutation"; "permutation_both_signs", twice the share of all null scores beyond, where fewer than 101 have
        the sign; "multilevel_splitting"; "multilevel_splitting_bound", p is at most this),
        `p_value_log2_error` (standard error of log2 p), `q_value_bh` and `q_value_gsea` (family: contrast x collection;
        the latter is GSEA's ratio of tail shares of normalised scores, cut at 1), `permutations`, `seed`,
        `leading_edge_size`, `leading_edge_genes` (hits up to the peak, or from the trough; most extreme first,
        comma-joined).

    Raises:
        DataFault: a gene stands twice in one contrast, a metric is infinite, or a column is missing.
    """
    if permutations < 1 or not 0 < p_value_floor < 1 or weight < 0:
        raise ValueError("permutations must be positive, p_value_floor within (0, 1) and weight not negative")
    listed = _checked_ranks(ranks)
    names = listed["hgnc_symbol"].unique().sort()
    layout = lay_out_sets(gene_sets, names)
    frames = [
        _score_contrast(
            str(contrast_id),
            group,
            names,
            layout,
            weight,
            min_set_size,
            max_set_size,
            permutations,
            seed,
            p_value_floor,
        )
        for (contrast_id,), group in listed.group_by(["contrast_id"], maintain_order=True)
    ]
    frames = [frame for frame in frames if frame.height]
    return pl.concat(frames) if frames else pl.DataFrame(schema=GSEA_SCHEMA)


def running_sum(ranks: pl.DataFrame, members: pl.Series, *, weight: float = 1.0) -> pl.DataFrame:
    """The corners of one set's running sum, enough to draw it exactly.

    Args:
        ranks: `hgnc_symbol`, `ranking_metric` of one contrast.
        members: the set's genes.
        weight: as in `pre_ranked_gsea`.

    Returns:
        Corners from (0, 0) to (genes, 0): `position` (genes passed), `running_score`; `hgnc_symbol` and
        `ranking_metric` of the gene just passed, where it is one of the set (null where only others were passed).
    """
    listed = _ranked(_checked_ranks(ranks.with_columns(contrast_id=pl.lit("one"))))
    metric = listed["ranking_metric"].to_numpy()
    starts, ends, _ = _blocks(metric)
    hit = listed["hgnc_symbol"].is_in(members.implode()).to_numpy()
    n, k = metric.size, int(hit.sum())
    if not 0 < k < n:
        raise ValueError(f"a set must hold some but not all ranked genes, got {k} of {n}")
    gain = np.where(hit, np.abs(metric) ** weight, 0.0)
    if gain.sum() <= 0:
        gain = hit.astype(np.float64)
    curve = np.concatenate([[0.0], np.cumsum(gain / gain.sum() - ~hit / (n - k))])
    # Straight lines inside a group of ties; corners where a group with a hit starts and ends.
    corners = np.unique(np.concatenate([[0, n], starts[hit], ends[hit]]))
    passed = np.flatnonzero(hit)
    last_hit = passed[np.clip(np.searchsorted(passed, corners) - 1, 0, None)]
    is_hit = (corners > 0) & (ends[last_hit] == corners) & np.isin(corners, ends[hit])
    told = pl.Series(is_hit)
    return pl.DataFrame(
        {
            "position": corners,
            "running_score": np.where(corners == n, 0.0, curve[corners]),
            "hgnc_symbol": listed["hgnc_symbol"].gather(last_hit),
            "ranking_metric": metric[last_hit],
        },
        schema=RUNNING_SUM_SCHEMA,
    ).with_columns(pl.when(told).then(pl.col("hgnc_symbol", "ranking_metric")))


def _checked_ranks(ranks: pl.DataFrame) -> pl.DataFrame:
    needed = ("contrast_id", "hgnc_symbol", "ranking_metric")
    missing = [column for column in needed if column not in ranks.columns]
    if missing:
        raise DataFault(
            f"column {missing[0]} is missing",
            subject="ranked list",
            expected=", ".join(needed),
            remedy="Name the columns so.",
        )
    listed = (
        ranks.select(pl.col("contrast_id", "hgnc_symbol").cast(pl.String), pl.col("ranking_metric").cast(pl.Float64))
        .with_columns(pl.col("ranking_metric").fill_nan(None))
        .drop_nulls()
    )
    repeated = listed.filter(listed.select("contrast_id", "hgnc_symbol").is_duplicated())
    infinite = listed.filter(pl.col("ranking_metric").is_infinite())
    for rows, problem, remedy in (
        (repeated, "the gene stands twice in the ranking", "Choose one row per gene first."),
        (infinite, "the ranking metric is infinite", "Rank by a finite statistic, such as a moderated t."),
    ):
        if rows.height:
            raise DataFault(
                problem,
                subject=f"ranked list {rows['contrast_id'][0]}",
                place=f"gene {rows['hgnc_symbol'][0]}",
                remedy=remedy,
            )
    return listed


def _ranked(listed: pl.DataFrame) -> pl.DataFrame:
    return listed.sort(["ranking_metric", "hgnc_symbol"], descending=[True, False])


def _blocks(metric: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64], bool]:
    """First position of each gene's group of ties, the position after its last, and whether there is any tie."""
    n = metric.size
    new = np.flatnonzero(np.concatenate([[True], metric[1:] != metric[:-1]])) if n else np.empty(0, dtype=np.int64)
    lengths = np.diff(np.append(new, n))
    return np.repeat(new, lengths), np.repeat(new + lengths, lengths), new.size < n


class _Tail(NamedTuple):
    p_value: NDArray[np.float64]
    log2_error: NDArray[np.float64]
    method: NDArray[np.str_]


def _score_contrast(
    contrast_id: str,
    listed: pl.DataFrame,
    names: pl.Series,
    layout: SetLayout,
    weight: float,
    min_set_size: int,
    max_set_size: int,
    permutations: int,
    seed: int,
    p_value_floor: float,
) -> pl.DataFrame:
    from resistance_assets.science.enrichment.kernels.gsea import more_extreme, null_scores, observed_scores

    listed = _ranked(listed)
    metric = listed["ranking_metric"].to_numpy()
    n = metric.size
    place = np.full(names.len(), -1, dtype=np.int64)
    place[names.search_sorted(listed["hgnc_symbol"]).to_numpy()] = np.arange(n)

    set_of = np.repeat(np.arange(layout.terms.height), np.diff(layout.offsets))
    positions = place[layout.genes]
    size = np.bincount(set_of[positions >= 0], minlength=layout.terms.height)
    tested = (size >= max(1, min_set_size)) & (size <= min(max_set_size, n - 1))
    if not tested.any():
        return pl.DataFrame(schema=GSEA_SCHEMA)
    kept = (positions >= 0) & tested[set_of]
    members = np.sort(set_of[kept] * n + positions[kept]) % n
    at_set = np.flatnonzero(tested)
    size = size[tested].astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(size)])

    weights = np.abs(metric) ** weight
    starts, ends, tied = _blocks(metric)
    score, hits = observed_scores(offsets, members, weights, starts, ends)
    sizes, sizes_at = np.unique(size, return_inverse=True)
    null = null_scores(sizes, permutations, seed, weights, starts, ends, tied, 64)
    ordered = np.sort(null, axis=1)
    beyond, same_sign = more_extreme(ordered, score, sizes_at)

    zero = np.array([np.searchsorted(row, 0.0) for row in ordered])
    up = np.array(
        [row[z:].mean(dtype=np.float64) if z < row.size else np.nan for row, z in zip(ordered, zero, strict=True)]
    )
    down = np.array([row[:z].mean(dtype=np.float64) if z else np.nan for row, z in zip(ordered, zero, strict=True)])
    with np.errstate(divide="ignore", invalid="ignore"):
        normalised = np.where(score >= 0, score / up[sizes_at], -score / down[sizes_at])
    tail = _tail(
        score, size, sizes_at, beyond, same_sign, null, weights, starts, ends, tied, int(sizes[-1]), seed, p_value_floor
    )

    q = np.empty(score.size)
    q_gsea = np.empty(score.size)
    family = layout.collection_of_set[at_set]
    for number in np.unique(family):
        mine = family == number
        q[mine] = adjust_bh(tail.p_value[mine])
        q_gsea[mine] = _tail_share_ratio(normalised[mine], sizes_at[mine], ordered, up, down)

    edges, edge_size = _leading_edges(listed["hgnc_symbol"], offsets, members, score, hits)
    frame = layout.terms[at_set].select(
        pl.lit(contrast_id).alias("contrast_id"),
        "collection",
        "term_id",
        "term",
        pl.Series("set_size", size),
        # A running sum over the whole set may round to a hair beyond one.
        pl.Series("enrichment_score", np.clip(score, -1.0, 1.0)),
        pl.Series("normalised_enrichment_score", normalised, nan_to_null=True),
        pl.Series("p_value", tail.p_value),
        pl.Series("p_value_method", tail.method),
        pl.Series("p_value_log2_error", tail.log2_error),
        pl.Series("q_value_bh", q),
        pl.Series("q_value_gsea", q_gsea, nan_to_null=True),
        pl.lit(permutations, dtype=pl.Int64).alias("permutations"),
        pl.lit(seed, dtype=pl.Int64).alias("seed"),
        pl.Series("leading_edge_size", edge_size),
        edges.alias("leading_edge_genes"),
    )
    return frame.select(*GSEA_SCHEMA).sort("collection", "p_value", "term_id")


def _tail(
    score: NDArray[np.float64],
    size: NDArray[np.int64],
    sizes_at: NDArray[np.intp],
    beyond: NDArray[np.int64],
    same_sign: NDArray[np.int64],
    null: NDArray[np.float32],
    weights: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    tied: bool,
    largest: int,
    seed: int,
    p_value_floor: float,
) -> _Tail:
    """p-values by counting, continued by splitting where too few null scores lie beyond."""
    from scipy.special import digamma, polygamma

    from resistance_assets.science.enrichment.kernels.gsea import tail_probabilities

    p = (beyond + 1) / (same_sign + 1)
    error = np.sqrt(np.maximum(0.0, polygamma(1, beyond + 1) - polygamma(1, same_sign + 2))) / math.log(2)
    method = np.full(score.size, "permutation", dtype="<U26")
    s = _SPLITTING_SAMPLE
    # Where random sets hardly ever have the sign, as in a ranking without negative values, the sign is the finding.
    rare = same_sign < s
    p[rare] = np.minimum(1.0, 2 * (beyond[rare] + 1) / (null.shape[1] + 1))
    method[rare] = "permutation_both_signs"
    few = (beyond < _FEWEST_BEYOND) & ~rare & (np.abs(score) > 0)
    if not few.any() or p_value_floor >= 1 / null.shape[1]:
        return _Tail(p, error, method)

    rows = np.flatnonzero(few)
    rows = rows[np.lexsort((np.abs(score[rows]), score[rows] < 0, size[rows]))]
    job_key = size[rows] * 2 + (score[rows] < 0)
    first = np.flatnonzero(np.concatenate([[True], job_key[1:] != job_key[:-1]]))
    # Large sets cost most: dealing jobs out alternately keeps the threads evenly busy.
    half = (first.size + 1) // 2
    deal = np.argsort(np.concatenate([np.arange(half) * 2, np.arange(first.size - half) * 2 + 1])[: first.size])
    bounds = np.append(first, rows.size)
    dealt = [rows[bounds[job] : bounds[job + 1]] for job in deal]
    rows = np.concatenate(dealt)
    lead = np.array([job[0] for job in dealt])
    downwards = score[lead] < 0
    best = np.empty((lead.size, s), dtype=np.int64)
    for job, row in enumerate(lead):
        heights = -null[sizes_at[row]] if downwards[job] else null[sizes_at[row]]
        best[job] = np.sort(np.argpartition(heights, heights.size - s)[-s:])
    table = np.arange(1, s + 2)
    log_p, variance, reached = tail_probabilities(
        size[lead],
        np.concatenate([[0], np.cumsum([job.size for job in dealt])]),
        np.abs(score[rows]),
        best,
        digamma(s) - digamma(same_sign[lead] + 1),
        polygamma(1, s) - polygamma(1, same_sign[lead] + 1),
        math.log(p_value_floor),
        _EXCHANGES,
        seed,
        largest,
        downwards,
        weights,
        starts,
        ends,
        tied,
        np.concatenate([[np.nan], digamma(table)]),
        np.concatenate([[np.nan], polygamma(1, table)]),
    )
    p[rows] = np.exp(log_p)
    error[rows] = np.sqrt(variance) / math.log(2)
    method[rows] = np.where(reached, "multilevel_splitting", "multilevel_splitting_bound")
    return _Tail(p, error, method)


def _tail_share_ratio(
    normalised: NDArray[np.float64],
    sizes_at: NDArray[np.intp],
    ordered: NDArray[np.float32],
    up: NDArray[np.float64],
    down: NDArray[np.float64],
) -> NDArray[np.float64]:
    """GSEA's false discovery rate: share of null over share of observed normalised scores beyond, side by side."""
    from resistance_assets.science.enrichment.kernels.gsea import null_fractions

    q = np.full(normalised.size, np.nan)
    known = np.flatnonzero(~np.isnan(normalised))
    if known.size == 0:
        return q
    order = known[np.argsort(normalised[known], kind="stable")]
    values = normalised[order]
    weight = np.bincount(sizes_at, minlength=ordered.shape[0]).astype(np.float64)
    above, below, ups, downs = null_fractions(ordered, up, down, values, weight)
    positive = values >= 0
    beyond = np.where(
        positive,
        values.size - np.searchsorted(values, values, side="left"),
        np.searchsorted(values, values, side="right"),
    )
    sides = np.where(positive, positive.sum(), (~positive).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        share_of_null = np.where(positive, above / ups, below / downs)
    q[order] = np.minimum(1.0, share_of_null / (beyond / sides))
    return q


def _leading_edges(
    names: pl.Series,
    offsets: NDArray[np.int64],
    members: NDArray[np.int64],
    score: NDArray[np.float64],
    hits: NDArray[np.int64],
) -> tuple[pl.Series, NDArray[np.int64]]:
    size = np.diff(offsets)
    edge_size = np.where(score >= 0, hits, size - hits)
    within = np.arange(members.size) - np.repeat(offsets[:-1], size)
    up = np.repeat(score >= 0, size)
    # From the bottom of the list upwards where the score is negative: the most extreme gene comes first.
    from_end = np.repeat(offsets[1:], size) - 1 - within
    ordered = np.where(up, members, members[from_end])
    kept = within < np.repeat(edge_size, size)
    ends = np.concatenate([[0], np.cumsum(edge_size)])
    nested = pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), names.gather(ordered[kept]).to_arrow())
    joined = pl.from_arrow(nested)
    assert isinstance(joined, pl.Series)
    return joined.list.join(","), edge_size
