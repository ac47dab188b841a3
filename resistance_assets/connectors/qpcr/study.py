"""qPCR wells from a long table, or from the text export of a QuantStudio with a sheet of its samples.

A well that the instrument calls Undetermined has no Ct; one that is blank was not measured and is set aside.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.connectors.formats.delimited import nearest_name, rejected_rows
from resistance_assets.connectors.lab_study.decimal_numbers import read_decimals
from resistance_assets.connectors.lab_study.measured_table import (
    MeasuredTable,
    WantedColumn,
    name_columns,
    read_measured_table,
)
from resistance_assets.connectors.lab_study.sample_sheet import warnings
from resistance_assets.connectors.lab_study.table_text import name_of
from resistance_assets.connectors.qpcr.quantstudio import read_results
from resistance_assets.errors import DataFault

UNDETERMINED = ("undetermined", "no ct", "no cq", "n/d", "nd", "not detected", "-")
NO_TEMPLATE = ("ntc", "no_template", "no template", "no template control", "water", "h2o")
HIGHEST_CT = 60.0
LAST_CYCLE = 40.0
_REPLICATE = WantedColumn("biological_replicate", ("replicate", "bio_rep", "experiment", "passage", "day"))
_CT = WantedColumn("ct", ("cq", "ct_value", "c\u0442", "cycle threshold"), is_required=True, is_number=True)
LONG = (
    WantedColumn("condition", ("group", "treatment", "sirna", "biogroup_name", "sample_group"), is_required=True),
    WantedColumn("gene", ("target", "target_name", "assay", "detector", "gene_symbol", "primer"), is_required=True),
    _REPLICATE,
    WantedColumn("technical_replicate", ("tech_rep", "well_replicate")),
    WantedColumn("sample", ("sample_id", "sample_name")),
    _CT,
)
EXPORT = (
    WantedColumn("sample", ("sample_name",), is_required=True),
    WantedColumn("gene", ("target_name",), is_required=True),
    WantedColumn("task", ("task",)),
    WantedColumn("omit", ("omit",)),
    _CT,
)
SAMPLES = (
    WantedColumn("sample", ("sample_name", "sample_id"), is_required=True),
    WantedColumn("condition", ("group", "treatment", "sirna"), is_required=True),
    _REPLICATE,
)


class QpcrFrames(NamedTuple):
    """Frames of a qPCR study: wells, rejected lines, warnings (source, place, warning)."""

    wells: pl.DataFrame
    rejected: pl.DataFrame
    warnings: pl.DataFrame


def read_study(local: LocalStudy) -> QpcrFrames:
    """Wells of one study. Raises DataFault for cells that cannot be meant, and a gene or control that is missing."""
    study = local.study
    path = local.folder / study.wells
    source = name_of(path, local.id)
    notes: list[tuple[str, str, str]] = []
    if study.format == "quantstudio":
        table = name_columns(read_results(path, source=source), EXPORT, columns=study.columns, decimal=study.decimal)
        frame = _with_samples(local, table, notes)
    else:
        table = read_measured_table(path, LONG, source=source, columns=study.columns, decimal=study.decimal)
        frame = table.frame.select("condition", "gene").with_columns(
            biological_replicate=table.texts("biological_replicate"), left_out=pl.lit(None, pl.String)
        )
    if "biological_replicate" not in table.column_of and study.format == "long":
        _refuse_experiments(study.replicate_unit, source)
        frame = frame.with_columns(biological_replicate=pl.lit("1"))
        notes.append((source, "header", "no column biological_replicate: all wells are technical, nothing is tested"))
    notes += [(source, *note) for note in table.notes]
    frame = frame.with_columns(
        line=pl.Series([table.line(row) for row in range(frame.height)], dtype=pl.Int64),
        ct=_cycles(table),
        is_blank=table.frame["ct"].is_null(),
    )
    wells, rejected = _set_aside(table, frame, study.no_template)
    _check_names(wells, study.reference_gene, study.control, source)
    late = wells.filter(pl.col("ct") == LAST_CYCLE).height
    if late:
        notes.append((source, "column ct", f"{late} wells have a Ct of exactly 40: an undetermined well has none"))
    return QpcrFrames(wells.with_row_index("well_number", offset=1), rejected, warnings(notes))


def _refuse_experiments(unit: str | None, source: str) -> None:
    if unit == "experiment":
        raise DataFault(
            "there is no column biological_replicate, and the study declares that its replicates are experiments",
            subject=source,
            place="header",
            expected="biological_replicate: the number of the experiment, day or passage",
            remedy="Add the column, or leave replicate_unit out (there are then no p-values)",
        )


def _cycles(table: MeasuredTable) -> pl.Series:
    """Ct of each well; null where it is undetermined or blank. Raises DataFault for anything else."""
    cells = table.texts("ct")
    is_none = cells.str.to_lowercase().is_in(list(UNDETERMINED))
    values = read_decimals(cells, table.mark)
    wrong = (cells.is_not_null() & ~is_none & values.is_null()).arg_true()
    if len(wrong):
        row = int(wrong[0])
        raise table.fault(
            f"{cells[row]!r} is no Ct",
            "ct",
            row,
            expected=f"a number with a decimal {'comma' if table.mark == ',' else 'point'}, or Undetermined",
            remedy="Correct the cell, or set decimal in [study]",
        )
    outside = (values.is_not_null() & ~values.is_between(0.0, HIGHEST_CT, closed="right")).arg_true()
    if len(outside):
        row = int(outside[0])
        raise table.fault(
            f"a Ct of {cells[row]}", "ct", row, expected=f"above 0 and up to {HIGHEST_CT:g} cycles", remedy="Correct it"
        )
    return values


def _set_aside(table: MeasuredTable, frame: pl.DataFrame, no_template: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    words = [*NO_TEMPLATE, no_template.lower()]
    frame = frame.with_columns(is_template=~pl.col("condition").str.to_lowercase().is_in(words).fill_null(False))
    if "is_control" in frame.columns:
        frame = frame.with_columns(is_template=pl.col("is_template") & ~pl.col("is_control"))
    for name in ("condition", "gene"):
        blank = (frame[name].is_null() & frame["left_out"].is_null() & ~frame["is_blank"]).arg_true()
        if len(blank):
            raise table.fault(f"the well has no {name}", name, int(blank[0]), remedy="Fill it in, or remove the line")
    frame = frame.with_columns(
        biological_replicate=pl.when("is_template").then("biological_replicate"),
        left_out=pl.coalesce("left_out", pl.when("is_blank").then(pl.lit("no Ct"))),
    )
    lost = (frame["is_template"] & frame["biological_replicate"].is_null() & frame["left_out"].is_null()).arg_true()
    if len(lost):
        raise table.fault(
            "the well has no biological_replicate", "biological_replicate", int(lost[0]), remedy="Fill it in"
        )
    rows = frame["left_out"].is_not_null().arg_true().to_list()
    rejected = table.text.reject(rows, [frame["left_out"][row] for row in rows]) if rows else rejected_rows()
    names = ("line", "condition", "gene", "biological_replicate", "ct", "is_template")
    return frame.filter(pl.col("left_out").is_null()).select(names), rejected


def _check_names(wells: pl.DataFrame, reference: str, control: str, source: str) -> None:
    """Raise DataFault if the reference gene or the control condition is in no sample; names the nearest one."""
    sampled = wells.filter(pl.col("is_template"))
    if sampled.is_empty():
        raise DataFault(
            "no well is a sample with a Ct",
            subject=source,
            expected="wells of the reference gene and of others, in every condition",
            remedy="Check the names of the conditions and, of an export, the column Task",
        )
    for name, column, what in ((reference, "gene", "reference gene"), (control, "condition", "control condition")):
        known = sampled[column].unique().sort().to_list()
        if name not in known:
            near = nearest_name(name, known)
            raise DataFault(
                f"the {what} {name} is in no sample",
                subject=source,
                place=f"column {column}",
                expected=f"one of {', '.join(known[:12])}",
                remedy=f"Did you mean {near}?" if near else "Name it in study.toml as the table does",
            )


def _with_samples(local: LocalStudy, table: MeasuredTable, notes: list[tuple[str, str, str]]) -> pl.DataFrame:
    """Wells of an export with the condition and replicate of their sample."""
    path = local.folder / local.study.samples
    sheet = read_measured_table(path, SAMPLES, source=name_of(path, local.id))
    notes += [(sheet.text.source, *note) for note in sheet.notes]
    if "biological_replicate" not in sheet.column_of:
        _refuse_experiments(local.study.replicate_unit, sheet.text.source)
    repeated = sheet.frame["sample"].is_duplicated().arg_true()
    if len(repeated):
        row = int(repeated[1])
        raise sheet.fault(f"sample {sheet.frame['sample'][row]} occurs twice", "sample", row, remedy="Keep one line")
    known = sheet.frame.with_columns(biological_replicate=sheet.texts("biological_replicate", "1"))
    frame = table.frame.select("sample", "gene").join(known, on="sample", how="left", maintain_order="left")
    is_control = table.texts("task", "").str.to_uppercase() == "NTC"
    is_omitted = table.texts("omit", "false").str.to_lowercase() == "true"
    is_standard = table.texts("task", "").str.to_uppercase().is_in(["STANDARD", "BLOCKEDIPC", "IPC"])
    frame = frame.with_columns(is_control=is_control.fill_null(False)).with_columns(
        condition=pl.when("is_control").then(pl.lit(local.study.no_template)).otherwise("condition"),
        left_out=pl.when(is_omitted)
        .then(pl.lit("omitted in the instrument's program"))
        .when(is_standard)
        .then(pl.lit("a standard or an internal control, not a sample"))
        .when(pl.col("sample").is_null())
        .then(pl.lit("an empty well")),
    )
    unknown = (frame["condition"].is_null() & frame["left_out"].is_null()).arg_true()
    if len(unknown):
        row = int(unknown[0])
        name = frame["sample"][row]
        near = nearest_name(name, sheet.frame["sample"].drop_nulls().to_list())
        raise table.fault(
            f"sample {name} is not in {sheet.text.source}",
            "sample",
            row,
            remedy=f"Did you mean {near}?" if near else "Add it to the sheet of samples",
        )
    return frame.drop("sample")
