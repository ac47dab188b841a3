-- What every dataset calls its genes, and what we call them. One symbol is given to one gene of a dataset at most:
-- where two names of a dataset lead to one approved symbol, the name that is that symbol keeps it and the other stays
-- as it is.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id, study_id, origin, expression_profiles, copy_number_profile, z_score_profiles, log2_copy_number_profiles
    FROM raw.catalog__cohorts
),
asked AS (
    SELECT cohort_id, study_id, 'expression' AS measurement, expression_profiles AS stable_ids FROM cohorts
    UNION ALL
    SELECT cohort_id, study_id, 'copy_number', copy_number_profile FROM cohorts
    UNION ALL
    SELECT cohort_id, study_id, 'z_score', z_score_profiles FROM cohorts
    UNION ALL
    SELECT cohort_id, study_id, 'log2_copy_number', log2_copy_number_profiles FROM cohorts
),
wanted AS (
    SELECT
        cohort_id,
        study_id,
        measurement,
        unnest(string_split(stable_ids, '|')) AS stable_id,
        unnest(range(len(string_split(stable_ids, '|')))) AS preference
    FROM asked
),
profiles AS (
    SELECT w.cohort_id, w.study_id, w.measurement, w.stable_id
    FROM wanted AS w
    INNER JOIN raw.cbioportal__profiles AS p ON p.study_id = w.study_id AND p.stable_id = w.stable_id
    WHERE coalesce(p.n_genes, 1) > 0
    QUALIFY row_number() OVER (PARTITION BY w.cohort_id, w.measurement ORDER BY w.preference) = 1
    UNION ALL
    SELECT cohort_id, study_id, 'expression', expression_profiles FROM cohorts WHERE origin = 'xena'
),
matrix_rows AS (
    SELECT DISTINCT 'expression' AS measurement, study_id, stable_id, gene_row, hugo_symbol, entrez_gene_id
    FROM raw.cbioportal__mrna_values
    UNION ALL
    SELECT DISTINCT 'copy_number', study_id, stable_id, gene_row, hugo_symbol, entrez_gene_id
    FROM raw.cbioportal__copy_number_values
    UNION ALL
    SELECT DISTINCT 'z_score', study_id, stable_id, gene_row, hugo_symbol, entrez_gene_id
    FROM raw.cbioportal__mrna_z_scores
    UNION ALL
    SELECT DISTINCT 'log2_copy_number', study_id, stable_id, gene_row, hugo_symbol, entrez_gene_id
    FROM raw.cbioportal__log2_copy_number_values
    UNION ALL
    SELECT DISTINCT 'expression', study_id, stable_id, gene_row, gene_symbol, NULL::BIGINT
    FROM raw.xena__expression_values
),
features AS (
    SELECT DISTINCT study_id, feature_id AS source_symbol, NULL::BIGINT AS entrez_gene_id
    FROM raw.studies__gene_sample_counts
    UNION ALL
    SELECT DISTINCT study_id, hgnc_symbol, NULL::BIGINT FROM raw.studies__probe_genes
    UNION ALL
    SELECT DISTINCT project_id, gene_id, NULL::BIGINT FROM raw.gdc__genes
    UNION ALL
    SELECT DISTINCT study_id, hgnc_symbol, try_cast(entrez_gene_id AS BIGINT) FROM raw.studies__published_results
),
named AS (
    SELECT
        p.cohort_id AS dataset_id,
        p.measurement,
        p.stable_id AS profile_id,
        m.gene_row AS source_row,
        nullif(trim(m.hugo_symbol), '') AS source_symbol,
        m.entrez_gene_id,
        TRUE AS believes_entrez
    FROM profiles AS p
    INNER JOIN matrix_rows AS m
        ON m.measurement = p.measurement AND m.study_id = p.study_id AND m.stable_id = p.stable_id
    UNION ALL
    SELECT study_id, 'features', NULL, NULL, nullif(trim(source_symbol), ''), entrez_gene_id, FALSE FROM features
),
by_entrez AS (
    SELECT entrez_gene_id, min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE entrez_gene_id IS NOT NULL
    GROUP BY entrez_gene_id
),
by_ensembl AS (
    SELECT ensembl_gene_id, min(hgnc_symbol) AS hgnc_symbol
    FROM staging.genes__approved
    WHERE ensembl_gene_id IS NOT NULL
    GROUP BY ensembl_gene_id
),
-- A row without a symbol goes by its NCBI Gene id; without either it has no name and is left out.
symbolled AS (
    SELECT
        n.dataset_id,
        n.measurement,
        n.profile_id,
        n.source_row,
        coalesce(n.source_symbol, e.hgnc_symbol) AS source_symbol,
        n.entrez_gene_id,
        n.believes_entrez
    FROM named AS n
    LEFT JOIN by_entrez AS e ON e.entrez_gene_id = n.entrez_gene_id
    WHERE coalesce(n.source_symbol, e.hgnc_symbol) IS NOT NULL
),
-- Of several rows with one symbol the first is used.
chosen AS (
    SELECT
        dataset_id,
        measurement,
        profile_id,
        source_symbol,
        source_row,
        count(*) OVER (PARTITION BY dataset_id, measurement, source_symbol) AS rows_of_symbol,
        entrez_gene_id,
        believes_entrez
    FROM symbolled
    QUALIFY row_number() OVER (
        PARTITION BY dataset_id, measurement, source_symbol
        ORDER BY source_row NULLS LAST, entrez_gene_id NULLS LAST
    ) = 1
),
resolved AS (
    SELECT
        c.dataset_id,
        c.measurement,
        c.profile_id,
        c.source_symbol,
        c.source_row,
        c.rows_of_symbol,
        c.entrez_gene_id AS source_entrez_gene_id,
        CASE
            WHEN c.believes_entrez
                THEN coalesce(e.hgnc_symbol, s.hgnc_symbol, x.hgnc_symbol, i.hgnc_symbol, c.source_symbol)
            ELSE coalesce(s.hgnc_symbol, x.hgnc_symbol, i.hgnc_symbol, e.hgnc_symbol, c.source_symbol)
        END AS proposed_symbol,
        CASE
            WHEN c.believes_entrez AND upper(e.hgnc_symbol) = upper(c.source_symbol) THEN 'approved'
            WHEN c.believes_entrez AND e.hgnc_symbol IS NOT NULL THEN 'entrez'
            WHEN s.hgnc_symbol IS NOT NULL THEN s.resolution
            WHEN x.hgnc_symbol IS NOT NULL THEN 'ensembl'
            WHEN coalesce(i.hgnc_symbol, e.hgnc_symbol) IS NOT NULL THEN 'entrez'
            ELSE coalesce(s.resolution, 'unknown')
        END AS resolution
    FROM chosen AS c
    LEFT JOIN by_entrez AS e ON e.entrez_gene_id = c.entrez_gene_id
    LEFT JOIN by_entrez AS i ON i.entrez_gene_id = try_cast(c.source_symbol AS BIGINT)
    LEFT JOIN by_ensembl AS x ON x.ensembl_gene_id = regexp_extract(c.source_symbol, '^(ENSG[0-9]+)(\.[0-9]+)?$', 1)
    LEFT JOIN staging.genes__symbols AS s ON s.symbol = upper(c.source_symbol)
),
contested AS (
    SELECT
        dataset_id,
        measurement,
        profile_id,
        source_symbol,
        source_row,
        rows_of_symbol,
        source_entrez_gene_id,
        proposed_symbol,
        resolution,
        count(*) OVER (PARTITION BY dataset_id, measurement, proposed_symbol) AS rivals
    FROM resolved
),
-- A name may be taken over from another row only where that row surely gives it up: it moves to a name nobody has.
movers AS (
    SELECT m.dataset_id, m.measurement, m.source_symbol
    FROM contested AS m
    LEFT JOIN contested AS holder
        ON holder.dataset_id = m.dataset_id
        AND holder.measurement = m.measurement
        AND holder.source_symbol = m.proposed_symbol
    LEFT JOIN contested AS next_holder
        ON next_holder.dataset_id = holder.dataset_id
        AND next_holder.measurement = holder.measurement
        AND next_holder.source_symbol = holder.proposed_symbol
    WHERE m.proposed_symbol <> m.source_symbol
        AND m.rivals = 1
        AND (holder.source_symbol IS NULL OR (holder.rivals = 1 AND next_holder.source_symbol IS NULL))
),
decided AS (
    SELECT
        c.dataset_id,
        c.measurement,
        CASE WHEN v.source_symbol IS NULL THEN c.source_symbol ELSE c.proposed_symbol END AS hgnc_symbol,
        c.source_symbol,
        c.source_entrez_gene_id,
        CASE
            WHEN v.source_symbol IS NULL AND c.proposed_symbol <> c.source_symbol THEN 'collision'
            ELSE c.resolution
        END AS resolution,
        c.profile_id,
        c.source_row,
        c.rows_of_symbol
    FROM contested AS c
    LEFT JOIN movers AS v
        ON v.dataset_id = c.dataset_id AND v.measurement = c.measurement AND v.source_symbol = c.source_symbol
)
SELECT
    d.dataset_id,
    d.measurement,
    d.hgnc_symbol,
    d.source_symbol,
    CASE
        WHEN d.resolution IN ('collision', 'ambiguous', 'unknown') THEN d.source_entrez_gene_id
        ELSE coalesce(a.entrez_gene_id, d.source_entrez_gene_id)
    END AS entrez_gene_id,
    d.resolution,
    d.profile_id,
    d.source_row,
    d.rows_of_symbol
FROM decided AS d
LEFT JOIN staging.genes__approved AS a ON a.hgnc_symbol = d.hgnc_symbol
ORDER BY d.dataset_id, d.measurement, d.hgnc_symbol
