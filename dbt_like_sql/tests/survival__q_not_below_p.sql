-- A corrected p-value is never smaller than the p-value (1e-12 allows for the last digit).
-- table: core.survival__cohort_endpoint_genes
SELECT
    cohort_id,
    endpoint,
    hgnc_symbol,
    model,
    p_value,
    q_value_bh,
    p_likelihood_ratio,
    q_value_bh_likelihood_ratio,
    p_logrank,
    q_value_bh_logrank
FROM core.survival__cohort_endpoint_genes
WHERE
    q_value_bh < p_value * (1 - 1e-12)
    OR q_value_bh_likelihood_ratio < p_likelihood_ratio * (1 - 1e-12)
    OR q_value_bh_logrank < p_logrank * (1 - 1e-12)
