"""Layers of one cohort in memory: measured values as matrices, mutations and fusions as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.science.alterations.cis_effects import AMPLIFIED, DEEP_LOSS
from resistance_assets.science.alterations.gene_patients import gene_patients
from resistance_assets.science.alterations.measured import Measured, measured_patients

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class LayerMatrix:
    """Values of one layer: a tenth of the memory of the same values as rows.

    Attributes:
        features: feature_id, hgnc_symbol (null where a probe or antibody names no gene), each pair once.
        patients: of the columns, sorted.
        values: (features, patients), NaN missing; calls, which are whole numbers, in single precision.
    """

    features: pl.DataFrame
    patients: list[str]
    values: NDArray[np.floating[Any]]

    def of(self, rows: Sequence[int], patients: Sequence[str]) -> Matrix:
        """Some rows, in the order of the patients given; NaN for those that the layer lacks."""
        place = {one: at for at, one in enumerate(self.patients)}
        found = np.full((len(rows), len(patients)), np.nan)
        there = [at for at, one in enumerate(patients) if one in place]
        found[:, there] = self.values[np.ix_(list(rows), [place[patients[at]] for at in there])]
        return found

    @cached_property
    def measured(self) -> list[str]:
        """Patients with a value."""
        known = np.flatnonzero(np.count_nonzero(np.isfinite(self.values), axis=0))
        return [self.patients[at] for at in known]


def layer_matrix(rows: pl.DataFrame, value: str) -> LayerMatrix:
    """Rows of a layer as a matrix; of several profiles with a feature the first stays.

    Args:
        rows: patient_id, hgnc_symbol, the value, and feature_id where features are not genes; fastest where the rows
            of a feature stand together, as they do in staging.
    """
    if "feature_id" not in rows.columns:
        rows = rows.with_columns(feature_id="hgnc_symbol")
    starts = rows.select(
        (pl.col("feature_id").rle_id().diff().fill_null(1) != 0)
        | (pl.col("hgnc_symbol").rle_id().diff().fill_null(1) != 0)
    ).to_series()
    run = (starts.cast(pl.Int64).cum_sum() - 1).to_numpy()
    row_of: dict[tuple[str, str | None], int] = {}
    of_run = [
        row_of.setdefault(pair, len(row_of))
        for pair in rows.filter(starts).select("feature_id", "hgnc_symbol").iter_rows()
    ]
    patients = rows["patient_id"].unique().sort()
    column = patients.search_sorted(rows["patient_id"]).to_numpy()
    values = np.full((len(row_of), len(patients)), np.nan, dtype=np.float32 if value == "gistic_call" else np.float64)
    row = np.array(of_run, dtype=np.int64)[run] if len(run) else np.empty(0, dtype=np.int64)
    # Written backwards, so that the first profile stays.
    values[row[::-1], column[::-1]] = rows[value].cast(pl.Float64).fill_null(np.nan).to_numpy()[::-1]
    schema = {"feature_id": pl.String, "hgnc_symbol": pl.String}
    return LayerMatrix(pl.DataFrame(list(row_of), schema=schema, orient="row"), patients.to_list(), values)


def extreme_calls(layer: LayerMatrix) -> pl.DataFrame:
    """patient_id, hgnc_symbol, gistic_call of the amplifications and deep losses alone."""
    with np.errstate(invalid="ignore"):
        rows, columns = np.nonzero((layer.values >= AMPLIFIED) | (layer.values <= DEEP_LOSS))
    return pl.DataFrame(
        {
            "patient_id": pl.Series(layer.patients, dtype=pl.String).gather(columns),
            "hgnc_symbol": layer.features["hgnc_symbol"].gather(rows),
            "gistic_call": layer.values[rows, columns].astype(np.int64),
        }
    )


@dataclass(frozen=True)
class CohortLayers:
    """One cohort's layers, of the sample that stands for its patient.

    Attributes:
        matrix: expression as genes x patients, the genes and the patients.
        patients, attributes: rows of staging without cohort_id.
        follow_up: endpoint -> patient_id, time_months, event_observed.
        mutations, fusions, profiled, panel_genes: rows of staging without cohort_id.
        copy_number, log2_copy_number, methylation, protein: values; without rows where they were not measured.
    """

    matrix: tuple[Matrix, list[str], list[str]]
    patients: pl.DataFrame
    follow_up: Mapping[str, pl.DataFrame]
    mutations: pl.DataFrame
    copy_number: LayerMatrix
    log2_copy_number: LayerMatrix
    fusions: pl.DataFrame
    methylation: LayerMatrix
    protein: LayerMatrix
    attributes: pl.DataFrame
    profiled: pl.DataFrame
    panel_genes: pl.DataFrame

    @cached_property
    def rows(self) -> pl.DataFrame:
        """Rows of `gene_patients`."""
        return gene_patients(self.mutations, extreme_calls(self.copy_number), self.fusions)

    @cached_property
    def measured(self) -> Measured:
        """Who was looked at for what."""
        return measured_patients(
            self.profiled,
            self.panel_genes,
            mutated=self.mutations["patient_id"].drop_nulls().unique(),
            called=self.copy_number.measured,
            fused=self.fusions["patient_id"].drop_nulls().unique(),
        )

    def follow(self, endpoint: str, order: Sequence[str]) -> tuple[Matrix, Matrix]:
        """Months and events of the patients given, NaN where there are none."""
        placed = pl.DataFrame({"patient_id": list(order)}, schema={"patient_id": pl.String}).join(
            self.follow_up[endpoint], on="patient_id", how="left", maintain_order="left"
        )
        numbers = placed.select(pl.col("time_months", "event_observed").cast(pl.Float64).fill_null(np.nan)).to_numpy()
        usable = np.isfinite(numbers).all(axis=1) & (np.nan_to_num(numbers[:, 0], nan=-1.0) >= 0.0)
        return np.where(usable, numbers[:, 0], np.nan), np.where(usable, numbers[:, 1], np.nan)
