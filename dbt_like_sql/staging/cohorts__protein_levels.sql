-- Protein levels of antibodies, one sample per patient. A row is named by its antibody or probe; the symbol is what HGNC makes of the vendor's.
SELECT
    c.cohort_id,
    v.stable_id AS profile_id,
    v.feature_id,
    coalesce(g.hgnc_symbol, nullif(trim(v.hugo_symbol), '')) AS hgnc_symbol,
    s.patient_id,
    v.value AS protein_level
FROM raw.cbioportal__protein_values AS v
INNER JOIN (SELECT DISTINCT cohort_id, study_id FROM raw.catalog__cohorts) AS c ON c.study_id = v.study_id
INNER JOIN staging.cohorts__samples AS s
    ON s.cohort_id = c.cohort_id AND s.sample_id = v.sample_id AND s.is_analysed
LEFT JOIN staging.genes__symbols AS g ON g.symbol = upper(trim(v.hugo_symbol))
ORDER BY c.cohort_id, v.stable_id, v.feature_id, s.patient_id
