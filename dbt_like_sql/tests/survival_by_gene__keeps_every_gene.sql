-- No gene of the screen is lost, and none is doubled.
-- table: marts.survival_by_gene
WITH screened_genes AS (
    SELECT DISTINCT
        cohort_id,
        endpoint,
        hgnc_symbol
    FROM core.survival__cohort_endpoint_genes
)

SELECT
    screened_genes.cohort_id,
    screened_genes.endpoint,
    screened_genes.hgnc_symbol
FROM screened_genes
ANTI JOIN marts.survival_by_gene AS mart_genes
    ON
        screened_genes.cohort_id = mart_genes.cohort_id
        AND screened_genes.endpoint = mart_genes.endpoint
        AND screened_genes.hgnc_symbol = mart_genes.hgnc_symbol
