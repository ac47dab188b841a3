-- An interval of AUC(t) needs ten cases and ten controls.
-- table: core.plasma_panel__auc
SELECT
    study_id,
    endpoint,
    marker,
    month,
    cases,
    controls
FROM core.plasma_panel__auc
WHERE ci_lower IS NOT NULL AND least(cases, controls) < 10
