"""One figure of the evidence: candidates by studies, drawn as SVG in the page, so that it needs no script."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from resistance_assets.report.explain.text import number
from resistance_assets.report.html import Page, data_element, fill
from resistance_assets.report.pages.front_page.answer import CANDIDATES, EFFECTS, study_title
from resistance_assets.report.paths import contrast_path, gene_path
from resistance_assets.report.published import Published
from resistance_assets.report.titled import cut

MOST_PER_CLASS = 10
MOST_GENES = 40
STRONG = 0.55
# Effects that are drawn strongest: the same in every release, so that pictures can be compared.
DARKEST = {"standardised_effect": 5.0, "log2_fold_change": 3.0}
STATES = ("acquired", "tolerant", "treated")
TILE, GAP, LEFT = 22, 14, 92
# Height of the studies' names, which stand aslant, and of a line of the groups above them.
NAMES, LINE = 148, 14
GROUP_LETTER = 7.5
SQL = f"""WITH best AS (
    SELECT hgnc_symbol, min(rank_in_drug_class) AS best_rank FROM {CANDIDATES}
    WHERE rank_in_drug_class <= {MOST_PER_CLASS} GROUP BY hgnc_symbol
    ORDER BY best_rank, hgnc_symbol LIMIT {MOST_GENES}
)
SELECT b.hgnc_symbol, e.drug_class, e.state, e.independent_study, e.study_id, e.contrast_ids, e.is_measured,
    e.is_inferential, e.direction, e.log2_fold_change, e.standardised_effect, e.q_value_bh
FROM best AS b INNER JOIN {EFFECTS} AS e ON e.hgnc_symbol = b.hgnc_symbol
ORDER BY b.best_rank, b.hgnc_symbol, e.drug_class, e.state, e.independent_study"""


@dataclass(frozen=True)
class Column:
    """A study in a drug class and state."""

    drug_class: str
    state: str
    study: str
    title: str


def add_evidence_map(published: Published, page: Page, gene_pages: set[str]) -> None:
    """The figure with its legend, its data, and its SQL; nothing where there are no candidates."""
    if not published.filled(EFFECTS, "standardised_effect") or not published.filled(CANDIDATES):
        return
    rows = published.rows(SQL)
    if not rows:
        return
    columns = columns_of(published, rows)
    pages = pages_of_contrasts(published)
    drawing = draw_map(rows, columns, pages, page.root, gene_pages)
    document = {name: [row[name] for row in rows] for name in rows[0]}
    versions = "; ".join(
        f"{address} (data version {published.stamp(address)['data_version']})" for address in (EFFECTS, CANDIDATES)
    )
    genes = len({row["hgnc_symbol"] for row in rows})
    page.add(
        fill(
            "drawn_figure.html",
            ident="evidence-map",
            title="Evidence for each candidate, study by study",
            caption=f"The {MOST_PER_CLASS} best candidates of each class. The stronger the colour, the larger the "
            "effect: standardised where the study has replicates (full from 5 standard deviations on), else the log2 "
            "fold change (full from 3 on); + up, − down. A tile leads to its contrast.",
            legend=LEGEND,
            drawing=drawing,
            n=f"{genes} genes, {len(columns)} independent studies by drug class and state",
            method="Hedges' g of the study's contrasts, resistant over parental; studies without replicates by log2 "
            "fold change; q Benjamini-Hochberg within the study",
            versions=versions,
            sql=SQL,
            data=data_element(_as_json(document)),
        )
    )


def _as_json(columns: dict[str, list[Any]]) -> str:
    def plain(value: Any) -> Any:
        return (float(f"{value:.6g}") if math.isfinite(value) else None) if isinstance(value, float) else value

    kept = {name: [plain(value) for value in values] for name, values in columns.items()}
    return json.dumps({"columns": kept}, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def columns_of(published: Published, rows: Sequence[dict[str, Any]]) -> list[Column]:
    """Studies by drug class, then state, then name."""
    found = {
        (row["drug_class"], STATES.index(row["state"]), row["independent_study"]): Column(
            row["drug_class"], row["state"], row["independent_study"], study_title(published, row)
        )
        for row in rows
        if row["state"] in STATES
    }
    return [found[key] for key in sorted(found)]


def pages_of_contrasts(published: Published) -> dict[str, str]:
    """Contrast -> the page of its leading method with results."""
    rows = published.rows(
        """
        SELECT d.contrast_id, d.method FROM core.deg__contrasts AS d
        INNER JOIN raw.catalog__contrasts AS c ON c.contrast_id = d.contrast_id
        WHERE EXISTS (
            SELECT 1 FROM core.deg__contrast_genes AS g WHERE g.contrast_id = d.contrast_id AND g.method = d.method
        )
        ORDER BY d.genes_with_p_value > 0 DESC, list_position(string_split(c.methods, '|'), d.method)
        """
    )
    found: dict[str, str] = {}
    for row in rows:
        found.setdefault(row["contrast_id"], contrast_path(row["contrast_id"], row["method"]))
    return found


def draw_map(
    rows: Sequence[dict[str, Any]],
    columns: Sequence[Column],
    pages: dict[str, str],
    root: str,
    gene_pages: set[str],
) -> Markup:
    """Tiles with the names of genes on the left and those of studies above, as one SVG element."""
    genes = list(dict.fromkeys(row["hgnc_symbol"] for row in rows))
    cells = {(row["hgnc_symbol"], row["drug_class"], row["state"], row["independent_study"]): row for row in rows}
    places, headings, x = [], [], LEFT
    for at, column in enumerate(columns):
        is_new = at == 0 or (column.drug_class, column.state) != (columns[at - 1].drug_class, columns[at - 1].state)
        if is_new and at:
            x += GAP
        places.append(x)
        if is_new:
            headings.append((x, f"{column.drug_class}, {column.state}"))
        x += TILE
    parts = []
    ends = [0.0] * len(headings)
    for left, words in headings:
        # The first level on which it meets none of the names before it.
        level = next(at for at, end in enumerate(ends) if end <= left)
        ends[level] = left + GROUP_LETTER * len(words)
        parts.append(f'<text class="group" x="{left}" y="{LINE * (level + 1)}">{escape(words)}</text>')
    top = NAMES + LINE * sum(end > 0 for end in ends)
    for row_at, gene in enumerate(genes):
        y = top + row_at * TILE
        name = escape(gene)
        if gene in gene_pages:
            name = Markup('<a href="{}">{}</a>').format(root + gene_path(gene), gene)
        parts.append(f'<text class="gene" x="{LEFT - 6}" y="{y + 15}" text-anchor="end">{name}</text>')
        for column, left in zip(columns, places, strict=True):
            cell = cells.get((gene, column.drug_class, column.state, column.study))
            parts.append(_tile(cell, column, gene, left, y, pages, root))
    for column, left in zip(columns, places, strict=True):
        at = f"{left + 14} {top - 6}"
        shown = escape(cut(column.title, LONGEST_TITLE))
        parts.append(f'<text class="study" transform="translate({at}) rotate(-55)">{shown}</text>')
    longest = max(ends, default=0)
    width, height = max(x + 110, longest) + 4, top + TILE * len(genes) + 6
    said = f"Evidence of {len(genes)} candidates in {len(columns)} studies; the table of candidates says it in words."
    return Markup(
        f'<svg class="map" role="group" aria-label="{escape(said)}" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg"><defs>{_HATCH}</defs>'
        f"{''.join(parts)}</svg>"
    )


_HATCH = (
    '<pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<path class="hatch" d="M0 0V5"/></pattern>'
)
LONGEST_TITLE = 24


def _tile(
    cell: dict[str, Any] | None,
    column: Column,
    gene: str,
    x: float,
    y: float,
    pages: dict[str, str],
    root: str,
) -> str:
    size = TILE - 2
    where = f"{gene} in {column.title} ({column.drug_class}, {column.state})"
    if cell is None or not cell["is_measured"] or cell["log2_fold_change"] is None:
        return (
            f'<g><title>{escape(where)}: not measured</title><rect class="absent" x="{x}" y="{y}" width="{size}"'
            f' height="{size}"/></g>'
        )
    is_tested = cell["is_inferential"]
    name = "standardised_effect" if is_tested and cell["standardised_effect"] is not None else "log2_fold_change"
    effect = cell[name]
    depth = 0.12 + 0.78 * min(abs(effect) / DARKEST[name], 1.0)
    said = f"{where}: log2 FC {number(cell['log2_fold_change'])}"
    if is_tested:
        said += f", standardised {number(cell['standardised_effect'])}, q {number(cell['q_value_bh'])}"
    else:
        said += ", effect only"
    kind = "up" if effect > 0 else "down"
    # On a strong colour the ground's own stands out, in light and in dark.
    strong = " strong" if depth > STRONG else ""
    middle_x, middle_y = x + size / 2, y + size / 2
    drawn = (
        f'<rect class="ground" x="{x}" y="{y}" width="{size}" height="{size}"/>'
        f'<rect class="{kind}" fill-opacity="{depth:.2f}" x="{x}" y="{y}" width="{size}" height="{size}"/>'
    )
    if not is_tested:
        drawn += f'<rect fill="url(#hatch)" x="{x}" y="{y}" width="{size}" height="{size}"/>'
    if cell["q_value_bh"] is not None and cell["q_value_bh"] < 0.05:
        drawn += f'<circle class="ring{strong}" cx="{middle_x}" cy="{middle_y}" r="8"/>'
    sign = "+" if effect > 0 else "−"
    drawn += f'<text class="sign{strong}" x="{middle_x}" y="{middle_y + 4}" text-anchor="middle">{sign}</text>'
    tile = f"<title>{escape(said)}</title>{drawn}"
    contrast = (cell["contrast_ids"] or "").split("|")[0]
    if contrast in pages:
        # Reached by pointer alone: hundreds of stops would bar the way of a keyboard. The strips say the same in words.
        return f'<a href="{escape(root + pages[contrast])}" tabindex="-1">{tile}</a>'
    return f"<g>{tile}</g>"


_SQUARE = 'width="16" height="16"'
_SIGN = '<text class="sign" x="8" y="12" text-anchor="middle">'
_SWATCHES = (
    ("up in resistant cells", f'<rect class="up" fill-opacity=".6" {_SQUARE}/>{_SIGN}+</text>'),
    ("down", f'<rect class="down" fill-opacity=".6" {_SQUARE}/>{_SIGN}−</text>'),
    ("q < 0.05", f'<rect class="ground" {_SQUARE}/><circle class="ring" cx="8" cy="8" r="6"/>'),
    ("effect only (no replicates)", f'<rect class="ground" {_SQUARE}/><rect fill="url(#hatch)" {_SQUARE}/>'),
    ("not measured", f'<rect class="absent" {_SQUARE}/>'),
)
LEGEND = Markup('<ul class="legend">{}</ul>').format(
    Markup().join(
        Markup('<li><svg class="map" aria-hidden="true" width="16" height="16">{}</svg> {}</li>').format(
            Markup(drawing), words
        )
        for words, drawing in _SWATCHES
    )
)  # fmt: skip
