-- A corrected p-value is never smaller than the p-value (1e-12 allows for the last digit).
-- table: core.dose_response__knock_downs
SELECT
    study_id,
    drug,
    condition,
    contrast,
    p_value,
    p_holm
FROM core.dose_response__knock_downs
WHERE p_holm < p_value * (1 - 1e-12)
