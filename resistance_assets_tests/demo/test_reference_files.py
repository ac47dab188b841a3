from __future__ import annotations

import zipfile
from pathlib import Path

import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.biogrid import biogrid_release, read_tab3
from resistance_assets.connectors.gene_lists.cancer_gene_lists import read_allonco
from resistance_assets.connectors.gene_lists.gmt import read_gmt
from resistance_assets.connectors.hgnc import read_hgnc
from resistance_assets.demo.plan import RESISTANT
from resistance_assets.demo.reference_files import HGNC_COLUMNS, TAB3_COLUMNS
from resistance_assets.orchestration.sql_models import load_models, models_folder, run_model
from resistance_assets_tests.demo.conftest import WrittenDemo


def _real(shared: Path, demo: WrittenDemo, source_id: str) -> Path:
    """The same source in the mirror of real data."""
    host_and_name = demo.source(source_id).relative_to(demo.folder / "mirror")
    return shared / "mirror" / host_and_name


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8") as lines:
        return lines.readline().rstrip("\n")


def test_headers_are_those_of_the_hosts(demo: WrittenDemo, shared: Path):
    for source_id in ("hgnc_complete_set", "allonco_may2018"):
        assert _first_line(demo.source(source_id)) == _first_line(_real(shared, demo, source_id))
    assert len(HGNC_COLUMNS) == 54
    with zipfile.ZipFile(_real(shared, demo, "biogrid_human")) as archive:
        name = archive.namelist()[0]
        assert archive.read(name).decode().splitlines()[0] == "\t".join(TAB3_COLUMNS)


@pytest.mark.slow
def test_every_symbol_of_every_file_resolves(demo: WrittenDemo):
    hgnc, rejected = read_hgnc(demo.source("hgnc_complete_set"))
    assert rejected.is_empty()
    assert hgnc.height == 2040
    names = run_model(load_models(models_folder(), TABLES)["staging.genes__symbols"], {"raw.hgnc__genes": hgnc})
    genes, rejected = read_allonco(demo.source("allonco_may2018"))
    assert rejected.is_empty()
    resolved = genes.select(pl.col("symbol").str.to_uppercase()).join(names, on="symbol", how="left")
    assert set(resolved["resolution"]) == {"approved", "previous"}
    assert set(demo.truth.cancer_genes) <= set(resolved["hgnc_symbol"])
    sets, _ = read_gmt(demo.source("enrichr_go_bp_2021"))
    members = sets.select(symbol=pl.col("gene_symbol").str.to_uppercase()).join(names, on="symbol", how="left")
    assert set(members["resolution"]) == {"approved"}


def test_the_cancer_list_has_an_older_and_a_newer_version(demo: WrittenDemo):
    versions = [
        set(read_allonco(demo.source(f"allonco_{date}"))[0]["symbol"]) for date in ("feb2017", "may2018", "june2021")
    ]
    older, current, newer = versions
    assert older < current
    assert current - newer
    assert newer - current


def test_the_row_numbers_of_the_cancer_list_have_gaps_as_the_real_ones(demo: WrittenDemo):
    genes, _ = read_allonco(demo.source("allonco_may2018"))
    assert genes["row_number"].is_sorted()
    assert genes["row_number"].max() > genes.height


@pytest.mark.parametrize(
    ("source_id", "dialect"),
    [
        ("enrichr_go_bp_2021", "enrichr"),
        ("enrichr_kegg_2016", "enrichr"),
        ("msigdb_hallmark", "msigdb"),
        ("msigdb_kegg", "msigdb"),
        ("reactome_pathways", "reactome"),
    ],
)
def test_gene_sets_are_recognised_and_hold_the_planted_ones(demo: WrittenDemo, source_id: str, dialect: str):
    path = demo.source(source_id)
    sets, rejected = read_gmt(path)
    assert rejected.is_empty()
    assert sets.equals(read_gmt(path, dialect=dialect)[0])
    collection = next(c.id for c in demo.registry.collections.values() if c.source == source_id)
    (planted,) = (p for p in demo.truth.enriched_sets if p.collection == collection)
    members = sets.filter(term_id=planted.term_id)
    assert set(members["term"]) == {planted.term}
    up = {gene for gene, effect in demo.truth.contrasts[RESISTANT].items() if effect > 0}
    assert members.height == planted.size
    assert members["gene_symbol"].is_in(list(up)).sum() == planted.overlap
    # Every other set holds as many as chance has it, but for the sets that contain the planted one.
    others = sets.filter(pl.col("term_id") != planted.term_id)
    share = others["gene_symbol"].is_in(list(up)).mean()
    assert share < 2 * len(up) / 2000


def test_set_lines_are_shaped_as_the_hosts_shape_them(demo: WrittenDemo, shared: Path):
    for source_id in ("enrichr_go_bp_2021", "enrichr_kegg_2016"):
        lines = demo.source(source_id).read_text("utf-8").splitlines()
        assert all(line.endswith("\t") and line.split("\t")[1] == "" for line in lines)
    assert _first_line(_real(shared, demo, "msigdb_hallmark")).split("\t")[1].startswith("http://")
    assert _first_line(demo.source("msigdb_hallmark")).split("\t")[1].startswith("http://")
    with zipfile.ZipFile(_real(shared, demo, "reactome_pathways")) as archive:
        names = archive.namelist()
    with zipfile.ZipFile(demo.source("reactome_pathways")) as archive:
        assert archive.namelist() == names


def test_interactions_touch_the_panel_and_hold_what_a_reader_has_to_sort_out(demo: WrittenDemo):
    path = demo.source("biogrid_human")
    pairs, rejected = read_tab3(path)
    assert rejected.is_empty()
    assert biogrid_release(path) == "0.0.1"
    panel = demo.registry.genes.panels["wang_2022_cytokines"]
    touches = pl.col("symbol_a").is_in(list(panel)) | pl.col("symbol_b").is_in(list(panel))
    assert pairs.filter(touches).height == pairs.height
    assert set(panel) <= set(pairs["symbol_a"])
    assert set(pairs["experimental_system_type"]) == {"physical", "genetic"}
    assert pairs.filter(pl.col("organism_id_b") != 9606).height == 1
    unordered = pairs.select(pl.concat_list("symbol_a", "symbol_b").list.sort())
    assert unordered.is_duplicated().any()
