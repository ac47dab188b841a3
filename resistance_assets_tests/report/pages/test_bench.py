"""Pages of bench studies on the demo: figures hold what their tables hold, and the list leads to every page."""

from __future__ import annotations

import json
import re

import pytest

from resistance_assets.demo.bench import dose_response, drug_combination, qpcr, two_way_assay
from resistance_assets.report.explain.evidence import explain_gene
from resistance_assets.report.explain.text import explanation_as_text
from resistance_assets.report.html import Page
from resistance_assets.report.pages.bench import bench_pages, bench_studies
from resistance_assets.report.pages.bench.dose_response import curve_figure
from resistance_assets.report.pages.bench.drug_combination import BLOCKS, surface
from resistance_assets.report.published import Published


def text_of(page: Page) -> str:
    return re.sub(r"<[^>]+>", " ", " ".join(page.parts))


@pytest.fixture(scope="module")
def pages(demo: Published) -> dict[str, Page]:
    return {page.path: page for page in bench_pages(demo)}


def test_every_bench_study_has_a_page_that_the_list_leads_to(demo, pages):
    folders = {module.FOLDER for module in (dose_response, drug_combination, qpcr, two_way_assay)}
    assert folders <= {row["study_id"] for row in bench_studies(demo)}
    index = " ".join(pages["bench.html"].parts)
    for folder in folders:
        assert f"bench/{folder}.html" in index
        page = pages[f"bench/{folder}.html"]
        assert page.has_figures
        assert "CSV of the data" in " ".join(page.parts)
        assert "read as" in text_of(page), "columns that were read under another name are told"


def test_curves_are_drawn_with_every_point_of_their_table(demo):
    figure = curve_figure(demo, dose_response.FOLDER)
    assert figure is not None
    points = [row for row in zip(*figure.columns.values(), strict=True) if "point" in row]
    n = demo.value(
        "SELECT count(*) FROM core.dose_response__points WHERE dose_um > 0 AND study_id = ?", [dose_response.FOLDER]
    )
    assert len(points) == n
    assert {option for option, _ in figure.selectors[0].options} == {f"crizotinib, {s}" for s in dose_response.SIRNAS}
    assert json.dumps(figure.as_document())


def test_the_page_of_curves_tells_both_halves_and_the_knock_down(pages):
    text = text_of(pages[f"bench/{dose_response.FOLDER}.html"])
    assert "EC50 is relative" in text
    assert "within one experiment" in text
    assert "H3122CR / H3122" in text


def test_a_surface_shows_every_pair_of_doses_and_its_largest_excess(demo):
    block = demo.rows(f"SELECT * FROM {BLOCKS} WHERE study_id = ?", [drug_combination.FOLDER])[0]
    figure = surface(demo, drug_combination.FOLDER, block)
    assert figure is not None
    matrix = figure.traces[0]["z"]
    assert (len(matrix), len(matrix[0])) == (6, 5)
    largest = max(value for row in matrix for value in row)
    assert f"largest {largest:.4g}" in figure.alternative


def test_a_gene_that_was_knocked_down_has_it_in_its_story_and_in_the_mart(demo):
    document = explain_gene(demo, "CCL20")
    rows = {row["contrast"]: row for row in document["knock_downs"]}
    assert rows["resistant_minus_parental"]["ratio"] < 0.5
    assert rows["resistant_minus_parental"]["p_holm"] < 0.05
    assert "Knock-downs at the bench" in explanation_as_text(document)
    summary = document["summary"]
    assert summary["bench_knock_downs"] == summary["bench_knock_downs_resensitising"] == 1
    assert summary["bench_knock_down_study"] == dose_response.FOLDER


def test_tests_of_bench_studies_are_counted_among_the_hypotheses(demo):
    analyses = {row["analysis"] for row in demo.rows("SELECT DISTINCT analysis FROM meta.hypotheses_tested")}
    assert {
        "core.dose_response__fold_changes", "core.dose_response__knock_downs", "core.drug_combination__cells",
        "core.drug_combination__blocks", "core.qpcr__fold_changes", "core.assays__two_way",
    } <= analyses  # fmt: skip


def test_a_line_and_its_drug_are_one_row_of_the_mart(demo):
    rows = demo.rows("SELECT * FROM marts.drug_response WHERE study_id = ?", [dose_response.FOLDER])
    assert len(rows) == 10
    sensitised = next(r for r in rows if r["cell_line"] == "H3122CR" and r["condition"] == "siCCL20")
    assert sensitised["resensitisation_p_holm"] < 0.05
    assert sensitised["knocked_down_gene"] == "CCL20"
