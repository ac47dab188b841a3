"""Comparisons of arms by one number per mouse: slopes and areas, and the volumes of one day.

Each pair by Welch's t and Wilcoxon's rank sum, Holm over the pairs of a measure; the four arms of a combination also as
a two-by-two design with one variance. Volumes of a chosen day by analysis of variance and Tukey's test, as papers do:
that compares the mice that are left.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from resistance_assets.science.statistics.multiple_testing import adjust_holm
from resistance_assets.science.statistics.rank_sum import rank_sum_pairs
from resistance_assets.science.statistics.t_tests import t_test, welch_t_test
from resistance_assets.science.tumour_growth.growth_rates import LEAST_MICE

MEASURES = ("slope_per_day", "auc_ln_relative_per_day", "auc_volume_per_day")
PAIRS_SCHEMA = {
    "measure": pl.String,
    "numerator": pl.String,
    "denominator": pl.String,
    "n_numerator": pl.Int64,
    "n_denominator": pl.Int64,
    "mean_numerator": pl.Float64,
    "mean_denominator": pl.Float64,
    "difference": pl.Float64,
    "standard_error": pl.Float64,
    "degrees_of_freedom": pl.Float64,
    "t": pl.Float64,
    "p_value": pl.Float64,
    "p_value_holm": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "wilcoxon_w": pl.Float64,
    "p_wilcoxon": pl.Float64,
    "wilcoxon_method": pl.String,
    "p_note": pl.String,
}
TWO_BY_TWO_SCHEMA = {
    "term": pl.String,
    "estimate": pl.Float64,
    "standard_error": pl.Float64,
    "degrees_of_freedom": pl.Float64,
    "t": pl.Float64,
    "p_value": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
}
DAY_SCHEMA = {
    "day": pl.Float64,
    "numerator": pl.String,
    "denominator": pl.String,
    "n_numerator": pl.Int64,
    "n_denominator": pl.Int64,
    "n_mice": pl.Int64,
    "mean_numerator": pl.Float64,
    "mean_denominator": pl.Float64,
    "anova_f": pl.Float64,
    "p_anova": pl.Float64,
    "difference": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "p_tukey": pl.Float64,
    "p_student": pl.Float64,
    "p_welch": pl.Float64,
    "p_tukey_ln_volume": pl.Float64,
    "p_note": pl.String,
}


def compare_mice(mice: pl.DataFrame, pairs: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """Every measure of `MEASURES` between the arms of each pair.

    Args:
        mice: of `summarise_mice`.
        pairs: numerator and denominator.

    Returns:
        Columns of `PAIRS_SCHEMA`. With fewer than three mice on a side there is a difference and no test.
    """
    rows = []
    for measure in MEASURES:
        own: list[dict[str, Any]] = []
        sides: list[tuple[int, np.ndarray, np.ndarray]] = []
        for numerator, denominator in pairs:
            x, y = (
                mice.filter(pl.col("arm") == arm)[measure].drop_nulls().to_numpy() for arm in (numerator, denominator)
            )
            few = [arm for arm, values in ((numerator, x), (denominator, y)) if len(values) < LEAST_MICE]
            row: dict[str, Any] = {
                "measure": measure,
                "numerator": numerator,
                "denominator": denominator,
                "n_numerator": len(x),
                "n_denominator": len(y),
                "mean_numerator": float(x.mean()) if len(x) else None,
                "mean_denominator": float(y.mean()) if len(y) else None,
                "difference": float(x.mean() - y.mean()) if len(x) and len(y) else None,
                "p_note": f"fewer than {LEAST_MICE} mice in {', '.join(few)}" if few else None,
            }
            if not few:
                test = welch_t_test(x, y)
                row |= {
                    "standard_error": test.standard_error,
                    "degrees_of_freedom": test.degrees_of_freedom,
                    "t": test.t,
                    "p_value": test.p_value,
                    "lower": test.difference - test.half_width(),
                    "upper": test.difference + test.half_width(),
                }
                sides.append((len(own), x, y))
            own.append(row)
        for (at, *_), ranks in zip(sides, rank_sum_pairs([(x, y) for _, x, y in sides]), strict=True):
            own[at] |= {"wilcoxon_w": ranks.w, "p_wilcoxon": ranks.p_value, "wilcoxon_method": ranks.method}
        p = np.array([row.get("p_value", math.nan) for row in own], dtype=np.float64)
        rows += [row | {"p_value_holm": holm} for row, holm in zip(own, adjust_holm(p).tolist(), strict=True)]
    return pl.DataFrame(rows, schema=PAIRS_SCHEMA).fill_nan(None)


def fit_two_by_two(mice: pl.DataFrame, control: str, singles: Sequence[str], combination: str) -> pl.DataFrame:
    """Slopes of four arms as drug A x drug B, least squares with one variance.

    Returns:
        intercept, the two single drugs and `interaction` (combination - A - B + control), columns of
        `TWO_BY_TWO_SCHEMA`; no rows where an arm has fewer than three slopes.
    """
    known = mice.drop_nulls("slope_per_day").filter(pl.col("arm").is_in([control, *singles, combination]))
    counts = dict(known.group_by("arm").len().iter_rows())
    if any(counts.get(arm, 0) < LEAST_MICE for arm in (control, *singles, combination)):
        return pl.DataFrame(schema=TWO_BY_TWO_SCHEMA)
    y = known["slope_per_day"].to_numpy()
    first, second = (known["arm"].is_in([drug, combination]).to_numpy().astype(float) for drug in singles)
    design = np.column_stack([np.ones(len(y)), first, second, first * second])
    coefficients = np.linalg.lstsq(design, y, rcond=None)[0]
    df = len(y) - 4
    variance = float(((y - design @ coefficients) ** 2).sum()) / df
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * variance)
    rows = []
    for term, estimate, error in zip(("intercept", *singles, "interaction"), coefficients, errors, strict=True):
        test = t_test(float(estimate), float(error), df)
        reach = test.half_width()
        rows.append([term, *test, estimate - reach, estimate + reach])
    return pl.DataFrame(rows, schema=TWO_BY_TWO_SCHEMA, orient="row").fill_nan(None)


def compare_day(volumes: pl.DataFrame, arms: Sequence[str], day: float) -> pl.DataFrame:
    """Volumes of one day between all pairs of arms: analysis of variance, Tukey, Student, Welch.

    Args:
        volumes: mouse_id, arm, day, volume_mm3.
        arms: in the order of the pairs; the later of two is the numerator.
        day: the day; only mice measured on it take part.

    Returns:
        Columns of `DAY_SCHEMA`, one row per pair of arms with a mouse. With fewer than three mice left on a side there
        is a difference and no test of the pair.
    """
    on_day = volumes.filter(pl.col("day") == day, pl.col("volume_mm3").is_not_null())
    groups = {arm: on_day.filter(pl.col("arm") == arm)["volume_mm3"].to_numpy() for arm in arms}
    groups = {arm: values for arm, values in groups.items() if len(values)}
    logs = {arm: np.log(values[values > 0.0]) for arm, values in groups.items()}
    total = sum(len(values) for values in groups.values())
    with np.errstate(divide="ignore", invalid="ignore"):
        f, p_anova = stats.f_oneway(*groups.values()) if len(groups) > 1 and total > len(groups) else (None, None)
    rows = []
    for denominator, numerator in itertools.combinations(groups, 2):
        x, y = groups[numerator], groups[denominator]
        few = [arm for arm in (numerator, denominator) if len(groups[arm]) < LEAST_MICE]
        row: dict[str, Any] = {
            "day": day,
            "numerator": numerator,
            "denominator": denominator,
            "n_numerator": len(x),
            "n_denominator": len(y),
            "n_mice": total,
            "mean_numerator": float(x.mean()),
            "mean_denominator": float(y.mean()),
            "difference": float(x.mean() - y.mean()),
            "anova_f": None if f is None else float(f),
            "p_anova": None if p_anova is None else float(p_anova),
            "p_note": f"fewer than {LEAST_MICE} mice left in {', '.join(few)}" if few else None,
        }
        if not few:
            p_tukey, reach = tukey(groups, numerator, denominator)
            row |= {
                "lower": row["difference"] - reach,
                "upper": row["difference"] + reach,
                "p_tukey": p_tukey,
                "p_student": float(stats.ttest_ind(x, y).pvalue),  # pyright: ignore[reportAttributeAccessIssue]
                "p_welch": welch_t_test(x, y).p_value,
                "p_tukey_ln_volume": tukey(logs, numerator, denominator)[0],
            }
        rows.append(row)
    return pl.DataFrame(rows, schema=DAY_SCHEMA).fill_nan(None)


def tukey(groups: dict[str, np.ndarray], numerator: str, denominator: str) -> tuple[float, float]:
    """Tukey-Kramer p of one pair among all groups, and half the length of its simultaneous 95 % interval."""
    kept = {arm: values for arm, values in groups.items() if len(values)}
    df = sum(len(values) for values in kept.values()) - len(kept)
    if df < 1 or not {numerator, denominator} <= set(kept):
        return math.nan, math.nan
    variance = sum(float(((values - values.mean()) ** 2).sum()) for values in kept.values()) / df
    x, y = kept[numerator], kept[denominator]
    error = math.sqrt(variance / 2.0 * (1.0 / len(x) + 1.0 / len(y)))
    if error == 0.0:
        return math.nan, math.nan
    p = float(stats.studentized_range.sf(abs(float(x.mean() - y.mean())) / error, len(kept), df))
    return p, error * _critical_range(len(kept), df)


def _critical_range(groups: int, df: int) -> float:
    """The 95 % point of the studentized range."""
    if (groups, df) not in _RANGES:
        _RANGES[groups, df] = float(stats.studentized_range.isf(0.05, groups, df))
    return _RANGES[groups, df]


_RANGES: dict[tuple[int, int], float] = {}
