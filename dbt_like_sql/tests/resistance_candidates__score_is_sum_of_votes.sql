-- What the contrasts contribute to a gene adds up to its score.
-- table: core.evidence__resistance_ranks
SELECT r.drug_class, r.hgnc_symbol, r.score, sum(v.contribution) AS contributed
FROM core.evidence__resistance_ranks AS r
INNER JOIN core.evidence__resistance_votes AS v ON v.drug_class = r.drug_class AND v.hgnc_symbol = r.hgnc_symbol
GROUP BY r.drug_class, r.hgnc_symbol, r.score
HAVING abs(r.score - sum(v.contribution)) > 1e-9
