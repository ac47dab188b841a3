"""Steps of `core.alterations__*`: one per cohort, and one that gathers the cohorts."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.alterations.cohort_layers import CohortLayers, Matrix
from resistance_assets.defs.core.alterations.cohort_tables import ALTERATION_TABLES, compute_cohort_tables
from resistance_assets.defs.core.alterations.layer_slices import (
    ATTRIBUTES,
    MATRICES,
    PATIENTS,
    SLICES,
    VALUES,
    has_slices,
    layer_of_slices,
    slice_address,
)
from resistance_assets.defs.core.survival.cohort_slices import expression_address, follow_up_address, patients_address
from resistance_assets.orchestration.partitions import partition_of, unions_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.expression.matrices import expression_matrix


def read_layers(
    inputs: Inputs,
    cohort_id: str,
    *,
    matrix: tuple[Matrix, list[str], list[str]],
    patients: pl.DataFrame,
    follow_up: Mapping[str, pl.DataFrame],
) -> CohortLayers:
    """Layers of one cohort from its slices; without rows where there are none."""

    def rows(table: str) -> pl.DataFrame:
        address = slice_address(table, cohort_id)
        return inputs.read(address) if inputs.has(address) else TABLES[table].empty()

    values, order = rows(VALUES), rows(PATIENTS)
    return CohortLayers(
        matrix=matrix,
        patients=patients,
        follow_up=follow_up,
        mutations=rows("parts.cohorts__mutations"),
        fusions=rows("parts.cohorts__structural_variants"),
        profiled=rows("parts.cohorts__profiled_patients"),
        panel_genes=rows("parts.cohorts__panel_genes"),
        attributes=rows(ATTRIBUTES),
        **{layer: layer_of_slices(values, order, layer) for layer in MATRICES},
    )


def cohort_step(cohort: Cohort, registry: Registry) -> Step:
    """All tables of one cohort."""
    cohort_id = cohort.id
    addresses = {name: partition_of(name, cohort_id) for name in ALTERATION_TABLES}
    follow_up = {endpoint.id: follow_up_address(cohort_id, endpoint.id) for endpoint in cohort.endpoint}
    expression, patients = expression_address(cohort_id), patients_address(cohort_id)
    settings, survival = registry.alterations, registry.survival
    interest = tuple(
        dict.fromkeys([*registry.genes.of_interest, *(g for panel in registry.genes.panels.values() for g in panel)])
    )
    slices = [slice_address(name, cohort_id) for name in SLICES] if has_slices(cohort, registry) else []

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        layers = read_layers(
            inputs,
            cohort_id,
            matrix=expression_matrix(inputs.read(expression)),
            patients=inputs.read(patients),
            follow_up={name: inputs.read(address) for name, address in follow_up.items() if inputs.has(address)},
        )
        found = compute_cohort_tables(layers, cohort, settings, interest, survival)
        return {addresses[name]: frame for name, frame in found.items()}

    return table_step(
        outputs={addresses[name]: TABLES[name] for name in ALTERATION_TABLES},
        compute=compute,
        inputs=(expression, patients),
        optional_inputs=(*slices, *follow_up.values()),
        parameters={
            "cohort": cohort_id,
            "strata": [one.model_dump() for one in cohort.stratum],
            "sequenced_megabases": cohort.sequenced_megabases,
            "settings": settings.model_dump(),
            "genes": interest,
            "survival": survival.model_dump(),
        },
        tags={"cohort": cohort_id},
    )


def steps(registry: Registry) -> list[Step]:
    """A step per cohort, and the one that gathers them."""
    cohorts = registry.analysed_cohorts()
    partitions = {name: [partition_of(name, cohort.id) for cohort in cohorts] for name in ALTERATION_TABLES}
    return [*(cohort_step(cohort, registry) for cohort in cohorts), unions_of(partitions)]
