-- A contrast is shown by one method, with all genes of it.
-- table: marts.deg_by_contrast
SELECT
    contrast_id,
    count(DISTINCT method) AS methods
FROM marts.deg_by_contrast
GROUP BY contrast_id
HAVING count(DISTINCT method) > 1
