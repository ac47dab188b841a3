"""A study of a plasma panel as rows of its tables: values, detection, comparisons, survival, models, AUC."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.errors import DesignFault
from resistance_assets.science.plasma_panel.groups import Panel, compare_groups, compare_pairs
from resistance_assets.science.plasma_panel.outcome import (
    AUC_SCHEMA,
    MODEL_SCHEMA,
    discriminate,
    model_markers,
    screen_panel,
)
from resistance_assets.science.plasma_panel.values import Platform, apply_limits, summarise_detection

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class FollowUp:
    """An endpoint: its columns among the attributes of patients, and months in one unit of its times."""

    endpoint: str
    time_column: str
    event_column: str
    months_per_unit: float = 1.0


@dataclass(frozen=True)
class Groups:
    """Two groups of patients, by the levels of an attribute or by the time to an event.

    By time: the event within `early_months` against none up to `late_months`; who is censored between is left out.
    """

    numerator: str
    denominator: str
    column: str | None = None
    follow_up: FollowUp | None = None
    early_months: float = 0.0
    late_months: float = 0.0
    covariates: tuple[str, ...] = ()

    @property
    def contrast(self) -> str:
        return f"{self.numerator}_vs_{self.denominator}"


@dataclass(frozen=True)
class PanelDesign:
    """What is asked of a panel.

    Attributes:
        platform: which rule holds beyond a limit.
        baseline, later: time points of the first and of the second sample of a pair; None without pairs.
        groups, follow_up: comparisons and endpoints.
        models: id of a model declared in advance -> its terms.
        auc_months, auc_markers: of AUC(t); None for every tested marker.
    """

    platform: Platform
    baseline: str | None = None
    later: str | None = None
    groups: Groups | None = None
    follow_up: tuple[FollowUp, ...] = ()
    models: tuple[tuple[str, tuple[str, ...]], ...] = ()
    auc_months: tuple[float, ...] = ()
    auc_markers: tuple[str, ...] | None = None


@dataclass(frozen=True)
class PanelTables:
    """Frames of one study; columns as the tables of the same names, without study_id and gene."""

    values: pl.DataFrame
    detection: pl.DataFrame
    comparisons: pl.DataFrame
    survival: pl.DataFrame
    multivariable: pl.DataFrame
    auc: pl.DataFrame


def analyse_panel(
    cells: pl.DataFrame, samples: pl.DataFrame, patients: pl.DataFrame, design: PanelDesign, *, subject: str
) -> PanelTables:
    """Everything that is computed of one study.

    Args:
        cells: sample_id, marker, flag, number, is_extrapolated, lod, upper_limit.
        samples: sample_id, patient_id, timepoint (null where there is one time point).
        patients: patient_id and attributes, a number or text each.
        design: what is asked.
        subject: the study, named in errors.

    Raises:
        DataFault: as `apply_limits`.
    """
    values = apply_limits(cells, platform=design.platform, subject=subject)
    first = samples if design.baseline is None else samples.filter(pl.col("timepoint") == design.baseline)
    detection = summarise_detection(values, first["sample_id"]).join(
        values.group_by("marker").agg(n_extrapolated=pl.col("is_extrapolated").sum().cast(pl.Int64)), on="marker"
    )
    tested = detection.filter(pl.col("tested"))["marker"].to_list()
    refused = detection.filter(~pl.col("tested"))["marker"].to_list()
    ids = samples["sample_id"].to_list()
    panel = as_panel(values, ids)
    at = {sample: place for place, sample in enumerate(ids)}
    order = np.array([at[sample] for sample in first["sample_id"]], dtype=np.intp)
    who = first.select("patient_id").join(patients, on="patient_id", how="left", maintain_order="left")
    baseline = panel.of_markers(tested).of_samples(order)
    frames = [pl.DataFrame(schema={"contrast": pl.String, "marker": pl.String})]
    if design.groups is not None:
        frames.append(_groups(baseline, panel.of_markers(refused).of_samples(order), who, design.groups))
    if design.later is not None and design.baseline is not None:
        frames.append(_pairs(panel.of_markers(tested), samples, at, design.baseline, design.later))
    survival, models, aucs = [], [pl.DataFrame(schema=MODEL_SCHEMA)], [pl.DataFrame(schema=AUC_SCHEMA)]
    for one in design.follow_up:
        own = pl.lit(one.endpoint).alias("endpoint")
        time, event = _follow_up(who, one)
        try:
            screened = screen_panel(baseline, time, event)
        except DesignFault:
            continue
        survival.append(screened.with_columns(own))
        attributes = {name: who[name].to_list() for name in who.columns if name != "patient_id"}
        fitted = model_markers(baseline, time, event, screened, dict(design.models), attributes, refused)
        models.append(fitted.with_columns(own))
        found = discriminate(baseline, time, event, design.auc_months, design.auc_markers)
        aucs.append(found.with_columns(own))
    return PanelTables(
        values=values,
        detection=detection,
        comparisons=pl.concat(frames, how="diagonal_relaxed"),
        survival=pl.concat(survival) if survival else pl.DataFrame(),
        multivariable=pl.concat(models, how="diagonal"),
        auc=pl.concat(aucs, how="diagonal"),
    )


def as_panel(values: pl.DataFrame, samples: Sequence[str]) -> Panel:
    """Matrices of the markers over these samples."""
    markers: list[str] = values["marker"].unique(maintain_order=True).to_list()
    row = {marker: at for at, marker in enumerate(markers)}
    column = {sample: at for at, sample in enumerate(samples)}
    log2, below = np.full((len(markers), len(samples)), np.nan), np.zeros((len(markers), len(samples)), dtype=bool)
    lod = np.full(len(markers), np.nan)
    logged = values.with_columns(log2_lod=pl.when(pl.col("lod") > 0).then(pl.col("lod").log(2)))
    for sample, marker, flag, value, limit in logged.select(
        "sample_id", "marker", "flag", "log2_value", "log2_lod"
    ).iter_rows():
        place = row[marker], column[sample]
        log2[place] = math.nan if value is None else value
        below[place] = flag == "below"
        if limit is not None:
            lod[row[marker]] = limit
    return Panel(markers, log2, below, lod)


def _follow_up(who: pl.DataFrame, one: FollowUp) -> tuple[Matrix, Matrix]:
    """Times in months and events of the patients, NaN where unknown."""
    time = who[one.time_column].cast(pl.Float64, strict=False).fill_null(math.nan).to_numpy()
    event = who[one.event_column].cast(pl.Float64, strict=False).fill_null(math.nan).to_numpy()
    return time * one.months_per_unit, event


def _groups(baseline: Panel, refused: Panel, who: pl.DataFrame, groups: Groups) -> pl.DataFrame:
    if groups.follow_up is not None:
        time, event = _follow_up(who, groups.follow_up)
        in_numerator = (time < groups.early_months) & (event == 1)
        in_denominator = time > groups.late_months
    else:
        levels = who[groups.column or ""].cast(pl.String).to_list()
        in_numerator = np.array([level == groups.numerator for level in levels])
        in_denominator = np.array([level == groups.denominator for level in levels])
    used = np.flatnonzero(in_numerator | in_denominator)
    covariates: dict[str, list[Any]] = {name: who[name].gather(used).to_list() for name in groups.covariates}
    found = compare_groups(baseline.of_samples(used), refused.of_samples(used), in_numerator[used], covariates)
    return found.with_columns(
        contrast=pl.lit(groups.contrast),
        numerator=pl.lit(groups.numerator),
        denominator=pl.lit(groups.denominator),
        n_left_out=pl.lit(len(in_numerator) - len(used), pl.Int64),
    )


def _pairs(panel: Panel, samples: pl.DataFrame, at: dict[str, int], baseline: str, later: str) -> pl.DataFrame:
    wide = (
        samples.filter(pl.col("timepoint").is_in([baseline, later]))
        .pivot("timepoint", index="patient_id", values="sample_id", maintain_order=True)
    )  # fmt: skip
    if baseline not in wide.columns or later not in wide.columns:
        return pl.DataFrame(schema={"contrast": pl.String, "marker": pl.String})
    both = wide.drop_nulls([baseline, later])
    first, second = (np.array([at[sample] for sample in both[name]], dtype=np.intp) for name in (baseline, later))
    found = compare_pairs(panel, first, second)
    return found.with_columns(
        contrast=pl.lit(f"{later}_vs_{baseline}"),
        numerator=pl.lit(later),
        denominator=pl.lit(baseline),
        n_left_out=pl.lit(wide.height - both.height, pl.Int64),
    )
