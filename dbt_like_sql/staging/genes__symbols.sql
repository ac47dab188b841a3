-- Every name that HGNC knows, and the one gene it stands for. An approved symbol is believed before
-- a previous one and that before an alias; a name that several genes share at its best rank stands
-- for none of them. Names stand here in capitals, and as HGNC writes them where that is another
-- gene's: ATX in capitals is two genes, Atx is one.
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

trimmed_names AS (
    SELECT
        trim(gene_name) AS gene_name,
        role_rank,
        hgnc_symbol,
        entrez_id,
        ensembl_gene_id
    FROM gene_names
    WHERE trim(gene_name) <> ''
),

-- In capitals: approved symbols first, then names that are written so, then all others.
spelled_names AS (
    SELECT
        upper(gene_name) AS symbol,
        CASE
            WHEN role_rank = 1 OR gene_name = upper(gene_name) THEN role_rank
            ELSE role_rank + 10
        END AS match_rank,
        role_rank,
        hgnc_symbol,
        entrez_id,
        ensembl_gene_id
    FROM trimmed_names
    UNION ALL
    SELECT
        gene_name AS symbol,
        role_rank AS match_rank,
        role_rank,
        hgnc_symbol,
        entrez_id,
        ensembl_gene_id
    FROM trimmed_names
    WHERE gene_name <> upper(gene_name)
),

best_ranked_names AS (
    SELECT
        symbol,
        role_rank,
        hgnc_symbol,
        entrez_id,
        ensembl_gene_id
    FROM spelled_names
    QUALIFY match_rank = min(match_rank) OVER (PARTITION BY symbol)
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
    genes.symbol,
    CASE WHEN genes.n_genes = 1 THEN genes.hgnc_symbol END AS hgnc_symbol,
    CASE WHEN genes.n_genes = 1 THEN genes.entrez_id END AS entrez_gene_id,
    CASE WHEN genes.n_genes = 1 THEN genes.ensembl_gene_id END AS ensembl_gene_id,
    CASE
        WHEN genes.n_genes > 1 THEN 'ambiguous'
        WHEN genes.role_rank = 1 THEN 'approved'
        WHEN genes.role_rank = 2 THEN 'previous'
        ELSE 'alias'
    END AS resolution,
    genes.candidates
FROM candidate_genes AS genes
INNER JOIN candidate_genes AS in_capitals
    ON upper(genes.symbol) = in_capitals.symbol
WHERE
    genes.symbol = in_capitals.symbol
    OR genes.candidates <> in_capitals.candidates
ORDER BY genes.symbol
