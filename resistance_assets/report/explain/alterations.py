"""What a gene's alterations, its other layers and curated knowledge say: rows for a terminal and for its page."""

from __future__ import annotations

from typing import Any

from resistance_assets.report.published import Published

FREQUENCIES = "core.alterations__gene_frequencies"
CIS_EFFECTS = "core.alterations__cis_effects"
SURVIVAL = "core.alterations__survival"
STRATA = "core.alterations__strata"
STRATUM_SURVIVAL = "core.alterations__stratum_survival"
SCREEN = "core.survival__cohort_endpoint_genes"
LAYERS = "core.alterations__layers"
KNOWLEDGE = "staging.knowledge__resistance_evidence"
CLASSES = ("any", "mutation", "truncating", "missense", "in_frame", "splice", "amplification", "deep_loss", "fusion")
ALL_PATIENTS = "all"
_IN_ORDER = f"list_position({list(CLASSES)}, alteration_class)"


def alterations(published: Published, gene: str, missing: list[dict[str, str]]) -> list[dict[str, Any]]:
    """How often the gene is altered, per cohort, stratum and class; and which layers were not measured."""
    if not published.has(FREQUENCIES):
        return []
    lacking = published.rows(
        f"""
        SELECT cohort_id, string_agg(replace(layer, '_', ' '), ', ' ORDER BY layer) AS layers FROM {LAYERS}
        WHERE NOT is_measured GROUP BY cohort_id ORDER BY cohort_id
        """
    )
    missing.extend({"what": f"{row['layers']} of {row['cohort_id']}", "why": "not measured"} for row in lacking)
    rows = published.rows(
        f"""
        SELECT cohort_id, stratum_id, alteration_class, n_altered, n_profiled AS n, frequency, frequency_lower,
            frequency_upper
        FROM {FREQUENCIES}
        WHERE hgnc_symbol = ?
        ORDER BY cohort_id, stratum_id <> 'all', stratum_id, {_IN_ORDER}
        """,
        [gene],
    )
    method = "share of the patients in whom it was looked for, Clopper and Pearson's interval"
    return _told(published, FREQUENCIES, rows, method)


def cis_effects(published: Published, gene: str) -> list[dict[str, Any]]:
    """The gene's own copy number, methylation and protein against its mRNA."""
    if not published.has(CIS_EFFECTS):
        return []
    rows = published.rows(
        f"SELECT * FROM {CIS_EFFECTS} WHERE hgnc_symbol = ? ORDER BY cohort_id, layer, p_value NULLS LAST, feature_id",
        [gene],
    )
    return _told(published, CIS_EFFECTS, rows, "Spearman; q Benjamini-Hochberg within cohort and layer")


def altered_survival(published: Published, gene: str) -> list[dict[str, Any]]:
    """Altered patients against the others, per cohort, class and endpoint."""
    if not published.has(SURVIVAL):
        return []
    rows = published.rows(
        f"SELECT * FROM {SURVIVAL} WHERE hgnc_symbol = ? ORDER BY cohort_id, {_IN_ORDER}, endpoint", [gene]
    )
    method = "Cox model of altered against not, Efron ties; q over the genes of the class"
    return _told(published, SURVIVAL, rows, method)


def stratum_survival(published: Published, gene: str) -> list[dict[str, Any]]:
    """Expression and survival in all patients and in every stratum, on the scale that leads in all patients.

    A stratum that is too small, or whose rule was not measured, has a row without numbers and with the reason.
    """
    if not published.filled(STRATA) or not published.has(SCREEN, "is_primary"):
        return []
    sd = "ln(nullif(hazard_ratio_per_sd, 0)) / nullif(ln(nullif(hazard_ratio, 0)), 0)"
    numbers = (
        "n, events, hazard_ratio_per_sd, p_likelihood_ratio AS p_value, q_value_bh_likelihood_ratio AS q_value_bh, "
        f"exp(ln(nullif(ci_lower, 0)) * {sd}) AS ci_lower_per_sd, "
        f"exp(ln(nullif(ci_upper, 0)) * {sd}) AS ci_upper_per_sd, fit_note AS note"
    )
    everyone = published.rows(
        f"""
        SELECT cohort_id, endpoint, model, 'all' AS stratum_id, 'all patients' AS title, {numbers}
        FROM {SCREEN}
        WHERE hgnc_symbol = ? AND is_primary AND model IN ('continuous', 'rank_normal')
            AND cohort_id IN (SELECT cohort_id FROM {STRATA})
        """,
        [gene],
    )
    found: list[dict[str, Any]] = []
    within = {
        (row["cohort_id"], row["endpoint"], row["model"], row["stratum_id"]): row
        for row in published.rows(
            f"""
            SELECT cohort_id, endpoint, model, stratum_id, {numbers}
            FROM {STRATUM_SURVIVAL} WHERE hgnc_symbol = ?
            """,
            [gene],
        )
    }
    strata = published.rows(f"SELECT * FROM {STRATA} ORDER BY cohort_id, stratum_id, endpoint")
    order = {"OS": 0, "DSS": 1, "DFS": 2, "PFS": 3}
    for row in sorted(everyone, key=lambda one: (one["cohort_id"], order.get(one["endpoint"], 9), one["endpoint"])):
        found.append(row)
        for stratum in strata:
            if (stratum["cohort_id"], stratum["endpoint"]) != (row["cohort_id"], row["endpoint"]):
                continue
            key = (row["cohort_id"], row["endpoint"], row["model"], stratum["stratum_id"])
            own = within.get(key) or dict.fromkeys(
                ("hazard_ratio_per_sd", "ci_lower_per_sd", "ci_upper_per_sd", "p_value", "q_value_bh")
            )
            note = own.get("note") or (None if key in within else stratum["note"])
            counts = {name: own.get(name, stratum[name]) for name in ("n", "events")}
            shared = {name: row[name] for name in ("cohort_id", "endpoint", "model")}
            found.append(
                {
                    **own,
                    **shared,
                    **counts,
                    "stratum_id": stratum["stratum_id"],
                    "title": stratum["title"],
                    "note": note,
                }
            )
    method = "Cox model per standard deviation of expression; q over the genes of stratum and endpoint"
    return _told(published, STRATUM_SURVIVAL, found, method)


def known_mechanisms(published: Published, gene: str, missing: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Curated evidence that variants of the gene resist a drug."""
    if not published.filled(KNOWLEDGE):
        why = f"not loaded: {published.why_absent('civic_evidence')}" if published.has(KNOWLEDGE) else "no such table"
        missing.append({"what": "known mechanisms of resistance (CIViC)", "why": why})
        return []
    rows = published.rows(
        f"SELECT * FROM {KNOWLEDGE} WHERE hgnc_symbol = ? ORDER BY evidence_level, drug, variant, evidence_id", [gene]
    )
    stamp = published.stamp(KNOWLEDGE)
    sources = published.loaded_sources_of("civic_evidence")
    return [{**row, **stamp, "n": None, "method": "curated by CIViC", "sources": sources} for row in rows]


def _told(published: Published, table: str, rows: list[dict[str, Any]], method: str) -> list[dict[str, Any]]:
    stamp = published.stamp(table)
    return [
        {**row, **stamp, "method": method, "sources": published.loaded_sources_of(row["cohort_id"])} for row in rows
    ]
