-- No gene is analysed in more patients than the cohort has.
-- table: core.survival__cohort_endpoint_genes
WITH cohorts AS (
    SELECT cohort_id, count(*) AS patients FROM staging.cohorts__patients GROUP BY cohort_id
)
SELECT g.cohort_id, g.endpoint, g.hgnc_symbol, g.n, c.patients
FROM core.survival__cohort_endpoint_genes AS g
LEFT JOIN cohorts AS c ON c.cohort_id = g.cohort_id
WHERE c.patients IS NULL OR g.n > c.patients OR g.events > g.n
