-- Genes of the panels that patients were sequenced with, with resolved symbols.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id,
        origin = 'study' AS is_laboratory
    FROM raw.catalog__cohorts
),

panels AS (
    SELECT
        study_id,
        FALSE AS is_laboratory,
        gene_panel_id,
        hugo_symbol
    FROM raw.cbioportal__gene_panels
    UNION ALL
    SELECT
        study_id,
        TRUE AS is_laboratory,
        gene_panel_id,
        hugo_symbol
    FROM raw.studies__panel_genes
)

SELECT DISTINCT
    cohorts.cohort_id,
    panels.gene_panel_id,
    coalesce(symbols.hgnc_symbol, trim(panels.hugo_symbol)) AS hgnc_symbol
FROM panels
INNER JOIN cohorts
    ON
        panels.study_id = cohorts.study_id
        AND panels.is_laboratory = cohorts.is_laboratory
LEFT JOIN staging.genes__symbols AS symbols
    ON upper(trim(panels.hugo_symbol)) = symbols.symbol
ORDER BY cohorts.cohort_id, panels.gene_panel_id, hgnc_symbol
