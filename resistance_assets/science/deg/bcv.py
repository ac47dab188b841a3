"""Sensitivity to an assumed biological coefficient of variation, where there are no replicates: never evidence.

Here belong how many interactions and how many fold changes noise of a given size would call. Tests on replicates belong
in `interaction` and in the modules of the methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from resistance_assets.science.deg.designs import count_matrix
from resistance_assets.science.deg.fold_change import passes_fold_change
from resistance_assets.science.deg.interaction import EFFECT_WEIGHTS, Interaction, average_by_arm, group_samples
from resistance_assets.science.expression.normalisation import effective_library_sizes, log2_cpm
from resistance_assets.science.statistics.multiple_testing import adjust_bh


def interaction_bcv_sensitivity(
    counts: pl.DataFrame,
    samples: pl.DataFrame,
    interaction: Interaction,
    bcvs: Sequence[float] = (0.1, 0.2, 0.3, 0.4),
    fdr: float = 0.05,
    normalisation: Literal["tmm", "none"] = "tmm",
) -> pl.DataFrame:
    """Sensitivity analysis: how many interactions an assumed biological coefficient of variation calls; never evidence.

    The variance of a log rate is taken as (1 / count + bcv^2) / samples, with a prior count of 2, and the sum over the
    four arms as normal. Genes of zeros only are left out.

    Returns:
        One row per bcv: `bcv`, `fdr` (Float64), `genes_tested`, `genes_at_fdr`, `up`, `down` (Int64).
    """
    from scipy.stats import norm

    sample_ids, arm, _ = group_samples(counts, samples, interaction)
    matrix = count_matrix(counts, sample_ids)
    matrix = matrix[matrix.any(axis=1)]
    lib = effective_library_sizes(matrix, normalisation)
    logs = average_by_arm(log2_cpm(matrix, lib), arm)
    effect = logs @ np.array(EFFECT_WEIGHTS["interaction"]) * np.log(2)
    n = np.bincount(arm, minlength=4)
    sampling = average_by_arm(1 / (matrix + 2 * lib / lib.mean()), arm) / n
    rows = []
    for bcv in bcvs:
        z = effect / np.sqrt(sampling.sum(axis=1) + bcv**2 * (1 / n).sum())
        called = adjust_bh(2 * norm.sf(np.abs(z))) < fdr
        up = int((called & (effect > 0)).sum())
        rows.append((float(bcv), fdr, len(matrix), int(called.sum()), up, int(called.sum()) - up))
    kinds = {"bcv": pl.Float64, "fdr": pl.Float64}
    whole = dict.fromkeys(("genes_tested", "genes_at_fdr", "up", "down"), pl.Int64)
    return pl.DataFrame(rows, orient="row", schema={**kinds, **whole})


def noise_fold_change_null(
    mean_counts: ArrayLike,
    bcvs: Sequence[float] = (0.1, 0.2, 0.3, 0.4),
    fold_change: float = 2.0,
    floor_count: float = 0.0,
    n_simulations: int = 20,
    seed: int = 20190205,
) -> pl.DataFrame:
    """How many genes pass a fold-change rule between two samples that do not differ.

    Both samples are drawn from one negative binomial per gene with the given mean and dispersion bcv^2; a gene passes
    with a ratio above `fold_change` either way, if the second sample reaches `floor_count`.

    Args:
        mean_counts: (genes,), expected counts.
        bcvs: biological coefficients of variation.
        fold_change: strict threshold of the ratio.
        floor_count: floor in counts.
        n_simulations: pairs drawn per bcv.
        seed: of the random numbers.

    Returns:
        One row per bcv: `bcv` (Float64), `genes` (Int64), `fold_change` (Float64), `expected_genes`, `sd_genes`
        (Float64: mean and standard deviation over simulations), `simulations` (Int64).
    """
    mean = np.asarray(mean_counts, dtype=np.float64)
    rows = []
    for bcv in bcvs:
        rng = np.random.default_rng([seed, round(bcv * 1000)])
        passed = np.empty(n_simulations)
        for i in range(n_simulations):
            # A negative binomial is a Poisson whose rate varies like a gamma with coefficient of variation bcv.
            a, b = (rng.poisson(mean * (rng.gamma(1 / bcv**2, bcv**2, mean.size) if bcv > 0 else 1)) for _ in range(2))
            passed[i] = passes_fold_change(a, b, fold_change, floor_count).sum()
        spread = float(passed.std(ddof=1)) if n_simulations > 1 else None
        rows.append((float(bcv), mean.size, float(fold_change), float(passed.mean()), spread, n_simulations))
    schema = {"bcv": pl.Float64, "genes": pl.Int64, "fold_change": pl.Float64, "expected_genes": pl.Float64}
    return pl.DataFrame(rows, orient="row", schema={**schema, "sd_genes": pl.Float64, "simulations": pl.Int64})
