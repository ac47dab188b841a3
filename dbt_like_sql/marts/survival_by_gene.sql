-- The continuous and the median-split model of one gene side by side.
WITH continuous_models AS (
    SELECT
        cohort_id,
        endpoint,
        hgnc_symbol,
        n,
        events,
        hazard_ratio_per_sd,
        p_value,
        q_value_bh,
        percentile_among_genes
    FROM core.survival__cohort_endpoint_genes
    WHERE model = 'continuous'
),

median_splits AS (
    SELECT
        cohort_id,
        endpoint,
        hgnc_symbol,
        n,
        events,
        hazard_ratio,
        ci_lower,
        ci_upper,
        p_logrank,
        q_value_bh_logrank,
        percentile_logrank
    FROM core.survival__cohort_endpoint_genes
    WHERE model = 'median_split'
)

SELECT
    coalesce(continuous_models.cohort_id, median_splits.cohort_id) AS cohort_id,
    coalesce(continuous_models.endpoint, median_splits.endpoint) AS endpoint,
    coalesce(continuous_models.hgnc_symbol, median_splits.hgnc_symbol) AS hgnc_symbol,
    coalesce(continuous_models.n, median_splits.n) AS n,
    coalesce(continuous_models.events, median_splits.events) AS events,
    continuous_models.hazard_ratio_per_sd,
    continuous_models.p_value AS p_continuous,
    continuous_models.q_value_bh AS q_continuous,
    continuous_models.percentile_among_genes AS percentile_continuous,
    median_splits.hazard_ratio AS hazard_ratio_median_split,
    median_splits.ci_lower AS ci_lower_median_split,
    median_splits.ci_upper AS ci_upper_median_split,
    median_splits.p_logrank,
    median_splits.q_value_bh_logrank AS q_logrank,
    median_splits.percentile_logrank
FROM continuous_models
FULL OUTER JOIN median_splits
    ON
        continuous_models.cohort_id = median_splits.cohort_id
        AND continuous_models.endpoint = median_splits.endpoint
        AND continuous_models.hgnc_symbol = median_splits.hgnc_symbol
ORDER BY cohort_id, endpoint, hgnc_symbol
