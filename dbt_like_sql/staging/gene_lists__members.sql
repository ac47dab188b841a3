-- Published gene lists in approved symbols where they can be resolved; lines that name one gene become one row.
SELECT
    m.list_id,
    coalesce(s.hgnc_symbol, trim(m.symbol)) AS hgnc_symbol,
    string_agg(DISTINCT trim(m.symbol), '|' ORDER BY trim(m.symbol)) AS source_symbols,
    arg_min(
        coalesce(s.resolution, 'unknown'),
        CASE s.resolution
            WHEN 'approved' THEN 1 WHEN 'previous' THEN 2 WHEN 'alias' THEN 3 WHEN 'ambiguous' THEN 4 ELSE 5
        END
    ) AS resolution
FROM raw.gene_lists__members AS m
LEFT JOIN staging.genes__symbols AS s ON s.symbol = upper(trim(m.symbol))
WHERE trim(m.symbol) <> ''
GROUP BY 1, 2
ORDER BY 1, 2
