-- A symbol names a gene unless it is ambiguous.
-- table: staging.genes__symbols
SELECT
    symbol,
    hgnc_symbol,
    resolution,
    candidates
FROM staging.genes__symbols
WHERE (resolution = 'ambiguous') <> (hgnc_symbol IS NULL)
