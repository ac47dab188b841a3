-- Patients on whom two sources disagree: another event, or a time that differs by more than 0.2 months and more than half
-- a percent. That much comes of how days were turned into months (30.417 or 365.25 / 12 of them).
WITH usable AS (
    SELECT patient_set, endpoint, source_id, patient_id, event_observed, time_months
    FROM staging.endpoints__patient_values
    WHERE event_observed IS NOT NULL AND time_months IS NOT NULL
),
pairs AS (
    SELECT
        a.patient_set,
        a.endpoint,
        a.patient_id,
        a.source_id AS source_id_a,
        b.source_id AS source_id_b,
        a.event_observed AS event_observed_a,
        b.event_observed AS event_observed_b,
        a.time_months AS time_months_a,
        b.time_months AS time_months_b,
        abs(b.time_months - a.time_months) > greatest(0.2, 0.005 * greatest(a.time_months, b.time_months)) AS time_differs
    FROM usable AS a
    INNER JOIN usable AS b
        ON b.patient_set = a.patient_set
        AND b.endpoint = a.endpoint
        AND b.patient_id = a.patient_id
        AND b.source_id > a.source_id
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
FROM pairs
WHERE time_differs OR event_observed_a <> event_observed_b
ORDER BY patient_set, endpoint, patient_id, source_id_a, source_id_b
