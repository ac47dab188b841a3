-- A time that the vendor gives as a number did not become blank here.
-- table: staging.cohorts__patient_endpoints
SELECT
    follow_up.cohort_id,
    follow_up.patient_id,
    follow_up.endpoint,
    attributes.value
FROM staging.cohorts__patient_endpoints AS follow_up
INNER JOIN raw.catalog__cohorts AS cohorts
    ON
        follow_up.cohort_id = cohorts.cohort_id
        AND follow_up.endpoint = cohorts.endpoint
INNER JOIN raw.cbioportal__patient_attributes AS attributes
    ON
        cohorts.study_id = attributes.study_id
        AND follow_up.patient_id = attributes.patient_id
        AND cohorts.months_attribute = attributes.attribute_id
WHERE
    follow_up.time_months IS NULL
    AND try_cast(trim(attributes.value) AS DOUBLE) BETWEEN 0 AND 1e9
