-- Samples of the cohorts and which one stands for its patient: of the samples of an allowed type
-- the first one that the expression profile holds, or the first one where it holds none of them.
-- Types are TCGA's codes at the end of the id or, in a study without any, the vendor's word: one of
-- those that the catalog names, or any that does not say that the sample is no primary tumour.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id,
        sample_type_codes,
        sample_types,
        origin,
        patient_attribute,
        sample_attribute,
        sample_values
    FROM raw.catalog__cohorts
),

expression_profiles AS (
    SELECT DISTINCT
        dataset_id,
        profile_id
    FROM staging.genes__measured
    WHERE measurement = 'expression'
),

xena_samples AS (
    SELECT
        study_id,
        sample_id
    FROM raw.xena__expression_values
    UNION
    SELECT
        study_id,
        sample_id
    FROM raw.xena__sample_endpoints
),

archive_samples AS (
    SELECT
        study_id,
        sample_id,
        patient_id,
        max(CASE WHEN attribute_id = 'SAMPLE_TYPE' THEN value END) AS sample_type,
        nullif(
            regexp_extract(substr(sample_id, len(patient_id) + 1), '^-([0-9]{2})[A-Z]?$', 1), ''
        ) AS type_code
    FROM raw.cbioportal__sample_attributes
    GROUP BY study_id, sample_id, patient_id
    UNION ALL
    SELECT
        study_id,
        sample_id,
        substr(sample_id, 1, 12) AS patient_id,
        NULL AS sample_type,
        nullif(regexp_extract(substr(sample_id, 13), '^-([0-9]{2})[A-Z]?$', 1), '') AS type_code
    FROM xena_samples
),

typed_samples AS (
    SELECT
        study_id,
        sample_id,
        patient_id,
        sample_type,
        type_code,
        bool_or(type_code IS NOT NULL) OVER (PARTITION BY study_id) AS study_has_codes
    FROM archive_samples
),

profiled_samples AS (
    SELECT DISTINCT
        expression_profiles.dataset_id AS cohort_id,
        matrix_values.sample_id
    FROM expression_profiles
    INNER JOIN cohorts
        ON expression_profiles.dataset_id = cohorts.cohort_id
    INNER JOIN raw.cbioportal__mrna_values AS matrix_values
        ON
            cohorts.study_id = matrix_values.study_id
            AND expression_profiles.profile_id = matrix_values.stable_id
    UNION
    SELECT
        study_id,
        sample_id
    FROM raw.xena__expression_values
),

laboratory_samples AS (
    SELECT
        cohorts.cohort_id,
        sheet.sample_id,
        cohorts.sample_attribute,
        cohorts.sample_values,
        max(
            CASE WHEN sheet.attribute_id = cohorts.patient_attribute THEN sheet.value END
        ) AS patient_id,
        max(
            CASE WHEN sheet.attribute_id = cohorts.sample_attribute THEN sheet.value END
        ) AS sample_type
    FROM cohorts
    INNER JOIN raw.studies__samples AS sheet
        ON cohorts.study_id = sheet.study_id
    WHERE cohorts.origin = 'study'
    GROUP BY
        cohorts.cohort_id,
        sheet.sample_id,
        cohorts.sample_attribute,
        cohorts.sample_values
),

candidate_samples AS (
    SELECT
        cohorts.cohort_id,
        typed_samples.sample_id,
        typed_samples.patient_id,
        typed_samples.sample_type,
        typed_samples.type_code,
        CASE
            WHEN typed_samples.study_has_codes
                THEN
                    coalesce(
                        list_contains(
                            string_split(cohorts.sample_type_codes, '|'), typed_samples.type_code
                        ),
                        FALSE
                    )
            WHEN typed_samples.sample_type IS NULL THEN TRUE
            WHEN cohorts.sample_types IS NOT NULL
                THEN
                    list_contains(
                        string_split(lower(cohorts.sample_types), '|'),
                        lower(trim(typed_samples.sample_type))
                    )
            ELSE
                NOT regexp_matches(
                    lower(typed_samples.sample_type),
                    'normal|metasta|recurren|relapse|xenograft|organoid|cell ?line'
                )
        END AS is_allowed,
        profiled_samples.sample_id IS NOT NULL AS is_profiled
    FROM cohorts
    INNER JOIN typed_samples
        ON cohorts.study_id = typed_samples.study_id
    LEFT JOIN profiled_samples
        ON
            cohorts.cohort_id = profiled_samples.cohort_id
            AND typed_samples.sample_id = profiled_samples.sample_id
    UNION ALL
    SELECT
        cohort_id,
        sample_id,
        coalesce(patient_id, sample_id) AS patient_id,
        sample_type,
        NULL AS type_code,
        sample_attribute IS NULL
        OR coalesce(list_contains(string_split(sample_values, '|'), sample_type), FALSE)
            AS is_allowed,
        TRUE AS is_profiled
    FROM laboratory_samples
)

SELECT
    cohort_id,
    sample_id,
    patient_id,
    sample_type,
    type_code AS sample_type_code,
    is_allowed
    AND row_number() OVER (
        PARTITION BY cohort_id, patient_id
        ORDER BY is_allowed DESC, is_profiled DESC, sample_id ASC
    ) = 1 AS is_analysed
FROM candidate_samples
ORDER BY cohort_id, sample_id
