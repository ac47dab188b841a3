"""Kaplan-Meier curves and what is read off them: medians, landmarks, numbers at risk, restricted means, follow-up.

Numbers follow R's `survfit` (Therneau's survival 3), which decides where libraries differ: the median of a curve that
is flat at one half is the middle of that stretch, where lifelines takes its start. Times are months.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.science.statistics.tails import Z_95
from resistance_assets.science.survival.follow_up import patients_by_group, usable_patients

_HALF_TOLERANCE = float(np.sqrt(np.finfo(np.float64).eps))
KAPLAN_MEIER_SCHEMA: dict[str, Any] = {
    "group": pl.String,
    "time_months": pl.Float64,
    "n_at_risk": pl.Int64,
    "n_events": pl.Int64,
    "n_censored": pl.Int64,
    "survival": pl.Float64,
    "standard_error_survival": pl.Float64,
    "ci_lower_log": pl.Float64,
    "ci_upper_log": pl.Float64,
    "ci_lower_log_log": pl.Float64,
    "ci_upper_log_log": pl.Float64,
}


def kaplan_meier(time_months: ArrayLike, event_observed: ArrayLike, group: ArrayLike | None = None) -> pl.DataFrame:
    """Kaplan-Meier curve of each group, at every distinct time (censoring times too).

    Args:
        time_months, event_observed: shape (n_patients,).
        group: shape (n_patients,), labels; None = one group called "all". Patients without a label are left out.

    Returns:
        Columns of `KAPLAN_MEIER_SCHEMA`, by group label and time. Standard error after Greenwood; 95 % limits on the
        log scale (upper cut at 1) and the log-log scale (null while survival is 1), both null where survival is 0, as
        R's `survfit`.

    Raises:
        DesignFault: no usable patient.
    """
    parts = [
        kaplan_meier_curve(label, *arrays) for label, arrays in patients_by_group(time_months, event_observed, group)
    ]
    return pl.concat(parts)


def median_survival(time_months: ArrayLike, event_observed: ArrayLike, group: ArrayLike | None = None) -> pl.DataFrame:
    """Median survival of each group with 95 % limits, by the rules of R's `survfit`.

    Where the curve is flat at exactly one half the median is the middle of that stretch. A limit is where the limit of
    the curve crosses one half. Null = not reached.

    Returns:
        group, n, events (Int64), median_survival_months, ci_lower_months_log, ci_upper_months_log,
        ci_lower_months_log_log, ci_upper_months_log_log.
    """
    rows = []
    for label, (time, event) in patients_by_group(time_months, event_observed, group):
        curve = kaplan_meier_curve(label, time, event)
        at = curve["time_months"].to_numpy()

        def crossing(column: str, curve: pl.DataFrame = curve, at: NDArray[np.float64] = at) -> float | None:
            return _half_crossing(curve[column].fill_null(np.nan).to_numpy(), at)

        rows.append(
            {
                "group": label,
                "n": time.size,
                "events": int(event.sum()),
                "median_survival_months": crossing("survival"),
                "ci_lower_months_log": crossing("ci_lower_log"),
                "ci_upper_months_log": crossing("ci_upper_log"),
                "ci_lower_months_log_log": crossing("ci_lower_log_log"),
                "ci_upper_months_log_log": crossing("ci_upper_log_log"),
            }
        )
    schema = {"group": pl.String, "n": pl.Int64, "events": pl.Int64}
    floats = {name: pl.Float64 for name in rows[0] if name not in schema}
    return pl.DataFrame(rows, schema={**schema, **floats})


def estimate_survival_at(
    time_months: ArrayLike, event_observed: ArrayLike, at_months: Sequence[float], group: ArrayLike | None = None
) -> pl.DataFrame:
    """Survival of each group at chosen (landmark) times.

    Returns:
        group, time_months, n_at_risk (at or beyond the time), survival, standard_error_survival and the four limits of
        `kaplan_meier`; null beyond the last patient of the group, where nothing is known.
    """
    rows = []
    for label, (time, event) in patients_by_group(time_months, event_observed, group):
        curve = kaplan_meier_curve(label, time, event)
        at = curve["time_months"].to_numpy()
        names = curve.columns[5:]
        for moment in at_months:
            row: dict[str, Any] = {
                "group": label,
                "time_months": float(moment),
                "n_at_risk": int((time >= moment).sum()),
            }
            step = int(np.searchsorted(at, moment, side="right")) - 1
            if moment > at[-1]:
                row |= dict.fromkeys(names)
            elif step < 0:
                row |= dict.fromkeys(names, 1.0) | {"standard_error_survival": 0.0}
                row |= {"ci_lower_log_log": None, "ci_upper_log_log": None}
            else:
                row |= {name: curve[name][step] for name in names}
            rows.append(row)
    schema = {k: v for k, v in KAPLAN_MEIER_SCHEMA.items() if k not in ("n_events", "n_censored")}
    return pl.DataFrame(rows, schema=schema)


def numbers_at_risk(
    time_months: ArrayLike, event_observed: ArrayLike, at_months: Sequence[float], group: ArrayLike | None = None
) -> pl.DataFrame:
    """Patients still under observation (time at or beyond the moment): the table under a Kaplan-Meier plot.

    Returns:
        group (String), time_months (Float64), n_at_risk (Int64), n_events_before (Int64, events earlier than the time).
    """
    rows = [
        {
            "group": label,
            "time_months": float(moment),
            "n_at_risk": int((time >= moment).sum()),
            "n_events_before": int(event[time < moment].sum()),
        }
        for label, (time, event) in patients_by_group(time_months, event_observed, group)
        for moment in at_months
    ]
    schema = {"group": pl.String, "time_months": pl.Float64, "n_at_risk": pl.Int64, "n_events_before": pl.Int64}
    return pl.DataFrame(rows, schema=schema)


def restricted_mean_survival(
    time_months: ArrayLike, event_observed: ArrayLike, until_months: float, group: ArrayLike | None = None
) -> pl.DataFrame:
    """Mean survival up to a horizon: the area under the curve, with its standard error (as R's `survfit`, rmean).

    Beyond the last patient of a group the curve is carried forward, as R does; `n_at_risk_at_horizon` says how much
    rests on that.

    Returns:
        group, until_months, n_at_risk_at_horizon, restricted_mean_months, standard_error_months, ci_lower_months,
        ci_upper_months (normal, 95 %).
    """
    rows = []
    for label, (time, event) in patients_by_group(time_months, event_observed, group):
        curve = kaplan_meier_curve(label, time, event)
        at = curve["time_months"].to_numpy()
        inside = at < until_months
        at, s = at[inside], curve["survival"].to_numpy()[inside]
        d, n = curve["n_events"].to_numpy()[inside], curve["n_at_risk"].to_numpy()[inside]
        width = np.diff(np.concatenate(([0.0], at, [until_months])))
        area = width * np.concatenate(([1.0], s))
        beyond = np.cumsum(area[::-1])[::-1][1:]
        with np.errstate(divide="ignore", invalid="ignore"):
            hazard_variance = np.where(n > d, d / (n * (n - d)), 0.0)
        mean, se = float(area.sum()), float(np.sqrt((beyond**2 * hazard_variance).sum()))
        rows.append(
            {
                "group": label,
                "until_months": float(until_months),
                "n_at_risk_at_horizon": int((time >= until_months).sum()),
                "restricted_mean_months": mean,
                "standard_error_months": se,
                "ci_lower_months": mean - Z_95 * se,
                "ci_upper_months": mean + Z_95 * se,
            }
        )
    return pl.DataFrame(rows)


def median_follow_up(time_months: ArrayLike, event_observed: ArrayLike, group: ArrayLike | None = None) -> pl.DataFrame:
    """Median follow-up by the reverse Kaplan-Meier estimate: censoring is the event, deaths end the observation.

    Schemper & Smith (1996, Control Clin Trials 17:343). Columns as `median_survival`, with `events` the number of
    censored patients and `median_follow_up_months` in place of the median survival.
    """
    time, event, labels = usable_patients(time_months, event_observed, group)
    return median_survival(time, 1 - event, labels).rename({"median_survival_months": "median_follow_up_months"})


def kaplan_meier_curve(label: str, time: NDArray[np.float64], event: NDArray[np.int64]) -> pl.DataFrame:
    at, place = np.unique(time, return_inverse=True)
    left = np.bincount(place, minlength=at.size)
    died = np.bincount(place, weights=event, minlength=at.size).astype(np.int64)
    risk = np.cumsum(left[::-1])[::-1]
    survival = np.cumprod(1.0 - died / risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_se = np.sqrt(np.cumsum(died / (risk * (risk - died))))
        lower = survival * np.exp(-Z_95 * log_se)
        upper = np.minimum(1.0, survival * np.exp(Z_95 * log_se))
        log_s = np.log(survival)
        centre, reach = np.log(-log_s), Z_95 * log_se / log_s
        lower_ll, upper_ll = np.exp(-np.exp(centre - reach)), np.exp(-np.exp(centre + reach))
        se = survival * log_se
    gone = survival <= 0
    for limit in (lower, upper, se):
        limit[gone] = np.nan
    for limit in (lower_ll, upper_ll):
        limit[gone | (survival >= 1)] = np.nan
    values = [[label] * at.size, at, risk, died, left - died, survival, se, lower, upper, lower_ll, upper_ll]
    series = [
        pl.Series(name, column, dtype=pl.String) if dtype == pl.String else pl.Series(name, column).cast(dtype)
        for (name, dtype), column in zip(KAPLAN_MEIER_SCHEMA.items(), values, strict=True)
    ]
    return pl.DataFrame(series).with_columns(pl.col(pl.Float64).fill_nan(None))


def _half_crossing(values: NDArray[np.float64], at: NDArray[np.float64]) -> float | None:
    """First time at or below one half, the middle of a stretch that is flat there (R's survfit)."""
    known = ~np.isnan(values) & (values < 0.5 + _HALF_TOLERANCE)
    if not known.any():
        return None
    y, x = values[known], at[known]
    lower = np.flatnonzero(y < y[0])
    if abs(y[0] - 0.5) < _HALF_TOLERANCE and lower.size:
        return float((x[0] + x[lower[0]]) / 2)
    return float(x[0])
