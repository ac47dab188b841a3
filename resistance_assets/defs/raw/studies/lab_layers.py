"""Mutations, fusions, copy number, methylation and protein of laboratory cohorts, and the unions of their tables."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.lab_study.layers import MUTATIONS, PANELS, PROFILED, VALUES, VARIANTS, read_layers
from resistance_assets.defs.resources import study_external_inputs, study_source
from resistance_assets.orchestration.partitions import partition_of, rejected_of, unions_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.alterations.consequences import is_readable_change

LAYER_TABLES = (MUTATIONS, VARIANTS, VALUES, PROFILED, PANELS)
_NUMBERED = {MUTATIONS: "mutation_number", VARIANTS: "variant_number"}


def layers_as_tables(local: LocalStudy) -> dict[str, pl.DataFrame]:
    """Layers of a study as rows of their tables, and what was set aside under the name of the rejected rows."""
    found = read_layers(local, is_readable=is_readable_change)
    frames: dict[str, pl.DataFrame] = {}
    for name in LAYER_TABLES:
        rows = found.tables.get(name)
        if rows is None:
            frames[name] = TABLES[name].empty()
            continue
        if name in _NUMBERED:
            rows = rows.with_row_index(_NUMBERED[name], offset=1)
        frames[name] = TABLES[name].shape(rows.with_columns(study_id=pl.lit(local.id)))
    frames[REJECTED.address] = rejected_as_table([(VALUES, pl.DataFrame(schema=_NONE)), *found.rejected])
    return frames


_NONE = {"source": pl.String, "line": pl.Int64, "reason": pl.String, "row": pl.String}


def layers_step(local: LocalStudy) -> Step:
    """Every layer that one study declares."""
    addresses = {name: partition_of(name, local.id) for name in LAYER_TABLES}
    addresses[REJECTED.address] = rejected_of(addresses[MUTATIONS])
    layers = local.layers

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        return {addresses[name]: frame for name, frame in layers_as_tables(local).items()}

    return table_step(
        outputs={address: TABLES[name] for name, address in addresses.items()},
        compute=compute,
        parameters={
            "samples": local.study.samples,
            "layers": layers.model_dump(mode="json", include={*layers.declared_layers, "sequenced"}) if layers else {},
        },
        external_inputs=study_external_inputs(local),
        sources=[study_source(local.id)],
        kinds=["python", "study"],
        tags={"study": local.id},
    )


def steps(registry: Registry) -> list[Step]:
    """A step per study that brings layers, and the one that gathers them."""
    studies = [local for local in registry.local_studies.values() if local.layers is not None]
    partitions = {name: [partition_of(name, local.id) for local in studies] for name in LAYER_TABLES}
    return [*(layers_step(local) for local in studies), unions_of(partitions)]
