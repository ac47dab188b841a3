-- A hazard ratio lies within its interval (1e-9 allows for rounding).
-- table: core.survival__cohort_endpoint_genes
SELECT
    cohort_id,
    endpoint,
    hgnc_symbol,
    model,
    hazard_ratio,
    ci_lower,
    ci_upper
FROM core.survival__cohort_endpoint_genes
WHERE hazard_ratio < ci_lower * (1 - 1e-9) OR hazard_ratio > ci_upper * (1 + 1e-9)
