-- Differential expression by the leading method of each contrast: the first one it declares that has rows.
WITH methods AS (
    SELECT DISTINCT contrast_id, method FROM core.deg__contrast_genes
),
lead_methods AS (
    SELECT m.contrast_id, m.method, c.drug, c.drug_class
    FROM methods AS m
    INNER JOIN raw.catalog__contrasts AS c ON c.contrast_id = m.contrast_id
    QUALIFY row_number() OVER (
        PARTITION BY m.contrast_id
        ORDER BY nullif(list_position(string_split(c.methods, '|'), m.method), 0) NULLS LAST, m.method
    ) = 1
),
-- The contrast's lists are those of the leading method, or whichever it has where the leading method made none.
own_lists AS (
    SELECT l.list_id, l.contrast_id, l.method
    FROM core.gene_lists__lists AS l
    INNER JOIN lead_methods AS d ON d.contrast_id = l.contrast_id
    WHERE l.direction IS NOT NULL
    QUALIFY dense_rank() OVER (PARTITION BY l.contrast_id ORDER BY (l.method = d.method) DESC NULLS LAST, l.method) = 1
),
membership AS (
    SELECT l.contrast_id, m.hgnc_symbol, min(m.direction) AS direction
    FROM own_lists AS l
    INNER JOIN core.gene_lists__members AS m ON m.list_id = l.list_id
    WHERE m.direction IN ('up', 'down')
    GROUP BY l.contrast_id, m.hgnc_symbol
)
SELECT
    g.contrast_id,
    l.drug,
    l.drug_class,
    g.hgnc_symbol,
    g.method,
    g.log2_fold_change,
    g.standard_error,
    g.p_value,
    g.q_value_bh,
    g.p_value_note,
    g.n_numerator,
    g.n_denominator,
    g.evidence_kind,
    m.direction AS in_list
FROM core.deg__contrast_genes AS g
INNER JOIN lead_methods AS l ON l.contrast_id = g.contrast_id AND l.method = g.method
LEFT JOIN membership AS m ON m.contrast_id = g.contrast_id AND m.hgnc_symbol = g.hgnc_symbol
ORDER BY g.contrast_id, g.hgnc_symbol
