"""`core.survival__signatures`: survival of gene lists as scores, one partition per cohort and endpoint."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.survival.cohort_slices import expression_address, follow_up_address, read_expression
from resistance_assets.defs.core.survival.followed_patients import followed_patients
from resistance_assets.defs.core.survival.models import model_address, shape_results
from resistance_assets.orchestration.partitions import union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.survival.signatures import score_signatures

SIGNATURES = TABLES["core.survival__signatures"]
LISTS = "core.gene_lists__lists"
MEMBERS = "core.gene_lists__members"


def signatures_of(
    lists: pl.DataFrame, members: pl.DataFrame, panels: Mapping[str, tuple[str, ...]], kinds: tuple[str, ...]
) -> dict[str, list[str]]:
    """Gene lists that are scored: name -> symbols.

    Args:
        lists, members: rows of `core.gene_lists__lists` and `core.gene_lists__members`.
        panels: of the catalog.
        kinds: contrasts_up, contrasts_down, panels.
    """
    directions = [direction for direction in ("up", "down") if f"contrasts_{direction}" in kinds]
    chosen = lists.filter(pl.col("role") == "contrast", pl.col("direction").is_in(directions))["list_id"].sort()
    by_list = members.filter(pl.col("list_id").is_in(chosen.to_list())).sort("list_id", "hgnc_symbol")
    found = {name: by_list.filter(pl.col("list_id") == name)["hgnc_symbol"].to_list() for name in chosen}
    if "panels" in kinds:
        found |= {name: list(genes) for name, genes in panels.items()}
    return found


def signatures_step(cohort: Cohort, endpoint: str, registry: Registry) -> Step:
    """Gene lists as scores."""
    address = model_address(SIGNATURES.address, cohort, endpoint)
    expression, follow_up = expression_address(cohort.id), follow_up_address(cohort.id, endpoint)
    cohort_id, panels = cohort.id, dict(registry.genes.panels)
    kinds = registry.survival.signatures
    rules = registry.survival.model_dump(include={"random_signatures", "seed"})

    def compute(inputs: Inputs) -> pl.DataFrame:
        measured = followed_patients(
            read_expression(inputs, expression), inputs.read(follow_up), f"{endpoint} of {cohort_id}"
        )
        chosen = signatures_of(inputs.read(LISTS), inputs.read(MEMBERS), panels, kinds)
        scored = score_signatures(
            measured.matrix, measured.genes, measured.time_months, measured.event_observed, chosen, **rules
        )
        return shape_results(SIGNATURES, scored, cohort_id, endpoint)

    return table_step(
        outputs={address: SIGNATURES},
        compute=compute,
        inputs=(expression, follow_up, LISTS, MEMBERS),
        parameters={"cohort": cohort_id, "endpoint": endpoint, "panels": panels, "kinds": kinds, **rules},
        tags={"cohort": cohort_id, "endpoint": endpoint},
    )


def steps(registry: Registry) -> list[Step]:
    """A step per cohort and endpoint, and the union."""
    pairs = [(cohort, endpoint.id) for cohort in registry.analysed_cohorts() for endpoint in cohort.endpoint]
    return [
        *(signatures_step(*pair, registry) for pair in pairs),
        union_of(SIGNATURES.address, [model_address(SIGNATURES.address, *pair) for pair in pairs]),
    ]
