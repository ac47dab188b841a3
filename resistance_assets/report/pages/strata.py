"""Strata on a gene's page: all patients and every stratum side by side, by each survival screen."""

from __future__ import annotations

import math
from typing import Any

from resistance_assets.report.curves import curve_columns, from_the_start, step_curves
from resistance_assets.report.explain import alterations as told
from resistance_assets.report.explain.text import number, span
from resistance_assets.report.figures import Figure, Selector, axis, hazard_ratio_forest
from resistance_assets.report.html import Heading, Page, link, table
from resistance_assets.report.paths import gene_path
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literal

ALL_CUTS, CUTS = "core.survival__optimal_cuts", "core.alterations__stratum_optimal_cuts"
ALL_CURVES, CURVES = "core.survival__kaplan_meier", "core.alterations__stratum_kaplan_meier"
ALL_TERMS, TERMS = "core.survival__multivariable_terms", "core.alterations__stratum_multivariable_terms"
MODELS = "core.alterations__stratum_multivariable_models"
_ENDPOINTS = "list_position(['OS', 'DSS', 'DFS', 'PFS'], endpoint)"


def add_strata(published: Published, page: Page, gene: str, rows: list[dict[str, Any]]) -> None:
    """Hazard ratios, curves, optimal cuts and adjusted models of a gene, in all patients and in every stratum.

    Args:
        rows: of `explain.alterations.stratum_survival`.
    """
    if not rows:
        return
    page.heading("In all patients and in strata", level=3)
    if figure := stratum_forest(published, gene, rows):
        page.figure(figure)
    shown = [{**row, "interval": span(row["ci_lower_per_sd"], row["ci_upper_per_sd"])} for row in rows]
    page.add(
        table("Expression and survival, all patients and strata side by side", _HAZARDS, shown, filter_by=("endpoint",))
    )
    if figure := stratum_curves(published, gene):
        page.figure(figure)
    cuts = _side_by_side(published, gene, ALL_CUTS, CUTS, "TRUE")
    for row in cuts:
        row["split"] = None if row["n_high"] is None else f"{row['n_high']} / {row['n_low']}"
    terms = adjusted_terms(published, gene)
    parts = [
        table("Optimal cut, corrected for the search", _CUTS, cuts),
        table("Adjusted models", _TERMS, terms),
    ]
    if cuts or terms:
        page.fold("Optimal cuts and adjusted models, all patients and strata side by side", parts)


def add_strongest_in_strata(published: Published, page: Page, cohort_id: str, gene_pages: set[str]) -> None:
    """The strongest genes of every stratum of a cohort, with the same model in all patients beside them."""
    if not published.filled(told.STRATUM_SURVIVAL) or not published.has(told.SCREEN, "is_primary"):
        return
    rows = published.rows(
        f"""
        SELECT w.hgnc_symbol, w.endpoint, s.title, w.n, w.events, w.hazard_ratio_per_sd, w.p_likelihood_ratio,
            w.q_value_bh_likelihood_ratio, a.n AS all_n, a.events AS all_events,
            a.hazard_ratio_per_sd AS all_hazard_ratio_per_sd, a.q_value_bh_likelihood_ratio AS all_q_value_bh
        FROM {told.STRATUM_SURVIVAL} AS w
        INNER JOIN {told.STRATA} AS s USING (cohort_id, stratum_id, endpoint)
        INNER JOIN {told.SCREEN} AS a USING (cohort_id, endpoint, hgnc_symbol, model)
        WHERE w.cohort_id = ? AND a.is_primary AND w.p_likelihood_ratio IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY w.stratum_id, w.endpoint ORDER BY w.p_likelihood_ratio, w.hgnc_symbol)
            <= {MOST_OF_STRATUM}
        ORDER BY w.stratum_id, {_ENDPOINTS.replace("endpoint", "w.endpoint")}, w.endpoint, w.p_likelihood_ratio
        """,
        [cohort_id],
    )
    for row in rows:
        symbol = row["hgnc_symbol"]
        row["gene"] = link(page.root + gene_path(symbol), symbol) if symbol in gene_pages else symbol
        row["of"] = f"{row['n']} / {row['events']}"
        row["all_of"] = f"{row['all_n']} / {row['all_events']}"
    if rows:
        caption = "Strongest genes within strata, and the same model in all patients"
        page.add(table(caption, _STRONGEST, rows, filter_by=("title", "endpoint")))


MOST_OF_STRATUM = 10
_STRONGEST = [
    Heading("gene", "Gene"),
    Heading("title", "Stratum"),
    Heading("endpoint", "Endpoint"),
    Heading("of", "n / events", "in the stratum", True),
    Heading("hazard_ratio_per_sd", "HR per SD", "in the stratum", True),
    Heading("p_likelihood_ratio", "p", "in the stratum, likelihood ratio", True),
    Heading("q_value_bh_likelihood_ratio", "q (BH)", "over the genes of stratum and endpoint", True),
    Heading("all_of", "All: n / events", "all patients", True),
    Heading("all_hazard_ratio_per_sd", "All: HR per SD", "all patients", True),
    Heading("all_q_value_bh", "All: q (BH)", "all patients", True),
]


def _side_by_side(published: Published, gene: str, everyone: str, within: str, where: str) -> list[dict[str, Any]]:
    """Rows of a gene in a table of all patients and in its table of strata, of cohorts that have strata."""
    if not (published.filled(within) and published.has(everyone)):
        return []
    return published.rows(
        f"""
        SELECT * FROM (
            SELECT a.*, 'all' AS stratum_id, 'all patients' AS title FROM {everyone} AS a
            WHERE a.hgnc_symbol = $gene AND a.cohort_id IN (SELECT cohort_id FROM {told.STRATA})
            UNION ALL BY NAME
            SELECT w.*, s.title FROM {within} AS w
            INNER JOIN {told.STRATA} AS s USING (cohort_id, stratum_id, endpoint)
            WHERE w.hgnc_symbol = $gene
        ) WHERE {where}
        ORDER BY cohort_id, {_ENDPOINTS}, endpoint, stratum_id <> 'all', stratum_id
        """,
        {"gene": gene},
    )


def adjusted_terms(published: Published, gene: str) -> list[dict[str, Any]]:
    """The gene's own term of the models that strata are fitted by, in all patients and in every stratum."""
    rows = _side_by_side(
        published, gene, ALL_TERMS, TERMS,
        f"variable = 'expression' AND model_id IN (SELECT DISTINCT model_id FROM {TERMS})",
    )  # fmt: skip
    if not rows:
        return []
    warnings = {
        (row["cohort_id"], row["stratum_id"], row["endpoint"], row["model_id"]): row["warning"]
        for row in published.rows(f"SELECT * FROM {MODELS} WHERE hgnc_symbol = ?", [gene])
    }
    for row in rows:
        row["interval"] = span(row["ci_lower"], row["ci_upper"])
        row["warning"] = warnings.get((row["cohort_id"], row["stratum_id"], row["endpoint"], row["model_id"]))
    return rows


def stratum_curves(published: Published, gene: str) -> Figure | None:
    """Curves of high and low expression, a choice per endpoint and stratum, all patients among them."""
    if not published.filled(CURVES) or not published.has(ALL_CURVES):
        return None
    columns = (
        "expression_group, time_months, survival, ci_lower, ci_upper, n_at_risk, n_events, n_censored, cohort_id, "
        "endpoint, hgnc_symbol"
    )
    points = f"""SELECT cohort_id || ' ' || endpoint || ', ' || title AS patients, cohort_id, endpoint, stratum_id,
    expression_group, time_months, survival, ci_lower, ci_upper, n_at_risk, n_events, n_censored
FROM (
    SELECT {columns}, 'all' AS stratum_id, 'all patients' AS title FROM {ALL_CURVES}
    WHERE (cohort_id, endpoint) IN (SELECT (cohort_id, endpoint) FROM {CURVES})
    UNION ALL
    SELECT {columns}, stratum_id, title FROM {CURVES}
    INNER JOIN {told.STRATA} USING (cohort_id, stratum_id, endpoint)
)
WHERE hgnc_symbol = {literal(gene)}"""
    sql = f"""{from_the_start(points, "patients, cohort_id, endpoint, stratum_id, expression_group")}
ORDER BY cohort_id, {_ENDPOINTS}, endpoint, stratum_id <> 'all', stratum_id, expression_group, time_months,
    survival DESC"""
    found = published.columns(sql)
    if "all patients" not in {name.rpartition(", ")[2] for name in found["patients"]}:
        return None
    sizes: dict[tuple[str, str], int] = {}
    for choice, group, at_risk in zip(found["patients"], found["expression_group"], found["n_at_risk"], strict=True):
        sizes.setdefault((choice, group), at_risk)
    options = tuple(
        (one, f"{published.in_words(one)}: {sizes.get((one, 'high'), 0)} high, {sizes.get((one, 'low'), 0)} low")
        for one in dict.fromkeys(found["patients"])
    )
    return Figure(
        ident=f"strata-km-{gene}",
        title=f"Kaplan-Meier curves of {gene}, all patients and strata",
        caption="Patients above the median expression of their stratum against the rest, with 95 % bands.",
        alternative=f"Survival curves of {gene} in all patients and in strata. "
        + "; ".join(label for _, label in options),
        columns=curve_columns(found, "patients", "expression_group"),
        traces=step_curves("expression_group", (("high", "high expression"), ("low", "low expression"))),
        layout={
            "xaxis": axis("months", rangemode="tozero"),
            "yaxis": axis("survival", range=[0, 1.02], tickformat=".0%"),
        },
        height=420,
        selectors=(Selector("patients", "Patients", options),),
        n="; ".join(label for _, label in options),
        method="Kaplan-Meier, 95 % limits by the log transform; groups split at the median of the stratum",
        tables=[(name, published.stamp(name)["data_version"]) for name in (ALL_CURVES, CURVES)],
        sql=sql,
    )


def stratum_forest(published: Published, gene: str, rows: list[dict[str, Any]]) -> Figure | None:
    """Hazard ratios of a gene in all patients and in every stratum."""
    shown = [row for row in rows if row["hazard_ratio_per_sd"] and row["ci_lower_per_sd"] and row["ci_upper_per_sd"]]
    if not any(row["stratum_id"] != told.ALL_PATIENTS for row in shown):
        return None
    shown.reverse()
    columns = {
        "patients": [published.in_words(f"{row['cohort_id']} {row['endpoint']}, {row['title']}") for row in shown],
        "n": [row["n"] for row in shown],
        "events": [row["events"] for row in shown],
        "hazard_ratio": [row["hazard_ratio_per_sd"] for row in shown],
        "above": [row["ci_upper_per_sd"] - row["hazard_ratio_per_sd"] for row in shown],
        "below": [row["hazard_ratio_per_sd"] - row["ci_lower_per_sd"] for row in shown],
        "test": [f"{row['n']} patients, {row['events']} events; p {number(row['p_value'])}" for row in shown],
    }
    bounds = [math.log10(row[name]) for row in shown for name in ("ci_lower_per_sd", "ci_upper_per_sd")]
    trace, layout = hazard_ratio_forest("patients", bounds, marker_size=9)
    said = "; ".join(
        f"{name}: {number(ratio)}" for name, ratio in zip(columns["patients"], columns["hazard_ratio"], strict=True)
    )
    return Figure(
        ident="strata",
        title=f"Hazard ratio of {gene} per standard deviation, all patients and strata",
        caption="95 % intervals. A stratum below its declared minimum is not drawn; the table says why.",
        alternative=f"Forest plot. {said}.",
        columns=columns,
        traces=[trace],
        layout=layout,
        height=110 + 26 * len(shown),
        n=f"{min(columns['n'])} to {max(columns['n'])} patients",
        method=rows[0]["method"],
        tables=[(name, published.stamp(name)["data_version"]) for name in (told.SCREEN, told.STRATUM_SURVIVAL)],
        sql=f"SELECT * FROM {told.STRATUM_SURVIVAL} WHERE hgnc_symbol = {literal(gene)}",
    )


_HAZARDS = [
    Heading("cohort_id", "Cohort"),
    Heading("endpoint", "Endpoint"),
    Heading("title", "Patients"),
    Heading("n", "n", None, True),
    Heading("events", "Events", None, True),
    Heading("hazard_ratio_per_sd", "HR per SD", None, True),
    Heading("interval", "95 % CI", None, True),
    Heading("p_value", "p", "likelihood ratio", True),
    Heading("q_value_bh", "q (BH)", "over the genes", True),
    Heading("note", "Note"),
]
_CUTS = [
    Heading("cohort_id", "Cohort"),
    Heading("endpoint", "Endpoint"),
    Heading("title", "Patients"),
    Heading("n", "n", None, True),
    Heading("events", "Events", None, True),
    Heading("split", "High / low", None, True),
    Heading("cut_point", "Cut", "the high group is above it", True),
    Heading("p_corrected", "p corrected", "for the search", True),
    Heading("q_value_bh", "q (BH)", "over the genes", True),
    Heading("fit_note", "Note"),
]
_TERMS = [
    Heading("cohort_id", "Cohort"),
    Heading("endpoint", "Endpoint"),
    Heading("title", "Patients"),
    Heading("model_id", "Model"),
    Heading("n", "n", None, True),
    Heading("events", "Events", None, True),
    Heading("hazard_ratio", "HR", "per unit of expression", True),
    Heading("interval", "95 % CI", None, True),
    Heading("p_likelihood_ratio", "p", "likelihood ratio", True),
    Heading("warning", "Warning"),
]
