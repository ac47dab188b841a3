"""What the release holds: datasets, what changed, claims of papers, families of tests, and what is not there."""

from __future__ import annotations

import json
from typing import Any

from resistance_assets.report.html import Heading, Markup, Page, Shortened, facts, fill, link, table
from resistance_assets.report.pages.bench.index import bench_studies
from resistance_assets.report.pages.claims import TESTED
from resistance_assets.report.paths import paper_path
from resistance_assets.report.published import Published, short_reason

CLAIMS = "marts.published_claims"
CHANGES = "meta.release_changes"
MOVED = "confidence"
MOST_CHANGES = 400
CAUSES_SHOWN = 3
COUNTED = {
    "cohort": "patients",
    "dose_response": "curves",
    "drug_combination": "matrices",
    "tumour_growth": "mice",
    "two_way_assay": "experiments",
    "single_cell": "cells",
}
"""What `n_samples` of `marts.dataset_catalog` counts, by kind; samples otherwise."""


def add_release(published: Published, page: Page) -> None:
    """Facts of the release, its datasets, and what differs from the release before."""
    page.heading("What changed since the last release", anchor="changes")
    _changes(published, page)
    if published.filled(CLAIMS):
        _claims(published, page)
    page.heading("Datasets", anchor="datasets")
    page.add(_cards(published))
    _gaps(published, page)
    page.heading("How much was tested")
    page.paragraph(
        "Each family of tests is corrected on its own; nothing corrects across families.",
        link(TESTED, "Every family") + ".",
    )
    tested = published.rows(
        """
        SELECT analysis, correction, count(*) AS families, sum(n_tests)::BIGINT AS tests,
            sum(n_below_0_05)::BIGINT AS p_below, sum(n_q_below_0_05)::BIGINT AS q_below
        FROM meta.hypotheses_tested GROUP BY ALL ORDER BY tests DESC
        """
    )
    headings = [
        Heading("analysis", "Table"),
        Heading("families", "Families", "corrected one by one", True),
        Heading("tests", "Tests", None, True),
        Heading("p_below", "p < 0.05", None, True),
        Heading("q_below", "q < 0.05", None, True),
        Heading("correction", "Correction"),
    ]
    page.add(table("Hypotheses tested", headings, tested, is_searchable=False))
    page.heading("This release", anchor="release")
    state = published.facts
    loaded = [source for source in published.sources.values() if source.state == "loaded"]
    page.add(
        facts(
            [
                ("Release", published.release),
                ("Published", state.get("written_at")),
                ("Code", state.get("code_revision")),
                ("Profile", state.get("setting.profile")),
                ("Sources loaded", f"{len(loaded)} of {len(published.sources)}"),
                ("Tables", sum(1 for row in published.tables.values() if row["status"] == "available")),
            ]
        )
    )


def _gaps(published: Published, page: Page) -> None:
    """Sources that the release does not have, folded: by reason, with the datasets that lack them."""
    reasons: dict[str, list[str]] = {}
    for source in published.sources.values():
        if source.state != "loaded":
            reasons.setdefault(short_reason(source), []).append(source.source_id)
    if not reasons:
        return
    headings = [Heading("source", "Source"), Heading("why", "Why")]
    rows = [{"source": ", ".join(names), "why": why} for why, names in reasons.items()]
    count = sum(map(len, reasons.values()))
    page.fold(
        f"What this release does not have: {count} source{'s' * (count > 1)}",
        [table("Sources that this release does not have", headings, rows, is_searchable=False)],
    )


def _cards(published: Published) -> Markup:
    cards = []
    bench = {study.id: study.path for study in bench_studies(published)}
    pages = {"cohort": "cohorts.html", "study": "contrasts.html"}
    for row in published.rows("SELECT * FROM marts.dataset_catalog ORDER BY is_loaded DESC, kind, dataset_id"):
        if row["is_loaded"]:
            said = f"{row['n_samples']:,} {COUNTED.get(row['kind'], 'samples')}"
            if row["n_genes"]:
                said += f", {row['n_genes']:,} genes"
            if row["n_contrasts"]:
                said += f", {row['n_contrasts']} contrast{'s' * (row['n_contrasts'] > 1)}"
            target = bench.get(row["dataset_id"]) or pages.get(row["kind"])
            head = link(target, row["dataset_id"]) if target else row["dataset_id"]
        else:
            said, head = f"Not loaded. {published.why_absent(row['dataset_id'])}", row["dataset_id"]
        cards.append({"head": head, "title": row["title"], "size": said})
    return fill("cards.html", cards=cards)


def first_causes(causes: str | None) -> Shortened | str | None:
    """The first of the causes of a change, and how many more there are: after an upgrade they are hundreds."""
    several = (causes or "").split("; ")
    if len(several) <= CAUSES_SHOWN + 1:
        return causes
    shown, left = several[:CAUSES_SHOWN], len(several) - CAUSES_SHOWN
    return Shortened(f"{'; '.join(shown)} and {left} more", causes or "")


def _changes(published: Published, page: Page) -> None:
    if published.filled(CHANGES, "release", "kind", "subject", "change"):
        rows = published.rows(
            f"SELECT * EXCLUDE (release) FROM {CHANGES} WHERE release = ? ORDER BY kind <> 'confidence', kind, subject",
            [published.release],
        )
        if rows:
            moved = sum(row["kind"] == MOVED for row in rows)
            said = (
                f"{moved:,} candidate{'s' * (moved != 1)} changed the word of confidence" if moved else "No candidate"
            )
            page.paragraph(f"{said}{', and stand first.' if moved else ' changed its word of confidence.'}")
            headings = [Heading(name, name.replace("_", " ").capitalize()) for name in rows[0]]
            caption = "Changes of tables, genes, terms and claims since the release before"
            rows = [{**row, "cause": first_causes(row["cause"])} for row in rows]
            page.add(table(caption, headings, rows, filter_by=("kind", "change"), most=MOST_CHANGES))
            return
    manifests = [
        json.loads(row["manifest"])
        for row in published.rows("SELECT manifest FROM meta.releases ORDER BY release DESC LIMIT 2")
    ]
    if len(manifests) < 2:
        page.paragraph("This is the first release of this data folder, so there is nothing to compare it with.")
        return
    new, old = manifests
    rows = list(_changed_tables(new, old))
    headings = [Heading("table", "Table"), Heading("what", "What"), Heading("why", "Why"), Heading("rows", "Rows")]
    page.add(table(f"Tables that differ from release {old['release']}", headings, rows))


def _changed_tables(new: dict[str, Any], old: dict[str, Any]) -> list[dict[str, Any]]:
    """Tables whose content differs between two releases, with the cause as far as the manifests tell it."""
    found = []
    for address in sorted({*new["tables"], *old["tables"]}):
        after, before = new["tables"].get(address), old["tables"].get(address)
        if after is None or before is None:
            found.append(
                {"table": address, "what": "added" if before is None else "dropped", "why": None, "rows": None}
            )
            continue
        if after["data_version"] == before["data_version"]:
            continue
        why = [
            cause
            for cause, key in (("code", "code_version"), ("parameters", "parameters"), ("inputs", "inputs"))
            if after[key] != before[key]
        ]
        found.append(
            {
                "table": address,
                "what": "changed",
                "why": ", ".join(why) or "not known",
                "rows": f"{before['rows']:,} before, {after['rows']:,} now",
            }
        )
    return found


def _claims(published: Published, page: Page) -> None:
    page.heading("What the papers state, and what the warehouse finds")
    counts = published.rows(
        f"SELECT verdict, count(*) AS claims FROM {CLAIMS} WHERE stated_by = 'paper' GROUP BY verdict "
        "ORDER BY claims DESC, verdict"
    )
    said = ", ".join(f"{row['claims']} {row['verdict'].replace('_', ' ')}" for row in counts)
    page.paragraph(f"{said}.", link("claims.html", "The claims report, claim by claim") + ".")
    rows = published.rows(
        f"SELECT * FROM {CLAIMS} WHERE verdict IN ('not_reproduced', 'contradicted') ORDER BY paper_id, claim_id"
    )
    for row in rows:
        row["claim"] = link(f"{paper_path(row['paper_id'])}#{row['claim_id']}", row["statement"])
    headings = [
        Heading("claim", "Claim"),
        Heading("paper_id", "Paper"),
        Heading("quantity", "Quantity"),
        Heading("value", "Found", None, True),
        Heading("verdict_reason", "Why"),
        Heading("assessment", "Assessment", "what the figure is worth"),
    ]
    page.add(table("Not reproduced, or contradicted", headings, rows, is_searchable=False))
