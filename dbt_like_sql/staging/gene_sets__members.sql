-- Gene sets in approved symbols where they can be resolved: by symbol, or by the id that a vendor names genes by
-- (HGNC:123, hsa:123 for NCBI Gene). Two names of one gene in a set become one row.
WITH by_entrez AS (
    SELECT entrez_gene_id, min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE entrez_gene_id IS NOT NULL
    GROUP BY entrez_gene_id
),
by_hgnc AS (
    SELECT hgnc_id, min(hgnc_symbol) AS hgnc_symbol FROM staging.genes__approved GROUP BY hgnc_id
),
by_ensembl AS (
    SELECT ensembl_gene_id, min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE ensembl_gene_id IS NOT NULL
    GROUP BY ensembl_gene_id
)
SELECT
    m.collection,
    m.term_id,
    min(m.term) AS term,
    coalesce(s.hgnc_symbol, h.hgnc_symbol, e.hgnc_symbol, x.hgnc_symbol, trim(m.gene_symbol)) AS hgnc_symbol
FROM raw.gene_sets__members AS m
LEFT JOIN staging.genes__symbols AS s ON s.symbol = upper(trim(m.gene_symbol))
LEFT JOIN by_hgnc AS h ON h.hgnc_id = trim(m.gene_symbol)
LEFT JOIN by_entrez AS e
    ON e.entrez_gene_id = try_cast(nullif(regexp_extract(trim(m.gene_symbol), '^hsa:([0-9]+)$', 1), '') AS BIGINT)
LEFT JOIN by_ensembl AS x ON x.ensembl_gene_id = trim(m.gene_symbol)
WHERE trim(m.gene_symbol) <> ''
GROUP BY m.collection, m.term_id, 4
ORDER BY m.collection, m.term_id, 4
