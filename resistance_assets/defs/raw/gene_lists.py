"""`raw.gene_lists__*`: published lists of cancer genes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from resistance_assets.catalog.models.gene_list import OwnGeneList
from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.models.source import Source
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.gene_lists.cancer_gene_lists import read_allonco, read_oncokb
from resistance_assets.connectors.gene_lists.gene_list_file import read_gene_list
from resistance_assets.defs.resources import fetch_inputs, local_files, study_source
from resistance_assets.orchestration.code_version import code_version_of
from resistance_assets.orchestration.partitions import partition_of, rejected_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

# Readers of this release; a source with another connector is shown as unavailable.
GENE_LIST_READERS: dict[str, Callable[[Path], tuple[pl.DataFrame, pl.DataFrame]]] = {
    "allonco": read_allonco,
    "oncokb": read_oncokb,
    "gene_list": read_gene_list,
}


def as_members(members: pl.DataFrame, list_id: str) -> pl.DataFrame:
    """What a reader found, in the columns of `raw.gene_lists__members`."""
    blank = [name for name in ("previous_symbols", "synonyms", "name", "refseq_name") if name not in members.columns]
    return members.with_columns(
        *[pl.lit(None, pl.String).alias(name) for name in blank], list_id=pl.lit(list_id)
    ).rename({"row_number": "source_row", "name": "gene_name"})


def gene_list_step(list_id: str, source: Source) -> Step:
    table = TABLES["raw.gene_lists__members"]
    own = partition_of(table.address, list_id)
    rejected = rejected_of(own)
    reader = GENE_LIST_READERS[source.connector]

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        members, set_aside = reader(inputs.external_inputs[source.id].path)
        if "row_number" not in members.columns:
            members = members.with_row_index("row_number", offset=1)
        return {own: as_members(members, list_id), rejected: rejected_as_table([(table.address, set_aside)])}

    return table_step(
        outputs={own: table, rejected: REJECTED},
        compute=compute,
        code_version=code_version_of(compute, reader),
        external_inputs=fetch_inputs(source),
        sources=[source.id],
        kinds=["python", source.connector],
    )


def own_list_step(study: LocalStudy, one: OwnGeneList) -> Step:
    """A gene list that a laboratory brings in its study folder."""
    table = TABLES["raw.gene_lists__members"]
    own = partition_of(table.address, one.id)
    rejected = rejected_of(own)
    list_id, file, column = one.id, one.file, one.column

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        members, set_aside = read_gene_list(inputs.external_inputs[file].path, column=column)
        return {own: as_members(members, list_id), rejected: rejected_as_table([(table.address, set_aside)])}

    return table_step(
        outputs={own: table, rejected: REJECTED},
        compute=compute,
        parameters=[list_id, file, column],
        external_inputs=lambda origins: local_files(study.id, {file: study.folder / file}),
        sources=[study_source(study.id)],
        kinds=["python", "study"],
    )


def steps(registry: Registry) -> list[Step]:
    """A partition per list that there is a reader of, and their union."""
    own = registry.own_gene_lists()
    lists = [g for g in registry.gene_lists.values() if registry.sources[g.source].connector in GENE_LIST_READERS]
    return [
        *(gene_list_step(one.id, registry.sources[one.source]) for one in lists),
        *(own_list_step(study, one) for study, one in own),
        union_of(
            "raw.gene_lists__members",
            [partition_of("raw.gene_lists__members", one.id) for one in (*lists, *(one for _, one in own))],
        ),
    ]
