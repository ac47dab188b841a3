-- Lengths of genes by approved symbol: by Ensembl id where HGNC knows it, else by GENCODE's name. Of several loci of a
-- gene (the two of a pseudoautosomal one among them) the longest counts.
WITH loci AS (
    SELECT
        regexp_extract(gene_id, '^(ENS[A-Z]*G[0-9]+)', 1) AS ensembl_gene_id,
        gene_symbol,
        gene_type,
        length_bp
    FROM raw.gencode__genes
),
by_ensembl AS (
    SELECT ensembl_gene_id, min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE ensembl_gene_id IS NOT NULL
    GROUP BY ensembl_gene_id
),
named AS (
    SELECT
        coalesce(e.hgnc_symbol, s.hgnc_symbol) AS hgnc_symbol,
        l.ensembl_gene_id,
        l.gene_type,
        l.length_bp,
        e.hgnc_symbol IS NOT NULL AS is_by_id
    FROM loci AS l
    LEFT JOIN by_ensembl AS e ON e.ensembl_gene_id = l.ensembl_gene_id
    LEFT JOIN staging.genes__symbols AS s ON s.symbol = upper(l.gene_symbol)
)
SELECT hgnc_symbol, ensembl_gene_id, gene_type, length_bp
FROM named
WHERE hgnc_symbol IS NOT NULL AND ensembl_gene_id <> ''
QUALIFY row_number() OVER (
    PARTITION BY hgnc_symbol ORDER BY is_by_id DESC, length_bp DESC, ensembl_gene_id
) = 1
ORDER BY hgnc_symbol
