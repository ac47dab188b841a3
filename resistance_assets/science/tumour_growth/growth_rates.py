"""Growth rates per arm by a mixed model of ln volume, their differences, and the interaction of a combination.

ln V ~ day * arm with a random intercept and slope per mouse (Heitjan 1993). All measurements of all mice count, also of
those that were lost; a mouse lost for size or death is not missing at random for a mean per day, but is for this model
as far as its measured volumes tell. Where the structure asks too much of the data, intercept and slope are taken as
independent; with neither, only the slopes per mouse are compared. A random intercept alone is never the model to read:
it takes the measurements of a mouse for independent and finds differences that are not there.

Where arms are compared within tumours (one tumour line implanted into mice of every arm), the tumour is the replicate:
slopes are averaged per tumour and arm, and compared in pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.science.statistics.multiple_testing import adjust_holm
from resistance_assets.science.statistics.t_tests import satterthwaite_degrees_of_freedom, t_test
from resistance_assets.science.tumour_growth.mixed_model import Contrast, MixedModel, Structure, fit_mixed_model
from resistance_assets.science.tumour_growth.volumes import LEAST_MEASUREMENTS

LEAST_MICE = 3
Role = Literal["primary", "sensitivity", "not_valid"]
PER_MOUSE, PAIRED = "per_mouse_slopes", "paired_tumour_slopes"


class ModelRule(NamedTuple):
    """A mixed model: structure of its random effects, whether all arms share the volume of day 0, and what it is for.

    `can_lead`: whether it may be the model to read; the first that is not singular is. `correlated_errors`: whether
    measurements of a mouse that are near in time may err alike.
    """

    structure: Structure
    common_baseline: bool
    can_lead: bool
    otherwise: Role
    correlated_errors: bool = False


MODELS: Mapping[str, ModelRule] = {
    "random_slope": ModelRule("slope_correlated", False, True, "sensitivity"),
    "random_slope_uncorrelated": ModelRule("slope_uncorrelated", False, True, "sensitivity"),
    "random_slope_car1": ModelRule("slope_correlated", False, False, "sensitivity", correlated_errors=True),
    "common_baseline": ModelRule("slope_correlated", True, False, "sensitivity"),
    "random_intercept": ModelRule("intercept", False, False, "not_valid"),
}
RATES_SCHEMA = {
    "arm": pl.String,
    "rate_per_day": pl.Float64,
    "standard_error": pl.Float64,
    "degrees_of_freedom": pl.Float64,
    "p_value": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "doubling_days": pl.Float64,
    "ln_volume_at_day_0": pl.Float64,
    "n_mice": pl.Int64,
    "n_measurements": pl.Int64,
    "p_note": pl.String,
}
CONTRASTS_SCHEMA = {
    "kind": pl.String,
    "numerator": pl.String,
    "denominator": pl.String,
    "n_numerator": pl.Int64,
    "n_denominator": pl.Int64,
    "estimate_per_day": pl.Float64,
    "standard_error": pl.Float64,
    "degrees_of_freedom": pl.Float64,
    "t": pl.Float64,
    "p_value": pl.Float64,
    "p_value_holm": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "p_note": pl.String,
}


class Comparison(NamedTuple):
    """What is asked of the arms: `rate` of one, `difference` of two, or the `interaction` of a combination."""

    kind: str
    numerator: str
    denominator: str


@dataclass(frozen=True)
class GrowthRates:
    """Growth rates and contrasts of one study by one model.

    Attributes:
        model: a key of `MODELS`, per_mouse_slopes, or paired_tumour_slopes where arms are compared within tumours.
        role: primary (the one to read), sensitivity, or not_valid (shown for what it would wrongly say).
        is_singular: the structure asks too much of the data; its numbers are not to be read.
        rates: arm, rate_per_day, standard_error, degrees_of_freedom, p_value (of a rate of 0), lower, upper,
            doubling_days (null unless the lower limit is above 0), ln_volume_at_day_0 (null without a mixed model),
            n_mice, n_measurements, p_note.
        contrasts: kind (difference or interaction), numerator, denominator, n_numerator, n_denominator (mice, or the
            tumours that have both arms), estimate_per_day, standard_error, degrees_of_freedom, t, p_value, p_value_holm
            (over the differences), lower, upper, p_note.
        fit: the mixed model, where there is one.
    """

    model: str
    role: Role
    is_singular: bool
    rates: pl.DataFrame
    contrasts: pl.DataFrame
    fit: MixedModel | None


def fit_growth_rates(
    volumes: pl.DataFrame, *, control: str, combination: str | None = None, combination_of: Sequence[str] = ()
) -> GrowthRates:
    """The model to read: arguments as `fit_growth_models`, of which it is the primary one."""
    found = fit_growth_models(volumes, control=control, combination=combination, combination_of=combination_of)
    return next(one for one in found if one.role == "primary")


def fit_growth_models(
    volumes: pl.DataFrame,
    *,
    control: str,
    combination: str | None = None,
    combination_of: Sequence[str] = (),
    within_tumours: bool = False,
) -> list[GrowthRates]:
    """Growth rate per arm and day, differences to the control, and the interaction where a combination is declared.

    Args:
        volumes: mouse_id, arm, day, ln_volume (null rows take no part); tumour_id where `within_tumours`.
        control: the arm that the others are compared with.
        combination: the arm that got both drugs.
        combination_of: the two single-drug arms.
        within_tumours: compare arms in pairs within `tumour_id`; no mixed model is then fitted.

    Returns:
        One entry per model, the primary one first.
    """
    used = volumes.filter(pl.col("ln_volume").is_not_null())
    arms = order_arms(used["arm"].unique(maintain_order=True).to_list(), control, combination, combination_of)
    asked = list_comparisons(arms, control, combination, combination_of)
    if within_tumours:
        found, pairs = _from_tumours(used, arms, asked)
        return [_summarise(PAIRED, "primary", found, asked, used, replicates=pairs, unit="tumours")]
    fits = {name: _fit(name, rule, used, arms) for name, rule in MODELS.items()}
    leading = next((name for name, fit in fits.items() if fit and MODELS[name].can_lead and not fit.is_singular), None)
    models = []
    for name, fit in fits.items():
        if fit is None:
            continue
        rule = MODELS[name]
        weights = {one: _of_fixed_effects(share, arms, rule.common_baseline) for one, share in asked.items()}
        found = {one: fit.contrast(at) for one, at in weights.items()}
        role: Role = "primary" if name == leading else rule.otherwise
        models.append(_summarise(name, role, found, asked, used, fit=fit))
    if leading is None:
        models.append(_summarise(PER_MOUSE, "primary", _from_slopes(used, arms, asked), asked, used))
    return sorted(models, key=lambda one: one.role != "primary")


def order_arms(
    present: Iterable[str], control: str, combination: str | None, combination_of: Sequence[str]
) -> list[str]:
    """Arms in the order of tables and figures: control, single drugs, others, combination."""
    there = list(present)
    others = [arm for arm in (*combination_of, *there) if arm in there and arm not in (control, combination)]
    last = [combination] if combination in there else []
    return list(dict.fromkeys([control, *others, *last]))


def list_comparisons(
    arms: Sequence[str], control: str, combination: str | None, combination_of: Sequence[str]
) -> dict[Comparison, dict[str, float]]:
    """What is asked, each with the weights of the arms' growth rates in it."""
    found = {Comparison("rate", arm, ""): {arm: 1.0} for arm in arms}
    found |= {Comparison("difference", arm, control): {arm: 1.0, control: -1.0} for arm in arms if arm != control}
    if combination in arms and len(combination_of) == 2 and set(combination_of) <= set(arms):
        first, second = combination_of
        found |= {Comparison("difference", combination, arm): {combination: 1.0, arm: -1.0} for arm in combination_of}  # pyright: ignore[reportArgumentType]
        found[Comparison("interaction", combination, f"{first} + {second} - {control}")] = {  # pyright: ignore[reportArgumentType]
            combination: 1.0,
            first: -1.0,
            second: -1.0,
            control: 1.0,
        }
    return found  # pyright: ignore[reportReturnType]


def _fit(name: str, rule: ModelRule, used: pl.DataFrame, arms: Sequence[str]) -> MixedModel | None:
    """The fitted model; None where the data are too few for its fixed effects, or a day has two volumes of a mouse
    and errors are to be correlated over days."""
    y, day = used["ln_volume"].to_numpy(), used["day"].to_numpy().astype(float)
    _, subject = np.unique(used["mouse_id"].to_numpy(), return_inverse=True)
    indicators = [(used["arm"] == arm).to_numpy().astype(float) for arm in arms[1:]]
    intercepts = [] if rule.common_baseline else indicators
    design = np.column_stack([np.ones(len(y)), day, *intercepts, *(indicator * day for indicator in indicators)])
    too_few = len(y) <= design.shape[1] + 2 or len(set(subject)) <= len(arms)
    if too_few or np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    if rule.correlated_errors and used.select(pl.struct("mouse_id", "day").is_duplicated().any()).item():
        return None
    return fit_mixed_model(y, design, day, subject, structure=rule.structure, correlated_errors=rule.correlated_errors)


def _of_fixed_effects(share: Mapping[str, float], arms: Sequence[str], common_baseline: bool) -> NDArray[np.float64]:
    """Weights of the fixed effects (intercept, day, arms, day of the arms) of a combination of growth rates."""
    before = 2 + (0 if common_baseline else len(arms) - 1)
    weights = np.zeros(before + len(arms) - 1)
    weights[1] = sum(share.values())
    for at, arm in enumerate(arms[1:]):
        weights[before + at] = share.get(arm, 0.0)
    return weights


def _slopes(used: pl.DataFrame) -> pl.DataFrame:
    """Slope per mouse with at least three measurements on different days."""
    found = []
    for (mouse,), own in used.group_by(["mouse_id"], maintain_order=True):
        day = own["day"].to_numpy().astype(float)
        if len(day) >= LEAST_MEASUREMENTS and np.ptp(day) > 0.0:
            tumour = own["tumour_id"][0] if "tumour_id" in own.columns else None
            slope = float(np.polyfit(day, own["ln_volume"].to_numpy(), 1)[0])
            found.append({"mouse_id": mouse, "arm": own["arm"][0], "tumour_id": tumour, "slope": slope})
    schema = {"mouse_id": pl.String, "arm": pl.String, "tumour_id": pl.String, "slope": pl.Float64}
    return pl.DataFrame(found, schema=schema)


def _from_slopes(
    used: pl.DataFrame, arms: Sequence[str], asked: Mapping[Comparison, Mapping[str, float]]
) -> dict[Comparison, Contrast]:
    """Contrasts of the slopes of single mice, with a variance per arm (Welch-Satterthwaite)."""
    slopes = _slopes(used)
    by_arm = {arm: slopes.filter(pl.col("arm") == arm)["slope"].to_numpy() for arm in arms}
    results = {}
    for one, share in asked.items():
        estimate, variances, free = 0.0, [], []
        for arm, weight in share.items():
            values = by_arm[arm]
            estimate += weight * (float(values.mean()) if len(values) else math.nan)
            variances.append(weight**2 * values.var(ddof=1) / len(values) if len(values) > 1 else math.nan)
            free.append(max(len(values) - 1, 1))
        total = sum(variances)
        df = satterthwaite_degrees_of_freedom(variances, free)
        results[one] = _with_limits(estimate, math.sqrt(total) if total > 0.0 else math.nan, df)
    return results


def _from_tumours(
    used: pl.DataFrame, arms: Sequence[str], asked: Mapping[Comparison, Mapping[str, float]]
) -> tuple[dict[Comparison, Contrast], dict[Comparison, int]]:
    """Contrasts of mean slopes within tumours, one value per tumour that has every arm asked for, and how many."""
    means = _slopes(used).group_by("tumour_id", "arm").agg(pl.col("slope").mean())
    wide: dict[str, dict[str, float]] = {}
    for tumour, arm, slope in means.sort("tumour_id").select("tumour_id", "arm", "slope").iter_rows():
        wide.setdefault(tumour, {})[arm] = slope
    results, pairs = {}, {}
    for one, share in asked.items():
        values = np.array(
            [sum(weight * own[arm] for arm, weight in share.items()) for own in wide.values() if set(share) <= set(own)]
        )
        pairs[one] = len(values)
        estimate = float(values.mean()) if len(values) else math.nan
        error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
        results[one] = _with_limits(estimate, error, len(values) - 1)
    return results, pairs


def _with_limits(estimate: float, standard_error: float, degrees_of_freedom: float) -> Contrast:
    test = t_test(estimate, standard_error, degrees_of_freedom)
    reach = test.half_width()
    return Contrast(*test, estimate - reach, estimate + reach)


def _summarise(
    model: str,
    role: Role,
    found: Mapping[Comparison, Contrast],
    asked: Mapping[Comparison, Mapping[str, float]],
    used: pl.DataFrame,
    *,
    fit: MixedModel | None = None,
    replicates: Mapping[Comparison, int] | None = None,
    unit: str = "mice",
) -> GrowthRates:
    counts = used.group_by("arm").agg(pl.col("mouse_id").n_unique().alias("mice"), pl.len().alias("measurements"))
    mice = {arm: (n, m) for arm, n, m in counts.iter_rows()}
    rates, contrasts = [], []
    for one, contrast in found.items():
        if replicates is not None:
            few = [] if replicates[one] >= LEAST_MICE else [f"fewer than {LEAST_MICE} {unit} with {one.numerator}"]
        else:
            lacking = [arm for arm in asked[one] if mice.get(arm, (0, 0))[0] < LEAST_MICE]
            few = [f"fewer than {LEAST_MICE} {unit} in {', '.join(lacking)}"] if lacking else []
        tested = not few and not math.isnan(contrast.p_value)
        row = {
            "standard_error": contrast.standard_error,
            "degrees_of_freedom": contrast.degrees_of_freedom,
            "p_value": contrast.p_value if tested else None,
            "lower": contrast.lower if tested else None,
            "upper": contrast.upper if tested else None,
            "p_note": few[0] if few else None if tested else "no variation to test against",
        }
        if one.kind == "rate":
            n_mice, n_measurements = mice.get(one.numerator, (0, 0))
            grows = tested and contrast.lower > 0.0
            rates.append(
                row
                | {
                    "arm": one.numerator,
                    "rate_per_day": contrast.estimate,
                    "doubling_days": math.log(2.0) / contrast.estimate if grows else None,
                    "ln_volume_at_day_0": _intercept(fit, len(rates), MODELS[model].common_baseline) if fit else None,
                    "n_mice": n_mice,
                    "n_measurements": n_measurements,
                }
            )
        else:
            sides = (one.numerator, one.denominator)
            sizes = [replicates[one] if replicates is not None else mice.get(side, (None, 0))[0] for side in sides]
            contrasts.append(
                row
                | one._asdict()
                | {"n_numerator": sizes[0], "n_denominator": sizes[1]}
                | {"estimate_per_day": contrast.estimate, "t": contrast.t}
            )
    _correct_differences(contrasts)
    return GrowthRates(
        model=model,
        role=role,
        is_singular=fit is not None and fit.is_singular,
        rates=pl.DataFrame(rates, schema=RATES_SCHEMA).fill_nan(None),
        contrasts=pl.DataFrame(contrasts, schema=CONTRASTS_SCHEMA).fill_nan(None),
        fit=fit,
    )


def _correct_differences(contrasts: list[dict]) -> None:
    """Holm's correction over the differences; the interaction is a question of its own."""
    differences = [row for row in contrasts if row["kind"] == "difference"]
    p = np.array([math.nan if row["p_value"] is None else row["p_value"] for row in differences])
    for row, corrected in zip(differences, adjust_holm(p).tolist(), strict=True):
        row["p_value_holm"] = corrected


def _intercept(fit: MixedModel, at: int, common_baseline: bool) -> float:
    """ln volume at day 0 of the arm at that place."""
    own = 0.0 if common_baseline or at == 0 else float(fit.coefficients[1 + at])
    return float(fit.coefficients[0]) + own
