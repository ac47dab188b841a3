"""Synergy of two drugs over a dose matrix: Bliss, HSA, Loewe and ZIP, per cell and per block.

Response is inhibition in percent (100 - viability). Excess above 0 is more effect than expected. Bliss: f1 + f2 -
f1 f2 / 100 (Bliss 1939, doi:10.1111/j.1744-7348.1939.tb06990.x). HSA: the larger of the two. Loewe: the effect E with
x1 / D1(E) + x2 / D2(E) = 1 on the fitted single-drug curves (Loewe 1926). ZIP: the mean of two conditional fits against
the Bliss of the fitted curves (Yadav 2015, doi:10.1016/j.csbj.2015.09.001). A block is tested over replicate matrices,
never over cells: cells of a matrix are not independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy import optimize, stats

from resistance_assets.errors import DataFault
from resistance_assets.science.drug_combination.hill import HillCurve, fit_hill
from resistance_assets.science.statistics.multiple_testing import adjust_holm

LEAST_DOSES = 4
ACTIVE_P = 0.05
# Points of inhibition that a second drug does not take away: then a plate was mapped wrongly.
IMPLAUSIBLE_LOSS = 50.0
VIABILITY_RANGE = (-20.0, 120.0)
CELL_COLUMNS = (
    "bliss_reference",
    "bliss_excess",
    "bliss_standard_error",
    "bliss_t",
    "bliss_p",
    "bliss_p_holm",
    "hsa_reference",
    "hsa_excess",
    "hsa_standard_error",
    "zip_reference",
    "zip_fitted",
    "zip_delta",
)


@dataclass(frozen=True)
class Synergy:
    """What one block says.

    Attributes:
        cells: one row per pair of doses.
        single_agents: one row per drug.
        block: one row.
        warnings: what a reader must know before believing the scores.
    """

    cells: pl.DataFrame
    single_agents: pl.DataFrame
    block: dict[str, Any]
    warnings: tuple[str, ...]


def score_block(block: pl.DataFrame, *, block_id: str) -> Synergy:
    """Scores of one block of two drugs.

    Args:
        block: drug1, drug2, dose1_um, dose2_um, replicate (may be null), inhibition_percent.
        block_id: named in results and errors.

    Raises:
        DataFault: no single-drug doses, or several wells of one pair of doses without a replicate id.
    """
    _check(block, block_id)
    means = (
        block.group_by("dose1_um", "dose2_um")
        .agg(
            n=pl.len(),
            inhibition_percent=pl.col("inhibition_percent").mean(),
            variance=pl.col("inhibition_percent").var(),
        )
        .sort("dose1_um", "dose2_um")
    )
    x1, x2 = means["dose1_um"].to_numpy().astype(float), means["dose2_um"].to_numpy().astype(float)
    y, n = means["inhibition_percent"].to_numpy(), means["n"].to_numpy().astype(float)
    alone1 = dict(zip(x1[x2 == 0.0], y[x2 == 0.0], strict=True))
    alone2 = dict(zip(x2[x1 == 0.0], y[x1 == 0.0], strict=True))
    f1 = np.array([alone1.get(dose, math.nan) for dose in x1])
    f2 = np.array([alone2.get(dose, math.nan) for dose in x2])
    together = (x1 > 0.0) & (x2 > 0.0)
    df = float((n - 1.0).sum())
    pooled = float((means["variance"].fill_null(0.0).to_numpy() * (n - 1.0)).sum() / df) if df > 0 else math.nan
    curves = _single_agents(block)
    columns = {
        **_bliss_and_hsa(y, f1, f2, n, pooled, df, together),
        **_zip(block, x1, x2, together, curves),
    }
    for name in CELL_COLUMNS:
        columns[name] = np.where(together, columns[name], np.nan)
    is_enough = min(len(np.unique(x1)), len(np.unique(x2))) >= LEAST_DOSES
    none: dict[bool, tuple[float, str]] = {True: (math.nan, "too_few_doses"), False: (math.nan, "single_agent")}
    loewe = [
        _loewe(dose1, dose2, curves) if both and is_enough else none[bool(both)]
        for dose1, dose2, both in zip(x1, x2, together, strict=True)
    ]
    reference = np.array([value for value, _ in loewe])
    cells = means.select("dose1_um", "dose2_um", "n", "inhibition_percent").with_columns(
        block_id=pl.lit(block_id),
        standard_deviation=means["variance"].sqrt(),
        **{name: pl.Series(name, values, nan_to_null=True) for name, values in columns.items()},
        loewe_reference=pl.Series(reference, nan_to_null=True),
        loewe_excess=pl.Series(y - reference, nan_to_null=True),
        loewe_status=pl.Series([status for _, status in loewe]),
    )
    agents = pl.DataFrame(
        [
            {
                "block_id": block_id,
                "drug": block[f"drug{which}"][0],
                "which_drug": which,
                "n": curve.n,
                "hill": curve.hill,
                "emax_percent": curve.emax,
                "ec50_um": curve.ec50,
                "rss": curve.rss,
                "at_bound": curve.at_bound,
                "no_effect_p": None if math.isnan(curve.no_effect_p) else curve.no_effect_p,
            }
            for which, curve in enumerate(curves, start=1)
        ]
    )
    return Synergy(cells, agents, _summarise(block, cells, pooled, block_id), _warnings(block, cells))


def _check(block: pl.DataFrame, block_id: str) -> None:
    alone = block.filter((pl.col("dose1_um") > 0) & (pl.col("dose2_um") == 0)).height
    other = block.filter((pl.col("dose2_um") > 0) & (pl.col("dose1_um") == 0)).height
    if not alone or not other:
        raise DataFault(
            f"has no wells with {'drug 1' if not alone else 'drug 2'} alone",
            subject=block_id,
            expected="a row and a column at dose 0 of the other drug",
            remedy="Add the single-drug wells: without them nothing can be expected of the combination.",
        )
    repeated = block.group_by("dose1_um", "dose2_um", "replicate", maintain_order=True).len().filter(pl.col("len") > 1)
    if repeated.height:
        first = repeated.row(0, named=True)
        raise DataFault(
            f"{first['len']} wells of doses {first['dose1_um']:g} and {first['dose2_um']:g} have the same replicate",
            subject=block_id,
            place="column replicate",
            expected="one well per pair of doses and replicate",
            remedy="Give each plate its replicate id, or average technical wells first.",
        )


def _single_agents(block: pl.DataFrame) -> tuple[HillCurve, HillCurve]:
    first = block.filter(pl.col("dose2_um") == 0)
    second = block.filter(pl.col("dose1_um") == 0)
    return (
        fit_hill(first["dose1_um"].to_numpy(), first["inhibition_percent"].to_numpy()),
        fit_hill(second["dose2_um"].to_numpy(), second["inhibition_percent"].to_numpy()),
    )


def _bliss_and_hsa(y, f1, f2, n, pooled: float, df: float, together) -> dict[str, np.ndarray]:
    """Closed forms, with delta-method errors from the pooled variance of replicates."""
    bliss, hsa = f1 + f2 - f1 * f2 / 100.0, np.fmax(f1, f2)
    error = np.sqrt(pooled / n * (1.0 + (1.0 - f2 / 100.0) ** 2 + (1.0 - f1 / 100.0) ** 2))
    t = (y - bliss) / error
    p = 2.0 * stats.t.sf(np.abs(t), df) if df > 0 else np.full(len(y), np.nan)
    return {
        "bliss_reference": bliss,
        "bliss_excess": y - bliss,
        "bliss_standard_error": error,
        "bliss_t": t,
        "bliss_p": p,
        "bliss_p_holm": adjust_holm(np.where(together, p, np.nan)),
        "hsa_reference": hsa,
        "hsa_excess": y - hsa,
        "hsa_standard_error": np.sqrt(2.0 * pooled / n),
    }


def _loewe(dose1: float, dose2: float, curves: tuple[HillCurve, HillCurve]) -> tuple[float, str]:
    """Effect at which the two doses together are one dose of each drug alone, and how far it holds."""
    first, second = curves
    if not (first.no_effect_p < ACTIVE_P and second.no_effect_p < ACTIVE_P):
        return math.nan, "undefined_inactive_drug"

    def missing(effect: float) -> float:
        return _share(dose1, first, effect) + _share(dose2, second, effect) - 1.0

    top = max(first.emax, second.emax)
    if missing(top - 1e-9) > 0.0:
        return top, "beyond_weaker_drug"
    effect = float(optimize.brentq(missing, 1e-9, top - 1e-9, xtol=1e-11))  # pyright: ignore[reportArgumentType]
    return effect, "beyond_weaker_drug" if effect > min(first.emax, second.emax) else "both_drugs"


def _share(dose: float, curve: HillCurve, effect: float) -> float:
    needed = curve.dose_for(effect)
    return 0.0 if math.isinf(needed) else math.inf if needed == 0.0 else dose / needed


def _zip(block: pl.DataFrame, x1, x2, together, curves: tuple[HillCurve, HillCurve]) -> dict[str, np.ndarray]:
    first, second = curves
    z1, z2 = first.effect(x1), second.effect(x2)
    reference = z1 + z2 - z1 * z2 / 100.0
    fitted = np.full(len(x1), np.nan)
    if min(len(np.unique(x1)), len(np.unique(x2))) >= LEAST_DOSES:
        along1 = {dose: _conditional(block, "dose2_um", "dose1_um", dose, second) for dose in np.unique(x2) if dose > 0}
        along2 = {dose: _conditional(block, "dose1_um", "dose2_um", dose, first) for dose in np.unique(x1) if dose > 0}
        for at in np.flatnonzero(together):
            given2, given1 = along1[x2[at]], along2[x1[at]]
            fitted[at] = (float(given2.effect(x1[at])) + float(given1.effect(x2[at]))) / 2.0
    return {"zip_reference": reference, "zip_fitted": fitted, "zip_delta": fitted - reference}


def _conditional(block: pl.DataFrame, held: str, moving: str, dose: float, alone: HillCurve) -> HillCurve:
    """Curve of one drug at a held dose of the other, starting at that dose's own fitted effect."""
    own = block.filter(pl.col(held) == dose, pl.col(moving) > 0)
    return fit_hill(own[moving].to_numpy(), own["inhibition_percent"].to_numpy(), start=float(alone.effect(dose)))


def _summarise(block: pl.DataFrame, cells: pl.DataFrame, pooled: float, block_id: str) -> dict[str, Any]:
    """Means over the combination cells, and the test over replicate matrices."""
    both = cells.filter((pl.col("dose1_um") > 0) & (pl.col("dose2_um") > 0))
    claimed = both.filter(pl.col("loewe_status") == "both_drugs")
    means = _replicate_means(block)
    n = len(means)
    mean = float(means.mean()) if n else math.nan
    error = float(means.std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan
    reach = float(stats.t.ppf(0.975, n - 1)) * error if n > 1 else math.nan
    found = {
        "block_id": block_id,
        "n_combination_cells": both.height,
        "pooled_standard_deviation": math.sqrt(pooled) if pooled == pooled else math.nan,
        "bliss_mean": both["bliss_excess"].mean(),
        "hsa_mean": both["hsa_excess"].mean(),
        "loewe_mean": both["loewe_excess"].mean(),
        "loewe_mean_both_drugs": claimed["loewe_excess"].mean(),
        "loewe_cells_undefined": both["loewe_reference"].null_count(),
        "loewe_cells_beyond_weaker_drug": both.filter(pl.col("loewe_status") == "beyond_weaker_drug").height,
        "zip_mean": both["zip_delta"].mean(),
        "n_replicates": n,
        "replicate_bliss_mean": mean,
        "replicate_bliss_lower": mean - reach,
        "replicate_bliss_upper": mean + reach,
        "replicate_bliss_p": float(2.0 * stats.t.sf(abs(mean / error), n - 1)) if n > 1 and error > 0.0 else math.nan,
        "p_note": None if n > 1 else "one matrix without replicates: scores, no p",
    }
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in found.items()}


def _replicate_means(block: pl.DataFrame) -> np.ndarray:
    """Mean Bliss excess of each replicate's own matrix; replicates that lack a single-drug well are left out."""
    found = []
    for _, own in block.group_by(["replicate"], maintain_order=True):
        alone1 = dict(own.filter(pl.col("dose2_um") == 0).select("dose1_um", "inhibition_percent").iter_rows())
        alone2 = dict(own.filter(pl.col("dose1_um") == 0).select("dose2_um", "inhibition_percent").iter_rows())
        excess = []
        for dose1, dose2, y in own.select("dose1_um", "dose2_um", "inhibition_percent").iter_rows():
            if dose1 > 0 and dose2 > 0 and dose1 in alone1 and dose2 in alone2:
                a, b = alone1[dose1], alone2[dose2]
                excess.append(y - (a + b - a * b / 100.0))
        if excess:
            found.append(float(np.mean(excess)))
    return np.array(found)


def _warnings(block: pl.DataFrame, cells: pl.DataFrame) -> tuple[str, ...]:
    found = []
    single = cells.filter((pl.col("dose1_um") == 0) | (pl.col("dose2_um") == 0))
    low, high = 100.0 - VIABILITY_RANGE[1], 100.0 - VIABILITY_RANGE[0]
    outside = single.filter(~pl.col("inhibition_percent").is_between(low, high))
    if outside.height:
        worst = 100.0 - outside.sort("inhibition_percent")["inhibition_percent"][0]
        found.append(
            f"{outside.height} single-drug wells have a viability outside {VIABILITY_RANGE[0]:g} to "
            f"{VIABILITY_RANGE[1]:g} % (such as {worst:.0f} %): Bliss of a negative inhibition rewards stimulation"
        )
    control = cells.filter((pl.col("dose1_um") == 0) & (pl.col("dose2_um") == 0))
    if control.height and abs(control["inhibition_percent"][0]) > 30.0:
        found.append(
            f"the wells without drug show {control['inhibition_percent'][0]:.0f} % inhibition: viability may have been "
            "given as inhibition, or the other way round"
        )
    repeated = single.filter((pl.col("dose1_um") + pl.col("dose2_um") > 0) & (pl.col("n") > 1))
    if repeated.height and (repeated["standard_deviation"] == 0.0).all():
        found.append(
            "single-drug wells are the same number in every replicate: the replicates share them, and their error is "
            "not in the test"
        )
    together = cells.filter(pl.col("hsa_excess").is_not_null())
    lost = together.filter(pl.col("hsa_excess") < -IMPLAUSIBLE_LOSS).height
    if lost > together.height / 2:
        found.append(
            f"in {lost} of {together.height} cells both drugs do {IMPLAUSIBLE_LOSS:g} points less than the better one "
            "alone: see whether doses and wells belong together before calling it antagonism"
        )
    if min(block["dose1_um"].n_unique(), block["dose2_um"].n_unique()) < LEAST_DOSES:
        found.append(f"fewer than {LEAST_DOSES} doses on an axis: no ZIP, no Loewe")
    return tuple(found)
