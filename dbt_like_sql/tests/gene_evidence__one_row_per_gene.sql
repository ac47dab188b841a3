-- A gene has one row.
-- table: marts.gene_evidence
SELECT
    hgnc_symbol,
    count(*) AS rows_of_gene
FROM marts.gene_evidence
GROUP BY hgnc_symbol
HAVING count(*) > 1
