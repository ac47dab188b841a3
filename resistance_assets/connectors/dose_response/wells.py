"""Wells of a dose-response study from one table: the laboratory's own, GDSC's raw intensities, the GR calculator's.

Every layout becomes rows of `raw.dose_response__wells`. What a cell must hold is checked here, with its line and
column; what wells mean together (a vehicle above its blank) is checked where they are normalised.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.catalog.models.dose_response import MICROMOLAR, DoseResponseStudy
from resistance_assets.connectors.formats.delimited import nearest_name, rejected_rows
from resistance_assets.connectors.lab_study.column_names import plain_name
from resistance_assets.connectors.lab_study.measured_table import (
    MeasuredTable,
    WantedColumn,
    read_measured_table,
)
from resistance_assets.errors import DataFault

SCHEMA: dict[str, Any] = {
    "file": pl.String, "line": pl.Int64, "plate_id": pl.String, "well": pl.String, "well_type": pl.String,
    "cell_line": pl.String, "condition": pl.String, "drug": pl.String, "dose_um": pl.Float64, "replicate": pl.String,
    "signal": pl.Float64, "viability_percent": pl.Float64,
}  # fmt: skip
NO_CONDITION = "none"
WELL_TYPES = {
    **dict.fromkeys(("blank", "empty", "background", "b", "nocells", "mediumonly", "backgroundcontrol"), "blank"),
    **dict.fromkeys(("vehicle", "dmso", "control", "ctrl", "untreated", "negcontrol", "negcon", "nc"), "vehicle"),
    **dict.fromkeys(("treated", "sample", "drug", "compound", "test", "treatment"), "treated"),
    **dict.fromkeys(("time0", "t0", "day0", "timezero", "0h"), "time0"),
    **dict.fromkeys(("ignored", "poscontrol", "poscon", "positivecontrol", "pc", "unused"), "ignored"),
}
"""What laboratories call a type of well, without capitals and punctuation -> the type."""

_UNITS = ("pM", "nM", "uM", "mM")
_UNIT = re.compile(r"[\s_.(\[]([pnum\u00b5\u03bc])M[)\]]?$", re.IGNORECASE)
PLATE = WantedColumn("plate_id", ("plate", "barcode", "plate name", "plate barcode", "plate number"))
WELL = WantedColumn("well", ("position", "well position", "well id"))
MAP_COLUMNS = (
    WELL,
    WantedColumn("well_type", ("type", "content", "role", "well content", "well role")),
    WantedColumn("cell_line", ("line", "cell line name", "cell", "cells", "cell_line_name"), is_required=True),
    WantedColumn("condition", ("sirna", "knockdown", "transfection", "genotype", "pretreatment")),
    WantedColumn("drug", ("compound", "drug name", "treatment", "agent", "inhibitor", "perturbagen"), is_required=True),
    WantedColumn(
        "dose",
        ("concentration", "conc", *(f"{name} {unit}" for name in ("dose", "conc", "concentration") for unit in _UNITS)),
        is_required=True,
        is_number=True,
    ),
    WantedColumn("replicate", ("biological replicate", "bio rep", "experiment", "rep", "passage", "run", "day")),
    WantedColumn("technical_replicate", ("tech rep", "well replicate", "technical rep")),
)
SIGNAL = WantedColumn(
    "signal",
    ("luminescence", "rlu", "rfu", "od", "absorbance", "intensity", "counts", "cell count", "fluorescence", "raw"),
    is_required=True,
    is_number=True,
)
VIABILITY = WantedColumn(
    "viability",
    ("viability percent", "percent viability", "viability pct", "survival", "relative viability", "response"),
    is_required=True,
    is_number=True,
)
_GDSC = (
    WantedColumn("plate_id", ("barcode",), is_required=True),
    WantedColumn("well", ("position",)),
    WantedColumn("tag", ("tag",), is_required=True),
    WantedColumn("cell_line", ("cell_line_name",), is_required=True),
    WantedColumn("drug", ("drug_id", "drug_name"), is_required=True),
    WantedColumn("dose", ("conc",), is_required=True, is_number=True),
    WantedColumn("signal", ("intensity",), is_required=True, is_number=True),
)


def read_long_wells(path: Path, study: DoseResponseStudy, *, source: str) -> tuple[pl.DataFrame, pl.DataFrame, list]:
    """A row a well. Returns rows of `SCHEMA`, rejected rows, and notes (place, sentence). Raises DataFault."""
    is_signal = study.response == "signal"
    wanted = (PLATE, *MAP_COLUMNS, SIGNAL if is_signal else VIABILITY)
    table = read_measured_table(path, wanted, source=source, columns=study.columns, decimal=study.decimal)
    if is_signal and "plate_id" not in table.column_of:
        raise DataFault(
            "there is no column plate_id, and signals are normalised plate by plate",
            subject=source,
            place="header",
            expected="plate_id (or plate, barcode)",
            remedy='Add it, or give ready viability with response = "viability_percent"',
        )
    notes = [*table.notes]
    frame = place_wells(table, study, notes)
    value = table.numbers("signal" if is_signal else "viability")
    if is_signal:
        frame = frame.with_columns(plate_id=table.texts("plate_id"), signal=value)
        _require_text(table, frame, "plate_id", pl.lit(True))
    else:
        frame = frame.with_columns(
            plate_id=table.texts("plate_id"),
            viability_percent=_in_percent(table, value, frame["well_type"], study.response, notes),
        )
    found, rejected = set_aside(table, frame, "signal" if is_signal else "viability_percent")
    return found, rejected, notes


def place_wells(
    table: MeasuredTable, study: DoseResponseStudy, notes: list[tuple[str, str]], given: Collection[str] = ()
) -> pl.DataFrame:
    """What is in each well of a table or plate map: every column of `SCHEMA` but the plate and what was measured.

    `given`: columns that are known from elsewhere, and are not asked for.

    Raises DataFault if a dose is missing, negative or in another unit than declared, a type of well is unknown, or a
    treated well has no line or drug.
    """
    dose = table.numbers("dose", least=0.0)
    check_unit(table, study.dose_unit)
    frame = pl.DataFrame(
        {
            "file": [table.text.source] * table.frame.height,
            "line": [table.line(row) for row in range(table.frame.height)],
            "well": table.texts("well"),
            "well_type": _well_types(table, study, dose, notes),
            "cell_line": table.texts("cell_line"),
            "condition": table.texts("condition", NO_CONDITION),
            "drug": table.texts("drug"),
            "dose_um": in_micromolar(dose, study),
            "replicate": table.texts("replicate", "1"),
        }
    )
    if "replicate" not in table.column_of and "replicate" not in given:
        if study.replicate_unit == "experiment":
            raise DataFault(
                "there is no column replicate, and the study declares that its replicates are experiments",
                subject=table.text.source,
                place="header",
                expected="replicate: the number of the experiment, day or passage",
                remedy="Add the column, name it in columns, or leave replicate_unit out (there are then no p-values)",
            )
        notes.append(("header", "no column replicate: everything is one replicate, and nothing is tested"))
    is_treated = pl.col("well_type") == "treated"
    for name in ("cell_line", "drug", "replicate"):
        if name not in given:
            _require_text(table, frame, name, is_treated)
    _check_doses(table, frame)
    return frame.with_columns(
        dose_um=pl.when(is_treated).then("dose_um").when(pl.col("well_type") == "vehicle").then(0.0)
    )


def in_micromolar(dose: pl.Series, study: DoseResponseStudy) -> pl.Series:
    """Doses in uM, to nine digits: what conversion adds beyond them would make two doses of one."""
    return (dose * MICROMOLAR[study.dose_unit]).round_sig_figs(9)


def check_unit(table: MeasuredTable, unit: str, name: str = "dose") -> None:
    """Raise DataFault if the name of the dose column tells another unit than the study declares."""
    found = _UNIT.search(table.column_of.get(name, ""))
    told = f"{found.group(1).lower().replace(chr(0xB5), 'u').replace(chr(0x3BC), 'u')}M" if found else unit
    if told != unit:
        raise table.column_fault(
            f"its name says {told}",
            name,
            expected=f"{unit}, as dose_unit declares",
            remedy=f'Set dose_unit = "{told}", or rename the column',
        )


def _well_types(
    table: MeasuredTable, study: DoseResponseStudy, dose: pl.Series, notes: list[tuple[str, str]]
) -> pl.Series:
    """Type of each well by the study's own words, then the usual ones; by the dose where there is no such column."""
    if "well_type" not in table.column_of:
        notes.append(("header", "no column well_type: dose 0 is read as vehicle, every other dose as treated"))
        return (
            pl.select(
                pl.when(dose.is_null())
                .then(None)
                .when(dose == 0.0)
                .then(pl.lit("vehicle"))
                .otherwise(pl.lit("treated"))
            )
            .to_series()
            .fill_null("treated")
        )
    words = table.texts("well_type")
    of_word: dict[str, str | None] = {}
    for word in words.unique(maintain_order=True):
        of_word[word or ""] = study.well_types.get(word or "") or WELL_TYPES.get(
            plain_name(word or "").replace("_", "")
        )
    for word, kind in of_word.items():
        if kind is None:
            row = int((words.fill_null("") == word).arg_true()[0])
            near = nearest_name(word, ["blank", "time0", "vehicle", "treated"]) if word else None
            raise table.fault(
                f"the type of well {word!r} is not known" if word else "the well has no type",
                "well_type",
                row,
                expected="blank, time0, vehicle, treated or ignored",
                remedy=f"Did you mean {near}?"
                if near
                else f'Say what it is: well_types = {{ "{word}" = "treated" }} in [study]',
            )
        if kind != word:
            notes.append((f"column {table.column_of['well_type']}", f"{word} is read as {kind}"))
    return words.fill_null("").replace_strict(of_word, return_dtype=pl.String)


def _require_text(table: MeasuredTable, frame: pl.DataFrame, name: str, where: pl.Expr) -> None:
    blank = frame.select((pl.col(name).is_null() & where).alias("blank"))["blank"]
    if blank.any():
        raise table.fault(
            f"a {frame['well_type'][int(blank.arg_true()[0])]} well has no {name}",
            name,
            int(blank.arg_true()[0]),
            expected=f"a {name}",
            remedy="Fill in the cell, or remove the line",
        )


def _check_doses(table: MeasuredTable, frame: pl.DataFrame) -> None:
    is_treated = frame["well_type"] == "treated"
    blank = is_treated & frame["dose_um"].is_null()
    if blank.any():
        raise table.fault(
            "a treated well has no dose",
            "dose",
            int(blank.arg_true()[0]),
            expected="a dose above 0",
            remedy="Fill in the dose",
        )
    zero = is_treated & (frame["dose_um"] == 0.0)
    if zero.any():
        raise table.fault(
            "a treated well has dose 0",
            "dose",
            int(zero.arg_true()[0]),
            expected="a dose above 0, or a well_type of vehicle",
            remedy="Call wells without drug vehicle: dose 0 is the control, never a logarithm",
        )


def _check_controls(table: MeasuredTable, value: pl.Series, well_type: pl.Series, response: str) -> None:
    """Refuse a control that is on another scale than the table: one replicate in fractions among percent."""
    wrong = (value <= 2.0) if response == "viability_percent" else (value > 5.0)
    rows = ((well_type == "vehicle") & wrong).arg_true()
    if len(rows):
        percent = response == "viability_percent"
        raise table.fault(
            f"a well without drug has a viability of {value[rows[0]]:g}",
            "viability",
            int(rows[0]),
            expected="percent, near 100" if percent else "fractions, near 1",
            remedy="Write all wells on one scale",
        )


def _in_percent(
    table: MeasuredTable, value: pl.Series, well_type: pl.Series, response: str, notes: list[tuple[str, str]]
) -> pl.Series:
    """Viability in percent, by the declared scale; a scale that the numbers cannot have is refused."""
    largest = value.max()
    top = float(largest) if isinstance(largest, float | int) else 0.0
    if response == "viability_percent" and value.count() and top <= 2.0:
        raise table.column_fault(
            f"its largest value is {top:g}",
            "viability",
            expected="percent, near 100 where the cells are untouched",
            remedy='Set response = "viability_fraction" if these are fractions',
        )
    if response == "viability_fraction" and top > 5.0:
        raise table.column_fault(
            f"its largest value is {top:g}",
            "viability",
            expected="fractions, near 1 where the cells are untouched",
            remedy='Set response = "viability_percent" if these are percent',
        )
    _check_controls(table, value, well_type, response)
    if response == "viability_fraction":
        notes.append((f"column {table.column_of['viability']}", "fractions are multiplied by 100"))
        return value * 100.0
    return value


def set_aside(table: MeasuredTable, frame: pl.DataFrame, value: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Wells with a value as rows of `SCHEMA`, and the others with the reason why they are left out."""
    reason = (
        pl.when(pl.col("well_type") == "ignored")
        .then(pl.lit("a well that the study ignores"))
        .when(pl.col(value).is_null())
        .then(pl.lit(f"no {value.removesuffix('_percent')}"))
    )
    told = frame.select(reason=reason)["reason"]
    rows = told.is_not_null().arg_true().to_list()
    rejected = table.text.reject(rows, [told[row] for row in rows]) if rows else rejected_rows()
    return as_wells(frame.filter(told.is_null())), rejected


def as_wells(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame with every column of `SCHEMA`, null where it has none."""
    return frame.select(
        [
            (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
            for name, dtype in SCHEMA.items()
        ]
    )


def read_gdsc_wells(path: Path, study: DoseResponseStudy, *, source: str) -> tuple[pl.DataFrame, pl.DataFrame, list]:
    """GDSC's raw intensities: TAG says what a well is, BARCODE is the plate and the replicate.

    The vehicle is NC-1 where the plate has it (medium with DMSO), else NC-0 or NC. Positive controls and wells of
    combinations are set aside.
    """
    table = read_measured_table(path, _GDSC, source=source, columns=study.columns, decimal=study.decimal)
    tags = table.texts("tag")
    dose = table.numbers("dose", least=0.0)
    with_dmso = table.frame.filter(tags == "NC-1")["plate_id"].unique().to_list()
    kind = (
        pl.when(pl.col("tag") == "B")
        .then(pl.lit("blank"))
        .when((pl.col("tag") == "NC-1") | (pl.col("tag").is_in(["NC-0", "NC"]) & ~pl.col("plate_id").is_in(with_dmso)))
        .then(pl.lit("vehicle"))
        .when(pl.col("tag").str.contains(r"^(L\d+-D\d+-S|R\d+-D\d+-S|D\d+-.*)$"))
        .then(pl.lit("treated"))
        .otherwise(pl.lit("ignored"))
    )
    frame = table.frame.select("plate_id", "cell_line", "drug", "tag").with_columns(
        file=pl.lit(source),
        line=pl.Series([table.line(row) for row in range(table.frame.height)], dtype=pl.Int64),
        well=table.texts("well"),
        well_type=kind,
        condition=pl.lit(NO_CONDITION),
        replicate=pl.col("plate_id"),
        signal=table.numbers("signal"),
        dose=in_micromolar(dose, study),
    )
    is_treated = pl.col("well_type") == "treated"
    frame = frame.with_columns(
        drug=pl.when(is_treated).then("drug"),
        dose_um=pl.when(is_treated).then("dose").when(pl.col("well_type") == "vehicle").then(0.0),
    )
    for name in ("plate_id", "cell_line", "drug"):
        _require_text(table, frame, name, is_treated)
    _check_doses(table, frame)
    found, rejected = set_aside(table, frame, "signal")
    return found, rejected, table.notes


_FITTED = (
    WantedColumn("cell_line", ("cell_line_name",), is_required=True),
    WantedColumn("drug", ("drug_name", "drug_id"), is_required=True),
    WantedColumn("condition", ("dataset",)),
    WantedColumn("min_dose", ("min_conc",), is_required=True, is_number=True),
    WantedColumn("max_dose", ("max_conc",), is_required=True, is_number=True),
    WantedColumn("ln_ic50", ("ln_ic50",), is_required=True, is_number=True),
    WantedColumn("auc", ("auc",), is_number=True),
    WantedColumn("rmse", ("rmse",), is_number=True),
)


def read_published_fits(
    path: Path, study: DoseResponseStudy, *, source: str
) -> tuple[pl.DataFrame, pl.DataFrame, list]:
    """GDSC's fitted curves: LN_IC50, AUC and the range of doses per line and drug."""
    table = read_measured_table(path, _FITTED, source=source, columns=study.columns, decimal=study.decimal)
    numbers = {name: table.numbers(name) for name in ("min_dose", "max_dose", "ln_ic50", "auc", "rmse")}
    frame = pl.DataFrame(
        {
            "line": [table.line(row) for row in range(table.frame.height)],
            "cell_line": table.texts("cell_line"),
            "condition": table.texts("condition", NO_CONDITION),
            "drug": table.texts("drug"),
            "min_dose_um": in_micromolar(numbers["min_dose"], study),
            "max_dose_um": in_micromolar(numbers["max_dose"], study),
            "ic50_um": numbers["ln_ic50"].exp() * MICROMOLAR[study.dose_unit],
            "auc": numbers["auc"],
            "rmse": numbers["rmse"],
        }
    )
    needed = ["cell_line", "drug", "min_dose_um", "max_dose_um", "ic50_um"]
    told = frame.select(
        reason=pl.when(pl.any_horizontal(pl.col(needed).is_null())).then(
            pl.lit("no line, drug, range of doses or LN_IC50")
        )
    )["reason"]
    rows = told.is_not_null().arg_true().to_list()
    rejected = table.text.reject(rows, [told[row] for row in rows]) if rows else rejected_rows()
    return frame.filter(told.is_null()), rejected, table.notes


_CALCULATOR = (
    WantedColumn("cell_line", ("cellline",), is_required=True),
    WantedColumn("drug", ("treatment", "agent", "perturbation"), is_required=True),
    WantedColumn("replicate", ("rep",)),
    WantedColumn("time", ("treatment_duration", "timepoint"), is_number=True),
    WantedColumn("dose", ("concentration", "conc"), is_required=True, is_number=True),
    WantedColumn("signal", ("cell_count", "cellcount"), is_required=True, is_number=True),
)
_CASE_A = (
    *_CALCULATOR,
    WantedColumn("control", ("cell_count__ctrl", "cellcountctrl"), is_required=True, is_number=True),
    WantedColumn("time0", ("cell_count__time0", "cellcounttime0"), is_required=True, is_number=True),
)


CONTROL_IS_A_COLUMN = "dose 0: the control stands in a column of its own"


def read_calculator_wells(
    path: Path, study: DoseResponseStudy, *, source: str
) -> tuple[pl.DataFrame, pl.DataFrame, list]:
    """The GR calculator's tables: case A has control and time 0 in columns, case C in rows of dose 0 and of time 0.

    In case A each pair of control and time-0 count is one plate. In case C a plate is a line at one time; its time-0
    wells are those of the line. Several times are several conditions.
    """
    is_a = study.format == "gr_case_a"
    table = read_measured_table(
        path, _CASE_A if is_a else _CALCULATOR, source=source, columns=study.columns, decimal=study.decimal
    )
    dose = in_micromolar(table.numbers("dose", least=0.0), study)
    names = ("signal", "control", "time0", "time")
    numbers = {name: table.numbers(name, least=0.0) for name in names}
    if not is_a and "time" not in table.column_of:
        raise DataFault(
            "column time is missing", subject=source, place="header", remedy="Add it: time 0 tells the time-0 wells"
        )
    frame = table.frame.select("cell_line", "drug").with_columns(
        pl.lit(source).alias("file"),
        line=pl.Series([table.line(row) for row in range(table.frame.height)], dtype=pl.Int64),
        replicate=table.texts("replicate", "1"),
        dose_um=dose,
        **{name: numbers[name] for name in names},
    )
    _require_text(table, frame.with_columns(well_type=pl.lit("treated")), "cell_line", pl.lit(True))
    times = frame.filter(pl.col("time") > 0.0)["time"].n_unique()
    hours = pl.col("time").cast(pl.String).str.strip_suffix(".0")
    condition = pl.format("{} h", hours) if times > 1 else pl.lit(NO_CONDITION)
    frame = frame.with_columns(condition=condition)
    wells = _case_a(frame) if is_a else _case_c(frame)
    treated = wells.filter(pl.col("well_type") == "treated")
    if treated["dose_um"].null_count() or treated["drug"].null_count():
        line = int(treated.filter(pl.col("dose_um").is_null() | pl.col("drug").is_null())["line"][0])
        raise DataFault(
            "a treated row has no dose or no treatment", subject=source, place=f"line {line}", remedy="Fill it in"
        )
    blank = wells["signal"].is_null()
    reasons = dict.fromkeys(wells.filter(blank)["line"], "no signal")
    if is_a:
        reasons |= dict.fromkeys(frame.filter(pl.col("dose_um") == 0.0)["line"], CONTROL_IS_A_COLUMN)
    rows = [row for row in range(table.frame.height) if table.line(row) in reasons]
    rejected = table.text.reject(rows, [reasons[table.line(row)] for row in rows]) if rows else rejected_rows()
    return as_wells(wells.filter(~blank)), rejected, table.notes


def _case_a(frame: pl.DataFrame) -> pl.DataFrame:
    keys = ["cell_line", "condition", "control", "time0"]
    plate = pl.concat_str([pl.col(name).cast(pl.String) for name in keys], separator=" | ", ignore_nulls=True)
    frame = frame.with_columns(plate_id=plate)
    first = frame.unique("plate_id", keep="first", maintain_order=True)
    shared = ["file", "line", "plate_id", "cell_line", "condition"]
    controls = [
        first.select(*shared, pl.col(column).alias("signal"), well_type=pl.lit(kind), dose_um=pl.lit(dose, pl.Float64))
        for column, kind, dose in (("control", "vehicle", 0.0), ("time0", "time0", None))
    ]
    treated = frame.filter(pl.col("dose_um") > 0.0).with_columns(well_type=pl.lit("treated"))
    return pl.concat([*(as_wells(one) for one in controls), as_wells(treated)])


def _case_c(frame: pl.DataFrame) -> pl.DataFrame:
    start = frame.filter(pl.col("time") == 0.0)
    later = frame.filter(pl.col("time") > 0.0).with_columns(
        plate_id=pl.format(
            "{} | {} h | replicate {}", "cell_line", pl.col("time").cast(pl.String).str.strip_suffix(".0"), "replicate"
        ),
        well_type=pl.when(pl.col("dose_um") == 0.0).then(pl.lit("vehicle")).otherwise(pl.lit("treated")),
    )
    later = later.with_columns(drug=pl.when(pl.col("well_type") == "treated").then("drug"))
    plates = later.select("cell_line", "plate_id", "condition").unique(maintain_order=True)
    begun = (
        start.drop("condition", "replicate", "drug", "dose_um")
        .join(plates, on="cell_line", maintain_order="left_right")
        .with_columns(well_type=pl.lit("time0"))
    )
    return pl.concat([as_wells(later), as_wells(begun)])
