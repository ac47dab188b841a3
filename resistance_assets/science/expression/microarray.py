"""From probe intensities to log2 expression by gene.

Here belongs the order of the steps and the account of what fell out. The steps themselves (log scale, quantile
normalisation, collapsing probes, detection) belong in `expression`, testing in `deg_limma`, reading in `origins`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.errors import DataFault
from resistance_assets.science.expression.normalisation import (
    collapse_probes,
    is_detected,
    is_log_scale,
    quantile_normalise,
)

NotPositive = Literal["shift", "missing"]


def log2_intensities(
    values: NDArray[np.float64], not_positive: NotPositive = "shift"
) -> tuple[NDArray[np.float64], str]:
    """log2 of linear intensities, and in words what was done with those of 0 or less.

    Args:
        values: (probes, samples), linear, NaN missing.
        not_positive: as `genes_from_probes`.
    """
    with np.errstate(invalid="ignore"):
        low = values <= 0
    count = int(low.sum())
    if not count:
        return np.log2(values), "every intensity is above 0"
    if not_positive == "missing":
        return np.log2(np.where(low, np.nan, values)), f"{count} intensities of 0 or less are treated as missing"
    offset = 1.0 - float(np.nanmin(values))
    return np.log2(values + offset), f"{count} intensities are 0 or less: {offset:g} is added to every intensity"


def describe_intensities(
    intensities: pl.DataFrame,
    *,
    scale: Literal["auto", "log2", "linear"] = "auto",
    not_positive: NotPositive = "shift",
    **_: object,
) -> str | None:
    """What is done with intensities that have no logarithm, in words; None where there is nothing to tell.

    Takes the arguments of `genes_from_probes`.
    """
    values, linear = _read_values(intensities, scale)
    with np.errstate(invalid="ignore"):
        return log2_intensities(values, not_positive)[1] if linear and (values <= 0).any() else None


def _read_values(intensities: pl.DataFrame, scale: str) -> tuple[NDArray[np.float64], bool]:
    """Intensities as a matrix, NaN where missing, and whether they are linear."""
    values = intensities.select(pl.exclude("probe_id").cast(pl.Float64).fill_null(float("nan"))).to_numpy()
    return values, scale == "linear" or (scale == "auto" and not is_log_scale(values))


def genes_from_probes(
    intensities: pl.DataFrame,
    probe_genes: pl.DataFrame,
    *,
    scale: Literal["auto", "log2", "linear"] = "auto",
    not_positive: NotPositive = "shift",
    normalise: Literal["quantile", "none"] = "quantile",
    collapse: Literal["highest_mean", "median"] = "highest_mean",
    detection_floor: float | None = None,
    detection_min_samples: int = 1,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put intensities on the log2 scale, normalise over all probes, collapse to genes, drop what is not detected.

    Args:
        intensities: `probe_id` and one column per sample; null or NaN where a value is missing.
        probe_genes: `probe_id`, `hgnc_symbol`, probes of one gene each.
        scale: of the intensities; "auto" tells it by `normalisation.is_log_scale`.
        not_positive: what becomes of linear intensities of 0 or less, which have no logarithm. "shift" adds the same
            number to every intensity, so that the smallest becomes 1: a probe that is off in one condition keeps its
            difference. "missing" treats the single value as missing. Neither drops a probe for one value.
        normalise: "quantile", or "none" where it was done before.
        collapse: as `expression.collapse_probes`.
        detection_floor: log2 expression that `detection_min_samples` samples must reach; None keeps every gene.
        detection_min_samples: see there.

    Returns:
        genes: `hgnc_symbol`, `probes` (Int64), then the samples, log2; sorted by symbol.
        set_aside: `name` (probe or gene), `reason`: probes without a gene, probes without a value in any sample, genes
            below the floor.

    Raises:
        DataFault: nothing is left.
    """
    samples = [name for name in intensities.columns if name != "probe_id"]
    values, linear = _read_values(intensities, scale)
    values = log2_intensities(values, not_positive)[0] if linear else values
    usable = np.asarray(np.isfinite(values).any(axis=1))
    logs = values[usable]
    if normalise == "quantile" and len(logs):
        logs = quantile_normalise(logs)
    probes = intensities["probe_id"].cast(pl.String)
    frame = pl.DataFrame(
        [
            probes.filter(pl.Series(usable)),
            *(pl.Series(name, column).fill_nan(None) for name, column in zip(samples, logs.T, strict=True)),
        ]
    )
    genes = collapse_probes(frame, probe_genes, collapse)
    detected = np.ones(genes.height, dtype=bool)
    if detection_floor is not None:
        expression = genes.select(pl.col(samples).fill_null(float("nan"))).to_numpy()
        detected = is_detected(expression, detection_floor, detection_min_samples)
    annotated = probes.is_in(probe_genes["probe_id"].cast(pl.String).implode())
    aside = [
        (probes.filter(~annotated), "no gene in the annotation"),
        (probes.filter(pl.Series(~usable) & annotated), "no value in any sample"),
        (genes["hgnc_symbol"].filter(pl.Series(~detected)), "below the detection floor"),
    ]
    set_aside = pl.concat(
        [pl.DataFrame({"name": names, "reason": reason}, schema={"name": pl.String, "reason": pl.String})
         for names, reason in aside]
    )  # fmt: skip
    kept = genes.filter(pl.Series(detected))
    if kept.is_empty():
        counted = ", ".join(f"{reason}: {names.len()}" for names, reason in aside)
        raise DataFault(
            f"no gene is left of {intensities.height} probes ({counted})",
            subject="microarray",
            remedy="Check that the annotation is that of the array, and the detection floor.",
        )
    return kept, set_aside
