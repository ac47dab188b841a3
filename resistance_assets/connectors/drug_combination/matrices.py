"""Matrices of two drugs from a table with a row a well: the laboratory's own, SynergyFinder's, O'Neil's.

Here belongs what makes scores wrong in silence: viability taken for inhibition, fractions for percent, wells of several
plates without an id, and matrices without the drugs alone.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from resistance_assets.catalog.models.dose_response import MICROMOLAR
from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.connectors.formats.delimited import rejected_rows
from resistance_assets.connectors.lab_study.measured_table import MeasuredTable, WantedColumn, read_measured_table
from resistance_assets.connectors.lab_study.sample_sheet import warnings
from resistance_assets.connectors.lab_study.table_text import name_of
from resistance_assets.errors import DataFault

COLUMNS = (
    WantedColumn("block_id", ("block", "pair index", "matrix", "combination")),
    WantedColumn("cell_line", ("line", "cell_line_name", "cell")),
    WantedColumn("drug1", ("drug_row", "drug_a", "druga", "drug_1"), is_required=True),
    WantedColumn("drug2", ("drug_col", "drug_b", "drugb", "drug_2"), is_required=True),
    WantedColumn(
        "dose1",
        ("conc_r", "conc1", "conc_row", "concentration1", "dose_a", "dose1_um", "drug1_conc"),
        is_required=True,
        is_number=True,
    ),
    WantedColumn(
        "dose2",
        ("conc_c", "conc2", "conc_col", "concentration2", "dose_b", "dose2_um", "drug2_conc"),
        is_required=True,
        is_number=True,
    ),
    WantedColumn("unit1", ("conc_r_unit", "conc_unit1", "conc_unit", "unit")),
    WantedColumn("unit2", ("conc_c_unit", "conc_unit2")),
    WantedColumn("replicate", ("rep", "biological_replicate", "experiment", "plate")),
    WantedColumn(
        "response",
        ("viability_percent", "viability", "inhibition_percent", "inhibition", "effect", "e"),
        is_required=True,
        is_number=True,
    ),
)
_SAYS = {"viability": ("viability", "viabilitypercent", "survival"), "inhibition": ("inhibition", "inhibitionpercent")}
HALF = 50.0


class DrugCombinationFrames(NamedTuple):
    """Frames of a combination study: wells, rejected lines, warnings (source, place, warning)."""

    wells: pl.DataFrame
    rejected: pl.DataFrame
    warnings: pl.DataFrame


def read_study(local: LocalStudy) -> DrugCombinationFrames:
    """Wells of one study. Raises DataFault at the first thing that cannot be meant, with block or line."""
    study = local.study
    path = local.folder / study.wells
    source = name_of(path, local.id)
    table = read_measured_table(path, COLUMNS, source=source, columns=study.columns, decimal=study.decimal)
    _check_name(table, study.response)
    notes = [*table.notes]
    doses = {}
    for which, own in ((1, study.dose1_unit), (2, study.dose2_unit)):
        unit = own or study.dose_unit
        _check_unit(table, which, unit)
        number = table.numbers(f"dose{which}", least=0.0)
        doses[f"dose{which}_um"] = (number * MICROMOLAR[unit]).round_sig_figs(9)
    frame = pl.DataFrame(
        {
            "line": [table.line(row) for row in range(table.frame.height)],
            "block_id": table.texts("block_id", "block"),
            "cell_line": table.texts("cell_line"),
            "drug1": table.texts("drug1"),
            "drug2": table.texts("drug2"),
            **doses,
            "replicate": table.texts("replicate"),
            "response": table.numbers("response"),
        }
    )
    for name in ("block_id", "drug1", "drug2", "dose1_um", "dose2_um"):
        blank = frame[name].is_null()
        if blank.any():
            row = int(blank.arg_true()[0])
            raise table.fault(
                f"the well has no {name.removesuffix('_um')}", name.removesuffix("_um"), row, remedy="Fill it in"
            )
    frame = frame.filter(pl.col("response").is_not_null())
    lost = (table.frame["response"].is_null()).arg_true().to_list()
    rejected = table.text.reject(lost, ["no response"] * len(lost)) if lost else rejected_rows()
    frame = _number_replicates(table, frame, study.unnumbered_replicates, notes)
    for (block,), own in frame.group_by(["block_id"], maintain_order=True):
        check_block(own, str(block), study.response, study.scale, source)
    percent = pl.col("response") * (100.0 if study.scale == "fraction" else 1.0)
    inhibition = 100.0 - percent if study.response == "viability" else percent
    return DrugCombinationFrames(
        frame.with_columns(inhibition_percent=inhibition),
        rejected,
        warnings((source, *note) for note in notes),
    )


def _check_name(table: MeasuredTable, response: str) -> None:
    """Raise DataFault if the response column is called by the opposite of what is declared."""
    other = "inhibition" if response == "viability" else "viability"
    column = table.column_of["response"]
    if column.lower().replace("_", "").replace(" ", "") in _SAYS[other]:
        raise table.column_fault(
            f"its name says {other}",
            "response",
            expected=f"{response}, as response declares",
            remedy=f'Set response = "{other}", or rename the column: the wrong one turns synergy into antagonism',
        )


def _check_unit(table: MeasuredTable, which: int, unit: str) -> None:
    """Raise DataFault at the first cell of a unit column that says another unit than was declared."""
    name = f"unit{which}" if f"unit{which}" in table.column_of else "unit1"
    if name not in table.column_of:
        return
    told = table.texts(name).str.replace("\u00b5", "u").str.replace("\u03bc", "u")
    wrong = (told.is_not_null() & (told != unit)).arg_true()
    if len(wrong):
        raise table.fault(
            f"the unit is {told[wrong[0]]}",
            name,
            int(wrong[0]),
            expected=f"{unit}, as dose_unit or dose{which}_unit declares",
            remedy=f'Set dose{which}_unit = "{told[wrong[0]]}"',
        )


def _number_replicates(
    table: MeasuredTable, frame: pl.DataFrame, rule: str, notes: list[tuple[str, str]]
) -> pl.DataFrame:
    """Replicates with an id: the file's, or in the order of the file where the study asks for that."""
    key = ["block_id", "dose1_um", "dose2_um"]
    if rule == "file_order" and frame["replicate"].null_count() == frame.height:
        notes.append(("column replicate", "there is none: repeated wells are numbered in the order of the file"))
        number = pl.int_range(1, pl.len() + 1).over(key).cast(pl.String)
        return frame.with_columns(replicate=number)
    if 0 < frame["replicate"].null_count() < frame.height:
        first = frame.filter(pl.col("replicate").is_null()).row(0, named=True)
        raise DataFault(
            "the well has no replicate, and others have one",
            subject=table.text.source,
            place=f"line {first['line']}, block {first['block_id']}, column {table.column_of['replicate']}",
            expected="a replicate id in every row, or in none",
            remedy="Fill it in",
        )
    repeated = frame.filter(pl.struct(*key, "replicate").is_duplicated())
    if repeated.height:
        first = repeated.row(0, named=True)
        twin = repeated.filter(*[pl.col(name).eq_missing(first[name]) for name in (*key, "replicate")])
        lines = ", ".join(str(line) for line in twin["line"].head(4))
        raise DataFault(
            f"{twin.height} wells of doses {first['dose1_um']:g} and {first['dose2_um']:g} uM have the same replicate",
            subject=table.text.source,
            place=f"lines {lines}, block {first['block_id']}, column replicate",
            expected="one well per pair of doses and replicate",
            remedy='Give each plate its replicate id, or set unnumbered_replicates = "file_order"',
        )
    return frame.with_columns(pl.col("replicate").fill_null("1"))


def _check_scale(own: pl.DataFrame, block: str, scale: str, source: str) -> None:
    """Refuse a block, or a replicate of it, whose numbers cannot be on the declared scale."""
    largest = own.group_by("replicate", maintain_order=True).agg(
        pl.col("response").abs().max(), pl.col("line").get(pl.col("response").abs().arg_max())
    )
    wrong = largest.filter(pl.col("response") <= 2.0 if scale == "percent" else pl.col("response") > 5.0)
    if wrong.is_empty():
        return
    one = wrong.row(0, named=True)
    right = "fraction" if scale == "percent" else "percent"
    is_mixed = wrong.height < largest.height
    of_which = f" of replicate {one['replicate']}" if is_mixed else ""
    raise DataFault(
        f"the largest response{of_which} is {one['response']:g}",
        subject=source,
        place=f"line {one['line']}, block {block}, column response",
        expected="fractions" if scale == "fraction" else "percent",
        remedy="Write all replicates on one scale"
        if is_mixed
        else f'Set scale = "{right}", or write all blocks on one',
    )


def check_block(own: pl.DataFrame, block: str, response: str, scale: str, source: str) -> None:
    """Refuse a block whose drugs change, that lacks the drugs alone, or whose numbers are not what is declared.

    Args:
        own: line, drug1, drug2, dose1_um, dose2_um and response of one block.
        block: its id.
        response, scale: as study.toml declares them.
        source: the file.

    Raises:
        DataFault: names block and line.
    """
    for name in ("drug1", "drug2", "cell_line"):
        if own[name].n_unique() > 1:
            other = own.filter(pl.col(name) != own[name][0]).row(0, named=True)
            raise DataFault(
                f"{name} is {own[name][0]} and {other[name]} in one block",
                subject=source,
                place=f"line {other['line']}, block {block}",
                expected="one pair of drugs in one line per block",
                remedy="Give each matrix a block_id of its own",
            )
    for which, other in ((1, 2), (2, 1)):
        if own.filter(pl.col(f"dose{which}_um") > 0, pl.col(f"dose{other}_um") == 0).is_empty():
            raise DataFault(
                f"has no wells with {own[f'drug{which}'][0]} alone",
                subject=source,
                place=f"block {block}",
                expected="a row and a column at dose 0 of the other drug",
                remedy="Add the single-drug wells: without them nothing can be expected of the combination",
            )
    _check_scale(own, block, scale, source)
    control = own.filter(pl.col("dose1_um") == 0, pl.col("dose2_um") == 0)
    if control.is_empty():
        return
    mean = float(control["response"].mean() or 0.0) * (100.0 if scale == "fraction" else 1.0)  # pyright: ignore
    is_turned = mean < HALF if response == "viability" else mean > HALF
    if is_turned:
        other_response = "inhibition" if response == "viability" else "viability"
        raise DataFault(
            f"the wells without drug have a {response} of {mean:.3g} %",
            subject=source,
            place=f"line {control['line'][0]}, block {block}",
            expected="near 100 %" if response == "viability" else "near 0 %",
            remedy=f'Set response = "{other_response}" if that is meant: the sign of every score hangs on it',
        )
