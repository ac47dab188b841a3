-- What is loaded and how much of it. Samples of a study are counted in its sample sheet, or in its contrasts where it
-- has none (a published table). A study whose patients were followed is a cohort.
WITH measured AS (
    SELECT dataset_id, count(hgnc_symbol) AS n_genes
    FROM staging.genes__measured
    WHERE measurement IN ('expression', 'features')
    GROUP BY dataset_id
),
cohorts AS (
    SELECT cohort_id, min(title) AS title FROM raw.catalog__cohorts GROUP BY cohort_id
),
profiled AS (
    SELECT cohort_id, count(DISTINCT patient_id) AS n_samples
    FROM staging.cohorts__gene_expression
    GROUP BY cohort_id
),
studies AS (
    SELECT study_id, min(study_title) AS title, count(contrast_id) AS n_contrasts
    FROM raw.catalog__contrasts
    GROUP BY study_id
),
sheets AS (
    SELECT study_id, count(DISTINCT sample_id) AS n_samples FROM raw.studies__samples GROUP BY study_id
),
contrasts AS (
    SELECT
        c.study_id,
        max(g.n_numerator + g.n_denominator) AS n_samples,
        count(DISTINCT g.hgnc_symbol) AS n_genes
    FROM core.deg__contrast_genes AS g
    INNER JOIN raw.catalog__contrasts AS c ON c.contrast_id = g.contrast_id
    GROUP BY c.study_id
)
SELECT
    c.cohort_id AS dataset_id,
    'cohort' AS kind,
    c.title,
    coalesce(p.n_samples, 0) AS n_samples,
    coalesce(m.n_genes, 0) AS n_genes,
    coalesce(s.n_contrasts, 0) AS n_contrasts,
    coalesce(p.n_samples, 0) > 0 AS is_loaded
FROM cohorts AS c
LEFT JOIN measured AS m ON m.dataset_id = c.cohort_id
LEFT JOIN profiled AS p ON p.cohort_id = c.cohort_id
LEFT JOIN studies AS s ON s.study_id = c.cohort_id
UNION ALL
SELECT
    s.study_id,
    'study',
    s.title,
    coalesce(h.n_samples, d.n_samples, 0),
    coalesce(m.n_genes, d.n_genes, 0),
    s.n_contrasts,
    coalesce(m.n_genes, d.n_genes, 0) > 0
FROM studies AS s
ANTI JOIN cohorts AS c ON c.cohort_id = s.study_id
LEFT JOIN measured AS m ON m.dataset_id = s.study_id
LEFT JOIN sheets AS h ON h.study_id = s.study_id
LEFT JOIN contrasts AS d ON d.study_id = s.study_id
ORDER BY 1
