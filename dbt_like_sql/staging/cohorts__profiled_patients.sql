-- Patients whose analysed sample was looked at, by layer, and the panel that it was sequenced with.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id,
        origin = 'study' AS is_laboratory
    FROM raw.catalog__cohorts
),

profiled AS (
    SELECT
        study_id,
        FALSE AS is_laboratory,
        layer,
        sample_id,
        gene_panel_id
    FROM raw.cbioportal__profiled_samples
    UNION ALL
    SELECT
        study_id,
        TRUE AS is_laboratory,
        layer,
        sample_id,
        gene_panel_id
    FROM raw.studies__profiled_samples
)

SELECT
    cohorts.cohort_id,
    profiled.layer,
    samples.patient_id,
    profiled.gene_panel_id
FROM profiled
INNER JOIN cohorts
    ON
        profiled.study_id = cohorts.study_id
        AND profiled.is_laboratory = cohorts.is_laboratory
INNER JOIN staging.cohorts__samples AS samples
    ON
        cohorts.cohort_id = samples.cohort_id
        AND profiled.sample_id = samples.sample_id
        AND samples.is_analysed
ORDER BY cohorts.cohort_id, profiled.layer, samples.patient_id
