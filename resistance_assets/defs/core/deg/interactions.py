"""Interactions: does a drug still do to the resistant cells what it does to the parental ones?"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.contrast import InteractionDesign
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.deg.contrast_genes import resolve_parts
from resistance_assets.defs.core.studies.addresses import counts_address, samples_address
from resistance_assets.orchestration.partitions import partition_of, read_partitions, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.deg.bcv import interaction_bcv_sensitivity
from resistance_assets.science.deg.interaction import (
    Interaction,
    ResponseThresholds,
    fit_interaction,
)
from resistance_assets.science.expression.matrices import counts_matrix, sample_sheet

PART = TABLES["parts.deg__interaction_features"]
TABLE = TABLES["core.deg__interactions"]
BCV = TABLES["core.deg__interaction_bcv"]


def interaction_of(declared: InteractionDesign) -> Interaction:
    """A declared interaction as the science knows it."""
    return Interaction(
        interaction_id=declared.id,
        factor=declared.factor,
        parental=declared.parental,
        parental_treated=declared.parental_treated,
        resistant=declared.resistant,
        resistant_treated=declared.resistant_treated,
        covariates=tuple(declared.covariates),
        continuous=tuple(declared.continuous),
        categorical=tuple(declared.categorical),
        pairing=declared.pairing,
        subset={name: list(values) for name, values in declared.subset.items()},
        within=declared.within,
    )


def part_address(interaction_id: str) -> str:
    return partition_of(PART.address, interaction_id)


def bcv_address(interaction_id: str) -> str:
    return partition_of(BCV.address, interaction_id)


def interaction_step(
    declared: InteractionDesign, counts: str, samples: str, bcvs: tuple[float, ...], fdr: float
) -> Step:
    """One interaction of a study whose counts and sample sheet stand under these addresses."""
    own, curve = part_address(declared.id), bcv_address(declared.id)
    interaction, method, normalisation = interaction_of(declared), declared.method, declared.normalisation
    thresholds = ResponseThresholds(**declared.thresholds.model_dump())

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        wide, sheet = counts_matrix(inputs.read(counts)), sample_sheet(inputs.read(samples))
        found = fit_interaction(
            wide, sheet, interaction, method=method, thresholds=thresholds, normalisation=normalisation
        )
        name = pl.lit(interaction.interaction_id).alias("interaction_id")
        effect_only = (found["evidence_kind"] == "effect_only").any()
        return {
            own: found.rename({"hgnc_symbol": "feature_id"}).with_columns(name),
            curve: interaction_bcv_sensitivity(wide, sheet, interaction, bcvs, fdr, normalisation).with_columns(name)
            if effect_only
            else BCV.empty(),
        }

    return table_step(
        outputs={own: PART, curve: BCV},
        compute=compute,
        inputs=(counts, samples),
        parameters={"interaction": declared.decisive(), "bcvs": bcvs, "fdr": fdr},
        tags={"interaction": declared.id},
    )


def all_interactions(study_of: Mapping[str, str]) -> Step:
    """Every interaction under resolved symbols.

    Args:
        study_of: interaction -> study.
    """
    measured = "staging.genes__measured"
    parts = [part_address(name) for name in study_of]

    def compute(inputs: Inputs) -> pl.DataFrame:
        stacked = read_partitions(inputs, parts, PART)
        resolved = resolve_parts(stacked.rename({"interaction_id": "contrast_id"}), inputs.read(measured), study_of)
        return resolved.rename({"contrast_id": "interaction_id"})

    return table_step(
        outputs={TABLE.address: TABLE},
        compute=compute,
        inputs=(measured,),
        optional_inputs=tuple(parts),
        allow_unavailable_inputs=True,
        parameters=dict(study_of),
    )


def steps(registry: Registry) -> list[Step]:
    """Interactions of laboratory and public studies."""
    assumed = registry.differential_expression
    study_of: dict[str, str] = {}
    made = []
    for study in registry.measured_studies():
        for declared in study.interactions:
            study_of[declared.id] = study.id
            made.append(
                interaction_step(
                    declared,
                    counts_address(study.id),
                    samples_address(study.id),
                    assumed.bcvs,
                    assumed.fdr,
                )
            )
    return [*made, all_interactions(study_of), union_of(BCV.address, [bcv_address(name) for name in study_of])]
