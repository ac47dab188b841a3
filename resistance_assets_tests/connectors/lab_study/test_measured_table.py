"""Tables of measurements: columns under their usual names, numbers with one decimal sign, cells that are refused."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.connectors.lab_study.measured_table import (
    MeasuredTable,
    WantedColumn,
    read_cells,
    read_measured_table,
)
from resistance_assets.errors import DataFault

WANTED = (WantedColumn("dose", ("conc",), is_required=True), WantedColumn("plate_id", ("barcode",)))


def read(folder: Path, text: str, name: str = "t.tsv", **columns: str) -> MeasuredTable:
    (folder / name).write_bytes(text.encode())
    return read_measured_table(folder / name, WANTED, source="s/" + name, columns=columns)


@given(st.floats(-1e12, 1e12))
def test_a_number_is_read_with_either_decimal_sign_and_never_with_the_other(value):
    text = f"{value:.6f}"
    assert read_cells(pl.Series([text]), "point")[0] == float(text)
    assert read_cells(pl.Series([text.replace(".", ",")]), "comma")[0] == float(text)
    assert read_cells(pl.Series([text]), "comma")[0] is None
    assert read_cells(pl.Series([text.replace(".", ",")]), "point")[0] is None


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
    assert table.numbers("dose", decimal="comma").to_list() == [0.5]
