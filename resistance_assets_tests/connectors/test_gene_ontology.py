"""The Gene Ontology: real files, and annotations carried up to gene sets."""

from __future__ import annotations

import gzip

import pytest

from resistance_assets.connectors.gene_ontology import go_gene_sets, read_gaf, read_obo
from resistance_assets.errors import DataFault, TransportFault


@pytest.fixture
def folder(shared):
    return shared / "samples" / "ontology"


@pytest.mark.parametrize(
    ("name", "terms"),
    [("mini_obo.obo", 10), ("heartjogging.obo", 33), ("secretory.obo", 25), ("goslim_generic.head.obo", 44)],
)
def test_real_ontologies(folder, name, terms):
    text = (folder / name).read_text()
    ontology = read_obo(folder / name)
    assert len(ontology.terms) == text.count("\n[Term]") == terms
    assert all(term.name for term in ontology.terms.values())
    assert not any("!" in parent for term in ontology.terms.values() for _, parent in term.parents)


def test_real_annotations(folder):
    small = read_gaf(folder / "fig1a_small.gaf")
    assert (small.rows.height, small.rejected.height, small.headers["gaf-version"]) == (
        len(_rows(folder / "fig1a_small.gaf")),
        0,
        "2.1",
    )
    unnamed = read_gaf(folder / "gaf_missingsym.mgi")
    assert unnamed.rows.height + unnamed.rejected.height == len(_rows(folder / "gaf_missingsym.mgi"))
    assert "blank gene symbol" in set(unnamed.rejected["reason"])
    illegal = read_gaf(folder / "goa_human_illegal.gaf")
    assert illegal.rows.height + illegal.rejected.height == len(_rows(folder / "goa_human_illegal.gaf"))
    assert illegal.headers["Generated"] == "2018-04-23 08:59"


def _rows(path):
    return [line for line in path.read_text(errors="replace").splitlines() if line.strip() and line[0] != "!"]


def test_genes_reach_every_ancestor(folder):
    ontology = read_obo(folder / "mini_obo.obo")
    sets, rejected = go_gene_sets(ontology, read_gaf(folder / "fig1a_small.gaf"), namespaces=("biological_process",))
    root = set(sets.filter(term_id="GO:0000001")["gene_symbol"])
    assert root == set("abcdefghijkl")
    assert set(rejected["reason"]) == {"the term is not in the ontology"}
    assert sets.filter(term_id="GO:0000001")["term"].unique().to_list() == ["top"]


OBO = """format-version: 1.2
data-version: releases/2026-07-26

[Term]
id: GO:0000001
name: root
namespace: biological_process

[Term]
id: GO:0000002
name: part
namespace: biological_process
alt_id: GO:0000022
relationship: part_of GO:0000001 ! root
relationship: regulates GO:0000009 ! other

[Term]
id: GO:0000003
name: kind
namespace: biological_process
is_a: GO:0000002 {is_inferred="true"} ! part

[Term]
id: GO:0000004
name: old
namespace: biological_process
is_obsolete: true
replaced_by: GO:0000003

[Term]
id: GO:0000005
name: gone
namespace: biological_process
is_obsolete: true

[Term]
id: GO:0000009
name: other
namespace: molecular_function

[Typedef]
id: part_of
name: part of
"""


def gaf(*rows: tuple[str, str, str, str]) -> str:
    return "!gaf-version: 2.2\n!date-generated: 2026-04-30\n" + "".join(
        f"UniProtKB\tP{n}\t{symbol}\t{qualifier}\t{term}\tPMID:1\t{evidence}\t\tP\t\t\tprotein\ttaxon:9606\t20200101\tX\t\t\n"
        for n, (symbol, qualifier, term, evidence) in enumerate(rows)
    )


def test_not_obsolete_alternative_and_unknown_terms(tmp_path):
    (tmp_path / "go.obo").write_text(OBO)
    ontology = read_obo(tmp_path / "go.obo")
    assert ontology.version == "releases/2026-07-26"
    rows = [
        ("A", "involved_in", "GO:0000003", "IDA"),
        ("B", "NOT|involved_in", "GO:0000003", "IDA"),
        ("C", "involved_in", "GO:0000022", "IEA"),
        ("D", "involved_in", "GO:0000004", "IDA"),
        ("E", "involved_in", "GO:0000005", "IDA"),
        ("F", "involved_in", "GO:0000099", "IDA"),
        ("G", "involved_in", "GO:0000001", "ND"),
        ("A", "involved_in", "GO:0000003", "IEA"),
    ]
    (tmp_path / "a.gaf.gz").write_bytes(gzip.compress(gaf(*rows).encode()))
    annotations = read_gaf(tmp_path / "a.gaf.gz")
    assert annotations.headers["date-generated"] == "2026-04-30"
    sets, rejected = go_gene_sets(ontology, annotations)
    members = {term: set(sets.filter(term_id=term)["gene_symbol"]) for term in sets["term_id"].unique()}
    assert members == {
        "GO:0000003": {"A", "D"},
        "GO:0000002": {"A", "C", "D"},
        "GO:0000001": {"A", "C", "D"},
    }
    assert dict(rejected.select("line", "reason").rows()) == {
        4: "the annotation says NOT",
        7: "the term is obsolete and not replaced by one other",
        8: "the term is not in the ontology",
        9: "the evidence ND is left out",
    }
    by_kind, _ = go_gene_sets(ontology, annotations, relations=("is_a",))
    assert set(by_kind.filter(term_id="GO:0000001")["gene_symbol"]) == set()


@pytest.mark.parametrize(
    ("text", "fault", "message"),
    [
        ("format-version: 1.2\n", DataFault, "no term"),
        (OBO + OBO, DataFault, "GO:0000001 occurs twice"),
        (OBO.replace("name: root", "name: root\nis_a: GO:0000003"), DataFault, "lead back to it"),
        (OBO[: OBO.index("name: gone")], TransportFault, "GO:0000005 has no name"),
    ],
)
def test_ontologies_that_are_wrong_are_refused(tmp_path, text, fault, message):
    (tmp_path / "go.obo").write_text(text)
    with pytest.raises(fault, match=message):
        read_obo(tmp_path / "go.obo")


def test_annotations_cut_in_their_last_line_are_truncated(tmp_path):
    text = gaf(("A", "", "GO:0000003", "IDA"), ("B", "", "GO:0000003", "IDA"))
    (tmp_path / "a.gaf").write_text(text[:-40])
    with pytest.raises(TransportFault, match="truncated: the last line has"):
        read_gaf(tmp_path / "a.gaf")
    (tmp_path / "a.gaf").write_text("!gaf-version: 2.2\nUniProtKB\tP1\tA\n")
    with pytest.raises(DataFault, match="no annotation"):
        read_gaf(tmp_path / "a.gaf")
