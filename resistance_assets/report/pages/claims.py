"""The claims report: what the papers state and what the warehouse finds.

A page per paper with the SQL of every claim, printed tables held against themselves, and every family of tests.
"""

from __future__ import annotations

import re
from typing import Any

from resistance_assets.report.explain.text import number
from resistance_assets.report.figures import Figure, axis, line_at
from resistance_assets.report.html import Heading, Markup, Page, facts, joined, link, prose, query_markup, table
from resistance_assets.report.pages.multiverse import multiverse_table, summaries
from resistance_assets.report.paths import paper_path
from resistance_assets.report.published import Published

CLAIMS = "marts.published_claims"
AUDIT = "core.claims__table2_audit"
HYPOTHESES = "meta.hypotheses_tested"
VERDICTS = {
    "reproduced": ("reproduced", "third", "circle"),
    "near": ("near", "down", "square"),
    "inconclusive": ("inconclusive", "none", "square-open"),
    "contradicted": ("contradicted", "up", "triangle-down"),
    "not_reproduced": ("not reproduced", "up", "x"),
    "synthetic": ("generated data", "muted", "circle-open"),
    "data_not_loaded": ("data not loaded", "none", "circle-open"),
    "data_not_public": ("data not public", "muted", "diamond-open"),
}
JUDGED = ("reproduced", "near", "inconclusive", "contradicted", "not_reproduced")
PRINTED_TABLES = "claims/printed_tables.html"
TESTED = "claims/hypotheses.html"
LAYERS = re.compile(r"\b(?:raw|staging|core|marts|meta)\.\w+")
# Columns of the claims report that a claim's own page shows, with what they are called.
FACTS = {
    "value": "Found",
    "n": "n",
    "events": "Events",
    "ci": "95 % interval",
    "p_value": "p",
    "q_value": "q in its family",
    "family": "Family",
    "family_tests": "Tests in it",
    "q_value_panel": "q in the paper's panel",
    "q_value_reported": "q of the printed p-values",
    "percentile": "Percentile among all genes, %",
    "rank": "Rank",
    "tested": "Genes tested the same way",
    "overlap": "Overlap",
    "expected_by_chance": "Expected by chance",
    "p_overlap": "p of the overlap",
    "p_implied": "p implied by ratio and interval",
    "events_implied": "Events implied",
    "events_per_variable": "Events per variable",
    "p_corrected": "p corrected for the choice of the cut",
    "n_claimed": "n as printed",
    "n_available": "n there is",
    "noise": "Genes by noise alone, at a BCV of 0.1, 0.2, 0.3, 0.4",
    "assessment": "Assessment",
    "note": "Note",
    "sources": "Computed from",
    "first_release_with_verdict": "Verdict since release",
}


def claim_pages(published: Published) -> list[Page]:
    """The claims report, its papers, the printed tables and the families of tests."""
    if not published.filled(CLAIMS):
        page = Page("claims.html", "What the papers state, and what the data say")
        page.paragraph(
            f"There is no claims report here: this release has no {CLAIMS}.", link(TESTED, "Every family of tests")
        )
        return [page, _hypotheses_page(published)]
    rows = published.rows(f"SELECT * FROM {CLAIMS} ORDER BY paper_id, claim_id")
    papers = list(dict.fromkeys(row["paper_id"] for row in rows))
    pages = [_claims_page(published, rows, papers)]
    pages += [_paper_page(published, paper, [row for row in rows if row["paper_id"] == paper]) for paper in papers]
    if published.filled(AUDIT):
        pages.append(_audit_page(published))
    return [*pages, _hypotheses_page(published)]


def _expectation(row: dict[str, Any]) -> str:
    if row["expected"] is None:
        return f"{row['direction']} {number(row['reference'])}"
    return number(row["expected"])


# ---- the claims report -------------------------------------------------------------------------------------------


def _claims_page(published: Published, rows: list[dict[str, Any]], papers: list[str]) -> Page:
    page = Page("claims.html", "What the papers state, and what the data say")
    page.paragraph(
        "Every figure of the papers, recomputed with each release. A verdict says whether the number comes out again; "
        "what it is worth is another matter, and stands beside it: its place among all genes tested the same way, its "
        "q, what chance alone would give."
    )
    stated = [row for row in rows if row["stated_by"] == "paper"]
    own = [row for row in rows if row["stated_by"] != "paper"]
    page.add(facts([("Stated by the papers", len(stated)), *_counts(stated)]))
    page.paragraph(
        "Our own checks are counted apart: figures that were found when the papers were checked on public data, and "
        "that no paper states."
    )
    page.add(facts([("Our own checks", len(own)), *_counts(own)]))
    links = [link(paper_path(paper), published.citation(paper)) for paper in papers]
    further = [link(TESTED, "every family of tests")]
    if published.filled(AUDIT):
        further.insert(0, link(PRINTED_TABLES, "printed tables held against themselves"))
    page.paragraph(
        prose("Claim by claim, with the SQL: {links}. Also: {further}.", links=joined(links), further=joined(further))
    )
    page.figure(_verdict_figure(published, rows, papers))
    if figure := _agreement(published, rows):
        page.figure(figure)
    if summaries(published):
        page.heading("Where the text allows several specifications")
        page.add(multiverse_table(published))
    page.heading("Every claim")
    shown = [
        {
            **row,
            "claim": link(f"{paper_path(row['paper_id'])}#{row['claim_id']}", row["statement"]),
            "stated": _expectation(row),
            "stated_sort": row["expected"],
            "said": VERDICTS[row["verdict"]][0],
            "impossible": "n impossible" if row["is_n_impossible"] else None,
        }
        for row in rows
    ]
    headings = [
        Heading("claim", "Claim"),
        Heading("paper_id", "Paper"),
        Heading("quantity", "Quantity"),
        Heading("stated", "Stated", None, True),
        Heading("value", "Found", None, True),
        Heading("said", "Verdict"),
        Heading("assessment", "Assessment", "what the figure is worth"),
        Heading("n", "n", None, True),
        Heading("impossible", "n"),
        Heading("p_value", "p", "not corrected", True),
        Heading("q_value", "q", "within the declared family", True),
        Heading("percentile", "Percentile", "among all genes tested the same way", True),
        Heading("verdict_reason", "Why"),
    ]
    page.add(table("Published claims", headings, shown, filter_by=("paper_id", "said")))
    return page


def _counts(rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Claims by verdict, without the verdicts that none has."""
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in VERDICTS}
    return [(VERDICTS[name][0].capitalize(), count) for name, count in counts.items() if count]


def _verdict_figure(published: Published, rows: list[dict[str, Any]], papers: list[str]) -> Figure:
    sql = f"""SELECT paper_id, verdict, count(*) AS claims FROM {CLAIMS}
WHERE stated_by = 'paper' GROUP BY ALL ORDER BY ALL"""
    rows = [row for row in rows if row["stated_by"] == "paper"]
    found = published.columns(sql)
    names = [published.citation(paper) for paper in papers]
    said = [
        f"{published.citation(paper)}: "
        + ", ".join(
            f"{sum(r['paper_id'] == paper and r['verdict'] == v for r in rows)} {VERDICTS[v][0]}" for v in VERDICTS
        )
        for paper in papers
    ]
    return Figure(
        ident="verdicts",
        title="Verdicts on what each paper states",
        caption="Private data can be judged only where a laboratory brings its own.",
        alternative=f"Bars of claims by verdict. {'; '.join(said)}.",
        columns={"paper": [published.citation(paper) for paper in found["paper_id"]], **found},
        traces=[
            {
                "type": "bar", "orientation": "h", "name": label, "x": "$claims", "y": "$paper",
                "where": [["verdict", verdict]], "text": "$claims", "textposition": "inside",
                "insidetextanchor": "middle", "textangle": 0, "textfont": {"color": "@ground"},
                "constraintext": "none", "marker": {"color": f"@{role}"},
                "hovertemplate": f"%{{y}}: %{{x}} {label}<extra></extra>",
            }
            for verdict, (label, role, _) in VERDICTS.items()
            if verdict in found["verdict"]
        ],
        layout={
            "barmode": "stack",
            "xaxis": axis("claims"),
            "yaxis": axis("", type="category", categoryorder="array", categoryarray=names[::-1]),
        },
        height=130 + 52 * len(papers),
        least_width=560,
        n=f"{len(rows)} claims of {len(papers)} papers",
        method="each claim's tolerance is declared beside it in the catalog, before it is computed",
        tables=[(CLAIMS, published.stamp(CLAIMS)["data_version"])],
        sql=sql,
    )  # fmt: skip


def _agreement(published: Published, rows: list[dict[str, Any]]) -> Figure | None:
    """Numbers as stated against the same as found, both relative to what was stated."""
    sql = f"""SELECT claim_id, paper_id, statement, quantity, expected, value, value / expected AS found_over_stated,
    verdict, n, p_value, q_value
FROM {CLAIMS}
WHERE expected <> 0 AND value IS NOT NULL AND value / expected > 0
ORDER BY paper_id DESC, claim_id DESC"""
    found = published.columns(sql)
    if len(found["claim_id"]) < 2:
        return None
    ratios = found["found_over_stated"]
    said = [
        f"{name} {number(ratio)}" for name, ratio in zip(found["claim_id"], ratios, strict=True) if abs(ratio - 1) > 0.1
    ]
    return Figure(
        ident="agreement",
        title="Found over stated",
        caption="Claims that state a number, by how far the recomputed one is from it; 1 is the same number.",
        alternative=(
            f"Dot plot of {len(ratios)} claims: the number found over the number stated. Beyond a tenth: "
            f"{', '.join(said[:12]) or 'none'}."
        ),
        columns=found,
        traces=[
            {
                "type": "scatter", "mode": "markers", "name": label, "x": "$found_over_stated", "y": "$claim_id",
                "where": [["verdict", verdict]], "text": "$statement",
                "marker": {"color": f"@{role}", "symbol": symbol, "size": 10},
                "hovertemplate": "%{text}<br>found over stated %{x:.3f}<extra></extra>",
            }
            for verdict, (label, role, symbol) in VERDICTS.items()
            if verdict in found["verdict"]
        ],
        layout={
            "xaxis": axis("found over stated (log scale)", type="log", dtick="D2"),
            "yaxis": axis("", type="category", categoryorder="array", categoryarray=found["claim_id"],
                          tickfont={"size": 11}, range=[-0.8, len(ratios) - 0.2]),
            "shapes": [line_at(x=1, dash="solid")],
        },
        height=130 + 22 * len(ratios),
        least_width=620,
        n=f"{len(ratios)} claims with a number, of {len(rows)}",
        method="the SQL of each claim is on its paper's page",
        tables=[(CLAIMS, published.stamp(CLAIMS)["data_version"])],
        sql=sql,
    )  # fmt: skip


# ---- a paper ---------------------------------------------------------------------------------------------------------


def _paper_page(published: Published, paper: str, rows: list[dict[str, Any]]) -> Page:
    about = published.papers.get(paper, {})
    page = Page(paper_path(paper), f"{about.get('citation', paper)}: {about.get('title', 'its claims')}")
    doi = about.get("doi")
    stated = [row for row in rows if row["stated_by"] == "paper"]
    page.add(
        facts(
            [
                ("DOI", link(f"https://doi.org/{doi}", doi) if doi else None),
                ("Note", about.get("note")),
                ("Stated by the paper", len(stated)),
                ("Recomputed", sum(row["verdict"] in JUDGED for row in stated)),
                *_counts(stated),
                ("Our own checks", len(rows) - len(stated)),
            ]
        )
    )
    headings = [
        Heading("claim", "Claim"),
        Heading("quantity", "Quantity"),
        Heading("stated", "Stated", None, True),
        Heading("value", "Found", None, True),
        Heading("said", "Verdict"),
    ]
    listed = [
        {
            **row,
            "claim": link(f"#{row['claim_id']}", row["statement"]),
            "stated": _expectation(row),
            "stated_sort": row["expected"],
            "said": VERDICTS[row["verdict"]][0],
            "by": "the paper" if row["stated_by"] == "paper" else "our own check",
        }
        for row in rows
    ]
    headings.append(Heading("by", "Stated by"))
    page.add(table("Claims of this paper", headings, listed, filter_by=("said", "by")))
    page.heading("Claim by claim")
    for row in rows:
        _claim(published, page, row, published.declared_claims.get(row["claim_id"], {}))
    return page


def _claim(published: Published, page: Page, row: dict[str, Any], declared: dict[str, Any]) -> None:
    page.heading(row["statement"], 3, anchor=row["claim_id"])
    verdict = VERDICTS[row["verdict"]][0]
    page.paragraph(
        prose(
            '<strong class="verdict {kind}">{verdict}</strong>: {quantity}, stated {stated}{tolerance}. {reason}',
            kind=row["verdict"],
            verdict=verdict,
            quantity=row["quantity"],
            stated=_expectation(row),
            tolerance=_tolerance(row, declared),
            reason=_sentence(row["verdict_reason"]),
        )
    )
    shown = {**row, "ci": _interval(row), "noise": _noise(row), "sources": _sources(row)}
    pairs = [(label, shown[name]) for name, label in FACTS.items() if shown.get(name) is not None]
    if row["is_n_impossible"]:
        pairs.append(("Flag", "the printed n is larger than the endpoint has"))
    page.add(facts(pairs))
    query = declared.get("sql")
    if query:
        addresses = sorted(set(LAYERS.findall(query)))
        versions = "; ".join(f"{one} (data version {published.stamp(one)['data_version']})" for one in addresses)
        page.add(query_markup(versions, query.strip()))
    else:
        page.paragraph(f"Nothing to compute: {declared.get('why_private') or 'no query is declared'}.")


def _sentence(reason: str | None) -> str:
    return f"{reason[0].upper()}{reason[1:]}." if reason else ""


def _tolerance(row: dict[str, Any], declared: dict[str, Any]) -> str:
    if row["tolerance"] is None:
        return ""
    near = declared.get("near_tolerance")
    return f" ± {number(row['tolerance'])}" + (f" (near: ± {number(near)})" if near else "")


def _interval(row: dict[str, Any]) -> str | None:
    return None if row["ci_lower"] is None else f"{number(row['ci_lower'])} to {number(row['ci_upper'])}"


def _noise(row: dict[str, Any]) -> str | None:
    found = [row[f"noise_bcv_0_{at}"] for at in range(1, 5)]
    return None if found[0] is None else ", ".join(f"{one:,.0f}" for one in found)


def _sources(row: dict[str, Any]) -> Markup | None:
    if not row["source_checksums"]:
        return None
    pairs = [part.partition("=") for part in row["source_checksums"].split("|")]
    return joined(prose("{name} (<code>{sum}</code>)", name=name, sum=checksum[:12]) for name, _, checksum in pairs)


# ---- printed tables --------------------------------------------------------------------------------------------------


def _audit_page(published: Published) -> Page:
    page = Page(PRINTED_TABLES, "Printed tables held against themselves")
    page.paragraph(
        "What can be checked without the data: whether hazard ratio, interval and p-value of a row agree, how many "
        "events they imply and how many that is per variable of the model, and what is left of the p-values after "
        "correction for everything that was tried. A row that agrees with itself is not thereby reproduced."
    )
    rows = published.rows(f"SELECT * FROM {AUDIT} ORDER BY table_id, model DESC, endpoint DESC, p_value_reported")
    families = published.rows(
        f"""
        SELECT table_id, endpoint, min(p_value_reported) AS best_p, min(q_value_bh_family) AS best_q,
            max(family_tests) AS tests, count(*) AS shown, median(events_implied_of_endpoint) AS events
        FROM {AUDIT} WHERE model = 'univariable' GROUP BY ALL ORDER BY ALL
        """
    )
    headings = [
        Heading("table_id", "Table"),
        Heading("endpoint", "Endpoint"),
        Heading("tests", "Variables tried", None, True),
        Heading("shown", "Shown", "those with p < 0.05", True),
        Heading("best_p", "Smallest p", "as printed", True),
        Heading("best_q", "Smallest q", "Benjamini-Hochberg over all that were tried", True),
        Heading("events", "Events implied", "median over the rows", True),
    ]
    page.add(table("After correction for everything tried", headings, families))
    if figure := _audit_figure(published):
        page.figure(figure)
    for row in rows:
        row["agrees"] = "not checkable" if row["is_consistent"] is None else "yes" if row["is_consistent"] else "no"
        row["interval"] = _interval(row)
        low, high = row["p_value_implied_lowest"], row["p_value_implied_highest"]
        row["implied"] = None if low is None else f"{number(low)} to {number(high)}"
    headings = [
        Heading("label", "Variable"),
        Heading("table_id", "Table"),
        Heading("endpoint", "Endpoint"),
        Heading("model", "Model"),
        Heading("hazard_ratio", "HR", "as printed", True),
        Heading("interval", "95 % CI", "as printed", True),
        Heading("p_value_reported", "p", "as printed", True),
        Heading("p_value_implied", "p implied", "by ratio and interval", True),
        Heading("implied", "Implied range", "over the rounding of what is printed"),
        Heading("agrees", "Agrees"),
        Heading("q_value_bh_family", "q (BH)", "over all variables tried", True),
        Heading("events_implied", "Events implied", "by the width of the interval", True),
        Heading("events_per_variable", "Events per variable", None, True),
    ]
    page.add(table("Row by row", headings, rows, filter_by=("endpoint", "model", "agrees")))
    return page


def _audit_figure(published: Published) -> Figure | None:
    sql = f"""SELECT table_id, label, endpoint, model, endpoint || ' ' || label AS endpoint_and_label, hazard_ratio,
    ci_lower, ci_upper, p_value_reported, p_value_implied, p_value_implied_lowest, p_value_implied_highest,
    is_consistent, q_value_bh_family
FROM {AUDIT}
WHERE model = 'univariable' AND p_value_implied IS NOT NULL
ORDER BY endpoint, p_value_reported DESC"""
    found = published.columns(sql)
    if not found["label"]:
        return None
    middle = found["p_value_implied"]
    columns = {
        **found,
        "above": [high - p for p, high in zip(middle, found["p_value_implied_highest"], strict=True)],
        "below": [p - low for p, low in zip(middle, found["p_value_implied_lowest"], strict=True)],
    }
    outside = [
        name
        for name, agrees in zip(found["endpoint_and_label"], found["is_consistent"], strict=True)
        if agrees is False
    ]
    mark = {"type": "scatter", "mode": "markers", "y": "$endpoint_and_label"}
    return Figure(
        ident="printed-p-values",
        title="Printed p, implied p, and q",
        caption=(
            "Bars: p-values that the printed ratio and interval allow, given their rounding. A printed p outside its "
            "bar does not belong to its row. q is what is left after correction for all variables that were tried."
        ),
        alternative=(
            f"Printed and implied p-values of {len(middle)} univariable models. Outside the implied range: "
            f"{', '.join(outside) or 'none'}. Smallest q {number(min(q for q in found['q_value_bh_family'] if q))}."
        ),
        columns=columns,
        traces=[
            {
                **mark, "name": "p implied by ratio and interval", "x": "$p_value_implied",
                "marker": {"color": "@none", "symbol": "line-ns-open", "size": 10},
                "error_x": {"type": "data", "array": "$above", "arrayminus": "$below", "color": "@none", "thickness": 6,
                            "width": 0},
                "hovertemplate": "%{y}: implied p %{x:.3g}<extra></extra>",
            },
            {
                **mark, "name": "p as printed", "x": "$p_value_reported",
                "marker": {"color": "@down", "symbol": "circle", "size": 10},
                "hovertemplate": "%{y}: printed p %{x:.3g}<extra></extra>",
            },
            {
                **mark, "name": "q over all tried", "x": "$q_value_bh_family",
                "marker": {"color": "@up", "symbol": "diamond", "size": 10},
                "hovertemplate": "%{y}: q %{x:.3g}<extra></extra>",
            },
        ],
        layout={
            "xaxis": axis("p or q (log scale)", type="log", tickvals=[0.001, 0.003, 0.01, 0.03, 0.05, 0.1, 0.2],
                          ticktext=["0.001", "0.003", "0.01", "0.03", "0.05", "0.1", "0.2"]),
            "yaxis": axis("", type="category"),
            "shapes": [line_at(x=0.05)],
        },
        height=150 + 26 * len(middle),
        n=f"{len(middle)} rows of printed tables",
        method="Wald test from the logarithm of the ratio and the width of its interval; q Benjamini-Hochberg",
        tables=[(AUDIT, published.stamp(AUDIT)["data_version"])],
        sql=sql,
    )  # fmt: skip


# ---- families of tests -----------------------------------------------------------------------------------------------


def _hypotheses_page(published: Published) -> Page:
    page = Page(TESTED, "How much was tested")
    page.paragraph(
        "Every family of tests of this release. A family is corrected on its own, and nothing corrects across "
        "families: who looks into many of them will find something in one. Where nothing is going on, five in a "
        "hundred p-values are below 0.05; a family with many more has much going on, and a single small p in it "
        "says little."
    )
    if figure := _families(published):
        page.figure(figure)
    rows = published.rows(f"SELECT * FROM {HYPOTHESES} ORDER BY analysis, family")
    for row in rows:
        row["expected"] = 0.05 * row["n_tests"]
        row["share"] = row["n_below_0_05"] / row["n_tests"] if row["n_tests"] else None
    headings = [
        Heading("family", "Family"),
        Heading("analysis", "Table"),
        Heading("n_tests", "Tests", None, True),
        Heading("n_below_0_05", "p < 0.05", None, True),
        Heading("expected", "Expected", "p < 0.05 were there nothing to find", True),
        Heading("share", "Share", "p < 0.05 over tests", True),
        Heading("n_q_below_0_05", "q < 0.05", None, True),
        Heading("correction", "Correction"),
    ]
    page.add(table("Families of tests", headings, rows, filter_by=("analysis",)))
    return page


def _families(published: Published) -> Figure | None:
    sql = f"""SELECT analysis, family, n_tests, n_below_0_05, n_below_0_05 / n_tests AS share_below_0_05, n_q_below_0_05
FROM {HYPOTHESES}
WHERE n_tests >= 20
ORDER BY analysis, family"""
    found = published.columns(sql)
    if not found["family"]:
        return None
    many = sorted(
        zip(found["share_below_0_05"], found["analysis"], found["family"], strict=True), key=lambda one: -one[0]
    )
    return Figure(
        ident="families",
        title="Share of p-values below 0.05",
        caption="One mark per family of 20 tests or more; the line is what chance gives. Filled: some q < 0.05.",
        alternative=(
            f"Scatter plot of {len(many)} families of tests: how many tests against the share with p below 0.05. "
            "Highest: " + "; ".join(f"{name}, {family}: {share:.0%}" for share, name, family in many[:4]) + "."
        ),
        columns={**found, "finds": ["yes" if n else "no" for n in found["n_q_below_0_05"]]},
        traces=[
            {
                "type": "scatter", "mode": "markers", "name": label, "x": "$n_tests", "y": "$share_below_0_05",
                "text": "$family", "customdata": "$analysis", "where": [["finds", finds]],
                "marker": {"color": f"@{role}", "symbol": symbol, "size": 9},
                "hovertemplate": "%{customdata}<br>%{text}<br>%{x} tests, %{y:.1%} with p < 0.05<extra></extra>",
            }
            for finds, label, role, symbol in (
                ("yes", "some q < 0.05", "up", "circle"), ("no", "no q < 0.05", "down", "circle-open")
            )
            if any((n > 0) == (finds == "yes") for n in found["n_q_below_0_05"])
        ],
        layout={
            "xaxis": axis("tests in the family (log scale)", type="log", dtick=1),
            "yaxis": axis("share with p < 0.05", tickformat=".0%", rangemode="tozero"),
            "shapes": [line_at(y=0.05)],
        },
        n=f"{len(many)} families, {sum(found['n_tests']):,} tests",
        method="counted from the tables as they were published",
        tables=[("core.hypotheses_tested", published.stamp("core.hypotheses_tested")["data_version"])],
        sql=sql,
    )  # fmt: skip
