"""Time to doubling (or quadrupling) of the volume of the first day: curves per arm, medians, and tests between arms.

The event is the first measurement with that multiple; a mouse that has not reached it is censored at its last
measurement, whatever ended its follow-up. Days stand where the survival functions say months: they know no unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from resistance_assets.errors import DesignFault
from resistance_assets.science.survival.cox import fit_cox
from resistance_assets.science.survival.curves import kaplan_meier, median_survival
from resistance_assets.science.survival.logrank import compare_groups
from resistance_assets.science.tumour_growth.growth_rates import LEAST_MICE

EVENTS = ("doubling", "quadrupling")
CURVE_SCHEMA = {
    "event": pl.String,
    "arm": pl.String,
    "day": pl.Float64,
    "at_risk": pl.Int64,
    "events": pl.Int64,
    "censored": pl.Int64,
    "survival": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "n_mice": pl.Int64,
    "n_events": pl.Int64,
    "median_days": pl.Float64,
    "median_lower": pl.Float64,
    "median_upper": pl.Float64,
}
TESTS_SCHEMA = {
    "event": pl.String,
    "numerator": pl.String,
    "denominator": pl.String,
    "n_numerator": pl.Int64,
    "n_denominator": pl.Int64,
    "chi2": pl.Float64,
    "degrees_of_freedom": pl.Float64,
    "p_logrank": pl.Float64,
    "log_hazard_ratio": pl.Float64,
    "standard_error": pl.Float64,
    "hazard_ratio": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "p_wald": pl.Float64,
    "p_likelihood_ratio": pl.Float64,
    "estimator": pl.String,
    "p_note": pl.String,
}


def describe_time_to_event(mice: pl.DataFrame) -> pl.DataFrame:
    """Kaplan-Meier curve of every arm and event (log-log limits), with the median day beside.

    Args:
        mice: of `summarise_mice`.

    Returns:
        Columns of `CURVE_SCHEMA`; the median is null where half of an arm has not reached the event.
    """
    frames = [pl.DataFrame(schema=CURVE_SCHEMA)]
    for event in EVENTS:
        arrays = (mice[f"{event}_day"].to_numpy(), mice[f"{event}_event"].to_numpy(), mice["arm"].to_numpy())
        medians = median_survival(*arrays).select(
            pl.col("group").alias("arm"),
            pl.col("n").alias("n_mice"),
            pl.col("events").alias("n_events"),
            pl.col("median_survival_months").alias("median_days"),
            pl.col("ci_lower_months_log_log").alias("median_lower"),
            pl.col("ci_upper_months_log_log").alias("median_upper"),
        )
        curve = kaplan_meier(*arrays).select(
            pl.lit(event).alias("event"),
            pl.col("group").alias("arm"),
            pl.col("time_months").alias("day"),
            pl.col("n_at_risk").alias("at_risk"),
            pl.col("n_events").alias("events"),
            pl.col("n_censored").alias("censored"),
            "survival",
            pl.col("ci_lower_log_log").alias("lower"),
            pl.col("ci_upper_log_log").alias("upper"),
        )
        frames.append(curve.join(medians, on="arm", how="left").select(list(CURVE_SCHEMA)))
    return pl.concat([frames[0], *(frame.cast(CURVE_SCHEMA) for frame in frames[1:])])  # pyright: ignore[reportArgumentType]


def compare_time_to_event(mice: pl.DataFrame, pairs: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """Log-rank and Cox tests of the time to an event, over all arms and for each pair.

    Args:
        mice: of `summarise_mice`.
        pairs: numerator and denominator.

    Returns:
        Columns of `TESTS_SCHEMA`; the row of all arms has numerator and denominator `all`. Where an arm has no event
        the hazard ratio is Firth's penalised one (`estimator` firth), because the plain one is 0 or infinite.
    """
    rows = []
    for event in EVENTS:
        for numerator, denominator in (("all", "all"), *pairs):
            own = mice if numerator == "all" else mice.filter(pl.col("arm").is_in([numerator, denominator]))
            rows.append({"event": event, "numerator": numerator, "denominator": denominator, **_test(own, event)})
            if numerator != "all":
                rows[-1] |= _hazard_ratio(own, event, numerator, rows[-1]["p_note"] is not None)
    return pl.DataFrame(rows, schema=TESTS_SCHEMA).fill_nan(None)


def _test(own: pl.DataFrame, event: str) -> dict[str, Any]:
    """Log-rank test of the arms of a frame, with the number of mice of the first and second of them."""
    counts = dict(own.group_by("arm").len().iter_rows())
    few = sorted(arm for arm, n in counts.items() if n < LEAST_MICE)
    if few or len(counts) < 2:
        return {"p_note": f"fewer than {LEAST_MICE} mice in {', '.join(few)}" if few else "one arm alone"}
    try:
        found = compare_groups(own[f"{event}_day"].to_numpy(), own[f"{event}_event"].to_numpy(), own["arm"].to_numpy())
    except DesignFault as fault:
        return {"p_note": fault.problem}
    return {
        "chi2": found.chi2,
        "degrees_of_freedom": float(found.degrees_of_freedom),
        "p_logrank": found.p_value,
        "p_note": None,
    }


def _hazard_ratio(own: pl.DataFrame, event: str, numerator: str, is_refused: bool) -> dict[str, Any]:
    is_numerator = (own["arm"] == numerator).to_numpy()
    sizes = {"n_numerator": int(is_numerator.sum()), "n_denominator": int((~is_numerator).sum())}
    if is_refused:
        return sizes
    found = fit_cox(
        {"x": is_numerator.astype(np.float64)}, own[f"{event}_day"].to_numpy(), own[f"{event}_event"].to_numpy()
    )
    term, model = found.terms.row(0, named=True), found.model.row(0, named=True)
    is_penalised = term["estimator"] == "firth"
    ratio = term["hazard_ratio"]
    return sizes | {
        "log_hazard_ratio": term["log_hazard_ratio"],
        "standard_error": term["standard_error"],
        "hazard_ratio": ratio if ratio is not None and math.isfinite(ratio) else None,
        "lower": term["ci_lower"],
        "upper": term["ci_upper"],
        "p_wald": None if is_penalised else term["p_value"],
        "p_likelihood_ratio": model["p_likelihood_ratio"],
        "estimator": term["estimator"],
        "p_note": "an arm has no event: penalised hazard ratio (Firth), profile limits" if is_penalised else None,
    }
