"""Survival: one page per cohort, and one per cohort and endpoint with the screen of all genes and the curves."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from resistance_assets.report.curves import step_curves
from resistance_assets.report.explain.evidence import SURVIVAL_MODELS
from resistance_assets.report.explain.survival import censored_deaths
from resistance_assets.report.explain.text import number
from resistance_assets.report.figures import (
    Figure,
    Selector,
    axis,
    frame_of,
    hazard_ratio_forest,
    line_at,
    minus_log10,
    name_points,
    outside,
    ratio_axis,
)
from resistance_assets.report.html import Heading, Page, facts, link, table
from resistance_assets.report.pages.alterations import layer_sentences
from resistance_assets.report.pages.survival import (
    add_model_sections,
    incidence_figure,
    pooled_pages,
    pooled_sentence,
)
from resistance_assets.report.paths import endpoint_path, gene_path
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literal, literals

SCREEN = "core.survival__cohort_endpoint_genes"
CURVES = "core.survival__kaplan_meier"
RISK_TIMES = (0, 12, 24, 36, 48, 60, 84, 120)
LABELLED = 25
MOST_LISTED = 150
FEWEST_PLACED = 100
CHROMOSOMES = [*(str(number) for number in range(1, 23)), "X", "Y"]


def cohort_pages(published: Published, gene_pages: set[str]) -> list[Page]:
    """The index of cohorts and endpoints, and one page per pair that was screened."""
    endpoints = published.rows(
        """
        SELECT m.*, c.n_with_follow_up, c.n_events_with_follow_up, c.median_survival_months, c.excluded
        FROM marts.cohort_endpoints AS m
        INNER JOIN core.survival__cohort_endpoints AS c ON c.cohort_id = m.cohort_id AND c.endpoint = m.endpoint
        ORDER BY m.cohort_id, list_position(['OS', 'DSS', 'DFS', 'PFS'], m.endpoint), m.endpoint
        """
    )
    screened = [row for row in endpoints if row["genes_tested"]]
    return [
        _index(published, endpoints, {row["cohort_id"] for row in screened}),
        *(_endpoint_page(published, row, gene_pages) for row in screened),
        *pooled_pages(published, gene_pages),
    ]


def _index(published: Published, endpoints: list[dict[str, Any]], screened: set[str]) -> Page:
    page = Page("cohorts.html", "Survival")
    page.paragraph(
        "Every gene that a cohort measured, against every endpoint. Thousands of genes are tested, so a small p-value "
        "alone says little: q-values and the gene's percentile among all genes stand beside it."
    )
    rows = [
        {
            **row,
            "name": link(endpoint_path(row["cohort_id"], row["endpoint"]), published.in_words(name))
            if row["genes_tested"]
            else published.in_words(name),
        }
        for row in endpoints
        for name in [f"{row['cohort_id']} {row['endpoint']}"]
    ]
    headings = [
        Heading("name", "Cohort and endpoint"),
        Heading("endpoint_title", "Endpoint"),
        Heading("n_patients", "Patients", "of the cohort", True),
        Heading("n_with_follow_up", "With follow-up", "with a status and a time", True),
        Heading("n_analysed", "Analysed", "of these, with expression", True),
        Heading("n_events_analysed", "Events", "among the analysed", True),
        Heading("median_follow_up_months", "Median follow-up, months", "reverse Kaplan-Meier", True),
        Heading("genes_tested", "Genes tested", None, True),
        Heading("genes_p_below_0_05", "p < 0.05", "likelihood ratio, on the scale to read first", True),
        Heading("genes_q_below_0_05", "q < 0.05", "of that p, over all genes", True),
        Heading("excluded", "Left out"),
    ]
    page.add(table("Cohorts and endpoints", headings, rows))
    if sentence := pooled_sentence(published):
        page.paragraph(sentence)
    if links := layer_sentences(published):
        page.paragraph("Alterations, other layers and strata of:", *links)
    for cohort_id in sorted(screened):
        page.heading(f"{published.titles.get(cohort_id, cohort_id)}: genes of interest")
        if figure := forest_of_cohort(published, cohort_id):
            page.figure(figure)
        strongest = published.value(
            f"SELECT hgnc_symbol FROM {SCREEN} WHERE cohort_id = ? AND model = 'median_split' AND endpoint = 'OS' "
            f"AND hgnc_symbol IN (SELECT hgnc_symbol FROM {CURVES}) ORDER BY p_logrank LIMIT 1",
            [cohort_id],
        )
        if strongest and (curves := kaplan_meier_figure(published, strongest, [cohort_id])):
            page.figure(curves)
            page.add(numbers_at_risk(published, strongest, cohort_id))
            if sentences := censored_deaths(published, [cohort_id]):
                page.paragraph(*sentences)
            if figure := incidence_figure(published, strongest, [cohort_id]):
                page.figure(figure)
            page.paragraph("Every gene of interest has its curves on its own page:", link("genes.html", "genes") + ".")
    return page


def _endpoint_page(published: Published, row: dict[str, Any], gene_pages: set[str]) -> Page:
    cohort_id, endpoint = row["cohort_id"], row["endpoint"]
    page = Page(endpoint_path(cohort_id, endpoint), f"{row['cohort']}, {row['endpoint_title']}")
    page.add(
        facts(
            [
                ("Patients analysed", row["n_analysed"]),
                ("Events", row["n_events_analysed"]),
                ("Median follow-up, months", row["median_follow_up_months"]),
                ("Median survival, months", row["median_survival_months"]),
                ("Genes tested", row["genes_tested"]),
                ("q < 0.05, likelihood ratio", row["genes_q_below_0_05"]),
                ("Left out", row["excluded"]),
                ("Event column of the source", row["status_attribute"]),
            ]
        )
    )
    if sentences := censored_deaths(published, [cohort_id], endpoint):
        page.paragraph(*sentences)
    sql, method = _screen_sql(published, cohort_id, endpoint)
    columns = published.columns(sql)
    if columns["hgnc_symbol"]:
        said = {
            "n": f"{row['n_analysed']} patients, {row['n_events_analysed']} events; {row['genes_tested']:,} genes",
            "method": method,
            "tables": [(SCREEN, published.stamp(SCREEN)["data_version"])],
            "sql": sql,
        }
        order = genome_order(columns["cytoband"])
        page.figure(_screen_volcano(columns, order, published.genes_of_interest, said))
        if sum(at is not None for at in order) >= FEWEST_PLACED:
            page.figure(_manhattan(columns, order, said))
    page.heading("Genes, strongest first")
    _screen_table(published, page, row, gene_pages)
    add_model_sections(published, page, row)
    return page


def _screen_sql(published: Published, cohort_id: str, endpoint: str) -> tuple[str, str]:
    """The genes that are drawn, by the model and the test that lead, and how they were computed, in words."""
    own = f"s.cohort_id = {literal(cohort_id)} AND s.endpoint = {literal(endpoint)}"
    if published.has(SCREEN, "is_primary", "q_value_bh_likelihood_ratio", "percentile_likelihood_ratio"):
        primary = published.value(
            f"SELECT any_value(s.model) FROM {SCREEN} AS s WHERE {own} AND s.is_primary "
            "AND s.model IN ('continuous', 'rank_normal')"
        )
        model = primary or "continuous"
        p, q, percentile = "p_likelihood_ratio", "q_value_bh_likelihood_ratio", "percentile_likelihood_ratio"
        method = SURVIVAL_MODELS[model]
    else:
        model, p, q, percentile = "continuous", "p_value", "q_value_bh", "percentile_among_genes"
        method = "Cox model on expression, Efron ties; Wald p; q Benjamini-Hochberg over all genes"
    sql = f"""SELECT s.hgnc_symbol, s.hazard_ratio_per_sd, s.{p} AS p_value, s.{q} AS q_value_bh,
    s.{percentile} AS percentile_among_genes, a.cytoband
FROM {SCREEN} AS s
LEFT JOIN staging.genes__approved AS a ON a.hgnc_symbol = s.hgnc_symbol
WHERE {own} AND s.model = {literal(model)} AND s.{p} IS NOT NULL AND s.hazard_ratio_per_sd > 0
ORDER BY s.{p}, s.hgnc_symbol"""
    return sql, method


def _groups(columns: dict[str, list[Any]]) -> list[str]:
    return [
        "none" if q is None or q >= 0.05 else ("up" if ratio > 1 else "down")
        for q, ratio in zip(columns["q_value_bh"], columns["hazard_ratio_per_sd"], strict=True)
    ]


LABEL = {"up": "higher hazard, q < 0.05", "down": "lower hazard, q < 0.05", "none": "q ≥ 0.05"}
SHAPES = {"up": "triangle-up", "down": "triangle-down", "none": "circle"}


def _marks(x: str, y: str, hover: str) -> list[dict[str, Any]]:
    return [
        {
            "type": "scattergl",
            "mode": "markers",
            "name": LABEL[group],
            "x": f"${x}",
            "y": f"${y}",
            "text": "$gene",
            "where": [["group", group]],
            "hovertemplate": f"<b>%{{text}}</b><br>{hover}<extra></extra>",
            "marker": {
                "color": f"@{group}",
                "symbol": SHAPES[group],
                "size": 4 if group == "none" else 7,
                "opacity": 0.5 if group == "none" else 0.9,
            },
        }
        for group in ("none", "down", "up")
    ]


def _screen_volcano(
    columns: dict[str, list[Any]], order: list[int | None], marked: Sequence[str], said: dict[str, Any]
) -> Figure:
    groups = _groups(columns)
    genes, ratios = columns["hgnc_symbol"], columns["hazard_ratio_per_sd"]
    heights = [minus_log10(p) or 0.0 for p in columns["p_value"]]
    first = list(range(min(LABELLED, len(heights))))
    interest = [at for at, gene in enumerate(genes) if gene in marked]
    logs = [math.log10(ratio) for ratio in ratios]
    frames = (frame_of(logs, 0.0), (0.0, 1.06 * max(heights)))
    beyond_frame = outside(logs, frames[0])
    stray = f" {beyond_frame} genes lie outside the frame: double-click shows them." if beyond_frame else ""
    return Figure(
        ident="screen",
        title="All genes against the endpoint",
        caption=f"Hazard ratio per standard deviation of expression. Rings are the genes of interest.{stray}",
        alternative=(
            f"Scatter plot of {len(genes):,} genes: hazard ratio per standard deviation against minus log10 p. "
            f"{groups.count('up')} genes have a higher and {groups.count('down')} a lower hazard at q below 0.05. "
            f"The strongest are {', '.join(genes[:5])}."
        ),
        columns={
            "gene": genes,
            "hazard_ratio_per_sd": ratios,
            "p_value": columns["p_value"],
            "q_value_bh": columns["q_value_bh"],
            "percentile_among_genes": columns["percentile_among_genes"],
            "cytoband": columns["cytoband"],
            "order_on_genome": order,
            "group": groups,
            "stripe": [_stripe(group, band) for group, band in zip(groups, columns["cytoband"], strict=True)],
        },
        derived={"minus_log10_p": "p_value"},
        traces=[
            *_marks("hazard_ratio_per_sd", "minus_log10_p", "hazard ratio %{x:.3f}<br>−log10 p %{y:.2f}"),
            *name_points(genes, ratios, heights, first=first, interest=interest, frames=frames, is_log_x=True),
        ],
        layout={
            "xaxis": ratio_axis("hazard ratio per SD of expression (log scale)", frames[0]),
            "yaxis": axis("−log10 p", range=frames[1]),
            "shapes": [line_at(x=1)],
        },
        height=500,
        find_by="gene",
        find_at=("hazard_ratio_per_sd", "minus_log10_p"),
        **said,
    )  # fmt: skip


def band_position(cytoband: str | None) -> tuple[int, float] | None:
    """Chromosome (from 0) and place on it of a cytogenetic band: `2q36.3` -> (1, 36.3); the short arm is negative."""
    found = re.match(r"^(\d{1,2}|X|Y)(?:([pq])(\d+(?:\.\d+)?)?)?", cytoband or "")
    if found is None or found.group(1) not in CHROMOSOMES:
        return None
    place = float(found.group(3) or 0)
    return CHROMOSOMES.index(found.group(1)), -place if found.group(2) == "p" else place


def genome_order(cytobands: Sequence[str | None]) -> list[int | None]:
    """Place of each gene when all are put in the order of their bands; None for a gene without one."""
    placed = sorted((place, at) for at, band in enumerate(cytobands) if (place := band_position(band)) is not None)
    found: list[int | None] = [None] * len(cytobands)
    for order, (_, at) in enumerate(placed):
        found[at] = order
    return found


def _stripe(group: str, cytoband: str | None) -> str:
    """Colour class on the Manhattan plot: its group where q is small, else by turns of the chromosomes."""
    place = band_position(cytoband)
    if group != "none" or place is None:
        return group
    return "even" if place[0] % 2 else "odd"


def _manhattan(columns: dict[str, list[Any]], order: list[int | None], said: dict[str, Any]) -> Figure:
    """Genes in the order of their cytogenetic bands; the warehouse holds no base positions."""
    spans: dict[int, list[int]] = {}
    for band, at in zip(columns["cytoband"], order, strict=True):
        if at is not None and (place := band_position(band)) is not None:
            spans.setdefault(place[0], []).append(at)
    marks = _marks("order_on_genome", "minus_log10_p", "%{customdata}<br>−log10 p %{y:.2f}")
    stripes = [
        {
            **marks[0], "name": "q ≥ 0.05", "where": [["stripe", parity]], "showlegend": parity == "odd",
            "marker": {"color": f"@{role}", "size": 4, "opacity": 0.5 if parity == "odd" else 0.9, "symbol": "circle"},
        }
        for parity, role in (("odd", "none"), ("even", "muted"))
    ]  # fmt: skip
    listed = [{**mark, "where": [["stripe", group]]} for mark, group in zip(marks[1:], ("down", "up"), strict=True)]
    chromosomes = sorted(spans)
    return Figure(
        ident="manhattan",
        title="The same, along the genome (Manhattan)",
        caption="Genes in the order of their cytogenetic bands, chromosome by chromosome.",
        alternative=f"Manhattan plot of {sum(map(len, spans.values())):,} genes by cytogenetic band against −log10 p.",
        columns={},
        shares="screen",
        derived={"minus_log10_p": "p_value"},
        traces=[{**trace, "customdata": "$cytoband"} for trace in (*stripes, *listed)],
        layout={
            "xaxis": axis(
                "chromosome",
                tickvals=[(min(spans[one]) + max(spans[one])) / 2 for one in chromosomes],
                ticktext=[CHROMOSOMES[one] for one in chromosomes],
                tickangle=0,
                tickfont={"size": 10},
                showgrid=False,
                zeroline=False,
            ),
            "yaxis": axis("−log10 p", rangemode="tozero"),
        },
        height=340,
        **said,
    )


def _screen_table(published: Published, page: Page, endpoint: dict[str, Any], gene_pages: set[str]) -> None:
    rows = published.rows(
        """
        SELECT s.*, a.gene_name FROM marts.survival_by_gene AS s
        LEFT JOIN staging.genes__approved AS a ON a.hgnc_symbol = s.hgnc_symbol
        WHERE cohort_id = $cohort AND endpoint = $endpoint
        ORDER BY p_primary NULLS LAST, s.hgnc_symbol
        """,
        {"cohort": endpoint["cohort_id"], "endpoint": endpoint["endpoint"]},
    )
    for row in rows:
        symbol = row["hgnc_symbol"]
        row["gene"] = link(page.root + gene_path(symbol), symbol) if symbol in gene_pages else symbol
        row["interval"] = f"{number(row['ci_lower_median_split'])} to {number(row['ci_upper_median_split'])}"
        row["halves"] = f"{number(row['n_high'])} / {number(row['n_low'])}"
        row["events_of_halves"] = f"{number(row['events_high'])} / {number(row['events_low'])}"
        row["scale"] = "normal score of the rank" if row["primary_model"] == "rank_normal" else row["expression_scale"]
    headings = [
        Heading("gene", "Gene"),
        Heading("n", "Patients", "with expression of the gene", True),
        Heading("events", "Events", "among them", True),
        Heading("hazard_ratio_primary", "HR per SD", "Cox model on expression, on the scale beside it", True),
        Heading("scale", "Scale"),
        Heading("p_primary", "p", "likelihood ratio, on that scale", True),
        Heading("q_primary", "q (BH)", "of that p, over all genes", True),
        Heading("percentile_primary", "Percentile", "share of genes with a smaller p, mid-rank for ties, %", True),
        Heading("p_continuous", "p, Wald", "on expression as it was measured", True),
        Heading(
            "minimum_detectable_hazard_ratio",
            "Detectable HR",
            "smallest per SD that these events find with 80 % power at a two-sided alpha of 0.05",
            True,
        ),
        Heading("hazard_ratio_median_split", "HR median split", "above the median over the rest", True),
        Heading("interval", "95 % CI", "of the median split", True),
        Heading("halves", "High / low", "patients", True),
        Heading("events_of_halves", "Events", "of the high and the low half", True),
        Heading("p_logrank", "p log-rank", "none where a half is below the declared minimum", True),
        Heading("q_logrank", "q log-rank", None, True),
        Heading("p_permutation", "p permutation", "where a half is below the minimum; part of no q", True),
        Heading("split_note", "Note on the split"),
        Heading("gene_name", "Name"),
    ]
    caption = "The continuous and the median-split model; the genes of interest are there in any case"
    rows, most = published.with_interest_first(rows, MOST_LISTED)
    page.add(table(caption, headings, rows, most=most))


# ---- figures that other pages show too -------------------------------------------------------------------------------


def _permuted(published: Published) -> str:
    """The column p_permutation of the screen; nulls in a release that has none."""
    return "p_permutation" if published.has(SCREEN, "p_permutation") else "NULL AS p_permutation"


def forest_of_cohort(published: Published, cohort_id: str) -> Figure | None:
    """Hazard ratios of the genes of interest, endpoint by endpoint."""
    sql = f"""SELECT endpoint, hgnc_symbol, n, events, hazard_ratio, ci_lower, ci_upper, p_logrank, q_value_bh_logrank,
    {_permuted(published)}
FROM {SCREEN}
WHERE cohort_id = {literal(cohort_id)} AND model = 'median_split' AND hazard_ratio IS NOT NULL
    AND hgnc_symbol IN ({literals(published.genes_of_interest)})
ORDER BY endpoint, hazard_ratio, hgnc_symbol"""
    found = published.columns(sql)
    endpoints = [name for name in ("OS", "DSS", "DFS", "PFS") if name in found["endpoint"]]
    if not endpoints:
        return None
    return _forest(
        found,
        ident=f"forest-{cohort_id}",
        title="Hazard ratios of the genes of interest",
        caption="Above the median over the rest, with 95 % confidence intervals. The genes are not selected by result.",
        label="hgnc_symbol",
        selectors=(Selector("endpoint", "Endpoint", tuple((name, name) for name in endpoints)),),
        height=120 + 22 * len(set(found["hgnc_symbol"])),
        published=published,
        sql=sql,
    )


def forest_of_gene(published: Published, gene: str) -> Figure | None:
    """Hazard ratios of one gene over cohorts and endpoints."""
    sql = f"""SELECT cohort_id, endpoint, cohort_id || ' ' || endpoint AS cohort_endpoint, n, events, hazard_ratio,
    ci_lower, ci_upper, p_logrank, q_value_bh_logrank, {_permuted(published)}
FROM {SCREEN}
WHERE hgnc_symbol = {literal(gene)} AND model = 'median_split' AND hazard_ratio IS NOT NULL
ORDER BY cohort_id DESC, list_position(['PFS', 'DFS', 'DSS', 'OS'], endpoint)"""
    found = published.columns(sql)
    if not found["endpoint"]:
        return None
    found["cohort_endpoint"] = [published.in_words(name) for name in found["cohort_endpoint"]]
    return _forest(
        found,
        ident="forest",
        title="Hazard ratio, high over low expression",
        caption="Above the median over the rest, with 95 % confidence intervals.",
        label="cohort_endpoint",
        selectors=(),
        height=110 + 34 * len(found["endpoint"]),
        published=published,
        sql=sql,
    )


def _forest(
    found: dict[str, list[Any]],
    *,
    ident: str,
    title: str,
    caption: str,
    label: str,
    selectors: tuple[Selector, ...],
    height: int,
    published: Published,
    sql: str,
) -> Figure:
    ratio, low, high = found["hazard_ratio"], found["ci_lower"], found["ci_upper"]
    bounds = [math.log10(limit) for limit in (*ratio, *low, *high) if limit]
    columns = {
        **found,
        "above": [None if h is None else h - r for r, h in zip(ratio, high, strict=True)],
        "below": [None if lo is None else r - lo for r, lo in zip(ratio, low, strict=True)],
        "test": [
            f"log-rank p {number(p)}" if permuted is None else f"permutation p {number(permuted)}"
            for p, permuted in zip(found["p_logrank"], found["p_permutation"], strict=True)
        ],
    }
    said = [
        f"{name}: {number(r)} ({number(lo)} to {number(h)})"
        for name, r, lo, h in zip(found[label], ratio, low, high, strict=True)
    ]
    trace, layout = hazard_ratio_forest(label, bounds, marker_size=9)
    return Figure(
        ident=ident,
        title=title,
        caption=caption,
        alternative=f"Forest plot. {'; '.join(said[:20])}.",
        columns=columns,
        traces=[trace],
        layout=layout,
        height=height,
        selectors=selectors,
        n=f"{_span(found['n'])} patients, {_span(found['events'])} events",
        method=SURVIVAL_MODELS["median_split"],
        tables=[(SCREEN, published.stamp(SCREEN)["data_version"])],
        sql=sql,
    )  # fmt: skip


def _span(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _split_in_words(row: dict[str, Any]) -> str:
    """Events of the two sides and the test of a split: by permutation where a side is below the declared minimum."""
    events = f"; events {number(row['observed_high'])} and {number(row['observed_low'])}"
    if row["p_logrank"] is None and row["p_permutation"] is not None:
        return f"{events}; permutation p {number(row['p_permutation'])}: a side is too small for a log-rank p"
    return f"{events}; log-rank p {number(row['p_logrank'])}, q {number(row['q_value_bh_logrank'])}"


def kaplan_meier_figure(published: Published, gene: str, cohorts: Sequence[str] = ()) -> Figure | None:
    """Curves of one gene, a choice per cohort and endpoint."""
    only = f" AND cohort_id IN ({literals(cohorts)})" if cohorts else ""
    sql = f"""SELECT cohort_id || ' ' || endpoint AS cohort_endpoint, expression_group, time_months, survival, ci_lower,
    ci_upper, n_at_risk, n_events, n_censored
FROM {CURVES}
WHERE hgnc_symbol = {literal(gene)}{only}
ORDER BY cohort_id, list_position(['OS', 'DSS', 'DFS', 'PFS'], endpoint), endpoint, expression_group, time_months"""
    found = published.columns(sql)
    if not found["survival"]:
        return None
    choices = list(dict.fromkeys(found["cohort_endpoint"]))
    sizes: dict[tuple[str, str], int] = {}
    for choice, group, at_risk in zip(
        found["cohort_endpoint"], found["expression_group"], found["n_at_risk"], strict=True
    ):
        sizes.setdefault((choice, group), at_risk)
    tests = {
        row["cohort_endpoint"]: _split_in_words(row)
        for row in published.rows(
            f"SELECT cohort_id || ' ' || endpoint AS cohort_endpoint, p_logrank, q_value_bh_logrank, observed_high, "
            f"observed_low, {_permuted(published)} FROM {SCREEN} WHERE hgnc_symbol = ? AND model = 'median_split'",
            [gene],
        )
    }

    def in_words(choice: str) -> str:
        high, low = sizes[choice, "high"], sizes[choice, "low"]
        return f"{published.in_words(choice)}: {high} high, {low} low{tests.get(choice, '')}"

    options = tuple((choice, in_words(choice)) for choice in choices)
    columns = {**found, "has_censored": [bool(count) for count in found["n_censored"]]}
    traces = step_curves("expression_group", (("high", "high expression"), ("low", "low expression")))
    return Figure(
        ident=f"km-{gene}",
        title=f"Kaplan-Meier curves of {gene}",
        caption="Patients above the median expression against the rest, with 95 % bands; ticks are censored patients.",
        alternative=(
            f"Survival curves of {gene}, high against low expression: {'; '.join(map(published.in_words, choices))}. "
            "Numbers at risk are in the table that follows; the curves' points are in the CSV."
        ),
        columns=columns,
        traces=traces,
        layout={
            "xaxis": axis("months", rangemode="tozero"),
            "yaxis": axis("survival", range=[0, 1.02], tickformat=".0%"),
        },
        height=440,
        selectors=(Selector("cohort_endpoint", "Endpoint", options),),
        n="; ".join(label for _, label in options),
        method="Kaplan-Meier, 95 % limits by the log transform; groups split at the median",
        tables=[(CURVES, published.stamp(CURVES)["data_version"])],
        sql=sql,
    )


def numbers_at_risk(published: Published, gene: str, cohort_id: str) -> str:
    """Patients still followed at fixed times: those whose time is not shorter."""
    counts = published.rows(
        f"""
        SELECT endpoint, expression_group, t.month, coalesce(min_by(n_at_risk, time_months), 0) AS at_risk
        FROM (SELECT unnest({list(RISK_TIMES)}) AS month) AS t
        CROSS JOIN (SELECT DISTINCT endpoint, expression_group FROM {CURVES} WHERE hgnc_symbol = $gene
            AND cohort_id = $cohort) AS g
        LEFT JOIN {CURVES} AS k USING (endpoint, expression_group)
        WHERE k.hgnc_symbol = $gene AND k.cohort_id = $cohort AND k.time_months >= t.month
        GROUP BY ALL
        """,
        {"gene": gene, "cohort": cohort_id},
    )
    found = {(row["endpoint"], row["expression_group"], row["month"]): row["at_risk"] for row in counts}
    screen = {
        row["endpoint"]: row
        for row in published.rows(
            f"SELECT * FROM {SCREEN} WHERE cohort_id = ? AND hgnc_symbol = ? AND model = 'median_split'",
            [cohort_id, gene],
        )
    }
    rows = []
    for endpoint in [name for name in ("OS", "DSS", "DFS", "PFS") if (name, "high", 0) in found]:
        for group in ("high", "low"):
            row: dict[str, Any] = {"endpoint": endpoint, "group": group}
            row.update({str(month): found.get((endpoint, group, month), 0) for month in RISK_TIMES})
            row["median"] = screen.get(endpoint, {}).get(f"median_survival_months_{group}")
            if group == "high":
                row |= {name: screen.get(endpoint, {}).get(name) for name in ("p_logrank", "p_permutation")}
            rows.append(row)
    headings = [
        Heading("endpoint", "Endpoint"),
        Heading("group", "Expression"),
        *(Heading(str(month), f"{month} mo", "patients at risk", True) for month in RISK_TIMES),
        Heading("median", "Median, months", "Kaplan-Meier; a dot where it was not reached", True),
        Heading("p_logrank", "p log-rank", "high against low", True),
        Heading("p_permutation", "p permutation", "in its place where a group is below the declared minimum", True),
    ]
    cohort = published.titles.get(cohort_id, cohort_id)
    return table(f"Numbers at risk: {gene} in {cohort}", headings, rows, is_searchable=False)
