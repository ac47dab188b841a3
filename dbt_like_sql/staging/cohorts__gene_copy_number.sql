-- Copy-number calls, one sample per patient. Values that are no call are blank, and counted in
-- raw.rejected_rows.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id,
        origin = 'study' AS is_laboratory
    FROM raw.catalog__cohorts
),

matrix_values AS (
    SELECT
        study_id,
        FALSE AS is_laboratory,
        stable_id,
        gene_row,
        sample_id,
        value
    FROM raw.cbioportal__copy_number_values
    UNION ALL
    SELECT
        study_id,
        TRUE AS is_laboratory,
        layer AS stable_id,
        feature_row AS gene_row,
        sample_id,
        value
    FROM raw.studies__layer_values
    WHERE layer = 'copy_number'
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
INNER JOIN matrix_values
    ON
        cohorts.study_id = matrix_values.study_id
        AND cohorts.is_laboratory = matrix_values.is_laboratory
        AND genes.profile_id = matrix_values.stable_id
        AND genes.source_row = matrix_values.gene_row
INNER JOIN staging.cohorts__samples AS samples
    ON
        genes.dataset_id = samples.cohort_id
        AND matrix_values.sample_id = samples.sample_id
        AND samples.is_analysed
WHERE genes.measurement = 'copy_number'
ORDER BY genes.dataset_id, genes.hgnc_symbol, samples.patient_id
