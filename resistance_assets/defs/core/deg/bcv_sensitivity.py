"""Sensitivity analyses of designs without replicates: what an assumed variation calls, and what noise alone gives."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.analysis_settings import DifferentialExpression
from resistance_assets.catalog.models.contrast import CountsContrast
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.deg.declared import contrast_of, rule_of
from resistance_assets.defs.core.studies.addresses import counts_address, samples_address
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.deg.bcv import noise_fold_change_null
from resistance_assets.science.deg.designs import Contrast, build_design, count_matrix, report_design
from resistance_assets.science.deg.edger import bcv_sensitivity
from resistance_assets.science.deg.fold_change import FoldChangeRule, passes_fold_change
from resistance_assets.science.expression.matrices import counts_matrix, sample_sheet

BCV = TABLES["core.deg__bcv_sensitivity"]
NOISE = TABLES["core.deg__noise_null"]


def sensitivity_of(
    counts: pl.DataFrame, samples: pl.DataFrame, contrast: Contrast, assumed: DifferentialExpression
) -> pl.DataFrame:
    """`core.deg__bcv_sensitivity` of one contrast; empty where its design supports a p-value or has covariates."""
    design = build_design(samples, contrast)
    if report_design(design, contrast).evidence_kind == "inferential" or contrast.model_covariates:
        return BCV.empty()
    found = bcv_sensitivity(counts, samples, contrast, assumed.bcvs, assumed.fdr)
    return BCV.shape(found.with_columns(contrast_id=pl.lit(contrast.contrast_id)))


def noise_of(
    counts: pl.DataFrame,
    samples: pl.DataFrame,
    contrast: Contrast,
    rule: FoldChangeRule,
    assumed: DifferentialExpression,
) -> pl.DataFrame:
    """`core.deg__noise_null` of one contrast; empty unless each arm is one sample.

    A floor in CPM of the denominator becomes counts of its library; any other floor is left out, which makes the
    expectation larger, not smaller.
    """
    design = build_design(samples, contrast)
    if design.is_numerator.sum() != 1 or design.is_denominator.sum() != 1:
        return NOISE.empty()
    matrix = count_matrix(counts, design.sample_ids)
    top, bottom = matrix[:, design.is_numerator][:, 0], matrix[:, design.is_denominator][:, 0]
    # Both samples at the depth of the denominator's, so that a ratio of counts is a ratio of shares.
    scaled = top * (bottom.sum() / top.sum())
    in_counts = rule.unit == "cpm" and rule.floor_arm in ("denominator", "both")
    floor = rule.floor * bottom.sum() / 1e6 if in_counts else 0.0
    found = noise_fold_change_null(
        (scaled + bottom) / 2,
        assumed.bcvs,
        rule.threshold,
        floor,
        assumed.noise_simulations,
        assumed.noise_seed,
    )
    observed = int(passes_fold_change(scaled, bottom, rule.threshold, floor).sum())
    return NOISE.shape(
        found.with_columns(
            contrast_id=pl.lit(contrast.contrast_id),
            floor_count=pl.lit(floor),
            observed_genes=pl.lit(observed),
            seed=pl.lit(assumed.noise_seed),
        )
    )


def sensitivity_step(study_id: str, declared: CountsContrast, assumed: DifferentialExpression) -> Step:
    """Both sensitivity analyses of one contrast; they are empty where the design has replicates."""
    bcv, noise = partition_of(BCV.address, declared.id), partition_of(NOISE.address, declared.id)
    counts, samples = (
        counts_address(study_id),
        samples_address(study_id),
    )
    contrast, rule = contrast_of(declared), rule_of(declared.fold_change)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        wide, sheet = counts_matrix(inputs.read(counts)), sample_sheet(inputs.read(samples))
        return {
            bcv: sensitivity_of(wide, sheet, contrast, assumed),
            noise: noise_of(wide, sheet, contrast, rule, assumed),
        }

    return table_step(
        outputs={bcv: BCV, noise: NOISE},
        compute=compute,
        inputs=(counts, samples),
        parameters={
            "contrast": declared.decisive("methods"),
            "assumed": assumed.model_dump(),
        },
        tags={"contrast": declared.id},
    )


def steps(registry: Registry) -> list[Step]:
    contrasts = [
        (study.id, contrast)
        for study in registry.measured_studies()
        if study.measurement == "counts"
        for contrast in study.contrasts
    ]
    return [
        *(sensitivity_step(study_id, contrast, registry.differential_expression) for study_id, contrast in contrasts),
        union_of(BCV.address, [partition_of(BCV.address, contrast.id) for _, contrast in contrasts]),
        union_of(NOISE.address, [partition_of(NOISE.address, contrast.id) for _, contrast in contrasts]),
    ]
