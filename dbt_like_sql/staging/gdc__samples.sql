-- What each file was sequenced from. Tumour and normal tissue are told by the sample type code of
-- the barcode (01 and 11); of several aliquots of a patient's tissue the first one is analysed.
WITH files AS (
    SELECT
        project_id,
        file_id,
        patient_id,
        sample_id,
        aliquot_id,
        sample_type,
        nullif(
            regexp_extract(sample_id, '^[^-]+-[^-]+-[^-]+-([0-9]{2})', 1), ''
        ) AS sample_type_code
    FROM raw.gdc__files
)

SELECT
    project_id,
    file_id,
    patient_id,
    sample_id,
    aliquot_id,
    sample_type,
    sample_type_code,
    CASE sample_type_code WHEN '01' THEN 'tumour' WHEN '11' THEN 'normal' END AS tissue,
    coalesce(sample_type_code, '') IN ('01', '11')
    AND patient_id IS NOT NULL
    AND row_number() OVER (
        PARTITION BY project_id, patient_id, sample_type_code
        ORDER BY aliquot_id NULLS LAST, file_id
    ) = 1 AS is_analysed
FROM files
ORDER BY project_id, file_id
