"""What a demo planted, and whether the warehouse found it: on synthetic data the only truth there is."""

from __future__ import annotations

from typing import Any

from resistance_assets.report.html import Heading, Page, query_markup, table
from resistance_assets.report.pages.front_page.answer import CANDIDATES
from resistance_assets.report.published import Published

PLANTED = "meta.planted_effects"
SQL = f"""WITH planted AS (
    SELECT c.drug_class, p.hgnc_symbol, CASE WHEN p.log2_fold_change > 0 THEN 'up' ELSE 'down' END AS direction,
        count(DISTINCT p.contrast_id) AS contrasts
    FROM {PLANTED} AS p INNER JOIN raw.catalog__contrasts AS c ON c.contrast_id = p.contrast_id
    WHERE c.state = 'acquired' AND c.drug_class IS NOT NULL
    GROUP BY ALL
)
SELECT coalesce(p.drug_class, k.drug_class) AS drug_class, coalesce(p.hgnc_symbol, k.hgnc_symbol) AS hgnc_symbol,
    p.direction AS planted, p.contrasts, k.direction AS found, k.confidence
FROM planted AS p FULL JOIN {CANDIDATES} AS k
    ON k.drug_class = p.drug_class AND k.hgnc_symbol = p.hgnc_symbol AND k.direction = p.direction
ORDER BY ALL"""
FOUND = ("replicated", "suggested", "single study")


def add_planted(published: Published, page: Page) -> None:
    """Per drug class: how many planted genes were found, how many were missed, and what else was found."""
    if not published.is_synthetic or not published.filled(PLANTED) or not published.has(CANDIDATES, "confidence"):
        return
    if not published.has("raw.catalog__contrasts", "state"):
        return
    rows = count_found(published.rows(SQL))
    if not rows:
        return
    page.heading("What was planted, and whether it was found", level=3, anchor="planted")
    for row in rows:
        row["missed_genes"] = ", ".join(row["missed_genes"]) or None
    headings = [
        Heading("drug_class", "Drug class"),
        Heading("planted", "Planted", "genes with an effect in a contrast of resistant cells", True),
        Heading("found", "Found", "replicated, suggested or of a single study, in the planted direction", True),
        Heading("by_effect", "By effect only", "in the planted direction, without a p-value", True),
        Heading("missed", "Missed", None, True),
        Heading("not_planted", "Found, but not planted", "among those with a p-value", True),
        Heading("missed_genes", "Which were missed"),
    ]
    page.add(table("Planted genes in cells with acquired resistance", headings, rows, is_searchable=False))
    page.add(query_markup(f"{PLANTED}; {CANDIDATES}", SQL))


def count_found(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Counts per drug class from one row per planted or found gene (`planted`, `found`, `confidence`)."""
    classes: dict[object, list[dict[str, Any]]] = {}
    for row in rows:
        classes.setdefault(row["drug_class"], []).append(row)
    counted: list[dict[str, Any]] = []
    for name, genes in classes.items():
        planted = [one for one in genes if one["planted"]]
        missed = [str(one["hgnc_symbol"]) for one in planted if one["confidence"] not in (*FOUND, "effect only")]
        counted.append(
            {
                "drug_class": name,
                "planted": len(planted),
                "found": sum(one["confidence"] in FOUND for one in planted),
                "by_effect": sum(one["confidence"] == "effect only" for one in planted),
                "missed": len(missed),
                "not_planted": sum(not one["planted"] and one["confidence"] in FOUND for one in genes),
                "missed_genes": missed,
            }
        )
    return counted
