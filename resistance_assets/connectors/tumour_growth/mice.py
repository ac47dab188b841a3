"""What became of each mouse: its arm, and when and why its follow-up ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from resistance_assets.catalog.models.tumour_growth import TumourGrowthStudy
from resistance_assets.connectors.formats.delimited import nearest_name
from resistance_assets.connectors.lab_study.column_names import describe_mapping, map_columns
from resistance_assets.connectors.lab_study.decimal_numbers import (
    NumberCell,
    decide_decimal_mark,
    read_decimal,
    tell_decimal_commas,
)
from resistance_assets.connectors.tumour_growth.measurements import Grid, read_grid
from resistance_assets.errors import DataFault

ALIASES: Mapping[str, Sequence[str]] = {
    "mouse_id": ("id", "mouse", "mouse_no", "animal", "animal_id", "mid", "subject"),
    "arm": ("arms", "group", "grp", "treatment", "treatment_arm"),
    "tumour_id": ("tumor_id", "tumour", "tumor", "model", "pdx", "pdx_model"),
    "cage": (),
    "start_day": ("start", "first_day"),
    "end_day": ("end", "last_day", "day_of_end", "day_end"),
    "end_reason": ("reason", "reason_of_end", "cause"),
}
END_REASONS = ("study_end", "tumour_volume_limit", "found_dead", "body_weight_loss", "other")
NOT_STATED = "not_stated"
REASON_ALIASES = {
    "end_of_study": "study_end",
    "tumor_volume_limit": "tumour_volume_limit",
    "size_limit": "tumour_volume_limit",
    "weight_loss": "body_weight_loss",
    "dead": "found_dead",
    "died": "found_dead",
}
SCHEMA = {
    "mouse_id": pl.String,
    "arm": pl.String,
    "tumour_id": pl.String,
    "cage": pl.String,
    "start_day": pl.Float64,
    "end_day": pl.Float64,
    "end_reason": pl.String,
    "line": pl.Int64,
}


def read_mice(path: Path, study: TumourGrowthStudy, *, source: str) -> tuple[pl.DataFrame, list[tuple[str, str, str]]]:
    """The table of mice and notes for people.

    Returns:
        Columns of `SCHEMA`, one row per mouse.

    Raises:
        DataFault: a mouse is in two arms or has two rows, an end reason is not known, a day is no number.
    """
    grid = read_grid(path, source=source)
    names = [name for name in grid.header if name]
    declared = {name: column for name, column in study.columns.items() if name in ALIASES and column in grid.header}
    mapping = map_columns(names, ALIASES, source=source, declared=declared, required=["mouse_id", "arm"])
    at = {name: grid.header.index(column) for name, column in mapping.items()}
    seen: dict[str, tuple[int, str]] = {}
    rows = []
    days = _day_cells(grid, at, mapping)
    mark = decide_decimal_mark(days, source=source, declared=study.decimal)
    for line, cells in grid.rows:
        row = {name: cells[place] or None for name, place in at.items()}
        mouse, arm = row["mouse_id"], row["arm"]
        for name in ("mouse_id", "arm"):
            if row[name] is None:
                raise DataFault(
                    f"the mouse has no {'name' if name == 'mouse_id' else 'arm'}",
                    subject=source,
                    place=f"line {line}, column {mapping[name]}",
                    remedy="Fill the cell, or remove the row.",
                )
        key = f"{arm}/{mouse}" if study.ids_within_arm else str(mouse)
        if key in seen:
            first_line, first_arm = seen[key]
            two_arms = first_arm != arm
            raise DataFault(
                f"mouse {mouse} is in two arms, {first_arm} and {arm}" if two_arms else f"mouse {mouse} has two rows",
                subject=source,
                place=f"lines {first_line} and {line}, column {mapping['mouse_id']}",
                expected="each mouse once",
                remedy="Correct its arm; set ids_within_arm = true if mice are numbered anew in every arm."
                if two_arms
                else "Keep one of the rows.",
            )
        seen[key] = (line, str(arm))
        rows.append({**row, **_days(line, cells, at, mapping, mark, source), "mouse_id": key, "line": line,
                     "end_reason": _reason(row.get("end_reason"), line, mapping, source)})  # fmt: skip
    notes = [(source, "header", describe_mapping(mapping)), (source, "numbers", tell_decimal_commas(days, mark))]
    return pl.DataFrame(rows, schema=SCHEMA), [(file, place, told) for file, place, told in notes if told]


def _day_cells(grid: Grid, at: Mapping[str, int], mapping: Mapping[str, str]) -> list[NumberCell]:
    return [
        NumberCell(cells[at[name]], line, mapping[name])
        for line, cells in grid.rows
        for name in ("start_day", "end_day")
        if name in at and cells[at[name]]
    ]


def _days(
    line: int, cells: Sequence[str], at: Mapping[str, int], mapping: Mapping[str, str], mark: str, source: str
) -> dict[str, float]:
    return {
        name: read_decimal(NumberCell(cells[at[name]], line, mapping[name]), mark, source=source)
        for name in ("start_day", "end_day")
        if name in at and cells[at[name]]
    }


def _reason(text: str | None, line: int, mapping: Mapping[str, str], source: str) -> str:
    if text is None:
        return NOT_STATED
    plain = text.strip().lower().replace(" ", "_").replace("-", "_")
    plain = REASON_ALIASES.get(plain, plain)
    if plain in END_REASONS:
        return plain
    near = nearest_name(plain, END_REASONS)
    raise DataFault(
        f"{text[:40]!r} is no reason for the end of follow-up",
        subject=source,
        place=f"line {line}, column {mapping['end_reason']}",
        expected=f"one of {', '.join(END_REASONS)}",
        remedy=f"Did you mean {near}?" if near else "Write other where none fits.",
    )
