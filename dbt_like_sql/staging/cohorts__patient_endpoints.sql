-- Follow-up of each patient by endpoint. A status reads `1:DECEASED`: what stands before the colon is the event.
SELECT
    c.cohort_id,
    status.patient_id,
    c.endpoint,
    try_cast(months.value AS DOUBLE) AS time_months,
    try_cast(trim(split_part(status.value, ':', 1)) AS BIGINT) AS event_observed
FROM raw.catalog__cohorts AS c
INNER JOIN raw.cbioportal__patient_attributes AS status
    ON status.study_id = c.study_id AND status.attribute_id = c.status_attribute
LEFT JOIN raw.cbioportal__patient_attributes AS months
    ON months.study_id = status.study_id
    AND months.patient_id = status.patient_id
    AND months.attribute_id = c.months_attribute
ORDER BY c.cohort_id, status.patient_id, c.endpoint
