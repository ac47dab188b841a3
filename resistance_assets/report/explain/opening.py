"""A gene in two or three sentences, each by a rule over the tables: resistance, patients, cells and bench, what lacks.

The word of confidence is that of `marts.candidates`; nothing is weighed here a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from resistance_assets.report.explain.text import number, span
from resistance_assets.report.published import Published

CANDIDATES = "marts.candidates"
CONSENSUS = "core.evidence__consensus_by_gene"
LARGEST_Q = 0.05
MOST_CELL_TYPES = 2
MOST_MISSING = 3
LONGEST_MISSING = 48
OPENING_SQL = f"""SELECT * FROM {CANDIDATES} WHERE hgnc_symbol = $gene ORDER BY drug_class;
SELECT * FROM {CONSENSUS} WHERE hgnc_symbol = $gene AND state = 'acquired';
SELECT * FROM marts.gene_evidence WHERE hgnc_symbol = $gene"""


def opening(published: Published, gene: str, document: Mapping[str, Any]) -> list[str]:
    """The sentences of a gene; ``document`` is what `explain_gene` has gathered so far."""
    resistance = None
    if published.has(CANDIDATES, "confidence", "log2_fold_change") and published.has(CONSENSUS, "k_studies"):
        candidates = published.rows(f"SELECT * FROM {CANDIDATES} WHERE hgnc_symbol = ? ORDER BY drug_class", [gene])
        consensus = published.rows(
            f"SELECT drug_class, k_studies, n_effect_only FROM {CONSENSUS} "
            "WHERE hgnc_symbol = ? AND state = 'acquired' AND drug_class <> 'all' ORDER BY drug_class",
            [gene],
        )
        resistance = resistance_sentence(gene, candidates, consensus)
    else:
        candidates = []
    sentences = [
        resistance,
        patients_sentence(document["summary"], published.titles),
        cells_and_bench_sentence(candidates, document["cell_types"], document["known_mechanisms"]),
        missing_sentence(document["missing"]),
    ]
    return [sentence for sentence in sentences if sentence]


def resistance_sentence(
    gene: str, candidates: Sequence[Mapping[str, Any]], consensus: Sequence[Mapping[str, Any]]
) -> str:
    """The gene's word of confidence in every drug class, strongest first, and the classes where it has none."""
    if not consensus and not candidates:
        return f"No contrast of resistant against parental cells measured {gene}."
    order = ("replicated", "suggested", "single study", "contradicted", "effect only")
    ranked = sorted(candidates, key=lambda row: (order.index(row["confidence"]), row["drug_class"]))
    told = [_class_in_words(row) for row in ranked]
    worded = {row["drug_class"] for row in candidates}
    silent = [row for row in consensus if row["drug_class"] not in worded]
    if not told:
        counts = ", ".join(
            f"{row['drug_class']}: {_studies(row['k_studies'])} with replicates, {row['n_effect_only']} without"
            for row in silent
        )
        return f"{gene} is no candidate in any drug class ({counts})."
    rest = f"; no candidate in {', '.join(row['drug_class'] for row in silent)}" if silent else ""
    return f"{gene} is {', '.join(told)}{rest}."


def _studies(count: int) -> str:
    return f"{count} stud{'y' if count == 1 else 'ies'}"


def _class_in_words(row: Mapping[str, Any]) -> str:
    """`replicated upward in ALK-TKI resistance (3 of 3 studies, log2 FC 2 (1.6 to 2.4); drug response)`."""
    direction = "upward" if row["direction"] == "up" else "downward"
    word = {
        "replicated": f"replicated {direction}",
        "suggested": f"suggested {direction}",
        "single study": f"{direction} in a single study",
        "effect only": f"{direction} by effect only, without a p-value,",
        "contradicted": "contradicted between studies",
    }[row["confidence"]]
    about = [f"{row['n_studies_for']} of {_studies(row['k_studies'])} with replicates"] if row["k_studies"] else []
    if not row["k_studies"]:
        about = [f"{_studies(row['n_effect_only_for'])} without replicates"]
    if row["log2_fold_change"] is not None:
        low, high = row["log2_fold_change_ci_lower"], row["log2_fold_change_ci_upper"]
        limits = f" ({span(low, high)})" if low is not None and high is not None else ""
        about.append(f"log2 FC {number(row['log2_fold_change'])}{limits}")
    flags = f"; flagged {row['flags'].replace('|', ', ')}" if row["flags"] else ""
    return f"{word} in {row['drug_class']} resistance ({', '.join(about)}{flags})"


def patients_sentence(summary: Mapping[str, Any] | None, titles: Mapping[str, str]) -> str | None:
    """What overall survival of untreated patients says, always with cohort and patients."""
    if not summary or summary.get("os_hazard_ratio_per_sd") is None:
        return "No cohort has overall survival with its expression."
    ratio, q = summary["os_hazard_ratio_per_sd"], summary["os_q_value_bh"]
    cohort = titles.get(summary["cohort_id"], summary["cohort_id"])
    if q is None or q >= LARGEST_Q:
        weight = "it has no prognostic weight"
    else:
        weight = f"higher expression goes with {'shorter' if ratio > 1 else 'longer'} survival"
    patients = "" if summary.get("os_n") is None else f", n = {summary['os_n']:,}"
    return f"In untreated patients ({cohort}{patients}) {weight} (OS HR {number(ratio)} per SD, q {number(q)})."


def cells_and_bench_sentence(
    candidates: Sequence[Mapping[str, Any]],
    cell_types: Sequence[Mapping[str, Any]],
    mechanisms: Sequence[Mapping[str, Any]],
) -> str | None:
    """Which cells make it, what the bench found, and whether the mechanism is known; None where nothing is."""
    parts = []
    makers: dict[str, float] = {}
    for row in cell_types:
        if row["level"] == "cell_type" and not row["is_ambient"] and row["mean_cp10k"] is not None:
            makers[row["cell_type"]] = max(makers.get(row["cell_type"], 0.0), row["mean_cp10k"])
    if makers:
        leading = sorted(makers, key=lambda name: -makers[name])[:MOST_CELL_TYPES]
        parts.append(f"made by {' and '.join(leading)} (single cells)")
    if bench := next((row["bench_summary"] for row in candidates if row.get("bench_summary")), None):
        parts.append(f"at the bench, {bench}")
    if mechanisms:
        levels = sorted({row["evidence_level"] for row in mechanisms if row["evidence_level"]})
        parts.append(
            f"known mechanism of resistance (CIViC level {levels[0]})" if levels else "known mechanism (CIViC)"
        )
    if not parts:
        return None
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


def missing_sentence(missing: Sequence[Mapping[str, str]]) -> str | None:
    """What is not there, the first three by name; the reasons stand at the end of the page."""
    if not missing:
        return None
    named = [entry["what"] for entry in missing if len(entry["what"]) <= LONGEST_MISSING][:MOST_MISSING]
    more = len(missing) - len(named)
    if not named:
        return f"Not there: {more} kind{'s' * (more > 1)} of evidence, with the reasons at the end."
    return f"Not there: {', '.join(named)}{f' and {more} more' if more else ''}, with the reasons at the end."
