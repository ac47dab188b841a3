"""Patients of one cohort with expression and usable follow-up, on which every analysis of survival rests."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.errors import SourceUnavailable
from resistance_assets.science.expression.matrices import expression_matrix
from resistance_assets.science.survival.follow_up import usable_follow_up


class Followed(NamedTuple):
    """Patients of one cohort that were measured and can be used for one endpoint."""

    matrix: NDArray[np.float64]
    genes: list[str]
    patients: list[str]
    time_months: NDArray[np.float64]
    event_observed: NDArray[np.float64]


def followed_patients(expression: pl.DataFrame, follow_up: pl.DataFrame, subject: str) -> Followed:
    """Expression (genes by patients) and follow-up of the patients that have both.

    Raises:
        SourceUnavailable: no patient has both, or none of them had the event: there is nothing to analyse.
    """
    matrix, genes, patients = expression_matrix(expression)
    placed = pl.DataFrame({"patient_id": patients}).join(follow_up, on="patient_id", how="left", maintain_order="left")
    usable, _ = usable_follow_up(placed["time_months"], placed["event_observed"])
    if not placed.filter(pl.Series(usable))["event_observed"].sum():
        raise SourceUnavailable(
            f"none of {int(usable.sum())} patients with expression and follow-up had the event",
            subject=subject,
            remedy="Leave the endpoint out of the cohort, or wait for events.",
        )
    return Followed(
        matrix[:, usable],
        genes,
        [patient for patient, kept in zip(patients, usable, strict=True) if kept],
        placed["time_months"].to_numpy()[usable],
        placed["event_observed"].cast(pl.Float64).to_numpy()[usable],
    )


def select_patients(patients: pl.DataFrame, order: list[str]) -> pl.DataFrame:
    """Rows of `parts.cohorts__patients` in the order of the patients given."""
    return pl.DataFrame({"patient_id": order}, schema={"patient_id": pl.String}).join(
        patients, on="patient_id", how="left", maintain_order="left"
    )
