-- Every sample of cohorts and studies, with what its sheet says of it. A study whose patients were followed is a cohort.
WITH sheets AS (
    SELECT
        study_id,
        sample_id,
        max(value) FILTER (WHERE attribute_id = 'patient_id') AS patient_id,
        string_agg(attribute_id || '=' || value, '|' ORDER BY attribute_id) AS attributes
    FROM raw.studies__samples
    GROUP BY study_id, sample_id
),
counted AS (
    SELECT DISTINCT study_id, sample_id FROM raw.studies__gene_sample_counts
)
SELECT
    p.cohort_id AS dataset_id,
    'cohort' AS kind,
    p.sample_id,
    p.patient_id,
    coalesce(h.attributes, 'sample_type=' || p.sample_type) AS attributes,
    p.is_analysed
FROM staging.cohorts__samples AS p
LEFT JOIN sheets AS h ON h.study_id = p.cohort_id AND h.sample_id = p.sample_id
UNION ALL
SELECT
    s.study_id,
    'study',
    s.sample_id,
    s.patient_id,
    s.attributes,
    c.sample_id IS NOT NULL
FROM sheets AS s
ANTI JOIN staging.cohorts__samples AS p ON p.cohort_id = s.study_id
LEFT JOIN counted AS c ON c.study_id = s.study_id AND c.sample_id = s.sample_id
ORDER BY 1, 3
