-- Tumour expression, one sample per patient. Sorted by gene, so that a look-up of one gene reads one piece of the file.
-- Linear RSEM becomes log2(RSEM + 1): a hazard ratio per unit of a linear count says nothing, and batch correction leaves
-- small negatives, which are counted as 0.
-- Counts of a laboratory study become log2(CPM + 1); Xena's values are on a log scale already.
WITH counted_samples AS (
    SELECT c.cohort_id, c.study_id, s.sample_id, s.patient_id, sum(v.read_count) AS reads
    FROM raw.catalog__cohorts AS c
    INNER JOIN staging.cohorts__samples AS s ON s.cohort_id = c.cohort_id AND s.is_analysed
    INNER JOIN raw.studies__gene_sample_counts AS v ON v.study_id = c.study_id AND v.sample_id = s.sample_id
    WHERE c.origin = 'study'
    GROUP BY c.cohort_id, c.study_id, s.sample_id, s.patient_id
    HAVING sum(v.read_count) > 0
)
SELECT
    g.dataset_id AS cohort_id,
    g.hgnc_symbol,
    s.patient_id,
    CASE WHEN e.expression_scale = 'log2(RSEM + 1)' THEN log2(greatest(v.value, 0) + 1) ELSE v.value END AS expression_value
FROM staging.genes__measured AS g
INNER JOIN (SELECT DISTINCT cohort_id, study_id FROM raw.catalog__cohorts) AS c ON c.cohort_id = g.dataset_id
INNER JOIN raw.cbioportal__mrna_values AS v
    ON v.study_id = c.study_id AND v.stable_id = g.profile_id AND v.gene_row = g.source_row
INNER JOIN staging.cohorts__genes AS e ON e.cohort_id = g.dataset_id AND e.hgnc_symbol = g.hgnc_symbol
INNER JOIN staging.cohorts__samples AS s
    ON s.cohort_id = g.dataset_id AND s.sample_id = v.sample_id AND s.is_analysed
WHERE g.measurement = 'expression'
UNION ALL
SELECT g.dataset_id, g.hgnc_symbol, s.patient_id, v.value
FROM staging.genes__measured AS g
INNER JOIN raw.xena__expression_values AS v
    ON v.study_id = g.dataset_id AND v.stable_id = g.profile_id AND v.gene_row = g.source_row
INNER JOIN staging.cohorts__samples AS s
    ON s.cohort_id = g.dataset_id AND s.sample_id = v.sample_id AND s.is_analysed
WHERE g.measurement = 'expression'
UNION ALL
SELECT g.cohort_id, g.hgnc_symbol, s.patient_id, log2(v.read_count / s.reads * 1e6 + 1)
FROM counted_samples AS s
INNER JOIN raw.studies__gene_sample_counts AS v ON v.study_id = s.study_id AND v.sample_id = s.sample_id
INNER JOIN staging.cohorts__genes AS g ON g.cohort_id = s.cohort_id AND g.source_symbol = v.feature_id
ORDER BY 1, 2, 3
