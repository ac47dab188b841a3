-- Every gene of a cohort has a row for every profiled patient.
-- table: staging.cohorts__gene_expression
WITH genes AS (
    SELECT
        cohort_id,
        hgnc_symbol,
        count(*) AS patients
    FROM staging.cohorts__gene_expression
    GROUP BY cohort_id, hgnc_symbol
)

SELECT
    cohort_id,
    hgnc_symbol,
    patients
FROM genes
QUALIFY patients <> max(patients) OVER (PARTITION BY cohort_id)
