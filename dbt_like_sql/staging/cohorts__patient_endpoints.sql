-- Follow-up of each patient by endpoint. A status reads `1:DECEASED`: what stands before the colon
-- is the event. Xena repeats a patient's follow-up with each of its samples. In a laboratory study
-- it stands in the sheet, with the sample that is analysed. A time below 0 or without a number is
-- blank, and counted in raw.rejected_rows.
WITH cohorts AS (
    SELECT
        cohort_id,
        study_id,
        origin,
        endpoint,
        status_attribute,
        months_attribute,
        months_per_unit
    FROM raw.catalog__cohorts
),

cbioportal_follow_up AS (
    SELECT
        cohorts.cohort_id,
        statuses.patient_id,
        cohorts.endpoint,
        try_cast(replace(trim(times.value), ',', '.') AS DOUBLE) * cohorts.months_per_unit
            AS time_months,
        try_cast(trim(split_part(statuses.value, ':', 1)) AS BIGINT) AS event_observed
    FROM cohorts
    INNER JOIN raw.cbioportal__patient_attributes AS statuses
        ON
            cohorts.study_id = statuses.study_id
            AND cohorts.status_attribute = statuses.attribute_id
    LEFT JOIN raw.cbioportal__patient_attributes AS times
        ON
            statuses.study_id = times.study_id
            AND statuses.patient_id = times.patient_id
            AND cohorts.months_attribute = times.attribute_id
),

xena_follow_up AS (
    SELECT
        cohorts.cohort_id,
        sample_endpoints.patient_id,
        cohorts.endpoint,
        sample_endpoints.time_days * cohorts.months_per_unit AS time_months,
        sample_endpoints.event_observed
    FROM cohorts
    INNER JOIN raw.xena__sample_endpoints AS sample_endpoints
        ON
            cohorts.study_id = sample_endpoints.study_id
            AND cohorts.status_attribute = sample_endpoints.endpoint
    WHERE
        cohorts.origin = 'xena'
        AND sample_endpoints.event_observed IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY cohorts.cohort_id, sample_endpoints.patient_id, cohorts.endpoint
        ORDER BY sample_endpoints.sample_id
    ) = 1
),

laboratory_follow_up AS (
    SELECT
        cohorts.cohort_id,
        samples.patient_id,
        cohorts.endpoint,
        try_cast(replace(trim(times.value), ',', '.') AS DOUBLE) * cohorts.months_per_unit
            AS time_months,
        try_cast(try_cast(replace(trim(events.value), ',', '.') AS DOUBLE) AS BIGINT)
            AS event_observed
    FROM cohorts
    INNER JOIN staging.cohorts__samples AS samples
        ON cohorts.cohort_id = samples.cohort_id AND samples.is_analysed
    INNER JOIN raw.studies__samples AS events
        ON
            cohorts.study_id = events.study_id
            AND samples.sample_id = events.sample_id
            AND cohorts.status_attribute = events.attribute_id
    LEFT JOIN raw.studies__samples AS times
        ON
            cohorts.study_id = times.study_id
            AND samples.sample_id = times.sample_id
            AND cohorts.months_attribute = times.attribute_id
    WHERE cohorts.origin = 'study'
),

follow_up AS (
    SELECT * FROM cbioportal_follow_up
    UNION ALL
    SELECT * FROM xena_follow_up
    UNION ALL
    SELECT * FROM laboratory_follow_up
)

SELECT
    cohort_id,
    patient_id,
    endpoint,
    CASE
        WHEN time_months >= 0 AND time_months < 'infinity'::DOUBLE THEN time_months
    END AS time_months,
    event_observed
FROM follow_up
WHERE event_observed IN (0, 1)
ORDER BY cohort_id, patient_id, endpoint
