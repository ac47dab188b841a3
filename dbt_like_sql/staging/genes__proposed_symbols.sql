-- The approved symbol that HGNC would give to each name of a dataset, and how many names of that
-- dataset would get it. A cohort's row is resolved by its NCBI Gene id first; a study's feature by
-- its symbol first.
WITH genes_by_entrez_id AS (
    SELECT
        entrez_gene_id,
        min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE entrez_gene_id IS NOT NULL
    GROUP BY entrez_gene_id
),

genes_by_ensembl_id AS (
    SELECT
        ensembl_gene_id,
        min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE ensembl_gene_id IS NOT NULL
    GROUP BY ensembl_gene_id
),

dataset_names AS (
    SELECT
        dataset_id,
        measurement,
        source_symbol,
        source_entrez_gene_id,
        prefers_entrez_id,
        upper(source_symbol) AS symbol,
        try_cast(source_symbol AS BIGINT) AS symbol_as_entrez_id,
        regexp_extract(source_symbol, '^(ENSG[0-9]+)(\.[0-9]+)?$', 1) AS symbol_as_ensembl_id
    FROM staging.genes__dataset_names
),

candidate_symbols AS (
    SELECT
        dataset_names.dataset_id,
        dataset_names.measurement,
        dataset_names.source_symbol,
        dataset_names.prefers_entrez_id,
        by_row_id.hgnc_symbol AS symbol_by_row_id,
        symbols.hgnc_symbol AS symbol_by_name,
        symbols.resolution AS name_resolution,
        genes_by_ensembl_id.hgnc_symbol AS symbol_by_ensembl_id,
        by_name_id.hgnc_symbol AS symbol_by_name_id
    FROM dataset_names
    LEFT JOIN genes_by_entrez_id AS by_row_id
        ON dataset_names.source_entrez_gene_id = by_row_id.entrez_gene_id
    LEFT JOIN genes_by_entrez_id AS by_name_id
        ON dataset_names.symbol_as_entrez_id = by_name_id.entrez_gene_id
    LEFT JOIN genes_by_ensembl_id
        ON dataset_names.symbol_as_ensembl_id = genes_by_ensembl_id.ensembl_gene_id
    LEFT JOIN staging.genes__symbols AS symbols
        ON dataset_names.symbol = symbols.symbol
),

proposed_symbols AS (
    SELECT
        dataset_id,
        measurement,
        source_symbol,
        CASE
            WHEN prefers_entrez_id
                THEN coalesce(
                    symbol_by_row_id,
                    symbol_by_name,
                    symbol_by_ensembl_id,
                    symbol_by_name_id,
                    source_symbol
                )
            ELSE coalesce(
                symbol_by_name,
                symbol_by_ensembl_id,
                symbol_by_name_id,
                symbol_by_row_id,
                source_symbol
            )
        END AS proposed_symbol,
        CASE
            WHEN prefers_entrez_id AND upper(symbol_by_row_id) = upper(source_symbol)
                THEN 'approved'
            WHEN prefers_entrez_id AND symbol_by_row_id IS NOT NULL THEN 'entrez'
            WHEN symbol_by_name IS NOT NULL THEN name_resolution
            WHEN symbol_by_ensembl_id IS NOT NULL THEN 'ensembl'
            WHEN coalesce(symbol_by_name_id, symbol_by_row_id) IS NOT NULL THEN 'entrez'
            ELSE coalesce(name_resolution, 'unknown')
        END AS resolution
    FROM candidate_symbols
)

SELECT
    dataset_id,
    measurement,
    source_symbol,
    proposed_symbol,
    resolution,
    count(*) OVER (PARTITION BY dataset_id, measurement, proposed_symbol) AS names_with_proposal
FROM proposed_symbols
ORDER BY dataset_id, measurement, source_symbol
