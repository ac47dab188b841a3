"""Measurements of tumours as laboratories and programs write them, one row per mouse and day or one column per day."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from resistance_assets.catalog.models.tumour_growth import TumourGrowthStudy
from resistance_assets.connectors.formats.delimited import missing_column, nearest_name, read_bytes
from resistance_assets.connectors.lab_study.column_names import describe_mapping, map_columns, plain_name
from resistance_assets.connectors.lab_study.decimal_numbers import (
    NumberCell,
    decide_decimal_mark,
    read_decimal,
    tell_decimal_commas,
)
from resistance_assets.connectors.lab_study.table_text import NULLS
from resistance_assets.errors import DataFault

ALIASES: Mapping[str, Sequence[str]] = {
    "mouse_id": ("id", "mouse", "mouse_no", "animal", "animal_id", "mid", "subject"),
    "arm": ("arms", "group", "grp", "treatment", "treatment_arm"),
    "tumour_id": ("tumor_id", "tumour", "tumor", "model", "pdx", "pdx_model"),
    "day": ("days", "time", "times", "time_days", "days_post_t0", "days_post_treatment", "day_of_treatment"),
    "length_mm": ("length", "l", "length_cm", "long_diameter", "long_diameter_mm"),
    "width_mm": ("width", "w", "width_cm", "short_diameter", "short_diameter_mm"),
    "volume_mm3": ("volume", "volume_cm3", "tumour_volume", "tumor_volume", "tumour_volume_mm3", "tumor_volume_mm3"),
    "body_weight_g": ("body_weight", "bodyweight", "weight", "weight_g", "bw", "bw_g"),
    "use": (),
}
NUMBERS = ("day", "length_mm", "width_mm", "volume_mm3", "body_weight_g")
# Marks of the second header row that are known: programs write V for volumes.
KNOWN_MEASURES = {"v": "volume", "vol": "volume", "volume": "volume", "tv": "volume", "volume_mm3": "volume"}
ROW_SCHEMA = {
    "line": pl.Int64,
    "mouse_id": pl.String,
    "arm": pl.String,
    "tumour_id": pl.String,
    "day": pl.Float64,
    "length_mm": pl.Float64,
    "width_mm": pl.Float64,
    "volume_mm3": pl.Float64,
    "body_weight_g": pl.Float64,
    "row": pl.String,
}


@dataclass
class Grid:
    """A text table as cells.

    Attributes:
        source: what messages call the file.
        header: names of the columns, blanks around them removed.
        rows: line in the file and cells, of every line that is not blank; as many cells as the header has.
    """

    source: str
    header: list[str]
    rows: list[tuple[int, list[str]]]
    second_header: list[str] | None = None


@dataclass
class Measurements:
    """What a table of measurements holds.

    Attributes:
        rows: columns of `ROW_SCHEMA` in mm, mm3 and g; null where the table has no such column or the cell is blank.
        set_aside: (source, line, reason, row) of rows that were not read.
        notes: (source, place, note) for people.
        has: our names of the columns that the table has.
    """

    rows: pl.DataFrame
    set_aside: list[tuple[str, int, str, str]] = field(default_factory=list)
    notes: list[tuple[str, str, str]] = field(default_factory=list)
    has: frozenset[str] = frozenset()


def read_grid(path: Path, *, source: str) -> Grid:
    """A delimited table as cells. Raises DataFault where it is empty or a row has more cells than the header."""
    try:
        text = read_bytes(path, source=source).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise DataFault(
            f"byte 0x{error.object[error.start]:02x} is not UTF-8", subject=source, remedy="Save the file as UTF-8."
        ) from error
    head = text.partition("\n")[0]
    separator = "\t" if "\t" in head else ";" if ";" in head else ","
    lines = [(number, cells) for number, cells in _split(text, separator) if any(cell.strip() for cell in cells)]
    if len(lines) < 2:
        raise DataFault("the table has no row", subject=source, remedy="Write it again, with its rows.")
    header = [cell.strip(" \t\u00a0\u200b\ufeff") for cell in lines[0][1]]
    rows = []
    for number, cells in lines[1:]:
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            raise DataFault(
                f"the row has {len(cells)} cells",
                subject=source,
                place=f"line {number}",
                expected=f"{len(header)}, as the header",
                remedy="Quote cells that hold the separator, or write the file again.",
            )
        cells = [_cell(cell) for cell in cells[: len(header)]]
        rows.append((number, cells + [""] * (len(header) - len(cells))))
    return Grid(source, header, rows)


def _split(text: str, separator: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    return [(reader.line_num, cells) for cells in reader]


def _cell(text: str) -> str:
    stripped = text.strip()
    return "" if stripped in NULLS else stripped


def is_wide(grid: Grid) -> bool:
    """Whether the columns are days."""
    return sum(_as_day(name) is not None for name in grid.header) >= 2


def _as_day(name: str) -> float | None:
    found = re.fullmatch(r"(?:day|d)?[ _]?(-?\d+(?:[.,]\d+)?)", name.strip(), re.IGNORECASE)
    return float(found.group(1).replace(",", ".")) if found else None


def read_measurements(path: Path, study: TumourGrowthStudy, *, source: str) -> Measurements:
    """The table of measurements, in either layout.

    Raises:
        DataFault: a column is missing or may be two things, a cell is no number, a unit disagrees with a column's name,
            or a second header row names a measure that is not a volume.
    """
    grid = _choose_rows(read_grid(path, source=source), study.subset)
    return _read_wide(grid, study) if is_wide(grid) else _read_long(grid, study)


def read_body_weights(
    path: Path, study: TumourGrowthStudy, *, source: str
) -> tuple[pl.DataFrame, list[tuple[str, str, str]]]:
    """Body weights of a table of their own (mouse_id, arm, which is null where it has none, day, body_weight_g), and
    notes for people."""
    grid = _choose_rows(read_grid(path, source=source), study.subset)
    aliases = {name: ALIASES[name] for name in ("mouse_id", "arm", "tumour_id", "day", "body_weight_g")}
    declared = {name: column for name, column in study.columns.items() if column in grid.header and name in aliases}
    names = [name for name in grid.header if name]
    mapping = map_columns(
        names, aliases, source=source, declared=declared, required=["mouse_id", "day", "body_weight_g"]
    )
    return _rows_of(grid, mapping, study)


def _choose_rows(grid: Grid, subset: Mapping[str, Sequence[str]]) -> Grid:
    for column, values in subset.items():
        if column not in grid.header:
            raise missing_column(column, grid.header, source=grid.source)
        at = grid.header.index(column)
        kept = [row for row in grid.rows if row[1][at] in values]
        lacking = [value for value in values if not any(row[1][at] == value for row in grid.rows)]
        if lacking:
            near = nearest_name(lacking[0], sorted({row[1][at] for row in grid.rows}))
            raise DataFault(
                f"no row has {column} {lacking[0]}",
                subject=grid.source,
                place=f"column {column}",
                remedy=f"Did you mean {near}?" if near else "Correct study.subset in study.toml.",
            )
        grid = Grid(grid.source, grid.header, kept)
    return grid


def _check_units(mapping: Mapping[str, str], study: TumourGrowthStudy, source: str) -> None:
    """Refuse a column whose name states another unit than study.toml."""
    for name, key, unit, other in (
        ("length_mm", "diameter_unit", study.diameter_unit, {"mm": "cm", "cm": "mm"}),
        ("width_mm", "diameter_unit", study.diameter_unit, {"mm": "cm", "cm": "mm"}),
        ("volume_mm3", "volume_unit", study.volume_unit, {"mm3": "cm3", "cm3": "mm3"}),
    ):
        column = mapping.get(name)
        if column is not None and plain_name(column).endswith(f"_{other[unit]}"):
            raise DataFault(
                f"column {column} is in {other[unit]}, and study.toml says {unit}",
                subject=source,
                place=f"column {column}",
                expected=f"one unit; without {key} it is {unit}",
                remedy=f'Set {key} = "{other[unit]}" in study.toml, or correct the column\'s name.',
            )


def _read_long(grid: Grid, study: TumourGrowthStudy) -> Measurements:
    names = [name for name in grid.header if name]
    mapping = map_columns(names, ALIASES, source=grid.source, declared=study.columns, required=["day"])
    _check_units(mapping, study, grid.source)
    has_diameters = "length_mm" in mapping and "width_mm" in mapping
    if not has_diameters and "volume_mm3" not in mapping:
        lacking = "width_mm" if "length_mm" in mapping else "length_mm"
        raise missing_column(lacking, names, source=grid.source)
    rows, notes = _rows_of(grid, mapping, study)
    found = Measurements(rows, notes=notes, has=frozenset(mapping))
    if told := describe_mapping(mapping):
        found.notes.append((grid.source, "header", told))
    return _without_unused(found, grid, mapping)


def _rows_of(
    grid: Grid, mapping: Mapping[str, str], study: TumourGrowthStudy
) -> tuple[pl.DataFrame, list[tuple[str, str, str]]]:
    """Rows of a long table, numbers read, units as ours; and notes for people."""
    at = {name: grid.header.index(column) for name, column in mapping.items()}
    numeric = [name for name in NUMBERS if name in at]
    cells = {name: [NumberCell(row[at[name]], line, mapping[name]) for line, row in grid.rows] for name in numeric}
    flat = [cell for name in numeric for cell in cells[name] if cell.text]
    mark = decide_decimal_mark(flat, source=grid.source, declared=study.decimal)
    notes = [(grid.source, "numbers", told)] if (told := tell_decimal_commas(flat, mark)) else []
    columns: dict[str, list] = {
        name: [read_decimal(cell, mark, source=grid.source) if cell.text else None for cell in cells[name]]
        for name in numeric
    }
    for name in ("mouse_id", "arm", "tumour_id"):
        columns[name] = [row[at[name]] or None for _, row in grid.rows] if name in at else [None] * len(grid.rows)
    columns["line"] = [line for line, _ in grid.rows]
    columns["row"] = ["\t".join(row) for _, row in grid.rows]
    schema = {name: dtype for name, dtype in ROW_SCHEMA.items() if name in columns}
    frame = pl.DataFrame(columns, schema=schema)
    frame = frame.with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in ROW_SCHEMA.items() if name not in columns
    )
    lengths = 10.0 if study.diameter_unit == "cm" else 1.0
    volumes = 1000.0 if study.volume_unit == "cm3" else 1.0
    frame = frame.with_columns(
        pl.col("length_mm") * lengths, pl.col("width_mm") * lengths, pl.col("volume_mm3") * volumes
    )
    return frame.select(list(ROW_SCHEMA)), notes


def _without_unused(found: Measurements, grid: Grid, mapping: Mapping[str, str]) -> Measurements:
    """Set rows aside that are not marked in a column `Use`, where any is."""
    column = mapping.get("use")
    if column is None:
        return found
    at = grid.header.index(column)
    unmarked = {line for line, row in grid.rows if not row[at]}
    if len(unmarked) == len(grid.rows):
        return found
    dropped = found.rows.filter(pl.col("line").is_in(list(unmarked)))
    for row in dropped.unique("line", keep="first", maintain_order=True).to_dicts():
        found.set_aside.append((grid.source, row["line"], f"not marked in column {column}", row["row"]))
    found.rows = found.rows.filter(~pl.col("line").is_in(list(unmarked)))
    return found


def _read_wide(grid: Grid, study: TumourGrowthStudy) -> Measurements:
    days = {at: day for at, name in enumerate(grid.header) if (day := _as_day(name)) is not None}
    names = [name for at, name in enumerate(grid.header) if name and at not in days]
    mapping = map_columns(names, ALIASES, source=grid.source, declared=study.columns, required=["mouse_id"])
    marks = _marks_of(grid, days)
    if marks is not None:
        grid = Grid(grid.source, grid.header, grid.rows[1:])
        _check_marks(grid, marks, study)
    cells = [NumberCell(row[at], line, grid.header[at]) for line, row in grid.rows for at in days if row[at]]
    mark = decide_decimal_mark(cells, source=grid.source, declared=study.decimal)
    commas = tell_decimal_commas(cells, mark)
    at_of = {name: grid.header.index(column) for name, column in mapping.items()}
    scale = 1000.0 if study.volume_unit == "cm3" else 1.0
    records = []
    for line, row in grid.rows:
        own = {name: row[at_of[name]] or None for name in ("mouse_id", "arm", "tumour_id") if name in at_of}
        for at, day in days.items():
            if row[at]:
                value = read_decimal(NumberCell(row[at], line, grid.header[at]), mark, source=grid.source)
                records.append({"line": line, "day": day, "volume_mm3": value * scale, "row": "\t".join(row), **own})
    found = Measurements(pl.DataFrame(records, schema=ROW_SCHEMA), has=frozenset({*mapping, "day", "volume_mm3"}))
    told = describe_mapping(mapping)
    layout = f"one column per day, {len(days)} days" + (f"; {told}" if told else "")
    found.notes.append((grid.source, "header", layout))
    if commas:
        found.notes.append((grid.source, "numbers", commas))
    return _without_unused(found, grid, mapping)


def _marks_of(grid: Grid, days: Mapping[int, float]) -> dict[int, str] | None:
    """Marks of a second header row below the days; None where the first row holds numbers."""
    _, first = grid.rows[0]
    texts = {at: first[at] for at in days}
    is_header = all(text and not any(character.isdigit() for character in text) for text in texts.values())
    return texts if is_header else None


def _check_marks(grid: Grid, marks: Mapping[int, str], study: TumourGrowthStudy) -> None:
    known = KNOWN_MEASURES | {mark.lower(): measure for mark, measure in study.measures.items()}
    for at, mark in marks.items():
        if known.get(mark.lower()) != "volume":
            raise DataFault(
                f"the second header row calls the measure {mark!r}, which is not known to be a volume",
                subject=grid.source,
                place=f"line 2, column {grid.header[at]}",
                expected="V for volumes; a surface (length x width) is no volume",
                remedy=f'Write volumes, or set measures = {{ "{mark}" = "volume" }} in study.toml if they are volumes.',
            )
