"""Time-dependent AUC: how well a Cox model tells who dies by a time from who lives beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.errors import DesignFault
from resistance_assets.science.survival.cox import fit_model
from resistance_assets.science.survival.follow_up import SortedCohort, as_floats, merge_nearly_equal, usable_follow_up


def time_dependent_auc(
    predictors: ArrayLike,
    time_months: ArrayLike,
    event_observed: ArrayLike,
    at_months: Sequence[float],
    *,
    bootstrap: int = 500,
    folds: int = 5,
    repeats: int = 10,
    seed: int = 20240501,
) -> pl.DataFrame:
    """How well the linear predictor of a Cox model tells those who died by a time from those who lived beyond it.

    Cumulative cases, dynamic controls: who had the event at or before a time (T <= t) is a case, who is still observed
    beyond it (T > t) a control. An event at exactly t is thus a case, where R's timeROC takes T < t. Cases are weighted
    by the inverse probability of not having been censored before their death (Uno et al. 2007, JASA 102:527; Blanche et
    al. 2013, Stat Med 32:5381). The apparent value is measured on the patients that the model was fitted to and is
    therefore too high; the cross-validated value beside it fits each fold's model on the other folds and compares only
    patients of one fold.

    Args:
        predictors: shape (n_patients,) or (n_patients, p).
        at_months: times to look at.
        bootstrap: resamples of patients for the percentile interval of the apparent value (the model is held).
        folds, repeats: of the cross-validation.

    Returns:
        One row per time: time_months, n, n_at_risk (beyond the time), n_cases, auc, ci_lower, ci_upper,
        auc_cross_validated, bootstrap_samples (Int64, resamples in which the value exists). Null where a time has no
        case or nobody at risk.
    """
    return measure_discrimination(
        predictors, time_months, event_observed, at_months, bootstrap=bootstrap, folds=folds, repeats=repeats, seed=seed
    ).table()


@dataclass(frozen=True)
class Discrimination:
    """Time-dependent AUC of one model at several times, with its resamples.

    Attributes:
        at_months, n_at_risk, n_cases, apparent, cross_validated: shape (times,); n: patients.
        resampled: shape (resamples, times); two models of the same patients have the same resamples.
    """

    n: int
    at_months: NDArray[np.float64]
    n_at_risk: NDArray[np.int64]
    n_cases: NDArray[np.int64]
    apparent: NDArray[np.float64]
    cross_validated: NDArray[np.float64]
    resampled: NDArray[np.float64]

    def table(self) -> pl.DataFrame:
        """The columns of `time_dependent_auc`."""
        lower, upper = _percentile_limits(self.resampled, self.apparent)
        return pl.DataFrame(
            {
                "time_months": self.at_months,
                "n": np.full(self.at_months.size, self.n),
                "n_at_risk": self.n_at_risk,
                "n_cases": self.n_cases,
                "auc": self.apparent,
                "ci_lower": lower,
                "ci_upper": upper,
                "auc_cross_validated": self.cross_validated,
                "bootstrap_samples": (~np.isnan(self.resampled)).sum(axis=0).astype(np.int64),
            }
        ).with_columns(pl.col(pl.Float64).fill_nan(None))

    def gain_over(self, smaller: Discrimination) -> pl.DataFrame:
        """What this model adds to a smaller one of the same patients, one row per time.

        Returns:
            auc_covariates_alone (of the smaller model), auc_gain, auc_gain_ci_lower, auc_gain_ci_upper (percentiles
            over the shared resamples), auc_gain_cross_validated.
        """
        if smaller.n != self.n:
            raise ValueError(f"models of {self.n} and {smaller.n} patients cannot be compared")
        gain = self.apparent - smaller.apparent
        lower, upper = _percentile_limits(self.resampled - smaller.resampled, gain, low=-1.0)
        return pl.DataFrame(
            {
                "auc_covariates_alone": smaller.apparent,
                "auc_gain": gain,
                "auc_gain_ci_lower": lower,
                "auc_gain_ci_upper": upper,
                "auc_gain_cross_validated": self.cross_validated - smaller.cross_validated,
            }
        ).with_columns(pl.col(pl.Float64).fill_nan(None))


def measure_discrimination(
    predictors: ArrayLike,
    time_months: ArrayLike,
    event_observed: ArrayLike,
    at_months: Sequence[float],
    *,
    bootstrap: int,
    folds: int,
    repeats: int,
    seed: int,
) -> Discrimination:
    """Apparent, resampled and cross-validated AUC of a Cox model; args and errors as `time_dependent_auc`."""
    columns = np.asarray(predictors, np.float64)
    columns = columns[:, None] if columns.ndim == 1 else columns
    complete = np.isfinite(columns).all(axis=1)
    usable, _ = usable_follow_up(np.where(complete, as_floats(time_months), np.nan), event_observed)
    columns = columns[usable]
    time = merge_nearly_equal(as_floats(time_months)[usable])
    event = as_floats(event_observed)[usable].astype(np.int64)
    if not event.any():
        raise DesignFault(
            f"none of {time.size} patients had the event",
            subject="time-dependent AUC",
            remedy="Choose another endpoint.",
        )
    moments = np.asarray(at_months, float)
    risk = columns @ _risk_weights(columns, time, event)
    apparent = _auc(risk, time, event, moments)[0]
    rng = np.random.default_rng(seed)
    resampled = _bootstrap_auc(risk, time, event, moments, rng.integers(0, time.size, (bootstrap, time.size)))
    above, weight = np.zeros(moments.size), np.zeros(moments.size)
    for _ in range(repeats):
        fold = rng.permutation(time.size) % folds
        for one in range(folds):
            test, train = fold == one, fold != one
            if not event[train].any():
                continue
            held_out = columns[test] @ _risk_weights(columns[train], time[train], event[train])
            value, pairs = _auc(held_out, time[test], event[test], moments)
            good = pairs > 0
            above[good] += value[good] * pairs[good]
            weight[good] += pairs[good]
    with np.errstate(invalid="ignore", divide="ignore"):
        validated = np.where(np.isfinite(apparent) & (weight > 0), above / weight, np.nan)
    return Discrimination(
        n=int(time.size),
        at_months=moments,
        n_at_risk=(time[None, :] > moments[:, None]).sum(axis=1),
        n_cases=((time[None, :] <= moments[:, None]) & (event == 1)[None, :]).sum(axis=1),
        apparent=_within_bounds(apparent),
        cross_validated=_within_bounds(validated),
        # A model that ranks perfectly may come out of the sums as 1.0000000000000002.
        resampled=_within_bounds(resampled),
    )


def _within_bounds(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(values, 0.0, 1.0)


def _percentile_limits(
    resampled: NDArray[np.float64], apparent: NDArray[np.float64], low: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """95 % percentile limits of each column, NaN where the value itself does not exist."""
    limits = np.full((2, apparent.size), np.nan)
    for k in range(apparent.size):
        sample = resampled[~np.isnan(resampled[:, k]), k]
        if np.isfinite(apparent[k]) and sample.size:
            limits[:, k] = np.clip(np.quantile(sample, [0.025, 0.975]), low, 1.0)
    return limits[0], limits[1]


def _risk_weights(
    columns: NDArray[np.float64], time: NDArray[np.float64], event: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Cox coefficients; zero where the model cannot be fitted (constant columns, dependent columns)."""
    from resistance_assets.science.survival.kernels import partial_likelihood

    cohort = SortedCohort(time, event)
    fit = fit_model(columns[cohort.order], cohort.risk_sets())
    good = (
        fit.status in (partial_likelihood.CONVERGED, partial_likelihood.MONOTONE)
        and np.isfinite(fit.coefficients).all()
    )
    return fit.coefficients if good else np.zeros(columns.shape[1])


def _auc(
    risk: NDArray[np.float64], time: NDArray[np.float64], event: NDArray[np.int64], moments: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted AUC at each time, and the weight of its pairs."""
    at, place = np.unique(time, return_inverse=True)
    left = np.bincount(place, minlength=at.size)
    died = np.bincount(place, weights=event, minlength=at.size)
    remaining = np.cumsum(left[::-1])[::-1] - died
    lost = left - died
    # Deaths come before censoring at one time, so they are not at risk of being censored there.
    still = np.concatenate(([1.0], np.cumprod(1.0 - lost / np.maximum(remaining, 1.0))))
    weight = event / still[place]
    values, pairs = np.full(moments.size, np.nan), np.zeros(moments.size)
    for k, moment in enumerate(moments):
        case = (time <= moment) & (event == 1)
        controls = np.sort(risk[time > moment])
        if not case.any() or controls.size == 0:
            continue
        below = np.searchsorted(controls, risk[case], side="left")
        upto = np.searchsorted(controls, risk[case], side="right")
        w = weight[case]
        pairs[k] = w.sum() * controls.size
        values[k] = float((w * (below + upto) / 2.0).sum() / pairs[k])
    return values, pairs


def _bootstrap_auc(
    risk: NDArray[np.float64],
    time: NDArray[np.float64],
    event: NDArray[np.int64],
    moments: NDArray[np.float64],
    picks: NDArray[np.int64],
) -> NDArray[np.float64]:
    """What `_auc` gives for each resample of patients (rows of `picks`), shape (resamples, moments)."""
    from resistance_assets.science.survival.kernels.auc import resampled_auc

    at, place = np.unique(time, return_inverse=True)
    _, rank = np.unique(risk, return_inverse=True)
    control = time[None, :] > moments[:, None]
    case = ~control & (event == 1)[None, :]
    return resampled_auc(picks, place, at.size, event, case, control, np.argsort(rank, kind="stable"), rank)
