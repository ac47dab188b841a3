-- Genes of the gene model with approved symbols, by their Ensembl ids.
SELECT
    g.project_id,
    g.gene_id,
    coalesce(m.hgnc_symbol, g.gene_id) AS hgnc_symbol,
    g.gene_symbol AS source_symbol,
    coalesce(m.resolution, 'unknown') AS resolution,
    g.gene_type,
    g.length_bp
FROM raw.gdc__genes AS g
LEFT JOIN staging.genes__measured AS m
    ON m.dataset_id = g.project_id AND m.measurement = 'features' AND m.source_symbol = g.gene_id
ORDER BY g.project_id, g.gene_id
