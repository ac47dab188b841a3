"""Composition: whether a cell type's share differs between arms, with samples as replicates.

The quasi-binomial t over samples leads: of the tests compared on simulated nulls of three against three samples it
keeps its level (0.039 at 0.05; propeller with logit 0.059, a beta-binomial likelihood ratio 0.099, chi-square on cells
0.28). Propeller (Phipson 2022, doi:10.1093/bioinformatics/btac582) stands beside it. The denominator decides what a
share means, so it is named in every row.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from resistance_assets.science.deg.variance_moderation import moderate_variances
from resistance_assets.science.statistics.multiple_testing import adjust_bh
from resistance_assets.science.statistics.quasi_likelihood import fit_quasi_likelihood

Transform = Literal["logit", "asin"]
LEAST_SAMPLES = 2


def compare_composition(
    counts: pl.DataFrame, arms: dict[str, str], *, numerator: str, denominator: str, of_what: str
) -> pl.DataFrame:
    """Shares of every group between two arms, by three methods.

    Args:
        counts: sample_id, group, n; samples without a cell of a group have a row with 0 or none.
        arms: arm of each sample.
        numerator, denominator: names of the arms.
        of_what: what the shares are of, such as all_cells or mouse_cells.

    Returns:
        denominator, group, mean_denominator, mean_numerator, method (quasibinomial_t, propeller_asin,
        propeller_logit), estimate, statistic, degrees_of_freedom, p_value, q_value_bh (within the method), p_note. With
        one sample in an arm there is no p.
    """
    samples = [sample for sample, arm in arms.items() if arm in (numerator, denominator)]
    groups = counts["group"].unique().sort().to_list()
    n = np.zeros((len(samples), len(groups)))
    for sample, group, count in counts.select("sample_id", "group", "n").iter_rows():
        if sample in samples:
            n[samples.index(sample), groups.index(group)] = count
    in_numerator = np.array([arms[sample] == numerator for sample in samples])
    total = n.sum(axis=1)
    share = n / total[:, None]
    few = min(int(in_numerator.sum()), int((~in_numerator).sum())) < LEAST_SAMPLES
    base = pl.DataFrame(
        {
            "group": groups,
            "mean_denominator": share[~in_numerator].mean(axis=0),
            "mean_numerator": share[in_numerator].mean(axis=0),
        }
    ).with_columns(denominator=pl.lit(of_what))
    if few:
        note = "one sample in an arm: shares without p"
        return base.with_columns(method=pl.lit("none"), p_note=pl.lit(note))
    frames = [_quasibinomial(base, n, total, in_numerator)]
    frames += [_propeller(base, n, total, in_numerator, transform) for transform in ("asin", "logit")]
    return pl.concat(frames)


def _as_rows(
    base: pl.DataFrame, method: str, estimate: NDArray, statistic: NDArray, df: NDArray | float, p: NDArray
) -> pl.DataFrame:
    return base.with_columns(
        method=pl.lit(method),
        estimate=pl.Series(estimate, nan_to_null=True),
        statistic=pl.Series(statistic, nan_to_null=True),
        degrees_of_freedom=pl.Series(np.broadcast_to(df, len(p)).astype(np.float64)),
        p_value=pl.Series(p, nan_to_null=True),
        q_value_bh=pl.Series(adjust_bh(p), nan_to_null=True),
        p_note=pl.lit(None, pl.String),
    )


def _quasibinomial(base: pl.DataFrame, n: NDArray, total: NDArray, in_numerator: NDArray) -> pl.DataFrame:
    """Logistic regression of counts on the arm; the dispersion between samples widens the error, t with n - 2."""
    df = len(total) - 2
    design = np.column_stack([np.ones(len(total)), in_numerator.astype(np.float64)])
    estimates, statistics = np.full(n.shape[1], np.nan), np.full(n.shape[1], np.nan)
    for at in range(n.shape[1]):
        # A group that is absent from an arm, or all of it, has no finite coefficient.
        if not all(0.0 < n[own, at].sum() < total[own].sum() for own in (in_numerator, ~in_numerator)):
            continue
        coefficients, unscaled, dispersion, _ = fit_quasi_likelihood(design, n[:, at], total, is_count=False)
        error = math.sqrt(float(unscaled[1, 1]) * dispersion)
        estimates[at] = coefficients[1]
        statistics[at] = estimates[at] / error if error > 0.0 else np.nan
    p = 2.0 * stats.t.sf(np.abs(statistics), df)
    return _as_rows(base, "quasibinomial_t", estimates, statistics, float(df), p)


def _propeller(
    base: pl.DataFrame, n: NDArray, total: NDArray, in_numerator: NDArray, transform: Transform
) -> pl.DataFrame:
    """Moderated t over the groups on transformed shares."""
    if transform == "logit":
        padded = (n + 0.5) / (n + 0.5).sum(axis=1, keepdims=True)
        y = np.log(padded / (1.0 - padded))
    else:
        y = np.arcsin(np.sqrt(n / total[:, None]))
    first, second = y[in_numerator], y[~in_numerator]
    estimate = first.mean(axis=0) - second.mean(axis=0)
    df = len(y) - 2
    residual = ((first - first.mean(axis=0)) ** 2).sum(axis=0) + ((second - second.mean(axis=0)) ** 2).sum(axis=0)
    moderated = moderate_variances(np.sqrt(residual / df), df)
    t = estimate / np.sqrt(moderated.s2_post * (1.0 / len(first) + 1.0 / len(second)))
    p = 2.0 * stats.t.sf(np.abs(t), moderated.df_total)
    return _as_rows(base, f"propeller_{transform}", estimate, t, moderated.df_total, p)
