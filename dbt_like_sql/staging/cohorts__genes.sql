-- Genes of the expression profile in use: the first of the catalog's preferences that the archive
-- holds. A laboratory study with follow-up is a cohort of all genes that it counted.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id,
        origin,
        expression_profiles
    FROM raw.catalog__cohorts
),

cbioportal_genes AS (
    SELECT
        genes.dataset_id AS cohort_id,
        genes.hgnc_symbol,
        genes.source_symbol,
        genes.entrez_gene_id,
        genes.resolution,
        genes.profile_id,
        CASE upper(profiles.datatype)
            WHEN 'Z-SCORE' THEN 'z-score per gene'
            WHEN 'LOG2-VALUE' THEN 'log2'
            WHEN 'LOG-VALUE' THEN 'log'
            WHEN 'CONTINUOUS'
                THEN
                    CASE
                        WHEN contains(genes.profile_id, 'rna_seq_v2') THEN 'log2(RSEM + 1)'
                        WHEN regexp_matches(lower(profiles.profile_name), 'log ?2')
                            THEN 'log2, as the archive has it'
                        ELSE 'continuous'
                    END
            ELSE lower(profiles.datatype)
        END AS expression_scale
    FROM staging.genes__measured AS genes
    INNER JOIN cohorts
        ON genes.dataset_id = cohorts.cohort_id
    INNER JOIN raw.cbioportal__profiles AS profiles
        ON
            cohorts.study_id = profiles.study_id
            AND genes.profile_id = profiles.stable_id
    WHERE genes.measurement = 'expression'
),

xena_genes AS (
    SELECT
        genes.dataset_id AS cohort_id,
        genes.hgnc_symbol,
        genes.source_symbol,
        genes.entrez_gene_id,
        genes.resolution,
        genes.profile_id,
        'log2(normalised RSEM + 1)' AS expression_scale
    FROM staging.genes__measured AS genes
    INNER JOIN cohorts
        ON genes.dataset_id = cohorts.cohort_id
    WHERE
        genes.measurement = 'expression'
        AND cohorts.origin = 'xena'
),

laboratory_genes AS (
    SELECT
        genes.dataset_id AS cohort_id,
        genes.hgnc_symbol,
        genes.source_symbol,
        genes.entrez_gene_id,
        genes.resolution,
        cohorts.expression_profiles AS profile_id,
        'log2(CPM + 1)' AS expression_scale
    FROM staging.genes__measured AS genes
    INNER JOIN raw.catalog__cohorts AS cohorts
        ON genes.dataset_id = cohorts.cohort_id
    WHERE
        genes.measurement = 'features'
        AND cohorts.origin = 'study'
),

cohort_genes AS (
    SELECT * FROM cbioportal_genes
    UNION ALL
    SELECT * FROM xena_genes
    UNION ALL
    SELECT * FROM laboratory_genes
)

SELECT
    cohort_id,
    hgnc_symbol,
    source_symbol,
    entrez_gene_id,
    resolution,
    profile_id,
    expression_scale
FROM cohort_genes
ORDER BY cohort_id, hgnc_symbol
