"""Multiverses: one step per analysis whose text allows several specifications, and their unions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import polars as pl

from resistance_assets.catalog.models.claim import Multiverse
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES, Table
from resistance_assets.defs.core.survival.cohort_slices import expression_address, follow_up_address, scan_expression
from resistance_assets.defs.core.survival.screen import split_minimum
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.multiverse.multiverse import (
    ARMS,
    check_axes,
    combine_axes,
    name_specification,
    read_four_arms,
    read_gene_survival,
    summarise_specifications,
)

READINGS, CHOICES, MEMBERS, SUMMARY = (
    TABLES[f"core.multiverse__{name}"] for name in ("readings", "choices", "members", "summary")
)
COUNTS, SAMPLES = "raw.studies__gene_sample_counts", "raw.studies__samples"
MEASURED, LISTS = "staging.genes__measured", "staging.gene_lists__members"
PATIENTS = "staging.cohorts__patients"


def part_address(kind: str, multiverse_id: str) -> str:
    return partition_of(_models()[kind].address, multiverse_id)


def published_counts(multiverse: Multiverse, registry: Registry) -> dict[str, dict[str, float]]:
    """Dataset -> counts that its specifications are measured against: a study's own, else those of the multiverse."""
    found = {}
    for dataset in multiverse.datasets:
        local = registry.local_studies.get(dataset)
        own = local.file.reported if local is not None else {}
        found[dataset] = dict(own or multiverse.published)
    return found


def arm_expression(
    counts: pl.DataFrame, samples: pl.DataFrame, measured: pl.DataFrame, multiverse: Multiverse
) -> pl.DataFrame | None:
    """Mean counts per million of the four arms of one study, genes under approved symbols; None where an arm lacks.

    Args:
        counts, samples, measured: rows of the study in `raw.studies__gene_sample_counts`, `raw.studies__samples` and
            `staging.genes__measured`.
    """
    column = next((c for c in multiverse.arm_columns if (samples["attribute_id"] == c).any()), None)
    if column is None or counts.is_empty():
        return None
    arm_of = dict(samples.filter(pl.col("attribute_id") == column).select("sample_id", "value").iter_rows())
    placed = counts.filter(pl.col("sample_id").is_in(list(arm_of))).with_columns(
        pl.col("read_count") / pl.col("read_count").sum().over("sample_id") * 1e6,
        arm=pl.col("sample_id").replace_strict(arm_of, return_dtype=pl.String),
    )
    if not set(multiverse.arms) <= set(placed["arm"]):
        return None
    means = placed.group_by("feature_id").agg(
        pl.col("read_count").filter(pl.col("arm") == arm).mean().alias(name)
        for arm, name in zip(multiverse.arms, ARMS, strict=True)
    )
    names = measured.select(pl.col("source_symbol").alias("feature_id"), "hgnc_symbol")
    return (
        means.join(names, on="feature_id", how="left")
        .with_columns(pl.coalesce("hgnc_symbol", "feature_id").alias("hgnc_symbol"))
        .select("hgnc_symbol", *ARMS)
        .sort("hgnc_symbol")
    )


def choices_of(multiverse: Multiverse) -> pl.DataFrame:
    """Choice of every specification on every axis: reading, axis, axis_title, choice, choice_number."""
    title = {axis.id: axis.title for axis in multiverse.axis}
    number = {axis.id: {choice: at for at, choice in enumerate(axis.choices, 1)} for axis in multiverse.axis}
    return pl.DataFrame(
        [
            {
                "reading": name_specification(choices),
                "axis": axis,
                "axis_title": title[axis],
                "choice": choice,
                "choice_number": number[axis][choice],
            }
            for choices in combine_axes(multiverse.axis)
            for axis, choice in choices.items()
        ]
    )


def account_of(
    multiverse: Multiverse, specifications: Mapping[str, pl.DataFrame], published: Mapping[str, Mapping[str, float]]
) -> dict[str, pl.DataFrame]:
    """Specifications of every dataset that has any, their choices and their summary, in the columns of the tables."""
    tables: dict[str, list[pl.DataFrame]] = {"readings": [], "choices": [], "summary": []}
    for dataset, frame in specifications.items():
        where = {"multiverse_id": pl.lit(multiverse.id), "dataset_id": pl.lit(dataset)}
        absent = [column.name for column in READINGS.columns if column.name not in frame.columns]
        whole = frame.with_columns(
            *[pl.lit(None).alias(name) for name in absent if name not in where],
        ).with_columns(
            **where,
            reading_number=pl.int_range(1, pl.len() + 1),
            is_nearest=(
                pl.col("distance").cast(pl.Float64) <= pl.col("distance").cast(pl.Float64).min() + 1e-12
            ).fill_null(False),
        )
        tables["readings"].append(READINGS.shape(whole))
        tables["choices"].append(CHOICES.shape(choices_of(multiverse).with_columns(**where)))
        counts = ", ".join(f"{name}={number:g}" for name, number in published[dataset].items())
        tables["summary"].append(
            SUMMARY.shape(
                summarise_specifications(READINGS.shape(whole)).with_columns(
                    **where,
                    paper_id=pl.lit(multiverse.paper),
                    title=pl.lit(multiverse.title),
                    conclusion=pl.lit(multiverse.conclusion),
                    published=pl.lit(counts or None, pl.String),
                )
            )
        )
    empty = {"readings": READINGS.empty(), "choices": CHOICES.empty(), "summary": SUMMARY.empty()}
    return {kind: pl.concat([empty[kind], *frames]) for kind, frames in tables.items()}


def outputs_of(multiverse: Multiverse) -> dict[str, str]:
    return {kind: part_address(kind, multiverse.id) for kind in ("readings", "choices", "members", "summary")}


def four_arms(multiverse: Multiverse, registry: Registry) -> Step:
    published = published_counts(multiverse, registry)
    address = outputs_of(multiverse)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        lists = {str(name): frame["hgnc_symbol"].to_list() for (name,), frame in inputs.read(LISTS).group_by("list_id")}
        specifications, members = {}, [MEMBERS.empty()]
        for dataset in multiverse.datasets:
            expression = arm_expression(
                inputs.scan(COUNTS).filter(pl.col("study_id") == dataset).collect(),
                inputs.scan(SAMPLES).filter(pl.col("study_id") == dataset).collect(),
                inputs.scan(MEASURED)
                .filter(pl.col("dataset_id") == dataset, pl.col("measurement") == "features")
                .collect(),
                multiverse,
            )
            if expression is None:
                continue
            specifications[dataset], found = read_four_arms(
                expression, lists, multiverse.axis, gene=multiverse.gene, published=published[dataset]
            )
            members.append(
                MEMBERS.shape(found.with_columns(multiverse_id=pl.lit(multiverse.id), dataset_id=pl.lit(dataset)))
            )
        account = account_of(multiverse, specifications, published)
        return {address[kind]: frame for kind, frame in {**account, "members": pl.concat(members)}.items()}

    return table_step(
        outputs={address[kind]: table for kind, table in _models().items()},
        compute=compute,
        inputs=(COUNTS, SAMPLES, MEASURED, LISTS),
        allow_unavailable_inputs=True,
        parameters={"multiverse": multiverse.model_dump(mode="json"), "published": published},
        tags={"multiverse": multiverse.id},
    )


def gene_survival(multiverse: Multiverse, registry: Registry) -> Step:
    address = outputs_of(multiverse)
    minimum = split_minimum(registry.survival)
    # A cohort of a set that is not in use has no specification.
    cohorts = [registry.cohorts[dataset] for dataset in multiverse.datasets if dataset in registry.cohorts]
    endpoints = next(axis.choices for axis in multiverse.axis if axis.id == "endpoint")
    reads = {
        cohort.id: (
            expression_address(cohort.id),
            {e.id: follow_up_address(cohort.id, e.id) for e in cohort.endpoint if e.id in endpoints},
        )
        for cohort in cohorts
    }

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        specifications = {}
        for cohort_id, (expression, follow_up) in reads.items():
            if not inputs.has(expression):
                continue
            gene = (
                scan_expression(inputs, expression)
                .filter(pl.col("hgnc_symbol") == multiverse.gene)
                .collect()
                .join(
                    inputs.scan(PATIENTS).filter(pl.col("cohort_id") == cohort_id).collect(),
                    on="patient_id",
                    how="left",
                )
                .sort("patient_id")
            )
            if gene.is_empty():
                continue
            placed = {
                endpoint: gene.select("patient_id")
                .join(inputs.read(part), on="patient_id", how="left", maintain_order="left")
                .select("time_months", "event_observed")
                for endpoint, part in follow_up.items()
                if inputs.has(part)
            }
            values = gene["expression_value"].cast(pl.Float64).fill_null(np.nan).to_numpy()
            specifications[cohort_id] = read_gene_survival(values, gene, placed, multiverse.axis, minimum)
        account = account_of(multiverse, specifications, {cohort_id: {} for cohort_id in reads})
        return {address[kind]: frame for kind, frame in {**account, "members": MEMBERS.empty()}.items()}

    return table_step(
        outputs={address[kind]: table for kind, table in _models().items()},
        compute=compute,
        inputs=(PATIENTS,),
        optional_inputs=tuple(part for expression, parts in reads.values() for part in (expression, *parts.values())),
        allow_unavailable_inputs=True,
        parameters={"multiverse": multiverse.model_dump(mode="json"), "minimum": asdict(minimum)},
        tags={"multiverse": multiverse.id},
    )


def _models() -> dict[str, Table]:
    return {"readings": READINGS, "choices": CHOICES, "members": MEMBERS, "summary": SUMMARY}


def steps(registry: Registry) -> list[Step]:
    """A step per multiverse, and a union per table."""
    made: list[Step] = []
    for multiverse in registry.multiverses.values():
        check_axes(multiverse.kind, multiverse.axis, f"multiverse {multiverse.id}")
        made.append({"four_arms": four_arms, "gene_survival": gene_survival}[multiverse.kind](multiverse, registry))
    for kind, table in _models().items():
        made.append(union_of(table.address, [part_address(kind, name) for name in registry.multiverses]))
    return made
