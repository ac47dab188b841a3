"""The workbook: sheets, numbers as published, text that stays text."""

from __future__ import annotations

import zipfile
from pathlib import Path

import polars as pl
import pytest

from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.report import workbook
from resistance_assets.report.workbook import HEADINGS_ROW, Sheet, workbook_sheets, write_workbook


def read_sheet(path: Path, name: str) -> pl.DataFrame:
    return pl.read_excel(path, sheet_name=name, read_options={"header_row": HEADINGS_ROW}, infer_schema_length=0)


@pytest.fixture(scope="module")
def written(demo, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("workbook") / "tonight.xlsx"
    write_workbook(demo, path)
    return path


def test_each_question_has_a_sheet_with_every_row(demo, written):
    sheets = {sheet.name: sheet for sheet in workbook_sheets(demo)}
    assert list(sheets) == [
        "About", "Contrasts", "Shared genes", "Genes of contrasts", "Overlaps", "Pathways", "Survival", "Dictionary",
        "Sources",
    ]  # fmt: skip
    for name, sheet in sheets.items():
        found = read_sheet(written, name)
        assert found.columns == sheet.frame.columns, name
        assert found.height == sheet.frame.height > 0, name


def test_a_shared_gene_stands_with_its_effects_and_the_cohort_of_its_hazard_ratio(demo, written):
    row = next(iter(read_sheet(written, "Shared genes").filter(pl.col("hgnc_symbol") == "CCL20").to_dicts()))
    published = demo.rows("SELECT * FROM marts.gene_evidence WHERE hgnc_symbol = 'CCL20'")[0]
    assert (row["cohort_id"], int(row["os_n"]), int(row["os_events"])) == (
        published["cohort_id"], published["os_n"], published["os_events"],
    )  # fmt: skip
    assert float(row["os_hazard_ratio_per_sd"]) == pytest.approx(published["os_hazard_ratio_per_sd"])
    effect = demo.rows(
        "SELECT log2_fold_change, q_value_bh FROM marts.deg_by_contrast"
        " WHERE hgnc_symbol = 'CCL20' AND contrast_id = 'luad_tumour_vs_normal'"
    )[0]
    assert float(row["log2_fold_change luad_tumour_vs_normal"]) == pytest.approx(effect["log2_fold_change"])
    assert float(row["q_value_bh luad_tumour_vs_normal"]) == pytest.approx(effect["q_value_bh"])


def test_the_dictionary_explains_every_column_and_the_sources_have_checksums(written):
    words = read_sheet(written, "Dictionary")
    assert words["meaning"].str.len_chars().min() > 0
    checksums = read_sheet(written, "Sources").filter(pl.col("state") == "loaded")["sha256"]
    assert checksums.str.len_chars().unique().to_list() == [64]


def test_no_cell_becomes_a_date_a_formula_or_a_link(tmp_path):
    odd = ["MARCH1", "SEPT2", "1-Mar", "DEC1", "=1+1", "https://example.org", "007", "<b>", "2310009E13"]
    frame = pl.DataFrame({"hgnc_symbol": odd, "p_value": [1e-300] * len(odd)})
    path = tmp_path / "odd.xlsx"
    workbook._write([Sheet("About", "?", pl.DataFrame({"told": ["1"]}), ()), Sheet("Odd", "?", frame, ())], path)
    found = read_sheet(path, "Odd")
    assert found["hgnc_symbol"].to_list() == odd
    numbers = pl.read_excel(path, sheet_name="Odd", read_options={"header_row": HEADINGS_ROW})["p_value"]
    assert numbers.to_list() == [1e-300] * len(odd)
    with zipfile.ZipFile(path) as parts:
        xml = parts.read("xl/worksheets/sheet2.xml").decode()
        styles = parts.read("xl/styles.xml").decode()
    assert "<f>" not in xml
    assert "<hyperlink" not in xml
    # Headings stay in sight, and cells of text are marked as text.
    assert 'state="frozen"' in xml
    assert 'formatCode="@"' in styles


def test_a_file_that_exists_is_replaced_only_on_demand(demo, written):
    before = written.stat().st_ino
    with pytest.raises(UsageFault, match=r"tonight\.xlsx: exists.*--force"):
        write_workbook(demo, written)
    assert written.stat().st_ino == before
    with pytest.raises(UsageFault, match=r"suffix is \.xls.*expected \.xlsx"):
        write_workbook(demo, written.with_suffix(".xls"))
    assert [path.name for path in written.parent.iterdir()] == ["tonight.xlsx"]


def test_a_sheet_that_excel_cannot_hold_is_refused(demo, tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", 20)
    with pytest.raises(DataFault, match=r"sheet .* more than a sheet of Excel holds.*resistance sql"):
        write_workbook(demo, tmp_path / "large.xlsx")
    assert list(tmp_path.iterdir()) == []
