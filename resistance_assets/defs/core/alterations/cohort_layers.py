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
from resistance_assets.science.expression.matrices import encode

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
    named = ["feature_id", "hgnc_symbol"] if "feature_id" in rows.columns else ["hgnc_symbol"]
    starts = rows.select(
        pl.any_horizontal(pl.col(name).rle_id().diff().fill_null(1) != 0 for name in named)
    ).to_series()
    run = (starts.cast(pl.UInt32).cum_sum() - 1).to_numpy()
    pairs = rows.filter(starts).select(pl.col(named[0]).alias("feature_id"), pl.col("hgnc_symbol"))
    features = pairs.unique(maintain_order=True)
    row = run
    if features.height < pairs.height:
        number = features.with_row_index("row")
        of_run = pairs.join(number, on=pairs.columns, how="left", nulls_equal=True, maintain_order="left")["row"]
        row = of_run.to_numpy()[run]
    patients, column = encode(rows["patient_id"])
    values = np.full((features.height, len(patients)), np.nan, dtype=_precision(value))
    # Written backwards, so that the first profile stays.
    values[row[::-1], column[::-1]] = rows[value].cast(pl.Float64).fill_null(np.nan).to_numpy()[::-1]
    return LayerMatrix(features, patients, values)


def matrix_rows(layer: LayerMatrix) -> pl.DataFrame:
    """A matrix as rows: feature_id, hgnc_symbol, layer_values (one list per feature, in the order of the patients)."""
    values = pl.Series("layer_values", np.ascontiguousarray(layer.values, dtype=np.float64))
    lists = values.arr.to_list() if len(values) else pl.Series("layer_values", [], dtype=pl.List(pl.Float64))
    return layer.features.with_columns(lists)


def matrix_of_rows(rows: pl.DataFrame, patients: Sequence[str], value: str) -> LayerMatrix:
    """The matrix of `matrix_rows`. `value` is the column that the values had in staging."""
    values = rows["layer_values"].explode().to_numpy() if rows.height else np.empty(0)
    shaped = values.reshape(rows.height, len(patients)).astype(_precision(value), copy=False)
    return LayerMatrix(rows.select("feature_id", "hgnc_symbol"), list(patients), shaped)


def _precision(value: str) -> type[np.floating[Any]]:
    return np.float32 if value == "gistic_call" else np.float64


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
