-- Everything that the warehouse knows of a gene in one row; an empty cell is "not measured".
WITH contrast_genes AS (
    -- Genes of other organisms are known through orthologs, and are no evidence on human cells.
    SELECT
        genes.hgnc_symbol,
        genes.contrast_id,
        genes.drug,
        genes.log2_fold_change,
        genes.p_value,
        genes.q_value_bh,
        genes.in_list
    FROM marts.deg_by_contrast AS genes
    INNER JOIN raw.catalog__contrasts AS contrasts
        ON genes.contrast_id = contrasts.contrast_id
    WHERE contrasts.organism = 'Homo sapiens'
),

cancer_genes AS (
    SELECT
        members.hgnc_symbol,
        string_agg(DISTINCT members.list_id, '|' ORDER BY members.list_id) AS cancer_gene_lists
    FROM core.gene_lists__members AS members
    INNER JOIN core.gene_lists__lists AS lists
        ON members.list_id = lists.list_id
    WHERE lists.role = 'cancer_genes'
    GROUP BY members.hgnc_symbol
),

measured_ids AS (
    SELECT
        hgnc_symbol,
        min(entrez_gene_id) AS entrez_gene_id
    FROM core.deg__contrast_genes
    GROUP BY hgnc_symbol
    HAVING count(DISTINCT entrez_gene_id) = 1
),

copy_number AS (
    SELECT
        cohort_id,
        hgnc_symbol,
        count(*) FILTER (WHERE gistic_call = 2) / nullif(count(gistic_call), 0)
            AS amplified_fraction,
        count(*) FILTER (WHERE gistic_call = -2) / nullif(count(gistic_call), 0)
            AS deep_loss_fraction
    FROM staging.cohorts__gene_copy_number
    GROUP BY cohort_id, hgnc_symbol
),

known_resistance AS (
    SELECT
        hgnc_symbol,
        string_agg(DISTINCT drug, '|' ORDER BY drug) AS drugs,
        string_agg(DISTINCT evidence_level, '|' ORDER BY evidence_level) AS levels
    FROM staging.knowledge__resistance_evidence
    WHERE direction = 'supports'
    GROUP BY hgnc_symbol
),

gene_sets AS (
    SELECT
        hgnc_symbol,
        count(term_id) AS n_gene_sets
    FROM staging.gene_sets__members
    GROUP BY hgnc_symbol
),

contrast_counts AS (
    SELECT
        hgnc_symbol,
        count(log2_fold_change) AS contrasts_measured,
        count(*) FILTER (WHERE in_list = 'up') AS contrasts_up,
        count(*) FILTER (WHERE in_list = 'down') AS contrasts_down,
        count(*) FILTER (WHERE in_list = 'up' AND drug IS NOT NULL) AS resistance_contrasts_up,
        count(*) FILTER (WHERE in_list = 'down' AND drug IS NOT NULL)
            AS resistance_contrasts_down
    FROM contrast_genes
    GROUP BY hgnc_symbol
),

strongest_contrasts AS (
    SELECT
        hgnc_symbol,
        contrast_id,
        log2_fold_change,
        q_value_bh
    FROM contrast_genes
    WHERE q_value_bh IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY hgnc_symbol
        ORDER BY
            q_value_bh ASC, p_value ASC, abs(log2_fold_change) DESC NULLS LAST, contrast_id ASC
    ) = 1
),

-- The cohort that a gene's survival columns are of: the one with most deaths, else with most
-- events.
gene_cohorts AS (
    SELECT
        hgnc_symbol,
        cohort_id
    FROM marts.survival_by_gene
    QUALIFY row_number() OVER (
        PARTITION BY hgnc_symbol
        ORDER BY
            CASE WHEN endpoint = 'OS' THEN events END DESC NULLS LAST,
            events DESC,
            cohort_id ASC
    ) = 1
),

gene_survival AS (
    SELECT
        gene_cohorts.hgnc_symbol,
        survival.endpoint,
        survival.n,
        survival.events,
        survival.hazard_ratio_median_split,
        survival.p_logrank,
        survival.primary_model,
        survival.primary_scale,
        survival.hazard_ratio_primary,
        survival.p_primary,
        survival.q_primary,
        survival.percentile_primary
    FROM gene_cohorts
    INNER JOIN marts.survival_by_gene AS survival
        ON
            gene_cohorts.cohort_id = survival.cohort_id
            AND gene_cohorts.hgnc_symbol = survival.hgnc_symbol
),

-- Layers of the cohort whose survival stands in the row; of a gene without survival, of the cohort
-- that sequenced most patients.
leading_multiomics AS (
    SELECT
        multiomics.hgnc_symbol,
        multiomics.mutated_fraction,
        multiomics.fused_fraction,
        multiomics.copy_number_mrna_rho,
        multiomics.copy_number_mrna_q_value_bh,
        multiomics.methylation_mrna_rho,
        multiomics.methylation_mrna_q_value_bh,
        multiomics.protein_mrna_rho,
        multiomics.protein_mrna_q_value_bh,
        multiomics.altered_os_hazard_ratio,
        multiomics.altered_os_q_value_bh
    FROM marts.gene_multiomics AS multiomics
    LEFT JOIN gene_cohorts
        ON multiomics.hgnc_symbol = gene_cohorts.hgnc_symbol
    WHERE
        gene_cohorts.cohort_id IS NULL
        OR multiomics.cohort_id = gene_cohorts.cohort_id
    QUALIFY row_number() OVER (
        PARTITION BY multiomics.hgnc_symbol
        ORDER BY multiomics.n_sequenced DESC NULLS LAST, multiomics.cohort_id ASC
    ) = 1
),

-- A knock-down by the name that its study gives the gene. What is asked is the interaction: does it
-- sensitise the resistant line more than the parental one.
knock_downs AS (
    SELECT
        coalesce(gene_symbols.hgnc_symbol, responses.gene) AS hgnc_symbol,
        responses.study_id,
        responses.drug,
        responses.condition,
        responses.ratio,
        responses.p_value,
        responses.p_holm
    FROM core.dose_response__knock_downs AS responses
    LEFT JOIN staging.genes__symbols AS gene_symbols
        ON upper(responses.gene) = gene_symbols.symbol
    WHERE
        responses.contrast = 'resistant_minus_parental'
        AND responses.gene IS NOT NULL
),

knock_down_counts AS (
    SELECT
        hgnc_symbol,
        count(condition) AS bench_knock_downs,
        count(*) FILTER (WHERE p_holm < 0.05 AND ratio < 1) AS bench_knock_downs_resensitising
    FROM knock_downs
    GROUP BY hgnc_symbol
),

strongest_knock_downs AS (
    SELECT
        hgnc_symbol,
        study_id,
        drug,
        ratio,
        p_holm
    FROM knock_downs
    QUALIFY row_number() OVER (
        PARTITION BY hgnc_symbol
        ORDER BY p_holm ASC NULLS LAST, p_value ASC NULLS LAST, study_id ASC, drug ASC, ratio ASC
    ) = 1
),

-- Of several panels that measured a gene, the one with most baseline samples.
panel_markers AS (
    SELECT
        hgnc_symbol,
        study_id,
        marker,
        verdict,
        count(*) OVER (PARTITION BY hgnc_symbol) AS bench_panels
    FROM core.plasma_panel__detection
    WHERE hgnc_symbol IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY hgnc_symbol
        ORDER BY is_tested DESC, n_baseline DESC, study_id ASC, marker ASC
    ) = 1
),

marker_differences AS (
    SELECT
        study_id,
        marker,
        max(difference_log2) FILTER (WHERE method = 'limma') AS group_difference_log2,
        max(q) FILTER (WHERE method = 'limma') AS group_q,
        max(difference_log2) FILTER (WHERE method = 'limma_paired') AS pair_difference_log2,
        max(q) FILTER (WHERE method = 'limma_paired') AS pair_q
    FROM core.plasma_panel__comparisons
    WHERE is_primary
    GROUP BY study_id, marker
),

marker_survival AS (
    SELECT
        study_id,
        marker,
        max(hazard_ratio) FILTER (WHERE endpoint = 'PFS') AS pfs_hazard_ratio_per_sd,
        max(q_value_bh) FILTER (WHERE endpoint = 'PFS') AS pfs_q_value_bh,
        max(hazard_ratio) FILTER (WHERE endpoint = 'OS') AS os_hazard_ratio_per_sd,
        max(q_value_bh) FILTER (WHERE endpoint = 'OS') AS os_q_value_bh
    FROM core.plasma_panel__survival
    WHERE model = 'continuous_per_sd'
    GROUP BY study_id, marker
),

genes AS (
    SELECT hgnc_symbol FROM core.deg__contrast_genes
    UNION
    SELECT hgnc_symbol FROM gene_cohorts
    UNION
    SELECT hgnc_symbol FROM cancer_genes
    UNION
    SELECT hgnc_symbol FROM knock_down_counts
    UNION
    SELECT hgnc_symbol FROM panel_markers
    UNION
    SELECT hgnc_symbol FROM leading_multiomics
    UNION
    SELECT hgnc_symbol FROM known_resistance
)

SELECT
    genes.hgnc_symbol,
    approved_genes.gene_name,
    coalesce(approved_genes.entrez_gene_id, measured_ids.entrez_gene_id) AS entrez_gene_id,
    approved_genes.ensembl_gene_id,
    cancer_genes.cancer_gene_lists IS NOT NULL AS in_cancer_gene_list,
    cancer_genes.cancer_gene_lists,
    coalesce(contrast_counts.contrasts_measured, 0) AS contrasts_measured,
    coalesce(contrast_counts.contrasts_up, 0) AS contrasts_up,
    coalesce(contrast_counts.contrasts_down, 0) AS contrasts_down,
    coalesce(contrast_counts.resistance_contrasts_up, 0) AS resistance_contrasts_up,
    coalesce(contrast_counts.resistance_contrasts_down, 0) AS resistance_contrasts_down,
    strongest_contrasts.contrast_id AS strongest_contrast,
    strongest_contrasts.log2_fold_change AS strongest_log2_fold_change,
    strongest_contrasts.q_value_bh AS strongest_q_value_bh,
    gene_cohorts.cohort_id,
    os_survival.n AS os_n,
    os_survival.events AS os_events,
    os_survival.primary_model AS os_primary_model,
    os_survival.primary_scale AS os_expression_scale,
    os_survival.hazard_ratio_primary AS os_hazard_ratio_per_sd,
    os_survival.hazard_ratio_median_split AS os_hazard_ratio,
    os_survival.p_logrank AS os_p_logrank,
    os_survival.p_primary AS os_p_value,
    os_survival.q_primary AS os_q_value_bh,
    os_survival.percentile_primary AS os_percentile,
    dss_survival.n AS dss_n,
    dss_survival.events AS dss_events,
    dss_survival.hazard_ratio_primary AS dss_hazard_ratio_per_sd,
    dss_survival.q_primary AS dss_q_value_bh,
    dfs_survival.n AS dfs_n,
    dfs_survival.events AS dfs_events,
    dfs_survival.hazard_ratio_primary AS dfs_hazard_ratio_per_sd,
    dfs_survival.q_primary AS dfs_q_value_bh,
    pfs_survival.n AS pfs_n,
    pfs_survival.events AS pfs_events,
    pfs_survival.hazard_ratio_primary AS pfs_hazard_ratio_per_sd,
    pfs_survival.q_primary AS pfs_q_value_bh,
    copy_number.amplified_fraction,
    copy_number.deep_loss_fraction,
    multiomics.mutated_fraction,
    multiomics.fused_fraction,
    multiomics.copy_number_mrna_rho,
    multiomics.copy_number_mrna_q_value_bh,
    multiomics.methylation_mrna_rho,
    multiomics.methylation_mrna_q_value_bh,
    multiomics.protein_mrna_rho,
    multiomics.protein_mrna_q_value_bh,
    multiomics.altered_os_hazard_ratio,
    multiomics.altered_os_q_value_bh,
    known_resistance.drugs AS known_resistance_drugs,
    known_resistance.levels AS known_resistance_levels,
    coalesce(gene_sets.n_gene_sets, 0) AS n_gene_sets,
    coalesce(knock_down_counts.bench_knock_downs, 0) AS bench_knock_downs,
    coalesce(knock_down_counts.bench_knock_downs_resensitising, 0)
        AS bench_knock_downs_resensitising,
    strongest_knock_downs.study_id AS bench_knock_down_study,
    strongest_knock_downs.drug AS bench_knock_down_drug,
    strongest_knock_downs.ratio AS bench_knock_down_ratio,
    strongest_knock_downs.p_holm AS bench_knock_down_p_holm,
    coalesce(panel_markers.bench_panels, 0) AS bench_panels,
    panel_markers.study_id AS bench_panel_study,
    panel_markers.marker AS bench_panel_marker,
    panel_markers.verdict AS bench_panel_verdict,
    marker_differences.group_difference_log2 AS bench_panel_group_difference_log2,
    marker_differences.group_q AS bench_panel_group_q,
    marker_differences.pair_difference_log2 AS bench_panel_pair_difference_log2,
    marker_differences.pair_q AS bench_panel_pair_q,
    marker_survival.pfs_hazard_ratio_per_sd AS bench_panel_pfs_hazard_ratio_per_sd,
    marker_survival.pfs_q_value_bh AS bench_panel_pfs_q_value_bh,
    marker_survival.os_hazard_ratio_per_sd AS bench_panel_os_hazard_ratio_per_sd,
    marker_survival.os_q_value_bh AS bench_panel_os_q_value_bh
FROM genes
LEFT JOIN staging.genes__approved AS approved_genes
    ON genes.hgnc_symbol = approved_genes.hgnc_symbol
LEFT JOIN measured_ids
    ON genes.hgnc_symbol = measured_ids.hgnc_symbol
LEFT JOIN cancer_genes
    ON genes.hgnc_symbol = cancer_genes.hgnc_symbol
LEFT JOIN contrast_counts
    ON genes.hgnc_symbol = contrast_counts.hgnc_symbol
LEFT JOIN strongest_contrasts
    ON genes.hgnc_symbol = strongest_contrasts.hgnc_symbol
LEFT JOIN gene_cohorts
    ON genes.hgnc_symbol = gene_cohorts.hgnc_symbol
LEFT JOIN gene_survival AS os_survival
    ON
        genes.hgnc_symbol = os_survival.hgnc_symbol
        AND os_survival.endpoint = 'OS'
LEFT JOIN gene_survival AS dss_survival
    ON
        genes.hgnc_symbol = dss_survival.hgnc_symbol
        AND dss_survival.endpoint = 'DSS'
LEFT JOIN gene_survival AS dfs_survival
    ON
        genes.hgnc_symbol = dfs_survival.hgnc_symbol
        AND dfs_survival.endpoint = 'DFS'
LEFT JOIN gene_survival AS pfs_survival
    ON
        genes.hgnc_symbol = pfs_survival.hgnc_symbol
        AND pfs_survival.endpoint = 'PFS'
LEFT JOIN copy_number
    ON
        gene_cohorts.cohort_id = copy_number.cohort_id
        AND genes.hgnc_symbol = copy_number.hgnc_symbol
LEFT JOIN leading_multiomics AS multiomics
    ON genes.hgnc_symbol = multiomics.hgnc_symbol
LEFT JOIN known_resistance
    ON genes.hgnc_symbol = known_resistance.hgnc_symbol
LEFT JOIN gene_sets
    ON genes.hgnc_symbol = gene_sets.hgnc_symbol
LEFT JOIN knock_down_counts
    ON genes.hgnc_symbol = knock_down_counts.hgnc_symbol
LEFT JOIN strongest_knock_downs
    ON genes.hgnc_symbol = strongest_knock_downs.hgnc_symbol
LEFT JOIN panel_markers
    ON genes.hgnc_symbol = panel_markers.hgnc_symbol
LEFT JOIN marker_differences
    ON
        panel_markers.study_id = marker_differences.study_id
        AND panel_markers.marker = marker_differences.marker
LEFT JOIN marker_survival
    ON
        panel_markers.study_id = marker_survival.study_id
        AND panel_markers.marker = marker_survival.marker
ORDER BY genes.hgnc_symbol
