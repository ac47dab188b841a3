-- Copy-number calls, one sample per patient. Values that are no call are blank, and counted in
-- raw.rejected_rows.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id
    FROM raw.catalog__cohorts
)

SELECT
    genes.dataset_id AS cohort_id,
    genes.hgnc_symbol,
    samples.patient_id,
    CASE
        WHEN matrix_values.value IN (-2, -1, 0, 1, 2) THEN cast(matrix_values.value AS BIGINT)
    END AS gistic_call
FROM staging.genes__measured AS genes
INNER JOIN cohorts
    ON genes.dataset_id = cohorts.cohort_id
INNER JOIN raw.cbioportal__copy_number_values AS matrix_values
    ON
        cohorts.study_id = matrix_values.study_id
        AND genes.profile_id = matrix_values.stable_id
        AND genes.source_row = matrix_values.gene_row
INNER JOIN staging.cohorts__samples AS samples
    ON
        genes.dataset_id = samples.cohort_id
        AND matrix_values.sample_id = samples.sample_id
        AND samples.is_analysed
WHERE genes.measurement = 'copy_number'
ORDER BY genes.dataset_id, genes.hgnc_symbol, samples.patient_id
