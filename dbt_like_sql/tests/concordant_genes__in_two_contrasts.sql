-- Agreement takes two contrasts; a name that stands in one only does not belong here.
-- table: marts.concordant_genes
SELECT
    hgnc_symbol,
    direction,
    n_contrasts,
    contrasts
FROM marts.concordant_genes
WHERE n_contrasts < 2 OR n_contrasts <> len(string_split(contrasts, '|'))
