"""One gene's whole story: every axis of evidence, each number with n, method, table and source checksum.

`explain_gene` gathers a document (plain dictionaries, ready for JSON); a terminal and the pages show the same
one. What is not there is part of it, with the reason. Nothing is computed here but what a query sorts and counts.
"""

from __future__ import annotations

import re
from typing import Any

from resistance_assets.errors import UsageFault
from resistance_assets.report.explain import alterations
from resistance_assets.report.explain.bench import knock_downs, panel_markers
from resistance_assets.report.explain.opening import opening
from resistance_assets.report.explain.single_cell import cell_types
from resistance_assets.report.explain.survival import competing_risks, discrimination, time_ratios
from resistance_assets.report.published import Published, short_reason

CORRELATES_SHOWN = 10
# Of STRING, out of 1000: what it calls high confidence. Below it most pairs rest on texts that name both genes.
LEAST_COMBINED_SCORE = 700
_SCREEN_Q = "q Benjamini-Hochberg over all genes"
SURVIVAL_MODELS = {
    "continuous": f"Cox model on expression, Efron ties; p of the likelihood ratio; {_SCREEN_Q}",
    "continuous_adjusted": f"the same, adjusted for covariates; {_SCREEN_Q}",
    "rank_normal": f"Cox model on the normal scores of the ranks, Efron ties; p of the likelihood ratio; {_SCREEN_Q}",
    "rank_normal_adjusted": f"the same, adjusted for covariates; {_SCREEN_Q}",
    "median_split": f"Cox model and log-rank test, above against at or below the median; {_SCREEN_Q}",
    "quartile_split": f"the same, highest against lowest quarter; {_SCREEN_Q}",
}


def explain_gene(published: Published, symbol: str) -> dict[str, Any]:
    """Everything that the release holds of a gene.

    Args:
        symbol: approved, previous or alias symbol in any case, an Ensembl gene id, or an NCBI Gene id.

    Returns:
        `asked`, `gene` (symbol, name, ids, aliases, how it was resolved), `release`, `synthetic`, `opening` (its
        evidence in two or three sentences), `summary` (the row of
        marts.gene_evidence), one list or dictionary per axis (`contrasts`, `candidate_scores`, `lists`, `survival`,
        `discrimination` (AUC), `competing_risks`, `time_ratios`, `tumour_vs_normal` (contrasts of tissues),
        `tissue_ranks` (rank sums of tissues), `correlates`,
        `enriched_terms`, `interactions`, `copy_number`, `alterations` (frequencies), `cis_effects` (layers against
        mRNA), `altered_survival`, `stratum_survival`, `known_mechanisms` (CIViC), `panel_markers` (plasma),
        `knock_downs` (EC50), `cell_types` (single cells)), each entry with `table`, `data_version`, `method`, `n` and
        `sources` (id and SHA-256) where they apply, and `missing` (what, why).

    Raises:
        UsageFault: the name is not known, or stands for several genes; says the nearest ones.
    """
    gene = resolve_gene(published, symbol)
    name = gene["hgnc_symbol"]
    missing: list[dict[str, str]] = []
    contrasts = _contrasts(published, name, missing)
    document: dict[str, Any] = {
        "asked": symbol,
        "gene": gene,
        "release": {
            "number": published.release,
            "written_at": published.facts.get("written_at"),
            "code_revision": published.facts.get("code_revision"),
        },
        "synthetic": published.is_synthetic,
        "summary": _summary(published, name),
        "contrasts": [row for row in contrasts if not row.pop("is_tumour_vs_normal")],
        "candidate_scores": _candidate_scores(published, name, missing),
        "lists": _lists(published, name, missing),
        "survival": _survival(published, name, missing),
        "discrimination": discrimination(published, name),
        "competing_risks": competing_risks(published, name),
        "time_ratios": time_ratios(published, name),
        "tumour_vs_normal": [],
        "tissue_ranks": _tissue_ranks(published, name, missing),
        "correlates": _correlates(published, name, missing),
        "enriched_terms": _enriched_terms(published, name, missing),
        "interactions": _interactions(published, gene, missing),
        "copy_number": _copy_number(published, name, missing),
        "alterations": alterations.alterations(published, name, missing),
        "cis_effects": alterations.cis_effects(published, name),
        "altered_survival": alterations.altered_survival(published, name),
        "stratum_survival": alterations.stratum_survival(published, name),
        "known_mechanisms": alterations.known_mechanisms(published, name, missing),
        "panel_markers": panel_markers(published, name),
        "knock_downs": knock_downs(published, name),
        "cell_types": cell_types(published, name),
        "missing": missing,
    }
    shown = {(row["contrast_id"], row["method"]) for row in document["contrasts"]}
    document["tumour_vs_normal"] = [row for row in contrasts if (row["contrast_id"], row["method"]) not in shown]
    if not document["tumour_vs_normal"]:
        missing.append(
            {"what": "tumour against normal", "why": "no contrast of tumour and normal tissue holds the gene"}
        )
    document["opening"] = opening(published, name, document)
    return document


# ---- which gene ------------------------------------------------------------------------------------------------------


def resolve_gene(published: Published, asked: str) -> dict[str, Any]:
    """The gene that a name or id stands for.

    Raises:
        UsageFault: it stands for none, or for several.
    """
    text = asked.strip()
    key = text.upper()
    found, resolution = None, "approved"
    if re.fullmatch(r"ENSG\d{11}(\.\d+)?", key) or key.isdigit():
        column, value = ("entrez_gene_id", int(key)) if key.isdigit() else ("ensembl_gene_id", key.split(".")[0])
        found = published.value(f"SELECT hgnc_symbol FROM staging.genes__approved WHERE {column} = ?", [value])
        resolution = "id"
    if found is None:
        known = published.rows("SELECT * FROM staging.genes__symbols WHERE symbol = ?", [key])
        if known and known[0]["hgnc_symbol"] is None:
            raise UsageFault(
                "stands for several genes",
                subject=text,
                remedy=f"Ask for one of: {known[0]['candidates'].replace('|', ', ')}.",
            )
        if known:
            found, resolution = known[0]["hgnc_symbol"], known[0]["resolution"]
    if found is None:
        # A dataset's own symbol that HGNC does not know.
        found = published.value("SELECT hgnc_symbol FROM marts.gene_evidence WHERE upper(hgnc_symbol) = ?", [key])
        resolution = "as the dataset gives it"
    if found is None:
        near = nearest_symbols(published, key)
        raise UsageFault(
            "is no gene symbol that HGNC or any dataset knows",
            subject=text or "''",
            remedy=f"Did you mean {', '.join(near)}?" if near else "Give an HGNC symbol, an alias, or an id.",
        )
    approved = published.rows("SELECT * FROM staging.genes__approved WHERE hgnc_symbol = ?", [found])
    row = approved[0] if approved else {}
    return {
        "hgnc_symbol": found,
        "resolution": resolution,
        "gene_name": row.get("gene_name"),
        "cytoband": row.get("cytoband"),
        "locus_group": row.get("locus_group"),
        "hgnc_id": row.get("hgnc_id"),
        "entrez_gene_id": row.get("entrez_gene_id"),
        "ensembl_gene_id": row.get("ensembl_gene_id"),
        "alias_symbols": (row.get("alias_symbols") or "").split("|") if row.get("alias_symbols") else [],
        **published.stamp("staging.genes__symbols"),
        "sources": published.loaded_sources_of("hgnc_complete_set"),
    }


def nearest_symbols(published: Published, key: str, limit: int = 5) -> list[str]:
    """Symbols a slip of the keyboard away, those that the warehouse measured first."""
    rows = published.rows(
        """
        WITH known AS (
            SELECT symbol, hgnc_symbol FROM staging.genes__symbols WHERE hgnc_symbol IS NOT NULL
            UNION SELECT upper(hgnc_symbol), hgnc_symbol FROM marts.gene_evidence
        ),
        near AS (
            SELECT symbol, hgnc_symbol, damerau_levenshtein(symbol, $key) AS distance,
                jaro_winkler_similarity(symbol, $key) AS similarity
            FROM known
            WHERE abs(length(symbol) - length($key)) <= 2
        )
        SELECT hgnc_symbol
        FROM near
        WHERE distance <= greatest(1, least(3, length($key) // 3)) OR similarity > 0.93
        GROUP BY hgnc_symbol
        ORDER BY min(distance), max(similarity) DESC, hgnc_symbol IN (SELECT hgnc_symbol FROM marts.gene_evidence) DESC,
            hgnc_symbol
        LIMIT $limit
        """,
        {"key": key, "limit": limit},
    )
    return [row["hgnc_symbol"] for row in rows]


# ---- the axes --------------------------------------------------------------------------------------------------------


def _summary(published: Published, gene: str) -> dict[str, Any] | None:
    rows = published.rows("SELECT * FROM marts.gene_evidence WHERE hgnc_symbol = ?", [gene])
    return {**rows[0], **published.stamp("marts.gene_evidence")} if rows else None


def _contrasts(published: Published, gene: str, missing: list[dict[str, str]]) -> list[dict[str, Any]]:
    table = "core.deg__contrast_genes"
    stamp = published.stamp(table)
    rows = published.rows(
        f"""
        SELECT g.contrast_id, c.study_id, c.drug, c.drug_class, g.method, g.log2_fold_change,
            g.log2_fold_change_shrunken, g.standard_error, g.p_value, g.q_value_bh, g.p_value_note, g.n_numerator,
            g.n_denominator, g.evidence_kind, m.direction AS in_list,
            c.drug IS NULL AND regexp_matches(lower(c.numerator), '^tumou?r')
                AND regexp_matches(lower(c.denominator), 'normal') AS is_tumour_vs_normal
        FROM {table} AS g
        INNER JOIN raw.catalog__contrasts AS c ON c.contrast_id = g.contrast_id
        LEFT JOIN core.gene_lists__lists AS l
            ON l.contrast_id = g.contrast_id AND l.method = g.method
                AND l.list_id IN (SELECT list_id FROM core.gene_lists__members WHERE hgnc_symbol = $gene)
        LEFT JOIN core.gene_lists__members AS m ON m.list_id = l.list_id AND m.hgnc_symbol = g.hgnc_symbol
        WHERE g.hgnc_symbol = $gene
        ORDER BY c.drug IS NULL, g.contrast_id, g.method
        """,
        {"gene": gene},
    )
    for row in rows:
        row.update(stamp, sources=published.loaded_sources_of(row["study_id"]))
    seen = {row["contrast_id"] for row in rows}
    genes = published.rows(f"SELECT contrast_id, count(DISTINCT hgnc_symbol) AS genes FROM {table} GROUP BY ALL")
    measured = {row["contrast_id"]: row["genes"] for row in genes}
    aside = _rows_set_aside(published, gene)
    absent: dict[str, list[str]] = {}
    for row in published.rows("SELECT contrast_id, study_id FROM raw.catalog__contrasts ORDER BY contrast_id"):
        contrast = row["contrast_id"]
        if contrast in seen:
            continue
        if contrast in measured:
            why = f"not among the {measured[contrast]:,} genes that it measured"
            names = {source.source_id.rsplit("/", 1)[-1] for source in published.sources_of(row["study_id"])}
            for source, reason in aside:
                if source.rsplit("/", 1)[-1] in names or row["study_id"] in source:
                    why += f"; a row that names it was set aside: {reason}"
                    break
        else:
            why = f"not loaded: {published.why_absent(row['study_id'])}"
        absent.setdefault(why, []).append(contrast)
    for why, contrasts in absent.items():
        named = ", ".join(published.contrast_titles.get(contrast, contrast) for contrast in contrasts)
        missing.append({"what": f"contrast{'s' * (len(contrasts) > 1)} {named}", "why": why})
    return rows


def _rows_set_aside(published: Published, gene: str) -> list[tuple[str, str]]:
    if not published.has("raw.rejected_rows") or not re.fullmatch(r"[\w.\-]+", gene):
        return []
    rows = published.rows(
        "SELECT DISTINCT source, reason FROM raw.rejected_rows WHERE regexp_matches(row_text, ?) ORDER BY ALL",
        [rf"(^|[^\w-]){re.escape(gene)}($|[^\w-])"],
    )
    return [(row["source"], row["reason"]) for row in rows]


def _candidate_scores(published: Published, gene: str, missing: list[dict[str, str]]) -> list[dict[str, Any]]:
    table = "marts.resistance_candidates"
    if not published.has(table):
        missing.append({"what": "candidate score", "why": f"this release has no {table}"})
        return []
    rows = published.rows(
        f"""
        SELECT *, count(*) OVER (PARTITION BY drug_class) AS n_ranked FROM {table}
        QUALIFY hgnc_symbol = ? ORDER BY drug_class
        """,
        [gene],
    )
    weights = "core.evidence__resistance_votes"
    for row in rows:
        row.update(published.stamp(table), method="direction-aware rank aggregation, every study counting once")
        if published.has(weights):
            row["contributions"] = published.rows(
                f"SELECT * FROM {weights} WHERE hgnc_symbol = ? AND drug_class = ? ORDER BY study_id, contrast_id",
                [gene, row["drug_class"]],
            )
        studies = dict.fromkeys(part["study_id"] for part in row.get("contributions", ()))
        row["sources"] = [source for study in studies for source in published.loaded_sources_of(study)]
    if not rows:
        missing.append({"what": "candidate score", "why": "no contrast under a drug measured the gene"})
    return rows


def _lists(published: Published, gene: str, missing: list[dict[str, str]]) -> list[dict[str, Any]]:
    rows = published.rows(
        """
        SELECT l.list_id, l.title, l.role, m.direction, l.rule, l.n_genes, l.universe_size, c.study_id
        FROM core.gene_lists__members AS m
        INNER JOIN core.gene_lists__lists AS l ON l.list_id = m.list_id
        LEFT JOIN raw.catalog__contrasts AS c ON c.contrast_id = l.contrast_id
        WHERE m.hgnc_symbol = ?
        ORDER BY l.role, l.list_id
        """,
        [gene],
    )
    stamp = published.stamp("core.gene_lists__members")
    for row in rows:
        study = row.pop("study_id")
        # Lists of interaction partners carry their database in the name: partners__<database>__<of>.
        database = row["list_id"].split("__")[1] if row["role"] == "interaction_partners" else None
        row.update(stamp, sources=published.loaded_sources_of(study or database or row["list_id"]))
    published_lists = published.rows("SELECT list_id FROM core.gene_lists__lists WHERE role = 'cancer_genes'")
    if not any(row["role"] == "cancer_genes" for row in rows):
        names = ", ".join(row["list_id"] for row in published_lists)
        why = f"in none of the cancer gene lists that are loaded ({names})" if names else "no such list is loaded"
        missing.append({"what": "cancer gene list", "why": why})
    lacking = published.rows(
        "SELECT source_id FROM meta.sources WHERE state <> 'loaded' AND contains(feeds, 'raw.gene_lists__members')"
    )
    missing.extend(
        {
            "what": f"gene list {row['source_id']}",
            "why": f"not loaded: {short_reason(published.sources[row['source_id']])}",
        }
        for row in lacking
    )
    return rows


def _survival(published: Published, gene: str, missing: list[dict[str, str]]) -> list[dict[str, Any]]:
    table = "core.survival__cohort_endpoint_genes"
    covariates = "covariates" if published.has(table, "covariates") else "NULL"
    if published.has(table, "q_value_bh_likelihood_ratio"):
        leading = (
            "p_likelihood_ratio AS p_leading, q_value_bh_likelihood_ratio AS q_leading, "
            "percentile_likelihood_ratio AS percentile_leading"
        )
        added = "expression_scale, is_primary, p_permutation, observed_high, observed_low"
    else:
        # A release of before: its q-values are of the Wald test.
        leading = "p_value AS p_leading, q_value_bh AS q_leading, percentile_among_genes AS percentile_leading"
        added = "NULL AS expression_scale, NULL AS is_primary, NULL AS p_permutation"
    rows = published.rows(
        f"""
        SELECT cohort_id, endpoint, model, {covariates} AS covariates, n, events, hazard_ratio, ci_lower, ci_upper,
            hazard_ratio_per_sd,
            exp(ln(nullif(ci_lower, 0)) * sd) AS ci_lower_per_sd, exp(ln(nullif(ci_upper, 0)) * sd) AS ci_upper_per_sd,
            p_value, q_value_bh, percentile_among_genes, p_likelihood_ratio, {leading}, {added},
            p_logrank, q_value_bh_logrank, percentile_logrank, n_high, n_low,
            median_survival_months_high, median_survival_months_low, events_for_80pct_power, fit_status, fit_note
        FROM (
            -- The standard deviation: limits per unit of expression are moved to its scale.
            SELECT *, ln(nullif(hazard_ratio_per_sd, 0)) / nullif(ln(nullif(hazard_ratio, 0)), 0) AS sd
            FROM {table}
            WHERE hgnc_symbol = ?
        )
        ORDER BY cohort_id, list_position(['OS', 'DSS', 'DFS', 'PFS'], endpoint), endpoint, model
        """,
        [gene],
    )
    stamp = published.stamp(table)
    for row in rows:
        row.update(
            stamp,
            method=survival_method(row["model"], row["covariates"]),
            sources=published.loaded_sources_of(row["cohort_id"]),
        )
    counted = published.rows("SELECT cohort_id, count(hgnc_symbol) AS genes FROM staging.cohorts__genes GROUP BY 1")
    genes = {row["cohort_id"]: row["genes"] for row in counted}
    seen = {row["cohort_id"] for row in rows}
    for cohort in published.rows("SELECT DISTINCT cohort_id FROM raw.catalog__cohorts ORDER BY 1"):
        cohort_id = cohort["cohort_id"]
        if cohort_id in seen:
            continue
        if cohort_id in genes:
            why = f"the expression profile of the cohort ({genes[cohort_id]:,} genes) does not hold the gene"
        else:
            why = f"not loaded: {published.why_absent(cohort_id)}"
        missing.append({"what": f"survival in {cohort_id}", "why": why})
    return rows


def survival_method(model: str, covariates: str | None) -> str:
    """How a row of the screen was computed, in words."""
    text = SURVIVAL_MODELS.get(model, model.replace("_", " "))
    return text.replace("covariates", covariates.replace("|", ", ")) if covariates else text


def _tissue_ranks(published: Published, gene: str, missing: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Tumour against normal tissue by rank sums, in studies and cohorts that have both."""
    table = "core.expression__tumour_normal"
    if not published.has(table):
        return []
    rows = published.rows(f"SELECT * FROM {table} WHERE hgnc_symbol = ? ORDER BY comparison_id", [gene])
    stamp = published.stamp(table)
    for row in rows:
        exact = f" ({row['p_value_method']})" if row["p_value_method"] else ""
        row.update(
            stamp,
            method=f"Wilcoxon rank sum on {row['expression_scale']}{exact}; {_SCREEN_Q}",
            sources=published.loaded_sources_of(row["dataset_id"]),
        )
    compared = published.rows(f"SELECT comparison_id, count(*) AS genes FROM {table} GROUP BY ALL ORDER BY ALL")
    seen = {row["comparison_id"] for row in rows}
    missing.extend(
        {
            "what": f"rank sums of {row['comparison_id']}",
            "why": f"not among the {row['genes']:,} genes that it compared",
        }
        for row in compared
        if row["comparison_id"] not in seen
    )
    if not compared:
        missing.append(
            {
                "what": "rank sums of tumour against normal tissue",
                "why": "no dataset of this release holds both tissues",
            }
        )
    return rows


def _correlates(published: Published, gene: str, missing: list[dict[str, str]]) -> list[dict[str, Any]]:
    table = "core.correlation__gene_pairs"
    rows = published.rows(
        f"""
        SELECT cohort_id, method, hgnc_symbol_b AS partner, n, rho, p_value, q_value_bh
        FROM {table}
        WHERE hgnc_symbol_a = $gene AND hgnc_symbol_b <> $gene AND rho IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY cohort_id, method ORDER BY abs(rho) DESC, hgnc_symbol_b) <= $most
        ORDER BY cohort_id, method, abs(rho) DESC, partner
        """,
        {"gene": gene, "most": CORRELATES_SHOWN},
    )
    as_partner = False
    if not rows:
        as_partner = True
        rows = published.rows(
            f"""
            SELECT cohort_id, method, hgnc_symbol_a AS partner, n, rho, p_value, q_value_bh
            FROM {table}
            WHERE hgnc_symbol_b = $gene AND hgnc_symbol_a <> $gene AND rho IS NOT NULL
            ORDER BY cohort_id, method, abs(rho) DESC, partner
            """,
            {"gene": gene},
        )
    stamp = published.stamp(table)
    for row in rows:
        row.update(stamp, sources=published.loaded_sources_of(row["cohort_id"]))
    if as_partner:
        targets = ", ".join(
            row["hgnc_symbol_a"] for row in published.rows(f"SELECT DISTINCT hgnc_symbol_a FROM {table} ORDER BY 1")
        )
        why = (
            f"only these genes are held against every other one: {targets}"
            + (
                "; shown is the gene's correlation with them"
                if rows
                else ", and none of their cohorts measured the gene"
            )
            if targets
            else "no correlation is in this release"
        )
        missing.append({"what": "strongest correlates", "why": why})
    return rows


def _enriched_terms(published: Published, gene: str, missing: list[dict[str, str]]) -> list[dict[str, Any]]:
    table = "core.enrichment__terms"
    # A list that was made from what the term says is no evidence for it.
    circular = "is_circular" if published.has(table, "is_circular") else "false"
    rows = published.rows(
        f"""
        SELECT list_id, collection, term_id, term, overlap, set_size, list_size, universe_size, fold_enrichment,
            p_value, q_value_bh, {circular} AS is_circular
        FROM {table}
        WHERE q_value_bh < 0.05 AND contains(',' || genes || ',', ',' || $gene || ',')
        ORDER BY is_circular, q_value_bh, p_value, list_id, term_id
        """,
        {"gene": gene},
    )
    stamp = published.stamp(table)
    for row in rows:
        row.update(
            stamp,
            method="hypergeometric upper tail; q Benjamini-Hochberg within list and collection",
            sources=published.loaded_sources_of(row["collection"]),
        )
    if not rows:
        missing.append({"what": "enriched terms", "why": "no term with q < 0.05 owes its overlap to the gene"})
    return rows


def _interactions(published: Published, gene: dict[str, Any], missing: list[dict[str, str]]) -> list[dict[str, Any]]:
    table = "raw.interactions__pairs"
    rows = published.rows(
        f"""
        WITH names AS (
            SELECT symbol FROM staging.genes__symbols WHERE hgnc_symbol = $symbol
            UNION
            SELECT upper($symbol)
        ),
        pairs AS (
            SELECT database_id, experimental_system,
                CASE WHEN entrez_gene_id_a = $entrez OR upper(symbol_a) IN (FROM names) THEN symbol_b ELSE symbol_a END
                    AS partner
            FROM {table}
            WHERE (
                    entrez_gene_id_a = $entrez OR entrez_gene_id_b = $entrez
                    OR upper(symbol_a) IN (FROM names) OR upper(symbol_b) IN (FROM names)
                )
                AND (combined_score IS NULL OR combined_score >= $least_score)
        )
        SELECT database_id, coalesce(s.hgnc_symbol, p.partner) AS partner, count(*) AS records,
            string_agg(DISTINCT experimental_system, '|' ORDER BY experimental_system) AS experimental_systems
        FROM pairs AS p
        LEFT JOIN staging.genes__symbols AS s ON s.symbol = upper(p.partner)
        WHERE p.partner IS NOT NULL
        GROUP BY ALL
        ORDER BY database_id, records DESC, partner
        """,
        {
            "entrez": gene["entrez_gene_id"],
            "symbol": gene["hgnc_symbol"],
            "least_score": LEAST_COMBINED_SCORE,
        },
    )
    stamp = published.stamp(table)
    for row in rows:
        row.update(stamp, sources=published.loaded_sources_of(row["database_id"]))
    if not rows:
        loaded = ", ".join(
            row["database_id"] for row in published.rows(f"SELECT DISTINCT database_id FROM {table} ORDER BY 1")
        )
        missing.append(
            {"what": "interactors", "why": f"no pair in {loaded}" if loaded else "no interaction database is loaded"}
        )
    return rows


def _copy_number(published: Published, gene: str, missing: list[dict[str, str]]) -> list[dict[str, Any]]:
    table = "staging.cohorts__gene_copy_number"
    rows = published.rows(
        f"""
        SELECT cohort_id, count(gistic_call) AS n, count(*) FILTER (WHERE gistic_call = 2) AS amplified,
            count(*) FILTER (WHERE gistic_call = -2) AS deep_loss
        FROM {table}
        WHERE hgnc_symbol = ?
        GROUP BY cohort_id
        ORDER BY cohort_id
        """,
        [gene],
    )
    stamp = published.stamp(table)
    for row in rows:
        row.update(stamp, method="GISTIC thresholded calls", sources=published.loaded_sources_of(row["cohort_id"]))
    if not rows:
        missing.append({"what": "copy number", "why": "no cohort's copy-number profile holds the gene"})
    return rows
