-- Everything that the warehouse knows of a gene in one row; an empty cell is "not measured".
WITH cancer AS (
    SELECT m.hgnc_symbol, string_agg(DISTINCT m.list_id, '|' ORDER BY m.list_id) AS cancer_gene_lists
    FROM core.gene_lists__members AS m
    INNER JOIN core.gene_lists__lists AS l ON l.list_id = m.list_id
    WHERE l.role = 'cancer_genes'
    GROUP BY m.hgnc_symbol
),
contrasts AS (
    SELECT
        hgnc_symbol,
        count(log2_fold_change) AS contrasts_measured,
        count(*) FILTER (WHERE in_list = 'up') AS contrasts_up,
        count(*) FILTER (WHERE in_list = 'down') AS contrasts_down,
        count(*) FILTER (WHERE in_list = 'up' AND drug IS NOT NULL) AS resistance_contrasts_up,
        count(*) FILTER (WHERE in_list = 'down' AND drug IS NOT NULL) AS resistance_contrasts_down
    FROM marts.deg_by_contrast
    GROUP BY hgnc_symbol
),
strongest AS (
    SELECT hgnc_symbol, contrast_id, log2_fold_change, q_value_bh
    FROM marts.deg_by_contrast
    WHERE q_value_bh IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY hgnc_symbol
        ORDER BY q_value_bh, p_value, abs(log2_fold_change) DESC NULLS LAST, contrast_id
    ) = 1
),
measured_ids AS (
    SELECT hgnc_symbol, min(entrez_gene_id) AS entrez_gene_id
    FROM core.deg__contrast_genes
    GROUP BY hgnc_symbol
    HAVING count(DISTINCT entrez_gene_id) = 1
),
cohorts AS (
    SELECT hgnc_symbol, cohort_id
    FROM marts.survival_by_gene
    QUALIFY row_number() OVER (
        PARTITION BY hgnc_symbol
        ORDER BY CASE WHEN endpoint = 'OS' THEN events END DESC NULLS LAST, events DESC, cohort_id
    ) = 1
),
survival AS (
    SELECT c.hgnc_symbol, c.cohort_id, s.endpoint, s.n, s.events, s.hazard_ratio_per_sd, s.hazard_ratio_median_split,
        s.p_logrank, s.q_continuous, s.percentile_continuous
    FROM cohorts AS c
    INNER JOIN marts.survival_by_gene AS s ON s.cohort_id = c.cohort_id AND s.hgnc_symbol = c.hgnc_symbol
),
copy_number AS (
    SELECT
        cohort_id,
        hgnc_symbol,
        count(*) FILTER (WHERE gistic_call = 2) / nullif(count(gistic_call), 0) AS amplified_fraction,
        count(*) FILTER (WHERE gistic_call = -2) / nullif(count(gistic_call), 0) AS deep_loss_fraction
    FROM staging.cohorts__gene_copy_number
    GROUP BY cohort_id, hgnc_symbol
),
gene_sets AS (
    SELECT hgnc_symbol, count(term_id) AS n_gene_sets FROM staging.gene_sets__members GROUP BY hgnc_symbol
),
genes AS (
    SELECT hgnc_symbol FROM core.deg__contrast_genes
    UNION
    SELECT hgnc_symbol FROM cohorts
    UNION
    SELECT hgnc_symbol FROM cancer
)
SELECT
    g.hgnc_symbol,
    a.gene_name,
    coalesce(a.entrez_gene_id, i.entrez_gene_id) AS entrez_gene_id,
    a.ensembl_gene_id,
    l.cancer_gene_lists IS NOT NULL AS in_cancer_gene_list,
    l.cancer_gene_lists,
    coalesce(c.contrasts_measured, 0) AS contrasts_measured,
    coalesce(c.contrasts_up, 0) AS contrasts_up,
    coalesce(c.contrasts_down, 0) AS contrasts_down,
    coalesce(c.resistance_contrasts_up, 0) AS resistance_contrasts_up,
    coalesce(c.resistance_contrasts_down, 0) AS resistance_contrasts_down,
    t.contrast_id AS strongest_contrast,
    t.log2_fold_change AS strongest_log2_fold_change,
    t.q_value_bh AS strongest_q_value_bh,
    k.cohort_id,
    os.n AS os_n,
    os.events AS os_events,
    os.hazard_ratio_per_sd AS os_hazard_ratio_per_sd,
    os.hazard_ratio_median_split AS os_hazard_ratio,
    os.p_logrank AS os_p_logrank,
    os.q_continuous AS os_q_value_bh,
    os.percentile_continuous AS os_percentile,
    dss.hazard_ratio_per_sd AS dss_hazard_ratio_per_sd,
    dss.q_continuous AS dss_q_value_bh,
    dfs.hazard_ratio_per_sd AS dfs_hazard_ratio_per_sd,
    dfs.q_continuous AS dfs_q_value_bh,
    pfs.hazard_ratio_per_sd AS pfs_hazard_ratio_per_sd,
    pfs.q_continuous AS pfs_q_value_bh,
    n.amplified_fraction,
    n.deep_loss_fraction,
    coalesce(s.n_gene_sets, 0) AS n_gene_sets
FROM genes AS g
LEFT JOIN staging.genes__approved AS a ON a.hgnc_symbol = g.hgnc_symbol
LEFT JOIN measured_ids AS i ON i.hgnc_symbol = g.hgnc_symbol
LEFT JOIN cancer AS l ON l.hgnc_symbol = g.hgnc_symbol
LEFT JOIN contrasts AS c ON c.hgnc_symbol = g.hgnc_symbol
LEFT JOIN strongest AS t ON t.hgnc_symbol = g.hgnc_symbol
LEFT JOIN cohorts AS k ON k.hgnc_symbol = g.hgnc_symbol
LEFT JOIN survival AS os ON os.hgnc_symbol = g.hgnc_symbol AND os.endpoint = 'OS'
LEFT JOIN survival AS dss ON dss.hgnc_symbol = g.hgnc_symbol AND dss.endpoint = 'DSS'
LEFT JOIN survival AS dfs ON dfs.hgnc_symbol = g.hgnc_symbol AND dfs.endpoint = 'DFS'
LEFT JOIN survival AS pfs ON pfs.hgnc_symbol = g.hgnc_symbol AND pfs.endpoint = 'PFS'
LEFT JOIN copy_number AS n ON n.cohort_id = k.cohort_id AND n.hgnc_symbol = g.hgnc_symbol
LEFT JOIN gene_sets AS s ON s.hgnc_symbol = g.hgnc_symbol
ORDER BY g.hgnc_symbol
