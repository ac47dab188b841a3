"""The graph of all steps, without Dagster: what the catalog and the study folders of the present settings ask for."""

from __future__ import annotations

from resistance_assets.catalog.registry import Registry
from resistance_assets.defs import sql, study_kinds
from resistance_assets.defs.core import (
    claims,
    correlation,
    enrichment,
    evidence,
    expression,
    intersections,
    multiverse,
    study_components,
)
from resistance_assets.defs.core.deg import bcv_sensitivity, contrasts, interactions
from resistance_assets.defs.core.gsea import running_sums, terms
from resistance_assets.defs.core.survival import cohort_slices, competing_risks, models, screen
from resistance_assets.defs.raw import (
    catalog,
    cbioportal,
    gdc,
    gencode,
    gene_lists,
    gene_sets,
    hgnc,
    ontology,
    xena,
)
from resistance_assets.defs.raw import (
    interactions as pairs,
)
from resistance_assets.defs.raw.rejected_rows import union_of_rejected
from resistance_assets.orchestration.code_version import known_code_versions
from resistance_assets.orchestration.steps import Step
from resistance_assets.orchestration.table_steps import by_table

# Each has a function `steps(registry) -> list[Step]`.
MODULES = (
    catalog,
    cbioportal,
    gdc,
    xena,
    hgnc,
    gencode,
    ontology,
    gene_lists,
    gene_sets,
    pairs,
    study_kinds,
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
    study_components,
    evidence,
    multiverse,
    claims,
)


def load_steps(registry: Registry) -> dict[str, Step]:
    """Steps by each table that they write.

    Raises:
        CatalogFault: two steps write one table, a step reads a table that no step writes, or a SQL model is wrong.
    """
    with known_code_versions():
        made = [step for module in MODULES for step in module.steps(registry)]
    return by_table([*made, union_of_rejected(made)])
