-- Without two replicate matrices there is no p-value, and a note says why.
-- table: core.drug_combination__blocks
SELECT
    study_id,
    block_id,
    n_replicates,
    replicate_bliss_p,
    p_note
FROM core.drug_combination__blocks
WHERE
    (replicate_bliss_p IS NOT NULL AND n_replicates < 2)
    OR (n_replicates < 2 AND p_note IS NULL)
