-- Genes of the panels that patients were sequenced with, with resolved symbols.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id
    FROM raw.catalog__cohorts
)

SELECT DISTINCT
    cohorts.cohort_id,
    panels.gene_panel_id,
    coalesce(symbols.hgnc_symbol, trim(panels.hugo_symbol)) AS hgnc_symbol
FROM raw.cbioportal__gene_panels AS panels
INNER JOIN cohorts
    ON panels.study_id = cohorts.study_id
LEFT JOIN staging.genes__symbols AS symbols
    ON upper(trim(panels.hugo_symbol)) = symbols.symbol
ORDER BY cohorts.cohort_id, panels.gene_panel_id, hgnc_symbol
