"""Partitions: tables of layer `parts` that hold the rows of one study, contrast, cohort or source.

Here belong the ways in which tables and partitions meet: the union of partitions, and a slice of a table. Their names
are made in `catalog.partition_names`. A partition is recomputed alone, so a change of one study leaves what was made of
the others as it is. A name that no step writes is an error when the graph is loaded (`table_steps.by_table`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import polars as pl

from resistance_assets.catalog.partition_names import partition_of, rejected_of
from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_files.unions import read_partitions
from resistance_assets.orchestration.table_steps import table_step

__all__ = ["Finish", "partition_of", "read_partitions", "rejected_of", "slice_of", "union_of", "unions_of"]

Finish = Callable[[pl.DataFrame, Mapping[str, pl.DataFrame]], pl.DataFrame]


def union_of(
    table_name: str, partitions: Iterable[str], finish: Finish | None = None, reads: Iterable[str] = ()
) -> Step:
    """Union of the partitions that are there, empty where none is; a large one is a list of their files.

    A partition that makes a check of the union fail is left out of it and named (`attempts.left_out`); the rest is
    written.

    Args:
        table_name: the table to write.
        partitions: names of its partitions, in the order of their rows.
        finish: from all rows of the partitions and the tables of ``reads`` to the table; without it, the rows as they
            are.
        reads: further tables.
    """
    table, given, read = TABLES[table_name], tuple(partitions), tuple(reads)

    def compute(inputs: Inputs) -> pl.DataFrame:
        stacked = read_partitions(inputs, given, table)
        return finish(stacked, {name: inputs.read(name) for name in read}) if finish else stacked

    step = table_step(
        outputs={table_name: table}, compute=compute, inputs=read, optional_inputs=given, allow_unavailable_inputs=True
    )
    return replace(step, partitions=given, unions={} if finish else {table_name: given})


def unions_of(partitions: Mapping[str, Sequence[str]]) -> Step:
    """Unions of tables whose partitions change together, in one step; otherwise as `union_of`.

    Args:
        partitions: table to write -> names of its partitions, in the order of their rows.
    """
    given = tuple(one for own in partitions.values() for one in own)
    tables = {name: TABLES[name] for name in partitions}

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        return {name: read_partitions(inputs, own, tables[name]) for name, own in partitions.items()}

    step = table_step(outputs=tables, compute=compute, optional_inputs=given, allow_unavailable_inputs=True)
    return replace(step, partitions=given, unions={name: tuple(own) for name, own in partitions.items()})


def slice_of(partition: str, table_name: str, where: Mapping[str, str], tags: Mapping[str, str] | None = None) -> Step:
    """Rows of a table that have these values, so that what reads them is untouched by a change of the other rows.

    Args:
        partition: name of the slice.
        table_name: the table that is cut.
        where: column -> value that a row must have.
        tags: of the asset.
    """

    def compute(inputs: Inputs) -> pl.DataFrame:
        wanted = pl.all_horizontal(pl.col(column) == value for column, value in inputs.parameters.items())
        return inputs.scan(table_name).filter(wanted).collect()

    return table_step(
        outputs={partition: TABLES[table_name]},
        compute=compute,
        inputs=(table_name,),
        allow_unavailable_inputs=True,
        parameters=dict(where),
        tags=tags or {},
    )
