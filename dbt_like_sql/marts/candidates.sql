-- Candidates: genes that change in cells with acquired resistance to a class of drugs, with the
-- word of confidence that a rule gives them, flags, and what would change the word.
WITH confidence_rules AS (
    SELECT *
    FROM raw.catalog__confidence_rules
),

consensus AS (
    SELECT *
    FROM core.evidence__consensus_by_gene
    WHERE state = 'acquired' AND direction IN ('up', 'down')
),

declared_contrasts AS (
    SELECT
        contrast_id,
        upper(concat_ws('_', numerator, denominator)) AS arms
    FROM raw.catalog__contrasts
),

-- What a day of drug does to parental cells.
drug_responses AS (
    SELECT
        responses.drug_class,
        responses.hgnc_symbol,
        responses.direction
    FROM core.evidence__consensus_by_gene AS responses
    CROSS JOIN confidence_rules
    WHERE
        responses.state = 'treated'
        AND (
            responses.q_value_bh < confidence_rules.q_value
            OR CASE responses.direction
                WHEN 'up' THEN responses.n_studies_significant_up
                WHEN 'down' THEN responses.n_studies_significant_down
            END > 0
            OR responses.n_effect_only_over_rule_for > 0
        )
),

-- A table without a large p-value was chosen by p: its q-values say nothing.
selected_studies AS (
    SELECT
        study_effects.drug_class,
        study_effects.independent_study
    FROM core.evidence__study_effects AS study_effects
    CROSS JOIN confidence_rules
    WHERE study_effects.state = 'acquired' AND study_effects.p_value IS NOT NULL
    GROUP BY
        study_effects.drug_class,
        study_effects.independent_study,
        confidence_rules.selected_table_p_value
    HAVING max(study_effects.p_value) < confidence_rules.selected_table_p_value
),

-- The study's samples were made or chosen by the gene itself.
genes_of_arms AS (
    SELECT
        study_effects.drug_class,
        study_effects.independent_study,
        study_effects.hgnc_symbol
    FROM core.evidence__study_effects AS study_effects
    INNER JOIN declared_contrasts
        ON
            list_contains(
                string_split(study_effects.contrast_ids, '|'), declared_contrasts.contrast_id
            )
            AND list_contains(
                string_split_regex(declared_contrasts.arms, '[^A-Z0-9-]+'),
                study_effects.hgnc_symbol
            )
    WHERE study_effects.state = 'acquired' AND length(study_effects.hgnc_symbol) >= 3
    GROUP BY
        study_effects.drug_class, study_effects.independent_study, study_effects.hgnc_symbol
),

votes AS (
    SELECT
        study_effects.drug_class,
        study_effects.hgnc_symbol,
        study_effects.direction,
        count(study_effects.independent_study) AS n_votes,
        count(study_effects.independent_study) FILTER (
            WHERE
            selected_studies.independent_study IS NOT NULL
            OR genes_of_arms.independent_study IS NOT NULL
        ) AS n_circular_votes
    FROM core.evidence__study_effects AS study_effects
    LEFT JOIN selected_studies
        ON
            study_effects.drug_class = selected_studies.drug_class
            AND study_effects.independent_study = selected_studies.independent_study
    LEFT JOIN genes_of_arms
        ON
            study_effects.drug_class = genes_of_arms.drug_class
            AND study_effects.independent_study = genes_of_arms.independent_study
            AND study_effects.hgnc_symbol = genes_of_arms.hgnc_symbol
    WHERE study_effects.state = 'acquired' AND study_effects.is_measured
    GROUP BY study_effects.drug_class, study_effects.hgnc_symbol, study_effects.direction
),

-- Where nothing is pooled: the effect of the one study with replicates, else a mean.
unpooled_effects AS (
    SELECT
        study_effects.drug_class,
        study_effects.hgnc_symbol,
        avg(study_effects.log2_fold_change) FILTER (WHERE study_effects.is_inferential)
            AS tested_log2_fold_change,
        max(study_effects.log2_fold_change_standard_error) FILTER (
            WHERE study_effects.is_inferential
        ) AS tested_standard_error,
        avg(study_effects.log2_fold_change) FILTER (
            WHERE study_effects.is_over_fold_change_rule
        ) AS effect_only_log2_fold_change
    FROM core.evidence__study_effects AS study_effects
    WHERE study_effects.state = 'acquired' AND study_effects.is_measured
    GROUP BY study_effects.drug_class, study_effects.hgnc_symbol
),

-- Which cells make the gene: the leading type that is no tumour cell against the leading tumour
-- cell of the study.
cell_types AS (
    SELECT
        study_id,
        upper(symbol) AS hgnc_symbol,
        cell_type,
        cp10k_pooled,
        fraction_expressing,
        regexp_matches(lower(cell_type), 'tumou?r|cancer|malignan|carcinoma') AS is_tumour
    FROM core.single_cell__gene_cell_types
    WHERE level = 'cell_type' AND NOT coalesce(is_ambient, FALSE)
),

cell_type_studies AS (
    SELECT
        study_id,
        hgnc_symbol,
        coalesce(max(cp10k_pooled) FILTER (WHERE is_tumour), 0) AS tumour_cp10k,
        coalesce(max(cp10k_pooled) FILTER (WHERE NOT is_tumour), 0) AS other_cp10k,
        string_agg(
            concat(cell_type, ' ', cast(round(100 * fraction_expressing) AS BIGINT), ' %'),
            ', ' ORDER BY cp10k_pooled DESC, cell_type ASC
        ) FILTER (WHERE cp10k_pooled > 0) AS cell_types
    FROM cell_types
    GROUP BY study_id, hgnc_symbol
),

single_cell_genes AS (
    SELECT
        cell_type_studies.hgnc_symbol,
        bool_or(
            cell_type_studies.other_cp10k > 0
            AND cell_type_studies.other_cp10k
            > confidence_rules.other_cell_type_ratio * cell_type_studies.tumour_cp10k
        ) AS is_of_stroma,
        string_agg(
            concat(
                'cells with it: ',
                cell_type_studies.cell_types,
                ' (',
                cell_type_studies.study_id,
                ')'
            ),
            '; ' ORDER BY cell_type_studies.study_id
        ) AS single_cell_summary
    FROM cell_type_studies
    CROSS JOIN confidence_rules
    WHERE cell_type_studies.cell_types IS NOT NULL
    GROUP BY cell_type_studies.hgnc_symbol
),

gene_contexts AS (
    SELECT
        hgnc_symbol,
        gene_name,
        target_families,
        os_cohort_id,
        os_n,
        os_events,
        os_hazard_ratio_per_sd,
        os_q_value_bh,
        tumour_log2_fold_change,
        tumour_q_value_bh
    FROM marts.resistance_candidates
    QUALIFY row_number() OVER (PARTITION BY hgnc_symbol ORDER BY drug_class) = 1
),

known_mechanisms AS (
    SELECT
        drug_class,
        hgnc_symbol,
        known_mechanism,
        known_levels,
        known_variants,
        known_drugs
    FROM marts.resistance_candidates
    WHERE known_mechanism IN ('known_for_class', 'known_for_other_drug')
),

-- Patients that were all given a drug of the class: their progression before their death.
treated_patients AS (
    SELECT
        treated_cohorts.drug_class,
        survival.hgnc_symbol,
        survival.cohort_id,
        survival.endpoint,
        survival.n,
        survival.events,
        survival.hazard_ratio_primary,
        survival.q_primary
    FROM marts.survival_by_gene AS survival
    INNER JOIN raw.catalog__treated_cohorts AS treated_cohorts
        ON survival.cohort_id = treated_cohorts.cohort_id
    QUALIFY row_number() OVER (
        PARTITION BY treated_cohorts.drug_class, survival.hgnc_symbol
        ORDER BY
            (survival.endpoint = 'PFS') DESC,
            survival.events DESC,
            survival.cohort_id ASC,
            survival.endpoint ASC
    ) = 1
),

-- Without the source a gene of a family that drugs aim at counts as druggable.
druggability AS (
    SELECT count(hgnc_symbol) > 0 AS is_loaded
    FROM staging.knowledge__druggable_genes
),

bench_genes AS (
    SELECT
        hgnc_symbol,
        nullif(
            concat_ws(
                '; ',
                CASE
                    WHEN bench_knock_downs > 0
                        THEN concat(
                            'knock-down re-sensitises to ',
                            bench_knock_down_drug,
                            CASE
                                WHEN bench_knock_downs_resensitising > 0 THEN '' ELSE ': not shown'
                            END,
                            ' (ratio of EC50 ',
                            printf('%.3g', bench_knock_down_ratio),
                            coalesce(
                                concat(', Holm p ', printf('%.2g', bench_knock_down_p_holm)), ''
                            ),
                            ')'
                        )
                END,
                CASE
                    WHEN bench_panels > 0
                        THEN concat('plasma panel: ', bench_panel_verdict)
                END
            ),
            ''
        ) AS bench_summary
    FROM marts.gene_evidence
    WHERE bench_knock_downs > 0 OR bench_panels > 0
),

worded_genes AS (
    SELECT
        consensus.*,
        CASE
            WHEN
                consensus.k_studies >= confidence_rules.replicated_studies
                AND consensus.q_value_bh < confidence_rules.q_value
                AND consensus.n_studies_against <= confidence_rules.replicated_most_against
                AND consensus.leave_one_out_same_sign
                AND consensus.leave_one_out_worst_q < confidence_rules.q_value
                THEN 'replicated'
            WHEN
                consensus.n_studies_significant_up > 0
                AND consensus.n_studies_significant_down > 0
                THEN 'contradicted'
            WHEN
                consensus.k_studies >= confidence_rules.suggested_studies
                AND consensus.q_value_bh < confidence_rules.q_value
                AND consensus.n_studies_for = consensus.k_studies
                THEN 'suggested'
            WHEN
                consensus.smallest_study_q_value < confidence_rules.suggested_single_q_value
                AND consensus.n_studies_opposed = 0
                AND consensus.n_effect_only_for >= confidence_rules.suggested_effect_only_studies
                AND (consensus.direction = 'up') = (consensus.n_studies_significant_up > 0)
                THEN 'suggested'
            WHEN
                consensus.smallest_study_q_value < confidence_rules.q_value
                AND consensus.n_studies_opposed = 0
                AND (consensus.direction = 'up') = (consensus.n_studies_significant_up > 0)
                THEN 'single study'
            WHEN
                consensus.n_effect_only_over_rule_for > 0
                AND consensus.n_effect_only_over_rule_against = 0
                AND consensus.n_studies_opposed = 0
                THEN 'effect only'
        END AS confidence
    FROM consensus
    CROSS JOIN confidence_rules
),

candidates AS (
    SELECT
        worded_genes.*,
        coalesce(
            worded_genes.pooled_log2_fold_change,
            unpooled_effects.tested_log2_fold_change,
            unpooled_effects.effect_only_log2_fold_change
        ) AS log2_fold_change,
        coalesce(
            worded_genes.ci_lower,
            unpooled_effects.tested_log2_fold_change
            - 1.959964 * unpooled_effects.tested_standard_error
        ) AS log2_fold_change_ci_lower,
        coalesce(
            worded_genes.ci_upper,
            unpooled_effects.tested_log2_fold_change
            + 1.959964 * unpooled_effects.tested_standard_error
        ) AS log2_fold_change_ci_upper,
        CASE worded_genes.confidence
            WHEN 'replicated' THEN 1
            WHEN 'suggested' THEN 2
            WHEN 'single study' THEN 3
            WHEN 'contradicted' THEN 4
            ELSE 5
        END AS confidence_order
    FROM worded_genes
    LEFT JOIN unpooled_effects
        ON
            worded_genes.drug_class = unpooled_effects.drug_class
            AND worded_genes.hgnc_symbol = unpooled_effects.hgnc_symbol
    WHERE worded_genes.confidence IS NOT NULL
)

SELECT
    candidates.drug_class,
    candidates.hgnc_symbol,
    gene_contexts.gene_name,
    candidates.direction,
    candidates.confidence,
    nullif(
        concat_ws(
            '|',
            CASE WHEN drug_responses.hgnc_symbol IS NOT NULL THEN 'drug response' END,
            CASE
                WHEN candidates.i2 > confidence_rules.line_specific_i2 THEN 'line-specific'
            END,
            CASE
                WHEN known_mechanisms.known_mechanism = 'known_for_class' THEN 'known mechanism'
            END,
            CASE WHEN single_cell_genes.is_of_stroma THEN 'expression of the stroma' END,
            CASE
                WHEN
                    gene_contexts.tumour_q_value_bh < confidence_rules.q_value
                    AND abs(gene_contexts.tumour_log2_fold_change)
                    >= confidence_rules.marker_abs_log2_fold_change
                    AND (gene_contexts.tumour_log2_fold_change > 0)
                    = (candidates.direction = 'up')
                    THEN 'tumour marker'
            END,
            CASE
                WHEN
                    votes.n_votes > 0 AND votes.n_circular_votes = votes.n_votes
                    THEN 'circular'
            END
        ),
        ''
    ) AS flags,
    row_number() OVER (
        PARTITION BY candidates.drug_class
        ORDER BY
            candidates.confidence_order ASC,
            -- The bound of the interval that is nearest to no effect.
            CASE
                WHEN
                    candidates.log2_fold_change_ci_lower <= 0
                    AND candidates.log2_fold_change_ci_upper >= 0
                    THEN 0
                ELSE least(
                    abs(candidates.log2_fold_change_ci_lower),
                    abs(candidates.log2_fold_change_ci_upper)
                )
            END DESC NULLS LAST,
            abs(candidates.log2_fold_change) DESC NULLS LAST,
            candidates.hgnc_symbol ASC
    ) AS rank_in_drug_class,
    candidates.log2_fold_change,
    candidates.log2_fold_change_ci_lower,
    candidates.log2_fold_change_ci_upper,
    CASE candidates.confidence
        WHEN 'replicated'
            THEN concat(
                'It falls if ',
                cast(
                    1 + confidence_rules.replicated_most_against - candidates.n_studies_against
                    AS BIGINT
                ),
                CASE
                    WHEN
                        confidence_rules.replicated_most_against = candidates.n_studies_against
                        THEN ' further study goes'
                    ELSE ' further studies go'
                END,
                ' the other way, or if q rises above ',
                printf('%g', confidence_rules.q_value),
                ' without one study (worst now ',
                printf('%.2g', candidates.leave_one_out_worst_q),
                ').'
            )
        WHEN 'suggested'
            THEN
                CASE
                    WHEN candidates.k_studies < confidence_rules.replicated_studies
                        THEN concat(
                            'Replicated with ',
                            cast(
                                confidence_rules.replicated_studies - candidates.k_studies AS BIGINT
                            ),
                            ' more independent ',
                            CASE
                                WHEN
                                    confidence_rules.replicated_studies - candidates.k_studies = 1
                                    THEN 'study'
                                ELSE 'studies'
                            END,
                            ' with replicates that agree; dropped if one contradicts it.'
                        )
                    ELSE concat(
                        'Replicated once q stays below ',
                        printf('%g', confidence_rules.q_value),
                        ' whichever study is left out (worst now ',
                        coalesce(printf('%.2g', candidates.leave_one_out_worst_q), 'not known'),
                        ').'
                    )
                END
        WHEN 'single study'
            THEN
                CASE
                    WHEN candidates.k_studies > 1
                        THEN concat(
                            'Suggested once the pooled q of its ',
                            candidates.k_studies,
                            ' studies (now ',
                            coalesce(printf('%.2g', candidates.q_value_bh), 'not known'),
                            ') is below ',
                            printf('%g', confidence_rules.q_value),
                            ': more studies that agree.'
                        )
                    ELSE
                        'Suggested with a second line or laboratory with replicates that agrees; '
                        || 'contradicted if that one goes the other way.'
                END
        WHEN 'contradicted'
            THEN 'More lines with replicates: they show in which cells each direction holds.'
        ELSE 'Replicates: one contrast with samples enough for a p-value decides it.'
    END AS what_would_change_it,
    candidates.n_studies,
    candidates.k_studies,
    candidates.n_studies_for,
    candidates.n_studies_against,
    candidates.n_studies_not_measured,
    candidates.n_effect_only_for,
    candidates.n_effect_only_against,
    candidates.pooled_log2_fold_change,
    candidates.ci_lower,
    candidates.ci_upper,
    candidates.p_value,
    candidates.q_value_bh,
    candidates.smallest_study_q_value,
    candidates.i2,
    candidates.tau2,
    candidates.direction_consistency,
    candidates.leave_one_out_worst_q,
    candidates.leave_one_out_same_sign,
    candidates.rank_aggregation_score,
    candidates.rank_aggregation_p_permutation,
    candidates.rank_aggregation_q_value_bh,
    candidates.score,
    candidates.score_ci_lower,
    candidates.score_ci_upper,
    candidates.refusal_reason,
    known_mechanisms.known_mechanism,
    known_mechanisms.known_levels AS known_mechanism_level,
    known_mechanisms.known_variants AS known_mechanism_variants,
    known_mechanisms.known_drugs AS known_mechanism_drugs,
    CASE
        WHEN druggability.is_loaded THEN druggable_genes.druggable_with IS NOT NULL
        ELSE gene_contexts.target_families IS NOT NULL
    END AS is_druggable,
    druggable_genes.druggable_with,
    gene_contexts.target_families,
    gene_contexts.os_hazard_ratio_per_sd AS prognostic_hazard_ratio,
    gene_contexts.os_q_value_bh AS prognostic_q_value,
    gene_contexts.os_cohort_id AS prognostic_cohort_id,
    gene_contexts.os_n AS prognostic_n,
    gene_contexts.os_events AS prognostic_events,
    treated_patients.hazard_ratio_primary AS predictive_hazard_ratio,
    treated_patients.q_primary AS predictive_q_value,
    treated_patients.cohort_id AS predictive_cohort_id,
    treated_patients.endpoint AS predictive_endpoint,
    treated_patients.n AS predictive_n,
    treated_patients.events AS predictive_events,
    bench_genes.bench_summary,
    single_cell_genes.single_cell_summary
FROM candidates
CROSS JOIN confidence_rules
CROSS JOIN druggability
LEFT JOIN drug_responses
    ON
        candidates.drug_class = drug_responses.drug_class
        AND candidates.hgnc_symbol = drug_responses.hgnc_symbol
        AND candidates.direction = drug_responses.direction
LEFT JOIN votes
    ON
        candidates.drug_class = votes.drug_class
        AND candidates.hgnc_symbol = votes.hgnc_symbol
        AND candidates.direction = votes.direction
LEFT JOIN known_mechanisms
    ON
        candidates.drug_class = known_mechanisms.drug_class
        AND candidates.hgnc_symbol = known_mechanisms.hgnc_symbol
LEFT JOIN gene_contexts
    ON candidates.hgnc_symbol = gene_contexts.hgnc_symbol
LEFT JOIN staging.knowledge__druggable_genes AS druggable_genes
    ON candidates.hgnc_symbol = druggable_genes.hgnc_symbol
LEFT JOIN treated_patients
    ON
        candidates.drug_class = treated_patients.drug_class
        AND candidates.hgnc_symbol = treated_patients.hgnc_symbol
LEFT JOIN bench_genes
    ON candidates.hgnc_symbol = bench_genes.hgnc_symbol
LEFT JOIN single_cell_genes
    ON candidates.hgnc_symbol = single_cell_genes.hgnc_symbol
WHERE candidates.drug_class <> 'all'
ORDER BY candidates.drug_class, candidates.hgnc_symbol
