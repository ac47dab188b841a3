-- Genes that change in the same direction in two contrasts or more, by the lists of each contrast's leading method.
WITH listed AS (
    SELECT d.hgnc_symbol, d.in_list AS direction, d.contrast_id, c.study_id, d.drug_class, d.log2_fold_change, d.q_value_bh
    FROM marts.deg_by_contrast AS d
    INNER JOIN raw.catalog__contrasts AS c ON c.contrast_id = d.contrast_id
    WHERE d.in_list IS NOT NULL
),
agreed AS (
    SELECT
        hgnc_symbol,
        direction,
        count(contrast_id) AS n_contrasts,
        count(drug_class) AS n_drug_contrasts,
        count(DISTINCT study_id) AS n_studies,
        string_agg(contrast_id, '|' ORDER BY contrast_id) AS contrasts,
        string_agg(DISTINCT drug_class, '|' ORDER BY drug_class) AS drug_classes,
        min(abs(log2_fold_change)) AS smallest_abs_log2_fold_change,
        max(q_value_bh) AS largest_q_value_bh
    FROM listed
    GROUP BY hgnc_symbol, direction
)
SELECT
    a.hgnc_symbol,
    a.direction,
    a.n_contrasts,
    a.n_drug_contrasts,
    a.n_studies,
    a.contrasts,
    a.drug_classes,
    a.smallest_abs_log2_fold_change,
    a.largest_q_value_bh,
    coalesce(o.n_contrasts, 0) AS n_contrasts_opposite,
    coalesce(e.in_cancer_gene_list, false) AS in_cancer_gene_list
FROM agreed AS a
LEFT JOIN agreed AS o ON o.hgnc_symbol = a.hgnc_symbol AND o.direction <> a.direction
LEFT JOIN marts.gene_evidence AS e ON e.hgnc_symbol = a.hgnc_symbol
WHERE a.n_contrasts >= 2
ORDER BY a.hgnc_symbol, a.direction
