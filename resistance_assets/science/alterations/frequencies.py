"""Frequency of an alteration among the patients in whom it was looked for, with an exact interval."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats


def exact_intervals(
    altered: NDArray[np.int64], n: NDArray[np.int64], *, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Clopper and Pearson's intervals of proportions (1934, doi:10.1093/biomet/26.4.404); (0, 1) without patients.

    Returns:
        Lower and upper limits, each of shape (proportions,). Equal pairs are computed once.
    """
    pairs, place = np.unique(np.column_stack([altered, n]), axis=0, return_inverse=True)
    k, size, tail = pairs[:, 0], pairs[:, 1], (1.0 - confidence) / 2.0
    # A share at its end has that end as its limit; the other arguments keep the quantile function defined there.
    lower = np.where(k > 0, stats.beta.ppf(tail, np.maximum(k, 1), np.maximum(size - k + 1, 1)), 0.0)
    upper = np.where(k < size, stats.beta.ppf(1.0 - tail, k + 1, np.maximum(size - k, 1)), 1.0)
    at = place.reshape(-1)
    return lower[at], upper[at]


def alteration_frequencies(altered: pl.DataFrame, profiled: pl.DataFrame) -> pl.DataFrame:
    """Share of patients with each class of alteration per gene.

    Args:
        altered: patient_id, hgnc_symbol, alteration_class; a patient counts once per gene and class.
        profiled: hgnc_symbol, alteration_class, n_profiled: patients in whom that was looked for. A gene that is not
            here was not measured and gets no row: absent is not nought.

    Returns:
        hgnc_symbol, alteration_class, n_altered, n_profiled, frequency, frequency_lower, frequency_upper.
    """
    counts = (
        altered.unique(["patient_id", "hgnc_symbol", "alteration_class"])
        .group_by("hgnc_symbol", "alteration_class")
        .agg(n_altered=pl.len())
    )
    found = profiled.join(counts, on=["hgnc_symbol", "alteration_class"], how="left").with_columns(
        n_altered=pl.col("n_altered").fill_null(0).cast(pl.Int64)
    )
    lower, upper = exact_intervals(found["n_altered"].to_numpy(), found["n_profiled"].cast(pl.Int64).to_numpy())
    return found.with_columns(
        frequency=pl.when(pl.col("n_profiled") > 0).then(pl.col("n_altered") / pl.col("n_profiled")),
        frequency_lower=pl.Series(lower, dtype=pl.Float64),
        frequency_upper=pl.Series(upper, dtype=pl.Float64),
    ).sort("hgnc_symbol", "alteration_class")
