-- Every member of a contrast's list is in the list's universe: it was tested there (lists of fold changes alone have
-- no test, and a role of their own).
-- table: core.gene_lists__members
SELECT m.list_id, m.hgnc_symbol
FROM core.gene_lists__members AS m
INNER JOIN core.gene_lists__lists AS l ON l.list_id = m.list_id
LEFT JOIN core.deg__contrast_genes AS g
    ON g.contrast_id = l.contrast_id AND g.method = l.method AND g.hgnc_symbol = m.hgnc_symbol
WHERE l.role = 'contrast' AND g.q_value_bh IS NULL
