-- Follow-up of every patient as every source has it: endpoints under the name that the cohort itself gives them, times in
-- months. The clinical data of GDC tell of death alone: a patient is followed until death, or until the last contact.
SELECT
    c.patients_of AS patient_set,
    c.same_endpoint_as AS endpoint,
    c.cohort_id AS source_id,
    e.patient_id,
    c.endpoint AS source_endpoint,
    c.status_attribute AS event_attribute,
    c.months_attribute AS time_attribute,
    CASE WHEN c.months_per_unit = 1 THEN 'months' WHEN c.months_per_unit = 12 THEN 'years' ELSE 'days' END AS time_unit,
    e.event_observed,
    e.time_months
FROM raw.catalog__cohorts AS c
INNER JOIN staging.cohorts__patient_endpoints AS e ON e.cohort_id = c.cohort_id AND e.endpoint = c.endpoint
UNION ALL
SELECT
    p.patient_set,
    'OS',
    p.project_id,
    g.patient_id,
    'OS',
    'vital_status',
    'days_to_death, else days_to_last_follow_up',
    'days',
    CASE lower(g.vital_status) WHEN 'dead' THEN 1 WHEN 'alive' THEN 0 END,
    CASE WHEN lower(g.vital_status) = 'dead' THEN g.days_to_death ELSE g.days_to_last_follow_up END * 12 / 365.25
FROM raw.catalog__projects AS p
INNER JOIN raw.gdc__cases AS g ON g.project_id = p.project_id
WHERE lower(g.vital_status) IN ('dead', 'alive')
ORDER BY 1, 2, 3, 4
