-- Every contrast is one of the catalog.
-- table: core.deg__contrast_genes
SELECT DISTINCT g.contrast_id
FROM core.deg__contrast_genes AS g
ANTI JOIN raw.catalog__contrasts AS c ON c.contrast_id = g.contrast_id
