"""Splitting text tables: every row is kept, every fault is told with its line."""

from __future__ import annotations

import gzip

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.connectors.formats.delimited import nearest_name, read_bytes, rejected_rows, split_text
from resistance_assets.errors import DataFault, TransportFault

cell = st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r\x00"), max_size=6)


@given(
    rows=st.lists(st.tuples(cell, cell, cell), max_size=8),
    blanks=st.lists(st.integers(0, 8), max_size=3),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    final=st.booleans(),
)
def test_every_row_is_kept_with_its_line(rows, blanks, end, final):
    lines: list[str] = ["a\tb\tc"]
    where: list[int] = []
    for number, row in enumerate(rows):
        lines += [""] * blanks.count(number)
        lines.append("\t".join(row))
        where.append(len(lines))
    data = end.join(lines).encode() + (end.encode() if final else b"")
    text = split_text(data, source="t")
    assert text.lines.tolist() == where
    frame = text.frame()
    assert frame.schema == {"a": pl.String, "b": pl.String, "c": pl.String}
    assert frame.rows() == [tuple(value or None for value in row) for row in rows]
    assert text.row_texts(range(len(rows))) == ["\t".join(row) for row in rows]


quoted_cell = st.text(st.characters(codec="utf-8", exclude_characters='"\r\x00'), max_size=6)


@given(rows=st.lists(st.tuples(quoted_cell, quoted_cell), min_size=1, max_size=6))
def test_quotes_hide_separators_and_line_ends(rows):
    body = "".join("\t".join(f'"{value}"' for value in row) + "\n" for row in rows)
    text = split_text(f'"a"\t"b"\n{body}'.encode(), source="t", quoted=True)
    assert text.header == ["a", "b"]
    line, where = 2, []
    for row in rows:
        where.append(line)
        line += 1 + sum(value.count("\n") for value in row)
    assert text.lines.tolist() == where
    assert text.frame().rows() == [tuple(value or None for value in row) for row in rows]


def test_quote_that_is_not_closed_is_told_with_its_line():
    with pytest.raises(DataFault, match="line 3: a quotation mark is not closed"):
        split_text(b'a\tb\n"1"\t2\n5" dish\t1\n2\t3\n', source="t", quoted=True)
    assert split_text(b'a\tb\n5" dish\t1\n', source="t").frame().rows() == [('5" dish', "1")]


@pytest.mark.parametrize(("row", "fields"), [("1", 1), ("1\t2\t3", 3)])
def test_ragged_row_is_told_with_its_line(row, fields):
    with pytest.raises(DataFault, match=rf"t, line 4: the row has {fields} fields \(expected 2"):
        split_text(f"a\tb\n1\t2\n\n{row}\n".encode(), source="t")


def test_comment_rows_are_only_the_leading_ones():
    text = split_text(b"#one\n#two\na\tb\n#1\tx # y\n", source="t", comment_rows=4)
    assert text.leading == ["#one", "#two"]
    assert text.frame().rows() == [("#1", "x # y")]
    assert text.lines.tolist() == [4]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"  \r\n", b"\xef\xbb\xbf"])
def test_empty_file(data):
    with pytest.raises(DataFault, match="empty"):
        split_text(data, source="t")


def test_header_without_rows_and_comments_without_header():
    assert split_text(b"a\tb\n", source="t").frame().shape == (0, 2)
    with pytest.raises(DataFault, match="no header"):
        split_text(b"#a\n", source="t", comment_rows=4)


def test_column_names_must_be_there_and_differ():
    with pytest.raises(DataFault, match=r"column a occurs twice \(columns 1 and 3\)"):
        split_text(b"a\tb\ta\n", source="t")
    with pytest.raises(DataFault, match="column 2 has no name"):
        split_text(b"a\t\tb\n", source="t")


def test_other_encodings_are_told_with_their_line():
    with pytest.raises(DataFault, match=r"line 3: byte 0xb5 is not UTF-8"):
        split_text(b"a\nx\n5 \xb5m\n", source="t")


def test_row_names_of_r_get_the_given_name():
    assert split_text(b"a\tb\nr1\t1\t2\n", source="t", unnamed_first="row").header == ["row", "a", "b"]
    assert split_text(b"\ta\tb\nr1\t1\t2\n", source="t", unnamed_first="row").header == ["row", "a", "b"]
    assert split_text(b"r\ta\tb\nr1\t1\t2\n", source="t", unnamed_first="row").header == ["r", "a", "b"]


def test_missing_column_names_the_nearest_one():
    text = split_text(b"OS_STATUS\tAge\n", source="t")
    with pytest.raises(DataFault, match="column AGE is missing; did you mean Age"):
        text.require(["AGE"])
    with pytest.raises(DataFault, match="the file has OS_STATUS, Age"):
        text.require(["tumour_stage_zzz"])
    assert nearest_name("log2FoldChange", ["logFC", "log2fc", "p"]) == "log2fc"


def test_cut_gzip_is_a_transport_fault(tmp_path):
    path = tmp_path / "t.tsv.gz"
    path.write_bytes(gzip.compress(b"a\tb\n" * 500))
    assert read_bytes(path) == b"a\tb\n" * 500
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(TransportFault, match="truncated"):
        read_bytes(path)


def test_rejected_rows_keep_their_columns_when_there_are_none():
    assert rejected_rows().schema == {"source": pl.String, "line": pl.Int64, "reason": pl.String, "row": pl.String}


def test_quotation_mark_inside_of_a_cell_is_a_fault_with_its_line():
    text = split_text(b'a,b\n"1","x"\n"2"y,"z"\n', source="t.csv", separator=",", quoted=True)
    with pytest.raises(DataFault, match=r"t\.csv, line 3: a quotation mark stands inside of a cell"):
        text.frame()


def test_first_of_each_key_is_kept():
    text = split_text(b"k\tv\na\t1\n\t2\na\t3\n", source="t.tsv")
    kept, rejected = text.first_of_each(text.frame(), "k")
    assert kept.rows() == [("a", "1")]
    assert rejected.select("line", "reason").rows() == [
        (3, "blank k"),
        (4, "repeats the k of an earlier row, which is kept"),
    ]


@pytest.mark.parametrize("width", [3, 400])
def test_even_and_ragged_rows_are_told_apart_in_short_and_in_long_lines(width):
    """Rows of a few cells and rows of kilobytes are counted in two ways, which must agree."""
    header = "\t".join(f"c{k}" for k in range(width))
    row = "\t".join(["1.25"] * width)
    text = split_text(f"{header}\n{row}\n{row}\n".encode(), source="t")
    assert text.lines.tolist() == [2, 3]
    # A blank line is no row, and the rows keep the lines that they stand on.
    assert split_text(f"{header}\n{row}\n\n{row}".encode(), source="t").lines.tolist() == [2, 4]
    for ragged, fields in ((f"{row}\t9", width + 1), (row.rpartition("\t")[0], width - 1)):
        with pytest.raises(DataFault, match=f"t, line 3: the row has {fields} fields"):
            split_text(f"{header}\n{row}\n{ragged}\n{row}\n".encode(), source="t")
