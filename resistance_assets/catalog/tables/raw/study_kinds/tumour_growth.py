"""Models of raw.tumour_growth__*: measurements of tumours in mice, and what became of each mouse."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table

END_REASONS = ["study_end", "tumour_volume_limit", "found_dead", "body_weight_loss", "other", "not_stated"]


@table(
    "raw.tumour_growth__measurements",
    grain="one row per study, mouse and day of measurement",
    key=("study_id", "mouse_id", "day"),
    limitation="a day without a row is not a day without a tumour: the mouse was not measured, or was no longer there",
)
class RawTumourMeasurements(TableModel):
    """Diameters or volumes of tumours, and body weights, in one unit whatever the file's."""

    study_id: pl.String = col("study", of="source")
    mouse_id: pl.String = col("mouse; with its arm where mice are numbered anew in every arm", of="source")
    arm: pl.String = col("treatment arm", of="source")
    tumour_id: pl.String = col("tumour of a patient that was implanted", of="source", null=True)
    day: pl.Float64 = col("day of the study", unit="days", of="source")
    length_mm: pl.Float64 = col("larger diameter", unit="mm", of="source", null=True, ge=0)
    width_mm: pl.Float64 = col("smaller diameter", unit="mm", of="source", null=True, ge=0)
    volume_mm3: pl.Float64 = col("length x width^2 / 2, or as the file gives it", unit="mm3", of="source", ge=0)
    body_weight_g: pl.Float64 = col("body weight", unit="g", of="source", null=True, gt=0)
    was_swapped: pl.Boolean = col("length was below width in the file: the two were exchanged", of="source")


@table(
    "raw.tumour_growth__enrolled_mice",
    grain="one row per study and mouse with a measurement",
    key=("study_id", "mouse_id"),
    limitation="not_stated is no end of the study: the files do not say why the follow-up of the mouse ended",
)
class RawTumourMice(TableModel):
    """Mice with their arm, and when and why their follow-up ended."""

    study_id: pl.String = col("study", of="source")
    mouse_id: pl.String = col("mouse", of="source")
    arm: pl.String = col("treatment arm", of="source")
    tumour_id: pl.String = col("tumour of a patient that was implanted", of="source", null=True)
    cage: pl.String = col("cage", of="source", null=True)
    start_day: pl.Float64 = col("first day", unit="days", of="source", null=True)
    end_day: pl.Float64 = col("day on which its follow-up ended", unit="days", of="source", null=True)
    end_reason: pl.String = col("why it ended", of="source", isin=END_REASONS)
    n_measurements: pl.Int64 = col("rows of measurements that were taken", of="source", ge=1)
