"""Models of core.multiverse__*: specification curves of the contrasts."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import (
    COHORT,
    COUNTS,
    FEATURE_SYMBOL,
    MEMBER,
    P_CHECK,
    SURVIVAL,
    SYMBOL,
)

_ARM_COUNTS = (COUNTS, "raw.studies__samples.value")
_READINGS = (*_ARM_COUNTS, *SURVIVAL)


@table(
    "core.multiverse__readings",
    grain="one row per multiverse, dataset and specification",
    key=("multiverse_id", "dataset_id", "reading"),
    limitation="specifications are not independent analyses: they share their data, and most of their choices",
)
class MultiverseSpecifications(TableModel):
    """An analysis under every combination of the choices that its text leaves open."""

    multiverse_id: pl.String = col("multiverse of the catalog", of="source")
    dataset_id: pl.String = col("study or cohort", of=("raw.studies__samples.study_id", COHORT))
    reading: pl.String = col("axis=choice, joined by a comma", of="source")
    reading_number: pl.Int64 = col("1 = the plain specification", of="source", ge=1)
    estimate: pl.Float64 = col("genes on the cancer list (four arms), or hazard ratio", null=True, of=_READINGS)
    ci_lower: pl.Float64 = col("95 % limit of the hazard ratio", null=True, of=SURVIVAL)
    ci_upper: pl.Float64 = col("95 % limit of the hazard ratio", null=True, of=SURVIVAL)
    p_value: pl.Float64 = col(
        "likelihood ratio; of the maximally selected cut-point; or by permutation where a group of a split is below the"
        " declared minimum",
        null=True,
        of=SURVIVAL,
        **P_CHECK,
    )
    n: pl.Int64 = col("patients, or genes that reach the floor", null=True, of=_READINGS, ge=0)
    events: pl.Int64 = col("events", unit="patients", null=True, of=SURVIVAL, ge=0)
    n_responsive: pl.Int64 = col("genes that the drug moves", unit="genes", null=True, of=_ARM_COUNTS, ge=0)
    n_responsive_down: pl.Int64 = col("of these, lowered", unit="genes", null=True, of=_ARM_COUNTS, ge=0)
    n_kept: pl.Int64 = col("genes that pass the resistance filter", unit="genes", null=True, of=_ARM_COUNTS, ge=0)
    n_in_list: pl.Int64 = col("of these, on the cancer list", unit="genes", null=True, of=(*_ARM_COUNTS, *MEMBER), ge=0)
    distance: pl.Float64 = col(
        "root of the summed squared log ratios to the published counts; 0 = the same counts",
        unit="ln",
        null=True,
        of=_ARM_COUNTS,
        ge=0,
    )
    is_nearest: pl.Boolean = col("no specification of this dataset is nearer to the published counts", of=_ARM_COUNTS)
    conclusion_holds: pl.Boolean = col("whether the paper's conclusion follows", null=True, of=_READINGS)
    note: pl.String = col("why a specification is qualified or could not be computed", null=True, of=_READINGS)


@table(
    "core.multiverse__choices",
    grain="one row per multiverse, dataset, specification and axis",
    key=("multiverse_id", "dataset_id", "reading", "axis"),
    limitation="the order of the choices is that of the catalog, not one of merit",
)
class MultiverseChoices(TableModel):
    """Which choice each specification takes on each axis: the lower panel of a specification curve."""

    multiverse_id: pl.String = col("multiverse of the catalog", of="source")
    dataset_id: pl.String = col("study or cohort", of="core.multiverse__readings.dataset_id")
    reading: pl.String = col("as in core.multiverse__readings", of="core.multiverse__readings.reading")
    axis: pl.String = col("axis", of="source")
    axis_title: pl.String = col("axis in words", of="source")
    choice: pl.String = col("choice on it", of="source")
    choice_number: pl.Int64 = col("1 = the plain one", of="source", ge=1)


@table(
    "core.multiverse__members",
    grain="one row per multiverse, dataset, step and gene of the plain specification",
    key=("multiverse_id", "dataset_id", "step", "hgnc_symbol"),
    limitation="one sample per arm: a gene here may be here by noise alone",
)
class MultiverseMembers(TableModel):
    """Genes of the plain specification of a four-arm study, step by step."""

    multiverse_id: pl.String = col("multiverse of the catalog", of="source")
    dataset_id: pl.String = col("study", of="raw.studies__samples.study_id")
    step: pl.String = col("responsive, kept or in_list", of=_ARM_COUNTS, isin=["responsive", "kept", "in_list"])
    hgnc_symbol: pl.String = col(SYMBOL, of=FEATURE_SYMBOL)
    log2_response_parental: pl.Float64 = col(
        "treated over untreated, parental line", unit="log2", null=True, of=_ARM_COUNTS
    )
    log2_response_resistant: pl.Float64 = col(
        "treated over untreated, resistant line", unit="log2", null=True, of=_ARM_COUNTS
    )


@table(
    "core.multiverse__summary",
    grain="one row per multiverse and dataset",
    key=("multiverse_id", "dataset_id"),
    limitation="the share of specifications is no probability: nobody drew the specifications at random",
)
class MultiverseSummary(TableModel):
    """How often the conclusion holds, and which specification comes nearest to what was published."""

    multiverse_id: pl.String = col("multiverse of the catalog", of="source")
    dataset_id: pl.String = col("study or cohort", of="core.multiverse__readings.dataset_id")
    paper_id: pl.String = col("paper", of="source")
    title: pl.String = col("multiverse in words", of="source")
    conclusion: pl.String = col("the conclusion in words", of="source")
    n_readings: pl.Int64 = col("specifications", of="core.multiverse__readings.reading", ge=0)
    n_computed: pl.Int64 = col("of these, computed", of="core.multiverse__readings.conclusion_holds", ge=0)
    share_conclusion_holds: pl.Float64 = col(
        "of the computed specifications",
        unit="fraction",
        null=True,
        of="core.multiverse__readings.conclusion_holds",
        **P_CHECK,
    )
    estimate_lowest: pl.Float64 = col("smallest estimate", null=True, of="core.multiverse__readings.estimate")
    estimate_median: pl.Float64 = col("median estimate", null=True, of="core.multiverse__readings.estimate")
    estimate_highest: pl.Float64 = col("largest estimate", null=True, of="core.multiverse__readings.estimate")
    published: pl.String = col("published counts, name=count joined by a comma", null=True, of="source")
    distance_smallest: pl.Float64 = col(
        "of the nearest specification", unit="ln", null=True, of="core.multiverse__readings.distance", ge=0
    )
    nearest_reading: pl.String = col("the first of the nearest", null=True, of="core.multiverse__readings.distance")
    n_nearest: pl.Int64 = col("specifications at that distance", of="core.multiverse__readings.distance", ge=0)
    undecided_axes: pl.String = col(
        "axes on which those differ, which the published counts cannot decide",
        null=True,
        of="core.multiverse__readings.distance",
    )
