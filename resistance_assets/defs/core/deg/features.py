"""`parts.deg__features`: differential expression, one partition per contrast and method, under the source's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import polars as pl

from resistance_assets.catalog.models.contrast import CountsContrast
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.deg.declared import contrast_of, parameters_of
from resistance_assets.defs.core.studies.addresses import counts_address, measurements_address, samples_address
from resistance_assets.defs.core.studies.gene_expression import expression_address, expression_reader
from resistance_assets.orchestration.partitions import partition_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.deg.designs import Contrast
from resistance_assets.science.deg.methods import (
    run_edger_exact,
    run_limma,
    run_limma_voom,
    run_pydeseq2,
    run_pydeseq2_of_expressed,
)
from resistance_assets.science.expression.matrices import counts_matrix, sample_sheet

PART = TABLES["parts.deg__features"]
Run = Callable[[pl.DataFrame, pl.DataFrame, Contrast], pl.DataFrame]


def part_address(contrast_id: str, method: str) -> str:
    return partition_of(PART.address, contrast_id, method)


def choose_fit(
    method: str,
    normalisation: Literal["tmm", "none"],
    expression_filter: Literal["filter_by_expr", "none"] = "filter_by_expr",
    *,
    expressed_alone: bool = False,
) -> Run:
    """The function of one method. Each reaches its own fit alone, so that its code version is its own."""
    if method == "pydeseq2" and expressed_alone:

        def run(counts: pl.DataFrame, samples: pl.DataFrame, contrast: Contrast) -> pl.DataFrame:
            return run_pydeseq2_of_expressed(counts, samples, contrast, shrink=True)
    elif method == "pydeseq2":

        def run(counts: pl.DataFrame, samples: pl.DataFrame, contrast: Contrast) -> pl.DataFrame:
            return run_pydeseq2(counts, samples, contrast, shrink=True)
    elif method == "limma_voom":

        def run(counts: pl.DataFrame, samples: pl.DataFrame, contrast: Contrast) -> pl.DataFrame:
            return run_limma_voom(
                counts, samples, contrast, normalisation=normalisation, expression_filter=expression_filter
            )
    elif method == "limma":

        def run(counts: pl.DataFrame, samples: pl.DataFrame, contrast: Contrast) -> pl.DataFrame:
            return run_limma(counts, samples, contrast)
    elif method == "edger_exact":

        def run(counts: pl.DataFrame, samples: pl.DataFrame, contrast: Contrast) -> pl.DataFrame:
            return run_edger_exact(counts, samples, contrast, normalisation=normalisation)
    else:
        raise ValueError(method)
    return run


def contrast_step(
    declared: CountsContrast,
    method: str,
    read: Callable[[Inputs], pl.DataFrame],
    inputs: tuple[str, ...],
    samples: str,
    probes_of: Callable[[Inputs], pl.DataFrame] | None = None,
) -> Step:
    """One contrast by one method.

    Args:
        declared: the contrast.
        method: any but `fold_change`.
        read: the wide frame of counts (or, for limma, log2 expression) from the step's inputs.
        inputs: what `read` reads.
        samples: address of the study's sample sheet, long.
        probes_of: probes of each gene of an array, `hgnc_symbol` and `probes`.
    """
    address = part_address(declared.id, method)
    contrast = contrast_of(declared)
    run = choose_fit(
        method,
        declared.normalisation,
        declared.expression_filter,
        expressed_alone=declared.expressed_alone and declared.expression_filter != "none",
    )

    def compute(given: Inputs) -> pl.DataFrame:
        result = run(read(given), sample_sheet(given.read(samples)), contrast)
        if probes_of:
            result = result.join(probes_of(given), on="hgnc_symbol", how="left", maintain_order="left")
        return shape_features(result, contrast.contrast_id)

    return table_step(
        outputs={address: PART},
        compute=compute,
        inputs=(*inputs, samples),
        parameters=parameters_of(declared, method),
        kinds=["python", method.split("_")[0]],
        tags={"contrast": declared.id, "method": method},
    )


def shape_features(result: pl.DataFrame, contrast_id: str) -> pl.DataFrame:
    """A result frame in the columns of `parts.deg__features`."""
    absent = [name for name in ("probes", "p_value_probe_adjusted") if name not in result.columns]
    return result.rename({"hgnc_symbol": "feature_id"}).with_columns(
        pl.lit(contrast_id).alias("contrast_id"), *[pl.lit(None).alias(name) for name in absent]
    )


def array_contrast_step(study_id: str, declared: CountsContrast, method: str) -> Step:
    """One contrast of a microarray study."""
    address = expression_address(study_id)

    def probes_of(inputs: Inputs) -> pl.DataFrame:
        return inputs.scan(address).select(pl.col("feature_id").alias("hgnc_symbol"), "probes").unique().collect()

    samples = samples_address(study_id)
    return contrast_step(declared, method, expression_reader(study_id), (address,), samples, probes_of)


def series_contrast_step(study_id: str, declared: CountsContrast, method: str) -> Step:
    """One contrast of a GEO series by limma: on log2 intensities of an array, or, where the series turned out to hold
    read counts, as limma-voom. Which it was stands in `core.deg__designs`."""
    if method != "limma":
        raise ValueError(f"{declared.id}: a series that may hold an array or counts is tested by limma, not {method}")
    address = part_address(declared.id, method)
    counts, expression = counts_address(study_id), expression_address(study_id)
    samples, measurements = (
        samples_address(study_id),
        measurements_address(study_id),
    )
    contrast, normalisation, kept = contrast_of(declared), declared.normalisation, declared.expression_filter
    read_expression, read_counts = expression_reader(study_id), counts_reader(counts)

    def compute(inputs: Inputs) -> pl.DataFrame:
        sheet = sample_sheet(inputs.read(samples))
        if inputs.read(measurements)["measurement"][0] == "counts":
            result = run_limma_voom(
                read_counts(inputs), sheet, contrast, normalisation=normalisation, expression_filter=kept
            )
        else:
            probes = inputs.scan(expression).select(pl.col("feature_id").alias("hgnc_symbol"), "probes")
            result = run_limma(read_expression(inputs), sheet, contrast).join(
                probes.unique().collect(), on="hgnc_symbol", how="left", maintain_order="left"
            )
        return shape_features(result.with_columns(method=pl.lit(method)), contrast.contrast_id)

    return table_step(
        outputs={address: PART},
        compute=compute,
        inputs=(counts, expression, samples, measurements),
        parameters=parameters_of(declared, method),
        kinds=["python", method],
        tags={"contrast": declared.id, "method": method},
    )


def counts_reader(address: str) -> Callable[[Inputs], pl.DataFrame]:
    """The counts of a study as a wide frame."""

    def read(inputs: Inputs) -> pl.DataFrame:
        return counts_matrix(inputs.read(address))

    return read


def feature_partitions(registry: Registry) -> list[str]:
    """Partitions of every contrast and method, finished tables first: the order of their rows in the union."""
    published = [
        part_address(declared.id, "published")
        for local in registry.local_studies.values()
        if "published" in local.kind.methods
        for declared in local.contrasts
    ]
    computed = [
        part_address(declared.id, method)
        for study in registry.measured_studies()
        for declared in study.contrasts
        for method in declared.methods
    ]
    return [*published, *computed]


def steps(registry: Registry) -> list[Step]:
    """A step per contrast and method, but for fold-change rules on counts (`fold_change`) and finished tables."""
    made: list[Step] = []
    for study in registry.measured_studies():
        counts, samples = counts_address(study.id), samples_address(study.id)
        for declared in study.contrasts:
            for method in declared.methods:
                if study.measurement == "array":
                    made.append(array_contrast_step(study.id, declared, method))
                elif study.measurement == "at_run_time":
                    made.append(series_contrast_step(study.id, declared, method))
                elif method != "fold_change":
                    made.append(contrast_step(declared, method, counts_reader(counts), (counts,), samples))
    return made
