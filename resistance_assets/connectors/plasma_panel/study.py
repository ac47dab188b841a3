"""A study of a plasma panel: its tables read, held against each other and put in rows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy, StudySurvival
from resistance_assets.catalog.models.plasma_panel import PlasmaPanelFile, PlasmaPanelStudy
from resistance_assets.connectors.formats.delimited import missing_column, nearest_name, rejected_rows
from resistance_assets.connectors.lab_study.column_names import map_columns
from resistance_assets.connectors.lab_study.decimal_numbers import NumberCell, decide_decimal_mark, read_decimals
from resistance_assets.connectors.lab_study.sample_sheet import check_follow_up, warnings
from resistance_assets.connectors.lab_study.table_text import NULLS, check_distinct, name_of, split_table
from resistance_assets.connectors.plasma_panel.panel import (
    SAMPLE_ALIASES,
    PanelText,
    choose_rows,
    decide_panel_mark,
    read_cells,
    read_panel,
)
from resistance_assets.errors import DataFault

LIMIT_ALIASES = {
    "marker": ("analyte", "assay", "target", "cytokine"),
    "unit": ("units",),
    "lod": ("lower_limit", "limit_of_detection", "min_dc", "lloq"),
    "upper_limit": ("uloq", "upper_limit_of_quantification", "max"),
}
CELLS_SCHEMA = {
    "sample_id": pl.String,
    "marker": pl.String,
    "text": pl.String,
    "flag": pl.String,
    "number": pl.Float64,
    "is_extrapolated": pl.Boolean,
    "unit": pl.String,
    "lod": pl.Float64,
    "upper_limit": pl.Float64,
}


class PlasmaPanelFrames(NamedTuple):
    """Frames of a study.

    Attributes:
        cells: columns of `CELLS_SCHEMA`.
        samples: sample_id, patient_id, timepoint (null where there is one alone).
        patients: patient_id and the columns of the table of patients, text.
        rejected: source, line, reason, row.
        warnings: source, place, warning.
    """

    cells: pl.DataFrame
    samples: pl.DataFrame
    patients: pl.DataFrame
    rejected: pl.DataFrame
    warnings: pl.DataFrame


def read_plasma_panel_study(local: LocalStudy) -> PlasmaPanelFrames:
    """Panel, limits, samples and patients of one study.

    Raises:
        DataFault: as the readers; a sample of the panel belongs to no patient, a patient has two samples of one time
            point, study.toml names a time point, group, column or marker that is not there.
    """
    file: PlasmaPanelFile = local.file
    study: PlasmaPanelStudy = file.study
    panel_source = name_of(local.folder / study.panel, local.id)
    limits = _read_limits(local.folder / study.limits, study, local.id) if study.limits else {}
    text = read_panel(local.folder / study.panel, study, list(limits), source=panel_source)
    cells = _cells_of(text, study, limits, panel_source)
    samples = _samples_of(local, study, text, cells, panel_source)
    cells = cells.filter(pl.col("sample_id").is_in(samples["sample_id"].to_list()))
    notes = list(text.notes)
    patients = pl.DataFrame(schema={"patient_id": pl.String})
    rejected = rejected_rows(text.set_aside)
    if study.patients:
        patients = _read_patients(local, study)
        _hold_together(samples, patients, study, local, notes)
    _check_questions(file, samples, patients, cells, local)
    _check_follow_up(file, patients, local)
    _note_timepoints(file, samples, panel_source, notes)
    return PlasmaPanelFrames(cells, samples, patients, rejected, warnings(notes))


def _read_limits(path: Path, study: PlasmaPanelStudy, study_id: str) -> dict[str, dict[str, Any]]:
    """Marker -> lod, upper_limit (None where blank) and unit."""
    text = split_table(path, source=name_of(path, study_id))
    declared = {name: at for name, at in study.columns.items() if name in LIMIT_ALIASES and at in text.header}
    mapping = map_columns(text.header, LIMIT_ALIASES, source=text.source, declared=declared, required=["marker", "lod"])
    frame = text.frame(nulls=NULLS)
    markers = frame[mapping["marker"]].str.strip_chars()
    check_distinct(markers, text, column=mapping["marker"], what="marker", remedy="Keep one of the rows")
    columns = {
        name: frame[mapping[name]].str.strip_chars().replace("", None)
        for name in ("lod", "upper_limit")
        if name in mapping
    }
    cells = [
        NumberCell(cell, int(text.lines[row]), mapping[name])
        for name, column in columns.items()
        for row, cell in enumerate(column)
        if cell is not None
    ]
    mark = decide_decimal_mark(cells, source=text.source, declared=study.decimal)
    numbers: dict[str, list[float | None]] = {name: [None] * text.height for name in ("lod", "upper_limit")}
    for name, column in columns.items():
        values = read_decimals(column, mark)
        wrong = (column.is_not_null() & values.is_null()).arg_true()
        if len(wrong):
            raise text.cell_fault(column, int(wrong[0]), expected="a number or nothing", remedy="Correct the cell.")
        numbers[name] = values.to_list()
    units = frame[mapping["unit"]].to_list() if "unit" in mapping else [study.unit] * text.height
    found = {}
    for at, marker in enumerate(markers.to_list()):
        low, high = numbers["lod"][at], numbers["upper_limit"][at]
        if low is not None and high is not None and low >= high:
            raise DataFault(
                f"the limit of detection {low:g} of {marker} is not below its upper limit {high:g}",
                subject=text.source,
                place=f"line {int(text.lines[at])}",
                remedy="Correct the limits.",
            )
        found[marker] = {"lod": low, "upper_limit": high, "unit": units[at] or study.unit}
    return found


def _cells_of(text: PanelText, study: PlasmaPanelStudy, limits: dict[str, dict[str, Any]], source: str) -> pl.DataFrame:
    rows = []
    mark = decide_panel_mark(text, study, source=source)
    for cell, said in read_cells(text, mark, source=source):
        own = limits.get(cell.marker, {})
        lod, upper = (
            _limit(value, cell.line, name, mark, source) if (value := getattr(cell, name)) else own.get(name)
            for name in ("lod", "upper_limit")
        )
        rows.append(
            (
                cell.sample_id,
                cell.marker,
                cell.text or None,
                said.flag,
                said.number,
                said.extrapolated,
                cell.unit or own.get("unit") or study.unit,
                lod,
                upper,
            )
        )
    if not rows:
        raise DataFault("the panel has no marker", subject=source, remedy="Add the columns of the markers.")
    return pl.DataFrame(rows, schema=CELLS_SCHEMA, orient="row")


def _limit(text: str, line: int, name: str, mark: str, source: str) -> float | None:
    value = read_decimals(pl.Series([text]), mark)[0]
    if value is None and text not in NULLS:
        raise DataFault(
            f"{text[:40]!r} is no limit",
            subject=source,
            place=f"line {line}, column {name}",
            expected="a number or nothing",
            remedy="Correct the cell.",
        )
    return None if value is None or math.isnan(value) else float(value)


def _samples_of(
    local: LocalStudy, study: PlasmaPanelStudy, text: PanelText, cells: pl.DataFrame, panel_source: str
) -> pl.DataFrame:
    """Who gave the samples: of a table of their own, of columns of the panel, or the patients themselves."""
    ids = cells["sample_id"].unique(maintain_order=True).to_list()
    if study.samples is None:
        rows = [(sample, *(text.samples.get(sample) or (sample, None))) for sample in ids]
        blank = [sample for sample, patient, _ in rows if patient is None]
        if blank:
            raise DataFault(
                f"sample {blank[0]} has no patient", subject=panel_source, remedy="Fill the column of patients."
            )
        schema = {"sample_id": pl.String, "patient_id": pl.String, "timepoint": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row")
    path = local.folder / study.samples
    sheet = split_table(path, source=name_of(path, local.id))
    declared = {name: at for name, at in study.columns.items() if name in SAMPLE_ALIASES and at in sheet.header}
    mapping = map_columns(
        sheet.header, SAMPLE_ALIASES, source=sheet.source, declared=declared, required=["sample_id", "patient_id"]
    )
    frame = sheet.frame(nulls=NULLS).with_columns(pl.all().str.strip_chars().replace("", None))
    check_distinct(
        frame[mapping["sample_id"]], sheet, column="sample_id", what="sample", remedy="Keep one of the lines"
    )
    rows = [(int(line), list(row)) for line, row in zip(sheet.lines, frame.rows(), strict=True)]
    kept = choose_rows(sheet.header, rows, study.subset, sheet.source)
    at = {name: sheet.header.index(column) for name, column in mapping.items()}
    known = {row[at["sample_id"]]: row for _, row in kept}
    everywhere = {row[at["sample_id"]] for _, row in rows}
    for sample in ids:
        if sample not in everywhere:
            near = nearest_name(sample, sorted(str(name) for name in everywhere))
            raise DataFault(
                f"sample {sample} of {panel_source} is not in it",
                subject=sheet.source,
                place=f"column {mapping['sample_id']}",
                expected="every sample of the panel",
                remedy=f"Did you mean {near}?" if near else "Add the sample with its patient.",
            )
    found = []
    for sample in ids:
        if sample not in known:
            continue
        row = known[sample]
        patient = row[at["patient_id"]]
        if patient is None:
            raise DataFault(
                f"sample {sample} has no patient",
                subject=sheet.source,
                remedy="Fill its cell in the column of patients.",
            )
        found.append((sample, patient, row[at["timepoint"]] if "timepoint" in at else None))
    schema = {"sample_id": pl.String, "patient_id": pl.String, "timepoint": pl.String}
    return pl.DataFrame(found, schema=schema, orient="row")


def _read_patients(local: LocalStudy, study: PlasmaPanelStudy) -> pl.DataFrame:
    path = local.folder / str(study.patients)
    text = split_table(path, source=name_of(path, local.id))
    declared = {name: at for name, at in study.columns.items() if name == "patient_id" and at in text.header}
    aliases = {"patient_id": SAMPLE_ALIASES["patient_id"]}
    mapping = map_columns(text.header, aliases, source=text.source, declared=declared, required=["patient_id"])
    frame = text.frame(nulls=NULLS).with_columns(pl.all().str.strip_chars().replace("", None))
    frame = frame.rename({mapping["patient_id"]: "patient_id"})
    blank = frame["patient_id"].is_null().arg_true()
    if len(blank):
        raise DataFault(
            "the patient has no name",
            subject=text.source,
            place=f"line {int(text.lines[int(blank[0])])}, column {mapping['patient_id']}",
            remedy="Fill the cell, or remove the row.",
        )
    check_distinct(frame["patient_id"], text, column="patient_id", what="patient", remedy="Keep one of the lines")
    return frame.select("patient_id", pl.exclude("patient_id"))


def _hold_together(
    samples: pl.DataFrame,
    patients: pl.DataFrame,
    study: PlasmaPanelStudy,
    local: LocalStudy,
    notes: list[tuple[str, str, str]],
) -> None:
    """Refuse samples of unknown patients; tell patients without a sample."""
    source = name_of(local.folder / str(study.patients), local.id)
    known = patients["patient_id"].to_list()
    strangers = samples.filter(~pl.col("patient_id").is_in(known))
    if strangers.height:
        one = strangers.row(0, named=True)
        near = nearest_name(one["patient_id"], known)
        raise DataFault(
            f"patient {one['patient_id']} of sample {one['sample_id']} is not in it",
            subject=source,
            place="column patient_id",
            expected="every patient who gave a sample",
            remedy=f"Did you mean {near}?" if near else "Add the patient.",
        )
    without = [patient for patient in known if patient not in set(samples["patient_id"])]
    if without:
        notes.append((source, "patients", f"{len(without)} patients have no sample, such as {without[0]}"))


def _check_questions(
    file: PlasmaPanelFile, samples: pl.DataFrame, patients: pl.DataFrame, cells: pl.DataFrame, local: LocalStudy
) -> None:
    """Refuse time points, columns and markers that study.toml names and no table has; two samples of one time point."""
    toml = name_of(local.folder / "study.toml", local.id)
    points = [point for point in samples["timepoint"].unique(maintain_order=True) if point is not None]
    asked = [("study.baseline", file.study.baseline)] if points else []
    asked += [("pairs.later", file.pairs.later)] if file.pairs else []
    for key, point in asked:
        if point not in points:
            near = nearest_name(point, points)
            raise DataFault(
                f"no sample has the time point {point}",
                subject=toml,
                place=f"key {key}",
                expected=f"one of {', '.join(points)}" if points else "samples with time points",
                remedy=f"Did you mean {near}?" if near else "Correct the time point.",
            )
    used = samples.filter(pl.col("timepoint").is_in([point for _, point in asked])) if points else samples
    twice = used.filter(pl.struct("patient_id", "timepoint").is_duplicated())
    if twice.height:
        one = twice.row(0, named=True)
        when = f" at {one['timepoint']}" if one["timepoint"] else ""
        raise DataFault(
            f"patient {one['patient_id']} has {twice.filter(pl.col('patient_id') == one['patient_id']).height} samples"
            f"{when}",
            subject=name_of(local.folder / (file.study.samples or file.study.panel), local.id),
            place=f"sample {one['sample_id']}",
            expected="one sample per patient and time point",
            remedy="Choose one of them (subset), or average technical replicates.",
        )
    markers = cells["marker"].unique().to_list()
    columns = [name for name in patients.columns if name != "patient_id"]
    named = [*((f"model {one.id}", term, [*markers, *columns]) for one in file.model for term in one.terms)]
    named += [("discrimination.markers", marker, markers) for marker in (file.discrimination and
              file.discrimination.markers) or ()]  # fmt: skip
    named += [("study.markers", marker, markers) for marker in file.study.markers]
    if file.groups:
        named += [("groups.covariates", name, columns) for name in file.groups.covariates]
        named += [("groups.column", name, columns) for name in [file.groups.column] if name]
    for key, name, known in named:
        if name not in known:
            near = nearest_name(name, known)
            raise DataFault(
                f"{name} is no marker of the panel" if known is markers else f"{name} is neither marker nor column",
                subject=toml,
                place=f"key {key}",
                remedy=f"Did you mean {near}?" if near else "Correct the name.",
            )
    if file.groups and file.groups.column:
        levels = [level for level in patients[file.groups.column].unique() if level is not None]
        for level in (file.groups.numerator, file.groups.denominator):
            if level not in levels:
                near = nearest_name(level, levels)
                raise DataFault(
                    f"no patient has {file.groups.column} {level}",
                    subject=toml,
                    place="key groups",
                    remedy=f"Did you mean {near}?" if near else "Correct the group.",
                )


def _check_follow_up(file: PlasmaPanelFile, patients: pl.DataFrame, local: LocalStudy) -> None:
    """Refuse follow-up that cannot be what study.toml says of it, as of every other study with follow-up."""
    source = name_of(local.folder / str(file.study.patients), local.id)
    for one in file.follow_up:
        for column in (one.time_column, one.event_column):
            if column not in patients.columns:
                raise missing_column(column, patients.columns, source=source)
        survival = StudySurvival(
            endpoint=one.endpoint, time_column=one.time_column, event_column=one.event_column, unit=one.unit
        )
        check_follow_up(patients.rename({"patient_id": "sample_id"}), survival, source=source)


def _note_timepoints(
    file: PlasmaPanelFile, samples: pl.DataFrame, source: str, notes: list[tuple[str, str, str]]
) -> None:
    """How many samples are of a time point that nothing is asked of."""
    points = {file.study.baseline, *([file.pairs.later] if file.pairs else [])}
    others = samples.filter(pl.col("timepoint").is_not_null() & ~pl.col("timepoint").is_in(list(points)))
    if others.height:
        told = ", ".join(sorted(others["timepoint"].unique()))
        notes.append((source, "samples", f"{others.height} samples of other time points take no part: {told}"))
