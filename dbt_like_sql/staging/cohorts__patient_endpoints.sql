-- Follow-up of each patient by endpoint. A status reads `1:DECEASED`: what stands before the colon is the event. Xena
-- repeats a patient's follow-up with each of its samples. In a laboratory study it stands in the sheet, with the sample
-- that is analysed.
SELECT
    c.cohort_id,
    status.patient_id,
    c.endpoint,
    try_cast(months.value AS DOUBLE) * c.months_per_unit AS time_months,
    try_cast(trim(split_part(status.value, ':', 1)) AS BIGINT) AS event_observed
FROM raw.catalog__cohorts AS c
INNER JOIN raw.cbioportal__patient_attributes AS status
    ON status.study_id = c.study_id AND status.attribute_id = c.status_attribute
LEFT JOIN raw.cbioportal__patient_attributes AS months
    ON months.study_id = status.study_id
    AND months.patient_id = status.patient_id
    AND months.attribute_id = c.months_attribute
UNION ALL
SELECT c.cohort_id, x.patient_id, c.endpoint, x.time_days * c.months_per_unit, x.event_observed
FROM raw.catalog__cohorts AS c
INNER JOIN raw.xena__sample_endpoints AS x ON x.study_id = c.study_id AND x.endpoint = c.status_attribute
WHERE c.origin = 'xena' AND x.event_observed IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY c.cohort_id, x.patient_id, c.endpoint ORDER BY x.sample_id) = 1
UNION ALL
SELECT
    c.cohort_id,
    s.patient_id,
    c.endpoint,
    try_cast(followed.value AS DOUBLE) * c.months_per_unit,
    CAST(try_cast(event.value AS DOUBLE) AS BIGINT)
FROM raw.catalog__cohorts AS c
INNER JOIN staging.cohorts__samples AS s ON s.cohort_id = c.cohort_id AND s.is_analysed
INNER JOIN raw.studies__samples AS event
    ON event.study_id = c.study_id AND event.sample_id = s.sample_id AND event.attribute_id = c.status_attribute
LEFT JOIN raw.studies__samples AS followed
    ON followed.study_id = c.study_id AND followed.sample_id = s.sample_id AND followed.attribute_id = c.months_attribute
WHERE c.origin = 'study'
ORDER BY 1, 2, 3
