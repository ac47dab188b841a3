-- The model to read is never a random intercept alone, and there is one per study and arm.
-- table: core.tumour_growth__growth_rates
SELECT
    study_id,
    arm,
    count(*) AS primary_rows,
    bool_or(model = 'random_intercept') AS has_random_intercept
FROM core.tumour_growth__growth_rates
WHERE role = 'primary'
GROUP BY study_id, arm
HAVING count(*) > 1 OR bool_or(model = 'random_intercept')
