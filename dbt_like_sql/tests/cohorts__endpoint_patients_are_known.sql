-- Follow-up belongs to a patient of the cohort.
-- table: staging.cohorts__patient_endpoints
SELECT e.cohort_id, e.patient_id, e.endpoint
FROM staging.cohorts__patient_endpoints AS e
ANTI JOIN staging.cohorts__patients AS p ON p.cohort_id = e.cohort_id AND p.patient_id = e.patient_id
