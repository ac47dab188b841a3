-- A design that cannot support a p-value has none.
-- table: core.deg__contrast_genes
SELECT
    contrast_id,
    method,
    hgnc_symbol,
    p_value,
    q_value_bh
FROM core.deg__contrast_genes
WHERE evidence_kind = 'effect_only' AND (p_value IS NOT NULL OR q_value_bh IS NOT NULL)
