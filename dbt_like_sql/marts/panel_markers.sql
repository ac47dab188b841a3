-- A marker of a plasma panel in one row: detection, groups, pairs, survival and AUC, beside what
-- cell lines and tumours say of its gene.
WITH leading_comparisons AS (
    SELECT
        study_id,
        marker,
        method,
        contrast,
        difference_log2,
        p,
        q,
        p_note
    FROM core.plasma_panel__comparisons
    WHERE is_primary
),

fitted_survival AS (
    SELECT
        study_id,
        marker,
        endpoint,
        model,
        n,
        events,
        hazard_ratio,
        p_value,
        q_value_bh,
        p_logrank
    FROM core.plasma_panel__survival
),

-- Of the months asked, the last one at which cases and controls allow an interval, else the last.
leading_aucs AS (
    SELECT
        study_id,
        marker,
        endpoint,
        month,
        auc,
        ci_lower,
        ci_upper
    FROM core.plasma_panel__auc
    WHERE auc IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY study_id, marker, endpoint
        ORDER BY ci_lower IS NULL ASC, month DESC
    ) = 1
)

SELECT
    detection.study_id,
    detection.marker,
    detection.hgnc_symbol,
    detection.symbol_note,
    detection.verdict,
    detection.is_tested,
    detection.n_baseline,
    detection.fraction_below_lod,
    group_tests.contrast AS group_contrast,
    group_tests.difference_log2 AS group_difference_log2,
    group_tests.p AS group_p,
    group_tests.q AS group_q,
    pair_tests.contrast AS pair_contrast,
    pair_tests.difference_log2 AS pair_difference_log2,
    pair_tests.p AS pair_p,
    pair_tests.q AS pair_q,
    coalesce(group_tests.p_note, pair_tests.p_note) AS comparison_note,
    pfs_per_sd.events AS pfs_events,
    pfs_per_sd.hazard_ratio AS pfs_hazard_ratio_per_sd,
    pfs_per_sd.p_value AS pfs_p_value,
    pfs_per_sd.q_value_bh AS pfs_q_value_bh,
    pfs_split.hazard_ratio AS pfs_hazard_ratio_median_split,
    pfs_split.p_logrank AS pfs_p_logrank,
    os_per_sd.events AS os_events,
    os_per_sd.hazard_ratio AS os_hazard_ratio_per_sd,
    os_per_sd.p_value AS os_p_value,
    os_per_sd.q_value_bh AS os_q_value_bh,
    os_split.hazard_ratio AS os_hazard_ratio_median_split,
    os_split.p_logrank AS os_p_logrank,
    pfs_aucs.month AS pfs_auc_month,
    pfs_aucs.auc AS pfs_auc,
    pfs_aucs.ci_lower AS pfs_auc_ci_lower,
    pfs_aucs.ci_upper AS pfs_auc_ci_upper,
    os_aucs.month AS os_auc_month,
    os_aucs.auc AS os_auc,
    os_aucs.ci_lower AS os_auc_ci_lower,
    os_aucs.ci_upper AS os_auc_ci_upper,
    evidence.resistance_contrasts_up,
    evidence.resistance_contrasts_down,
    evidence.strongest_contrast,
    evidence.strongest_log2_fold_change,
    evidence.cohort_id AS tumour_cohort,
    evidence.os_n AS tumour_os_n,
    evidence.os_hazard_ratio_per_sd AS tumour_os_hazard_ratio_per_sd,
    evidence.os_q_value_bh AS tumour_os_q_value_bh
FROM core.plasma_panel__detection AS detection
LEFT JOIN leading_comparisons AS group_tests
    ON
        detection.study_id = group_tests.study_id
        AND detection.marker = group_tests.marker
        AND group_tests.method = 'limma'
LEFT JOIN leading_comparisons AS pair_tests
    ON
        detection.study_id = pair_tests.study_id
        AND detection.marker = pair_tests.marker
        AND pair_tests.method = 'limma_paired'
LEFT JOIN fitted_survival AS pfs_per_sd
    ON
        detection.study_id = pfs_per_sd.study_id
        AND detection.marker = pfs_per_sd.marker
        AND pfs_per_sd.endpoint = 'PFS'
        AND pfs_per_sd.model = 'continuous_per_sd'
LEFT JOIN fitted_survival AS pfs_split
    ON
        detection.study_id = pfs_split.study_id
        AND detection.marker = pfs_split.marker
        AND pfs_split.endpoint = 'PFS'
        AND pfs_split.model = 'median_split'
LEFT JOIN fitted_survival AS os_per_sd
    ON
        detection.study_id = os_per_sd.study_id
        AND detection.marker = os_per_sd.marker
        AND os_per_sd.endpoint = 'OS'
        AND os_per_sd.model = 'continuous_per_sd'
LEFT JOIN fitted_survival AS os_split
    ON
        detection.study_id = os_split.study_id
        AND detection.marker = os_split.marker
        AND os_split.endpoint = 'OS'
        AND os_split.model = 'median_split'
LEFT JOIN leading_aucs AS pfs_aucs
    ON
        detection.study_id = pfs_aucs.study_id
        AND detection.marker = pfs_aucs.marker
        AND pfs_aucs.endpoint = 'PFS'
LEFT JOIN leading_aucs AS os_aucs
    ON
        detection.study_id = os_aucs.study_id
        AND detection.marker = os_aucs.marker
        AND os_aucs.endpoint = 'OS'
LEFT JOIN marts.gene_evidence AS evidence
    ON detection.hgnc_symbol = evidence.hgnc_symbol
ORDER BY detection.study_id, detection.marker
