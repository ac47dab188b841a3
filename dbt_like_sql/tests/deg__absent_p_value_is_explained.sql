-- A gene without a p-value says why.
-- table: core.deg__contrast_genes
SELECT
    contrast_id,
    method,
    hgnc_symbol,
    evidence_kind
FROM core.deg__contrast_genes
WHERE p_value IS NULL AND p_value_note IS NULL
