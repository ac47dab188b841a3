-- The continuous and the median-split model of one gene side by side.
WITH continuous AS (
    SELECT * FROM core.survival__cohort_endpoint_genes WHERE model = 'continuous'
),
median_split AS (
    SELECT * FROM core.survival__cohort_endpoint_genes WHERE model = 'median_split'
)
SELECT
    coalesce(c.cohort_id, m.cohort_id) AS cohort_id,
    coalesce(c.endpoint, m.endpoint) AS endpoint,
    coalesce(c.hgnc_symbol, m.hgnc_symbol) AS hgnc_symbol,
    coalesce(c.n, m.n) AS n,
    coalesce(c.events, m.events) AS events,
    c.hazard_ratio_per_sd,
    c.p_value AS p_continuous,
    c.q_value_bh AS q_continuous,
    c.percentile_among_genes AS percentile_continuous,
    m.hazard_ratio AS hazard_ratio_median_split,
    m.ci_lower AS ci_lower_median_split,
    m.ci_upper AS ci_upper_median_split,
    m.p_logrank,
    m.q_value_bh_logrank AS q_logrank,
    m.percentile_logrank
FROM continuous AS c
FULL JOIN median_split AS m
    ON m.cohort_id = c.cohort_id AND m.endpoint = c.endpoint AND m.hgnc_symbol = c.hgnc_symbol
ORDER BY 1, 2, 3
