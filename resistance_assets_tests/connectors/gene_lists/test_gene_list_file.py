"""Gene lists as people keep them."""

from __future__ import annotations

from pathlib import Path

import pytest

from resistance_assets.connectors.gene_lists.gene_list_file import read_gene_list
from resistance_assets.errors import DataFault


def written(tmp_path: Path, text: str | bytes, name: str = "list.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("AXL\nNKX2-1\n", None),
        ("# ours\n\nAXL\r\nNKX2-1\r\n", None),
        ("Gene\nAXL\nNKX2-1", None),
        ("\ufeffHGNC symbol\nAXL\nNKX2-1\n", None),
        ("rank\tgene\n1\tAXL\n2\tNKX2-1\n", None),
        ("rank,what\n1,AXL\n2,NKX2-1\n", "what"),
        ('"symbol","why"\n"AXL","a, b"\n"NKX2-1","c"\n', None),
    ],
    ids=["lines", "comments", "heading", "blank in the heading", "table", "named column", "quotes"],
)
def test_symbols_are_read_from_lines_or_from_a_column(tmp_path, text, column):
    members, rejected = read_gene_list(written(tmp_path, text), column=column)
    assert members["symbol"].to_list() == ["AXL", "NKX2-1"]
    assert rejected.is_empty()


def test_every_line_is_a_member_or_rejected_with_its_reason(tmp_path):
    members, rejected = read_gene_list(written(tmp_path, "AXL\n1-Mar\nAXL\n<b>\n2026-09-02\nMARCHF1\n"))
    assert members.rows() == [(1, "AXL"), (6, "MARCHF1")]
    assert rejected["line"].to_list() == [2, 3, 4, 5]
    assert rejected["reason"].str.contains("is a date").to_list() == [True, False, False, True]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", None, "list.txt: the file is empty"),
        ("# only a comment\n", None, "the file is empty"),
        ("1-Mar\n", None, "no line holds a gene symbol"),
        ("a\tb\n1\t2\n", None, r"which column holds the gene symbols.*a, b.*column ="),
        ("gene\tb\nAXL\t2\n", "genes", r"column genes is missing; did you mean gene\?"),
        (b"AXL\n\xff\xfe\n", None, "0xff is not UTF-8"),
    ],
)
def test_a_file_that_is_no_list_is_refused_with_its_name(tmp_path, text, column, message):
    with pytest.raises(DataFault, match=message):
        read_gene_list(written(tmp_path, text), column=column)
