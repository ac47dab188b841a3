-- How many gene names of each dataset are known: names of another kind or organism would be lost
-- without a word otherwise.
WITH counted_names AS (
    SELECT
        dataset_id,
        measurement,
        count(source_symbol) AS names,
        count(source_symbol) FILTER (WHERE resolution NOT IN ('unknown', 'ambiguous'))
            AS known_names,
        min(source_symbol) FILTER (WHERE resolution IN ('unknown', 'ambiguous'))
            AS unknown_example
    FROM staging.genes__measured
    GROUP BY dataset_id, measurement
)

SELECT
    dataset_id,
    measurement,
    names,
    known_names,
    unknown_example,
    known_names || ' of ' || names || ' gene names are known'
    || CASE
        WHEN unknown_example IS NULL THEN ''
        ELSE ', not e.g. ''' || left(unknown_example, 60) || ''''
    END AS statement
FROM counted_names
ORDER BY dataset_id, measurement
