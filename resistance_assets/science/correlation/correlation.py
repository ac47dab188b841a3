"""Does one gene go with another, and does a gene differ between two groups of patients?

Here belong correlation of target genes with all genes of a cohort (Spearman, Pearson, partial) and the rank-sum test of
all genes between two groups. Survival belongs in `survival.screen`, differential expression from counts in `deg`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.errors import DesignFault
from resistance_assets.science.statistics.multiple_testing import adjust_bh
from resistance_assets.science.statistics.rank_sum import Alternative, rank_sum_rows

CORRELATIONS_SCHEMA = {
    "hgnc_symbol_a": pl.String,
    "hgnc_symbol_b": pl.String,
    "method": pl.String,
    "n": pl.Int64,
    "rho": pl.Float64,
    "statistic_t": pl.Float64,
    "degrees_of_freedom": pl.Int64,
    "p_value": pl.Float64,
    "q_value_bh": pl.Float64,
}

RANK_SUMS_SCHEMA = {
    "hgnc_symbol": pl.String,
    "n_group": pl.Int64,
    "n_rest": pl.Int64,
    "statistic_w": pl.Float64,
    "probability_of_superiority": pl.Float64,
    "p_value": pl.Float64,
    "p_value_method": pl.String,
    "q_value_bh": pl.Float64,
}


def correlate_genes(
    expression: ArrayLike,
    genes: Sequence[str] | pl.Series,
    targets: Sequence[str],
    method: Literal["spearman", "pearson"] = "spearman",
    *,
    covariates: ArrayLike | None = None,
) -> pl.DataFrame:
    """Correlate each target gene with every other gene over the patients that have both.

    Spearman is Pearson on mid-ranks; the p-value is two-sided from t = rho sqrt(df / (1 - rho^2)), df = n - 2, as R's
    `cor.test(exact = FALSE)`, taken as a tail and never as 1 - p. With covariates it is the partial correlation: both
    genes (for Spearman: their ranks, and the covariates' ranks) are freed from a linear model of the covariates first,
    and df = n - 2 - rank of the covariates. Ranks are computed once if nothing is missing, else per pair.

    Args:
        expression: (genes, patients), any scale, NaN missing.
        genes: their symbols, distinct.
        targets: genes to correlate with all others.
        method: "spearman" or "pearson".
        covariates: (patients, k) numbers, NaN missing; patients that lack one are left out.

    Returns:
        One row per target and other gene, targets in the order given, genes in the order of the matrix:
        `hgnc_symbol_a` (target), `hgnc_symbol_b`, `method`, `n` (patients), `rho`, `statistic_t`,
        `degrees_of_freedom`, `p_value`, `q_value_bh` (family: one target x method; the pair of a gene with itself is
        in neither). A gene without variation, or fewer than one degree of freedom, gives nulls; a perfect correlation
        gives a null `statistic_t` and p = 0.

    Raises:
        DesignFault: a target is not among the genes.
    """
    x = np.ascontiguousarray(np.asarray(expression, dtype=np.float64))
    names = list(genes)
    if method not in ("spearman", "pearson"):
        raise ValueError(f"method must be spearman or pearson, got {method!r}")
    if x.ndim != 2 or x.shape[0] != len(names):
        raise ValueError(f"expression must be (genes, patients) with {len(names)} genes, got shape {x.shape}")
    row_of = {name: row for row, name in enumerate(names)}
    if len(row_of) != len(names):
        raise ValueError("gene symbols must be distinct")
    absent = [target for target in targets if target not in row_of]
    if absent:
        raise DesignFault(
            f"target gene {absent[0]} is not in the matrix",
            subject="gene correlation",
            remedy="Drop it from the genes of interest, or check its symbol.",
        )
    if not np.all(np.isfinite(x) | np.isnan(x)):
        raise ValueError("expression must be finite or NaN")

    z: NDArray[np.float64] | None = None
    if covariates is not None:
        z = np.asarray(covariates, dtype=np.float64)
        z = z[:, None] if z.ndim == 1 else z
        if z.shape[0] != x.shape[1]:
            raise ValueError(f"covariates must have {x.shape[1]} rows, one per patient, got {z.shape[0]}")
        known = ~np.isnan(z).any(axis=1)
        x, z = np.ascontiguousarray(x[:, known]), z[known]

    whole: NDArray[np.bool_] = np.logical_not(np.isnan(x).any(axis=1))
    scores, freedom = _standard_scores(x[whole], z, method)
    where = np.full(x.shape[0], -1)
    where[whole] = np.arange(np.count_nonzero(whole))
    frames = []
    for target in targets:
        a = row_of[target]
        rho = np.full(x.shape[0], np.nan)
        n = np.full(x.shape[0], x.shape[1], dtype=np.int64)
        df = np.full(x.shape[0], freedom, dtype=np.int64)
        if whole[a]:
            rho[whole] = scores @ scores[where[a]]
        for b in np.flatnonzero(~whole) if whole[a] else range(x.shape[0]):
            both = ~(np.isnan(x[a]) | np.isnan(x[b]))
            n[b] = np.count_nonzero(both)
            pair, df[b] = _standard_scores(x[[a, b]][:, both], None if z is None else z[both], method)
            rho[b] = pair[0] @ pair[1]
        frames.append(_correlation_frame(target, names, method, rho, n, df, a))
    return pl.concat(frames) if frames else pl.DataFrame(schema=CORRELATIONS_SCHEMA)


def _standard_scores(
    x: NDArray[np.float64], covariates: NDArray[np.float64] | None, method: str
) -> tuple[NDArray[np.float64], int]:
    """Rows of mean 0 and length 1 whose inner products are the correlations, and their degrees of freedom."""
    n = x.shape[1]
    y = _mid_ranks(x) if method == "spearman" else x
    y = y - y.mean(axis=1, keepdims=True) if n else y
    size = np.sqrt((y * y).sum(axis=1))
    used = 0
    if covariates is not None and n:
        c = _mid_ranks(np.ascontiguousarray(covariates.T)).T if method == "spearman" else covariates
        c = c - c.mean(axis=0)
        left, values, _ = np.linalg.svd(c, full_matrices=False)
        basis = left[:, values > 1e-10 * max(1.0, values.max(initial=0.0))]
        used = basis.shape[1]
        y = y - (y @ basis) @ basis.T
    length = np.sqrt((y * y).sum(axis=1, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        # What a covariate explains to rounding error, or a constant, has no direction left to correlate.
        scores = np.where((length > 1e-12 * size[:, None]) & (length > 0), y / length, np.nan)
    return scores, max(0, n - 2 - used)


def _correlation_frame(
    target: str,
    names: list[str],
    method: str,
    rho: NDArray[np.float64],
    n: NDArray[np.int64],
    df: NDArray[np.int64],
    itself: int,
) -> pl.DataFrame:
    from scipy.special import stdtr

    rho = np.where(df >= 1, np.clip(rho, -1.0, 1.0), np.nan)
    # Products of unit vectors reach 1 only to rounding error.
    rho = np.where(np.abs(rho) > 1 - 4e-16, np.sign(rho), rho)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = rho * np.sqrt(df / ((1 - rho) * (1 + rho)))
    p = np.where(np.isnan(t), np.nan, np.minimum(1.0, 2 * stdtr(np.maximum(df, 1).astype(np.float64), -np.abs(t))))
    other = np.arange(len(names)) != itself
    return pl.DataFrame(
        {
            "hgnc_symbol_a": pl.repeat(target, int(other.sum()), eager=True),
            "hgnc_symbol_b": pl.Series(names, dtype=pl.String).filter(pl.Series(other)),
            "method": pl.repeat(method, int(other.sum()), eager=True),
            "n": n[other],
            "rho": pl.Series(rho[other], nan_to_null=True),
            "statistic_t": pl.Series(np.where(np.isfinite(t), t, np.nan)[other], nan_to_null=True),
            "degrees_of_freedom": df[other],
            "p_value": pl.Series(p[other], nan_to_null=True),
            "q_value_bh": pl.Series(adjust_bh(p[other]), nan_to_null=True),
        },
        schema=CORRELATIONS_SCHEMA,
    )


def compare_groups_rank_sum(
    expression: ArrayLike,
    genes: Sequence[str] | pl.Series,
    in_group: ArrayLike,
    *,
    alternative: Alternative = "two-sided",
    continuity_correction: bool = True,
    exact: bool | None = None,
) -> pl.DataFrame:
    """Wilcoxon rank-sum (Mann-Whitney) test of one group against the rest, all genes at once.

    Args:
        expression: (genes, patients), any scale, NaN missing (left out gene by gene).
        genes: their symbols.
        in_group: (patients,) True for the group, False for the rest.
        alternative: "greater" asks whether the group tends to higher values.
        continuity_correction: of the normal approximation, by half a rank.
        exact: None as R's `wilcox.test`: the exact distribution where both groups have fewer than 50 values and none
            are tied, else the normal approximation with tie correction; True wherever nothing is tied; False never.

    Returns:
        One row per gene in the order given: `hgnc_symbol`, `n_group`, `n_rest`, `statistic_w` (pairs in which the
        group is higher, ties half: R's W of the group), `probability_of_superiority` (W / pairs, the area under the
        ROC curve), `p_value`, `p_value_method` ("exact", "normal_approximation"; null with a null p-value where a
        group is empty or all values are equal), `q_value_bh` (family: this call).
    """
    x = np.ascontiguousarray(np.asarray(expression, dtype=np.float64))
    names = list(genes)
    group = np.asarray(in_group, dtype=bool)
    if x.ndim != 2 or x.shape[0] != len(names) or group.shape != (x.shape[1],):
        raise ValueError(f"expression {x.shape} does not fit {len(names)} genes and {group.size} patients")
    found = rank_sum_rows(x, group, alternative=alternative, continuity_correction=continuity_correction, exact=exact)
    pairs = found.n_first.astype(np.float64) * found.n_second
    method = np.where(found.is_exact, "exact", "normal_approximation")
    return pl.DataFrame(
        {
            "hgnc_symbol": pl.Series(names, dtype=pl.String),
            "n_group": found.n_first,
            "n_rest": found.n_second,
            "statistic_w": found.w,
            "probability_of_superiority": np.divide(found.w, pairs, where=pairs > 0, out=np.full(pairs.shape, np.nan)),
            "p_value": found.p_value,
            "p_value_method": method,
            "q_value_bh": adjust_bh(found.p_value),
        },
        schema=RANK_SUMS_SCHEMA,
    ).with_columns(
        pl.col(pl.Float64).fill_nan(None),
        p_value_method=pl.when(pl.Series(~np.isnan(found.p_value))).then(pl.col("p_value_method")),
    )


def _mid_ranks(x: NDArray[np.float64]) -> NDArray[np.float64]:
    from resistance_assets.science.statistics.kernels.ranks import rank_rows

    return rank_rows(x, np.argsort(x, axis=1))[0]
