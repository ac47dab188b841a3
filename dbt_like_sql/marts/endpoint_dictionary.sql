-- Where each endpoint comes from: per source its columns, unit, numbers and follow-up, and on how many patients another
-- source says something else. Follow-up is the median time to censoring by reverse Kaplan-Meier.
WITH values_of AS (
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
at_times AS (
    SELECT
        patient_set,
        endpoint,
        source_id,
        time_months,
        count(patient_id) AS leaving,
        count(patient_id) FILTER (WHERE event_observed = 0) AS censored
    FROM values_of
    WHERE is_usable
    GROUP BY patient_set, endpoint, source_id, time_months
),
at_risk AS (
    SELECT
        patient_set,
        endpoint,
        source_id,
        time_months,
        censored,
        sum(leaving) OVER (
            PARTITION BY patient_set, endpoint, source_id ORDER BY time_months DESC ROWS UNBOUNDED PRECEDING
        ) AS n_at_risk
    FROM at_times
),
curve AS (
    SELECT
        patient_set,
        endpoint,
        source_id,
        time_months,
        censored,
        -- Where all who are left are censored the curve is 0, whatever the logarithms say.
        CASE
            WHEN min(n_at_risk - censored) OVER before_and_now = 0 THEN 0
            ELSE exp(sum(ln(greatest(n_at_risk - censored, 1) / n_at_risk)) OVER before_and_now)
        END AS share_under_observation
    FROM at_risk
    WINDOW before_and_now AS (
        PARTITION BY patient_set, endpoint, source_id ORDER BY time_months ROWS UNBOUNDED PRECEDING
    )
),
follow_up AS (
    SELECT patient_set, endpoint, source_id, min(time_months) AS median_follow_up_months
    FROM curve
    WHERE share_under_observation <= 0.5 + 1e-9
    GROUP BY patient_set, endpoint, source_id
),
compared AS (
    SELECT v.patient_set, v.endpoint, v.source_id, count(DISTINCT v.patient_id) AS n_compared
    FROM values_of AS v
    INNER JOIN values_of AS other
        ON other.patient_set = v.patient_set
        AND other.endpoint = v.endpoint
        AND other.patient_id = v.patient_id
        AND other.source_id <> v.source_id
        AND other.time_months IS NOT NULL
        AND other.event_observed IS NOT NULL
    WHERE v.time_months IS NOT NULL AND v.event_observed IS NOT NULL
    GROUP BY v.patient_set, v.endpoint, v.source_id
),
disagreeing AS (
    SELECT patient_set, endpoint, source_id, count(DISTINCT patient_id) AS n_disagreeing
    FROM (
        SELECT patient_set, endpoint, source_id_a AS source_id, patient_id FROM marts.endpoint_disagreements
        UNION ALL
        SELECT patient_set, endpoint, source_id_b, patient_id FROM marts.endpoint_disagreements
    )
    GROUP BY patient_set, endpoint, source_id
)
SELECT
    v.patient_set,
    v.endpoint,
    v.source_id,
    v.source_id = v.patient_set AS is_reference,
    v.source_endpoint,
    v.event_attribute,
    v.time_attribute,
    v.time_unit,
    count(v.patient_id) AS n_patients,
    count(v.patient_id) FILTER (WHERE v.is_usable) AS n_usable,
    count(v.patient_id) FILTER (WHERE v.is_usable AND v.event_observed = 1) AS n_events,
    any_value(f.median_follow_up_months) AS median_follow_up_months,
    coalesce(any_value(c.n_compared), 0) AS n_compared,
    coalesce(any_value(d.n_disagreeing), 0) AS n_disagreeing
FROM values_of AS v
LEFT JOIN follow_up AS f
    ON f.patient_set = v.patient_set AND f.endpoint = v.endpoint AND f.source_id = v.source_id
LEFT JOIN compared AS c
    ON c.patient_set = v.patient_set AND c.endpoint = v.endpoint AND c.source_id = v.source_id
LEFT JOIN disagreeing AS d
    ON d.patient_set = v.patient_set AND d.endpoint = v.endpoint AND d.source_id = v.source_id
GROUP BY
    v.patient_set, v.endpoint, v.source_id, v.source_endpoint, v.event_attribute, v.time_attribute, v.time_unit
ORDER BY v.patient_set, v.endpoint, v.source_id
