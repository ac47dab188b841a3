"""`core.deg__fold_change_calls`: contrasts by the fold-change rule of their paper, effects and calls."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.catalog.models.contrast import CountsContrast
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.lab_study.local_study import read_gene_lengths
from resistance_assets.defs.core.deg.contrast_genes import resolve_parts
from resistance_assets.defs.core.deg.declared import contrast_of, parameters_of, rule_of
from resistance_assets.defs.core.deg.features import PART, part_address, shape_features
from resistance_assets.defs.core.studies.addresses import counts_address, samples_address
from resistance_assets.defs.resources import local_files, study_source
from resistance_assets.errors import DataFault
from resistance_assets.orchestration.partitions import partition_of, read_partitions
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.deg.methods import run_fold_change
from resistance_assets.science.expression.matrices import counts_matrix, sample_sheet

CALLS = TABLES["core.deg__fold_change_calls"]


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


def fold_change_step(
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
            address: shape_features(result, contrast.contrast_id),
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


def steps(registry: Registry) -> list[Step]:
    """A step per contrast of counts that declares a fold-change rule, and the union of the calls."""
    ruled = [
        (study, declared)
        for study in registry.measured_studies()
        if study.measurement == "counts"
        for declared in study.contrasts
        if "fold_change" in declared.methods
    ]
    made = [
        fold_change_step(declared, counts_address(study.id), samples_address(study.id), study.id, study.gene_lengths)
        for study, declared in ruled
    ]
    return [*made, fold_change_calls(registry, [calls_address(declared.id) for _, declared in ruled])]
