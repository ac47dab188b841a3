-- A patient is analysed by one sample at most.
-- table: staging.cohorts__samples
SELECT
    cohort_id,
    patient_id,
    count(*) AS samples
FROM staging.cohorts__samples
WHERE is_analysed
GROUP BY cohort_id, patient_id
HAVING count(*) > 1
