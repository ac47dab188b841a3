-- Analysed patients are among those followed, these among the cohort, and events among each.
-- table: core.survival__cohort_endpoints
SELECT
    cohort_id,
    endpoint,
    n_patients,
    n_with_follow_up,
    n_events_with_follow_up,
    n_analysed,
    n_events_analysed
FROM core.survival__cohort_endpoints
WHERE
    n_analysed > n_with_follow_up
    OR n_with_follow_up > n_patients
    OR n_events_analysed > n_analysed
    OR n_events_with_follow_up > n_with_follow_up
    OR n_events_analysed > n_events_with_follow_up
