"""The page of a single-cell study and a gene's cell types, of the demo's xenografts, made without a run."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest

from resistance_assets.catalog.study_folders import load_local_study
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.raw.studies.single_cell import (
    CELLS,
    LISTS,
    MEMBERS,
    analyse,
    analyse_type_counts,
    read_parts,
    score,
)
from resistance_assets.demo.bench import single_cell as planted
from resistance_assets.demo.folder import DEFAULT_SEED
from resistance_assets.demo.plan import random_stream
from resistance_assets.report.explain.single_cell import cell_types
from resistance_assets.report.html import Frame, Page, render
from resistance_assets.report.pages.bench import single_cell
from resistance_assets.report.pages.genes import add_cell_types
from resistance_assets.report.published import Published
from resistance_assets_tests.report.pages.bench.conftest import publish_in_memory

FRAME = Frame(release=1, written_at="2026-01-02", code_revision="1", is_synthetic=True)


@pytest.fixture(scope="module")
def cells(tmp_path_factory) -> Iterator[Published]:
    folder = tmp_path_factory.mktemp("cells")
    for name, content in planted.files(random_stream(DEFAULT_SEED, planted.FOLDER)).items():
        (folder / name).write_bytes(content)
    local = load_local_study(folder)
    parts = read_parts(local, local.file.sample)
    tables = analyse(local, parts)
    tables |= score(local, parts, tables[CELLS], TABLES[LISTS].empty(), TABLES[MEMBERS].empty())
    study = {"study_id": planted.FOLDER, "title": "Mice <b>and</b> cells", "kind": "single_cell", "is_public": False,
             "organism": "Homo sapiens", "paper_id": "utsumi_2025"}  # fmt: skip
    connection = publish_in_memory({**tables, "raw.catalog__studies": pl.DataFrame([study])})
    yield Published(connection, folder)
    connection.close()


@pytest.fixture(scope="module")
def page(cells) -> str:
    (study,) = single_cell.find_studies(cells)
    return render(single_cell.study_page(cells, study), FRAME)


def test_the_page_says_what_the_replicates_are_and_escapes_the_title(page):
    assert "are the replicates, never cells" in page
    assert "Mice &lt;b&gt;and&lt;/b&gt; cells" in page
    assert "<b>and</b>" not in page


def test_every_part_of_the_study_is_on_the_page(page):
    for heading in ("Quality", "Species of the barcodes", "Which cells make a gene", "Types by marker sets",
                    "Composition", "What changes within a type", "Ligands and receptors", "Signatures"):  # fmt: skip
        assert heading in page
    assert "868 of 916 barcodes" in page, "what was noted while the labels were read"


def test_figures_draw_the_calls_the_ambient_flag_and_every_sample(cells):
    (study,) = single_cell.find_studies(cells)
    species = single_cell.species_figure(cells, study)
    assert species is not None
    assert [trace["name"] for trace in species.traces] == ["human", "mouse", "mixed: a doublet"]
    sources = single_cell.sources_figure(cells, study)
    assert sources is not None
    drawn = dict(zip(zip(sources.columns["gene"], sources.columns["cell_type"], strict=True), sources.columns["kind"],
                     strict=True))  # fmt: skip
    assert drawn["Gas6 (mouse)", "CAF_inflammatory"] == "source"
    assert drawn["Gas6 (mouse)", "Endothelial"] == "ambient"
    composition = single_cell.composition_figure(cells, study)
    assert set(composition.columns["sample_id"]) == set(planted.MICE)
    volcano = single_cell.volcano_figure(cells, study)
    assert volcano is not None
    up = [
        name for name, way in zip(volcano.columns["symbol"], volcano.columns["direction"], strict=True) if way == "up"
    ]
    assert "Mmp11" in up
    for figure in (species, sources, composition, volcano):
        figure.as_document()


def test_a_gene_shows_the_cells_that_make_it_in_both_species(cells):
    rows = cell_types(cells, "GAS6")
    assert {row["species"] for row in rows} == {"human", "mouse"}
    mouse = [row for row in rows if row["species"] == "mouse" and row["level"] == "cell_type"]
    assert {row["cell_type"] for row in mouse if not row["is_ambient"]} == {"CAF", "TAM"}
    assert all(row["n_numerator"] == row["n_denominator"] == 3 for row in mouse)
    page = Page("genes/GAS6.html", "GAS6")
    add_cell_types(page, rows)
    text = render(page, FRAME)
    assert "ambient RNA" in text
    assert f'href="../bench/{planted.FOLDER}.html"' in text
    assert cell_types(cells, "NO_GENE") == []


def test_a_release_without_single_cells_has_no_such_page(bench):
    assert single_cell.find_studies(bench) == []
    assert cell_types(bench, "GAS6") == []


def test_a_study_of_cells_per_type_has_a_page_of_its_composition_with_the_note_above(tmp_path):
    samples = {"a1": "vehicle", "a2": "vehicle", "b1": "drug", "b2": "drug"}
    text = '[study]\nid = "gut"\ntitle = "Gut"\norganism = "Mus musculus"\nkind = "single_cell"\nspecies = "mouse"\n'
    text += 'type_counts = "types.csv"\n'
    text += "".join(f'[[sample]]\nid = "{name}"\narm = "{arm}"\n' for name, arm in samples.items())
    text += '[[comparison]]\nid = "c"\nnumerator = "drug"\ndenominator = "vehicle"\n'
    (tmp_path / "study.toml").write_text(text)
    (tmp_path / "types.csv").write_text("mouse,Stem,Tuft\na1,50,10\na2,60,9\nb1,40,30\nb2,45,28\n")
    tables = analyse_type_counts(load_local_study(tmp_path))
    study = {"study_id": "gut", "title": "Gut", "kind": "single_cell", "is_public": False,
             "organism": "Mus musculus", "paper_id": None}  # fmt: skip
    connection = publish_in_memory({**tables, "raw.catalog__studies": pl.DataFrame([study])})
    published = Published(connection, tmp_path)
    (found,) = single_cell.find_studies(published)
    page = render(single_cell.study_page(published, found), FRAME)
    connection.close()
    assert "Every sample: cells per type were given, no counts of genes." in page
    assert page.index("cells per type were given") < page.index("Quality")
    assert "Share of each type in each sample" in page
    assert "quasibinomial_t" in page
    assert "Which cells make a gene" not in page
