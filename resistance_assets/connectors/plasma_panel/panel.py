"""The table of a panel: one column per marker, one row per sample and marker, an xPONENT export, or long NPX."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from resistance_assets.catalog.models.plasma_panel import PlasmaPanelStudy
from resistance_assets.connectors.formats.delimited import missing_column, nearest_name, read_bytes
from resistance_assets.connectors.lab_study.column_names import describe_mapping, map_columns
from resistance_assets.connectors.lab_study.decimal_numbers import (
    NumberCell,
    decide_decimal_mark,
    has_other_mark,
    tell_decimal_commas,
)
from resistance_assets.connectors.plasma_panel.cells import Cell, number_in, read_cell
from resistance_assets.errors import DataFault

SAMPLE_ALIASES: Mapping[str, Sequence[str]] = {
    "sample_id": ("sample", "sampleid", "sample_name", "specimen", "specimen_id"),
    "patient_id": ("patient", "patientid", "subject", "subject_id"),
    "timepoint": ("time_point", "time", "visit"),
}
LONG_ALIASES: Mapping[str, Sequence[str]] = {
    **SAMPLE_ALIASES,
    "marker": ("analyte", "assay", "target", "cytokine"),
    "value": ("npx", "concentration", "conc", "obs_conc", "result"),
    "lod": ("lower_limit", "limit_of_detection", "min_dc", "lloq"),
    "upper_limit": ("uloq", "upper_limit_of_quantification"),
    "unit": ("units",),
    "qc_warning": ("qc",),
}
NOBODY = ("", "NA", "NAN", "N/A")
NO_MARKERS = ("total_events", "location")
EXPECTED_CELL = "a number, <limit, OOR <, >limit, OOR >, *number, or empty, *** or NA for missing"
Format = Literal["wide", "long", "xponent"]


class PanelCell(NamedTuple):
    """A cell of a panel with its place, and the limits and unit that stand beside it, where they do."""

    sample_id: str
    marker: str
    text: str
    line: int
    column: str
    lod: str = ""
    upper_limit: str = ""
    unit: str = ""


@dataclass
class PanelText:
    """A panel as text.

    Attributes:
        cells: every cell.
        samples: sample_id -> patient_id and timepoint, where the panel has these columns.
        set_aside: (source, line, reason, row) of rows that are no sample of a patient.
        notes: (source, place, note) for people.
    """

    cells: list[PanelCell]
    samples: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    set_aside: list[tuple[str, int, str, str]] = field(default_factory=list)
    notes: list[tuple[str, str, str]] = field(default_factory=list)


def read_panel(path: Path, study: PlasmaPanelStudy, markers: Sequence[str], *, source: str) -> PanelText:
    """The cells of a panel.

    Args:
        path: the file.
        study: its options.
        markers: of the table of limits; none where there is no such table.
        source: what messages call the file.

    Raises:
        DataFault: a column is missing, a sample occurs twice, a block of an xPONENT file is not there.
    """
    lines = read_lines(path, source=source)
    form = study.format if study.format != "auto" else tell_format(lines)
    if form == "xponent":
        return _read_xponent(lines, study, source=source)
    header, rows = _as_table(lines, source)
    if form == "long":
        return _read_long(header, rows, study, source)
    return _read_wide(header, rows, study, markers, source)


def read_lines(path: Path, *, source: str) -> list[tuple[int, list[str]]]:
    """Line number and cells of every line that is not blank, whatever separates the cells."""
    data = read_bytes(path, source=source)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Older programs write the letters of Western Europe in one byte each.
        text = data.decode("cp1252", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    head = text.partition("\n")[0]
    separator = "\t" if "\t" in head else ";" if ";" in head and "," not in head else ","
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    lines = [(number, row) for number, row in lines if any(row)]
    if not lines:
        raise DataFault("the file is empty", subject=source, remedy="Fetch or write it again.")
    return lines


def tell_format(lines: Sequence[tuple[int, list[str]]]) -> Format:
    """Which layout a panel has, by its first line."""
    _, head = lines[0]
    names = {cell.lower().replace(" ", "_") for cell in head}
    if head[0].lower() == "program" and any("xponent" in cell.lower() for cell in head[1:3]):
        return "xponent"
    markers, values = ({"marker", *LONG_ALIASES["marker"]}, {"value", *LONG_ALIASES["value"]})
    return "long" if names & markers and names & values else "wide"


def _as_table(lines: Sequence[tuple[int, list[str]]], source: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    header = lines[0][1]
    while header and not header[-1]:
        header = header[:-1]
    for name in header:
        if name and header.count(name) > 1:
            raise DataFault(
                f"column {name} occurs twice", subject=source, place="header", remedy="Rename or remove one of them."
            )
    rows = []
    for number, row in lines[1:]:
        if any(row[len(header) :]):
            raise DataFault(
                f"the row has {len(row)} cells",
                subject=source,
                place=f"line {number}",
                expected=f"{len(header)}, as the header",
                remedy="The file is cut or was edited by hand: write it again.",
            )
        rows.append((number, (row + [""] * len(header))[: len(header)]))
    if not rows:
        raise DataFault("the table has a header and no row", subject=source, remedy="Write it again, with its rows.")
    return header, rows


def choose_rows(
    header: Sequence[str], rows: list[tuple[int, list[str]]], subset: Mapping[str, Sequence[str]], source: str
) -> list[tuple[int, list[str]]]:
    """Rows whose cells are among the values of `study.subset`, for the columns that this table has."""
    for column, values in subset.items():
        if column not in header:
            continue
        at = list(header).index(column)
        for value in values:
            if not any(row[at] == value for _, row in rows):
                near = nearest_name(value, sorted({row[at] for _, row in rows}))
                raise DataFault(
                    f"no row has {column} {value}",
                    subject=source,
                    place=f"column {column}",
                    remedy=f"Did you mean {near}?" if near else "Correct study.subset in study.toml.",
                )
        rows = [(number, row) for number, row in rows if row[at] in values]
    return rows


def _sample_of(row: Sequence[str], at: Mapping[str, int], line: int, mapping: Mapping[str, str], source: str) -> str:
    sample = row[at["sample_id"]]
    if not sample:
        raise DataFault(
            "the sample has no name",
            subject=source,
            place=f"line {line}, column {mapping['sample_id']}",
            remedy="Name the sample, or remove the row.",
        )
    return sample


def _of_sample(row: Sequence[str], at: Mapping[str, int]) -> tuple[str | None, str | None]:
    return tuple(row[at[name]] or None if name in at else None for name in ("patient_id", "timepoint"))  # type: ignore


def _read_wide(
    header: list[str],
    rows: list[tuple[int, list[str]]],
    study: PlasmaPanelStudy,
    markers: Sequence[str],
    source: str,
) -> PanelText:
    declared = {name: column for name, column in study.columns.items() if name in SAMPLE_ALIASES and column in header}
    names = [name for name in header if name]
    mapping = map_columns(names, SAMPLE_ALIASES, source=source, declared=declared, required=["sample_id"])
    at = {name: header.index(column) for name, column in mapping.items()}
    for column in study.ignored_columns:
        if column not in header:
            raise missing_column(column, header, source=source)
    aside = {*at.values(), *(header.index(name) for name in study.ignored_columns)}
    columns = [(place, name) for place, name in enumerate(header) if name and place not in aside]
    known = {name for _, name in columns}
    if lacking := [marker for marker in markers if marker not in known]:
        raise missing_column(lacking[0], names, source=source)
    rows = choose_rows(header, rows, study.subset, source)
    found = PanelText([])
    lines: dict[str, int] = {}
    for line, row in rows:
        sample = _sample_of(row, at, line, mapping, source)
        if sample in lines:
            raise DataFault(
                f"sample {sample} occurs twice",
                subject=source,
                place=f"lines {lines[sample]} and {line}, column {mapping['sample_id']}",
                expected="each sample once",
                remedy="Keep one of the rows, or average technical replicates.",
            )
        lines[sample] = line
        if "patient_id" in at:
            found.samples[sample] = _of_sample(row, at)
        found.cells += [PanelCell(sample, name, row[place], line, name) for place, name in columns]
    if told := describe_mapping(mapping):
        found.notes.append((source, "header", told))
    return found


def _read_long(header: list[str], rows: list[tuple[int, list[str]]], study: PlasmaPanelStudy, source: str) -> PanelText:
    names = [name for name in header if name]
    declared = {name: column for name, column in study.columns.items() if name in LONG_ALIASES and column in header}
    mapping = map_columns(
        names, LONG_ALIASES, source=source, declared=declared, required=["sample_id", "marker", "value"]
    )
    at = {name: header.index(column) for name, column in mapping.items()}
    rows = choose_rows(header, rows, study.subset, source)
    found, seen, warned = PanelText([]), {}, 0
    for line, row in rows:
        if "patient_id" in at and row[at["patient_id"]].upper() in NOBODY:
            found.set_aside.append((source, line, "no patient: a control of the plate", "\t".join(row)))
            continue
        sample, marker = _sample_of(row, at, line, mapping, source), row[at["marker"]]
        if not marker:
            raise DataFault(
                "the marker has no name", subject=source, place=f"line {line}, column {mapping['marker']}",
                remedy="Name the marker, or remove the row.",
            )  # fmt: skip
        if (sample, marker) in seen:
            raise DataFault(
                f"marker {marker} of sample {sample} occurs twice",
                subject=source,
                place=f"lines {seen[sample, marker]} and {line}",
                expected="one row per sample and marker",
                remedy="Keep one of the rows, or average technical replicates.",
            )
        seen[sample, marker] = line
        warned += "qc_warning" in at and row[at["qc_warning"]].lower() not in ("", "pass")
        if "patient_id" in at:
            told = _of_sample(row, at)
            if found.samples.setdefault(sample, told) != told:
                raise DataFault(
                    f"sample {sample} has two patients or time points",
                    subject=source,
                    place=f"line {line}",
                    remedy="Correct one of its rows.",
                )
        beside = {name: row[at[name]] for name in ("lod", "upper_limit", "unit") if name in at}
        found.cells.append(PanelCell(sample, marker, row[at["value"]], line, mapping["value"], **beside))
    if told := describe_mapping(mapping):
        found.notes.append((source, "header", told))
    if found.set_aside:
        controls = f"{len(found.set_aside)} rows without a patient, controls of the plates, were set aside"
        found.notes.append((source, f"column {mapping['patient_id']}", controls))
    if warned:
        found.notes.append((source, "column QC_Warning", f"{warned} values with a warning of the vendor are kept"))
    return found


def _read_xponent(lines: Sequence[tuple[int, list[str]]], study: PlasmaPanelStudy, *, source: str) -> PanelText:
    blocks = xponent_blocks(lines)
    wanted = study.data_type or next((name for name in ("Result", "Avg Result") if name in blocks), None)
    if wanted is None or wanted not in blocks:
        near = nearest_name(wanted, list(blocks)) if wanted else None
        raise DataFault(
            f"there is no block {wanted}" if wanted else "there is no block of concentrations (Result)",
            subject=source,
            expected=f"one of {', '.join(blocks)}" if blocks else "blocks that begin with DataType:",
            remedy=f"Did you mean {near}?"
            if near
            else 'Set data_type in study.toml: intensities ("Median", "Net MFI") can be compared, but are no pg/ml.',
        )
    header, rows = blocks[wanted]
    if "Sample" not in header:
        raise missing_column("Sample", header, source=source)
    at = header.index("Sample")
    columns = [
        (place, name)
        for place, name in enumerate(header)
        if name and place != at and name.lower().replace(" ", "_") not in NO_MARKERS
    ]
    found, seen = PanelText([]), {}
    for line, row in rows:
        sample = row[at] if at < len(row) else ""
        if not sample or sample.lower() == "background":
            continue
        if sample in seen:
            averaged = [name for name in blocks if name.startswith("Avg")]
            raise DataFault(
                f"sample {sample} occurs twice in the block {wanted}",
                subject=source,
                place=f"lines {seen[sample]} and {line}",
                expected="each sample once: wells of a sample are no replicates of a patient",
                remedy=f'Set data_type = "{averaged[0]}", which averages the wells.'
                if averaged
                else "Average its wells.",
            )
        seen[sample] = line
        for place, name in columns:
            found.cells.append(PanelCell(sample, name, row[place] if place < len(row) else "", line, name))
    found.notes.append((source, f"block {wanted}", f"read from the xPONENT export: {len(seen)} samples"))
    return found


def xponent_blocks(
    lines: Sequence[tuple[int, list[str]]],
) -> dict[str, tuple[list[str], list[tuple[int, list[str]]]]]:
    """Blocks of an xPONENT export: data type -> header and rows with their lines."""
    blocks: dict[str, tuple[list[str], list[tuple[int, list[str]]]]] = {}
    name, last = None, None
    for number, row in lines:
        if row[0] == "DataType:":
            name, last = row[1] if len(row) > 1 else "", number
            continue
        if name is None or last is None:
            continue
        if name not in blocks:
            blocks[name] = (row, [])
        else:
            blocks[name][1].append((number, row))
    return blocks


def decide_panel_mark(text: PanelText, study: PlasmaPanelStudy, *, source: str) -> str:
    """Decimal mark of the values and limits of a panel, noted where it is a comma. Raises DataFault as
    `decide_decimal_mark`."""
    numbers = [
        NumberCell(number, cell.line, cell.column)
        for cell in text.cells
        if (number := number_in(cell.text)) is not None
    ]
    limits = [
        NumberCell(value, cell.line, name)
        for cell in text.cells
        for name in ("lod", "upper_limit")
        if (value := getattr(cell, name))
    ]
    mark = decide_decimal_mark([*numbers, *limits], source=source, declared=study.decimal)
    if told := tell_decimal_commas([*numbers, *limits], mark):
        text.notes.append((source, "values", told))
    return mark


def read_cells(text: PanelText, mark: str, *, source: str) -> list[tuple[PanelCell, Cell]]:
    """What every cell says, with that decimal mark.

    Raises:
        DataFault: a cell is no text that is known, which is never taken for missing.
    """
    found = []
    for cell in text.cells:
        said = read_cell(cell.text)
        number = number_in(cell.text) if said is not None else None
        if said is None or (number is not None and has_other_mark(number, mark)):
            raise DataFault(
                f"{cell.text[:40]!r} is no value",
                subject=source,
                place=f"line {cell.line}, column {cell.column} (sample {cell.sample_id}, marker {cell.marker})",
                expected=EXPECTED_CELL,
                remedy="Correct the cell.",
            )
        found.append((cell, said))
    return found
