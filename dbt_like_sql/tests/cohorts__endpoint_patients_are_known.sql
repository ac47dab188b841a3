-- Follow-up belongs to a patient of the cohort.
-- table: staging.cohorts__patient_endpoints
SELECT
    follow_up.cohort_id,
    follow_up.patient_id,
    follow_up.endpoint
FROM staging.cohorts__patient_endpoints AS follow_up
ANTI JOIN staging.cohorts__patients AS patients
    ON
        follow_up.cohort_id = patients.cohort_id
        AND follow_up.patient_id = patients.patient_id
