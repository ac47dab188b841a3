-- Features of laboratory studies and the gene each one names; features that name no gene are left
-- out.
WITH features AS (
    SELECT DISTINCT
        study_id,
        feature_id,
        feature_id AS source_symbol,
        NULL::BIGINT AS entrez_gene_id
    FROM raw.studies__gene_sample_counts
    UNION ALL
    SELECT
        study_id,
        feature_id,
        min(hgnc_symbol) AS source_symbol,
        min(try_cast(entrez_gene_id AS BIGINT)) AS entrez_gene_id
    FROM raw.studies__published_results
    GROUP BY study_id, feature_id
),

genes_by_entrez_id AS (
    SELECT
        entrez_gene_id,
        min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE entrez_gene_id IS NOT NULL
    GROUP BY entrez_gene_id
),

named_features AS (
    SELECT
        features.study_id,
        features.feature_id,
        coalesce(
            nullif(trim(features.source_symbol), ''), genes_by_entrez_id.hgnc_symbol
        ) AS source_symbol
    FROM features
    LEFT JOIN genes_by_entrez_id
        ON features.entrez_gene_id = genes_by_entrez_id.entrez_gene_id
)

SELECT
    named_features.study_id,
    named_features.feature_id,
    measured_genes.hgnc_symbol,
    measured_genes.entrez_gene_id,
    measured_genes.resolution
FROM named_features
INNER JOIN staging.genes__measured AS measured_genes
    ON
        named_features.study_id = measured_genes.dataset_id
        AND measured_genes.measurement = 'features'
        AND named_features.source_symbol = measured_genes.source_symbol
ORDER BY named_features.study_id, named_features.feature_id
