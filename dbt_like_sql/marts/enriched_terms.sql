-- Enriched terms with q < 0.05, with the contrast and drug of their list.
SELECT
    terms.list_id,
    lists.role AS list_role,
    lists.contrast_id,
    lists.method,
    lists.direction,
    contrasts.drug,
    contrasts.drug_class,
    terms.collection,
    terms.term_id,
    terms.term,
    terms.overlap,
    terms.set_size,
    terms.list_size,
    terms.universe_size,
    terms.fold_enrichment,
    terms.p_value,
    terms.q_value_bh,
    terms.is_circular,
    terms.genes
FROM core.enrichment__terms AS terms
INNER JOIN core.gene_lists__lists AS lists
    ON terms.list_id = lists.list_id
LEFT JOIN raw.catalog__contrasts AS contrasts
    ON lists.contrast_id = contrasts.contrast_id
WHERE terms.q_value_bh < 0.05
ORDER BY terms.list_id, terms.collection, terms.term_id
