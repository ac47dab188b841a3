"""`core.studies__gene_expression`: log2 expression by gene of studies of arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from resistance_assets.catalog.models.lab_study import MicroarrayStudy
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.orchestration.events import ProgressEvent, emit
from resistance_assets.orchestration.partitions import partition_of, rejected_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.expression.microarray import describe_intensities, genes_from_probes

EXPRESSION = TABLES["core.studies__gene_expression"]
# Rules for a series of GEO, whose submitters state neither scale nor normalisation in a way that can be read; quantiles
# that agree already stay as they are.
SERIES_RULES: dict[str, Any] = {
    "scale": "auto",
    "not_positive": "shift",
    "normalise": "quantile",
    "collapse": "highest_mean",
}


def expression_address(study_id: str) -> str:
    """Partition of a study's log2 expression by gene."""
    return partition_of(EXPRESSION.address, study_id)


def wide(long: pl.DataFrame, row: str, value: str) -> pl.DataFrame:
    """A long table of a study as one column per sample; rows and samples sorted."""
    return long.sort(row, "sample_id").pivot(on="sample_id", index=row, values=value, maintain_order=True)


def rules_of(study: MicroarrayStudy) -> dict[str, Any]:
    """What a laboratory's array study says of the way from probes to genes."""
    return study.model_dump(
        include={"scale", "not_positive", "normalise", "collapse", "detection_floor", "detection_min_samples"}
    )


def expression_step(study_id: str, source: str, rules: dict[str, Any]) -> Step:
    """Log2 expression by gene of one study; none where the study turned out to hold counts.

    Args:
        study_id: the study.
        source: how rejected rows name the matrix.
        rules: arguments of `genes_from_probes`.
    """
    intensities = partition_of("raw.studies__probe_intensities", study_id)
    genes = partition_of("raw.studies__probe_genes", study_id)
    own = expression_address(study_id)
    rejected = rejected_of(own)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        measured = inputs.read(intensities)
        if measured.is_empty():
            return {own: EXPRESSION.empty(), rejected: REJECTED.empty()}
        matrix = wide(measured, "probe_id", "intensity")
        if told := describe_intensities(matrix, **rules):
            emit(ProgressEvent("note", own, message=f"{study_id}: {told}"))
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


def expression_reader(study_id: str) -> Callable[[Inputs], pl.DataFrame]:
    """The expression of a study as the wide frame that limma takes."""
    address = expression_address(study_id)

    def read(inputs: Inputs) -> pl.DataFrame:
        return wide(inputs.read(address), "feature_id", "expression_log2").rename({"feature_id": "hgnc_symbol"})

    return read
