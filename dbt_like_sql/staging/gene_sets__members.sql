-- Gene sets in approved symbols where they can be resolved; two symbols of one gene in a set become one row.
SELECT
    m.collection,
    m.term_id,
    min(m.term) AS term,
    coalesce(s.hgnc_symbol, trim(m.gene_symbol)) AS hgnc_symbol
FROM raw.gene_sets__members AS m
LEFT JOIN staging.genes__symbols AS s ON s.symbol = upper(trim(m.gene_symbol))
WHERE trim(m.gene_symbol) <> ''
GROUP BY m.collection, m.term_id, 4
ORDER BY m.collection, m.term_id, 4
