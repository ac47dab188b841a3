-- Expression as z-scores, one sample per patient, of the first such profile that was loaded.
SELECT
    g.dataset_id AS cohort_id,
    g.hgnc_symbol,
    s.patient_id,
    v.value AS z_score
FROM staging.genes__measured AS g
INNER JOIN (SELECT DISTINCT cohort_id, study_id FROM raw.catalog__cohorts) AS c ON c.cohort_id = g.dataset_id
INNER JOIN raw.cbioportal__mrna_z_scores AS v
    ON v.study_id = c.study_id AND v.stable_id = g.profile_id AND v.gene_row = g.source_row
INNER JOIN staging.cohorts__samples AS s
    ON s.cohort_id = g.dataset_id AND s.sample_id = v.sample_id AND s.is_analysed
WHERE g.measurement = 'z_score'
ORDER BY g.dataset_id, g.hgnc_symbol, s.patient_id
