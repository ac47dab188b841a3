"""Cumulative incidence of death of the disease and of other causes: one asset per cohort that knows both, and all of
them together."""

from __future__ import annotations

import numpy as np
import polars as pl

from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.survival.cohort_slices import expression_address, follow_up_address, scan_expression
from resistance_assets.defs.core.survival.followed_patients import Followed, followed_patients
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.survival.competing_risks import aalen_johansen, causes_of_death
from resistance_assets.science.survival.models import split_at_median

INCIDENCE = TABLES["core.survival__cumulative_incidence"]
ANY_CAUSE, OF_DISEASE = "OS", "DSS"
CAUSES = {1: "disease", 2: "other"}


def incidence_of(
    expression: pl.DataFrame, any_cause: pl.DataFrame, of_disease: pl.DataFrame, cohort_id: str
) -> pl.DataFrame:
    """Cumulative incidence by cause, of all patients and of the halves of each gene in `expression`."""
    frames = [INCIDENCE.empty()]
    if expression.is_empty():
        return frames[0]
    cohort, cause = cohort_with_causes(expression, any_cause, of_disease, cohort_id)
    # All patients are the same group for every gene that was measured in all of them.
    known: dict[bytes, pl.DataFrame] = {}
    for gene, values in zip(cohort.genes, cohort.matrix, strict=True):
        for name, members in expression_groups(values).items():
            if not (cause[members] > 0).any():
                continue
            group = members.tobytes()
            if group not in known:
                known[group] = aalen_johansen(cohort.time_months[members], cause[members])
            found = known[group]
            frames.append(
                INCIDENCE.shape(
                    found.with_columns(
                        cohort_id=pl.lit(cohort_id),
                        hgnc_symbol=pl.lit(gene),
                        expression_group=pl.lit(name),
                        cause=pl.col("cause").replace_strict(CAUSES, return_dtype=pl.String),
                    )
                )
            )
    return pl.concat(frames)


def cohort_with_causes(
    expression: pl.DataFrame, any_cause: pl.DataFrame, of_disease: pl.DataFrame, cohort_id: str
) -> tuple[Followed, np.ndarray]:
    """Patients with expression and both endpoints, and the cause of each one's death (a key of `CAUSES`; 0 alive)."""
    disease = of_disease.select("patient_id", pl.col("event_observed").cast(pl.Float64).alias("disease"))
    known = any_cause.join(disease, on="patient_id", how="inner", maintain_order="left")
    known = known.filter(pl.col("disease").is_not_null())
    cohort = followed_patients(expression, known.drop("disease"), f"{ANY_CAUSE} and {OF_DISEASE} of {cohort_id}")
    of_patient = dict(known.select("patient_id", "disease").iter_rows())
    cause = causes_of_death(cohort.event_observed, np.array([of_patient[patient] for patient in cohort.patients]))
    return cohort, cause


def expression_groups(values: np.ndarray) -> dict[str, np.ndarray]:
    """Patients of each expression_group of one gene, as shape (patients,) of true and false."""
    halves = split_at_median(values)
    return {"all": ~np.isnan(values), "high": halves == "high", "low": halves == "low"}


def incidence_address(cohort: Cohort) -> str:
    return partition_of(INCIDENCE.address, cohort.id)


def incidence_step(cohort: Cohort, genes: tuple[str, ...]) -> Step:
    address, expression = incidence_address(cohort), expression_address(cohort.id)
    any_cause, of_disease = (follow_up_address(cohort.id, endpoint) for endpoint in (ANY_CAUSE, OF_DISEASE))
    cohort_id = cohort.id

    def compute(inputs: Inputs) -> pl.DataFrame:
        measured = scan_expression(inputs, expression).filter(pl.col("hgnc_symbol").is_in(genes)).collect()
        return incidence_of(measured, inputs.read(any_cause), inputs.read(of_disease), cohort_id)

    return table_step(
        outputs={address: INCIDENCE},
        compute=compute,
        inputs=(expression, any_cause, of_disease),
        parameters={"cohort": cohort_id, "genes": genes},
        tags={"cohort": cohort_id},
    )


def cohorts_with_causes(registry: Registry) -> list[Cohort]:
    """Analysed cohorts that know overall and disease-specific survival."""
    return [
        cohort
        for cohort in registry.analysed_cohorts()
        if {ANY_CAUSE, OF_DISEASE} <= {endpoint.id for endpoint in cohort.endpoint}
    ]


def steps(registry: Registry) -> list[Step]:
    cohorts = cohorts_with_causes(registry)
    parts = [incidence_step(cohort, registry.genes.of_interest) for cohort in cohorts]
    return [*parts, union_of(INCIDENCE.address, [incidence_address(cohort) for cohort in cohorts])]
