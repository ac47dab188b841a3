-- A treatment arm in one row: who started and was lost, growth rate, difference to the control,
-- interaction, treatment to control on the two days to read, time to doubling, toxicity.
WITH mouse_counts AS (
    SELECT
        study_id,
        arm,
        count(mouse_id) AS mice_started,
        count(*) FILTER (WHERE end_reason = 'tumour_volume_limit') AS mice_lost_for_size,
        count(*) FILTER (WHERE end_reason = 'found_dead') AS mice_found_dead,
        count(*) FILTER (WHERE end_reason IN ('body_weight_loss', 'other')) AS mice_lost_otherwise,
        count(*) FILTER (WHERE is_toxic_weight_loss OR end_reason = 'body_weight_loss')
            AS mice_with_toxic_weight_loss,
        count(*) FILTER (WHERE complete_regression) AS mice_in_complete_regression
    FROM core.tumour_growth__mice
    GROUP BY study_id, arm
),

leading_contrasts AS (
    SELECT
        study_id,
        numerator,
        denominator,
        kind,
        estimate,
        ci_lower,
        ci_upper,
        p_value,
        p_value_holm,
        p_note
    FROM core.tumour_growth__contrasts
    WHERE measure = 'growth_rate_per_day' AND role = 'primary'
),

-- The control is the arm that every treated arm is compared with.
controls AS (
    SELECT
        study_id,
        denominator AS control_arm
    FROM leading_contrasts
    WHERE kind = 'difference'
    GROUP BY study_id, denominator
    QUALIFY row_number() OVER (
        PARTITION BY study_id
        ORDER BY count(*) DESC, denominator ASC
    ) = 1
),

doubling_times AS (
    SELECT
        study_id,
        arm,
        max(median_days) AS median_doubling_days,
        max(n_events) AS mice_doubled
    FROM core.tumour_growth__time_to_event
    WHERE event = 'doubling'
    GROUP BY study_id, arm
),

-- Where the day asked is the last complete one, it is both.
compared_days AS (
    SELECT
        study_id,
        arm,
        day,
        day_role,
        n_treated,
        treated_started,
        tc_percent_geometric,
        tgi_percent
    FROM core.tumour_growth__treatment_to_control
    WHERE day_role IS NOT NULL
)

SELECT
    rates.study_id,
    rates.arm,
    coalesce(rates.arm = controls.control_arm, FALSE) AS is_control,
    rates.model,
    mouse_counts.mice_started,
    mouse_counts.mice_lost_for_size,
    mouse_counts.mice_found_dead,
    mouse_counts.mice_lost_otherwise,
    mouse_counts.mice_with_toxic_weight_loss,
    mouse_counts.mice_in_complete_regression,
    rates.rate_per_day,
    rates.ci_lower AS rate_ci_lower,
    rates.ci_upper AS rate_ci_upper,
    rates.doubling_days,
    rates.rate_note,
    differences.estimate AS rate_difference_per_day,
    differences.ci_lower AS rate_difference_ci_lower,
    differences.ci_upper AS rate_difference_ci_upper,
    differences.p_value AS rate_difference_p,
    differences.p_value_holm AS rate_difference_p_holm,
    differences.p_note,
    interactions.estimate AS interaction_per_day,
    interactions.ci_lower AS interaction_ci_lower,
    interactions.ci_upper AS interaction_ci_upper,
    interactions.p_value AS interaction_p,
    complete_days.day AS last_complete_day,
    complete_days.tc_percent_geometric AS tc_percent_last_complete_day,
    complete_days.tgi_percent AS tgi_percent_last_complete_day,
    asked_days.day AS asked_day,
    asked_days.n_treated AS mice_on_asked_day,
    asked_days.tc_percent_geometric AS tc_percent_asked_day,
    asked_days.tgi_percent AS tgi_percent_asked_day,
    doubling_times.mice_doubled,
    doubling_times.median_doubling_days
FROM core.tumour_growth__growth_rates AS rates
LEFT JOIN controls
    ON rates.study_id = controls.study_id
LEFT JOIN mouse_counts
    ON
        rates.study_id = mouse_counts.study_id
        AND rates.arm = mouse_counts.arm
LEFT JOIN leading_contrasts AS differences
    ON
        rates.study_id = differences.study_id
        AND rates.arm = differences.numerator
        AND controls.control_arm = differences.denominator
        AND differences.kind = 'difference'
LEFT JOIN leading_contrasts AS interactions
    ON
        rates.study_id = interactions.study_id
        AND rates.arm = interactions.numerator
        AND interactions.kind = 'interaction'
LEFT JOIN compared_days AS complete_days
    ON
        rates.study_id = complete_days.study_id
        AND rates.arm = complete_days.arm
        AND complete_days.day_role = 'last_complete'
LEFT JOIN compared_days AS asked_days
    ON
        rates.study_id = asked_days.study_id
        AND rates.arm = asked_days.arm
        AND asked_days.day_role = 'asked'
LEFT JOIN doubling_times
    ON
        rates.study_id = doubling_times.study_id
        AND rates.arm = doubling_times.arm
WHERE rates.role = 'primary'
ORDER BY rates.study_id, rates.arm
