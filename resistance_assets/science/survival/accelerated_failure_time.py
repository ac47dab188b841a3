"""Accelerated failure time models: by what factor a gene stretches or shortens survival (R's `survreg`).

They need no proportional hazards: where the hazard ratio of a gene changes with time, the time ratio may still be one
number. Which of the distributions fits best is told by AIC.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.errors import DesignFault
from resistance_assets.science.statistics.tails import Z_95, chi2_tail
from resistance_assets.science.survival.follow_up import as_floats, usable_follow_up

Distribution = Literal["weibull", "loglogistic", "lognormal"]
DISTRIBUTIONS: tuple[Distribution, ...] = ("weibull", "loglogistic", "lognormal")

TIME_RATIO_SCHEMA: dict[str, Any] = {
    "distribution": pl.String,
    "n": pl.Int64,
    "events": pl.Int64,
    "n_left_out": pl.Int64,
    "log_time_ratio_per_sd": pl.Float64,
    "standard_error": pl.Float64,
    "time_ratio_per_sd": pl.Float64,
    "ci_lower": pl.Float64,
    "ci_upper": pl.Float64,
    "p_likelihood_ratio": pl.Float64,
    "scale": pl.Float64,
    "log_likelihood": pl.Float64,
    "aic": pl.Float64,
    "is_best_aic": pl.Boolean,
}


def fit_time_ratios(
    expression: ArrayLike,
    time_months: ArrayLike,
    event_observed: ArrayLike,
    distributions: tuple[Distribution, ...] = ("weibull", "loglogistic"),
) -> pl.DataFrame:
    """Time ratio per standard deviation of expression, by each distribution.

    log(time) = intercept + coefficient x + scale x error, the error of the smallest extreme value (Weibull), logistic
    or normal distribution; right-censored maximum likelihood by Newton's method. A ratio below 1 is a shorter survival.

    Args:
        expression: shape (n,), NaN where missing; standardised over the patients used.
        time_months, event_observed: shape (n,). A time of 0 has no logarithm: those patients are left out and counted.

    Returns:
        One row per distribution, columns of `TIME_RATIO_SCHEMA`; 95 % limits after Wald.

    Raises:
        DesignFault: no event, or the same expression in all patients.
    """
    values, time, event = as_floats(expression), as_floats(time_months), as_floats(event_observed)
    usable, _ = usable_follow_up(time, event)
    kept = usable & (time > 0) & np.isfinite(values)
    x, log_time, died = values[kept], np.log(time[kept]), event[kept] == 1
    if not died.any() or np.ptp(x) == 0:
        raise DesignFault(
            "nobody had the event" if not died.any() else "the gene is the same in all patients",
            subject="accelerated failure time model",
            remedy="Choose another endpoint, cohort or gene.",
        )
    x = (x - x.mean()) / x.std(ddof=1)
    rows = []
    for name in distributions:
        fitted, covariance, likelihood = _maximise(name, np.column_stack([np.ones_like(x), x]), log_time, died)
        null = _maximise(name, np.ones((x.size, 1)), log_time, died)[2]
        beta, se = float(fitted[1]), float(np.sqrt(covariance[1, 1]))
        rows.append(
            {
                "distribution": name,
                "n": int(kept.sum()),
                "events": int(died.sum()),
                "n_left_out": int((~kept).sum()),
                "log_time_ratio_per_sd": beta,
                "standard_error": se,
                "time_ratio_per_sd": np.exp(beta),
                "ci_lower": np.exp(beta - Z_95 * se),
                "ci_upper": np.exp(beta + Z_95 * se),
                "p_likelihood_ratio": float(chi2_tail(max(0.0, 2 * (likelihood - null)))),
                "scale": float(np.exp(fitted[-1])),
                "log_likelihood": likelihood,
                "aic": 2.0 * fitted.size - 2.0 * likelihood,
            }
        )
    frame = pl.DataFrame(rows, schema={k: v for k, v in TIME_RATIO_SCHEMA.items() if k != "is_best_aic"})
    return frame.with_columns(is_best_aic=pl.col("aic") == pl.col("aic").min())


def _error_terms(
    name: Distribution, z: NDArray[np.float64], died: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Log density (died) or log survival (censored) of the standardised error, with two derivatives by z."""
    from scipy.special import expit, log_ndtr

    if name == "weibull":
        e = np.exp(np.minimum(z, 700.0))
        return np.where(died, z, 0.0) - e, died - e, -e
    if name == "loglogistic":
        p = expit(z)
        # log survival is -log(1 + e^z); the log density is z - 2 log(1 + e^z).
        times = np.where(died, 2.0, 1.0)
        return np.where(died, z, 0.0) - times * np.logaddexp(0.0, z), died - times * p, -times * p * (1.0 - p)
    # Inverse Mills ratio of the censored.
    log_tail = log_ndtr(-z)
    mills = np.exp(-0.5 * z * z - 0.5 * np.log(2.0 * np.pi) - log_tail)
    value = np.where(died, -0.5 * z * z - 0.5 * np.log(2.0 * np.pi), log_tail)
    return value, np.where(died, -z, -mills), np.where(died, -1.0, -mills * (mills - z))


def _likelihood(
    name: Distribution,
    parameters: NDArray[np.float64],
    X: NDArray[np.float64],
    log_time: NDArray[np.float64],
    died: NDArray[np.bool_],
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Log-likelihood of the times, its gradient and its Hessian; parameters are coefficients and log scale."""
    scale = np.exp(parameters[-1])
    z = (log_time - X @ parameters[:-1]) / scale
    value, first, second = _error_terms(name, z, died)
    # Density of the time, not of its logarithm, as R prints it.
    total = float(value.sum() - died.sum() * parameters[-1] - log_time[died].sum())
    slopes = np.column_stack([-X / scale, -z])
    gradient = first @ slopes
    gradient[-1] -= died.sum()
    hessian = (slopes * second[:, None]).T @ slopes
    # Second derivatives of z itself, by the log scale.
    cross = first @ (X / scale)
    hessian[:-1, -1] += cross
    hessian[-1, :-1] += cross
    hessian[-1, -1] += first @ z
    return total, gradient, hessian


def _maximise(
    name: Distribution, X: NDArray[np.float64], log_time: NDArray[np.float64], died: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Estimates (log scale last), covariance and log-likelihood, by Newton with step halving."""
    spread = float(log_time.std()) or 1.0
    parameters = np.zeros(X.shape[1] + 1)
    parameters[0], parameters[-1] = log_time.mean() + 0.5 * spread, np.log(spread)
    value, gradient, hessian = _likelihood(name, parameters, X, log_time, died)
    for _ in range(200):
        curvature = -hessian
        # Away from the maximum the Hessian may not be negative definite.
        lowest = np.linalg.eigvalsh(curvature)[0]
        if lowest <= 0:
            curvature = curvature + (1e-6 * np.trace(np.abs(curvature)) - lowest) * np.eye(parameters.size)
        step = np.linalg.solve(curvature, gradient)
        if gradient @ step < 1e-14:
            break
        length = 1.0
        while length > 1e-10:
            trial = parameters + length * step
            # A step far too long overflows; it is halved, not reported.
            with np.errstate(over="ignore", invalid="ignore"):
                found = _likelihood(name, trial, X, log_time, died)
            if np.isfinite(found[0]) and found[0] >= value:
                break
            length *= 0.5
        else:
            break
        parameters, (value, gradient, hessian) = trial, found
    return parameters, np.linalg.inv(-hessian), value  # pyright: ignore
