-- A sample that stands for its patient is of a type that the catalog allows.
-- table: staging.cohorts__samples
SELECT s.cohort_id, s.sample_id, s.sample_type_code
FROM staging.cohorts__samples AS s
INNER JOIN (SELECT DISTINCT cohort_id, sample_type_codes FROM raw.catalog__cohorts) AS c ON c.cohort_id = s.cohort_id
WHERE s.is_analysed AND NOT list_contains(string_split(c.sample_type_codes, '|'), s.sample_type_code)
