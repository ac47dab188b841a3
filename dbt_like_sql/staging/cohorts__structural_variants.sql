-- Structural variants, with resolved symbols: the NCBI Gene id is believed before the symbol.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id,
        origin = 'study' AS is_laboratory
    FROM raw.catalog__cohorts
),

variants AS (
    SELECT
        study_id,
        FALSE AS is_laboratory,
        variant_number,
        sample_id,
        site1_hugo_symbol,
        site1_entrez_gene_id,
        site2_hugo_symbol,
        site2_entrez_gene_id,
        variant_class,
        event_info
    FROM raw.cbioportal__structural_variants
    UNION ALL
    SELECT
        study_id,
        TRUE AS is_laboratory,
        variant_number,
        sample_id,
        site1_hugo_symbol,
        site1_entrez_gene_id,
        site2_hugo_symbol,
        site2_entrez_gene_id,
        variant_class,
        event_info
    FROM raw.studies__structural_variants
),

genes_by_entrez_id AS (
    SELECT
        entrez_gene_id,
        min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE entrez_gene_id IS NOT NULL
    GROUP BY entrez_gene_id
)

SELECT
    cohorts.cohort_id,
    variants.variant_number,
    samples.patient_id,
    variants.sample_id,
    coalesce(samples.is_analysed, FALSE) AS is_analysed_sample,
    coalesce(
        site1_genes.hgnc_symbol, site1_symbols.hgnc_symbol, variants.site1_hugo_symbol
    ) AS hgnc_symbol_site1,
    coalesce(
        site2_genes.hgnc_symbol, site2_symbols.hgnc_symbol, variants.site2_hugo_symbol
    ) AS hgnc_symbol_site2,
    variants.variant_class,
    variants.event_info
FROM variants
INNER JOIN cohorts
    ON
        variants.study_id = cohorts.study_id
        AND variants.is_laboratory = cohorts.is_laboratory
LEFT JOIN staging.cohorts__samples AS samples
    ON
        cohorts.cohort_id = samples.cohort_id
        AND variants.sample_id = samples.sample_id
LEFT JOIN genes_by_entrez_id AS site1_genes
    ON variants.site1_entrez_gene_id = site1_genes.entrez_gene_id
LEFT JOIN genes_by_entrez_id AS site2_genes
    ON variants.site2_entrez_gene_id = site2_genes.entrez_gene_id
LEFT JOIN staging.genes__symbols AS site1_symbols
    ON upper(trim(variants.site1_hugo_symbol)) = site1_symbols.symbol
LEFT JOIN staging.genes__symbols AS site2_symbols
    ON upper(trim(variants.site2_hugo_symbol)) = site2_symbols.symbol
ORDER BY cohorts.cohort_id, variants.variant_number
