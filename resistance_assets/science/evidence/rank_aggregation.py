"""Which genes change again and again, in one direction, in models that resist one class of drug?

Here belongs the aggregation of differential expression over contrasts and studies. Testing single contrasts belongs in
`deg`, and what a gene means for patients in `survival.screen`; a page that sets them side by side is made in SQL.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.errors import DataFault
from resistance_assets.science.statistics.multiple_testing import adjust_bh

EFFECTS_COLUMNS = (
    "study_id",
    "contrast_id",
    "hgnc_symbol",
    "drug_class",
    "log2_fold_change",
    "p_value",
    "evidence_kind",
    "weight",
)

AGGREGATED_SCHEMA = {
    "drug_class": pl.String,
    "hgnc_symbol": pl.String,
    "direction": pl.String,
    "score": pl.Float64,
    "n_contrasts": pl.Int64,
    "n_contrasts_same_direction": pl.Int64,
    "n_studies": pl.Int64,
    "p_value_permutation": pl.Float64,
    "q_value_bh": pl.Float64,
    "rank": pl.Int64,
    "rank_min_leave_one_out": pl.Int64,
    "rank_max_leave_one_out": pl.Int64,
    "permutations": pl.Int64,
    "seed": pl.Int64,
}


def rank_aggregate(effects: pl.DataFrame, *, permutations: int = 1_000_000, seed: int = 20_240_501) -> pl.DataFrame:
    """Aggregate signed ranks over the contrasts of each drug class, every study counting once.

    For gene g in contrast c with n_c tested genes, ordered by strength of evidence (p-value, then |log2 fold change|;
    in an `effect_only` contrast |log2 fold change| alone; mid-ranks for ties, the weakest has rank 1):

        r_gc  = sign(log2 fold change) x (rank - 1/2) / n_c                       in (-1, 1)
        u_gs  = sum over contrasts c of study s of w_c r_gc / sum of w_c          r = 0 where the gene was not tested
        score = sum over studies s of the class of W_s u_gs / sum of W_s          W_s = mean w_c, u = 0 likewise

    Ranks make studies of unlike size and technique comparable. Contrasts of a study share its control samples, so
    they are averaged before studies are. A gene that a study did not test gets nothing from it: one splendid result out
    of five studies stays a fifth of one.

    **p-value.** Null: studies agree by chance alone. Genes are shuffled within each study (its contrasts together,
    since they are not independent), which for one gene is a random draw of u per study that tested it; two-sided,
    (b + 1) / (m + 1). A class with one study has no replication to test: null. Genes of one study are correlated, so
    the p-values of a list are not independent of one another.

    **Stability.** The rank is computed again with each study left out in turn.

    Args:
        effects: `study_id`, `contrast_id`, `hgnc_symbol`, `drug_class`, `log2_fold_change` (resistant over sensitive),
            `p_value` (null for `effect_only`), `evidence_kind` ("inferential" or "effect_only"), `weight` (> 0, one per
            contrast). Rows without fold change, or without p-value in an inferential contrast, count as not tested;
            rows without drug class are left out.
        permutations, seed: of the null.

    Returns:
        One row per drug class and tested gene, strongest first: `drug_class`, `hgnc_symbol`, `direction` ("up", "down",
        "none" for a score of 0), `score` in (-1, 1), `n_contrasts` and `n_studies` that tested the gene,
        `n_contrasts_same_direction` (as the score), `p_value_permutation`, `q_value_bh` (family: drug class), `rank`
        (by |score|, ties share the better one), `rank_min_leave_one_out`, `rank_max_leave_one_out` (null with one
        study), `permutations`, `seed` (null where there is no p-value).

    Raises:
        DataFault: a column is missing, a gene stands twice in a contrast, or a contrast has two weights, classes,
            studies or kinds of evidence, or an unknown kind.
    """
    tested = _checked(effects)
    frames = []
    for (drug_class,), group in tested.group_by(["drug_class"], maintain_order=True):
        frames.append(_aggregate_class(str(drug_class), group, permutations, seed))
    return pl.concat(frames) if frames else pl.DataFrame(schema=AGGREGATED_SCHEMA)


def _checked(effects: pl.DataFrame) -> pl.DataFrame:
    missing = [column for column in EFFECTS_COLUMNS if column not in effects.columns]
    if missing:
        raise DataFault(
            f"column {missing[0]} is missing",
            subject="table of effects",
            expected=", ".join(EFFECTS_COLUMNS),
            remedy="Name the columns so.",
        )
    usable = effects.select(EFFECTS_COLUMNS).filter(pl.col("drug_class").is_not_null())
    usable = usable.with_columns(pl.col("log2_fold_change", "p_value", "weight").cast(pl.Float64).fill_nan(None))

    def refuse(wrong: pl.DataFrame, problem: str, expected: str, place: str | None = None) -> None:
        if wrong.height:
            raise DataFault(
                problem,
                subject=f"contrast {wrong['contrast_id'][0]}",
                place=f"gene {wrong['hgnc_symbol'][0]}" if place else None,
                expected=expected,
                remedy="Correct the table of effects.",
            )

    of_contrast = ["study_id", "drug_class", "evidence_kind", "weight"]
    several = usable.group_by("contrast_id").agg(pl.col(of_contrast).n_unique()).sort("contrast_id")
    for column in of_contrast:
        refuse(several.filter(pl.col(column) > 1), f"it has more than one {column}", "one per contrast")
    refuse(
        usable.filter(~pl.col("evidence_kind").is_in(["inferential", "effect_only"]).fill_null(False)),
        "its kind of evidence is not known",
        "inferential or effect_only",
    )
    refuse(usable.filter(~(pl.col("weight") > 0).fill_null(False)), "its weight is not positive", "a weight above 0")
    refuse(
        usable.filter(usable.select("contrast_id", "hgnc_symbol").is_duplicated()),
        "the gene stands twice",
        "one row per gene",
        place="gene",
    )
    return usable.filter(
        pl.col("log2_fold_change").is_not_null()
        & (pl.col("p_value").is_not_null() | (pl.col("evidence_kind") == "effect_only"))
    ).sort("drug_class", "study_id", "contrast_id", "hgnc_symbol")


def _signed_ranks(contrast: pl.DataFrame) -> NDArray[np.float64]:
    fold = contrast["log2_fold_change"].to_numpy()
    strength = np.abs(fold)
    if contrast["evidence_kind"][0] == "inferential":
        # Dense order of (p descending, |fold| ascending) as one number; equal pairs stay equal.
        pairs = np.column_stack([-contrast["p_value"].to_numpy(), strength])
        strength = np.unique(pairs, axis=0, return_inverse=True)[1].ravel().astype(np.float64)
    ordered = np.sort(strength)
    low = np.searchsorted(ordered, strength, side="left")
    high = np.searchsorted(ordered, strength, side="right")
    return np.sign(fold) * ((low + 1 + high) / 2 - 0.5) / fold.size


def _aggregate_class(drug_class: str, effects: pl.DataFrame, permutations: int, seed: int) -> pl.DataFrame:
    genes = effects["hgnc_symbol"].unique().sort()
    studies = effects["study_id"].unique().sort().to_list()
    u = np.zeros((len(studies), genes.len()))
    seen = np.zeros((len(studies), genes.len()), dtype=bool)
    study_weight = np.zeros(len(studies))
    votes: list[tuple[NDArray[np.intp], NDArray[np.float64]]] = []
    for at, study in enumerate(studies):
        weights = []
        for _, contrast in effects.filter(study_id=study).group_by(["contrast_id"], maintain_order=True):
            rows = genes.search_sorted(contrast["hgnc_symbol"]).to_numpy()
            r = _signed_ranks(contrast)
            weight = float(contrast["weight"][0])
            u[at, rows] += weight * r
            seen[at, rows] = True
            weights.append(weight)
            votes.append((rows, np.sign(r)))
        u[at] /= sum(weights)
        study_weight[at] = sum(weights) / len(weights)

    share = study_weight / study_weight.sum()
    score = share @ u
    # Sums of opposite ranks cancel to rounding error, not to zero.
    score = np.where(np.abs(score) < 1e-12, 0.0, score)
    contrasts = np.zeros(genes.len(), dtype=np.int64)
    agreeing = np.zeros(genes.len(), dtype=np.int64)
    for rows, sign in votes:
        contrasts[rows] += 1
        agreeing[rows] += (sign == np.sign(score[rows])) & (sign != 0)

    replicated = len(studies) > 1
    p = np.full(genes.len(), np.nan)
    rank_min = rank_max = np.full(genes.len(), np.nan)
    if replicated:
        p = _permutation_p_values(drug_class, score, u, seen, share, permutations, seed)
        left_out = np.stack([_ranks_of(np.delete(share, s) @ np.delete(u, s, axis=0)) for s in range(len(studies))])
        rank_min, rank_max = left_out.min(axis=0).astype(float), left_out.max(axis=0).astype(float)
    return (
        pl.DataFrame(
            {
                "drug_class": pl.repeat(drug_class, genes.len(), eager=True),
                "hgnc_symbol": genes,
                "direction": np.array(["down", "none", "up"])[np.sign(score).astype(int) + 1],
                "score": score,
                "n_contrasts": contrasts,
                "n_contrasts_same_direction": agreeing,
                "n_studies": seen.sum(axis=0, dtype=np.int64),
                "p_value_permutation": p,
                "q_value_bh": adjust_bh(p),
                "rank": _ranks_of(score),
                "rank_min_leave_one_out": pl.Series(rank_min, nan_to_null=True).cast(pl.Int64),
                "rank_max_leave_one_out": pl.Series(rank_max, nan_to_null=True).cast(pl.Int64),
                "permutations": pl.Series([permutations if replicated else None] * genes.len(), dtype=pl.Int64),
                "seed": pl.Series([seed if replicated else None] * genes.len(), dtype=pl.Int64),
            },
            schema=AGGREGATED_SCHEMA,
        )
        .with_columns(pl.col("p_value_permutation", "q_value_bh").fill_nan(None))
        .sort("rank", "hgnc_symbol")
    )


def _ranks_of(score: NDArray[np.float64]) -> NDArray[np.int64]:
    """1 for the largest |score|; equal ones (to rounding) share the better rank."""
    strength = np.round(np.abs(score), 12)
    return 1 + score.size - np.searchsorted(np.sort(strength), strength, side="right")


def _permutation_p_values(
    drug_class: str,
    score: NDArray[np.float64],
    u: NDArray[np.float64],
    seen: NDArray[np.bool_],
    share: NDArray[np.float64],
    permutations: int,
    seed: int,
) -> NDArray[np.float64]:
    p = np.empty(score.size)
    patterns, pattern_of = np.unique(seen.T, axis=0, return_inverse=True)
    for at, pattern in enumerate(patterns):
        # A stream of its own per class and pattern: adding a class moves no other p-value.
        generator = np.random.default_rng([seed, crc32(drug_class.encode()), *pattern.astype(int)])
        null = np.zeros(permutations)
        for study in np.flatnonzero(pattern):
            null += share[study] * generator.choice(u[study, seen[study]], permutations)
        null = np.sort(np.abs(null))
        mine = pattern_of.ravel() == at
        beyond = permutations - np.searchsorted(null, np.abs(score[mine]) - 1e-12)
        p[mine] = (beyond + 1) / (permutations + 1)
    return p


CONTRIBUTIONS_SCHEMA = {
    "drug_class": pl.String,
    "study_id": pl.String,
    "contrast_id": pl.String,
    "hgnc_symbol": pl.String,
    "evidence_kind": pl.String,
    "signed_rank": pl.Float64,
    "weight": pl.Float64,
    "study_share": pl.Float64,
    "contribution": pl.Float64,
}


def score_contributions(effects: pl.DataFrame) -> pl.DataFrame:
    """What each contrast adds to each gene's score of `rank_aggregate`, for whoever wants to see how it came about.

    Args:
        effects: as for `rank_aggregate`.

    Returns:
        One row per drug class, contrast and tested gene: `signed_rank` r in (-1, 1), `weight` w of the contrast,
        `study_share` W_s / sum of W_s of its study, and `contribution` = share x w r / sum of the study's w. The
        contributions of a gene sum to its score.

    Raises:
        DataFault: as `rank_aggregate`.
    """
    frames = [pl.DataFrame(schema=CONTRIBUTIONS_SCHEMA)]
    for _, group in _checked(effects).group_by(["drug_class"], maintain_order=True):
        weights = group.select("study_id", "contrast_id", "weight").unique()
        of_study = weights.group_by("study_id").agg(
            pl.col("weight").sum().alias("sum"), pl.col("weight").mean().alias("mean")
        )
        total = of_study["mean"].sum()
        for (study, _contrast), contrast in group.group_by(["study_id", "contrast_id"], maintain_order=True):
            own = of_study.row(by_predicate=pl.col("study_id") == study, named=True)
            share = own["mean"] / total
            frames.append(
                contrast.with_columns(signed_rank=pl.Series(_signed_ranks(contrast)), study_share=pl.lit(share))
                .with_columns(contribution=share * pl.col("weight") * pl.col("signed_rank") / own["sum"])
                .select(list(CONTRIBUTIONS_SCHEMA))
            )
    return pl.concat(frames).sort("drug_class", "contrast_id", "hgnc_symbol")
