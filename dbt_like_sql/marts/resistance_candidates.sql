-- Genes ranked per drug class by resistance contrasts alone, and beside the rank what patients,
-- tissues, cancer lists and gene families say of them.
WITH tumour_contrasts AS (
    SELECT
        contrast_genes.hgnc_symbol,
        contrast_genes.contrast_id,
        contrast_genes.log2_fold_change,
        contrast_genes.q_value_bh
    FROM marts.deg_by_contrast AS contrast_genes
    INNER JOIN raw.catalog__contrasts AS contrasts
        ON contrast_genes.contrast_id = contrasts.contrast_id
    WHERE
        contrast_genes.drug IS NULL
        AND contrasts.organism = 'Homo sapiens'
        AND regexp_matches(lower(contrasts.numerator), '^tumou?r')
        AND contains(lower(contrasts.denominator), 'normal')
    QUALIFY row_number() OVER (
        PARTITION BY contrast_genes.hgnc_symbol
        ORDER BY
            contrast_genes.n_numerator + contrast_genes.n_denominator DESC,
            contrast_genes.contrast_id ASC
    ) = 1
),

gene_groups AS (
    SELECT
        symbol AS hgnc_symbol,
        unnest(string_split(gene_group, '|')) AS gene_group
    FROM raw.hgnc__genes
    WHERE status = 'Approved'
),

target_genes AS (
    SELECT
        hgnc_symbol,
        string_agg(DISTINCT gene_group, '|' ORDER BY gene_group) AS target_families
    FROM gene_groups
    WHERE
        regexp_matches(
            lower(gene_group),
            'kinase|receptor|channel|transporter|protease|peptidase|phosphodiesterase'
        )
        AND NOT regexp_matches(
            lower(gene_group), 'ligand|inhibitor|substrate|regulatory|associated|anchoring'
        )
    GROUP BY hgnc_symbol
),

-- What CIViC knows of a gene: for drugs of the class, and for any drug.
known_evidence AS (
    SELECT
        evidence.hgnc_symbol,
        classes.drug_class,
        evidence.variant,
        evidence.drug,
        evidence.evidence_level,
        evidence.pubmed_id
    FROM staging.knowledge__resistance_evidence AS evidence
    LEFT JOIN raw.catalog__drug_classes AS classes
        ON evidence.drug = classes.drug
    WHERE evidence.direction = 'supports'
),

known_in_class AS (
    SELECT
        drug_class,
        hgnc_symbol,
        string_agg(DISTINCT nullif(variant, ''), '|' ORDER BY nullif(variant, '')) AS variants,
        string_agg(DISTINCT drug, '|' ORDER BY drug) AS drugs,
        string_agg(DISTINCT evidence_level, '|' ORDER BY evidence_level) AS levels,
        string_agg(DISTINCT pubmed_id, '|' ORDER BY pubmed_id) AS pubmed_ids
    FROM known_evidence
    WHERE drug_class IS NOT NULL
    GROUP BY drug_class, hgnc_symbol
),

known_anywhere AS (
    SELECT
        hgnc_symbol,
        string_agg(DISTINCT nullif(variant, ''), '|' ORDER BY nullif(variant, '')) AS variants,
        string_agg(DISTINCT drug, '|' ORDER BY drug) AS drugs,
        string_agg(DISTINCT evidence_level, '|' ORDER BY evidence_level) AS levels,
        string_agg(DISTINCT pubmed_id, '|' ORDER BY pubmed_id) AS pubmed_ids
    FROM known_evidence
    GROUP BY hgnc_symbol
),

-- Without the source nothing is "new here": it is not known what is known.
knowledge AS (
    SELECT count(*) > 0 AS is_loaded
    FROM staging.knowledge__resistance_evidence
),

-- One cohort for every gene, so that hazard ratios of a column can be compared: the one with most
-- deaths. Patients that were given a drug of a class stand apart.
reference_cohort AS (
    SELECT survival.cohort_id
    FROM marts.survival_by_gene AS survival
    LEFT JOIN raw.catalog__treated_cohorts AS treated_cohorts
        ON survival.cohort_id = treated_cohorts.cohort_id
    WHERE survival.endpoint = 'OS' AND treated_cohorts.cohort_id IS NULL
    GROUP BY survival.cohort_id
    ORDER BY max(survival.events) DESC, max(survival.n) DESC, survival.cohort_id ASC
    LIMIT 1
),

overall_survival AS (
    SELECT
        survival.hgnc_symbol,
        survival.cohort_id,
        survival.n,
        survival.events,
        survival.primary_scale,
        survival.hazard_ratio_primary,
        survival.q_primary,
        survival.percentile_primary
    FROM marts.survival_by_gene AS survival
    INNER JOIN reference_cohort
        ON survival.cohort_id = reference_cohort.cohort_id
    WHERE survival.endpoint = 'OS'
)

SELECT
    ranks.drug_class,
    ranks.hgnc_symbol,
    approved_genes.gene_name,
    ranks.rank,
    ranks.score,
    ranks.direction,
    ranks.n_studies,
    ranks.n_contrasts,
    ranks.n_contrasts_same_direction,
    ranks.p_value_permutation,
    ranks.q_value_bh,
    ranks.rank_min_leave_one_out,
    ranks.rank_max_leave_one_out,
    overall_survival.cohort_id AS os_cohort_id,
    overall_survival.n AS os_n,
    overall_survival.events AS os_events,
    overall_survival.primary_scale AS os_expression_scale,
    overall_survival.hazard_ratio_primary AS os_hazard_ratio_per_sd,
    overall_survival.q_primary AS os_q_value_bh,
    overall_survival.percentile_primary AS os_percentile,
    tumour_contrasts.contrast_id AS tumour_contrast_id,
    tumour_contrasts.log2_fold_change AS tumour_log2_fold_change,
    tumour_contrasts.q_value_bh AS tumour_q_value_bh,
    coalesce(gene_evidence.in_cancer_gene_list, FALSE) AS in_cancer_gene_list,
    target_genes.target_families,
    CASE
        WHEN known_in_class.hgnc_symbol IS NOT NULL THEN 'known_for_class'
        WHEN known_anywhere.hgnc_symbol IS NOT NULL THEN 'known_for_other_drug'
        WHEN knowledge.is_loaded THEN 'new_here'
    END AS known_mechanism,
    coalesce(known_in_class.levels, known_anywhere.levels) AS known_levels,
    coalesce(known_in_class.variants, known_anywhere.variants) AS known_variants,
    coalesce(known_in_class.drugs, known_anywhere.drugs) AS known_drugs,
    coalesce(known_in_class.pubmed_ids, known_anywhere.pubmed_ids) AS known_pubmed_ids
FROM core.evidence__resistance_ranks AS ranks
CROSS JOIN knowledge
LEFT JOIN known_in_class
    ON
        ranks.drug_class = known_in_class.drug_class
        AND ranks.hgnc_symbol = known_in_class.hgnc_symbol
LEFT JOIN known_anywhere
    ON ranks.hgnc_symbol = known_anywhere.hgnc_symbol
LEFT JOIN staging.genes__approved AS approved_genes
    ON ranks.hgnc_symbol = approved_genes.hgnc_symbol
LEFT JOIN marts.gene_evidence AS gene_evidence
    ON ranks.hgnc_symbol = gene_evidence.hgnc_symbol
LEFT JOIN overall_survival
    ON ranks.hgnc_symbol = overall_survival.hgnc_symbol
LEFT JOIN tumour_contrasts
    ON ranks.hgnc_symbol = tumour_contrasts.hgnc_symbol
LEFT JOIN target_genes
    ON ranks.hgnc_symbol = target_genes.hgnc_symbol
ORDER BY ranks.drug_class, ranks.hgnc_symbol
