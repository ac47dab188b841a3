-- What is known of acquired resistance to each class of drugs, in numbers and in one sentence.
WITH drug_classes AS (
    SELECT DISTINCT drug_class
    FROM raw.catalog__drug_classes
),

study_kinds AS (
    SELECT
        drug_class,
        independent_study,
        bool_or(is_inferential) AS has_replicates
    FROM core.evidence__study_effects
    WHERE state = 'acquired' AND is_measured
    GROUP BY drug_class, independent_study
),

study_counts AS (
    SELECT
        drug_class,
        count(independent_study) FILTER (WHERE has_replicates) AS n_independent_studies,
        count(independent_study) FILTER (WHERE NOT has_replicates) AS n_studies_silent
    FROM study_kinds
    GROUP BY drug_class
),

word_counts AS (
    SELECT
        drug_class,
        count(hgnc_symbol) FILTER (WHERE confidence = 'replicated') AS n_replicated,
        count(hgnc_symbol) FILTER (WHERE confidence = 'suggested') AS n_suggested,
        count(hgnc_symbol) FILTER (WHERE confidence = 'single study') AS n_single_study,
        count(hgnc_symbol) FILTER (WHERE confidence = 'effect only') AS n_effect_only,
        count(hgnc_symbol) FILTER (WHERE confidence = 'contradicted') AS n_contradicted
    FROM marts.candidates
    GROUP BY drug_class
),

-- Genes that would pass the fold-change rules of the class's contrasts without replicates by noise
-- alone, at the smallest biological variation that the catalog assumes.
smallest_noise AS (
    SELECT
        contrast_id,
        min(bcv) AS bcv,
        min_by(expected_genes, bcv) AS expected_genes
    FROM core.deg__noise_null
    GROUP BY contrast_id
),

noise_genes AS (
    SELECT
        contrasts.drug_class,
        min(smallest_noise.bcv) AS noise_bcv,
        sum(smallest_noise.expected_genes) AS n_effect_only_by_noise
    FROM smallest_noise
    INNER JOIN raw.catalog__contrasts AS contrasts
        ON smallest_noise.contrast_id = contrasts.contrast_id
    WHERE contrasts.state = 'acquired'
    GROUP BY contrasts.drug_class
),

best_words AS (
    SELECT
        drug_class,
        confidence
    FROM marts.candidates
    WHERE rank_in_drug_class = 1 AND confidence IN ('replicated', 'suggested', 'single study')
),

-- The three first genes of the best word that the class has.
leading_genes AS (
    SELECT
        candidates.drug_class,
        string_agg(candidates.hgnc_symbol, ', ' ORDER BY candidates.rank_in_drug_class)
            AS leading_genes
    FROM marts.candidates AS candidates
    INNER JOIN best_words
        ON
            candidates.drug_class = best_words.drug_class
            AND candidates.confidence = best_words.confidence
    WHERE candidates.rank_in_drug_class <= 3
    GROUP BY candidates.drug_class
),

counted_classes AS (
    SELECT
        drug_classes.drug_class,
        leading_genes.leading_genes,
        noise_genes.n_effect_only_by_noise,
        noise_genes.noise_bcv,
        confidence_rules.replicated_studies,
        coalesce(word_counts.n_replicated, 0) AS n_replicated,
        coalesce(word_counts.n_suggested, 0) AS n_suggested,
        coalesce(word_counts.n_single_study, 0) AS n_single_study,
        coalesce(word_counts.n_effect_only, 0) AS n_effect_only,
        coalesce(word_counts.n_contradicted, 0) AS n_contradicted,
        coalesce(study_counts.n_independent_studies, 0) AS n_independent_studies,
        coalesce(study_counts.n_studies_silent, 0) AS n_studies_silent
    FROM drug_classes
    CROSS JOIN raw.catalog__confidence_rules AS confidence_rules
    LEFT JOIN study_counts
        ON drug_classes.drug_class = study_counts.drug_class
    LEFT JOIN word_counts
        ON drug_classes.drug_class = word_counts.drug_class
    LEFT JOIN noise_genes
        ON drug_classes.drug_class = noise_genes.drug_class
    LEFT JOIN leading_genes
        ON drug_classes.drug_class = leading_genes.drug_class
)

SELECT
    drug_class,
    n_replicated,
    n_suggested,
    n_single_study,
    n_effect_only,
    n_contradicted,
    n_independent_studies,
    n_studies_silent,
    n_effect_only_by_noise,
    leading_genes,
    concat(
        drug_class,
        ': ',
        CASE
            WHEN n_independent_studies + n_studies_silent = 0
                THEN 'no contrast of resistant against parental cells has data'
            ELSE concat_ws(
                '; ',
                CASE
                    WHEN n_independent_studies = 0 THEN 'no study with replicates'
                    WHEN n_replicated = 0 AND n_independent_studies < replicated_studies
                        THEN concat(
                            'nothing can be replicated yet, with ',
                            n_independent_studies,
                            CASE
                                WHEN n_independent_studies = 1 THEN ' independent study'
                                ELSE ' independent studies'
                            END,
                            ' of the ',
                            replicated_studies,
                            ' that it takes'
                        )
                    WHEN n_replicated = 0
                        THEN concat(
                            'no gene is replicated in ',
                            n_independent_studies,
                            ' independent studies'
                        )
                    ELSE concat(
                        n_replicated,
                        CASE WHEN n_replicated = 1 THEN ' gene is' ELSE ' genes are' END,
                        ' replicated over ',
                        n_independent_studies,
                        ' independent studies (',
                        leading_genes,
                        CASE WHEN n_replicated > 3 THEN ', …' ELSE '' END,
                        ')'
                    )
                END,
                CASE
                    WHEN n_suggested > 0
                        THEN concat(
                            format('{:,}', n_suggested),
                            CASE WHEN n_replicated > 0 THEN ' more' ELSE '' END,
                            CASE
                                WHEN n_suggested = 1 THEN ' is suggested' ELSE ' are suggested'
                            END,
                            CASE
                                WHEN n_replicated = 0
                                    THEN concat(
                                        ' (',
                                        leading_genes,
                                        CASE WHEN n_suggested > 3 THEN ', …' ELSE '' END,
                                        ')'
                                    )
                                ELSE ''
                            END
                        )
                END,
                CASE
                    WHEN n_single_study > 0
                        THEN concat(
                            format('{:,}', n_single_study),
                            CASE
                                WHEN n_single_study = 1 THEN ' rests on a single study'
                                ELSE ' rest on a single study'
                            END
                        )
                END,
                CASE
                    WHEN n_effect_only > 0
                        THEN concat(
                            format('{:,}', n_effect_only),
                            ' by effect only',
                            CASE
                                WHEN n_effect_only_by_noise IS NOT NULL
                                    THEN concat(
                                        ' (noise alone gives about ',
                                        cast(round(n_effect_only_by_noise) AS BIGINT),
                                        ' at a BCV of ',
                                        printf('%g', noise_bcv),
                                        ')'
                                    )
                                ELSE ''
                            END
                        )
                END,
                CASE
                    WHEN n_contradicted > 0
                        THEN concat(format('{:,}', n_contradicted), ' contradicted')
                END,
                CASE
                    WHEN n_studies_silent > 0
                        THEN concat(
                            n_studies_silent,
                            CASE
                                WHEN
                                    n_studies_silent = 1
                                    THEN ' study says nothing yet (no replicates)'
                                ELSE ' studies say nothing yet (no replicates)'
                            END
                        )
                END
            )
        END,
        '.'
    ) AS answer_sentence
FROM counted_classes
ORDER BY drug_class
