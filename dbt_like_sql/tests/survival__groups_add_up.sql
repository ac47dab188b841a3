-- The two groups of a median split are all patients, and none is in both.
-- table: core.survival__cohort_endpoint_genes
SELECT
    cohort_id,
    endpoint,
    hgnc_symbol,
    n,
    n_high,
    n_low
FROM core.survival__cohort_endpoint_genes
WHERE model = 'median_split' AND n_high + n_low <> n
