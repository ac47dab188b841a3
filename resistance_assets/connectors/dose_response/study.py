"""A dose-response study as its partitions of the raw tables hold it: its files read, and joined where they are two."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import polars as pl

from resistance_assets.catalog.models.dose_response import Plate
from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.connectors.dose_response.plate_exports import PlateValue, read_plate_export, well_name
from resistance_assets.connectors.dose_response.wells import (
    MAP_COLUMNS,
    PLATE,
    SCHEMA,
    as_wells,
    place_wells,
    read_calculator_wells,
    read_gdsc_wells,
    read_long_wells,
    read_published_fits,
)
from resistance_assets.connectors.formats.delimited import rejected_rows
from resistance_assets.connectors.lab_study.decimal_numbers import (
    NumberCell,
    decide_decimal_mark,
    read_decimals,
    tell_decimal_commas,
)
from resistance_assets.connectors.lab_study.measured_table import read_measured_table
from resistance_assets.connectors.lab_study.sample_sheet import warnings
from resistance_assets.connectors.lab_study.table_text import name_of
from resistance_assets.errors import DataFault

Notes = list[tuple[str, str, str]]


class DoseResponseFrames(NamedTuple):
    """Frames of a dose-response study: wells and published fits, rejected lines, warnings (source, place, warning)."""

    wells: pl.DataFrame
    published_fits: pl.DataFrame
    rejected: pl.DataFrame
    warnings: pl.DataFrame


PER_PLATE = ("replicate", "cell_line", "condition")
"""What `[[plate]]` may say of all wells of a plate."""
NO_WELLS = pl.DataFrame(schema=SCHEMA)


def read_study(local: LocalStudy) -> DoseResponseFrames:
    """Wells of one study, or the curves that others fitted. Raises DataFault at the first cell that cannot be meant."""
    study = local.study
    if study.format == "plate_map":
        return _read_plates(local)
    path = local.folder / study.wells
    source = name_of(path, local.id)
    if study.format == "gdsc_fitted":
        fits, rejected, notes = read_published_fits(path, study, source=source)
        return DoseResponseFrames(number_wells(NO_WELLS), fits, rejected, warnings((source, *note) for note in notes))
    read = {"long": read_long_wells, "gdsc_raw": read_gdsc_wells}.get(study.format, read_calculator_wells)
    wells, rejected, notes = read(path, study, source=source)
    _require_treated(wells, source)
    return DoseResponseFrames(
        number_wells(wells), pl.DataFrame(), rejected, warnings((source, *note) for note in notes)
    )


def number_wells(wells: pl.DataFrame) -> pl.DataFrame:
    """Wells with well_number, from 1."""
    return wells.with_row_index("well_number", offset=1)


def _require_treated(wells: pl.DataFrame, source: str) -> None:
    if wells.filter(pl.col("well_type") == "treated").is_empty():
        raise DataFault(
            "no well is treated",
            subject=source,
            expected="wells with a drug and a dose",
            remedy="Check the column well_type, and well_types in study.toml",
        )


def _read_plates(local: LocalStudy) -> DoseResponseFrames:
    """A plate map, and what the instrument wrote of each plate."""
    study, notes = local.study, Notes()
    path = local.folder / study.plate_map
    source = name_of(path, local.id)
    plates = local.file.plate
    given = {name for name in PER_PLATE if all(getattr(plate, name) is not None for plate in plates)}
    wanted = [
        replace(column, is_required=False) if column.name in given else column for column in (PLATE, *MAP_COLUMNS)
    ]
    table = read_measured_table(path, wanted, source=source, columns=study.columns, decimal=study.decimal)
    told = [*table.notes]
    placed = place_wells(table, study, told, given)
    if "well" not in table.column_of:
        raise DataFault(
            "column well is missing", subject=source, place="header", remedy="Add the position of each well, such as B3"
        )
    positions = [well_name(cell or "") for cell in table.texts("well")]
    if None in positions:
        row = positions.index(None)
        raise table.fault(
            f"{table.texts('well')[row]!r} is no well",
            "well",
            row,
            expected="a row letter and a column number, such as B3",
            remedy="Correct it",
        )
    is_shared = "plate_id" not in table.column_of
    placed = placed.with_columns(well=pl.Series(positions, dtype=pl.String), plate_id=table.texts("plate_id"))
    repeated = placed.select(pl.struct("plate_id", "well").is_duplicated().alias("twice"))["twice"]
    if repeated.any():
        row = int(repeated.arg_true()[1])
        raise table.fault(
            f"well {positions[row]} occurs twice on its plate", "well", row, remedy="Keep one of the lines"
        )
    frames, rejected = [], [rejected_rows()]
    for plate in plates:
        own = placed if is_shared else placed.filter(pl.col("plate_id") == plate.id)
        if own.is_empty():
            raise DataFault(
                f"the plate map has no well of plate {plate.id}",
                subject=source,
                expected=f"plates {', '.join(map(str, placed['plate_id'].unique().sort().to_list()[:12]))}",
                remedy="Name the plate in [[plate]] as the map does",
            )
        file = local.folder / plate.file
        export = read_plate_export(file, source=name_of(file, local.id))
        values = export.measurement(study.measurement)
        notes.append((export.source, f"plate {plate.id}", f"read as an export of kind {export.kind}"))
        own = own.with_columns(plate_id=pl.lit(plate.id), **_told_of(plate))
        numbers = [NumberCell(one.value, one.line, well[1:]) for well, one in values.items()]
        mark = decide_decimal_mark(numbers, source=export.source, declared=study.decimal)
        if commas := tell_decimal_commas(numbers, mark):
            notes.append((export.source, f"plate {plate.id}", commas))
        wells, missing = _fill(own, values, mark, export.source)
        frames.append(wells)
        rejected.append(missing)
        unmapped = sorted(set(values) - set(own["well"]))
        if unmapped:
            notes.append(
                (
                    export.source,
                    f"plate {plate.id}",
                    f"{len(unmapped)} wells are not on the map: {', '.join(unmapped[:8])}",
                )
            )
    wells = pl.concat(frames)
    _require_treated(wells, source)
    notes += [(source, *note) for note in told]
    return DoseResponseFrames(number_wells(wells), pl.DataFrame(), pl.concat(rejected), warnings(notes))


def _told_of(plate: Plate) -> dict[str, pl.Expr]:
    """What `[[plate]]` says of all wells of a plate; blanks belong to no line."""
    found = {name: getattr(plate, name) for name in PER_PLATE if getattr(plate, name) is not None}
    has_cells = pl.col("well_type") != "blank"
    return {name: pl.when(has_cells).then(pl.lit(value)).otherwise(pl.col(name)) for name, value in found.items()}


def _fill(
    placed: pl.DataFrame, values: dict[str, PlateValue], mark: str, source: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Signals of the wells of one plate; a well of the map that the export lacks is set aside."""
    cells = [values.get(well) for well in placed["well"]]
    texts = pl.Series("signal", [one.value if one else None for one in cells], dtype=pl.String).replace("", None)
    numbers = read_decimals(texts, mark)
    wrong = (texts.is_not_null() & numbers.is_null()).arg_true()
    if len(wrong):
        one = cells[wrong[0]]
        raise DataFault(
            f"{texts[wrong[0]]!r} in well {placed['well'][wrong[0]]} is no number",
            subject=source,
            place=f"line {one.line if one else 0}, column {placed['well'][wrong[0]][1:]}",
            expected=f"a number with a decimal {'comma' if mark == ',' else 'point'}",
            remedy='Correct it, or set decimal in [study]: OVRFLW and ***** are wells to leave out as "ignored"',
        )
    filled = placed.with_columns(
        signal=numbers,
        file=pl.lit(source),
        line=pl.Series([one.line if one else None for one in cells], dtype=pl.Int64),
    )
    is_kept = pl.col("signal").is_not_null() & (pl.col("well_type") != "ignored")
    left = filled.filter(~is_kept)
    reasons = left.select(
        reason=pl.when(pl.col("well_type") == "ignored")
        .then(pl.lit("a well that the study ignores"))
        .otherwise(pl.lit("no signal"))
    )["reason"]
    rejected = rejected_rows(
        (source, line or 1, reason, f"well {well}")
        for line, reason, well in zip(left["line"], reasons, left["well"], strict=True)
    )
    return as_wells(filled.filter(is_kept)), rejected
