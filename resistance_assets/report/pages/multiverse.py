"""Every specification of an analysis whose text allows several: a page per multiverse and dataset.

The specification curve is that of Simonsohn et al. 2020, Nat Hum Behav 4:1208.
"""

from __future__ import annotations

from typing import Any

from resistance_assets.report.explain.text import number
from resistance_assets.report.figures import Figure, axis
from resistance_assets.report.html import Heading, Page, facts, link, table
from resistance_assets.report.paths import multiverse_path
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literal

READINGS = "core.multiverse__readings"
CHOICES = "core.multiverse__choices"
SUMMARY = "core.multiverse__summary"
MEMBERS = "core.multiverse__members"
# What a specification may give beside its estimate, with what it is called; drawn below the estimate where it is there.
COUNTS = {
    "n_in_list": "genes on the cancer gene list",
    "n_kept": "genes that pass the filter",
    "n_responsive": "genes that respond",
}
NAMES = {**COUNTS, "n_responsive_down": "genes that fall"}
MARKS = (("yes", "holds", "up", "triangle-up"), ("no", "does not hold", "down", "circle"))
PANEL_HEIGHT = 190
ROW_HEIGHT = 19
MOST_MEMBERS = 300


def summaries(published: Published) -> list[dict[str, Any]]:
    """Multiverses of the release, one row per dataset that supports them."""
    if not published.filled(SUMMARY):
        return []
    return published.rows(f"SELECT * FROM {SUMMARY} ORDER BY paper_id, multiverse_id, dataset_id")


def multiverse_pages(published: Published) -> list[Page]:
    """One page per multiverse and dataset."""
    return [_page(published, row) for row in summaries(published)]


def multiverse_table(published: Published, root: str = "") -> str:
    """The multiverses with the share of specifications in which the conclusion holds, each with a link to its page."""
    rows = [
        {
            **row,
            "name": link(root + multiverse_path(row["multiverse_id"], row["dataset_id"]), row["title"]),
            "held": _held(row),
        }
        for row in summaries(published)
    ]
    headings = [
        Heading("name", "Analysis"),
        Heading("dataset_id", "Data"),
        Heading("conclusion", "Conclusion"),
        Heading("n_computed", "Specifications", "that could be computed", True),
        Heading("held", "It holds in", "of these; a share of specifications is no probability"),
        Heading("estimate_lowest", "Lowest", "estimate of any specification", True),
        Heading("estimate_median", "Median", None, True),
        Heading("estimate_highest", "Highest", None, True),
        Heading("published", "Published"),
        Heading("nearest_reading", "Nearest specification"),
    ]
    return table("Analyses whose text allows several specifications", headings, rows, is_searchable=False)


def _held(summary: dict[str, Any]) -> str | None:
    share = summary["share_conclusion_holds"]
    return None if share is None else f"{round(share * summary['n_computed'])} of {summary['n_computed']} ({share:.0%})"


def published_numbers(summary: dict[str, Any]) -> dict[str, float]:
    """`n_kept=357, n_in_list=127` as numbers by name."""
    parts = (part.partition("=") for part in (summary["published"] or "").split(", ") if part)
    return {name: float(value) for name, _, value in parts}


def _page(published: Published, summary: dict[str, Any]) -> Page:
    multiverse, dataset = summary["multiverse_id"], summary["dataset_id"]
    page = Page(multiverse_path(multiverse, dataset), summary["title"])
    paper = published.citation(summary["paper_id"])
    page.paragraph(
        f"The text of {paper} allows several specifications. Every combination of the open choices "
        f"was computed on {published.titles.get(dataset, dataset)}. The specifications share their data and most of "
        "their choices, so their share is no probability, and the nearest one is not thereby the true one."
    )
    nearest = summary["nearest_reading"]
    about = [
        ("Conclusion", summary["conclusion"]),
        ("It holds in", _held(summary)),
        ("Specifications, declared", summary["n_readings"]),
        ("Estimate, lowest to highest", _range(summary)),
        ("Published", _published_text(summary)),
        ("Nearest specification", nearest or "no number was published to measure a distance to"),
        ("Its distance", summary["distance_smallest"]),
        ("Specifications as near", summary["n_nearest"] or None),
        ("Choices that the numbers leave open", summary["undecided_axes"] or ("none" if nearest else None)),
    ]
    page.add(facts([(name, value) for name, value in about if value is not None]))
    if figure := specification_curve(published, summary):
        page.figure(figure)
    page.heading("What each choice does")
    page.add(_choice_table(published, multiverse, dataset))
    page.heading("Every specification")
    page.add(_reading_table(published, multiverse, dataset))
    _members(published, page, multiverse, dataset)
    return page


def _range(summary: dict[str, Any]) -> str | None:
    low, high = summary["estimate_lowest"], summary["estimate_highest"]
    return None if low is None else f"{number(low)} to {number(high)}"


def _published_text(summary: dict[str, Any]) -> str:
    said = [f"{number(value)} {NAMES.get(name, name)}" for name, value in published_numbers(summary).items()]
    return ", ".join(said) or "a direction, no number"


def specification_curve(published: Published, summary: dict[str, Any]) -> Figure | None:
    """Specifications in the order of their estimates, above the choices that make them."""
    sql = _specifications_sql(summary)
    found = published.columns(sql)
    if not found["place"]:
        return None
    levels = _choice_levels(published, summary, found)
    columns = _curve_columns(found, levels)
    panels = [name for name in COUNTS if name in columns] or ["estimate"]
    depth = ROW_HEIGHT * (max(levels.values()) + 1)
    height = PANEL_HEIGHT * len(panels) + depth + 110
    bottom = (depth + 10) / height
    said = published_numbers(summary)
    layout = _curve_layout(found, levels, bottom)
    traces: list[dict[str, Any]] = []
    share = (1 - bottom) / len(panels)
    size = 6 if len(set(found["place"])) <= 120 else 4
    for at, name in enumerate(panels, 2):
        top = 1 - share * (at - 2)
        _add_panel(layout, name, at, (top - share + 0.05, top), 1.0 if name == "estimate" else said.get(name))
        traces += _panel_traces(columns, name, at, size)
    traces += [
        {
            "type": "scatter", "mode": "markers", "x": "$place", "y": "$level", "where": [["holds", value]],
            "showlegend": False, "hoverinfo": "skip", "legendgroup": value,
            "marker": {"color": f"@{role}", "symbol": "square", "size": size},
        }
        for value, _, role, _ in MARKS
    ]  # fmt: skip
    held = _held(summary)
    return Figure(
        ident="specification-curve",
        title="Specification curve",
        caption=(
            f"Each column is one specification: above what it gives, below the choices that make it. "
            f"{summary['conclusion'][0].upper()}{summary['conclusion'][1:]}: this holds in {held}."
        ),
        alternative=(
            f"Specification curve of {len(set(found['place']))} specifications. The estimate runs from "
            f"{number(min(found['estimate']))} to {number(max(found['estimate']))}. The conclusion, "
            f"{summary['conclusion']}, holds in {held}. Nearest to what was published: "
            f"{summary['nearest_reading'] or 'none, since no number was published'}."
        ),
        columns=columns,
        traces=traces,
        layout=layout,
        height=round(height),
        least_width=760,
        n=_patients(found) or f"{_span(found['n'])} genes that reach the floor, by specification",
        method=(
            "every combination of the declared choices; distance: root of the summed squared log ratios to the "
            "published counts"
        ),
        tables=[(name, published.stamp(name)["data_version"]) for name in (READINGS, CHOICES)],
        sql=sql,
    )


def _specifications_sql(summary: dict[str, Any]) -> str:
    return f"""SELECT dense_rank() OVER (
        ORDER BY r.estimate, r.n_kept NULLS FIRST, r.n_responsive NULLS FIRST, r.reading_number
    ) AS place, r.reading_number, r.reading, c.axis, c.choice, c.choice_number, r.estimate, r.ci_lower, r.ci_upper,
    r.p_value, r.n, r.events, r.n_in_list, r.n_kept, r.n_responsive, r.distance, r.is_nearest,
    CASE WHEN r.conclusion_holds THEN 'yes' ELSE 'no' END AS holds
FROM {READINGS} AS r
INNER JOIN {CHOICES} AS c USING (multiverse_id, dataset_id, reading)
WHERE r.multiverse_id = {literal(summary["multiverse_id"])} AND r.dataset_id = {literal(summary["dataset_id"])}
    AND r.estimate IS NOT NULL AND r.conclusion_holds IS NOT NULL
ORDER BY place, c.axis, c.choice_number"""


def _choice_levels(
    published: Published, summary: dict[str, Any], found: dict[str, list[Any]]
) -> dict[tuple[str, str], float]:
    """Axis and choice -> height of its row below the curve."""
    axes = [part.partition("=")[0] for part in found["reading"][0].split(", ")]
    order = published.rows(
        f"SELECT DISTINCT axis, choice, choice_number FROM {CHOICES} WHERE multiverse_id = ? AND dataset_id = ?",
        [summary["multiverse_id"], summary["dataset_id"]],
    )
    order.sort(key=lambda row: (axes.index(row["axis"]), row["choice_number"]))
    return _levels(order, axes)


def _curve_columns(found: dict[str, list[Any]], levels: dict[tuple[str, str], float]) -> dict[str, list[Any]]:
    """What the figure draws from: the columns that hold anything, and those that only the drawing needs."""
    first = found["reading"][0].partition("=")[0]
    empty = [name for name, values in found.items() if all(value is None for value in values)]
    columns = {name: values for name, values in found.items() if name not in empty}
    columns["level"] = [levels[one] for one in zip(found["axis"], found["choice"], strict=True)]
    # A specification has a row per axis; its estimate is drawn once.
    columns["once"] = [name == first for name in found["axis"]]
    columns["standing"] = [
        "plain" if at == 1 else "nearest" if near else "other"
        for at, near in zip(found["reading_number"], found["is_nearest"], strict=True)
    ]
    if "ci_lower" in columns:
        columns["above"] = _apart(found["ci_upper"], found["estimate"])
        columns["below"] = _apart(found["estimate"], found["ci_lower"])
    return columns


def _curve_layout(found: dict[str, list[Any]], levels: dict[tuple[str, str], float], bottom: float) -> dict[str, Any]:
    """The common x axis and the rows of the choices; `bottom` is the share of the height that these take."""
    return {
        "xaxis": axis(
            "specifications, from the lowest to the highest estimate", anchor="y", showgrid=False, zeroline=False,
            range=[0.5 - 0.01 * max(found["place"]), max(found["place"]) * 1.01 + 0.5],
        ),
        "yaxis": axis(
            "", domain=[0, bottom], tickvals=list(levels.values()),
            ticktext=[f"{name.replace('_', ' ')}: {choice.replace('_', ' ')}" for name, choice in levels],
            tickfont={"size": 10}, showgrid=False, zeroline=False,
            range=[max(levels.values()) + 0.7, -0.7],
        ),
        "shapes": [],
    }  # fmt: skip


def _add_panel(layout: dict[str, Any], name: str, at: int, domain: tuple[float, float], mark: float | None) -> None:
    """The y axis of one panel, and a dashed line at no effect or at the published count."""
    ratio = name == "estimate"
    layout[f"yaxis{at}"] = axis(
        "hazard ratio" if ratio else COUNTS[name].replace(" that ", "<br>that ").replace(" on ", "<br>on "),
        domain=list(domain), anchor="x",
        **({"type": "log", "dtick": "D2"} if ratio else {"rangemode": "tozero"}),
    )  # fmt: skip
    if mark is not None:
        layout["shapes"].append(
            {"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": mark, "y1": mark, "yref": f"y{at}",
             "line": {"color": "@marked", "width": 1.5, "dash": "dash"}}
        )  # fmt: skip
        layout.setdefault("annotations", []).append(
            {"text": "no effect" if ratio else f"published: {number(mark)}", "x": 1, "xref": "paper", "y": mark,
             "yref": f"y{at}", "xanchor": "right", "yanchor": "top" if ratio else "bottom", "showarrow": False,
             "bgcolor": "@ground", "font": {"color": "@marked", "size": 11}}
        )  # fmt: skip
        if ratio:
            layout["annotations"][-1]["y"] = 0


def _panel_traces(columns: dict[str, list[Any]], name: str, at: int, size: int) -> list[dict[str, Any]]:
    """The specifications of one panel, and rings around the plain and the nearest ones."""
    traces: list[dict[str, Any]] = []
    for value, label, role, symbol in MARKS:
        traces.append(
            {
                "type": "scatter", "mode": "markers", "name": f"conclusion {label}", "x": "$place",
                "y": f"${name}", "yaxis": f"y{at}", "text": "$reading", "showlegend": at == 2,
                "legendgroup": value, "where": [["once", "true"], ["holds", value]],
                "marker": {"color": f"@{role}", "symbol": symbol, "size": size},
                "hovertemplate": f"%{{text}}<br><b>%{{y:.4g}}</b><extra>{label}</extra>",
                **(_interval(role) if "ci_lower" in columns else {}),
            }
        )  # fmt: skip
    traces += [
        {
            "type": "scatter", "mode": "markers", "name": label, "x": "$place", "y": f"${name}", "yaxis": f"y{at}",
            "where": [["once", "true"], ["standing", standing]], "hoverinfo": "skip", "showlegend": at == 2,
            "legendgroup": standing,
            "marker": {"color": "@marked", "symbol": f"{symbol}-open", "size": 2 * size + 1, "line": {"width": 2}},
        }
        for standing, label, symbol in (
            ("plain", "plain specification", "diamond"), ("nearest", "nearest to what was published", "circle")
        )
        if standing in columns["standing"]
    ]  # fmt: skip
    return traces


def _interval(role: str) -> dict[str, Any]:
    bars = {"type": "data", "array": "$above", "arrayminus": "$below", "color": f"@{role}", "thickness": 1, "width": 0}
    return {"error_y": bars}


def _apart(higher: list[float | None], lower: list[float | None]) -> list[float | None]:
    return [None if a is None or b is None else a - b for a, b in zip(higher, lower, strict=True)]


def _levels(order: list[dict[str, Any]], axes: list[str]) -> dict[tuple[str, str], float]:
    """Row of each choice in the matrix, from the top; half a row between axes."""
    return {(row["axis"], row["choice"]): at + 0.5 * axes.index(row["axis"]) for at, row in enumerate(order)}


def _span(counts: list[int | None]) -> str:
    known = [count for count in counts if count is not None]
    low, high = min(known), max(known)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _patients(found: dict[str, list[Any]]) -> str | None:
    if not any(count is not None for count in found["events"]):
        return None
    return f"{_span(found['n'])} patients, {_span(found['events'])} events, by specification"


def _choice_table(published: Published, multiverse: str, dataset: str) -> str:
    rows = published.rows(
        f"""
        SELECT c.axis, c.axis_title, c.choice, count(r.conclusion_holds) AS readings,
            avg(r.conclusion_holds::INT) AS share, min(r.estimate) AS lowest, median(r.estimate) AS middle,
            max(r.estimate) AS highest, min(r.distance) AS nearest
        FROM {CHOICES} AS c
        INNER JOIN {READINGS} AS r USING (multiverse_id, dataset_id, reading)
        WHERE c.multiverse_id = ? AND c.dataset_id = ?
        GROUP BY ALL
        ORDER BY c.axis, min(c.choice_number)
        """,
        [multiverse, dataset],
    )
    for row in rows:
        row["holds"] = None if row["share"] is None else f"{row['share']:.0%}"
        row["holds_sort"] = row["share"]
    headings = [
        Heading("axis_title", "What is open"),
        Heading("choice", "Choice"),
        Heading("readings", "Specifications", "that take it and could be computed", True),
        Heading("holds", "Conclusion holds", "share of these", True),
        Heading("lowest", "Lowest", "estimate", True),
        Heading("middle", "Median", "estimate", True),
        Heading("highest", "Highest", "estimate", True),
        Heading("nearest", "Smallest distance", "to what was published", True),
    ]
    return table("Specifications by choice", headings, rows, is_searchable=False)


def _reading_table(published: Published, multiverse: str, dataset: str) -> str:
    rows = published.rows(
        f"SELECT * FROM {READINGS} WHERE multiverse_id = ? AND dataset_id = ? ORDER BY distance NULLS LAST, "
        "reading_number",
        [multiverse, dataset],
    )
    for row in rows:
        held = row["conclusion_holds"]
        row["holds"] = "not known" if held is None else "yes" if held else "no"
        row["place"] = "plain" if row["reading_number"] == 1 else "nearest" if row["is_nearest"] else None
    headings = [
        Heading("reading", "Specification"),
        Heading("holds", "Conclusion holds"),
        Heading("estimate", "Estimate", "genes in the list, or hazard ratio", True),
        Heading("ci_lower", "95 % from", None, True),
        Heading("ci_upper", "to", None, True),
        Heading("p_value", "p", "an optimal cut's is corrected", True),
        Heading("n", "n", None, True),
        Heading("events", "Events", None, True),
        Heading("n_responsive", "Responsive", None, True),
        Heading("n_responsive_down", "of these down", None, True),
        Heading("n_kept", "Pass the filter", None, True),
        Heading("n_in_list", "On the list", None, True),
        Heading("distance", "Distance", "to what was published", True),
        Heading("place", "Which"),
        Heading("note", "Note"),
    ]
    return table("Every specification, the nearest to what was published first", headings, rows, filter_by=("holds",))


def _members(published: Published, page: Page, multiverse: str, dataset: str) -> None:
    if not published.has(MEMBERS):
        return
    rows = published.rows(
        f"SELECT * FROM {MEMBERS} WHERE multiverse_id = ? AND dataset_id = ? AND step = 'in_list' ORDER BY hgnc_symbol",
        [multiverse, dataset],
    )
    if not rows:
        return
    page.heading("The last genes of the plain specification")
    headings = [
        Heading("hgnc_symbol", "Gene"),
        Heading("log2_response_parental", "Parental, log2", "treated over untreated", True),
        Heading("log2_response_resistant", "Resistant, log2", "treated over untreated", True),
    ]
    caption = "Genes that respond, pass the filter and are on the cancer gene list; one sample per arm, so no p-value"
    page.add(table(caption, headings, rows, most=MOST_MEMBERS))
