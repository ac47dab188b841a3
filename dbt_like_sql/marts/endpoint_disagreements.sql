-- Patients on whom two sources disagree: another event, or a time that differs by more than 0.2
-- months and more than half a percent. That much comes of how days were turned into months (30.417
-- or 365.25 / 12 of them).
WITH patient_values AS (
    SELECT
        patient_set,
        endpoint,
        source_id,
        patient_id,
        event_observed,
        time_months
    FROM staging.endpoints__patient_values
    WHERE
        event_observed IS NOT NULL
        AND time_months IS NOT NULL
),

value_pairs AS (
    SELECT
        values_a.patient_set,
        values_a.endpoint,
        values_a.patient_id,
        values_a.source_id AS source_id_a,
        values_b.source_id AS source_id_b,
        values_a.event_observed AS event_observed_a,
        values_b.event_observed AS event_observed_b,
        values_a.time_months AS time_months_a,
        values_b.time_months AS time_months_b,
        abs(values_b.time_months - values_a.time_months)
        > greatest(0.2, 0.005 * greatest(values_a.time_months, values_b.time_months))
            AS time_differs
    FROM patient_values AS values_a
    INNER JOIN patient_values AS values_b
        ON
            values_a.patient_set = values_b.patient_set
            AND values_a.endpoint = values_b.endpoint
            AND values_a.patient_id = values_b.patient_id
            AND values_a.source_id < values_b.source_id
)

SELECT
    patient_set,
    endpoint,
    patient_id,
    source_id_a,
    source_id_b,
    event_observed_a,
    event_observed_b,
    time_months_a,
    time_months_b,
    time_months_b - time_months_a AS difference_months,
    CASE
        WHEN event_observed_a = event_observed_b THEN 'time'
        WHEN time_differs THEN 'event and time'
        ELSE 'event'
    END AS disagreement
FROM value_pairs
WHERE
    time_differs
    OR event_observed_a <> event_observed_b
ORDER BY patient_set, endpoint, patient_id, source_id_a, source_id_b
