-- Differential expression by the leading method of each contrast: the first one it declares that
-- has rows.
WITH contrast_methods AS (
    SELECT DISTINCT
        contrast_id,
        method
    FROM core.deg__contrast_genes
),

leading_methods AS (
    SELECT
        contrast_methods.contrast_id,
        contrast_methods.method,
        contrasts.drug,
        contrasts.drug_class,
        contrasts.state,
        contrasts.cell_line,
        contrasts.laboratory
    FROM contrast_methods
    INNER JOIN raw.catalog__contrasts AS contrasts
        ON contrast_methods.contrast_id = contrasts.contrast_id
    QUALIFY row_number() OVER (
        PARTITION BY contrast_methods.contrast_id
        ORDER BY
            nullif(
                list_position(string_split(contrasts.methods, '|'), contrast_methods.method), 0
            ) NULLS LAST,
            contrast_methods.method
    ) = 1
),

-- The contrast's lists are those of the leading method, or whichever it has where the leading
-- method made none.
contrast_lists AS (
    SELECT
        lists.list_id,
        lists.contrast_id,
        lists.method
    FROM core.gene_lists__lists AS lists
    INNER JOIN leading_methods
        ON lists.contrast_id = leading_methods.contrast_id
    WHERE lists.direction IS NOT NULL
    QUALIFY dense_rank() OVER (
        PARTITION BY lists.contrast_id
        ORDER BY (lists.method = leading_methods.method) DESC NULLS LAST, lists.method ASC
    ) = 1
),

listed_genes AS (
    SELECT
        contrast_lists.contrast_id,
        members.hgnc_symbol,
        min(members.direction) AS direction
    FROM contrast_lists
    INNER JOIN core.gene_lists__members AS members
        ON contrast_lists.list_id = members.list_id
    WHERE members.direction IN ('up', 'down')
    GROUP BY contrast_lists.contrast_id, members.hgnc_symbol
)

SELECT
    contrast_genes.contrast_id,
    leading_methods.drug,
    leading_methods.drug_class,
    leading_methods.state,
    leading_methods.cell_line,
    leading_methods.laboratory,
    contrast_genes.hgnc_symbol,
    contrast_genes.method,
    contrast_genes.log2_fold_change,
    contrast_genes.standard_error,
    contrast_genes.p_value,
    contrast_genes.q_value_bh,
    contrast_genes.p_value_note,
    contrast_genes.n_numerator,
    contrast_genes.n_denominator,
    contrast_genes.evidence_kind,
    listed_genes.direction AS in_list
FROM core.deg__contrast_genes AS contrast_genes
INNER JOIN leading_methods
    ON
        contrast_genes.contrast_id = leading_methods.contrast_id
        AND contrast_genes.method = leading_methods.method
LEFT JOIN listed_genes
    ON
        contrast_genes.contrast_id = listed_genes.contrast_id
        AND contrast_genes.hgnc_symbol = listed_genes.hgnc_symbol
ORDER BY contrast_genes.contrast_id, contrast_genes.hgnc_symbol
