"""Competing risks: the cumulative incidence of one kind of event where another kind can come first.

Where deaths of another cause are censored, 1 - Kaplan-Meier answers what would happen if nobody could die of anything
else, and is too high for what does happen. The Aalen-Johansen estimate does not censor them (R's `survfit` of a state).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.errors import DataFault, DesignFault
from resistance_assets.science.statistics.tails import Z_95
from resistance_assets.science.survival.follow_up import as_floats, merge_nearly_equal

CUMULATIVE_INCIDENCE_SCHEMA: dict[str, Any] = {
    "cause": pl.Int64,
    "time_months": pl.Float64,
    "n_at_risk": pl.Int64,
    "n_events": pl.Int64,
    "cumulative_incidence": pl.Float64,
    "standard_error": pl.Float64,
    "ci_lower": pl.Float64,
    "ci_upper": pl.Float64,
    "one_minus_kaplan_meier": pl.Float64,
}


def causes_of_death(died: ArrayLike, died_of_disease: ArrayLike) -> NDArray[np.float64]:
    """Cause of each patient: 0 alive, 1 died of the disease, 2 died of something else, NaN where it is not known.

    Args:
        died: shape (n,), 1 where the patient died, NaN where unknown.
        died_of_disease: shape (n,), 1 where of the disease; NaN where the cause is unknown, which leaves a patient who
            died without a cause and one who did not alone.
    """
    any_cause, disease = as_floats(died), as_floats(died_of_disease)
    cause = np.where(any_cause == 0, 0.0, np.where(disease == 1, 1.0, 2.0))
    return np.where(np.isnan(any_cause) | np.isnan(disease), np.nan, cause)


def aalen_johansen(time_months: ArrayLike, cause: ArrayLike, at_months: Sequence[float] | None = None) -> pl.DataFrame:
    """Cumulative incidence of each cause (Aalen & Johansen 1978, Scand J Stat 5:141).

    Args:
        time_months: shape (n,).
        cause: shape (n,), 0 censored, 1, 2 ... the kind of event; patients without time or cause are left out.
        at_months: times to give it at; None = every time that somebody had an event at.

    Returns:
        Columns of `CUMULATIVE_INCIDENCE_SCHEMA`, by cause and time. n_at_risk is just before the time, n_events those
        of the cause at the time. Standard error by the infinitesimal jackknife, as R's `survfit` of several states;
        95 % limits on the log scale, within 0 and 1, null where the incidence is 0. one_minus_kaplan_meier: what
        censoring the other causes would give.

    Raises:
        DesignFault: no usable patient, or no event. DataFault: a cause is no whole number from 0.
    """
    time, kind = as_floats(time_months), as_floats(cause)
    usable = np.isfinite(time) & (time >= 0) & ~np.isnan(kind)
    time, kind = merge_nearly_equal(time[usable]), kind[usable]
    if np.any((kind < 0) | (kind != np.floor(kind))):
        raise DataFault(
            "a cause is no whole number from 0",
            subject="competing risks",
            expected="0 = censored, 1 and above = causes",
            remedy="Number the causes from 1.",
        )
    if not (kind > 0).any():
        raise DesignFault(
            f"none of {time.size} patients had an event",
            subject="competing risks",
            remedy="Choose another endpoint or cohort.",
        )
    causes = np.unique(kind[kind > 0]).astype(np.int64)
    moments = np.unique(time[kind > 0])
    at_risk = (time[None, :] >= moments[:, None]).sum(axis=1)
    given = moments if at_months is None else np.asarray(at_months, np.float64)
    # State and, for every patient, its derivative by the patient's weight: their squares add up to the variance.
    event_free, free_influence = 1.0, np.zeros(time.size)
    incidence, influence = np.zeros(causes.size), np.zeros((causes.size, time.size))
    kaplan_meier = np.ones(causes.size)
    states = [(incidence.copy(), np.zeros(causes.size), kaplan_meier.copy())]
    for moment, n in zip(moments, at_risk, strict=True):
        is_at_risk, here = time >= moment, time == moment
        hazard_of_all, all_influence = 0.0, np.zeros(time.size)
        for k, one in enumerate(causes):
            mine = here & (kind == one)
            hazard = mine.sum() / n
            hazard_influence = (mine - hazard * is_at_risk) / n
            incidence[k] += event_free * hazard
            influence[k] += free_influence * hazard + event_free * hazard_influence
            kaplan_meier[k] *= 1.0 - hazard
            hazard_of_all += hazard
            all_influence += hazard_influence
        free_influence = free_influence * (1.0 - hazard_of_all) - event_free * all_influence
        event_free *= 1.0 - hazard_of_all
        states.append((incidence.copy(), np.sqrt((influence**2).sum(axis=1)), kaplan_meier.copy()))
    rows = []
    place = np.searchsorted(moments, given, side="right")
    for k, one in enumerate(causes):
        for moment, step in zip(given, place, strict=True):
            value, error, kept = (float(part[k]) for part in states[step])
            row = {
                "cause": int(one),
                "time_months": float(moment),
                "n_at_risk": int((time >= moment).sum()),
                "n_events": int(((time == moment) & (kind == one)).sum()),
                "cumulative_incidence": min(1.0, value),
                "standard_error": error,
                "ci_lower": None,
                "ci_upper": None,
                "one_minus_kaplan_meier": min(1.0, max(0.0, 1.0 - kept)),
            }
            if value > 0:
                reach = Z_95 * error / value
                row |= {"ci_lower": min(1.0, value * np.exp(-reach)), "ci_upper": min(1.0, value * np.exp(reach))}
            rows.append(row)
    return pl.DataFrame(rows, schema=CUMULATIVE_INCIDENCE_SCHEMA)
