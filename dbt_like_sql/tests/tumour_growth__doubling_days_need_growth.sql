-- A doubling time stands only where the growth rate is above 0 beyond its interval.
-- table: core.tumour_growth__growth_rates
SELECT
    study_id,
    model,
    arm,
    ci_lower,
    doubling_days
FROM core.tumour_growth__growth_rates
WHERE doubling_days IS NOT NULL AND (ci_lower IS NULL OR ci_lower <= 0)
