-- Endpoints of the cohorts side by side, with what the genome-wide screen found in each.
WITH screens AS (
    SELECT
        cohort_id,
        endpoint,
        min(model) AS primary_model,
        count(p_likelihood_ratio) AS genes_tested,
        count(*) FILTER (WHERE p_likelihood_ratio < 0.05) AS genes_p_below_0_05,
        count(*) FILTER (WHERE q_value_bh_likelihood_ratio < 0.05) AS genes_q_below_0_05
    FROM core.survival__cohort_endpoint_genes
    WHERE is_primary AND model IN ('continuous', 'rank_normal')
    GROUP BY cohort_id, endpoint
)

SELECT
    endpoints.cohort_id,
    cohorts.title AS cohort,
    endpoints.endpoint,
    cohorts.endpoint_title,
    endpoints.n_patients,
    endpoints.n_analysed,
    endpoints.n_events_analysed,
    endpoints.median_follow_up_months,
    coalesce(screens.genes_tested, 0) AS genes_tested,
    coalesce(screens.genes_p_below_0_05, 0) AS genes_p_below_0_05,
    coalesce(screens.genes_q_below_0_05, 0) AS genes_q_below_0_05,
    screens.primary_model,
    cohorts.status_attribute
FROM core.survival__cohort_endpoints AS endpoints
INNER JOIN raw.catalog__cohorts AS cohorts
    ON
        endpoints.cohort_id = cohorts.cohort_id
        AND endpoints.endpoint = cohorts.endpoint
LEFT JOIN screens
    ON
        endpoints.cohort_id = screens.cohort_id
        AND endpoints.endpoint = screens.endpoint
ORDER BY endpoints.cohort_id, endpoints.endpoint
