-- Genes of the expression profile in use: the first of the catalog's preferences that the archive holds. A laboratory
-- study with follow-up is a cohort of all genes that it counted.
SELECT
    g.dataset_id AS cohort_id,
    g.hgnc_symbol,
    g.source_symbol,
    g.entrez_gene_id,
    g.resolution,
    g.profile_id,
    CASE upper(p.datatype)
        WHEN 'Z-SCORE' THEN 'z-score per gene'
        WHEN 'LOG2-VALUE' THEN 'log2'
        WHEN 'LOG-VALUE' THEN 'log'
        WHEN 'CONTINUOUS' THEN CASE WHEN contains(g.profile_id, 'rna_seq_v2') THEN 'log2(RSEM + 1)' ELSE 'continuous' END
        ELSE lower(p.datatype)
    END AS expression_scale
FROM staging.genes__measured AS g
INNER JOIN (SELECT DISTINCT cohort_id, study_id FROM raw.catalog__cohorts) AS c ON c.cohort_id = g.dataset_id
INNER JOIN raw.cbioportal__profiles AS p ON p.study_id = c.study_id AND p.stable_id = g.profile_id
WHERE g.measurement = 'expression'
UNION ALL
SELECT
    g.dataset_id,
    g.hgnc_symbol,
    g.source_symbol,
    g.entrez_gene_id,
    g.resolution,
    g.profile_id,
    'log2(normalised RSEM + 1)'
FROM staging.genes__measured AS g
INNER JOIN (SELECT DISTINCT cohort_id, origin FROM raw.catalog__cohorts) AS c
    ON c.cohort_id = g.dataset_id AND c.origin = 'xena'
WHERE g.measurement = 'expression'
UNION ALL
SELECT
    g.dataset_id,
    g.hgnc_symbol,
    g.source_symbol,
    g.entrez_gene_id,
    g.resolution,
    c.expression_profiles,
    'log2(CPM + 1)'
FROM staging.genes__measured AS g
INNER JOIN raw.catalog__cohorts AS c ON c.cohort_id = g.dataset_id AND c.origin = 'study'
WHERE g.measurement = 'features'
ORDER BY 1, 2
