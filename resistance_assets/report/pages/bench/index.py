"""Every bench study of the release: its page, and the list of them."""

from __future__ import annotations

from resistance_assets.report.html import Heading, Page, link, table
from resistance_assets.report.pages.bench import (
    dose_response,
    drug_combination,
    plasma_panel,
    qpcr,
    single_cell,
    tumour_growth,
    two_way_assay,
)
from resistance_assets.report.pages.bench.studies import BenchStudy
from resistance_assets.report.published import Published

INDEX = "bench.html"
# Each has TITLE, `find_studies(published)` and `study_page(published, study, gene_pages)`.
KINDS = (dose_response, drug_combination, tumour_growth, plasma_panel, single_cell, qpcr, two_way_assay)


def bench_studies(published: Published) -> list[BenchStudy]:
    """Every bench study of the release that has a page."""
    return [study for kind in KINDS for study in kind.find_studies(published)]


def bench_pages(published: Published, gene_pages: frozenset[str] = frozenset()) -> list[Page]:
    """The list of bench studies, and a page per study.

    Args:
        gene_pages: genes that have a page, which names of markers lead to.
    """
    made, rows = [], []
    for kind in KINDS:
        for study in kind.find_studies(published):
            paper = study.paper_id and published.citation(study.paper_id)
            made.append(kind.study_page(published, study, gene_pages))
            rows.append({"study": link(study.path, study.title), "kind": kind.TITLE, "paper": paper})
    index = Page(INDEX, "Bench studies")
    index.paragraph(
        "Studies of a laboratory's own bench: what cells, mice and patients' plasma answered. Markers and knock-downs "
        "stand with their genes on the pages of genes as well."
    )
    headings = [Heading("study", "Study"), Heading("kind", "Kind"), Heading("paper", "Paper whose data they are")]
    index.add(table("Bench studies", headings, rows))
    return [index, *made]
