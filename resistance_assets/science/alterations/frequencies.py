"""Frequency of an alteration among the patients in whom it was looked for, with an exact interval."""

from __future__ import annotations

import polars as pl
from scipy import stats


def exact_interval(altered: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's interval of a proportion (1934, doi:10.1093/biomet/26.4.404); (0, 1) without patients."""
    if n == 0:
        return 0.0, 1.0
    tail = (1.0 - confidence) / 2.0
    lower = float(stats.beta.ppf(tail, altered, n - altered + 1)) if altered else 0.0
    upper = float(stats.beta.ppf(1.0 - tail, altered + 1, n - altered)) if altered < n else 1.0
    return lower, upper


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
    limits = [exact_interval(int(k), int(n)) for k, n in found.select("n_altered", "n_profiled").iter_rows()]
    return found.with_columns(
        frequency=pl.when(pl.col("n_profiled") > 0).then(pl.col("n_altered") / pl.col("n_profiled")),
        frequency_lower=pl.Series([low for low, _ in limits], dtype=pl.Float64),
        frequency_upper=pl.Series([high for _, high in limits], dtype=pl.Float64),
    ).sort("hgnc_symbol", "alteration_class")
