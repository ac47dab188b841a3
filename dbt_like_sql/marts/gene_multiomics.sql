-- What the layers of a cohort say of each gene, in one row; an empty cell is "not measured".
WITH frequencies AS (
    SELECT
        cohort_id,
        hgnc_symbol,
        max(n_profiled) FILTER (WHERE alteration_class = 'mutation') AS n_sequenced,
        max(n_altered) FILTER (WHERE alteration_class = 'mutation') AS n_mutated,
        max(frequency) FILTER (WHERE alteration_class = 'mutation') AS mutated_fraction,
        max(frequency_lower) FILTER (WHERE alteration_class = 'mutation') AS mutated_fraction_lower,
        max(frequency_upper) FILTER (WHERE alteration_class = 'mutation') AS mutated_fraction_upper,
        max(frequency) FILTER (WHERE alteration_class = 'truncating') AS truncated_fraction,
        max(n_profiled) FILTER (WHERE alteration_class = 'amplification') AS n_copy_number,
        max(frequency) FILTER (WHERE alteration_class = 'amplification') AS amplified_fraction,
        max(frequency) FILTER (WHERE alteration_class = 'deep_loss') AS deep_loss_fraction,
        max(n_profiled) FILTER (WHERE alteration_class = 'fusion') AS n_fusion_profiled,
        max(frequency) FILTER (WHERE alteration_class = 'fusion') AS fused_fraction,
        max(frequency) FILTER (WHERE alteration_class = 'any') AS altered_fraction
    FROM core.alterations__gene_frequencies
    WHERE stratum_id = 'all'
    GROUP BY cohort_id, hgnc_symbol
),

hotspots AS (
    SELECT
        cohort_id,
        hgnc_symbol,
        unnest(string_split(hotspot_residues, '|')) AS residue
    FROM core.alterations__gene_patients
    WHERE hotspot_residues IS NOT NULL
),

gene_hotspots AS (
    SELECT
        cohort_id,
        hgnc_symbol,
        string_agg(DISTINCT residue, '|' ORDER BY residue) AS hotspot_residues
    FROM hotspots
    GROUP BY cohort_id, hgnc_symbol
),

-- Of several probes or antibodies of a gene, the one with the strongest correlation.
cis_effects AS (
    SELECT
        cohort_id,
        layer,
        hgnc_symbol,
        feature_id,
        n,
        rho,
        q_value_bh,
        count(*) OVER (PARTITION BY cohort_id, layer, hgnc_symbol) AS n_features
    FROM core.alterations__cis_effects
    QUALIFY row_number() OVER (
        PARTITION BY cohort_id, layer, hgnc_symbol
        ORDER BY p_value ASC NULLS LAST, abs(rho) DESC NULLS LAST, feature_id ASC
    ) = 1
),

-- Overall survival by the class of alteration that most patients have: not the one with the
-- smallest p.
altered_survival AS (
    SELECT
        cohort_id,
        hgnc_symbol,
        alteration_class,
        n_altered,
        events_altered,
        hazard_ratio,
        ci_lower,
        ci_upper,
        coalesce(p_likelihood_ratio, p_permutation) AS p_value,
        q_value_bh
    FROM core.alterations__survival
    WHERE endpoint = 'OS'
    QUALIFY row_number() OVER (
        PARTITION BY cohort_id, hgnc_symbol
        ORDER BY n_altered DESC NULLS LAST, alteration_class ASC
    ) = 1
),

strata AS (
    SELECT
        survival.cohort_id,
        survival.hgnc_symbol,
        string_agg(
            survival.stratum_id || '=' || format('{:.3f}', survival.hazard_ratio_per_sd), '|'
            ORDER BY survival.stratum_id
        ) AS strata_os_hazard_ratios_per_sd,
        min(survival.q_value_bh_likelihood_ratio) AS strata_os_smallest_q_value_bh
    FROM core.alterations__stratum_survival AS survival
    INNER JOIN staging.cohorts__genes AS scales
        ON
            survival.cohort_id = scales.cohort_id
            AND survival.hgnc_symbol = scales.hgnc_symbol
    WHERE
        survival.endpoint = 'OS'
        AND survival.model = CASE
            WHEN starts_with(scales.expression_scale, 'log') THEN 'continuous'
            ELSE 'rank_normal'
        END
        AND survival.hazard_ratio_per_sd IS NOT NULL
    GROUP BY survival.cohort_id, survival.hgnc_symbol
),

drivers AS (
    SELECT
        cohort_id,
        hgnc_symbol,
        driver_id,
        log2_difference,
        q_value_bh
    FROM core.alterations__driver_expression
    QUALIFY row_number() OVER (
        PARTITION BY cohort_id, hgnc_symbol
        ORDER BY q_value_bh ASC NULLS LAST, p_value ASC NULLS LAST, driver_id ASC
    ) = 1
),

layers AS (
    SELECT
        cohort_id,
        string_agg(layer, '|' ORDER BY layer) FILTER (WHERE NOT is_measured)
            AS layers_not_measured
    FROM core.alterations__layers
    GROUP BY cohort_id
),

genes AS (
    SELECT
        cohort_id,
        hgnc_symbol
    FROM frequencies
    UNION
    SELECT
        cohort_id,
        hgnc_symbol
    FROM core.alterations__cis_effects
    UNION
    SELECT
        cohort_id,
        hgnc_symbol
    FROM strata
    UNION
    SELECT
        cohort_id,
        hgnc_symbol
    FROM drivers
)

SELECT
    genes.cohort_id,
    genes.hgnc_symbol,
    frequencies.n_sequenced,
    frequencies.n_mutated,
    frequencies.mutated_fraction,
    frequencies.mutated_fraction_lower,
    frequencies.mutated_fraction_upper,
    frequencies.truncated_fraction,
    gene_hotspots.hotspot_residues,
    frequencies.n_copy_number,
    frequencies.amplified_fraction,
    frequencies.deep_loss_fraction,
    frequencies.n_fusion_profiled,
    frequencies.fused_fraction,
    frequencies.altered_fraction,
    copy_number.n AS copy_number_mrna_n,
    copy_number.rho AS copy_number_mrna_rho,
    copy_number.q_value_bh AS copy_number_mrna_q_value_bh,
    methylation.feature_id AS methylation_probe,
    methylation.n_features AS methylation_probes,
    methylation.n AS methylation_mrna_n,
    methylation.rho AS methylation_mrna_rho,
    methylation.q_value_bh AS methylation_mrna_q_value_bh,
    protein.feature_id AS protein_antibody,
    protein.n_features AS protein_antibodies,
    protein.n AS protein_mrna_n,
    protein.rho AS protein_mrna_rho,
    protein.q_value_bh AS protein_mrna_q_value_bh,
    altered_survival.alteration_class AS altered_os_class,
    altered_survival.n_altered AS altered_os_n,
    altered_survival.events_altered AS altered_os_events,
    altered_survival.hazard_ratio AS altered_os_hazard_ratio,
    altered_survival.ci_lower AS altered_os_ci_lower,
    altered_survival.ci_upper AS altered_os_ci_upper,
    altered_survival.p_value AS altered_os_p_value,
    altered_survival.q_value_bh AS altered_os_q_value_bh,
    strata.strata_os_hazard_ratios_per_sd,
    strata.strata_os_smallest_q_value_bh,
    drivers.driver_id AS strongest_driver,
    drivers.log2_difference AS strongest_driver_log2_difference,
    drivers.q_value_bh AS strongest_driver_q_value_bh,
    layers.layers_not_measured
FROM genes
LEFT JOIN frequencies
    ON
        genes.cohort_id = frequencies.cohort_id
        AND genes.hgnc_symbol = frequencies.hgnc_symbol
LEFT JOIN gene_hotspots
    ON
        genes.cohort_id = gene_hotspots.cohort_id
        AND genes.hgnc_symbol = gene_hotspots.hgnc_symbol
LEFT JOIN cis_effects AS copy_number
    ON
        genes.cohort_id = copy_number.cohort_id
        AND genes.hgnc_symbol = copy_number.hgnc_symbol
        AND copy_number.layer = 'copy_number'
LEFT JOIN cis_effects AS methylation
    ON
        genes.cohort_id = methylation.cohort_id
        AND genes.hgnc_symbol = methylation.hgnc_symbol
        AND methylation.layer = 'methylation'
LEFT JOIN cis_effects AS protein
    ON
        genes.cohort_id = protein.cohort_id
        AND genes.hgnc_symbol = protein.hgnc_symbol
        AND protein.layer = 'protein'
LEFT JOIN altered_survival
    ON
        genes.cohort_id = altered_survival.cohort_id
        AND genes.hgnc_symbol = altered_survival.hgnc_symbol
LEFT JOIN strata
    ON
        genes.cohort_id = strata.cohort_id
        AND genes.hgnc_symbol = strata.hgnc_symbol
LEFT JOIN drivers
    ON
        genes.cohort_id = drivers.cohort_id
        AND genes.hgnc_symbol = drivers.hgnc_symbol
LEFT JOIN layers
    ON genes.cohort_id = layers.cohort_id
ORDER BY genes.cohort_id, genes.hgnc_symbol
