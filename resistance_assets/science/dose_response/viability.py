"""Viability and growth-rate values of wells: per plate, against that plate's own blanks, vehicle and time-0 wells.

Viability is 100 (signal - mean blank) / (mean vehicle - mean blank). The growth-rate (GR) value is
2^(log2(x / x0) / log2(control / x0)) - 1 on blank-subtracted signals (Hafner 2016, doi:10.1038/nmeth.3853).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from resistance_assets.errors import DataFault

WELL_TYPES = ("blank", "time0", "vehicle", "treated")


def normalise_plates(wells: pl.DataFrame, *, subject: str = "wells") -> pl.DataFrame:
    """Viability in percent and growth-rate value of every vehicle and treated well.

    Args:
        wells: plate_id, well_type (blank, time0, vehicle or treated), signal, and whatever else is to be kept. A plate
            without blanks is taken as it is; one without time-0 wells has no growth-rate values.
        subject: named in errors.

    Returns:
        The vehicle and treated wells with viability_percent, gr_value (1 = grows as the control, 0 = does not grow,
        below 0 = fewer cells than at the start; -1 where the signal is not above the blank; null where the control did
        not grow) and control_doublings.

    Raises:
        DataFault: an unknown well type; a plate without vehicle wells, or whose vehicle is not above its blank.
    """
    unknown = wells.filter(~pl.col("well_type").is_in(WELL_TYPES))
    if unknown.height:
        raise DataFault(
            f"plate {unknown['plate_id'][0]} has a well of type {unknown['well_type'][0]!r}",
            subject=subject,
            place=place_of(unknown.head(1)) or "column well_type",
            expected=f"one of {', '.join(WELL_TYPES)}",
            remedy="Correct the column, or map it in study.toml.",
        )
    means = wells.group_by("plate_id", maintain_order=True).agg(
        pl.col("signal").filter(pl.col("well_type") == kind).mean().alias(kind)
        for kind in ("blank", "time0", "vehicle")
    )
    for plate, blank, _, vehicle in means.iter_rows():
        if vehicle is None:
            raise DataFault(
                f"plate {plate} has no vehicle well",
                subject=subject,
                place=place_of(wells.filter(pl.col("plate_id") == plate)),
                expected="at least one well without drug a plate",
                remedy="Add the vehicle wells of the plate, or give viability instead of signals.",
            )
        if vehicle <= (blank or 0.0):
            raise DataFault(
                f"plate {plate}: its vehicle wells ({vehicle:.6g}) are not above its blanks ({blank or 0.0:.6g})",
                subject=subject,
                place=place_of(wells.filter(pl.col("plate_id") == plate, pl.col("well_type") == "vehicle")),
                remedy="Check the column well_type: blank and vehicle may be swapped.",
            )
    blank = pl.col("blank").fill_null(0.0)
    above, control, start = pl.col("signal") - blank, pl.col("vehicle") - blank, pl.col("time0") - blank
    doublings = (control / start).log(2.0)
    positive = pl.when(above > 0.0).then(above).otherwise(1.0)
    grown = 2.0 ** ((positive / start).log(2.0) / doublings) - 1.0
    # A control that did not grow has no growth rate to compare with.
    known = pl.col("time0").is_not_null() & (start > 0.0) & (control > start)
    return (
        wells.join(means, on="plate_id", how="left", maintain_order="left")
        .filter(pl.col("well_type").is_in(("vehicle", "treated")))
        .with_columns(
            viability_percent=100.0 * above / control,
            gr_value=pl.when(~known).then(None).when(above <= 0.0).then(-1.0).otherwise(grown),
            control_doublings=pl.when(pl.col("time0").is_not_null() & (start > 0.0)).then(doublings),
        )
        .drop("blank", "time0", "vehicle")
    )


def place_of(wells: pl.DataFrame) -> str | None:
    """File and lines of wells, for errors; None where it is not known from where they are."""
    if not {"file", "line"} <= set(wells.columns) or wells.is_empty():
        return None
    first = wells.sort("file", "line").row(0, named=True)
    last = wells.filter(pl.col("file") == first["file"])["line"].max()
    lines = f"line {first['line']}" if last == first["line"] else f"lines {first['line']} to {last}"
    return f"{first['file']} {lines}"


def average_technical_wells(wells: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """One point per curve, replicate and dose: the unit of every fit, because wells of one plate are no replicates.

    Args:
        wells: the columns of `by`, dose_um, viability_percent, gr_value.
        by: what names a curve and its independent replicate.

    Returns:
        `by`, dose_um, viability_percent, gr_value, n_wells; sorted.
    """
    return (
        wells.group_by([*by, "dose_um"])
        .agg(pl.col("viability_percent").mean(), pl.col("gr_value").mean(), n_wells=pl.len())
        .sort([*by, "dose_um"])
    )


def area_under_points(ln_dose: np.ndarray, mean_response: np.ndarray) -> float:
    """Area under the means by the trapezoid rule on the log-dose scale, divided by its range: a mean response."""
    return float(np.trapezoid(mean_response, ln_dose) / (ln_dose[-1] - ln_dose[0]))
