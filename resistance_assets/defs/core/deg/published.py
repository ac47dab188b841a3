"""Published tables of differential expression as partitions of `parts.deg__features`."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.contrast import DESCRIPTIVE, ResultContrast
from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.registry import Registry
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.lab_study.local_study import names_adjusted
from resistance_assets.defs.core.deg.features import PART, part_address, shape_features
from resistance_assets.orchestration.events import ProgressEvent, emit
from resistance_assets.orchestration.partitions import partition_of, rejected_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.deg.published import find_adjusted_p_values, import_published

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


def published_step(local: LocalStudy, declared: ResultContrast) -> Step:
    """One published differential-expression table by gene."""
    address = part_address(declared.id, "published")
    rejected = rejected_of(address)
    published = partition_of("raw.studies__published_results", local.id)
    source_name = declared.table
    parameters = declared.model_dump(mode="json", exclude={"thresholds", *DESCRIPTIVE})

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
            address: shape_features(append_note(found.result.drop("feature", "entrez_gene_id"), doubt), declared.id),
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


def steps(registry: Registry) -> list[Step]:
    """A step per contrast of a study of finished tables."""
    return [
        published_step(local, declared)
        for local in registry.local_studies.values()
        if "published" in local.kind.methods
        for declared in local.contrasts
    ]
