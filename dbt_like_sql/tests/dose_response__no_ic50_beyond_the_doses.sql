-- An IC50 stands between the lowest and the highest dose, and only where the curve can tell it.
-- table: core.dose_response__curves
SELECT
    study_id,
    curve_id,
    model,
    verdict,
    ic50_um,
    min_dose_um,
    max_dose_um
FROM core.dose_response__curves
WHERE
    ic50_um IS NOT NULL
    AND (
        verdict <> 'estimated'
        OR ic50_um < min_dose_um * (1 - 1e-9)
        OR ic50_um > max_dose_um * (1 + 1e-9)
    )
