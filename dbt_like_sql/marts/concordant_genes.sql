-- Genes that change in the same direction in two contrasts or more, by the lists of each contrast's
-- leading method.
WITH listed_genes AS (
    SELECT
        contrast_genes.hgnc_symbol,
        contrast_genes.in_list AS direction,
        contrast_genes.contrast_id,
        contrasts.study_id,
        contrast_genes.drug_class,
        contrast_genes.log2_fold_change,
        contrast_genes.q_value_bh
    FROM marts.deg_by_contrast AS contrast_genes
    INNER JOIN raw.catalog__contrasts AS contrasts
        ON contrast_genes.contrast_id = contrasts.contrast_id
    WHERE contrast_genes.in_list IS NOT NULL AND contrasts.organism = 'Homo sapiens'
),

gene_directions AS (
    SELECT
        hgnc_symbol,
        direction,
        count(contrast_id) AS n_contrasts,
        count(drug_class) AS n_drug_contrasts,
        count(DISTINCT study_id) AS n_studies,
        string_agg(contrast_id, '|' ORDER BY contrast_id) AS contrasts,
        string_agg(DISTINCT drug_class, '|' ORDER BY drug_class) AS drug_classes,
        min(abs(log2_fold_change)) AS smallest_abs_log2_fold_change,
        max(q_value_bh) AS largest_q_value_bh
    FROM listed_genes
    GROUP BY hgnc_symbol, direction
)

SELECT
    gene_directions.hgnc_symbol,
    gene_directions.direction,
    gene_directions.n_contrasts,
    gene_directions.n_drug_contrasts,
    gene_directions.n_studies,
    gene_directions.contrasts,
    gene_directions.drug_classes,
    gene_directions.smallest_abs_log2_fold_change,
    gene_directions.largest_q_value_bh,
    coalesce(opposite_directions.n_contrasts, 0) AS n_contrasts_opposite,
    coalesce(gene_evidence.in_cancer_gene_list, FALSE) AS in_cancer_gene_list
FROM gene_directions
LEFT JOIN gene_directions AS opposite_directions
    ON
        gene_directions.hgnc_symbol = opposite_directions.hgnc_symbol
        AND gene_directions.direction <> opposite_directions.direction
LEFT JOIN marts.gene_evidence AS gene_evidence
    ON gene_directions.hgnc_symbol = gene_evidence.hgnc_symbol
WHERE gene_directions.n_contrasts >= 2
ORDER BY gene_directions.hgnc_symbol, gene_directions.direction
