"""`raw.perturbations__members`: gene sets of drug perturbations, one partition per library."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.analysis_settings import PerturbationLibrary
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.gene_lists.perturbation_sets import read_perturbation_sets
from resistance_assets.defs.resources import fetch_inputs
from resistance_assets.errors import CatalogFault
from resistance_assets.orchestration.partitions import partition_of, rejected_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

MEMBERS = TABLES["raw.perturbations__members"]


def library_step(library: PerturbationLibrary, registry: Registry) -> Step:
    """Sets of one library: of its up and its down file, or of the one that holds both."""
    own = partition_of(MEMBERS.address, library.id)
    rejected = rejected_of(own)
    name, sources = library.id, library.sources
    for source_id, _ in sources:
        if source_id not in registry.sources:
            raise CatalogFault(
                f"source {source_id} is not declared",
                subject=f"perturbation library {name}",
                expected="a source of the catalog",
                remedy=f"Declare [source.{source_id}], or correct the name.",
            )

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        read = [
            read_perturbation_sets(inputs.external_inputs[source_id].path, direction)
            for source_id, direction in sources
        ]
        return {
            own: pl.concat([members for members, _ in read]).with_columns(set_source=pl.lit(name)),
            rejected: rejected_as_table([(MEMBERS.address, set_aside) for _, set_aside in read]),
        }

    ids = [source_id for source_id, _ in sources]
    return table_step(
        outputs={own: MEMBERS, rejected: REJECTED},
        compute=compute,
        parameters=[name, sources],
        external_inputs=fetch_inputs(*(registry.sources[source_id] for source_id in ids)),
        sources=ids,
        kinds=["python", "gmt"],
    )


def steps(registry: Registry) -> list[Step]:
    """A partition per library, and their union."""
    libraries = registry.evidence.perturbation_library
    return [
        *(library_step(one, registry) for one in libraries),
        union_of(MEMBERS.address, [partition_of(MEMBERS.address, one.id) for one in libraries]),
    ]
