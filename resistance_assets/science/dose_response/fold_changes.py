"""Fold change of EC50 or IC50 between two cell lines: between independent replicates, and within one experiment.

Everything is on the natural logarithm of the dose. The replicate level (one fit per independent replicate, then a t
test) is what generalises; the curve level pools the points of one experiment and says so. A side whose value is only a
bound gives a bound and no test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from resistance_assets.science.dose_response.curves import TOP, CurveFit, Model, average_doses, usable_points
from resistance_assets.science.dose_response.kernels.log_logistic import profile_at_ec50
from resistance_assets.science.statistics.t_tests import (
    TTest,
    paired_t_test,
    satterthwaite_degrees_of_freedom,
    t_test,
    welch_t_test,
)

Side = Literal["estimated", "above", "below", "none"]


class LogRatio(NamedTuple):
    """A ratio on the ln scale with its test; limits are of the ratio itself."""

    ln_ratio: float
    standard_error: float
    degrees_of_freedom: float
    t: float
    p_value: float
    lower: float
    upper: float


NO_TEST = LogRatio(math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, math.nan)


def log_ratio(test: TTest) -> LogRatio:
    """A ratio from the t test of its logarithm; without a test it keeps its value alone."""
    if math.isnan(test.p_value):
        return NO_TEST._replace(ln_ratio=test.difference)
    reach = test.half_width()
    return LogRatio(*test, math.exp(test.difference - reach), math.exp(test.difference + reach))


def welch(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> LogRatio:
    """Welch's t test of ln values of independent replicates."""
    return log_ratio(welch_t_test(numerator, denominator))


def paired(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> LogRatio:
    """Paired t test of ln values, one pair per day or passage."""
    return log_ratio(paired_t_test(numerator, denominator))


def pooled_variance(numerator: CurveFit, denominator: CurveFit) -> LogRatio:
    """Curve-level ratio of EC50 with one residual variance for both curves: within one experiment."""
    df = numerator.df + denominator.df
    variance = (numerator.rss + denominator.rss) / df
    unit = (numerator.se_ln_ec50 / numerator.sigma) ** 2 + (denominator.se_ln_ec50 / denominator.sigma) ** 2
    return log_ratio(t_test(numerator.ln_ec50 - denominator.ln_ec50, math.sqrt(unit * variance), df))


def separate_variances(numerator: CurveFit, denominator: CurveFit) -> LogRatio:
    """Curve-level ratio of EC50 with a variance per curve and Satterthwaite's degrees of freedom."""
    squares = numerator.se_ln_ec50**2, denominator.se_ln_ec50**2
    df = satterthwaite_degrees_of_freedom(squares, (numerator.df, denominator.df))
    return log_ratio(t_test(numerator.ln_ec50 - denominator.ln_ec50, math.sqrt(sum(squares)), df))


class SharedEc50(NamedTuple):
    """Extra-sum-of-squares F test of one EC50 for both curves: within one experiment."""

    f: float
    df1: int
    df2: int
    p_value: float


def shared_ec50_test(
    numerator: CurveFit,
    denominator: CurveFit,
    points: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    *,
    model: Model,
) -> SharedEc50:
    """Whether one EC50 serves both curves, their slopes and limits apart.

    Args:
        numerator, denominator: the two fits.
        points: (dose, viability in percent) of the numerator and of the denominator.
        model: as they were fitted.
    """
    top = math.nan if model == "ll4" else TOP
    prepared = [
        (average_doses(*usable_points(dose, y, model)), math.log(fit.hill))
        for fit, (dose, y) in zip((numerator, denominator), points, strict=True)
    ]
    within = sum(means.within for means, _ in prepared)

    def together(ln_ec50: float) -> float:
        about_curves = (
            profile_at_ec50(means.ln_dose, means.mean, means.weight, ln_ec50, top, near)[0] for means, near in prepared
        )
        return float(within + sum(about_curves))

    low, high = sorted((numerator.ln_ec50, denominator.ln_ec50))
    grid = np.linspace(low - 0.5, high + 0.5, 60)
    values = [together(place) for place in grid]
    centre = grid[int(np.argmin(values))]
    found = optimize.minimize_scalar(
        together, bounds=(centre - 0.3, centre + 0.3), method="bounded", options={"xatol": 1e-9}
    )
    df = numerator.df + denominator.df
    own = numerator.rss + denominator.rss
    f = max((float(found.fun) - own) / (own / df), 0.0)  # pyright: ignore
    return SharedEc50(f, 1, df, float(stats.f.sf(f, 1, df)))


@dataclass(frozen=True)
class Bound:
    """A fold change of which one side is only a bound: `text` is what is printed, there is no test."""

    relation: Literal[">", "<", "none"]
    fold: float
    text: str


def side_of(fit: CurveFit) -> tuple[Side, float]:
    """What a fit says of its IC50: a value, or the dose that bounds it."""
    match fit.verdict:
        case "estimated":
            return "estimated", fit.ic50
        case "ic50_above_highest_dose":
            return "above", fit.max_dose
        case "ic50_below_lowest_dose":
            return "below", fit.min_dose
    return "none", math.nan


def bound_of_ratio(numerator: CurveFit, denominator: CurveFit) -> Bound | None:
    """The bound of an IC50 ratio where a side is censored; None where both sides are estimated.

    Above the highest dose over an estimate is a lower bound of the ratio, below the lowest dose over an estimate an
    upper one; two bounds that pull apart say nothing.
    """
    (top, upper_dose), (bottom, lower_dose) = side_of(numerator), side_of(denominator)
    if top == bottom == "estimated":
        return None
    if "none" in (top, bottom):
        return Bound("none", math.nan, "none: a side has no IC50")
    fold = upper_dose / lower_dose
    if (top, bottom) in {("above", "estimated"), ("above", "below"), ("estimated", "below")}:
        return Bound(">", fold, f"> {fold:.3g}")
    if (top, bottom) in {("below", "estimated"), ("below", "above"), ("estimated", "above")}:
        return Bound("<", fold, f"< {fold:.3g}")
    return Bound("none", math.nan, "none: both IC50 lie beyond the doses on the same side")
