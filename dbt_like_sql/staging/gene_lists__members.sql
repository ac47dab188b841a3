-- Published gene lists in approved symbols where they can be resolved; lines that name one gene
-- become one row.
WITH list_lines AS (
    SELECT
        members.list_id,
        trim(members.symbol) AS source_symbol,
        coalesce(symbols.hgnc_symbol, trim(members.symbol)) AS hgnc_symbol,
        coalesce(symbols.resolution, 'unknown') AS resolution,
        CASE symbols.resolution
            WHEN 'approved' THEN 1
            WHEN 'previous' THEN 2
            WHEN 'alias' THEN 3
            WHEN 'ambiguous' THEN 4
            ELSE 5
        END AS resolution_rank
    FROM raw.gene_lists__members AS members
    LEFT JOIN staging.genes__symbols AS symbols
        ON upper(trim(members.symbol)) = symbols.symbol
    WHERE trim(members.symbol) <> ''
)

SELECT
    list_id,
    hgnc_symbol,
    string_agg(DISTINCT source_symbol, '|' ORDER BY source_symbol) AS source_symbols,
    arg_min(resolution, resolution_rank) AS resolution
FROM list_lines
GROUP BY list_id, hgnc_symbol
ORDER BY list_id, hgnc_symbol
