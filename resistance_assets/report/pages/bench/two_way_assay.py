"""Pages of two-way assays: one number per experiment and condition, simple effects and interaction."""

from __future__ import annotations

from typing import Any

from resistance_assets.report.explain.text import number, span
from resistance_assets.report.figures import Figure, Selector, axis
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

TITLE = "drug with and without a ligand"
EFFECTS = "core.assays__two_way"
UNITS = "core.assays__two_way_units"
ANOVA = "core.assays__two_way_anova"
ROLES = ("down", "up", "third", "fourth", "marked", "none")


def find_studies(published: Published) -> list[BenchStudy]:
    """Studies of this kind."""
    return studies_of(published, UNITS)


def study_page(published: Published, study: BenchStudy, gene_pages: frozenset[str] = frozenset()) -> Page:
    """The page of one study."""
    study_id = study.id
    page = Page(study.path, study.title)
    rows = published.rows(f"SELECT * FROM {EFFECTS} WHERE study_id = {literal(study_id)} ORDER BY assay, model, term")
    names = [("Drug", rows[0]["drug"]), ("Ligand", rows[0]["ligand"])] if rows else []
    add_facts(published, page, study, names)
    page.paragraph(
        "Wells and fields are averaged first: one number per experiment and condition, with the experiment as block. "
        "An interaction depends on its scale, which stands beside its p."
    )
    if figure := unit_figure(published, study_id, rows):
        page.figure(figure)
    page.add(_effect_table(rows), _anova_table(published, study_id))
    add_notes(published, page, study)
    add_rejected(published, page, study)
    return page


def unit_figure(published: Published, study_id: str, effects: list[dict[str, Any]]) -> Figure | None:
    """The number of every experiment in the four conditions, joined by experiment; an assay at a time."""
    if not effects:
        return None
    drug, ligand = effects[0]["drug"], effects[0]["ligand"]
    labels = ("neither", drug, ligand, f"{drug} and {ligand}")
    sql = f"""SELECT assay || ' (' || scale || ')' AS assay_and_scale, experiment,
    [{", ".join(literal(label) for label in labels)}][1 + drug01 + 2 * ligand01] AS condition, value, response, n_fields
FROM {UNITS}
WHERE study_id = {literal(study_id)}
ORDER BY assay, experiment, ligand01, drug01"""
    columns = published.columns(sql)
    shown = list(dict.fromkeys(columns["assay_and_scale"]))
    experiments = list(dict.fromkeys(columns["experiment"]))
    asked = [row for row in effects if row["term"] == "interaction" and row["model"] == "least_squares"]
    said = "; ".join(f"{row['assay']}: {number(row['estimate'])} (p {number(row['p_value'])})" for row in asked)
    return Figure(
        ident="units",
        title="Every experiment in the four conditions",
        caption="One line per independent experiment; values are means of its wells or fields, as measured.",
        alternative=f"Four conditions of {len(experiments)} experiments. Interaction by assay: {said}.",
        columns=columns,
        traces=[
            {
                "type": "scatter", "mode": "lines+markers", "name": f"experiment {experiment}", "x": "$condition",
                "y": "$value", "where": [["experiment", experiment]],
                "line": {"color": f"@{ROLES[at % len(ROLES)]}", "width": 1.5},
                "marker": {"color": f"@{ROLES[at % len(ROLES)]}", "size": 8},
                "hovertemplate": "%{x}<br>%{y:.4g}<extra></extra>",
            }
            for at, experiment in enumerate(experiments)
        ],
        layout={
            "xaxis": axis("", type="category", categoryorder="array", categoryarray=list(labels)),
            "yaxis": axis("value as measured", rangemode="tozero"),
        },
        n=f"{len(experiments)} experiments",
        method="mean of wells or fields; of a fraction its percentage",
        tables=versions(published, UNITS, EFFECTS),
        sql=sql,
        selectors=(Selector("assay_and_scale", "Assay", tuple((name, name) for name in shown)),),
    )  # fmt: skip


def _effect_table(rows: list[dict[str, Any]]) -> str:
    for row in rows:
        row["interval"] = span(row["lower"], row["upper"])
        row["shown_term"] = row["term"].replace("_", " ")
        row["shown_model"] = row["model"].replace("_", " ")
    headings = [
        Heading("assay", "Assay"),
        Heading("scale", "Scale"),
        Heading("shown_model", "Model"),
        Heading("shown_term", "Term"),
        Heading("estimate", "Estimate", "ln ratio, percent points, or ln odds ratio", True),
        Heading("interval", "95 % interval"),
        Heading("ratio", "As a ratio", "of an interaction: ratio of ratios", True),
        Heading("degrees_of_freedom", "df", None, True),
        Heading("p_value", "p", None, True),
        Heading("dispersion", "Dispersion", "Pearson's, of models of counts", True),
        Heading("n_experiments", "Experiments", None, True),
        Heading("p_note", "Note"),
    ]
    return table("Simple effects and interaction", headings, rows, filter_by=("assay",))


def _anova_table(published: Published, study_id: str) -> str:
    rows = published.rows(f"SELECT * FROM {ANOVA} WHERE study_id = {literal(study_id)} ORDER BY assay, source")
    headings = [
        Heading("assay", "Assay"),
        Heading("source", "Source"),
        Heading("degrees_of_freedom", "df", None, True),
        Heading("sum_of_squares", "Sum of squares", None, True),
        Heading("f", "F", None, True),
        Heading("p_value", "p", None, True),
    ]
    return table("Analysis of variance", headings, rows)
