"""Tables of counts among the processed files of a record."""

from __future__ import annotations

import polars as pl
import pytest

from resistance_assets.catalog.faults import DataFault
from resistance_assets.origins.processed_counts import may_be_table, read_processed_counts

SHEET = pl.DataFrame(
    {"sample_id": ["ERS1", "ERS2"], "run_accession": ["ERR1", "ERR2 | ERR3"], "source_name": ["a", "B cells"],
     "assay_name": ["x", None]}
)  # fmt: skip


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
    ],
)
def test_samples_are_found_under_any_of_their_names(tmp_path, name, text):
    frame = read_processed_counts(table(tmp_path, text, name), SHEET)
    assert frame.columns == ["feature_id", "ERS1", "ERS2"]
    assert frame.rows() == [("AXL", 1, 2)]
    assert frame.schema["ERS1"] == pl.Int64


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
    ],
)
def test_tables_of_something_else_are_refused(tmp_path, text, message):
    with pytest.raises(DataFault, match=message):
        read_processed_counts(table(tmp_path, text), SHEET)


def test_only_names_of_text_tables_are_looked_at():
    names = ["counts.txt", "counts.TSV.gz", "x.csv", "figure.pdf", "reads.bam", "data.xlsx", "all.zip"]
    assert [name for name in names if may_be_table(name)] == names[:3]
