"""From probe intensities to log2 expression by gene.

Here belongs the order of the steps and the account of what fell out. The steps themselves (log scale, quantile
normalisation, collapsing probes, detection) belong in `expression`, testing in `deg_limma`, reading in `origins`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from resistance_assets.errors import DataFault
from resistance_assets.science.expression.normalisation import (
    collapse_probes,
    is_detected,
    is_log_scale,
    quantile_normalise,
)


def genes_from_probes(
    intensities: pl.DataFrame,
    probe_genes: pl.DataFrame,
    *,
    scale: Literal["auto", "log2", "linear"] = "auto",
    normalise: Literal["quantile", "none"] = "quantile",
    collapse: Literal["highest_mean", "median"] = "highest_mean",
    detection_floor: float | None = None,
    detection_min_samples: int = 1,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put intensities on the log2 scale, normalise over all probes, collapse to genes, drop what is not detected.

    Args:
        intensities: `probe_id` and one column per sample, finite.
        probe_genes: `probe_id`, `hgnc_symbol`, probes of one gene each.
        scale: of the intensities; "auto" tells it by `expression.is_log_scale`.
        normalise: "quantile", or "none" where it was done before.
        collapse: as `expression.collapse_probes`.
        detection_floor: log2 expression that `detection_min_samples` samples must reach; None keeps every gene.
        detection_min_samples: see there.

    Returns:
        genes: `hgnc_symbol`, `probes` (Int64), then the samples, log2; sorted by symbol.
        set_aside: `name` (probe or gene), `reason`: probes without a gene, probes with a linear intensity of 0 or less
            (it has no logarithm), genes below the floor.

    Raises:
        DataFault: nothing is left.
    """
    samples = [name for name in intensities.columns if name != "probe_id"]
    values = intensities.select(pl.col(samples).cast(pl.Float64)).to_numpy()
    linear = scale == "linear" or (scale == "auto" and not is_log_scale(values))
    usable = np.asarray((values > 0).all(axis=1)) if linear else np.ones(len(values), dtype=bool)
    logs = np.log2(values[usable]) if linear else values
    if normalise == "quantile" and len(logs):
        logs = quantile_normalise(logs)
    probes = intensities["probe_id"].cast(pl.String)
    frame = pl.DataFrame([probes.filter(pl.Series(usable)), *map(pl.Series, samples, logs.T)])
    genes = collapse_probes(frame, probe_genes, collapse)
    detected = np.ones(genes.height, dtype=bool)
    if detection_floor is not None:
        detected = is_detected(genes.select(samples).to_numpy(), detection_floor, detection_min_samples)
    annotated = probes.is_in(probe_genes["probe_id"].cast(pl.String).implode())
    aside = [
        (probes.filter(~annotated), "no gene in the annotation"),
        (probes.filter(pl.Series(~usable) & annotated), "an intensity of 0 or less"),
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
