-- No gene of the screen is lost, and none is doubled.
-- table: marts.survival_by_gene
SELECT g.cohort_id, g.endpoint, g.hgnc_symbol
FROM (SELECT DISTINCT cohort_id, endpoint, hgnc_symbol FROM core.survival__cohort_endpoint_genes) AS g
ANTI JOIN marts.survival_by_gene AS m
    ON m.cohort_id = g.cohort_id AND m.endpoint = g.endpoint AND m.hgnc_symbol = g.hgnc_symbol
