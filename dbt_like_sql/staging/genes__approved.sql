-- Approved genes with their ids; withdrawn entries of HGNC are left out.
SELECT
    symbol AS hgnc_symbol,
    hgnc_id,
    name AS gene_name,
    locus_group,
    location AS cytoband,
    entrez_id AS entrez_gene_id,
    ensembl_gene_id,
    nullif(concat_ws('|', alias_symbol, prev_symbol), '') AS alias_symbols
FROM raw.hgnc__genes
WHERE NOT contains(lower(status), 'withdrawn')
ORDER BY hgnc_symbol
