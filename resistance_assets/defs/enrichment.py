"""Over-representation of gene sets in the contrasts' lists."""

from __future__ import annotations

import dagster as dg
import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.intersection import GENES, LISTS, MEMBERS, universe_of_list, universes_of
from resistance_assets.defs.resources import current_registry
from resistance_assets.defs.sql import guarded
from resistance_assets.orchestration.assets import assets_of
from resistance_assets.orchestration.memo import Inputs, Step
from resistance_assets.orchestration.versions import code_version_of
from resistance_assets.science.enrichment import over_representation

SETS = "staging.gene_sets__members"


def enriched_terms(registry: Registry) -> dg.AssetsDefinition:
    table = TABLES["core.enrichment__terms"]
    smallest, largest = registry.thresholds.gene_set_min_size, registry.thresholds.gene_set_max_size

    def compute(inputs: Inputs) -> pl.DataFrame:
        derived = inputs.read(LISTS).filter(pl.col("role") == "contrast", pl.col("n_genes") > 0)["list_id"]
        sets = inputs.read(SETS)
        if derived.is_empty() or sets.is_empty():
            return table.empty()
        tested = universes_of(inputs.read(GENES))
        return over_representation(
            inputs.read(MEMBERS).filter(pl.col("list_id").is_in(derived.implode())).select("list_id", "hgnc_symbol"),
            sets,
            {list_id: tested[universe_of_list(list_id)] for list_id in derived},
            min_set_size=smallest,
            max_set_size=largest,
        )

    step = Step(
        outputs={table.address: table},
        compute=compute,
        code_version=code_version_of(compute),
        inputs=(GENES, LISTS, MEMBERS, SETS),
        tolerant=True,
        parameters={"min_size": smallest, "max_size": largest},
    )
    return assets_of(guarded(step))


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(assets=[enriched_terms(current_registry())])
