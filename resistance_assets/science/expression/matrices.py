"""From long tables to matrices: expression of a cohort, counts and sample sheet of a study.

Here belongs the change of shape alone; no number changes.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray


def expression_matrix(long: pl.DataFrame) -> tuple[NDArray[np.float64], list[str], list[str]]:
    """A cohort's expression as a matrix.

    Args:
        long: hgnc_symbol, patient_id, expression_value, one row per gene and patient.

    Returns:
        Shape (genes, patients) with NaN where missing, the genes and the patients, both sorted.
    """
    ordered = long.sort("hgnc_symbol", "patient_id")
    genes = ordered["hgnc_symbol"].unique(maintain_order=True)
    patients = ordered["patient_id"].unique().sort()
    if ordered.height == len(genes) * len(patients):
        values = ordered["expression_value"].cast(pl.Float64).to_numpy().reshape(len(genes), len(patients))
        return np.array(values, dtype=np.float64), genes.to_list(), patients.to_list()
    # Some pair is absent, which a reshape cannot see: put every value in its place.
    matrix = np.full((len(genes), len(patients)), np.nan)
    row = ordered.select(pl.col("hgnc_symbol").rle_id()).to_series().to_numpy()
    column = patients.search_sorted(ordered["patient_id"]).to_numpy()
    matrix[row, column] = ordered["expression_value"].fill_null(np.nan).to_numpy()
    return matrix, genes.to_list(), patients.to_list()


def counts_matrix(long: pl.DataFrame) -> pl.DataFrame:
    """Counts of one study as a wide frame: hgnc_symbol (the feature), one column per sample, both sorted."""
    ordered = long.sort("feature_id", "sample_id")
    features = ordered["feature_id"].unique(maintain_order=True)
    samples = ordered["sample_id"].unique().sort()
    values = ordered["read_count"].to_numpy().reshape(len(features), len(samples))
    return pl.DataFrame({"hgnc_symbol": features}).hstack(
        [pl.Series(sample, values[:, at]) for at, sample in enumerate(samples)]
    )


def sample_sheet(long: pl.DataFrame) -> pl.DataFrame:
    """Sample sheet of one study as a wide frame: sample_id and one column per factor or covariate."""
    return long.pivot(on="attribute_id", index="sample_id", values="value").sort("sample_id")
