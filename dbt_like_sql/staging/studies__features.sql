-- Features of laboratory studies and the gene each one names; features that name no gene are left out.
WITH features AS (
    SELECT DISTINCT study_id, feature_id, feature_id AS source_symbol, NULL::BIGINT AS entrez_gene_id
    FROM raw.studies__gene_sample_counts
    UNION ALL
    SELECT study_id, feature_id, min(hgnc_symbol), min(try_cast(entrez_gene_id AS BIGINT))
    FROM raw.studies__published_results
    GROUP BY study_id, feature_id
),
by_entrez AS (
    SELECT entrez_gene_id, min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE entrez_gene_id IS NOT NULL
    GROUP BY entrez_gene_id
),
named AS (
    SELECT f.study_id, f.feature_id, coalesce(nullif(trim(f.source_symbol), ''), e.hgnc_symbol) AS source_symbol
    FROM features AS f
    LEFT JOIN by_entrez AS e ON e.entrez_gene_id = f.entrez_gene_id
)
SELECT
    n.study_id,
    n.feature_id,
    g.hgnc_symbol,
    g.entrez_gene_id,
    g.resolution
FROM named AS n
INNER JOIN staging.genes__measured AS g
    ON g.dataset_id = n.study_id AND g.measurement = 'features' AND g.source_symbol = n.source_symbol
ORDER BY n.study_id, n.feature_id
