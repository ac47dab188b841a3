"""What pages say beside a hazard ratio: competing risks, shared patients, covariates alone, and the test that leads."""

from __future__ import annotations

import pytest

from resistance_assets.report.explain.survival import censored_deaths, shared_patients
from resistance_assets.report.html import Frame, render
from resistance_assets.report.pages.cohorts import cohort_pages
from resistance_assets.report.pages.contrasts import contrast_pages
from resistance_assets.report.pages.genes import gene_pages
from resistance_assets.report.pages.survival import auc_figure, incidence_figure

FRAME = Frame(release=7, written_at="2026-01-02", code_revision="1", is_synthetic=True)
CENSORED = "other deaths are censored in the Kaplan-Meier curve"
ALONE = "covariates alone"


@pytest.fixture(scope="module")
def pages(demo):
    listed = (*gene_pages(demo, ["CXCL2"]), *cohort_pages(demo, {"CXCL2"}))
    return {page.path: render(page, FRAME) for page in listed}


def test_every_endpoint_that_censors_deaths_says_so_and_overall_survival_does_not(demo, pages):
    dead = demo.value(
        """
        SELECT count(*) FROM staging.cohorts__patient_endpoints AS a
        INNER JOIN staging.cohorts__patient_endpoints AS b USING (cohort_id, patient_id)
        WHERE cohort_id = 'luad_tcga' AND a.endpoint = 'OS' AND a.event_observed = 1
            AND b.endpoint = 'DSS' AND b.event_observed = 0
        """
    )
    assert dead > 0
    (sentence,) = censored_deaths(demo, ["luad_tcga"], "DSS")
    assert CENSORED in sentence
    assert f"({dead} patients" in sentence
    assert CENSORED in pages["cohorts/luad_tcga_dss.html"]
    assert CENSORED not in pages["cohorts/luad_tcga_os.html"]
    assert CENSORED in pages["genes/CXCL2.html"]


def test_cumulative_incidence_is_drawn_with_every_row_of_its_table(demo, pages):
    figure = incidence_figure(demo, "CXCL2")
    rows = demo.value("SELECT count(*) FROM core.survival__cumulative_incidence WHERE hgnc_symbol = 'CXCL2'")
    assert len(figure.columns["cause"]) == rows > 0
    assert figure.title in pages["genes/CXCL2.html"]
    assert incidence_figure(demo, "no such gene") is None


def test_cohorts_that_share_patients_are_named_on_the_pooled_page_and_on_the_genes(demo, pages):
    sentences = shared_patients(demo)
    assert len(sentences) == demo.value("SELECT count(*) FROM core.survival__shared_patients")
    assert sentences
    for sentence in sentences:
        assert "pooled once" in sentence
        assert sentence in pages["cohorts/pooled.html"]
        assert sentence in pages["genes/CXCL2.html"]


def test_covariates_alone_are_one_row_of_the_auc_figure_and_no_choice(demo):
    figure = auc_figure(demo, {"cohort_id": "luad_tcga", "endpoint": "OS"})
    assert not [name for name, _ in figure.selectors[0].options if "alone" in name]
    drawn = list(zip(figure.columns["model_and_time"], figure.columns["hgnc_symbol"], strict=True))
    assert len(set(drawn)) == len(drawn)
    assert [name for name, gene in drawn if gene == ALONE] == [
        name for name, _ in figure.selectors[0].options if not name.startswith("unadjusted")
    ]
    gains = [gain for gain in figure.columns["auc_gain"] if gain is not None]
    assert gains


def test_a_genes_page_has_gain_time_ratios_and_events_of_the_sides(demo, pages):
    page = pages["genes/CXCL2.html"]
    for said in ("95 % CI of the gain", "age sex stage: covariates alone", "T &lt;= t", "Events of the sides"):
        assert said in page
    has_rows = demo.value("SELECT count(*) > 0 FROM core.survival__time_ratios WHERE hgnc_symbol = 'CXCL2'")
    assert ("Time ratios, where hazards are not proportional" in page) == has_rows


def test_the_screen_is_drawn_by_the_likelihood_ratio_of_the_leading_model(demo):
    (page,) = (one for one in cohort_pages(demo, set()) if one.path == "cohorts/luad_tcga_os.html")
    shown = render(page, FRAME)
    assert "s.p_likelihood_ratio AS p_value" in shown
    assert "s.q_value_bh_likelihood_ratio AS q_value_bh" in shown


def test_components_are_drawn_on_the_page_of_every_contrast_whose_study_has_them(demo):
    studies = {
        row["study_id"]
        for row in demo.rows("SELECT DISTINCT study_id FROM core.studies__principal_components WHERE r_squared >= 0")
    }
    of_contrast = {row["contrast_id"]: row["study_id"] for row in demo.rows("SELECT * FROM raw.catalog__contrasts")}
    drawn = 0
    for page in contrast_pages(demo, set())[1:]:
        contrast_id = page.path.removeprefix("contrasts/").rpartition("__")[0]
        has_figure = "What the principal components of the samples go with" in render(page, FRAME)
        assert has_figure == (of_contrast[contrast_id] in studies), contrast_id
        drawn += has_figure
    assert drawn > 3
