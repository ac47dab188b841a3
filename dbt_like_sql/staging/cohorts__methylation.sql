-- Methylation of probes, one sample per patient. The symbol is what HGNC makes of the vendor's.
WITH cohorts AS (
    SELECT DISTINCT
        cohort_id,
        study_id,
        origin = 'study' AS is_laboratory
    FROM raw.catalog__cohorts
),

feature_values AS (
    SELECT
        study_id,
        FALSE AS is_laboratory,
        stable_id,
        feature_id,
        hugo_symbol,
        sample_id,
        value
    FROM raw.cbioportal__methylation_values
    UNION ALL
    SELECT
        study_id,
        TRUE AS is_laboratory,
        layer AS stable_id,
        feature_id,
        hugo_symbol,
        sample_id,
        value
    FROM raw.studies__layer_values
    WHERE layer = 'methylation'
)

SELECT
    cohorts.cohort_id,
    feature_values.stable_id AS profile_id,
    feature_values.feature_id,
    coalesce(
        symbols.hgnc_symbol, nullif(trim(feature_values.hugo_symbol), '')
    ) AS hgnc_symbol,
    samples.patient_id,
    feature_values.value AS beta_value
FROM feature_values
INNER JOIN cohorts
    ON
        feature_values.study_id = cohorts.study_id
        AND feature_values.is_laboratory = cohorts.is_laboratory
INNER JOIN staging.cohorts__samples AS samples
    ON
        cohorts.cohort_id = samples.cohort_id
        AND feature_values.sample_id = samples.sample_id
        AND samples.is_analysed
LEFT JOIN staging.genes__symbols AS symbols
    ON upper(trim(feature_values.hugo_symbol)) = symbols.symbol
ORDER BY
    cohorts.cohort_id, feature_values.stable_id, feature_values.feature_id, samples.patient_id
