"""Markers of a panel and what became of the patients: Cox models, median splits, models of several markers, AUC(t)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.errors import DesignFault
from resistance_assets.science.plasma_panel.groups import Panel
from resistance_assets.science.plasma_panel.time_roc import time_roc
from resistance_assets.science.survival.cox import fit_cox
from resistance_assets.science.survival.curves import median_follow_up
from resistance_assets.science.survival.proportional_hazards import proportional_hazards_test
from resistance_assets.science.survival.screen import screen_cox, screen_median_split

Matrix = NDArray[np.float64]
LEAST_EVENTS_PER_VARIABLE = 10
PAPER_RULE, PAPER_ALPHA = "median_split_p_below_0.05", 0.05
CONTINUOUS, SPLIT = "continuous_per_sd", "median_split"
SCREEN_COLUMNS = (
    "n", "events", "n_high", "log_hazard_ratio", "standard_error", "hazard_ratio", "ci_lower", "ci_upper", "p_value",
    "p_likelihood_ratio", "p_logrank", "p_permutation", "concordance", "cut_point", "q_value_bh", "q_value_bh_logrank",
    "fit_status", "estimator", "fit_note",
)  # fmt: skip


def standardise_markers(log2: Matrix) -> Matrix:
    """Rows in standard deviations from their mean, missing values aside; a constant row is 0."""
    with np.errstate(invalid="ignore"):
        mean = np.nanmean(log2, axis=1, keepdims=True)
        sd = np.nanstd(log2, axis=1, ddof=1, keepdims=True)
    return (log2 - mean) / np.where(sd > 0, sd, 1.0)


def screen_panel(panel: Panel, time_months: Matrix, event: Matrix) -> pl.DataFrame:
    """Cox model per standard deviation, and split at the median, for every marker.

    Args:
        panel: tested markers, one sample per patient.
        time_months, event: per patient, NaN where unknown.

    Returns:
        marker, model, `SCREEN_COLUMNS`, p_proportional_hazards, split_note, and of the endpoint
        median_follow_up_months, shortest_follow_up_months and longest_follow_up_months; q over the markers of a model.

    Raises:
        DesignFault: no patient with follow-up, or no event.
    """
    arguments = (time_months, event, panel.markers)
    per_sd = screen_cox(standardise_markers(panel.log2), *arguments).with_columns(model=pl.lit(CONTINUOUS))
    split = screen_median_split(panel.log2, *arguments).with_columns(model=pl.lit(SPLIT))
    both = pl.concat([per_sd, split], how="diagonal_relaxed").rename({"hgnc_symbol": "marker"})
    followed = ~np.isnan(time_months) & ~np.isnan(event)
    tests = []
    for at, marker in enumerate(panel.markers):
        there = followed & ~np.isnan(panel.log2[at])
        values = panel.log2[at][there]
        high = (values > np.median(values)).astype(float) if len(values) else values
        for model, x in ((CONTINUOUS, values), (SPLIT, high)):
            p = _proportional_hazards(x, time_months[there], event[there])
            note = _split_note(panel, at, values) if model == SPLIT else None
            tests.append({"marker": marker, "model": model, "p_proportional_hazards": p, "split_note": note})
    schema = {
        "marker": pl.String, "model": pl.String, "p_proportional_hazards": pl.Float64, "split_note": pl.String
    }  # fmt: skip
    found = both.join(pl.DataFrame(tests, schema=schema), on=["marker", "model"], how="left", maintain_order="left")
    names = ("marker", "model", *SCREEN_COLUMNS, "p_proportional_hazards", "split_note")
    follow_up = _follow_up(time_months[followed], event[followed])
    return found.select(*names, *(pl.lit(value, pl.Float64).alias(name) for name, value in follow_up.items())).fill_nan(
        None
    )


def _follow_up(time_months: Matrix, event: Matrix) -> dict[str, float | None]:
    """How long patients were followed: median by reverse Kaplan-Meier, shortest without the event, longest of all."""
    censored = time_months[event == 0]
    return {
        "median_follow_up_months": median_follow_up(time_months, event)["median_follow_up_months"][0],
        "shortest_follow_up_months": float(censored.min()) if len(censored) else None,
        "longest_follow_up_months": float(time_months.max()),
    }


def _proportional_hazards(x: Matrix, time_months: Matrix, event: Matrix) -> float | None:
    if len(x) < 3 or np.ptp(x) == 0.0:
        return None
    try:
        return proportional_hazards_test({"x": x}, time_months, event)["p_value"][0]
    except DesignFault:
        return None


def _split_note(panel: Panel, at: int, values: Matrix) -> str | None:
    lod = panel.log2_lod[at]
    if len(values) and not math.isnan(lod) and np.median(values) <= lod:
        return "the median is below the limit: the split is detected or not"
    return None


def model_markers(
    panel: Panel,
    time_months: Matrix,
    event: Matrix,
    screened: pl.DataFrame,
    declared: Mapping[str, Sequence[str]],
    covariates: Mapping[str, Sequence[Any]],
    refused: Sequence[str] = (),
) -> pl.DataFrame:
    """Multivariable Cox models: those declared in advance, and the rule of taking every significant split.

    Args:
        panel, time_months, event: as `screen_panel`.
        screened: of `screen_panel`.
        declared: model -> its terms, markers (per standard deviation) or covariates.
        covariates: name -> a number or text per patient, None where unknown.
        refused: markers that are not tested; a model that names one is not fitted and says so.

    Returns:
        model_id, rule (declared_in_advance_per_sd or median_split_p_below_0.05), term_order, variable, level, marker,
        n, events, events_per_variable, log_hazard_ratio, standard_error, hazard_ratio, ci_lower, ci_upper, p_value,
        p_likelihood_ratio_model, estimator, model_note.
    """
    rows: list[dict[str, Any]] = []
    standard = standardise_markers(panel.log2)
    for model_id, terms in declared.items():
        lacking = [term for term in terms if term in refused]
        columns: dict[str, Any] = {}
        for term in terms:
            if term in panel.markers:
                columns[term] = standard[panel.markers.index(term)]
            elif term in covariates:
                columns[term] = covariates[term]
        note = f"{', '.join(lacking)} mostly below the limit: the model is not fitted" if lacking else None
        rows += _fit(model_id, "declared_in_advance_per_sd", terms, columns, panel, time_months, event, note)
    splits = screened.filter(pl.col("model") == SPLIT, pl.col("p_value") < PAPER_ALPHA)
    chosen = [marker for marker in panel.markers if marker in set(splits["marker"])]
    high = {
        marker: _split(panel.log2[panel.markers.index(marker)])
        for marker in chosen
    }  # fmt: skip
    note = None if len(chosen) > 1 else f"{len(chosen)} markers have p < {PAPER_ALPHA}: there is no model of several"
    if chosen:
        rows += _fit(PAPER_RULE, PAPER_RULE, chosen, high, panel, time_months, event, note)
    return pl.DataFrame(rows, schema=MODEL_SCHEMA).fill_nan(None)


MODEL_SCHEMA = {
    "model_id": pl.String,
    "rule": pl.String,
    "term_order": pl.Int64,
    "variable": pl.String,
    "level": pl.String,
    "marker": pl.String,
    "n": pl.Int64,
    "events": pl.Int64,
    "events_per_variable": pl.Float64,
    "log_hazard_ratio": pl.Float64,
    "standard_error": pl.Float64,
    "hazard_ratio": pl.Float64,
    "ci_lower": pl.Float64,
    "ci_upper": pl.Float64,
    "p_value": pl.Float64,
    "p_likelihood_ratio_model": pl.Float64,
    "estimator": pl.String,
    "model_note": pl.String,
}


def _split(row: Matrix) -> Matrix:
    return np.where(np.isnan(row), np.nan, (row > np.nanmedian(row)).astype(float))


def _fit(
    model_id: str,
    rule: str,
    terms: Sequence[str],
    columns: Mapping[str, Any],
    panel: Panel,
    time_months: Matrix,
    event: Matrix,
    note: str | None,
) -> list[dict[str, Any]]:
    base = {"model_id": model_id, "rule": rule}
    unfitted = [
        {**base, "term_order": at, "variable": term, "marker": term if term in panel.markers else None}
        for at, term in enumerate(terms, start=1)
    ]
    if note is not None:
        return [{**row, "model_note": note} for row in unfitted]
    frame = pl.DataFrame(
        {
            name: pl.Series(values, dtype=pl.String if any(isinstance(v, str) for v in values) else pl.Float64)
            for name, values in columns.items()
        }
    ).fill_nan(None)
    try:
        found = fit_cox(frame, time_months, event)
    except DesignFault as fault:
        return [{**row, "model_note": fault.problem} for row in unfitted]
    model = found.model.row(0, named=True)
    few = model["events_per_variable"] < LEAST_EVENTS_PER_VARIABLE
    told = f"{model['events_per_variable']:.1f} events per variable, fewer than {LEAST_EVENTS_PER_VARIABLE}"
    notes = [told] if few else []
    if model["fit_status"] != "converged":
        notes.append(str(model["warning"]))
    rows = []
    for at, term in enumerate(found.terms.iter_rows(named=True), start=1):
        rows.append(
            {
                **base,
                "term_order": at,
                "variable": term["variable"],
                "level": term["level"],
                "marker": term["variable"] if term["variable"] in panel.markers else None,
                "n": model["n"],
                "events": model["events"],
                "events_per_variable": model["events_per_variable"],
                **{name: term[name] for name in ("log_hazard_ratio", "standard_error", "hazard_ratio", "ci_lower",
                                                 "ci_upper", "p_value", "estimator")},
                "p_likelihood_ratio_model": model["p_likelihood_ratio"],
                "model_note": "; ".join(notes) or None,
            }
        )  # fmt: skip
    return rows


def discriminate(
    panel: Panel, time_months: Matrix, event: Matrix, months: Sequence[float], markers: Sequence[str] | None = None
) -> pl.DataFrame:
    """AUC(t) of markers at some months, with the interval of its influence function where cases and controls allow one.

    Returns:
        marker, month, n, cases, controls, censored_before, auc, standard_error, ci_lower, ci_upper, interval_note.
    """
    rows = []
    followed = ~np.isnan(time_months) & ~np.isnan(event)
    for at, marker in enumerate(panel.markers):
        if markers is not None and marker not in markers:
            continue
        there = followed & ~np.isnan(panel.log2[at])
        for month in months:
            found = time_roc(time_months[there], event[there] == 1, panel.log2[at][there], float(month))
            rows.append(
                {
                    "marker": marker,
                    "month": float(month),
                    "n": int(there.sum()),
                    "cases": found.cases,
                    "controls": found.controls,
                    "censored_before": found.censored_before,
                    "auc": found.auc,
                    "standard_error": found.standard_error,
                    "ci_lower": found.lower,
                    "ci_upper": found.upper,
                    "interval_note": found.interval_note,
                }
            )
    return pl.DataFrame(rows, schema=AUC_SCHEMA).fill_nan(None)


AUC_SCHEMA = {
    "marker": pl.String,
    "month": pl.Float64,
    "n": pl.Int64,
    "cases": pl.Int64,
    "controls": pl.Int64,
    "censored_before": pl.Int64,
    "auc": pl.Float64,
    "standard_error": pl.Float64,
    "ci_lower": pl.Float64,
    "ci_upper": pl.Float64,
    "interval_note": pl.String,
}
