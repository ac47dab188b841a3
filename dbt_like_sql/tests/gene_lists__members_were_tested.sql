-- Every member of a contrast's list is in the list's universe: it was tested there (lists of fold
-- changes alone have no test, and a role of their own).
-- table: core.gene_lists__members
SELECT
    members.list_id,
    members.hgnc_symbol
FROM core.gene_lists__members AS members
INNER JOIN core.gene_lists__lists AS lists
    ON members.list_id = lists.list_id
LEFT JOIN core.deg__contrast_genes AS contrast_genes
    ON
        lists.contrast_id = contrast_genes.contrast_id
        AND lists.method = contrast_genes.method
        AND members.hgnc_symbol = contrast_genes.hgnc_symbol
WHERE lists.role = 'contrast' AND contrast_genes.q_value_bh IS NULL
