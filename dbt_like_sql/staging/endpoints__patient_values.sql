-- Follow-up of every patient as every source has it: endpoints under the name that the cohort
-- itself gives them, times in months. The clinical data of GDC tell of death alone: a patient is
-- followed until death, or until the last contact.
WITH cohort_values AS (
    SELECT
        cohorts.patients_of AS patient_set,
        cohorts.same_endpoint_as AS endpoint,
        cohorts.cohort_id AS source_id,
        follow_up.patient_id,
        cohorts.endpoint AS source_endpoint,
        cohorts.status_attribute AS event_attribute,
        cohorts.months_attribute AS time_attribute,
        CASE
            WHEN cohorts.months_per_unit = 1 THEN 'months'
            WHEN cohorts.months_per_unit = 12 THEN 'years'
            ELSE 'days'
        END AS time_unit,
        follow_up.event_observed,
        follow_up.time_months
    FROM raw.catalog__cohorts AS cohorts
    INNER JOIN staging.cohorts__patient_endpoints AS follow_up
        ON
            cohorts.cohort_id = follow_up.cohort_id
            AND cohorts.endpoint = follow_up.endpoint
),

gdc_values AS (
    SELECT
        projects.patient_set,
        'OS' AS endpoint,
        projects.project_id AS source_id,
        patients.patient_id,
        'OS' AS source_endpoint,
        'vital_status' AS event_attribute,
        'days_to_death, else days_to_last_follow_up' AS time_attribute,
        'days' AS time_unit,
        CASE lower(patients.vital_status) WHEN 'dead' THEN 1 WHEN 'alive' THEN 0 END
            AS event_observed,
        CASE
            WHEN lower(patients.vital_status) = 'dead' THEN patients.days_to_death
            ELSE patients.days_to_last_follow_up
        END * 12 / 365.25 AS time_months
    FROM raw.catalog__projects AS projects
    INNER JOIN raw.gdc__cases AS patients
        ON projects.project_id = patients.project_id
    WHERE lower(patients.vital_status) IN ('dead', 'alive')
),

patient_values AS (
    SELECT * FROM cohort_values
    UNION ALL
    SELECT * FROM gdc_values
)

SELECT
    patient_set,
    endpoint,
    source_id,
    patient_id,
    source_endpoint,
    event_attribute,
    time_attribute,
    time_unit,
    event_observed,
    time_months
FROM patient_values
ORDER BY patient_set, endpoint, source_id, patient_id
