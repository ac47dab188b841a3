-- Patients whose analysed sample was looked at, by layer, and the panel that it was sequenced with.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id
    FROM raw.catalog__cohorts
)

SELECT
    cohorts.cohort_id,
    profiled.layer,
    samples.patient_id,
    profiled.gene_panel_id
FROM raw.cbioportal__profiled_samples AS profiled
INNER JOIN cohorts
    ON profiled.study_id = cohorts.study_id
INNER JOIN staging.cohorts__samples AS samples
    ON
        cohorts.cohort_id = samples.cohort_id
        AND profiled.sample_id = samples.sample_id
        AND samples.is_analysed
ORDER BY cohorts.cohort_id, profiled.layer, samples.patient_id
