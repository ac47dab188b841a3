"""Steps of a bench study: its files as raw tables, then its core tables; the same two for every such kind.

A kind gives two functions: one that reads the study's files, and one from the raw tables to the core tables. Both give
frames by the name of their published table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.tables import TABLES, Table
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.lab_study.rows import WARNINGS, warnings_as_table
from resistance_assets.defs.resources import study_external_inputs, study_source
from resistance_assets.orchestration.code_version import code_version_of
from resistance_assets.orchestration.partitions import partition_of, rejected_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

Frames = dict[str, pl.DataFrame]
Read = Callable[[LocalStudy], Frames]
Analyse = Callable[[LocalStudy, Mapping[str, pl.DataFrame]], Frames]


def bench_steps(local: LocalStudy, *, read: Read, analyse: Analyse, reads: tuple[str, ...] = ()) -> list[Step]:
    """Two steps of one study: raw tables from its files, core tables from the raw ones.

    Args:
        local: the study.
        read: frames of the kind's raw tables by name, of its warnings and of its rejected rows.
        analyse: from the study and its raw tables by name to the kind's core tables by name.
        reads: further tables that `analyse` is given by name.
    """
    partitions = {name: partition_of(name, local.id) for name in local.kind.tables}
    raw = {name: partition for name, partition in partitions.items() if name.startswith("raw.")}
    core = {name: partition for name, partition in partitions.items() if name.startswith("core.")}
    told = {name: partition for name, partition in raw.items() if name != WARNINGS.address}
    raw[REJECTED.address] = rejected_of(next(iter(told.values())))

    def compute_raw(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        return _by_partition(raw, read(local))

    def compute_core(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        given = {name: inputs.read(part) for name, part in {**told, **{name: name for name in reads}}.items()}
        return _by_partition(core, analyse(local, given))

    parameters = {"study": local.file.model_dump(mode="json", exclude={"study": {"title"}, "intersection": True})}
    made = {"kinds": ["python", "study"], "tags": {"study": local.id}, "parameters": parameters}
    return [
        table_step(
            outputs=_outputs(raw),
            compute=compute_raw,
            code_version=code_version_of(read, in_table, _by_partition),
            external_inputs=study_external_inputs(local),
            sources=[study_source(local.id)],
            **made,
        ),
        table_step(
            outputs=_outputs(core),
            compute=compute_core,
            code_version=code_version_of(analyse, in_table, _by_partition),
            inputs=(*told.values(), *reads),
            # A table of others that cannot be had is empty: the study is computed all the same.
            allow_unavailable_inputs=bool(reads),
            **made,
        ),
    ]


def _outputs(names: Mapping[str, str]) -> dict[str, Table]:
    return {partition: TABLES[name] for name, partition in names.items()}


def _by_partition(names: Mapping[str, str], frames: Frames) -> Frames:
    return {partition: frames[name] for name, partition in names.items()}


def in_table(name: str, frame: pl.DataFrame | None, study_id: str) -> pl.DataFrame:
    """A frame with the columns of its table: null where it lacks one, the study in every row; empty for no frame."""
    table = TABLES[name]
    if frame is None or not frame.height:
        return table.empty()
    given = frame.with_columns(study_id=pl.lit(study_id))
    lacking = [pl.lit(None).cast(c.dtype).alias(c.name) for c in table.columns if c.name not in given.columns]
    return table.shape(given.with_columns(lacking))


def reading_as_tables(local: LocalStudy, into: str, warnings: pl.DataFrame, rejected: pl.DataFrame) -> Frames:
    """Warnings and rejected rows of a reader as their tables.

    Args:
        local: the study.
        into: the table that rejected rows did not enter.
        warnings, rejected: as readers give them.
    """
    return {
        WARNINGS.address: warnings_as_table(warnings, local.id),
        REJECTED.address: rejected_as_table([(into, rejected)]),
    }
