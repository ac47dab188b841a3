-- A corrected p-value is never smaller than the p-value (1e-12 allows for the last digit).
-- table: core.plasma_panel__comparisons
SELECT
    study_id,
    contrast,
    method,
    marker,
    p,
    q
FROM core.plasma_panel__comparisons
WHERE q < p * (1 - 1e-12)
