"""Endpoints of a cohort: patients, events and follow-up that each offers, and whether a claim about it can be met."""

from __future__ import annotations

import polars as pl
from numpy.typing import ArrayLike

from resistance_assets.errors import DesignFault
from resistance_assets.science.survival.curves import median_follow_up, median_survival
from resistance_assets.science.survival.follow_up import usable_follow_up, usable_patients


def summarise_endpoint(
    time_months: ArrayLike, event_observed: ArrayLike, *, endpoint: str, requested_n: int | None = None
) -> pl.DataFrame:
    """What an endpoint offers: patients, events, follow-up, median survival.

    Args:
        endpoint: its name, for the table and for errors.
        requested_n: number of patients that a claim or a study plan says it used.

    Returns:
        One row: endpoint (String), n_patients, n, events, censored, left_out (Int64), left_out_reasons (String, null if
        none), median_follow_up_months, median_survival_months, median_survival_ci_lower_months,
        median_survival_ci_upper_months (log scale), last_follow_up_months (Float64).

    Raises:
        DesignFault: more patients are requested than have this endpoint, or none has it.
    """
    usable, left_out = usable_follow_up(time_months, event_observed)
    available = int(usable.sum())
    if requested_n is not None and requested_n > available:
        raise DesignFault(
            f"{requested_n} patients are asked for, {available} have a usable time and event",
            subject=f"endpoint {endpoint}",
            expected=f"at most {available}",
            remedy="Lower the number, or choose an endpoint with more patients.",
        )
    time, event, _ = usable_patients(time_months, event_observed, None, subject=f"endpoint {endpoint}")
    survival = median_survival(time, event)
    follow_up = median_follow_up(time, event)
    counts = left_out.group_by("reason").len().sort("reason")
    reasons = "; ".join(f"{reason}: {count}" for reason, count in counts.iter_rows())
    return pl.DataFrame(
        {
            "endpoint": [endpoint],
            "n_patients": [usable.size],
            "n": [available],
            "events": [int(event.sum())],
            "censored": [int((1 - event).sum())],
            "left_out": [len(left_out)],
            "left_out_reasons": [reasons or None],
            "median_follow_up_months": follow_up["median_follow_up_months"].to_list(),
            "median_survival_months": survival["median_survival_months"].to_list(),
            "median_survival_ci_lower_months": survival["ci_lower_months_log"].to_list(),
            "median_survival_ci_upper_months": survival["ci_upper_months_log"].to_list(),
            "last_follow_up_months": [float(time.max())],
        },
        schema_overrides={
            "left_out_reasons": pl.String,
            "median_follow_up_months": pl.Float64,
            "median_survival_months": pl.Float64,
            "median_survival_ci_lower_months": pl.Float64,
            "median_survival_ci_upper_months": pl.Float64,
        },
    )
