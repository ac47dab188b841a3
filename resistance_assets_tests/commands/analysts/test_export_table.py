"""`export TABLE`: four formats that give the table back, a dictionary beside them, and nothing where it fails."""

from __future__ import annotations

import csv
import json
import math
import zipfile
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from resistance_assets.cli import app
from resistance_assets.commands.analysts import export_table as module
from resistance_assets.commands.analysts.export_table import Remarks, choose_format, export_table, resolve_table
from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.warehouse.reader import open_warehouse
from resistance_assets_tests.small_warehouse import write_small_warehouse

GENES = "marts.gene_evidence"


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("data")
    write_small_warehouse(data_dir)
    with open_warehouse(data_dir) as opened:
        yield opened


@pytest.mark.parametrize("format", ["parquet", "csv", "xlsx", "json"])
def test_the_dictionary_explains_every_column_in_the_files_order(tmp_path: Path, connection, format):
    written = export_table(connection, GENES, tmp_path / f"genes.{format}", format)
    assert (written.rows, written.release, written.table) == (6, 1, GENES)
    assert written.dictionary == tmp_path / f"genes.{format}.dictionary.csv"
    entries = list(csv.DictReader(written.dictionary.open(encoding="utf-8")))
    columns = [entry for entry in entries if entry["kind"] == "column"]
    names = [row[0] for row in connection.execute(f"DESCRIBE {GENES}").fetchall()]
    assert [entry["name"] for entry in columns] == names
    told = {entry["name"]: entry for entry in columns}
    assert (told["log2_fold_change"]["unit"], told["log2_fold_change"]["type"]) == ("log2", "DOUBLE")
    assert (told["hgnc_symbol"]["is_key"], told["note"]["is_key"]) == ("yes", "no")
    assert told["note"]["meaning"] == "what note is"
    kinds = {entry["kind"]: entry for entry in entries}
    assert kinds["table"]["meaning"] == "one row per gene"
    assert kinds["limitation"]["meaning"] == "an empty cell is not measured"
    assert "data version of the table: v1" in kinds["release"]["meaning"]
    assert kinds["rows"]["name"] == "6"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f"genes.{format}", written.dictionary.name])


def test_parquet_gives_the_table_back(tmp_path: Path, connection):
    export_table(connection, GENES, tmp_path / "genes.parquet", "parquet")
    expected = connection.sql(f"FROM {GENES}").fetchall()
    given = duckdb.sql(f"FROM '{tmp_path}/genes.parquet'").fetchall()
    assert repr(given) == repr(expected)


def test_csv_puts_formulas_behind_an_apostrophe_and_says_so(tmp_path: Path, connection):
    written = export_table(connection, GENES, tmp_path / "genes.csv", "csv")
    rows = list(csv.DictReader((tmp_path / "genes.csv").open(encoding="utf-8")))
    assert [row["note"] for row in rows] == [
        "up", '\'=HYPERLINK("http://evil.example","x")', "'@SUM(1,2)", "'-1+1|cmd", "-0.5", "-",
    ]  # fmt: skip
    assert [row["hgnc_symbol"] for row in rows][1:5] == ["MARCH1", "SEPT2", "2310009E13", "µ<script>"]
    assert [row["cell_lines"] for row in rows][:4] == ['["A549", "H1975"]', "[]", "", '["a \\"b\\"", "c|d"]']
    assert [row["log2_fold_change"] for row in rows][2:5] == ["inf", "NaN", ""]
    assert rows[0]["counts"] == "9007199254740993"
    told = " ".join(written.remarks)
    assert "3 texts that a spreadsheet would run as a formula" in told
    assert "3 texts such as MARCH1" in told
    assert "JSON text in: cell_lines" in told
    assert all(
        remark in written.dictionary.read_text(encoding="utf-8").replace('""', '"') for remark in written.remarks
    )


def test_exact_csv_is_the_text_of_the_table(tmp_path: Path, connection):
    written = export_table(connection, GENES, tmp_path / "genes.csv", "csv", exact=True)
    back = pl.read_csv(tmp_path / "genes.csv")
    assert back["note"].to_list() == connection.sql(f"SELECT note FROM {GENES}").pl()["note"].to_list()
    assert not any("formula" in remark for remark in written.remarks)


@given(st.lists(st.one_of(st.none(), st.text(max_size=12)), max_size=20))
def test_no_text_of_a_csv_begins_as_a_formula_and_none_is_lost(texts):
    remarks = Remarks()
    escaped = module._without_formulas(pl.DataFrame({"t": texts}, {"t": pl.String}), remarks)["t"].to_list()
    changed = 0
    for before, after in zip(texts, escaped, strict=True):
        if after != before:
            changed += 1
            assert before is not None
            assert after == f"'{before}"
        elif before:
            assert before[0] not in "=@\t\r\n＝＠＋－"
            assert before[0] not in "+-" or len(before) == 1 or math.isfinite(float(before))
    assert remarks.escaped == changed


def test_json_is_a_list_of_objects_without_words_that_json_lacks(tmp_path: Path, connection):
    export_table(connection, GENES, tmp_path / "genes.json", "json")
    rows = json.loads((tmp_path / "genes.json").read_text(encoding="utf-8"))
    assert [row["log2_fold_change"] for row in rows] == [1.5, -2.25, None, None, None, 0.1]
    assert rows[0]["counts"] == 9007199254740993
    assert rows[3]["cell_lines"] == ['a "b"', "c|d"]
    export_table(connection, "core.gene_lists__empty", tmp_path / "empty.json", "json")
    assert json.loads((tmp_path / "empty.json").read_text()) == []


def test_a_sheet_keeps_text_as_text_and_long_integers_whole(tmp_path: Path, connection):
    import fastexcel

    export_table(connection, GENES, tmp_path / "genes.xlsx", "xlsx")
    workbook = fastexcel.read_excel(tmp_path / "genes.xlsx")
    assert workbook.sheet_names == ["gene_evidence", "Dictionary"]
    rows = workbook.load_sheet("gene_evidence", dtypes="string").to_polars()
    assert rows["hgnc_symbol"].to_list() == ["CCL20", "MARCH1", "SEPT2", "2310009E13", "µ<script>", "strand"]
    assert rows["note"].to_list()[1:4] == ['=HYPERLINK("http://evil.example","x")', "@SUM(1,2)", "-1+1|cmd"]
    assert rows["counts"].to_list()[0] == "9007199254740993"
    assert rows["log2_fold_change"].to_list()[2:5] == ["inf", "NaN", None]
    assert rows["seen_at"].to_list()[2] == "1850-01-01T00:00:00"
    dictionary = workbook.load_sheet("Dictionary").to_polars()
    assert "what note is" in dictionary["meaning"].to_list()
    inside = zipfile.ZipFile(tmp_path / "genes.xlsx")
    assert not any(b"<f>" in inside.read(name) for name in inside.namelist() if "sheet" in name)
    assert not any("hyperlink" in name.lower() for name in inside.namelist())


@pytest.mark.parametrize("format", ["parquet", "csv", "xlsx", "json"])
def test_an_empty_table_has_its_columns(tmp_path: Path, connection, format):
    written = export_table(connection, "core.gene_lists__empty", tmp_path / f"none.{format}", format)
    assert written.rows == 0
    if format == "csv":
        assert (tmp_path / "none.csv").read_text() == '"list_id","size"\n'
    if format == "parquet":
        assert pl.read_parquet(tmp_path / "none.parquet").columns == ["list_id", "size"]


def test_a_sheet_that_cannot_hold_the_table_is_refused_and_nothing_is_left(tmp_path: Path, connection, monkeypatch):
    monkeypatch.setattr(module, "MOST_SHEET_ROWS", 6)
    with pytest.raises(DataFault, match=r"6 rows; a sheet of a spreadsheet holds 5 below its headings.*parquet or csv"):
        export_table(connection, GENES, tmp_path / "genes.xlsx", "xlsx")
    monkeypatch.undo()
    monkeypatch.setattr(module, "MOST_CELL_CHARACTERS", 30)
    with pytest.raises(DataFault, match=r"column note, row 2: has a text of 37 characters"):
        export_table(connection, GENES, tmp_path / "genes.xlsx", "xlsx")
    assert list(tmp_path.iterdir()) == []


def test_what_stands_there_is_kept_unless_it_may_be_replaced(tmp_path: Path, connection):
    dictionary = tmp_path / "genes.csv.dictionary.csv"
    dictionary.write_text("mine")
    with pytest.raises(UsageFault, match="--force"):
        export_table(connection, GENES, tmp_path / "genes.csv", "csv")
    assert [path.name for path in tmp_path.iterdir()] == [dictionary.name]
    export_table(connection, GENES, tmp_path / "genes.csv", "csv", force=True)
    assert dictionary.read_text(encoding="utf-8").startswith("kind,name")
    with pytest.raises(UsageFault, match="folder does not exist"):
        export_table(connection, GENES, tmp_path / "no" / "genes.csv", "csv")


def test_a_disk_that_refuses_is_told_with_what_to_do(tmp_path: Path, connection, monkeypatch):
    def refuse(content, path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(module._WRITERS, "csv", refuse)
    with pytest.raises(DataFault, match=r"No space left.*choose another place with -o"):
        export_table(connection, GENES, tmp_path / "genes.csv", "csv")
    assert list(tmp_path.iterdir()) == []


def test_the_suffix_says_the_format_and_an_unknown_one_is_refused():
    assert choose_format(None, Path("a.XLSX"))[0] == "xlsx"
    assert choose_format("csv", Path("a.out"))[0] == "csv"
    with pytest.raises(UsageFault, match=r"'\.tsv'.*\.parquet, \.csv, \.xlsx, \.json"):
        choose_format(None, Path("a.tsv"))
    with pytest.raises(UsageFault, match="says csv and --format says json"):
        choose_format("json", Path("a.csv"))
    with pytest.raises(UsageFault, match="-o FILE"):
        choose_format("json", None)


def test_a_table_is_found_by_its_name_and_a_near_one_is_proposed(connection):
    assert resolve_table(connection, "gene_evidence", None) == GENES
    assert resolve_table(connection, None, "marts.gene_evidence") == GENES
    with pytest.raises(UsageFault, match=r"core\.twice or raw\.twice"):
        resolve_table(connection, "twice", None)
    with pytest.raises(UsageFault, match="Did you mean gene_evidence"):
        resolve_table(connection, None, "gene_evidense")
    with pytest.raises(UsageFault, match="no such table"):
        resolve_table(connection, None, "hypotheses_tested")


def command(monkeypatch, data_dir: Path, *arguments: object):
    """`resistance export` in this process: exit code, output, and the fault where one was raised."""
    monkeypatch.setenv("RESISTANCE_DATA_DIR", str(data_dir))
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def test_the_command_says_what_it_wrote(tmp_path: Path, data_dir, monkeypatch):
    done = command(monkeypatch, data_dir, "--mart", "gene_evidence", "-o", tmp_path / "genes.csv")
    assert done.exit_code == 0
    assert f"{tmp_path}/genes.csv: 6 rows of marts.gene_evidence, release 1\n" in done.stdout
    assert "look at this: 3 texts" in done.stderr
    done = command(monkeypatch, data_dir, "twice", "-o", tmp_path / "x.csv")
    assert "core.twice or raw.twice" in str(done.exception)
    done = command(monkeypatch, data_dir, "gene_evidence", "--format", "parquet", "-o", tmp_path / "genes", "--json")
    assert json.loads(done.stdout)["format"] == "parquet"
    assert pl.read_parquet(tmp_path / "genes").height == 6


def test_the_command_refuses_what_is_not_clear(tmp_path: Path, data_dir, monkeypatch):
    for arguments in ((), ("gene_evidence", "--mart", "gene_evidence"), ("x", "--workbook", tmp_path / "a.xlsx")):
        done = command(monkeypatch, data_dir, *arguments)
        assert isinstance(done.exception, UsageFault)
        assert "one of TABLE, --mart NAME and --workbook FILE" in str(done.exception)
    done = command(monkeypatch, data_dir, "--workbook", tmp_path / "a.xlsx", "-o", tmp_path / "b.csv")
    assert "goes without -o" in str(done.exception)
    done = command(monkeypatch, data_dir, "gene_evidence")
    assert "-o FILE" in str(done.exception)
    done = command(monkeypatch, data_dir, "gene_evidence", "-o", data_dir / "x.csv")
    assert "data folder" in str(done.exception)
    assert list(tmp_path.iterdir()) == [data_dir]
