-- An overlap is no larger than the list or the set, and these are no larger than the universe.
-- table: core.enrichment__terms
SELECT
    list_id,
    collection,
    term_id,
    overlap,
    list_size,
    set_size,
    universe_size
FROM core.enrichment__terms
WHERE overlap > least(list_size, set_size) OR greatest(list_size, set_size) > universe_size
