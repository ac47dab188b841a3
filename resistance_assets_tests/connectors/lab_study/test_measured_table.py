"""Tables of measurements: columns under their usual names, numbers with one decimal sign, cells that are refused."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.catalog.models.lab_study import DecimalMark
from resistance_assets.connectors.lab_study.decimal_numbers import NumberCell, read_decimal, read_decimals
from resistance_assets.connectors.lab_study.measured_table import (
    MeasuredTable,
    WantedColumn,
    read_measured_table,
)
from resistance_assets.errors import DataFault

WANTED = (
    WantedColumn("dose", ("conc",), is_required=True, is_number=True),
    WantedColumn("plate_id", ("barcode",)),
    WantedColumn("signal", is_number=True),
)


def read(folder: Path, text: str, name: str = "t.tsv", decimal: DecimalMark = "auto", **columns: str) -> MeasuredTable:
    (folder / name).write_bytes(text.encode())
    return read_measured_table(folder / name, WANTED, source="s/" + name, columns=columns, decimal=decimal)


@given(st.floats(-1e12, 1e12))
def test_a_number_is_read_with_either_decimal_sign_and_never_with_the_other(value):
    text = f"{value:.6f}"
    comma = text.replace(".", ",")
    assert read_decimals(pl.Series([text]), ".")[0] == float(text)
    assert read_decimals(pl.Series([comma]), ",")[0] == float(text)
    assert read_decimals(pl.Series([text]), ",")[0] is None
    assert read_decimals(pl.Series([comma]), ".")[0] is None
    assert read_decimal(NumberCell(comma, 2, "dose"), ",", source="t.tsv") == float(text)


@given(st.text("0123456789.,+-eE ", max_size=9), st.sampled_from([".", ","]))
def test_a_column_and_a_cell_are_read_by_the_same_rule(text, mark):
    try:
        one = read_decimal(NumberCell(text, 2, "dose"), mark, source="t.tsv")
    except DataFault:
        one = None
    assert read_decimals(pl.Series([text]), mark)[0] == one


def test_a_number_too_large_to_be_one_is_refused_in_a_cell_as_in_a_column():
    with pytest.raises(DataFault, match="line 2, column dose: '1e309' is no number"):
        read_decimal(NumberCell("1e309", 2, "dose"), ".", source="t.tsv")
    assert read_decimals(pl.Series(["1e309"]), ".")[0] is None


def test_decimal_commas_are_found_out_counted_and_told(tmp_path):
    table = read(tmp_path, "dose\tbarcode\tsignal\n0,5\tP1,2\t12\n1\tP1,2\t3,25\n")
    assert table.numbers("dose").to_list() == [0.5, 1.0]
    assert table.numbers("signal").to_list() == [12.0, 3.25]
    assert ("numbers", "decimal commas: 2 numbers") in table.notes


def test_both_decimal_marks_in_one_table_are_refused_also_in_different_columns(tmp_path):
    with pytest.raises(DataFault, match=r"line 2, column signal: '3,25' has a decimal comma, and 2 other cells"):
        read(tmp_path, "dose\tsignal\n0.5\t3,25\n1.5\t3\n")


def test_commas_that_may_separate_thousands_are_refused_until_one_is_declared(tmp_path):
    text = "dose\tsignal\n1\t1,200\n2\t2,300\n"
    with pytest.raises(DataFault, match=r"line 2, column signal: '1,200' may be 1200 or 1.200.*decimal = \"comma\""):
        read(tmp_path, text)
    assert read(tmp_path, text, decimal="comma").numbers("signal").to_list() == [1.2, 2.3]
    with pytest.raises(DataFault, match="line 2, column signal: '1,200' has a decimal comma"):
        read(tmp_path, text, decimal="point").numbers("signal")


def test_columns_are_found_by_their_usual_names_and_the_mapping_is_told(tmp_path):
    table = read(tmp_path, "Barcode\tConc\tcomment\nP1\t0.5\tx\n")
    assert table.frame.to_dicts() == [{"dose": "0.5", "plate_id": "P1"}]
    assert table.notes == [
        ("column Conc", "read as dose"),
        ("column Barcode", "read as plate_id"),
        ("header", "columns that are not read: comment"),
    ]


def test_a_column_that_study_toml_names_goes_before_every_other_name(tmp_path):
    assert read(tmp_path, "dose\tother\n1\t2\n", dose="other").numbers("dose").to_list() == [2.0]


def test_a_missing_column_tells_its_names_and_what_the_file_has(tmp_path):
    with pytest.raises(DataFault, match=r"s/t.tsv, header: column dose is missing.*conc.*The file has a, b"):
        read(tmp_path, "a\tb\n1\t2\n")


def test_a_cell_that_is_no_finite_number_is_refused_with_its_line(tmp_path):
    for cell in ("inf", "12 uM", "1e", "1.2.3"):
        with pytest.raises(DataFault, match="line 3, column dose"):
            read(tmp_path, f"dose\n1\n{cell}\n").numbers("dose")
    assert read(tmp_path, "dose\n1\nNA\n").numbers("dose").to_list() == [1.0, None]


def test_a_table_with_semicolons_and_decimal_commas_is_read(tmp_path):
    table = read(tmp_path, "dose;barcode\n0,5;P1\n", name="t.csv")
    assert table.numbers("dose").to_list() == [0.5]
