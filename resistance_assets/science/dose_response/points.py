"""Points of dose-response curves: wells normalised within their plate, then averaged per replicate and dose.

A plate that holds several cell lines or conditions is cut into groups, each with its own vehicle and time-0 wells;
blanks, and wells that name no line, serve all groups of their plate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import polars as pl

from resistance_assets.errors import DataFault
from resistance_assets.science.dose_response.viability import average_technical_wells, normalise_plates, place_of

CURVE = ["cell_line", "condition", "drug"]
_GROUP = ["cell_line", "condition"]
NAMED_BY_CONTROL = ("cell_line", "condition", "replicate")
"""What a vehicle well may name: then it is the control of those curves alone."""
_NORMALISED = ["normalised_within", "well_number", "well_type", *CURVE, "dose_um", "replicate", "viability_percent",
               "gr_value", "control_doublings"]  # fmt: skip


def normalise_wells(
    wells: pl.DataFrame,
    *,
    is_signal: bool,
    assay_hours: float | None = None,
    doubling_hours: Mapping[str, float] | None = None,
    subject: str = "wells",
) -> pl.DataFrame:
    """Viability in percent and growth-rate value of every vehicle and treated well.

    Args:
        wells: rows of `raw.dose_response__wells`.
        is_signal: whether signals are normalised; otherwise viability_percent is there already.
        assay_hours, doubling_hours: growth rates where there are no time-0 wells: length of the assay, and doubling
            time of the untreated line by its name.
        subject: named in errors.

    Returns:
        normalised_within, well_number, well_type, cell_line, condition, drug, dose_um, replicate, viability_percent,
        gr_value, control_doublings.

    Raises:
        DataFault: as `normalise_plates`, or treated wells without a vehicle well of their line and condition.
    """
    if is_signal:
        grouped = _groups_of_plates(wells, subject).with_columns(plate_id=pl.col("normalised_within"))
        found = normalise_plates(grouped, subject=subject)
    else:
        found = wells.filter(pl.col("well_type").is_in(["vehicle", "treated"])).with_columns(
            normalised_within=pl.col("plate_id").fill_null("as given"),
            gr_value=pl.lit(None, pl.Float64),
            control_doublings=pl.lit(None, pl.Float64),
        )
    if assay_hours is not None and doubling_hours:
        found = _grow_by_doubling_time(found, assay_hours, doubling_hours)
    return found.select(_NORMALISED)


def _groups_of_plates(wells: pl.DataFrame, subject: str) -> pl.DataFrame:
    """Wells with `normalised_within`; a plate of several lines or conditions is repeated, a group at a time."""
    treated = wells.filter(pl.col("well_type") == "treated")
    groups = treated.select("plate_id", *_GROUP).unique(maintain_order=True)
    several = groups.filter(pl.len().over("plate_id") > 1)
    single = wells.join(several, on="plate_id", how="anti").with_columns(normalised_within=pl.col("plate_id"))
    frames = [single]
    for row in several.iter_rows(named=True):
        own = wells.filter(
            pl.col("plate_id") == row["plate_id"],
            (pl.col("well_type") == "blank")
            | ((pl.col("cell_line") == row["cell_line"]) & (pl.col("condition") == row["condition"]))
            | (pl.col("cell_line").is_null() & (pl.col("well_type") != "treated")),
        )
        name = f"{row['plate_id']} | {row['cell_line']} | {row['condition']}"
        if own.filter(pl.col("well_type") == "vehicle").is_empty():
            raise DataFault(
                f"plate {row['plate_id']} has no vehicle well of {row['cell_line']}, condition {row['condition']}",
                subject=subject,
                place=place_of(own.filter(pl.col("well_type") == "treated")),
                expected="vehicle wells of every line and condition of a plate, or vehicle wells that name no line",
                remedy="Add them, or leave the cell line of shared vehicle wells blank.",
            )
        frames.append(
            own.with_columns(
                normalised_within=pl.lit(name),
                cell_line=pl.lit(row["cell_line"]),
                condition=pl.lit(row["condition"]),
            )
        )
    return pl.concat(frames)


def _grow_by_doubling_time(wells: pl.DataFrame, hours: float, doubling: Mapping[str, float]) -> pl.DataFrame:
    """GR from viability and the control's doublings: 2^(1 + log2(viability) / doublings) - 1, where no time 0 is."""
    times = pl.DataFrame({"cell_line": list(doubling), "doubled": [hours / value for value in doubling.values()]})
    share = pl.col("viability_percent") / 100.0
    grown = 2.0 ** (1.0 + pl.when(share > 0.0).then(share).otherwise(1.0).log(2.0) / pl.col("doubled")) - 1.0
    is_needed = pl.col("gr_value").is_null() & pl.col("doubled").is_not_null()
    return (
        wells.join(times, on="cell_line", how="left", maintain_order="left")
        .with_columns(
            gr_value=pl.when(is_needed & (share <= 0.0)).then(-1.0).when(is_needed).then(grown).otherwise("gr_value"),
            control_doublings=pl.coalesce("control_doublings", "doubled"),
        )
        .drop("doubled")
    )


def average_replicates(wells: pl.DataFrame) -> pl.DataFrame:
    """One point per curve, independent replicate and dose; vehicle wells of a group are dose 0 of each of its curves.

    Args:
        wells: of `normalise_wells`.

    Returns:
        cell_line, condition, drug, replicate, dose_um, viability_percent, gr_value, n_wells; sorted.
    """
    treated = wells.filter(pl.col("well_type") == "treated")
    vehicle = wells.filter(pl.col("well_type") == "vehicle")
    where = treated.select("normalised_within", *CURVE, "replicate").unique(maintain_order=True)
    blanks = [pl.col(name).is_null().alias(f"no_{name}") for name in NAMED_BY_CONTROL]
    alike = [own for _, own in vehicle.group_by(blanks, maintain_order=True)] or [vehicle]
    control = pl.concat([_join_control(own, where) for own in alike])
    names_drug = control.filter(pl.col("drug") == pl.col("drug_curve")).select("well_number").unique()
    control = control.join(names_drug.with_columns(of_drug=True), on="well_number", how="left").filter(
        pl.col("of_drug").is_null() | (pl.col("drug") == pl.col("drug_curve"))
    )
    values = ["dose_um", "viability_percent", "gr_value"]
    control = control.select(
        *[pl.col(f"{name}_curve").alias(name) for name in (*CURVE, "replicate")], *[pl.col(name) for name in values]
    )
    points = pl.concat([control.with_columns(dose_um=pl.lit(0.0)), treated.select(*CURVE, "replicate", *values)])
    return average_technical_wells(points, [*CURVE, "replicate"])


def _join_control(vehicle: pl.DataFrame, where: pl.DataFrame) -> pl.DataFrame:
    """Vehicle wells with every curve of their group that they serve; what they leave blank serves all.

    Args:
        vehicle: wells that are null in the same ones of `NAMED_BY_CONTROL`.
        where: normalised_within and names of the curves.
    """
    named = [name for name in NAMED_BY_CONTROL if vehicle[name].null_count() == 0]
    curves = where.with_columns([pl.col(name).alias(f"{name}_curve") for name in (*CURVE, "replicate")])
    kept = ["normalised_within", *named]
    return vehicle.join(curves.select(*kept, pl.selectors.ends_with("_curve")), on=kept, maintain_order="left")


def curve_id(*names: str) -> str:
    """Name of a curve: cell line, condition and drug, and the replicate where it is of one."""
    return " | ".join(names)


def finite(value: float | None) -> float | None:
    """None for what is no number that a table holds: NaN, and infinities."""
    return value if value is not None and math.isfinite(value) else None
