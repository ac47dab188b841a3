-- An intersection is no larger than its smallest list, and no list is larger than the universe.
-- table: core.intersections__sets
WITH sizes AS (
    SELECT
        intersection_id,
        size,
        universe_size,
        cast(unnest(string_split(sizes_in_universe, '|')) AS BIGINT) AS list_size
    FROM core.intersections__sets
)

SELECT
    intersection_id,
    size,
    list_size,
    universe_size
FROM sizes
WHERE size > list_size OR list_size > universe_size
