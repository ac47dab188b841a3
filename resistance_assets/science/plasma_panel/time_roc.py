"""Time-dependent AUC of a marker with the interval of its influence function.

Cumulative cases (event before t) against dynamic controls (at risk beyond t), weighted by the inverse probability of
not being censored (Uno 2007, doi:10.1198/016214507000000149). The standard error is that of the estimator's iid
decomposition, the estimation of the censoring distribution included (Blanche 2013, doi:10.1002/sim.5958). The marker is
taken as it is: an AUC below 0.5 says that high values go with a late event.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEAST_CASES = 10
LEAST_CONTROLS = 10


class TimeRoc(NamedTuple):
    """AUC at one time.

    Attributes:
        cases, controls: patients with an event before the time, and at risk beyond it.
        censored_before: patients who are neither.
        standard_error, lower, upper: NaN with fewer than ten cases or ten controls; limits are kept within 0 and 1.
        interval_note: why there is no interval.
    """

    cases: int
    controls: int
    censored_before: int
    auc: float
    standard_error: float
    lower: float
    upper: float
    interval_note: str | None


def time_roc(time: NDArray[np.float64], event: NDArray[np.bool_], marker: NDArray[np.float64], at: float) -> TimeRoc:
    """AUC of a marker for an event before a time.

    Args:
        time: follow-up per patient.
        event: whether it ended with the event.
        marker: per patient, without missing values.
        at: the time, in the unit of `time`; an event at exactly that time is neither case nor control.
    """
    event = event.astype(bool)
    is_case, is_control = (time < at) & event, time > at
    cases, controls = int(is_case.sum()), int(is_control.sum())
    censored = int(((time < at) & ~event).sum())
    if not cases or not controls:
        return TimeRoc(cases, controls, censored, math.nan, math.nan, math.nan, math.nan, "no cases or no controls")
    auc, influence = _influence(time, event, marker, at, is_case, is_control)
    if cases < LEAST_CASES or controls < LEAST_CONTROLS:
        note = f"{cases} cases and {controls} controls: an interval asks for {LEAST_CASES} of each"
        return TimeRoc(cases, controls, censored, auc, math.nan, math.nan, math.nan, note)
    error = float(influence.std(ddof=1) / math.sqrt(len(time)))
    reach = float(stats.norm.ppf(0.975)) * error
    return TimeRoc(cases, controls, censored, auc, error, max(0.0, auc - reach), min(1.0, auc + reach), None)


def _influence(
    time: NDArray[np.float64],
    event: NDArray[np.bool_],
    marker: NDArray[np.float64],
    at: float,
    is_case: NDArray[np.bool_],
    is_control: NDArray[np.bool_],
) -> tuple[float, NDArray[np.float64]]:
    """AUC, and what each patient contributes to its variation."""
    n = len(time)
    censoring = np.unique(time[~event])
    at_risk = np.array([(time >= moment).sum() for moment in censoring], dtype=float)
    leaving = np.array([((time == moment) & ~event).sum() for moment in censoring], dtype=float)
    hazard = leaving / at_risk if len(censoring) else np.zeros(0)
    staying = np.cumprod(1.0 - hazard)

    def uncensored(moment: float, *, strict: bool) -> float:
        until = np.searchsorted(censoring, moment, side="left" if strict else "right")
        return float(staying[until - 1]) if until else 1.0

    case_weight = np.where(is_case, 1.0, 0.0) / np.array([uncensored(moment, strict=True) for moment in time])
    control_weight = np.where(is_control, 1.0, 0.0) / uncensored(at, strict=False)
    higher = (marker[:, None] > marker[None, :]) + 0.5 * (marker[:, None] == marker[None, :])
    per_case = higher @ control_weight / n
    per_control = case_weight @ higher / n
    share_cases, share_controls = case_weight.mean(), control_weight.mean()
    concordant = float((case_weight * per_case).mean())
    auc = concordant / (share_cases * share_controls)

    # Martingale of censoring over the share at risk, per patient and censoring time; summed up to a time it says how
    # this patient moves the estimate of the censoring distribution.
    own = ((time[:, None] == censoring[None, :]) & ~event[:, None]).astype(float)
    risk = (time[:, None] >= censoring[None, :]).astype(float)
    moves = np.cumsum((own - risk * hazard) / (at_risk / n), axis=1) if len(censoring) else np.zeros((n, 0))

    def moved(moment: float, *, strict: bool) -> NDArray[np.float64]:
        until = np.searchsorted(censoring, moment, side="left" if strict else "right")
        return moves[:, until - 1] if until else np.zeros(n)

    by_time = np.array([moved(moment, strict=True) for moment in time])
    by_at = moved(at, strict=False)
    of_concordant = (
        case_weight * per_case
        + control_weight * per_control
        - 2.0 * concordant
        + (case_weight * per_case) @ by_time / n
        + concordant * by_at
    )
    of_cases = case_weight - share_cases + case_weight @ by_time / n
    of_controls = control_weight - share_controls + share_controls * by_at
    influence = (of_concordant - auc * (of_cases * share_controls + share_cases * of_controls)) / (
        share_cases * share_controls
    )
    return float(min(1.0, max(0.0, auc))), influence
