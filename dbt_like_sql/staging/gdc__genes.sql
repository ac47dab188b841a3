-- Genes of the gene model with approved symbols, by their Ensembl ids.
SELECT
    model_genes.project_id,
    model_genes.gene_id,
    coalesce(measured_genes.hgnc_symbol, model_genes.gene_id) AS hgnc_symbol,
    model_genes.gene_symbol AS source_symbol,
    coalesce(measured_genes.resolution, 'unknown') AS resolution,
    model_genes.gene_type,
    model_genes.length_bp
FROM raw.gdc__genes AS model_genes
LEFT JOIN staging.genes__measured AS measured_genes
    ON
        model_genes.project_id = measured_genes.dataset_id
        AND measured_genes.measurement = 'features'
        AND model_genes.gene_id = measured_genes.source_symbol
ORDER BY model_genes.project_id, model_genes.gene_id
