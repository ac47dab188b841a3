"""The ledger's pages and the specification curves: every claim has its SQL, and a curve shows what its table holds."""

from __future__ import annotations

import pytest

from resistance_assets.report.html import Frame, render
from resistance_assets.report.pages.claims import claim_pages
from resistance_assets.report.pages.multiverse import (
    multiverse_pages,
    multiverse_path,
    published_numbers,
    specification_curve,
    summaries,
)

FRAME = Frame(release=7, written_at="2026-01-02", code_revision="1", is_synthetic=True)
FOUR_ARMS = ("lu_2019_responsive_genes", "demo_h1975_four_arms")


@pytest.fixture(scope="module")
def pages(demo):
    return {page.path: render(page, FRAME) for page in (*claim_pages(demo), *multiverse_pages(demo))}


@pytest.fixture(scope="module")
def summary(demo):
    return next(row for row in summaries(demo) if (row["multiverse_id"], row["dataset_id"]) == FOUR_ARMS)


def test_every_claim_has_a_place_with_its_verdict_and_its_sql_or_why_there_is_none(demo, pages):
    claims = demo.rows("SELECT * FROM marts.published_claims")
    assert len(claims) > 100
    for row in claims:
        page = pages[f"claims/{row['paper_id']}.html"]
        _, _, rest = page.partition(f'id="{row["claim_id"]}"')
        own = rest.partition("<h3")[0]
        assert row["verdict"].replace("_", " ") in own, row["claim_id"]
        has_query = demo.declared_claims[row["claim_id"]].get("sql") is not None
        assert ("Tables and SQL behind it" in own) == has_query
        assert has_query or "Nothing to compute" in own
        assert f"#{row['claim_id']}" in pages["claims.html"]


def test_the_curve_shows_each_reading_once_in_the_order_of_its_estimate(demo, summary):
    figure = specification_curve(demo, summary)
    columns = figure.columns
    rows = [at for at, once in enumerate(columns["once"]) if once]
    assert len(rows) == summary["n_computed"] == len(set(columns["place"]))
    estimates = [columns["estimate"][at] for at in sorted(rows, key=lambda at: columns["place"][at])]
    assert estimates == sorted(estimates)
    assert (estimates[0], estimates[-1]) == (summary["estimate_lowest"], summary["estimate_highest"])
    nearest = {columns["reading"][at] for at in rows if columns["is_nearest"][at]}
    assert len(nearest) == summary["n_nearest"]
    assert summary["nearest_reading"] in nearest


def test_every_choice_has_a_row_of_its_own_and_every_reading_a_dot_per_axis(demo, summary):
    columns = specification_curve(demo, summary).columns
    choices = set(zip(columns["axis"], columns["choice"], columns["level"], strict=True))
    assert len(choices) == len({level for _, _, level in choices}) == 3 + 2 + 3 + 3 + 2 + 3
    assert len(columns["place"]) == 6 * summary["n_computed"]


def test_published_counts_are_marked_as_the_study_reports_them(demo, summary):
    figure = specification_curve(demo, summary)
    said = published_numbers(summary)
    assert set(said) == {"n_responsive", "n_responsive_down", "n_kept", "n_in_list"}
    marked = {shape["y0"] for shape in figure.layout["shapes"]}
    assert marked == {said[name] for name in ("n_in_list", "n_kept", "n_responsive")}


def test_the_sql_behind_the_curve_gives_its_rows(demo, summary):
    figure = specification_curve(demo, summary)
    found = demo.columns(figure.sql)
    assert found["place"] == figure.columns["place"]
    assert found["estimate"] == figure.columns["estimate"]


def test_a_multiverse_page_names_the_nearest_reading_and_the_share(pages, summary):
    page = pages[multiverse_path(*FOUR_ARMS)]
    assert summary["nearest_reading"] in page
    assert f"of {summary['n_computed']} (" in page
    assert "no probability" in page


def test_hazard_ratios_have_their_intervals_and_the_line_of_no_effect(demo):
    summary = next(row for row in summaries(demo) if row["multiverse_id"] == "wang_2022_ccl20_survival")
    figure = specification_curve(demo, summary)
    assert figure.layout["shapes"][0]["y0"] == 1.0
    for at, ratio in enumerate(figure.columns["estimate"]):
        if figure.columns["above"][at] is not None:
            assert ratio + figure.columns["above"][at] == pytest.approx(figure.columns["ci_upper"][at])
    assert "patients" in figure.n


def test_every_family_of_tests_is_listed_beside_what_chance_gives(demo, pages):
    page = pages["claims/hypotheses.html"]
    families = demo.rows("SELECT family FROM meta.hypotheses_tested")
    assert families
    assert f"{len(families):,} rows" in page
