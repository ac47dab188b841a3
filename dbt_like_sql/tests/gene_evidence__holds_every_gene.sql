-- No gene that an analysis saw is missing.
-- table: marts.gene_evidence
WITH analysed_genes AS (
    SELECT hgnc_symbol FROM marts.deg_by_contrast
    UNION
    SELECT hgnc_symbol FROM marts.survival_by_gene
)

SELECT analysed_genes.hgnc_symbol
FROM analysed_genes
ANTI JOIN marts.gene_evidence AS gene_evidence
    ON analysed_genes.hgnc_symbol = gene_evidence.hgnc_symbol
