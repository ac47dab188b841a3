-- Mutations, with resolved symbols: the NCBI Gene id is believed before the symbol.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id,
        origin = 'study' AS is_laboratory
    FROM raw.catalog__cohorts
),

mutations AS (
    SELECT
        study_id,
        FALSE AS is_laboratory,
        mutation_number,
        sample_id,
        hugo_symbol,
        entrez_gene_id,
        chromosome,
        start_position,
        variant_classification,
        variant_type,
        reference_allele,
        tumor_allele,
        protein_change,
        reference_reads,
        alternative_reads
    FROM raw.cbioportal__mutations
    UNION ALL
    SELECT
        study_id,
        TRUE AS is_laboratory,
        mutation_number,
        sample_id,
        hugo_symbol,
        entrez_gene_id,
        chromosome,
        start_position,
        variant_classification,
        variant_type,
        reference_allele,
        tumor_allele,
        protein_change,
        reference_reads,
        alternative_reads
    FROM raw.studies__mutations
),

genes_by_entrez_id AS (
    SELECT
        entrez_gene_id,
        min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE entrez_gene_id IS NOT NULL
    GROUP BY entrez_gene_id
)

SELECT
    cohorts.cohort_id,
    mutations.mutation_number,
    samples.patient_id,
    mutations.sample_id,
    coalesce(samples.is_analysed, FALSE) AS is_analysed_sample,
    coalesce(
        genes_by_entrez_id.hgnc_symbol,
        symbols.hgnc_symbol,
        nullif(trim(mutations.hugo_symbol), ''),
        cast(mutations.entrez_gene_id AS VARCHAR)
    ) AS hgnc_symbol,
    mutations.hugo_symbol AS source_symbol,
    mutations.variant_classification,
    mutations.variant_type,
    mutations.protein_change,
    mutations.chromosome,
    mutations.start_position,
    mutations.reference_allele,
    mutations.tumor_allele,
    coalesce(
        mutations.variant_classification IN (
            'Missense_Mutation', 'Nonsense_Mutation', 'Nonstop_Mutation', 'Frame_Shift_Del',
            'Frame_Shift_Ins', 'In_Frame_Del', 'In_Frame_Ins', 'Splice_Site',
            'Translation_Start_Site'
        ),
        FALSE
    ) AS is_protein_changing,
    CASE
        WHEN mutations.alternative_reads >= 0 AND mutations.reference_reads >= 0
            THEN mutations.alternative_reads / nullif(
                cast(mutations.alternative_reads AS DOUBLE) + mutations.reference_reads, 0
            )
    END AS allele_fraction
FROM mutations
INNER JOIN cohorts
    ON
        mutations.study_id = cohorts.study_id
        AND mutations.is_laboratory = cohorts.is_laboratory
LEFT JOIN staging.cohorts__samples AS samples
    ON
        cohorts.cohort_id = samples.cohort_id
        AND mutations.sample_id = samples.sample_id
LEFT JOIN genes_by_entrez_id
    ON mutations.entrez_gene_id = genes_by_entrez_id.entrez_gene_id
LEFT JOIN staging.genes__symbols AS symbols
    ON upper(trim(mutations.hugo_symbol)) = symbols.symbol
ORDER BY cohorts.cohort_id, mutations.mutation_number
