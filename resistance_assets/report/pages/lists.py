"""Gene lists held against one another, and against gene sets: UpSet plot, overlaps, enriched terms."""

from __future__ import annotations

from typing import Any

from markupsafe import escape

from resistance_assets.report.explain.text import number
from resistance_assets.report.figures import Figure, Selector, axis, line_at, minus_log10
from resistance_assets.report.html import Heading, Page, Shortened, table
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literals

MEMBERS = "core.gene_lists__members"
LISTS = "core.gene_lists__lists"
INTERSECTIONS = "core.intersections__sets"
TERMS = "core.enrichment__terms"
GSEA = "core.gsea__terms"
RUNNING_SUMS = "core.gsea__running_sums"
MOST_SETS = 12
MOST_COLUMNS = 24
TERMS_DRAWN = 12
MOST_TERMS = 800
GENES_SHOWN = 160


def intersections_page(published: Published) -> Page:
    page = Page("intersections.html", "Intersections")
    page.paragraph(
        "Which genes several lists share, and how many chance alone would give: the universe is what every contrast of "
        "a pair tested, so genes that could not have been in a list are not counted."
    )
    if figure := _upset(published):
        page.figure(figure)
    rows = published.rows(f"SELECT * FROM {INTERSECTIONS} ORDER BY p_value NULLS LAST, intersection_id")
    for row in rows:
        row["lists"] = published.list_titles.get(row["intersection_id"], row["intersection_id"])
        row["members"] = shortened_genes(row["genes"])
        row["id"] = str(row["intersection_id"])
    headings = [
        Heading("lists", "Lists"),
        Heading("size", "Shared", "genes in all lists", True),
        Heading("expected_by_chance", "Expected", "by chance", True),
        Heading("fold_over_chance", "Fold", "shared over expected", True),
        Heading("p_value", "p", "upper tail", True),
        Heading("q_value_bh", "q (BH)", "over all intersections", True),
        Heading("universe_size", "Universe", "genes that could have been in every list", True),
        Heading("p_value_method", "Method"),
        Heading("members", "Genes"),
        Heading("id", "Id"),
    ]
    page.add(table("Overlaps beside what chance would give", headings, rows))
    lists = published.rows(f"SELECT * FROM {LISTS} ORDER BY role, list_id")
    headings = [
        Heading("list_id", "List"),
        Heading("role", "Role"),
        Heading("rule", "Rule"),
        Heading("n_genes", "Genes", None, True),
        Heading("universe_size", "Universe", "genes that could have entered", True),
    ]
    page.add(table("Every gene list", headings, lists, filter_by=("role",)))
    return page


def _upset(published: Published) -> Figure | None:
    """Exclusive intersections of the leading method's lists and of the cancer gene lists."""
    chosen = published.rows(
        f"""
        SELECT l.list_id, l.n_genes, l.contrast_id, l.direction FROM {LISTS} AS l
        LEFT JOIN (SELECT DISTINCT contrast_id, method FROM marts.deg_by_contrast) AS d
            ON d.contrast_id = l.contrast_id
        WHERE l.n_genes > 0 AND (l.role = 'cancer_genes' OR l.method = d.method)
        ORDER BY l.role = 'cancer_genes', l.n_genes DESC, l.list_id
        """
    )
    lists = [row for row in chosen if row["n_genes"]][:MOST_SETS]
    if len(lists) < 2:
        return None
    names = [row["list_id"] for row in lists]
    sql = f"""WITH combinations AS (
    SELECT hgnc_symbol, list(list_id ORDER BY list_id) AS lists
    FROM {MEMBERS}
    WHERE list_id IN ({literals(names)})
    GROUP BY hgnc_symbol
)
SELECT array_to_string(lists, '|') AS lists, len(lists) AS n_lists, count(*) AS genes,
    array_to_string(list(hgnc_symbol ORDER BY hgnc_symbol), ' ') AS members
FROM combinations
GROUP BY lists
ORDER BY genes DESC, 1"""
    found = published.rows(sql)
    several = [row for row in found if row["n_lists"] > 1][:MOST_COLUMNS]
    single = [row for row in found if row["n_lists"] == 1]
    shown = sorted(several + single[: MOST_COLUMNS - len(several)], key=lambda row: -row["genes"])
    order = list(reversed(names))
    labels = [f"{_label(published, row)} ({row['n_genes']:,})" for row in lists]
    for row in found:
        row["titles"] = "<br>".join(str(escape(published.titles.get(one, one))) for one in row["lists"].split("|"))
    row_height = 24
    height = 300 + row_height * len(order)
    split = (row_height * len(order) + 30) / height
    return Figure(
        ident="upset",
        title="UpSet plot",
        caption=(
            "Each column counts the genes that are in exactly the lists whose dots are filled. "
            f"The {len(shown)} largest columns; list sizes in brackets."
        ),
        alternative="Genes in exactly these lists: "
        + "; ".join(f"{row['lists'].replace('|', ' and ')}: {row['genes']}" for row in several[:10])
        + ".",
        columns={
            "lists": [row["lists"] for row in found],
            "genes": [row["genes"] for row in found],
            "members": [row["members"] for row in found],
        },
        traces=_upset_traces(shown, order),
        layout={
            "xaxis": axis("", showticklabels=False, showgrid=False, zeroline=False, anchor="y2"),
            "yaxis": axis("genes", domain=[split, 1], rangemode="tozero"),
            "yaxis2": axis(
                "", domain=[0, split - 0.04], tickvals=list(range(len(order))), ticktext=list(reversed(labels)),
                showgrid=False, zeroline=False, range=[-0.6, len(order) - 0.4], tickfont={"size": 11},
            ),
            "bargap": 0.35,
        },
        height=height,
        least_width=720,
        n=f"{sum(row['genes'] for row in found):,} genes in {len(lists)} lists",
        method="exclusive intersections; lists of the leading method of each contrast",
        tables=[(name, published.stamp(name)["data_version"]) for name in (MEMBERS, LISTS)],
        sql=sql,
    )  # fmt: skip


def _label(published: Published, row: dict[str, Any]) -> str:
    """A list's label on the axis: of a contrast its short label, as the lists are of its leading method."""
    label = published.contrast_labels.get(row["contrast_id"])
    list_id: str = row["list_id"]
    return f"{label}, {row['direction']}" if label else published.titles.get(list_id, list_id)


def _upset_traces(shown: list[dict[str, Any]], order: list[str]) -> list[dict[str, Any]]:
    """Bars of the columns, and below them the dots of the lists that each is in, joined by a line."""
    filled_x, filled_y, bars, stems = [], [], [], []
    for at, row in enumerate(shown):
        inside = sorted(order.index(name) for name in row["lists"].split("|"))
        filled_x += [at] * len(inside)
        filled_y += inside
        bars.append(row["genes"])
        if len(inside) > 1:
            stems.append((at, inside[0], inside[-1]))
    empty = [(at, level) for at in range(len(shown)) for level in range(len(order))]
    stem_x = [value for at, _, _ in stems for value in (at, at, None)]
    stem_y = [value for _, low, high in stems for value in (low, high, None)]
    return [
        {
            "type": "bar", "x": list(range(len(shown))), "y": bars, "text": [f"{size:,}" for size in bars],
            "textposition": "outside", "cliponaxis": False, "marker": {"color": "@down"}, "showlegend": False,
            "hovertext": [row["titles"] for row in shown], "hoverinfo": "y+text",
            "xaxis": "x", "yaxis": "y",
        },
        {
            "type": "scatter", "mode": "markers", "x": [x for x, _ in empty], "y": [y for _, y in empty],
            "marker": {"size": 9, "color": "@grid"}, "hoverinfo": "skip", "showlegend": False, "yaxis": "y2",
        },
        {
            "type": "scatter", "mode": "lines", "x": stem_x, "y": stem_y, "line": {"color": "@text", "width": 2},
            "hoverinfo": "skip", "showlegend": False, "yaxis": "y2",
        },
        {
            "type": "scatter", "mode": "markers", "x": filled_x, "y": filled_y, "hoverinfo": "skip",
            "marker": {"size": 11, "color": "@text"}, "showlegend": False, "yaxis": "y2",
        },
    ]  # fmt: skip


def enrichment_page(published: Published) -> Page:
    page = Page("enrichment.html", "Enrichment")
    page.paragraph(
        "Gene sets that a list holds more of than chance would give, against the genes that were tested. Sets of one "
        "collection share genes, so neighbouring terms are not independent findings."
    )
    if figure := _dot_plot(published):
        page.figure(figure)
    rows = published.rows(
        f"""
        SELECT * FROM {TERMS} WHERE q_value_bh < 0.05
        ORDER BY q_value_bh, p_value, list_id, term_id
        """
    )
    for row in rows:
        row["found"] = f"{row['overlap']} of {row['set_size']}"
        row["found_sort"] = row["overlap"]
        row["circular"] = "yes" if row.get("is_circular") else "no"
        row["members"] = shortened_genes(row["genes"])
    headings = [
        Heading("term", "Term"),
        Heading("found", "Overlap", "genes of the list in the set", True),
        Heading("fold_enrichment", "Fold", "overlap over expected", True),
        Heading("p_value", "p", "hypergeometric upper tail", True),
        Heading("q_value_bh", "q (BH)", "within list and collection", True),
        Heading("collection", "Collection"),
        Heading("list_id", "List"),
        Heading("circular", "Circular", "the list was made from what the term says: no evidence"),
        Heading("members", "Genes"),
    ]
    page.add(
        table(
            "Enriched terms with q < 0.05",
            headings,
            rows,
            filter_by=("collection", "list_id", "circular"),
            most=MOST_TERMS,
        )
    )
    _gsea(published, page)
    return page


def _dot_plot(published: Published) -> Figure | None:
    sql = f"""SELECT list_id || ' · ' || collection AS list_and_collection, list_id, collection, term, overlap,
    set_size, universe_size, fold_enrichment, p_value, q_value_bh
FROM {TERMS}
WHERE overlap > 1
QUALIFY row_number() OVER (PARTITION BY list_id, collection ORDER BY p_value, term_id) <= {TERMS_DRAWN}
ORDER BY list_id, collection, p_value DESC, term_id DESC"""
    found = published.columns(sql)
    if not found["term"]:
        return None
    best: dict[str, float] = {}
    for choice, q in zip(found["list_and_collection"], found["q_value_bh"], strict=True):
        best[choice] = min(q, best.get(choice, 1.0))
    choices = sorted(best, key=lambda choice: (best[choice], choice))

    def in_words(choice: str) -> str:
        return " · ".join(published.titles.get(one, one) for one in choice.split(" · "))

    columns = {
        **found,
        "label": [name if len(name) <= 48 else f"{name[:46]}…" for name in found["term"]],
        "minus_log10_q": [minus_log10(q) for q in found["q_value_bh"]],
        "dot": [6 + 3.2 * overlap**0.5 for overlap in found["overlap"]],
        "hover": [
            f"{term}: {overlap} of {size}, q = {q:.2e}"
            for term, overlap, size, q in zip(
                found["term"], found["overlap"], found["set_size"], found["q_value_bh"], strict=True
            )
        ],
    }
    return Figure(
        ident="terms",
        title="Strongest terms of a list",
        caption=f"The {TERMS_DRAWN} smallest p-values; size is the overlap, shade is −log10 q (1.3 is q = 0.05).",
        alternative="Dot plot of enriched terms by fold enrichment. " + "; ".join(columns["hover"][-3:]) + ".",
        columns=columns,
        traces=[
            {
                "type": "scatter", "mode": "markers", "x": "$fold_enrichment", "y": "$label", "text": "$hover",
                "showlegend": False, "hovertemplate": "%{text}<br>fold %{x:.2f}<extra></extra>",
                "marker": {
                    "size": "$dot", "color": "$minus_log10_q", "cmin": 0, "cmax": 8,
                    "colorscale": [[0, "@grid"], [0.16, "@none"], [1, "@down"]],
                    "line": {"width": 1, "color": "@muted"},
                    "colorbar": {"title": {"text": "−log10 q", "side": "right"}, "thickness": 12},
                },
            }
        ],
        layout={
            "xaxis": axis("fold enrichment", rangemode="tozero"),
            "yaxis": axis("", type="category", tickfont={"size": 11}),
        },
        height=460,
        least_width=620,
        selectors=(
            Selector(
                "list_and_collection",
                "List and collection",
                tuple((choice, f"q {best[choice]:.1e}: {in_words(choice)}") for choice in choices),
            ),
        ),
        n=f"{min(found['universe_size']):,} to {max(found['universe_size']):,} genes tested",
        method="hypergeometric upper tail; q Benjamini-Hochberg within list and collection",
        tables=[(TERMS, published.stamp(TERMS)["data_version"])],
        sql=sql,
    )  # fmt: skip


def _gsea(published: Published, page: Page) -> None:
    """Gene set enrichment over the whole ranking, where the release has it."""
    if not published.filled(GSEA, "term", "collection", "normalised_enrichment_score", "q_value_bh"):
        return
    by = next((name for name in ("contrast_id", "list_id", "ranking_id") if published.has(GSEA, name)), None)
    columns = published.rows(
        f"SELECT * FROM {GSEA} ORDER BY q_value_bh NULLS LAST, abs(normalised_enrichment_score) DESC, term"
    )
    page.heading("Gene set enrichment over the whole ranking (GSEA)")
    if figure := _running_sums(published):
        page.figure(figure)
    headings = [
        Heading("term", "Term"),
        Heading("collection", "Collection"),
        *([Heading(by, "Ranking")] if by else []),
        Heading("set_size", "Size", "genes of the set in the ranking", True),
        Heading("enrichment_score", "ES", "enrichment score", True),
        Heading("normalised_enrichment_score", "NES", "normalised by sets of the same size", True),
        Heading("p_value", "p", None, True),
        Heading("q_value_bh", "q (BH)", None, True),
    ]
    kept = [heading for heading in headings if columns and heading.key in columns[0]]
    page.add(
        table(
            "GSEA terms, smallest q first",
            kept,
            columns,
            filter_by=("collection", *([by] if by else [])),
            most=MOST_TERMS,
        )
    )


def _running_sums(published: Published) -> Figure | None:
    """Running sums of the strongest terms of each ranking, with ticks at the genes of the set."""
    if not published.filled(RUNNING_SUMS):
        return None
    sql = f"""SELECT s.contrast_id || ', ' || s.method || ' · ' || t.term || ' (' || s.collection || ')'
        AS ranking_and_term,
    s.position, s.running_score, s.hgnc_symbol, s.ranking_metric, t.set_size, t.n_ranked, t.enrichment_score,
    t.normalised_enrichment_score, t.p_value, t.q_value_bh
FROM {RUNNING_SUMS} AS s
INNER JOIN {GSEA} AS t USING (contrast_id, method, collection, term_id)
ORDER BY s.contrast_id, s.method, t.enrichment_score > 0 DESC, t.p_value, t.term_id, s.collection, s.position"""
    columns = published.columns(sql)
    said: dict[str, str] = {}
    for at, name in enumerate(columns["ranking_and_term"]):
        if name not in said:
            score, q = columns["normalised_enrichment_score"][at], columns["q_value_bh"][at]
            said[name] = f"{published.in_words(name)}: NES {number(score)}, q {number(q)}"
    columns["is_member"] = [symbol is not None for symbol in columns["hgnc_symbol"]]
    columns["foot"] = [0.0] * len(columns["position"])
    sizes = columns["n_ranked"]
    return Figure(
        ident="running-sum",
        title="Running sum of a gene set",
        caption=(
            "Genes from the most raised to the most lowered; the sum rises at a gene of the set (tick), and falls "
            "between them. The strongest terms of each ranking."
        ),
        alternative="Running sums of gene sets along rankings. " + "; ".join(list(said.values())[:6]) + ".",
        columns=columns,
        traces=[
            {
                "type": "scatter", "mode": "lines", "x": "$position", "y": "$running_score", "showlegend": False,
                "line": {"color": "@down", "width": 2}, "hoverinfo": "skip",
            },
            {
                "type": "scatter", "mode": "markers", "x": "$position", "y": "$foot", "text": "$hgnc_symbol",
                "where": [["is_member", "true"]], "showlegend": False,
                "marker": {"symbol": "line-ns-open", "size": 14, "color": "@up"},
                "hovertemplate": "<b>%{text}</b> at %{x}<extra></extra>",
            },
        ],
        layout={
            "xaxis": axis("rank of the gene"),
            "yaxis": axis("running sum"),
            "shapes": [line_at(y=0, dash="solid")],
        },
        height=380,
        selectors=(Selector("ranking_and_term", "Ranking and term", tuple(said.items())),),
        n=f"{min(sizes):,} to {max(sizes):,} ranked genes",
        method="pre-ranked gene-set enrichment, weight 1; null of random sets of the same size",
        tables=[(name, published.stamp(name)["data_version"]) for name in (RUNNING_SUMS, GSEA)],
        sql=sql,
    )  # fmt: skip


def shortened_genes(genes: str | None) -> Shortened | str | None:
    """Genes joined by commas, the first of them where there are many; the file holds all."""
    if genes is None or len(genes) <= GENES_SHOWN:
        return genes and genes.replace(",", ", ")
    kept = genes[:GENES_SHOWN].rsplit(",", 1)[0]
    rest = genes.count(",") - kept.count(",")
    return Shortened(f"{kept.replace(',', ', ')} and {rest} more", genes.replace(",", ", "))
