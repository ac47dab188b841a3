"""Pages of combination studies: the surface of every block, its scores and tests, the drugs alone."""

from __future__ import annotations

from typing import Any

from resistance_assets.report.explain.text import number, span
from resistance_assets.report.figures import Figure, axis
from resistance_assets.report.html import Heading, Page, table
from resistance_assets.report.pages.bench.studies import (
    BenchStudy,
    add_facts,
    add_notes,
    add_rejected,
    studies_of,
    versions,
)
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literal

TITLE = "combination of two drugs"
CELLS = "core.drug_combination__cells"
AGENTS = "core.drug_combination__single_agents"
BLOCKS = "core.drug_combination__blocks"
MOST_SURFACES = 12
MODELS = {"bliss": "Bliss", "hsa": "HSA", "loewe": "Loewe", "zip": "ZIP"}


def find_studies(published: Published) -> list[BenchStudy]:
    """Studies of this kind."""
    return studies_of(published, BLOCKS)


def study_page(published: Published, study: BenchStudy, gene_pages: frozenset[str] = frozenset()) -> Page:
    """The page of one study."""
    study_id = study.id
    page = Page(study.path, study.title)
    blocks = published.rows(f"SELECT * FROM {BLOCKS} WHERE study_id = {literal(study_id)} ORDER BY block_id")
    primary = MODELS[blocks[0]["primary"]]
    add_facts(published, page, study, [("Blocks", len(blocks)), ("Reported model", primary)])
    page.paragraph(
        f"Excess is observed less expected inhibition in points; above 0 is more effect than expected. {primary} is "
        "what the study declares; the others stand beside it. A block is tested over its replicate matrices: cells of "
        "one matrix are not independent."
    )
    for block in blocks[:MOST_SURFACES]:
        if figure := surface(published, study_id, block):
            page.figure(figure)
    page.add(_block_table(blocks), _agent_table(published, study_id))
    add_notes(published, page, study)
    add_rejected(published, page, study)
    return page


def surface(published: Published, study_id: str, block: dict[str, Any]) -> Figure | None:
    """Excess by the reported model over the two doses."""
    name = MODELS[block["primary"]]
    sql = f"""SELECT dose1_um, dose2_um, inhibition_percent, primary_excess, bliss_excess, bliss_standard_error,
    bliss_p_holm, hsa_excess, loewe_excess, loewe_status, zip_delta
FROM {CELLS}
WHERE study_id = {literal(study_id)} AND block_id = {literal(block["block_id"])}
ORDER BY dose1_um, dose2_um"""
    columns = published.columns(sql)
    first, second = (sorted({dose for dose in columns[key] if dose > 0}) for key in ("dose1_um", "dose2_um"))
    if not first or not second:
        return None
    places = zip(columns["dose1_um"], columns["dose2_um"], columns["primary_excess"], strict=True)
    cells = {(a, b): value for a, b, value in places}
    matrix = [[cells.get((a, b)) for b in second] for a in first]
    known = [value for value in columns["primary_excess"] if value is not None]
    if not known:
        return None
    reach = max(10.0, *(abs(value) for value in known))
    best = max(cells, key=lambda key: cells[key] if cells[key] is not None else -1e9)
    mean = number(block["primary_mean"])
    return Figure(
        ident=f"surface-{block['block_id']}",
        title=f"{block['block_id']}: excess over {name}",
        caption=(
            f"Points of inhibition beyond what {name} expects of {block['drug1']} and {block['drug2']}; every other "
            "model is in the CSV."
        ),
        alternative=(
            f"{name} excess of {len(first)} doses of {block['drug1']} by {len(second)} of {block['drug2']}: mean "
            f"{mean} points, largest {number(cells[best])} at {best[0]:g} and {best[1]:g} uM."
        ),
        columns=columns,
        traces=[
            {
                "type": "heatmap", "x": [f"{dose:g}" for dose in second], "y": [f"{dose:g}" for dose in first],
                "z": matrix, "zmid": 0, "zmin": -reach, "zmax": reach, "xgap": 1, "ygap": 1,
                "colorscale": [[0, "@down"], [0.5, "@ground"], [1, "@up"]],
                "colorbar": {"title": {"text": "points", "side": "right"}, "thickness": 12},
                "hovertemplate": "%{y} and %{x} uM<br>%{z:.1f} points<extra></extra>",
            }
        ],
        layout={
            "xaxis": axis(f"{block['drug2']} (uM)", type="category", showgrid=False),
            "yaxis": axis(f"{block['drug1']} (uM)", type="category", showgrid=False),
        },
        height=160 + 34 * len(first),
        n=f"{block['n_combination_cells']} pairs of doses, {block['n_replicates']} replicate matrices",
        method=f"{name}; above 0 is more effect than expected",
        tables=versions(published, CELLS),
        sql=sql,
    )  # fmt: skip


def _block_table(blocks: list[dict[str, Any]]) -> str:
    for row in blocks:
        row["interval"] = span(row["replicate_bliss_lower"], row["replicate_bliss_upper"])
    headings = [
        Heading("block_id", "Block"),
        Heading("cell_line", "Line"),
        Heading("drug1", "Drug 1"),
        Heading("drug2", "Drug 2"),
        Heading("bliss_mean", "Bliss", "mean excess of the combination cells, points", True),
        Heading("interval", "95 % interval", "Bliss, over replicate matrices"),
        Heading("replicate_bliss_p", "p", "Bliss, over replicate matrices", True),
        Heading("n_replicates", "Replicates", None, True),
        Heading("hsa_mean", "HSA", None, True),
        Heading("loewe_mean_both_drugs", "Loewe", "cells that both drugs reach alone", True),
        Heading("loewe_cells_undefined", "Without Loewe", "cells", True),
        Heading("zip_mean", "ZIP", None, True),
        Heading("p_note", "Why no p"),
        Heading("warnings", "Before you believe it"),
    ]
    return table("Blocks", headings, blocks)


def _agent_table(published: Published, study_id: str) -> str:
    rows = published.rows(f"SELECT * FROM {AGENTS} WHERE study_id = {literal(study_id)} ORDER BY block_id, which_drug")
    headings = [
        Heading("block_id", "Block"),
        Heading("drug", "Drug"),
        Heading("ec50_um", "EC50 (uM)", "of its own largest effect; not where a parameter lies on its bound", True),
        Heading("emax_percent", "Largest effect (%)", None, True),
        Heading("hill", "Hill", None, True),
        Heading("no_effect_p", "p, no effect", None, True),
        Heading("is_active", "Acts alone"),
        Heading("at_bound", "On a bound"),
    ]
    return table("The drugs alone", headings, rows)
