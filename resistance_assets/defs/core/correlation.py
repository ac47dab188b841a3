"""`core.correlation__gene_pairs`: correlations in the cohorts."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.survival.cohort_slices import expression_address, patients_address
from resistance_assets.defs.core.survival.followed_patients import select_patients
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.correlation.correlation import correlate_genes
from resistance_assets.science.expression.matrices import expression_matrix

PAIRS = TABLES["core.correlation__gene_pairs"]
STAGES = {"I": 1.0, "II": 2.0, "III": 3.0, "IV": 4.0}


def correlate_cohort(
    expression: pl.DataFrame,
    cohort_id: str,
    targets: tuple[str, ...],
    methods: tuple[Literal["spearman", "pearson"], ...],
    patients: pl.DataFrame,
) -> pl.DataFrame:
    """Each target against every gene of a cohort; targets that the cohort did not measure are left out.

    Where Spearman is asked for and the patients have different stages or purities, the partial correlation given both,
    or the one that there is (stages I to IV as 1 to 4, so that their ranks are those of the stages), stands beside it.
    """
    matrix, genes, order = expression_matrix(expression)
    present = [target for target in targets if target in genes]
    frames = [PAIRS.empty()]
    for method in methods if present else ():
        pairs = correlate_genes(matrix, genes, present, method=method)
        frames.append(PAIRS.shape(pairs.with_columns(cohort_id=pl.lit(cohort_id), given=pl.lit(None, pl.String))))
    known = select_patients(patients, order).select(
        stage_group=pl.col("stage_group").replace_strict(STAGES, default=None, return_dtype=pl.Float64),
        tumour_purity="tumour_purity",
    )
    given = [name for name in known.columns if known[name].drop_nulls().n_unique() > 1]
    if present and "spearman" in methods and given:
        covariates = known.select(given).fill_null(np.nan).to_numpy()
        pairs = correlate_genes(matrix, genes, present, method="spearman", covariates=covariates)
        frames.append(
            PAIRS.shape(
                pairs.with_columns(
                    cohort_id=pl.lit(cohort_id), method=pl.lit("spearman_partial"), given=pl.lit("|".join(given))
                )
            )
        )
    return pl.concat(frames)


def correlation_step(cohort: Cohort, registry: Registry) -> Step:
    address, expression = partition_of(PAIRS.address, cohort.id), expression_address(cohort.id)
    patients = patients_address(cohort.id)
    cohort_id = cohort.id
    targets, methods = tuple(registry.correlation.targets), tuple(registry.correlation.methods)

    def compute(inputs: Inputs) -> pl.DataFrame:
        return correlate_cohort(inputs.read(expression), cohort_id, targets, methods, inputs.read(patients))

    return table_step(
        outputs={address: PAIRS},
        compute=compute,
        inputs=(expression, patients),
        parameters={"cohort": cohort_id, "targets": targets, "methods": methods},
        tags={"cohort": cohort_id},
    )


def steps(registry: Registry) -> list[Step]:
    """A step per cohort, and the union."""
    cohorts = registry.analysed_cohorts()
    return [
        *(correlation_step(cohort, registry) for cohort in cohorts),
        union_of(PAIRS.address, [partition_of(PAIRS.address, cohort.id) for cohort in cohorts]),
    ]
