"""Pages of qPCR studies: fold changes with their intervals, samples, no-template controls."""

from __future__ import annotations

import math
from typing import Any

from resistance_assets.report.explain.text import number, span
from resistance_assets.report.figures import Figure, frame_of, line_at, ratio_axis
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

TITLE = "quantitative PCR"
FOLD_CHANGES = "core.qpcr__fold_changes"
SAMPLES = "core.qpcr__samples"
NO_TEMPLATE = "core.qpcr__no_template"


def find_studies(published: Published) -> list[BenchStudy]:
    """Studies of this kind."""
    return studies_of(published, SAMPLES)


def study_page(published: Published, study: BenchStudy, gene_pages: frozenset[str] = frozenset()) -> Page:
    """The page of one study."""
    study_id = study.id
    page = Page(study.path, study.title)
    rows = published.rows(f"SELECT * FROM {FOLD_CHANGES} WHERE study_id = {literal(study_id)} ORDER BY gene, condition")
    first = rows[0] if rows else {}
    told = [("Reference gene", first.get("reference_gene")), ("Control", first.get("control"))]
    add_facts(published, page, study, told)
    page.paragraph(
        "The test is on delta Ct, where errors are symmetric; the fold change is its back-transform. Undetermined "
        "wells have no Ct, and wells of one sample are no replicates."
    )
    if figure := fold_figure(published, study_id, rows):
        page.figure(figure)
    page.add(_fold_table(rows), _sample_table(published, study_id), _blank_table(published, study_id))
    add_notes(published, page, study)
    add_rejected(published, page, study)
    return page


def fold_figure(published: Published, study_id: str, rows: list[dict[str, Any]]) -> Figure | None:
    """Fold change of every gene and condition against the control, with its interval by Welch's t."""
    kept = [row for row in rows if row["fold_change"] is not None]
    if not kept:
        return None
    sql = f"""SELECT gene || ', ' || condition AS gene_and_condition, fold_change,
    welch_fold_upper - fold_change AS above, fold_change - welch_fold_lower AS below, welch_p, paired_p, n, n_control
FROM {FOLD_CHANGES}
WHERE study_id = {literal(study_id)} AND fold_change IS NOT NULL
ORDER BY gene DESC, condition DESC"""
    columns = published.columns(sql)
    reached = [
        math.log10(value)
        for row in kept
        for value in (row["fold_change"], row["welch_fold_lower"], row["welch_fold_upper"])
        if value
    ]
    said = "; ".join(f"{row['gene']} in {row['condition']}: {number(row['fold_change'])}" for row in kept)
    return Figure(
        ident="fold-changes",
        title=f"Fold change against {kept[0]['control']}",
        caption="Bars are 95 % intervals by Welch's t on delta Ct, where there are three replicates or more.",
        alternative=f"Fold changes. {said}.",
        columns=columns,
        traces=[
            {
                "type": "scatter", "mode": "markers", "x": "$fold_change", "y": "$gene_and_condition",
                "showlegend": False, "marker": {"color": "@down", "size": 10},
                "error_x": {
                    "type": "data", "symmetric": False, "array": "$above", "arrayminus": "$below", "color": "@down",
                    "thickness": 2,
                },
                "hovertemplate": "<b>%{y}</b><br>%{x:.3g}<extra></extra>",
            }
        ],
        layout={
            "xaxis": ratio_axis("fold change (log scale)", frame_of(reached, 0.0, margin=0.1)),
            "yaxis": {"type": "category", "categoryorder": "array", "categoryarray": columns["gene_and_condition"]},
            "shapes": [line_at(x=1, dash="solid")],
        },
        height=130 + 34 * len(kept),
        n=f"{len(kept)} genes and conditions; biological replicates per row in the CSV",
        method="2^-(difference of mean delta Ct); Welch's t on delta Ct",
        tables=versions(published, FOLD_CHANGES),
        sql=sql,
    )  # fmt: skip


def _fold_table(rows: list[dict[str, Any]]) -> str:
    for row in rows:
        row["interval"] = span(row["welch_fold_lower"], row["welch_fold_upper"])
    headings = [
        Heading("gene", "Gene"),
        Heading("condition", "Condition"),
        Heading("fold_change", "Fold change", "against the control", True),
        Heading("interval", "95 % interval", "Welch"),
        Heading("welch_p", "p (Welch)", None, True),
        Heading("paired_p", "p (paired)", "by replicate", True),
        Heading("knock_down_percent", "Knock-down (%)", None, True),
        Heading("n", "Replicates", None, True),
        Heading("n_control", "Replicates of the control", None, True),
        Heading("warning", "Warning"),
        Heading("p_note", "Note"),
    ]
    return table("Fold changes", headings, rows)


def _sample_table(published: Published, study_id: str) -> str:
    rows = published.rows(
        f"SELECT * FROM {SAMPLES} WHERE study_id = {literal(study_id)} ORDER BY gene, condition, biological_replicate"
    )
    headings = [
        Heading("gene", "Gene"),
        Heading("condition", "Condition"),
        Heading("biological_replicate", "Replicate"),
        Heading("mean_ct", "Mean Ct", None, True),
        Heading("sd_ct", "SD of wells", None, True),
        Heading("n_used", "Wells", None, True),
        Heading("n_undetermined", "Undetermined", "wells", True),
        Heading("well_dropped", "Well left out", "the one farthest from the median of three or more"),
        Heading("delta_ct", "Delta Ct", None, True),
        Heading("relative_expression", "Relative expression", "to the mean of the control", True),
        Heading("flag", "Flag"),
        Heading("note", "Note"),
    ]
    return table("Samples", headings, rows)


def _blank_table(published: Published, study_id: str) -> str:
    rows = published.rows(
        f"SELECT * FROM {NO_TEMPLATE} WHERE study_id = {literal(study_id)} ORDER BY gene, well_number"
    )
    headings = [
        Heading("gene", "Gene"),
        Heading("ct", "Ct", "none where undetermined", True),
        Heading("latest_ct", "Latest sample", "largest mean Ct", True),
        Heading("verdict", "Verdict"),
    ]
    return table("Wells without template", headings, rows)
