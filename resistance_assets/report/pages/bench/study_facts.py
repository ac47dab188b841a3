"""What every page of a bench study says: its title, its files, what was noticed and what was left out."""

from __future__ import annotations

from typing import Any

from resistance_assets.report.html import Heading, Page, facts, table
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literal

WARNINGS = "raw.studies__warnings"
REJECTED = "raw.rejected_rows"
STUDIES = "raw.catalog__studies"
MOST_REJECTED = 50


def title_of(published: Published, study_id: str) -> str:
    """Title of a study; its id in a release without the table of studies."""
    if not published.has(STUDIES):
        return study_id
    found = published.value(f"SELECT title FROM {STUDIES} WHERE study_id = {literal(study_id)}")
    return found or study_id


def add_facts(published: Published, page: Page, study_id: str, pairs: list[tuple[str, Any]]) -> None:
    """Id, files and further facts at the top of a study's page."""
    sources = published.loaded_sources_of(study_id)
    files = ", ".join(f"{one['source_id']} ({(one['sha256'] or 'no checksum')[:8]})" for one in sources)
    page.add(facts([("Study", study_id), ("Files", files or None), *pairs]))


def add_reading(published: Published, page: Page, study_id: str) -> None:
    """What was noticed while the files were read, and every line that was set aside, with the reason."""
    page.heading("How the files were read")
    noticed = published.rows(
        f"SELECT source, place, warning FROM {WARNINGS} WHERE study_id = {literal(study_id)} ORDER BY warning_number"
    )
    headings = [Heading("source", "File"), Heading("place", "Where"), Heading("warning", "What")]
    page.add(table("Columns read under another name, and what else was noticed", headings, noticed))
    lost = published.rows(
        f"SELECT source, line, reason, row_text FROM {REJECTED} WHERE starts_with(source, {literal(f'{study_id}/')})"
        " ORDER BY source, line"
    )
    headings = [
        Heading("source", "File"),
        Heading("line", "Line", None, True),
        Heading("reason", "Reason"),
        Heading("row_text", "Line as it is"),
    ]
    page.add(table("Lines set aside", headings, lost, most=MOST_REJECTED))


def stamps(published: Published, *names: str) -> list[tuple[str, str | None]]:
    """Tables with their data versions, for what stands below a figure."""
    return [(name, published.stamp(name)["data_version"]) for name in names]
