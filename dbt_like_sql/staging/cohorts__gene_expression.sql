-- Tumour expression, one sample per patient. Sorted by gene, so that a look-up of one gene reads
-- one piece of the file. Linear RSEM becomes log2(RSEM + 1): a hazard ratio per unit of a linear
-- count says nothing. Batch correction leaves small negative values, which are counted as 0. Counts
-- of a laboratory study become log2(CPM + 1); Xena's values are on a log scale already.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id
    FROM raw.catalog__cohorts
),

analysed_samples AS (
    SELECT
        cohort_id,
        sample_id,
        patient_id
    FROM staging.cohorts__samples
    WHERE is_analysed
),

laboratory_samples AS (
    SELECT
        studies.cohort_id,
        studies.study_id,
        analysed_samples.sample_id,
        analysed_samples.patient_id,
        sum(counts.read_count) AS n_reads
    FROM raw.catalog__cohorts AS studies
    INNER JOIN analysed_samples
        ON studies.cohort_id = analysed_samples.cohort_id
    INNER JOIN raw.studies__gene_sample_counts AS counts
        ON
            studies.study_id = counts.study_id
            AND analysed_samples.sample_id = counts.sample_id
    WHERE studies.origin = 'study'
    GROUP BY
        studies.cohort_id,
        studies.study_id,
        analysed_samples.sample_id,
        analysed_samples.patient_id
    HAVING sum(counts.read_count) > 0
),

cbioportal_values AS (
    SELECT
        genes.dataset_id AS cohort_id,
        genes.hgnc_symbol,
        analysed_samples.patient_id,
        CASE
            WHEN cohort_genes.expression_scale = 'log2(RSEM + 1)'
                THEN log2(greatest(matrix_values.value, 0) + 1)
            ELSE matrix_values.value
        END AS expression_value
    FROM staging.genes__measured AS genes
    INNER JOIN cohorts
        ON genes.dataset_id = cohorts.cohort_id
    INNER JOIN raw.cbioportal__mrna_values AS matrix_values
        ON
            cohorts.study_id = matrix_values.study_id
            AND genes.profile_id = matrix_values.stable_id
            AND genes.source_row = matrix_values.gene_row
    INNER JOIN staging.cohorts__genes AS cohort_genes
        ON
            genes.dataset_id = cohort_genes.cohort_id
            AND genes.hgnc_symbol = cohort_genes.hgnc_symbol
    INNER JOIN analysed_samples
        ON
            genes.dataset_id = analysed_samples.cohort_id
            AND matrix_values.sample_id = analysed_samples.sample_id
    WHERE genes.measurement = 'expression'
),

xena_values AS (
    SELECT
        genes.dataset_id AS cohort_id,
        genes.hgnc_symbol,
        analysed_samples.patient_id,
        matrix_values.value AS expression_value
    FROM staging.genes__measured AS genes
    INNER JOIN raw.xena__expression_values AS matrix_values
        ON
            genes.dataset_id = matrix_values.study_id
            AND genes.profile_id = matrix_values.stable_id
            AND genes.source_row = matrix_values.gene_row
    INNER JOIN analysed_samples
        ON
            genes.dataset_id = analysed_samples.cohort_id
            AND matrix_values.sample_id = analysed_samples.sample_id
    WHERE genes.measurement = 'expression'
),

laboratory_values AS (
    SELECT
        cohort_genes.cohort_id,
        cohort_genes.hgnc_symbol,
        laboratory_samples.patient_id,
        log2(counts.read_count / laboratory_samples.n_reads * 1e6 + 1) AS expression_value
    FROM laboratory_samples
    INNER JOIN raw.studies__gene_sample_counts AS counts
        ON
            laboratory_samples.study_id = counts.study_id
            AND laboratory_samples.sample_id = counts.sample_id
    INNER JOIN staging.cohorts__genes AS cohort_genes
        ON
            laboratory_samples.cohort_id = cohort_genes.cohort_id
            AND counts.feature_id = cohort_genes.source_symbol
),

patient_values AS (
    SELECT * FROM cbioportal_values
    UNION ALL
    SELECT * FROM xena_values
    UNION ALL
    SELECT * FROM laboratory_values
)

SELECT
    cohort_id,
    hgnc_symbol,
    patient_id,
    expression_value
FROM patient_values
ORDER BY cohort_id, hgnc_symbol, patient_id
