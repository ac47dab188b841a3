"""Differential expression: each contrast's design, one asset per contrast and method, and how the methods agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.catalog.registry import (
    CountsContrast,
    FoldChange,
    ListThresholds,
    LocalStudy,
    Registry,
    ResultContrast,
)
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.lab_study.local_study import names_adjusted, read_gene_lengths
from resistance_assets.defs.core.studies import (
    counts_address,
    expression_address,
    measurements_address,
    reading_expression,
    samples_address,
)
from resistance_assets.defs.resources import local_files, study_source
from resistance_assets.errors import DataFault, Fault
from resistance_assets.orchestration.events import ProgressEvent, emit
from resistance_assets.orchestration.partitions import partition_of, read_partitions, rejected_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.deg.designs import Contrast, build_design, report_design
from resistance_assets.science.deg.fold_change import FoldChangeRule
from resistance_assets.science.deg.method_agreement import AGREEMENT_SCHEMA, compare_methods
from resistance_assets.science.deg.methods import (
    run_edger_exact,
    run_fold_change,
    run_limma,
    run_limma_voom,
    run_pydeseq2,
)
from resistance_assets.science.deg.published import NOTE_NOT_PUBLISHED, find_adjusted_p_values, import_published
from resistance_assets.science.deg.result import NOTE_FILTER_BY_EXPR
from resistance_assets.science.expression.matrices import counts_matrix, sample_sheet

PART = TABLES["parts.deg__features"]
CALLS = TABLES["core.deg__fold_change_calls"]
DESIGNS = TABLES["core.deg__designs"]
NOT_CHECKED = "as published: the design was not checked here"

Run = Callable[[pl.DataFrame, pl.DataFrame, Contrast], pl.DataFrame]


def part_address(contrast_id: str, method: str) -> str:
    return partition_of(PART.address, contrast_id, method)


def contrast_of(declared: CountsContrast) -> Contrast:
    """A declared contrast as the science knows it."""
    return Contrast(
        contrast_id=declared.id,
        factor=declared.factor,
        numerator=declared.numerator,
        denominator=declared.denominator,
        covariates=tuple(declared.covariates),
        continuous=tuple(declared.continuous),
        categorical=tuple(declared.categorical),
        pairing=declared.pairing,
        subset={name: list(values) for name, values in declared.subset.items()},
        fit_all_levels=declared.fit_all_levels,
    )


def rule_of(declared: FoldChange | None) -> FoldChangeRule:
    """A declared fold-change rule as the science knows it; the plain one where none is declared."""
    return FoldChangeRule(**declared.model_dump()) if declared else FoldChangeRule()


def fitting(
    method: str,
    normalisation: Literal["tmm", "none"],
    expression_filter: Literal["filter_by_expr", "none"] = "filter_by_expr",
) -> Run:
    """The function of one method. Each reaches its own fit alone, so that its code version is its own."""
    if method == "pydeseq2":

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


def parameters_of(declared: CountsContrast, method: str) -> dict[str, Any]:
    """What of a contrast decides its numbers."""
    irrelevant = {"thresholds", "methods", "drug", "drug_class"} | (
        {"fold_change"} if method != "fold_change" else set()
    )
    return {"contrast": declared.model_dump(mode="json", exclude=irrelevant), "method": method}


def counted_contrast(
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
    contrast, run = contrast_of(declared), fitting(method, declared.normalisation, declared.expression_filter)

    def compute(given: Inputs) -> pl.DataFrame:
        result = run(read(given), sample_sheet(given.read(samples)), contrast)
        if probes_of:
            result = result.join(probes_of(given), on="hgnc_symbol", how="left", maintain_order="left")
        return as_part(result, contrast.contrast_id)

    return table_step(
        outputs={address: PART},
        compute=compute,
        inputs=(*inputs, samples),
        parameters=parameters_of(declared, method),
        kinds=["python", method.split("_")[0]],
        tags={"contrast": declared.id, "method": method},
    )


def as_part(result: pl.DataFrame, contrast_id: str) -> pl.DataFrame:
    """A result frame in the columns of `parts.deg__features`."""
    absent = [name for name in ("probes", "p_value_probe_adjusted") if name not in result.columns]
    return result.rename({"hgnc_symbol": "feature_id"}).with_columns(
        pl.lit(contrast_id).alias("contrast_id"), *[pl.lit(None).alias(name) for name in absent]
    )


def calls_address(contrast_id: str) -> str:
    return partition_of(CALLS.address, contrast_id)


def lengths_of(features: pl.Series, lengths: pl.DataFrame, subject: str) -> NDArray[np.float64]:
    """Length of every feature in base pairs, in its order.

    Args:
        features: of the count table.
        lengths: `feature_id`, `length_bp`.
        subject: how messages name the table of lengths.

    Raises:
        DataFault: a feature has no length.
    """
    found = features.to_frame("feature_id").join(lengths, on="feature_id", how="left", maintain_order="left")
    missing = found.filter(pl.col("length_bp").is_null())["feature_id"]
    if missing.len():
        raise DataFault(
            f"{missing.len()} genes have no length",
            subject=subject,
            place=f"gene {missing[0]}",
            expected="a length for every gene of the count table",
            remedy="Add them, or drop the genes from the counts.",
        )
    return found["length_bp"].to_numpy()


def fold_change_contrast(
    declared: CountsContrast, counts: str, samples: str, study_id: str, lengths_path: Path | None = None
) -> Step:
    """One contrast by its paper's rule: effects and calls. Lengths are read where the rule's unit needs them."""
    address, calls_of = part_address(declared.id, "fold_change"), calls_address(declared.id)
    contrast, rule = contrast_of(declared), rule_of(declared.fold_change)
    needed = lengths_path if rule.unit in ("rpkm", "tpm") else None

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        wide, lengths = counts_matrix(inputs.read(counts)), None
        if needed is not None:
            lengths = lengths_of(wide["hgnc_symbol"], read_gene_lengths(needed), needed.name)
        result, calls = run_fold_change(
            wide, sample_sheet(inputs.read(samples)), contrast, rule=rule, gene_lengths_bp=lengths
        )
        return {
            address: as_part(result, contrast.contrast_id),
            calls_of: calls.with_columns(
                feature_id="hgnc_symbol", unit=pl.lit(rule.unit), contrast_id=pl.lit(contrast.contrast_id)
            ),
        }

    return table_step(
        outputs={address: PART, calls_of: CALLS},
        compute=compute,
        inputs=(counts, samples),
        parameters=parameters_of(declared, "fold_change"),
        external_inputs=(lambda origins: local_files(study_id, {"gene_lengths": needed})) if needed else None,
        sources=[study_source(study_id)] if needed else [],
        kinds=["python"],
        tags={"contrast": declared.id, "method": "fold_change"},
    )


_PUBLISHED_ROLES = ("hgnc_symbol", "entrez_gene_id", "log2_fold_change", "p_value", "q_value")


def doubt_p_values(declared: ResultContrast, p_values: pl.Series) -> str | None:
    """Why the column that is declared as p_value may hold adjusted values, in words."""
    column = declared.columns.p_value
    if column is None:
        return None
    why = "so its name says" if names_adjusted(column) else find_adjusted_p_values(p_values)
    if why is None:
        return None
    return f"column {column} looks adjusted for multiple testing ({why}): declare it as columns.q_value if it is"


def append_note(result: pl.DataFrame, note: str | None) -> pl.DataFrame:
    """The result frame with a note for every row beside the row's own."""
    if note is None:
        return result
    return result.with_columns(
        p_value_note=pl.concat_str("p_value_note", pl.lit(note), separator="; ", ignore_nulls=True)
    )


def published_contrast(local: LocalStudy, declared: ResultContrast) -> Step:
    """One published differential-expression table by gene."""
    address = part_address(declared.id, "published")
    rejected = rejected_of(address)
    published = partition_of("raw.studies__published_results", local.id)
    source_name = declared.table
    parameters = declared.model_dump(mode="json", exclude={"thresholds", "drug", "drug_class"})

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        table = inputs.read(published).filter(pl.col("contrast_id") == declared.id)
        if doubt := doubt_p_values(declared, table["p_value"]):
            emit(ProgressEvent("note", address, message=f"{declared.id}: {doubt}"))
        lacking = {name for name in ("p_value", "q_value") if getattr(declared.columns, name) is None}
        found = import_published(
            table,
            {"feature": "feature_id", **{role: role for role in _PUBLISHED_ROLES if role not in lacking}},
            contrast_id=declared.id,
            method="published",
            n_numerator=declared.n_numerator,
            n_denominator=declared.n_denominator,
            multi_gene_separator=declared.multi_gene_separator,
        )
        set_aside = found.rejected.select(
            pl.lit(source_name).alias("source"),
            pl.lit(None, pl.Int64).alias("line"),
            "reason",
            pl.concat_str("feature", pl.lit(" "), pl.col("hgnc_symbol").fill_null("")).alias("row"),
        )
        return {
            address: as_part(append_note(found.result.drop("feature", "entrez_gene_id"), doubt), declared.id),
            rejected: rejected_as_table([("core.deg__contrast_genes", set_aside)]),
        }

    return table_step(
        outputs={address: PART, rejected: REJECTED},
        compute=compute,
        inputs=(published,),
        parameters=parameters,
        kinds=["python", "published"],
        tags={"contrast": declared.id, "method": "published"},
    )


def resolve_parts(parts: pl.DataFrame, measured: pl.DataFrame, study_of: Mapping[str, str]) -> pl.DataFrame:
    """Results of all contrasts with resolved symbols.

    Args:
        parts: rows of `parts.deg__features`.
        measured: rows of `staging.genes__measured`.
        study_of: contrast -> study.
    """
    studies = pl.DataFrame(
        {"contrast_id": list(study_of), "study_id": list(study_of.values())},
        schema={"contrast_id": pl.String, "study_id": pl.String},
    )
    names = measured.filter(pl.col("measurement") == "features").select(
        pl.col("dataset_id").alias("study_id"),
        pl.col("source_symbol").alias("feature_id"),
        "hgnc_symbol",
        "entrez_gene_id",
    )
    return (
        parts.join(studies, on="contrast_id", how="left")
        .join(names, on=["study_id", "feature_id"], how="left", maintain_order="left")
        .with_columns(hgnc_symbol=pl.coalesce("hgnc_symbol", "feature_id"), source_symbol=pl.col("feature_id"))
        .sort("contrast_id", "method", "hgnc_symbol")
    )


def contrast_genes(registry: Registry, parts: list[str]) -> Step:
    """All contrasts in one table."""
    table = TABLES["core.deg__contrast_genes"]
    measured = "staging.genes__measured"
    study_of = {contrast.id: contrast.study_id for contrast in registry.contrasts()}

    def compute(inputs: Inputs) -> pl.DataFrame:
        stacked = read_partitions(inputs, parts, PART)
        return resolve_parts(stacked, inputs.read(measured), study_of)

    return table_step(
        outputs={table.address: table},
        compute=compute,
        inputs=(measured,),
        optional_inputs=tuple(parts),
        allow_unavailable_inputs=True,
        parameters=study_of,
    )


def summarise_contrasts(genes: pl.DataFrame, contrasts: pl.DataFrame) -> pl.DataFrame:
    """One row per contrast and method: design, tests and list sizes."""
    in_list = (pl.col("q_value_bh") < pl.col("q_value_threshold")) & (
        pl.col("log2_fold_change").abs() > pl.col("abs_log2_fold_change_threshold")
    )
    joined = genes.join(contrasts, on="contrast_id", how="left")
    first = ["study_id", "numerator", "denominator", "drug", "drug_class", "n_numerator", "n_denominator",
             "evidence_kind", "q_value_threshold", "abs_log2_fold_change_threshold"]  # fmt: skip
    return (
        joined.group_by("contrast_id", "method")
        .agg(
            *[pl.col(name).first() for name in first],
            pl.len().cast(pl.Int64).alias("genes"),
            pl.col("p_value").is_not_null().sum().cast(pl.Int64).alias("genes_with_p_value"),
            (in_list & (pl.col("log2_fold_change") > 0)).sum().cast(pl.Int64).alias("genes_up"),
            (in_list & (pl.col("log2_fold_change") < 0)).sum().cast(pl.Int64).alias("genes_down"),
        )
        .sort("contrast_id", "method")
    )


def contrast_summary() -> Step:
    table = TABLES["core.deg__contrasts"]

    def compute(inputs: Inputs) -> pl.DataFrame:
        return summarise_contrasts(inputs.read("core.deg__contrast_genes"), inputs.read("raw.catalog__contrasts"))

    return table_step(
        outputs={table.address: table},
        compute=compute,
        inputs=("core.deg__contrast_genes", "raw.catalog__contrasts"),
        allow_unavailable_inputs=True,
    )


def fold_change_calls(registry: Registry, parts: list[str]) -> Step:
    """The calls of every fold-change rule under resolved symbols."""
    measured = "staging.genes__measured"
    study_of = {contrast.id: contrast.study_id for contrast in registry.contrasts()}

    def compute(inputs: Inputs) -> pl.DataFrame:
        stacked = read_partitions(inputs, parts, CALLS)
        resolved = resolve_parts(
            stacked.drop("hgnc_symbol").with_columns(method=pl.lit("fold_change")), inputs.read(measured), study_of
        )
        return resolved.sort("contrast_id", "hgnc_symbol")

    return table_step(
        outputs={CALLS.address: CALLS},
        compute=compute,
        inputs=(measured,),
        optional_inputs=tuple(parts),
        allow_unavailable_inputs=True,
        parameters=study_of,
    )


def describe_design(declared: CountsContrast, study_id: str, sheet: pl.DataFrame) -> dict[str, Any]:
    """A row of `core.deg__designs`; a design that is refused is a row too, with the fault as its reason."""
    contrast = contrast_of(declared)
    row: dict[str, Any] = {
        "contrast_id": declared.id,
        "study_id": study_id,
        "factor": declared.factor,
        "numerator": declared.numerator,
        "denominator": declared.denominator,
        "covariates": "|".join(declared.covariates) or None,
        "pairing": declared.pairing,
        "subset": "; ".join(f"{name} in {', '.join(kept)}" for name, kept in declared.subset.items()) or None,
    }
    try:
        design = build_design(sheet, contrast)
        row |= {
            "n_samples": len(design.sample_ids),
            "n_numerator": int(design.is_numerator.sum()),
            "n_denominator": int(design.is_denominator.sum()),
            "model": f"~ {' + '.join((*contrast.model_covariates, contrast.factor))}",
            "covariate_kinds": "; ".join(f"{name}: {kind}" for name, kind in design.covariate_kinds.items()) or None,
            "coefficient": design.columns[design.coefficient],
            "coefficients": "|".join(design.columns),
            "n_coefficients": len(design.columns),
        }
        report = report_design(design, contrast)
    except Fault as fault:
        return row | {"evidence_kind": "refused", "reason": str(fault)}
    return row | {
        "rank": report.rank,
        "residual_degrees_of_freedom": report.residual_degrees_of_freedom,
        "confounded_covariates": "|".join(report.confounded_covariates) or None,
        "evidence_kind": report.evidence_kind,
        "reason": report.reason,
    }


def contrast_designs(registry: Registry) -> Step:
    """What the design of each contrast can support, and what its method is fitted to."""
    studies = registry.measured_studies()
    tested = [(study.id, contrast) for study in studies for contrast in study.contrasts]
    measured = {study.id: study.measurement for study in studies}
    told = {name: measurements_address(name) for name, kind in measured.items() if kind == "at_run_time"}
    published = [
        {
            "contrast_id": contrast.id,
            "study_id": local.id,
            "numerator": contrast.numerator,
            "denominator": contrast.denominator,
            "n_samples": contrast.n_numerator + contrast.n_denominator,
            "n_numerator": contrast.n_numerator,
            "n_denominator": contrast.n_denominator,
            "evidence_kind": contrast.evidence_kind,
            "reason": NOT_CHECKED if contrast.evidence_kind == "inferential" else NOTE_NOT_PUBLISHED,
            "fitted_to": "as published",
        }
        for local in registry.local_studies.values()
        if "published" in local.kind.methods
        for contrast in local.contrasts
    ]
    sheets = {study_id: samples_address(study_id) for study_id, _ in tested}
    voom_parts = {
        declared.id: part_address(declared.id, method)
        for study_id, declared in tested
        for method in declared.methods
        if method == "limma_voom" or (method == "limma" and measured[study_id] == "at_run_time")
    }

    def compute(inputs: Inputs) -> pl.DataFrame:
        there = {
            study_id: sample_sheet(inputs.read(address)) for study_id, address in sheets.items() if inputs.has(address)
        }
        found = measured | {
            study_id: inputs.read(address)["measurement"][0]
            for study_id, address in told.items()
            if inputs.has(address)
        }
        rows = [
            describe_design(declared, study_id, there[study_id])
            | {"fitted_to": fitted_to(found[study_id], declared.methods)}
            | count_filtered(inputs, declared, voom_parts)
            for study_id, declared in tested
            if study_id in there
        ]
        for row in rows:
            if row.get("covariate_kinds"):
                # People should see what a column was taken for before they trust what it was adjusted for.
                emit(ProgressEvent("note", DESIGNS.address, message=f"{row['contrast_id']}: {row['covariate_kinds']}"))
        return pl.DataFrame([*rows, *published], schema=DESIGNS.polars_schema).sort("contrast_id")

    return table_step(
        outputs={DESIGNS.address: DESIGNS},
        compute=compute,
        optional_inputs=(*sheets.values(), *told.values(), *voom_parts.values()),
        allow_unavailable_inputs=True,
        parameters=[[study_id, contrast.model_dump(mode="json")] for study_id, contrast in tested]
        + [published, measured],
    )


def count_filtered(inputs: Inputs, declared: CountsContrast, parts: Mapping[str, str]) -> dict[str, Any]:
    """The filter of limma-voom and how many genes it left out; nothing where limma-voom was not run."""
    address = parts.get(declared.id)
    if address is None or not inputs.has(address):
        return {}
    notes = inputs.scan(address).select(pl.col("p_value_note") == NOTE_FILTER_BY_EXPR).collect().to_series()
    return {"expression_filter": declared.expression_filter, "n_genes_filtered": int(notes.fill_null(False).sum())}


def fitted_to(measurement: str, methods: Sequence[str]) -> str:
    """What the methods of a contrast are fitted to, in words.

    `limma` on read counts is limma-voom: log counts per million with a weight for each count. Without the weights its
    variances would be wrong for counts.
    """
    if measurement == "array":
        return "log2 intensities of an array"
    return "read counts, by limma as limma-voom" if "limma" in methods else "read counts"


def method_agreement(registry: Registry) -> Step:
    """Every pair of methods of every contrast."""
    table = TABLES["core.deg__method_agreement"]
    thresholds = thresholds_of(registry)

    def compute(inputs: Inputs) -> pl.DataFrame:
        genes = inputs.read("core.deg__contrast_genes")
        frames = [pl.DataFrame(schema={"contrast_id": pl.String, **AGREEMENT_SCHEMA})]
        for (contrast_id,), results in genes.group_by(["contrast_id"], maintain_order=True):
            rule = thresholds[str(contrast_id)]
            found = compare_methods(results, rule.q_value, rule.abs_log2_fold_change)
            frames.append(found.select(pl.lit(contrast_id).alias("contrast_id"), pl.all()))
        limits = pl.DataFrame(
            [(name, rule.q_value, rule.abs_log2_fold_change) for name, rule in thresholds.items()],
            schema={"contrast_id": pl.String, "q_value_threshold": pl.Float64,
                    "abs_log2_fold_change_threshold": pl.Float64},
            orient="row",
        )  # fmt: skip
        return pl.concat(frames).join(limits, on="contrast_id", how="left", maintain_order="left")

    return table_step(
        outputs={table.address: table},
        compute=compute,
        inputs=("core.deg__contrast_genes",),
        allow_unavailable_inputs=True,
        parameters={name: rule.model_dump() for name, rule in thresholds.items()},
    )


def thresholds_of(registry: Registry) -> dict[str, ListThresholds]:
    """Contrast -> its thresholds."""
    return {contrast.id: contrast.thresholds for contrast in registry.contrasts()}


def deg_assets(registry: Registry) -> list[Step]:
    assets: list[Step] = []
    parts: list[str] = []
    calls: list[str] = []
    for local in registry.local_studies.values():
        for declared in local.contrasts if "published" in local.kind.methods else ():
            assets.append(published_contrast(local, declared))
            parts.append(part_address(declared.id, "published"))
    for study in registry.measured_studies():
        counts, samples = (
            counts_address(study.id),
            samples_address(study.id),
        )
        for declared in study.contrasts:
            parts += [part_address(declared.id, method) for method in declared.methods]
            for method in declared.methods:
                if study.measurement == "array":
                    assets.append(array_contrast(study.id, declared, method))
                elif study.measurement == "at_run_time":
                    assets.append(series_contrast(study.id, declared, method))
                elif method == "fold_change":
                    assets.append(fold_change_contrast(declared, counts, samples, study.id, study.gene_lengths))
                    calls.append(calls_address(declared.id))
                else:
                    assets.append(counted_contrast(declared, method, reading_counts(counts), (counts,), samples))
    return [
        *assets,
        contrast_designs(registry),
        contrast_genes(registry, parts),
        fold_change_calls(registry, calls),
        contrast_summary(),
        method_agreement(registry),
    ]


def array_contrast(study_id: str, declared: CountsContrast, method: str) -> Step:
    """One contrast of a microarray study."""
    address = expression_address(study_id)

    def probes_of(inputs: Inputs) -> pl.DataFrame:
        return inputs.scan(address).select(pl.col("feature_id").alias("hgnc_symbol"), "probes").unique().collect()

    samples = samples_address(study_id)
    return counted_contrast(declared, method, reading_expression(study_id), (address,), samples, probes_of)


def series_contrast(study_id: str, declared: CountsContrast, method: str) -> Step:
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
    read_expression, read_counts = reading_expression(study_id), reading_counts(counts)

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
        return as_part(result.with_columns(method=pl.lit(method)), contrast.contrast_id)

    return table_step(
        outputs={address: PART},
        compute=compute,
        inputs=(counts, expression, samples, measurements),
        parameters=parameters_of(declared, method),
        kinds=["python", method],
        tags={"contrast": declared.id, "method": method},
    )


def reading_counts(address: str) -> Callable[[Inputs], pl.DataFrame]:
    """The counts of a study as a wide frame."""

    def read(inputs: Inputs) -> pl.DataFrame:
        return counts_matrix(inputs.read(address))

    return read


def steps(registry: Registry) -> list[Step]:
    return deg_assets(registry)
