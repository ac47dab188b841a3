-- Evidence of resistance by gene, variant and drug. A molecular profile is taken apart at AND and
-- OR; what it excludes (NOT) is left out, and a fusion is both of its genes.
WITH items AS (
    SELECT
        source_id,
        evidence_id,
        molecular_profile,
        disease,
        evidence_level,
        evidence_direction,
        significance,
        evidence_status,
        CASE WHEN source_type = 'PubMed' THEN citation_id END AS pubmed_id,
        lower(trim(unnest(string_split(therapies, ',')))) AS drug
    FROM raw.knowledge__evidence_items
    WHERE
        evidence_type = 'Predictive'
        AND significance IN ('Resistance', 'Reduced Sensitivity')
        AND evidence_direction IN ('Supports', 'Does Not Support')
),

components AS (
    SELECT
        source_id,
        evidence_id,
        molecular_profile,
        disease,
        evidence_level,
        evidence_direction,
        significance,
        evidence_status,
        pubmed_id,
        drug,
        trim(
            unnest(
                regexp_split_to_array(
                    regexp_replace(molecular_profile, '(^|\s)\(+|\)+(\s|$)', ' ', 'g'),
                    '\s+(AND|OR)\s+'
                )
            )
        ) AS component
    FROM items
    WHERE drug <> ''
),

genes AS (
    SELECT
        source_id,
        evidence_id,
        molecular_profile,
        disease,
        evidence_level,
        evidence_direction,
        significance,
        evidence_status,
        pubmed_id,
        drug,
        trim(regexp_replace(component, '^\S+', '')) AS variant,
        trim(unnest(string_split(regexp_extract(component, '^(\S+)', 1), '::'))) AS symbol
    FROM components
    WHERE NOT regexp_matches(component, '^NOT\s')
)

SELECT DISTINCT
    genes.source_id,
    genes.evidence_id,
    coalesce(gene_symbols.hgnc_symbol, genes.symbol) AS hgnc_symbol,
    genes.variant,
    genes.molecular_profile,
    genes.drug,
    genes.disease,
    genes.evidence_level,
    CASE genes.evidence_direction WHEN 'Supports' THEN 'supports' ELSE 'does_not_support' END
        AS direction,
    genes.significance,
    genes.pubmed_id,
    genes.evidence_status
FROM genes
LEFT JOIN staging.genes__symbols AS gene_symbols
    ON upper(genes.symbol) = gene_symbols.symbol
-- In a fusion v and ? stand for any partner.
WHERE genes.symbol NOT IN ('', 'v', '?')
ORDER BY
    genes.source_id, genes.evidence_id, hgnc_symbol, genes.variant, genes.drug
