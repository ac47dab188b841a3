"""What stands beside a gene's screen in patients: its AUC over that of the covariates, competing risks, time ratios.

Each function returns rows of one axis of the document of `explain_gene`; an older release without the table has none.
"""

from __future__ import annotations

from typing import Any

from resistance_assets.report.published import Published
from resistance_assets.report.titled import title_of

AUC = "core.survival__time_dependent_auc"
INCIDENCE = "core.survival__cumulative_incidence"
TIME_RATIOS = "core.survival__time_ratios"
SHARED = "core.survival__shared_patients"
ENDPOINTS = "staging.cohorts__patient_endpoints"
# What the rows of a model without the gene carry behind the model's id.
COVARIATES_ALONE = "_covariates_alone"
AUC_CONVENTION = "An event at exactly the time counts as one by then (T <= t; timeROC of R counts T < t)."
INCIDENCE_MONTHS = (12, 36, 60)
_ORDER = "list_position(['OS', 'DSS', 'DFS', 'PFS'], endpoint), endpoint"


def discrimination(published: Published, gene: str) -> list[dict[str, Any]]:
    """Time-dependent AUC of a gene's models, of their covariates alone, and what the gene adds."""
    if not published.has(AUC):
        return []
    gain = published.has(AUC, "auc_gain", "auc_covariates_alone")
    added = (
        "auc_covariates_alone, auc_gain, auc_gain_ci_lower, auc_gain_ci_upper, auc_gain_cross_validated"
        if gain
        else "NULL AS auc_covariates_alone, NULL AS auc_gain, NULL AS auc_gain_ci_lower, NULL AS auc_gain_ci_upper, "
        "NULL AS auc_gain_cross_validated"
    )
    rows = published.rows(
        f"""
        SELECT cohort_id, endpoint, model_id, time_months, n, n_cases, n_at_risk, auc, ci_lower, ci_upper,
            auc_cross_validated, {added}
        FROM {AUC}
        WHERE hgnc_symbol = ? AND auc IS NOT NULL
        ORDER BY cohort_id, {_ORDER}, time_months, model_id <> 'unadjusted', model_id
        """,
        [gene],
    )
    for row in rows:
        name = row["model_id"].removesuffix(COVARIATES_ALONE)
        is_alone = name != row["model_id"]
        row["model"] = f"{name.replace('_', ' ')}: covariates alone" if is_alone else name.replace("_", " ")
    method = f"cumulative cases against dynamic controls, weighted for censoring. {AUC_CONVENTION}"
    return _with_sources(published, AUC, rows, method)


def competing_risks(published: Published, gene: str) -> list[dict[str, Any]]:
    """Aalen-Johansen cumulative incidence of a cohort's patients by the gene's halves, at fixed months."""
    if not published.has(INCIDENCE):
        return []
    rows = published.rows(
        f"""
        WITH own AS (
            SELECT *, max(time_months) OVER (PARTITION BY cohort_id, expression_group) AS last_month
            FROM {INCIDENCE} WHERE hgnc_symbol = ?
        )
        SELECT cohort_id, expression_group, month::INT AS month,
            max_by(cumulative_incidence, time_months) FILTER (cause = 'disease') AS incidence_disease,
            max_by(ci_lower, time_months) FILTER (cause = 'disease') AS ci_lower,
            max_by(ci_upper, time_months) FILTER (cause = 'disease') AS ci_upper,
            max_by(one_minus_kaplan_meier, time_months) FILTER (cause = 'disease') AS one_minus_kaplan_meier,
            max_by(cumulative_incidence, time_months) FILTER (cause = 'other') AS incidence_other,
            coalesce(sum(n_events) FILTER (cause = 'disease'), 0)::INT AS deaths_disease,
            coalesce(sum(n_events) FILTER (cause = 'other'), 0)::INT AS deaths_other
        FROM own, (SELECT unnest({list(INCIDENCE_MONTHS)}) AS month)
        WHERE time_months <= month AND last_month >= month
        GROUP BY cohort_id, expression_group, month
        ORDER BY cohort_id, list_position(['all', 'high', 'low'], expression_group), month
        """,
        [gene],
    )
    return _with_sources(published, INCIDENCE, rows, "Aalen-Johansen; death of the disease against other deaths")


def time_ratios(published: Published, gene: str) -> list[dict[str, Any]]:
    """Accelerated failure time models of a gene whose hazards are not proportional."""
    if not published.has(TIME_RATIOS):
        return []
    rows = published.rows(
        f"SELECT * FROM {TIME_RATIOS} WHERE hgnc_symbol = ? ORDER BY cohort_id, {_ORDER}, aic", [gene]
    )
    return _with_sources(published, TIME_RATIOS, rows, "accelerated failure time model, where cox.zph rejects")


def censored_deaths(published: Published, cohorts: list[str], only: str | None = None) -> list[str]:
    """A sentence per cohort and endpoint in whose Kaplan-Meier curve other deaths are censored, with how many.

    ``only`` is the one endpoint that is asked for.
    """
    if not cohorts or not published.has(ENDPOINTS):
        return []
    rows = published.rows(
        f"""
        SELECT e.cohort_id, e.endpoint, count(*) AS patients
        FROM {ENDPOINTS} AS e
        INNER JOIN {ENDPOINTS} AS d USING (cohort_id, patient_id)
        WHERE d.endpoint = 'OS' AND d.event_observed = 1 AND e.endpoint <> 'OS' AND e.event_observed = 0
            AND list_contains($cohorts, e.cohort_id) AND ($only IS NULL OR e.endpoint = $only)
        GROUP BY e.cohort_id, e.endpoint
        ORDER BY e.cohort_id, list_position(['DSS', 'DFS', 'PFS'], e.endpoint), e.endpoint
        """,
        {"cohorts": cohorts, "only": only},
    )
    return [
        f"{title_of(row['cohort_id'])} {row['endpoint']}: other deaths are censored in the Kaplan-Meier curve "
        f"({row['patients']:,} patients died without this event)."
        for row in rows
    ]


def shared_patients(published: Published) -> list[str]:
    """A sentence per pair of cohorts that share patients, and under which set they are pooled once."""
    if not published.has(SHARED):
        return []
    return [
        f"{title_of(row['cohort_id'])} ({row['patients']:,} patients) and {title_of(row['other_cohort_id'])} "
        f"({row['patients_other']:,}) share {row['patients_shared']:,} patients, matched by "
        f"{row['matched_by'].replace('_', ' ')}: they are pooled once, as {title_of(row['pooled_as'])}."
        for row in published.rows(f"SELECT * FROM {SHARED} WHERE patients_shared > 0 ORDER BY ALL")
    ]


def _with_sources(published: Published, table: str, rows: list[dict[str, Any]], method: str) -> list[dict[str, Any]]:
    stamp = published.stamp(table)
    for row in rows:
        row.update(stamp, method=method, sources=published.loaded_sources_of(row["cohort_id"]))
    return rows
