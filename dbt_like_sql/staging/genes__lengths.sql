-- Lengths of genes by approved symbol: by Ensembl id where HGNC knows it, else by GENCODE's name.
-- Of several loci of a gene (the two of a pseudoautosomal one among them) the longest counts.
WITH loci AS (
    SELECT
        regexp_extract(gene_id, '^(ENS[A-Z]*G[0-9]+)', 1) AS ensembl_gene_id,
        gene_symbol,
        gene_type,
        length_bp
    FROM raw.gencode__genes
),

genes_by_ensembl_id AS (
    SELECT
        ensembl_gene_id,
        min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE ensembl_gene_id IS NOT NULL
    GROUP BY ensembl_gene_id
),

named_loci AS (
    SELECT
        coalesce(genes_by_ensembl_id.hgnc_symbol, symbols.hgnc_symbol) AS hgnc_symbol,
        loci.ensembl_gene_id,
        loci.gene_type,
        loci.length_bp,
        genes_by_ensembl_id.hgnc_symbol IS NOT NULL AS is_by_id
    FROM loci
    LEFT JOIN genes_by_ensembl_id
        ON loci.ensembl_gene_id = genes_by_ensembl_id.ensembl_gene_id
    LEFT JOIN staging.genes__symbols AS symbols
        ON upper(loci.gene_symbol) = symbols.symbol
)

SELECT
    hgnc_symbol,
    ensembl_gene_id,
    gene_type,
    length_bp
FROM named_loci
WHERE
    hgnc_symbol IS NOT NULL
    AND ensembl_gene_id <> ''
QUALIFY
    row_number() OVER (
        PARTITION BY hgnc_symbol
        ORDER BY is_by_id DESC, length_bp DESC, ensembl_gene_id ASC
    ) = 1
ORDER BY hgnc_symbol
