"""A study of tumour growth as rows of its tables: volumes, mice, growth rates, contrasts, T/C, times to events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl
from scipy import special

from resistance_assets.science.tumour_growth.arm_comparisons import compare_day, compare_mice, fit_two_by_two
from resistance_assets.science.tumour_growth.growth_rates import (
    GrowthRates,
    Role,
    fit_growth_models,
    list_comparisons,
    order_arms,
)
from resistance_assets.science.tumour_growth.time_to_event import compare_time_to_event, describe_time_to_event
from resistance_assets.science.tumour_growth.treatment_to_control import compare_to_control, last_complete_day
from resistance_assets.science.tumour_growth.volumes import measure_volumes, summarise_mice

WITHIN_TUMOURS = "arms are compared within tumours: mice of several tumours are no independent replicates"
TESTS_OF_DAY = ("tc_geometric_lower", "tc_geometric_upper", "tc_geometric_p", "welch_p_volume", "wilcoxon_p_volume")


@dataclass(frozen=True)
class GrowthDesign:
    """What is asked of a study: its arms, the day of interest, and what counts as toxicity.

    `day`: None for the last day measured.
    """

    control: str
    combination: str | None = None
    combination_of: tuple[str, ...] = ()
    day: float | None = None
    within_tumours: bool = False
    toxic_weight_loss_percent: float = 20.0


@dataclass(frozen=True)
class GrowthTables:
    """Frames of one study; columns as the tables of the same names, without study_id."""

    volumes: pl.DataFrame
    mice: pl.DataFrame
    growth_rates: pl.DataFrame
    contrasts: pl.DataFrame
    treatment_to_control: pl.DataFrame
    time_to_event: pl.DataFrame


def analyse_growth(measurements: pl.DataFrame, mice: pl.DataFrame, design: GrowthDesign) -> GrowthTables:
    """Everything that is computed of one study.

    Args:
        measurements: mouse_id, arm, tumour_id, day, length_mm, width_mm, volume_mm3, body_weight_g, was_swapped.
        mice: mouse_id, arm, end_day, end_reason.
        design: what is asked.
    """
    volumes = measure_volumes(measurements)
    arms = order_arms(
        volumes["arm"].unique(maintain_order=True).to_list(),
        design.control,
        design.combination,
        design.combination_of,
    )
    asked = list_comparisons(arms, design.control, design.combination, design.combination_of)
    pairs = [(one.numerator, one.denominator) for one in asked if one.kind == "difference"]
    per_mouse = summarise_mice(volumes, mice, toxic_weight_loss_percent=design.toxic_weight_loss_percent)
    models = fit_growth_models(
        volumes,
        control=design.control,
        combination=design.combination,
        combination_of=design.combination_of,
        within_tumours=design.within_tumours,
    )
    asked_day = design.day if design.day is not None else float(volumes["day"].max())  # pyright: ignore
    return GrowthTables(
        volumes=volumes,
        mice=per_mouse,
        growth_rates=_stack_rates(models, volumes),
        contrasts=_stack_contrasts(models, volumes, per_mouse, arms, pairs, design, asked_day),
        treatment_to_control=_compare_days(volumes, mice, design, asked_day),
        time_to_event=describe_time_to_event(per_mouse),
    )


def _compare_days(volumes: pl.DataFrame, mice: pl.DataFrame, design: GrowthDesign, asked_day: float) -> pl.DataFrame:
    """T/C and TGI of every day, the two days to read marked; without tests where mice are no replicates."""
    compared = compare_to_control(volumes, mice, control=design.control)
    if compared.is_empty():
        return compared
    complete = last_complete_day(volumes, mice)
    roles = {asked_day: "asked"} | ({complete: "last_complete"} if complete is not None else {})
    compared = compared.with_columns(
        day_role=pl.col("day").replace_strict(roles, default=None, return_dtype=pl.String),
        p_note=pl.lit(WITHIN_TUMOURS if design.within_tumours else None, pl.String),
    )
    if design.within_tumours:
        compared = compared.with_columns(pl.lit(None, pl.Float64).alias(name) for name in TESTS_OF_DAY)
    return compared


def _stack_rates(models: list[GrowthRates], volumes: pl.DataFrame) -> pl.DataFrame:
    zeros = volumes.group_by("arm").agg(
        n_zero_volumes=(pl.col("volume_mm3") == 0.0).sum().cast(pl.Int64),
        n_mice_with_zero_volume=pl.col("mouse_id").filter(pl.col("volume_mm3") == 0.0).n_unique().cast(pl.Int64),
    )
    noted = [
        one.rates.with_columns(
            model=pl.lit(one.model),
            role=pl.lit(one.role),
            is_singular=pl.lit(one.is_singular),
            residual_sd=pl.lit(one.fit.sigma if one.fit else None, pl.Float64),
            log_likelihood=pl.lit(one.fit.log_likelihood if one.fit else None, pl.Float64),
            **_variances(one, models),
        )
        for one in models
    ]
    stacked = pl.concat(noted).join(zeros, on="arm", how="left", maintain_order="left")
    mice = pl.when(pl.col("n_mice_with_zero_volume") == 1).then(pl.lit("mouse")).otherwise(pl.lit("mice"))
    have = pl.when(pl.col("n_zero_volumes") == 1).then(pl.lit("volume of 0 has")).otherwise(pl.lit("volumes of 0 have"))
    regressed = "{} {} in complete regression: {} {} no logarithm and no part in the rate, which is too high"
    note = pl.when(pl.col("n_zero_volumes") > 0).then(
        pl.format(regressed, "n_mice_with_zero_volume", mice, "n_zero_volumes", have)
    )
    return stacked.with_columns(rate_note=note)


def _variances(one: GrowthRates, models: list[GrowthRates]) -> dict[str, pl.Expr]:
    """Variances of the random effects and the correlation of errors, as constant columns."""
    found: dict[str, float | None] = dict.fromkeys(
        ("intercept_variance", "slope_variance", "intercept_slope_covariance", "phi_per_day", "p_value_phi")
    )
    if one.fit is not None:
        covariance = one.fit.random_covariance
        found["intercept_variance"] = float(covariance[0, 0])
        if len(covariance) > 1:
            found |= {
                "slope_variance": float(covariance[1, 1]),
                "intercept_slope_covariance": float(covariance[0, 1]),
            }
        independent = next((other.fit for other in models if other.model == "random_slope"), None)
        if one.fit.error_correlation is not None and independent is not None:
            gain = 2.0 * (one.fit.log_likelihood - independent.log_likelihood)
            found |= {
                "phi_per_day": one.fit.error_correlation,
                "p_value_phi": float(special.chdtrc(1.0, max(gain, 0.0))),
            }
    return {name: pl.lit(value, pl.Float64) for name, value in found.items()}


def _stack_contrasts(
    models: list[GrowthRates],
    volumes: pl.DataFrame,
    per_mouse: pl.DataFrame,
    arms: list[str],
    pairs: list[tuple[str, str]],
    design: GrowthDesign,
    asked_day: float,
) -> pl.DataFrame:
    """Every comparison of arms in one frame, each measure and method under its name."""
    frames = [_of_model(one) for one in models]
    if design.within_tumours:
        return frames[0]
    if pairs:
        frames.append(_of_mice(compare_mice(per_mouse, pairs)))
        frames.append(_of_events(compare_time_to_event(per_mouse, pairs)))
    if design.combination and len(design.combination_of) == 2:
        singles = design.combination_of
        two = fit_two_by_two(per_mouse, design.control, singles, design.combination)
        frames.append(_of_two_by_two(two, design.control, singles, design.combination))
    frames.append(_of_day(compare_day(volumes, arms, asked_day)))
    return pl.concat([frame for frame in frames if frame.height] or frames[:1], how="diagonal")


def _of_model(one: GrowthRates) -> pl.DataFrame:
    return one.contrasts.rename(
        {"estimate_per_day": "estimate", "t": "statistic", "lower": "ci_lower", "upper": "ci_upper"}
    ).with_columns(measure=pl.lit("growth_rate_per_day"), method=pl.lit(one.model), role=pl.lit(one.role))


def _of_mice(found: pl.DataFrame) -> pl.DataFrame:
    names = {"difference": "estimate", "t": "statistic", "lower": "ci_lower", "upper": "ci_upper"}
    return found.rename(names).with_columns(**_constants("welch", "difference", "secondary"))


def _of_events(found: pl.DataFrame) -> pl.DataFrame:
    is_all = pl.col("numerator") == "all"
    return (
        found.with_columns(
            measure=pl.format("time_to_{}", "event"),
            kind=pl.when(is_all).then(pl.lit("all_arms")).otherwise(pl.lit("log_hazard_ratio")),
            method=pl.lit("log_rank_and_cox"),
            role=pl.lit("secondary"),
        )
        .drop("event")
        .rename(
            {
                "chi2": "statistic",
                "p_logrank": "p_value",
                "log_hazard_ratio": "estimate",
                "lower": "hazard_ratio_ci_lower",
                "upper": "hazard_ratio_ci_upper",
            }
        )
    )


def _of_two_by_two(found: pl.DataFrame, control: str, singles: tuple[str, ...], combination: str) -> pl.DataFrame:
    label = {
        "intercept": ("rate", control, ""),
        "interaction": ("interaction", combination, f"{singles[0]} + {singles[1]} - {control}"),
        **{single: ("difference", single, control) for single in singles},
    }
    rows: list[dict[str, Any]] = []
    for row in found.to_dicts():
        kind, numerator, denominator = label[row.pop("term")]
        rows.append(row | {"kind": kind, "numerator": numerator, "denominator": denominator})
    if not rows:
        return pl.DataFrame()
    return (
        pl.DataFrame(rows, infer_schema_length=None)
        .rename({"t": "statistic", "lower": "ci_lower", "upper": "ci_upper"})
        .with_columns(measure=pl.lit("slope_per_day"), method=pl.lit("two_by_two"), role=pl.lit("secondary"))
    )


def _of_day(found: pl.DataFrame) -> pl.DataFrame:
    names = {"difference": "estimate", "lower": "ci_lower", "upper": "ci_upper", "p_tukey": "p_value"}
    return found.rename(names).with_columns(
        measure=pl.lit("volume_mm3"), **_constants("tukey_of_one_day", "difference", "as_published")
    )


def _constants(method: str, kind: str, role: Role | str) -> dict[str, pl.Expr]:
    return {"method": pl.lit(method), "kind": pl.lit(kind), "role": pl.lit(role)}
