-- A marker that is mostly below its limit is refused before any survival analysis.
-- table: core.plasma_panel__survival
SELECT
    survival.study_id,
    survival.marker,
    survival.endpoint,
    detection.verdict
FROM core.plasma_panel__survival AS survival
INNER JOIN core.plasma_panel__detection AS detection
    ON
        survival.study_id = detection.study_id
        AND survival.marker = detection.marker
WHERE NOT detection.is_tested
