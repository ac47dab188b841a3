-- Structural variants, with resolved symbols: the NCBI Gene id is believed before the symbol.
WITH by_entrez AS (
    SELECT entrez_gene_id, min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE entrez_gene_id IS NOT NULL
    GROUP BY entrez_gene_id
)
SELECT
    c.cohort_id,
    v.variant_number,
    s.patient_id,
    v.sample_id,
    coalesce(s.is_analysed, FALSE) AS is_analysed_sample,
    coalesce(e1.hgnc_symbol, g1.hgnc_symbol, v.site1_hugo_symbol) AS hgnc_symbol_site1,
    coalesce(e2.hgnc_symbol, g2.hgnc_symbol, v.site2_hugo_symbol) AS hgnc_symbol_site2,
    v.variant_class,
    v.event_info
FROM raw.cbioportal__structural_variants AS v
INNER JOIN (SELECT DISTINCT cohort_id, study_id FROM raw.catalog__cohorts) AS c ON c.study_id = v.study_id
LEFT JOIN staging.cohorts__samples AS s ON s.cohort_id = c.cohort_id AND s.sample_id = v.sample_id
LEFT JOIN by_entrez AS e1 ON e1.entrez_gene_id = v.site1_entrez_gene_id
LEFT JOIN by_entrez AS e2 ON e2.entrez_gene_id = v.site2_entrez_gene_id
LEFT JOIN staging.genes__symbols AS g1 ON g1.symbol = upper(trim(v.site1_hugo_symbol))
LEFT JOIN staging.genes__symbols AS g2 ON g2.symbol = upper(trim(v.site2_hugo_symbol))
ORDER BY c.cohort_id, v.variant_number
