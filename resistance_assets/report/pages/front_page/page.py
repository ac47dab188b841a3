"""The first page, in the order of a reader's questions: the answer, how sure, what it cannot say, then the release."""

from __future__ import annotations

from resistance_assets.report.html import Markup, Page
from resistance_assets.report.pages.front_page.answer import add_answer
from resistance_assets.report.pages.front_page.evidence_map import add_evidence_map
from resistance_assets.report.pages.front_page.limits import add_limits, add_patients
from resistance_assets.report.pages.front_page.planted import add_planted
from resistance_assets.report.pages.front_page.release import add_release
from resistance_assets.report.pages.genes import jump_form
from resistance_assets.report.pages.own_studies import add_own_studies, add_own_studies_in_short
from resistance_assets.report.published import Published

TITLE = "Which genes make lung cancers resist their drugs?"


def front_page(published: Published, genes: list[str]) -> Page:
    """`index.html`. Own studies come first in a line or two, so that the answer still stands in the first screen."""
    page = Page("index.html", TITLE)
    with_page = set(genes)
    # What stands in it prints on one sheet; the figure, own studies and the release follow on sheets of their own.
    page.add(Markup('<div class="answer-sheet">'))
    add_own_studies_in_short(published, page)
    has_answer = add_answer(published, page, with_page)
    page.add(jump_form(genes, page.root))
    if has_answer:
        add_evidence_map(published, page, with_page)
        add_limits(published, page)
        add_patients(published, page)
        add_planted(published, page)
    page.add(Markup('</div><div class="rest">'))
    add_own_studies(published, page, with_page)
    add_release(published, page)
    page.add(Markup("</div>"))
    return page
