-- Genes whose product drugs are known to act on, with those drugs: approved ones first, then those
-- most often reported.
WITH drug_interactions AS (
    SELECT
        interactions.drug_name,
        coalesce(interactions.is_approved, FALSE) AS is_approved,
        interactions.n_claims,
        coalesce(gene_symbols.hgnc_symbol, interactions.gene_symbol) AS hgnc_symbol
    FROM raw.knowledge__drug_interactions AS interactions
    LEFT JOIN staging.genes__symbols AS gene_symbols
        ON upper(interactions.gene_symbol) = gene_symbols.symbol
),

gene_drugs AS (
    SELECT
        hgnc_symbol,
        drug_name,
        bool_or(is_approved) AS is_approved,
        sum(n_claims) AS n_claims
    FROM drug_interactions
    GROUP BY hgnc_symbol, drug_name
),

ordered_drugs AS (
    SELECT
        hgnc_symbol,
        drug_name,
        is_approved,
        row_number() OVER (
            PARTITION BY hgnc_symbol ORDER BY is_approved DESC, n_claims DESC, drug_name ASC
        ) AS place
    FROM gene_drugs
)

SELECT
    hgnc_symbol,
    string_agg(drug_name, '|' ORDER BY place) FILTER (WHERE place <= 10) AS druggable_with,
    count(drug_name) AS n_drugs,
    count(drug_name) FILTER (WHERE is_approved) AS n_approved_drugs
FROM ordered_drugs
GROUP BY hgnc_symbol
ORDER BY hgnc_symbol
