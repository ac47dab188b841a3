-- Every contrast is one of the catalog.
-- table: core.deg__contrast_genes
SELECT DISTINCT contrast_genes.contrast_id
FROM core.deg__contrast_genes AS contrast_genes
ANTI JOIN raw.catalog__contrasts AS contrasts
    ON contrast_genes.contrast_id = contrasts.contrast_id
