"""Pathways of PANTHER and KEGG, links of STRING, and the lists that come as JSON."""

from __future__ import annotations

import gzip

import pytest

from resistance_assets.connectors import kegg
from resistance_assets.connectors.panther import read_panther_classification
from resistance_assets.connectors.string import named_links, read_string_links, read_string_names
from resistance_assets.errors import DataFault


def write(path, data: str | bytes):
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def gene(identifier: str, symbol: str, pathways: str, extra: str = "") -> str:
    return f"{identifier}\tP1\t{symbol}\tPTHR1:SF1\tfamily\tsub\tmf\tbp\tcc\tclass\t{pathways}{extra}\n"


def test_panther_pathways(tmp_path):
    angio = "Angiogenesis#P00005>VEGF receptor#P04321;EGF receptor signaling pathway#P00018>EGFR#P1;"
    text = (
        gene("HUMAN|HGNC=3236|UniProtKB=P00533", "EGFR", angio)
        + gene("HUMAN|Ensembl=ENSG00000001|UniProtKB=Q1", "X", "Angiogenesis#P00005>Y#P2")
        + gene("HUMAN|HGNC=11|UniProtKB=Q2", "NONE", "")
        + gene("HUMAN|UniProtKB=Q3", "BAD", "")
        + gene("HUMAN|HGNC=12|UniProtKB=Q4", "ODD", "no id here;Angiogenesis#P00005>Z")
        + "short\tline\n"
    )
    pathways, rejected = read_panther_classification(write(tmp_path / "p", text))
    assert pathways.select("pathway_id", "pathway", "component", "hgnc_id", "gene_symbol").rows() == [
        ("P00005", "Angiogenesis", "VEGF receptor", "HGNC:3236", "EGFR"),
        ("P00018", "EGF receptor signaling pathway", "EGFR", "HGNC:3236", "EGFR"),
        ("P00005", "Angiogenesis", "Y", None, "X"),
        ("P00005", "Angiogenesis", "Z", "HGNC:12", "ODD"),
    ]
    assert pathways["ensembl_gene_id"].to_list() == [None, None, "ENSG00000001", None]
    assert rejected["line"].to_list() == [4, 5, 6]
    with pytest.raises(DataFault, match="no line is a classified gene"):
        read_panther_classification(write(tmp_path / "p", "<results/>\n"))


def test_string_links_stand_once_and_carry_names(tmp_path):
    text = "protein1 protein2 combined_score\n"
    text += "9606.B 9606.A 900\n9606.A 9606.B 900\n9606.A 9606.C 150\n9606.C 9606.A 151\n9606.A 9606.C 150\n"
    links, rejected = read_string_links(
        write(tmp_path / "9606.protein.links.v12.0.txt.gz", gzip.compress(text.encode()))
    )
    assert links.rows() == [("9606.A", "9606.B", 900), ("9606.A", "9606.C", 150)]
    assert sorted(rejected["line"]) == [5, 6]
    names, bad = read_string_names(
        write(
            tmp_path / "i.txt", "#string_protein_id\tpreferred_name\tx\n9606.A\tGAS6\t1\n9606.B\tAXL\t2\n9606.A\tQ\t3\n"
        )
    )
    assert bad.height == 1
    assert named_links(links, names).rows() == [("GAS6", "AXL", 900), ("GAS6", None, 150)]
    for wrong in ("1001", "-1", "high", ""):
        with pytest.raises(DataFault, match="line 2, column combined_score"):
            read_string_links(write(tmp_path / "l", f"protein1 protein2 combined_score\na b {wrong}\n"))


NAMES = "hsa04151\tPI3K-Akt signaling pathway - Homo sapiens (human)\n"
NAMES += "path:hsa05223\tNon-small cell lung cancer - Homo sapiens (human)\n"
LINKS = "path:hsa04151\thsa:207\npath:hsa04151\thsa:207\n"
LINKS += "path:hsa05223\thsa:1956\npath:hsa99999\thsa:1\npath:hsa05223\tmmu:3\nbroken\n"


def test_kegg_pathways(tmp_path):
    sets, rejected = kegg.read_kegg_pathways(write(tmp_path / "n", NAMES), write(tmp_path / "l", LINKS))
    assert sets.rows() == [
        ("hsa04151", "PI3K-Akt signaling pathway", 207),
        ("hsa05223", "Non-small cell lung cancer", 1956),
    ]
    assert sorted(rejected["line"]) == [2, 4, 5, 6]
    assert sets.height + rejected.height == 6
    with pytest.raises(DataFault, match="no pair"):
        kegg.read_kegg_pathways(write(tmp_path / "n", "Bad request"), write(tmp_path / "l", LINKS))
