"""A study of tumour growth: its tables read, held against each other and put in rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.models.tumour_growth import TumourGrowthStudy
from resistance_assets.connectors.formats.delimited import nearest_name, rejected_rows
from resistance_assets.connectors.lab_study.sample_sheet import warnings
from resistance_assets.connectors.lab_study.table_text import name_of
from resistance_assets.connectors.tumour_growth.measurements import Measurements, read_body_weights, read_measurements
from resistance_assets.connectors.tumour_growth.mice import NOT_STATED, SCHEMA, read_mice
from resistance_assets.errors import DataFault

MOST_IMPLAUSIBLE = 0.5
"""Share of volumes beyond which it is the unit that is wrong, and not the row."""


# Programs fill the days of a dead mouse with zeros: without its weight, that would be a complete regression.
HAS_NEITHER = (pl.col("body_weight_g") <= 0) & (pl.max_horizontal("length_mm", "width_mm", "volume_mm3") <= 0)


class TumourGrowthFrames(NamedTuple):
    """Frames of a study.

    Attributes:
        measurements: mouse_id, arm, tumour_id, day, length_mm, width_mm, volume_mm3, body_weight_g, sorted by mouse and
            day; diameters are null where the volume was given. Length is the larger diameter; was_swapped says where
            the file had it the other way round.
        mice: mouse_id, arm, tumour_id, cage, start_day, end_day, end_reason, n_measurements.
        within_tumours: whether arms are compared within tumours.
        rejected: source, line, reason, row.
        warnings: source, place, warning.
    """

    measurements: pl.DataFrame
    mice: pl.DataFrame
    within_tumours: bool
    rejected: pl.DataFrame
    warnings: pl.DataFrame


def read_tumour_growth_study(local: LocalStudy) -> TumourGrowthFrames:
    """Measurements and mice of one study.

    Raises:
        DataFault: as the readers; a mouse is in two arms or measured twice on a day or after its end, an arm of
            study.toml is in no table, volumes cannot be in the unit that is declared.
    """
    study: TumourGrowthStudy = local.study
    source = name_of(local.folder / study.measurements, local.id)
    found = read_measurements(local.folder / study.measurements, study, source=source)
    notes = found.notes
    rows = _name_mice(found, study, source)
    if study.body_weights:
        weights_source = name_of(local.folder / study.body_weights, local.id)
        weights, told = read_body_weights(local.folder / study.body_weights, study, source=weights_source)
        notes += told
        rows = _add_body_weights(rows, weights, study, weights_source, notes)
    rows = _blank_weights(rows, source, notes)
    rows, set_aside = _refuse_rows(rows, study, source, notes)
    set_aside = [*found.set_aside, *set_aside]
    if study.mice:
        mice_source = name_of(local.folder / study.mice, local.id)
        mice, told = read_mice(local.folder / study.mice, study, source=mice_source)
        notes += told
        rows = _hold_against_mice(rows, mice, source, mice_source)
    else:
        mice = _mice_of(rows, source)
    _check_twice(rows, source)
    mice = _count_measurements(mice, rows, source, notes)
    rows = rows.filter(pl.col("mouse_id").is_in(mice["mouse_id"].to_list()))
    _check_arms(study, mice, source)
    _warn_of_limit(rows, mice, study, source, notes)
    within = is_within_tumours(study.within_tumours, mice)
    if within and study.within_tumours is None:
        notes.append((source, "tumours", "one mouse per tumour and arm: arms are compared in pairs within tumours"))
    columns = ["mouse_id", "arm", "tumour_id", "day", "length_mm", "width_mm", "volume_mm3", "body_weight_g"]
    return TumourGrowthFrames(
        measurements=rows.select(*columns, "was_swapped").sort("mouse_id", "day"),
        mice=mice,
        within_tumours=within,
        rejected=rejected_rows(set_aside),
        warnings=warnings(notes),
    )


def _name_mice(found: Measurements, study: TumourGrowthStudy, source: str) -> pl.DataFrame:
    """Mice by their names, or by tumour and arm where each tumour has one mouse per arm and none is named."""
    rows = found.rows
    if "mouse_id" not in found.has:
        if not {"tumour_id", "arm"} <= found.has:
            raise DataFault(
                "column mouse_id is missing",
                subject=source,
                place="header",
                expected="mouse_id, or tumour_id and arm where each tumour has one mouse per arm",
                remedy='State it in study.toml: columns = { mouse_id = "..." }.',
            )
        found.notes.append((source, "header", "mice are not named: one mouse per tumour and arm is assumed"))
        return rows.with_columns(mouse_id=pl.format("{} {}", "tumour_id", "arm"))
    nameless = rows.filter(pl.col("mouse_id").is_null())
    if nameless.height:
        raise DataFault(
            "the mouse has no name",
            subject=source,
            place=f"line {nameless['line'][0]}, column mouse_id",
            remedy="Fill the cell, or remove the row.",
        )
    if study.ids_within_arm and "arm" in found.has:
        return rows.with_columns(mouse_id=pl.format("{}/{}", "arm", "mouse_id"))
    return rows


def _add_body_weights(
    rows: pl.DataFrame, weights: pl.DataFrame, study: TumourGrowthStudy, source: str, notes: list[tuple[str, str, str]]
) -> pl.DataFrame:
    if study.ids_within_arm:
        weights = weights.with_columns(mouse_id=pl.format("{}/{}", "arm", "mouse_id"))
    repeated = weights.filter(pl.struct("mouse_id", "day").is_duplicated())
    if repeated.height:
        one = repeated.row(0, named=True)
        raise DataFault(
            f"mouse {one['mouse_id']} has two body weights on day {one['day']:g}",
            subject=source,
            place=f"line {one['line']}",
            remedy="Keep one of the rows.",
        )
    joined = rows.drop("body_weight_g").join(
        weights.select("mouse_id", "day", "body_weight_g"), on=["mouse_id", "day"], how="left", maintain_order="left"
    )
    unused = weights.join(rows, on=["mouse_id", "day"], how="anti").height
    if unused:
        notes.append((source, "rows", f"{unused} body weights belong to no measurement of a tumour and are not used"))
    return joined


def _blank_weights(rows: pl.DataFrame, source: str, notes: list[tuple[str, str, str]]) -> pl.DataFrame:
    """Body weights of 0 or less beside a tumour taken as not measured, and counted; with a volume of 0 see below."""
    odd = rows.filter((pl.col("body_weight_g") <= 0) & ~HAS_NEITHER)
    if odd.height:
        first = odd.row(0, named=True)
        told = f"{odd.height} body weights of 0 or less are taken as not measured, such as mouse {first['mouse_id']} on"
        notes.append((source, "column body_weight_g", f"{told} day {first['day']:g}"))
    blank = (pl.col("body_weight_g") <= 0) & ~HAS_NEITHER
    return rows.with_columns(body_weight_g=pl.when(~blank.fill_null(False)).then("body_weight_g"))


def _refuse_rows(
    rows: pl.DataFrame, study: TumourGrowthStudy, source: str, notes: list[tuple[str, str, str]]
) -> tuple[pl.DataFrame, list[tuple[str, int, str, str]]]:
    """Volumes of the rows, and the rows that cannot be: without a day or a size, negative, beyond what is believed."""
    length, width = pl.max_horizontal("length_mm", "width_mm"), pl.min_horizontal("length_mm", "width_mm")
    both = pl.col("length_mm").is_not_null() & pl.col("width_mm").is_not_null()
    either = pl.col("length_mm").is_not_null() | pl.col("width_mm").is_not_null()
    rows = rows.with_columns(
        was_swapped=(both & (pl.col("length_mm") < pl.col("width_mm"))).fill_null(False),
        volume_mm3=pl.when(both).then(length * width**2 / 2.0).when(either).then(None).otherwise("volume_mm3"),
    ).with_columns(length_mm=pl.when(both).then(length).otherwise("length_mm"),
                   width_mm=pl.when(both).then(width).otherwise("width_mm"))  # fmt: skip
    least, most = study.plausible_volume_mm3
    negative = (pl.col("length_mm") < 0) | (pl.col("width_mm") < 0) | (pl.col("volume_mm3") < 0)
    beyond = ((pl.col("volume_mm3") > 0) & (pl.col("volume_mm3") < least)) | (pl.col("volume_mm3") > most)
    _check_volume_unit(rows.filter(~negative.fill_null(False)), beyond, study, source)
    believed = f"is not between {least:g} and {most:g} mm3; write 0 where no tumour is felt"
    reasons = rows.with_columns(
        reason=pl.when(pl.col("day").is_null())
        .then(pl.lit("no day"))
        .when(negative.fill_null(False))
        .then(pl.lit("a negative size"))
        .when(pl.col("volume_mm3").is_null())
        .then(pl.lit("no size"))
        .when(HAS_NEITHER)
        .then(pl.lit("neither body weight nor tumour: the mouse was no longer there, which is no regression"))
        .when(beyond)
        .then(pl.format("a volume of {} mm3 " + believed, pl.col("volume_mm3").round(3)))
    )
    wrong = reasons.filter(pl.col("reason").is_not_null())
    kept = reasons.filter(pl.col("reason").is_null()).drop("reason")
    if kept.is_empty():
        raise DataFault(
            "no row has a volume", subject=source, remedy="Look at raw.rejected_rows for each row's reason."
        )
    swapped = int(kept["was_swapped"].sum())
    if swapped:
        notes.append((source, "column length_mm", f"length was below width in {swapped} rows: the two were exchanged"))
    if wrong.height:
        first = wrong.row(0, named=True)
        told = f"{wrong.height} rows were set aside, such as line {first['line']}: {first['reason']}"
        notes.append((source, "rows", told))
    return kept, [(source, row["line"], row["reason"], row["row"]) for row in wrong.to_dicts()]


def _check_volume_unit(rows: pl.DataFrame, beyond: pl.Expr, study: TumourGrowthStudy, source: str) -> None:
    """Refuse a table most of whose volumes cannot be mm3 as declared: centimetres taken for millimetres."""
    positive = rows.filter(pl.col("volume_mm3") > 0)
    odd = positive.filter(beyond)
    if not positive.height or odd.height <= MOST_IMPLAUSIBLE * positive.height:
        return
    one = odd.row(0, named=True)
    least, most = study.plausible_volume_mm3
    by_diameters = one["length_mm"] is not None
    key, unit = ("diameter_unit", study.diameter_unit) if by_diameters else ("volume_unit", study.volume_unit)
    small = one["volume_mm3"] < least
    other = {"mm": "cm", "cm": "mm", "mm3": "cm3", "cm3": "mm3"}[unit]
    fits = small == (unit in ("mm", "mm3"))
    raise DataFault(
        f"{odd.height} of {positive.height} volumes are not between {least:g} and {most:g} mm3, such as "
        f"{one['volume_mm3']:.4g} mm3 of mouse {one['mouse_id']}",
        subject=source,
        place=f"line {one['line']}, {'columns length_mm and width_mm' if by_diameters else 'column volume_mm3'}",
        expected=f"sizes in {unit}",
        remedy=f'Set {key} = "{other}" in study.toml if they are in {other}, or plausible_volume_mm3 if they are right.'
        if fits
        else "Correct the sizes, or set plausible_volume_mm3 in study.toml if they are right.",
    )


def _hold_against_mice(rows: pl.DataFrame, mice: pl.DataFrame, source: str, mice_source: str) -> pl.DataFrame:
    """Arms of the table of mice; a mouse that it does not hold, or has in another arm, is an error."""
    known = set(mice["mouse_id"])
    for row in rows.filter(~pl.col("mouse_id").is_in(list(known))).head(1).to_dicts():
        near = nearest_name(row["mouse_id"], sorted(known))
        raise DataFault(
            f"mouse {row['mouse_id']} is not in {mice_source}",
            subject=source,
            place=f"line {row['line']}, column mouse_id",
            expected="every measured mouse in the table of mice",
            remedy=f"Did you mean {near}?" if near else "Add the mouse with its arm.",
        )
    of_mice = mice.select("mouse_id", pl.col("arm").alias("stated"), pl.col("tumour_id").alias("its"), "end_day",
                          pl.col("line").alias("mice_line"))  # fmt: skip
    joined = rows.join(of_mice, on="mouse_id", how="left", maintain_order="left")
    for row in joined.filter(pl.col("arm").is_not_null() & (pl.col("arm") != pl.col("stated"))).head(1).to_dicts():
        raise DataFault(
            f"mouse {row['mouse_id']} is in two arms, {row['arm']} here and {row['stated']} in {mice_source}",
            subject=source,
            place=f"line {row['line']}, column arm",
            expected="each mouse in one arm",
            remedy="Correct one of the two files.",
        )
    for row in joined.filter(pl.col("day") > pl.col("end_day")).head(1).to_dicts():
        raise DataFault(
            f"mouse {row['mouse_id']} is measured on day {row['day']:g} and ended on day {row['end_day']:g}",
            subject=source,
            place=f"line {row['line']}, column day",
            expected="no measurement after the end",
            remedy=f"Correct the day here, or end_day in {mice_source}, line {row['mice_line']}.",
        )
    return joined.with_columns(arm="stated", tumour_id=pl.coalesce("tumour_id", "its")).select(rows.columns)


def _mice_of(rows: pl.DataFrame, source: str) -> pl.DataFrame:
    """Mice as the measurements name them; why their follow-up ended is not stated."""
    armless = rows.filter(pl.col("arm").is_null())
    if armless.height:
        raise DataFault(
            f"mouse {armless['mouse_id'][0]} has no arm",
            subject=source,
            place=f"line {armless['line'][0]}, column arm",
            expected="a column of arms, or a table of mice",
            remedy="Name the table in study.toml (mice = ...), or fill the column.",
        )
    grouped = rows.group_by("mouse_id", maintain_order=True)
    two = grouped.agg(pl.col("arm").unique(maintain_order=True), pl.col("line")).filter(pl.col("arm").list.len() > 1)
    for row in two.head(1).to_dicts():
        raise DataFault(
            f"mouse {row['mouse_id']} is in two arms, {row['arm'][0]} and {row['arm'][1]}",
            subject=source,
            place=f"line {row['line'][0]}, column mouse_id",
            expected="each mouse in one arm",
            remedy="Correct its arm; set ids_within_arm = true in study.toml if mice are numbered anew in every arm.",
        )
    found = rows.group_by("mouse_id", maintain_order=True).agg(
        pl.col("arm").first(), pl.col("tumour_id").first(), end_day=pl.col("day").max(), start_day=pl.col("day").min(),
        line=pl.col("line").first(),
    )  # fmt: skip
    return found.with_columns(cage=pl.lit(None, pl.String), end_reason=pl.lit(NOT_STATED)).select(list(SCHEMA))


def _check_twice(rows: pl.DataFrame, source: str) -> None:
    repeated = rows.filter(pl.struct("mouse_id", "day").is_duplicated()).sort("mouse_id", "day", "line")
    if repeated.height:
        one, other = repeated.head(2).to_dicts()
        raise DataFault(
            f"mouse {one['mouse_id']} is measured twice on day {one['day']:g}",
            subject=source,
            place=f"lines {one['line']} and {other['line']}",
            expected="one row per mouse and day",
            remedy="Keep one of the rows, or name the mice (ids_within_arm, or a column mouse_id).",
        )


def _count_measurements(
    mice: pl.DataFrame, rows: pl.DataFrame, source: str, notes: list[tuple[str, str, str]]
) -> pl.DataFrame:
    """Mice with their number of measurements; those without any started nothing and are left out, with a note."""
    counted = mice.join(
        rows.group_by("mouse_id").agg(n_measurements=pl.len().cast(pl.Int64)), on="mouse_id", how="left",
        maintain_order="left",
    ).with_columns(pl.col("n_measurements").fill_null(0))  # fmt: skip
    never = counted.filter(pl.col("n_measurements") == 0)
    if never.height:
        names = ", ".join(never["mouse_id"].head(6).to_list())
        notes.append((source, "mice", f"{never.height} mice have no measurement and count as not started: {names}"))
    few = counted.filter(pl.col("n_measurements").is_between(1, 2))
    if few.height:
        names = ", ".join(few["mouse_id"].head(6).to_list())
        notes.append((source, "mice", f"{few.height} mice have fewer than 3 measurements and no slope: {names}"))
    return counted.filter(pl.col("n_measurements") > 0)


def _check_arms(study: TumourGrowthStudy, mice: pl.DataFrame, source: str) -> None:
    arms = sorted(mice["arm"].unique())
    named: Sequence[tuple[str, str]] = [
        ("control_arm", study.control_arm),
        *(("combination_arm", arm) for arm in [study.combination_arm] if arm),
        *(("combination_of", arm) for arm in study.combination_of),
    ]
    for key, arm in named:
        if arm not in arms:
            near = nearest_name(arm, arms)
            raise DataFault(
                f"no mouse is in the arm {arm}, which study.toml names as {key}",
                subject=source,
                place="column arm",
                expected=f"one of {', '.join(arms[:12])}",
                remedy=f"Did you mean {near}?" if near else f"Correct {key} in study.toml.",
            )
    if len(arms) < 2:
        raise DataFault(
            f"all mice are in the arm {arms[0]}", subject=source, place="column arm", expected="two or more arms",
            remedy="Add the mice of the other arms.",
        )  # fmt: skip


def _warn_of_limit(
    rows: pl.DataFrame, mice: pl.DataFrame, study: TumourGrowthStudy, source: str, notes: list[tuple[str, str, str]]
) -> None:
    """A note of mice that were sacrificed for size and whose last volume is below the limit."""
    if study.volume_limit_mm3 is None:
        return
    last = rows.sort("day").group_by("mouse_id").agg(pl.col("volume_mm3").last())
    early = mice.filter(pl.col("end_reason") == "tumour_volume_limit").join(last, on="mouse_id")
    early = early.filter(pl.col("volume_mm3") < study.volume_limit_mm3).sort("mouse_id")
    if early.height:
        told = ", ".join(f"{row['mouse_id']} ({row['volume_mm3']:.0f} mm3)" for row in early.head(6).to_dicts())
        notes.append((source, "mice", f"ended at the volume limit with a last volume below it: {told}"))


def is_within_tumours(stated: bool | None, mice: pl.DataFrame) -> bool:
    """What study.toml says; by default, whether there are several tumours with at most one mouse in each arm."""
    if stated is not None:
        return stated
    known = mice.filter(pl.col("tumour_id").is_not_null())
    if known.height < mice.height or known["tumour_id"].n_unique() < 2:
        return False
    return known.group_by("tumour_id", "arm").len()["len"].max() == 1
