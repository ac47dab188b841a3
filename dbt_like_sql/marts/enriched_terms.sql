-- Enriched terms with q < 0.05, with the contrast and drug of their list.
SELECT
    t.list_id,
    l.role AS list_role,
    l.contrast_id,
    l.method,
    l.direction,
    c.drug,
    c.drug_class,
    t.collection,
    t.term_id,
    t.term,
    t.overlap,
    t.set_size,
    t.list_size,
    t.universe_size,
    t.fold_enrichment,
    t.p_value,
    t.q_value_bh,
    t.is_circular,
    t.genes
FROM core.enrichment__terms AS t
INNER JOIN core.gene_lists__lists AS l ON l.list_id = t.list_id
LEFT JOIN raw.catalog__contrasts AS c ON c.contrast_id = l.contrast_id
WHERE t.q_value_bh < 0.05
ORDER BY t.list_id, t.collection, t.term_id
