"""Principal components of a study's samples, and what they go with: batch effects and confounding at a glance.

Here belong the components, their share of the variance and their association with the columns of the sample sheet.
Adjusting for a column belongs in the designs of `deg`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.science.deg.designs import SAMPLE_COLUMN, Contrast, tell_covariate_kind

N_COMPONENTS = 5
# The genes that vary most carry the structure; DESeq2's plotPCA takes as many.
N_GENES = 500

COMPONENTS_SCHEMA = {
    "component": pl.Int64,
    "share_of_variance": pl.Float64,
    "attribute_id": pl.String,
    "attribute_kind": pl.String,
    "is_factor": pl.Boolean,
    "n_samples": pl.Int64,
    "n_values": pl.Int64,
    "r_squared": pl.Float64,
    "p_value": pl.Float64,
    "confounding": pl.String,
}


def principal_components(expression: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores of the samples and shares of the variance, of the 500 genes that vary most; genes with a gap are left out.

    Args:
        expression: (genes, samples), log scale.

    Returns:
        Scores (samples, k) and shares (k,), k at most 5 and below the number of samples.
    """
    complete = expression[~np.isnan(expression).any(axis=1)]
    centred = complete - complete.mean(axis=1, keepdims=True)
    chosen = np.argsort(-(centred**2).sum(axis=1), kind="stable")[:N_GENES]
    _, values, right = np.linalg.svd(centred[chosen], full_matrices=False)
    k = min(N_COMPONENTS, max(len(values) - 1, 0))
    total = float((values**2).sum())
    if not total:
        return np.empty((expression.shape[1], 0)), np.empty(0)
    return (right[:k] * values[:k, None]).T, values[:k] ** 2 / total


def associate_components(
    expression: NDArray[np.float64], sample_ids: Sequence[str], samples: pl.DataFrame, factors: Sequence[str]
) -> pl.DataFrame:
    """Association of the first five components with every column of the sample sheet.

    For categories eta squared, the share of the component's variance between them, with the F test of a one-way
    analysis of variance; for measurements R squared with the F test of a line. What is a measurement is told as in
    designs (`designs.tell_covariate_kind`). A column with a value of its own for every sample has no test.

    Args:
        expression: (genes, samples), log scale, NaN missing. sample_ids: (samples,).
        samples: `sample_id` and one column per factor or covariate.
        factors: columns that a contrast of the study compares.

    Returns:
        Columns of `COMPONENTS_SCHEMA`, one row per component and column. `confounding`: how the column is tied to a
        factor, null where it is not.
    """
    scores, shares = principal_components(expression)
    sheet = pl.DataFrame({SAMPLE_COLUMN: list(sample_ids)}).join(
        samples, on=SAMPLE_COLUMN, how="left", maintain_order="left"
    )
    plain = Contrast("principal components", "", "", "")
    rows = []
    for name in (column for column in sheet.columns if column != SAMPLE_COLUMN):
        column = sheet[name]
        known = column.is_not_null().to_numpy()
        if not known.any():
            continue
        present = column.filter(pl.Series(known))
        is_measurement = tell_covariate_kind(present, name, plain)[0]
        values = present.cast(pl.Float64).to_numpy() if is_measurement else present.cast(pl.String).to_numpy()
        tied = "; ".join(filter(None, (describe_confounding(sheet, name, factor) for factor in factors))) or None
        for at, share in enumerate(shares):
            explained, p = explain_variance(scores[known, at], values, is_measurement)
            rows.append(
                (at + 1, share, name, "continuous" if is_measurement else "categorical", name in factors,
                 int(known.sum()), present.n_unique(), explained, p, tied)
            )  # fmt: skip
    return pl.DataFrame(rows, schema=COMPONENTS_SCHEMA, orient="row").sort("component", "attribute_id")


def explain_variance(
    scores: NDArray[np.float64], values: NDArray[np.object_] | NDArray[np.float64], is_measurement: bool
) -> tuple[float | None, float | None]:
    """R squared of a line, or eta squared of categories, and p of its F test; None where there is nothing to test."""
    from scipy.stats import f as fisher

    n = len(scores)
    if is_measurement:
        design = np.column_stack([np.ones(n), values.astype(np.float64)])
    else:
        levels = np.unique(values)
        design = (values[:, None] == levels[None, :]).astype(np.float64)
    df = design.shape[1] - 1
    total = float(((scores - scores.mean()) ** 2).sum())
    if df < 1 or n - df - 1 < 1 or total == 0:
        return None, None
    residual = float(((scores - design @ np.linalg.lstsq(design, scores, rcond=None)[0]) ** 2).sum())
    explained = float(np.clip(1 - residual / total, 0.0, 1.0))
    statistic = np.inf if explained == 1 else explained / df / ((1 - explained) / (n - df - 1))
    return explained, float(fisher.sf(statistic, df, n - df - 1))


def describe_confounding(samples: pl.DataFrame, column: str, factor: str) -> str | None:
    """How a column of the sample sheet is tied to a factor, in one line, or None where they cross."""
    if column == factor or factor not in samples.columns:
        return None
    pairs = samples.select(pl.col(column, factor).cast(pl.String)).drop_nulls()
    n_samples, n_pairs = pairs.height, pairs.unique().height
    n_values, n_levels = pairs[column].n_unique(), pairs[factor].n_unique()
    if n_values < 2 or n_levels < 2 or n_values == n_samples:
        return None
    if n_pairs == n_values == n_levels:
        return f"{column} is the same as {factor}: their effects cannot be told apart"
    if n_pairs == n_values:
        return f"{column} lies within {factor}: each of its values has one {factor} only"
    if n_pairs == n_levels:
        return f"{factor} lies within {column}: each of its levels has one {column} only"
    return None
