"""Genes of interest in one cohort and endpoint: every model and every number that a reviewer would ask for.

Here belongs what asks the questions of `survival` of several genes in turn and puts the answers into tables: adjusted
and stratified Cox models with their checks, landmarks, restricted means, time-dependent AUC, gene-list scores, and the
pooling of a screen over cohorts. How a single number is computed belongs in `survival`, tests of every gene at once in
`survival_screen`.

Expression has shape (genes, patients), NaN where missing; follow-up and patients are in the order of its columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def usable_covariates(patients: pl.DataFrame, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Which covariates a model of these patients can hold.

    Args:
        patients: one row per patient, a column per covariate.
        names: covariates that are wanted.

    Returns:
        Those with two or more distinct values, and why the others have none: one sentence each.
    """
    used, left_out = [], []
    for name in names:
        distinct = patients[name].drop_nulls().n_unique()
        if distinct >= 2:
            used.append(name)
        else:
            left_out.append(f"{name} left out: {'the same in all patients' if distinct else 'not recorded'}")
    return used, left_out


def covariate_columns(covariates: pl.DataFrame) -> Matrix:
    """Covariates as numbers, shape (patients, columns), NaN where missing.

    Numbers stay as they are; words become one 0/1 column per level but the first in sorted order.
    """
    columns = []
    for series in covariates:
        if series.dtype.is_numeric():
            columns.append(series.cast(pl.Float64).fill_null(np.nan).to_numpy())
            continue
        levels = series.drop_nulls().unique().sort()[1:]
        columns += [(series == level).cast(pl.Float64).fill_null(np.nan).to_numpy() for level in levels]
    return np.column_stack(columns) if columns else np.empty((covariates.height, 0))
