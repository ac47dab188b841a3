"""Annotation in the published demo: what the ontology, PANTHER, KEGG, STRING and GENCODE end in."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from resistance_assets.demo.annotation_plan import (
    ABANDONED,
    BY_ADHESION,
    BY_RECEPTORS,
    ROOTS,
    SURVIVAL_UNDER_DRUG,
    WITHDRAWN,
)
from resistance_assets.demo.plan import RESISTANT, DemoTruth, make_plan
from resistance_assets_tests.warehouse_runs import ask

UP = f"{RESISTANT}__pydeseq2__up"


@pytest.fixture(scope="module")
def data_dir(demo_place: Path) -> Path:
    return demo_place / "data"


@pytest.fixture(scope="module")
def truth(demo_place: Path) -> DemoTruth:
    return DemoTruth.from_json(json.loads((demo_place / "demo" / "truth.json").read_text()))


@pytest.fixture(scope="module")
def planned(truth):
    return make_plan(truth.seed, truth.generator, n_patients=1, n_samples_expressed=1).annotation


@pytest.mark.parametrize("collection", ["GO_BP_ANNOTATIONS", "GO_MF", "GO_CC", "PANTHER", "KEGG_CURRENT"])
def test_a_set_goes_from_its_host_s_files_to_the_first_place_of_its_family(data_dir, truth, planned, collection):
    (planted,) = (one for one in truth.enriched_sets if one.collection == collection)
    members = next(genes for name, term_id, _, genes in planned.planted if term_id == planted.term_id)
    staged = ask(
        data_dir,
        f"SELECT hgnc_symbol, term FROM staging.gene_sets__members WHERE collection = '{collection}'"
        f" AND term_id = '{planted.term_id}'",
    )
    assert set(staged["hgnc_symbol"]) == set(members), "ids of HGNC, Ensembl and NCBI Gene are symbols here"
    assert set(staged["term"]) == {planted.term}
    first = ask(
        data_dir,
        f"SELECT term_id, overlap FROM core.enrichment__terms WHERE list_id = '{UP}'"
        f" AND collection = '{collection}' ORDER BY p_value LIMIT 1",
    )
    assert first.row(0) == (planted.term_id, planted.overlap)


def test_children_are_told_by_their_parent_although_they_share_no_gene(data_dir):
    rows = ask(
        data_dir,
        "SELECT term_id, representative_term_id, genes FROM core.enrichment__terms"
        f" WHERE list_id = '{UP}' AND term_id IN ('{BY_RECEPTORS}', '{BY_ADHESION}', '{SURVIVAL_UNDER_DRUG}')",
    )
    assert set(rows["representative_term_id"]) == {SURVIVAL_UNDER_DRUG}
    genes = {term_id: set(text.split(",")) for term_id, text in rows.select("term_id", "genes").iter_rows()}
    assert not genes[BY_RECEPTORS] & genes[BY_ADHESION]


def test_the_ontology_is_published_with_what_is_obsolete_and_what_carries_genes(data_dir):
    terms = ask(data_dir, "SELECT * FROM raw.ontology__terms")
    withdrawn = terms.filter(pl.col("is_obsolete")).sort("term_id").select("term_id", "replaced_by").rows()
    assert withdrawn == [(WITHDRAWN, BY_RECEPTORS), (ABANDONED, None)]
    assert set(terms["namespace"]) == set(ROOTS)
    assert terms["ontology_version"].unique().to_list() == ["releases/2026-01-01"]
    relations = ask(data_dir, f"SELECT relation FROM raw.ontology__parents WHERE term_id = '{BY_ADHESION}' ORDER BY 1")
    assert relations["relation"].to_list() == ["is_a", "part_of"]


def test_a_denied_annotation_makes_no_member_and_is_listed(data_dir, planned):
    said = ask(
        data_dir, "SELECT row_text FROM raw.rejected_rows WHERE reason = 'the annotation says NOT' ORDER BY row_number"
    )
    assert {text.split("\t")[0] for text in said["row_text"]} == set(planned.denied)
    members = ask(
        data_dir, f"SELECT hgnc_symbol FROM staging.gene_sets__members WHERE term_id = '{SURVIVAL_UNDER_DRUG}'"
    )
    assert not members["hgnc_symbol"].is_in(list(planned.denied)).any()


def test_partners_of_string_are_those_of_high_score_under_approved_symbols(data_dir, planned):
    for gene in ("CCL20", "CXCL8"):
        expected = {b if a == gene else a for a, b, score in planned.links if gene in (a, b) and score >= 700}
        listed = ask(
            data_dir,
            f"SELECT hgnc_symbol FROM core.gene_lists__members WHERE list_id = 'partners__string_human_links__{gene}'",
        )
        assert set(listed["hgnc_symbol"]) == expected
    pairs = ask(data_dir, "SELECT * FROM raw.interactions__pairs WHERE database_id = 'string_human_links'")
    assert pairs.height == len(planned.links), "every link is kept, whatever its score"
    assert pairs["combined_score"].min() < 700
    assert ask(data_dir, "SELECT count(combined_score) FROM raw.interactions__pairs"
               " WHERE database_id = 'biogrid_human'").item() == 0  # fmt: skip


def test_lengths_of_genes_stand_under_approved_symbols(data_dir, planned):
    lengths = ask(data_dir, "SELECT hgnc_symbol, length_bp FROM staging.genes__lengths")
    assert dict(lengths.iter_rows()) == dict(planned.gene_lengths_bp)
