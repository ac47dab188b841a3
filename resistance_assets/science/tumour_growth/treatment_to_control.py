"""Treatment to control (T/C) and tumour growth inhibition (TGI) per arm and day, with who is still there.

A mean per day compares survivors. The day of choice is therefore the last one on which every arm still has all its
mice; the day that was asked for stands beside it, with n against n started.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl

from resistance_assets.science.statistics.rank_sum import rank_sum_pairs
from resistance_assets.science.statistics.t_tests import LEAST_VALUES, welch_t_test

METHODS = {"exact": "exact", "normal_approximation": "normal approximation with continuity correction", "none": "none"}


def compare_to_control(volumes: pl.DataFrame, mice: pl.DataFrame, *, control: str) -> pl.DataFrame:
    """T/C in percent and TGI of every arm on every day after the first.

    Args:
        volumes: mouse_id, arm, day, volume_mm3, relative_volume.
        mice: mouse_id, arm: who started.
        control: the arm that T is divided by.

    Returns:
        arm, day, n_treated, n_control, treated_started, control_started, means in mm3, T/C by mean volume, mean and
        median relative volume, and by geometric mean of the relative volume with a Welch t interval (volumes of 0 left
        out and counted), TGI = 100 (1 - change of T / change of C) with its delta-method standard error, TGI of end
        points, Welch p and Wilcoxon's exact p of the volumes. Days with fewer than two mice on a side are left out.
    """
    started = dict(mice.group_by("arm").len().iter_rows())
    first = volumes["day"].min()
    volumes = volumes.with_columns(start_volume_mm3=pl.col("volume_mm3").sort_by("day").first().over("mouse_id"))
    days = [day for day in volumes["day"].unique().sort() if day != first]
    on_day = volumes.partition_by("arm", "day", as_dict=True, maintain_order=True)
    none = volumes.clear()
    rows = []
    for arm in (arm for arm in volumes["arm"].unique(maintain_order=True) if arm != control):
        pairs = [(day, on_day.get((arm, day), none), on_day.get((control, day), none)) for day in days]
        pairs = [(day, treated, untreated) for day, treated, untreated in pairs
                 if min(treated.height, untreated.height) >= LEAST_VALUES]  # fmt: skip
        tests = rank_sum_pairs([(t["volume_mm3"].to_numpy(), c["volume_mm3"].to_numpy()) for _, t, c in pairs])
        for (day, treated, untreated), ranks in zip(pairs, tests, strict=True):
            rows.append(
                {
                    "arm": arm,
                    "day": day,
                    "treated_started": started.get(arm, 0),
                    "control_started": started.get(control, 0),
                    **_one_day(treated, untreated),
                    "wilcoxon_p_volume": ranks.p_value,
                    "wilcoxon_method": METHODS[ranks.method],
                }
            )
    frame = pl.DataFrame(rows, infer_schema_length=None)
    # A control without any growth has no ratio to it.
    return frame.with_columns(pl.when(pl.selectors.float().is_finite()).then(pl.selectors.float()) if rows else [])


def last_complete_day(volumes: pl.DataFrame, mice: pl.DataFrame) -> float | None:
    """The last day on which every mouse that started is measured; None where there is no such day after the first."""
    started = mice["mouse_id"].n_unique()
    complete = volumes.group_by("day").agg(pl.col("mouse_id").n_unique().alias("n")).filter(pl.col("n") == started)
    after = complete.filter(pl.col("day") > volumes["day"].min())
    return float(after["day"].max()) if after.height else None  # pyright: ignore[reportArgumentType]


def _one_day(treated: pl.DataFrame, untreated: pl.DataFrame) -> dict[str, Any]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return _ratios(treated, untreated)


def _ratios(treated: pl.DataFrame, untreated: pl.DataFrame) -> dict[str, Any]:
    t, c = treated["volume_mm3"].to_numpy(), untreated["volume_mm3"].to_numpy()
    rt, rc = treated["relative_volume"].to_numpy(), untreated["relative_volume"].to_numpy()
    change_t = t - treated["start_volume_mm3"].to_numpy()
    change_c = c - untreated["start_volume_mm3"].to_numpy()
    ratio = change_t.mean() / change_c.mean()
    relative_variance = sum(change.var(ddof=1) / len(change) / change.mean() ** 2 for change in (change_t, change_c))
    found: dict[str, Any] = {
        "n_treated": len(t),
        "n_control": len(c),
        "mean_treated_mm3": float(t.mean()),
        "mean_control_mm3": float(c.mean()),
        "tc_percent_mean_volume": 100.0 * float(t.mean() / c.mean()),
        "tc_percent_mean_relative_volume": 100.0 * float(rt.mean() / rc.mean()),
        "tc_percent_median_relative_volume": 100.0 * float(np.median(rt) / np.median(rc)),
        "zero_volumes_left_out": int((t == 0.0).sum() + (c == 0.0).sum()),
        **_geometric(np.log(rt[t > 0.0]), np.log(rc[c > 0.0])),
        "tgi_percent": 100.0 * (1.0 - float(ratio)),
        "tgi_standard_error": 100.0 * abs(float(ratio)) * math.sqrt(float(relative_variance)),
        "tgi_percent_end_points": 100.0 * (1.0 - float(t.mean() / c.mean())),
        "welch_p_volume": welch_t_test(t, c).p_value,
    }
    return found


def _geometric(ln_treated: np.ndarray, ln_control: np.ndarray) -> dict[str, float | None]:
    names = ("tc_percent_geometric", "tc_geometric_lower", "tc_geometric_upper", "tc_geometric_p")
    test = welch_t_test(ln_treated, ln_control)
    if min(len(ln_treated), len(ln_control)) < LEAST_VALUES:
        return dict.fromkeys(names)
    reach = test.half_width()
    values = (100.0 * math.exp(test.difference + move) for move in (0.0, -reach, reach))
    return dict(zip(names, (*values, test.p_value), strict=True))
