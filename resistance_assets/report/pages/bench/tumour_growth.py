"""Page of a study of tumour growth: every mouse with the model's lines, the waterfall of a day, who was lost."""

from __future__ import annotations

import math
from typing import Any

from resistance_assets.report.explain.text import number, span
from resistance_assets.report.figures import Figure, Selector, axis, line_at, log_axis
from resistance_assets.report.html import Heading, Page, table
from resistance_assets.report.pages.bench.studies import (
    COLOURS,
    DASHES,
    BenchStudy,
    add_notes,
    own_rows,
    plain_words,
    studies_of,
    versions,
)
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literal

TITLE = "tumour growth in mice"
TABLE = "core.tumour_growth__growth_rates"
VOLUMES = "core.tumour_growth__volumes"
MICE = "core.tumour_growth__mice"
CONTRASTS = "core.tumour_growth__contrasts"
COMPARED = "core.tumour_growth__treatment_to_control"
CURVES = "core.tumour_growth__time_to_event"
MART = "marts.tumour_growth"
NOT_AT_RANDOM = (
    "A mouse that was found dead or sacrificed for the size of its tumour is not missing at random: the mean of a late "
    "day is one of the mice that are left. The growth rates rest on every measurement of every mouse; of days, read "
    "the last one on which every arm still has all its mice."
)


MEASURE_WORDS = {
    "growth_rate_per_day": "growth rate per day",
    "random_slope_car1": "random slope, errors correlated over days",
    "auc_ln_relative_per_day": "area under ln relative volume per day",
    "auc_volume_per_day": "area under volume per day",
    "volume_mm3": "volume, mm3",
    "welch": "Welch's t",
    "tukey_of_one_day": "Tukey, volumes of one day",
    "log_rank_and_cox": "log-rank and Cox",
}


def find_studies(published: Published) -> list[BenchStudy]:
    """Studies of this kind."""
    return studies_of(published, TABLE)


def study_page(published: Published, study: BenchStudy, gene_pages: frozenset[str] = frozenset()) -> Page:
    """The page of one study."""
    page = Page(study.path, study.title)
    arms = own_rows(published, MART, study, "is_control DESC, interaction_per_day IS NOT NULL, arm")
    page.paragraph(NOT_AT_RANDOM)
    page.add(_arm_table(arms))
    page.heading("Every mouse, and the model's line per arm")
    page.figure(growth_figure(published, study, [row["arm"] for row in arms]))
    page.add(_at_risk_table(published, study, [row["arm"] for row in arms]))
    page.heading("Growth rates compared")
    page.add(_contrast_table(published, study))
    waterfall = waterfall_figure(published, study, [row["arm"] for row in arms])
    if waterfall is not None:
        page.heading("Change of every mouse's volume")
        page.figure(waterfall)
    page.heading("Treatment to control by day")
    page.add(_day_table(published, study))
    page.heading("Time to doubling")
    page.add(_doubling_table(published, study))
    page.heading("Mice")
    page.add(_mouse_table(published, study))
    page.fold("Other models and tests", [_other_table(published, study)])
    add_notes(published, page, study)
    return page


def _arm_table(arms: list[dict[str, Any]]) -> str:
    for row in arms:
        row["rate"] = number(row["rate_per_day"])
        row["rate_interval"] = span(row["rate_ci_lower"], row["rate_ci_upper"])
        row["difference_interval"] = span(row["rate_difference_ci_lower"], row["rate_difference_ci_upper"])
        limits = span(row["interaction_ci_lower"], row["interaction_ci_upper"])
        estimate = f"{number(row['interaction_per_day'])} ({limits}), p {number(row['interaction_p'])}"
        row["interaction"] = None if row["interaction_per_day"] is None else estimate
        row["doubling"] = number(row["doubling_days"]) if row["doubling_days"] else "no growth beyond doubt"
        row["left"] = (
            None if row["mice_on_asked_day"] is None else f"{row['mice_on_asked_day']} of {row['mice_started']}"
        )
    headings = [
        Heading("arm", "Arm"),
        Heading("mice_started", "Mice", "that started", True),
        Heading("mice_lost_for_size", "For size", "sacrificed at the volume limit", True),
        Heading("mice_found_dead", "Found dead", None, True),
        Heading("mice_with_toxic_weight_loss", "Toxic", "lost the weight that counts as toxicity", True),
        Heading("mice_in_complete_regression", "Regressed", "a volume of 0", True),
        Heading("rate", "Growth per day", "of ln volume", True),
        Heading("rate_interval", "95 % CI"),
        Heading("doubling", "Doubling, days", "only where the tumour grows beyond doubt"),
        Heading("rate_difference_per_day", "Against control", "difference of growth rates", True),
        Heading("difference_interval", "95 % CI"),
        Heading("rate_difference_p", "p", "Satterthwaite's t", True),
        Heading("rate_difference_p_holm", "p (Holm)", "over the differences of the study", True),
        Heading("interaction", "Interaction", "combination - A - B + control; below 0: more than additive"),
        Heading("tc_percent_last_complete_day", "T/C %", "geometric, last day with all mice", True),
        Heading("tc_percent_asked_day", "T/C % on the day asked", "of the mice that are left", True),
        Heading("left", "Left on it"),
        Heading("rate_note", "Note"),
    ]
    return table("Arms", headings, arms)


def growth_figure(published: Published, study: BenchStudy, arms: list[str]) -> Figure:
    """Volume of every mouse by day on a log axis, and the fitted line of every arm."""
    sql = f"""SELECT mouse_id, arm, day, volume_mm3 FROM {VOLUMES}
WHERE study_id = {literal(study.id)} ORDER BY arm, mouse_id, day"""
    found = published.columns(sql)
    lines = own_rows(published, TABLE, study, "arm", "role = 'primary'")
    last = {arm: max(d for a, d in zip(found["arm"], found["day"], strict=True) if a == arm) for arm in arms}
    first = min(found["day"])
    columns = {**found, "series": [f"mouse {name}" for name in found["mouse_id"]]}
    for row in lines:
        if row["ln_volume_at_day_0"] is None:
            continue
        for day in (first, last[row["arm"]]):
            columns["mouse_id"].append(None)
            columns["arm"].append(row["arm"])
            columns["day"].append(day)
            columns["volume_mm3"].append(math.exp(row["ln_volume_at_day_0"] + row["rate_per_day"] * day))
            columns["series"].append(f"line of {row['arm']}")
    at = {arm: place % len(COLOURS) for place, arm in enumerate(arms)}
    traces: list[dict[str, Any]] = []
    drawn_lines = any(row["ln_volume_at_day_0"] is not None for row in lines)
    named: set[str] = set()
    mice = list(dict.fromkeys(zip(found["arm"], columns["series"], strict=True)))
    for arm, series in mice:
        if series.startswith("line of "):
            continue
        traces.append(
            {
                "type": "scatter", "mode": "lines", "x": "$day", "y": "$volume_mm3", "where": [["series", series]],
                "name": series if drawn_lines else arm, "opacity": 0.45, "legendgroup": arm,
                "showlegend": not drawn_lines and arm not in named,
                "line": {"color": COLOURS[at[arm]], "width": 1},
                "hovertemplate": f"{series}<br>day %{{x}}<br>%{{y:.0f}} mm3<extra></extra>",
            }
        )  # fmt: skip
        named.add(arm)
    traces.extend(
            {
                "type": "scatter", "mode": "lines", "x": "$day", "y": "$volume_mm3",
                "where": [["series", f"line of {arm}"]], "name": arm,
                "line": {"color": COLOURS[at[arm]], "width": 3, "dash": DASHES[at[arm] % len(DASHES)]},
                "hovertemplate": f"{arm}<br>day %{{x}}<br>fitted %{{y:.0f}} mm3<extra></extra>",
            }
        for arm in arms
        if drawn_lines
    )  # fmt: skip
    zeros = sum(1 for volume in found["volume_mm3"] if volume == 0)
    gone = f" {zeros} volumes of 0 cannot be drawn on a log axis." if zeros else ""
    said = "; ".join(f"{row['arm']} {number(row['rate_per_day'])} per day" for row in lines)
    model = lines[0]["model"].replace("_", " ") if lines else "none"
    return Figure(
        ident="growth",
        title="Volume of every mouse, with the line of the growth rate of its arm",
        caption=(
            f"Thin: mice; thick: the model ({model}). A line that ends early is a mouse that was lost.{gone}"
            if drawn_lines
            else f"A line per mouse; growth rates are means over tumours and have no line of their own.{gone}"
        ),
        alternative=f"Line chart of tumour volumes by day on a log axis, a line per mouse. Growth rates: {said}.",
        columns=columns,
        traces=traces,
        layout={
            "xaxis": axis("day"),
            "yaxis": log_axis("volume, mm³ (log scale)", columns["volume_mm3"]),
            "hovermode": "closest",
        },
        n="; ".join(f"{row['arm']}: {row['n_mice']} mice, {row['n_measurements']} volumes above 0" for row in lines),
        method=f"{model}: ln volume ~ day x arm, REML; Satterthwaite's t"
        if drawn_lines
        else f"{model}: least-squares slopes of mice, t over tumours or mice",
        tables=versions(published, VOLUMES, TABLE),
        sql=sql,
        height=480,
    )


def _at_risk_table(published: Published, study: BenchStudy, arms: list[str]) -> str:
    rows = published.rows(
        f"SELECT arm, day, count(*) AS mice FROM {VOLUMES} WHERE study_id = {literal(study.id)} GROUP BY ALL "
        "ORDER BY ALL"
    )
    days = sorted({row["day"] for row in rows})
    counts: dict[str, dict[str, Any]] = {arm: {"arm": arm} for arm in arms}
    for row in rows:
        counts[row["arm"]][f"d{row['day']:g}"] = row["mice"]
    # Days of models of patients differ from mouse to mouse: then a table by day says nothing.
    if len(days) > 40:
        days = [day for day in days if sum(row["day"] == day for row in rows) == len(counts)][:40]
    headings = [Heading("arm", "Arm"), *(Heading(f"d{day:g}", f"{day:g}", f"day {day:g}", True) for day in days)]
    return table("Mice measured on each day (at risk)", headings, counts.values())


def _contrast_table(published: Published, study: BenchStudy) -> str:
    rows = own_rows(published, CONTRASTS, study, "kind, numerator, denominator", "role = 'primary'")
    return table("Growth rates compared, by the model to read", _contrast_headings(), _contrast_rows(rows))


def _other_table(published: Published, study: BenchStudy) -> str:
    rows = own_rows(published, CONTRASTS, study, "measure, method, kind, numerator, denominator", "role <> 'primary'")
    return table("Every other comparison", _contrast_headings(), _contrast_rows(rows), filter_by=("measure", "method"))


def _contrast_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for row in rows:
        row["interval"] = span(row["ci_lower"], row["ci_upper"])
        row["hazard"] = (
            None
            if row["hazard_ratio"] is None
            else f"{number(row['hazard_ratio'])} ({span(row['hazard_ratio_ci_lower'], row['hazard_ratio_ci_upper'])})"
        )
        sizes = (row["n_numerator"], row["n_denominator"])
        row["n"] = None if None in sizes else f"{sizes[0]} v {sizes[1]}"
        row["measure"], row["method"] = (
            MEASURE_WORDS.get(row[key], plain_words(row[key])) for key in ("measure", "method")
        )
        row["role"] = {"not_valid": "not valid: takes measurements of a mouse for independent",
                       "as_published": "rule of papers"}.get(row["role"], row["role"])  # fmt: skip
    return rows


def _contrast_headings() -> list[Heading]:
    return [
        Heading("measure", "Measure"),
        Heading("method", "Method"),
        Heading("kind", "What"),
        Heading("numerator", "Arm"),
        Heading("denominator", "Against"),
        Heading("n", "Mice", "or tumours, where arms are compared within tumours"),
        Heading("estimate", "Estimate", "difference in the measure's unit, or ln hazard ratio", True),
        Heading("interval", "95 % CI"),
        Heading("hazard", "Hazard ratio"),
        Heading("degrees_of_freedom", "df", None, True),
        Heading("p_value", "p", None, True),
        Heading("p_value_holm", "p (Holm)", None, True),
        Heading("p_wilcoxon", "p (Wilcoxon)", None, True),
        Heading("role", "Read as"),
        Heading("p_note", "Note"),
    ]


def waterfall_figure(published: Published, study: BenchStudy, arms: list[str]) -> Figure | None:
    """Change of volume of every mouse against its first, sorted, on the last complete day and on the day asked."""
    sql = f"""SELECT v.mouse_id, v.arm, v.day, d.day_role, 100 * (v.relative_volume - 1) AS change_percent, m.end_reason
FROM {VOLUMES} AS v
INNER JOIN (SELECT DISTINCT study_id, day, day_role FROM {COMPARED} WHERE day_role IS NOT NULL) AS d
    ON d.study_id = v.study_id AND d.day = v.day
INNER JOIN {MICE} AS m ON m.study_id = v.study_id AND m.mouse_id = v.mouse_id
WHERE v.study_id = {literal(study.id)} AND v.relative_volume IS NOT NULL
ORDER BY d.day_role DESC, change_percent DESC, v.mouse_id"""
    found = published.columns(sql)
    if not found["mouse_id"]:
        return None
    days = dict(zip(found["day_role"], found["day"], strict=True))
    words = {"last_complete": "last day with all mice", "asked": "day asked"}
    counted = {role: found["day_role"].count(role) for role in days}
    options = tuple(
        (role, f"day {days[role]:g}, {words[role]} ({counted[role]} mice)") for role in ("last_complete", "asked")
        if role in days
    )  # fmt: skip
    return Figure(
        ident="waterfall",
        title="Change of volume against the first day",
        caption="A bar per mouse, the largest growth first; colours and the order of the legend tell the arms.",
        alternative=f"Bar chart of the change of volume of {counted[options[0][0]]} mice, {options[0][1]}.",
        columns=found,
        traces=[
            {
                "type": "bar", "x": "$mouse_id", "y": "$change_percent", "where": [["arm", arm]], "name": arm,
                "marker": {"color": COLOURS[place % len(COLOURS)]}, "customdata": "$end_reason",
                "hovertemplate": f"%{{x}}, {arm}<br>%{{y:.0f}} %<br>ended: %{{customdata}}<extra></extra>",
            }
            for place, arm in enumerate(arms)
        ],
        layout={
            "xaxis": axis("mouse", type="category", categoryorder="total descending"),
            "yaxis": axis("change of volume, %"),
            "shapes": [line_at(y=0, dash="solid"), line_at(y=100)],
        },
        selectors=(Selector("day_role", "Day", options),),
        n="; ".join(label for _, label in options),
        method="volume over the mouse's first volume; mice that were lost before a day are not on it",
        tables=versions(published, VOLUMES, COMPARED, MICE),
        sql=sql,
    )  # fmt: skip


def _day_table(published: Published, study: BenchStudy) -> str:
    rows = own_rows(published, COMPARED, study, "day_role IS NULL, day_role DESC, arm, day")
    for row in rows:
        row["treated"] = f"{row['n_treated']} of {row['treated_started']}"
        row["control"] = f"{row['n_control']} of {row['control_started']}"
        row["interval"] = span(row["tc_geometric_lower"], row["tc_geometric_upper"])
        row["read"] = {"last_complete": "last day with all mice", "asked": "day asked"}.get(row["day_role"])
    headings = [
        Heading("arm", "Arm"),
        Heading("day", "Day", None, True),
        Heading("read", "Which day"),
        Heading("treated", "Treated left"),
        Heading("control", "Control left"),
        Heading("tc_percent_geometric", "T/C %", "geometric means of relative volumes", True),
        Heading("interval", "95 % CI"),
        Heading("tc_geometric_p", "p", "Welch on the log scale", True),
        Heading("tc_percent_mean_volume", "T/C % of means", None, True),
        Heading("tgi_percent", "TGI %", "100 (1 - change of treated / change of control)", True),
        Heading("tgi_standard_error", "SE", None, True),
        Heading("zero_volumes_left_out", "Zeros", "left out of the geometric mean", True),
        Heading("p_note", "Note"),
    ]
    return table("T/C and growth inhibition, days to read first", headings, rows, most=12)


def _doubling_table(published: Published, study: BenchStudy) -> str:
    rows = published.rows(
        f"SELECT DISTINCT event, arm, n_mice, n_events, median_days, median_ci_lower, median_ci_upper FROM {CURVES} "
        f"WHERE study_id = {literal(study.id)} ORDER BY event, arm"
    )
    for row in rows:
        row["interval"] = span(row["median_ci_lower"], row["median_ci_upper"])
    headings = [
        Heading("event", "Event"),
        Heading("arm", "Arm"),
        Heading("n_mice", "Mice", None, True),
        Heading("n_events", "Reached it", None, True),
        Heading("median_days", "Median days", "Kaplan-Meier; empty where half have not reached it", True),
        Heading("interval", "95 % CI", "log-log"),
    ]
    return table("Days to twice and four times the first volume", headings, rows)


def _mouse_table(published: Published, study: BenchStudy) -> str:
    rows = own_rows(published, MICE, study, "arm, mouse_id")
    for row in rows:
        row["doubled"] = (
            f"day {number(row['doubling_day'])}"
            if row["doubling_event"]
            else (f"not by day {number(row['doubling_day'])}")
        )
        row["ended"] = row["end_reason"].replace("_", " ")
        row["regressed"] = "yes" if row["complete_regression"] else None
        row["toxic"] = "yes" if row["is_toxic_weight_loss"] else None
    headings = [
        Heading("mouse_id", "Mouse"),
        Heading("arm", "Arm"),
        Heading("n_measurements", "Measurements", None, True),
        Heading("last_day", "Last day", None, True),
        Heading("ended", "Ended"),
        Heading("slope_per_day", "Slope per day", "of ln volume", True),
        Heading("doubled", "Doubled"),
        Heading("best_relative_volume", "Smallest relative volume", None, True),
        Heading("regressed", "Complete regression"),
        Heading("max_weight_loss_percent", "Largest loss of weight, %", None, True),
        Heading("toxic", "Toxic"),
    ]
    return table("What each mouse went through", headings, rows, filter_by=("arm", "ended"))
