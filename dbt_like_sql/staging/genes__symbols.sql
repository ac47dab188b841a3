-- Every name that HGNC knows, and the one gene it stands for. An approved symbol is believed before
-- a previous one and that before an alias; a name that several genes share at its best rank stands
-- for none of them.
WITH entries AS (
    SELECT
        symbol,
        prev_symbol,
        alias_symbol,
        entrez_id,
        ensembl_gene_id
    FROM raw.hgnc__genes
    WHERE NOT contains(lower(status), 'withdrawn')
),

gene_names AS (
    SELECT
        symbol AS gene_name,
        1 AS role_rank,
        symbol AS hgnc_symbol,
        entrez_id,
        ensembl_gene_id
    FROM entries
    UNION ALL
    SELECT
        unnest(string_split(prev_symbol, '|')) AS gene_name,
        2 AS role_rank,
        symbol AS hgnc_symbol,
        entrez_id,
        ensembl_gene_id
    FROM entries
    UNION ALL
    SELECT
        unnest(string_split(alias_symbol, '|')) AS gene_name,
        3 AS role_rank,
        symbol AS hgnc_symbol,
        entrez_id,
        ensembl_gene_id
    FROM entries
),

best_ranked_names AS (
    SELECT
        upper(trim(gene_name)) AS symbol,
        role_rank,
        hgnc_symbol,
        entrez_id,
        ensembl_gene_id
    FROM gene_names
    WHERE trim(gene_name) <> ''
    QUALIFY role_rank = min(role_rank) OVER (PARTITION BY upper(trim(gene_name)))
),

candidate_genes AS (
    SELECT
        symbol,
        min(role_rank) AS role_rank,
        count(DISTINCT hgnc_symbol) AS n_genes,
        min(hgnc_symbol) AS hgnc_symbol,
        min(entrez_id) AS entrez_id,
        min(ensembl_gene_id) AS ensembl_gene_id,
        string_agg(DISTINCT hgnc_symbol, '|' ORDER BY hgnc_symbol) AS candidates
    FROM best_ranked_names
    GROUP BY symbol
)

SELECT
    symbol,
    CASE WHEN n_genes = 1 THEN hgnc_symbol END AS hgnc_symbol,
    CASE WHEN n_genes = 1 THEN entrez_id END AS entrez_gene_id,
    CASE WHEN n_genes = 1 THEN ensembl_gene_id END AS ensembl_gene_id,
    CASE
        WHEN n_genes > 1 THEN 'ambiguous'
        WHEN role_rank = 1 THEN 'approved'
        WHEN role_rank = 2 THEN 'previous'
        ELSE 'alias'
    END AS resolution,
    candidates
FROM candidate_genes
ORDER BY symbol
