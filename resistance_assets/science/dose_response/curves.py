"""Dose-response curves: log-logistic fits with profile-likelihood intervals, and a verdict on what they can say.

The model is lower + (upper - lower) / (1 + (dose / EC50)^hill), fitted by least squares without weights. Two halves are
kept apart: EC50 is relative (half of this curve's own fall), IC50 absolute (the dose at 50 % viability). A curve that
does not reach 50 % inside the doses has no IC50 but a bound (Sebaugh 2011, doi:10.1002/pst.426).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from resistance_assets.science.dose_response.kernels.log_logistic import (
    NO_FIT,
    fit_shape,
    limits_given_shape,
    profile_limit,
    shares_of_fall,
)
from resistance_assets.science.dose_response.viability import area_under_points

Model = Literal["ll4", "ll3_top100"]
Verdict = Literal[
    "estimated",
    "ic50_above_highest_dose",
    "ic50_below_lowest_dose",
    "ic50_bracketed",
    "no_effect",
    "no_inhibition",
    "refused_too_few_doses",
]
LEAST_DOSES = 4
HALF = 50.0
TOP = 100.0
PROFILE_REACH_LN = 12.0
STIMULATION_PERCENT = 115.0
OUTLIER_P = 0.001
LARGEST_REMAINING_FRACTION = 0.2


class DoseMeans(NamedTuple):
    """Means of a curve's points per distinct dose, ascending; a fit needs no more of the points than this.

    Attributes:
        dose, ln_dose: dose 0, if any, comes first, with a logarithm of minus infinity.
        mean: mean response.
        weight: number of responses.
        within: sum of squares of all responses about their dose's mean.
    """

    dose: NDArray[np.float64]
    ln_dose: NDArray[np.float64]
    mean: NDArray[np.float64]
    weight: NDArray[np.float64]
    within: float


class Interval(NamedTuple):
    """Limits of a 95 % interval; either may be infinite, or NaN where it cannot be had."""

    lower: float
    upper: float


NOT_KNOWN = Interval(math.nan, math.nan)


@dataclass(frozen=True)
class CurveFit:
    """A fitted curve; doses in the unit that was given, responses in percent viability; NaN is no number.

    Attributes:
        verdict: what the curve can say of its IC50.
        n, df, rss, sigma: points, residual degrees of freedom, residual sum of squares, residual standard deviation.
        hill, lower, upper, ln_ec50, and their `se_*` (Gauss-Newton, as R's nls; `se_upper` NaN where it is fixed).
        ec50_wald, ec50_profile, ic50_wald, ic50_profile: 95 % limits on the dose scale.
        no_effect_p: F test against a flat line; lack_of_fit_p: against one mean per dose.
        auc_trapezoid, auc_fitted: mean viability as a fraction over the log-dose range.
        bracket: the two doses between which the response falls, where no dose lies within the fall.
    """

    verdict: Verdict
    n: int
    n_doses: int
    min_dose: float
    max_dose: float
    df: int = 0
    rss: float = math.nan
    sigma: float = math.nan
    hill: float = math.nan
    lower: float = math.nan
    upper: float = math.nan
    ln_ec50: float = math.nan
    se_hill: float = math.nan
    se_lower: float = math.nan
    se_upper: float = math.nan
    se_ln_ec50: float = math.nan
    ec50_wald: Interval = NOT_KNOWN
    ec50_profile: Interval = NOT_KNOWN
    ln_ic50: float = math.nan
    se_ln_ic50: float = math.nan
    ic50_wald: Interval = NOT_KNOWN
    ic50_profile: Interval = NOT_KNOWN
    no_effect_f: float = math.nan
    no_effect_p: float = math.nan
    lack_of_fit_f: float = math.nan
    lack_of_fit_p: float = math.nan
    auc_trapezoid: float = math.nan
    auc_fitted: float = math.nan
    emax_top_dose_percent: float = math.nan
    emax_lowest_of_top_two_percent: float = math.nan
    fitted_top_dose_percent: float = math.nan
    fitted_lowest_dose_percent: float = math.nan
    remaining_fraction_at_top_dose: float = math.nan
    outlier_p: float = math.nan
    highest_dose_mean_percent: float = math.nan
    n_doses_within_fall: int = 0
    bracket: Interval = NOT_KNOWN
    notes: tuple[str, ...] = field(default=())

    @property
    def ec50(self) -> float:
        """Dose at half of this curve's own fall; NaN where it is not reportable."""
        return math.exp(self.ln_ec50) if self.ec50_reportable else math.nan

    @property
    def ic50(self) -> float:
        """Dose at 50 % viability; NaN unless the verdict is `estimated`: never a number beyond the doses."""
        return math.exp(self.ln_ic50) if self.verdict == "estimated" and not math.isnan(self.ln_ic50) else math.nan

    @property
    def ec50_reportable(self) -> bool:
        """Whether the EC50 lies inside the doses and at least 80 % of the fall is reached at the top dose."""
        if self.verdict not in ("estimated", "ic50_above_highest_dose"):
            return False
        inside = self.min_dose <= math.exp(self.ln_ec50) <= self.max_dose
        return inside and self.remaining_fraction_at_top_dose <= LARGEST_REMAINING_FRACTION

    @property
    def has_ln_ec50(self) -> bool:
        """Whether the EC50 of the fit can be compared with others': inside the doses, of a curve that stands."""
        if self.verdict != "estimated" and not self.ec50_reportable:
            return False
        return self.min_dose <= math.exp(self.ln_ec50) <= self.max_dose

    @property
    def flag_outlier(self) -> bool:
        """Whether the largest leave-one-out residual is beyond chance; the point is reported, never dropped."""
        return self.outlier_p < OUTLIER_P

    @property
    def flag_stimulation(self) -> bool:
        """Whether a dose mean rises above 115 % before the fall."""
        return self.highest_dose_mean_percent > STIMULATION_PERCENT and self.verdict != "no_inhibition"

    def ic50_text(self) -> str:
        """The IC50 as it is printed: a number, a bound, a bracket, or why there is none."""
        match self.verdict:
            case "estimated":
                return f"{self.ic50:.3g}"
            case "ic50_above_highest_dose":
                return f"> {self.max_dose:.4g}"
            case "ic50_below_lowest_dose":
                return f"< {self.min_dose:.4g}"
            case "ic50_bracketed":
                return f"{self.bracket.lower:.4g} to {self.bracket.upper:.4g}"
            case "no_effect":
                return "none (no effect)"
            case "no_inhibition":
                return "none (no inhibition)"
        return "not fitted (fewer than 4 doses)"


def fit_curve(
    dose: NDArray[np.float64], viability_percent: NDArray[np.float64], *, model: Model, profile: bool = True
) -> CurveFit:
    """One curve by least squares, with its intervals and verdict.

    Args:
        dose: per point, not negative; 0 is the control: a point of `ll4`, left out of `ll3_top100`.
        viability_percent: per point: one independent replicate at one dose.
        model: `ll4` fits both limits; `ll3_top100` holds the upper one at 100.
        profile: whether profile-likelihood intervals are computed.
    """
    dose, y = usable_points(dose, viability_percent, model)
    points = average_doses(dose, y)
    above = points.dose > 0.0
    doses, means = points.dose[above], points.mean[above]
    described = _describe_points(doses, means)
    base: dict[str, Any] = {"n": len(y), "n_doses": len(doses), **described}
    if len(doses) < LEAST_DOSES:
        return CurveFit(verdict="refused_too_few_doses", **base)
    if np.ptp(y) == 0.0:
        return CurveFit(verdict="no_effect", notes=("all responses are equal",), **base)
    top = math.nan if model == "ll4" else TOP
    free = 4 if model == "ll4" else 3
    df = len(y) - free
    if df < 1:
        return CurveFit(verdict="refused_too_few_doses", notes=("fewer points than the curve has parameters",), **base)
    about_curve, ln_hill, ln_ec50 = fit_shape(points.ln_dose, points.mean, points.weight, top)
    if about_curve >= NO_FIT:
        return CurveFit(verdict="no_effect", notes=("no curve could be fitted",), **base)
    hill, rss = math.exp(ln_hill), points.within + about_curve
    _, lower, upper = limits_given_shape(points.ln_dose, points.mean, points.weight, hill, ln_ec50, top)
    shape = {"hill": hill, "lower": lower, "upper": upper, "ln_ec50": ln_ec50}
    fitted: dict[str, Any] = {"df": df, "rss": rss, "sigma": math.sqrt(rss / df), **shape}
    fitted |= _tests(points, y, rss, df, top, free)
    fitted |= _describe_curve(doses, shape)
    covariance = _covariance(points, shape, rss / df, free)
    fitted |= _standard_errors(covariance, shape, df)
    fitted["outlier_p"] = _outlier_p(_log_doses(dose), y, shape, rss, df, free)
    fitted |= _judge(points, {**fitted, **described})
    if profile and rss > 0.0:
        fitted |= _profiles(points, ln_hill, ln_ec50, fitted.get("ln_ic50", math.nan), rss, df, top)
    return CurveFit(**base, **fitted)


def usable_points(
    dose: NDArray[np.float64], viability_percent: NDArray[np.float64], model: Model
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Doses and responses that a model is fitted to: with a response, and without dose 0 where its response is held."""
    keep = np.isfinite(viability_percent) & ((dose > 0.0) if model == "ll3_top100" else (dose >= 0.0))
    return dose[keep].astype(np.float64), viability_percent[keep].astype(np.float64)


def average_doses(dose: NDArray[np.float64], y: NDArray[np.float64]) -> DoseMeans:
    """Mean response of every dose."""
    doses, place = np.unique(dose, return_inverse=True)
    weight = np.bincount(place).astype(np.float64)
    means = np.bincount(place, weights=y) / weight
    return DoseMeans(doses, _log_doses(doses), means, weight, float(((y - means[place]) ** 2).sum()))


def _log_doses(dose: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.log(dose)


def _describe_points(doses: NDArray[np.float64], means: NDArray[np.float64]) -> dict[str, float]:
    if not len(doses):
        return {"min_dose": math.nan, "max_dose": math.nan}
    described = {
        "min_dose": float(doses[0]),
        "max_dose": float(doses[-1]),
        "emax_top_dose_percent": float(means[-1]),
        "emax_lowest_of_top_two_percent": float(means[-2:].min()),
        "highest_dose_mean_percent": float(means.max()),
    }
    if len(doses) > 1:
        described["auc_trapezoid"] = area_under_points(np.log(doses), means) / 100.0
    return described


def _value_at(dose: float, shape: Mapping[str, float]) -> float:
    return float(curve_at(np.array([math.log(dose)]), shape)[0])


def curve_at(ln_dose: NDArray[np.float64], shape: Mapping[str, float]) -> NDArray[np.float64]:
    """Response of a curve (hill, lower, upper, ln_ec50), from the limit that is nearer to each dose.

    A limit far beyond the doses is the end of a fall that has no plateau; a response reckoned from there has no digits.
    """
    to_come, gone = shares_of_fall(ln_dose, shape["hill"], shape["ln_ec50"])
    fall = shape["upper"] - shape["lower"]
    return np.where(gone <= to_come, shape["upper"] - fall * gone, shape["lower"] + fall * to_come)


def _describe_curve(doses: NDArray[np.float64], shape: Mapping[str, float]) -> dict[str, float]:
    lower, upper, hill, ln_ec50 = shape["lower"], shape["upper"], shape["hill"], shape["ln_ec50"]

    low, high = math.log(doses[0]), math.log(doses[-1])
    at_low, at_high = hill * (low - ln_ec50), hill * (high - ln_ec50)
    # From the nearer limit, as in `curve_at`.
    if at_low + at_high <= 0.0:
        area = upper * (high - low) - (upper - lower) * _integrate_logistic(at_low, at_high) / hill
    else:
        area = lower * (high - low) + (upper - lower) * _integrate_logistic(-at_high, -at_low) / hill
    at_top = _value_at(doses[-1], shape)
    return {
        "auc_fitted": area / (high - low) / 100.0,
        "fitted_top_dose_percent": at_top,
        "fitted_lowest_dose_percent": _value_at(doses[0], shape),
        "remaining_fraction_at_top_dose": (at_top - lower) / (upper - lower) if upper != lower else math.nan,
    }


def _integrate_logistic(low: float, high: float) -> float:
    return float(np.logaddexp(0.0, high) - np.logaddexp(0.0, low))


def _tests(points: DoseMeans, y: NDArray[np.float64], rss: float, df: int, top: float, free: int) -> dict[str, float]:
    """F against a flat line (three parameters more), and against one mean per dose where doses are replicated."""
    flat = float(((y - (y.mean() if math.isnan(top) else top)) ** 2).sum())
    found: dict[str, float] = {}
    if rss > 0.0:
        f = (flat - rss) / 3.0 / (rss / df)
        found |= {"no_effect_f": f, "no_effect_p": float(special.fdtrc(3, df, max(f, 0.0)))}
    else:
        found |= {"no_effect_f": math.inf, "no_effect_p": 0.0}
    pure, levels = points.within, len(points.mean)
    df_pure, df_lack = len(y) - levels, levels - free
    if df_pure > 0 and df_lack > 0 and pure > 0.0:
        f = (rss - pure) / df_lack / (pure / df_pure)
        found |= {"lack_of_fit_f": f, "lack_of_fit_p": float(special.fdtrc(df_lack, df_pure, max(f, 0.0)))}
    return found


def _jacobian(ln_dose: NDArray[np.float64], shape: Mapping[str, float], free: int) -> NDArray[np.float64]:
    """Derivatives of the curve by hill, lower, ln EC50 and, where it is fitted, upper."""
    to_come, gone = shares_of_fall(ln_dose, shape["hill"], shape["ln_ec50"])
    fall = shape["upper"] - shape["lower"]
    away = np.where(np.isfinite(ln_dose), ln_dose - shape["ln_ec50"], 0.0)
    slope = fall * to_come * gone
    columns = [-slope * away, gone, slope * shape["hill"], to_come]
    return np.column_stack(columns[:free] if free == 4 else columns[:3])


def _covariance(
    points: DoseMeans, shape: Mapping[str, float], variance: float, free: int
) -> NDArray[np.float64] | None:
    jacobian = _jacobian(points.ln_dose, shape, free) * np.sqrt(points.weight)[:, None]
    scale = np.sqrt((jacobian**2).sum(axis=0))
    if not np.all(scale > 0.0):
        return None
    crossed = (jacobian / scale).T @ (jacobian / scale)
    if np.linalg.cond(crossed) > 1e15:
        return None
    return np.linalg.inv(crossed) / np.outer(scale, scale) * variance


def _standard_errors(covariance: NDArray[np.float64] | None, shape: Mapping[str, float], df: int) -> dict[str, Any]:
    lower, upper, hill, ln_ec50 = shape["lower"], shape["upper"], shape["hill"], shape["ln_ec50"]
    found: dict[str, Any] = {}
    quantile = float(special.stdtrit(df, 0.975))
    if covariance is not None:
        errors = np.sqrt(np.diag(covariance))
        found |= dict(zip(("se_hill", "se_lower", "se_ln_ec50", "se_upper"), map(float, errors), strict=False))
        found["ec50_wald"] = _wald(ln_ec50, found["se_ln_ec50"], quantile)
    if lower < HALF < upper:
        away = math.log((upper - HALF) / (HALF - lower))
        found["ln_ic50"] = ln_ec50 + away / hill
        if covariance is not None:
            gradient = np.array([-away / hill**2, 1.0 / (hill * (HALF - lower)), 1.0, 1.0 / (hill * (upper - HALF))])
            gradient = gradient[: len(covariance)]
            found["se_ln_ic50"] = float(math.sqrt(gradient @ covariance @ gradient))
            found["ic50_wald"] = _wald(found["ln_ic50"], found["se_ln_ic50"], quantile)
    return found


def _wald(centre: float, error: float, quantile: float) -> Interval:
    with np.errstate(over="ignore"):
        low, high = np.exp([centre - quantile * error, centre + quantile * error])
    return Interval(float(low), float(high))


def _outlier_p(
    ln_dose: NDArray[np.float64], y: NDArray[np.float64], shape: Mapping[str, float], rss: float, df: int, free: int
) -> float:
    """Bonferroni p of the largest leave-one-out studentised residual."""
    if df < 3 or rss <= 0.0:
        return math.nan
    jacobian = _jacobian(ln_dose, shape, free)
    scale = np.sqrt((jacobian**2).sum(axis=0))
    basis, sizes, _ = np.linalg.svd(jacobian / np.where(scale > 0.0, scale, 1.0), full_matrices=False)
    # Of a curve without a plateau two parameters move the points alike.
    leverage = (basis[:, sizes > 1e-7 * sizes[0]] ** 2).sum(axis=1)
    residual = y - curve_at(ln_dose, shape)
    usable = leverage < 1.0 - 1e-8
    standard = residual[usable] / np.sqrt(rss / df * (1.0 - leverage[usable]))
    t = standard * np.sqrt((df - 1) / np.maximum(df - standard**2, 1e-12))
    return float(min(1.0, len(y) * 2.0 * special.stdtr(df - 1, -np.abs(t).max())))


def _judge(points: DoseMeans, fitted: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict, in the order in which a reader would ask: is there an effect, a fall, does it cross 50 %."""
    doses, means = points.dose[points.dose > 0.0], points.mean[points.dose > 0.0]
    low, high = sorted((fitted["lower"], fitted["upper"]))
    span = high - low
    within = int(((means > low + 0.1 * span) & (means < high - 0.1 * span)).sum())
    found: dict[str, Any] = {"n_doses_within_fall": within}
    if not fitted["no_effect_p"] < 0.05:
        verdict: Verdict = "no_effect"
    elif points.mean[-1] > points.mean[0]:
        verdict = "no_inhibition"
    elif fitted["fitted_lowest_dose_percent"] < HALF:
        verdict = "ic50_below_lowest_dose"
    elif fitted["fitted_top_dose_percent"] > HALF:
        verdict = "ic50_above_highest_dose"
    elif within == 0:
        verdict = "ic50_bracketed"
        beyond = int(np.argmax(means < HALF))
        found["bracket"] = Interval(float(doses[beyond - 1]), float(doses[beyond]))
    else:
        verdict = "estimated"
    return {"verdict": verdict, **found}


def _profiles(
    points: DoseMeans, ln_hill: float, ln_ec50: float, ln_ic50: float, rss: float, df: int, top: float
) -> dict[str, Interval]:
    """95 % profile-likelihood limits of EC50 and, where the curve crosses 50 %, of IC50: F with 1 and df degrees."""
    about_curve = rss - points.within
    target = about_curve + rss * float(special.fdtri(1, df, 0.95)) / df
    shape = (points.ln_dose, points.mean, points.weight, ln_hill, ln_ec50, about_curve)

    def limits(of_ic50: float) -> Interval:
        ends = [
            profile_limit(*shape, of_ic50, HALF, top, target, direction, PROFILE_REACH_LN) for direction in (-1.0, 1.0)
        ]
        return Interval(float(np.exp(ends[0])), float(np.exp(ends[1])))

    found = {"ec50_profile": limits(math.nan)}
    if not math.isnan(ln_ic50):
        found["ic50_profile"] = limits(ln_ic50)
    return found
