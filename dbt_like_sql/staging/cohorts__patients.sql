-- Patients of the cohorts with the covariates that regression models adjust for.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id,
        age_attribute,
        sex_attribute,
        stage_attribute,
        purity_attribute,
        origin
    FROM raw.catalog__cohorts
),

samples AS (
    SELECT
        cohort_id,
        patient_id,
        sample_id
    FROM staging.cohorts__samples
    WHERE is_analysed
),

patients AS (
    SELECT
        study_id,
        patient_id
    FROM raw.cbioportal__patient_attributes
    UNION
    SELECT
        study_id,
        patient_id
    FROM raw.cbioportal__sample_attributes
    UNION
    SELECT
        study_id,
        patient_id
    FROM raw.xena__sample_endpoints
),

-- Purity is of a sample: that of the one that is analysed.
archive_patients AS (
    SELECT
        cohorts.cohort_id,
        patients.patient_id,
        ages.value AS age,
        sexes.value AS sex,
        stages.value AS stage,
        purities.value AS purity
    FROM cohorts
    INNER JOIN patients
        ON cohorts.study_id = patients.study_id
    LEFT JOIN raw.cbioportal__patient_attributes AS ages
        ON
            patients.study_id = ages.study_id
            AND patients.patient_id = ages.patient_id
            AND cohorts.age_attribute = ages.attribute_id
    LEFT JOIN raw.cbioportal__patient_attributes AS sexes
        ON
            patients.study_id = sexes.study_id
            AND patients.patient_id = sexes.patient_id
            AND cohorts.sex_attribute = sexes.attribute_id
    LEFT JOIN raw.cbioportal__patient_attributes AS stages
        ON
            patients.study_id = stages.study_id
            AND patients.patient_id = stages.patient_id
            AND cohorts.stage_attribute = stages.attribute_id
    LEFT JOIN samples
        ON
            cohorts.cohort_id = samples.cohort_id
            AND patients.patient_id = samples.patient_id
    LEFT JOIN raw.cbioportal__sample_attributes AS purities
        ON
            patients.study_id = purities.study_id
            AND patients.patient_id = purities.patient_id
            AND samples.sample_id = purities.sample_id
            AND cohorts.purity_attribute = purities.attribute_id
),

laboratory_patients AS (
    SELECT
        cohorts.cohort_id,
        samples.patient_id,
        ages.value AS age,
        sexes.value AS sex,
        stages.value AS stage,
        purities.value AS purity
    FROM cohorts
    INNER JOIN samples
        ON cohorts.cohort_id = samples.cohort_id
    LEFT JOIN raw.studies__samples AS ages
        ON
            cohorts.study_id = ages.study_id
            AND samples.sample_id = ages.sample_id
            AND cohorts.age_attribute = ages.attribute_id
    LEFT JOIN raw.studies__samples AS sexes
        ON
            cohorts.study_id = sexes.study_id
            AND samples.sample_id = sexes.sample_id
            AND cohorts.sex_attribute = sexes.attribute_id
    LEFT JOIN raw.studies__samples AS stages
        ON
            cohorts.study_id = stages.study_id
            AND samples.sample_id = stages.sample_id
            AND cohorts.stage_attribute = stages.attribute_id
    LEFT JOIN raw.studies__samples AS purities
        ON
            cohorts.study_id = purities.study_id
            AND samples.sample_id = purities.sample_id
            AND cohorts.purity_attribute = purities.attribute_id
    WHERE cohorts.origin = 'study'
),

covariates AS (
    SELECT * FROM archive_patients
    UNION ALL
    SELECT * FROM laboratory_patients
),

-- A cell that cannot be read is blank here and counted in raw.rejected_rows, so that one cohort
-- cannot hold up the others.
numbers AS (
    SELECT
        cohort_id,
        patient_id,
        sex,
        stage,
        CASE
            WHEN regexp_matches(trim(age), '^[+-]?[0-9]+([.,][0-9]*)?([eE][+-]?[0-9]+)?$')
                THEN try_cast(replace(trim(age), ',', '.') AS DOUBLE)
        END AS age,
        CASE
            WHEN regexp_matches(trim(purity), '^[+-]?[0-9]+([.,][0-9]*)?([eE][+-]?[0-9]+)?$')
                THEN try_cast(replace(trim(purity), ',', '.') AS DOUBLE)
        END AS purity,
        regexp_extract(
            upper(trim(stage)),
            '^(STAGE|STADIUM|STADE|PATHOLOGIC STAGE|CLINICAL STAGE)?[ :]*'
            || '(IV|III|II|I|4|3|2|1) ?[ABC]?[0-9]?( *\(.*\))?$',
            2
        ) AS stage_numeral
    FROM covariates
),

bounded_numbers AS (
    SELECT
        cohort_id,
        patient_id,
        sex,
        stage,
        stage_numeral,
        CASE WHEN age BETWEEN 0 AND 120 THEN age END AS age,
        CASE WHEN purity BETWEEN 0 AND 100 THEN purity END AS purity
    FROM numbers
)

SELECT
    cohort_id,
    patient_id,
    age AS age_years,
    CASE
        WHEN
            lower(trim(sex)) IN (
                'female', 'f', 'woman', 'weiblich', 'w', 'féminin', 'femme', 'femenino', 'mujer'
            )
            THEN 'female'
        WHEN
            lower(trim(sex)) IN (
                'male', 'm', 'man', 'männlich', 'maennlich', 'masculin', 'homme', 'masculino',
                'hombre'
            )
            THEN 'male'
    END AS sex,
    stage,
    CASE stage_numeral
        WHEN '1' THEN 'I'
        WHEN '2' THEN 'II'
        WHEN '3' THEN 'III'
        WHEN '4' THEN 'IV'
        ELSE nullif(stage_numeral, '')
    END AS stage_group,
    -- Given as a fraction or in percent; a cohort with a value above 1 is in percent.
    purity
    / CASE
        WHEN max(purity) OVER (PARTITION BY cohort_id) > 1 THEN 100
        ELSE 1
    END AS tumour_purity
FROM bounded_numbers
ORDER BY cohort_id, patient_id
