"""Tumour volumes of mice and what each mouse went through: slope, area, doubling, regression, weight loss.

Volume = length x width^2 / 2 with width the smaller diameter (Tomayko and Reynolds 1989, doi:10.1007/BF00300234). A
volume of 0 has no logarithm: it is left out of everything on the log scale, and counted.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl

LEAST_MEASUREMENTS = 3
TOXIC_WEIGHT_LOSS_PERCENT = 20.0


def measure_volumes(measurements: pl.DataFrame) -> pl.DataFrame:
    """Volume, volume relative to the first day, its logarithm, and the change of body weight.

    Args:
        measurements: mouse_id, arm, day, length_mm, width_mm, body_weight_g (may be null). A volume_mm3 that is there
            is kept, and was_swapped with it.

    Returns:
        Sorted by mouse_id and day, with volume_mm3, relative_volume (null where the first volume is 0),
        body_weight_change_percent, ln_volume (null at 0)
        and was_swapped: length was below width, so that the two were exchanged.
    """
    if "volume_mm3" not in measurements.columns:
        swapped = pl.col("length_mm") < pl.col("width_mm")
        length = pl.max_horizontal("length_mm", "width_mm")
        width = pl.min_horizontal("length_mm", "width_mm")
        measurements = measurements.with_columns(volume_mm3=length * width**2 / 2.0, was_swapped=swapped)
    first = {
        name: pl.col(name).sort_by("day").drop_nulls().first().over("mouse_id")
        for name in ("volume_mm3", "body_weight_g")
    }
    return measurements.sort("mouse_id", "day").with_columns(
        relative_volume=pl.when(first["volume_mm3"] > 0.0).then(pl.col("volume_mm3") / first["volume_mm3"]),
        body_weight_change_percent=100.0 * (pl.col("body_weight_g") / first["body_weight_g"] - 1.0),
        ln_volume=pl.when(pl.col("volume_mm3") > 0.0).then(pl.col("volume_mm3").log()),
    )


def summarise_mice(
    volumes: pl.DataFrame, mice: pl.DataFrame, *, toxic_weight_loss_percent: float = TOXIC_WEIGHT_LOSS_PERCENT
) -> pl.DataFrame:
    """One row per mouse: growth on the log scale, area under the curve, doubling and quadrupling, toxicity.

    Args:
        volumes: of `measure_volumes`.
        mice: mouse_id, arm, end_day, end_reason.
        toxic_weight_loss_percent: loss of body weight that counts as toxicity.

    Returns:
        mouse_id, arm, n_measurements, last_day, end_reason, start_volume_mm3, last_volume_mm3, slope_per_day and
        slope_standard_error (null with fewer than three volumes above 0), auc_ln_relative (ln units x days) and per
        day, auc_volume_mm3_days and per day, doubling_day, doubling_event (1 = seen, 0 = censored at the last
        measurement), doubling_day_interpolated, the same of quadrupling, best_relative_volume, complete_regression,
        max_weight_loss_percent, weight_loss_over_20.
    """
    ends = {row["mouse_id"]: row["end_reason"] for row in mice.iter_rows(named=True)}
    rows = []
    for (mouse,), own in volumes.group_by(["mouse_id"], maintain_order=True):
        rows.append(
            {
                "mouse_id": mouse,
                "arm": own["arm"][0],
                "end_reason": ends.get(mouse),
                **_summary(own, toxic_weight_loss_percent),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None).sort("mouse_id")


def _summary(own: pl.DataFrame, toxic_weight_loss_percent: float) -> dict[str, Any]:
    own = own.filter(pl.col("volume_mm3").is_not_null())
    day, volume = own["day"].to_numpy().astype(float), own["volume_mm3"].to_numpy()
    relative = own["relative_volume"].to_numpy()
    there = volume > 0.0
    log_day, log_relative = day[there], np.log(relative[there].astype(np.float64))
    slope, error = _slope(log_day, np.log(volume[there]))
    area = float(np.trapezoid(log_relative, log_day)) if there.sum() > 1 else math.nan
    span = float(np.ptp(log_day)) if there.any() else math.nan
    area_volume = float(np.trapezoid(volume, day))
    loss = own["body_weight_change_percent"].drop_nulls().to_numpy()
    worst = float(-min(0.0, loss.min())) if len(loss) else math.nan
    has_start = volume[0] > 0.0
    doubling, doubled = _first_day(day, relative, 2.0) if has_start else (math.nan, None)
    quadrupling, quadrupled = _first_day(day, relative, 4.0) if has_start else (math.nan, None)
    found = {
        "n_measurements": len(day),
        "last_day": float(day.max()),
        "start_volume_mm3": float(volume[0]),
        "last_volume_mm3": float(volume[-1]),
        "slope_per_day": slope,
        "slope_standard_error": error,
        "auc_ln_relative": area,
        "auc_ln_relative_per_day": area / span if span else math.nan,
        "auc_volume_mm3_days": area_volume,
        "auc_volume_per_day": area_volume / day.max() if day.max() else math.nan,
        "doubling_day": doubling,
        "doubling_event": doubled,
        "doubling_day_interpolated": _interpolated(day, relative, 2.0),
        "quadrupling_day": quadrupling,
        "quadrupling_event": quadrupled,
        "best_relative_volume": float(relative.min()),
        "complete_regression": bool((volume == 0.0).any()),
        "max_weight_loss_percent": worst,
        "weight_loss_over_20": bool(worst >= toxic_weight_loss_percent),
    }
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in found.items()}


def _slope(day: np.ndarray, ln_volume: np.ndarray) -> tuple[float, float]:
    """Least-squares slope per day and its standard error."""
    if len(day) < LEAST_MEASUREMENTS or np.ptp(day) == 0.0:
        return math.nan, math.nan
    centred = day - day.mean()
    spread = float(centred @ centred)
    slope = float(centred @ ln_volume) / spread
    residual = ln_volume - ln_volume.mean() - slope * centred
    return slope, math.sqrt(float(residual @ residual) / (len(day) - 2) / spread)


def _first_day(day: np.ndarray, relative: np.ndarray, times: float) -> tuple[float, int]:
    """First day of measurement with that multiple of the start, or the last day, censored."""
    reached = np.flatnonzero(relative >= times)
    return (float(day[reached[0]]), 1) if len(reached) else (float(day.max()), 0)


def _interpolated(day: np.ndarray, relative: np.ndarray, times: float) -> float:
    """The day at which the multiple is reached on the line between two measurements on the log scale."""
    reached = np.flatnonzero(relative >= times)
    if not len(reached) or reached[0] == 0:
        return math.nan
    at = reached[0]
    if relative[at - 1] <= 0.0:
        return float(day[at])
    share = (math.log(times) - math.log(relative[at - 1])) / (math.log(relative[at]) - math.log(relative[at - 1]))
    return float(day[at - 1] + share * (day[at] - day[at - 1]))
