-- Where each endpoint comes from: per source its columns, unit, numbers and follow-up, and on how
-- many patients another source says something else. Follow-up is the median time to censoring by
-- reverse Kaplan-Meier.
WITH patient_values AS (
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
        time_months,
        coalesce(time_months >= 0 AND event_observed IS NOT NULL, FALSE) AS is_usable
    FROM staging.endpoints__patient_values
),

disagreeing_patients AS (
    SELECT
        patient_set,
        endpoint,
        source_id_a AS source_id,
        patient_id
    FROM marts.endpoint_disagreements
    UNION ALL
    SELECT
        patient_set,
        endpoint,
        source_id_b AS source_id,
        patient_id
    FROM marts.endpoint_disagreements
),

follow_up_times AS (
    SELECT
        patient_set,
        endpoint,
        source_id,
        time_months,
        count(patient_id) AS n_leaving,
        count(patient_id) FILTER (WHERE event_observed = 0) AS n_censored
    FROM patient_values
    WHERE is_usable
    GROUP BY patient_set, endpoint, source_id, time_months
),

risk_sets AS (
    SELECT
        patient_set,
        endpoint,
        source_id,
        time_months,
        n_censored,
        sum(n_leaving) OVER (
            PARTITION BY patient_set, endpoint, source_id
            ORDER BY time_months DESC
            ROWS UNBOUNDED PRECEDING
        ) AS n_at_risk
    FROM follow_up_times
),

curve_points AS (
    SELECT
        patient_set,
        endpoint,
        source_id,
        time_months,
        -- Where all who are left are censored the curve is 0, whatever the logarithms say.
        CASE
            WHEN min(n_at_risk - n_censored) OVER up_to_now = 0 THEN 0
            ELSE exp(sum(ln(greatest(n_at_risk - n_censored, 1) / n_at_risk)) OVER up_to_now)
        END AS uncensored_fraction
    FROM risk_sets
    WINDOW
        up_to_now AS (
            PARTITION BY patient_set, endpoint, source_id
            ORDER BY time_months
            ROWS UNBOUNDED PRECEDING
        )
),

median_follow_up AS (
    SELECT
        patient_set,
        endpoint,
        source_id,
        min(time_months) AS median_follow_up_months
    FROM curve_points
    WHERE uncensored_fraction <= 0.5 + 1e-9
    GROUP BY patient_set, endpoint, source_id
),

compared_sources AS (
    SELECT
        patient_values.patient_set,
        patient_values.endpoint,
        patient_values.source_id,
        count(DISTINCT patient_values.patient_id) AS n_compared
    FROM patient_values
    INNER JOIN patient_values AS other_values
        ON
            patient_values.patient_set = other_values.patient_set
            AND patient_values.endpoint = other_values.endpoint
            AND patient_values.patient_id = other_values.patient_id
            AND patient_values.source_id <> other_values.source_id
            AND other_values.time_months IS NOT NULL
            AND other_values.event_observed IS NOT NULL
    WHERE
        patient_values.time_months IS NOT NULL
        AND patient_values.event_observed IS NOT NULL
    GROUP BY
        patient_values.patient_set,
        patient_values.endpoint,
        patient_values.source_id
),

disagreeing_sources AS (
    SELECT
        patient_set,
        endpoint,
        source_id,
        count(DISTINCT patient_id) AS n_disagreeing
    FROM disagreeing_patients
    GROUP BY patient_set, endpoint, source_id
)

SELECT
    patient_values.patient_set,
    patient_values.endpoint,
    patient_values.source_id,
    patient_values.source_id = patient_values.patient_set AS is_reference,
    patient_values.source_endpoint,
    patient_values.event_attribute,
    patient_values.time_attribute,
    patient_values.time_unit,
    count(patient_values.patient_id) AS n_patients,
    count(patient_values.patient_id) FILTER (WHERE patient_values.is_usable) AS n_usable,
    count(patient_values.patient_id) FILTER (
        WHERE patient_values.is_usable AND patient_values.event_observed = 1
    ) AS n_events,
    any_value(median_follow_up.median_follow_up_months) AS median_follow_up_months,
    coalesce(any_value(compared_sources.n_compared), 0) AS n_compared,
    coalesce(any_value(disagreeing_sources.n_disagreeing), 0) AS n_disagreeing
FROM patient_values
LEFT JOIN median_follow_up
    ON
        patient_values.patient_set = median_follow_up.patient_set
        AND patient_values.endpoint = median_follow_up.endpoint
        AND patient_values.source_id = median_follow_up.source_id
LEFT JOIN compared_sources
    ON
        patient_values.patient_set = compared_sources.patient_set
        AND patient_values.endpoint = compared_sources.endpoint
        AND patient_values.source_id = compared_sources.source_id
LEFT JOIN disagreeing_sources
    ON
        patient_values.patient_set = disagreeing_sources.patient_set
        AND patient_values.endpoint = disagreeing_sources.endpoint
        AND patient_values.source_id = disagreeing_sources.source_id
GROUP BY
    patient_values.patient_set,
    patient_values.endpoint,
    patient_values.source_id,
    patient_values.source_endpoint,
    patient_values.event_attribute,
    patient_values.time_attribute,
    patient_values.time_unit
ORDER BY
    patient_values.patient_set, patient_values.endpoint, patient_values.source_id
