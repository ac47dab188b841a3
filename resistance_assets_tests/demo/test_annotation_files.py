"""The annotation of the demo, read back by the readers of the hosts' files."""

from __future__ import annotations

import polars as pl

from resistance_assets.connectors.gencode import read_gene_lengths
from resistance_assets.connectors.gene_ontology import go_gene_sets, read_gaf, read_obo
from resistance_assets.connectors.kegg import read_kegg_pathways
from resistance_assets.connectors.panther import read_panther_classification
from resistance_assets.connectors.string import named_links, read_string_links, read_string_names
from resistance_assets.demo.annotation_plan import ABANDONED, BY_RECEPTORS, ROOTS, WITHDRAWN
from resistance_assets.demo.plan import RESISTANT, all_genes, make_plan
from resistance_assets_tests.demo.conftest import WrittenDemo


def plan_of(demo: WrittenDemo):
    return make_plan(demo.truth.seed, demo.truth.generator, n_patients=1, n_samples_expressed=1).annotation


def planted(demo: WrittenDemo, collection: str):
    (found,) = (one for one in demo.truth.enriched_sets if one.collection == collection)
    return found


def up(demo: WrittenDemo) -> list[str]:
    return [gene for gene, effect in demo.truth.contrasts[RESISTANT].items() if effect > 0]


def test_every_branch_of_the_ontology_holds_its_planted_set_after_propagation(demo: WrittenDemo):
    ontology = read_obo(demo.source("go_basic_obo"))
    annotations = read_gaf(demo.source("goa_human"))
    assert ontology.version == "releases/2026-01-01"
    assert annotations.rejected.is_empty()
    sets, unused = go_gene_sets(ontology, annotations)
    assert set(sets["namespace"]) == set(ROOTS)
    direct = annotations.rows["term_id"].unique().to_list()
    for collection in ("GO_BP_ANNOTATIONS", "GO_MF", "GO_CC"):
        truth = planted(demo, collection)
        members = sets.filter(term_id=truth.term_id)["gene_symbol"]
        assert (members.len(), members.is_in(up(demo)).sum()) == (truth.size, truth.overlap)
        # The planted process is nobody's own annotation: only its children carry genes to it.
        assert (truth.term_id in direct) == (collection != "GO_BP_ANNOTATIONS")
    denied = plan_of(demo).denied
    assert not sets.filter(term_id=BY_RECEPTORS)["gene_symbol"].is_in(list(denied)).any()
    assert not sets["term_id"].is_in([WITHDRAWN, ABANDONED]).any()
    assert dict(unused.group_by("reason").len().iter_rows()) == {
        "the annotation says NOT": 3,
        "the evidence ND is left out": 2,
        "the term is obsolete and not replaced by one other": 1,
    }


def test_pathways_of_both_other_hosts_hold_the_planted_one(demo: WrittenDemo):
    pathways, rejected = read_panther_classification(demo.source("panther_pathways"))
    assert rejected.is_empty()
    truth = planted(demo, "PANTHER")
    own = pathways.filter(pathway_id=truth.term_id).unique(["hgnc_id", "ensembl_gene_id"])
    assert (own.height, set(own["pathway"])) == (truth.size, {truth.term})
    assert pathways["hgnc_id"].null_count() > 0, "some genes go by their Ensembl id"
    members, rejected = read_kegg_pathways(demo.source("kegg_pathways"), demo.source("kegg_pathway_genes"))
    assert rejected.is_empty()
    truth = planted(demo, "KEGG_CURRENT")
    symbols = {gene.entrez_gene_id: gene.symbol for gene in all_genes()}
    named = members.filter(term_id=truth.term_id)["entrez_gene_id"].replace_strict(symbols)
    assert (named.len(), named.is_in(up(demo)).sum()) == (truth.size, truth.overlap)


def test_links_are_those_that_were_planned_under_present_or_former_names(demo: WrittenDemo):
    links, odd = read_string_links(demo.source("string_human_links"))
    names, blank = read_string_names(demo.source("string_human_proteins"))
    assert odd.is_empty()
    assert blank.is_empty()
    present = {former: gene.symbol for gene in all_genes() for former in gene.previous_symbols}
    found = named_links(links, names).with_columns(
        pl.col("symbol_a").replace(present), pl.col("symbol_b").replace(present)
    )
    told = {(*sorted(pair[:2]), pair[2]) for pair in found.rows()}
    assert told == set(plan_of(demo).links)


def test_exons_cover_the_planned_lengths(demo: WrittenDemo):
    lengths, rejected = read_gene_lengths(demo.source("gencode_v36_annotation"))
    assert rejected.is_empty()
    assert dict(lengths.select("gene_symbol", "length_bp").iter_rows()) == plan_of(demo).gene_lengths_bp
