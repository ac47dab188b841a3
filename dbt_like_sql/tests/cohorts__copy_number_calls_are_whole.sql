-- A copy-number call is the vendor's, so none was rounded here.
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
INNER JOIN staging.cohorts__samples AS samples
    ON
        calls.cohort_id = samples.cohort_id
        AND calls.patient_id = samples.patient_id
        AND samples.is_analysed
INNER JOIN raw.cbioportal__copy_number_values AS matrix_values
    ON
        cohorts.study_id = matrix_values.study_id
        AND genes.profile_id = matrix_values.stable_id
        AND genes.source_row = matrix_values.gene_row
        AND samples.sample_id = matrix_values.sample_id
WHERE calls.gistic_call IS NOT NULL AND matrix_values.value <> calls.gistic_call
