-- Genes ranked per drug class by resistance contrasts alone, and beside the rank what patients, tissues, cancer lists and
-- gene families say of them.
WITH tumour AS (
    SELECT d.hgnc_symbol, d.contrast_id, d.log2_fold_change, d.q_value_bh
    FROM marts.deg_by_contrast AS d
    INNER JOIN raw.catalog__contrasts AS c ON c.contrast_id = d.contrast_id
    WHERE
        d.drug IS NULL
        AND regexp_matches(lower(c.numerator), '^tumou?r')
        AND contains(lower(c.denominator), 'normal')
    QUALIFY row_number() OVER (
        PARTITION BY d.hgnc_symbol ORDER BY d.n_numerator + d.n_denominator DESC, d.contrast_id
    ) = 1
),
groups AS (
    SELECT symbol AS hgnc_symbol, unnest(string_split(gene_group, '|')) AS gene_group
    FROM raw.hgnc__genes
    WHERE status = 'Approved'
),
families AS (
    SELECT hgnc_symbol, string_agg(DISTINCT gene_group, '|' ORDER BY gene_group) AS target_families
    FROM groups
    WHERE
        regexp_matches(lower(gene_group), 'kinase|receptor|channel|transporter|protease|peptidase|phosphodiesterase')
        AND NOT regexp_matches(lower(gene_group), 'ligand|inhibitor|substrate|regulatory|associated|anchoring')
    GROUP BY hgnc_symbol
)
SELECT
    r.drug_class,
    r.hgnc_symbol,
    a.gene_name,
    r.rank,
    r.score,
    r.direction,
    r.n_studies,
    r.n_contrasts,
    r.n_contrasts_same_direction,
    r.p_value_permutation,
    r.q_value_bh,
    r.rank_min_leave_one_out,
    r.rank_max_leave_one_out,
    e.os_hazard_ratio_per_sd,
    e.os_q_value_bh,
    e.os_percentile,
    t.contrast_id AS tumour_contrast_id,
    t.log2_fold_change AS tumour_log2_fold_change,
    t.q_value_bh AS tumour_q_value_bh,
    coalesce(e.in_cancer_gene_list, false) AS in_cancer_gene_list,
    f.target_families
FROM core.evidence__resistance_ranks AS r
LEFT JOIN staging.genes__approved AS a ON a.hgnc_symbol = r.hgnc_symbol
LEFT JOIN marts.gene_evidence AS e ON e.hgnc_symbol = r.hgnc_symbol
LEFT JOIN tumour AS t ON t.hgnc_symbol = r.hgnc_symbol
LEFT JOIN families AS f ON f.hgnc_symbol = r.hgnc_symbol
ORDER BY r.drug_class, r.hgnc_symbol
