"""What the pages of survival show beside the screen: optimal cuts and what they cost, time-dependent AUC, gene lists as
scores, adjusted models of a gene, and genes pooled over cohorts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from resistance_assets.report.explain.survival import (
    AUC_CONVENTION,
    COVARIATES_ALONE,
    INCIDENCE,
    censored_deaths,
    shared_patients,
)
from resistance_assets.report.explain.text import number, span
from resistance_assets.report.figures import Figure, Selector, axis, frame_of, line_at, minus_log10, ratio_axis
from resistance_assets.report.html import Heading, Page, link, prose, table
from resistance_assets.report.paths import gene_path
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literal, literals

SCREEN = "core.survival__cohort_endpoint_genes"
CUTS = "core.survival__optimal_cuts"
AUC = "core.survival__time_dependent_auc"
SIGNATURES = "core.survival__signatures"
TERMS = "core.survival__multivariable_terms"
MODELS = "core.survival__multivariable_models"
MEANS = "core.survival__restricted_means"
POOLED = "core.survival__meta_analysis"
POOLED_PAGE = "cohorts/pooled.html"
# Beyond so many genes those whose best cut looks like nothing are not drawn.
MOST_CUTS_DRAWN = 6_000
MOST_CUTS_LISTED = 40
MOST_POOLED = 150


# Bars of the columns that `_errors` makes.
_BARS = {"type": "data", "array": "$above", "arrayminus": "$below", "color": "@down", "thickness": 2}


def _where(row: dict[str, Any]) -> str:
    return f"cohort_id = {literal(row['cohort_id'])} AND endpoint = {literal(row['endpoint'])}"


def _version(published: Published, *addresses: str) -> list[tuple[str, str | None]]:
    return [(address, published.stamp(address)["data_version"]) for address in addresses]


def _errors(middle: list[Any], low: list[Any], high: list[Any]) -> dict[str, list[float | None]]:
    """Lengths of the bars of an interval, as plotly wants them."""
    return {
        "above": [None if m is None or h is None else h - m for m, h in zip(middle, high, strict=True)],
        "below": [None if m is None or lo is None else m - lo for m, lo in zip(middle, low, strict=True)],
    }


def _log_bounds(*columns: list[float | None]) -> list[float]:
    return [math.log10(value) for column in columns for value in column if value]


# ---- sections of an endpoint's page ----------------------------------------------------------------------------------


def add_model_sections(published: Published, page: Page, endpoint: dict[str, Any]) -> None:
    """Optimal cuts, time-dependent AUC and gene lists of one cohort and endpoint, as far as the release has them."""
    if published.filled(CUTS) and (figure := cut_figure(published, endpoint)):
        page.heading("The best cut, and what it costs")
        page.paragraph(
            "Whoever tries every cut and reports the best one has tested many times. The corrected p counts them: how "
            "often would the best cut of the same gene look this good, were its patients dealt out at random?"
        )
        page.figure(figure)
        page.add(_cut_table(published, endpoint))
    if published.filled(AUC) and (figure := auc_figure(published, endpoint)):
        page.heading("How well does a gene tell who will have the event?")
        page.paragraph(
            "The time-dependent AUC: of two patients of whom one had the event by that time and the other was still "
            "without it, how often does the model put the right one first? 0.5 is guessing. The cross-validated value "
            "is from patients whom the model had not seen. Beside a model with covariates stands the AUC of the "
            f"covariates alone: what lies above it is what the gene adds. {AUC_CONVENTION}"
        )
        page.figure(figure)
    if published.filled(SIGNATURES) and (figure := signature_figure(published, endpoint)):
        page.heading("Gene lists as scores")
        page.figure(figure)
        page.add(_signature_table(published, endpoint))


def cut_figure(published: Published, endpoint: dict[str, Any]) -> Figure | None:
    """The naive p-value of the best cut against its corrected one, gene by gene."""
    many = published.value(f"SELECT count(p_naive) FROM {CUTS} WHERE {_where(endpoint)}") > MOST_CUTS_DRAWN
    interest = published.genes_of_interest
    only = f"\n    AND (p_naive < 0.05 OR hgnc_symbol IN ({literals(interest)}))" if many else ""
    sql = f"""SELECT hgnc_symbol AS gene, p_naive, p_corrected, q_value_bh, cut_point, n_high, n_low,
    hazard_ratio_at_cut
FROM {CUTS}
WHERE {_where(endpoint)} AND p_naive IS NOT NULL AND p_corrected IS NOT NULL{only}
ORDER BY p_corrected, p_naive, gene"""
    found = published.columns(sql)
    genes = found["gene"]
    if not genes:
        return None
    counts = published.rows(
        f"""SELECT count(p_naive) AS tested, count(*) FILTER (p_naive < 0.05) AS naive,
            count(*) FILTER (p_corrected < 0.05) AS corrected, count(*) FILTER (q_value_bh < 0.05) AS listed,
            min(n) AS least, max(n) AS most, max(events) AS events
        FROM {CUTS} WHERE {_where(endpoint)}"""
    )[0]
    marked = [at for at, gene in enumerate(genes) if gene in interest]
    groups = ["up" if p < 0.05 else "down" if naive < 0.05 else "none" for naive, p in
              zip(found["p_naive"], found["p_corrected"], strict=True)]  # fmt: skip
    share = f"{counts['naive'] / counts['tested']:.0%} of {counts['tested']:,} genes have a naive p below 0.05, "
    share += f"{counts['corrected'] / counts['tested']:.0%} a corrected one; {counts['listed']:,} have q < 0.05."
    left_out = " Genes with a naive p of 0.05 or more are left out of the drawing." if many else ""
    reach = 1.05 * max(minus_log10(p) or 0.0 for p in found["p_naive"])
    return Figure(
        ident="cuts",
        title="Best cut of every gene: naive against corrected p",
        caption=f"{share} On the diagonal the two would be the same. Rings are the genes of interest.{left_out}",
        alternative=(
            f"Scatter plot of {len(genes):,} genes: minus log10 of the naive p of the best cut against that of the "
            f"corrected p. {share}"
        ),
        columns={**found, "group": groups},
        derived={"minus_log10_naive": "p_naive", "minus_log10_corrected": "p_corrected"},
        traces=_cut_traces(found, groups, marked),
        layout={
            "xaxis": axis("−log10 naive p of the best cut", range=[-0.02 * reach, reach]),
            "yaxis": axis("−log10 corrected p", rangemode="tozero"),
            "shapes": [
                {"type": "line", "x0": 0, "y0": 0, "x1": reach, "y1": reach,
                 "line": {"color": "@muted", "width": 1, "dash": "dot"}},
                line_at(y=-math.log10(0.05)),
                line_at(x=-math.log10(0.05)),
            ],
        },
        height=440,
        n=f"{_span(counts['least'], counts['most'])} patients, {counts['events']} events; {counts['tested']:,} genes",
        method=(
            "maximally selected log-rank statistic over all cuts that leave a tenth of the patients on either side; "
            "naive p: that of the best cut taken alone; corrected: by permutation; q Benjamini-Hochberg over all genes"
        ),
        tables=_version(published, CUTS),
        sql=sql,
        find_by="gene",
        find_at=("minus_log10_naive", "minus_log10_corrected"),
    )  # fmt: skip


def _cut_traces(found: dict[str, list[Any]], groups: list[str], marked: list[int]) -> list[dict[str, Any]]:
    """Genes by what is left of their naive p, and rings around the genes of interest."""
    classes = {
        "none": ("naive p ≥ 0.05", "circle"),
        "down": ("naive p < 0.05 only", "triangle-down"),
        "up": ("corrected p < 0.05", "triangle-up"),
    }
    return [
        *(
            {
                "type": "scattergl", "mode": "markers", "name": label, "x": "$minus_log10_naive",
                "y": "$minus_log10_corrected", "text": "$gene", "where": [["group", group]],
                "marker": {"color": f"@{group}", "symbol": symbol, "size": 4 if group == "none" else 6,
                           "opacity": 0.5 if group == "none" else 0.85},
                "hovertemplate": "<b>%{text}</b><br>−log10 naive p %{x:.2f}<br>−log10 corrected p %{y:.2f}"
                "<extra></extra>",
            }
            for group, (label, symbol) in classes.items()
            if group in groups
        ),
        {
            "type": "scatter", "mode": "markers+text", "name": "genes of interest", "hoverinfo": "skip",
            "x": [minus_log10(found["p_naive"][at]) for at in marked],
            "y": [minus_log10(found["p_corrected"][at]) for at in marked],
            "text": [found["gene"][at] if found["p_naive"][at] < 0.05 else "" for at in marked],
            "textposition": "top center", "textfont": {"size": 11, "color": "@text"},
            "marker": {"symbol": "circle-open", "size": 9, "color": "@marked", "line": {"width": 1.5}},
        },
    ]  # fmt: skip


def _span(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _cut_table(published: Published, endpoint: dict[str, Any]) -> str:
    rows = published.rows(
        f"""
        SELECT * FROM {CUTS} WHERE {_where(endpoint)} AND p_naive IS NOT NULL
        ORDER BY p_corrected, p_naive, hgnc_symbol
        """
    )
    for row in rows:
        row["groups"] = f"{row['n_high']} / {row['n_low']}"
    headings = [
        Heading("hgnc_symbol", "Gene"),
        Heading("p_naive", "Naive p", "of the best cut alone: no p-value of anything", True),
        Heading("p_corrected", "Corrected p", "for having tried every cut", True),
        Heading("p_method", "By", "permutation, or Lausen 1994 beyond its reach"),
        Heading("p_lau94", "p, Lausen 1994", "a bound on the corrected p", True),
        Heading("q_value_bh", "q (BH)", "of the corrected p, over all genes", True),
        Heading(
            "percentile_among_genes", "Percentile", "share of genes with a smaller corrected p, mid-rank for ties", True
        ),
        Heading("cut_point", "Cut", "the high group is above it", True),
        Heading("groups", "High / low", "patients", True),
        Heading("n_cut_points", "Cuts tried", None, True),
        Heading("hazard_ratio_at_cut", "HR at the cut", "exaggerated, as is the naive p", True),
    ]
    caption = "Smallest corrected p; the genes of interest are there in any case"
    rows, most = published.with_interest_first(rows, MOST_CUTS_LISTED)
    return table(caption, headings, rows, most=most)


def _auc_sql(published: Published, endpoint: dict[str, Any]) -> str:
    """AUC of every gene, model and time, and one row of each model without the gene."""
    gain = ("auc_covariates_alone", "auc_gain", "auc_gain_ci_lower", "auc_gain_ci_upper", "auc_gain_cross_validated")
    has_gain = published.has(AUC, *gain)
    shown = ", ".join(gain) if has_gain else ", ".join(f"NULL AS {name}" for name in gain)
    # The model without the gene is the same whatever the gene: one row of each model, unless genes lack patients.
    return f"""WITH own AS (
    SELECT *, ends_with(model_id, '{COVARIATES_ALONE}') AS is_alone FROM {AUC}
    WHERE {_where(endpoint)} AND auc IS NOT NULL
),
drawn AS (
    SELECT model_id, time_months, hgnc_symbol, n, n_cases, n_at_risk, auc, ci_lower, ci_upper, auc_cross_validated,
        bootstrap_samples, {shown}
    FROM own WHERE NOT is_alone
    UNION ALL
    SELECT DISTINCT ON (model_id, time_months, n, n_cases) replace(model_id, '{COVARIATES_ALONE}', ''), time_months,
        'covariates alone', n, n_cases, n_at_risk, auc, ci_lower, ci_upper, auc_cross_validated, bootstrap_samples,
        NULL, NULL, NULL, NULL, NULL
    FROM own WHERE is_alone
    ORDER BY model_id, time_months, n DESC, n_cases, hgnc_symbol
)
SELECT model_id || ', ' || time_months::INT || ' months' AS model_and_time, *
FROM drawn
ORDER BY model_id <> 'unadjusted', model_id, time_months, hgnc_symbol <> 'covariates alone', auc, hgnc_symbol"""


def auc_figure(published: Published, endpoint: dict[str, Any]) -> Figure | None:
    """AUC of the genes of interest, a choice per model and time."""
    sql = _auc_sql(published, endpoint)
    found = published.columns(sql)
    if not found["auc"]:
        return None
    choices: dict[str, str] = {}
    for name, n, cases, controls in zip(
        found["model_and_time"], found["n"], found["n_cases"], found["n_at_risk"], strict=True
    ):
        choices.setdefault(name, f"{name.replace('_', ', ')} ({n} patients, {cases} events by then, {controls} after)")
    last = list(choices)[-1]
    best = [
        f"{gene} {number(auc)} ({number(low)} to {number(high)})"
        for gene, auc, low, high, choice in zip(
            found["hgnc_symbol"],
            found["auc"],
            found["ci_lower"],
            found["ci_upper"],
            found["model_and_time"],
            strict=True,
        )
        if choice == last
    ]
    genes = len(set(found["hgnc_symbol"]))
    return Figure(
        ident="auc",
        title="Time-dependent AUC of the genes of interest",
        caption=(
            "Squares with 95 % intervals: as fitted. Open circles: cross-validated. The line is guessing. In a model "
            "with covariates the lowest row is that of the covariates alone; the CSV holds the gain of each gene."
        ),
        alternative=f"Dot plot of the AUC by gene. {last}: {'; '.join(best[::-1][:8])}.",
        columns={**found, **_errors(found["auc"], found["ci_lower"], found["ci_upper"])},
        traces=[
            {
                "type": "scatter", "mode": "markers", "name": "as fitted", "x": "$auc", "y": "$hgnc_symbol",
                "marker": {"color": "@down", "symbol": "square", "size": 9},
                "error_x": _BARS,
                "hovertemplate": "<b>%{y}</b><br>AUC %{x:.3f}<extra></extra>",
            },
            {
                "type": "scatter", "mode": "markers", "name": "cross-validated", "x": "$auc_cross_validated",
                "y": "$hgnc_symbol",
                "marker": {"color": "@up", "symbol": "circle-open", "size": 10, "line": {"width": 2}},
                "hovertemplate": "<b>%{y}</b><br>cross-validated %{x:.3f}<extra></extra>",
            },
        ],
        layout={
            "xaxis": axis("AUC"),
            "yaxis": axis("", type="category"),
            "shapes": [line_at(x=0.5, dash="solid")],
        },
        height=140 + 24 * genes,
        selectors=(Selector("model_and_time", "Model and time", tuple(choices.items())),),
        n="; ".join(choices.values()),
        method=(
            "cumulative cases (T <= t) against dynamic controls, weighted by the inverse probability of censoring; "
            f"percentile interval of {max(found['bootstrap_samples'])} bootstrap samples"
        ),
        tables=_version(published, AUC),
        sql=sql,
    )  # fmt: skip


def _signature_test(published: Published) -> tuple[str, str]:
    """Column of a list's own p-value, and its test in words; a release of before has the Wald test alone."""
    if published.has(SIGNATURES, "p_likelihood_ratio"):
        return "p_likelihood_ratio", "likelihood ratio"
    return "p_value", "Wald"


def signature_figure(published: Published, endpoint: dict[str, Any]) -> Figure | None:
    """Hazard ratios of gene lists as scores, beside random lists of the same size."""
    p, test = _signature_test(published)
    sql = f"""SELECT signature_id, genes_in_signature, n, events, hazard_ratio_per_sd, ci_lower, ci_upper, {p},
    p_random, q_value_bh, random_share_below_005, concordance
FROM {SIGNATURES}
WHERE {_where(endpoint)} AND hazard_ratio_per_sd IS NOT NULL
ORDER BY hazard_ratio_per_sd, signature_id"""
    found = published.columns(sql)
    ratio, low, high = (found[name] for name in ("hazard_ratio_per_sd", "ci_lower", "ci_upper"))
    if not ratio:
        return None
    said = [f"{n}: {number(r)}" for n, r in zip(found["signature_id"], ratio, strict=True)]
    return Figure(
        ident="signatures",
        title="Hazard ratio per standard deviation of a list's score",
        caption="The score is the mean of the standardised expression of the list's genes; 95 % intervals.",
        alternative=f"Forest plot of gene lists. {'; '.join(said[:12])}.",
        columns={**found, **_errors(ratio, low, high)},
        traces=[
            {
                "type": "scatter", "mode": "markers", "x": "$hazard_ratio_per_sd", "y": "$signature_id",
                "showlegend": False, "marker": {"color": "@down", "symbol": "square", "size": 9},
                "error_x": _BARS,
                "customdata": "$p_random",
                "hovertemplate": "<b>%{y}</b><br>hazard ratio %{x:.3f}<br>p against random lists %{customdata:.3g}"
                "<extra></extra>",
            }
        ],
        layout={
            "xaxis": ratio_axis("hazard ratio per SD (log scale)", frame_of(_log_bounds(ratio, low, high), 0.0)),
            "yaxis": axis("", type="category", tickfont={"size": 11}),
            "shapes": [line_at(x=1, dash="solid")],
        },
        height=120 + 30 * len(ratio),
        n=f"{_span(min(found['n']), max(found['n']))} patients, {max(found['events'])} events",
        method=f"Cox model on the score; beside the {test} p the share of random lists of the same size that do as "
        "well by that test",
        tables=_version(published, SIGNATURES),
        sql=sql,
    )  # fmt: skip


def _signature_table(published: Published, endpoint: dict[str, Any]) -> str:
    p, test = _signature_test(published)
    rows = published.rows(f"SELECT * FROM {SIGNATURES} WHERE {_where(endpoint)} ORDER BY p_random NULLS LAST, {p}")
    for row in rows:
        row["held"] = f"{row['genes_in_signature']} of {row['genes_in_list']}"
        share = row["random_share_below_005"]
        row["by_chance"] = None if share is None else f"{share:.0%}"
    headings = [
        Heading("signature_id", "List"),
        Heading("held", "Genes measured", None, True),
        Heading("hazard_ratio_per_sd", "HR per SD", None, True),
        Heading(p, "p", test, True),
        Heading("p_random", "p, random lists", "share of random lists of the same size that do as well", True),
        Heading("q_value_bh", "q (BH)", "of the p against random lists", True),
        Heading("by_chance", "Random p < 0.05", f"share of random lists with p below 0.05 ({test})", True),
        Heading("concordance", "Concordance", None, True),
        Heading("note", "Note"),
    ]
    return table("Gene lists beside random lists of the same size", headings, rows, is_searchable=False)


# ---- one gene --------------------------------------------------------------------------------------------------------


def add_discrimination(page: Page, rows: list[dict[str, Any]]) -> None:
    """Time-dependent AUC of a gene's models, with that of the covariates alone and what the gene adds to it."""
    if not rows:
        return
    shown = [
        {
            **row,
            "interval": span(row["ci_lower"], row["ci_upper"]),
            "gain_interval": None
            if row["auc_gain_ci_lower"] is None
            else span(row["auc_gain_ci_lower"], row["auc_gain_ci_upper"]),
        }
        for row in rows
    ]
    headings = [
        Heading("cohort_id", "Cohort"),
        Heading("endpoint", "Endpoint"),
        Heading("time_months", "Months", None, True),
        Heading("model", "Model"),
        Heading("n", "Patients", None, True),
        Heading("n_cases", "Events by then", "at or before the time (T <= t)", True),
        Heading("auc", "AUC", "as fitted", True),
        Heading("interval", "95 % CI", "bootstrap", True),
        Heading("auc_cross_validated", "AUC, cross-validated", None, True),
        Heading("auc_covariates_alone", "Covariates alone", "AUC without the gene, on the same patients", True),
        Heading("auc_gain", "Gain", "AUC minus that of the covariates alone", True),
        Heading("gain_interval", "95 % CI of the gain", "over the same resamples", True),
        Heading("auc_gain_cross_validated", "Gain, cross-validated", None, True),
    ]
    page.paragraph(
        "Time-dependent AUC: 0.5 is guessing. With covariates, the AUC of a model is not the gene's: the gain is.",
        AUC_CONVENTION,
    )
    page.add(table("Time-dependent AUC, and what the gene adds", headings, shown, filter_by=("endpoint", "model")))


def incidence_figure(published: Published, gene: str, cohorts: Sequence[str] = ()) -> Figure | None:
    """Aalen-Johansen cumulative incidence of a gene's halves beside 1 - Kaplan-Meier, a choice per cohort and group."""
    if not published.filled(INCIDENCE):
        return None
    only = f" AND cohort_id IN ({literals(cohorts)})" if cohorts else ""
    sql = f"""SELECT cohort_id || ', ' || expression_group AS cohort_and_group, cause, time_months, n_at_risk, n_events,
    cumulative_incidence, ci_lower, ci_upper, one_minus_kaplan_meier
FROM {INCIDENCE}
WHERE hgnc_symbol = {literal(gene)}{only}
ORDER BY cohort_id, list_position(['all', 'high', 'low'], expression_group), cause, time_months"""
    found = published.columns(sql)
    if not found["cause"]:
        return None
    sizes: dict[str, int] = {}
    deaths: dict[tuple[str, str], int] = {}
    for name, cause, at_risk, died in zip(
        found["cohort_and_group"], found["cause"], found["n_at_risk"], found["n_events"], strict=True
    ):
        sizes[name] = max(sizes.get(name, 0), at_risk)
        deaths[name, cause] = deaths.get((name, cause), 0) + died

    def in_words(name: str) -> str:
        died, other = (deaths.get((name, cause), 0) for cause in ("disease", "other"))
        return f"{published.in_words(name)}: n {sizes[name]}, deaths {died} and other {other}"

    choices = tuple((name, in_words(name)) for name in sizes)
    curves = (
        ("disease", "cumulative_incidence", "death of the disease, Aalen-Johansen", "up", "solid"),
        ("disease", "one_minus_kaplan_meier", "1 − Kaplan-Meier, other deaths censored", "none", "dot"),
        ("other", "cumulative_incidence", "other death, Aalen-Johansen", "down", "dash"),
    )
    return Figure(
        ident=f"incidence-{gene}{'-' + '-'.join(cohorts) if cohorts else ''}",
        title=f"Competing risks: cumulative incidence by {gene}",
        caption=(
            "Share of patients who died of the disease, and of anything else. Other deaths are censored in the "
            "Kaplan-Meier curve, as if these patients could still die of the disease: 1 − Kaplan-Meier lies above."
        ),
        alternative=f"Step curves of two causes of death. {'; '.join(label for _, label in choices)}.",
        columns=found,
        traces=[
            {
                "type": "scatter", "mode": "lines", "name": label, "x": "$time_months", "y": f"${column}",
                "where": [["cause", cause]],
                "line": {"shape": "hv", "color": f"@{role}", "width": 2.5, "dash": dash},
                "hovertemplate": f"{label}<br>%{{x:.1f}} months: %{{y:.1%}}<extra></extra>",
            }
            for cause, column, label, role, dash in curves
        ],
        layout={
            "xaxis": axis("months", rangemode="tozero"),
            "yaxis": axis("cumulative incidence", rangemode="tozero", tickformat=".0%"),
        },
        height=400,
        selectors=(Selector("cohort_and_group", "Cohort and expression", choices),),
        n="; ".join(label for _, label in choices),
        method="Aalen-Johansen, disease-specific against other death; expression groups split at the median",
        tables=_version(published, INCIDENCE),
        sql=sql,
    )  # fmt: skip


def add_competing_risks(published: Published, page: Page, gene: str, document: dict[str, Any]) -> None:
    """What censoring other deaths means for the gene's curves, and the cumulative incidence that does not."""
    cohorts = list(dict.fromkeys(row["cohort_id"] for row in document["survival"]))
    if sentences := censored_deaths(published, cohorts):
        page.paragraph(*sentences)
    if figure := incidence_figure(published, gene):
        page.figure(figure)
    rows = [{**row, "interval": span(row["ci_lower"], row["ci_upper"])} for row in document["competing_risks"]]
    if not rows:
        return
    headings = [
        Heading("cohort_id", "Cohort"),
        Heading("expression_group", "Expression"),
        Heading("month", "Months", None, True),
        Heading("deaths_disease", "Deaths", "of the disease, by then", True),
        Heading("deaths_other", "Other deaths", "by then", True),
        Heading("incidence_disease", "Disease", "cumulative incidence, Aalen-Johansen", True),
        Heading("interval", "95 % CI", None, True),
        Heading("one_minus_kaplan_meier", "1 − Kaplan-Meier", "other deaths are censored in it", True),
        Heading("incidence_other", "Other death", "cumulative incidence, Aalen-Johansen", True),
    ]
    page.add(table("Cumulative incidence at fixed times", headings, rows, is_searchable=False))


def add_time_ratios(page: Page, rows: list[dict[str, Any]]) -> None:
    """Accelerated failure time models, where the gene's hazards are not proportional."""
    if not rows:
        return
    shown = [{**row, "interval": span(row["ci_lower"], row["ci_upper"])} for row in rows]
    headings = [
        Heading("cohort_id", "Cohort"),
        Heading("endpoint", "Endpoint"),
        Heading("distribution", "Distribution"),
        Heading("n", "Patients", None, True),
        Heading("events", "Events", None, True),
        Heading("time_ratio_per_sd", "Time ratio per SD", "below 1: events come sooner", True),
        Heading("interval", "95 % CI", None, True),
        Heading("p_likelihood_ratio", "p", "likelihood ratio, against the model without the gene", True),
        Heading("aic", "AIC", "the smaller the better", True),
        Heading("is_best_aic", "Best AIC"),
        Heading("p_proportional_hazards", "p, proportional hazards", "why the gene is here", True),
    ]
    page.add(table("Time ratios, where hazards are not proportional", headings, shown, is_searchable=False))


def _measured_scales(published: Published, gene: str) -> dict[str, str | None]:
    """Cohort -> scale of the gene's expression as it was measured; empty in a release that does not state it."""
    if not published.has(SCREEN, "expression_scale"):
        return {}
    rows = published.rows(
        f"SELECT cohort_id, any_value(expression_scale) AS scale FROM {SCREEN} "
        "WHERE hgnc_symbol = ? AND model = 'continuous' GROUP BY cohort_id",
        [gene],
    )
    return {row["cohort_id"]: row["scale"] for row in rows}


def add_adjusted_models(published: Published, page: Page, gene: str) -> None:
    """Models of a gene of interest with covariates or strata, and the difference of restricted means."""
    if not published.filled(TERMS):
        return
    by_ratio = published.has(TERMS, "p_likelihood_ratio", "q_value_bh_likelihood_ratio")
    p, q = ("p_likelihood_ratio", "q_value_bh_likelihood_ratio") if by_ratio else ("p_value", "q_value_bh")
    rows = published.rows(
        f"""
        SELECT t.cohort_id, t.endpoint, t.model_id, m.covariates, m.strata, t.n, t.events, t.hazard_ratio_per_sd,
            t.{p} AS p_leading, t.{q} AS q_leading, m.events_per_variable, m.concordance, m.hazards_not_proportional,
            m.warning,
            exp(ln(nullif(t.ci_lower, 0)) * sd) AS ci_low, exp(ln(nullif(t.ci_upper, 0)) * sd) AS ci_high
        FROM (
            SELECT *, ln(nullif(hazard_ratio_per_sd, 0)) / nullif(ln(nullif(hazard_ratio, 0)), 0) AS sd FROM {TERMS}
            WHERE hgnc_symbol = ? AND variable = 'expression'
        ) AS t
        INNER JOIN {MODELS} AS m USING (cohort_id, endpoint, hgnc_symbol, model_id)
        ORDER BY t.cohort_id, list_position(['OS', 'DSS', 'DFS', 'PFS'], t.endpoint), t.model_id <> 'unadjusted',
            t.model_id
        """,
        [gene],
    )
    scales = _measured_scales(published, gene)
    for row in rows:
        measured = scales.get(row["cohort_id"])
        row["scale"] = f"normal score of the rank of {measured}" if "rank_normal" in row["model_id"] else measured
        row["model"] = row["model_id"].replace("_", " ")
        row["interval"] = None if row["ci_low"] is None else f"{number(row['ci_low'])} to {number(row['ci_high'])}"
        row["bent"] = (row["hazards_not_proportional"] or "none").replace("|", ", ")
    headings = [
        Heading("model", "Model"),
        Heading("cohort_id", "Cohort"),
        Heading("endpoint", "Endpoint"),
        Heading("n", "Patients", None, True),
        Heading("events", "Events", None, True),
        Heading("hazard_ratio_per_sd", "HR per SD", "of expression", True),
        Heading("interval", "95 % CI", None, True),
        Heading("scale", "Scale", "of expression"),
        Heading("p_leading", "p", "likelihood ratio" if by_ratio else "Wald", True),
        Heading("q_leading", "q (BH)", "of that p, over the genes of interest, within model and endpoint", True),
        Heading("events_per_variable", "Events per variable", "below 10 a model promises too much", True),
        Heading("concordance", "Concordance", "of the whole model", True),
        Heading("bent", "Hazards not proportional", "variables whose effect changes with time"),
        Heading("warning", "Note"),
    ]
    page.add(table("With and without covariates", headings, rows, filter_by=("endpoint",)))
    if not published.filled(MEANS):
        return
    means = published.rows(
        f"SELECT * FROM {MEANS} WHERE hgnc_symbol = ? AND expression_group = 'high_minus_low' ORDER BY cohort_id, "
        "list_position(['OS', 'DSS', 'DFS', 'PFS'], endpoint)",
        [gene],
    )
    for row in means:
        row["name"] = published.in_words(f"{row['cohort_id']} {row['endpoint']}")
        row["interval"] = f"{number(row['ci_lower_months'])} to {number(row['ci_upper_months'])}"
    headings = [
        Heading("name", "Cohort and endpoint"),
        Heading("until_months", "Within, months", None, True),
        Heading("n", "Patients", None, True),
        Heading("restricted_mean_months", "Difference, months", "high minus low expression", True),
        Heading("interval", "95 % CI", None, True),
        Heading("p_value", "p", None, True),
    ]
    caption = "Months gained or lost within the horizon, high against low expression (restricted means)"
    page.add(table(caption, headings, means, is_searchable=False))


# ---- over cohorts ----------------------------------------------------------------------------------------------------


def _pooled_scale(published: Published) -> str:
    """Condition of SQL: the rows of the pooled table on the scale to read first."""
    if published.has(POOLED, "is_primary"):
        return "is_primary AND model IN ('continuous', 'rank_normal')"
    return "model = 'continuous'"


def _pooled_sql(published: Published, genes: list[str]) -> str:
    """Estimates of each cohort, and pooled over them: one row per gene, endpoint and estimate."""
    return f"""WITH pooled AS (
    SELECT * FROM {POOLED} WHERE {_pooled_scale(published)} AND hgnc_symbol IN ({literals(genes)})
),
single AS (
    SELECT s.hgnc_symbol, s.endpoint, s.cohort_id, s.n, s.events, s.hazard_ratio_per_sd AS ratio, s.model,
        s.p_likelihood_ratio,
        exp(ln(nullif(s.ci_lower, 0)) * ln(s.hazard_ratio_per_sd) / nullif(ln(s.hazard_ratio), 0)) AS ratio_lower,
        exp(ln(nullif(s.ci_upper, 0)) * ln(s.hazard_ratio_per_sd) / nullif(ln(s.hazard_ratio), 0)) AS ratio_upper
    FROM {SCREEN} AS s
    INNER JOIN pooled AS p ON p.hgnc_symbol = s.hgnc_symbol AND p.endpoint = s.endpoint AND p.model = s.model
        AND contains('|' || p.cohort_ids || '|', '|' || s.cohort_id || '|')
    WHERE s.hazard_ratio_per_sd > 0 AND s.hazard_ratio > 0
),
drawn AS (
    SELECT hgnc_symbol, endpoint, model, cohort_id AS estimate_of, 'cohort' AS kind, n, events, ratio, ratio_lower,
        ratio_upper, p_likelihood_ratio AS p_value, 'likelihood ratio' AS test
    FROM single
    UNION ALL
    SELECT hgnc_symbol, endpoint, model, 'pooled, random effects', 'pooled', n, events, hazard_ratio, ci_lower,
        ci_upper, p_value, 'Hartung and Knapp'
    FROM pooled
    UNION ALL
    SELECT hgnc_symbol, endpoint, model, 'pooled, fixed effect', 'fixed', n, events, hazard_ratio_fixed, ci_lower_fixed,
        ci_upper_fixed, p_value_fixed, 'fixed effect'
    FROM pooled
    UNION ALL
    SELECT hgnc_symbol, endpoint, model, 'a further cohort (prediction)', 'prediction', n, events, hazard_ratio,
        prediction_lower, prediction_upper, NULL, NULL
    FROM pooled
    WHERE prediction_lower IS NOT NULL
)
SELECT hgnc_symbol || ', ' || endpoint AS gene_and_endpoint, *
FROM drawn
ORDER BY hgnc_symbol, endpoint, list_position(['prediction', 'fixed', 'pooled', 'cohort'], kind), estimate_of DESC"""


def _pooled_in_words(row: dict[str, Any]) -> str:
    scale = ", on the normal scores of the ranks" if row["model"] == "rank_normal" else ""
    leads = row["method_leading"].replace("_", " ")
    ratio, q = number(row["hazard_ratio_leading"]), number(row["q_value_bh_leading"])
    return f"HR {ratio}, q {q} ({leads}), I² {row['i2_percent']:.0f} %{scale}"


def pooled_forest(published: Published, genes: list[str], ident: str = "pooled") -> Figure | None:
    """Hazard ratios per standard deviation in each cohort and pooled over them, a choice per gene and endpoint."""
    if not genes or not published.filled(POOLED):
        return None
    sql = _pooled_sql(published, genes)
    found = published.columns(sql)
    if not found["ratio"]:
        return None
    about = {
        f"{row['hgnc_symbol']}, {row['endpoint']}": row
        for row in published.rows(
            f"SELECT * FROM {POOLED} WHERE {_pooled_scale(published)} AND hgnc_symbol IN ({literals(genes)}) "
            "ORDER BY hgnc_symbol, endpoint"
        )
    }
    options = tuple(
        (
            name,
            f"{name}: {_pooled_in_words(row)}",
        )
        for name, row in about.items()
    )
    ratio, low, high = (found[name] for name in ("ratio", "ratio_lower", "ratio_upper"))
    found["estimate_of"] = [published.in_words(name) for name in found["estimate_of"]]
    rows = max(found["gene_and_endpoint"].count(name) for name in about)
    several = len(options) > 1
    marks = (
        ("cohort", "a cohort", "down", "square"),
        ("pooled", "random effects", "up", "diamond"),
        ("fixed", "fixed effect", "none", "diamond-open"),
        ("prediction", "prediction interval", "third", "line-ns-open"),
    )
    return Figure(
        ident=ident,
        title="Over the cohorts" if several else f"{genes[0]} over the cohorts",
        caption=(
            "Hazard ratio per standard deviation of expression, with 95 % intervals; on the normal scores of the "
            "ranks where a cohort's profile is linear or a z-score. The fixed effect leads for two cohorts, the random "
            "effects from three on. With few cohorts the interval of "
            "the random-effects estimate is wide, as it should be: how cohorts differ is hardly known."
        ),
        alternative=f"Forest plot over cohorts. {'; '.join(label for _, label in options[:10])}.",
        columns={**found, **_errors(ratio, low, high), "said": _events_and_test(found)},
        traces=[
            {
                "type": "scatter", "mode": "markers", "name": label, "x": "$ratio", "y": "$estimate_of",
                "where": [["kind", kind]],
                "marker": {"color": f"@{role}", "symbol": symbol, "size": 10},
                "error_x": {"type": "data", "array": "$above", "arrayminus": "$below", "color": f"@{role}",
                            "thickness": 2},
                "customdata": "$said",
                "hovertemplate": "<b>%{y}</b><br>hazard ratio %{x:.3f}<br>%{customdata}<extra></extra>",
            }
            for kind, label, role, symbol in marks
            if kind in found["kind"]
        ],
        layout={
            "xaxis": ratio_axis("hazard ratio per SD (log scale)", frame_of(_log_bounds(ratio, low, high), 0.0)),
            "yaxis": axis("", type="category", categoryorder="array",
                          categoryarray=list(dict.fromkeys(found["estimate_of"]))),
            "shapes": [line_at(x=1, dash="solid")],
        },
        height=150 + 34 * rows,
        selectors=(Selector("gene_and_endpoint", "Gene and endpoint", options),),
        n="; ".join(f"{name}: {row['n']:,} patients, {row['events']:,} events" for name, row in about.items()),
        method=(
            "inverse-variance pooling; between-cohort variance after DerSimonian and Laird; interval and test after "
            "Hartung and Knapp, never narrower than the plain random-effects interval"
        ),
        tables=_version(published, POOLED, SCREEN),
        sql=sql,
    )  # fmt: skip


def _events_and_test(found: dict[str, list[Any]]) -> list[str]:
    """Events and the p-value of each estimate, in words."""
    return [
        f"{events:,} events" + ("" if p is None else f", p {number(p)} ({test})")
        for events, p, test in zip(found["events"], found["p_value"], found["test"], strict=True)
    ]


def pooled_pages(published: Published, gene_pages: set[str]) -> list[Page]:
    """Genes over all cohorts that share an endpoint; no page where the release has one cohort per endpoint."""
    if not published.filled(POOLED):
        return []
    page = Page(POOLED_PAGE, "Genes over all cohorts")
    page.paragraph(
        "Every gene that two or more cohorts measured, pooled endpoint by endpoint. A gene that matters in one cohort "
        "and not in the next has a wide interval here, and a large I²."
    )
    if sentences := shared_patients(published):
        page.paragraph(*sentences)
    if figure := pooled_forest(published, list(published.genes_of_interest)):
        page.figure(figure)
    rows = published.rows(
        f"""
        SELECT p.*, a.gene_name FROM {POOLED} AS p
        LEFT JOIN staging.genes__approved AS a ON a.hgnc_symbol = p.hgnc_symbol
        WHERE {_pooled_scale(published)}
        ORDER BY p_value_leading, p_value, p.hgnc_symbol
        """
    )
    for row in rows:
        symbol = row["hgnc_symbol"]
        row["gene"] = link(page.root + gene_path(symbol), symbol) if symbol in gene_pages else symbol
        row["interval"] = f"{number(row['ci_lower'])} to {number(row['ci_upper'])}"
        row["names"] = row["cohort_ids"].replace("|", ", ")
        row["scale"] = "normal scores of the ranks" if row["model"] == "rank_normal" else "as measured"
    headings = [
        Heading("gene", "Gene"),
        Heading("endpoint", "Endpoint"),
        Heading("cohorts", "Cohorts", None, True),
        Heading("n", "Patients", None, True),
        Heading("events", "Events", None, True),
        Heading("hazard_ratio_leading", "HR per SD", "fixed effect of two cohorts, random effects from three on", True),
        Heading("scale", "Scale", "of expression"),
        Heading("p_value_leading", "p", "fixed effect of two cohorts, Hartung and Knapp from three on", True),
        Heading("q_value_bh_leading", "q (BH)", "of that p, over all genes, within the endpoint", True),
        Heading("hazard_ratio", "HR, random effects", None, True),
        Heading("interval", "95 % CI", "Hartung and Knapp", True),
        Heading(
            "p_value",
            "p, random effects",
            "Hartung and Knapp: honest with few cohorts, and therefore rarely small",
            True,
        ),
        Heading("q_value_bh", "q, random effects", "over all genes, within the endpoint", True),
        Heading("p_value_normal", "p, normal", "without allowance for how few cohorts there are", True),
        Heading("q_value_bh_normal", "q, normal", "over all genes", True),
        Heading("i2_percent", "I², %", "share of the variance that is between cohorts", True),
        Heading("p_heterogeneity", "p heterogeneity", None, True),
        Heading("names", "Which"),
        Heading("gene_name", "Name"),
    ]
    caption = "Smallest p first; the genes of interest are there in any case"
    rows, most = published.with_interest_first(rows, MOST_POOLED)
    page.add(table(caption, headings, rows, filter_by=("endpoint",), most=most))
    return [page]


def pooled_sentence(published: Published, root: str = "") -> str:
    """A sentence that leads to the page of all cohorts; empty where there is none."""
    if not published.filled(POOLED):
        return ""
    count = published.value(f"SELECT count(DISTINCT hgnc_symbol) FROM {POOLED}")
    where = link(f"{root}{POOLED_PAGE}", "Genes over all cohorts")
    return prose("{where}: {count:,} genes that two or more cohorts measured, pooled.", where=where, count=count)
