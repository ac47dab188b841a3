-- A copy-number call is a whole number at the vendor, so none was rounded here.
-- table: staging.cohorts__gene_copy_number
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id
    FROM raw.catalog__cohorts
)

SELECT
    calls.cohort_id,
    calls.hgnc_symbol,
    calls.patient_id,
    matrix_values.value
FROM staging.cohorts__gene_copy_number AS calls
INNER JOIN cohorts
    ON calls.cohort_id = cohorts.cohort_id
INNER JOIN staging.genes__measured AS genes
    ON
        calls.cohort_id = genes.dataset_id
        AND genes.measurement = 'copy_number'
        AND calls.hgnc_symbol = genes.hgnc_symbol
INNER JOIN raw.cbioportal__copy_number_values AS matrix_values
    ON
        cohorts.study_id = matrix_values.study_id
        AND genes.profile_id = matrix_values.stable_id
        AND genes.source_row = matrix_values.gene_row
WHERE matrix_values.value <> round(matrix_values.value)
