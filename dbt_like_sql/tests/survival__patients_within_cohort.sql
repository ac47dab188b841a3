-- No gene is analysed in more patients than the cohort has.
-- table: core.survival__cohort_endpoint_genes
WITH cohorts AS (
    SELECT
        cohort_id,
        count(*) AS patients
    FROM staging.cohorts__patients
    GROUP BY cohort_id
)

SELECT
    genes.cohort_id,
    genes.endpoint,
    genes.hgnc_symbol,
    genes.n,
    cohorts.patients
FROM core.survival__cohort_endpoint_genes AS genes
LEFT JOIN cohorts
    ON genes.cohort_id = cohorts.cohort_id
WHERE cohorts.patients IS NULL OR genes.n > cohorts.patients OR genes.events > genes.n
