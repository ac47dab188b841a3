"""Two-way assays of a study as rows: units, effects and analysis of variance of every declared assay."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from resistance_assets.science.two_way_assay.interaction import (
    CONDITION,
    Scale,
    analyse_variance,
    average_fields,
    closure_percent,
    fit_count_interaction,
    fit_interaction,
    to_scale,
)

SCALES: dict[str, Scale] = {"log": "log", "count": "log", "percent": "identity", "fraction": "logit"}
NO_UNIT = 'no test: replicate_unit = "experiment" is not declared, and wells are no replicates'
NOT_TOLD = "not told"
_TEST = ("standard_error", "degrees_of_freedom", "t", "p_value", "lower", "upper")


class DeclaredAssay(NamedTuple):
    """An assay and its scale: log, percent, count or fraction; of a wound the names of its two widths."""

    id: str
    scale: str
    start: str | None
    end: str | None


class AssayTables(NamedTuple):
    """Rows of core.assays__two_way_units, __two_way and __two_way_anova without the study."""

    units: pl.DataFrame
    effects: pl.DataFrame
    anova: pl.DataFrame


def analyse_fields(fields: pl.DataFrame, assays: list[DeclaredAssay], *, are_experiments: bool) -> AssayTables:
    """Units, effects and analysis of variance of every assay.

    Args:
        fields: rows of `raw.assays__two_way_fields`.
        assays: as declared.
        are_experiments: whether experiments are independent; without that there is no test.
    """
    parts = [_analyse(fields, assay, are_experiments=are_experiments) for assay in assays]
    return AssayTables(*(pl.concat(frames, how="diagonal_relaxed") for frames in zip(*parts, strict=True)))


def _analyse(fields: pl.DataFrame, assay: DeclaredAssay, *, are_experiments: bool) -> AssayTables:
    rows = _rows_of(fields, assay)
    units = average_fields(rows)
    units = units.with_columns(response=to_scale(units["value"], SCALES[assay.scale]))
    names = {
        "drug": fields.filter(pl.col("drug01") == 1)["drug"][0],
        "ligand": fields.filter(pl.col("ligand01") == 1)["ligand"][0],
        "assay": assay.id,
        "scale": assay.scale,
    }
    flagged = rows.group_by(CONDITION).agg(n_flagged=pl.col("flag").count())
    told = units.join(flagged, on=CONDITION, nulls_equal=True, how="left", maintain_order="left").with_columns(
        experiment=pl.col("experiment").fill_null(NOT_TOLD), assay=pl.lit(assay.id), scale=pl.lit(assay.scale)
    )
    effects = [fit_interaction(units).with_columns(model=pl.lit("least_squares"))]
    anova = pl.DataFrame()
    if _is_testable(units.drop_nulls("response")):
        anova = analyse_variance(units.drop_nulls("response")).rename({"df": "degrees_of_freedom"})
        anova = anova.with_columns(pl.lit(assay.id).alias("assay"))
    # A count of 0 has no logarithm and 100 % no logit, and both have their place in the model of totals.
    if assay.scale in ("count", "fraction") and _is_testable(units):
        fitted = fit_count_interaction(units)
        n = pl.lit(units["experiment"].n_unique())
        effects.append(fitted.with_columns(model=pl.col("family"), n_experiments=n))
    if not are_experiments:
        anova = pl.DataFrame()
    whole = [_as_effects(frame, are_experiments=are_experiments) for frame in effects]
    is_ratio = pl.lit(assay.scale != "percent")
    found = pl.concat(whole, how="diagonal_relaxed").with_columns(
        *[pl.lit(value).alias(name) for name, value in names.items()],
        ratio=pl.when(is_ratio).then(pl.col("estimate").exp()),
    )
    return AssayTables(told, found, anova)


def _rows_of(fields: pl.DataFrame, assay: DeclaredAssay) -> pl.DataFrame:
    """Fields of one assay with value, denominator and flag; of a wound its closure."""
    if assay.start is None:
        denominator = pl.col("denominator") if assay.scale == "fraction" else pl.lit(None, pl.Float64)
        own = fields.filter(pl.col("assay") == assay.id)
        return own.with_columns(denominator=denominator, flag=pl.lit(None, pl.String))
    key = ["experiment", "drug01", "ligand01", "field"]
    start = fields.filter(pl.col("assay") == assay.start).select(*key, start="value")
    end = fields.filter(pl.col("assay") == assay.end).select(*key, end="value")
    closed = closure_percent(start.join(end, on=key, nulls_equal=True, maintain_order="left"))
    return closed.with_columns(denominator=pl.lit(None, pl.Float64))


def _is_testable(units: pl.DataFrame) -> bool:
    """Whether two experiments or more hold all four conditions between them, and every number has its experiment."""
    return (
        units["experiment"].null_count() == 0
        and units["experiment"].n_unique() > 1
        and units.select("drug01", "ligand01").n_unique() == 4
    )


def _as_effects(frame: pl.DataFrame, *, are_experiments: bool) -> pl.DataFrame:
    """Effects with every column; without experiments the estimate alone."""
    lacking: dict[str, Any] = {name: pl.lit(None, pl.Float64) for name in ("estimate", *_TEST, "dispersion")}
    frame = frame.with_columns(**{name: value for name, value in lacking.items() if name not in frame.columns})
    frame = frame.select("model", "term", "estimate", *_TEST, "dispersion", "n_experiments", "p_note")
    if are_experiments:
        return frame
    nothing = [pl.lit(None, pl.Float64).alias(name) for name in _TEST]
    return frame.with_columns(*nothing, p_note=pl.coalesce("p_note", pl.lit(NO_UNIT)))
