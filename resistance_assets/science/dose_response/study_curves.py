"""Curves of a study as rows: per curve and model, per replicate, and growth-rate metrics.

A number stands in a row only where the curve supports it: EC50 where it is reportable, IC50 where the verdict is
`estimated`, slope and limits in either case. Everything else is a bound or a reason in `ic50_text` and `verdict`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from resistance_assets.science.dose_response.curves import CurveFit, Interval, Model, curve_at, fit_curve
from resistance_assets.science.dose_response.growth_rate_metrics import fit_growth_rate
from resistance_assets.science.dose_response.points import CURVE, curve_id, finite

MODELS: tuple[Model, ...] = ("ll3_top100", "ll4")
REPLICATE_MODEL: Model = "ll3_top100"
FEWEST_FOR_THREADS = 64


@dataclass(frozen=True)
class StudyCurve:
    """One fitted curve and what it is of; `replicate` is None over all replicates."""

    cell_line: str
    condition: str
    drug: str
    replicate: str | None
    model: Model
    n_replicates: int
    dose: np.ndarray
    viability: np.ndarray
    fit: CurveFit

    @property
    def id(self) -> str:
        names = (self.cell_line, self.condition, self.drug)
        return curve_id(*names) if self.replicate is None else curve_id(*names, f"replicate {self.replicate}")


def fit_many(
    curves: Sequence[tuple[np.ndarray, np.ndarray]], models: Sequence[Model], *, profile: bool = True
) -> list[CurveFit]:
    """Fits of many curves, on every core where they are many; in the order given.

    Args:
        curves: dose and viability in percent of each.
        models: one per curve.
        profile: whether profile-likelihood intervals are computed.
    """

    def fit(at: int) -> CurveFit:
        return fit_curve(*curves[at], model=models[at], profile=profile)

    if len(curves) < FEWEST_FOR_THREADS:
        return [fit(at) for at in range(len(curves))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(fit, range(len(curves))))


def fit_study(points: pl.DataFrame) -> list[StudyCurve]:
    """Every curve of a study by both models, and every replicate's own curve by `ll3_top100`.

    Args:
        points: of `average_replicates`.
    """
    asked: list[tuple[tuple[str, str, str], str | None, Model, int, np.ndarray, np.ndarray]] = []
    for key, own in points.group_by(CURVE, maintain_order=True):
        names = (str(key[0]), str(key[1]), str(key[2]))
        n = own["replicate"].n_unique()
        dose, y = own["dose_um"].to_numpy().astype(float), own["viability_percent"].to_numpy().astype(float)
        asked.extend((names, None, model, n, dose, y) for model in MODELS)
        for (replicate,), one in own.group_by(["replicate"], maintain_order=True):
            values = one["dose_um"].to_numpy().astype(float), one["viability_percent"].to_numpy().astype(float)
            asked.append((names, str(replicate), REPLICATE_MODEL, 1, *values))
    fits = fit_many([(dose, y) for *_, dose, y in asked], [one[2] for one in asked])
    return [
        StudyCurve(*names, replicate, model, n, dose, y, fit)
        for (names, replicate, model, n, dose, y), fit in zip(asked, fits, strict=True)
    ]


def curves_as_rows(curves: Sequence[StudyCurve], *, primary: Model) -> pl.DataFrame:
    """Fitted curves as rows of `core.dose_response__curves` without the study."""
    return pl.DataFrame([_row(curve, primary) for curve in curves], infer_schema_length=None)


def _row(curve: StudyCurve, primary: Model) -> dict[str, Any]:
    fit = curve.fit
    has_shape = fit.verdict == "estimated" or fit.ec50_reportable
    is_estimated = fit.verdict == "estimated"
    ec50, ec50_kind = _limits(fit.ec50_profile, fit.ec50_wald)
    ic50, ic50_kind = _limits(fit.ic50_profile, fit.ic50_wald)

    def shaped(value: float, *, shown: bool = has_shape) -> float | None:
        return finite(value) if shown else None

    return {
        "curve_id": curve.id,
        "cell_line": curve.cell_line,
        "condition": curve.condition,
        "drug": curve.drug,
        "level": "curve" if curve.replicate is None else "replicate",
        "replicate": curve.replicate,
        "model": curve.model,
        "is_primary": curve.replicate is None and curve.model == primary,
        "n_points": fit.n,
        "n_doses": fit.n_doses,
        "n_replicates": curve.n_replicates,
        "min_dose_um": finite(fit.min_dose),
        "max_dose_um": finite(fit.max_dose),
        "verdict": fit.verdict,
        "ic50_text": fit.ic50_text(),
        "ec50_reportable": fit.ec50_reportable,
        "hill": shaped(fit.hill),
        "lower": shaped(fit.lower),
        "upper": shaped(fit.upper),
        "hill_standard_error": shaped(fit.se_hill),
        "lower_standard_error": shaped(fit.se_lower),
        "upper_standard_error": shaped(fit.se_upper),
        "ec50_um": finite(fit.ec50),
        "ec50_um_lower": shaped(ec50.lower, shown=fit.ec50_reportable),
        "ec50_um_upper": shaped(ec50.upper, shown=fit.ec50_reportable),
        "ec50_um_wald_lower": shaped(fit.ec50_wald.lower, shown=fit.ec50_reportable),
        "ec50_um_wald_upper": shaped(fit.ec50_wald.upper, shown=fit.ec50_reportable),
        "ln_ec50": shaped(fit.ln_ec50, shown=fit.has_ln_ec50),
        "ln_ec50_standard_error": shaped(fit.se_ln_ec50, shown=fit.has_ln_ec50),
        "ic50_um": finite(fit.ic50),
        "ic50_um_lower": shaped(ic50.lower, shown=is_estimated),
        "ic50_um_upper": shaped(ic50.upper, shown=is_estimated),
        "ic50_um_wald_lower": shaped(fit.ic50_wald.lower, shown=is_estimated),
        "ic50_um_wald_upper": shaped(fit.ic50_wald.upper, shown=is_estimated),
        "ln_ic50_standard_error": shaped(fit.se_ln_ic50, shown=is_estimated),
        "interval_kind": (ic50_kind if is_estimated else ec50_kind) if has_shape else None,
        "interval_is_open": has_shape and math.isinf((ic50 if is_estimated else ec50).upper),
        "bracket_lower_um": finite(fit.bracket.lower),
        "bracket_upper_um": finite(fit.bracket.upper),
        **_description(fit),
        "note": _note(curve),
    }


def _description(fit: CurveFit) -> dict[str, Any]:
    """What is said of the points and of the fit itself, whatever the verdict."""
    return {
        "auc_trapezoid": finite(fit.auc_trapezoid),
        "auc_fitted": finite(fit.auc_fitted),
        "emax_percent": finite(fit.emax_top_dose_percent),
        "emax_lowest_of_top_two_percent": finite(fit.emax_lowest_of_top_two_percent),
        "fitted_top_dose_percent": finite(fit.fitted_top_dose_percent),
        "fitted_lowest_dose_percent": finite(fit.fitted_lowest_dose_percent),
        "remaining_fraction_at_top_dose": finite(fit.remaining_fraction_at_top_dose),
        "residual_sum_of_squares": finite(fit.rss),
        "degrees_of_freedom": fit.df,
        "sigma_percent": finite(fit.sigma),
        "no_effect_f": finite(fit.no_effect_f),
        "no_effect_p": finite(fit.no_effect_p),
        "lack_of_fit_f": finite(fit.lack_of_fit_f),
        "lack_of_fit_p": finite(fit.lack_of_fit_p),
        "outlier_p": finite(fit.outlier_p),
        "flag_outlier": fit.flag_outlier,
        "flag_stimulation": fit.flag_stimulation,
        "highest_dose_mean_percent": finite(fit.highest_dose_mean_percent),
        "n_doses_within_fall": fit.n_doses_within_fall,
    }


def _limits(profile: Interval, wald: Interval) -> tuple[Interval, str]:
    """Profile-likelihood limits; Wald's where a profile cannot be had."""
    if math.isnan(profile.lower) or math.isnan(profile.upper):
        return wald, "wald"
    return profile, "profile"


def _note(curve: StudyCurve) -> str | None:
    fit = curve.fit
    found = list(fit.notes)
    if fit.df == 1:
        found.append("one residual degree of freedom: intervals say little")
    if fit.flag_stimulation:
        found.append("poor fit: viability rises above 115 % before the fall")
    if fit.flag_outlier:
        found.append("one point lies far from the curve and was kept")
    return "; ".join(found) or None


def fitted_points(points: pl.DataFrame, curves: Sequence[StudyCurve], *, primary: Model) -> pl.DataFrame:
    """Points with curve_id and the viability of their primary curve; null where no effect or no fit stands."""
    shown = {"estimated", "ic50_above_highest_dose", "ic50_below_lowest_dose", "ic50_bracketed"}
    fits = {
        (one.cell_line, one.condition, one.drug): one.fit
        for one in curves
        if one.replicate is None and one.model == primary and one.fit.verdict in shown
    }
    keys = points.select(CURVE).rows()
    ids = [curve_id(*key) for key in keys]
    values = [_value(fits.get(key), dose) for key, dose in zip(keys, points["dose_um"], strict=True)]
    return points.with_columns(
        curve_id=pl.Series(ids, dtype=pl.String), fitted_percent=pl.Series(values, dtype=pl.Float64)
    )


def _value(fit: CurveFit | None, dose: float) -> float | None:
    if fit is None:
        return None
    if dose <= 0.0:
        return fit.upper
    shape = {"hill": fit.hill, "lower": fit.lower, "upper": fit.upper, "ln_ec50": fit.ln_ec50}
    return float(curve_at(np.array([math.log(dose)]), shape)[0])


def measure_growth(points: pl.DataFrame) -> pl.DataFrame:
    """Growth-rate metrics per curve as rows of `core.dose_response__gr_metrics` without the study; none without GR."""
    rows = []
    for key, own in points.filter(pl.col("gr_value").is_not_null()).group_by(CURVE, maintain_order=True):
        names = dict(zip(CURVE, map(str, key), strict=True))
        rows.append(
            {
                "curve_id": curve_id(*names.values()),
                **names,
                **_growth(own["dose_um"].to_numpy().astype(float), own["gr_value"].to_numpy().astype(float)),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def _growth(dose: np.ndarray, gr_value: np.ndarray) -> dict[str, Any]:
    found = fit_growth_rate(dose, gr_value)
    above = dose[dose > 0.0]
    names = ("gr50_um", "gr_inf", "gec50_um", "h_gr", "gr_max", "gr_top_dose", "gr_aoc", "residual_sum_of_squares",
             "f_statistic", "p_sigmoid", "at_bound")  # fmt: skip
    empty: dict[str, Any] = dict.fromkeys(names)
    if found is None:
        return {
            "n_points": len(above), "verdict": "refused_too_few_doses", "gr50_text": "not fitted (fewer than 4 doses)",
            **empty,
        }  # fmt: skip
    low, high = float(above.min()), float(above.max())
    if not found.p_sigmoid < 0.05:
        verdict, text = "no_effect", "none (no effect)"
    elif found.gr50 < low:
        verdict, text = "gr50_below_lowest_dose", f"< {low:g}"
    elif found.gr50 <= high:
        verdict, text = "estimated", f"{found.gr50:.3g}"
    else:
        verdict, text = "gr50_above_highest_dose", f"> {high:g}"
    return {
        "n_points": found.n,
        "verdict": verdict,
        "gr50_text": text,
        "gr50_um": found.gr50 if verdict == "estimated" else None,
        "gr_inf": found.gr_inf,
        "gec50_um": found.gec50 if low <= found.gec50 <= high else None,
        "h_gr": found.h_gr,
        "gr_max": found.gr_max,
        "gr_top_dose": found.gr_top_dose,
        "gr_aoc": found.gr_aoc,
        "residual_sum_of_squares": found.rss,
        "f_statistic": finite(found.f_statistic),
        "p_sigmoid": finite(found.p_sigmoid),
        "at_bound": found.at_bound,
    }


def published_as_rows(fits: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Curves as others fitted them: an IC50 inside the doses is kept, any other becomes a bound.

    Args:
        fits: rows of `raw.dose_response__published_fits`.
    """
    rows = []
    for one in fits:
        low, high, ic50 = one["min_dose_um"], one["max_dose_um"], one["ic50_um"]
        verdict = "ic50_above_highest_dose" if ic50 > high else "ic50_below_lowest_dose" if ic50 < low else "estimated"
        text = {
            "estimated": f"{ic50:.3g}",
            "ic50_above_highest_dose": f"> {high:g}",
            "ic50_below_lowest_dose": f"< {low:g}",
        }
        rows.append(
            {
                "curve_id": curve_id(one["cell_line"], one["condition"], one["drug"]),
                **{name: one[name] for name in CURVE},
                "level": "curve",
                "model": "published",
                "is_primary": True,
                "min_dose_um": low,
                "max_dose_um": high,
                "verdict": verdict,
                "ic50_text": text[verdict],
                "ec50_reportable": False,
                "interval_is_open": False,
                "ic50_um": ic50 if verdict == "estimated" else None,
                "auc_fitted": one["auc"],
                "flag_outlier": False,
                "flag_stimulation": False,
                "note": "as published: fitted by others, without points",
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)
