"""The graph of all steps, without Dagster: what the catalog and the study folders of the present settings ask for."""

from __future__ import annotations

from resistance_assets.catalog.registry import Registry
from resistance_assets.defs import sql
from resistance_assets.defs.core import (
    claims,
    correlation,
    enrichment,
    evidence,
    expression,
    intersections,
    multiverse,
)
from resistance_assets.defs.core.deg import bcv_sensitivity, contrasts, interactions
from resistance_assets.defs.core.gsea import running_sums, terms
from resistance_assets.defs.core.survival import cohort_slices, competing_risks, models, screen
from resistance_assets.defs.raw import cbioportal, cbioportal_profiles, gdc, ontology, xena
from resistance_assets.defs.raw.studies import arrayexpress, lab_array
from resistance_assets.orchestration.steps import Step
from resistance_assets.orchestration.table_steps import by_table

# Each has a function `steps(registry) -> list[Step]`.
MODULES = (
    cbioportal,
    cbioportal_profiles,
    gdc,
    ontology,
    xena,
    arrayexpress,
    lab_array,
    sql,
    contrasts,
    bcv_sensitivity,
    interactions,
    intersections,
    enrichment,
    terms,
    running_sums,
    cohort_slices,
    screen,
    models,
    competing_risks,
    correlation,
    expression,
    evidence,
    multiverse,
    claims,
)


def load_steps(registry: Registry) -> dict[str, Step]:
    """Steps by each table that they write.

    Raises:
        CatalogFault: two steps write one table, a step reads a table that no step writes, or a SQL model is wrong.
    """
    return by_table(step for module in MODULES for step in module.steps(registry))
