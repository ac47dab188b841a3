-- A time that the vendor gives is a number, so none became blank here.
-- table: staging.cohorts__patient_endpoints
SELECT e.cohort_id, e.patient_id, e.endpoint, a.value
FROM staging.cohorts__patient_endpoints AS e
INNER JOIN raw.catalog__cohorts AS c ON c.cohort_id = e.cohort_id AND c.endpoint = e.endpoint
INNER JOIN raw.cbioportal__patient_attributes AS a
    ON a.study_id = c.study_id AND a.patient_id = e.patient_id AND a.attribute_id = c.months_attribute
WHERE e.time_months IS NULL AND trim(a.value) <> ''
