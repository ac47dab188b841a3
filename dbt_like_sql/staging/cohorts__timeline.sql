-- Events of patients over time, one row per event; what the vendor's file says of it stands together in `details`.
SELECT
    c.cohort_id,
    t.file,
    t.event_number,
    t.patient_id,
    t.event_type,
    t.start_days,
    t.stop_days,
    max(CASE WHEN t.attribute_id = 'TREATMENT_TYPE' THEN t.value END) AS treatment_type,
    max(CASE WHEN t.attribute_id = 'AGENT' THEN t.value END) AS agent,
    string_agg(t.attribute_id || '=' || t.value, '; ' ORDER BY t.attribute_id) AS details
FROM raw.cbioportal__timeline AS t
INNER JOIN (SELECT DISTINCT cohort_id, study_id FROM raw.catalog__cohorts) AS c ON c.study_id = t.study_id
GROUP BY c.cohort_id, t.file, t.event_number, t.patient_id, t.event_type, t.start_days, t.stop_days
ORDER BY c.cohort_id, t.file, t.event_number
