-- No gene that an analysis saw is missing.
-- table: marts.gene_evidence
SELECT g.hgnc_symbol
FROM (
    SELECT hgnc_symbol FROM marts.deg_by_contrast
    UNION
    SELECT hgnc_symbol FROM marts.survival_by_gene
) AS g
ANTI JOIN marts.gene_evidence AS e ON e.hgnc_symbol = g.hgnc_symbol
