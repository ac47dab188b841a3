"""A gene's story for a terminal: one section per kind of evidence, sources at the end."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TERMS_SHOWN = 15
PARTNERS_SHOWN = 25
OPENING_WIDTH = 110


def number(value: Any) -> str:
    """A number as people write it: three significant digits, whole from a thousand on; a dot for what is not there."""
    if value is None:
        return "."
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        size = abs(value)
        if size and size < 1e-3:
            return f"{value:.2e}"
        return f"{value:,.0f}" if 999.5 <= size < 1e7 else f"{value:.3g}"
    return str(value)


def columns_as_text(header: list[str], rows: Iterable[list[str]], indent: str = "  ") -> list[str]:
    """Aligned columns; the first to the left, the others as they are given."""
    cells = [header, *rows]
    widths = [max(len(row[at]) for row in cells) for at in range(len(header))]
    return [
        indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


def interval(row: dict[str, Any]) -> str:
    """The confidence interval of a row of the screen, on the scale of the hazard ratio that is shown."""
    scale = "" if row["hazard_ratio_per_sd"] is None else "_per_sd"
    return f"{number(row[f'ci_lower{scale}'])} to {number(row[f'ci_upper{scale}'])}"


def span(low: float | None, high: float | None) -> str:
    """A confidence interval; a dot where there is none."""
    return "." if low is None or high is None else f"{number(low)} to {number(high)}"


def knock_down_line(row: dict[str, Any]) -> str:
    """The line that a row of knock-downs is of, or both, where it is their interaction."""
    if row["contrast"] == "resistant_minus_parental":
        return f"{row['resistant']} / {row['parental']}"
    return str(row[row["contrast"]])


@dataclass(frozen=True)
class Section:
    """A table of the story: rows of one key of the document, at most so many, with a line or more below it."""

    heading: str
    key: str
    header: Sequence[str]
    cells: Callable[[dict[str, Any]], list[str]]
    most: int
    notes: Callable[[list[dict[str, Any]]], list[str]] = lambda rows: []


def arms_in_words(row: Mapping[str, Any], joint: str = " v ") -> str:
    """Samples of both arms: `3 v 3`, or that a published table does not state them."""
    top, bottom = row["n_numerator"], row["n_denominator"]
    if top is None and bottom is None:
        return "n not stated"
    return joint.join("?" if one is None else str(one) for one in (top, bottom))


def _effect(row: dict[str, Any]) -> list[str]:
    return [
        row["contrast_id"],
        row["drug"] or ".",
        row["method"],
        arms_in_words(row),
        number(row["log2_fold_change"]),
        number(row["standard_error"]),
        number(row["p_value"]),
        number(row["q_value_bh"]),
        row["in_list"] or ".",
        row["evidence_kind"] + (f" ({row['p_value_note']})" if row["p_value_note"] else ""),
    ]


def _contributions(rows: list[dict[str, Any]]) -> list[str]:
    lines = []
    for row in rows:
        for part in row.get("contributions", []):
            line = f"    {row['drug_class']}: {part['contrast_id']} gives signed rank {number(part['signed_rank'])}"
            weight = f"weight {number(part['weight'])} ({part['evidence_kind']})"
            lines.append(f"{line} x {weight}, study share {number(part['study_share'])}")
    return lines


def _survival_notes(rows: list[dict[str, Any]]) -> list[str]:
    methods = {row["model"]: row["method"] for row in rows}
    return [
        *(f"  {model.replace('_', ' ')}: {text}" for model, text in methods.items()),
        "  HR: per standard deviation in the continuous models, high over low in the splits",
        "  percentile: share of the genes tested the same way with a smaller p-value, mid-rank for ties",
    ]


def _scale(row: dict[str, Any]) -> str:
    """What one standard deviation, or the cut of a split, is of."""
    if row["model"].startswith("rank_normal"):
        return "normal score of the rank"
    return row["expression_scale"] or "."


def _split_test(row: dict[str, Any]) -> str:
    """The p-value of a split: log-rank, or by permutation where a side is below the declared minimum."""
    if row["p_logrank"] is None and row["p_permutation"] is not None:
        return f"{number(row['p_permutation'])} (permutation)"
    return number(row["p_logrank"])


EFFECT_HEADER = ("contrast", "drug", "method", "n", "log2 FC", "SE", "p", "q (BH)", "list", "evidence")
SECTIONS = (
    Section("Resistance contrasts", "contrasts", EFFECT_HEADER, _effect, 50),
    Section("Tumour against normal", "tumour_vs_normal", EFFECT_HEADER, _effect, 20),
    Section(
        "Tumour against normal, rank sums",
        "tissue_ranks",
        ["comparison", "dataset", "n", "tumour", "normal", "difference", "tumour higher", "p", "q (BH)", "scale"],
        lambda row: [
            row["comparison_id"],
            row["dataset_id"],
            f"{row['n_tumour']} v {row['n_normal']}",
            *(number(row[name]) for name in ("mean_tumour", "mean_normal", "difference")),
            f"{row['probability_of_superiority']:.1%}" if row["probability_of_superiority"] is not None else ".",
            number(row["p_value"]),
            number(row["q_value_bh"]),
            row["expression_scale"],
        ],
        20,
    ),
    Section(
        "Candidate score per drug class",
        "candidate_scores",
        [
            "drug class",
            "rank",
            "score",
            "direction",
            "studies",
            "contrasts agreeing",
            "p (permutation)",
            "q (BH)",
            "rank, one study left out",
        ],
        lambda row: [
            row["drug_class"],
            f"{row['rank']:,} of {row['n_ranked']:,}",
            number(row["score"]),
            row["direction"],
            number(row["n_studies"]),
            f"{row['n_contrasts_same_direction']} of {row['n_contrasts']}",
            number(row["p_value_permutation"]),
            number(row["q_value_bh"]),
            "one study alone"
            if row["rank_min_leave_one_out"] is None
            else f"{number(row['rank_min_leave_one_out'])} to {number(row['rank_max_leave_one_out'])}",
        ],
        20,
        notes=_contributions,
    ),
    Section(
        "Gene lists",
        "lists",
        ["list", "direction", "genes in it", "rule"],
        lambda row: [row["list_id"], row["direction"], number(row["n_genes"]), row["rule"]],
        30,
    ),
    Section(
        "Survival",
        "survival",
        [
            "cohort",
            "endpoint",
            "model",
            "n",
            "events",
            "HR",
            "95 % CI",
            "scale",
            "p",
            "q (BH)",
            "percentile",
            "log-rank p",
            "q",
        ],
        lambda row: [
            row["cohort_id"],
            row["endpoint"],
            row["model"].replace("_", " "),
            number(row["n"]),
            number(row["events"]),
            number(row["hazard_ratio"] if row["hazard_ratio_per_sd"] is None else row["hazard_ratio_per_sd"]),
            interval(row),
            _scale(row),
            number(row["p_leading"]),
            number(row["q_leading"]),
            f"{row['percentile_leading']:.1f} %" if row["percentile_leading"] is not None else ".",
            _split_test(row),
            number(row["q_value_bh_logrank"]),
        ],
        50,
        notes=_survival_notes,
    ),
    Section(
        "How well it tells who will have the event (time-dependent AUC)",
        "discrimination",
        ["cohort", "endpoint", "months", "model", "n", "by then", "AUC", "95 % CI", "gain", "95 % CI", "gain, c.-v."],
        lambda row: [
            row["cohort_id"],
            row["endpoint"],
            number(row["time_months"]),
            row["model"],
            number(row["n"]),
            number(row["n_cases"]),
            number(row["auc"]),
            span(row["ci_lower"], row["ci_upper"]),
            number(row["auc_gain"]),
            span(row["auc_gain_ci_lower"], row["auc_gain_ci_upper"]),
            number(row["auc_gain_cross_validated"]),
        ],
        60,
        notes=lambda rows: [
            f"  {rows[0]['method']}",
            "  gain: AUC of the model minus that of its covariates alone; c.-v.: cross-validated",
        ],
    ),
    Section(
        "Competing risks: cumulative incidence",
        "competing_risks",
        ["cohort", "expression", "months", "deaths", "other", "disease", "95 % CI", "1 - KM", "other deaths"],
        lambda row: [
            row["cohort_id"],
            row["expression_group"],
            number(row["month"]),
            number(row["deaths_disease"]),
            number(row["deaths_other"]),
            number(row["incidence_disease"]),
            span(row["ci_lower"], row["ci_upper"]),
            number(row["one_minus_kaplan_meier"]),
            number(row["incidence_other"]),
        ],
        30,
        notes=lambda rows: [
            f"  {rows[0]['method']}",
            "  1 - KM: other deaths are censored in the Kaplan-Meier curve, so it is higher",
        ],
    ),
    Section(
        "Time ratios, where hazards are not proportional",
        "time_ratios",
        ["cohort", "endpoint", "distribution", "n", "events", "time ratio per SD", "95 % CI", "p", "AIC", "best AIC"],
        lambda row: [
            row["cohort_id"],
            row["endpoint"],
            row["distribution"],
            number(row["n"]),
            number(row["events"]),
            number(row["time_ratio_per_sd"]),
            span(row["ci_lower"], row["ci_upper"]),
            number(row["p_likelihood_ratio"]),
            number(row["aic"]),
            number(row["is_best_aic"]),
        ],
        20,
        notes=lambda rows: ["  below 1: events come sooner where expression is higher; p of the likelihood ratio"],
    ),
    Section(
        "Marker in plasma",
        "panel_markers",
        [
            "study",
            "marker",
            "n",
            "below limit",
            "groups log2",
            "q",
            "pairs log2",
            "q",
            "PFS HR/SD",
            "q",
            "OS HR/SD",
            "q",
            "verdict",
        ],
        lambda row: [
            row["study_id"],
            row["marker"],
            number(row["n"]),
            f"{row['fraction_below_lod']:.0%}",
            *(
                number(row[name])
                for name in (
                    "group_difference_log2",
                    "group_q",
                    "pair_difference_log2",
                    "pair_q",
                    "pfs_hazard_ratio_per_sd",
                    "pfs_q_value_bh",
                    "os_hazard_ratio_per_sd",
                    "os_q_value_bh",
                )
            ),
            row["verdict"].replace("_", " "),
        ],
        20,
    ),
    Section(
        "Copy number",
        "copy_number",
        ["cohort", "n", "amplified", "deep loss"],
        lambda row: [
            row["cohort_id"],
            number(row["n"]),
            f"{row['amplified'] / max(row['n'], 1):.1%}",
            f"{row['deep_loss'] / max(row['n'], 1):.1%}",
        ],
        10,
    ),
    Section(
        "Alterations in patients",
        "alterations",
        ["cohort", "patients", "class", "altered", "of", "share", "95 % CI"],
        lambda row: [
            row["cohort_id"],
            row["stratum_id"],
            row["alteration_class"].replace("_", " "),
            number(row["n_altered"]),
            number(row["n"]),
            f"{row['frequency']:.1%}" if row["frequency"] is not None else ".",
            f"{row['frequency_lower']:.1%} to {row['frequency_upper']:.1%}",
        ],
        30,
    ),
    Section(
        "Its other layers against its mRNA",
        "cis_effects",
        ["cohort", "layer", "feature", "n", "rho", "p", "q (BH)", "expected", "amplified v diploid p", "note"],
        lambda row: [
            row["cohort_id"],
            row["layer"].replace("_", " "),
            row["feature_id"],
            *(number(row[name]) for name in ("n", "rho", "p_value", "q_value_bh")),
            row["expected_direction"],
            number(row["p_amplified_against_diploid"]),
            row["fit_note"] or ".",
        ],
        20,
    ),
    Section(
        "Survival by alteration",
        "altered_survival",
        ["cohort", "endpoint", "class", "altered", "events", "HR", "95 % CI", "p", "q (BH)", "p (permutation)", "note"],
        lambda row: [
            row["cohort_id"],
            row["endpoint"],
            row["alteration_class"].replace("_", " "),
            f"{number(row['n_altered'])} of {number(row['n'])}",
            f"{number(row['events_altered'])} of {number(row['events'])}",
            number(row["hazard_ratio"]),
            span(row["ci_lower"], row["ci_upper"]),
            *(number(row[name]) for name in ("p_likelihood_ratio", "q_value_bh", "p_permutation")),
            row["fit_note"] or ".",
        ],
        30,
    ),
    Section(
        "Survival within strata",
        "stratum_survival",
        ["cohort", "endpoint", "patients", "n", "events", "HR per SD", "95 % CI", "p", "q (BH)", "note"],
        lambda row: [
            row["cohort_id"],
            row["endpoint"],
            row["title"],
            number(row["n"]),
            number(row["events"]),
            number(row["hazard_ratio_per_sd"]),
            span(row["ci_lower_per_sd"], row["ci_upper_per_sd"]),
            *(number(row[name]) for name in ("p_value", "q_value_bh")),
            row["note"] or ".",
        ],
        40,
    ),
    Section(
        "Known mechanism of resistance (CIViC)",
        "known_mechanisms",
        ["variant", "drug", "level", "significance", "direction", "disease", "PubMed", "item"],
        lambda row: [
            row["variant"] or ".",
            row["drug"],
            row["evidence_level"],
            row["significance"],
            row["direction"].replace("_", " "),
            row["disease"] or ".",
            row["pubmed_id"] or ".",
            f"EID{row['evidence_id']}",
        ],
        30,
        lambda rows: ["  levels: A validated, B clinical, C case study, D preclinical, E inferential"],
    ),
    Section(
        "Strongest correlates",
        "correlates",
        ["cohort", "method", "gene", "n", "rho", "p", "q (BH)"],
        lambda row: [
            row["cohort_id"],
            row["method"],
            row["partner"],
            *(number(row[name]) for name in ("n", "rho", "p_value", "q_value_bh")),
        ],
        20,
    ),
    Section(
        "Enriched terms that it is in, q < 0.05",
        "enriched_terms",
        ["term", "collection", "list", "overlap", "fold", "p", "q (BH)", "circular"],
        lambda row: [
            row["term"][:60],
            row["collection"],
            row["list_id"],
            f"{row['overlap']} of {row['set_size']}",
            number(row["fold_enrichment"]),
            number(row["p_value"]),
            number(row["q_value_bh"]),
            "yes" if row["is_circular"] else "no",
        ],
        TERMS_SHOWN,
    ),
    Section(
        "Interactors",
        "interactions",
        ["gene", "database", "records", "assays"],
        lambda row: [
            row["partner"],
            row["database_id"],
            number(row["records"]),
            row["experimental_systems"] or "not given",
        ],
        PARTNERS_SHOWN,
    ),
    Section(
        "Knock-downs at the bench",
        "knock_downs",
        ["study", "drug", "knock-down", "line", "EC50 ratio", "95 % CI", "p (Holm)", "fits", "note"],
        lambda row: [
            row["study_id"],
            row["drug"],
            row["condition"],
            knock_down_line(row),
            number(row["ratio"]),
            span(row["lower"], row["upper"]),
            number(row["p_holm"]),
            number(row["n_fits"]),
            row["p_note"] or ".",
        ],
        20,
        lambda rows: ["  ratio below 1: the knock-down sensitises; resistant / parental is the interaction"],
    ),
    Section(
        "Cells that make it",
        "cell_types",
        ["study", "species", "type", "cells", "with it", "CP10k", "share", "source", "log2 FC", "q (BH)", "samples"],
        lambda row: [
            row["study_id"],
            row["species"],
            row["cell_type"],
            number(row["n"]),
            f"{row['fraction_expressing']:.0%}",
            number(row["mean_cp10k"]),
            f"{row['share_of_species_umi']:.0%}" if row["share_of_species_umi"] is not None else ".",
            "ambient RNA" if row["is_ambient"] else "yes",
            number(row["log2_fold_change"]),
            number(row["q_value_bh"]),
            f"{row['n_numerator']} v {row['n_denominator']}" if row["n_numerator"] is not None else ".",
        ],
        20,
        lambda rows: ["  ambient RNA: below a tenth of the leading type, which RNA of burst cells explains"],
    ),
)


def explanation_as_text(document: dict[str, Any]) -> str:
    """The document of `explain_gene` for reading: one section per kind of evidence, sources at the end."""
    marks: dict[str, str] = {}
    lines = _opening(document)
    for section in SECTIONS:
        lines += _section_lines(section, document[section.key], marks)
    if document["missing"]:
        lines.extend(["", "Not there, and why"])
        lines.extend(f"  {entry['what']}: {entry['why']}" for entry in document["missing"])
    if marks:
        lines.extend(["", "Sources (SHA-256)"])
        lines.extend(f"  [{at}] {name}  {sha}" for at, (name, sha) in enumerate(marks.items(), 1))
    return "\n".join(lines) + "\n"


def _opening(document: dict[str, Any]) -> list[str]:
    gene, release = document["gene"], document["release"]
    title = gene["hgnc_symbol"]
    if document["asked"].upper() != title.upper():
        title = f"{document['asked']} is {title} ({gene['resolution']} symbol)"
    lines = [f"{title}: {gene['gene_name'] or 'no approved name'}"]
    ids = [gene["hgnc_id"], gene["entrez_gene_id"] and f"NCBI Gene {gene['entrez_gene_id']}", gene["ensembl_gene_id"]]
    lines.append("  " + ", ".join(str(one) for one in [*ids, gene["cytoband"]] if one))
    if gene["alias_symbols"]:
        lines.append(f"  also known as {', '.join(gene['alias_symbols'])}")
    lines.append(f"  release {release['number']} of {release['written_at']}, code {release['code_revision']}")
    if document["synthetic"]:
        lines.append("  SYNTHETIC DATA: planted by the demo, no finding about any patient or cell line")
    lines.append("")
    for sentence in document["opening"]:
        lines += textwrap.wrap(sentence, OPENING_WIDTH, break_long_words=False, break_on_hyphens=False)
    return lines


def _section_lines(section: Section, rows: list[dict[str, Any]], marks: dict[str, str]) -> list[str]:
    """The lines of a section; empty where it has no rows. New sources are added to ``marks`` in order."""
    if not rows:
        return []

    def mark(sources: list[dict[str, Any]]) -> str:
        for source in sources:
            marks.setdefault(source["source_id"], source["sha256"] or "no checksum")
        return "".join(f"[{list(marks).index(source['source_id']) + 1}]" for source in sources)

    tables = sorted({row["table"] for row in rows})
    cells = [[*section.cells(row), mark(row.get("sources", []))] for row in rows[: section.most]]
    lines = ["", f"{section.heading}  ({', '.join(tables)})", *columns_as_text([*section.header, "source"], cells)]
    if len(rows) > section.most:
        lines.append(f"  and {len(rows) - section.most} more: --json lists them all")
    return [*lines, *section.notes(rows)]
