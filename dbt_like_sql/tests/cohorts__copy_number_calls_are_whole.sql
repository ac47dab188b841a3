-- A copy-number call is a whole number at the vendor, so none was rounded here.
-- table: staging.cohorts__gene_copy_number
SELECT n.cohort_id, n.hgnc_symbol, n.patient_id, v.value
FROM staging.cohorts__gene_copy_number AS n
INNER JOIN (SELECT DISTINCT cohort_id, study_id FROM raw.catalog__cohorts) AS c ON c.cohort_id = n.cohort_id
INNER JOIN staging.genes__measured AS g
    ON g.dataset_id = n.cohort_id AND g.measurement = 'copy_number' AND g.hgnc_symbol = n.hgnc_symbol
INNER JOIN raw.cbioportal__copy_number_values AS v
    ON v.study_id = c.study_id AND v.stable_id = g.profile_id AND v.gene_row = g.source_row
WHERE v.value <> round(v.value)
