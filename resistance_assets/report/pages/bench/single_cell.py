"""Page of single cells: quality, species, sources of genes, composition, pseudobulk, ligands and receptors, scores."""

from __future__ import annotations

from typing import Any

from resistance_assets.report.explain.text import number
from resistance_assets.report.figures import Figure, Selector, axis, frame_of, line_at, minus_log10
from resistance_assets.report.html import Heading, Page, table
from resistance_assets.report.pages.bench.studies import (
    COLOURS,
    SYMBOLS,
    BenchStudy,
    add_facts,
    add_notes,
    own_rows,
    studies_of,
    versions,
)
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literal

TITLE = "single cells"
CORE = "core.single_cell__"
SAMPLES, CELLS, SOURCES = f"{CORE}samples", f"{CORE}cells", f"{CORE}gene_cell_types"
SHARES, COMPOSITION = f"{CORE}sample_cell_types", f"{CORE}composition"
PSEUDOBULK, DESIGNS = f"{CORE}pseudobulk", f"{CORE}pseudobulk_designs"
MARKER_TYPES = f"{CORE}marker_types"
PAIRS, SCORES = f"{CORE}ligand_receptor", f"{CORE}signature_scores"
TABLE = SAMPLES
SHOWN_GENES = ("GAS6", "AXL", "MERTK", "TYRO3", "MMP11", "HGF", "MET", "EREG", "AREG", "NRG1", "ERBB3", "CCL20",
               "CXCL12", "SPP1", "CD44", "IL6", "TGFB1", "VEGFA")  # fmt: skip
MOST_BARCODES, MOST_MARKERS, MOST_PAIRS = 4000, 3, 200
SPECIES_WORDS = {"human": "human", "mouse": "mouse", "mixed": "mixed: a doublet"}


def find_studies(published: Published) -> list[BenchStudy]:
    """Studies of this kind."""
    return studies_of(published, TABLE)


def study_page(published: Published, study: BenchStudy, gene_pages: frozenset[str] = frozenset()) -> Page:
    """The page of one study."""
    page = Page(study.path, study.title)
    samples = own_rows(published, SAMPLES, study, "sample_id")
    kept, barcodes = (sum(row[name] or 0 for row in samples) for name in ("n_kept", "n_barcodes"))
    add_facts(published, page, study, [("Samples", len(samples)), ("Barcodes", barcodes), ("Cells analysed", kept)])
    page.paragraph(
        "Samples (mice, patients) are the replicates, never cells: every p below is over samples. A barcode that is "
        "not analysed stands in the table of cells with its reason; nothing is removed by the doublet score."
    )
    for note in dict.fromkeys(row["note"] for row in samples if row["note"]):
        noted = [row["sample_id"] for row in samples if row["note"] == note]
        who = "Every sample" if len(noted) == len(samples) > 1 else ", ".join(noted)
        page.paragraph(f"{note}." if note.startswith(f"{who}:") else f"{who}: {note}.")
    page.heading("Quality")
    page.add(_sample_table(samples))
    figures = (species_figure(published, study), components_figure(published, study), sources_figure(published, study))
    for figure in figures:
        if figure is not None:
            page.heading(figure.title)
            page.figure(figure)
    _add_marker_types(published, page, study)
    _add_composition(published, page, study)
    _add_pseudobulk(published, page, study)
    _add_pairs(published, page, study)
    _add_scores(published, page, study)
    add_notes(published, page, study)
    return page


def _sample_table(rows: list[dict[str, Any]]) -> str:
    if not any(row["n_genes"] for row in rows):
        cells = [Heading("sample_id", "Sample"), Heading("arm", "Arm"), Heading("n_kept", "Cells", None, True)]
        return table("Samples", cells, rows)
    headings = [
        Heading("sample_id", "Sample"),
        Heading("arm", "Arm"),
        Heading("n_genes", "Genes", None, True),
        Heading("n_barcodes", "Barcodes", None, True),
        Heading("n_kept", "Analysed", None, True),
        Heading("n_few_molecules", "Empty", "too few molecules", True),
        Heading("n_mitochondrial", "Dying", "too large a mitochondrial share", True),
        Heading("n_mixed_species", "Mixed", "molecules of both species, beyond ambient RNA", True),
        Heading("n_unlabelled", "Unlabelled", None, True),
        Heading("n_label_of_other_species", "Other label", "label of the other species", True),
        Heading("median_umi", "Molecules", "median of the analysed cells", True),
        Heading("median_genes", "Genes per cell", "median", True),
        Heading("median_doublet_score", "Doublet score", "median; a score, by which nothing is removed", True),
    ]
    return table("Samples", headings, rows)


def species_figure(published: Published, study: BenchStudy) -> Figure | None:
    """Human against mouse molecules of barcodes, with the call of the species."""
    where = f"WHERE study_id = {literal(study.id)} AND human_umi IS NOT NULL AND total_umi > 0"
    sql = f"""SELECT sample_id, human_umi + 1 AS human, mouse_umi + 1 AS mouse, species, cell_type, reason
FROM {CELLS}
{where}
ORDER BY hash(sample_id || barcode)
LIMIT {MOST_BARCODES}"""
    columns = published.columns(sql)
    if not columns["human"]:
        return None
    counted = published.rows(f"SELECT species, count(*) AS n FROM {CELLS} {where} GROUP BY species ORDER BY species")
    said = ", ".join(f"{row['n']:,} {row['species']}" for row in counted)
    shapes = {"human": "circle", "mouse": "square", "mixed": "x"}
    colours = {"human": "@down", "mouse": "@third", "mixed": "@up"}
    traces = [
        {
            "type": "scatter", "mode": "markers", "x": "$human", "y": "$mouse", "where": [["species", species]],
            "name": SPECIES_WORDS[species], "text": "$cell_type", "customdata": "$sample_id",
            "marker": {"color": colours[species], "symbol": shapes[species], "size": 5, "opacity": 0.6},
            "hovertemplate": "%{text}, %{customdata}<br>human %{x:,}, mouse %{y:,}<extra></extra>",
        }
        for species in shapes
        if species in set(columns["species"])
    ]  # fmt: skip
    return Figure(
        ident="species",
        title="Species of the barcodes",
        caption=f"Molecules + 1 of human and of mouse genes; {said}. A droplet holds RNA of burst cells of the other "
        "species, so the call asks for more than is usual among the cells that the same species leads.",
        alternative=f"Human against mouse molecules: {said}.",
        columns=columns,
        traces=traces,
        layout={"xaxis": axis("human molecules + 1", type="log"), "yaxis": axis("mouse molecules + 1", type="log")},
        n=f"{len(columns['human']):,} barcodes are drawn",
        method="mixed: beyond median + 6 MAD of the other species' molecules, and more than 5 % of the barcode",
        tables=versions(published, CELLS),
        sql=sql,
    )


def components_figure(published: Published, study: BenchStudy) -> Figure | None:
    """The first two principal components of the cells, by type, where they were computed."""
    sql = f"""SELECT component_1, component_2, coalesce(cell_type, marker_type) AS type, species, sample_id, cluster
FROM {CELLS}
WHERE study_id = {literal(study.id)} AND component_1 IS NOT NULL AND is_kept
ORDER BY hash(sample_id || barcode)
LIMIT {MOST_BARCODES}"""
    columns = published.columns(sql)
    if not columns["type"]:
        return None
    types = sorted(set(columns["type"]))
    traces = [
        {
            "type": "scatter", "mode": "markers", "x": "$component_1", "y": "$component_2", "where": [["type", name]],
            "name": name, "text": "$sample_id", "customdata": "$cluster",
            "marker": {
                "color": COLOURS[at % len(COLOURS)], "symbol": SYMBOLS[at // len(COLOURS) % len(SYMBOLS)], "size": 5,
                "opacity": 0.7,
            },
            "hovertemplate": f"{name}, %{{text}}<extra></extra>",
        }
        for at, name in enumerate(types)
    ]  # fmt: skip
    options = tuple((one, one) for one in sorted(set(columns["species"])))
    return Figure(
        ident="components",
        title="Cells by their two first principal components",
        caption="Distances in a projection are no distances between types; samples are compared by their types.",
        alternative=f"Principal components of cells of {len(types)} types.",
        columns=columns,
        traces=traces,
        layout={"xaxis": axis("component 1"), "yaxis": axis("component 2")},
        n=f"{len(columns['type']):,} cells are drawn",
        method="principal components of ln(1 + CP10k) of the genes that vary most, within the species",
        tables=versions(published, CELLS),
        sql=sql,
        selectors=(Selector("species", "Species", options),) if len(options) > 1 else (),
    )


def _add_marker_types(published: Published, page: Page, study: BenchStudy) -> None:
    rows = own_rows(published, MARKER_TYPES, study, "grouping, species, group_id, place", "place <= 2")
    if not rows:
        return
    page.heading("Types by marker sets")
    page.paragraph(
        "Of every label and cluster, the two marker sets that stand out most. A set of which fewer than three genes "
        "were measured takes no part, so a type may be missing here, and cells of it then go to another set."
    )
    headings = [
        Heading("grouping", "Group"),
        Heading("group_id", "Label or cluster"),
        Heading("species", "Species"),
        Heading("n_cells", "Cells", None, True),
        Heading("place", "Place", None, True),
        Heading("marker_type", "Marker set"),
        Heading("mean_score", "Mean score", "standard deviations of the species' cells", True),
        Heading("share", "Cells with it", "share of the group", True),
    ]
    page.add(table("Marker sets of labels and clusters", headings, rows, filter_by=("grouping",)))


def sources_figure(published: Published, study: BenchStudy) -> Figure | None:
    """Genes of interest and leading markers by cell type: share of the cells, level, and what ambient RNA explains."""
    finest = f"SELECT max(level) AS level FROM {SOURCES} WHERE study_id = {literal(study.id)}"
    level = published.rows(finest)[0]["level"] or "cell_type"  # subtype comes after cell_type
    names = ", ".join(literal(name) for name in SHOWN_GENES)
    sql = f"""WITH ranked AS (
    SELECT *, row_number() OVER (PARTITION BY species, cell_type ORDER BY marker_z DESC NULLS LAST, symbol) AS place
    FROM {SOURCES}
    WHERE study_id = {literal(study.id)} AND level = {literal(level)}
),
chosen AS (
    SELECT DISTINCT species, feature_id FROM ranked
    WHERE (place <= {MOST_MARKERS} AND marker_z > 0) OR upper(symbol) IN ({names})
)
SELECT ranked.symbol || ' (' || ranked.species || ')' AS gene, ranked.cell_type, ranked.fraction_expressing,
    3 + 17 * sqrt(ranked.fraction_expressing) AS dot, ranked.mean_log_cp10k, ranked.n_expressing, ranked.n_cells,
    ranked.umi, CASE WHEN ranked.is_ambient THEN 'ambient' ELSE 'source' END AS kind
FROM ranked INNER JOIN chosen USING (species, feature_id)
WHERE ranked.umi > 0
ORDER BY ranked.species, gene, ranked.cell_type"""
    columns = published.columns(sql)
    if not columns["gene"]:
        return None
    genes = list(dict.fromkeys(columns["gene"]))
    words = {"source": "above ambient RNA", "ambient": "ambient RNA explains it"}
    traces = [
        {
            "type": "scatter", "mode": "markers", "x": "$cell_type", "y": "$gene", "where": [["kind", kind]],
            "name": words[kind], "customdata": "$n_expressing", "text": "$mean_log_cp10k",
            "marker": {
                "size": "$dot", "symbol": "circle" if kind == "source" else "circle-open",
                "color": "@down" if kind == "source" else "@muted",
            },
            "hovertemplate": "<b>%{y}</b> in %{x}<br>%{customdata} cells with a molecule<br>"
            "mean ln(1 + CP10k) %{text:.2f}<extra></extra>",
        }
        for kind in ("source", "ambient")
    ]  # fmt: skip
    return Figure(
        ident="sources",
        title="Which cells make a gene",
        caption="The area of a dot is the share of the cells with a molecule. Open: below a tenth of the leading type "
        "of ten cells, which RNA of burst cells explains. Genes of interest, and three leading markers per type.",
        alternative="Genes by cell type; the table of sources holds every gene.",
        columns=columns,
        traces=traces,
        layout={
            "xaxis": axis("", type="category", automargin=True),
            "yaxis": axis("", type="category", categoryorder="array", categoryarray=genes[::-1], automargin=True),
        },
        height=160 + 18 * len(genes),
        least_width=max(620, 200 + 48 * len(set(columns["cell_type"]))),
        n=f"{len(genes)} genes, {len(set(columns['cell_type']))} types; cells per type in the CSV",
        method="molecules of the gene in the cells of a type; no test",
        tables=versions(published, SOURCES),
        sql=sql,
    )


def _add_composition(published: Published, page: Page, study: BenchStudy) -> None:
    shown = "method IN ('quasibinomial_t', 'propeller_asin', 'propeller_logit', 'none')"
    order = "comparison_id, denominator, level, cell_type, method <> 'quasibinomial_t', method"
    rows = own_rows(published, COMPOSITION, study, order, shown)
    if not rows:
        return
    page.heading("Composition")
    page.paragraph(
        "Read the quasi-binomial t: under no effect it calls 3.9 % at p < 0.05 with three samples an arm, propeller "
        "5.5 %, a chi-square test on cells 28 %. A share falls where another type rises: both denominators stand here."
    )
    page.figure(composition_figure(published, study))
    headings = [
        Heading("comparison_id", "Comparison"),
        Heading("denominator", "Share of"),
        Heading("level", "Level"),
        Heading("cell_type", "Type"),
        Heading("method", "Method"),
        Heading("mean_denominator", "Share, denominator", "mean over its samples", True),
        Heading("mean_numerator", "Share, numerator", "mean over its samples", True),
        Heading("estimate", "Estimate", "on the method's scale", True),
        Heading("p_value", "p", "over samples", True),
        Heading("q_value_bh", "q", "Benjamini-Hochberg over the types of the method", True),
        *([Heading("pairing", "Blocks")] if any(row["pairing"] for row in rows) else []),
        Heading("p_note", "Note"),
    ]
    page.add(table("Composition between arms", headings, rows, filter_by=("denominator", "level", "method")))


def composition_figure(published: Published, study: BenchStudy) -> Figure:
    """Share of every type in every sample, by arm."""
    sql = f"""SELECT denominator || ', by ' || replace(level, '_', ' ') AS share_of, cell_type, sample_id,
    coalesce(arm, 'no arm') AS arm, 100.0 * share AS percent, n_cells, n_total
FROM {SHARES}
WHERE study_id = {literal(study.id)}
ORDER BY denominator, level, cell_type, sample_id"""
    columns = published.columns(sql)
    arms = list(dict.fromkeys(columns["arm"]))
    traces = [
        {
            "type": "scatter", "mode": "markers", "x": "$percent", "y": "$cell_type", "where": [["arm", arm]],
            "name": arm, "text": "$sample_id", "customdata": "$n_cells",
            "marker": {"color": COLOURS[at % len(COLOURS)], "symbol": SYMBOLS[at % len(SYMBOLS)], "size": 9},
            "hovertemplate": "<b>%{text}</b>, %{y}<br>%{x:.1f} %, %{customdata} cells<extra></extra>",
        }
        for at, arm in enumerate(arms)
    ]  # fmt: skip
    options = tuple((one, one.replace("_", " ")) for one in dict.fromkeys(columns["share_of"]))
    return Figure(
        ident="composition",
        title="Share of each type in each sample",
        caption="One mark per sample.",
        alternative=f"Shares of {len(set(columns['cell_type']))} types in {len(set(columns['sample_id']))} samples.",
        columns=columns,
        traces=traces,
        layout={"xaxis": axis("share (%)", rangemode="tozero"), "yaxis": axis("", type="category", automargin=True)},
        height=180 + 30 * len(set(columns["cell_type"])),
        n=f"{len(set(columns['sample_id']))} samples",
        method="analysed cells of the type over those of the denominator",
        tables=versions(published, SHARES),
        sql=sql,
        selectors=(Selector("share_of", "Share of", options),),
    )


def _add_pseudobulk(published: Published, page: Page, study: BenchStudy) -> None:
    designs = own_rows(published, DESIGNS, study, "comparison_id, species, cell_type, method")
    if not designs:
        return
    page.heading("What changes within a type")
    page.paragraph("Molecules of a type are added up per sample; a sample of fewer than ten cells takes no part.")
    figure = volcano_figure(published, study)
    if figure is not None:
        page.figure(figure)
    headings = [
        Heading("comparison_id", "Comparison"),
        Heading("species", "Species"),
        Heading("cell_type", "Type"),
        Heading("method", "Method"),
        Heading("evidence_kind", "Evidence"),
        Heading("n_numerator", "Samples, numerator", "with ten cells", True),
        Heading("n_denominator", "Samples, denominator", "with ten cells", True),
        Heading("n_cells_numerator", "Cells, numerator", None, True),
        Heading("n_cells_denominator", "Cells, denominator", None, True),
        Heading("left_out", "Left out"),
        Heading("n_genes_tested", "Genes tested", None, True),
        Heading("reason", "Why there is no p, or no result"),
    ]
    page.add(table("What each type could be asked", headings, designs, filter_by=("evidence_kind", "method")))
    leading = published.rows(
        f"""SELECT comparison_id, species, cell_type, symbol, log2_fold_change, standard_error, p_value, q_value_bh,
    n_numerator, n_denominator
FROM {PSEUDOBULK}
WHERE study_id = {literal(study.id)} AND method = 'limma_voom' AND q_value_bh < 0.05
ORDER BY comparison_id, p_value, symbol
LIMIT 500"""
    )
    headings = [
        Heading("comparison_id", "Comparison"),
        Heading("species", "Species"),
        Heading("cell_type", "Type"),
        Heading("symbol", "Gene"),
        Heading("log2_fold_change", "log2 fold change", None, True),
        Heading("standard_error", "SE", None, True),
        Heading("p_value", "p", "over samples", True),
        Heading("q_value_bh", "q", "Benjamini-Hochberg within the type", True),
        Heading("n_numerator", "Samples", "numerator", True),
        Heading("n_denominator", "Samples", "denominator", True),
    ]
    page.add(table("Genes with q < 0.05 (limma-voom)", headings, leading, filter_by=("cell_type",), most=100))


def volcano_figure(published: Published, study: BenchStudy) -> Figure | None:
    """Fold change of every tested gene against its p, a type at a time."""
    sql = f"""SELECT comparison_id || ' in ' || cell_type || ' (' || species || ')' AS tested_in, symbol,
    log2_fold_change, p_value, q_value_bh, CASE
        WHEN q_value_bh >= 0.05 OR q_value_bh IS NULL THEN 'none' WHEN log2_fold_change > 0 THEN 'up' ELSE 'down'
    END AS direction
FROM {PSEUDOBULK}
WHERE study_id = {literal(study.id)} AND method = 'limma_voom' AND p_value IS NOT NULL
    AND (p_value < 0.2 OR hash(feature_id) % 4 = 0)
ORDER BY comparison_id, species, cell_type, p_value, symbol"""
    columns = published.columns(sql)
    if not columns["symbol"]:
        return None
    columns["minus_log10_p"] = [minus_log10(p) for p in columns["p_value"]]
    words = {"none": "q of 0.05 or more", "up": "up, q < 0.05", "down": "down, q < 0.05"}
    shapes = {"none": "circle", "up": "triangle-up", "down": "triangle-down"}
    traces = [
        {
            "type": "scatter", "mode": "markers", "x": "$log2_fold_change", "y": "$minus_log10_p",
            "where": [["direction", direction]], "name": words[direction], "text": "$symbol",
            "customdata": "$q_value_bh",
            "marker": {"color": f"@{direction}", "symbol": shapes[direction], "size": 7},
            "hovertemplate": "<b>%{text}</b><br>log2 fold change %{x:.2f}<br>q %{customdata:.3g}<extra></extra>",
        }
        for direction in ("none", "down", "up")
    ]  # fmt: skip
    options = tuple((one, one) for one in dict.fromkeys(columns["tested_in"]))
    called = sum(direction != "none" for direction in columns["direction"])
    return Figure(
        ident="pseudobulk",
        title="Genes that change between arms, by cell type",
        caption="limma-voom on sums per sample. Of the genes with p above 0.2 a quarter is drawn.",
        alternative=f"Volcano of {len(options)} types; {called} genes have q < 0.05.",
        columns=columns,
        traces=traces,
        layout={
            "xaxis": axis("log2 fold change", range=list(frame_of(columns["log2_fold_change"], 0.0))),
            "yaxis": axis("-log10 p", rangemode="tozero"),
            "shapes": [line_at(x=0, dash="solid")],
        },
        n=f"{len(options)} types; samples per type in the table below",
        method="limma-voom, TMM, filterByExpr; samples are the replicates",
        tables=versions(published, PSEUDOBULK),
        sql=sql,
        selectors=(Selector("tested_in", "Comparison and type", options),),
        find_by="symbol",
        find_at=("log2_fold_change", "minus_log10_p"),
    )


def _add_pairs(published: Published, page: Page, study: BenchStudy) -> None:
    rows = published.rows(
        f"""WITH means AS (
    SELECT pairs.ligand, pairs.receptor, pairs.sender_species, pairs.sender, pairs.receiver, samples.arm,
        count(*) AS samples, avg(pairs.ligand_fraction) AS ligand_fraction,
        avg(pairs.receptor_fraction) AS receptor_fraction, avg(pairs.ligand_umi_share) AS ligand_umi_share,
        avg(pairs.geometric_mean) AS geometric_mean
    FROM {PAIRS} AS pairs
    LEFT JOIN {SAMPLES} AS samples ON samples.study_id = pairs.study_id AND samples.sample_id = pairs.sample_id
    WHERE pairs.study_id = {literal(study.id)}
    GROUP BY ALL
)
SELECT * FROM means
WHERE geometric_mean > 0
ORDER BY (ligand = 'GAS6') DESC, geometric_mean DESC, receptor, sender, receiver, arm"""
    )
    if not rows:
        return
    page.heading("Ligands and receptors")
    page.paragraph("Who could speak to whom, not who does: means over samples of expression, no test.")
    headings = [
        Heading("ligand", "Ligand"),
        Heading("receptor", "Receptor"),
        Heading("sender", "Sender"),
        Heading("sender_species", "of"),
        Heading("receiver", "Receiver"),
        Heading("arm", "Arm"),
        Heading("samples", "Samples", None, True),
        Heading("ligand_fraction", "Senders with it", "share of the cells", True),
        Heading("receptor_fraction", "Receivers with it", "share of the cells", True),
        Heading("ligand_umi_share", "Share of the ligand", "of its molecules in the sender's species", True),
        Heading("geometric_mean", "Geometric mean", "of the two mean ln(1 + CP10k)", True),
    ]
    page.add(table("Pairs, GAS6 first", headings, rows, filter_by=("ligand", "arm"), most=MOST_PAIRS))


def _add_scores(published: Published, page: Page, study: BenchStudy) -> None:
    rows = own_rows(
        published,
        SCORES,
        study,
        "comparison_id, species, cell_type, p_value NULLS LAST, signature_id",
        "measure = 'rank_auc'",
    )
    if not rows:
        return
    page.heading("Signatures")
    page.paragraph(
        "The chance that a gene of the signature ranks above another gene within a cell, averaged per sample; Welch's "
        "t over samples. Lists of other contrasts of the warehouse are scored beside the study's own signatures."
    )
    for row in rows:
        row["genes"] = f"{row['n_genes']} of {row['n_listed']}"
        row["t"] = number(row["t"]) if row["t"] is not None else None
    headings = [
        Heading("signature_id", "Signature"),
        Heading("genes", "Genes measured"),
        Heading("cell_type", "Type"),
        Heading("comparison_id", "Comparison"),
        Heading("mean_denominator", "Denominator", "mean of its samples", True),
        Heading("mean_numerator", "Numerator", "mean of its samples", True),
        Heading("t", "t", None, True),
        Heading("p_value", "p", "over samples", True),
        Heading("q_value_bh", "q", "Benjamini-Hochberg over the signatures of the type", True),
        Heading("p_note", "Note"),
    ]
    page.add(table("Signatures between arms", headings, rows, filter_by=("cell_type",), most=MOST_PAIRS))
