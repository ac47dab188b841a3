-- A list states as many genes as it has members.
-- table: core.gene_lists__lists
SELECT
    lists.list_id,
    lists.n_genes,
    count(members.hgnc_symbol) AS members
FROM core.gene_lists__lists AS lists
LEFT JOIN core.gene_lists__members AS members
    ON lists.list_id = members.list_id
GROUP BY lists.list_id, lists.n_genes
HAVING lists.n_genes <> count(members.hgnc_symbol)
