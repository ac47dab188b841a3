-- What is loaded and how much of it. Samples of a study are counted in its sample sheet, or in its
-- contrasts where it has none (a published table). A study whose patients were followed is a
-- cohort. A bench study goes by its kind, and what is counted is what that kind compares.
WITH measured_genes AS (
    SELECT
        dataset_id,
        count(hgnc_symbol) AS n_genes
    FROM staging.genes__measured
    WHERE measurement IN ('expression', 'features')
    GROUP BY dataset_id
),

cohorts AS (
    SELECT
        cohort_id,
        min(title) AS title
    FROM raw.catalog__cohorts
    GROUP BY cohort_id
),

cohort_samples AS (
    SELECT
        cohort_id,
        count(DISTINCT patient_id) AS n_samples
    FROM staging.cohorts__gene_expression
    GROUP BY cohort_id
),

studies AS (
    SELECT
        study_id,
        min(study_title) AS title,
        count(contrast_id) AS n_contrasts
    FROM raw.catalog__contrasts
    GROUP BY study_id
),

study_samples AS (
    SELECT
        study_id,
        count(DISTINCT sample_id) AS n_samples
    FROM raw.studies__samples
    GROUP BY study_id
),

study_results AS (
    SELECT
        contrasts.study_id,
        max(contrast_genes.n_numerator + contrast_genes.n_denominator) AS n_samples,
        count(DISTINCT contrast_genes.hgnc_symbol) AS n_genes
    FROM core.deg__contrast_genes AS contrast_genes
    INNER JOIN raw.catalog__contrasts AS contrasts
        ON contrast_genes.contrast_id = contrasts.contrast_id
    GROUP BY contrasts.study_id
),

panel_samples AS (
    SELECT
        study_id,
        count(DISTINCT sample_id) AS n_samples
    FROM raw.plasma_panel__samples
    GROUP BY study_id
),

bench_counts AS (
    SELECT
        study_id,
        count(curve_id) FILTER (WHERE is_primary) AS n_samples,
        0 AS n_genes
    FROM core.dose_response__curves
    GROUP BY study_id
    UNION ALL
    SELECT
        study_id,
        count(block_id) AS n_samples,
        0 AS n_genes
    FROM core.drug_combination__blocks
    GROUP BY study_id
    UNION ALL
    SELECT
        study_id,
        count(mouse_id) AS n_samples,
        0 AS n_genes
    FROM core.tumour_growth__mice
    GROUP BY study_id
    UNION ALL
    SELECT
        detection.study_id,
        any_value(panel_samples.n_samples) AS n_samples,
        count(DISTINCT detection.hgnc_symbol) AS n_genes
    FROM core.plasma_panel__detection AS detection
    LEFT JOIN panel_samples
        ON detection.study_id = panel_samples.study_id
    GROUP BY detection.study_id
    UNION ALL
    SELECT
        study_id,
        count(DISTINCT row(condition, biological_replicate)) AS n_samples,
        count(DISTINCT gene) AS n_genes
    FROM core.qpcr__samples
    GROUP BY study_id
    UNION ALL
    SELECT
        study_id,
        count(DISTINCT row(assay, experiment)) AS n_samples,
        0 AS n_genes
    FROM core.assays__two_way_units
    GROUP BY study_id
    UNION ALL
    SELECT
        study_id,
        cast(sum(n_kept) AS BIGINT) AS n_samples,
        max(n_genes) AS n_genes
    FROM core.single_cell__samples
    GROUP BY study_id
),

bench_kinds AS (
    SELECT
        study_id,
        kind,
        title
    FROM raw.catalog__studies
    WHERE
        kind IN (
            'dose_response', 'drug_combination', 'tumour_growth', 'plasma_panel', 'qpcr',
            'two_way_assay', 'single_cell'
        )
),

datasets AS (
    SELECT
        cohorts.cohort_id AS dataset_id,
        'cohort' AS kind,
        cohorts.title,
        coalesce(cohort_samples.n_samples, 0) AS n_samples,
        coalesce(measured_genes.n_genes, 0) AS n_genes,
        coalesce(studies.n_contrasts, 0) AS n_contrasts,
        coalesce(cohort_samples.n_samples, 0) > 0 AS is_loaded
    FROM cohorts
    LEFT JOIN measured_genes
        ON cohorts.cohort_id = measured_genes.dataset_id
    LEFT JOIN cohort_samples
        ON cohorts.cohort_id = cohort_samples.cohort_id
    LEFT JOIN studies
        ON cohorts.cohort_id = studies.study_id
    UNION ALL
    SELECT
        studies.study_id AS dataset_id,
        'study' AS kind,
        studies.title,
        coalesce(study_samples.n_samples, study_results.n_samples, 0) AS n_samples,
        coalesce(measured_genes.n_genes, study_results.n_genes, 0) AS n_genes,
        studies.n_contrasts,
        coalesce(measured_genes.n_genes, study_results.n_genes, 0) > 0 AS is_loaded
    FROM studies
    ANTI JOIN cohorts
        ON studies.study_id = cohorts.cohort_id
    -- Single cells may have contrasts of expression too, and are listed once.
    ANTI JOIN bench_kinds
        ON studies.study_id = bench_kinds.study_id
    LEFT JOIN measured_genes
        ON studies.study_id = measured_genes.dataset_id
    LEFT JOIN study_samples
        ON studies.study_id = study_samples.study_id
    LEFT JOIN study_results
        ON studies.study_id = study_results.study_id
    UNION ALL
    SELECT
        bench_kinds.study_id AS dataset_id,
        bench_kinds.kind,
        bench_kinds.title,
        coalesce(bench_counts.n_samples, 0) AS n_samples,
        coalesce(bench_counts.n_genes, 0) AS n_genes,
        coalesce(studies.n_contrasts, 0) AS n_contrasts,
        coalesce(bench_counts.n_samples, 0) > 0 AS is_loaded
    FROM bench_kinds
    LEFT JOIN studies
        ON bench_kinds.study_id = studies.study_id
    LEFT JOIN bench_counts
        ON bench_kinds.study_id = bench_counts.study_id
)

SELECT
    dataset_id,
    kind,
    title,
    n_samples,
    n_genes,
    n_contrasts,
    is_loaded
FROM datasets
ORDER BY dataset_id
