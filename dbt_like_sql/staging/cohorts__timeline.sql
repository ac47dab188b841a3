-- Events of patients over time, one row per event. `details` holds everything that the vendor's
-- file says of it.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id
    FROM raw.catalog__cohorts
)

SELECT
    cohorts.cohort_id,
    timeline.file,
    timeline.event_number,
    timeline.patient_id,
    timeline.event_type,
    timeline.start_days,
    timeline.stop_days,
    max(
        CASE WHEN timeline.attribute_id = 'TREATMENT_TYPE' THEN timeline.value END
    ) AS treatment_type,
    max(CASE WHEN timeline.attribute_id = 'AGENT' THEN timeline.value END) AS agent,
    string_agg(
        timeline.attribute_id || '=' || timeline.value, '; ' ORDER BY timeline.attribute_id
    ) AS details
FROM raw.cbioportal__timeline AS timeline
INNER JOIN cohorts
    ON timeline.study_id = cohorts.study_id
GROUP BY
    cohorts.cohort_id,
    timeline.file,
    timeline.event_number,
    timeline.patient_id,
    timeline.event_type,
    timeline.start_days,
    timeline.stop_days
ORDER BY cohorts.cohort_id, timeline.file, timeline.event_number
