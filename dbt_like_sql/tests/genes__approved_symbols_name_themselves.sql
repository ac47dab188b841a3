-- An approved symbol stands for its own gene, whoever else uses it as an alias.
-- table: staging.genes__symbols
SELECT a.symbol AS approved_symbol, s.hgnc_symbol, s.resolution
FROM raw.hgnc__genes AS a
LEFT JOIN staging.genes__symbols AS s ON s.symbol = upper(trim(a.symbol))
WHERE NOT contains(lower(a.status), 'withdrawn') AND s.hgnc_symbol IS DISTINCT FROM a.symbol
