-- What every dataset calls its genes, and what we call them. One symbol is given to one gene of a
-- dataset at most: where two names of a dataset lead to one approved symbol, the name that is that
-- symbol keeps it and the other stays as it is.
WITH proposals AS (
    SELECT
        dataset_id,
        measurement,
        source_symbol,
        proposed_symbol,
        resolution,
        names_with_proposal
    FROM staging.genes__proposed_symbols
),

-- A name may be taken over from another row only where that row surely gives it up: it moves to a
-- name nobody has.
renamed_rows AS (
    SELECT
        proposals.dataset_id,
        proposals.measurement,
        proposals.source_symbol
    FROM proposals
    LEFT JOIN proposals AS current_holders
        ON
            proposals.dataset_id = current_holders.dataset_id
            AND proposals.measurement = current_holders.measurement
            AND proposals.proposed_symbol = current_holders.source_symbol
    LEFT JOIN proposals AS next_holders
        ON
            current_holders.dataset_id = next_holders.dataset_id
            AND current_holders.measurement = next_holders.measurement
            AND current_holders.proposed_symbol = next_holders.source_symbol
    WHERE
        proposals.proposed_symbol <> proposals.source_symbol
        AND proposals.names_with_proposal = 1
        AND (
            current_holders.source_symbol IS NULL
            OR (
                current_holders.names_with_proposal = 1
                AND next_holders.source_symbol IS NULL
            )
        )
),

resolved_names AS (
    SELECT
        proposals.dataset_id,
        proposals.measurement,
        CASE
            WHEN renamed_rows.source_symbol IS NULL THEN proposals.source_symbol
            ELSE proposals.proposed_symbol
        END AS hgnc_symbol,
        proposals.source_symbol,
        CASE
            WHEN
                renamed_rows.source_symbol IS NULL
                AND proposals.proposed_symbol <> proposals.source_symbol
                THEN 'collision'
            ELSE proposals.resolution
        END AS resolution
    FROM proposals
    LEFT JOIN renamed_rows
        ON
            proposals.dataset_id = renamed_rows.dataset_id
            AND proposals.measurement = renamed_rows.measurement
            AND proposals.source_symbol = renamed_rows.source_symbol
)

SELECT
    resolved_names.dataset_id,
    resolved_names.measurement,
    resolved_names.hgnc_symbol,
    resolved_names.source_symbol,
    CASE
        WHEN resolved_names.resolution IN ('collision', 'ambiguous', 'unknown')
            THEN dataset_names.source_entrez_gene_id
        ELSE coalesce(approved_genes.entrez_gene_id, dataset_names.source_entrez_gene_id)
    END AS entrez_gene_id,
    resolved_names.resolution,
    dataset_names.profile_id,
    dataset_names.source_row,
    dataset_names.rows_of_symbol
FROM resolved_names
INNER JOIN staging.genes__dataset_names AS dataset_names
    ON
        resolved_names.dataset_id = dataset_names.dataset_id
        AND resolved_names.measurement = dataset_names.measurement
        AND resolved_names.source_symbol = dataset_names.source_symbol
LEFT JOIN staging.genes__approved AS approved_genes
    ON resolved_names.hgnc_symbol = approved_genes.hgnc_symbol
ORDER BY resolved_names.dataset_id, resolved_names.measurement, resolved_names.hgnc_symbol
