"""Which drugs' signatures run against a signature of resistance."""

from __future__ import annotations

from typing import Any

from resistance_assets.report.explain.text import number
from resistance_assets.report.html import Heading, Page, query_markup, table
from resistance_assets.report.published import Published

REVERSAL = "core.evidence__reversal"
PAGE = "reversal.html"
OWN = "warehouse"
MOST_SHOWN = 200
SQL = f"""SELECT * FROM {REVERSAL}
ORDER BY coalesce(q_value_bh, 2), weighted_connectivity_score, contrast_id, set_source, perturbation_id"""


def reversal_page(published: Published) -> Page:
    """One table of contrasts and perturbations, with a sentence for each of the warehouse's own treated contrasts."""
    page = Page(PAGE, "Which drugs run against resistance")
    page.paragraph(
        "A perturbation reverses a signature of resistance where the genes that it raises are low in resistant cells, "
        "and those that it lowers are high: a negative score. It mimics the signature where the score is positive. A "
        "reversal is a lead; it does not show that the drug makes cells sensitive again."
    )
    if not published.filled(REVERSAL, "weighted_connectivity_score"):
        page.paragraph(
            "This release has no such comparison: no contrast of treated cells and none of the libraries (LINCS L1000, "
            "DSigDB; both opt-in) is there."
        )
        return page
    rows = published.rows(SQL)
    own = [row for row in rows if row["set_source"] == OWN and row["null_p_value"] is not None]
    if own:
        page.heading("The warehouse's own treated cells")
        for row in own[:MOST_SENTENCES]:
            page.paragraph(own_sentence(published, row))
    page.heading("Every perturbation")
    for row in rows:
        row["direction_shown"] = row["direction"] or "neither"
        named = published.contrast_titles.get(row["perturbation_id"])
        row["perturbation"] = named or row["perturbation_id"]
    page.add(table("Perturbations, the smallest q first", HEADINGS, rows, filter_by=FILTERS, most=MOST_SHOWN))
    page.add(query_markup(f"{REVERSAL} (data version {published.stamp(REVERSAL)['data_version']})", SQL))
    return page


MOST_SENTENCES = 12
FILTERS = ("contrast_id", "set_source", "direction_shown")


def own_sentence(published: Published, row: dict[str, Any]) -> str:
    """Whether a drug that the warehouse has treated cells of runs against a resistance signature, with score and q."""
    verb = {"reverses": "reverses", "mimics": "mimics"}.get(row["direction"] or "", "neither reverses nor mimics")
    cells = f" in {row['cell_line']}" if row["cell_line"] else ""
    return (
        f"{row['drug_name'].capitalize()}{cells} {verb} {published.titles.get(row['contrast_id'], row['contrast_id'])} "
        f"(score {number(row['weighted_connectivity_score'])}, q {number(row['q_value_bh'])})."
    )


HEADINGS = [
    Heading("drug_name", "Drug"),
    Heading("direction_shown", "Direction", "where q is below the catalog's limit"),
    Heading("contrast_id", "Signature of resistance"),
    Heading("weighted_connectivity_score", "Score", "weighted connectivity: below 0 runs against the signature", True),
    Heading("normalised_score", "Normalised", "over the mean of random sets of the same sign and sizes", True),
    Heading("null_p_value", "p", "random sets of the same sizes", True),
    Heading("q_value_bh", "q (BH)", "within contrast and source of the sets", True),
    Heading("perturbation", "Perturbation"),
    Heading("cell_line", "Cells"),
    Heading("set_source", "Source of the set"),
    Heading("n_up", "Genes up", "of the set, measured", True),
    Heading("n_down", "Genes down", "of the set, measured", True),
    Heading("note", "Note"),
]
