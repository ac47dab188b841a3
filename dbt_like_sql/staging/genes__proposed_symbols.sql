-- The approved symbol that HGNC would give to each name of a dataset, and how many names of that
-- dataset would get it. A cohort's row is resolved by its NCBI Gene id first; a study's feature by
-- its symbol first, as it is written before other capitals. Ids inside of a name count too:
-- `EGFR|1956`, `ENSG00000146648.5_EGFR`, `HGNC:3236`, `GeneID:1956`, `NM_005228.5`.
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

genes_by_hgnc_id AS (
    SELECT
        hgnc_id,
        min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    GROUP BY hgnc_id
),

refseq_accessions AS (
    SELECT
        unnest(string_split(refseq_accession, '|')) AS accession,
        symbol AS hgnc_symbol
    FROM raw.hgnc__genes
    WHERE NOT contains(lower(status), 'withdrawn')
),

genes_by_refseq_accession AS (
    SELECT
        regexp_replace(accession, '\.[0-9]+$', '') AS accession,
        min(hgnc_symbol) AS hgnc_symbol
    FROM refseq_accessions
    GROUP BY regexp_replace(accession, '\.[0-9]+$', '')
),

dataset_names AS (
    SELECT
        dataset_id,
        measurement,
        source_symbol,
        source_entrez_gene_id,
        prefers_entrez_id,
        replace(regexp_extract(source_symbol, 'ENSG[R0-9][0-9]{10}'), 'ENSGR', 'ENSG0')
            AS ensembl_id_inside,
        try_cast(
            coalesce(
                nullif(regexp_extract(source_symbol, '^[^|]+\|([0-9]+)$', 1), ''),
                nullif(
                    regexp_extract(source_symbol, '^(GeneID|ENTREZ|entrez|hsa):([0-9]+)$', 2), ''
                )
            ) AS BIGINT
        ) AS entrez_id_inside,
        regexp_extract(source_symbol, '^HGNC:[0-9]+$') AS hgnc_id_inside,
        regexp_extract(source_symbol, '^([NX][MR]_[0-9]+)(\.[0-9]+)?$', 1) AS refseq_inside,
        coalesce(
            nullif(regexp_extract(source_symbol, '^([^|]+)\|[0-9]+$', 1), ''),
            nullif(regexp_extract(source_symbol, '^gene[-:](.+)$', 1), ''),
            nullif(
                regexp_extract(source_symbol, '^ENSG[R0-9][0-9]{10}(\.[0-9]+)?[_|](.+)$', 2), ''
            ),
            nullif(
                regexp_extract(source_symbol, '^(.+)[_|]ENSG[R0-9][0-9]{10}(\.[0-9]+)?$', 1), ''
            )
        ) AS name_inside,
        contains(source_symbol, '_PAR_Y') OR starts_with(source_symbol, 'ENSGR') AS is_copy_on_y,
        contains(source_symbol, '///') AS is_of_several_genes,
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
        -- The copy on Y of a gene gives the name up where the gene itself is there.
        dataset_names.is_copy_on_y
        AND count(*) FILTER (WHERE NOT dataset_names.is_copy_on_y) OVER (
            PARTITION BY
                dataset_names.dataset_id,
                dataset_names.measurement,
                nullif(dataset_names.ensembl_id_inside, '')
        ) > 0 AS is_second_copy,
        dataset_names.is_of_several_genes,
        coalesce(as_written.hgnc_symbol, symbols.hgnc_symbol) AS symbol_by_name,
        CASE
            WHEN as_written.hgnc_symbol IS NOT NULL THEN as_written.resolution
            ELSE symbols.resolution
        END AS name_resolution,
        coalesce(
            by_ensembl_id_inside.hgnc_symbol,
            by_entrez_id_inside.hgnc_symbol,
            genes_by_hgnc_id.hgnc_symbol,
            genes_by_refseq_accession.hgnc_symbol,
            symbols_inside.hgnc_symbol
        ) AS symbol_inside,
        genes_by_ensembl_id.hgnc_symbol AS symbol_by_ensembl_id,
        by_name_id.hgnc_symbol AS symbol_by_name_id
    FROM dataset_names
    LEFT JOIN genes_by_entrez_id AS by_row_id
        ON dataset_names.source_entrez_gene_id = by_row_id.entrez_gene_id
    LEFT JOIN genes_by_entrez_id AS by_name_id
        ON dataset_names.symbol_as_entrez_id = by_name_id.entrez_gene_id
    LEFT JOIN genes_by_ensembl_id
        ON dataset_names.symbol_as_ensembl_id = genes_by_ensembl_id.ensembl_gene_id
    LEFT JOIN genes_by_ensembl_id AS by_ensembl_id_inside
        ON dataset_names.ensembl_id_inside = by_ensembl_id_inside.ensembl_gene_id
    LEFT JOIN genes_by_entrez_id AS by_entrez_id_inside
        ON dataset_names.entrez_id_inside = by_entrez_id_inside.entrez_gene_id
    LEFT JOIN genes_by_hgnc_id
        ON dataset_names.hgnc_id_inside = genes_by_hgnc_id.hgnc_id
    LEFT JOIN genes_by_refseq_accession
        ON dataset_names.refseq_inside = genes_by_refseq_accession.accession
    LEFT JOIN staging.genes__symbols AS symbols
        ON dataset_names.symbol = symbols.symbol
    LEFT JOIN staging.genes__symbols AS as_written
        ON
            dataset_names.source_symbol = as_written.symbol
            AND dataset_names.source_symbol <> dataset_names.symbol
    LEFT JOIN staging.genes__symbols AS symbols_inside
        ON upper(dataset_names.name_inside) = symbols_inside.symbol
),

proposed_symbols AS (
    SELECT
        dataset_id,
        measurement,
        source_symbol,
        CASE
            WHEN is_of_several_genes OR is_second_copy THEN source_symbol
            WHEN prefers_entrez_id
                THEN coalesce(
                    symbol_by_row_id,
                    symbol_by_name,
                    symbol_by_ensembl_id,
                    symbol_by_name_id,
                    symbol_inside,
                    source_symbol
                )
            ELSE coalesce(
                symbol_by_name,
                symbol_by_ensembl_id,
                symbol_by_name_id,
                symbol_by_row_id,
                symbol_inside,
                source_symbol
            )
        END AS proposed_symbol,
        CASE
            WHEN is_of_several_genes THEN 'ambiguous'
            WHEN is_second_copy THEN 'collision'
            WHEN prefers_entrez_id AND upper(symbol_by_row_id) = upper(source_symbol)
                THEN 'approved'
            WHEN prefers_entrez_id AND symbol_by_row_id IS NOT NULL THEN 'entrez'
            WHEN symbol_by_name IS NOT NULL THEN name_resolution
            WHEN symbol_by_ensembl_id IS NOT NULL THEN 'ensembl'
            WHEN coalesce(symbol_by_name_id, symbol_by_row_id) IS NOT NULL THEN 'entrez'
            WHEN symbol_inside IS NOT NULL THEN 'composite'
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
