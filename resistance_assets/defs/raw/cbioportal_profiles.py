"""What a cBioPortal archive holds besides clinical tables and the matrices in use: z-scores, continuous copy number,
protein levels, methylation, mutations, structural variants and timelines.

Each kind is a step of its own, which reads its own files of the archive and no other, so that memory is that of one
matrix. The clinical tables and the matrices in use are in `raw`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from resistance_assets.catalog.registry import Cohort, Registry, Source
from resistance_assets.catalog.tables import TABLES, Table
from resistance_assets.connectors.cbioportal.alterations import CbioportalAlterations, read_alterations
from resistance_assets.connectors.cbioportal.archive import is_matrix
from resistance_assets.connectors.cbioportal.profiles import list_profiles, read_profile
from resistance_assets.defs.raw.cbioportal import REJECTED, fetching, long_matrix, rejected_as_table
from resistance_assets.defs.resources import Origins
from resistance_assets.defs.shares import FURTHER_MATRICES, FURTHER_TABLES, further_address, further_rejected_address
from resistance_assets.errors import SourceUnavailable
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import External, Inputs, Step
from resistance_assets.orchestration.table_steps import table_step


def chosen_profiles(cohort: Cohort, kind: str) -> tuple[str, ...]:
    """Profiles of a kind that the catalog asks for."""
    return {
        "z_scores": cohort.z_score_profiles,
        "log2_copy_number": cohort.log2_copy_number_profiles,
        "protein": cohort.protein_profiles,
        "methylation": cohort.methylation_profiles,
    }[kind]


def read_matrices(
    archive: Path, stable_ids: tuple[str, ...], in_use: tuple[str, ...], table: Table
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Matrices of an archive as rows of their table, and the rejected rows.

    Args:
        stable_ids: wanted; those that the archive lacks are left out.
        in_use: in the order of preference, profiles of which the first that the archive holds is loaded elsewhere.

    Raises:
        SourceUnavailable: the archive holds none of them.
    """
    held = list_profiles(archive)
    asked = [name for name in stable_ids if name in held]
    if not asked:
        others = ", ".join(name for name, entry in held.items() if is_matrix(entry))
        raise SourceUnavailable(
            f"{archive.name} holds no {' and no '.join(stable_ids) or 'profile that is asked for'}",
            subject=table.address,
            expected="a profile that studies.toml names for the cohort",
            remedy=f"It holds {others or 'no matrix'}: name the one that is meant in studies.toml, if any is.",
        )
    elsewhere = next((name for name in in_use if name in held), None)
    wanted = [name for name in asked if name != elsewhere]
    if not wanted:
        return table.empty(), REJECTED.empty()
    frames, rejected = [], []
    for stable_id in wanted:
        matrix = read_profile(archive, stable_id)
        frames.append(long_matrix(matrix.wide, matrix.study_id, stable_id, table))
        rejected.append((table.address, matrix.rejected))
    return pl.concat(frames), rejected_as_table(rejected)


def taken_with_its_clinical_tables(cohort: Cohort, source: Source) -> Callable[[Origins], Mapping[str, External]]:
    """Externals of a step that reads an archive of which the clinical tables were taken.

    An archive is taken whole or not at all: where its clinical tables were refused, the other shares stay with the
    archive before, and no result speaks of bytes that were turned away.
    """
    fetched, clinical = fetching(source), clinical_address(cohort.id)

    def externals(origins: Origins) -> Mapping[str, External]:
        found = fetched(origins)
        pointer = origins.lake().pointer(clinical)
        archive = found[source.id]
        if pointer is None or pointer.inputs.get(archive.recorded_as(source.id)) != archive.checksum:
            raise SourceUnavailable(
                f"the clinical tables of {archive.path.name} were not taken, so nothing else of it is",
                subject=source.id,
                remedy="See what `resistance status` says of its clinical tables.",
            )
        return found

    return externals


def clinical_address(cohort_id: str) -> str:
    """One of the shares that an archive's clinical tables are read into."""
    return partition_of("cbioportal_attributes", cohort_id)


def matrices_part(cohort: Cohort, source: Source, kind: str) -> Step:
    """One kind of matrix of one archive."""
    own, set_aside = further_address(cohort.id, kind), further_rejected_address(cohort.id, kind)
    table = TABLES[FURTHER_TABLES[kind]]
    stable_ids, in_use = chosen_profiles(cohort, kind), cohort.expression_profiles
    source_id = source.id

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        values, rejected = read_matrices(inputs.externals[source_id].path, stable_ids, in_use, table)
        return {own: values, set_aside: rejected}

    return table_step(
        outputs={own: table, set_aside: REJECTED},
        compute=compute,
        parameters={"cohort": cohort.id, "kind": kind, "profiles": stable_ids, "in_use": in_use},
        inputs=(clinical_address(cohort.id),),
        externals=taken_with_its_clinical_tables(cohort, source),
        sources=[source.id],
        kinds=["python", "cbioportal"],
        tags={"cohort": cohort.id},
    )


def alterations_as_table(found: CbioportalAlterations, kind: str) -> pl.DataFrame:
    """Mutations, structural variants or the timeline as rows of their table."""
    if kind == "mutations":
        frame = found.mutations.with_row_index("mutation_number", offset=1)
    elif kind == "structural_variants":
        frame = found.structural_variants.with_row_index("variant_number", offset=1)
    else:
        frame = found.timeline.with_columns(
            value=pl.when(pl.col("attribute_id").is_null()).then("event_type").otherwise("value"),
            attribute_id=pl.col("attribute_id").fill_null("EVENT_TYPE"),
        )
    return frame.with_columns(study_id=pl.lit(found.study_id))


ALTERATION_TYPES = {
    "mutations": "MUTATION_EXTENDED",
    "structural_variants": "STRUCTURAL_VARIANT",
    "timeline": "TIMELINE",
}


def alterations_part(cohort: Cohort, source: Source, kind: str) -> Step:
    """Mutations, structural variants or the timeline of one archive."""
    own, set_aside = further_address(cohort.id, kind), further_rejected_address(cohort.id, kind)
    table, alteration_type = TABLES[FURTHER_TABLES[kind]], ALTERATION_TYPES[kind]
    source_id = source.id

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        archive = inputs.externals[source_id].path
        found = read_alterations(archive, kinds=[alteration_type])
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
        externals=taken_with_its_clinical_tables(cohort, source),
        sources=[source.id],
        kinds=["python", "cbioportal"],
        tags={"cohort": cohort.id},
    )


def further_assets(registry: Registry) -> list[Step]:
    """Every share of every archive, and their unions."""
    cohorts = [c for c in registry.cohorts.values() if registry.sources[c.source].connector == "cbioportal"]
    assets: list[Step] = []
    for cohort in cohorts:
        for kind in FURTHER_TABLES:
            part = matrices_part if kind in FURTHER_MATRICES else alterations_part
            assets.append(part(cohort, registry.sources[cohort.source], kind))
    for kind, address in FURTHER_TABLES.items():
        assets.append(union_of(address, [further_address(cohort.id, kind) for cohort in cohorts]))
    return assets


def steps(registry: Registry) -> list[Step]:
    return further_assets(registry)
