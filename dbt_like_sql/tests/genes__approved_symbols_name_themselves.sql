-- An approved symbol stands for its own gene, whoever else uses it as an alias.
-- table: staging.genes__symbols
SELECT
    approved_genes.symbol AS approved_symbol,
    symbols.hgnc_symbol,
    symbols.resolution
FROM raw.hgnc__genes AS approved_genes
LEFT JOIN staging.genes__symbols AS symbols
    ON symbols.symbol = upper(trim(approved_genes.symbol))
WHERE
    NOT contains(lower(approved_genes.status), 'withdrawn')
    AND symbols.hgnc_symbol IS DISTINCT FROM approved_genes.symbol
