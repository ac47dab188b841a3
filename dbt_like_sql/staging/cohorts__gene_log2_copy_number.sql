-- Continuous copy number, one sample per patient, of the first such profile that was loaded.
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
    FROM raw.cbioportal__log2_copy_number_values
    UNION ALL
    SELECT
        study_id,
        TRUE AS is_laboratory,
        layer AS stable_id,
        feature_row AS gene_row,
        sample_id,
        value
    FROM raw.studies__layer_values
    WHERE layer = 'log2_copy_number'
)

SELECT
    genes.dataset_id AS cohort_id,
    genes.hgnc_symbol,
    samples.patient_id,
    matrix_values.value AS log2_copy_number
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
WHERE genes.measurement = 'log2_copy_number'
ORDER BY genes.dataset_id, genes.hgnc_symbol, samples.patient_id
