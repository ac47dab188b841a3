-- A corrected p-value is never smaller than the p-value (1e-12 allows for the last digit).
-- table: core.deg__contrast_genes
SELECT
    contrast_id,
    method,
    hgnc_symbol,
    p_value,
    q_value_bh
FROM core.deg__contrast_genes
WHERE q_value_bh < p_value * (1 - 1e-12)
