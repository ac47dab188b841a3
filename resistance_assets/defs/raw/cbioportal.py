"""`raw.cbioportal__*`: clinical tables, matrices, mutations, structural variants and timelines of cohort archives.

Each kind of matrix and of alteration is a step of its own, which reads its own files of the archive and no other, so
that memory is that of one matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.models.source import Source
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.cbioportal.alterations import read_alterations
from resistance_assets.connectors.cbioportal.rows import (
    ALTERATION_TYPES,
    CBIOPORTAL_TABLES,
    alterations_as_table,
    chosen_profiles,
    read_cohort,
    read_matrices,
)
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.defs.resources import Origins, fetch_inputs
from resistance_assets.errors import SourceUnavailable
from resistance_assets.orchestration.partitions import partition_of, rejected_of, union_of
from resistance_assets.orchestration.steps import ExternalInput, Inputs, Step
from resistance_assets.orchestration.table_files.spooled_rows import Rows, spool
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.alterations.consequences import is_readable_change

FURTHER_MATRICES = ("z_scores", "log2_copy_number", "protein", "methylation")
"""Matrices of a cBioPortal archive besides those in use."""

FURTHER_TABLES = {
    "z_scores": "raw.cbioportal__mrna_z_scores",
    "log2_copy_number": "raw.cbioportal__log2_copy_number_values",
    "protein": "raw.cbioportal__protein_values",
    "methylation": "raw.cbioportal__methylation_values",
    "mutations": "raw.cbioportal__mutations",
    "structural_variants": "raw.cbioportal__structural_variants",
    "timeline": "raw.cbioportal__timeline",
}
"""What else an archive holds -> the table that it ends in."""


def cohort_step(cohort: Cohort, source: Source) -> Step:
    """Partitions of one cohort's archive."""
    addresses = {name: partition_of(table, cohort.id) for name, table in CBIOPORTAL_TABLES.items()}
    addresses["rejected"] = rejected_of(clinical_address(cohort.id))
    tables = {name: TABLES[address] for name, address in CBIOPORTAL_TABLES.items()} | {"rejected": REJECTED}

    def compute(inputs: Inputs) -> Mapping[str, Rows]:
        read = read_cohort(cohort, inputs.external_inputs[source.id].path)
        return {addresses[name]: rows if isinstance(rows, pl.DataFrame) else spool(rows) for name, rows in read.items()}

    return table_step(
        outputs={addresses[name]: tables[name] for name in addresses},
        compute=compute,
        parameters=cohort.model_dump(mode="json"),
        external_inputs=fetch_inputs(source),
        sources=[source.id],
        kinds=["python", "cbioportal"],
        tags={"cohort": cohort.id},
    )


def fetch_with_clinical_tables(cohort: Cohort, source: Source) -> Callable[[Origins], Mapping[str, ExternalInput]]:
    """Externals of a step that reads an archive of which the clinical tables were taken.

    An archive is taken whole or not at all: where its clinical tables were refused, the other partitions stay with the
    archive before, and no result speaks of bytes that were turned away.
    """
    fetched, clinical = fetch_inputs(source), clinical_address(cohort.id)

    def external_inputs(origins: Origins) -> Mapping[str, ExternalInput]:
        found = fetched(origins)
        table_version = origins.lake().current(clinical)
        archive = found[source.id]
        if table_version is None or table_version.inputs.get(archive.recorded_as(source.id)) != archive.checksum:
            raise SourceUnavailable(
                f"the clinical tables of {archive.path.name} were not taken, so nothing else of it is",
                subject=source.id,
                remedy="See what `resistance status` says of its clinical tables.",
            )
        return found

    return external_inputs


def clinical_address(cohort_id: str) -> str:
    """One of the partitions that an archive's clinical tables are read into."""
    return partition_of(CBIOPORTAL_TABLES["attributes"], cohort_id)


def matrices_step(cohort: Cohort, source: Source, kind: str) -> Step:
    """One kind of matrix of one archive."""
    own = partition_of(FURTHER_TABLES[kind], cohort.id)
    set_aside = rejected_of(own)
    table = TABLES[FURTHER_TABLES[kind]]
    stable_ids, in_use = chosen_profiles(cohort, kind), cohort.expression_profiles
    source_id = source.id

    def compute(inputs: Inputs) -> Mapping[str, Rows]:
        values, rejected = read_matrices(inputs.external_inputs[source_id].path, stable_ids, in_use, table)
        return {own: spool(values), set_aside: rejected}

    return table_step(
        outputs={own: table, set_aside: REJECTED},
        compute=compute,
        parameters={"cohort": cohort.id, "kind": kind, "profiles": stable_ids, "in_use": in_use},
        inputs=(clinical_address(cohort.id),),
        external_inputs=fetch_with_clinical_tables(cohort, source),
        sources=[source.id],
        kinds=["python", "cbioportal"],
        tags={"cohort": cohort.id},
    )


def alterations_step(cohort: Cohort, source: Source, kind: str) -> Step:
    """Mutations, structural variants or the timeline of one archive."""
    own = partition_of(FURTHER_TABLES[kind], cohort.id)
    set_aside = rejected_of(own)
    table, alteration_type = TABLES[FURTHER_TABLES[kind]], ALTERATION_TYPES[kind]
    source_id = source.id

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        archive = inputs.external_inputs[source_id].path
        found = read_alterations(archive, kinds=[alteration_type], is_readable=is_readable_change)
        if not found.n_rows:
            raise SourceUnavailable(
                f"{archive.name} holds no {alteration_type}",
                subject=table.address,
                remedy="Nothing is missing if the study has none.",
            )
        return {
            own: alterations_as_table(found, kind),
            set_aside: rejected_as_table([(table.address, found.rejected)]),
        }

    return table_step(
        outputs={own: table, set_aside: REJECTED},
        compute=compute,
        parameters={"cohort": cohort.id, "kind": kind},
        inputs=(clinical_address(cohort.id),),
        external_inputs=fetch_with_clinical_tables(cohort, source),
        sources=[source.id],
        kinds=["python", "cbioportal"],
        tags={"cohort": cohort.id},
    )


def steps(registry: Registry) -> list[Step]:
    """Partitions of every archive, and their unions."""
    cohorts = [c for c in registry.cohorts.values() if registry.sources[c.source].connector == "cbioportal"]
    made: list[Step] = []
    for cohort in cohorts:
        source = registry.sources[cohort.source]
        made.append(cohort_step(cohort, source))
        made += [matrices_step(cohort, source, kind) for kind in FURTHER_MATRICES]
        made += [alterations_step(cohort, source, kind) for kind in FURTHER_TABLES if kind not in FURTHER_MATRICES]
    for table in (*CBIOPORTAL_TABLES.values(), *FURTHER_TABLES.values()):
        made.append(union_of(table, [partition_of(table, cohort.id) for cohort in cohorts]))
    return made
