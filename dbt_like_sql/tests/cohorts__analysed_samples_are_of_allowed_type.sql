-- A sample that stands for its patient is of a type that the catalog allows.
-- table: staging.cohorts__samples
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        sample_type_codes
    FROM raw.catalog__cohorts
)

SELECT
    samples.cohort_id,
    samples.sample_id,
    samples.sample_type_code
FROM staging.cohorts__samples AS samples
INNER JOIN cohorts
    ON samples.cohort_id = cohorts.cohort_id
WHERE
    samples.is_analysed
    AND NOT list_contains(string_split(cohorts.sample_type_codes, '|'), samples.sample_type_code)
