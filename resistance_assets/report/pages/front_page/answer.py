"""The answer: a sentence per drug class, and its candidates with what every study says of them.

The words are decided by `marts.candidates` and `marts.drug_class_answers`; here they are put into order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from resistance_assets.report.explain.text import number, span
from resistance_assets.report.html import (
    Heading,
    Markup,
    Page,
    Shortened,
    fill,
    joined,
    link,
    prose,
    query_markup,
    table,
)
from resistance_assets.report.marks import StudyMark, interval_bar, legend_markup, study_strip
from resistance_assets.report.paths import gene_path
from resistance_assets.report.published import Published

ANSWERS = "marts.drug_class_answers"
CANDIDATES = "marts.candidates"
EFFECTS = "core.evidence__study_effects"
RULES = "raw.catalog__confidence_rules"
MOST_PER_CLASS = 20
_IN_BRACKETS = re.compile(r"\(([\w.-]+)\)")
ARROWS = {"up": "▲ up", "down": "▼ down"}
# Of a candidate's own studies: these alone decide its word.
DECIDING_STATE = "acquired"


def add_answer(published: Published, page: Page, gene_pages: set[str]) -> bool:
    """Sentences and tables of candidates; False where the release does not have them."""
    page.heading("The answer, per drug class", anchor="answer")
    if not published.filled(ANSWERS, "answer_sentence") or not published.has(CANDIDATES, "confidence"):
        page.paragraph(
            f"This release has no {ANSWERS}: no contrast of resistant against parental cells has data, or it was "
            "published by an earlier version. `resistance run` builds it."
        )
        return False
    page.add(answer_markup(published.rows(f"SELECT * FROM {ANSWERS} ORDER BY drug_class"), page.root, gene_pages))
    page.add(_rules(published))
    classes = _classes(published)
    if not classes:
        return True
    page.heading("Candidates", level=3)
    page.add(legend_markup())
    panels = [
        {"label": f"{name} ({count:,})", "content": candidate_table(published, name, page.root, gene_pages)}
        for name, count in classes
    ]
    page.add(fill("tabs.html", legend="Drug class", name="class", panels=panels))
    return True


def answer_markup(rows: Sequence[dict[str, Any]], root: str, gene_pages: set[str]) -> Markup:
    """One sentence per class that has data, and one line that names the classes without."""
    told = [row for row in rows if row["n_independent_studies"] + row["n_studies_silent"] > 0]
    silent = [row["drug_class"] for row in rows if row not in told]
    items = [_sentence(row, root, gene_pages) for row in told]
    if silent:
        items.append(
            prose("No contrast of resistant against parental cells has data for {names}.", names=joined(silent))
        )
    return prose(
        '<ul class="answer">{items}</ul>', items=Markup().join(prose("<li>{one}</li>", one=one) for one in items)
    )


def _sentence(row: dict[str, Any], root: str, gene_pages: set[str]) -> Markup:
    """The class's sentence with its name in bold and its genes as links."""
    sentence, genes = row["answer_sentence"].removeprefix(f"{row['drug_class']}: "), row.get("leading_genes") or ""
    before, found, after = sentence.partition(genes) if genes else (sentence, "", "")
    shown = joined(gene_link(gene, root, gene_pages) for gene in found.split(", ")) if found else ""
    return prose(
        "<strong>{name}:</strong> {before}{shown}{after}",
        name=row["drug_class"], before=before, shown=shown, after=after,
    )  # fmt: skip


def gene_link(gene: str, root: str, gene_pages: set[str]) -> Any:
    return link(root + gene_path(gene), gene) if gene in gene_pages else gene


def _rules(published: Published) -> Markup:
    """The thresholds behind each word, and the query that shows them with their rows."""
    rule = next(iter(published.rows(f"SELECT * FROM {RULES}")), None) if published.has(RULES) else None
    versions = "; ".join(
        f"{address} (data version {published.stamp(address)['data_version']})"
        for address in (CANDIDATES, ANSWERS, EFFECTS)
    )
    return fill(
        "rules.html",
        rules=confidence_words(rule) if rule else [],
        query=query_markup(
            versions,
            f"SELECT * FROM {CANDIDATES} ORDER BY drug_class, rank_in_drug_class;\n"
            f"SELECT * FROM {ANSWERS};\nSELECT * FROM {RULES};\n"
            "-- The rules themselves: dbt_like_sql/marts/candidates.sql and drug_class_answers.sql",
        ),
    )


def confidence_words(rule: dict[str, Any]) -> list[tuple[str, str]]:
    """Each word of confidence with its rule, in the thresholds of this release's catalog."""
    q, single = number(rule["q_value"]), number(rule["suggested_single_q_value"])
    replicated = (
        f"at least {rule['replicated_studies']} independent studies (another line or laboratory) with replicates; "
        f"pooled q < {q}; at most {rule['replicated_most_against']} of them against; sign and q hold whichever study "
        "is left out"
    )
    suggested = (
        f"{rule['suggested_studies']} such studies with pooled q < {q} and the same sign; or one with q < {single} and "
        f"the same direction in {rule['suggested_effect_only_studies']} without replicates"
    )
    return [
        ("replicated", replicated),
        ("suggested", suggested),
        ("single study", f"q < {q} in one study with replicates, and nothing against it"),
        ("effect only", "beyond the fold-change rule in studies without replicates: noise alone gives such genes too"),
        ("contradicted", f"two studies with q < {q} each, in opposite directions"),
    ]


def _classes(published: Published) -> list[tuple[str, int]]:
    rows = published.rows(f"SELECT drug_class, count(*) AS n FROM {CANDIDATES} GROUP BY ALL ORDER BY drug_class")
    return [(row["drug_class"], row["n"]) for row in rows]


def candidate_table(published: Published, drug_class: str, root: str, gene_pages: set[str]) -> Markup:
    """The candidates of a class, the best 20 on the page and all of them in the CSV file."""
    rows = published.rows(f"SELECT * FROM {CANDIDATES} WHERE drug_class = ? ORDER BY rank_in_drug_class", [drug_class])
    marks = study_marks(published, drug_class, [row["hgnc_symbol"] for row in rows])
    frame = _frame(rows[:MOST_PER_CLASS])
    shown = [_row(published, row, marks.get(row["hgnc_symbol"], ()), frame, root, gene_pages) for row in rows]
    caption = f"Genes that change in cells resistant to {drug_class}, best evidence first"
    return table(caption, HEADINGS, shown, filter_by=("direction_shown", "confidence"), most=MOST_PER_CLASS)


HEADINGS = [
    Heading("gene", "Gene"),
    Heading("direction_shown", "Direction", "in resistant against parental cells"),
    Heading("confidence", "Confidence", "see the rule of each word above"),
    Heading("flags_shown", "Flags", "what qualifies the word"),
    Heading("log2_fold_change", "log2 FC", "pooled over the studies with replicates where there are two or more", True),
    Heading("interval", "95 % interval", "on one scale for the table; the line is no change"),
    Heading("strip", "Studies", "one mark per independent study"),
    Heading("n_studies_for", "For", "studies with replicates in this direction", True, is_detail=True),
    Heading("n_studies_against", "Against", "studies with replicates in the other direction", True, is_detail=True),
    Heading("n_studies_not_measured", "Not measured", "studies that did not measure it", True, is_detail=True),
    Heading(
        "score_shown",
        "Score",
        "random-effects mean of the standardised effects, with its 95 % interval",
        True,
        is_detail=True,
    ),
    Heading("known", "Known mechanism", "CIViC: level and drugs"),
    Heading("druggable", "Druggable"),
    Heading("patients", "Patients: prognostic, untreated cohort", "overall survival; never part of the confidence"),
    Heading("bench_summary", "Bench", is_detail=True),
    Heading("single_cell_summary", "Single cells", is_detail=True),
    Heading("what_would_change_it", "What would change it", is_detail=True),
    Heading("gene_name", "Name", is_detail=True),
]


def _row(
    published: Published,
    row: dict[str, Any],
    marks: Sequence[StudyMark],
    frame: tuple[float, float],
    root: str,
    gene_pages: set[str],
) -> dict[str, Any]:
    low, high = row["log2_fold_change_ci_lower"], row["log2_fold_change_ci_upper"]
    effect = row["log2_fold_change"]
    words = span(low, high) if low is not None else "no interval"
    interval = None if effect is None else prose(
        "{bar} {words}", bar=interval_bar(low, effect, high, frame), words=words
    )  # fmt: skip
    score = row["score"] if row["score"] is not None else None
    return {
        **row,
        "gene": gene_link(row["hgnc_symbol"], root, gene_pages),
        "direction_shown": ARROWS.get(row["direction"], row["direction"]),
        "flags_shown": (row["flags"] or "").replace("|", ", ") or None,
        "interval": interval,
        "strip": _strip(marks, is_shown=row["rank_in_drug_class"] <= MOST_PER_CLASS),
        "single_cell_summary": _with_study_titles(published, row["single_cell_summary"]),
        "score_shown": score and f"{number(score)} ({span(row['score_ci_lower'], row['score_ci_upper'])})",
        "score_shown_sort": score,
        "known": _known(row),
        "druggable": _druggable(row),
        "patients": prognosis_in_words(published, row),
    }


def _strip(marks: Sequence[StudyMark], *, is_shown: bool) -> Shortened | None:
    """Marks on the page and words in the file; rows that the page does not show need no drawing."""
    if not marks:
        return None
    words = "; ".join(mark.words for mark in marks)
    return Shortened(study_strip(marks) if is_shown else words, words)


def _with_study_titles(published: Published, summary: str | None) -> str | None:
    """A summary that names its study in brackets, with the study's title there."""
    if summary is None:
        return None
    return _IN_BRACKETS.sub(lambda found: f"({published.titles.get(found[1], found[1])})", summary)


def _frame(rows: Iterable[dict[str, Any]]) -> tuple[float, float]:
    names = ("log2_fold_change", "log2_fold_change_ci_lower", "log2_fold_change_ci_upper")
    values = [row[name] for row in rows for name in names if row[name] is not None]
    return min([0.0, *values]), max([0.0, *values])


def _known(row: dict[str, Any]) -> str | None:
    if not row["known_mechanism"]:
        return None
    whose = "for this class" if row["known_mechanism"] == "known_for_class" else "for another drug"
    parts = (row.get("known_mechanism_level"), row.get("known_mechanism_drugs"))
    level, drugs = (part.replace("|", ", ") if part else "not stated" for part in parts)
    return f"{whose}: level {level} ({drugs})"


def _druggable(row: dict[str, Any]) -> str | None:
    if not row["is_druggable"]:
        return None
    with_what = row.get("druggable_with") or row.get("target_families")
    return f"yes: {with_what.replace('|', ', ')}" if with_what else "yes"


def prognosis_in_words(published: Published, row: dict[str, Any]) -> str | None:
    """Hazard ratio, q, cohort, patients and deaths: one text, so that none of them is read without the others."""
    if row["prognostic_hazard_ratio"] is None:
        return None
    cohort = published.titles.get(row["prognostic_cohort_id"], row["prognostic_cohort_id"])
    q = number(row["prognostic_q_value"])
    patients = f"n = {row['prognostic_n']:,}"
    # A release of before does not hold it.
    if (events := row.get("prognostic_events")) is not None:
        patients += f", {events:,} deaths"
    return f"OS HR {number(row['prognostic_hazard_ratio'])} per SD, q {q}; {cohort}, {patients}"


def study_marks(published: Published, drug_class: str, genes: Sequence[str]) -> dict[str, list[StudyMark]]:
    """A mark per independent study of acquired resistance, in one order for all genes of the class."""
    if not published.has(EFFECTS, "independent_study"):
        return {}
    threshold = published.value(f"SELECT q_value FROM {RULES}") if published.has(RULES) else 0.05
    found = published.rows(
        f"""
        WITH studies AS (
            SELECT independent_study, bool_or(is_inferential) AS has_replicates, any_value(study_id) AS study_id
            FROM {EFFECTS} WHERE drug_class = $drug_class AND state = $state GROUP BY independent_study
        ),
        genes AS (SELECT unnest($genes) AS hgnc_symbol)
        SELECT genes.hgnc_symbol, studies.independent_study, studies.study_id, studies.has_replicates,
            coalesce(e.is_measured, false) AS is_measured, coalesce(e.is_inferential, false) AS is_inferential,
            e.direction, e.log2_fold_change, e.q_value_bh
        FROM genes CROSS JOIN studies
        LEFT JOIN {EFFECTS} AS e ON e.drug_class = $drug_class AND e.state = $state
            AND e.independent_study = studies.independent_study AND e.hgnc_symbol = genes.hgnc_symbol
        ORDER BY studies.has_replicates DESC, studies.independent_study
        """,
        {"drug_class": drug_class, "state": DECIDING_STATE, "genes": list(genes)},
    )
    marks: dict[str, list[StudyMark]] = {}
    for row in found:
        marks.setdefault(row["hgnc_symbol"], []).append(
            StudyMark(
                study_title(published, row),
                row["direction"],
                row["is_measured"],
                row["is_inferential"],
                row["q_value_bh"] is not None and row["q_value_bh"] < threshold,
                row["log2_fold_change"],
            )
        )
    return marks


def study_title(published: Published, row: dict[str, Any]) -> str:
    """An independent study in words: line and laboratory, or the title of its study."""
    name: str = row["independent_study"]
    return published.titles.get(name, name)
