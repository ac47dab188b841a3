"""Alterations and the other layers: a section of a gene's page, and one page per cohort with its oncoprint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from resistance_assets.report.curves import curve_columns, from_the_start, step_curves
from resistance_assets.report.explain import alterations as told
from resistance_assets.report.explain.text import number, span
from resistance_assets.report.figures import Figure, Selector, axis
from resistance_assets.report.html import Heading, Page, link, table
from resistance_assets.report.pages.strata import add_strata, add_strongest_in_strata
from resistance_assets.report.paths import alterations_path, gene_path
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literal, literals

CALLS = "staging.cohorts__gene_copy_number"
EXPRESSION = "staging.cohorts__gene_expression"
METHYLATION = "staging.cohorts__methylation"
GENE_PATIENTS = "core.alterations__gene_patients"
ALTERED_CURVES = "core.alterations__kaplan_meier"
DRIVERS = "core.alterations__drivers"
DRIVER_EXPRESSION = "core.alterations__driver_expression"
PAIRS = "core.alterations__pairs"
BURDEN = "core.alterations__burden"
CALL_WORDS = ("deep loss", "loss", "neutral", "gain", "amplified")
MOST_ONCOPRINT_GENES = 25
CANDIDATES_PER_CLASS = 5
MOST_LISTED = 100
MOST_DRIVER_GENES = 25

# ---- on a gene's page ------------------------------------------------------------------------------------------------


def add_alterations(published: Published, page: Page, gene: str, document: dict[str, Any]) -> None:
    """How often the gene is altered, its layers against its mRNA, survival by alteration and by stratum, and what is
    known of it."""
    keys = ("alterations", "cis_effects", "altered_survival", "stratum_survival", "known_mechanisms")
    if not any(document[key] for key in keys):
        return
    page.heading("Alterations and other layers")
    if document["alterations"]:
        page.figure(_frequency_bars(published, gene, document["alterations"]))
    for figure in (_expression_by_call(published, gene), _methylation_scatter(published, gene, document)):
        if figure:
            page.figure(figure)
    page.add(
        table(
            "How often it is altered", _FREQUENCIES, _frequency_rows(document["alterations"]), filter_by=("stratum_id",)
        ),
        table(
            "Its other layers against its mRNA",
            _CIS,
            [{**row, "layer": row["layer"].replace("_", " ")} for row in document["cis_effects"]],
        ),
    )
    if figure := altered_curves_figure(published, gene, document["altered_survival"]):
        page.figure(figure)
    add_altered_survival(page, "Survival by alteration", _ALTERED, document["altered_survival"])
    add_strata(published, page, gene, document["stratum_survival"])
    add_known_mechanisms(page, document["known_mechanisms"])


def add_known_mechanisms(page: Page, rows: list[dict[str, Any]]) -> None:
    """Curated evidence, each item with a link to its publication."""
    if not rows:
        return
    shown = [
        {
            **row,
            "paper": link(f"https://pubmed.ncbi.nlm.nih.gov/{row['pubmed_id']}/", row["pubmed_id"])
            if row["pubmed_id"]
            else None,
            "item": f"EID{row['evidence_id']}",
        }
        for row in rows
    ]
    page.add(table("Known mechanism of resistance (CIViC)", _KNOWN, shown))


def add_altered_survival(
    page: Page, caption: str, headings: list[Heading], rows: list[dict[str, Any]], **options: Any
) -> None:
    """Altered against unaltered: genes whose groups are large enough, and folded away those that are too small."""
    tested = [row for row in rows if row["p_likelihood_ratio"] is not None]
    small = [row for row in rows if row["p_likelihood_ratio"] is None]
    if tested or not small:
        page.add(table(caption, headings, _with_intervals(tested), **options))
    if small:
        small.sort(key=lambda row: (row["p_permutation"] is None, row["p_permutation"] or 0.0))
        minimum = next((_minimum_of(row["fit_note"]) for row in small if _minimum_of(row["fit_note"])), None)
        least = table(
            f"Below the minimum of a group{f' ({minimum})' if minimum else ''}: only the permutation p stands",
            [one for one in headings if one.key not in _ONLY_TESTED],
            _with_intervals(small),
            **options,
        )
        page.fold(f"{len(small):,} comparisons with too few altered patients or events", [least])


def _minimum_of(note: str | None) -> str | None:
    """The minimum that the note of a comparison states."""
    found = re.search(r"the minimum is ([^:]+):", note or "")
    return found[1] if found else None


_ONLY_TESTED = ("fit_note", "interval", "p_likelihood_ratio", "q_value_bh", "p_logrank")


def altered_curves_figure(published: Published, gene: str, tests: list[dict[str, Any]]) -> Figure | None:
    """Kaplan-Meier curves of altered and unaltered patients, a choice per cohort, class and endpoint."""
    if not published.filled(ALTERED_CURVES):
        return None
    points = f"""SELECT cohort_id || ' ' || endpoint || ', ' || replace(alteration_class, '_', ' ') AS comparison,
    cohort_id, alteration_class, endpoint, alteration_group, time_months, survival, ci_lower, ci_upper, n_at_risk,
    n_events, n_censored
FROM {ALTERED_CURVES}
WHERE hgnc_symbol = {literal(gene)}"""
    within = "comparison, cohort_id, alteration_class, endpoint, alteration_group"
    sql = f"""{from_the_start(points, within)}
ORDER BY cohort_id, list_position({list(told.CLASSES)}, alteration_class),
    list_position(['OS', 'DSS', 'DFS', 'PFS'], endpoint), endpoint, alteration_group, time_months, survival DESC"""
    found = published.columns(sql)
    if not found["survival"]:
        return None
    sizes: dict[tuple[str, str], int] = {}
    for choice, group, at_risk in zip(found["comparison"], found["alteration_group"], found["n_at_risk"], strict=True):
        sizes.setdefault((choice, group), at_risk)
    p_of = {
        f"{row['cohort_id']} {row['endpoint']}, {row['alteration_class'].replace('_', ' ')}": (
            f"; log-rank p {number(row['p_logrank'])}"
            if row["p_logrank"] is not None
            else f"; permutation p {number(row['p_permutation'])}"
            if row["p_permutation"] is not None
            else ""
        )
        for row in tests
    }
    choices = list(dict.fromkeys(found["comparison"]))
    counts = {one: [sizes.get((one, group), 0) for group in ("altered", "unaltered")] for one in choices}
    options = tuple(
        (one, f"{published.in_words(one)}: {counts[one][0]} altered, {counts[one][1]} not{p_of.get(one, '')}")
        for one in choices
    )
    return Figure(
        ident=f"altered-{gene}",
        title=f"Kaplan-Meier curves by alteration of {gene}",
        caption="Altered patients against those in whom it was looked for and not found, with 95 % bands; ticks are "
        "censored patients.",
        alternative=f"Survival curves of patients with and without an alteration of {gene}. "
        + "; ".join(label for _, label in options),
        columns=curve_columns(found, "comparison", "alteration_group"),
        traces=step_curves("alteration_group", (("altered", "altered"), ("unaltered", "unaltered"))),
        layout={
            "xaxis": axis("months", rangemode="tozero"),
            "yaxis": axis("survival", range=[0, 1.02], tickformat=".0%"),
        },
        height=420,
        selectors=(Selector("comparison", "Comparison", options),),
        n="; ".join(label for _, label in options),
        method="Kaplan-Meier, 95 % limits by the log transform; from three patients on either side",
        tables=[(ALTERED_CURVES, published.stamp(ALTERED_CURVES)["data_version"])],
        sql=sql,
    )


def _frequency_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            **row,
            "class": row["alteration_class"].replace("_", " "),
            "interval": f"{row['frequency_lower']:.1%} to {row['frequency_upper']:.1%}",
            "share": None if row["frequency"] is None else f"{row['frequency']:.1%}",
            "share_sort": row["frequency"],
        }
        for row in rows
    ]


def _with_intervals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            **row,
            "class": row["alteration_class"].replace("_", " "),
            "interval": span(row["ci_lower"], row["ci_upper"]),
            "of": f"{number(row['n_altered'])} / {number(row['n'])}",
            "events_of": f"{number(row['events_altered'])} / {number(row['events'])}",
        }
        for row in rows
    ]


def _frequency_bars(published: Published, gene: str, rows: list[dict[str, Any]]) -> Figure:
    everyone = [row for row in rows if row["stratum_id"] == told.ALL_PATIENTS and row["frequency"] is not None]
    cohorts = tuple(dict.fromkeys(row["cohort_id"] for row in everyone))
    columns = {
        "cohort_id": [row["cohort_id"] for row in everyone],
        "class": [row["alteration_class"].replace("_", " ") for row in everyone],
        "share": [row["frequency"] for row in everyone],
        "above": [row["frequency_upper"] - row["frequency"] for row in everyone],
        "below": [row["frequency"] - row["frequency_lower"] for row in everyone],
        "altered_of": [f"{row['n_altered']} of {row['n']}" for row in everyone],
    }
    said = "; ".join(f"{name} {of}" for name, of in zip(columns["class"], columns["altered_of"], strict=True))
    return Figure(
        ident="alteration-frequencies",
        title=f"How often {gene} is altered",
        caption="Share of the patients in whom the class was looked for, with exact 95 % intervals.",
        alternative=f"Bars of the share of patients with an alteration of {gene}: {said}.",
        columns=columns,
        traces=[
            {
                "type": "bar", "x": "$class", "y": "$share", "customdata": "$altered_of", "showlegend": False,
                "marker": {"color": "@down"},
                "error_y": {"type": "data", "array": "$above", "arrayminus": "$below", "color": "@text"},
                "hovertemplate": "<b>%{x}</b><br>%{y:.1%} (%{customdata})<extra></extra>",
            }
        ],
        layout={"xaxis": axis("", type="category"), "yaxis": axis("patients altered", tickformat=".0%")},
        height=320,
        selectors=(Selector("cohort_id", "Cohort", tuple((one, one) for one in cohorts)),) if len(cohorts) > 1 else (),
        n=said,
        method="Clopper and Pearson's interval",
        tables=[(told.FREQUENCIES, published.stamp(told.FREQUENCIES)["data_version"])],
        sql=f"SELECT * FROM {told.FREQUENCIES} WHERE hgnc_symbol = {literal(gene)} AND stratum_id = 'all'",
    )  # fmt: skip


def _expression_by_call(published: Published, gene: str) -> Figure | None:
    """Boxes of the gene's mRNA by its copy-number call."""
    if not (published.has(CALLS, "gistic_call") and published.has(EXPRESSION, "expression_value")):
        return None
    sql = f"""SELECT c.cohort_id, c.gistic_call, e.expression_value
FROM {CALLS} AS c
INNER JOIN {EXPRESSION} AS e
    ON e.cohort_id = c.cohort_id AND e.hgnc_symbol = c.hgnc_symbol AND e.patient_id = c.patient_id
WHERE c.hgnc_symbol = {literal(gene)} AND e.hgnc_symbol = {literal(gene)} AND c.gistic_call IS NOT NULL
    AND e.expression_value IS NOT NULL
ORDER BY c.cohort_id, c.gistic_call, c.patient_id"""
    found = published.columns(sql)
    if not found["gistic_call"]:
        return None
    cohorts = tuple(dict.fromkeys(found["cohort_id"]))
    columns = {**found, "call": [CALL_WORDS[call + 2] for call in found["gistic_call"]]}
    counts = ", ".join(f"{columns['call'].count(word)} {word}" for word in CALL_WORDS if word in columns["call"])
    return Figure(
        ident="copy-number-mrna",
        title=f"Copy number of {gene} against its mRNA",
        caption="Boxes: quartiles and median of the expression of patients by GISTIC call.",
        alternative=f"Box plots of the expression of {gene} by copy-number call: {counts}.",
        columns=columns,
        traces=[
            {
                "type": "box", "name": word, "y": "$expression_value", "where": [["call", word]], "boxpoints": "all",
                "jitter": 0.4, "pointpos": 0, "showlegend": False, "line": {"color": f"@{role}"},
                "marker": {"size": 3, "opacity": 0.5, "color": f"@{role}"},
            }
            for word, role in zip(CALL_WORDS, ("down", "down", "none", "up", "up"), strict=True)
            if word in columns["call"]
        ],
        layout={"xaxis": axis("", type="category"), "yaxis": axis("expression on the scale of the profile")},
        height=360,
        selectors=(Selector("cohort_id", "Cohort", tuple((one, one) for one in cohorts)),) if len(cohorts) > 1 else (),
        n=counts,
        method="GISTIC thresholded calls; Spearman in the table below",
        tables=[(name, published.stamp(name)["data_version"]) for name in (CALLS, EXPRESSION)],
        sql=sql,
    )  # fmt: skip


def _methylation_scatter(published: Published, gene: str, document: dict[str, Any]) -> Figure | None:
    """The probe with the strongest correlation against the gene's mRNA."""
    probes = [row for row in document["cis_effects"] if row["layer"] == "methylation" and row["rho"] is not None]
    if not probes or not published.has(METHYLATION, "beta_value"):
        return None
    best = min(probes, key=lambda row: row["p_value"])
    sql = f"""SELECT m.patient_id, m.beta_value, e.expression_value
FROM {METHYLATION} AS m
INNER JOIN {EXPRESSION} AS e
    ON e.cohort_id = m.cohort_id AND e.hgnc_symbol = m.hgnc_symbol AND e.patient_id = m.patient_id
WHERE m.cohort_id = {literal(best["cohort_id"])} AND m.feature_id = {literal(best["feature_id"])}
    AND e.hgnc_symbol = {literal(gene)} AND m.beta_value IS NOT NULL AND e.expression_value IS NOT NULL
ORDER BY m.patient_id"""
    found = published.columns(sql)
    if not found["beta_value"]:
        return None
    words = f"Spearman {number(best['rho'])}, q {number(best['q_value_bh'])}, {best['n']} patients"
    return Figure(
        ident="methylation-mrna",
        title=f"Methylation of {gene} against its mRNA: {best['feature_id']}",
        caption=f"Of {len(probes)} probes of the gene the one with the strongest correlation. {words}.",
        alternative=f"Scatter plot of methylation against expression of {gene}. {words}.",
        columns=found,
        traces=[
            {
                "type": "scatter", "mode": "markers", "x": "$beta_value", "y": "$expression_value",
                "text": "$patient_id", "showlegend": False, "marker": {"color": "@down", "size": 5, "opacity": 0.6},
                "hovertemplate": "<b>%{text}</b><br>beta %{x:.2f}<br>expression %{y:.3g}<extra></extra>",
            }
        ],
        layout={
            "xaxis": axis("share of methylated copies (beta)", range=[-0.02, 1.02]),
            "yaxis": axis("expression on the scale of the profile"),
        },
        height=360,
        n=f"{best['n']} patients of {published.in_words(best['cohort_id'])}",
        method="Spearman; q Benjamini-Hochberg over the probes",
        tables=[(name, published.stamp(name)["data_version"]) for name in (METHYLATION, EXPRESSION)],
        sql=sql,
    )  # fmt: skip


# ---- one page per cohort ---------------------------------------------------------------------------------------------


def alteration_pages(published: Published, gene_pages: set[str]) -> list[Page]:
    """A page for every cohort that has a layer, or strata."""
    return [_cohort_page(published, cohort_id, gene_pages) for cohort_id in cohorts_with_layers(published)]


def cohorts_with_layers(published: Published) -> list[str]:
    """Cohorts that were measured for a layer or have a stratum."""
    if not published.has(told.LAYERS):
        return []
    rows = published.rows(
        f"""
        SELECT cohort_id FROM {told.LAYERS} WHERE is_measured
        UNION SELECT cohort_id FROM {told.STRATA} ORDER BY cohort_id
        """
    )
    return [row["cohort_id"] for row in rows]


def layer_sentences(published: Published) -> list[Any]:
    """Links to the pages of alterations, for the index of cohorts."""
    return [link(alterations_path(one), one) for one in cohorts_with_layers(published)]


def _cohort_page(published: Published, cohort_id: str, gene_pages: set[str]) -> Page:
    title = published.titles.get(cohort_id, cohort_id)
    page = Page(alterations_path(cohort_id), f"{title}: alterations, layers and strata")

    def rows(sql: str) -> list[dict[str, Any]]:
        found = published.rows(sql, [cohort_id])
        for row in found:
            for key in [name for name in row if name.startswith("hgnc_symbol")]:
                symbol = row[key]
                row[key.replace("hgnc_symbol", "gene")] = (
                    link(page.root + gene_path(symbol), symbol) if symbol in gene_pages else symbol
                )
        return found

    layers = rows(f"SELECT * FROM {told.LAYERS} WHERE cohort_id = ? ORDER BY layer")
    for row in layers:
        row["layer"] = row["layer"].replace("_", " ")
    page.add(table("Layers", _LAYERS, layers, is_searchable=False))
    if figure := oncoprint(published, cohort_id):
        page.figure(figure)
    page.add(table("Drivers", _DRIVERS, rows(f"SELECT * FROM {DRIVERS} WHERE cohort_id = ?"), is_searchable=False))
    strata = rows(f"SELECT * FROM {told.STRATA} WHERE cohort_id = ? ORDER BY stratum_id, endpoint")
    page.add(table("Strata: who is in them, and whether survival is screened there", _STRATA, strata))
    add_strongest_in_strata(published, page, cohort_id, gene_pages)
    frequencies = rows(
        f"SELECT *, n_profiled AS n FROM {told.FREQUENCIES} WHERE cohort_id = ? AND stratum_id = 'all' "
        "AND alteration_class IN ('mutation', 'amplification', 'deep_loss', 'fusion') AND n_altered > 0 "
        "ORDER BY frequency DESC, hgnc_symbol"
    )
    page.add(
        table("How often genes are altered", [_GENE, *_FREQUENCIES[2:]], _frequency_rows(frequencies), most=MOST_LISTED)
    )
    survival = rows(
        f"SELECT * FROM {told.SURVIVAL} WHERE cohort_id = ? "
        "ORDER BY p_likelihood_ratio NULLS LAST, hgnc_symbol, endpoint"
    )
    add_altered_survival(
        page, "Survival by alteration, strongest first", [_GENE, *_ALTERED[1:]], survival, most=MOST_LISTED,
        filter_by=("endpoint", "class"),
    )  # fmt: skip
    pairs = rows(f"SELECT * FROM {PAIRS} WHERE cohort_id = ? ORDER BY p_value, hgnc_symbol_a, hgnc_symbol_b")
    by_driver = rows(
        f"SELECT * FROM {DRIVER_EXPRESSION} WHERE cohort_id = ? QUALIFY row_number() OVER (PARTITION BY "
        f"driver_id ORDER BY p_value, hgnc_symbol) <= {MOST_DRIVER_GENES} ORDER BY driver_id, p_value"
    )
    for row in pairs:
        row["direction"] = row["direction"].replace("_", "-")
    for row in by_driver:
        row["beside"] = (row["covariates"] or "nothing else").replace("|", ", ").replace("_", " ")
    page.add(
        table(
            "Co-occurrence and exclusivity of mutations", _PAIRS, pairs, most=MOST_LISTED, filter_by=("direction",)
        ),
        table(
            "Tumour mutational burden", _BURDEN,
            rows(f"SELECT * FROM {BURDEN} WHERE cohort_id = ? ORDER BY kind, against"),
        ),
        table("Expression by driver, strongest first", _DRIVER_EXPRESSION, by_driver, filter_by=("driver_id",)),
    )  # fmt: skip
    return page


# Mark of a class: colour, shape and size; the larger ones are drawn first.
_MARKS: Sequence[tuple[str, str, str, int]] = (
    ("amplification", "up", "square", 12),
    ("deep loss", "down", "square", 12),
    ("fusion", "fourth", "diamond", 9),
    ("truncating", "marked", "square", 5),
    ("missense", "third", "square", 5),
    ("other mutation", "muted", "square", 5),
)


def oncoprint(published: Published, cohort_id: str) -> Figure | None:
    """Alterations of the drivers and the first candidates, gene by gene and patient by patient."""
    genes = _oncoprint_genes(published, cohort_id)
    sql = f"""SELECT hgnc_symbol, patient_id, mutation_class, is_amplified, is_deep_loss, fusion_partners,
    protein_changes
FROM {GENE_PATIENTS}
WHERE cohort_id = {literal(cohort_id)}
    AND hgnc_symbol IN ({literals(genes) or "NULL"})
ORDER BY hgnc_symbol, patient_id"""
    rows = published.rows(sql) if genes else []
    if not rows:
        return None
    altered: dict[str, set[str]] = {}
    for row in rows:
        altered.setdefault(row["hgnc_symbol"], set()).add(row["patient_id"])
    shown = [gene for gene in genes if gene in altered]
    patients = sorted(
        {row["patient_id"] for row in rows}, key=lambda one: ([one not in altered[gene] for gene in shown], one)
    )
    place = {one: at for at, one in enumerate(patients)}
    label = {gene: f"{gene} ({len(altered[gene])})" for gene in shown}
    columns: dict[str, list[Any]] = {"patient": [], "place": [], "gene": [], "class": [], "detail": []}
    for row in rows:
        for name, detail in _classes_of(row):
            values = (row["patient_id"], place[row["patient_id"]], label[row["hgnc_symbol"]], name, detail)
            for column, value in zip(columns, values, strict=True):
                columns[column].append(value)
    said = ", ".join(f"{gene} {len(altered[gene])}" for gene in shown)
    return Figure(
        ident="oncoprint",
        title="Oncoprint of drivers and first candidates",
        caption="One column per patient with an alteration of these genes; patients of a driver stand together.",
        alternative=f"Oncoprint of {len(patients)} patients. Patients altered: {said}.",
        columns=columns,
        traces=[
            {
                "type": "scatter", "mode": "markers", "name": name, "x": "$place", "y": "$gene",
                "where": [["class", name]], "text": "$patient", "customdata": "$detail",
                "marker": {"color": f"@{role}", "symbol": shape, "size": size, "opacity": 0.9},
                "hovertemplate": f"<b>%{{text}}</b><br>%{{y}}: {name} %{{customdata}}<extra></extra>",
            }
            for name, role, shape, size in _MARKS
            if name in columns["class"]
        ],
        layout={
            "xaxis": axis("patients", showticklabels=False, showgrid=False, zeroline=False),
            "yaxis": axis(
                "", type="category", categoryorder="array", categoryarray=[label[gene] for gene in reversed(shown)]
            ),
        },
        height=140 + 24 * len(shown),
        least_width=min(1600, 260 + 5 * len(patients)),
        n=f"{len(patients)} patients with an alteration of these genes",
        method="mutations that are not silent; GISTIC 2 and -2; called fusions",
        tables=[(GENE_PATIENTS, published.stamp(GENE_PATIENTS)["data_version"])],
        sql=sql,
    )  # fmt: skip


def _classes_of(row: dict[str, Any]) -> list[tuple[str, str]]:
    found = [("amplification", "")] if row["is_amplified"] else []
    found += [("deep loss", "")] if row["is_deep_loss"] else []
    found += [("fusion", f"with {row['fusion_partners']}")] if row["fusion_partners"] else []
    kind = row["mutation_class"]
    if kind:
        name = kind if kind in ("truncating", "missense") else "other mutation"
        found.append((name, row["protein_changes"] or ""))
    return found


def _oncoprint_genes(published: Published, cohort_id: str) -> list[str]:
    rules = published.rows(f"SELECT rule FROM {DRIVERS} WHERE cohort_id = ?", [cohort_id])
    genes = [part.split(":")[0] for row in rules for part in row["rule"].split("|")]
    if published.filled("marts.resistance_candidates", "rank"):
        genes += [
            row["hgnc_symbol"]
            for row in published.rows(
                "SELECT hgnc_symbol FROM marts.resistance_candidates WHERE rank <= ? ORDER BY rank, hgnc_symbol",
                [CANDIDATES_PER_CLASS],
            )
        ]
    return list(dict.fromkeys(genes))[:MOST_ONCOPRINT_GENES]


_GENE = Heading("gene", "Gene")
_COHORT = Heading("cohort_id", "Cohort")
_FREQUENCIES = [
    _COHORT,
    Heading("stratum_id", "Patients", "all, or a stratum"),
    Heading("class", "Class"),
    Heading("n_altered", "Altered", "patients", True),
    Heading("n", "Of", "patients in whom it was looked for", True),
    Heading("share", "Share", None, True),
    Heading("interval", "95 % CI", "exact", True),
]
_CIS = [
    _COHORT,
    Heading("layer", "Layer"),
    Heading("feature_id", "Feature", "probe or antibody"),
    Heading("n", "Patients", None, True),
    Heading("rho", "rho", "Spearman", True),
    Heading("p_value", "p", None, True),
    Heading("q_value_bh", "q (BH)", "within cohort and layer", True),
    Heading("expected_direction", "Expected"),
    Heading("p_amplified_against_diploid", "p, amplified v diploid", "rank sum", True),
    Heading("fit_note", "Note"),
]
_ALTERED = [
    _COHORT,
    Heading("endpoint", "Endpoint"),
    Heading("class", "Class"),
    Heading("of", "Altered / patients", None, True),
    Heading("events_of", "Events", "of the altered / of all", True),
    Heading("hazard_ratio", "HR", "altered over unaltered", True),
    Heading("interval", "95 % CI", None, True),
    Heading("p_likelihood_ratio", "p", "likelihood ratio", True),
    Heading("q_value_bh", "q (BH)", "over the genes of the class", True),
    Heading("p_logrank", "p log-rank", None, True),
    Heading("p_permutation", "p permutation", "where a group is below the declared minimum", True),
    Heading("fit_note", "Note"),
]
_KNOWN = [
    Heading("variant", "Variant"),
    Heading("drug", "Drug"),
    Heading("evidence_level", "Level", "A validated, B clinical, C case study, D preclinical, E inferential"),
    Heading("significance", "Significance"),
    Heading("direction", "Direction"),
    Heading("disease", "Disease"),
    Heading("paper", "PubMed"),
    Heading("item", "Item"),
]
_LAYERS = [
    Heading("layer", "Layer"),
    Heading("note", "State"),
    Heading("n_patients", "Patients", None, True),
    Heading("n_genes", "Genes", "with a value or an alteration", True),
]
_DRIVERS = [
    Heading("driver_id", "Driver"),
    Heading("rule", "Rule"),
    Heading("n_altered", "Altered", None, True),
    Heading("n_measured", "Patients", "in whom it was looked for", True),
    Heading("note", "Note"),
]
_STRATA = [
    Heading("title", "Stratum"),
    Heading("rule", "Rule"),
    Heading("endpoint", "Endpoint"),
    Heading("n", "Patients", None, True),
    Heading("events", "Events", None, True),
    Heading("note", "Note", "a stratum below its declared minimum is refused"),
]
_PAIRS = [
    Heading("gene_a", "Gene"),
    Heading("gene_b", "Other gene"),
    Heading("direction", "Direction"),
    Heading("n_both", "Both", None, True),
    Heading("expected_both", "Expected", "of the burdens alone", True),
    Heading("n_a_only", "First alone", None, True),
    Heading("n_b_only", "Second alone", None, True),
    Heading("n_neither", "Neither", None, True),
    Heading("p_value", "p", "Poisson-binomial, keeps each tumour's burden", True),
    Heading("q_value_bh", "q (BH)", "over the pairs", True),
    Heading("odds_ratio_fisher", "Odds ratio", "Fisher", True),
    Heading("p_value_fisher", "p Fisher", "ignores the burden", True),
]
_BURDEN = [
    Heading("kind", "Against"),
    Heading("against", "What"),
    Heading("n", "Patients", None, True),
    Heading("n_events_or_altered", "Events, or altered", None, True),
    Heading("hazard_ratio_per_doubling", "HR per doubling", None, True),
    Heading("median_altered", "Median, altered", "mutations", True),
    Heading("median_unaltered", "Median, unaltered", "mutations", True),
    Heading("p_value", "p", None, True),
    Heading("q_value_bh", "q (BH)", None, True),
]
_DRIVER_EXPRESSION = [
    Heading("driver_id", "Driver"),
    Heading("gene", "Gene"),
    Heading("n", "Patients", None, True),
    Heading("n_altered", "Altered", None, True),
    Heading("log2_difference", "Difference", "altered less unaltered, on the scale of the profile", True),
    Heading("statistic", "t", "moderated", True),
    Heading("p_value", "p", None, True),
    Heading("q_value_bh", "q (BH)", "over the genes of the driver", True),
    Heading("beside", "Beside", "covariates of the model"),
]
