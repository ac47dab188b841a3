"""Catalogs laid over the built-in one: entry by entry, with faults that name the file of their author."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.catalog.own_catalog import merged
from resistance_assets.catalog.registry import CATALOG_DIR, load_registry, read_documents, set_names, source_ids
from resistance_assets.errors import CatalogFault

LIST = """
[[gene_list]]
id = "{name}"
title = "Genes that we follow"
source = "{source}"
role = "cancer_genes"
"""
SOURCE = """
[source.{name}]
title = "Genes of our ward"
url = "https://example.org/genes.tsv"
connector = "gene_list"
content = "tsv"
change = ["sha256"]
licence = "own"
licence_url = "https://example.org/licence"
citation = "none"
"""


def folder_of(root: Path, **files: str) -> Path:
    root.mkdir(exist_ok=True)
    for name, text in files.items():
        (root / f"{name}.toml").write_text(text, encoding="utf-8")
    return root


def test_an_entry_of_a_new_id_stands_beside_the_built_in_ones(tmp_path):
    own = folder_of(
        tmp_path / "own", lists=LIST.format(name="ward_genes", source="ward"), hosts=SOURCE.format(name="ward")
    )
    built_in, laid_over = load_registry(), load_registry(own_catalogs=[own])
    assert list(laid_over.gene_lists) == [*built_in.gene_lists, "ward_genes"]
    assert list(laid_over.sources) == [*built_in.sources, "ward"]
    assert laid_over.files.of("gene_list", "ward_genes") == own / "lists.toml"
    assert laid_over.files.of("gene_list", "oncokb_cancer_genes") == CATALOG_DIR / "studies.toml"
    assert source_ids([own]) == set(laid_over.sources)
    assert {name: one for name, one in laid_over.gene_lists.items() if name != "ward_genes"} == built_in.gene_lists


def test_an_entry_of_a_known_id_takes_its_place_and_leaves_the_order(tmp_path):
    own = folder_of(tmp_path / "own", mine=LIST.format(name="allonco_june2021", source="allonco_june2021"))
    built_in, laid_over = load_registry(), load_registry(own_catalogs=[own])
    assert list(laid_over.gene_lists) == list(built_in.gene_lists)
    assert laid_over.gene_lists["allonco_june2021"].title == "Genes that we follow"


def test_a_table_of_settings_changes_only_the_keys_that_it_holds(tmp_path):
    own = folder_of(tmp_path / "own", mine="[thresholds]\nq_value = 0.01\n[genes]\npanels.ours = ['AXL', 'MET']\n")
    built_in, laid_over = load_registry(), load_registry(own_catalogs=[own])
    assert laid_over.thresholds == built_in.thresholds.model_copy(update={"q_value": 0.01})
    assert laid_over.genes.panels == {**built_in.genes.panels, "ours": ("AXL", "MET")}
    assert laid_over.genes.of_interest == built_in.genes.of_interest


def test_a_later_folder_wins_and_a_single_file_is_taken(tmp_path):
    first = folder_of(tmp_path / "first", a="[thresholds]\nq_value = 0.01\n")
    second = folder_of(tmp_path / "second", a="[thresholds]\nq_value = 0.02\n")
    registry = load_registry(own_catalogs=[first, second / "a.toml"])
    assert registry.thresholds.q_value == 0.02
    assert registry.files.of("thresholds") == second / "a.toml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[gene_lists]]\nid = 'x'\n", r"mine\.toml, key gene_lists: the key is unknown.*Did you mean gene_list\?"),
        ("gene_list = 3\n", r"mine\.toml, key gene_list: the value is not allowed.*\[\[gene_list\]\]"),
        ("[[gene_list]]\nid = 'x'\ntitle = 't'\n", r"mine\.toml, key gene_list x\.(source|role): the key is missing"),
        (LIST.format(name="x", source="ward"), r"mine\.toml, gene_list x: source ward is not known"),
        (LIST.format(name="x", source="hgnc_complete_set") * 2, r"mine\.toml, gene_list x: the id occurs twice"),
        ("[thresholds]\nq_valu = 0.1\n", r"mine\.toml, key thresholds\.q_valu: the key is unknown.*q_value\?"),
        ("[thresholds]\nq_value = 'high'\n", r"mine\.toml, key thresholds\.q_value: the value 'high' is not allowed"),
        ("thresholds = 1\n", r"mine\.toml, key thresholds: the value is not allowed \(expected a table"),
        ("[source]\nward = 1\n", r"mine\.toml, key source\.ward: the value is not allowed"),
        ("[source.ward]\ntitle = 't'\n", r"mine\.toml, key source ward\.url: the key is missing"),
        ("[[survival.model]]\n", r"mine\.toml, key survival"),
        ("[genes\n", r"mine\.toml, line 1.*not valid TOML"),
    ],
)
def test_a_fault_names_the_users_file_and_the_entry(tmp_path, text, message):
    own = folder_of(tmp_path / "own", mine=text)
    with pytest.raises(CatalogFault, match=message):
        load_registry(own_catalogs=[own])


def test_two_files_of_a_folder_may_not_hold_the_same_entry(tmp_path):
    text = LIST.format(name="x", source="hgnc_complete_set")
    own = folder_of(tmp_path / "own", a=text, b=text)
    with pytest.raises(CatalogFault, match=r"b\.toml, gene_list x: the entry is in a\.toml already"):
        load_registry(own_catalogs=[own])


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CatalogFault, match=f"{re.escape(str(tmp_path / 'none'))}: the folder does not exist"):
        load_registry(own_catalogs=[tmp_path / "none"])


def test_without_the_seeds_no_dataset_of_the_papers_is_left_and_the_rest_holds():
    registry = load_registry(sets=())
    assert (registry.cohorts, registry.projects, registry.public_studies, registry.intersections) == ({}, {}, {}, {})
    assert registry.gene_lists
    with pytest.raises(CatalogFault, match=r"there is no set seed in the built-in catalog.*Did you mean seeds"):
        load_registry(sets=("seed",))


@pytest.mark.parametrize("name", set_names())
def test_every_set_loads_alone(name: str):
    assert load_registry(sets=(name,)).sources


documents = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
).filter(lambda document: isinstance(document, dict))


@given(documents, documents)
def test_what_is_laid_over_holds_and_what_it_does_not_name_stays(before, after):
    found = merged(before, after)
    assert merged(before, {}) == before
    assert merged(found, after) == found
    assert {key: value for key, value in found.items() if key not in after} == {
        key: value for key, value in before.items() if key not in after
    }


def test_nothing_laid_over_leaves_the_built_in_documents_as_they_are():
    documents, files = read_documents()
    assert files.laid_over == {}
    assert set(documents) == {"sources.toml", "studies.toml", "claims.toml", "published_tables.toml"}


def test_the_example_of_the_documentation_loads(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "own_catalog.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    registry = load_registry(own_catalogs=[folder_of(tmp_path / "own", ward=example)])
    assert (registry.thresholds.q_value, registry.gene_lists["ward_genes"].source) == (0.01, "ward_genes")
