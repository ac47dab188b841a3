-- Every status was read as 0 or 1.
-- table: staging.cohorts__patient_endpoints
SELECT
    cohort_id,
    patient_id,
    endpoint,
    event_observed
FROM staging.cohorts__patient_endpoints
WHERE event_observed IS NULL OR event_observed NOT IN (0, 1)
