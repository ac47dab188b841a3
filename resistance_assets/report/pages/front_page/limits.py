"""What the data cannot say, and what patients add: sentences, each decided by a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resistance_assets.report.html import Page, fill, link
from resistance_assets.report.pages.front_page.answer import ANSWERS, CANDIDATES, EFFECTS, RULES
from resistance_assets.report.published import Published

ONE_LINE_SQL = f"""SELECT drug_class, any_value(cell_line) AS cell_line FROM {EFFECTS}
WHERE state = 'acquired' AND is_measured AND cell_line IS NOT NULL
GROUP BY drug_class HAVING count(DISTINCT cell_line) = 1 ORDER BY drug_class"""
NO_DRUG_ARM_SQL = f"""SELECT DISTINCT a.study_id FROM {EFFECTS} AS a
WHERE a.state = 'acquired' AND a.is_measured AND NOT EXISTS (
    SELECT 1 FROM {EFFECTS} AS t
    WHERE t.state IN ('treated', 'tolerant') AND t.is_measured AND t.study_id = a.study_id
)
ORDER BY a.study_id"""
STUDIES_SQL = f"SELECT count(DISTINCT study_id) FROM {EFFECTS} WHERE state = 'acquired' AND is_measured"
ONE_STUDY_SQL = f"""SELECT count(*) AS genes, count(*) FILTER (WHERE studies = 1) AS in_one FROM (
    SELECT hgnc_symbol, count(DISTINCT independent_study) AS studies FROM {EFFECTS}
    WHERE state = 'acquired' AND is_measured GROUP BY hgnc_symbol
)"""


@dataclass(frozen=True)
class Limit:
    """A sentence about what cannot be said, and the query that decides it."""

    sentence: str
    sql: str


def add_limits(published: Published, page: Page) -> None:
    """The section; nothing where the release has no answer to limit."""
    if not published.filled(ANSWERS, "n_independent_studies") or not published.has(EFFECTS, "independent_study"):
        return
    limits = limits_of(published)
    page.heading("What this cannot say", anchor="limits")
    page.add(fill("limits.html", limits=[limit.sentence for limit in limits], queries=[limit.sql for limit in limits]))


def limits_of(published: Published) -> list[Limit]:
    """Three to seven sentences by rules over the tables of evidence."""
    answers = published.rows(f"SELECT * FROM {ANSWERS} ORDER BY drug_class")
    least = published.value(f"SELECT replicated_studies FROM {RULES}") if published.has(RULES) else 3
    found = [
        Limit(sentence, f"SELECT drug_class, n_independent_studies, n_studies_silent FROM {ANSWERS}")
        for sentence in limits_of_designs(answers, least)
    ]
    if rows := published.rows(ONE_LINE_SQL):
        lines = ", ".join(f"{row['drug_class']} ({row['cell_line']})" for row in rows)
        found.append(
            Limit(f"All that is known of {lines} comes from one cell line: it may be that clone's own.", ONE_LINE_SQL)
        )
    without: list[str] = [name for row in published.rows(NO_DRUG_ARM_SQL) for name in row["study_id"].split("|")]
    if without:
        titles = "; ".join(dict.fromkeys(published.titles.get(name, name) for name in without))
        found.append(
            Limit(
                "Response to the drug and acquired resistance cannot be told apart where parental cells were never "
                f"given the drug: {titles}.",
                NO_DRUG_ARM_SQL,
            )
        )
    counts = next(iter(published.rows(ONE_STUDY_SQL)), None)
    if counts and counts["in_one"]:
        found.append(
            Limit(f"{counts['in_one']:,} of {counts['genes']:,} genes were measured in one study alone.", ONE_STUDY_SQL)
        )
    found.append(
        Limit(
            "A change that recurs in resistant lines need not cause the resistance: experiments at the bench tell.",
            f"SELECT hgnc_symbol, bench_summary FROM {CANDIDATES} WHERE bench_summary IS NOT NULL",
        )
    )
    if published.is_synthetic:
        found.append(
            Limit(
                "The data are synthetic: they show whether planted effects are found, and nothing about any drug.",
                "SELECT value FROM meta.facts WHERE name = 'setting.synthetic'",
            )
        )
    return found


def limits_of_designs(answers: Sequence[dict[str, Any]], least: int) -> list[str]:
    """What the number of studies with replicates allows, over the drug classes."""
    found = []
    unreplicated = [r["drug_class"] for r in answers if not r["n_independent_studies"] and r["n_studies_silent"]]
    if unreplicated:
        found.append(
            f"No study of {', '.join(unreplicated)} has replicates, so there is no p-value: its genes are effects only."
        )
    few = [r for r in answers if 0 < r["n_independent_studies"] < least]
    if few:
        counts = ", ".join(f"{r['drug_class']} has {r['n_independent_studies']}" for r in few)
        found.append(f"To be replicated takes {least} independent studies with replicates: {counts}.")
    return found


def add_patients(published: Published, page: Page) -> None:
    """Which cohorts stand behind the column of patients, and what a hazard ratio there means."""
    if not published.has(CANDIDATES, "prognostic_cohort_id"):
        return
    page.heading("What patients add, and do not", anchor="patients")
    cohorts = published.rows(
        f"SELECT prognostic_cohort_id AS id, max(prognostic_n) AS n FROM {CANDIDATES} "
        "WHERE prognostic_cohort_id IS NOT NULL GROUP BY ALL ORDER BY n DESC"
    )
    if not cohorts:
        page.paragraph("No cohort of this release has follow-up for the candidates.")
        return
    names = "; ".join(f"{published.titles.get(row['id'], row['id'])} (n = {row['n']:,})" for row in cohorts)
    page.paragraph(
        f"Hazard ratios of the candidates are of {names}. These patients were not treated with a kinase inhibitor: the "
        "ratio is prognostic, says how the disease went in untreated patients, and is no evidence of resistance. It is "
        "never part of the confidence.",
    )
    treated = treated_cohorts(published)
    if treated:
        page.paragraph(
            f"Declared as treated: {'; '.join(treated)}. Survival there is predictive evidence, and stands on the "
            "pages of genes and of the cohort."
        )
    else:
        page.paragraph("No cohort of this release is declared as treated, so no hazard ratio here is predictive.")
    if published.filled("marts.panel_markers"):
        page.paragraph(link("bench.html", "Plasma panels"), "are of patients on a drug, and stand under Bench.")


def treated_cohorts(published: Published) -> list[str]:
    """Titles of cohorts whose patients were given a drug of the classes, as the catalog or a study declares."""
    if not published.has("raw.catalog__cohorts", "cohort_id", "treated_with"):
        return []
    rows = published.rows(
        "SELECT DISTINCT cohort_id, treated_with FROM raw.catalog__cohorts WHERE treated_with IS NOT NULL ORDER BY ALL"
    )
    return [f"{published.titles.get(row['cohort_id'], row['cohort_id'])} ({row['treated_with']})" for row in rows]
