from __future__ import annotations

import json
from itertools import combinations

import pytest

from resistance_assets.demo.plan import (
    ARM_RESISTANT,
    PARENTAL_TREATED,
    RESISTANT,
    RESISTANT_TREATED,
    DemoTruth,
    all_genes,
    make_plan,
    random_stream,
)
from resistance_assets_tests.demo.conftest import WrittenDemo


def test_random_streams_are_those_that_numpy_froze():
    # Were these to change, the bytes of the demo would depend on the version of numpy.
    assert random_stream(1, "x").randint(0, 1_000_000, 4).tolist() == [287111, 731172, 83431, 670739]
    assert (
        random_stream(1, "x").randint(0, 1_000_000, 4).tolist()
        != random_stream(1, "y").randint(0, 1_000_000, 4).tolist()
    )


def test_every_identifier_is_unique_and_named_genes_carry_those_of_hgnc(shared):
    genes = all_genes()
    for field in ("symbol", "hgnc_id", "entrez_gene_id", "ensembl_gene_id"):
        values = [getattr(gene, field) for gene in genes]
        assert len(set(values)) == len(values), field
    path = shared / "mirror/files/storage.googleapis.com/hgnc_complete_set.txt"
    header, *lines = path.read_text("utf-8").splitlines()
    columns = header.split("\t")
    at = [columns.index(name) for name in ("symbol", "hgnc_id", "entrez_id", "ensembl_gene_id", "prev_symbol")]
    real = {cells[at[0]]: [cells[i].strip('"') for i in at[1:]] for cells in (line.split("\t") for line in lines)}
    for gene in genes:
        if gene.family == "synthetic":
            assert gene.symbol not in real
        else:
            former = "|".join(gene.previous_symbols)
            assert real[gene.symbol] == [gene.hgnc_id, str(gene.entrez_gene_id), gene.ensembl_gene_id, former]


@pytest.mark.slow
def test_no_synthetic_identifier_is_in_use(shared):
    text = (shared / "mirror/files/storage.googleapis.com/hgnc_complete_set.txt").read_text("utf-8")
    used = {cell for line in text.splitlines() for cell in line.split("\t")}
    synthetic = [gene for gene in all_genes() if gene.family == "synthetic"]
    assert not used & {str(gene.entrez_gene_id) for gene in synthetic}
    assert not used & {gene.ensembl_gene_id for gene in synthetic}
    assert not used & {gene.hgnc_id for gene in synthetic}


def test_the_genes_of_interest_are_measured_and_the_key_ones_resist(demo: WrittenDemo):
    measured = {gene.symbol for gene in all_genes() if gene.is_measured}
    assert set(demo.registry.genes.of_interest) <= measured
    for gene in ("CXCL2", "CCL20", "AXL"):
        assert demo.truth.contrasts[RESISTANT][gene] >= 1.5
    assert set(demo.truth.not_prognostic) >= {"AXL"}
    assert "CCL20" not in demo.truth.cancer_genes


def test_classes_of_response_follow_from_the_two_contrasts(demo: WrittenDemo):
    parental = demo.truth.contrasts[PARENTAL_TREATED]
    resistant = demo.truth.contrasts[RESISTANT_TREATED]
    for gene, label in demo.truth.response_class.items():
        if label == "unchanged":
            assert parental[gene] == resistant[gene]
        else:
            assert (gene in parental) == (label == "lost response")
            assert (gene in resistant) == (label == "gained response")
    down = sum(effect < 0 for effect in parental.values()) / len(parental)
    assert 0.6 < down < 0.75
    assert demo.truth.contrasts[ARM_RESISTANT] == demo.truth.contrasts[RESISTANT]


def test_the_stated_overlaps_are_those_of_the_lists(demo: WrittenDemo):
    truth = demo.truth
    resistant = truth.contrasts[RESISTANT]
    assert truth.resistant_cancer_genes == len(set(truth.cancer_genes) & set(resistant))
    expected = len(truth.cancer_genes) * len(resistant) / 2000
    assert abs(truth.resistant_cancer_genes_expected - expected) < 0.001
    assert truth.resistant_cancer_genes > 1.8 * expected
    assert all(planted.overlap > 5 * planted.expected for planted in truth.enriched_sets)
    assert {planted.collection for planted in truth.enriched_sets} == set(demo.registry.collections)


def test_resistance_studies_share_genes_in_the_same_direction(demo: WrittenDemo):
    effects = [
        demo.truth.contrasts[c] for c in ("h1975_drug_resistant_vs_parental", "h3122_crizotinib_resistant_vs_parental")
    ]
    for a, b in combinations(effects, 2):
        same = [gene for gene in a if gene in b and (a[gene] > 0) == (b[gene] > 0)]
        assert len(same) > 3 * len(a) * len(b) / 2000


def test_truth_survives_its_file(demo: WrittenDemo):
    document = json.loads((demo.folder / "truth.json").read_text("utf-8"))
    assert DemoTruth.from_json(document) == demo.truth


def test_another_seed_plants_other_genes():
    plans = [make_plan(seed, "test", n_patients=1, n_samples_expressed=1) for seed in (1, 2)]
    assert plans[0].truth.contrasts[RESISTANT].keys() != plans[1].truth.contrasts[RESISTANT].keys()
    assert {"CXCL2", "CCL20", "AXL"} <= plans[1].truth.contrasts[RESISTANT].keys()
