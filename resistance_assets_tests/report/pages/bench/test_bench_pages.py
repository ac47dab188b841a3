"""Pages of bench studies: every figure with its data and its text, what is lost is said, foreign text is escaped."""

from __future__ import annotations

import pytest

from resistance_assets.report.explain.bench import panel_markers
from resistance_assets.report.explain.text import SECTIONS
from resistance_assets.report.html import Frame, Page, render
from resistance_assets.report.pages.bench import plasma_panel, tumour_growth
from resistance_assets.report.pages.bench.index import bench_pages
from resistance_assets.report.pages.genes import add_markers

FRAME = Frame(release=1, written_at="2026-01-02", code_revision="1", is_synthetic=True)


@pytest.fixture(scope="module")
def pages(bench):
    return {page.path: render(page, FRAME) for page in bench_pages(bench, frozenset({"CCL20"}))}


@pytest.mark.slow
def test_the_list_leads_to_a_page_per_study_and_titles_are_escaped(pages):
    assert set(pages) == {"bench.html", "bench/growth.html", "bench/panel.html"}
    assert 'href="bench/growth.html"' in pages["bench.html"]
    assert "Mice &lt;b&gt;in&lt;/b&gt; four arms" in pages["bench.html"]
    assert "<b>in</b>" not in pages["bench/growth.html"]


def test_a_dead_mouse_is_said_not_to_be_missing_at_random(pages):
    page = pages["bench/growth.html"]
    assert "is not missing at random" in page
    assert "last day with all mice" in page
    assert "1 mouse in complete regression: 4 volumes of 0 have no logarithm" in page
    assert "4 of 6" in page, "n of n started on the day asked"


def test_every_mouse_and_the_line_of_every_arm_are_drawn(bench):
    (study,) = tumour_growth.find_studies(bench)
    arms = ["vehicle", "anti_CCL20", "crizotinib", "combination"]
    figure = tumour_growth.growth_figure(bench, study, arms)
    figure.as_document()
    mice = {trace["where"][0][1] for trace in figure.traces if trace["where"][0][1].startswith("mouse ")}
    assert len(mice) == 24
    assert [trace["name"] for trace in figure.traces if trace.get("showlegend", True)] == arms
    drawn = dict(zip(figure.columns["series"], figure.columns["volume_mm3"], strict=True))
    assert drawn["line of vehicle"] > drawn["line of combination"]
    assert "4 volumes of 0 cannot be drawn" in figure.caption
    assert len(figure.columns["series"]) == 276 + 2 * 4


def test_the_waterfall_offers_the_last_complete_day_first_and_the_day_asked(bench):
    (study,) = tumour_growth.find_studies(bench)
    figure = tumour_growth.waterfall_figure(bench, study, ["vehicle", "combination"])
    assert figure is not None
    options = dict(figure.selectors[0].options)
    assert list(options) == ["last_complete", "asked"]
    assert options["last_complete"] == "day 14, last day with all mice (24 mice)"
    assert options["asked"] == "day 26, day asked (19 mice)"
    figure.as_document()


def test_markers_have_a_volcano_for_groups_and_pairs_and_lead_to_their_genes(bench, pages):
    page = pages["bench/panel.html"]
    assert 'href="../genes/CCL20.html"' in page
    assert "../genes/IL6.html" not in page, "a gene without a page is no link"
    assert "markers have no gene that HGNC knows" in page
    assert "are not tested" in page
    (study,) = plasma_panel.find_studies(bench)
    contrasts = plasma_panel._contrasts(bench, study)
    assert [row["method"] for row in contrasts] == ["limma_paired", "limma"]
    for contrast in contrasts:
        figure = plasma_panel.volcano_figure(bench, study, contrast)
        assert figure is not None
        figure.as_document()
        assert len(figure.columns["marker"]) == 36
    assert figure.find_by == "marker"


def test_both_samples_of_every_patient_are_drawn_marker_by_marker(bench):
    (study,) = plasma_panel.find_studies(bench)
    paired = next(row for row in plasma_panel._contrasts(bench, study) if row["method"] == "limma_paired")
    figure = plasma_panel.pair_figure(bench, study, paired)
    assert figure is not None
    figure.as_document()
    assert len(figure.traces) == 15
    assert figure.selectors[0].options[0][0] == "CCL20", "the smallest p first"
    assert figure.selectors[0].options[0][0] in figure.alternative


def test_the_forest_offers_every_endpoint_and_model_and_the_continuous_one_is_said_to_lead(bench):
    (study,) = plasma_panel.find_studies(bench)
    figure = plasma_panel.forest_figure(bench, study)
    assert figure is not None
    figure.as_document()
    assert len(figure.selectors[0].options) == 4
    assert figure.selectors[0].options[0][1] == "PFS, per standard deviation of log2 (to read first)"


def test_models_say_how_their_terms_were_chosen_and_intervals_why_they_are_not_there(pages):
    page = pages["bench/panel.html"]
    assert "every split with p &lt; 0.05" in page
    assert "declared in advance" in page
    assert "an interval asks for 10 of each" in page


def test_a_gene_is_explained_with_its_marker(bench):
    (row,) = panel_markers(bench, "CCL20")
    assert (row["study_id"], row["marker"], row["table"]) == ("panel", "CCL20", "marts.panel_markers")
    assert row["pair_difference_log2"] > 0
    section = next(one for one in SECTIONS if one.key == "panel_markers")
    assert len(section.cells(row)) == len(section.header)
    assert panel_markers(bench, "AXL") == []
    page = Page("genes/CCL20.html", "CCL20")
    add_markers(page, [row])
    assert 'href="../bench/panel.html"' in render(page, FRAME)
