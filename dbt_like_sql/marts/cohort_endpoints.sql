-- Endpoints of the cohorts side by side, with what the genome-wide screen found in each.
WITH screen AS (
    SELECT
        cohort_id,
        endpoint,
        count(p_value) AS genes_tested,
        count(p_value) FILTER (WHERE p_value < 0.05) AS genes_p_below_0_05,
        count(q_value_bh) FILTER (WHERE q_value_bh < 0.05) AS genes_q_below_0_05
    FROM core.survival__cohort_endpoint_genes
    WHERE model = 'continuous'
    GROUP BY cohort_id, endpoint
)
SELECT
    e.cohort_id,
    c.title AS cohort,
    e.endpoint,
    c.endpoint_title,
    e.n_patients,
    e.n_analysed,
    e.n_events_analysed,
    e.median_follow_up_months,
    coalesce(s.genes_tested, 0) AS genes_tested,
    coalesce(s.genes_p_below_0_05, 0) AS genes_p_below_0_05,
    coalesce(s.genes_q_below_0_05, 0) AS genes_q_below_0_05,
    c.status_attribute
FROM core.survival__cohort_endpoints AS e
INNER JOIN raw.catalog__cohorts AS c ON c.cohort_id = e.cohort_id AND c.endpoint = e.endpoint
LEFT JOIN screen AS s ON s.cohort_id = e.cohort_id AND s.endpoint = e.endpoint
ORDER BY e.cohort_id, e.endpoint
