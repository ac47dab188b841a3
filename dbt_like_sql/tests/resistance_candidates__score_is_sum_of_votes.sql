-- What the contrasts contribute to a gene adds up to its score.
-- table: core.evidence__resistance_ranks
SELECT
    ranks.drug_class,
    ranks.hgnc_symbol,
    ranks.score,
    sum(votes.contribution) AS contributed
FROM core.evidence__resistance_ranks AS ranks
INNER JOIN core.evidence__resistance_votes AS votes
    ON
        ranks.drug_class = votes.drug_class
        AND ranks.hgnc_symbol = votes.hgnc_symbol
GROUP BY ranks.drug_class, ranks.hgnc_symbol, ranks.score
HAVING abs(ranks.score - sum(votes.contribution)) > 1e-9
