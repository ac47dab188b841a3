-- Nobody is followed for a negative time.
-- table: staging.cohorts__patient_endpoints
SELECT
    cohort_id,
    patient_id,
    endpoint,
    time_months
FROM staging.cohorts__patient_endpoints
WHERE time_months < 0
