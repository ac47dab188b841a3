-- A list states as many genes as it has members.
-- table: core.gene_lists__lists
SELECT l.list_id, l.n_genes, count(m.hgnc_symbol) AS members
FROM core.gene_lists__lists AS l
LEFT JOIN core.gene_lists__members AS m ON m.list_id = l.list_id
GROUP BY l.list_id, l.n_genes
HAVING l.n_genes <> count(m.hgnc_symbol)
