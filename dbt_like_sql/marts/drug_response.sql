-- A cell line under a condition and a drug in one row: its primary curve, growth rates, its change
-- against the parental line, and what the knock-down does. Above 0 in log terms is resistance.
WITH
-- One row per line and measure: where a line is compared with several parental ones, the first by
-- name.
fold_changes AS (
    SELECT
        study_id,
        resistant AS cell_line,
        condition,
        drug,
        parental,
        measure,
        fold_change,
        fold_change_text,
        replicate_fold_change,
        coalesce(paired_p, welch_p) AS p_value,
        p_note
    FROM core.dose_response__fold_changes
    WHERE is_primary
    QUALIFY row_number() OVER (
        PARTITION BY study_id, resistant, condition, drug, measure ORDER BY parental
    ) = 1
),

knock_downs AS (
    SELECT
        study_id,
        CASE contrast WHEN 'parental' THEN parental ELSE resistant END AS cell_line,
        contrast,
        condition,
        drug,
        gene,
        ratio,
        p_holm
    FROM core.dose_response__knock_downs
    QUALIFY row_number() OVER (
        PARTITION BY
            study_id,
            CASE contrast WHEN 'parental' THEN parental ELSE resistant END,
            contrast = 'resistant_minus_parental',
            condition,
            drug
        ORDER BY contrast DESC, parental ASC, resistant ASC
    ) = 1
)

SELECT
    curves.study_id,
    curves.cell_line,
    curves.condition,
    curves.drug,
    curves.model,
    curves.verdict,
    curves.n_replicates,
    curves.min_dose_um,
    curves.max_dose_um,
    curves.ic50_text,
    curves.ic50_um,
    curves.ic50_um_lower,
    curves.ic50_um_upper,
    curves.ec50_um,
    curves.ec50_um_lower,
    curves.ec50_um_upper,
    coalesce(curves.auc_trapezoid, curves.auc_fitted) AS auc,
    curves.emax_percent,
    growth.gr50_um,
    growth.gr50_text,
    growth.gr_max,
    coalesce(ec50_changes.parental, ic50_changes.parental) AS parental,
    ec50_changes.replicate_fold_change AS ec50_fold_change,
    ec50_changes.p_value AS ec50_fold_change_p,
    ic50_changes.fold_change_text AS ic50_fold_change_text,
    coalesce(ec50_changes.p_note, ic50_changes.p_note) AS fold_change_note,
    coalesce(own_knock_downs.gene, interactions.gene) AS knocked_down_gene,
    own_knock_downs.ratio AS knock_down_ratio,
    own_knock_downs.p_holm AS knock_down_p_holm,
    interactions.ratio AS resensitisation_ratio,
    interactions.p_holm AS resensitisation_p_holm
FROM core.dose_response__curves AS curves
LEFT JOIN core.dose_response__gr_metrics AS growth
    ON
        curves.study_id = growth.study_id
        AND curves.curve_id = growth.curve_id
LEFT JOIN fold_changes AS ec50_changes
    ON
        curves.study_id = ec50_changes.study_id
        AND curves.cell_line = ec50_changes.cell_line
        AND curves.condition = ec50_changes.condition
        AND curves.drug = ec50_changes.drug
        AND ec50_changes.measure = 'ec50'
LEFT JOIN fold_changes AS ic50_changes
    ON
        curves.study_id = ic50_changes.study_id
        AND curves.cell_line = ic50_changes.cell_line
        AND curves.condition = ic50_changes.condition
        AND curves.drug = ic50_changes.drug
        AND ic50_changes.measure = 'ic50'
LEFT JOIN knock_downs AS own_knock_downs
    ON
        curves.study_id = own_knock_downs.study_id
        AND curves.cell_line = own_knock_downs.cell_line
        AND curves.condition = own_knock_downs.condition
        AND curves.drug = own_knock_downs.drug
        AND own_knock_downs.contrast IN ('parental', 'resistant')
LEFT JOIN knock_downs AS interactions
    ON
        curves.study_id = interactions.study_id
        AND curves.cell_line = interactions.cell_line
        AND curves.condition = interactions.condition
        AND curves.drug = interactions.drug
        AND interactions.contrast = 'resistant_minus_parental'
WHERE curves.is_primary
ORDER BY curves.study_id, curves.drug, curves.cell_line, curves.condition
