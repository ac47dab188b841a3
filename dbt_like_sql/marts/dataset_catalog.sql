-- What is loaded and how much of it. Samples of a study are counted in its sample sheet, or in its
-- contrasts where it has none (a published table). A study whose patients were followed is a
-- cohort.
WITH measured_genes AS (
    SELECT
        dataset_id,
        count(hgnc_symbol) AS n_genes
    FROM staging.genes__measured
    WHERE measurement IN ('expression', 'features')
    GROUP BY dataset_id
),

cohorts AS (
    SELECT
        cohort_id,
        min(title) AS title
    FROM raw.catalog__cohorts
    GROUP BY cohort_id
),

cohort_samples AS (
    SELECT
        cohort_id,
        count(DISTINCT patient_id) AS n_samples
    FROM staging.cohorts__gene_expression
    GROUP BY cohort_id
),

studies AS (
    SELECT
        study_id,
        min(study_title) AS title,
        count(contrast_id) AS n_contrasts
    FROM raw.catalog__contrasts
    GROUP BY study_id
),

study_samples AS (
    SELECT
        study_id,
        count(DISTINCT sample_id) AS n_samples
    FROM raw.studies__samples
    GROUP BY study_id
),

study_results AS (
    SELECT
        contrasts.study_id,
        max(contrast_genes.n_numerator + contrast_genes.n_denominator) AS n_samples,
        count(DISTINCT contrast_genes.hgnc_symbol) AS n_genes
    FROM core.deg__contrast_genes AS contrast_genes
    INNER JOIN raw.catalog__contrasts AS contrasts
        ON contrast_genes.contrast_id = contrasts.contrast_id
    GROUP BY contrasts.study_id
),

datasets AS (
    SELECT
        cohorts.cohort_id AS dataset_id,
        'cohort' AS kind,
        cohorts.title,
        coalesce(cohort_samples.n_samples, 0) AS n_samples,
        coalesce(measured_genes.n_genes, 0) AS n_genes,
        coalesce(studies.n_contrasts, 0) AS n_contrasts,
        coalesce(cohort_samples.n_samples, 0) > 0 AS is_loaded
    FROM cohorts
    LEFT JOIN measured_genes
        ON cohorts.cohort_id = measured_genes.dataset_id
    LEFT JOIN cohort_samples
        ON cohorts.cohort_id = cohort_samples.cohort_id
    LEFT JOIN studies
        ON cohorts.cohort_id = studies.study_id
    UNION ALL
    SELECT
        studies.study_id AS dataset_id,
        'study' AS kind,
        studies.title,
        coalesce(study_samples.n_samples, study_results.n_samples, 0) AS n_samples,
        coalesce(measured_genes.n_genes, study_results.n_genes, 0) AS n_genes,
        studies.n_contrasts,
        coalesce(measured_genes.n_genes, study_results.n_genes, 0) > 0 AS is_loaded
    FROM studies
    ANTI JOIN cohorts
        ON studies.study_id = cohorts.cohort_id
    LEFT JOIN measured_genes
        ON studies.study_id = measured_genes.dataset_id
    LEFT JOIN study_samples
        ON studies.study_id = study_samples.study_id
    LEFT JOIN study_results
        ON studies.study_id = study_results.study_id
)

SELECT
    dataset_id,
    kind,
    title,
    n_samples,
    n_genes,
    n_contrasts,
    is_loaded
FROM datasets
ORDER BY dataset_id
