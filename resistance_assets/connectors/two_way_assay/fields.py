"""Wells, fields and tubes of two-way assays from one long table.

Here belongs what decides which model may be asked: the words for no drug and no ligand, whole numbers where counts are
declared, denominators where fractions are, and assays without a declared scale.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.models.two_way_assay import TwoWayAssay
from resistance_assets.connectors.formats.delimited import nearest_name, rejected_rows
from resistance_assets.connectors.lab_study.measured_table import MeasuredTable, WantedColumn, read_measured_table
from resistance_assets.connectors.lab_study.sample_sheet import warnings
from resistance_assets.connectors.lab_study.table_text import name_of
from resistance_assets.errors import DataFault

COLUMNS = (
    WantedColumn("assay", ("readout", "endpoint", "measure"), is_required=True),
    WantedColumn("unit", ("units",)),
    WantedColumn("experiment", ("biological_replicate", "replicate", "day", "passage", "run")),
    WantedColumn("drug", ("inhibitor", "compound", "treatment"), is_required=True),
    WantedColumn("ligand", ("cytokine", "chemokine", "stimulus", "protein"), is_required=True),
    WantedColumn("field", ("well", "tube", "technical_replicate", "image")),
    WantedColumn("value", ("count", "measurement", "response", "reading"), is_required=True, is_number=True),
    WantedColumn("denominator", ("total", "cells_counted", "n_cells", "of"), is_number=True),
)


class TwoWayFrames(NamedTuple):
    """Frames of a two-way study: fields, rejected lines, warnings (source, place, warning)."""

    fields: pl.DataFrame
    rejected: pl.DataFrame
    warnings: pl.DataFrame


def read_study(local: LocalStudy) -> TwoWayFrames:
    """Fields of one study. Raises DataFault at the first cell or assay that cannot be meant."""
    study = local.study
    path = local.folder / study.fields
    source = name_of(path, local.id)
    table = read_measured_table(path, COLUMNS, source=source, columns=study.columns, decimal=study.decimal)
    frame = pl.DataFrame(
        {
            "line": [table.line(row) for row in range(table.frame.height)],
            **{name: table.texts(name) for name in ("assay", "experiment", "drug", "ligand", "field")},
            "value": table.numbers("value"),
            "denominator": table.numbers("denominator"),
        }
    )
    for name in ("assay", "drug", "ligand"):
        blank = frame[name].is_null().arg_true()
        if len(blank):
            raise table.fault(
                f"the row has no {name}",
                name,
                int(blank[0]),
                expected=f"a {name}, or none",
                remedy="Fill it in",
            )
    _check_experiments(table, frame, study.replicate_unit)
    frame = frame.with_columns(
        drug01=_presence(frame["drug"], study.without_drug, "drug", source),
        ligand01=_presence(frame["ligand"], study.without_ligand, "ligand", source),
    )
    _check_assays(frame, local.file.assay, source)
    for assay in local.file.assay:
        _check_scale(table, frame, assay)
    lost = frame["value"].is_null().arg_true().to_list()
    rejected = table.text.reject(lost, ["no value"] * len(lost)) if lost else rejected_rows()
    kept = frame.filter(pl.col("value").is_not_null()).with_row_index("field_number", offset=1)
    return TwoWayFrames(kept, rejected, warnings((source, *note) for note in table.notes))


def _check_experiments(table: MeasuredTable, frame: pl.DataFrame, unit: str | None) -> None:
    if unit != "experiment":
        return
    if "experiment" not in table.column_of:
        raise DataFault(
            "there is no column experiment, and the study declares that its replicates are experiments",
            subject=table.text.source,
            place="header",
            expected="experiment: the number of the experiment, day or passage",
            remedy="Add the column, or leave replicate_unit out (wells are no replicates: there is then no test)",
        )
    blank = frame["experiment"].is_null().arg_true()
    if len(blank):
        raise table.fault("the row has no experiment", "experiment", int(blank[0]), remedy="Fill in its number")


def _presence(words: pl.Series, none: str, what: str, source: str) -> pl.Series:
    """1 where there is one, 0 where the word says none. Raises DataFault unless there are exactly these two."""
    levels = words.unique(maintain_order=True).to_list()
    others = [word for word in levels if word != none]
    if none not in levels or len(others) != 1:
        shown = ", ".join(levels[:8])
        raise DataFault(
            f"its levels are {shown}" if none in levels else f"no row is without {what}: its levels are {shown}",
            subject=source,
            place=f"column {what}",
            expected=f"{none!r} and one {what}",
            remedy=f"Set without_{what} to the word for none, and give each {what} a study of its own",
        )
    return (words != none).cast(pl.Int64)


def _check_assays(frame: pl.DataFrame, declared: tuple[TwoWayAssay, ...], source: str) -> None:
    """Every assay of the table has a scale, and every declared one is in the table."""
    present = frame["assay"].unique(maintain_order=True).to_list()
    named = [name for assay in declared for name in ((assay.start, assay.end) if assay.start else (assay.id,))]
    for name in named:
        if name not in present:
            near = nearest_name(str(name), present)
            raise DataFault(
                f"there is no assay {name}",
                subject=source,
                place="column assay",
                expected=f"one of {', '.join(present[:12])}",
                remedy=f"Did you mean {near}?" if near else "Name it in [[assay]] as the table does",
            )
    for name in present:
        if name not in named:
            raise DataFault(
                f"assay {name} has no declared scale",
                subject=source,
                place="column assay",
                expected="an [[assay]] table for each: an interaction depends on its scale",
                remedy=f'Add [[assay]] id = "{name}", scale = "log", "percent", "count" or "fraction" to study.toml',
            )


def _check_scale(table: MeasuredTable, frame: pl.DataFrame, assay: TwoWayAssay) -> None:
    """Refuse values that the declared scale cannot have."""
    if assay.start is not None:
        _check_wound(table, frame, assay)
        return
    own = frame["assay"] == assay.id
    if assay.scale in ("count", "fraction"):
        _refuse(table, own & ((frame["value"] % 1 != 0) | (frame["value"] < 0)), frame, "whole numbers of cells")
    if assay.scale == "fraction":
        lacking = (own & frame["denominator"].is_null()).arg_true()
        if len(lacking):
            raise table.fault(
                "a fraction without its denominator",
                "denominator",
                int(lacking[0]),
                expected="how many cells were counted",
                remedy='Add the column denominator; percentages alone go with scale = "percent"',
            )
        _refuse(table, own & (frame["value"] > frame["denominator"]), frame, "a count up to its denominator")
    largest = frame.filter(own)["value"].abs().max()
    if assay.scale == "percent" and isinstance(largest, float) and largest <= 1.0:
        raise DataFault(
            f"the largest value of {assay.id} is {largest:g}",
            subject=table.text.source,
            place=f"assay {assay.id}, column value",
            expected="percent",
            remedy="Multiply by 100: these look like fractions",
        )


def _refuse(table: MeasuredTable, wrong: pl.Series, frame: pl.DataFrame, expected: str) -> None:
    rows = wrong.fill_null(False).arg_true()
    if len(rows):
        row = int(rows[0])
        raise table.fault(
            f"{frame['value'][row]:g} in assay {frame['assay'][row]}",
            "value",
            row,
            expected=expected,
            remedy="Correct it, or declare another scale of the assay",
        )


def _check_wound(table: MeasuredTable, frame: pl.DataFrame, assay: TwoWayAssay) -> None:
    """A wound has a width above 0 at its start, and the same field at its end."""
    start = frame["assay"] == assay.start
    rows = (start & ~(frame["value"] > 0.0).fill_null(False)).arg_true()
    if len(rows):
        row = int(rows[0])
        raise table.fault(
            f"the wound's width at the start is {frame['value'][row]}",
            "value",
            row,
            expected="a width above 0",
            remedy="Measure it, or remove the field at both times",
        )
    key = ["experiment", "drug", "ligand", "field"]
    ends = frame.with_row_index("row").filter(pl.col("assay") == assay.end)
    alone = ends.join(frame.filter(start), on=key, how="anti", nulls_equal=True)
    if alone.height:
        raise table.fault(
            f"the field has no {assay.start}",
            "field",
            int(alone["row"][0]),
            expected="the same experiment, drug, ligand and field at both times",
            remedy="Add its width at the start, or remove it",
        )
