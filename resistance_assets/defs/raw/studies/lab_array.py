"""Microarrays of laboratory studies: intensities and annotation as read, then log2 expression by gene."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from resistance_assets.catalog.registry import LocalStudy, MicroarrayStudy, Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.lab_study.study import read_array_study
from resistance_assets.defs.raw.cbioportal import (
    REJECTED,
    WARNINGS,
    rejected_as_table,
    samples_as_table,
    study_externals,
    warnings_as_table,
)
from resistance_assets.defs.resources import study_source
from resistance_assets.orchestration.events import Announcement, announce
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.expression.microarray import describe_intensities, genes_from_probes

INTENSITIES = TABLES["raw.studies__probe_intensities"]
PROBE_GENES = TABLES["raw.studies__probe_genes"]
EXPRESSION = TABLES["core.studies__gene_expression"]
SAMPLES = TABLES["raw.studies__samples"]


def array_studies(registry: Registry) -> list[LocalStudy]:
    """Laboratory studies of microarrays."""
    return [local for local in registry.local_studies.values() if isinstance(local.study, MicroarrayStudy)]


def expression_address(study_id: str) -> str:
    return partition_of("study_expression", study_id)


def array_study_asset(local: LocalStudy) -> Step:
    """Intensities, sample sheet and annotation of one study, as read."""
    study, study_id = local.study, local.id
    assert isinstance(study, MicroarrayStudy)
    intensities, samples, genes, rejected, warned = (
        partition_of(f"study_{name}", study_id)
        for name in ("intensities", "samples", "probe_genes", "rejected_probe_genes", "warnings")
    )
    named = ("probe_column", "symbol_column", "multi_gene_separator", "organism", "orthologs")

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        found = read_array_study(local)
        name = pl.lit(study_id).alias("study_id")
        return {
            intensities: found.matrix.unpivot(index="probe_id", variable_name="sample_id", value_name="intensity")
            .with_columns(name)
            .sort("probe_id", "sample_id"),
            samples: samples_as_table(found.samples, study_id),
            genes: found.probe_genes.with_columns(name),
            rejected: rejected_as_table([(PROBE_GENES.address, found.rejected)]),
            warned: warnings_as_table(found.warnings, study_id),
        }

    return table_step(
        outputs={intensities: INTENSITIES, samples: SAMPLES, genes: PROBE_GENES, rejected: REJECTED, warned: WARNINGS},
        compute=compute,
        parameters={
            **study.model_dump(mode="json", include=set(named)),
            "contrasts": [
                c.model_dump(mode="json", include={"factor", "numerator", "denominator", "fit_all_levels"})
                for c in local.contrasts
            ],
        },
        externals=study_externals(local),
        sources=[study_source(study_id)],
        kinds=["python", "study"],
        tags={"study": study_id},
    )


def wide(long: pl.DataFrame, row: str, value: str) -> pl.DataFrame:
    """A long table of a study as one column per sample; rows and samples sorted."""
    return long.sort(row, "sample_id").pivot(on="sample_id", index=row, values=value, maintain_order=True)


# Rules for a series of GEO, whose submitters state neither scale nor normalisation in a way that can be read; quantiles
# that agree already stay as they are.
SERIES_RULES: dict[str, Any] = {
    "scale": "auto",
    "not_positive": "shift",
    "normalise": "quantile",
    "collapse": "highest_mean",
}


def rules_of(study: MicroarrayStudy) -> dict[str, Any]:
    """What a laboratory's array study says of the way from probes to genes."""
    return study.model_dump(
        include={"scale", "not_positive", "normalise", "collapse", "detection_floor", "detection_min_samples"}
    )


def expression_part(study_id: str, source: str, rules: dict[str, Any]) -> Step:
    """Log2 expression by gene of one study; none where the study turned out to hold counts.

    Args:
        study_id: the study.
        source: how rejected rows name the matrix.
        rules: arguments of `genes_from_probes`.
    """
    intensities, genes = partition_of("study_intensities", study_id), partition_of("study_probe_genes", study_id)
    own, rejected = expression_address(study_id), partition_of("study_rejected_probes", study_id)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        measured = inputs.read(intensities)
        if measured.is_empty():
            return {own: EXPRESSION.empty(), rejected: REJECTED.empty()}
        matrix = wide(measured, "probe_id", "intensity")
        if told := describe_intensities(matrix, **rules):
            announce(Announcement("note", own, message=f"{study_id}: {told}"))
        found, set_aside = genes_from_probes(matrix, inputs.read(genes), **rules)
        return {
            own: found.unpivot(index=["hgnc_symbol", "probes"], variable_name="sample_id", value_name="expression_log2")
            .drop_nulls("expression_log2")
            .rename({"hgnc_symbol": "feature_id"})
            .with_columns(study_id=pl.lit(study_id))
            .sort("feature_id", "sample_id"),
            rejected: rejected_as_table(
                [
                    (
                        EXPRESSION.address,
                        set_aside.select(
                            pl.lit(source).alias("source"), pl.lit(None).alias("line"), "reason", row="name"
                        ),
                    )
                ]
            ),
        }

    return table_step(
        outputs={own: EXPRESSION, rejected: REJECTED},
        compute=compute,
        inputs=(intensities, genes),
        parameters=rules,
        tags={"study": study_id},
    )


def reading_expression(study_id: str) -> Callable[[Inputs], pl.DataFrame]:
    """The expression of a study as the wide frame that limma takes."""
    address = expression_address(study_id)

    def read(inputs: Inputs) -> pl.DataFrame:
        return wide(inputs.read(address), "feature_id", "expression_log2").rename({"feature_id": "hgnc_symbol"})

    return read


def microarray_assets(registry: Registry) -> list[Step]:
    studies = array_studies(registry)
    series = [study for study in registry.public_studies.values() if study.kind == "geo_series"]
    parts = []
    for local in studies:
        assert isinstance(local.study, MicroarrayStudy)
        parts.append(expression_part(local.id, local.study.matrix, rules_of(local.study)))
    parts += [expression_part(study.id, study.sources[0], SERIES_RULES) for study in series]
    names = [*(local.id for local in studies), *(study.id for study in series)]
    return [
        *(array_study_asset(local) for local in studies),
        *parts,
        union_of(INTENSITIES.address, [partition_of("study_intensities", name) for name in names]),
        union_of(PROBE_GENES.address, [partition_of("study_probe_genes", name) for name in names]),
        union_of(EXPRESSION.address, [expression_address(name) for name in names]),
    ]


def steps(registry: Registry) -> list[Step]:
    return microarray_assets(registry)
