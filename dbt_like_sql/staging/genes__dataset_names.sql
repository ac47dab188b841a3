-- Every name that a dataset has for a gene, and the row of the vendor's matrix that it names. A
-- cohort has the genes of the first profile of the catalog's preferences that the archive holds; a
-- study has its features.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id,
        origin,
        expression_profiles,
        copy_number_profile,
        z_score_profiles,
        log2_copy_number_profiles
    FROM raw.catalog__cohorts
),

genes_by_entrez_id AS (
    SELECT
        entrez_gene_id,
        min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE entrez_gene_id IS NOT NULL
    GROUP BY entrez_gene_id
),

matrix_rows AS (
    SELECT DISTINCT
        'expression' AS measurement,
        study_id,
        stable_id,
        gene_row,
        hugo_symbol,
        entrez_gene_id
    FROM raw.cbioportal__mrna_values
    UNION ALL
    SELECT DISTINCT
        'copy_number' AS measurement,
        study_id,
        stable_id,
        gene_row,
        hugo_symbol,
        entrez_gene_id
    FROM raw.cbioportal__copy_number_values
    UNION ALL
    SELECT DISTINCT
        'z_score' AS measurement,
        study_id,
        stable_id,
        gene_row,
        hugo_symbol,
        entrez_gene_id
    FROM raw.cbioportal__mrna_z_scores
    UNION ALL
    SELECT DISTINCT
        'log2_copy_number' AS measurement,
        study_id,
        stable_id,
        gene_row,
        hugo_symbol,
        entrez_gene_id
    FROM raw.cbioportal__log2_copy_number_values
    UNION ALL
    SELECT DISTINCT
        'expression' AS measurement,
        study_id,
        stable_id,
        gene_row,
        gene_symbol AS hugo_symbol,
        NULL::BIGINT AS entrez_gene_id
    FROM raw.xena__expression_values
    UNION ALL
    SELECT DISTINCT
        layer AS measurement,
        study_id,
        layer AS stable_id,
        feature_row AS gene_row,
        hugo_symbol,
        NULL::BIGINT AS entrez_gene_id
    FROM raw.studies__layer_values
    WHERE layer IN ('copy_number', 'log2_copy_number')
),

study_features AS (
    SELECT DISTINCT
        study_id,
        feature_id AS source_symbol,
        NULL::BIGINT AS entrez_gene_id
    FROM raw.studies__gene_sample_counts
    UNION ALL
    SELECT DISTINCT
        study_id,
        hgnc_symbol AS source_symbol,
        NULL::BIGINT AS entrez_gene_id
    FROM raw.studies__probe_genes
    UNION ALL
    SELECT DISTINCT
        project_id AS study_id,
        gene_id AS source_symbol,
        NULL::BIGINT AS entrez_gene_id
    FROM raw.gdc__genes
    UNION ALL
    SELECT DISTINCT
        study_id,
        hgnc_symbol AS source_symbol,
        try_cast(entrez_gene_id AS BIGINT) AS entrez_gene_id
    FROM raw.studies__published_results
),

profile_preferences AS (
    SELECT
        cohort_id,
        study_id,
        'expression' AS measurement,
        string_split(expression_profiles, '|') AS stable_ids
    FROM cohorts
    UNION ALL
    SELECT
        cohort_id,
        study_id,
        'copy_number' AS measurement,
        string_split(copy_number_profile, '|') AS stable_ids
    FROM cohorts
    UNION ALL
    SELECT
        cohort_id,
        study_id,
        'z_score' AS measurement,
        string_split(z_score_profiles, '|') AS stable_ids
    FROM cohorts
    UNION ALL
    SELECT
        cohort_id,
        study_id,
        'log2_copy_number' AS measurement,
        string_split(log2_copy_number_profiles, '|') AS stable_ids
    FROM cohorts
),

preferred_profiles AS (
    SELECT
        cohort_id,
        study_id,
        measurement,
        unnest(stable_ids) AS stable_id,
        unnest(range(len(stable_ids))) AS preference
    FROM profile_preferences
),

profiles_in_use AS (
    SELECT
        preferred_profiles.cohort_id,
        preferred_profiles.study_id,
        preferred_profiles.measurement,
        preferred_profiles.stable_id
    FROM preferred_profiles
    INNER JOIN raw.cbioportal__profiles AS profiles
        ON
            preferred_profiles.study_id = profiles.study_id
            AND preferred_profiles.stable_id = profiles.stable_id
    WHERE coalesce(profiles.n_genes, 1) > 0
    QUALIFY
        row_number() OVER (
            PARTITION BY preferred_profiles.cohort_id, preferred_profiles.measurement
            ORDER BY preferred_profiles.preference
        ) = 1
    UNION ALL
    SELECT
        cohort_id,
        study_id,
        'expression' AS measurement,
        expression_profiles AS stable_id
    FROM cohorts
    WHERE origin = 'xena'
    UNION ALL
    SELECT DISTINCT
        cohorts.cohort_id,
        cohorts.study_id,
        layer_values.layer AS measurement,
        layer_values.layer AS stable_id
    FROM cohorts
    INNER JOIN raw.studies__layer_values AS layer_values
        ON cohorts.study_id = layer_values.study_id
    WHERE
        cohorts.origin = 'study'
        AND layer_values.layer IN ('copy_number', 'log2_copy_number')
),

vendor_names AS (
    SELECT
        profiles_in_use.cohort_id AS dataset_id,
        profiles_in_use.measurement,
        profiles_in_use.stable_id AS profile_id,
        matrix_rows.gene_row AS source_row,
        nullif(trim(matrix_rows.hugo_symbol), '') AS source_symbol,
        matrix_rows.entrez_gene_id,
        TRUE AS prefers_entrez_id
    FROM profiles_in_use
    INNER JOIN matrix_rows
        ON
            profiles_in_use.measurement = matrix_rows.measurement
            AND profiles_in_use.study_id = matrix_rows.study_id
            AND profiles_in_use.stable_id = matrix_rows.stable_id
    UNION ALL
    SELECT
        study_id AS dataset_id,
        'features' AS measurement,
        NULL AS profile_id,
        NULL AS source_row,
        nullif(trim(source_symbol), '') AS source_symbol,
        entrez_gene_id,
        FALSE AS prefers_entrez_id
    FROM study_features
),

-- A row without a symbol goes by its NCBI Gene id; without either it has no name and is left out.
named_rows AS (
    SELECT
        vendor_names.dataset_id,
        vendor_names.measurement,
        vendor_names.profile_id,
        vendor_names.source_row,
        coalesce(vendor_names.source_symbol, genes_by_entrez_id.hgnc_symbol) AS source_symbol,
        vendor_names.entrez_gene_id,
        vendor_names.prefers_entrez_id
    FROM vendor_names
    LEFT JOIN genes_by_entrez_id
        ON vendor_names.entrez_gene_id = genes_by_entrez_id.entrez_gene_id
    WHERE coalesce(vendor_names.source_symbol, genes_by_entrez_id.hgnc_symbol) IS NOT NULL
)

-- Of several rows with one symbol the first is used.
SELECT
    dataset_id,
    measurement,
    source_symbol,
    entrez_gene_id AS source_entrez_gene_id,
    prefers_entrez_id,
    profile_id,
    source_row,
    count(*) OVER (PARTITION BY dataset_id, measurement, source_symbol) AS rows_of_symbol
FROM named_rows
QUALIFY
    row_number() OVER (
        PARTITION BY dataset_id, measurement, source_symbol
        ORDER BY source_row NULLS LAST, entrez_gene_id NULLS LAST
    ) = 1
ORDER BY dataset_id, measurement, source_symbol
