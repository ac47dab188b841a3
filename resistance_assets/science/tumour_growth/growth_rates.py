"""Growth rates per arm by a mixed model of ln volume, their differences, and the interaction of a combination.

ln V ~ day * arm with a random intercept and slope per mouse (Heitjan 1993). All measurements of all mice count, also of
those that were lost; a mouse lost for size or death is not missing at random for a mean per day, but is for this model
as far as its measured volumes tell. Where the structure asks too much of the data, intercept and slope are taken as
independent; with neither, only the slopes per mouse are compared. A random intercept alone is never used: it takes the
measurements of a mouse for independent and finds differences that are not there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from resistance_assets.science.statistics.t_tests import satterthwaite_degrees_of_freedom, t_test
from resistance_assets.science.tumour_growth.mixed_model import Contrast, MixedModel, Structure, fit_mixed_model

LEAST_MICE = 3
MODELS: tuple[tuple[str, Structure], ...] = (
    ("random_slope", "slope_correlated"),
    ("random_slope_uncorrelated", "slope_uncorrelated"),
)


@dataclass(frozen=True)
class GrowthRates:
    """Growth rates and contrasts of one study.

    Attributes:
        model: random_slope, random_slope_uncorrelated, or per_mouse_slopes where no mixed model could be fitted.
        rates: arm, rate_per_day, standard_error, degrees_of_freedom, p_value, lower, upper, doubling_days (null unless
            the lower limit is above 0), n_mice.
        contrasts: contrast, kind (difference or interaction), numerator, denominator, estimate_per_day, standard_error,
            degrees_of_freedom, t, p_value, lower, upper, p_note.
        fit: the mixed model, where there is one.
    """

    model: str
    rates: pl.DataFrame
    contrasts: pl.DataFrame
    fit: MixedModel | None


def fit_growth_rates(
    volumes: pl.DataFrame, *, control: str, combination: str | None = None, combination_of: Sequence[str] = ()
) -> GrowthRates:
    """Growth rate per arm and day, differences to the control, and the interaction where a combination is declared.

    Args:
        volumes: mouse_id, arm, day, ln_volume (null rows take no part).
        control: the arm that the others are compared with.
        combination: the arm that got both drugs.
        combination_of: the two single-drug arms.
    """
    used = volumes.filter(pl.col("ln_volume").is_not_null())
    present: list[str] = used["arm"].unique(maintain_order=True).to_list()
    others = [arm for arm in (*combination_of, *present) if arm not in (control, combination)]
    arms: list[str] = list(dict.fromkeys([control, *others, *([combination] if combination else [])]))
    mice = dict(used.group_by("arm").agg(pl.col("mouse_id").n_unique()).iter_rows())
    y = used["ln_volume"].to_numpy()
    day = used["day"].to_numpy().astype(float)
    _, subject = np.unique(used["mouse_id"].to_numpy(), return_inverse=True)
    indicators = [(used["arm"] == arm).to_numpy().astype(float) for arm in arms[1:]]
    design = np.column_stack([np.ones(len(y)), day, *indicators, *(indicator * day for indicator in indicators)])
    model, fit = "per_mouse_slopes", None
    for name, structure in MODELS:
        tried = fit_mixed_model(y, design, day, subject, structure=structure)
        if not tried.is_singular:
            model, fit = name, tried
            break
    weights = _weights(arms, control, combination, combination_of)
    found = (
        {name: fit.contrast(at) for name, at in weights.items()}
        if fit is not None
        else _from_slopes(used, arms, weights)
    )
    return GrowthRates(model, _rates(found, arms, mice), _contrasts(found, weights, mice), fit)


def _weights(
    arms: Sequence[str], control: str, combination: str | None, combination_of: Sequence[str]
) -> dict[tuple[str, str, str], np.ndarray]:
    """Weights of the fixed effects, by (kind, numerator, denominator)."""
    size = 2 * len(arms)
    rate = {}
    for at, arm in enumerate(arms):
        own = np.zeros(size)
        own[1] = 1.0
        if at:
            own[1 + len(arms) - 1 + at] = 1.0
        rate[arm] = own
    found = {("rate", arm, ""): own for arm, own in rate.items()}
    found |= {("difference", arm, control): rate[arm] - rate[control] for arm in arms if arm != control}
    if combination and len(combination_of) == 2:
        first, second = combination_of
        found |= {("difference", combination, arm): rate[combination] - rate[arm] for arm in combination_of}
        found["interaction", combination, f"{first} + {second} - {control}"] = (
            rate[combination] - rate[first] - rate[second] + rate[control]
        )
    return found


def _from_slopes(used: pl.DataFrame, arms: Sequence[str], weights) -> dict[tuple[str, str, str], Contrast]:
    """The same contrasts on the slopes of single mice, with a variance per arm (Welch-Satterthwaite)."""
    slopes: dict[str, np.ndarray] = {}
    for (arm,), own in used.group_by(["arm"], maintain_order=True):
        found = []
        for _, mouse in own.group_by(["mouse_id"], maintain_order=True):
            day = mouse["day"].to_numpy().astype(float)
            if len(day) >= LEAST_MICE and np.ptp(day) > 0.0:
                found.append(float(np.polyfit(day, mouse["ln_volume"].to_numpy(), 1)[0]))
        slopes[str(arm)] = np.array(found)
    size = len(arms)
    # Weights on the rates: the first of the fixed effects' slopes is the control's, the others are differences to it.
    back = np.zeros((size, 2 * size))
    back[:, 1] = 1.0
    for at in range(1, size):
        back[at, size + at] = 1.0
    results = {}
    for name, at in weights.items():
        share = np.linalg.lstsq(back.T, at, rcond=None)[0]
        parts, estimate = [], 0.0
        for weight, arm in zip(share, arms, strict=True):
            if abs(weight) > 1e-9:
                values = slopes.get(arm, np.array([]))
                estimate += weight * (values.mean() if len(values) else math.nan)
                variance = values.var(ddof=1) / len(values) if len(values) > 1 else math.nan
                parts.append((weight**2 * variance, len(values) - 1))
        total = sum(part for part, _ in parts)
        df = satterthwaite_degrees_of_freedom([part for part, _ in parts], [max(free, 1) for _, free in parts])
        test = t_test(estimate, math.sqrt(total) if total > 0.0 else math.nan, df)
        reach = test.half_width()
        results[name] = Contrast(*test, estimate - reach, estimate + reach)
    return results


def _rates(found, arms: Sequence[str], mice) -> pl.DataFrame:
    rows = []
    for arm in arms:
        one: Contrast = found["rate", arm, ""]
        rows.append(
            {
                "arm": arm,
                "rate_per_day": one.estimate,
                "standard_error": one.standard_error,
                "degrees_of_freedom": one.degrees_of_freedom,
                "p_value": one.p_value,
                "lower": one.lower,
                "upper": one.upper,
                "doubling_days": math.log(2.0) / one.estimate if one.lower > 0.0 else None,
                "n_mice": mice.get(arm, 0),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def _contrasts(found, weights, mice) -> pl.DataFrame:
    rows = []
    for kind, numerator, denominator in weights:
        if kind == "rate":
            continue
        one: Contrast = found[kind, numerator, denominator]
        sides = [numerator, denominator] if kind == "difference" else list(mice)
        few = [arm for arm in sides if mice.get(arm, 0) < LEAST_MICE]
        rows.append(
            {
                "kind": kind,
                "numerator": numerator,
                "denominator": denominator,
                "estimate_per_day": one.estimate,
                "standard_error": one.standard_error,
                "degrees_of_freedom": one.degrees_of_freedom,
                "t": None if few else one.t,
                "p_value": None if few else one.p_value,
                "lower": None if few else one.lower,
                "upper": None if few else one.upper,
                "p_note": f"fewer than {LEAST_MICE} mice in {', '.join(few)}" if few else None,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)
