-- Mutations, with resolved symbols: the NCBI Gene id is believed before the symbol.
WITH by_entrez AS (
    SELECT entrez_gene_id, min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE entrez_gene_id IS NOT NULL
    GROUP BY entrez_gene_id
)
SELECT
    c.cohort_id,
    m.mutation_number,
    s.patient_id,
    m.sample_id,
    coalesce(s.is_analysed, FALSE) AS is_analysed_sample,
    coalesce(e.hgnc_symbol, g.hgnc_symbol, nullif(trim(m.hugo_symbol), ''), CAST(m.entrez_gene_id AS VARCHAR))
        AS hgnc_symbol,
    m.hugo_symbol AS source_symbol,
    m.variant_classification,
    m.variant_type,
    m.protein_change,
    m.chromosome,
    m.start_position,
    m.reference_allele,
    m.tumor_allele,
    coalesce(
        m.variant_classification IN (
            'Missense_Mutation', 'Nonsense_Mutation', 'Nonstop_Mutation', 'Frame_Shift_Del', 'Frame_Shift_Ins',
            'In_Frame_Del', 'In_Frame_Ins', 'Splice_Site', 'Translation_Start_Site'
        ),
        FALSE
    ) AS is_protein_changing,
    m.alternative_reads / nullif(CAST(m.alternative_reads + m.reference_reads AS DOUBLE), 0) AS allele_fraction
FROM raw.cbioportal__mutations AS m
INNER JOIN (SELECT DISTINCT cohort_id, study_id FROM raw.catalog__cohorts) AS c ON c.study_id = m.study_id
LEFT JOIN staging.cohorts__samples AS s ON s.cohort_id = c.cohort_id AND s.sample_id = m.sample_id
LEFT JOIN by_entrez AS e ON e.entrez_gene_id = m.entrez_gene_id
LEFT JOIN staging.genes__symbols AS g ON g.symbol = upper(trim(m.hugo_symbol))
ORDER BY c.cohort_id, m.mutation_number
