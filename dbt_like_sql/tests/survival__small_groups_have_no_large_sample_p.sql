-- A split that is tested by permutation has no p-value of a large sample and no part in a q-value.
-- table: core.survival__cohort_endpoint_genes
SELECT
    cohort_id,
    endpoint,
    hgnc_symbol,
    model,
    n_high,
    n_low,
    p_permutation,
    p_value,
    p_logrank,
    q_value_bh_logrank
FROM core.survival__cohort_endpoint_genes
WHERE
    p_permutation IS NOT NULL
    AND coalesce(p_value, p_likelihood_ratio, p_logrank, q_value_bh, q_value_bh_logrank) IS NOT NULL
