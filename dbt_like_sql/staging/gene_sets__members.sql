-- Gene sets in approved symbols where they can be resolved: by symbol, or by the id that a vendor
-- names genes by (HGNC:123, hsa:123 for NCBI Gene). Two names of one gene in a set become one row.
WITH genes_by_entrez_id AS (
    SELECT
        entrez_gene_id,
        min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE entrez_gene_id IS NOT NULL
    GROUP BY entrez_gene_id
),

genes_by_hgnc_id AS (
    SELECT
        hgnc_id,
        min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    GROUP BY hgnc_id
),

genes_by_ensembl_id AS (
    SELECT
        ensembl_gene_id,
        min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE ensembl_gene_id IS NOT NULL
    GROUP BY ensembl_gene_id
),

set_members AS (
    SELECT
        collection,
        term_id,
        term,
        trim(gene_symbol) AS source_symbol,
        try_cast(
            nullif(regexp_extract(trim(gene_symbol), '^hsa:([0-9]+)$', 1), '') AS BIGINT
        ) AS entrez_gene_id
    FROM raw.gene_sets__members
    WHERE trim(gene_symbol) <> ''
),

resolved_members AS (
    SELECT
        set_members.collection,
        set_members.term_id,
        set_members.term,
        coalesce(
            symbols.hgnc_symbol,
            genes_by_hgnc_id.hgnc_symbol,
            genes_by_entrez_id.hgnc_symbol,
            genes_by_ensembl_id.hgnc_symbol,
            set_members.source_symbol
        ) AS hgnc_symbol
    FROM set_members
    LEFT JOIN staging.genes__symbols AS symbols
        ON upper(set_members.source_symbol) = symbols.symbol
    LEFT JOIN genes_by_hgnc_id
        ON set_members.source_symbol = genes_by_hgnc_id.hgnc_id
    LEFT JOIN genes_by_entrez_id
        ON set_members.entrez_gene_id = genes_by_entrez_id.entrez_gene_id
    LEFT JOIN genes_by_ensembl_id
        ON set_members.source_symbol = genes_by_ensembl_id.ensembl_gene_id
)

SELECT
    collection,
    term_id,
    min(term) AS term,
    hgnc_symbol
FROM resolved_members
GROUP BY collection, term_id, hgnc_symbol
ORDER BY collection, term_id, hgnc_symbol
