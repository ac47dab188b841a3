-- On no day are more mice measured than started.
-- table: core.tumour_growth__treatment_to_control
SELECT
    study_id,
    arm,
    day,
    n_treated,
    treated_started,
    n_control,
    control_started
FROM core.tumour_growth__treatment_to_control
WHERE n_treated > treated_started OR n_control > control_started
