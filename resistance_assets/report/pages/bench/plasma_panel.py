"""Page of a plasma panel: volcano of markers, pairs, forest of hazard ratios, models of several markers, AUC."""

from __future__ import annotations

import math
from typing import Any

from resistance_assets.report.explain.text import number, span
from resistance_assets.report.figures import (
    Figure,
    Selector,
    axis,
    frame_of,
    hazard_ratio_forest,
    line_at,
    minus_log10,
    name_points,
)
from resistance_assets.report.html import Heading, Page, link, table
from resistance_assets.report.pages.bench.studies import (
    BenchStudy,
    add_notes,
    own_rows,
    plain_words,
    studies_of,
    versions,
)
from resistance_assets.report.paths import gene_path
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literal

TITLE = "plasma panel"
TABLE = "core.plasma_panel__detection"
VALUES = "core.plasma_panel__values"
COMPARISONS = "core.plasma_panel__comparisons"
SURVIVAL = "core.plasma_panel__survival"
MODELS = "core.plasma_panel__multivariable"
AUC = "core.plasma_panel__auc"
MART = "marts.panel_markers"
MOST_NAMED = 12
CONTINUOUS_FIRST = "Read the continuous model first: the split at the median is the rule of papers."
MOST_COMPARED = 600
MODEL_WORDS = {
    "continuous_per_sd": "per standard deviation of log2 (to read first)",
    "median_split": "above the median against the rest (the rule of papers)",
}


def find_studies(published: Published) -> list[BenchStudy]:
    """Studies of this kind."""
    return studies_of(published, TABLE)


def study_page(published: Published, study: BenchStudy, gene_pages: frozenset[str] = frozenset()) -> Page:
    """The page of one study."""
    page = Page(study.path, study.title)
    markers = own_rows(published, MART, study, "pfs_p_value NULLS LAST, pair_q NULLS LAST, group_q NULLS LAST, marker")
    refused = [row["marker"] for row in markers if not row["is_tested"]]
    nameless = [row["marker"] for row in markers if row["hgnc_symbol"] is None]
    page.paragraph(
        f"{len(markers)} markers; {len(refused)} are below their limit in more than half of the baseline samples and "
        f"are not tested{': ' + ', '.join(refused) if refused else ''}.",
        *([CONTINUOUS_FIRST] if own_rows(published, SURVIVAL, study, "marker") else []),
    )
    if nameless:
        page.paragraph(f"{len(nameless)} markers have no gene that HGNC knows: {', '.join(nameless)}.")
    page.add(_marker_table(page, markers, gene_pages))
    for contrast in _contrasts(published, study):
        page.heading(_title_of(contrast))
        figure = volcano_figure(published, study, contrast)
        if figure is not None:
            page.figure(figure)
        if contrast["method"] == "limma_paired" and (pairs := pair_figure(published, study, contrast)) is not None:
            page.figure(pairs)
        page.add(_comparison_table(published, study, contrast["contrast"]))
    forest = forest_figure(published, study)
    if forest is not None:
        page.heading("Markers and outcome")
        page.figure(forest)
    if own_rows(published, MODELS, study, "term_order"):
        page.heading("Models of several markers")
        page.paragraph(
            "A model that was declared in advance can be read as it stands. Taking every marker whose split has "
            "p < 0.05, as papers do, picks what looked best in these very patients; read its events per variable."
        )
        page.add(_model_table(published, study))
    if own_rows(published, AUC, study, "month"):
        page.heading("How well does a marker tell who will have the event?")
        page.add(_auc_table(published, study))
    add_notes(published, page, study)
    return page


def _title_of(contrast: dict[str, Any]) -> str:
    """Both sides of a contrast in words, as a heading."""
    first = contrast["numerator"]
    return f"{first[:1].upper()}{first[1:]} against {contrast['denominator']}"


def _marker_table(page: Page, markers: list[dict[str, Any]], gene_pages: frozenset[str]) -> str:
    for row in markers:
        symbol = row["hgnc_symbol"]
        row["gene"] = link(page.root + gene_path(symbol), symbol) if symbol in gene_pages else symbol
        row["below"] = f"{row['fraction_below_lod']:.0%}"
        row["below_sort"] = row["fraction_below_lod"]
        row["verdict"] = row["verdict"].replace("_", " ")
    headings = [
        Heading("marker", "Marker"),
        Heading("gene", "Gene"),
        Heading("symbol_note", "Name"),
        Heading("verdict", "Verdict"),
        Heading("below", "Below limit", "share of the baseline samples", True),
        Heading("group_difference_log2", "Groups, log2", "numerator minus denominator", True),
        Heading("group_q", "q", "Benjamini-Hochberg over the markers", True),
        Heading("pair_difference_log2", "Pairs, log2", "second minus first sample", True),
        Heading("pair_q", "q", "Benjamini-Hochberg over the markers", True),
        Heading("pfs_hazard_ratio_per_sd", "PFS HR per SD", None, True),
        Heading("pfs_q_value_bh", "q", None, True),
        Heading("pfs_hazard_ratio_median_split", "PFS HR, median", "the rule of papers", True),
        Heading("pfs_p_logrank", "p (log-rank)", None, True),
        Heading("os_hazard_ratio_per_sd", "OS HR per SD", None, True),
        Heading("os_q_value_bh", "q", None, True),
        Heading("resistance_contrasts_up", "Lines: up", "contrasts under a drug that list the gene", True),
        Heading("resistance_contrasts_down", "Lines: down", "contrasts under a drug that list the gene", True),
        Heading("tumour_os_hazard_ratio_per_sd", "Tumour: OS HR per SD", "expression in a cohort of tumours", True),
    ]
    leading = "p of progression" if any(row["pfs_p_value"] is not None for row in markers) else "q"
    return table(f"Markers, the smallest {leading} first", headings, markers, filter_by=("verdict",))


def _contrasts(published: Published, study: BenchStudy) -> list[dict[str, Any]]:
    return published.rows(
        f"SELECT DISTINCT contrast, method, numerator, denominator FROM {COMPARISONS} "
        f"WHERE study_id = {literal(study.id)} AND is_primary ORDER BY contrast"
    )


def volcano_figure(published: Published, study: BenchStudy, contrast: dict[str, Any]) -> Figure | None:
    """Difference of every tested marker against its p."""
    sql = f"""SELECT marker, hgnc_symbol, difference_log2, ci_lower, ci_upper, p, q, n_numerator, n_denominator
FROM {COMPARISONS}
WHERE study_id = {literal(study.id)} AND contrast = {literal(contrast["contrast"])} AND is_primary AND p IS NOT NULL
ORDER BY p, marker"""
    found = published.columns(sql)
    if not found["marker"]:
        return None
    groups = [
        "none" if q is None or q >= 0.05 else "up" if difference > 0 else "down"
        for difference, q in zip(found["difference_log2"], found["q"], strict=True)
    ]
    heights = [minus_log10(p) or 0.0 for p in found["p"]]
    frames = frame_of(found["difference_log2"], 0.0), (-0.05, 1.12 * max(heights))
    listed = [name for name, group in zip(found["marker"], groups, strict=True) if group != "none"]
    shapes = {"up": "triangle-up", "down": "triangle-down", "none": "circle"}
    words = {"up": "higher, q < 0.05", "down": "lower, q < 0.05", "none": "q of 0.05 or more"}
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "markers", "x": "$difference_log2", "y": "$minus_log10_p",
            "where": [["group", group]], "name": words[group], "text": "$marker", "customdata": "$q",
            "marker": {"color": f"@{group}", "symbol": shapes[group], "size": 9},
            "hovertemplate": "<b>%{text}</b><br>log2 difference %{x:.3f}<br>q %{customdata:.3g}<extra></extra>",
        }
        for group in ("none", "down", "up")
    ]  # fmt: skip
    traces += name_points(
        found["marker"], found["difference_log2"], heights, first=range(min(MOST_NAMED, len(listed))), interest=(),
        frames=frames,
    )[:1]  # fmt: skip
    return Figure(
        ident=f"volcano-{contrast['method'].replace('_', '-')}",
        title=f"{_title_of(contrast)}: difference and p of every tested marker",
        caption=f"Moderated t (limma) over {len(found['marker'])} markers; right: higher in {contrast['numerator']}.",
        alternative=f"Volcano plot of {len(found['marker'])} markers; q below 0.05: {', '.join(listed) or 'none'}.",
        columns={**found, "group": groups},
        derived={"minus_log10_p": "p"},
        traces=traces,
        layout={
            "xaxis": axis("log2 difference", range=list(frames[0])),
            "yaxis": axis("−log10 p", range=list(frames[1])),
            "shapes": [line_at(x=0), line_at(y=-math.log10(0.05))],
        },
        n=f"{max(found['n_numerator'])} v {max(found['n_denominator'])} samples",
        method="limma: moderated t, degrees of freedom per marker; q Benjamini-Hochberg over the tested markers",
        tables=versions(published, COMPARISONS),
        sql=sql,
        find_by="marker",
        find_at=("difference_log2", "minus_log10_p"),
    )


def pair_figure(published: Published, study: BenchStudy, contrast: dict[str, Any]) -> Figure | None:
    """Both samples of every patient, marker by marker."""
    first, second = contrast["denominator"], contrast["numerator"]
    sql = f"""SELECT v.marker, v.patient_id, v.timepoint, v.log2_value, v.flag, c.p, c.q
FROM {VALUES} AS v
INNER JOIN {COMPARISONS} AS c ON c.study_id = v.study_id AND c.marker = v.marker
WHERE v.study_id = {literal(study.id)} AND c.contrast = {literal(contrast["contrast"])} AND c.is_primary
    AND v.timepoint IN ({literal(first)}, {literal(second)}) AND v.log2_value IS NOT NULL
    AND v.patient_id IN (
        SELECT patient_id FROM {VALUES}
        WHERE study_id = {literal(study.id)} AND timepoint = {literal(second)}
    )
ORDER BY c.p NULLS LAST, v.marker, v.patient_id, v.timepoint = {literal(second)}"""
    found = published.columns(sql)
    if not found["marker"]:
        return None
    patients = sorted(set(found["patient_id"]))
    q_of = dict(zip(found["marker"], found["q"], strict=True))
    options = tuple((marker, f"{marker}, q {number(q)}") for marker, q in q_of.items())
    return Figure(
        ident="pairs",
        title="Both samples of every patient",
        caption="A line per patient; choose a marker. Whether a value is below its limit is said at its point.",
        alternative=(
            f"Line chart of {len(patients)} patients from {first} to {second}, marker by marker, the one with the "
            f"smallest p first: {options[0][1]}."
        ),
        columns=found,
        traces=[
            {
                "type": "scatter", "mode": "lines+markers", "x": "$timepoint", "y": "$log2_value",
                "where": [["patient_id", patient]], "name": patient, "showlegend": False,
                "line": {"color": "@down", "width": 1}, "marker": {"size": 6}, "customdata": "$flag",
                "hovertemplate": f"{patient}<br>%{{x}}<br>log2 %{{y:.2f}}, %{{customdata}}<extra></extra>",
            }
            for patient in patients
        ],
        layout={
            "xaxis": axis("", type="category", categoryorder="array", categoryarray=[first, second]),
            "yaxis": axis("log2 value"),
        },
        selectors=(Selector("marker", "Marker", options),),
        n=f"{len(patients)} patients with both samples",
        method="limma within patients",
        tables=versions(published, VALUES, COMPARISONS),
        sql=sql,
    )  # fmt: skip


def _comparison_table(published: Published, study: BenchStudy, contrast: str) -> str:
    rows = own_rows(
        published,
        COMPARISONS,
        study,
        "is_primary DESC, method, p NULLS LAST, marker",
        f"contrast = {literal(contrast)}",
    )
    for row in rows:
        row["n"] = f"{row['n_numerator']} v {row['n_denominator']}"
        row["below"] = f"{row['n_below_numerator']} v {row['n_below_denominator']}"
        row["interval"] = span(row["ci_lower"], row["ci_upper"])
        row["method"] = plain_words(row["method"])
    headings = [
        Heading("marker", "Marker"),
        Heading("method", "Method"),
        Heading("n", "Samples"),
        Heading("below", "Below limit"),
        Heading("difference_log2", "log2 difference", None, True),
        Heading("interval", "95 % CI"),
        Heading("statistic", "Statistic", None, True),
        Heading("degrees_of_freedom", "df", None, True),
        Heading("p", "p", None, True),
        Heading("q", "q (BH)", "over the markers of the method", True),
        Heading("test", "Test"),
        Heading("p_note", "Note"),
    ]
    return table("Every method, limma first", headings, rows, filter_by=("method",), most=MOST_COMPARED)


def forest_figure(published: Published, study: BenchStudy) -> Figure | None:
    """Hazard ratio of every tested marker, by endpoint and model."""
    sql = f"""SELECT marker, endpoint || ', ' || model AS endpoint_and_model, endpoint, model, n, events, hazard_ratio,
    ci_lower, ci_upper, p_value, q_value_bh, p_logrank
FROM {SURVIVAL}
WHERE study_id = {literal(study.id)} AND hazard_ratio IS NOT NULL AND ci_lower > 0 AND isfinite(ci_upper)
ORDER BY endpoint DESC, model, hazard_ratio, marker"""
    found = published.columns(sql)
    if not found["marker"]:
        return None
    bounds = [math.log10(value) for name in ("hazard_ratio", "ci_lower", "ci_upper") for value in found[name] if value]
    choices: dict[str, str] = {}
    for key, endpoint, model in zip(found["endpoint_and_model"], found["endpoint"], found["model"], strict=True):
        choices.setdefault(key, f"{endpoint}, {MODEL_WORDS[model]}")
    leading = next(iter(choices))
    at_first = [at for at, key in enumerate(found["endpoint_and_model"]) if key == leading]
    said = [f"{found['marker'][at]} {number(found['hazard_ratio'][at])}" for at in (*at_first[:3], *at_first[-3:])]
    columns = {
        **found,
        "above": [h - r for r, h in zip(found["hazard_ratio"], found["ci_upper"], strict=True)],
        "below": [r - lo for r, lo in zip(found["hazard_ratio"], found["ci_lower"], strict=True)],
        "test": [
            f"p {number(p)}, q {number(q)}" + (f", log-rank p {number(lr)}" if lr is not None else "")
            for p, q, lr in zip(found["p_value"], found["q_value_bh"], found["p_logrank"], strict=True)
        ],
    }
    trace, layout = hazard_ratio_forest("marker", bounds, marker_size=8)
    return Figure(
        ident="forest",
        title="Hazard ratios of the markers",
        caption="With 95 % intervals; choose endpoint and model. Sorted by the hazard ratio.",
        alternative=f"Forest plot, {choices[leading]}; lowest and highest: {'; '.join(said)}.",
        columns=columns,
        traces=[trace],
        layout=layout,
        height=140 + 20 * len(set(found["marker"])),
        selectors=(Selector("endpoint_and_model", "Endpoint and model", tuple(choices.items())),),
        n=f"{max(found['n'])} patients; events: "
        + ", ".join(sorted({f"{e} {n}" for e, n in zip(found["endpoint"], found["events"], strict=True)})),
        method="Cox model per marker, Efron ties; q Benjamini-Hochberg over the tested markers",
        tables=versions(published, SURVIVAL),
        sql=sql,
    )  # fmt: skip


def _model_table(published: Published, study: BenchStudy) -> str:
    rows = own_rows(published, MODELS, study, "endpoint, rule, model_id, term_order")
    for row in rows:
        row["term"] = row["variable"] if row["level"] is None else f"{row['variable']}: {row['level']}"
        row["interval"] = span(row["ci_lower"], row["ci_upper"])
        row["how"] = "declared in advance" if row["rule"].startswith("declared") else "every split with p < 0.05"
    headings = [
        Heading("endpoint", "Endpoint"),
        Heading("model_id", "Model"),
        Heading("how", "How its terms were chosen"),
        Heading("term", "Term"),
        Heading("n", "Patients", None, True),
        Heading("events", "Events", None, True),
        Heading("events_per_variable", "Events per variable", None, True),
        Heading("hazard_ratio", "HR", None, True),
        Heading("interval", "95 % CI"),
        Heading("p_value", "p", "Wald", True),
        Heading("p_likelihood_ratio_model", "p of the model", "likelihood ratio", True),
        Heading("model_note", "Note"),
    ]
    return table("Cox models of several markers", headings, rows, filter_by=("endpoint", "how"))


def _auc_table(published: Published, study: BenchStudy) -> str:
    rows = own_rows(published, AUC, study, "endpoint DESC, month, auc DESC NULLS LAST, marker")
    for row in rows:
        row["interval"] = span(row["ci_lower"], row["ci_upper"])
    headings = [
        Heading("endpoint", "Endpoint"),
        Heading("month", "Month", None, True),
        Heading("marker", "Marker"),
        Heading("cases", "Cases", "event before", True),
        Heading("controls", "Controls", "at risk beyond", True),
        Heading("censored_before", "Neither", "censored before", True),
        Heading("auc", "AUC", "below 0.5: high values go with a late event", True),
        Heading("interval", "95 % CI", "iid decomposition"),
        Heading("interval_note", "Note"),
    ]
    return table("Time-dependent AUC", headings, rows, filter_by=("endpoint", "marker"))
