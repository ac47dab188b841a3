"""Values of a plasma panel: what stands for a value beyond a limit, and how much of a marker was detected.

Two platforms, two rules. Luminex: a value below the limit has no number and takes limit / sqrt(2) (Hornung and Reed
1990, doi:10.1080/1047322X.1990.10389587); one above the range takes its upper limit; the log is taken here. Olink: NPX
is on the log2 scale already and values below the limit are kept as they are, flagged.
"""

from __future__ import annotations

import math
from typing import Literal

import polars as pl

from resistance_assets.errors import DataFault

Platform = Literal["luminex", "olink"]
MOST_BELOW = 0.5
CENSORED_BESIDE = 0.2
REFUSED, CENSORED, TESTED = "refused_mostly_below_lod", "tested_with_caution_use_censored_model", "tested"


def apply_limits(cells: pl.DataFrame, *, platform: Platform, subject: str) -> pl.DataFrame:
    """Values of cells by the rule of the platform.

    Args:
        cells: sample_id, marker, flag (measured, below, above, missing: what the cell says), number, lod, upper_limit
            (null where unknown), in the unit of the values.
        platform: which rule holds for values beyond a limit.
        subject: the study or file, named in errors.

    Returns:
        The cells with flag (a number under the limit is below too), value (null where missing) and log2_value.

    Raises:
        DataFault: a value is beyond a limit that is not stated; a value of a Luminex panel is not above 0.
    """
    under = (pl.col("flag") == "measured") & (pl.col("number") < pl.col("lod")).fill_null(False)
    flagged = cells.with_columns(flag=pl.when(under).then(pl.lit("below")).otherwise("flag"))
    if platform == "olink":
        bare = flagged.filter(pl.col("flag").is_in(["below", "above"]) & pl.col("number").is_null())
        _refuse(bare, "is beyond a limit and has no NPX", "a number: NPX below the limit is kept as it is", subject)
        return flagged.with_columns(value=pl.col("number"), log2_value=pl.col("number"))
    for flag, limit in (("below", "lod"), ("above", "upper_limit")):
        unstated = flagged.filter((pl.col("flag") == flag) & pl.col(limit).is_null())
        expected = f"{limit} of the marker in the table of limits"
        _refuse(unstated, f"is {flag} a limit that is not stated", expected, subject)
    valued = flagged.with_columns(
        value=pl.when(pl.col("flag") == "below")
        .then(pl.col("lod") / math.sqrt(2.0))
        .when(pl.col("flag") == "above")
        .then(pl.col("upper_limit"))
        .when(pl.col("flag") == "measured")
        .then(pl.col("number"))
    )
    _refuse(
        valued.filter(pl.col("value") <= 0.0),
        "is no concentration above 0",
        "a number above 0, or platform olink where values are on the log scale",
        subject,
    )
    return valued.with_columns(log2_value=pl.col("value").log(2))


def _refuse(rows: pl.DataFrame, problem: str, expected: str, subject: str) -> None:
    if rows.is_empty():
        return
    first = rows.row(0, named=True)
    more = f" ({rows.height} cells)" if rows.height > 1 else ""
    told = "" if first["number"] is None else f"{first['number']:g} "
    raise DataFault(
        f"the value {told}{problem}{more}",
        subject=subject,
        place=f"sample {first['sample_id']}, marker {first['marker']}",
        expected=expected,
        remedy="Correct the cell, or state the limit.",
    )


def summarise_detection(values: pl.DataFrame, baseline: pl.Series) -> pl.DataFrame:
    """How much of each marker was detected in the baseline samples, and whether it is tested.

    Args:
        values: of `apply_limits`.
        baseline: sample ids.

    Returns:
        marker, n_baseline, n_below_lod, fraction_below_lod, n_missing, n_above, tested, verdict. With more than half
        below the limit a marker is refused: only "detected in x of n" can be said; between a fifth and a half it is
        tested with the censored model beside.
    """
    fraction = pl.col("n_below_lod") / pl.col("n_baseline")
    return (
        values.filter(pl.col("sample_id").is_in(baseline.to_list()))
        .group_by("marker", maintain_order=True)
        .agg(
            n_baseline=pl.len(),
            n_below_lod=(pl.col("flag") == "below").sum(),
            n_missing=pl.col("value").is_null().sum(),
            n_above=(pl.col("flag") == "above").sum(),
        )
        .with_columns(fraction_below_lod=fraction, tested=fraction <= MOST_BELOW)
        .with_columns(
            verdict=pl.when(fraction > MOST_BELOW)
            .then(pl.lit(REFUSED))
            .when(fraction > CENSORED_BESIDE)
            .then(pl.lit(CENSORED))
            .otherwise(pl.lit(TESTED))
        )
    )
