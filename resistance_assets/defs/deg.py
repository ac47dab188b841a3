"""Differential expression: one asset per contrast and method, then all of them under resolved symbols."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg
import polars as pl

from resistance_assets.catalog.registry import (
    CountsContrast,
    CountsStudy,
    ListThresholds,
    LocalStudy,
    Registry,
    ResultContrast,
)
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.raw import REJECTED, rejected_as_table
from resistance_assets.defs.resources import current_registry
from resistance_assets.defs.sql import guarded
from resistance_assets.orchestration.assets import assets_of
from resistance_assets.orchestration.memo import Inputs, Step
from resistance_assets.orchestration.versions import code_version_of
from resistance_assets.science.deg import import_published, run_contrast
from resistance_assets.science.designs import Contrast

PART = TABLES["parts.deg__features"]


def part_address(contrast_id: str, method: str) -> str:
    return f"parts.deg__{contrast_id}__{method}"


def counts_matrix(long: pl.DataFrame) -> pl.DataFrame:
    """Counts of one study as a wide frame: hgnc_symbol (the feature), one column per sample, both sorted."""
    ordered = long.sort("feature_id", "sample_id")
    features = ordered["feature_id"].unique(maintain_order=True)
    samples = ordered["sample_id"].unique().sort()
    values = ordered["read_count"].to_numpy().reshape(len(features), len(samples))
    return pl.DataFrame({"hgnc_symbol": features}).hstack(
        [pl.Series(sample, values[:, at]) for at, sample in enumerate(samples)]
    )


def sample_sheet(long: pl.DataFrame) -> pl.DataFrame:
    """Sample sheet of one study as a wide frame: sample_id and one column per factor or covariate."""
    return long.pivot(on="attribute_id", index="sample_id", values="value").sort("sample_id")


def counted_contrast(local: LocalStudy, declared: CountsContrast, method: str) -> dg.AssetsDefinition:
    """One contrast of a count study by one method."""
    address = part_address(declared.id, method)
    counts, samples = f"parts.study_counts__{local.id}", f"parts.study_samples__{local.id}"
    parameters = declared.model_dump(mode="json", exclude={"thresholds", "methods", "drug", "drug_class"})
    contrast = Contrast(
        contrast_id=declared.id,
        factor=declared.factor,
        numerator=declared.numerator,
        denominator=declared.denominator,
        covariates=tuple(declared.covariates),
        subset={name: list(values) for name, values in declared.subset.items()},
    )
    normalisation = declared.normalisation

    def compute(inputs: Inputs) -> pl.DataFrame:
        result = run_contrast(
            counts_matrix(inputs.read(counts)),
            sample_sheet(inputs.read(samples)),
            contrast,
            method=method,
            normalisation=normalisation,
        )
        return result.rename({"hgnc_symbol": "feature_id"}).with_columns(contrast_id=pl.lit(contrast.contrast_id))

    step = Step(
        outputs={address: PART},
        compute=compute,
        code_version=code_version_of(compute),
        inputs=(counts, samples),
        parameters={"contrast": parameters, "method": method},
    )
    return assets_of(
        guarded(step), kinds=["python", method.split("_")[0]], tags={"contrast": declared.id, "method": method}
    )


def published_contrast(local: LocalStudy, declared: ResultContrast) -> dg.AssetsDefinition:
    """One published differential-expression table by gene."""
    address, rejected = part_address(declared.id, "published"), f"parts.rejected__deg_{declared.id}"
    published = f"parts.study_published__{local.id}"
    source_name = declared.table
    parameters = declared.model_dump(mode="json", exclude={"thresholds", "drug", "drug_class", "columns"})

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        table = inputs.read(published).filter(pl.col("contrast_id") == declared.id)
        found = import_published(
            table,
            {
                "feature": "feature_id",
                "hgnc_symbol": "hgnc_symbol",
                "entrez_gene_id": "entrez_gene_id",
                "log2_fold_change": "log2_fold_change",
                "p_value": "p_value",
            },
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
            address: found.result.drop("feature", "entrez_gene_id", "probes", "p_value_probe_adjusted")
            .rename({"hgnc_symbol": "feature_id"})
            .with_columns(contrast_id=pl.lit(declared.id)),
            rejected: rejected_as_table([("core.deg__contrast_genes", set_aside)]),
        }

    step = Step(
        outputs={address: PART, rejected: REJECTED},
        compute=compute,
        code_version=code_version_of(compute),
        inputs=(published,),
        parameters=parameters,
    )
    return assets_of(
        guarded(step), kinds=["python", "published"], tags={"contrast": declared.id, "method": "published"}
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


def contrast_genes(registry: Registry, parts: list[str]) -> dg.AssetsDefinition:
    """All contrasts in one table."""
    table = TABLES["core.deg__contrast_genes"]
    measured = "staging.genes__measured"
    study_of = {contrast.id: contrast.study_id for contrast in registry.contrasts()}

    def compute(inputs: Inputs) -> pl.DataFrame:
        shares = [inputs.scan(part) for part in parts if inputs.has(part)]
        stacked = pl.concat(shares).collect() if shares else PART.empty()
        return resolve_parts(stacked, inputs.read(measured), study_of)

    step = Step(
        outputs={table.address: table},
        compute=compute,
        code_version=code_version_of(compute),
        inputs=(measured,),
        optional_inputs=tuple(parts),
        tolerant=True,
        parameters=study_of,
    )
    return assets_of(guarded(step))


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


def contrast_summary() -> dg.AssetsDefinition:
    table = TABLES["core.deg__contrasts"]

    def compute(inputs: Inputs) -> pl.DataFrame:
        return summarise_contrasts(inputs.read("core.deg__contrast_genes"), inputs.read("raw.catalog__contrasts"))

    step = Step(
        outputs={table.address: table},
        compute=compute,
        code_version=code_version_of(compute),
        inputs=("core.deg__contrast_genes", "raw.catalog__contrasts"),
        tolerant=True,
    )
    return assets_of(guarded(step))


def thresholds_of(registry: Registry) -> dict[str, ListThresholds]:
    """Contrast -> its thresholds."""
    return {contrast.id: contrast.thresholds for contrast in registry.contrasts()}


def deg_assets(registry: Registry) -> list[dg.AssetsDefinition]:
    assets: list[dg.AssetsDefinition] = []
    parts: list[str] = []
    for local in registry.local_studies.values():
        for declared in local.contrasts:
            if isinstance(declared, CountsContrast) and isinstance(local.study, CountsStudy):
                for method in declared.methods:
                    assets.append(counted_contrast(local, declared, method))
                    parts.append(part_address(declared.id, method))
            elif isinstance(declared, ResultContrast):
                assets.append(published_contrast(local, declared))
                parts.append(part_address(declared.id, "published"))
    return [*assets, contrast_genes(registry, parts), contrast_summary()]


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(assets=deg_assets(current_registry()))
