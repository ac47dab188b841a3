-- One name of a dataset leads to one gene.
-- table: staging.genes__measured
SELECT
    dataset_id,
    measurement,
    source_symbol,
    count(*) AS genes
FROM staging.genes__measured
GROUP BY dataset_id, measurement, source_symbol
HAVING count(*) > 1
