-- A copy-number call is the vendor's, so none was rounded here: of each gene there are as many
-- calls of each value as in the vendor's matrix.
-- table: staging.cohorts__gene_copy_number
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id,
        origin = 'study' AS is_laboratory
    FROM raw.catalog__cohorts
),

calls AS (
    SELECT
        cohort_id,
        hgnc_symbol,
        gistic_call,
        count(*) AS n_patients
    FROM staging.cohorts__gene_copy_number
    WHERE gistic_call IS NOT NULL
    GROUP BY cohort_id, hgnc_symbol, gistic_call
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
),

vendor AS (
    SELECT
        cohorts.cohort_id,
        matrix_values.stable_id,
        matrix_values.gene_row,
        matrix_values.value,
        count(*) AS n_patients
    FROM cohorts
    INNER JOIN staging.cohorts__samples AS samples
        ON cohorts.cohort_id = samples.cohort_id AND samples.is_analysed
    INNER JOIN matrix_values
        ON
            cohorts.study_id = matrix_values.study_id
            AND cohorts.is_laboratory = matrix_values.is_laboratory
            AND samples.sample_id = matrix_values.sample_id
    GROUP BY cohorts.cohort_id, matrix_values.stable_id, matrix_values.gene_row, matrix_values.value
)

SELECT
    calls.cohort_id,
    calls.hgnc_symbol,
    calls.gistic_call,
    calls.n_patients,
    vendor.n_patients AS n_of_vendor
FROM calls
INNER JOIN staging.genes__measured AS genes
    ON
        calls.cohort_id = genes.dataset_id
        AND genes.measurement = 'copy_number'
        AND calls.hgnc_symbol = genes.hgnc_symbol
LEFT JOIN vendor
    ON
        calls.cohort_id = vendor.cohort_id
        AND genes.profile_id = vendor.stable_id
        AND genes.source_row = vendor.gene_row
        AND calls.gistic_call = vendor.value
WHERE vendor.n_patients IS DISTINCT FROM calls.n_patients
