"""Pages of dose-response studies: curves with their points, intervals and verdicts, fold changes, knock-downs."""

from __future__ import annotations

from typing import Any

from resistance_assets.report.explain.text import knock_down_line, number, span
from resistance_assets.report.figures import Figure, Selector, axis, line_at, log_axis
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

TITLE = "viability by dose of a drug"
CURVES = "core.dose_response__curves"
POINTS = "core.dose_response__points"
FOLD_CHANGES = "core.dose_response__fold_changes"
KNOCK_DOWNS = "core.dose_response__knock_downs"
GR_METRICS = "core.dose_response__gr_metrics"
MOST_DRAWN = 120
"""Curves that a page draws: more are in the tables, whose CSV holds all of them."""
MOST_OF_FOREST = 60
VERDICT_WORDS = {
    "estimated": "estimated",
    "ic50_above_highest_dose": "IC50 above the highest dose",
    "ic50_below_lowest_dose": "IC50 below the lowest dose",
    "ic50_bracketed": "IC50 between two doses",
    "no_effect": "no effect",
    "no_inhibition": "no inhibition",
    "refused_too_few_doses": "too few doses",
}
ROLES = ("down", "up", "third", "fourth", "marked", "none")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross")


def find_studies(published: Published) -> list[BenchStudy]:
    """Studies of this kind."""
    return studies_of(published, CURVES)


def study_page(published: Published, study: BenchStudy, gene_pages: frozenset[str] = frozenset()) -> Page:
    """The page of one study."""
    study_id = study.id
    page = Page(study.path, study.title)
    rows = _curves(published, study_id)
    verdicts: dict[str, int] = {}
    for row in rows:
        verdicts[row["verdict"]] = verdicts.get(row["verdict"], 0) + 1
    told = ", ".join(f"{count} {VERDICT_WORDS[name]}" for name, count in sorted(verdicts.items()))
    add_facts(published, page, study, [("Curves", len(rows)), ("Verdicts", told)])
    page.paragraph(
        "EC50 is relative: the dose at half of a curve's own fall. IC50 is absolute: the dose at 50 % viability. A "
        "curve that does not reach 50 % inside the doses has a bound (> the highest dose) and no number."
    )
    if figure := curve_figure(published, study_id):
        page.figure(figure)
    if figure := interval_figure(published, study_id, rows):
        page.figure(figure)
    page.add(_curve_table(rows))
    _fold_changes(published, page, study_id)
    _knock_downs(published, page, study_id)
    _growth(published, page, study_id)
    add_notes(published, page, study)
    add_rejected(published, page, study)
    return page


def _curves(published: Published, study_id: str) -> list[dict[str, Any]]:
    return published.rows(
        f"SELECT * FROM {CURVES} WHERE study_id = {literal(study_id)} AND is_primary"
        " ORDER BY drug, condition, cell_line"
    )


def curve_figure(published: Published, study_id: str) -> Figure | None:
    """Points of every replicate and the curve through them, a drug and a condition at a time, lines by colour."""
    sql = f"""WITH drawn AS (
    SELECT * FROM {CURVES} WHERE study_id = {literal(study_id)} AND is_primary
    ORDER BY drug, condition, cell_line LIMIT {MOST_DRAWN}
), steps AS (
    SELECT drawn.curve_id, lower, upper, hill, ln_ec50,
        min_dose_um * pow(max_dose_um / min_dose_um, step.place / 40.0) AS dose_um
    FROM drawn, range(41) AS step(place)
    WHERE hill IS NOT NULL AND ln_ec50 IS NOT NULL
), lines AS (
    SELECT curve_id, dose_um, lower + (upper - lower) / (1 + pow(dose_um / exp(ln_ec50), hill)) AS viability_percent
    FROM steps
    UNION ALL
    SELECT curve_id, dose_um, any_value(fitted_percent) FROM {POINTS}
    WHERE study_id = {literal(study_id)} AND dose_um > 0 AND fitted_percent IS NOT NULL
        AND curve_id IN (SELECT curve_id FROM drawn WHERE hill IS NULL OR ln_ec50 IS NULL)
    GROUP BY curve_id, dose_um
)
SELECT drawn.drug || ', ' || drawn.condition AS drug_and_condition, drawn.cell_line, 'point' AS what, p.replicate,
    p.dose_um, p.viability_percent
FROM {POINTS} AS p INNER JOIN drawn ON drawn.curve_id = p.curve_id
WHERE p.study_id = {literal(study_id)} AND p.dose_um > 0
UNION ALL
SELECT drawn.drug || ', ' || drawn.condition, drawn.cell_line, 'curve', NULL, lines.dose_um, lines.viability_percent
FROM lines INNER JOIN drawn ON drawn.curve_id = lines.curve_id
ORDER BY ALL"""
    columns = published.columns(sql)
    if not columns["dose_um"]:
        return None
    shown = list(dict.fromkeys(columns["drug_and_condition"]))
    lines = list(dict.fromkeys(columns["cell_line"]))
    traces: list[dict[str, Any]] = []
    for at, line in enumerate(lines):
        color, symbol = f"@{ROLES[at % len(ROLES)]}", SYMBOLS[at % len(SYMBOLS)]
        traces += [
            {
                "type": "scatter", "mode": "markers", "name": line, "x": "$dose_um", "y": "$viability_percent",
                "legendgroup": line, "where": [["cell_line", line], ["what", "point"]],
                "marker": {"color": color, "symbol": symbol, "size": 8},
                "hovertemplate": f"{_plain(line)}<br>%{{x}} uM<br>%{{y:.1f}} %<extra></extra>",
            },
            {
                "type": "scatter", "mode": "lines", "x": "$dose_um", "y": "$viability_percent", "showlegend": False,
                "legendgroup": line, "where": [["cell_line", line], ["what", "curve"]], "hoverinfo": "skip",
                "line": {"color": color, "width": 2},
            },
        ]  # fmt: skip
    total = published.value(f"SELECT count(*) FROM {CURVES} WHERE study_id = {literal(study_id)} AND is_primary")
    left = f" The first {MOST_DRAWN} of {total:,} curves are drawn." if total > MOST_DRAWN else ""
    return Figure(
        ident="curves",
        title="Viability by dose",
        caption=(
            "One mark per independent replicate and dose; the curve is that of the study's model. Where slope and EC50 "
            f"are not fixed by the data, straight lines join the fitted values at the doses.{left}"
        ),
        alternative=(
            f"Dose-response curves of {', '.join(lines[:8])} under {len(shown)} drugs and conditions; the table below "
            "gives EC50, IC50 and verdict of each."
        ),
        columns=columns,
        traces=traces,
        layout={
            "xaxis": log_axis("dose (uM)", columns["dose_um"]),
            "yaxis": axis("viability (% of vehicle)", rangemode="tozero"),
            "shapes": [line_at(y=50.0)],
        },
        n=f"{total} curves; the replicates of each are in the CSV",
        method="least squares; ll3_top100 holds the upper limit at 100, ll4 fits both limits",
        tables=versions(published, CURVES, POINTS),
        sql=sql,
        selectors=(Selector("drug_and_condition", "Drug and condition", tuple((name, name) for name in shown)),),
    )


def _plain(text: str) -> str:
    """A name inside of a template of plotly, where braces and percent signs mean something."""
    return text.replace("%", "").replace("{", "(").replace("}", ")").replace("<", "(").replace(">", ")")


def interval_figure(published: Published, study_id: str, rows: list[dict[str, Any]]) -> Figure | None:
    """IC50 of every curve with its interval; a bound stands as an arrow at the dose that it names."""
    kept = [row for row in rows if row["verdict"] == "estimated" or row["verdict"].startswith("ic50_")]
    if not kept or len(kept) > MOST_OF_FOREST:
        return None
    sql = f"""SELECT curve_id AS curve, verdict, ic50_text,
    CASE verdict WHEN 'estimated' THEN ic50_um WHEN 'ic50_above_highest_dose' THEN max_dose_um
        WHEN 'ic50_bracketed' THEN sqrt(bracket_lower_um * bracket_upper_um) ELSE min_dose_um END AS ic50_or_bound_um,
    coalesce(ic50_um_lower, bracket_lower_um) AS from_um, coalesce(ic50_um_upper, bracket_upper_um) AS to_um,
    to_um - ic50_or_bound_um AS above, ic50_or_bound_um - from_um AS below
FROM {CURVES}
WHERE study_id = {literal(study_id)} AND is_primary AND (verdict = 'estimated' OR starts_with(verdict, 'ic50_'))
ORDER BY drug DESC, condition DESC, cell_line DESC"""
    columns = published.columns(sql)
    marks = (
        ("estimated", "IC50 with 95 % interval", "down", "circle"),
        ("ic50_above_highest_dose", "above the highest dose", "up", "triangle-right"),
        ("ic50_below_lowest_dose", "below the lowest dose", "third", "triangle-left"),
        ("ic50_bracketed", "between two doses", "fourth", "line-ns-open"),
    )
    said = "; ".join(f"{row['curve_id']}: {row['ic50_text']}" for row in kept)
    left = len(rows) - len(kept)
    without = f" {left} curves have neither: no effect, no inhibition, or too few doses." if left else ""
    is_open = any(row["interval_is_open"] and row["verdict"] == "estimated" for row in kept)
    unbounded = " A bar on one side alone is an interval without an upper limit." if is_open else ""
    return Figure(
        ident="ic50",
        title="IC50 of every curve",
        caption=(
            "Dose at 50 % viability. Triangles are bounds: the curve does not cross 50 % inside the doses."
            f"{unbounded}{without}"
        ),
        alternative=f"IC50 in uM. {said}.",
        columns=columns,
        traces=[
            {
                "type": "scatter", "mode": "markers", "name": name, "x": "$ic50_or_bound_um", "y": "$curve",
                "where": [["verdict", verdict]], "marker": {"color": f"@{role}", "symbol": symbol, "size": 10},
                "error_x": {
                    "type": "data", "symmetric": False, "array": "$above", "arrayminus": "$below",
                    "color": f"@{role}", "thickness": 2,
                },
                "hovertemplate": "<b>%{y}</b><br>%{x:.3g} uM<extra></extra>",
            }
            for verdict, name, role, symbol in marks
            if verdict in columns["verdict"]
        ],
        layout={
            "xaxis": log_axis("IC50 (uM)", [*columns["ic50_or_bound_um"], *columns["from_um"], *columns["to_um"]]),
            "yaxis": axis("", type="category", categoryorder="array", categoryarray=columns["curve"]),
        },
        height=130 + 26 * len(kept),
        n=f"{len(kept)} curves",
        method="profile likelihood (F with one degree of freedom); Wald on the logarithm where a profile cannot be had",
        tables=versions(published, CURVES),
        sql=sql,
    )  # fmt: skip


def _interval(row: dict[str, Any], what: str) -> str:
    """A 95 % interval; one whose upper limit is infinite says so."""
    low, high = row[f"{what}_um_lower"], row[f"{what}_um_upper"]
    return f"{number(low)} to no limit" if low is not None and high is None else span(low, high)


def _curve_table(rows: list[dict[str, Any]]) -> str:
    for row in rows:
        row["ic50_interval"] = _interval(row, "ic50") if row["ic50_um"] else None
        row["ec50_interval"] = _interval(row, "ec50") if row["ec50_um"] else None
        row["ic50_text_sort"] = row["ic50_um"]
        row["verdict"] = VERDICT_WORDS[row["verdict"]]
    headings = [
        Heading("cell_line", "Line"),
        Heading("condition", "Condition"),
        Heading("drug", "Drug"),
        Heading("ic50_text", "IC50 (uM)", "dose at 50 % viability, or a bound", True),
        Heading("ic50_interval", "95 % interval", "profile likelihood"),
        Heading("ec50_um", "EC50 (uM)", "dose at half of the curve's own fall", True),
        Heading("ec50_interval", "95 % interval", "profile likelihood"),
        Heading("hill", "Hill", None, True),
        Heading("auc_trapezoid", "AUC", "mean viability over the log doses, as a fraction", True),
        Heading("emax_percent", "Emax (%)", "viability at the highest dose", True),
        Heading("no_effect_p", "p, no effect", "F against a flat line", True),
        Heading("lack_of_fit_p", "p, lack of fit", None, True),
        Heading("n_replicates", "Replicates", None, True),
        Heading("verdict", "Verdict"),
        Heading("model", "Model"),
        Heading("note", "Note"),
    ]
    return table("Curves", headings, rows, filter_by=("cell_line", "drug"), most=300)


def _fold_changes(published: Published, page: Page, study_id: str) -> None:
    if not published.has(FOLD_CHANGES):
        return
    rows = published.rows(
        f"SELECT * FROM {FOLD_CHANGES} WHERE study_id = {literal(study_id)} AND is_primary"
        " ORDER BY drug, condition, measure, resistant"
    )
    if not rows:
        return
    for row in rows:
        row["lines"] = f"{row['resistant']} / {row['parental']}"
        row["measure"] = row["measure"].upper()
        row["welch_interval"] = span(row["welch_lower"], row["welch_upper"])
        row["within"] = span(row["curve_separate_lower"], row["curve_separate_upper"])
    page.heading("Resistant over parental line")
    page.paragraph(
        "What is tested are the fits of independent replicates. The interval of the two curves and the F test of one "
        "EC50 for both hold within one experiment and say nothing of another."
    )
    headings = [
        Heading("lines", "Lines"),
        Heading("condition", "Condition"),
        Heading("drug", "Drug"),
        Heading("measure", "Measure"),
        Heading("replicate_fold_change", "Fold", "ratio of the geometric means of the replicates", True),
        Heading("welch_interval", "95 % interval", "Welch, between replicates"),
        Heading("welch_p", "p (Welch)", None, True),
        Heading("paired_p", "p (paired)", "by replicate", True),
        Heading("fold_change_text", "Fold of the curves", "or its bound"),
        Heading("within", "95 % interval", "within one experiment"),
        Heading("shared_ec50_p", "p, one EC50 for both", "within one experiment", True),
        Heading("p_note", "Note"),
    ]
    page.add(table("Fold changes", headings, rows, filter_by=("measure",)))


def _knock_downs(published: Published, page: Page, study_id: str) -> None:
    if not published.has(KNOCK_DOWNS):
        return
    rows = published.rows(
        f"SELECT * FROM {KNOCK_DOWNS} WHERE study_id = {literal(study_id)} ORDER BY drug, condition, contrast DESC"
    )
    if not rows:
        return
    page.heading("Knock-downs")
    for row in rows:
        row["line"] = knock_down_line(row)
        row["interval"] = span(row["lower"], row["upper"])
    headings = [
        Heading("condition", "Knock-down"),
        Heading("gene", "Gene"),
        Heading("drug", "Drug"),
        Heading("line", "Line", "two lines: the interaction, resistant over parental"),
        Heading("ratio", "EC50 ratio", "over the control siRNA; below 1: sensitises", True),
        Heading("interval", "95 % interval"),
        Heading("p_value", "p", None, True),
        Heading("p_holm", "p (Holm)", "over the knock-downs of the contrast", True),
        Heading("p_note", "Note"),
    ]
    page.add(table("EC50 with a knock-down over EC50 with the control", headings, rows))


def _growth(published: Published, page: Page, study_id: str) -> None:
    if not published.has(GR_METRICS):
        return
    rows = published.rows(
        f"SELECT * FROM {GR_METRICS} WHERE study_id = {literal(study_id)} ORDER BY drug, condition, cell_line"
    )
    if not rows:
        return
    page.heading("Growth rates")
    headings = [
        Heading("cell_line", "Line"),
        Heading("condition", "Condition"),
        Heading("drug", "Drug"),
        Heading("gr50_text", "GR50 (uM)", "dose at half of the control's growth rate"),
        Heading("gr_max", "GRmax", "of the two highest doses; below 0: fewer cells than at the start", True),
        Heading("gr_aoc", "Area over the curve", None, True),
        Heading("h_gr", "Hill", None, True),
        Heading("p_sigmoid", "p, no effect", None, True),
    ]
    page.add(table("Growth-rate metrics", headings, rows))
