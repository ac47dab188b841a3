"""Values of a plasma panel: what a cell of an instrument's table says, and how much of a marker was detected.

Two platforms, two rules. Luminex: a value below the limit has no number and takes limit / sqrt(2) (Hornung and Reed
1990, doi:10.1080/1047322X.1990.10389587); one above the range takes its upper limit; the log is taken here. Olink: NPX
is on the log2 scale already and values below the limit are kept as they are, flagged.
"""

from __future__ import annotations

import math
import re
from typing import Literal, NamedTuple

import polars as pl

from resistance_assets.errors import DataFault

Platform = Literal["luminex", "olink"]
Flag = Literal["measured", "below", "above", "missing"]
MISSING = frozenset({"", "***", "---", "nan", "na", "n/a", "null"})
MOST_BELOW = 0.5
CENSORED_BESIDE = 0.2
_NUMBER = r"[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?"
_CELL = re.compile(rf"(?P<mark>OOR\s*[<>]|[<>]|\*)?\s*(?P<number>-?{_NUMBER})?", re.IGNORECASE)


class Cell(NamedTuple):
    """A cell as it was read.

    Attributes:
        flag: measured, below (under the detection limit), above (over the range) or missing.
        number: the number in the cell, where there is one.
        extrapolated: marked `*`: just outside the standards; the number is kept.
    """

    flag: Flag
    number: float | None
    extrapolated: bool


def read_cell(text: str | None) -> Cell | None:
    """What a cell says; None where it is no text that is known: never to be taken for missing.

    Known are a number (with a decimal comma too), `<67.3`, `OOR <`, `>1020`, `OOR >`, `*12.3`, and for missing an empty
    cell, `***`, `---`, `NaN`, `NA`.
    """
    stripped = (text or "").strip()
    if stripped.lower() in MISSING:
        return Cell("missing", None, False)
    found = _CELL.fullmatch(stripped)
    if found is None:
        return None
    mark = (found["mark"] or "").upper().replace(" ", "")
    number = float(found["number"].replace(",", ".")) if found["number"] else None
    if number is None:
        flags: dict[str, Flag] = {"OOR<": "below", "OOR>": "above"}
        return Cell(flags[mark], None, False) if mark in flags else None
    if mark.endswith("<"):
        return Cell("below", number, False)
    if mark.endswith(">"):
        return Cell("above", number, False)
    return Cell("measured", number, mark == "*")


def read_values(wide: pl.DataFrame, limits: pl.DataFrame, *, platform: Platform, subject: str) -> pl.DataFrame:
    """One row per sample and marker: flag, value and its log2.

    Args:
        wide: sample_id, then one text column per marker.
        limits: marker, lod and upper_limit (null where unknown), in the unit of the values.
        platform: which rule holds for values beyond a limit.
        subject: the file, named in errors.

    Returns:
        sample_id, marker, text, flag, is_extrapolated, value (null where missing), log2_value.

    Raises:
        DataFault: a cell holds an unknown text; a marker without limits has values beyond one; a value of a Luminex
            panel is not above 0.
    """
    bounds = {row["marker"]: (row["lod"], row["upper_limit"]) for row in limits.iter_rows(named=True)}
    rows = []
    for marker in wide.columns[1:]:
        lod, upper = bounds.get(marker, (None, None))
        for sample, text in zip(wide["sample_id"], wide[marker].cast(pl.String), strict=True):
            place = f"sample {sample}, marker {marker}"
            cell = read_cell(text)
            if cell is None:
                raise DataFault(
                    f"{str(text)[:40]!r} is no value",
                    subject=subject,
                    place=place,
                    expected="a number, <limit, OOR <, >limit, OOR >, *number, or empty, *** or NA for missing",
                    remedy="Correct the cell.",
                )
            flag, value, log2_value = _value_of(cell, lod, upper, platform, subject, place)
            rows.append((sample, marker, text, flag, cell.extrapolated, value, log2_value))
    schema = {
        "sample_id": pl.String,
        "marker": pl.String,
        "text": pl.String,
        "flag": pl.String,
        "is_extrapolated": pl.Boolean,
        "value": pl.Float64,
        "log2_value": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _value_of(
    cell: Cell, lod: float | None, upper: float | None, platform: Platform, subject: str, place: str
) -> tuple[Flag, float | None, float | None]:
    flag, number = cell.flag, cell.number
    if platform == "olink":
        below = flag == "measured" and number is not None and lod is not None and number < lod
        return ("below" if below else flag), number, number
    if flag == "measured" and number is not None and lod is not None and number < lod:
        flag = "below"
    needed = {"below": lod, "above": upper}.get(flag, 0.0)
    if needed is None:
        raise DataFault(
            f"is {flag} a limit that is not stated",
            subject=subject,
            place=place,
            expected="lod and upper_limit of the marker in the table of limits",
            remedy="Add the marker's limits.",
        )
    value = {"below": needed / math.sqrt(2.0), "above": needed, "missing": None}.get(flag, number)
    if value is not None and value <= 0.0:
        raise DataFault(
            f"{value:g} is no concentration",
            subject=subject,
            place=place,
            expected="a number above 0",
            remedy="Correct the value, or declare platform olink where values are on the log scale.",
        )
    return flag, value, math.log2(value) if value is not None else None


def summarise_detection(values: pl.DataFrame, baseline: pl.Series) -> pl.DataFrame:
    """How much of each marker was detected in the baseline samples, and whether it is tested.

    Args:
        values: of `read_values`.
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
            .then(pl.lit("refused_mostly_below_lod"))
            .when(fraction > CENSORED_BESIDE)
            .then(pl.lit("tested_with_caution_use_censored_model"))
            .otherwise(pl.lit("tested"))
        )
    )
