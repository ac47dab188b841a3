"""Tables of counts among the processed files of a record."""

from __future__ import annotations

import polars as pl
import pytest

from resistance_assets.catalog.models.study import SuppliedCounts
from resistance_assets.connectors.arrayexpress.processed_counts import (
    join_sample_counts,
    may_be_table,
    read_processed_counts,
    read_sample_counts,
)
from resistance_assets.connectors.public_study import layout_of, table_of_counts
from resistance_assets.errors import CatalogFault, DataFault

SHEET = pl.DataFrame(
    {"sample_id": ["ERS1", "ERS2"], "run_accession": ["ERR1", "ERR2 | ERR3"], "source_name": ["a", "B cells"],
     "assay_name": ["x", None]}
)  # fmt: skip


FEATURE_COUNTS = (
    "# Program:featureCounts v2.0.1\nGeneid\tChr\tStart\tEnd\tStrand\tLength\ts.bam\n"
    "AXL\t19\t41\t90\t+\t49\t5\nMET\t7\t11\t20\t+\t9\t0\n"
)


def table(tmp_path, text: str, name: str = "t.txt"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.txt", "gene\tERS1\tERS2\nAXL\t1\t2\n"),
        ("t.tsv", "gene\tlength\tb cells\tA\nAXL\t900\t2\t1\n"),
        ("t.csv", '"","ERS1","ERS2"\n"AXL",1,2.0\n'),
        ("t.txt", "gene\tB.cells\ta\nAXL\t2\t1\n__no_feature\t9\t9\n"),
    ],
)
def test_samples_are_found_under_any_of_their_names(tmp_path, name, text):
    frame = read_processed_counts(table(tmp_path, text, name), SHEET)
    assert frame.columns == ["feature_id", "ERS1", "ERS2"]
    assert frame.rows() == [("AXL", 1, 2)]
    assert frame.schema["ERS1"] == pl.Int64


def test_a_declared_map_decides_which_column_is_which_sample(tmp_path):
    path = table(tmp_path, "n\tsymbol\tlane 1\tlane 2\n1\tAXL\t1.4\t2.6\n2\tMET\t3\t4\n")
    declared = SuppliedCounts(
        columns={"B cells": "lane 2", "ERR1": "lane 1"}, gene_column="symbol", count_type="estimated"
    )
    layout = layout_of(declared, SHEET, "s")
    assert layout.columns == {"ERS2": "lane 2", "ERS1": "lane 1"}
    assert read_processed_counts(path, SHEET, layout=layout).rows() == [("AXL", 1, 3), ("MET", 3, 4)]
    # One sample is declared, the other one goes by its name.
    half = table(tmp_path, "gene\tlane 1\tERS2\nAXL\t1\t2\n", "half.txt")
    layout = layout_of(SuppliedCounts(columns={"ERS1": "lane 1"}), SHEET, "s")
    assert read_processed_counts(half, SHEET, layout=layout).rows() == [("AXL", 1, 2)]


def test_a_declared_map_that_fits_no_table_stops_the_study_before_anything_is_quantified(tmp_path):
    path = table(tmp_path, "gene\tlane 1\tlane 2\nAXL\t1\t2\n")
    layout = layout_of(SuppliedCounts(columns={"ERS1": "lane_1", "ERS2": "lane 2"}), SHEET, "s")
    with pytest.raises(DataFault, match=r"lane_1 is missing; did you mean lane 1.*counts.columns"):
        table_of_counts("E-X-1", {"t.txt": path}, {}, SHEET, layout=layout)
    assert table_of_counts("E-X-1", {"t.txt": path}, {}, SHEET)[0] is None


@pytest.mark.parametrize(
    ("columns", "message"),
    [({"ERS9": "x"}, "'ERS9', which is no sample"), ({"ERS1": "x", "ERR1": "y"}, "names sample ERS1 twice")],
)
def test_a_declared_map_names_samples_of_the_record(columns, message):
    with pytest.raises(CatalogFault, match=message):
        layout_of(SuppliedCounts(columns=columns), SHEET, "s")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gene\tERS1\tERS2\nAXL\t1.5\t2\n", "'1.5' cannot be read.*not TPM, FPKM"),
        ("gene\tERS1\tERS2\nAXL\t-1\t2\n", "'-1' cannot be read"),
        ("gene\tERS1\tERS2\nAXL\tNA\t2\n", "cannot be read"),
        ("gene\tERS1\tERS2\nAXL\tinf\t2\n", "cannot be read"),
        ("gene\tERS1\tERS2\nAXL\t1\t2\nAXL\t3\t4\n", "occurs twice"),
        ("gene\tERS1\nAXL\t1\n", "the columns are gene, ERS1.*each of the 2 samples"),
        ("gene\tERR1\tERR2\nAXL\t1\t2\n", "the columns are"),  # one of the runs is not the sample
        ("gene\tERS1\tERS2\nAXL\t1\n", "the row has 2 fields"),
        ("gene\tERS1\tERS-1\tERS2\nAXL\t1\t1\t2\n", "the columns are"),  # one name for two columns
    ],
)
def test_tables_of_something_else_are_refused(tmp_path, text, message):
    with pytest.raises(DataFault, match=message):
        read_processed_counts(table(tmp_path, text), SHEET)


def test_only_names_of_text_tables_are_looked_at():
    names = [
        "counts.txt",
        "counts.TSV.gz",
        "x.csv",
        "data.xlsx",
        "a.count.gz",
        "quant.sf",
        "figure.pdf",
        "r.bam",
        "a.zip",
    ]
    assert [name for name in names if may_be_table(name)] == names[:6]


@pytest.mark.parametrize(
    "text",
    [
        "AXL\t5\nMET\t0\n__no_feature\t12\n",  # htseq-count
        "gene\tcounts\nAXL\t5\nMET\t0\n",
        "gene\t101\nAXL\t5\nMET\t0\n",  # a sample that is called by a number
        "gene\tcounts\tfpkm\nAXL\t5\t0.25\nMET\t0\t0.0001\n",
        FEATURE_COUNTS,
    ],
)
def test_counts_of_one_sample_are_found_in_the_layouts_of_counting_programs(tmp_path, text):
    frame = read_sample_counts(table(tmp_path, text))
    assert frame.rows() == [("AXL", 5), ("MET", 0)]
    assert frame.schema == {"feature_id": pl.String, "read_count": pl.Int64}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gene\ttpm\nAXL\t1.5\n", "none of its columns holds whole numbers"),
        ("unnamed\t4\t4\t4\nAXL\t5\t1\t4\n", "several of its columns hold whole numbers: column 2, column 3"),
        ("AXL\t5\nAXL\t6\n", "occurs twice"),
        ("AXL\t5\nMET\n", "line 2.*|the row has 1 fields"),
        ("", "the file is empty"),
    ],
)
def test_files_of_one_sample_that_are_no_counts_are_refused(tmp_path, text, message):
    with pytest.raises(DataFault, match=message):
        read_sample_counts(table(tmp_path, text))


def test_ragged_line_of_a_table_without_a_header_is_named_by_its_line(tmp_path):
    with pytest.raises(DataFault) as caught:
        read_sample_counts(table(tmp_path, "AXL\t5\nMET\t1\nKRAS\n"))
    assert "line 3" in str(caught.value)


def test_samples_are_joined_by_gene_and_not_by_order(tmp_path):
    files = {
        "ERS1": {"1.txt": table(tmp_path, "AXL\t5\nMET\t0\n", "1.txt")},
        "ERS2": {"2.txt": table(tmp_path, "MET\t1\nAXL\t2\n", "2.txt"),
                 "2_tpm.txt": table(tmp_path, "MET\t0.1\nAXL\t2\n", "2_tpm.txt")},
    }  # fmt: skip
    joined = join_sample_counts(files)
    assert joined.columns == ["feature_id", "ERS1", "ERS2"]
    assert joined.rows() == [("AXL", 5, 2), ("MET", 0, 1)]
    twice = {"ERS1": files["ERS1"] | {"again.txt": files["ERS1"]["1.txt"]}}
    with pytest.raises(DataFault, match=r"ERS1: several of its files are tables of counts: 1\.txt, again\.txt"):
        join_sample_counts(twice)
    with pytest.raises(DataFault, match=r"ERS3: none of its files is a table of counts \(it has none\)"):
        join_sample_counts({**files, "ERS3": {}})
    other = {**files, "ERS3": {"3.txt": table(tmp_path, "AXL\t5\n", "3.txt")}}
    with pytest.raises(DataFault, match=r"3\.txt: it does not hold the genes of 1\.txt"):
        join_sample_counts(other)
