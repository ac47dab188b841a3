"""Bench studies of a release: which there are, and what every page of one begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from resistance_assets.report.html import Heading, Page, facts, table
from resistance_assets.report.paths import slug
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literal

STUDIES = "raw.catalog__studies"
WARNINGS = "raw.studies__warnings"
REJECTED = "raw.rejected_rows"
MOST_REJECTED = 50
# Colours of arms and groups by their place; the first is the control.
COLOURS = ("@none", "@down", "@up", "@third", "@fourth", "@marked")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")


@dataclass(frozen=True)
class BenchStudy:
    """A study with rows in the tables of its kind."""

    id: str
    title: str
    paper_id: str | None

    @property
    def path(self) -> str:
        return bench_path(self.id)


def plain_words(name: str) -> str:
    """A name of a method or contrast in words."""
    return name.replace("_", " ")


def bench_path(study_id: str) -> str:
    """Path of the page of a bench study."""
    return f"bench/{slug(study_id)}.html"


def studies_of(published: Published, address: str) -> list[BenchStudy]:
    """Studies that have rows in a table."""
    if not published.filled(address):
        return []
    known = (
        {row["study_id"]: row for row in published.rows(f"SELECT * FROM {STUDIES}")} if published.has(STUDIES) else {}
    )
    found = published.rows(f"SELECT DISTINCT study_id FROM {address} ORDER BY study_id")
    return [
        BenchStudy(
            row["study_id"],
            known.get(row["study_id"], {}).get("title", row["study_id"]),
            known.get(row["study_id"], {}).get("paper_id"),
        )
        for row in found
    ]


def versions(published: Published, *addresses: str) -> list[tuple[str, str | None]]:
    """Tables with their data versions, as figures name them."""
    return [(address, published.stamp(address)["data_version"]) for address in addresses]


def own_rows(
    published: Published, address: str, study: BenchStudy, order: str, where: str = ""
) -> list[dict[str, Any]]:
    """Rows of a study in a table."""
    more = f" AND {where}" if where else ""
    return published.rows(f"SELECT * FROM {address} WHERE study_id = {literal(study.id)}{more} ORDER BY {order}")


def add_notes(published: Published, page: Page, study: BenchStudy) -> None:
    """What the reader of the study's files noted: names of columns, rows set aside, what was exchanged."""
    if not published.has(WARNINGS):
        return
    rows = own_rows(published, WARNINGS, study, "warning_number")
    if rows:
        headings = [Heading("source", "File"), Heading("place", "Where"), Heading("warning", "Note")]
        page.add(table("What was noted while the files were read", headings, rows))


def add_facts(published: Published, page: Page, study: BenchStudy, pairs: list[tuple[str, Any]]) -> None:
    """Id, files and further facts at the top of a study's page."""
    sources = published.loaded_sources_of(study.id)
    files = ", ".join(f"{one['source_id']} ({(one['sha256'] or 'no checksum')[:8]})" for one in sources)
    page.add(facts([("Study", study.id), ("Files", files or None), *pairs]))


def add_rejected(published: Published, page: Page, study: BenchStudy) -> None:
    """Every line of the study's files that was set aside, with the reason."""
    rows = published.rows(
        f"SELECT source, line, reason, row_text FROM {REJECTED} WHERE starts_with(source, {literal(f'{study.id}/')})"
        " ORDER BY source, line"
    )
    headings = [
        Heading("source", "File"),
        Heading("line", "Line", None, True),
        Heading("reason", "Reason"),
        Heading("row_text", "Line as it is"),
    ]
    page.add(table("Lines set aside", headings, rows, most=MOST_REJECTED))
