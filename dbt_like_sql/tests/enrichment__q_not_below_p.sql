-- A corrected p-value is never smaller than the p-value (1e-12 allows for the last digit).
-- table: core.enrichment__terms
SELECT
    list_id,
    collection,
    term_id,
    p_value,
    q_value_bh
FROM core.enrichment__terms
WHERE q_value_bh < p_value * (1 - 1e-12)
