-- A gene that a dataset calls by its approved symbol is called so here.
-- table: staging.genes__measured
SELECT
    dataset_id,
    measurement,
    source_symbol,
    hgnc_symbol,
    resolution
FROM staging.genes__measured
WHERE resolution = 'approved' AND upper(hgnc_symbol) <> upper(source_symbol)
