-- The models of one gene side by side: continuous, the cohort's primary scale, the median split.
WITH continuous_models AS (
    SELECT
        cohort_id,
        endpoint,
        hgnc_symbol,
        n,
        events,
        hazard_ratio_per_sd,
        expression_scale,
        p_value,
        q_value_bh,
        percentile_among_genes,
        p_likelihood_ratio,
        q_value_bh_likelihood_ratio,
        minimum_detectable_hazard_ratio
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
        n_high,
        n_low,
        observed_high,
        observed_low,
        p_permutation,
        fit_note,
        p_logrank,
        q_value_bh_logrank,
        percentile_logrank
    FROM core.survival__cohort_endpoint_genes
    WHERE model = 'median_split'
),

primary_models AS (
    SELECT
        cohort_id,
        endpoint,
        hgnc_symbol,
        model,
        hazard_ratio_per_sd,
        expression_scale,
        p_likelihood_ratio,
        q_value_bh_likelihood_ratio,
        percentile_likelihood_ratio
    FROM core.survival__cohort_endpoint_genes
    WHERE is_primary AND model IN ('continuous', 'rank_normal')
)

SELECT
    coalesce(continuous_models.cohort_id, median_splits.cohort_id) AS cohort_id,
    coalesce(continuous_models.endpoint, median_splits.endpoint) AS endpoint,
    coalesce(continuous_models.hgnc_symbol, median_splits.hgnc_symbol) AS hgnc_symbol,
    coalesce(continuous_models.n, median_splits.n) AS n,
    coalesce(continuous_models.events, median_splits.events) AS events,
    continuous_models.hazard_ratio_per_sd,
    continuous_models.expression_scale,
    primary_models.model AS primary_model,
    primary_models.expression_scale AS primary_scale,
    primary_models.hazard_ratio_per_sd AS hazard_ratio_primary,
    primary_models.p_likelihood_ratio AS p_primary,
    primary_models.q_value_bh_likelihood_ratio AS q_primary,
    primary_models.percentile_likelihood_ratio AS percentile_primary,
    continuous_models.p_likelihood_ratio,
    continuous_models.q_value_bh_likelihood_ratio AS q_likelihood_ratio,
    continuous_models.minimum_detectable_hazard_ratio,
    continuous_models.p_value AS p_continuous,
    continuous_models.q_value_bh AS q_continuous,
    continuous_models.percentile_among_genes AS percentile_continuous,
    median_splits.hazard_ratio AS hazard_ratio_median_split,
    median_splits.ci_lower AS ci_lower_median_split,
    median_splits.ci_upper AS ci_upper_median_split,
    median_splits.n_high,
    median_splits.n_low,
    median_splits.observed_high AS events_high,
    median_splits.observed_low AS events_low,
    median_splits.p_permutation,
    CASE WHEN median_splits.p_permutation IS NOT NULL THEN median_splits.fit_note END AS split_note,
    median_splits.p_logrank,
    median_splits.q_value_bh_logrank AS q_logrank,
    median_splits.percentile_logrank
FROM continuous_models
FULL OUTER JOIN median_splits
    ON
        continuous_models.cohort_id = median_splits.cohort_id
        AND continuous_models.endpoint = median_splits.endpoint
        AND continuous_models.hgnc_symbol = median_splits.hgnc_symbol
LEFT OUTER JOIN primary_models
    ON
        primary_models.cohort_id = coalesce(continuous_models.cohort_id, median_splits.cohort_id)
        AND primary_models.endpoint = coalesce(continuous_models.endpoint, median_splits.endpoint)
        AND primary_models.hgnc_symbol
        = coalesce(continuous_models.hgnc_symbol, median_splits.hgnc_symbol)
ORDER BY cohort_id, endpoint, hgnc_symbol
