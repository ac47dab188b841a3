"""One page per candidate gene: what `explain` says, with figures."""

from __future__ import annotations

from typing import Any

from resistance_assets.report.explain.evidence import explain_gene
from resistance_assets.report.explain.opening import CANDIDATES as CANDIDATES_IN_WORDS
from resistance_assets.report.explain.opening import CONSENSUS, OPENING_SQL
from resistance_assets.report.explain.survival import shared_patients
from resistance_assets.report.explain.text import arms_in_words, interval, knock_down_line, number, span
from resistance_assets.report.figures import Figure, axis, frame_of, line_at
from resistance_assets.report.html import (
    SOURCE_KEY,
    Heading,
    Markup,
    Page,
    facts,
    fill,
    joined,
    link,
    prose,
    query_markup,
    table,
)
from resistance_assets.report.pages.alterations import add_alterations
from resistance_assets.report.pages.bench.studies import bench_path
from resistance_assets.report.pages.cohorts import forest_of_gene, kaplan_meier_figure, numbers_at_risk
from resistance_assets.report.pages.survival import (
    add_adjusted_models,
    add_competing_risks,
    add_discrimination,
    add_time_ratios,
    pooled_forest,
)
from resistance_assets.report.paths import contrast_path, gene_path
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literal, literals
from resistance_assets.report.titled import title_of

CANDIDATES = "marts.resistance_candidates"
KNOWN_RANKS = "core.evidence__known_mechanisms"
TOP_PER_CLASS = 15
CANDIDATES_SHOWN = 50
TOP_WITHOUT_SCORES = 30
MOST_GENE_PAGES = 120
# A page costs about 0.2 s and 150 kB; of longer overlaps any gene's page is made on demand (`report --gene`).
MOST_SHARED_PAGES = 150
# Strongest first; the CSV file of a table holds all of its rows.
MOST_OF_AN_AXIS = 30


def choose_genes(published: Published) -> list[str]:
    """Genes with a page: those of interest that anything was measured of, those that studies share, top candidates.

    Genes of interest and the genes that the own studies share with others all have one; candidates fill up.
    """
    known = {row["hgnc_symbol"] for row in published.rows("SELECT hgnc_symbol FROM marts.gene_evidence")}
    chosen = dict.fromkeys(gene for gene in published.genes_of_interest if gene in known)
    if published.filled(CANDIDATES, "drug_class", "rank", "hgnc_symbol"):
        top = published.rows(
            f"SELECT hgnc_symbol FROM {CANDIDATES} WHERE rank <= ? ORDER BY rank, drug_class, hgnc_symbol",
            [TOP_PER_CLASS],
        )
    else:
        top = published.rows(
            """
            SELECT hgnc_symbol FROM marts.gene_evidence
            WHERE resistance_contrasts_up + resistance_contrasts_down > 0
            ORDER BY greatest(resistance_contrasts_up, resistance_contrasts_down) DESC, strongest_q_value_bh,
                hgnc_symbol
            LIMIT ?
            """,
            [TOP_WITHOUT_SCORES],
        )
    chosen.update(dict.fromkeys(gene for gene in shared_genes(published) if gene in known))
    most = max(MOST_GENE_PAGES, len(chosen))
    chosen.update(dict.fromkeys(row["hgnc_symbol"] for row in top))
    return list(chosen)[:most]


def shared_genes(published: Published) -> list[str]:
    """Genes of the intersections that the own studies declare, the smallest intersections first."""
    if not published.filled("core.intersections__sets", "title", "genes") or not published.own_intersections:
        return []
    rows = published.rows(
        "SELECT genes FROM core.intersections__sets WHERE genes IS NOT NULL"
        f" AND intersection_id IN ({literals(published.own_intersections)}) ORDER BY size, intersection_id"
    )
    genes = dict.fromkeys(gene for row in rows for gene in row["genes"].split(","))
    return list(genes)[:MOST_SHARED_PAGES]


def gene_pages(published: Published, genes: list[str]) -> list[Page]:
    return [_index(published, genes), *(gene_page(published, gene) for gene in genes)]


def jump_form(genes: list[str], root: str) -> Markup:
    """A field that leads to a gene's page."""
    return fill("jump.html", genes=[(gene, root + gene_path(gene)) for gene in sorted(genes)])


def _index(published: Published, genes: list[str]) -> Page:
    page = Page("genes.html", "Genes")
    page.paragraph(
        "Genes of interest of the catalog, and the strongest candidates of each drug class. Any other gene:",
        Markup("<code>resistance report --gene GENE -o FOLDER</code> or <code>resistance explain GENE</code>."),
    )
    page.add(jump_form(genes, page.root))
    if published.filled(CANDIDATES):
        _candidate_table(published, page, set(genes))
        _add_known_ranks(published, page)
    evidence = {row["hgnc_symbol"]: row for row in published.rows("SELECT * FROM marts.gene_evidence")}
    rows = []
    for gene in genes:
        row = evidence.get(gene)
        if row is None:
            continue
        rows.append(
            {
                **row,
                "gene": link(gene_path(gene), gene),
                "why": "of interest" if gene in published.genes_of_interest else "candidate",
                "cancer": "yes" if row["in_cancer_gene_list"] else "no",
            }
        )
    add_leading_survival(rows)
    headings = [
        Heading("gene", "Gene"),
        Heading("why", "Why here"),
        Heading("gene_name", "Name"),
        Heading("cancer", "Cancer gene"),
        Heading("resistance_contrasts_up", "Up under drugs", "contrasts under a drug in whose up list it is", True),
        Heading("resistance_contrasts_down", "Down under drugs", "likewise, down lists", True),
        *survival_headings("cohort_id", "overall survival"),
        Heading("amplified_fraction", "Amplified", "fraction of patients", True),
    ]
    page.add(table("Genes with a page", headings, rows, filter_by=("why", "cancer")))
    return page


def add_leading_survival(rows: list[dict[str, Any]]) -> None:
    """Fills `os_test` in rows of genes: by the likelihood ratio, or by Wald in a release of before."""
    for row in rows:
        is_ratio = "os_expression_scale" in row
        row.setdefault("os_expression_scale", None)
        known = row["os_hazard_ratio_per_sd"] is not None
        row["os_test"] = ("likelihood ratio" if is_ratio else "Wald") if known else None


def survival_headings(cohort_key: str, explanation: str) -> list[Heading]:
    """A hazard ratio with its scale, q and percentile, and the cohort, patients and deaths that it is of."""
    return [
        Heading("os_hazard_ratio_per_sd", "OS HR per SD", explanation, True),
        Heading("os_expression_scale", "OS scale", "of expression"),
        Heading("os_q_value_bh", "OS q", "of the test beside it, over all genes", True),
        Heading("os_percentile", "OS percentile", "share of genes with a smaller p, mid-rank for ties, %", True),
        Heading("os_test", "OS test"),
        Heading(cohort_key, "OS cohort", "that the hazard ratio is of"),
        Heading("os_n", "OS patients", None, True),
        Heading("os_events", "Deaths", None, True),
    ]


def _candidate_table(published: Published, page: Page, genes: set[str]) -> None:
    rows = published.rows(
        f"""
        SELECT *, count(*) OVER (PARTITION BY drug_class) AS n_ranked FROM {CANDIDATES}
        QUALIFY rank <= {CANDIDATES_SHOWN} ORDER BY drug_class, rank, hgnc_symbol
        """
    )
    add_leading_survival(rows)
    page.heading("Candidates per drug class")
    page.paragraph(
        "Signed ranks over the contrasts of a drug class, every study counting once. Survival, tumour against normal "
        "and the cancer lists are beside the score, never in it. A class with one study has no replication, so no p."
    )
    for row in rows:
        symbol = row["hgnc_symbol"]
        row["gene"] = link(gene_path(symbol), symbol) if symbol in genes else symbol
        row["place"], row["place_sort"] = f"{row['rank']:,} of {row['n_ranked']:,}", row["rank"]
        row["agree"] = f"{row['n_contrasts_same_direction']} of {row['n_contrasts']}"
        row["stability"] = (
            f"{number(row['rank_min_leave_one_out'])} to {number(row['rank_max_leave_one_out'])}"
            if row["rank_min_leave_one_out"] is not None
            else None
        )
        row["cancer"] = "yes" if row.get("in_cancer_gene_list") else "no"
        if "known_mechanism" in row:
            row["known"] = _known_in_words(row)
    headings = [
        Heading("gene", "Gene"),
        Heading("drug_class", "Drug class"),
        Heading("place", "Rank", "by the absolute score, of all genes ranked in the class", True),
        Heading("direction", "Direction"),
        Heading("score", "Score", "weighted mean of signed ranks, -1 to 1", True),
        Heading("n_studies", "Studies", None, True),
        Heading("agree", "Contrasts agreeing", None, True),
        Heading("p_value_permutation", "p", "permutation within studies", True),
        Heading("q_value_bh", "q (BH)", "within the drug class", True),
        Heading("stability", "Rank, one study left out", None, True),
        *survival_headings("os_cohort_id", "overall survival; every gene in the cohort with most deaths"),
        Heading("tumour_log2_fold_change", "Tumour log2 FC", "tumour over normal tissue", True),
        Heading("tumour_q_value_bh", "Tumour q", None, True),
        Heading("cancer", "Cancer gene"),
        Heading("known", "Known mechanism", "CIViC: levels, drugs and PubMed ids; or new here"),
    ]
    kept = [heading for heading in headings if rows and heading.key in rows[0]]
    page.add(table("The 50 best ranks of each class", kept, rows, filter_by=("drug_class", "direction", "cancer")))


def _known_in_words(row: dict[str, Any]) -> str | None:
    if row["known_mechanism"] in (None, "new_here"):
        return row["known_mechanism"] and "new here"
    whose = "for this class" if row["known_mechanism"] == "known_for_class" else "for another drug"
    papers = f", PubMed {row['known_pubmed_ids'].replace('|', ', ')}" if row["known_pubmed_ids"] else ""
    levels, drugs = (row[name].replace("|", ", ") for name in ("known_levels", "known_drugs"))
    return f"known {whose}: level {levels} ({drugs}){papers}"


def _add_known_ranks(published: Published, page: Page) -> None:
    """How early each ranking finds what is known: a check of the ranking."""
    if not published.filled(KNOWN_RANKS):
        return
    rows = published.rows(f"SELECT * FROM {KNOWN_RANKS} ORDER BY drug_class, ranking <> 'score', ranking")
    for row in rows:
        row["ranking"] = published.in_words(row["ranking"])
        row["of"] = f"{row['n_known']} of {row['n_known'] + row['n_known_not_ranked']}"
        row["interval"] = span(row["ci_lower"], row["ci_upper"])
    page.add(table("How early known mechanisms of resistance are ranked", _KNOWN_RANKS, rows))


_KNOWN_RANKS = [
    Heading("drug_class", "Drug class"),
    Heading("ranking", "Ranking", "score of the class, or a contrast"),
    Heading("n_genes", "Genes ranked", None, True),
    Heading("of", "Known genes ranked", "of those known to resist a drug of the class"),
    Heading("median_rank", "Their median rank", None, True),
    Heading("median_rank_percent", "in % of the genes", None, True),
    Heading("auc", "AUC", "chance that a known gene is ranked before another; 0.5 is no order", True),
    Heading("interval", "95 % CI", "DeLong", True),
    Heading("known_genes", "Which"),
    Heading("note", "Note"),
]


def gene_page(published: Published, gene: str) -> Page:
    document = explain_gene(published, gene)
    about = document["gene"]
    page = Page(gene_path(gene), f"{gene}: {about['gene_name']}" if about["gene_name"] else gene)
    page.add(prose('<p class="opening">{said}</p>', said=joined(document["opening"], " ")))
    tables = (CANDIDATES_IN_WORDS, CONSENSUS, "marts.gene_evidence")
    versions = "; ".join(f"{one} (data version {published.stamp(one)['data_version']})" for one in tables)
    page.add(query_markup(versions, OPENING_SQL.replace("$gene", literal(gene))))
    ids = [
        ("HGNC", about["hgnc_id"]),
        ("NCBI Gene", about["entrez_gene_id"] and str(about["entrez_gene_id"])),
        ("Ensembl", about["ensembl_gene_id"]),
        ("Band", about["cytoband"]),
        ("Also known as", ", ".join(about["alias_symbols"]) or None),
    ]
    page.add(facts([(name, value) for name, value in ids if value]))
    page.heading("Contrasts")
    if figure := _effects(published, gene):
        page.figure(figure)
    page.add(_effects_table(page, document["contrasts"] + document["tumour_vs_normal"]))
    if document["tissue_ranks"]:
        page.add(_axis_table("Tumour against normal tissue, rank sums", document["tissue_ranks"], _TISSUES))
    if document["candidate_scores"]:
        page.add(_scores_table(document["candidate_scores"]))
    page.heading("Survival")
    if figure := forest_of_gene(published, gene):
        page.figure(figure)
    if curves := kaplan_meier_figure(published, gene):
        page.figure(curves)
        for cohort_id in dict.fromkeys(row["cohort_id"] for row in document["survival"]):
            page.add(numbers_at_risk(published, gene, cohort_id))
    elif document["survival"]:
        page.paragraph("Curves are kept for the genes of interest of the catalog alone.")
    add_competing_risks(published, page, gene, document)
    page.add(_survival_table(document["survival"]))
    add_time_ratios(page, document["time_ratios"])
    if pooled := pooled_forest(published, [gene]):
        page.figure(pooled)
        if sentences := shared_patients(published):
            page.paragraph(*sentences)
    add_adjusted_models(published, page, gene)
    add_discrimination(page, document["discrimination"])
    add_alterations(published, page, gene, document)
    if document["panel_markers"] or document["knock_downs"]:
        page.heading("At the bench")
    add_markers(page, document["panel_markers"])
    if document["knock_downs"]:
        rows = [{**row, "line": knock_down_line(row)} for row in document["knock_downs"]]
        page.add(_axis_table("EC50 with a knock-down over EC50 with the control siRNA", rows, _KNOCK_DOWNS))
    add_cell_types(page, document["cell_types"])
    page.heading("Company")
    for caption, key, headings in _COMPANY:
        page.add(_axis_table(caption, document[key], headings))
    page.heading("Not there, and why")
    page.add(
        table(
            "What is missing",
            [Heading("what", "What"), Heading("why", "Why")],
            document["missing"],
            is_searchable=False,
        )
    )
    return page


def add_markers(page: Page, markers: list[dict[str, Any]]) -> None:
    """Markers of plasma panels that are products of the gene, each with its study's page."""
    if not markers:
        return
    for row in markers:
        row["study"] = link(page.root + bench_path(row["study_id"]), row["study_id"])
        row["below"] = f"{row['fraction_below_lod']:.0%}"
    page.add(_axis_table("Marker in plasma", markers, _MARKERS))


def add_cell_types(page: Page, rows: list[dict[str, Any]]) -> None:
    """Cell types that make the gene, of every single-cell study."""
    if not rows:
        return
    page.heading("Cell types")
    for row in rows:
        row["study"] = link(page.root + bench_path(row["study_id"]), row["study_id"])
        row["made"] = "ambient RNA" if row["is_ambient"] else "yes"
        row["with_it"] = f"{row['fraction_expressing']:.0%}"
        row["with_it_sort"] = row["fraction_expressing"]
    page.add(_axis_table("Which cells make it", rows, _CELL_TYPES))


_CELL_TYPES = [
    Heading("study", "Study"),
    Heading("species", "Species"),
    Heading("symbol", "Gene"),
    Heading("level", "Level"),
    Heading("cell_type", "Type"),
    Heading("n", "Cells", None, True),
    Heading("with_it", "With it", "share of the cells with a molecule", True),
    Heading("umi", "Molecules", None, True),
    Heading("mean_cp10k", "CP10k", "mean of molecules per 10,000", True),
    Heading("share_of_species_umi", "Share", "of the gene's molecules in the species", True),
    Heading("made", "Made there", "ambient RNA: below a tenth of the leading type"),
    Heading("comparison_id", "Comparison"),
    Heading("log2_fold_change", "log2 fold change", "samples are the replicates", True),
    Heading("q_value_bh", "q", "Benjamini-Hochberg within the type", True),
]

_MARKERS = [
    Heading("study", "Study"),
    Heading("marker", "Marker"),
    Heading("n", "Patients", "baseline samples", True),
    Heading("below", "Below limit", None, True),
    Heading("verdict", "Verdict"),
    Heading("group_contrast", "Groups"),
    Heading("group_difference_log2", "log2 difference", None, True),
    Heading("group_q", "q", "over the markers", True),
    Heading("pair_contrast", "Pairs"),
    Heading("pair_difference_log2", "log2 difference", None, True),
    Heading("pair_q", "q", "over the markers", True),
    Heading("pfs_hazard_ratio_per_sd", "PFS HR per SD", None, True),
    Heading("pfs_q_value_bh", "q", "over the markers", True),
    Heading("os_hazard_ratio_per_sd", "OS HR per SD", None, True),
    Heading("os_q_value_bh", "q", "over the markers", True),
]

_TISSUES = [
    Heading("comparison_id", "Comparison"),
    Heading("dataset_id", "Dataset"),
    Heading("n_tumour", "Tumours", None, True),
    Heading("n_normal", "Normal", None, True),
    Heading("mean_tumour", "Mean, tumour", "on the scale stated", True),
    Heading("mean_normal", "Mean, normal", "on the scale stated", True),
    Heading("difference", "Difference", "tumour minus normal", True),
    Heading("probability_of_superiority", "Tumour higher", "chance that a tumour exceeds a normal sample", True),
    Heading("p_value", "p", "Wilcoxon rank sum", True),
    Heading("q_value_bh", "q (BH)", "over all genes", True),
    Heading("expression_scale", "Scale"),
]

_KNOCK_DOWNS = [
    Heading("study_id", "Study"),
    Heading("drug", "Drug"),
    Heading("condition", "Knock-down"),
    Heading("line", "Line", "two lines: ratio of the resistant line over that of the parental one"),
    Heading("ratio", "EC50 ratio", "below 1: sensitises", True),
    Heading("lower", "Lower", "95 % limit", True),
    Heading("upper", "Upper", "95 % limit", True),
    Heading("p_holm", "p (Holm)", "over the knock-downs", True),
    Heading("n_fits", "Replicate fits", None, True),
    Heading("p_note", "Note"),
]

_COMPANY = (
    (
        "Gene lists that it is in",
        "lists",
        [
            Heading("list_id", "List"),
            Heading("direction", "Direction"),
            Heading("rule", "Rule"),
            Heading("n_genes", "Genes in it", None, True),
        ],
    ),
    (
        "Strongest correlates",
        "correlates",
        [
            Heading("partner", "Gene"),
            Heading("cohort_id", "Cohort"),
            Heading("method", "Method"),
            Heading("n", "Patients", None, True),
            Heading("rho", "rho", None, True),
            Heading("p_value", "p", None, True),
            Heading("q_value_bh", "q (BH)", "over all genes", True),
        ],
    ),
    (
        "Enriched terms with q < 0.05 that it is in",
        "enriched_terms",
        [
            Heading("term", "Term"),
            Heading("collection", "Collection"),
            Heading("list_id", "List"),
            Heading("overlap", "Overlap", None, True),
            Heading("set_size", "Set size", None, True),
            Heading("fold_enrichment", "Fold", None, True),
            Heading("q_value_bh", "q (BH)", "within list and collection", True),
            Heading("is_circular", "Circular", "the list was made from what the term says: no evidence"),
        ],
    ),
    (
        "Interactors",
        "interactions",
        [
            Heading("partner", "Gene"),
            Heading("database_id", "Database"),
            Heading("records", "Records", None, True),
            Heading("experimental_systems", "Assays"),
        ],
    ),
    (
        "Copy number",
        "copy_number",
        [
            Heading("cohort_id", "Cohort"),
            Heading("n", "Patients", None, True),
            Heading("amplified", "Amplified", "GISTIC 2", True),
            Heading("deep_loss", "Deep loss", "GISTIC -2", True),
        ],
    ),
)


def _with_source(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with a last cell that names their table and files, with the first digits of the checksums."""
    found = []
    for row in rows:
        files = "; ".join(f"{s['source_id']} ({(s['sha256'] or 'no checksum')[:8]})" for s in row.get("sources", []))
        found.append({**row, SOURCE_KEY: f"{row['table']}: {files}" if files else row["table"]})
    return found


_FROM = Heading(SOURCE_KEY, "Table and source", "in brackets the first digits of the SHA-256")


def _axis_table(caption: str, rows: list[dict[str, Any]], headings: list[Heading]) -> str:
    return table(caption, [*headings, _FROM], _with_source(rows), most=MOST_OF_AN_AXIS)


def _effects_table(page: Page, rows: list[dict[str, Any]]) -> str:
    shown = []
    for row in _with_source(rows):
        path = page.root + contrast_path(row["contrast_id"], row["method"])
        shown.append(
            {
                **row,
                "contrast": link(path, row["contrast_id"]),
                "samples": arms_in_words(row),
                "evidence": row["evidence_kind"].replace("_", " "),
            }
        )
    headings = [
        Heading("contrast", "Contrast"),
        Heading("drug", "Drug"),
        Heading("method", "Method"),
        Heading("samples", "Samples"),
        Heading("log2_fold_change", "log2 FC", "numerator over denominator", True),
        Heading("standard_error", "SE", None, True),
        Heading("p_value", "p", None, True),
        Heading("q_value_bh", "q (BH)", "within the contrast", True),
        Heading("in_list", "List"),
        Heading("evidence", "Evidence"),
        Heading("p_value_note", "Note"),
        _FROM,
    ]
    return table("Every contrast and method that measured it", headings, shown)


def _scores_table(rows: list[dict[str, Any]]) -> str:
    shown = []
    for row in rows:
        parts = [
            f"{title_of(part['contrast_id'])}: signed rank {number(part['signed_rank'])} × "
            f"weight {number(part['weight'])}"
            for part in row.get("contributions", [])
        ]
        place = f"{row['rank']:,} of {row['n_ranked']:,}"
        shown.append({**row, "parts": "; ".join(parts) or None, "place": place, "place_sort": row["rank"]})
    headings = [
        Heading("drug_class", "Drug class"),
        Heading("place", "Rank", "of all genes ranked in the class", True),
        Heading("score", "Score", "weighted mean of signed ranks, -1 to 1", True),
        Heading("direction", "Direction"),
        Heading("n_studies", "Studies", None, True),
        Heading("p_value_permutation", "p", "permutation within studies", True),
        Heading("q_value_bh", "q (BH)", "within the drug class", True),
        Heading("parts", "How the score came about"),
    ]
    return table("Candidate score per drug class", headings, shown)


def _pair(high: int | None, low: int | None) -> str | None:
    return None if high is None or low is None else f"{number(high)} / {number(low)}"


def _survival_table(rows: list[dict[str, Any]]) -> str:
    shown = [
        {
            **row,
            "interval": interval(row),
            "ratio": row["hazard_ratio"] if row["hazard_ratio_per_sd"] is None else row["hazard_ratio_per_sd"],
            "model": row["model"].replace("_", " "),
            "halves": _pair(row.get("n_high"), row.get("n_low")),
            "events_of_halves": _pair(row.get("observed_high"), row.get("observed_low")),
        }
        for row in _with_source(rows)
    ]
    headings = [
        Heading("cohort_id", "Cohort"),
        Heading("endpoint", "Endpoint"),
        Heading("model", "Model"),
        Heading("n", "Patients", None, True),
        Heading("events", "Events", None, True),
        Heading("ratio", "HR", "per standard deviation in the continuous models, high over low in the splits", True),
        Heading("interval", "95 % CI", None, True),
        Heading("expression_scale", "Scale"),
        Heading("p_leading", "p", "likelihood ratio", True),
        Heading("q_leading", "q (BH)", "of that p, over all genes", True),
        Heading("percentile_leading", "Percentile", "share of genes with a smaller p, mid-rank for ties, %", True),
        Heading("p_logrank", "p log-rank", None, True),
        Heading("halves", "High / low", "patients of a split", True),
        Heading("events_of_halves", "Events of the sides", "of the high and the low side", True),
        Heading("p_permutation", "p permutation", "of a split with a group below the minimum", True),
        Heading("fit_note", "Note"),
        _FROM,
    ]
    return table("Every cohort, endpoint and model", headings, shown, is_searchable=False)


def _effects(published: Published, gene: str) -> Figure | None:
    sql = f"""SELECT g.contrast_id || ', ' || g.method AS contrast_and_method, g.log2_fold_change, g.standard_error,
    1.96 * g.standard_error AS half_width, g.q_value_bh, g.evidence_kind, g.n_numerator, g.n_denominator,
    CASE WHEN g.evidence_kind = 'effect_only' THEN 'effect only'
        WHEN g.q_value_bh < c.q_value_threshold AND abs(g.log2_fold_change) > c.abs_log2_fold_change_threshold
        THEN 'in the list' ELSE 'not in the list' END AS standing
FROM core.deg__contrast_genes AS g
INNER JOIN raw.catalog__contrasts AS c ON c.contrast_id = g.contrast_id
WHERE g.hgnc_symbol = {literal(gene)} AND g.log2_fold_change IS NOT NULL
ORDER BY g.contrast_id DESC, g.method DESC"""
    columns = published.columns(sql)
    names = columns["contrast_and_method"] = [published.in_words(name) for name in columns["contrast_and_method"]]
    if not names:
        return None
    reached = [
        change + side * (half or 0.0)
        for change, half in zip(columns["log2_fold_change"], columns["half_width"], strict=True)
        for side in (-1, 1)
    ]
    marks = (
        ("in the list", "up", "square"),
        ("not in the list", "down", "circle"),
        ("effect only", "none", "circle-open"),
    )
    said = "; ".join(
        f"{name}: {number(change)}" for name, change in zip(names, columns["log2_fold_change"], strict=True)
    )
    return Figure(
        ident="effects",
        title="log2 fold change in every contrast",
        caption="Bars are 95 % intervals (1.96 standard errors) where the method has a standard error.",
        alternative=f"Fold changes of {gene} by contrast and method. {said}.",
        columns=columns,
        traces=[
            {
                "type": "scatter", "mode": "markers", "name": standing, "x": "$log2_fold_change",
                "y": "$contrast_and_method", "where": [["standing", standing]],
                "marker": {"color": f"@{role}", "symbol": symbol, "size": 10},
                "error_x": {"type": "data", "array": "$half_width", "color": f"@{role}", "thickness": 2},
                "hovertemplate": "<b>%{y}</b><br>log2 fold change %{x:.3f}<extra></extra>",
            }
            for standing, role, symbol in marks
            if standing in columns["standing"]
        ],
        layout={
            "xaxis": axis("log2 fold change, numerator over denominator", range=frame_of(reached, 0.0, margin=0.1)),
            "yaxis": axis("", type="category", categoryorder="array", categoryarray=names),
            "shapes": [line_at(x=0, dash="solid")],
        },
        height=130 + 34 * len(names),
        n=f"{len(names)} contrasts and methods; samples per row in the CSV",
        method="as each contrast states; q Benjamini-Hochberg within it",
        tables=[("core.deg__contrast_genes", published.stamp("core.deg__contrast_genes")["data_version"])],
        sql=sql,
    )  # fmt: skip
