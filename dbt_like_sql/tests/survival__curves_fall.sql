-- A survival curve never rises, and nobody is at risk twice.
-- table: core.survival__kaplan_meier
SELECT
    cohort_id,
    endpoint,
    hgnc_symbol,
    expression_group,
    time_months,
    survival,
    n_at_risk
FROM core.survival__kaplan_meier
QUALIFY
    survival > lag(survival)
        OVER (
            PARTITION BY cohort_id, endpoint, hgnc_symbol, expression_group ORDER BY time_months
        )
    OR n_at_risk > lag(n_at_risk) OVER (
        PARTITION BY cohort_id, endpoint, hgnc_symbol, expression_group ORDER BY time_months
    )
