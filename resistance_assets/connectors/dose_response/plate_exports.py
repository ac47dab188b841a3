"""What plate readers write of one plate: Gen5 and Kaleido exports, and a plain matrix of rows A, B ... by columns.

A matrix has the wells' values by plate row and column. Which kind of file it is is told by its first words, never by
its name. What is in a well is told by the plate map.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from resistance_assets.connectors.formats.delimited import read_bytes
from resistance_assets.connectors.formats.kinds import text_of_bytes
from resistance_assets.errors import DataFault

_ROW = re.compile(r"^[A-P]$|^A[A-F]$")
_WELL = re.compile(r"^([A-P]|A[A-F])0*([1-9][0-9]?)$")


@dataclass(frozen=True)
class PlateValue:
    """A well's value and the line of the file that holds it."""

    value: str
    line: int


@dataclass(frozen=True)
class PlateExport:
    """One plate as an instrument wrote it.

    Attributes:
        kind: gen5, kaleido or matrix.
        measurements: name of each measurement -> well (`A1`) -> value.
    """

    source: str
    kind: str
    measurements: dict[str, dict[str, PlateValue]]

    def measurement(self, name: str | None) -> dict[str, PlateValue]:
        """The values of one measurement. Raises DataFault if there are several and none is named, or not that one."""
        present = ", ".join(self.measurements)
        if name is None and len(self.measurements) == 1:
            return next(iter(self.measurements.values()))
        if name is None:
            raise DataFault(
                f"the plate has {len(self.measurements)} measurements: {present}",
                subject=self.source,
                expected="one, or measurement in [study]",
                remedy=f'Say which: measurement = "{next(iter(self.measurements))}"',
            )
        if name not in self.measurements:
            raise DataFault(
                f"there is no measurement {name}",
                subject=self.source,
                expected=f"one of {present}",
                remedy="Correct measurement in study.toml",
            )
        return self.measurements[name]


def well_name(text: str) -> str | None:
    """A position on a plate as `A1`; None for what is no position (`a01` is A1)."""
    found = _WELL.match(text.strip().upper())
    return f"{found.group(1)}{found.group(2)}" if found else None


def read_plate_export(path: Path, *, source: str) -> PlateExport:
    """Read the export of one plate.

    Raises:
        DataFault: there is no matrix in the file, a row has more cells than columns, or a well occurs twice.
    """
    data = text_of_bytes(read_bytes(path, source=source), source=source)
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    if re.search(r"^Software Version\t", text, re.MULTILINE) and re.search(r"^Results\s*$", text, re.MULTILINE):
        return PlateExport(source, "gen5", _gen5(text, source))
    if text.lstrip().startswith(("EnSight Results", "Results of EnSight")) or "Exported with Kaleido" in text:
        return PlateExport(source, "kaleido", _kaleido(text, source))
    return PlateExport(source, "matrix", _plain(text, source))


def _gen5(text: str, source: str) -> dict[str, dict[str, PlateValue]]:
    """The block Results: per plate row one line per measurement, named in the last cell."""
    found: dict[str, dict[str, PlateValue]] = {}
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if line.strip() == "Results"]
    if len(starts) > 1:
        raise DataFault(
            f"it holds {len(starts)} plates",
            subject=source,
            place=f"lines {', '.join(str(number + 1) for number in starts[:6])}",
            expected="one plate per file",
            remedy="Export each plate to a file of its own",
        )
    at = starts[0] + 1
    columns: list[str] = []
    row = ""
    for number in range(at, len(lines)):
        cells = lines[number].split("\t")
        if not columns:
            if len(cells) > 1 and cells[1].strip() == "1":
                columns = [cell.strip() for cell in cells[1:] if cell.strip()]
            continue
        if not lines[number].strip():
            break
        row = cells[0].strip() or row
        name = cells[len(columns) + 1].strip() if len(cells) > len(columns) + 1 else ""
        _add_row(found.setdefault(name or "value", {}), row, columns, cells[1 : len(columns) + 1], number + 1, source)
    return _require_values(found, source)


def _kaleido(text: str, source: str) -> dict[str, dict[str, PlateValue]]:
    """Each block `Result for ...`: a header line `,1,2,...` and the rows."""
    found: dict[str, dict[str, PlateValue]] = {}
    name, columns = "", []
    for number, cells in enumerate(csv.reader(io.StringIO(text)), start=1):
        first = cells[0].strip() if cells else ""
        if first.startswith("Result for "):
            name, columns = first.removeprefix("Result for ").strip(), []
        elif first in ("Measurement Information", "Platemap"):
            name = ""
        elif name and len(cells) > 1 and not first and cells[1].strip() == "1":
            columns = [cell.strip() for cell in cells[1:] if cell.strip()]
        elif name and columns and _ROW.match(first):
            _add_row(found.setdefault(name, {}), first, columns, cells[1 : len(columns) + 1], number, source)
    return _require_values(found, source)


def _plain(text: str, source: str) -> dict[str, dict[str, PlateValue]]:
    """A header of column numbers and rows that begin with a letter; separated by tabs, semicolons or commas."""
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    separator = next((mark for mark in ("\t", ";", ",") if mark in first), "\t")
    found: dict[str, PlateValue] = {}
    columns: list[str] = []
    for number, line in enumerate(lines, start=1):
        cells = [cell.strip().strip('"') for cell in line.split(separator)]
        if not columns and len(cells) > 1 and cells[1] == "1":
            columns = [cell for cell in cells[1:] if cell]
        elif columns and _ROW.match(cells[0].upper()):
            _add_row(found, cells[0].upper(), columns, cells[1 : len(columns) + 1], number, source)
    return _require_values({"value": found} if found else {}, source)


def _add_row(
    wells: dict[str, PlateValue], row: str, columns: list[str], cells: list[str], line: int, source: str
) -> None:
    if not _ROW.match(row.upper()):
        return
    for column, cell in zip(columns, cells, strict=False):
        well = f"{row.upper()}{int(column)}" if column.isdigit() else f"{row}{column}"
        if well in wells:
            raise DataFault(
                f"well {well} occurs twice",
                subject=source,
                place=f"lines {wells[well].line} and {line}",
                expected="one plate per file",
                remedy="Export each plate to a file of its own",
            )
        wells[well] = PlateValue(cell.strip(), line)


def _require_values(found: dict[str, dict[str, PlateValue]], source: str) -> dict[str, dict[str, PlateValue]]:
    if found:
        return found
    raise DataFault(
        "there is no plate in it",
        subject=source,
        expected="a line of column numbers from 1 and rows that begin with A, B, ...",
        remedy="Export the plate as a matrix (Gen5 and Kaleido: results by plate layout)",
    )
