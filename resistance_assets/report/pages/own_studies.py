"""What a laboratory's own studies gave: contrasts, overlaps, shared genes and pathways, first on the front page."""

from __future__ import annotations

from typing import Any

from resistance_assets.report.explain.text import arms_in_words, number
from resistance_assets.report.html import Heading, Page, joined, link, prose, table
from resistance_assets.report.pages.bench.index import bench_studies
from resistance_assets.report.pages.bench.studies import plain_words
from resistance_assets.report.pages.lists import shortened_genes
from resistance_assets.report.paths import contrast_path, endpoint_path, gene_path
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literals

MOST_IN_SHORT = 2
MOST_OVERLAPS = 10
MOST_GENES = 20
MOST_TERMS = 10
MOST_WARNINGS = 20
INTERSECTIONS = "core.intersections__sets"
TERMS = "core.enrichment__terms"
RECOGNITION = "staging.genes__name_recognition"
WARNINGS = "raw.studies__warnings"
_OWN_LISTS = "SELECT list(list_id) FROM core.gene_lists__lists WHERE contrast_id IN ({own})"


def add_own_studies_in_short(published: Published, page: Page) -> None:
    """What the own studies gave in a line each, above the answer; the tables stand below it."""
    faults = published.rows("SELECT folder, fault FROM meta.study_faults ORDER BY folder")
    studies = own_studies(published)
    if not studies and not faults:
        return
    page.heading("Your studies", anchor="your-studies")
    rows = published.rows(
        f"""
        SELECT d.contrast_id, d.method, d.genes_up, d.genes_down, d.evidence_kind FROM core.deg__contrasts AS d
        INNER JOIN raw.catalog__contrasts AS c ON c.contrast_id = d.contrast_id
        WHERE c.study_id IN ({literals(studies)})
        QUALIFY row_number() OVER (
            PARTITION BY d.contrast_id ORDER BY list_position(string_split(c.methods, '|'), d.method)
        ) = 1
        ORDER BY d.genes_up + d.genes_down DESC, d.contrast_id
        """
    )
    page.add(
        prose('<p class="short">{words}</p>', words=joined(_in_short(published, page, studies, rows, faults), " "))
    )


def _in_short(
    published: Published,
    page: Page,
    studies: list[str],
    rows: list[dict[str, Any]],
    faults: list[dict[str, Any]],
) -> list[Any]:
    """Sentences: how many studies, their contrasts with most genes, and what was left out."""
    words: list[Any] = [f"{len(studies)} stud{'y' if len(studies) == 1 else 'ies'}"]
    if rows:
        leading = [
            prose(
                "{name} ({up:,} up, {down:,} down)",
                name=link(
                    page.root + contrast_path(row["contrast_id"], row["method"]),
                    published.contrast_titles.get(row["contrast_id"], row["contrast_id"]),
                ),
                up=row["genes_up"] or 0,
                down=row["genes_down"] or 0,
            )
            for row in rows[:MOST_IN_SHORT]
            if row["evidence_kind"] != "effect_only"
        ]
        words = [f"{words[0]} with {len(rows)} contrast{'s' * (len(rows) > 1)}"]
        if leading:
            words.append(prose("; most genes in {names}", names=joined(leading)))
    words = [joined([*words, "."], "")]
    if faults:
        count = len(faults)
        words.append(
            prose(
                "<strong>{n} with faults, left out in part or whole:</strong> {names}.",
                n=count,
                names=joined(r["folder"] for r in faults),
            )
        )
    words.append(link("#your-studies-in-full", "All of it"))
    return words


def add_own_studies(published: Published, page: Page, gene_pages: set[str]) -> None:
    """The section of a laboratory's own studies; nothing where there are none and none was left out."""
    faults = published.rows("SELECT folder, fault FROM meta.study_faults ORDER BY folder")
    studies = own_studies(published)
    if not studies and not faults:
        return
    page.heading("Your studies in full", anchor="your-studies-in-full")
    if faults:
        page.add(
            table(
                "Faults of studies: what is left out, and why",
                [Heading("folder", "Folder"), Heading("fault", "What is wrong")],
                faults,
            )
        )
    if not studies:
        return
    contrasts = published.rows(
        f"""
        SELECT d.*, c.study_id, c.study_title FROM core.deg__contrasts AS d
        INNER JOIN raw.catalog__contrasts AS c ON c.contrast_id = d.contrast_id
        WHERE c.study_id IN ({literals(studies)})
        ORDER BY c.study_id, d.contrast_id, list_position(string_split(c.methods, '|'), d.method)
        """
    )
    _contrast_table(published, page, contrasts)
    _without_results(published, page, studies, {row["study_id"] for row in contrasts})
    _files_as_read(published, page, studies)
    own = list(dict.fromkeys(row["contrast_id"] for row in contrasts))
    if own:
        _overlaps(published, page, own)
        _shared_genes(published, page, own, gene_pages)
        _pathways(published, page, own)


def own_studies(published: Published) -> list[str]:
    """Ids of studies whose files lie in a folder of the laboratory."""
    rows = published.rows(
        "SELECT DISTINCT split_part(source_id, '/', 1) AS study_id FROM meta.sources "
        "WHERE connector = 'local_study' ORDER BY study_id"
    )
    return [row["study_id"] for row in rows]


def _contrast_table(published: Published, page: Page, contrasts: list[dict[str, Any]]) -> None:
    for row in contrasts:
        path = contrast_path(row["contrast_id"], row["method"])
        row["name"] = link(page.root + path, published.contrast_titles.get(row["contrast_id"], row["contrast_id"]))
        row["samples"] = arms_in_words(row)
        row["evidence"] = row["evidence_kind"].replace("_", " ")
    headings = [
        Heading("name", "Contrast"),
        Heading("drug", "Drug"),
        Heading("method", "Method"),
        Heading("samples", "Samples"),
        Heading("genes_up", "Up", "genes beyond both thresholds of the contrast", True),
        Heading("genes_down", "Down", "genes beyond both thresholds of the contrast", True),
        Heading("evidence", "Evidence"),
    ]
    page.add(table("Contrasts of your studies", headings, contrasts))


def _without_results(published: Published, page: Page, studies: list[str], with_contrasts: set[str]) -> None:
    """Own studies without a contrast: cohorts with follow-up, and studies that gave nothing, with the cause."""
    titles = {row["dataset_id"]: row for row in published.rows("SELECT * FROM marts.dataset_catalog")}
    endpoints: dict[str, list[dict[str, Any]]] = {}
    for row in published.rows("SELECT cohort_id, endpoint, genes_tested FROM marts.cohort_endpoints ORDER BY ALL"):
        endpoints.setdefault(row["cohort_id"], []).append(row)
    bench = {one.id: one for one in bench_studies(published)}
    for study in studies:
        title = titles.get(study, {}).get("title", study)
        if study in bench:
            kind = titles.get(study, {}).get("kind")
            words = [f"({plain_words(kind)})"] if kind else []
            page.paragraph(link(page.root + bench[study].path, bench[study].title), *words)
            continue
        screened = [row for row in endpoints.get(study, ()) if row["genes_tested"]]
        for row in screened:
            page.paragraph(
                link(page.root + endpoint_path(study, row["endpoint"]), f"{title}, {row['endpoint']}"),
                f"({row['genes_tested']:,} genes tested)",
            )
        if study not in with_contrasts and not screened:
            page.paragraph(f"{title}: no results, because of {published.why_absent(study)}")


def _files_as_read(published: Published, page: Page, studies: list[str]) -> None:
    """How many gene names of each study are known, and what its files hold that may not be meant."""
    if published.has(RECOGNITION):
        rows = published.rows(
            f"""
            SELECT r.*, coalesce(d.title, r.dataset_id) AS title FROM {RECOGNITION} AS r
            LEFT JOIN marts.dataset_catalog AS d ON d.dataset_id = r.dataset_id
            WHERE r.dataset_id IN ({literals(studies)}) ORDER BY r.dataset_id, r.measurement
            """
        )
        headings = [
            Heading("title", "Study"),
            Heading("measurement", "Measured"),
            Heading("names", "Gene names", "that differ", True),
            Heading("known_names", "Known", "of these, resolved to an approved symbol of HGNC", True),
            Heading("statement", "In a sentence"),
        ]
        if rows:
            page.add(table("How your gene names were recognised", headings, rows, is_searchable=False))
    if published.filled(WARNINGS):
        rows = published.rows(
            f"SELECT * FROM {WARNINGS} WHERE study_id IN ({literals(studies)}) ORDER BY study_id, warning_number"
        )
        headings = [
            Heading("source", "File"),
            Heading("place", "Where"),
            Heading("warning", "What may not be meant"),
        ]
        if rows:
            page.add(table("Warnings of your files", headings, rows, most=MOST_WARNINGS))


def _overlaps(published: Published, page: Page, own: list[str]) -> None:
    if not published.filled(INTERSECTIONS):
        return
    rows = published.rows(
        f"""
        SELECT * FROM {INTERSECTIONS}
        WHERE size > 0 AND list_has_any(string_split(list_ids, '|'), ({_OWN_LISTS.format(own=literals(own))}))
        ORDER BY q_value_bh NULLS LAST, fold_over_chance DESC NULLS LAST, intersection_id
        """
    )
    titles = published.list_titles
    for row in rows:
        row["lists"] = titles.get(row["intersection_id"], row["intersection_id"])
        row["members"] = shortened_genes(row["genes"])
    headings = [
        Heading("lists", "Lists"),
        Heading("size", "Shared", "genes in all lists", True),
        Heading("expected_by_chance", "Expected", "by chance", True),
        Heading("q_value_bh", "q (BH)", "over all intersections", True),
        Heading("universe_size", "Universe", "genes that could have been in every list", True),
        Heading("members", "Genes"),
    ]
    page.add(table("What your lists share with others, least expected first", headings, rows, most=MOST_OVERLAPS))


def _shared_genes(published: Published, page: Page, own: list[str], gene_pages: set[str]) -> None:
    rows = published.rows(
        f"""
        SELECT g.*, a.gene_name, e.* EXCLUDE (hgnc_symbol, gene_name, in_cancer_gene_list)
        FROM marts.concordant_genes AS g
        LEFT JOIN staging.genes__approved AS a ON a.hgnc_symbol = g.hgnc_symbol
        LEFT JOIN marts.gene_evidence AS e ON e.hgnc_symbol = g.hgnc_symbol
        WHERE list_has_any(string_split(g.contrasts, '|'), [{literals(own)}])
        ORDER BY g.n_studies DESC, g.n_contrasts DESC, g.largest_q_value_bh NULLS LAST, g.hgnc_symbol
        """
    )
    for row in rows:
        symbol = row["hgnc_symbol"]
        row["gene"] = link(page.root + gene_path(symbol), symbol) if symbol in gene_pages else symbol
        row["cancer"] = "yes" if row["in_cancer_gene_list"] else "no"
        row.setdefault("os_expression_scale", None)
    headings = [
        Heading("gene", "Gene"),
        Heading("direction", "Direction"),
        Heading("n_studies", "Studies", "that list it in this direction", True),
        Heading("n_contrasts", "Contrasts", None, True),
        Heading("smallest_abs_log2_fold_change", "Smallest |log2 FC|", None, True),
        Heading("largest_q_value_bh", "Largest q", None, True),
        Heading("cancer", "Cancer gene"),
        Heading("os_hazard_ratio_per_sd", "OS HR per SD", "overall survival, on the scale beside it", True),
        Heading("os_expression_scale", "OS scale", "of expression"),
        Heading("cohort_id", "OS cohort"),
        Heading("os_n", "OS patients", None, True),
        Heading("os_events", "Deaths", None, True),
        Heading("gene_name", "Name"),
    ]
    page.add(
        table("Genes that your studies share with each other or with public ones", headings, rows, most=MOST_GENES)
    )


def _pathways(published: Published, page: Page, own: list[str]) -> None:
    rows = published.rows(
        f"""
        SELECT * FROM {TERMS}
        WHERE q_value_bh < 0.05 AND NOT is_circular AND (
                list_contains(({_OWN_LISTS.format(own=literals(own))}), list_id)
                OR list_id IN (
                    SELECT intersection_id FROM {INTERSECTIONS}
                    WHERE list_has_any(string_split(list_ids, '|'), ({_OWN_LISTS.format(own=literals(own))}))
                )
            )
        ORDER BY q_value_bh, p_value, list_id, term_id
        """
    )
    titles = published.list_titles
    for row in rows:
        row["of"] = titles.get(row["list_id"], row["list_id"])
        row["found"] = f"{row['overlap']} of {row['set_size']}"
        row["fold"] = number(row["fold_enrichment"])
        row["members"] = shortened_genes(row["genes"])
    headings = [
        Heading("term", "Term"),
        Heading("collection", "Collection"),
        Heading("of", "List"),
        Heading("found", "Overlap", "genes of the list in the set", True),
        Heading("fold", "Fold", "overlap over expected", True),
        Heading("q_value_bh", "q (BH)", "within list and collection", True),
        Heading("members", "Genes"),
    ]
    page.add(table("Strongest terms of your lists", headings, rows, most=MOST_TERMS))
