-- Samples of the cohorts and which one stands for its patient: of the samples of an allowed type the first one that the
-- expression profile holds, or the first one where it holds none of them.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id, study_id, sample_type_codes, origin, patient_attribute, sample_attribute, sample_values
    FROM raw.catalog__cohorts
),
samples AS (
    SELECT
        study_id,
        sample_id,
        patient_id,
        max(CASE WHEN attribute_id = 'SAMPLE_TYPE' THEN value END) AS sample_type,
        nullif(regexp_extract(substr(sample_id, len(patient_id) + 1), '^-([0-9]{2})[A-Z]?$', 1), '') AS type_code
    FROM raw.cbioportal__sample_attributes
    GROUP BY study_id, sample_id, patient_id
    UNION ALL
    SELECT
        study_id,
        sample_id,
        substr(sample_id, 1, 12),
        NULL,
        nullif(regexp_extract(substr(sample_id, 13), '^-([0-9]{2})[A-Z]?$', 1), '')
    FROM (
        SELECT study_id, sample_id FROM raw.xena__expression_values
        UNION
        SELECT study_id, sample_id FROM raw.xena__sample_endpoints
    )
),
coded AS (
    SELECT
        study_id,
        sample_id,
        patient_id,
        sample_type,
        type_code,
        bool_or(type_code IS NOT NULL) OVER (PARTITION BY study_id) AS study_has_codes
    FROM samples
),
profiled AS (
    SELECT DISTINCT g.dataset_id AS cohort_id, v.sample_id
    FROM (SELECT DISTINCT dataset_id, profile_id FROM staging.genes__measured WHERE measurement = 'expression') AS g
    INNER JOIN cohorts AS c ON c.cohort_id = g.dataset_id
    INNER JOIN raw.cbioportal__mrna_values AS v ON v.study_id = c.study_id AND v.stable_id = g.profile_id
    UNION
    SELECT study_id, sample_id FROM raw.xena__expression_values
),
judged AS (
    SELECT
        c.cohort_id,
        s.sample_id,
        s.patient_id,
        s.sample_type,
        s.type_code,
        NOT s.study_has_codes
        OR coalesce(list_contains(string_split(c.sample_type_codes, '|'), s.type_code), FALSE) AS is_allowed,
        p.sample_id IS NOT NULL AS is_profiled
    FROM cohorts AS c
    INNER JOIN coded AS s ON s.study_id = c.study_id
    LEFT JOIN profiled AS p ON p.cohort_id = c.cohort_id AND p.sample_id = s.sample_id
    UNION ALL
    SELECT
        c.cohort_id,
        t.sample_id,
        coalesce(max(CASE WHEN t.attribute_id = c.patient_attribute THEN t.value END), t.sample_id),
        max(CASE WHEN t.attribute_id = c.sample_attribute THEN t.value END),
        NULL,
        c.sample_attribute IS NULL
        OR coalesce(
            list_contains(
                string_split(c.sample_values, '|'), max(CASE WHEN t.attribute_id = c.sample_attribute THEN t.value END)
            ),
            FALSE
        ),
        TRUE
    FROM cohorts AS c
    INNER JOIN raw.studies__samples AS t ON t.study_id = c.study_id
    WHERE c.origin = 'study'
    GROUP BY c.cohort_id, t.sample_id, c.sample_attribute, c.sample_values
)
SELECT
    cohort_id,
    sample_id,
    patient_id,
    sample_type,
    type_code AS sample_type_code,
    is_allowed
    AND row_number() OVER (PARTITION BY cohort_id, patient_id ORDER BY is_allowed DESC, is_profiled DESC, sample_id) = 1
        AS is_analysed
FROM judged
ORDER BY cohort_id, sample_id
