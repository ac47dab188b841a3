-- Patients of the cohorts with the covariates that regression models adjust for.
WITH cohorts AS (
    SELECT DISTINCT cohort_id, study_id, age_attribute, sex_attribute, stage_attribute FROM raw.catalog__cohorts
),
patients AS (
    SELECT study_id, patient_id FROM raw.cbioportal__patient_attributes
    UNION
    SELECT study_id, patient_id FROM raw.cbioportal__sample_attributes
),
cells AS (
    SELECT
        c.cohort_id,
        p.patient_id,
        try_cast(age.value AS DOUBLE) AS age_years,
        lower(trim(sex.value)) AS sex,
        stage.value AS stage,
        regexp_extract(upper(trim(stage.value)), '^(STAGE )?(IV|III|II|I)[ABC]?[0-9]?$', 2) AS stage_group
    FROM cohorts AS c
    INNER JOIN patients AS p ON p.study_id = c.study_id
    LEFT JOIN raw.cbioportal__patient_attributes AS age
        ON age.study_id = p.study_id AND age.patient_id = p.patient_id AND age.attribute_id = c.age_attribute
    LEFT JOIN raw.cbioportal__patient_attributes AS sex
        ON sex.study_id = p.study_id AND sex.patient_id = p.patient_id AND sex.attribute_id = c.sex_attribute
    LEFT JOIN raw.cbioportal__patient_attributes AS stage
        ON stage.study_id = p.study_id AND stage.patient_id = p.patient_id AND stage.attribute_id = c.stage_attribute
)
SELECT
    cohort_id,
    patient_id,
    age_years,
    CASE WHEN sex IN ('female', 'f') THEN 'female' WHEN sex IN ('male', 'm') THEN 'male' END AS sex,
    stage,
    nullif(stage_group, '') AS stage_group
FROM cells
ORDER BY cohort_id, patient_id
