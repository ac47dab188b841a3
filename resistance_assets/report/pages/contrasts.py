"""One page per contrast and method: volcano, mean against change, heat map of the samples, and its lists."""

from __future__ import annotations

from typing import Any

from resistance_assets.report.explain.text import arms_in_words
from resistance_assets.report.figures import Figure, axis, frame_of, line_at, minus_log10, name_points, outside
from resistance_assets.report.html import Heading, Markup, Page, facts, joined, link, prose, table
from resistance_assets.report.paths import contrast_path, gene_path
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literal

GENES = "core.deg__contrast_genes"
COMPONENTS = "core.studies__principal_components"
RECOGNITION = "staging.genes__name_recognition"
LABELLED = 25
HEAT_MAP_GENES = 40
MOST_HEAT_MAP_SAMPLES = 80
MOST_LISTED = 1000
MOST_UNTESTED = 100


def contrast_pages(published: Published, gene_pages: set[str]) -> list[Page]:
    """The index of contrasts, and one page per contrast and method that has results."""
    done = published.rows(
        f"""
        SELECT d.*, c.study_title, t.genes_tested FROM core.deg__contrasts AS d
        INNER JOIN raw.catalog__contrasts AS c ON c.contrast_id = d.contrast_id
        INNER JOIN (
            -- A table may have been published with q-values alone.
            SELECT contrast_id, method, count(coalesce(p_value, q_value_bh)) AS genes_tested FROM {GENES} GROUP BY ALL
        ) AS t ON t.contrast_id = d.contrast_id AND t.method = d.method
        ORDER BY d.contrast_id, list_position(string_split(c.methods, '|'), d.method)
        """
    )
    return [_index(published, done), *(_contrast_page(published, row, gene_pages) for row in done)]


def _index(published: Published, done: list[dict[str, Any]]) -> Page:
    page = Page("contrasts.html", "Contrasts")
    page.paragraph(
        "Which genes differ between two groups of samples: the numerator over the denominator.",
        Markup(
            "A contrast whose design cannot support a p-value is <em>effect only</em>: it has fold changes and no test."
        ),
    )
    rows = [
        {
            **row,
            "name": link(
                contrast_path(row["contrast_id"], row["method"]),
                published.contrast_titles.get(row["contrast_id"], row["contrast_id"]),
            ),
            "compared": published.groups_in_words(row),
            "samples": arms_in_words(row),
            "id": str(row["contrast_id"]),
        }
        for row in done
    ]
    headings = [
        Heading("name", "Contrast"),
        Heading("method", "Method"),
        Heading("drug", "Drug"),
        Heading("drug_class", "Drug class"),
        Heading("compared", "Compared"),
        Heading("samples", "Samples"),
        Heading("evidence_kind", "Evidence"),
        Heading("genes_tested", "Genes tested", None, True),
        Heading("genes_up", "Up", "genes beyond both thresholds of the contrast", True),
        Heading("genes_down", "Down", "genes beyond both thresholds of the contrast", True),
        Heading("id", "Id"),
    ]
    page.add(table("Contrasts with results", headings, rows, filter_by=("method", "evidence_kind")))
    loaded = {row["contrast_id"] for row in done}
    absent = [
        {**row, "why": published.why_absent(row["study_id"])}
        for row in published.rows("SELECT * FROM raw.catalog__contrasts ORDER BY contrast_id")
        if row["contrast_id"] not in loaded
    ]
    if absent:
        headings = [
            Heading("contrast_id", "Contrast"),
            Heading("drug", "Drug"),
            Heading("study_title", "Study"),
            Heading("why", "Why it has no results"),
        ]
        page.add(table("Declared, but without results in this release", headings, absent))
    return page


def _contrast_page(published: Published, contrast: dict[str, Any], gene_pages: set[str]) -> Page:
    contrast_id, method = contrast["contrast_id"], contrast["method"]
    title = published.contrast_titles.get(contrast_id, contrast_id)
    page = Page(contrast_path(contrast_id, method), f"{title}, {method}")
    page.add(
        facts(
            [
                ("Contrast", str(contrast_id)),
                ("Compared", published.groups_in_words(contrast)),
                ("Study", contrast["study_title"]),
                ("Drug", f"{contrast['drug']} ({contrast['drug_class']})" if contrast["drug"] else None),
                ("Samples", arms_in_words(contrast, " against ")),
                ("Method", method),
                ("Evidence", contrast["evidence_kind"].replace("_", " ")),
                ("Gene names", _names_recognised(published, contrast["study_id"])),
                *(
                    [("Genes tested", contrast["genes_tested"] or None), ("Listed where", _rule(contrast))]
                    if _is_tested(contrast)
                    else [("Genes tested", "none: the design supports fold changes alone")]
                ),
            ]
        )
    )
    sql = f"""SELECT hgnc_symbol, log2_fold_change, base_mean, average_expression_log2, p_value, q_value_bh
FROM {GENES}
WHERE contrast_id = {literal(contrast_id)} AND method = {literal(method)} AND log2_fold_change IS NOT NULL
ORDER BY p_value NULLS LAST, abs(log2_fold_change) DESC, hgnc_symbol"""
    columns = published.columns(sql)
    if columns["hgnc_symbol"]:
        drawn = _columns(columns, contrast)
        said = {
            "n": f"{arms_in_words(contrast, ' against ')} samples; {len(drawn['gene']):,} genes",
            "method": _method_in_words(contrast),
            "tables": [(GENES, published.stamp(GENES)["data_version"])],
            "sql": sql,
        }
        has_volcano = bool(contrast["genes_with_p_value"])
        if has_volcano:
            page.figure(_volcano(drawn, contrast, published.genes_of_interest, said))
        else:
            lacks = "has q-values, and no p-values to draw" if _is_tested(contrast) else "was not tested"
            why = _why_no_p(published, contrast_id, method)
            page.paragraph(f"There is no volcano plot: this contrast {lacks}. {why[:1].upper()}{why[1:]}.")
        if mean_title := _mean_title(columns):
            page.figure(_mean_against_change(drawn, mean_title, "volcano" if has_volcano else None, said))
    heat_map = _heat_map(published, contrast)
    if heat_map:
        page.figure(heat_map)
    _add_components(published, page, contrast)
    page.heading("Genes of its lists" if _is_tested(contrast) else "Largest fold changes")
    _list_table(published, page, contrast, gene_pages)
    sources = published.loaded_sources_of(contrast["study_id"])
    if sources:
        files = joined(
            prose("{name} (SHA-256 <code>{sum}</code>)", name=one["source_id"], sum=(one["sha256"] or "none")[:12])
            for one in sources
        )
        whole = link(page.root + "sources.html", "sources")
        page.paragraph(prose("From {files}. Whole checksums: {whole}.", files=files, whole=whole))
    return page


def _names_recognised(published: Published, study_id: str) -> str | None:
    """How many gene names of the contrast's study are known, in words."""
    if not published.has(RECOGNITION):
        return None
    return published.value(
        f"SELECT statement FROM {RECOGNITION} WHERE dataset_id = ? AND measurement = 'features'", [study_id]
    )


def _is_tested(contrast: dict[str, Any]) -> bool:
    """Whether the contrast has p- or q-values; its page speaks of neither where it has none."""
    return contrast["evidence_kind"] == "inferential"


def _method_in_words(contrast: dict[str, Any]) -> str:
    if not _is_tested(contrast):
        return f"{contrast['method']}; fold changes without a test"
    if contrast["method"] == "published":
        return "as published"
    return f"{contrast['method']}; two-sided p; q Benjamini-Hochberg within the contrast"


def _add_components(published: Published, page: Page, contrast: dict[str, Any]) -> None:
    """Principal components of the study's samples: what else than the contrast may stand behind its genes."""
    if not published.has(COMPONENTS):
        return
    rows = published.rows(
        f"""SELECT component, share_of_variance, attribute_id, r_squared, p_value, confounding FROM {COMPONENTS}
        WHERE study_id = ? AND r_squared IS NOT NULL ORDER BY component, r_squared DESC, attribute_id""",
        [contrast["study_id"]],
    )
    if not rows:
        return
    page.heading("Principal components of the study's samples")
    for line in dict.fromkeys(row["confounding"] for row in rows if row["confounding"]):
        page.paragraph(f"Confounding: {line}.")
    page.figure(_component_figure(published, contrast))
    headings = [
        Heading("component", "Component", "the largest first", True),
        Heading("share_of_variance", "Share", "of the variance of the 500 genes that vary most", True),
        Heading("attribute_id", "Column", "of the sample sheet"),
        Heading("r_squared", "R squared", "share of the component that the column explains", True),
        Heading("p_value", "p of F", "association with the component; says nothing of any gene", True),
    ]
    if not _is_tested(contrast):
        headings.pop()
    page.add(table("What the components go with", headings, rows, filter_by=("attribute_id",)))


def _component_figure(published: Published, contrast: dict[str, Any]) -> Figure:
    """Share of the variance of each component, and what of it each column of the sample sheet explains."""
    sql = f"""SELECT component, share_of_variance, attribute_id, is_factor, n_samples, r_squared, p_value
FROM {COMPONENTS}
WHERE study_id = {literal(contrast["study_id"])}
ORDER BY component, NOT is_factor, attribute_id"""
    found = published.columns(sql)
    shares = dict(zip(found["component"], found["share_of_variance"], strict=True))
    tested = {
        name: f"{name} (factor)" if is_factor else name
        for name, is_factor, explained in zip(
            found["attribute_id"], found["is_factor"], found["r_squared"], strict=True
        )
        if explained is not None
    }
    explained = dict(zip(zip(found["component"], found["attribute_id"], strict=True), found["r_squared"], strict=True))
    names = {at: f"PC{at} ({share:.0%})" for at, share in shares.items()}
    strongest = [
        f"{names[at]}: {max(tested, key=lambda name, at=at: explained.get((at, name)) or 0.0)}" for at in shares
    ]
    return Figure(
        ident="components",
        title="What the principal components of the samples go with",
        caption=(
            "Colour: share of a component that a column of the sample sheet explains (R squared); the factor of a "
            "contrast is marked. Bars: share of the variance. A large component that goes with another column than the "
            "factor is a batch, or another effect."
        ),
        alternative=f"Heat map of components by columns. The column that explains most of {'; '.join(strongest)}.",
        columns=found,
        traces=[
            {
                "type": "heatmap", "x": list(tested.values()), "y": list(names.values()),
                "z": [[_cut(explained.get((at, name))) for name in tested] for at in names],
                "zmin": 0, "zmax": 1, "colorscale": [[0, "@ground"], [1, "@up"]], "xgap": 1, "ygap": 1,
                "texttemplate": "%{z:.2f}",
                "colorbar": {"title": {"text": "R squared", "side": "right"}, "thickness": 12},
                "hovertemplate": "<b>%{y}</b><br>%{x}<br>R squared %{z:.2f}<extra></extra>",
            },
            {
                "type": "bar", "orientation": "h", "x": [_cut(share) for share in shares.values()],
                "y": list(names.values()), "xaxis": "x2", "showlegend": False, "marker": {"color": "@down"},
                "hovertemplate": "<b>%{y}</b><br>%{x:.0%} of the variance<extra></extra>",
            },
        ],
        layout={
            "xaxis": axis("", domain=[0, 0.74], tickangle=-30, showgrid=False),
            "xaxis2": axis("share of variance", domain=[0.78, 1], tickformat=".0%", rangemode="tozero"),
            "yaxis": axis("", autorange="reversed", showgrid=False),
        },
        height=190 + 34 * len(names),
        n=f"{max(found['n_samples'])} samples",
        method="principal components of the 500 genes that vary most; R squared is eta squared for categories",
        tables=[(COMPONENTS, published.stamp(COMPONENTS)["data_version"])],
        sql=sql,
    )  # fmt: skip


def _rule(contrast: dict[str, Any]) -> str:
    return f"q < {contrast['q_value_threshold']:g} and |log2 FC| > {contrast['abs_log2_fold_change_threshold']:g}"


def _columns(columns: dict[str, list[Any]], contrast: dict[str, Any]) -> dict[str, list[Any]]:
    q_most, least = contrast["q_value_threshold"], contrast["abs_log2_fold_change_threshold"]

    def group(q: float | None, change: float) -> str:
        if q is None or q >= q_most or abs(change) <= least:
            return "none"
        return "up" if change > 0 else "down"

    has_base_mean = any(value is not None for value in columns["base_mean"])
    mean = (
        [None if m is None else (m if m > 0 else None) for m in columns["base_mean"]]
        if has_base_mean
        else columns["average_expression_log2"]
    )
    return {
        "gene": columns["hgnc_symbol"],
        "log2_fold_change": columns["log2_fold_change"],
        "p_value": columns["p_value"],
        "q_value_bh": columns["q_value_bh"],
        "mean_expression": mean,
        "group": [
            group(q, change) for q, change in zip(columns["q_value_bh"], columns["log2_fold_change"], strict=True)
        ],
    }


def _mean_title(columns: dict[str, list[Any]]) -> str | None:
    if any(value is not None for value in columns["base_mean"]):
        return "mean of normalised counts (log scale)"
    if any(value is not None for value in columns["average_expression_log2"]):
        return "average log2 expression"
    return None


SHAPES = {"up": "triangle-up", "down": "triangle-down", "none": "circle"}
NAMES = {"up": "up", "down": "down", "none": "not in a list"}


def _scatter(x: str, y: str, hover: str) -> list[dict[str, Any]]:
    return [
        {
            "type": "scattergl",
            "mode": "markers",
            "name": NAMES[group],
            "x": f"${x}",
            "y": f"${y}",
            "text": "$gene",
            "where": [["group", group]],
            "hovertemplate": f"<b>%{{text}}</b><br>{hover}<extra></extra>",
            "marker": {
                "color": f"@{group}",
                "symbol": SHAPES[group],
                "size": 4 if group == "none" else 6,
                "opacity": 0.45 if group == "none" else 0.85,
            },
        }
        for group in ("none", "down", "up")
    ]


def _volcano(
    drawn: dict[str, list[Any]], contrast: dict[str, Any], marked: tuple[str, ...], said: dict[str, Any]
) -> Figure:
    heights = [minus_log10(p) for p in drawn["p_value"]]
    tested = [at for at, height in enumerate(heights) if height is not None]
    frames = (frame_of(drawn["log2_fold_change"], 0.0), (0.0, 1.06 * max(heights[at] or 0 for at in tested)))
    beyond_frame = outside(drawn["log2_fold_change"], frames[0])
    stray = f" {beyond_frame} genes lie outside the frame: double-click shows them." if beyond_frame else ""
    least = contrast["abs_log2_fold_change_threshold"]
    beyond = [
        p
        for p, q in zip(drawn["p_value"], drawn["q_value_bh"], strict=True)
        if q is not None and q < contrast["q_value_threshold"]
    ]
    lines = [line_at(x=least), line_at(x=-least)] if least else []
    if beyond:
        lines.append(line_at(y=minus_log10(max(beyond))))
    up, down = drawn["group"].count("up"), drawn["group"].count("down")
    hover = "log2 fold change %{x:.3f}<br>−log10 p %{y:.2f}"
    return Figure(
        ident="volcano",
        title="Volcano",
        caption=(
            "Each mark is a gene. Triangles are in the contrast's lists; dotted lines are their thresholds. Rings are "
            f"the genes of interest.{stray}"
        ),
        alternative=(
            f"Scatter plot of {len(drawn['gene']):,} genes: log2 fold change against minus log10 p. {up:,} genes are "
            f"listed up and {down:,} down. The strongest are {', '.join(_first_listed(drawn))}."
        ),
        columns=drawn,
        traces=[
            *_scatter("log2_fold_change", "minus_log10_p", hover),
            *name_points(
                drawn["gene"],
                drawn["log2_fold_change"],
                [height or 0.0 for height in heights],
                first=[at for at in tested if drawn["group"][at] != "none"][:LABELLED],
                interest=[at for at in tested if drawn["gene"][at] in marked],
                frames=frames,
            ),
        ],
        layout={
            "xaxis": axis("log2 fold change, numerator over denominator", range=frames[0]),
            "yaxis": axis("−log10 p", range=frames[1]),
            "shapes": lines,
        },
        height=520,
        derived={"minus_log10_p": "p_value"},
        find_by="gene",
        find_at=("log2_fold_change", "minus_log10_p"),
        **said,
    )


def _first_listed(drawn: dict[str, list[Any]], most: int = 5) -> list[str]:
    listed = [gene for gene, group in zip(drawn["gene"], drawn["group"], strict=True) if group != "none"]
    return listed[:most] or ["none"]


def _mean_against_change(drawn: dict[str, list[Any]], title: str, shares: str | None, said: dict[str, Any]) -> Figure:
    is_counts = "counts" in title
    return Figure(
        ident="ma",
        title="Change against mean expression (MA)",
        caption="Few reads make large changes that mean little: they fan out to the left.",
        alternative=f"Scatter plot of {len(drawn['gene']):,} genes: {title} against log2 fold change.",
        columns=drawn,
        shares=shares,
        traces=_scatter("mean_expression", "log2_fold_change", "mean %{x:.4g}<br>log2 fold change %{y:.3f}"),
        layout={
            "xaxis": axis(title, type="log", dtick=1) if is_counts else axis(title),
            "yaxis": axis("log2 fold change", range=frame_of(drawn["log2_fold_change"], 0.0)),
            "shapes": [line_at(y=0, dash="solid")],
        },
        height=400,
        **said,
    )


def _heat_map(published: Published, contrast: dict[str, Any]) -> Figure | None:
    """Samples of a count study by the contrast's first genes, as standardised log2 counts per million."""
    needed = ("raw.studies__gene_sample_counts", "raw.studies__samples")
    if not all(published.has(name) for name in needed):
        return None
    sql = f"""WITH groups AS (
    SELECT sample_id, value AS sample_group FROM raw.studies__samples
    WHERE study_id = {literal(contrast["study_id"])}
        AND value IN ({literal(contrast["numerator"])}, {literal(contrast["denominator"])})
),
first_genes AS (
    SELECT hgnc_symbol, source_symbol, log2_fold_change FROM {GENES}
    WHERE contrast_id = {literal(contrast["contrast_id"])} AND method = {literal(contrast["method"])}
    ORDER BY p_value NULLS LAST, abs(log2_fold_change) DESC, hgnc_symbol
    LIMIT {HEAT_MAP_GENES}
),
libraries AS (
    SELECT sample_id, sum(read_count) AS reads FROM raw.studies__gene_sample_counts
    WHERE study_id = {literal(contrast["study_id"])}
    GROUP BY sample_id
),
logs AS (
    SELECT f.hgnc_symbol, f.log2_fold_change, c.sample_id, g.sample_group,
        log2(1e6 * (c.read_count + 0.5) / (l.reads + 1)) AS log2_cpm
    FROM raw.studies__gene_sample_counts AS c
    INNER JOIN groups AS g ON g.sample_id = c.sample_id
    INNER JOIN libraries AS l ON l.sample_id = c.sample_id
    INNER JOIN first_genes AS f ON f.source_symbol = c.feature_id
    WHERE c.study_id = {literal(contrast["study_id"])}
)
SELECT hgnc_symbol, sample_id, sample_group, log2_cpm, log2_fold_change,
    (log2_cpm - avg(log2_cpm) OVER gene) / nullif(stddev_samp(log2_cpm) OVER gene, 0) AS standardised
FROM logs
WINDOW gene AS (PARTITION BY hgnc_symbol)
ORDER BY log2_fold_change, hgnc_symbol, sample_group = {literal(contrast["numerator"])}, sample_id"""
    found = published.rows(sql)
    samples = list(dict.fromkeys((row["sample_group"], row["sample_id"]) for row in found))
    if not found or len(samples) > MOST_HEAT_MAP_SAMPLES or len(samples) < 2:
        return None
    genes = list(dict.fromkeys(row["hgnc_symbol"] for row in found))
    cells = {(row["hgnc_symbol"], row["sample_id"]): row["standardised"] for row in found}
    names = [f"{group} · {sample}" for group, sample in samples]
    matrix = [[_cut(cells.get((gene, sample))) for _, sample in samples] for gene in genes]
    return Figure(
        ident="heatmap",
        title=f"Samples by the {len(genes)} strongest genes",
        caption="log2 counts per million, centred and scaled gene by gene; samples by group, genes by fold change.",
        alternative=(
            f"Heat map of {len(genes)} genes in {len(samples)} samples, "
            f"{contrast['denominator']} to the left and {contrast['numerator']} to the right."
        ),
        columns={
            "gene": [row["hgnc_symbol"] for row in found],
            "sample": [row["sample_id"] for row in found],
            "group": [row["sample_group"] for row in found],
            "log2_cpm": [row["log2_cpm"] for row in found],
            "standardised": [row["standardised"] for row in found],
        },
        traces=[
            {
                "type": "heatmap", "x": names, "y": genes, "z": matrix, "zmid": 0, "zmin": -3, "zmax": 3,
                "colorscale": [[0, "@down"], [0.5, "@ground"], [1, "@up"]], "xgap": 1 if len(samples) < 40 else 0,
                "colorbar": {"title": {"text": "SD", "side": "right"}, "thickness": 12},
                "hovertemplate": "<b>%{y}</b><br>%{x}<br>%{z:.2f} SD<extra></extra>",
            }
        ],
        layout={
            "xaxis": axis("", showticklabels=len(samples) <= 12, tickangle=-60, showgrid=False),
            "yaxis": axis("", tickfont={"size": 10}, dtick=1, showgrid=False),
            **_group_bounds(samples, contrast),
        },
        height=120 + 15 * len(genes),
        n=f"{len(samples)} samples",
        method="log2((reads + 0.5) / (library + 1) * 1e6), then minus mean over standard deviation of each gene",
        tables=[(name, published.stamp(name)["data_version"]) for name in (*needed, GENES)],
        sql=sql,
    )  # fmt: skip


def _group_bounds(samples: list[tuple[str, str]], contrast: dict[str, Any]) -> dict[str, Any]:
    first = sum(1 for group, _ in samples if group == contrast["denominator"])
    bound = {"type": "line", "x0": first - 0.5, "x1": first - 0.5, "yref": "paper", "y0": 0, "y1": 1}
    label = {"yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False}
    return {
        "shapes": [{**bound, "line": {"color": "@text", "width": 2}}],
        "annotations": [
            {**label, "x": (first - 1) / 2, "text": contrast["denominator"]},
            {**label, "x": first + (len(samples) - first - 1) / 2, "text": contrast["numerator"]},
        ],
        "margin": {"t": 28, "l": 60, "r": 15, "b": 50},
    }


def _cut(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _why_no_p(published: Published, contrast_id: str, method: str) -> str:
    return (
        published.value(
            f"SELECT any_value(p_value_note) FROM {GENES} WHERE contrast_id = ? AND method = ?",
            [contrast_id, method],
        )
        or "its design supports fold changes alone"
    )


def _list_table(published: Published, page: Page, contrast: dict[str, Any], gene_pages: set[str]) -> None:
    is_tested = _is_tested(contrast)
    condition = (
        "q_value_bh < $q AND abs(log2_fold_change) > $change"
        if is_tested
        else "log2_fold_change IS NOT NULL AND $q > 0"
    )
    order = "q_value_bh, p_value" if is_tested else "$change IS NULL"
    parameters = {
        "contrast": contrast["contrast_id"],
        "method": contrast["method"],
        "q": contrast["q_value_threshold"],
        "change": contrast["abs_log2_fold_change_threshold"],
    }
    rows = published.rows(
        f"""
        SELECT g.*, a.gene_name,
            g.hgnc_symbol IN (
                SELECT m.hgnc_symbol FROM core.gene_lists__members AS m
                INNER JOIN core.gene_lists__lists AS l ON l.list_id = m.list_id WHERE l.role = 'cancer_genes'
            ) AS is_cancer_gene
        FROM {GENES} AS g
        LEFT JOIN staging.genes__approved AS a ON a.hgnc_symbol = g.hgnc_symbol
        WHERE contrast_id = $contrast AND method = $method AND {condition}
        ORDER BY {order}, abs(log2_fold_change) DESC, g.hgnc_symbol
        """,
        parameters,
    )
    for row in rows:
        row["direction"] = "up" if row["log2_fold_change"] > 0 else "down"
        row["cancer"] = "yes" if row["is_cancer_gene"] else "no"
        if row["hgnc_symbol"] in gene_pages:
            row["gene"] = link(page.root + gene_path(row["hgnc_symbol"]), row["hgnc_symbol"])
        else:
            row["gene"] = row["hgnc_symbol"]
    headings = [
        Heading("gene", "Gene"),
        Heading("direction", "Direction"),
        Heading("log2_fold_change", "log2 FC", "numerator over denominator", True),
        Heading("standard_error", "SE", "standard error of log2 FC", True),
        Heading("p_value", "p", "two-sided", True),
        Heading("q_value_bh", "q (BH)", "Benjamini-Hochberg within the contrast", True),
        Heading("cancer", "Cancer gene", "in a published cancer gene list"),
        Heading("gene_name", "Name"),
    ]
    if not is_tested:
        headings = [heading for heading in headings if heading.key not in ("standard_error", "p_value", "q_value_bh")]
    caption = _rule(contrast) if is_tested else "The largest fold changes, without any test"
    most = MOST_LISTED if is_tested else MOST_UNTESTED
    page.add(table(caption, headings, rows, filter_by=("direction", "cancer"), most=most))
