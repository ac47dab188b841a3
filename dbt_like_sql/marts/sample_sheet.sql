-- Every sample of cohorts and studies, with what its sheet says of it. A study whose patients were
-- followed is a cohort.
WITH cohort_samples AS (
    SELECT
        cohort_id,
        sample_id,
        patient_id,
        sample_type,
        is_analysed
    FROM staging.cohorts__samples
),

study_samples AS (
    SELECT
        study_id,
        sample_id,
        max(value) FILTER (WHERE attribute_id = 'patient_id') AS patient_id,
        string_agg(attribute_id || '=' || value, '|' ORDER BY attribute_id) AS attributes
    FROM raw.studies__samples
    GROUP BY study_id, sample_id
),

counted_samples AS (
    SELECT DISTINCT
        study_id,
        sample_id
    FROM raw.studies__gene_sample_counts
),

dataset_samples AS (
    SELECT
        cohort_samples.cohort_id AS dataset_id,
        'cohort' AS kind,
        cohort_samples.sample_id,
        cohort_samples.patient_id,
        coalesce(
            study_samples.attributes, 'sample_type=' || cohort_samples.sample_type
        ) AS attributes,
        cohort_samples.is_analysed
    FROM cohort_samples
    LEFT JOIN study_samples
        ON
            cohort_samples.cohort_id = study_samples.study_id
            AND cohort_samples.sample_id = study_samples.sample_id
    UNION ALL
    SELECT
        study_samples.study_id AS dataset_id,
        'study' AS kind,
        study_samples.sample_id,
        study_samples.patient_id,
        study_samples.attributes,
        counted_samples.sample_id IS NOT NULL AS is_analysed
    FROM study_samples
    ANTI JOIN cohort_samples
        ON study_samples.study_id = cohort_samples.cohort_id
    LEFT JOIN counted_samples
        ON
            study_samples.study_id = counted_samples.study_id
            AND study_samples.sample_id = counted_samples.sample_id
)

SELECT
    dataset_id,
    kind,
    sample_id,
    patient_id,
    attributes,
    is_analysed
FROM dataset_samples
ORDER BY dataset_id, sample_id
