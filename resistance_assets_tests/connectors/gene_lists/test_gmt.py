"""GMT files in three dialects: real ones, and the accounting of what is set aside."""

from __future__ import annotations

import gzip
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.connectors.gene_lists.gmt import read_gmt
from resistance_assets.errors import DataFault, TransportFault

FILES = "mirror/files"


@pytest.mark.parametrize(
    ("file", "sets", "first", "second"),
    [
        (
            "data.broadinstitute.org/h.all.v7.0.symbols.gmt",
            50,
            "HALLMARK_TNFA_SIGNALING_VIA_NFKB",
            "HALLMARK_TNFA_SIGNALING_VIA_NFKB",
        ),
        ("maayanlab.cloud/Enrichr_KEGG_2016.txt", 293, None, "hsa00532"),
        (
            "maayanlab.cloud/Enrichr_GO_Biological_Process_2021.txt",
            6036,
            "'de novo' posttranslational protein folding",
            "GO:0051084",
        ),
        ("reactome.org/ReactomePathways.gmt.zip", 2681, "2-LTR circle formation", "R-HSA-164843"),
    ],
)
def test_collections_of_the_mirror(shared, file, sets, first, second):
    frame, rejected = read_gmt(shared / FILES / file)
    assert frame.columns == ["term", "term_id", "description", "gene_symbol"]
    assert frame.select("term", "term_id").n_unique() == sets
    assert rejected.height == 0
    assert frame.null_count().row(0)[0:2] == (0, 0)
    assert not frame["gene_symbol"].str.contains(r"^$|\s$|^\s").any()
    assert frame.row(0)[1] == second
    assert first is None or frame.row(0)[0] == first


def test_every_gene_of_a_real_file_is_kept(shared):
    path = shared / FILES / "data.broadinstitute.org" / "h.all.v7.0.symbols.gmt"
    frame, _ = read_gmt(path)
    assert frame.height == sum(len(line.split("\t")) - 2 for line in path.read_text().splitlines())
    assert frame["description"].str.starts_with("http://").all()


name = st.text("ABCDEFxyz0123 -", min_size=1, max_size=6).filter(str.strip)
gene = st.sampled_from(["", " ", "TP53", "EGFR", "GAS6", "AXL,1.0", "MIF"])


@given(st.lists(st.tuples(name, st.lists(gene, max_size=6)), min_size=1, max_size=8))
def test_every_set_and_every_gene_is_kept_or_rejected(tmp_path_factory, sets):
    path = tmp_path_factory.mktemp("gmt") / "sets.gmt"
    lines = ["\t".join([term, "http://x", *genes]) for term, genes in sets]
    path.write_text("\n".join(lines) + "\n")
    names = {term.strip() for term, genes in sets if any(map(str.strip, genes))}
    if not names:
        with pytest.raises(DataFault, match="no line is a set"):
            read_gmt(path)
        return
    frame, rejected = read_gmt(path)
    lost = rejected.filter(rejected["reason"] != "the set repeats this gene, which is kept once")
    repeats = rejected.height - lost.height
    assert set(frame["term"]) == names
    assert frame["term"].n_unique() + lost.height == len(sets)
    kept = [genes for number, (_, genes) in enumerate(sets, start=1) if number not in lost["line"].to_list()]
    assert frame.height + repeats == sum(bool(symbol.strip()) for genes in kept for symbol in genes)
    assert not frame.is_duplicated().any()


def test_enrichr_weights_and_ids(tmp_path):
    path = tmp_path / "lib.txt"
    path.write_text(
        "Glycolysis Homo sapiens hsa00010\t\tPFKM,1.0\tHK1,0.5\tPFKM\t\n"
        "apoptosis (GO:0006915)\t\tBAX\t\nTGF-beta WP366\t\tTGFB1\t\nNo id here\tnote\tA\t\n"
    )
    frame, rejected = read_gmt(path)
    assert frame.rows() == [
        ("Glycolysis", "hsa00010", None, "PFKM"),
        ("Glycolysis", "hsa00010", None, "HK1"),
        ("apoptosis", "GO:0006915", None, "BAX"),
        ("TGF-beta", "WP366", None, "TGFB1"),
        ("No id here", "No id here", "note", "A"),
    ]
    assert rejected.rows() == [("lib.txt", 1, "the set repeats this gene, which is kept once", "PFKM")]


def test_dialect_can_be_given(tmp_path):
    path = tmp_path / "lib.gmt"
    path.write_text("apoptosis (GO:0006915)\tnote\tBAX\n")
    assert read_gmt(path)[0].row(0) == ("apoptosis (GO:0006915)", "apoptosis (GO:0006915)", "note", "BAX")
    assert read_gmt(path, dialect="enrichr")[0].row(0) == ("apoptosis", "GO:0006915", "note", "BAX")


def test_sets_of_one_name_and_two_ids_are_both_kept(tmp_path):
    path = tmp_path / "r.gmt"
    path.write_text("Loop\tR-HSA-1\tA\nLoop\tR-HSA-2\tB\nLoop\tR-HSA-2\tC\nEmpty\tR-HSA-3\n")
    frame, rejected = read_gmt(path)
    assert frame["term_id"].to_list() == ["R-HSA-1", "R-HSA-2"]
    assert rejected.select("line", "reason").rows() == [
        (3, "repeats the name of an earlier set, which is kept"),
        (4, "the set has no gene"),
    ]


def test_packed_files(tmp_path):
    text = b"S\tu\tA\tB\r\n"
    (tmp_path / "s.gmt.gz").write_bytes(gzip.compress(text))
    assert read_gmt(tmp_path / "s.gmt.gz")[0]["gene_symbol"].to_list() == ["A", "B"]
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr("a.gmt", text)
        archive.writestr("b.gmt", text)
    with pytest.raises(DataFault, match="holds 2 files"):
        read_gmt(tmp_path / "s.zip")
    whole = (tmp_path / "s.zip").read_bytes()
    (tmp_path / "s.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TransportFault, match="truncated"):
        read_gmt(tmp_path / "s.zip")


@pytest.mark.parametrize("data", [b"", b"\n\n", b" \n"])
def test_empty_file_is_refused(tmp_path, data):
    path = tmp_path / "e.gmt"
    path.write_bytes(data)
    with pytest.raises(DataFault, match=r"e\.gmt: the file is empty"):
        read_gmt(path)


def test_other_encoding_is_told_with_its_line(tmp_path):
    path = tmp_path / "e.gmt"
    path.write_bytes(b"S\tu\tA\nT\tu\t\xb5\n")
    with pytest.raises(DataFault, match="line 2: byte 0xb5"):
        read_gmt(path)
