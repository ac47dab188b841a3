-- Patients of the cohorts with the covariates that regression models adjust for.
WITH cohorts AS (
    SELECT DISTINCT cohort_id, study_id, age_attribute, sex_attribute, stage_attribute, purity_attribute, origin
    FROM raw.catalog__cohorts
),
patients AS (
    SELECT study_id, patient_id FROM raw.cbioportal__patient_attributes
    UNION
    SELECT study_id, patient_id FROM raw.cbioportal__sample_attributes
    UNION
    SELECT study_id, patient_id FROM raw.xena__sample_endpoints
),
cells AS (
    SELECT c.cohort_id, p.patient_id, age.value AS age, sex.value AS sex, stage.value AS stage, purity.value AS purity
    FROM cohorts AS c
    INNER JOIN patients AS p ON p.study_id = c.study_id
    LEFT JOIN raw.cbioportal__patient_attributes AS age
        ON age.study_id = p.study_id AND age.patient_id = p.patient_id AND age.attribute_id = c.age_attribute
    LEFT JOIN raw.cbioportal__patient_attributes AS sex
        ON sex.study_id = p.study_id AND sex.patient_id = p.patient_id AND sex.attribute_id = c.sex_attribute
    LEFT JOIN raw.cbioportal__patient_attributes AS stage
        ON stage.study_id = p.study_id AND stage.patient_id = p.patient_id AND stage.attribute_id = c.stage_attribute
    -- Purity is of a sample: that of the one that is analysed.
    LEFT JOIN staging.cohorts__samples AS s
        ON s.cohort_id = c.cohort_id AND s.patient_id = p.patient_id AND s.is_analysed
    LEFT JOIN raw.cbioportal__sample_attributes AS purity
        ON
            purity.study_id = p.study_id AND purity.patient_id = p.patient_id AND purity.sample_id = s.sample_id
            AND purity.attribute_id = c.purity_attribute
    UNION ALL
    SELECT c.cohort_id, s.patient_id, age.value, sex.value, stage.value, purity.value
    FROM cohorts AS c
    INNER JOIN staging.cohorts__samples AS s ON s.cohort_id = c.cohort_id AND s.is_analysed
    LEFT JOIN raw.studies__samples AS age
        ON age.study_id = c.study_id AND age.sample_id = s.sample_id AND age.attribute_id = c.age_attribute
    LEFT JOIN raw.studies__samples AS sex
        ON sex.study_id = c.study_id AND sex.sample_id = s.sample_id AND sex.attribute_id = c.sex_attribute
    LEFT JOIN raw.studies__samples AS stage
        ON stage.study_id = c.study_id AND stage.sample_id = s.sample_id AND stage.attribute_id = c.stage_attribute
    LEFT JOIN raw.studies__samples AS purity
        ON purity.study_id = c.study_id AND purity.sample_id = s.sample_id AND purity.attribute_id = c.purity_attribute
    WHERE c.origin = 'study'
)
SELECT
    cohort_id,
    patient_id,
    try_cast(age AS DOUBLE) AS age_years,
    CASE lower(trim(sex)) WHEN 'female' THEN 'female' WHEN 'f' THEN 'female' WHEN 'male' THEN 'male' WHEN 'm' THEN 'male'
    END AS sex,
    stage,
    nullif(regexp_extract(upper(trim(stage)), '^(STAGE )?(IV|III|II|I)[ABC]?[0-9]?$', 2), '') AS stage_group,
    -- Given as a share or in percent; a cohort with a value above 1 is in percent.
    try_cast(purity AS DOUBLE)
    / CASE WHEN max(try_cast(purity AS DOUBLE)) OVER (PARTITION BY cohort_id) > 1 THEN 100 ELSE 1 END AS tumour_purity
FROM cells
ORDER BY cohort_id, patient_id
